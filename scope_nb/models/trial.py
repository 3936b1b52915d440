"""A classifier is tried on few light curves before it is trained on all."""

import copy
import warnings
from types import SimpleNamespace

import pandas as pd

from .fitting import fit_model
from .keras_classifier import KerasClassifier


def try_model(model, dataset, most=300):
    """Train a copy of a classifier on at most so many light curves, so that an error shows at once what is wrong.

    The model itself is left as it is; of a network one epoch is trained. See `fit_model` for the errors.
    """
    __tracebackhide__ = True  # IPython leaves this frame out: what counts is the cell and the message
    trial = copy.deepcopy(model)  # a clone would need get_params
    if isinstance(trial, KerasClassifier):
        trial.set_params(epochs=1, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come when all is trained
        fit_model(trial, _first_of_each_class(dataset.train, most), _first_of_each_class(dataset.val, most))


def _first_of_each_class(part, most):
    """Return X, y and weight of few light curves, as many of each class as there are."""
    classes = pd.Series(part.y).groupby(part.y)
    rows = classes.head(most // classes.ngroups).index
    return SimpleNamespace(
        X=part.X.iloc[rows], y=part.y[rows], weight=None if part.weight is None else part.weight[rows]
    )
