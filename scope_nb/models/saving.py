"""Model files: any fitted classifier without pickle, and read back only what is known to be safe."""

import copy
import inspect
import json
import warnings
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import skops.io
from sklearn.base import BaseEstimator

from ..files import decode_name, reports_folder
from ..writing import write_atomically
from . import networks

MODEL_FILE = "model.skops"

# Types that a model file may hold without being asked; skops itself adds scikit-learn's estimators and NumPy's arrays.
# They are exact names of what holds data alone: scikit-learn has functions, too, that would run a command. Models of
# xgboost, LightGBM and CatBoost hold their trees as bytes in a format of their own.
TRUSTED = (
    "catboost.core.CatBoostClassifier",
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
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
)
MOST_BYTES, MOST_TIMES = 200_000_000, 60  # of a model file unpacked, in all and per byte of the file: more is a bomb


def described(model):
    """Return a classifier in one line: its class, and those of its settings that are not the usual ones."""
    if isinstance(model, list | tuple):
        texts = [described(part) for part in model]
        alike = len(texts) > 1 and len(set(texts)) == 1
        return f"{len(texts)} x {texts[0]}" if alike else f"[{', '.join(texts)}]"
    if inspect.isfunction(model):  # with its module: one's own network must not pass for the kit's
        return f"{model.__module__}.{model.__qualname__}"
    if inspect.isclass(model) or not hasattr(model, "get_params"):  # which CatBoost's have, though not by inheritance
        plain = isinstance(model, str | bytes | int | float | dict | np.generic | None)
        return repr(model) if plain else getattr(model, "__name__", type(model).__name__)
    usual = {name: p.default for name, p in inspect.signature(type(model)).parameters.items()}
    texts = {name: described(value) for name, value in model.get_params(deep=False).items()}
    texts = [f"{name}={text}" for name, text in texts.items() if text != described(usual.get(name))]
    return f"{type(model).__name__}({', '.join(texts)})"


def save_model(model, folder):
    """Write a fitted model to `folder` and return the path of the file.

    Of a network of your own only the name of its `build` function is saved: the loaded model predicts, and needs the
    function again to be trained again. A network with Lambda layers is refused, because its file would hold code. The
    file is read back at once: a model that cannot be loaded again is an error here, and a warning names the types that
    `load_model` will want to be told to trust.
    """
    model = copy.deepcopy(model)
    for network in _networks(model):  # unfitted ones too, of which others are clones
        if getattr(network.build, "__module__", None) != networks.__name__:
            network.build = getattr(network.build, "__qualname__", str(network.build))
    path = Path(folder) / MODEL_FILE
    with write_atomically(path) as part:
        skops.io.dump(model, part, compression=ZIP_DEFLATED)
        skops.io.load(part, trusted=skops.io.get_untrusted_types(file=part))
    if names := foreign_types(folder):
        text = f"are not loaded unasked: pass trusted={names} to load_model, apply_run or average"
        if any(name.startswith("__main__.") for name in names):
            text += ". Those of __main__, a notebook or script, must be defined there too"
        warnings.warn(f"types that the model holds, beside those that the kit knows, {text}", stacklevel=2)
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


def foreign_types(folder):
    """Return the names of the types in a model file that are neither in `TRUSTED` nor trusted by skops."""
    return sorted(set(_types_in(Path(folder) / MODEL_FILE)) - {*TRUSTED})


def _types_in(path):
    """Return the names of all types in a model file but those that skops trusts; refuse one that is damaged."""
    try:
        with ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > max(MOST_BYTES, MOST_TIMES * path.stat().st_size):
            raise ValueError(f"unpacked it would have {size:,} bytes")
        return skops.io.get_untrusted_types(file=path)
    except Exception as error:  # whatever skops makes of a file that it did not write
        if isinstance(error, OSError) and error.filename:
            raise
        raise ValueError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def load_model(folder, trusted=()):
    """Return the model in `folder`; it may hold scikit-learn's estimators and the types in `TRUSTED` or `trusted`.

    `trusted` are names of types, such as `["imblearn.pipeline.Pipeline"]`. It is a `ValueError` if the file holds
    others, or what is not defined or installed here; a `FileNotFoundError` says why a run was saved without its model.
    """
    path = Path(folder) / MODEL_FILE
    if not path.is_file():
        raise _without_model(Path(folder))
    types = _types_in(path)
    if refused := sorted(set(types) - {*TRUSTED, *trusted}):
        raise ValueError(
            f"{path} holds types that could run code of their own: {', '.join(refused)}. "
            f"If you know where the file comes from, pass trusted={refused}"
        )
    try:
        return skops.io.load(path, trusted=types)
    except (AttributeError, ImportError) as error:
        text = f"{path} holds what is not defined here: {error}. Define, import or install it first"
        raise ValueError(text) from error
    except Exception as error:  # whatever skops and the libraries make of a damaged file
        if isinstance(error, OSError) and error.filename:
            raise
        raise ValueError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _without_model(folder):
    """Return the `FileNotFoundError` for a folder without a model file; it says why its run has none."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # no provenance beside it, or none that says why
        reason = json.loads((folder.parent / "provenance.json").read_text(encoding="utf-8"))["model_not_saved"]
        return FileNotFoundError(f"{folder.parent} was saved without its model: {reason}")
    return FileNotFoundError(f"there is no model in {folder}")


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
        if (base / "provenance.json").is_file():
            raise _without_model(base / "model")
    paths = sorted(reports.glob(f"*/*/*/model/{MODEL_FILE}"))
    saved = ", ".join(decode_name(path.parents[1].relative_to(reports)) for path in paths)
    raise FileNotFoundError(f"there is no saved model {name!r}; runs with one: {saved or 'none'}")
