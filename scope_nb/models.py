"""Classifiers of the kit: unfitted scikit-learn classifiers, and how to fit, save and load any of them."""

import copy
import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .files import whole
from .impute import ScopeImputer
from .keras_classifier import DMDT_COLUMN, KerasClassifier, match_columns, record_columns, training_rows
from .taxonomy import unknown

__all__ = [
    "DropColumns",
    "EvalSetPipeline",
    "contributions",
    "dnn",
    "fit",
    "load_model",
    "save_model",
    "scope_network",
    "xgb",
]

# What SCoPe trains its trees with, without its grid search
SCOPE_TREES = {
    **{"max_depth": 3, "min_child_weight": 1, "learning_rate": 0.3, "subsample": 0.6, "colsample_bytree": 0.6},
    **{"eval_metric": "auc", "early_stopping_rounds": 10},
}

MODEL_FILE = "model.skops"

# Classes that a model file may hold without being asked; skops itself adds scikit-learn's estimators.
TRUSTED = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "scope_nb.calibrate.Calibrated",
    "scope_nb.ensemble.Mean",
    "scope_nb.impute.ScopeImputer",
    "scope_nb.keras_classifier.KerasClassifier",
    "scope_nb.models.DropColumns",
    "scope_nb.models.EvalSetPipeline",
    "scope_nb.models.scope_network",
    "scope_nb.scope_files.ScopeTrees",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


class EvalSetPipeline(ClassifierMixin, BaseEstimator):
    """A transformer and a classifier in a row, where `eval_set` goes through the transformer too.

    Parameters
    ----------
    transformer : transformer
        Fitted on the training rows only. Where it can it hands on a DataFrame, so names reach the classifier.
    estimator : classifier
    validation_fraction : float
        Share of the rows that `fit` holds out as `eval_set`, stratified by class, when it gets none and the
        estimator takes one. 0 trains on all rows. Rows are drawn one by one, not star by star.
    seed : int
        Seed of that draw.

    Attributes
    ----------
    transformer_, estimator_ : fitted clones
    classes_, n_features_in_, feature_names_in_
    feature_importances_ : pandas.Series
        Where the estimator has them; indexed by feature name.
    """

    def __init__(self, transformer, estimator, *, validation_fraction=0.0, seed=42):
        self.transformer = transformer
        self.estimator = estimator
        self.validation_fraction = validation_fraction
        self.seed = seed

    def fit(self, X, y, sample_weight=None, eval_set=None, **fit_params):
        """Fit both; `eval_set` is a list of (X, y), `fit_params` go to the estimator."""
        record_columns(self, X)
        self.transformer_, self.estimator_ = clone(self.transformer), clone(self.estimator)
        if hasattr(self.transformer_, "set_output"):
            self.transformer_.set_output(transform="pandas")

        hold_out = self.validation_fraction if not eval_set and _eval_arguments(self.estimator_, []) else 0
        (X, y, weight), held_out = training_rows(X, y, sample_weight, hold_out, self.seed)
        eval_set = [held_out[:2]] if held_out else eval_set

        X = self.transformer_.fit_transform(X, y)
        if eval_set:
            pairs = [(self._transform(X_val), y_val) for X_val, y_val in eval_set]
            fit_params = {**_eval_arguments(self.estimator_, pairs), **fit_params}
        self.estimator_.fit(X, y, **{**_weight_argument(self.estimator_, weight), **fit_params})
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        """Probability of each class, shape (n, number of classes)."""
        return self.estimator_.predict_proba(self._transform(X))

    def predict(self, X):
        """The class of each row."""
        return self.estimator_.predict(self._transform(X))

    @property
    def feature_importances_(self):
        values = self.estimator_.feature_importances_
        return pd.Series(values, index=self.transformer_.get_feature_names_out(), name="importance")

    def _transform(self, X):
        check_is_fitted(self, "transformer_")
        # what DropColumns drops need not be there
        return self.transformer_.transform(X if hasattr(self.transformer_, "columns_") else match_columns(self, X))


class DropColumns(TransformerMixin, BaseEstimator):
    """Hands on a DataFrame without the columns whose names match `pattern`; by default without dmdt."""

    def __init__(self, pattern=DMDT_COLUMN):
        self.pattern = pattern

    def fit(self, X, y=None):
        record_columns(self, X)
        self.columns_ = [name for name in X.columns if not (self.pattern and re.search(self.pattern, name))]
        return self

    def transform(self, X):
        if missing := [name for name in self.columns_ if name not in X]:
            raise ValueError(f"X lacks {len(missing)} columns that the model was fitted on: {', '.join(missing)}")
        return X[self.columns_]

    def get_feature_names_out(self, input_features=None):
        return np.asarray(self.columns_, dtype=object)


def xgb(dmdt=False, impute=None, seed=42, n_jobs=None, **params):
    """Gradient-boosted trees; missing values need no imputation: each split sends them one way.

    Trees are added, at most 999, until the log loss of the validation part has not improved for 30 rounds; the
    best number of them is used. They learn more slowly than SCoPe's (`SCOPE_TREES`), which does better, see
    `tests/benchmarks/better.py`. Given no `eval_set`, `fit` holds out 10 % of its rows (stratified, seeded).

    Parameters
    ----------
    dmdt : bool
        Use the `dmdt_*` columns too.
    impute : {None, "scope"}
        "scope" fills gaps as SCoPe does (`impute.ScopeImputer`), without dmdt.
    seed : int
    n_jobs : int, optional
        Threads; all of them by default.
    **params
        Parameters of `xgboost.XGBClassifier` that replace the defaults; `eta` and `num_boost_round` are
        understood as well.

    Returns
    -------
    EvalSetPipeline
        Unfitted.
    """
    from xgboost import XGBClassifier

    native = {"eta": "learning_rate", "num_boost_round": "n_estimators"}
    params = {native.get(name, name): value for name, value in params.items()}
    _check_names(params, XGBClassifier().get_params(), "xgb")
    defaults = dict(
        max_depth=4,
        min_child_weight=2,
        learning_rate=0.1,
        subsample=0.8,
        colsample_bytree=0.5,
        objective="binary:logistic",
        eval_metric=["auc", "logloss"],  # the last one decides
        n_estimators=999,
        early_stopping_rounds=30,
        tree_method="hist",
        random_state=seed,
        n_jobs=n_jobs,
    )
    estimator = XGBClassifier(**{**defaults, **params})
    fraction = 0.1 if estimator.early_stopping_rounds else 0.0
    if impute not in (None, "scope") or (impute and dmdt):
        raise ValueError(f"impute is {impute!r}: choose None or, without dmdt, 'scope'")
    columns = ScopeImputer(seed=seed) if impute else DropColumns(None if dmdt else DMDT_COLUMN)
    return EvalSetPipeline(columns, estimator, validation_fraction=fraction, seed=seed)


def dnn(**params):
    """SCoPe's network: dense layers on the features, separable convolutions on dmdt if there is one.

    A 0/1 input tells for each feature with gaps where they are, unless `add_indicator` is False.

    Parameters
    ----------
    **params
        Parameters of `KerasClassifier` (`epochs`, `scaler`, `seed`, `verbose`, ...) or of
        `scope_network` (`dense`, `filters`, `dropout`, ...).

    Returns
    -------
    KerasClassifier
        Unfitted.
    """
    layers = set(inspect.signature(scope_network).parameters) - {"shapes"}
    own = set(inspect.signature(KerasClassifier).parameters) - {"build"}
    _check_names(params, layers | own, "dnn")
    build_params = {**(params.pop("build_params", None) or {})}
    build_params |= {name: params.pop(name) for name in layers & set(params)}
    return KerasClassifier(scope_network, build_params=build_params, **{"add_indicator": True, **params})


def scope_network(shapes, dense=(256, 32), filters=(16, 32), dropout=0.25, joint=16, joint_dropout=0.4):
    """The layers of `dnn`, uncompiled; one branch for each entry of `shapes`."""
    import keras
    from keras import layers
    from keras.layers import Dense, Dropout, SeparableConv2D

    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    branches = []
    if "features" in inputs:
        x = Dense(dense[0], activation="relu")(inputs["features"])
        x = Dropout(dropout)(x)
        branches.append(Dense(dense[1], activation="relu")(x))
    if "dmdt" in inputs:
        x = inputs["dmdt"]
        for block, n in enumerate(filters):
            x = layers.MaxPooling2D()(x) if block else x
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = Dropout(dropout)(x)
        branches.append(layers.GlobalAveragePooling2D()(x))
    x = layers.Concatenate()(branches) if len(branches) > 1 else branches[0]
    x = Dropout(joint_dropout)(x)
    x = Dense(joint, activation="relu")(x)
    return keras.Model(inputs, Dense(1, activation="sigmoid")(x))


def fit(model, train, val=None):
    """Fit `model` on `train`, with all of weights and validation part that its `fit` can take.

    Parameters
    ----------
    model : classifier
        Fitted in place. One without `fit`, trained elsewhere, is left as it is.
    train, val : objects with attributes X, y, weight
        `weight` may be None.

    Returns
    -------
    model
    """
    if not hasattr(model, "predict_proba"):
        raise TypeError(
            f"{type(model).__name__} has no predict_proba; scikit-learn's CalibratedClassifierCV gives it one"
        )
    if not hasattr(model, "fit"):
        return model
    arguments = _weight_argument(model, train.weight)
    if val is not None:
        arguments |= _eval_arguments(model, [(val.X, val.y)])
    model.fit(train.X, train.y, **arguments)
    return model


def contributions(model, X):
    """Return what each feature adds to the log-odds of each row: exact SHAP values of trees.

    Parameters
    ----------
    model : EvalSetPipeline
        As `xgb` makes it, fitted.
    X : pandas.DataFrame, shape (n, ...)

    Returns
    -------
    pandas.DataFrame, shape (n, n_features + 1)
        In natural logarithms; `bias` is the same for all rows. A row sums to log(p / (1 - p)). By xgboost itself
        (Lundberg et al. 2020, Nature Machine Intelligence 2, 56).

    Raises
    ------
    TypeError
        If the model is not made of xgboost's trees.
    """
    trees = getattr(model, "estimator_", None)
    if not hasattr(trees, "get_booster"):
        raise TypeError(f"{type(model).__name__} is not a fitted model of xgboost, whose trees can tell contributions")
    from xgboost import DMatrix

    X = model._transform(X)
    used = (0, getattr(trees, "best_iteration", trees.n_estimators - 1) + 1)
    values = trees.get_booster().predict(DMatrix(X), pred_contribs=True, iteration_range=used)
    return pd.DataFrame(values, X.index, [*X.columns, "bias"])


def save_model(model, folder):
    """Write a fitted model to `folder` and return the path of the file.

    Of a `KerasClassifier` with a network of your own, the trained network is saved but only the name of its
    `build` function: a loaded model predicts, and needs the function again to be trained again. A network
    with Lambda layers is refused, because its file would hold code.
    """
    model = copy.deepcopy(model)
    for network in _networks(model):
        if getattr(network.build, "__module__", None) != __name__:
            network.build = getattr(network.build, "__qualname__", str(network.build))
    path = Path(folder) / MODEL_FILE
    with whole(path) as part:
        skops.io.dump(model, part)
    return path


def _networks(part):
    """Find every `KerasClassifier` in a model: itself, its parameters, and what it fitted."""
    if isinstance(part, KerasClassifier):
        yield part
    elif isinstance(part, BaseEstimator):
        yield from _networks(list(vars(part).values()))
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _networks(inner)


def load_model(folder, trusted=()):
    """Read the model in `folder`; it may hold scikit-learn's types and those in `TRUSTED` or `trusted`."""
    path = Path(folder) / MODEL_FILE
    found = skops.io.get_untrusted_types(file=path)
    allowed = {*TRUSTED, *trusted, *(name for name in found if name.startswith("sklearn."))}
    if refused := sorted(set(found) - allowed):
        raise ValueError(
            f"{path} holds types that could run code of their own: {', '.join(refused)}. "
            f"If you know where the file comes from, call load_model(folder, trusted={refused})"
        )
    return skops.io.load(path, trusted=sorted(allowed))


def _fit_names(model):
    return inspect.signature(model.fit).parameters


def _weight_argument(model, weight):
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


def _eval_arguments(model, pairs):
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


def _check_names(given, valid, what):
    for name in given:
        if name not in valid:
            raise unknown(f"parameter of {what}()", name, valid)
