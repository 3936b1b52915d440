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
    model = models.fit(models.Folds(linear(), 4, seed=3), data.train, data.val)
    X = pd.concat([data.train.X, data.val.X], ignore_index=True)
    y, star = (np.concatenate([getattr(p, name) for p in (data.train, data.val)]) for name in ("y", "star"))
    deal = StratifiedGroupKFold(4, shuffle=True, random_state=3)
    known = cross_val_predict(linear(), X, y, groups=star, cv=deal, method="predict_proba")[:, 1]
    np.testing.assert_allclose(model.unseen_["probability"], known)
    apart = [linear().fit(X.iloc[rows], y[rows]).predict_proba(data.test.X) for rows, _ in deal.split(X, y, star)]
    np.testing.assert_allclose(model.predict_proba(data.test.X), np.mean(apart, axis=0))
    result = evaluate(model, data, by_star=False)
    assert result.unseen == ("train", "val")
    for name in result.unseen:
        np.testing.assert_allclose(result.part(name)["probability"], known[model.unseen_["part"] == name])
    assert result.threshold == pytest.approx(best_threshold(y, known), abs=0.15)
    assert (
        result.stats["train"]["average_precision"]
        < evaluate(linear().fit(X, y), data, by_star=False).stats["train"]["average_precision"]
    )


def test_importances_and_contributions_of_folds_are_means(data):
    model = models.fit(models.Folds(models.xgb(n_estimators=5, n_jobs=1), 3), data.train, data.val)
    assert model.feature_importances_.idxmax() in data.X.columns[:3]
    added = models.contributions(model, data.test.X)
    odds = [np.log(p[:, 1] / p[:, 0]) for p in (m.predict_proba(data.test.X) for m in model.models_)]
    np.testing.assert_allclose(added.sum(axis=1), np.mean(odds, axis=0), atol=1e-4)


def test_importances_of_any_trees_have_names(data):
    forest = models.fit(models.Folds(ExtraTreesClassifier(10, random_state=0), 2), data.train, data.val)
    assert forest.feature_importances_.idxmax() == "f1_power_ELS_ECE_EAOV"


def test_too_few_stars_and_trained_models_are_refused(data):
    with pytest.raises(ValueError, match=r"at least 2 and at most \d+, the stars of the rarer kind"):
        models.fit(models.Folds(linear(), 10_000), data.train, data.val)
    trained = type("Trained", (), {"predict_proba": None})()
    with pytest.raises(ValueError, match="Trained is trained already"):
        models.Folds(trained).fit(data.train, data.val)


def test_a_warm_start_and_folds_exclude_each_other(data):
    with pytest.raises(ValueError, match="folds cannot go on from a saved network"):
        models.fit(models.Folds(models.dnn(start_from="there")), data.train, data.val)
