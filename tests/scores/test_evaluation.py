"""Thresholds, words and mistakes of one model."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from scope_nb.dataset.dataset import Dataset
from scope_nb.models.fitting import Trained
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
    return Oracle().fit(dataset.train.X, dataset.train.y)


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
    beside = evaluate.beside_published(result)
    assert list(beside.index) == ["this model", "everything positive", "SCoPe DNN, published", "SCoPe XGB, published"]
    assert beside.loc["SCoPe XGB, published", "precision"] == "0.949"
    share = dataset.test.y.mean()
    assert float(beside.loc["everything positive", "f1_score"]) == pytest.approx(2 * share / (1 + share), abs=1e-3)
    assert "the classifier is clearly better" in evaluate.describe_scores(result)
    assert "take the intervals seriously" in evaluate.describe_scores(result)


def test_mistakes_are_on_the_wrong_side(dataset, model, table):
    result = evaluate.evaluate(model, dataset)
    worst = evaluate.mistakes(result, table, most=5)
    assert ((worst["probability"] > result.threshold) != (worst["y"] == 1)).all()
    assert (np.diff((worst["probability"] - worst["y"]).abs()) <= 0).all()
    assert set(worst["row"]) <= set(dataset.test.row)


def test_unseen_probabilities_are_matched_by_row(dataset, model):
    val = dataset.val
    unseen = pd.DataFrame({"row": val.row, "star": val.star, "part": "val", "y": val.y, "probability": val.row / 1e4})
    trained = Trained(model, model, "none", unseen.sample(frac=1, random_state=0))
    result = evaluate.evaluate(trained, dataset, by_star=False)
    np.testing.assert_array_equal(result.part("val")["probability"], val.row / 1e4)
    plain = evaluate.evaluate(model, dataset, by_star=False)
    np.testing.assert_array_equal(result.part("test")["probability"], plain.part("test")["probability"])
    assert result.unseen == plain.unseen == ("val",)
    for other in (unseen[1:], unseen.assign(y=1 - unseen["y"]), unseen.assign(row=unseen["row"] + 1)):
        with pytest.raises(ValueError, match="other light curves of the val part"):
            evaluate.evaluate(Trained(model, model, "none", other), dataset)
