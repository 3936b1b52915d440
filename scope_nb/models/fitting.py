"""How any classifier is trained: with weights and validation part, in folds of stars, and calibrated."""

import inspect
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import shorten
from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length
from tqdm.auto import tqdm

from ..dataset.columns import REFUSED
from ..taxonomy import unknown
from .calibration import METHODS, Calibrated, ProbabilityClassifier, choose_method
from .requirements import check_classifier, check_probabilities, raise_explained
from .saving import described

# What XGBoost and LightGBM say of names of columns that they do not take
NAMES_REFUSED = "feature_names must be string|special JSON characters in feature name"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained classifier, and its predictions for light curves that it has not learned from.

    `unseen` has the columns `row`, `star`, `part`, `y` and `probability` (calibrated; of several classes one column for
    each, see `probability_names`), of the validation part; with folds, of the training part too. Of several classes,
    `model.classes_` are the names.
    """

    model: object  # fitted, its probabilities calibrated
    raw: object  # the same before calibration; `model` itself where nothing was calibrated
    method: str  # of the calibration: "isotonic", "sigmoid" or "none"
    unseen: pd.DataFrame
    members: tuple[str, ...] = ()  # the runs that the model is the mean of, as GROUP/ALGORITHM/TAG
    contents: tuple[str, ...] = ()  # the SHA-256 of the predictions of each

    def __repr__(self):
        model = shorten(described(self.raw), 120, placeholder=" ...")
        return f"Trained {model}; calibration: {self.method}; {len(self.unseen):,} unseen light curves"


def fit(model, dataset, folds=1, calibration="auto", seed=42, progress=True):
    """Train a classifier on a data set, calibrate its probabilities, and return it as a `Trained`.

    Parameters
    ----------
    model : classifier
        Fitted in place where there are no folds. One without `fit`, trained elsewhere, is taken as it is. A `TypeError`
        if it is a class, or cannot predict probabilities.
    dataset : Dataset
    folds, seed : int
        1 trains once, on the training part alone. With 5, the stars of the training and the validation part are dealt
        into five folds; five clones each learn from four folds and stop on the fifth, and their mean is the model.
        Calibration and threshold then rest on the light curves of both parts, each judged by the clone that has not
        seen its star. It is a `ValueError` if there are fewer stars of either kind than folds.
    calibration : {"auto", "isotonic", "sigmoid", "none"}
        "auto" chooses by the number of light curves and stars, see `calibration.choose_method`.
    progress : bool
        Show how many folds are done, and for how long the model has been training.
    """
    if calibration not in METHODS:
        raise unknown("calibration", calibration, METHODS)
    if folds > 1 and hasattr(model, "fit"):
        raw, unseen, probability = fit_folds(model, dataset.train, dataset.val, folds, seed, progress)
    else:
        with show_time(progress=progress):
            raw = fit_model(model, dataset.train, dataset.val)
        unseen, probability = _unseen(val=dataset.val), raw.predict_proba(dataset.val.X)
    y, model, names = unseen["y"].to_numpy(), raw, list(dataset.classes)
    method = choose_method(y, unseen["star"]) if calibration == "auto" else calibration
    columns = name_probabilities(probability, names)
    if method != "none" or names:
        model = Calibrated(raw, method, names or None).learn(probability, y)
        columns = name_probabilities(model.transform(probability), names)
    return Trained(model, raw, method, unseen.join(columns))


def probability_names(classes):
    """Return the names of columns of probabilities: one for each of several classes, else "probability"."""
    return [f"probability {name}" for name in classes] or ["probability"]


def name_probabilities(probability, classes):
    """Return probabilities, shape (n, number of classes), as named columns: of two without names only the second."""
    probability, n_classes = np.asarray(probability), len(classes) or 2
    if probability.shape[1] != n_classes:
        raise ValueError(f"the model has {probability.shape[1]} classes, but the data set has {n_classes}")
    return pd.DataFrame(probability if classes else probability[:, 1:], columns=probability_names(classes))


def fit_model(model, train, val=None):
    """Fit `model` in place, with all of weights and validation part that its `fit` can take, and return it.

    Of the parts `train` and `val` X, y and weight (which may be None) are used. A model without `fit`, trained
    elsewhere, is left as it is. A `TypeError` or `ValueError` says what a model lacks, see `requirements`.
    """
    __tracebackhide__ = True
    check_classifier(model)
    if hasattr(model, "fit"):
        weights = weight_argument(model, train.weight)
        others = {} if val is None else eval_arguments(model, [(val.X, val.y)])
        try:
            model.fit(train.X, train.y, **weights, **others)
        except Exception as error:
            if re.search(NAMES_REFUSED, str(error)):
                raise _refused_names(model, train.X) from error
            # only some of those that pass arguments on say what they take
            refuses_weights = isinstance(error, TypeError | ValueError) and "sample_weight" in str(error)
            if not (weights and refuses_weights):
                raise_explained(model, error)
            warnings.warn(f"{type(model).__name__} takes no sample_weight: weights are ignored", stacklevel=2)
            model.fit(train.X, train.y, **others)
    check_probabilities(model, (train if val is None else val).X.iloc[:50], len(np.unique(train.y)))
    return model


def _refused_names(model, X):
    """Return the `ValueError` for a model of one's own that refuses names of columns; for the kit's they are mapped."""
    renamed = {name: re.sub(REFUSED, "_", str(name)) for name in X.columns}
    renamed = {name: plain for name, plain in renamed.items() if name != plain}
    return ValueError(
        f"{type(model).__name__} refuses characters in the names of columns: {', '.join(map(str, renamed))}. Rename "
        f"them in the table before it is read: table.rename(columns={renamed})"
    )


def fit_folds(model, train, val, n_folds, seed=42, progress=True):
    """Fit a clone of `model` per fold of the stars of two parts.

    Return their `Mean`, `unseen` without probabilities, and these, uncalibrated, of shape (n, number of classes).
    """
    if not hasattr(model, "fit"):
        raise ValueError(f"{type(model).__name__} is trained already: folds are for models trained here")
    if getattr(model, "start_from", None) is not None:
        raise ValueError("folds cannot go on from a saved network: it has seen the stars that they are judged on")
    X, unseen = pd.concat([train.X, val.X], ignore_index=True), _unseen(train=train, val=val)
    n_classes = max(unseen["y"].max(), 1) + 1
    fewest = unseen.groupby("y")["star"].nunique().reindex(range(n_classes), fill_value=0).min()
    if not 2 <= n_folds <= fewest:
        raise ValueError(f"folds must be at least 2 and at most {fewest}, the stars of the rarest kind")
    y = unseen["y"].to_numpy()
    weight = None if train.weight is None else np.concatenate([train.weight, val.weight])
    probability, clones = np.zeros((len(y), n_classes)), []
    deal = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with show_time(n_folds, progress) as bar:
        for learned, kept in deal.split(X, y, unseen["star"]):
            some = None if weight is None else weight[learned]
            lesson = SimpleNamespace(X=X.iloc[learned], y=y[learned], weight=some)
            clones.append(fit_model(clone(model), lesson, SimpleNamespace(X=X.iloc[kept], y=y[kept])))
            probability[kept] = clones[-1].predict_proba(X.iloc[kept])
            bar.update()
    return Mean(clones), unseen, probability


@contextmanager
def show_time(folds=1, progress=True):
    """Show for how long a model has been training, and how many folds are done: a bar whose clock always runs."""
    text, done = "trained for {elapsed}" + (", {n_fmt} of {total_fmt} folds" if folds > 1 else ""), Event()
    with tqdm(total=folds, bar_format=text, disable=not progress, delay=1) as bar:

        def tick():
            while not done.wait(1):
                bar.refresh()

        clock = Thread(target=tick, daemon=True)
        clock.start()
        try:
            yield bar
        finally:
            done.set()
            clock.join()


def _unseen(**parts):
    """Return row, star, part and y of the light curves of parts of a data set, by name, one after the other."""
    tables = [pd.DataFrame({"row": p.row, "star": p.star, "part": name, "y": p.y}) for name, p in parts.items()]
    return pd.concat(tables, ignore_index=True)


class Mean(ProbabilityClassifier):
    """The mean of the probabilities of a list of fitted classifiers, each on its columns; it has no `fit`."""

    def __init__(self, models):
        self.models = models

    @property
    def classes_(self):
        return self.models[0].classes_

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, number of classes)."""
        inputs = [X.filter(getattr(model, "feature_names_in_", X.columns)) for model in self.models]
        return np.mean([model.predict_proba(X) for model, X in zip(self.models, inputs, strict=True)], axis=0)

    @property
    def feature_importances_(self):
        """The mean of the importances, where the classifiers have them; a pandas.Series by feature."""
        return pd.concat([named_importances(model) for model in self.models], axis=1).mean(axis=1)


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
    return map(part, train_test_split(rows, test_size=fraction, stratify=y[rows], random_state=seed))


def weight_argument(model, weight):
    """Return `weight` as a keyword argument of `model.fit`; nothing, with a warning, if that takes none."""
    if weight is None:
        return {}
    step, last = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    parameters = inspect.signature(last.fit).parameters.values()
    if any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters):
        return {f"{step}__sample_weight" if step else "sample_weight": np.asarray(weight)}
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
