"""The kit's own classifiers: one table of them, and what makes each. All are unfitted scikit-learn classifiers."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from sklearn.pipeline import Pipeline

from ..dataset.columns import CURVE_COLUMN, NUMBERED, with_plain_names
from ..taxonomy import check_names, find_tag, resolve_tag, tags
from .fitting import Mean
from .keras_classifier import KerasClassifier
from .networks import rnn_network, scope_network, strided_network
from .preprocessing import DropColumns, EvalSetPipeline, ScopeImputer
from .saving import described, model_folder
from .scope_trees import load_scope_trees

NETWORKS = {"strided": strided_network, "scope": scope_network}

# What SCoPe trains its trees with, without its grid search
SCOPE_TREES = {
    "max_depth": 3,
    "min_child_weight": 1,
    "learning_rate": 0.3,
    "subsample": 0.6,
    "colsample_bytree": 0.6,
    "eval_metric": "auc",
    "early_stopping_rounds": 10,
}


def xgb(dmdt=False, impute=None, seed=42, n_jobs=None, **params):
    """Return gradient-boosted trees; missing values need no imputation: each split sends them one way.

    Trees are added, at most 999, until the log loss of the validation part (without `eval_set`, of 10 % of the rows)
    has not improved for 30 rounds; the best number of them is used. They learn more slowly than SCoPe's
    (`SCOPE_TREES`) and do better, see `tests/benchmarks/better.py`.

    Parameters
    ----------
    dmdt, impute : bool, {None, "scope"}
        Whether to use the `dmdt_*` columns too, or, without them, to fill gaps as SCoPe does (`ScopeImputer`).
    seed, n_jobs, **params
        `n_jobs` are the threads, all of them by default; the others are parameters of `xgboost.XGBClassifier`, also by
        the names `eta` and `num_boost_round`.
    """
    from xgboost import XGBClassifier

    native = {"eta": "learning_rate", "num_boost_round": "n_estimators"}
    params = {native.get(name, name): value for name, value in params.items()}
    check_names("parameter of xgb()", params, XGBClassifier().get_params())
    defaults = dict(
        max_depth=4,
        min_child_weight=2,
        learning_rate=0.1,
        subsample=0.8,
        colsample_bytree=0.5,
        n_estimators=999,
        early_stopping_rounds=30,
        tree_method="hist",
        random_state=seed,
        n_jobs=n_jobs,
    )
    estimator = XGBClassifier(**(defaults | params))
    if impute not in (None, "scope") or (impute and dmdt):
        raise ValueError(f"impute is {impute!r}: choose None or, without dmdt, 'scope'")
    columns = ScopeImputer(seed=seed) if impute else DropColumns(CURVE_COLUMN if dmdt else NUMBERED)
    fraction = 0.1 if estimator.early_stopping_rounds else 0.0
    return EvalSetPipeline(columns, estimator, validation_fraction=fraction, seed=seed)


def forest(seed=42, n_jobs=None, **params):
    """Return a forest of extremely randomised trees (Geurts et al. 2006, Machine Learning 63, 3), without dmdt.

    On 2,500 real Catalina stars it does a little better than boosted trees, and so does the mean of both, `xgb+forest`;
    on the simulated survey neither beats `xgb` (`tests/benchmarks/better.py`). `params` are scikit-learn's.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    check_names("parameter of forest()", params, ExtraTreesClassifier().get_params())
    defaults = dict(n_estimators=300, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=n_jobs or -1)
    return EvalSetPipeline(DropColumns(), ExtraTreesClassifier(**(defaults | params)), seed=seed)


def dnn(network="strided", **params):
    """Return SCoPe's network: dense layers on the features, convolutions on dmdt if there is one.

    The layers are SCoPe's own ("scope") or a quicker equivalent ("strided"), see `networks`. A 0/1 input marks for each
    feature with gaps where they are, unless `add_indicator` is False. `params` are those of `KerasClassifier`
    (`epochs`, `scaler`, `seed`, ...) or of the network (`dense`, `filters`, `dropout`, ...).
    """
    check_names("network", [network], NETWORKS)
    return _network_classifier(NETWORKS[network], {}, params, "dnn")


def scope_dnn(tag, **params):
    """Return SCoPe's network as SCoPe trains it: its own layers, features from 0 to 1, settings tuned for the tag.

    Its learning rates of 0.01 and more were tuned on its own data and suit its inputs; `dnn` does better without.
    `params` are those of `dnn`; they override what was tuned for the tag (`tuned_settings`), which is nothing for "".
    """
    settings = {"scaler": "min_max", "add_indicator": False} | (tuned_settings(tag) if tag else {})
    return _network_classifier(scope_network, settings, params, "scope_dnn")


def rnn(**params):
    """Return a recurrent network on the light curve (`Dataset.read(light_curves=)`), else on dmdt as a sequence.
    `params` are those of `KerasClassifier` or of `networks.rnn_network` (`units`, `patch`, `dense`, ...).
    """
    return _network_classifier(rnn_network, {"learning_rate": 1e-3}, params, "rnn")


def tuned_settings(tag):
    """Return the settings of training that SCoPe tuned for a tag, as arguments of `KerasClassifier`."""
    row = tags().loc[find_tag(tag)]
    types = {"batch_size": int, "lr": float, "amsgrad": bool, "epsilon": float}
    tuned = {name: kind(row[f"dnn_{name}"]) for name, kind in types.items() if pd.notna(row[f"dnn_{name}"])}
    if "lr" in tuned:
        tuned["learning_rate"] = tuned.pop("lr")
    optimizer = {name: tuned.pop(name) for name in ("amsgrad", "epsilon") if name in tuned}
    return tuned | {"optimizer_params": optimizer} if optimizer else tuned


def _network_classifier(network, settings, params, builder):
    """Return the classifier of a network; `params` override `settings`, the optimizer's one by one."""
    layers = set(inspect.signature(network).parameters) - {"shapes", "n_classes"}
    training = set(inspect.signature(KerasClassifier).parameters) - {"build"}
    check_names(f"parameter of {builder}()", params, layers | training)
    build_params = (params.pop("build_params", None) or {}) | {name: params[name] for name in params if name in layers}
    optimizer = settings.get("optimizer_params", {}) | (params.pop("optimizer_params", None) or {})
    params = {name: value for name, value in params.items() if name not in layers}
    params = {"add_indicator": True, **settings, **params, "optimizer_params": optimizer or None}
    return KerasClassifier(network, build_params=build_params, **params)


@dataclass(frozen=True)
class Builder:
    """How the classifiers of one algorithm are made, and what they look at beside the features."""

    make: Callable | None  # returns the classifier; None for models of one's own
    dmdt: bool = False
    light_curves: bool = False  # instead of dmdt, where there are any
    settings: str = ""  # those of `config.run_settings` that they take
    is_network: bool = False  # shows its progress (`verbose`) and can go on from a saved model (`start_from`)


BUILDERS = {
    "xgb": Builder(xgb, settings="xgb"),
    "forest": Builder(forest),
    "dnn": Builder(dnn, dmdt=True, settings="dnn", is_network=True),
    "rnn": Builder(rnn, dmdt=True, light_curves=True, settings="rnn", is_network=True),
    "scope_dnn": Builder(scope_dnn, dmdt=True, settings="dnn", is_network=True),
    "scope": Builder(load_scope_trees),
}
OWN_MODEL = Builder(None, dmdt=True, light_curves=True)  # nobody knows what a model of one's own looks at


def build(algorithm, tag="", seed=42, settings=None, start_from="", reports=""):
    """Return the classifier of an algorithm, unfitted.

    Parameters
    ----------
    algorithm : str
        A key of `BUILDERS`, else a `ValueError`. Several of them joined by a plus, as in `xgb+forest`, stand for the
        mean of saved runs, which is not built but read (`runs.average`): None is returned.
    tag, seed, settings
        The tag is for `scope_dnn`, whose settings SCoPe tuned for each; `config.run_settings` returns the settings.
    start_from, reports
        A saved network to go on from, see `model_folder`; for `scope` the file of the trees that SCoPe trained. For
        others a `ValueError`.
    """
    if "+" in algorithm:
        return None
    check_names("algorithm", [algorithm], BUILDERS)
    builder = BUILDERS[algorithm]
    if builder.make is load_scope_trees:
        return load_scope_trees(start_from)
    arguments = {"seed": seed} | (settings or {}).get(builder.settings, {})
    if builder.is_network:
        arguments |= {"verbose": 1, "start_from": model_folder(start_from, reports) if start_from else None}
    elif start_from:
        names = ", ".join(name for name, other in BUILDERS.items() if other.is_network)
        raise ValueError(f"start_from is for {names}: {algorithm} cannot go on from a saved model")
    if builder.make is scope_dnn:
        tag = resolve_tag(tag, columns=[tag]).name
        return scope_dnn(tag if tag in tags().index else "", **arguments)
    return builder.make(**arguments)


def name_run(model, algorithm, **settings):
    """Return the name under which the run of a model is kept.

    It is that of the algorithm if the model is just what `build(algorithm, **settings)` returns, or if `algorithm` is
    no name of the kit's. A model of one's own never takes the name of the kit's, whose run it would replace: it is
    named after its class, or the function that builds its network. None is the mean of saved runs.
    """
    if model is None or algorithm not in BUILDERS:
        return algorithm
    if described(model) == described(build(algorithm, **settings)):
        return algorithm
    while isinstance(model, EvalSetPipeline | Pipeline):
        model = model.estimator if isinstance(model, EvalSetPipeline) else model.steps[-1][1]
    name = model.build.__name__ if isinstance(model, KerasClassifier) else type(model).__name__
    if name in BUILDERS:
        raise ValueError(f"{name!r} names a model of the kit, but the model is {described(model)}: rename it")
    return name


def choose_inputs(name, light_curves=None):
    """Return what a model looks at beside the features, as the arguments `dmdt` and `light_curves` of `Dataset.read`.

    `name` is that of a run: one or more algorithms joined by a plus, or a model of one's own, which gets all there is.
    `light_curves` are those of the table, where they are at hand.
    """
    builders = [BUILDERS.get(part, OWN_MODEL) for part in name.split("+")]
    curves = light_curves if any(builder.light_curves for builder in builders) else None
    dmdt = any(builder.dmdt and not (builder.light_curves and curves is not None) for builder in builders)
    return {"dmdt": None if dmdt else False, "light_curves": curves}


def shap_values(model, X):
    """Return what each feature adds to the log-odds of each row: exact SHAP values of xgboost's trees.

    The model is a fitted `xgb`, not calibrated, or a `Mean` of such models, else a `TypeError`. The DataFrame has a
    column for each feature and `bias`, the same for all rows, in natural logarithms: a row sums to log(p / (1 - p)), of
    a `Mean` to the mean of that. By xgboost itself (Lundberg et al. 2020, Nature Machine Intelligence 2, 56).
    """
    from xgboost import DMatrix, XGBModel

    if isinstance(model, Mean):
        return sum(shap_values(member, X) for member in model.models) / len(model.models)
    trees = model.estimator_ if isinstance(model, EvalSetPipeline) else None
    if not isinstance(trees, XGBModel):
        raise TypeError(f"{type(model).__name__} is not a fitted model of xgboost, whose trees have SHAP values")
    X = model.transform_inputs(X)
    used = (0, getattr(trees, "best_iteration", trees.n_estimators - 1) + 1)
    if len(model.classes_) > 2:
        raise TypeError("SHAP values are those of a yes-or-no question: train one for each class of interest")
    values = trees.get_booster().predict(DMatrix(with_plain_names(X)), pred_contribs=True, iteration_range=used)
    return pd.DataFrame(values, X.index, [*X.columns, "bias"])
