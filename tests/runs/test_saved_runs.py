"""Runs are written whole and read back."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_parquet
from scope_nb.scores.evaluation import evaluate


class OneFeature(LogisticRegression):
    """A classifier that knows one feature only; its `names` have nothing to do with members of an ensemble."""

    names = None

    def fit(self, X, y, sample_weight=None):
        return super().fit(X[["f1_power_ELS_ECE_EAOV"]], y, sample_weight)

    def predict_proba(self, X):
        return super().predict_proba(X[["f1_power_ELS_ECE_EAOV"]])


@pytest.fixture(scope="module")
def dataset(table):
    return Dataset.from_table(table, "rrlyr")


@pytest.fixture(scope="module")
def model(dataset):
    return OneFeature().fit(dataset.train.X, dataset.train.y)


def test_a_run_is_saved_and_read(dataset, model, table, tmp_path):
    result = evaluate(model, dataset)
    data = tmp_path / "table.parquet"
    data.write_bytes(b"x")
    simple = models.fit(models.xgb(n_estimators=20), dataset, calibration="none").model
    folder = runs.save_run(tmp_path / "reports/g/xgb/rrlyr", simple, result, dataset, {"tag": "rrlyr"}, data=data)
    assert sorted(p.name for p in folder.iterdir()) == [
        "model",
        "predictions.parquet",
        "provenance.json",
        "stats.json",
    ]
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    assert stats["f1_score"] == stats["test"]["f1_score"] == result.stats["test"]["f1_score"]
    low, high = stats["test"]["interval"]["f1_score"]
    assert low <= stats["f1_score"] <= high
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
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

    result = evaluate(model, dataset)
    folder = tmp_path / "reports/g/lr/rrlyr"
    folder.mkdir(parents=True)
    (folder / "stats.json").write_text("{}", encoding="utf-8")
    with pytest.raises(OSError, match="disk full"):
        runs.save_run(folder, model, result, dataset, figures={"roc": Unwritable()})
    assert [p.name for p in folder.parent.iterdir()] == ["rrlyr"]
    assert (folder / "stats.json").read_text(encoding="utf-8") == "{}"  # the older run is untouched
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="cannot write"):
        runs.save_run(tmp_path / "file" / "g" / "lr" / "rrlyr", model, result, dataset)


def test_what_two_runs_were_made_with_is_told_where_it_differs(two):
    for name, C, folds in (("xgb", 1.0, 1), ("dnn", 10.0, 5)):
        run = runs.load_run(f"g/{name}/rrlyr", two)
        model = LogisticRegression(C=C, tol=1e-3).fit([[0.0], [1.0]], [0, 1])
        more = {"parameters": {"folds": folds, "tag": "rrlyr", "group": name}, "versions": {"numpy": "2", name: "1"}}
        runs.write_run(run.folder, run.evaluation, run.record | more, model)
    found = runs.compare_settings("g/xgb/rrlyr", "g/dnn/rrlyr", two)
    assert found.index.tolist() == ["folds", "model"]
    assert found.loc["folds"].tolist() == ["1", "5"]
    assert found.loc["model"].tolist() == ["", "C=10.0"]  # 1.0 is the usual C, and the tolerance is the same
    assert runs.compare_settings("g/xgb/rrlyr", "g/xgb/rrlyr", two).empty


def test_a_calibrated_model_is_saved_and_keeps_what_it_learned(table, tmp_path):
    dataset = Dataset.from_table(table, "rrlyr")
    trained = models.fit(models.xgb(n_estimators=20), dataset, calibration="sigmoid")
    runs.save_run(tmp_path / "g/xgb/rrlyr", trained, evaluate(trained, dataset), dataset)
    again = models.load_model(tmp_path / "g/xgb/rrlyr/model")
    np.testing.assert_array_equal(again.predict_proba(dataset.X), trained.model.predict_proba(dataset.X))
    shares = runs.load_run("g/xgb/rrlyr", tmp_path).importances
    assert next(iter(shares)) == trained.raw.feature_importances_.idxmax()
    assert sum(shares.values()) == pytest.approx(1)


def test_a_model_with_names_is_no_ensemble(dataset, model, tmp_path):
    with pytest.warns(UserWarning, match="OneFeature"):  # a class of one's own
        folder = runs.save_run(tmp_path / "g/mine/rrlyr", model, evaluate(model, dataset), dataset)
    assert "members" not in runs.load_run(folder).record
