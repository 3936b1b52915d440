"""Tags, labels and feature names: the facts in `tables/`, and errors that name the nearest name."""

import difflib
import json
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
import yaml

PERIOD_SUFFIXES = ("ELS", "ECE", "EAOV", "ELS_ECE_EAOV")
FEATURE_SETS = ("phenomenological", "ontological", "light curve")
NEGATIVE_LABEL = "non-variable"
CATALOGUES = ("Gaia_EDR3__", "AllWISE__", "PS1_DR1__")
ALERTS = ("n_ztf_alerts", "mean_ztf_alert_braai")


def _open(name):
    return files("scope_nb").joinpath("tables", name).open(encoding="utf-8")


def _read_csv(name, index, **options):
    with _open(name) as file:
        return pd.read_csv(file, index_col=index, **options)


@cache
def tags():
    """Return the 52 classifiers, indexed by tag.

    Returns
    -------
    pandas.DataFrame
        `label` (the column of the training table), `taxonomy`, `parent_tag`, `n_scope` (positive light curves
        among SCoPe's 170,632) and SCoPe's tuned network settings `dnn_*`.
    """
    return _read_csv("tags.csv", "tag")


@cache
def features():
    """Return the columns of a training table, indexed by name without period suffix.

    `phenomenological` and `ontological` are true for the columns of these feature sets, `periodic` for those that carry
    a period suffix; `impute` is how SCoPe fills a missing value; `unit` and `description` are for people.
    """
    flags = ("phenomenological", "ontological", "periodic")
    return _read_csv("features.csv", "name", keep_default_na=False).astype(dict.fromkeys(flags, bool))


@cache
def published():
    """Return the published precision and recall of SCoPe's DNN and XGB classifiers for 34 tags, and the F1 of both."""
    table = _read_csv("published.csv", "tag")
    for name in ("dnn", "xgb"):
        p, r = table[f"precision_{name}"], table[f"recall_{name}"]
        table[f"f1_score_{name}"] = 2 * p * r / (p + r).where(p + r > 0)
    return table


@cache
def scope_statistics():
    """Return min, max, median, mean and standard deviation of the columns of SCoPe's training set, by name without
    period suffix. Zeros of catalogue columns, which mean no match, are counted in them."""
    return _read_csv("statistics.csv", "name")


@cache
def config_keys():
    """Return `tables/config_keys.yaml`: for each section of SCoPe's `config.yaml` its keys and their rules."""
    with _open("config_keys.yaml") as file:
        return yaml.safe_load(file)


@cache
def defaults():
    """Return `tables/defaults.yaml` as a nested dict."""
    with _open("defaults.yaml") as file:
        return yaml.safe_load(file)


@cache
def dmdt_edges():
    """Return the bin edges of the dmdt histogram: (magnitude differences, time differences in days)."""
    with _open("dmdt_edges.json") as file:
        edges = json.load(file)
    return np.array(edges["dmints"], float), np.array(edges["dtints"], float)


def labels():
    """Return the 53 label columns: one per tag, and `non-variable`."""
    return [*tags()["label"], NEGATIVE_LABEL]


def unknown(kind, name, names):
    """Return the `ValueError` for a name that is not one of `names`, with the nearest of these."""
    by_lower = {str(n).lower(): str(n) for n in names}
    near = [by_lower[k] for k in difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.5)]
    if near:
        return ValueError(f"unknown {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return ValueError(f"unknown {kind} {name!r}; known: {', '.join(by_lower.values()) or 'none'}")


def find_tag(name):
    """Return the tag of that name, or the tag whose label it is, whatever the case of its letters.

    Raises
    ------
    ValueError
        If there is none; the message names the nearest tags.
    """
    table = tags()
    by_label = dict(zip(table["label"].str.lower(), table.index, strict=True))
    lower = str(name).lower()
    if lower in table.index:
        return lower
    if lower in by_label:
        return by_label[lower]
    near = difflib.get_close_matches(lower, by_label, n=1, cutoff=0.7)
    raise unknown("tag", name, [by_label[near[0]]] if near else table.index)


def feature_columns(feature_set, period_suffix="ELS_ECE_EAOV"):
    """Return the feature columns of a feature set, with the suffix of one period search.

    Parameters
    ----------
    feature_set : {"phenomenological", "ontological", "light curve"}
        SCoPe's set of a taxonomy: the ontological one has periods, catalogue columns and alerts as well.
        "light curve" is what of the ontological set comes from the light curve itself.
    period_suffix : str
        One of `PERIOD_SUFFIXES`.

    Raises
    ------
    ValueError
        If there is no such feature set.
    """
    if feature_set not in FEATURE_SETS:
        raise unknown("feature set", feature_set, FEATURE_SETS)
    table = features()
    members = table["phenomenological"] if feature_set == "phenomenological" else table["ontological"]
    if feature_set == "light curve":
        members = members & ~table.index.str.startswith(CATALOGUES) & ~table.index.isin(ALERTS)
    periodic = table["periodic"][members]
    return [f"{name}_{period_suffix}" if suffixed else name for name, suffixed in periodic.items()]


def base_name(column):
    """Return the name of a feature column without its period suffix: its row in `features()`, if it has one."""
    for suffix in sorted(PERIOD_SUFFIXES, key=len, reverse=True):
        column = column.removesuffix(f"_{suffix}")
    return column


def find_suffix(name):
    """Return the period suffix, or raise a `ValueError` that names the nearest one."""
    if name not in PERIOD_SUFFIXES:
        raise unknown("period suffix", name, PERIOD_SUFFIXES)
    return name


def as_names(values):
    """Return names as text, whatever type a file gave them: 206.0 is 206, a missing one is ""."""
    column = pd.Series(values, dtype=object)
    names = [str(int(v)) if isinstance(v, float | np.floating) and float(v).is_integer() else str(v) for v in column]
    return pd.Series(names, dtype=str).where(column.notna().to_numpy(), "")
