"""Saved runs of two classifiers of the same stars."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import runs
from scope_nb.scores.evaluation import evaluate_predictions


@pytest.fixture(scope="session")
def save_predictions():
    """A function that writes a run of probabilities."""
    return write_predictions


def write_predictions(folder, star, y, p, tag="rrlyr", data="1", threshold=0.5, time="2026-01-01T00:00:00"):
    """Write a run of which half of the stars are in the test part."""
    part = np.where(pd.to_numeric(star) % 2, "test", np.where(pd.to_numeric(star) % 4, "train", "val"))
    frame = pd.DataFrame({"row": np.arange(len(y)), "star": star, "part": part, "y": y, "probability": p})
    evaluation = evaluate_predictions(tag, frame, threshold)
    record = {"time": time, "data": {"file": "t.parquet", "sha256": data, "simulated": False}}
    return runs.write_run(folder, evaluation, record)


@pytest.fixture
def two(tmp_path, request, make_world):
    star, y, (a, b) = make_world(np.random.default_rng(0), getattr(request, "param", 600), gain=1.5)
    write_predictions(tmp_path / "g/xgb/rrlyr", star, y, a)
    write_predictions(tmp_path / "g/dnn/rrlyr", star, y, b)
    return tmp_path
