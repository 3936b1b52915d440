"""Checks of what could flatter a score."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.scores import checks
from scope_nb.scores.evaluation import Evaluation, evaluate_predictions


def test_false_positives_are_traced_to_the_labels_that_they_have(table):
    dataset = Dataset.from_table(table, "rrlyr")
    eclipsing = table["eclipsing"].to_numpy()[dataset.row] > 0.5
    frame = pd.DataFrame({"row": dataset.row, "star": dataset.star, "part": dataset.part, "y": dataset.y})
    frame["probability"] = np.where((dataset.y == 1) | eclipsing, 0.9, 0.1)
    result = evaluate_predictions("rrlyr", frame, 0.5)
    found = checks.contamination(result, table)
    assert found.index[0] == "eclipsing"
    assert found.loc["eclipsing", ["rate", "share"]].tolist() == [1, 1]
    assert found.loc["non-variable", "false_positives"] == 0
    assert "variable" not in found.index  # each of these has a more specific label


def test_deceptively_good_is_noticed_and_not_by_chance():
    rng, warned = np.random.default_rng(3), {0.05: 0, 0.25: 0}
    for rate in warned:
        for _ in range(200):
            parts = [("dropped", rate, 400), ("test", 0.05, 200)]
            rows = [
                pd.DataFrame({"star": np.repeat([f"{name}{k}" for k in range(n)], 2), "part": name, "y": 0}).assign(
                    probability=np.repeat(rng.random(n) < p, 2).astype(float)
                )
                for name, p, n in parts
            ]
            frame = pd.concat(rows)
            check = checks.check_dropped_negatives(Evaluation("vnv", 0.5, frame, {}))
            warned[rate] += check.warns
    assert warned[0.05] <= 20  # of 200, at a level of 5 %
    assert warned[0.25] >= 198
    learned = frame[frame["part"] == "dropped"].assign(part="train", y=1)  # the same stars, but for other votes
    assert checks.check_dropped_negatives(Evaluation("vnv", 0.5, pd.concat([frame, learned]), {})) is None


def test_seeds_spread_and_a_leak_shows(table):
    """Where each star has a signature that says nothing of other stars, only a split by light curve rewards it."""
    dataset = Dataset.from_table(table, "rrlyr", features=["wstd"], dmdt=False)
    spread = checks.score_over_seeds(models.xgb(n_estimators=20, n_jobs=1), dataset, 3)
    assert spread.loc["spread", "average_precision"] == pytest.approx(spread["average_precision"][:3].std())
    rng = np.random.default_rng(0)
    signed = table.assign(wstd=np.repeat(rng.normal(size=len(table) // 2), 2), skew=np.repeat(rng.random(400), 2))
    model = models.xgb(n_estimators=300, max_depth=8, early_stopping_rounds=None, n_jobs=1)
    dataset = Dataset.from_table(signed, "rrlyr", features=["wstd", "skew"], derived=False, dmdt=False)
    shown = checks.measure_leak(model, dataset)
    ap = shown["average_precision"].str.split().str[0].replace("-", np.nan).astype(float)
    assert ap.loc["split by light curve, as SCoPe"] > ap.loc["split by star"] + 0.2
    counts = shown["light curves"]
    assert counts.iloc[1] == counts.iloc[2] + counts.iloc[3]
