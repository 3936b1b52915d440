"""Folds of stars: every light curve judged by the model that has not seen it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
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


def test_importances_and_contributions_of_folds_are_means(data):
    model = models.fit(models.xgb(n_estimators=5, n_jobs=1), data, folds=3).raw
    assert model.feature_importances_.idxmax() in data.X.columns[:3]
    added = models.shap_values(model, data.test.X)
    odds = [np.log(p[:, 1] / p[:, 0]) for p in (m.predict_proba(data.test.X) for m in model.models)]
    np.testing.assert_allclose(added.sum(axis=1), np.mean(odds, axis=0), atol=1e-4)


def test_importances_of_any_trees_have_names(data):
    forest = models.fit(ExtraTreesClassifier(10, random_state=0), data, folds=2).model
    assert forest.feature_importances_.idxmax() == "f1_power_ELS_ECE_EAOV"


def test_too_few_stars_and_trained_models_are_refused(data):
    with pytest.raises(ValueError, match=r"at least 2 and at most \d+, the stars of the rarest kind"):
        models.fit(linear(), data, folds=10_000)
    trained = type("Trained", (), {"predict_proba": None})()
    with pytest.raises(ValueError, match="Trained is trained already"):
        models.fit_folds(trained, data.train, data.val, 5)


def test_a_warm_start_and_folds_exclude_each_other(data):
    with pytest.raises(ValueError, match="folds cannot go on from a saved network"):
        models.fit(models.dnn(start_from="there"), data, folds=5)
