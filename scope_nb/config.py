"""Settings of a run: the kit's defaults, over them SCoPe's `config.yaml`, over that what a notebook says."""

from pathlib import Path

import yaml

from .files import existing
from .taxonomy import FEATURE_SETS, defaults, features, find_suffix, find_tag, tags, unknown

# Keys of SCoPe's layout. Those that mean nothing here are known, so that its own file is accepted as it is.
TRAINING = ("dataset", "classes", "dnn", "xgboost")


USED = {  # key of a class -> our name; the others of SCoPe are in WITHOUT_EFFECT
    **{name: name for name in ("label", "features", "threshold", "balance", "weight_per_class")},
    "scale_features": "scaler",
}


COUNTS = ("epochs", "batch_size", "patience")


NETWORK = {
    **{name: name for name in COUNTS},
    **{name: f"optimizer_params.{name}" for name in ("beta_1", "beta_2", "epsilon", "amsgrad")},
    "lr": "learning_rate",
}


WITHOUT_EFFECT = (
    *(
        "random_state",
        "test_size",
        "val_size",
        "shuffle_buffer_size",
        "float_convert_types",
        "decay",
        "momentum",
        "monitor",
    ),
    *("callbacks", "run_eagerly", "pre_trained_model", "save", "plot", "weights_only", "skip_cv", "feature_stats"),
    "verbose",
)


BRANCHES = {"dense_branch": "dense", "conv_branch": "conv"}


FIXED = {"loss": "binary_crossentropy", "optimizer": "adam"}  # networks are trained with these only


GRID, OTHER = "gridsearch_params_start_stop_step", "other_training_params"


TENTHS = ("subsample", "colsample_bytree")  # SCoPe divides them by 10


TREES = {"objective": "objective", "eval_metric": "eval_metric"}


TREES |= {"early_stopping_rounds": "early_stopping_rounds", "num_boost_round": "n_estimators"}


XGBOOST = {
    GRID: ("max_depth", "min_child_weight", "subsample", "colsample_bytree"),
    OTHER: ("eta", "eta_list", "nfold", "metrics", "seed", *TREES),
    "plot_params": ("cm_include_count", "cm_include_percent", "annotate_scores"),
}


def run_settings(tag, path="", **given):
    """Return what the data set and the models of a tag are made with.

    Parameters
    ----------
    tag : str
        A tag or its label.
    path : path-like
        A `config.yaml` in SCoPe's layout; "" is none. Of it the sections `training` and `features` are read.
    **given
        Settings that override the file: `features`, `period_suffix`, `threshold`, ... None and "" are not given.

    Returns
    -------
    dict
        `data` ("" if nobody names any; in the file its path is relative to the file's folder); `cut`, the arguments of
        `Dataset.from_table`; `dnn`, `rnn` and `xgb`, arguments of the models in `models`. What nobody sets is missing,
        or None. Sizes of parts and random states of the file have no effect: who is in the test part is the same for
        all.

    Raises
    ------
    ValueError
        If the file is no such configuration, or holds an unknown key, tag, class without label or a value out of
        range. The nearest known name is told.
    """
    tag = find_tag(tag)
    own = read_config(path) if path else {"training": {}, "features": {}}
    entry = (own["training"].get("classes") or {}).get(tag, {})
    default = defaults()["training"]
    suffix = (own["features"].get("info") or {}).get("period_suffix")
    flat = {"threshold": default["threshold"], "period_suffix": default["period_suffix"], "features": None}
    flat |= dict.fromkeys(("label", "balance", "weight_per_class", "scaler"))
    flat |= {USED[key]: value for key, value in entry.items() if key in USED}
    flat |= {"period_suffix": suffix} if suffix not in (None, "", "None") else {}
    flat |= {name: value for name, value in given.items() if value not in (None, "")}
    flat["features"] = _features(own["features"], flat["features"], flat["period_suffix"])
    dataset = own["training"].get("dataset")
    data = flat.pop("data", None) or (str(Path(path).expanduser().parent / dataset) if dataset else "")
    chosen = {"scaler": scaler} if (scaler := flat.pop("scaler")) else {}
    flat["weight_per_class"] = _true(flat["weight_per_class"], "weight_per_class: ")
    return {
        "data": data,
        "cut": flat,
        "dnn": _network({**(own["training"].get("dnn") or {}), **entry}) | chosen,
        "rnn": chosen,
        "xgb": _trees(own["training"].get("xgboost") or {}),
    }


def read_config(path):
    """Read and check a `config.yaml` in SCoPe's layout; return its sections `training` and `features`.

    Raises
    ------
    FileNotFoundError, ValueError
        See `run_settings`.
    """
    path = existing(path)
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    sections = _mapping(content, path, "")
    if not {"training", "features"} & set(sections):
        raise ValueError(f"{path} has neither a section 'training' nor 'features'; it has {', '.join(sections)}")
    training = _mapping(sections.get("training"), path, "training")
    sets = _mapping(sections.get("features"), path, "features")
    _known("key of 'training'", training, TRAINING, path)
    classes = _mapping(training.get("classes"), path, "training.classes")
    _known("class of 'training.classes'", classes, tags().index, path)
    for tag, entry in classes.items():
        _check_class(tag, _mapping(entry, path, f"training.classes.{tag}"), sets, path)
    _check_network(_mapping(training.get("dnn"), path, "training.dnn"), "'training.dnn'", path)
    trees = _mapping(training.get("xgboost"), path, "training.xgboost")
    for name, known in XGBOOST.items():
        _known(f"key of {name!r}", _mapping(trees.get(name), path, name), known, path)
    _known("key of 'training.xgboost'", trees, XGBOOST, path)
    _check_trees(trees, path)
    if suffix := _mapping(sets.get("info"), path, "features.info").get("period_suffix"):
        find_suffix(suffix) if suffix != "None" else None
    return {"training": training, "features": sets}


def _mapping(value, path, name):
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{path}: {name or 'the file'} must be names and values, but is {type(value).__name__}")
    return value


def _known(kind, given, known, path):
    for name in given:
        if name not in known:
            raise ValueError(f"{path}: {unknown(kind, name, known)}")


def _check_class(tag, entry, sets, path):
    """Check one class: its keys, its label, its ranges, its set of features."""
    if not entry.get("label"):
        raise ValueError(f"{path}: class {tag!r} has no label; that of the tag is {tags().loc[tag, 'label']!r}")
    _check_network(entry, f"class {tag!r}", path, USED)
    _true(entry.get("weight_per_class"), f"{path}: weight_per_class of class {tag!r}: ")
    if (chosen := entry.get("features")) and chosen not in {*sets, *FEATURE_SETS} - {"info"}:
        raise ValueError(
            f"{path}: {unknown(f'feature set of class {tag!r}', chosen, {*sets, *FEATURE_SETS} - {'info'})}"
        )


def _check_network(entry, where, path, more=()):
    """Check what says how to train, of all classes or of one: keys and ranges."""
    _known(f"key of {where}", entry, (*more, *NETWORK, *WITHOUT_EFFECT, *BRANCHES, *FIXED), path)
    for name, only in FIXED.items():
        if entry.get(name) not in (None, only):
            raise ValueError(f"{path}: {name} of {where} is {entry[name]!r}; networks are trained with {only!r} only")
    if not any(_true(entry.get(name, True), f"{path}: {name} of {where}: ") for name in BRANCHES):
        raise ValueError(f"{path}: {where} leaves a network neither {' nor '.join(BRANCHES)}")
    checks = {"threshold": lambda v: 0 <= v < 1, "balance": lambda v: v > 0, "lr": lambda v: v > 0}
    checks |= dict.fromkeys(COUNTS, lambda v: v >= 1 and v == int(v))
    for name, holds in checks.items():
        value = entry.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            hint = "; YAML wants a dot in it: 3.0e-4, not 3e-4" if isinstance(value, str) and "e" in value else ""
            raise ValueError(f"{path}: {name} of {where} is {value!r}, which is no number{hint}")
        if value is not None and not holds(value):
            raise ValueError(f"{path}: {name} of {where} is {value!r}, which is out of range")


def _check_trees(section, path):
    """Check the numbers of the trees, each alone or in a list of which the first counts."""
    grid, other = section.get(GRID) or {}, section.get(OTHER) or {}
    given = {**grid, **{name: other[name] for name in ("eta", "eta_list") if other.get(name) is not None}}
    for name, value in given.items():
        first = (value or [None])[0] if isinstance(value, list) else value
        if isinstance(first, bool) or not isinstance(first, int | float) or first <= 0:
            raise ValueError(f"{path}: {name} of 'training.xgboost' is {value!r}; it is a number above 0, or several")
        if name in TENTHS and first < 1:
            raise ValueError(f"{path}: {name} of 'training.xgboost' is {value!r}, but counts tenths: 6 stands for 0.6")


def _features(sections, name, suffix):
    """Return the columns of a set of features of the file, or the name of one of our own sets."""
    section = sections.get(name) if isinstance(name, str) else None
    if section is None:
        return name
    entries = dict.fromkeys(section) if isinstance(section, list) else section
    entries = {n: entry if isinstance(entry, dict) else {"include": entry} for n, entry in entries.items()}
    known = features()["periodic"]
    periodic = {n: _true(entry.get("periodic", known.get(n, False))) for n, entry in entries.items()}
    included = [n for n, entry in entries.items() if entry.get("include") is None or _true(entry["include"])]
    return [f"{n}_{suffix}" if periodic[n] and suffix else n for n in included]


def _true(value, what=""):
    """Tell whether a switch is on; SCoPe's file has numbers and words for it too."""
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word not in ("true", "yes", "on", "1", "false", "no", "off", "0", "none", ""):
        raise ValueError(f"{what}{value!r} is neither true nor false")
    return word in ("true", "yes", "on", "1")


def _network(entry):
    """Return the arguments of `models.dnn` that a class, or the section for all of them, sets."""
    found = {}
    for key, value in entry.items():
        if key not in NETWORK or value is None:
            continue
        name, _, inner = NETWORK[key].partition(".")
        value = _true(value) if key == "amsgrad" else int(value) if key in COUNTS else float(value)
        if inner:
            found.setdefault(name, {})[inner] = value
        else:
            found[name] = value
    branches = [name for key, name in BRANCHES.items() if _true(entry.get(key, True))]
    return found if len(branches) == len(BRANCHES) else found | {"branches": branches}


def _trees(section):
    """Return the arguments of `models.xgb`: the first of every range, as SCoPe trains without its grid search."""
    grid, other = section.get(GRID) or {}, section.get(OTHER) or {}
    found = {name: value[0] if isinstance(value, list) else value for name, value in grid.items()}
    found |= {name: found[name] / 10 for name in TENTHS if name in found}
    found |= {TREES[name]: value for name, value in other.items() if name in TREES}
    rates = other.get("eta_list", other.get("eta"))
    if rates is not None:
        found["learning_rate"] = rates[0] if isinstance(rates, list) else rates
    return found
