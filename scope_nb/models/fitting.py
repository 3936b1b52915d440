"""How any classifier is trained: with weights and validation part, in folds of stars, and calibrated."""

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

from ..taxonomy import unknown
from .calibration import METHODS, Calibrated, choose_method


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained classifier, and its predictions for light curves that it has not learned from.

    Parameters
    ----------
    model : classifier
        Fitted; its probabilities are calibrated.
    raw : classifier
        The same before calibration; `model` itself where nothing was calibrated.
    method : {"isotonic", "sigmoid", "none"}
        Of the calibration.
    unseen : pandas.DataFrame
        `row`, `star`, `part`, `y` and `probability` (calibrated) of the validation part; with folds, of the training
        part too.
    members : tuple of str
        The runs that the model is the mean of, as GROUP/ALGORITHM/TAG.
    """

    model: object
    raw: object
    method: str
    unseen: pd.DataFrame
    members: tuple[str, ...] = ()


def fit(model, dataset, folds=1, calibration="auto", seed=42):
    """Train a classifier on a data set, and calibrate its probabilities.

    With `folds`, the stars of the training and the validation part are dealt into so many folds. Each of as many clones
    stops its training on one fold and learns from the others; their mean is the model. Every light curve of both parts
    then has a probability from the clone that has not seen its star, and calibration and threshold rest on all of them,
    ten times as many as the validation part has.

    Parameters
    ----------
    model : classifier
        Fitted in place where there are no folds. One without `fit`, trained elsewhere, is taken as it is.
    dataset : Dataset
    folds : int
        1 trains once, on the training part alone.
    calibration : {"auto", "isotonic", "sigmoid", "none"}
        "auto" chooses by the number of light curves and stars, see `calibration.choose_method`.
    seed : int
        Of the deal into folds.

    Returns
    -------
    Trained

    Raises
    ------
    TypeError
        If the model is a class, or cannot predict probabilities.
    ValueError
        If there are fewer stars of either kind than folds, or training goes on from a saved network in folds.
    """
    if calibration not in METHODS:
        raise unknown("calibration", calibration, METHODS)
    if folds > 1 and hasattr(model, "fit"):
        raw, unseen = fit_folds(model, dataset.train, dataset.val, folds, seed)
    else:
        raw = fit_model(model, dataset.train, dataset.val)
        unseen = _predictions(["val"], [dataset.val], raw.predict_proba(dataset.val.X)[:, 1])
    y, star, probability = (unseen[name].to_numpy() for name in ("y", "star", "probability"))
    method = choose_method(y, star) if calibration == "auto" else calibration
    if method == "none":
        return Trained(raw, raw, method, unseen)
    calibrated = Calibrated(raw, method).learn(probability, y)
    return Trained(calibrated, raw, method, unseen.assign(probability=calibrated.transform(probability)))


def fit_model(model, train, val=None):
    """Fit `model` on `train`, with all of weights and validation part that its `fit` can take, and return it.

    Parameters
    ----------
    model : classifier
        Fitted in place. One without `fit`, trained elsewhere, is left as it is.
    train, val : Part
        Of them X, y and weight are used; `weight` may be None.
    """
    if inspect.isclass(model):
        raise TypeError(f"the model is the class {model.__name__}, not one of it: write {model.__name__}()")
    if hasattr(model, "fit"):
        weights = weight_argument(model, train.weight)
        others = {} if val is None else eval_arguments(model, [(val.X, val.y)])
        try:
            model.fit(train.X, train.y, **weights, **others)
        except (TypeError, ValueError) as error:  # only some of those that pass arguments on say what they take
            if not weights or "sample_weight" not in str(error):
                raise
            warnings.warn(f"{type(model).__name__} takes no sample_weight: weights are ignored", stacklevel=2)
            model.fit(train.X, train.y, **others)
    if not hasattr(model, "predict_proba"):  # a pipeline or stack knows only now
        raise TypeError(
            f"{type(model).__name__} has no predict_proba; scikit-learn's CalibratedClassifierCV gives it one"
        )
    return model


def fit_folds(model, train, val, n_folds, seed=42):
    """Fit a clone of `model` for each of several folds of the stars of two parts; see `fit`.

    Returns
    -------
    Mean
        Of the fitted clones.
    pandas.DataFrame
        As `Trained.unseen`, not calibrated: each light curve is judged by the clone that has not seen its star.
    """
    if not hasattr(model, "fit"):
        raise ValueError(f"{type(model).__name__} is trained already: folds are for models trained here")
    if getattr(model, "start_from", None) is not None:
        raise ValueError("folds cannot go on from a saved network: it has seen the stars that they are judged on")
    X = pd.concat([train.X, val.X], ignore_index=True)
    y, star = (np.concatenate([getattr(part, name) for part in (train, val)]) for name in ("y", "star"))
    weight = None if train.weight is None else np.concatenate([train.weight, val.weight])
    fewest = min(len(set(star[y == kind])) for kind in (0, 1))
    if not 2 <= n_folds <= fewest:
        raise ValueError(f"folds must be at least 2 and at most {fewest}, the stars of the rarer kind")
    probability, clones = np.zeros(len(y)), []
    deal = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for learned, kept in deal.split(X, y, star):
        parts = (
            SimpleNamespace(X=X.iloc[rows], y=y[rows], weight=None if weight is None else weight[rows])
            for rows in (learned, kept)
        )
        clones.append(fit_model(clone(model), *parts))
        probability[kept] = clones[-1].predict_proba(X.iloc[kept])[:, 1]
    return Mean(clones), _predictions(["train", "val"], [train, val], probability)


def _predictions(names, parts, probability):
    """Return the probabilities of the light curves of some parts, one after the other, as `Trained.unseen`."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "star", "y")}
    columns["part"] = np.repeat(names, [len(part.y) for part in parts])
    return pd.DataFrame({**columns, "probability": probability})[["row", "star", "part", "y", "probability"]]


class Mean(ClassifierMixin, BaseEstimator):
    """The mean of the probabilities of classifiers that are fitted already; it has no `fit`.

    Parameters
    ----------
    models : list of classifier
        Each takes from a DataFrame the columns that it was fitted on.
    """

    def __init__(self, models):
        self.models = models

    @property
    def classes_(self):
        """The two classes."""
        return np.array([0, 1])

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, 2)."""
        return np.mean([model.predict_proba(_columns_of(model, X)) for model in self.models], axis=0)

    def predict(self, X):
        """Return the class of each row at a probability of 0.5."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)

    @property
    def feature_importances_(self):
        """The mean of the importances, where the classifiers have them; a pandas.Series by feature."""
        return pd.concat([named_importances(model) for model in self.models], axis=1).mean(axis=1)


def _columns_of(model, X):
    """Return the columns that a model knows by name, where X has them all."""
    names = getattr(model, "feature_names_in_", None)
    return X if names is None or not {*names} <= {*getattr(X, "columns", ())} else X[list(names)]


def named_importances(model):
    """Return the importances of a fitted model by the names of its features, where it knows these."""
    values = model.feature_importances_
    names = getattr(model, "feature_names_in_", range(len(values)))
    return values if isinstance(values, pd.Series) else pd.Series(np.asarray(values, float), names)


def training_rows(X, y, sample_weight, fraction, seed):
    """Return rows to train on and, if `fraction` > 0, rows held out (else None), each as (X, y, weight).

    Rows of weight zero are left out altogether, so that they cannot move a median or a bin edge either.
    """
    check_consistent_length(X, y, sample_weight)
    y = np.asarray(y)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)

    def part(rows):
        some = X if len(rows) == len(y) else X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
        return some, y[rows], None if sample_weight is None else weight[rows]

    rows = np.flatnonzero(weight)
    if not fraction:
        return part(rows), None
    train, held_out = train_test_split(rows, test_size=fraction, stratify=y[rows], random_state=seed)
    return part(train), part(held_out)


def weight_argument(model, weight):
    """Return `weight` as a keyword argument of `model.fit`; nothing, with a warning, if that takes none."""
    if weight is None:
        return {}
    prefix, last = "", model
    if isinstance(model, Pipeline):  # its **params wants the name of the step
        step, last = model.steps[-1]
        prefix = f"{step}__"
    parameters = inspect.signature(last.fit).parameters
    if "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {f"{prefix}sample_weight": np.asarray(weight)}
    warnings.warn(f"{type(last).__name__}.fit takes no sample_weight: weights are ignored", stacklevel=3)
    return {}


def eval_arguments(model, pairs):
    """Return the validation pairs as keyword arguments of `model.fit`; nothing if that takes none."""
    names = inspect.signature(model.fit).parameters
    if {"eval_X", "eval_y"} <= set(names):  # newer LightGBM
        arguments = {"eval_X": tuple(X for X, _ in pairs), "eval_y": tuple(y for _, y in pairs)}
    elif "eval_set" in names:
        arguments = {"eval_set": pairs}
    else:
        return {}
    if "verbose" in names and names["verbose"].default is True:  # XGBoost prints a line for every tree
        arguments["verbose"] = False
    return arguments
