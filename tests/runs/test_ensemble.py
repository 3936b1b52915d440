"""Means of saved runs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from scope_nb import models, report, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.runs import ensemble, leaderboard, resume
from scope_nb.scores.evaluation import evaluate


@pytest.fixture(scope="module")
def data(table):
    return Dataset.from_table(
        table, "rrlyr", features=["wstd", "skew", "f1_power_ELS_ECE_EAOV"], derived=False, dmdt=False
    )


def linear():
    return make_pipeline(SimpleImputer(), LogisticRegression(C=0.01, max_iter=1000))


def test_an_ensemble_is_the_mean_and_a_run_like_any(two):
    made = ensemble.average_all(["xgb", "dnn"], "g", two)
    assert [run.name for run in made] == ["g/xgb+dnn/rrlyr"]
    members = [runs.load_run(f"g/{name}/rrlyr", two).evaluation.predictions for name in ("xgb", "dnn")]
    mean = (members[0]["probability"] + members[1]["probability"]) / 2
    np.testing.assert_allclose(made[0].evaluation.predictions["probability"], mean, rtol=1e-12)
    assert sorted(leaderboard.group_runs(two)["algorithm"]) == ["dnn", "xgb", "xgb+dnn"]
    assert leaderboard.agreement(leaderboard.group_runs(two))["runs"].tolist() == ["dnn, xgb"]
    with pytest.raises(ValueError, match=r"no tag of group 'g' has runs of rnn; algorithms there: dnn, xgb"):
        ensemble.average_all(["rnn"], "g", two)


def test_a_mean_knows_its_members_by_content(two, make_world, save_predictions):
    (mean,) = ensemble.average_all(["xgb", "dnn"], "g", two)
    made = (mean.folder / "stats.json").stat().st_ino
    star, y, (a, b) = make_world(np.random.default_rng(0), 600, gain=1.5)

    def is_kept():
        ensemble.average_all(["xgb", "dnn"], "g", two)
        return (mean.folder / "stats.json").stat().st_ino == made

    save_predictions(two / "g/xgb/rrlyr", star, y, a, time="2099-01-01T00:00:00")  # the same again
    assert is_kept() and not runs.load_runs(two)["replaced"].any()
    save_predictions(two / "g/xgb/rrlyr", star, y, b, time="2001-01-01T00:00:00")  # another, though it says older
    listed = leaderboard.group_runs(two, "g")
    assert listed.set_index("algorithm")["replaced"].to_dict() == {"dnn": [], "xgb": [], "xgb+dnn": ["g/xgb/rrlyr"]}
    assert "xgb+dnn, of runs that were replaced" in set(leaderboard.score_table(listed)["algorithm"])
    assert "of runs that were replaced" in report.write_index(two).read_text(encoding="utf-8")
    for name in ("html", "ipynb"):
        (mean.folder / f"report.{name}").write_text('{"cells": [], "metadata": {}, "nbformat": 4}', encoding="utf-8")
    request = {"parameters": {}, "data": "1", "inputs": {}, "cells": []}
    assert "a run that it is the mean of was replaced" in resume.find_changes(mean.folder, request)
    assert not is_kept() and not runs.load_runs(two)["replaced"].any()


def test_a_damaged_member_costs_no_other_mean(two, make_world, save_predictions):
    star, y, (a, b) = make_world(np.random.default_rng(0), 600, gain=1.5)
    for name, p in (("xgb", a), ("dnn", b)):
        save_predictions(two / f"g/{name}/vnv", star, y, p, tag="vnv")
    save_predictions(two / "other", star, y, b)
    (two / "other/predictions.parquet").replace(two / "g/xgb/rrlyr/predictions.parquet")
    with pytest.warns(UserWarning, match=r"rrlyr is not averaged: the run .*g/xgb/rrlyr is damaged: .* do not belong"):
        assert [run.tag for run in ensemble.average_all(["xgb", "dnn"], "g", two)] == ["vnv"]


def test_a_folded_run_is_calibrated_saved_and_averaged_on_what_is_unseen(data, table, tmp_path):
    for name, model in (("xgb", models.xgb(n_estimators=20, n_jobs=1)), ("mine", linear())):
        trained = models.fit(model, data, folds=3, calibration="sigmoid")
        assert trained.unseen["probability"].mean() == pytest.approx(trained.unseen["y"].mean(), abs=0.02)
        runs.save_run(tmp_path / "g" / name / "rrlyr", trained, evaluate(trained, data), data)
        again = models.load_model(tmp_path / "g" / name / "rrlyr" / "model")
        np.testing.assert_array_equal(again.predict_proba(data.test.X), trained.model.predict_proba(data.test.X))
        assert not hasattr(again, "unseen_")
    _, mean_evaluation = ensemble.average(["g/xgb/rrlyr", "g/mine/rrlyr"], tmp_path)
    mean = np.mean(
        [runs.load_run(f"g/{n}/rrlyr", tmp_path).evaluation.predictions["probability"] for n in ("xgb", "mine")], 0
    )
    np.testing.assert_allclose(mean_evaluation.predictions["probability"], mean)
    assert mean_evaluation.unseen == ("train", "val")
    plain = linear().fit(data.train.X, data.train.y)
    runs.save_run(tmp_path / "g/plain/rrlyr", plain, evaluate(plain, data), data)
    assert ensemble.average(["g/xgb/rrlyr", "g/plain/rrlyr"], tmp_path)[1].unseen == ("val",)


def test_a_mean_is_not_judged_on_a_data_set_cut_in_another_way(table, tmp_path):
    cuts = [Dataset.from_table(table, "rrlyr", derived=False, dmdt=False, balance=1, seed=seed) for seed in (1, 2)]
    for name in ("a", "b"):
        trained = models.fit(linear(), cuts[0], folds=3, calibration="none")
        runs.save_run(tmp_path / "g" / name / "rrlyr", trained, evaluate(trained, cuts[0]), cuts[0])
    mean, mean_evaluation = ensemble.average(["g/a/rrlyr", "g/b/rrlyr"], tmp_path, cuts[0])
    assert mean.members == ("g/a/rrlyr", "g/b/rrlyr")
    pd.testing.assert_frame_equal(evaluate(mean, cuts[0]).predictions, mean_evaluation.predictions)
    ensemble.save_average(["g/a/rrlyr", "g/b/rrlyr"], tmp_path)
    assert runs.load_runs(tmp_path)["simulated"].tolist() == [False] * 3  # though nobody named the data
    with pytest.raises(ValueError, match="other light curves of the train part"):
        evaluate(mean, cuts[1])
    fewer = Dataset.from_table(table, "rrlyr", threshold=0.8, derived=False, dmdt=False)
    for other, difference in ((cuts[1], "have other parts"), (fewer, "(light curves differ|have other labels)")):
        with pytest.raises(ValueError, match=f"cut in another way than the runs: .*{difference}"):
            ensemble.average(["g/a/rrlyr", "g/b/rrlyr"], tmp_path, other)


def test_a_mean_sees_what_any_of_its_members_sees(table, tmp_path):
    for name, derived in (("a", False), ("b", True)):
        cut = Dataset.from_table(table, "rrlyr", derived=derived, dmdt=False)
        model = linear().fit(cut.train.X, cut.train.y)
        runs.save_run(tmp_path / "g" / name / "rrlyr", model, evaluate(model, cut), cut)
    for order in ("ab", "ba"):
        mean = ensemble.save_average([f"g/{name}/rrlyr" for name in order], tmp_path)
        found = runs.apply_run(mean, table)["probability"]
        own = mean.evaluation.predictions
        np.testing.assert_allclose(found.iloc[own["row"]], own["probability"])


def test_a_mean_is_of_two_runs_of_the_given_table(data, tmp_path):
    table = tmp_path / "table.parquet"
    table.write_bytes(b"one")
    for name in ("a", "b"):
        trained = models.fit(linear(), data)
        runs.save_run(tmp_path / "g" / name / "rrlyr", trained, evaluate(trained, data), data, data=table)
    members = ["g/a/rrlyr", "g/b/rrlyr"]
    trained, evaluation = ensemble.average(members, tmp_path, replace(data, path=table))
    folder = runs.save_run(tmp_path / "g/a+b/rrlyr", trained, evaluation, data, data=table)
    assert runs.load_run(folder).record["members"] == members
    fewer = replace(data, X=data.X.drop(columns="skew"))
    with pytest.raises(ValueError, match="skew"):
        runs.save_run(folder, trained, evaluation, fewer, data=table)
    table.write_bytes(b"other")
    with pytest.raises(ValueError, match=r"was trained on other data than table\.parquet"):
        ensemble.average(members, tmp_path, replace(data, path=table))
    with pytest.raises(ValueError, match="at least two runs"):
        ensemble.average(members[:1], tmp_path)
