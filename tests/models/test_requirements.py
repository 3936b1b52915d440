"""What is typically wrong with a model of one's own is said in plain words, and costs no training on all the data."""

import re
import time
import types

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from scope_nb import Dataset, models


class Own:
    """A classifier as a participant may write it; `answer` is what its `predict_proba` returns for n light curves."""

    n_seen = 0

    def __init__(self, answer=lambda n: np.full((n, 2), 0.5)):
        self.answer = answer

    def fit(self, X, y):
        self.n_seen = len(X)

    def predict_proba(self, X):
        return self.answer(len(X))


class Buggy(Own):
    def fit(self, X, y):
        X["periood"]


def linear_network(shapes):
    keras = models.load_keras()
    inputs = keras.Input(shapes["features"], name="features")
    return keras.Model(inputs, keras.layers.Dense(1)(inputs))


@pytest.fixture(scope="module")
def data(table):
    dataset = Dataset.from_table(table, "rrlyr")
    dataset.X.iloc[::7, 0] = np.nan
    return dataset


MISTAKES = {
    "a class": (LogisticRegression, r"write LogisticRegression\(\)"),
    "a function": (linear_network, r"write KerasClassifier\(linear_network\)"),
    "nothing": (None, "the model None has neither fit nor predict_proba"),
    "a regressor": (make_pipeline(SimpleImputer(), RandomForestRegressor()), "take RandomForestClassifier"),
    "decisions only": (make_pipeline(SimpleImputer(), SVC()), "has no predict_proba: .*CalibratedClassifierCV"),
    "gaps": (make_pipeline(StandardScaler(), LogisticRegression()), "takes no missing values.*SimpleImputer"),
    "one column": (Own(lambda n: np.full(n, 0.5)), r"shape \(50, 2\) .* is \(50,\).*column_stack"),
    "no answer": (Own(lambda n: None), r"shape \(50, 2\)"),
    "no numbers": (Own(lambda n: np.full((n, 2), np.nan)), "from 0 to 1"),
    "a bug": (Buggy(), "the model Buggy failed, KeyError: 'periood'"),
    "a network without sigmoid": (models.KerasClassifier(linear_network), "ends in Dense.1, activation='sigmoid'"),
}


@pytest.mark.parametrize("model, message", MISTAKES.values(), ids=list(MISTAKES))
def test_what_is_wrong_with_a_model_is_said(data, model, message):
    with pytest.raises((TypeError, ValueError), match=message):
        models.try_model(model, data)
    if not isinstance(model, models.KerasClassifier):  # which would train all of its epochs
        with pytest.raises((TypeError, ValueError), match=message):
            models.fit(model, data, progress=False)


def test_a_trial_leaves_the_model_as_it_is(data):
    model = Own()  # its fit returns None, which is enough
    models.try_model(model, data)
    assert model.n_seen == 0
    models.fit(model, data, progress=False)
    assert model.n_seen == len(data.train.y)


def test_the_clock_runs_while_a_model_trains(data, capsys):
    slow = Own()
    slow.fit = lambda X, y: time.sleep(2.5)
    part = types.SimpleNamespace(train=data.train, val=data.val, classes=())
    models.fit(slow, part)
    assert len(set(re.findall(r"trained for [\d:]+", capsys.readouterr().err))) > 1
    models.fit(slow, part, progress=False)
    assert capsys.readouterr().err == ""
