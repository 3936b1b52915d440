"""What is asked of a classifier, with errors that say what a model of one's own lacks and what to do."""

import inspect
import re

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.pipeline import Pipeline

GAPS_REFUSED = r"NaN|missing value|infinity"  # what classifiers say that take no missing values


def check_classifier(model):
    """Raise a `TypeError` for what cannot be trained as a classifier."""
    __tracebackhide__ = True
    if inspect.isclass(model):
        raise TypeError(f"the model is the class {model.__name__}, not one of it: write {model.__name__}()")
    if inspect.isfunction(model):
        raise TypeError(f"the model is a function: if it builds a network, write KerasClassifier({model.__name__})")
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if isinstance(last, RegressorMixin):
        name = type(last).__name__
        hint = name.replace("Regressor", "Classifier") if "Regressor" in name else "a classifier"
        raise TypeError(f"the model {name} is a regressor, which gives no probabilities: take {hint}")
    if not hasattr(model, "fit") and not hasattr(model, "predict_proba"):
        raise TypeError(f"the model {model!r} has neither fit nor predict_proba: put a classifier into `model`")


def raise_explained(model, error):
    """Raise, in place of an error that came from `fit` or `predict_proba` of a model, one that says what to do."""
    __tracebackhide__ = True
    name = type(model).__name__
    if re.search(GAPS_REFUSED, str(error)):
        raise ValueError(
            f"the model {name} takes no missing values, which many features have. Fill them first: "
            "make_pipeline(SimpleImputer(), StandardScaler(), ...) of scikit-learn, or take a classifier that can do "
            f"without, such as LGBMClassifier or HistGradientBoostingClassifier. It says: {str(error).splitlines()[0]}"
        ) from None
    kind = TypeError if isinstance(error, TypeError) else ValueError
    raise kind(f"the model {name} failed, {type(error).__name__}: {error}") from error


def check_probabilities(model, X, n_classes):
    """Raise an error if a fitted model does not return a probability of each class, shape (n, n_classes)."""
    __tracebackhide__ = True
    name = type(model).__name__
    if not hasattr(model, "predict_proba"):  # a pipeline or stack knows only after fit
        hint = "write it, or let scikit-learn's CalibratedClassifierCV make probabilities of its decisions"
        raise TypeError(f"the model {name} has no predict_proba: {hint}")
    try:
        values = np.asarray(model.predict_proba(X), float)
    except Exception as error:
        raise_explained(model, error)
    wanted = f"predict_proba of the model {name} must return an array of shape ({len(X)}, {n_classes}) here, one column"
    if values.shape != (len(X), n_classes):
        hint = " If p is that of the second class: np.column_stack([1 - p, p])." if n_classes == 2 else ""
        raise ValueError(f"{wanted} for each class, but its shape is {values.shape}.{hint}")
    low, high, far = values.min(), values.max(), np.abs(values.sum(axis=1) - 1).max()
    if not (low > -1e-3 and high < 1 + 1e-3 and far < 1e-2):  # NaN is none of it
        raise ValueError(
            f"{wanted} for each class, from 0 to 1 and 1 in sum, but its values go from {low:.3g} to {high:.3g} and "
            f"miss that sum by up to {far:.2g}. A network ends in Dense(1, activation='sigmoid')"
        )
