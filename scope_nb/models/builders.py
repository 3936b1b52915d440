"""Classifiers of the kit: unfitted scikit-learn classifiers, and how to fit, save and load any of them."""

import inspect

import pandas as pd

from ..dataset.columns import CURVE_COLUMN, NUMBERED
from ..taxonomy import find_tag, tags, unknown
from .fitting import Folds
from .keras_classifier import KerasClassifier
from .networks import rnn_network, scope_network, strided_network
from .preprocessing import DropColumns, EvalSetPipeline, ScopeImputer
from .saving import described

# The names that runs of the kit's own models have, and which classifier or layers make each
ALGORITHMS = {
    **{"xgb": ("XGBClassifier",), "forest": ("ExtraTreesClassifier",), "scope": ("ScopeTrees",)},
    **{"dnn": ("strided_network", "scope_network"), "rnn": ("rnn_network",), "scope_dnn": ("scope_network",)},
}


NETWORKS = {"strided": strided_network, "scope": scope_network}


# What SCoPe trains its trees with, without its grid search
SCOPE_TREES = {
    **{"max_depth": 3, "min_child_weight": 1, "learning_rate": 0.3, "subsample": 0.6, "colsample_bytree": 0.6},
    **{"eval_metric": "auc", "early_stopping_rounds": 10},
}


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
        eval_metric="logloss",
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
    columns = ScopeImputer(seed=seed) if impute else DropColumns(CURVE_COLUMN if dmdt else NUMBERED)
    return EvalSetPipeline(columns, estimator, validation_fraction=fraction, seed=seed)


def forest(seed=42, n_jobs=None, **params):
    """A forest of extremely randomised trees (Geurts et al. 2006, Machine Learning 63, 3), without dmdt.

    On 2,500 real Catalina stars it does a little better than boosted trees, and so does the mean of both, `xgb+forest`;
    on the simulated survey neither beats `xgb` (`tests/benchmarks/better.py`).

    Parameters
    ----------
    seed : int
    n_jobs : int, optional
        Threads; all cores by default.
    **params
        Parameters of `sklearn.ensemble.ExtraTreesClassifier` that replace the defaults.

    Returns
    -------
    EvalSetPipeline
        Unfitted.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    _check_names(params, ExtraTreesClassifier().get_params(), "forest")
    defaults = dict(n_estimators=300, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=n_jobs or -1)
    return EvalSetPipeline(DropColumns(), ExtraTreesClassifier(**{**defaults, **params}), seed=seed)


def dnn(network="strided", **params):
    """SCoPe's network: dense layers on the features, convolutions on dmdt if there is one.

    A 0/1 input tells for each feature with gaps where they are, unless `add_indicator` is False.

    Parameters
    ----------
    network : {"strided", "scope"}
        The layers: a quicker equivalent, or SCoPe's own. See `networks`.
    **params
        Parameters of `KerasClassifier` (`epochs`, `scaler`, `seed`, `verbose`, ...) or of the network (`dense`,
        `filters`, `dropout`, ...).

    Returns
    -------
    KerasClassifier
        Unfitted.
    """
    if network not in NETWORKS:
        raise unknown("network", network, NETWORKS)
    return _keras(NETWORKS[network], {}, params, "dnn")


def scope_dnn(tag, **params):
    """SCoPe's network as SCoPe trains it: its own layers, features between 0 and 1, and what it tuned for the tag.

    Its learning rates of 0.01 and more were tuned on its own data and suit its inputs; `dnn` does better without.

    Parameters
    ----------
    tag : str
        Batch size, learning rate and further settings of Adam are those of `tuned_settings`.
    **params
        See `dnn`; they override those of the tag.

    Returns
    -------
    KerasClassifier
        Unfitted.
    """
    settings = {"scaler": "min_max", "add_indicator": False, **tuned_settings(tag)}
    return _keras(scope_network, settings, params, "scope_dnn")


def rnn(**params):
    """A recurrent network on the light curve (`Dataset.from_table(light_curves=)`), else on dmdt as a sequence.

    Parameters
    ----------
    **params
        Parameters of `KerasClassifier` or of `networks.rnn_network` (`units`, `patch`, `dense`, ...).

    Returns
    -------
    KerasClassifier
        Unfitted.
    """
    return _keras(rnn_network, {"learning_rate": 1e-3}, params, "rnn")


def tuned_settings(tag):
    """Return the settings of training that SCoPe tuned for a tag, as arguments of `KerasClassifier`."""
    row = tags().loc[find_tag(tag)].dropna()
    found = {"batch_size": int(row["dnn_batch_size"])} if "dnn_batch_size" in row else {}
    found |= {"learning_rate": float(row["dnn_lr"])} if "dnn_lr" in row else {}
    optimizer = {"amsgrad": bool(row["dnn_amsgrad"])} if "dnn_amsgrad" in row else {}
    optimizer |= {"epsilon": float(row["dnn_epsilon"])} if "dnn_epsilon" in row else {}
    return found | ({"optimizer_params": optimizer} if optimizer else {})


def _keras(network, settings, params, what):
    """Return the classifier of a network; `params` override `settings`, the optimizer's one by one."""
    layers = set(inspect.signature(network).parameters) - {"shapes"}
    own = set(inspect.signature(KerasClassifier).parameters) - {"build"}
    _check_names(params, layers | own, what)
    build_params = {**(params.get("build_params") or {}), **{n: v for n, v in params.items() if n in layers}}
    params = {name: value for name, value in params.items() if name not in {*layers, "build_params"}}
    optimizer = {**settings.get("optimizer_params", {}), **(params.get("optimizer_params") or {})}
    params = {"add_indicator": True, **settings, **params, "optimizer_params": optimizer or None}
    return KerasClassifier(network, build_params=build_params, **params)


def require_own_name(algorithm, model):
    """Refuse to run a model of one's own under the name of one of the kit's, whose runs it would replace.

    Parameters
    ----------
    algorithm : str
    model : classifier

    Raises
    ------
    ValueError
    """
    words = described(model)
    if not any(name in words for name in ALGORITHMS.get(algorithm, [""])):
        raise ValueError(
            f"algorithm is {algorithm!r}, which names a model of the kit, but the model is {words}: give algorithm "
            "a name of its own, and both are kept"
        )


def contributions(model, X):
    """Return what each feature adds to the log-odds of each row: exact SHAP values of trees.

    Parameters
    ----------
    model : EvalSetPipeline or Folds
        As `xgb` makes it, fitted; of several such models the mean is returned.
    X : pandas.DataFrame, shape (n, ...)

    Returns
    -------
    pandas.DataFrame, shape (n, n_features + 1)
        In natural logarithms; `bias` is the same for all rows. A row sums to log(p / (1 - p)) of the model, of
        `Folds` to the mean of that over its members. By xgboost itself (Lundberg et al. 2020, Nature Machine
        Intelligence 2, 56).

    Raises
    ------
    TypeError
        If the model is not made of xgboost's trees.
    """
    if isinstance(model, Folds):
        return sum(contributions(member, X) for member in model.models_) / len(model.models_)
    trees = getattr(model, "estimator_", None)
    if not hasattr(trees, "get_booster"):
        raise TypeError(f"{type(model).__name__} is not a fitted model of xgboost, whose trees can tell contributions")
    from xgboost import DMatrix

    X = model._transform(X)
    used = (0, getattr(trees, "best_iteration", trees.n_estimators - 1) + 1)
    values = trees.get_booster().predict(DMatrix(X), pred_contribs=True, iteration_range=used)
    return pd.DataFrame(values, X.index, [*X.columns, "bias"])


def _check_names(given, valid, what):
    for name in given:
        if name not in valid:
            raise unknown(f"parameter of {what}()", name, valid)
