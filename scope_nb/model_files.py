"""Model files: any fitted classifier without pickle, and read back only what is known to be safe."""

import copy
import inspect
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.base import BaseEstimator

from . import networks
from .files import reports_folder, whole

MODEL_FILE = "model.skops"

# Classes that a model file may hold without being asked; skops itself adds scikit-learn's estimators.
TRUSTED = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "scope_nb.calibrate.Calibrated",
    "scope_nb.ensemble.Mean",
    "scope_nb.fitting.Folds",
    "scope_nb.impute.ScopeImputer",
    "scope_nb.keras_classifier.KerasClassifier",
    "scope_nb.models.DropColumns",
    "scope_nb.models.EvalSetPipeline",
    "scope_nb.networks.rnn_network",
    "scope_nb.networks.scope_network",
    "scope_nb.networks.strided_network",
    "scope_nb.scope_files.ScopeTrees",
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
