"""Settings of a run: the parameters of a notebook, else those of SCoPe's `config.yaml`, else the kit's defaults."""

from contextlib import suppress
from difflib import get_close_matches
from math import inf

from .files import existing_file, read_yaml, sample
from .taxonomy import (
    FEATURE_SETS,
    check_names,
    config_keys,
    defaults,
    feature_table,
    find_suffix,
    resolve_tag,
    tags,
    unknown,
)

SETTINGS = ("label", "features", "period_suffix", "threshold", "balance", "weight_per_class", "scaler")
ON, OFF = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "none", "")
LARGEST = 1e15  # no number of a configuration is as large


def run_settings(tag, path="", columns=(), **parameters):
    """Return the settings with which the data set and the models of a tag are made, as a dict.

    `path` is a `config.yaml` in SCoPe's layout: its sections `training` and `features` are read, but sizes of parts
    and random states have no effect. `columns` are those of the training table, which may have labels of one's own
    (`taxonomy.resolve_tag`). Parameters, any of `SETTINGS`, override the file unless they are None or "". `tag` of the
    result is the name of the tag, `cut` are arguments of `Dataset.read`, `dnn`, `rnn` and `xgb` are arguments of these
    models. What is unknown, out of range or of the wrong kind is named in a `ValueError`.
    """
    check_names("setting of a run", parameters, SETTINGS)
    config, usual = read_config(path), defaults()["training"]
    labels = {name: entry["label"] for name, entry in config["classes"].items()}
    tag = resolve_tag(tag, labels, columns)
    settings = {name: usual.get(name) for name in SETTINGS} | config["training"]
    settings |= config["classes"].get(tag.name, {}) | {"label": tag.label}
    settings |= {name: value for name, value in parameters.items() if value not in (None, "")}
    feature_sets = config["feature_sets"]
    cut = {name: settings.pop(name) for name in SETTINGS}
    if isinstance(cut["features"], str) and cut["features"] in feature_sets:
        entries, suffix = feature_sets[cut["features"]].items(), cut["period_suffix"]
        cut["features"] = [f"{name}_{suffix}" if suffixed else name for name, suffixed in entries]
    cut["weight_per_class"] = _switch(cut["weight_per_class"], "weight_per_class")
    scaler = cut.pop("scaler")
    scaling = {"scaler": scaler} if scaler else {}
    return {"tag": tag.name, "cut": cut, "dnn": _network(settings) | scaling, "rnn": scaling, "xgb": config["xgb"]}


def read_config(path=""):
    """Return what a `config.yaml` in SCoPe's layout says, by the names of our arguments; "" stands for an empty file.

    It is a dict: `data`, the path of the training table or ""; `training`, settings of all tags; `classes`, those of
    each class, among them its `label`; `xgb`, arguments of the trees; `feature_sets`, for each set its columns and
    whether they have the suffix of a period search. A `ValueError` names the file and the key that is wrong.
    """
    if not path:
        return {"data": "", "training": {}, "classes": {}, "xgb": {}, "feature_sets": {}}
    path = existing_file(path)
    content = read_yaml(path)
    try:
        return _read_content(content, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def find_table(data="", config=""):
    """Return the path of the training table: `data`, else that of the `config.yaml`, else the embedded sample."""
    path = data or read_config(config)["data"]
    return existing_file(path) if path else sample()


def _read_content(content, folder):
    keys, content = config_keys(), _mapping(content, "the file")
    if not {"training", "features"} & set(content):
        raise ValueError(f"it has neither a section 'training' nor 'features', but {', '.join(map(str, content))}")
    training, feature_sets = (_mapping(content.get(name), name) for name in ("training", "features"))
    _read_section(training, keys["training"], "'training'")
    settings = _read_section(training.get("dnn"), keys["network"], "'training.dnn'")
    data = str(folder / training["dataset"]) if training.get("dataset") else ""
    suffix = _mapping(feature_sets.pop("info", None), "features.info").get("period_suffix")
    feature_sets = {str(name): _read_features(name, columns) for name, columns in feature_sets.items() if columns}
    if suffix not in (None, "", "None"):
        settings["period_suffix"] = find_suffix(suffix)
    classes = _mapping(training.get("classes"), "training.classes")
    classes = {str(name): _read_class(str(name), entry, feature_sets) for name, entry in classes.items()}
    boosting, trees = _mapping(training.get("xgboost"), "training.xgboost"), {}
    _read_section(boosting, keys["xgboost"], "'training.xgboost'")
    for name, section in boosting.items():
        trees |= _read_section(section, keys[name], "'training.xgboost'")
    return {"data": data, "training": settings, "classes": classes, "xgb": trees, "feature_sets": feature_sets}


def _mapping(value, name):
    if not isinstance(value, dict | None):
        raise ValueError(f"{name} must be names and values, but is {type(value).__name__}")
    return value or {}


def _read_section(section, keys, where):
    """Return the checked values of a section by the names of our arguments."""
    section, arguments = _mapping(section, where), {}
    check_names(f"key of {where}", section, keys)
    for key, rule in keys.items():
        if key in section and (section[key] is not None or rule.get("kind") in ("value", "range")):
            value = _read_value(section[key], rule, f"{key} of {where}")
            if "argument" in rule:
                arguments[rule["argument"]] = value
    if not (arguments.get("branches.dense", True) or arguments.get("branches.conv", True)):
        raise ValueError(f"{where} leaves a network neither dense_branch nor conv_branch")
    return arguments


def _read_value(value, rule, name):
    """Return the value of a key as its rule in `tables/config_keys.yaml` wants it, or raise a `ValueError`."""
    kind = rule.get("kind", "value")
    if "only" in rule and value != rule["only"]:
        raise ValueError(f"{name} is {value!r}; networks are trained with {rule['only']!r} only")
    if kind == "value":
        return value
    if kind == "switch":
        return _switch(value, name)
    if kind == "text":
        if not isinstance(value, str):
            raise ValueError(f"{name} is {value!r}, which is no text")
        return value
    number = next(iter(value), None) if kind == "range" and isinstance(value, list) else value
    if kind == "decimal" and isinstance(value, str):
        with suppress(ValueError):
            number = float(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        hint = "; YAML wants a dot in it: 3.0e-4, not 3e-4" if isinstance(number, str) and "e" in number else ""
        raise ValueError(f"{name} is {value!r}, which is no number{hint}")
    inside = number >= rule.get("least", -LARGEST) and rule.get("above", -inf) < number < rule.get("below", LARGEST)
    if not inside or (kind == "count" and number != int(number)):
        raise ValueError(f"{name} is {value!r}, which is out of range{rule.get('hint', '')}")
    if kind == "count":
        return int(number)
    return number / rule["divide"] if "divide" in rule else number


def _switch(value, name):
    """Return whether a switch is on; SCoPe's file has numbers and words for it too."""
    if isinstance(value, bool | int | float | None):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in (*ON, *OFF):
        raise ValueError(f"{name} is wrong: {value!r} is neither true nor false")
    return word in ON


def _read_class(tag, entry, feature_sets):
    """Return the settings of a class: a tag of SCoPe's, or one of one's own, whose label is any column of the table."""
    where, label_of = f"class {tag!r}", tags()["label"]
    arguments = _read_section(entry, config_keys()["class"] | config_keys()["network"], where)
    arguments["label"] = str(arguments.get("label") or "")
    if not arguments["label"]:
        hint = f"; that of the tag is {label_of[tag]!r}" if tag in label_of else ""
        raise ValueError(f"{where} has no label, the column of the table that answers it{hint}")
    near = get_close_matches(tag.lower(), label_of.index, cutoff=0.75)
    if tag not in label_of and (tag.lower() in near or arguments["label"] in set(label_of[near])):  # misspelt
        raise unknown("class of 'training.classes'", tag, near)
    if arguments.get("features"):
        check_names(f"feature set of {where}", [arguments["features"]], [*feature_sets, *FEATURE_SETS])
    return arguments


def _network(arguments):
    """Return arguments of `models.dnn`, where those of the optimizer and those of the branches are together."""
    nested = {"branches": {"dense": True, "conv": True}}
    for name, value in arguments.items():
        outer, _, inner = name.partition(".")
        nested |= {outer: nested.get(outer, {}) | {inner: value}} if inner else {name: value}
    branches = nested.pop("branches")
    return nested if all(branches.values()) else nested | {"branches": [name for name in branches if branches[name]]}


def _read_features(name, content):
    """Return the columns of a set of features that are included, and whether each has the suffix of a period search."""
    periodic, columns = feature_table()["periodic"].to_dict(), {}
    if not isinstance(content, dict | list):
        raise ValueError(f"features.{name} must be a list of columns, but is {type(content).__name__}")
    for column in content:
        where, entry = f"{column!r} of features.{name}", content[column] if isinstance(content, dict) else True
        if not isinstance(column, str):
            raise ValueError(f"{where} is no name of a column")
        entry = entry if isinstance(entry, dict) else {"include": entry}
        suffixed = _switch(entry.get("periodic", periodic.get(column, False)), f"periodic of {where}")
        if entry.get("include") is None or _switch(entry["include"], f"include of {where}"):
            columns[column] = suffixed
    return columns
