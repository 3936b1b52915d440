"""Model files: any fitted classifier without pickle, and read back only what is known to be safe."""

import copy
import inspect
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.base import BaseEstimator

from ..files import reports_folder, write_atomically
from . import networks

MODEL_FILE = "model.skops"

# Classes that a model file may hold without being asked; skops itself adds scikit-learn's estimators.
TRUSTED = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "scope_nb.models.calibration.Calibrated",
    "scope_nb.models.fitting.Mean",
    "scope_nb.models.keras_classifier.KerasClassifier",
    "scope_nb.models.networks.rnn_network",
    "scope_nb.models.networks.scope_network",
    "scope_nb.models.networks.strided_network",
    "scope_nb.models.preprocessing.DropColumns",
    "scope_nb.models.preprocessing.EvalSetPipeline",
    "scope_nb.models.preprocessing.ScopeImputer",
    "scope_nb.models.scope_trees.ScopeTrees",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


def described(model):
    """Return a classifier in one line: its class, and those of its settings that are not the usual ones."""
    if isinstance(model, list | tuple):
        texts = [described(part) for part in model]
        alike = len(texts) > 1 and len(set(texts)) == 1
        return f"{len(texts)} x {texts[0]}" if alike else f"[{', '.join(texts)}]"
    if inspect.isfunction(model):  # with its module: one's own network must not pass for the kit's
        return f"{model.__module__}.{model.__qualname__}"
    if not isinstance(model, BaseEstimator):
        plain = isinstance(model, str | bytes | int | float | dict | np.generic | None)
        return repr(model) if plain else getattr(model, "__name__", type(model).__name__)
    usual = {name: p.default for name, p in inspect.signature(type(model)).parameters.items()}
    texts = {name: described(value) for name, value in model.get_params(deep=False).items()}
    texts = [f"{name}={text}" for name, text in texts.items() if text != described(usual.get(name))]
    return f"{type(model).__name__}({', '.join(texts)})"


def save_model(model, folder):
    """Write a fitted model to `folder` and return the path of the file.

    Of a network of your own only the name of its `build` function is saved: the loaded model predicts, and needs the
    function again to be trained again. A network with Lambda layers is refused, because its file would hold code.
    """
    model = copy.deepcopy(model)
    for network in _networks(model):  # unfitted ones too, of which others are clones
        if getattr(network.build, "__module__", None) != networks.__name__:
            network.build = getattr(network.build, "__qualname__", str(network.build))
    path = Path(folder) / MODEL_FILE
    with write_atomically(path) as part:
        skops.io.dump(model, part, compression=ZIP_DEFLATED)
    return path


def _networks(part):
    """Yield every estimator in a model that has a `build`: itself, among its parameters, or in what it fitted."""
    if isinstance(part, BaseEstimator):
        if "build" in vars(part):
            yield part
        part = list(vars(part).values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from _networks(inner)


def load_model(folder, trusted=()):
    """Return the model in `folder`; it may hold scikit-learn's types and those in `TRUSTED` or `trusted`."""
    path = Path(folder) / MODEL_FILE
    types = skops.io.get_untrusted_types(file=path)
    allowed = {*TRUSTED, *trusted, *(name for name in types if name.startswith("sklearn."))}
    if refused := sorted(set(types) - allowed):
        raise ValueError(
            f"{path} holds types that could run code of their own: {', '.join(refused)}. "
            f"If you know where the file comes from, call load_model(folder, trusted={refused})"
        )
    return skops.io.load(path, trusted=sorted(allowed))


def model_folder(name, reports=""):
    """Return the folder of a saved model; a `FileNotFoundError` that lists the models of runs if there is none.

    `name` is that folder, that of a run, or "GROUP/ALGORITHM/TAG" below the folder of the runs (`reports`, see
    `files.reports_folder`).
    """
    reports = reports_folder(reports)
    for base in (Path(name).expanduser(), reports / name):
        for folder in (base, base / "model"):
            if (folder / MODEL_FILE).is_file():
                return folder
    paths = sorted(reports.glob(f"*/*/*/model/{MODEL_FILE}"))
    saved = ", ".join(path.parents[1].relative_to(reports).as_posix() for path in paths)
    raise FileNotFoundError(f"there is no saved model {name!r}; runs with one: {saved or 'none'}")
