"""Folds of stars: every light curve judged by the model that has not seen it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.runs import ensemble
from scope_nb.scores.evaluation import best_threshold, evaluate


@pytest.fixture(scope="module")
def data(table):
    return Dataset.from_table(
        table, "rrlyr", features=["wstd", "skew", "f1_power_ELS_ECE_EAOV"], derived=False, dmdt=False
    )


def linear():
    return make_pipeline(SimpleImputer(), LogisticRegression(C=0.01))


def test_unseen_probabilities_are_those_of_a_cross_validation(data):
    trained = models.fit(linear(), data, folds=4, calibration="none", seed=3)
    model, unseen = trained.model, trained.unseen
    X = pd.concat([data.train.X, data.val.X], ignore_index=True)
    y, star = (np.concatenate([getattr(p, name) for p in (data.train, data.val)]) for name in ("y", "star"))
    deal = StratifiedGroupKFold(4, shuffle=True, random_state=3)
    known = cross_val_predict(linear(), X, y, groups=star, cv=deal, method="predict_proba")[:, 1]
    np.testing.assert_allclose(unseen["probability"], known)
    apart = [linear().fit(X.iloc[rows], y[rows]).predict_proba(data.test.X) for rows, _ in deal.split(X, y, star)]
    np.testing.assert_allclose(model.predict_proba(data.test.X), np.mean(apart, axis=0))
    result = evaluate(trained, data, by_star=False)
    assert result.unseen == ("train", "val")
    for name in result.unseen:
        np.testing.assert_allclose(result.part(name)["probability"], known[unseen["part"] == name])
    assert result.threshold == pytest.approx(best_threshold(y, known), abs=0.15)
    assert (
        result.stats["train"]["average_precision"]
        < evaluate(linear().fit(X, y), data, by_star=False).stats["train"]["average_precision"]
    )


def test_a_folded_run_is_calibrated_saved_and_averaged_on_what_is_unseen(data, table, tmp_path):
    for name, model in (("xgb", models.xgb(n_estimators=20, n_jobs=1)), ("mine", linear())):
        trained = models.fit(model, data, folds=3, calibration="sigmoid")
        assert trained.unseen["probability"].mean() == pytest.approx(trained.unseen["y"].mean(), abs=0.02)
        runs.save_run(tmp_path / "g" / name / "rrlyr", trained, evaluate(trained, data), data)
        again = models.load_model(tmp_path / "g" / name / "rrlyr" / "model")
        np.testing.assert_array_equal(again.predict_proba(data.test.X), trained.model.predict_proba(data.test.X))
    made = ensemble.average(["g/xgb/rrlyr", "g/mine/rrlyr"], tmp_path)
    mean = np.mean(
        [runs.load_run(f"g/{n}/rrlyr", tmp_path).evaluation.predictions["probability"] for n in ("xgb", "mine")], 0
    )
    np.testing.assert_allclose(made.evaluation.predictions["probability"], mean)
    assert made.evaluation.unseen == ("train", "val")
    plain = models.fit(linear(), data)
    runs.save_run(tmp_path / "g/plain/rrlyr", plain, evaluate(plain, data), data)
    assert ensemble.average(["g/xgb/rrlyr", "g/plain/rrlyr"], tmp_path).evaluation.unseen == ("val",)


def test_importances_and_contributions_of_folds_are_means(data):
    model = models.fit(models.xgb(n_estimators=5, n_jobs=1), data, folds=3).raw
    assert model.feature_importances_.idxmax() in data.X.columns[:3]
    added = models.shap_values(model, data.test.X)
    odds = [np.log(p[:, 1] / p[:, 0]) for p in (m.predict_proba(data.test.X) for m in model.models)]
    np.testing.assert_allclose(added.sum(axis=1), np.mean(odds, axis=0), atol=1e-4)


def test_importances_of_any_trees_have_names(data):
    forest = models.fit(ExtraTreesClassifier(10, random_state=0), data, folds=2).model
    assert forest.feature_importances_.idxmax() == "f1_power_ELS_ECE_EAOV"


def test_a_mean_is_not_judged_on_a_data_set_cut_in_another_way(table, tmp_path):
    cuts = [Dataset.from_table(table, "rrlyr", derived=False, dmdt=False, balance=1, seed=seed) for seed in (1, 2)]
    for name in ("a", "b"):
        trained = models.fit(linear(), cuts[0], folds=3)
        runs.save_run(tmp_path / "g" / name / "rrlyr", trained, evaluate(trained, cuts[0]), cuts[0])
    mean = ensemble._mean([runs.load_run(f"g/{name}/rrlyr", tmp_path) for name in ("a", "b")])
    kept = ensemble.average(["g/a/rrlyr", "g/b/rrlyr"], tmp_path)
    pd.testing.assert_frame_equal(evaluate(mean, cuts[0]).predictions, kept.evaluation.predictions)
    assert runs.load_runs(tmp_path)["simulated"].tolist() == [False] * 3  # though nobody named the data
    with pytest.raises(ValueError, match="other light curves of the train part"):
        evaluate(mean, cuts[1])


def test_a_mean_sees_what_any_of_its_members_sees(table, tmp_path):
    for name, derived in (("a", False), ("b", True)):
        cut = Dataset.from_table(table, "rrlyr", derived=derived, dmdt=False)
        model = models.fit(linear(), cut)
        runs.save_run(tmp_path / "g" / name / "rrlyr", model, evaluate(model, cut), cut)
    for order in ("ab", "ba"):
        mean = ensemble.average([f"g/{name}/rrlyr" for name in order], tmp_path)
        found = runs.classify(mean, table)["probability"]
        own = mean.evaluation.predictions
        np.testing.assert_allclose(found.iloc[own["row"]], own["probability"])


def test_too_few_stars_and_trained_models_are_refused(data):
    with pytest.raises(ValueError, match=r"at least 2 and at most \d+, the stars of the rarer kind"):
        models.fit(linear(), data, folds=10_000)
    trained = type("Trained", (), {"predict_proba": None})()
    with pytest.raises(ValueError, match="Trained is trained already"):
        models.fit_folds(trained, data.train, data.val, 5)


def test_a_warm_start_and_folds_exclude_each_other(data):
    with pytest.raises(ValueError, match="folds cannot go on from a saved network"):
        models.fit(models.dnn(start_from="there"), data, folds=5)
