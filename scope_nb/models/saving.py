"""Model files: any fitted classifier without pickle, and read back only what is known to be safe."""

import copy
import inspect
import json
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin

from ..dataset.columns import match_columns
from ..files import existing, reports_folder, whole
from ..taxonomy import CATALOGUES
from . import networks


class ScopeTrees(ClassifierMixin, BaseEstimator):
    """SCoPe's trained gradient-boosted trees as a classifier; make one with `load_xgb`. It has no `fit`.

    Parameters
    ----------
    booster : xgboost.Booster
        All its trees are used, as SCoPe does.
    """

    def __init__(self, booster):
        self.booster = booster
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array(booster.feature_names, object)
        self.n_features_in_ = len(booster.feature_names)

    def predict_proba(self, X):
        """Probabilities of the two classes, shape (n, 2).

        SCoPe's training set has zeros where a star is in no catalogue; there the trees see zeros again.
        """
        from xgboost import DMatrix

        X = match_columns(self, X)
        X = X.fillna({c: 0.0 for c in X if c.startswith(CATALOGUES)})
        p = self.booster.predict(DMatrix(X)).astype(float)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        """The more probable class of each row, as SCoPe decides: above 0.5."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)

    @property
    def feature_importances_(self):
        gain = pd.Series(self.booster.get_score(importance_type="gain"), dtype=float)
        return (gain / gain.sum()).reindex(self.feature_names_in_, fill_value=0.0).rename("importance")


def load_xgb(path):
    """Load trees that SCoPe trained and saved as `TAG.TIME.json`.

    Returns
    -------
    ScopeTrees

    Raises
    ------
    ValueError
        If the file holds no model of xgboost, not one of two classes, or one without names of features.
    """
    from xgboost import Booster
    from xgboost.core import XGBoostError

    if not str(path):
        raise ValueError("name the file of the trees that SCoPe trained, TAG.TIME.json (the parameter `start_from`)")
    path = existing(path)
    try:
        booster = Booster(model_file=path)
    except (XGBoostError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"{path} is not a model that xgboost can read: {reason}") from error
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["learner_train_param"]["objective"]
    if objective != "binary:logistic":
        raise ValueError(f"{path} holds a model of {objective}; SCoPe's answer yes or no: binary:logistic")
    if not booster.feature_names:
        raise ValueError(f"{path} does not name the features that its trees ask for")
    return ScopeTrees(booster)


MODEL_FILE = "model.skops"


# Classes that a model file may hold without being asked; skops itself adds scikit-learn's estimators.
TRUSTED = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "scope_nb.models.calibration.Calibrated",
    "scope_nb.models.fitting.Mean",
    "scope_nb.models.fitting.Folds",
    "scope_nb.models.preprocessing.ScopeImputer",
    "scope_nb.models.keras_classifier.KerasClassifier",
    "scope_nb.models.preprocessing.DropColumns",
    "scope_nb.models.preprocessing.EvalSetPipeline",
    "scope_nb.models.networks.rnn_network",
    "scope_nb.models.networks.scope_network",
    "scope_nb.models.networks.strided_network",
    "scope_nb.models.saving.ScopeTrees",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


def described(model):
    """Return a classifier in one line: its class, and those of its settings that are not the usual ones."""
    if isinstance(model, list | tuple):
        return f"[{', '.join(map(described, model))}]"
    if not isinstance(model, BaseEstimator):
        plain = isinstance(model, str | bytes | int | float | dict | np.generic | None)
        return repr(model) if plain else getattr(model, "__name__", type(model).__name__)
    usual = {name: p.default for name, p in inspect.signature(type(model)).parameters.items()}
    settings = {name: value for name, value in model.get_params(deep=False).items() if value is not None}
    words = {name: described(value) for name, value in settings.items()}
    words = [f"{name}={word}" for name, word in words.items() if word != described(usual.get(name))]
    return f"{type(model).__name__}({', '.join(words)})"


def save_model(model, folder):
    """Write a fitted model to `folder` and return the path of the file.

    Of a `KerasClassifier` with a network of your own, the trained network is saved but only the name of its
    `build` function: a loaded model predicts, and needs the function again to be trained again. A network
    with Lambda layers is refused, because its file would hold code.
    """
    model = copy.deepcopy(model)
    for folds in _holders(model, "unseen_"):  # light curves of the training do not belong into a model file
        del folds.unseen_
    for network in _holders(model, "build"):  # unfitted ones too, of which others are clones
        if getattr(network.build, "__module__", None) != networks.__name__:
            network.build = getattr(network.build, "__qualname__", str(network.build))
    path = Path(folder) / MODEL_FILE
    with whole(path) as part:
        skops.io.dump(model, part, compression=ZIP_DEFLATED)
    return path


def _holders(part, name):
    """Find every estimator in a model that has an attribute: itself, its parameters, and what it fitted."""
    if isinstance(part, BaseEstimator) and name in vars(part):
        yield part
    elif isinstance(part, BaseEstimator):
        yield from _holders(list(vars(part).values()), name)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _holders(inner, name)


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


def model_folder(name, reports=""):
    """Return the folder of a saved model.

    Parameters
    ----------
    name : path-like
        That folder, that of a run, or "GROUP/ALGORITHM/TAG" below the folder of the runs.
    reports : path-like
        Folder of the runs; see `files.reports_folder`.

    Raises
    ------
    FileNotFoundError
        If no model is there; the models of runs are named.
    """
    reports = reports_folder(reports)
    for base in (Path(name).expanduser(), reports / name):
        for folder in (base, base / "model"):
            if (folder / MODEL_FILE).is_file():
                return folder
    there = sorted(
        path.parents[1].relative_to(reports).as_posix() for path in reports.glob(f"*/*/*/model/{MODEL_FILE}")
    )
    raise FileNotFoundError(f"there is no saved model {name!r}; runs with one: {', '.join(there) or 'none'}")


def start_folder(name, algorithm, reports=""):
    """Return the folder of the saved model that training is to go on from; None if `name` is empty.

    Of "scope", whose trees are trained elsewhere, it is a file, returned as it is.

    Raises
    ------
    ValueError
        If the algorithm is none of the networks.
    """
    if algorithm == "scope":
        return name
    if not name:
        return None
    if algorithm not in ("dnn", "scope_dnn", "rnn"):
        raise ValueError(f"start_from is for dnn, scope_dnn and rnn: {algorithm} cannot go on from a saved model")
    return model_folder(name, reports)
