"""How any classifier is fitted: once, or once for each of several folds of stars."""

import inspect
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length


def training_rows(X, y, sample_weight, fraction, seed):
    """Rows to train on and, if `fraction` > 0, rows held out (else None), each as (X, y, weight).

    Rows of weight zero are left out altogether, so that they cannot move a median or a bin edge either.
    """
    check_consistent_length(X, y, sample_weight)
    y = np.asarray(y)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)

    def part(rows):
        some = X if len(rows) == len(y) else X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        return some, y[rows], None if sample_weight is None else weight[rows]

    rows = np.flatnonzero(weight)
    if not fraction:
        return part(rows), None
    train, held_out = train_test_split(rows, test_size=fraction, stratify=y[rows], random_state=seed)
    return part(train), part(held_out)


def fit(model, train, val=None):
    """Fit `model` on `train`, with all of weights and validation part that its `fit` can take.

    Parameters
    ----------
    model : classifier
        Fitted in place. One without `fit`, trained elsewhere, is left as it is.
    train, val : Part
        Of them X, y and weight are used, and star by `Folds`; `weight` may be None.

    Returns
    -------
    model
    """
    if isinstance(model, Folds):
        return model.fit(train, val)
    if inspect.isclass(model):
        raise TypeError(f"the model is the class {model.__name__}, not one of it: write {model.__name__}()")
    of_default = getattr(model, "final_estimator", model) is None  # a stack tells only after fit what its last step can
    if not hasattr(model, "predict_proba") and not of_default:
        raise TypeError(
            f"{type(model).__name__} has no predict_proba; scikit-learn's CalibratedClassifierCV gives it one"
        )
    if not hasattr(model, "fit"):
        return model
    weights = weight_argument(model, train.weight)
    others = {} if val is None else eval_arguments(model, [(val.X, val.y)])
    try:
        model.fit(train.X, train.y, **weights, **others)
    except (TypeError, ValueError) as error:  # only some of those that pass arguments on say what they take
        if not weights or "sample_weight" not in str(error):
            raise
        warnings.warn(f"{type(model).__name__} takes no sample_weight: weights are ignored", stacklevel=2)
        model.fit(train.X, train.y, **others)
    return model


class Average(ClassifierMixin, BaseEstimator):
    """What averages the probabilities of fitted classifiers, its `models_`."""

    @property
    def classes_(self):
        """The two classes."""
        return np.array([0, 1])

    def predict_proba(self, X):
        """Probability of each class, shape (n, 2); each model sees the columns that it was fitted on."""
        return np.mean([model.predict_proba(_own(model, X)) for model in self.models_], axis=0)

    def predict(self, X):
        """The class of each row at a probability of 0.5."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


class Mean(Average):
    """A classifier that averages the probabilities of others, which are fitted already; it has no `fit`.

    Parameters
    ----------
    models : list of classifier
        Each takes from a DataFrame the columns that it was fitted on.
    names : list of str
        Where they come from: GROUP/ALGORITHM/TAG.

    Attributes
    ----------
    unseen_ : dict of str to numpy.ndarray
        As of `fitting.Folds`, where `mean_model` made it.
    """

    def __init__(self, models, names=()):
        self.models = models
        self.names = names

    @property
    def models_(self):
        return self.models


def _own(model, X):
    """Return the columns that a model knows by name, where they are all there."""
    names = getattr(model, "feature_names_in_", None)
    return X if names is None or not {*names} <= {*getattr(X, "columns", ())} else X[list(names)]


class Folds(Average):
    """Several clones of a classifier, whose probabilities are averaged (bagging by cross-validation).

    The stars of the training and the validation part are dealt into folds. Each clone stops its training on one fold
    and learns from the others. So every light curve gets a probability from the clone that has not seen its star, and
    calibration and threshold rest on all of them, ten times as many as the validation part has.

    Parameters
    ----------
    model : classifier
        Unfitted.
    n_folds : int
    seed : int
        Of the deal.

    Attributes
    ----------
    models_ : list of fitted clones
    unseen_ : dict of str to numpy.ndarray
        `part` ("train" or "val"), `star`, `y` and `probability` of every light curve, in the order of the two parts.
    feature_importances_ : pandas.Series
        The mean, where the clones have them.
    """

    def __init__(self, model, n_folds=5, seed=42):
        self.model = model
        self.n_folds = n_folds
        self.seed = seed

    def fit(self, train, val):
        """Fit the clones on two `Part`s.

        Raises
        ------
        ValueError
            If there are fewer stars of either kind than folds, or the model was trained before.
        """
        if not hasattr(self.model, "fit"):
            raise ValueError(f"{type(self.model).__name__} is trained already: folds are for models trained here")
        if getattr(self.model, "start_from", None) is not None:
            raise ValueError("folds cannot go on from a saved network: it has seen the stars that they are judged on")
        X = pd.concat([train.X, val.X], ignore_index=True)
        y, star = (np.concatenate([getattr(part, name) for part in (train, val)]) for name in ("y", "star"))
        weight = None if train.weight is None else np.concatenate([train.weight, val.weight])
        fewest = min(len(set(star[y == kind])) for kind in (0, 1))
        if not 2 <= self.n_folds <= fewest:
            raise ValueError(f"folds must be at least 2 and at most {fewest}, the stars of the rarer kind")
        probability, self.models_ = np.zeros(len(y)), []
        deal = StratifiedGroupKFold(self.n_folds, shuffle=True, random_state=self.seed)
        for learned, kept in deal.split(X, y, star):
            parts = (
                SimpleNamespace(X=X.iloc[rows], y=y[rows], weight=None if weight is None else weight[rows])
                for rows in (learned, kept)
            )
            self.models_.append(fit(clone(self.model), *parts))
            probability[kept] = self.models_[-1].predict_proba(X.iloc[kept])[:, 1]
        part = np.repeat(["train", "val"], [len(train.y), len(val.y)])
        self.unseen_ = {"part": part, "star": star, "y": y, "probability": probability}
        return self

    @property
    def feature_importances_(self):
        return pd.concat([named_importances(model) for model in self.models_], axis=1).mean(axis=1)


def named_importances(model):
    """Return the importances of a fitted model by the names of its features, where it knows these."""
    values = model.feature_importances_
    names = getattr(model, "feature_names_in_", range(len(values)))
    return values if isinstance(values, pd.Series) else pd.Series(np.asarray(values, float), names)


def _fit_names(model):
    return inspect.signature(model.fit).parameters


def weight_argument(model, weight):
    """`weight` as a keyword argument of `model.fit`; empty, with a warning, if that takes none."""
    if weight is None:
        return {}
    prefix, last = "", model
    if isinstance(model, Pipeline):  # its **params wants the name of the step
        step, last = model.steps[-1]
        prefix = f"{step}__"
    parameters = _fit_names(last)
    if "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {f"{prefix}sample_weight": np.asarray(weight)}
    warnings.warn(f"{type(last).__name__}.fit takes no sample_weight: weights are ignored", stacklevel=3)
    return {}


def eval_arguments(model, pairs):
    """The validation pairs as keyword arguments of `model.fit`; empty if that takes none."""
    names = _fit_names(model)
    if {"eval_X", "eval_y"} <= set(names):  # newer LightGBM
        arguments = {"eval_X": tuple(X for X, _ in pairs), "eval_y": tuple(y for _, y in pairs)}
    elif "eval_set" in names:
        arguments = {"eval_set": pairs}
    else:
        return {}
    if "verbose" in names and names["verbose"].default is True:  # XGBoost prints a line for every tree
        arguments["verbose"] = False
    return arguments


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted classifier, and what it says of light curves that it has not seen. ..."""

    model: object
    raw: object
    method: str
    unseen: pd.DataFrame
    members: tuple = ()
