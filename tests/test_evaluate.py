import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_parquet
from scope_nb.scores import evaluation as evaluate


class Oracle(LogisticRegression):
    """A classifier that knows one feature only."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X[["f1_power_ELS_ECE_EAOV"]], y, sample_weight)

    def predict_proba(self, X):
        return super().predict_proba(X[["f1_power_ELS_ECE_EAOV"]])


@pytest.fixture(scope="module")
def dataset(table):
    return Dataset.from_table(table, "rrlyr")


@pytest.fixture(scope="module")
def model(dataset):
    return models.fit(Oracle(), dataset.train, dataset.val)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_scikit_learns(ties, weighted):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 300)
    p = np.clip(0.4 * y + rng.random(300) * 0.6, 0.001, 0.999)
    p = np.round(p, 1).clip(0.1, 0.9) if ties else p
    weight = rng.integers(0, 4, 300) if weighted else None
    got = evaluate.scores(y, p, 0.55, weight)
    called = (p > 0.55).astype(int)
    expected = {
        "accuracy": metrics.accuracy_score(y, called, sample_weight=weight),
        "precision": metrics.precision_score(y, called, sample_weight=weight),
        "recall": metrics.recall_score(y, called, sample_weight=weight),
        "f1_score": metrics.f1_score(y, called, sample_weight=weight),
        "roc_auc": metrics.roc_auc_score(y, p, sample_weight=weight),
        "average_precision": metrics.average_precision_score(y, p, sample_weight=weight),
        "brier_score": metrics.brier_score_loss(y, p, sample_weight=weight),
        "log_loss": metrics.log_loss(y, p, sample_weight=weight),
    }
    assert got == pytest.approx(expected, rel=1e-10)


def test_undefined_scores_are_nan():
    nothing = evaluate.scores([0, 0, 1], [0.1, 0.2, 0.3], 0.5)
    assert np.isnan(nothing["precision"])
    assert nothing["recall"] == 0
    assert nothing["f1_score"] == 0
    assert np.isnan(evaluate.scores([0, 0], [0.1, 0.9])["roc_auc"])


def test_intervals_hold_what_they_promise():
    """About 95 % of samples of stars have an interval with the truth in it, though each star counts five times."""
    rng = np.random.default_rng(0)
    stars, copies, truth = 150, 5, 0.8  # a star is found in all its light curves or in none
    hits = 0
    for _ in range(200):
        found = rng.random(stars) < truth
        p = np.repeat(np.where(found, 0.9, 0.1), copies)
        y = np.ones(stars * copies, int)
        low, high = evaluate.intervals(y, p, np.repeat(np.arange(stars), copies), 0.5)["recall"]
        hits += low <= truth <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_a_perfect_score_is_not_certain():
    y, star = np.repeat([1, 0], 20), np.repeat(np.arange(20), 2)
    interval = evaluate.intervals(y, y * 0.8 + 0.1, star, 0.5)
    low, high = interval["recall"]
    assert high == 1
    assert low == pytest.approx(scipy.stats.binomtest(10, 10).proportion_ci(method="wilson").low, abs=1e-4)
    assert interval["accuracy"][0] > low  # twenty stars say more than ten


def test_a_single_mistake_leaves_an_interval_like_wilsons():
    y, star = np.repeat([1, 0], 20), np.arange(40)
    p = np.where(y == 1, 0.9, 0.1)
    p[0] = 0.2
    low, high = evaluate.intervals(y, p, star, 0.5)["recall"]
    wilson = scipy.stats.binomtest(19, 20).proportion_ci(method="wilson")
    np.testing.assert_allclose([low, high], [wilson.low, wilson.high], atol=0.08)


def test_losses_of_two_stars_stay_possible():
    y, p = np.repeat([1, 0], [4, 400]), np.repeat([0.9, 0.6, 0.001], [2, 2, 400])
    found = evaluate.intervals(y, p, np.arange(404) // 2, 0.5)
    for metric, worst in (("brier_score", 1.0), ("log_loss", -np.log(1e-15))):
        assert evaluate.scores(y, p)[metric] < found[metric][1] <= worst


def test_threshold_maximises_f1():
    rng = np.random.default_rng(4)
    y = (rng.random(400) < 0.2).astype(int)
    p = np.clip(0.3 * y + 0.7 * rng.random(400), 0, 1)
    chosen = evaluate.best_threshold(y, p)
    best = max(metrics.f1_score(y, p > cut) for cut in np.linspace(0, 1, 2001))
    assert metrics.f1_score(y, p > chosen) >= best - 1e-12
    assert 0.1 < evaluate.best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9])) < 0.9


def test_steady_threshold_does_better_on_other_stars():
    """Chosen on 10 positive stars, it is closer to the best that a threshold can do on 50,000."""

    def sample(rng, stars):
        y = np.repeat((rng.random(stars) < 0.05).astype(int), 2)
        z = 4 * y + np.repeat(rng.normal(size=stars), 2) + 0.7 * rng.normal(size=2 * stars) - 4
        return y, 1 / (1 + np.exp(-z)), np.repeat(np.arange(stars), 2)

    rng = np.random.default_rng(0)
    y, p, _ = sample(rng, 50_000)
    steady, single = [], []
    for _ in range(60):
        own = sample(rng, 200)
        steady.append(metrics.f1_score(y, p > evaluate.steady_threshold(*own)))
        single.append(metrics.f1_score(y, p > evaluate.best_threshold(*own[:2])))
    assert np.mean(steady) > np.mean(single) + 0.005, (np.mean(steady), np.mean(single))


def test_threshold_ignores_the_test_part(dataset, model):
    first = evaluate.evaluate(model, dataset)
    flipped = np.where(dataset.part == "test", 1 - dataset.y, dataset.y)
    other = Dataset(dataset.tag, dataset.label, dataset.X, flipped, None, dataset.star, dataset.part, dataset.row)
    assert evaluate.evaluate(model, other).threshold == first.threshold


def test_comparison_and_words(dataset, model):
    result = evaluate.evaluate(model, dataset)
    beside = evaluate.comparison(result)
    assert list(beside.index) == ["this model", "everything positive", "SCoPe DNN, published", "SCoPe XGB, published"]
    assert beside.loc["SCoPe XGB, published", "precision"] == "0.949"
    share = dataset.test.y.mean()
    assert float(beside.loc["everything positive", "f1_score"]) == pytest.approx(2 * share / (1 + share), abs=1e-3)
    assert "the classifier is clearly better" in evaluate.reading(result)
    assert "take the intervals seriously" in evaluate.reading(result)


def test_mistakes_are_on_the_wrong_side(dataset, model, table):
    result = evaluate.evaluate(model, dataset)
    worst = evaluate.mistakes(result, table, most=5)
    assert ((worst["probability"] > result.threshold) != (worst["y"] == 1)).all()
    assert (np.diff((worst["probability"] - worst["y"]).abs()) <= 0).all()
    assert set(worst["row"]) <= set(dataset.test.row)


def test_a_run_is_saved_and_read(dataset, model, table, tmp_path):
    result = evaluate.evaluate(model, dataset)
    data = tmp_path / "table.parquet"
    data.write_bytes(b"x")
    simple = models.fit(models.xgb(n_estimators=20), dataset.train, dataset.val)
    folder = runs.save_run(tmp_path / "reports/g/xgb/rrlyr", simple, result, dataset, {"tag": "rrlyr"}, data)
    assert sorted(p.name for p in folder.iterdir()) == [
        "model",
        "predictions.parquet",
        "provenance.json",
        "stats.json",
    ]
    stats = json.loads((folder / "stats.json").read_text())
    assert stats["f1_score"] == stats["test"]["f1_score"] == result.stats["test"]["f1_score"]
    low, high = stats["test"]["interval"]["f1_score"]
    assert low <= stats["f1_score"] <= high
    record = json.loads((folder / "provenance.json").read_text())
    assert record["data"]["sha256"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert record["parameters"] == {"tag": "rrlyr"}
    pd.testing.assert_frame_equal(read_parquet(folder / "predictions.parquet"), result.predictions)
    found = runs.load_runs(tmp_path / "reports")
    assert found[["group", "algorithm", "tag"]].to_numpy().tolist() == [["g", "xgb", "rrlyr"]]
    again = models.load_model(folder / "model")
    np.testing.assert_array_equal(again.predict_proba(dataset.X), simple.predict_proba(dataset.X))


def test_a_run_is_whole_or_not_at_all(dataset, model, tmp_path):
    class Unwritable:
        def savefig(self, *args, **kwargs):
            raise OSError("disk full")

    result = evaluate.evaluate(model, dataset)
    folder = tmp_path / "reports/g/lr/rrlyr"
    folder.mkdir(parents=True)
    (folder / "stats.json").write_text("{}")
    with pytest.raises(OSError, match="disk full"):
        runs.save_run(folder, model, result, dataset, figures={"roc": Unwritable()})
    assert [p.name for p in folder.parent.iterdir()] == ["rrlyr"]
    assert (folder / "stats.json").read_text() == "{}"  # the older run is untouched
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        runs.save_run(tmp_path / "file" / "g" / "lr" / "rrlyr", model, result, dataset)
