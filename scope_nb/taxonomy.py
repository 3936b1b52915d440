"""Tags, labels and feature names: the facts in `tables/`, and errors that name the nearest name."""

import difflib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

TABLES = Path(__file__).with_name("tables")
PERIOD_SUFFIXES = ("ELS", "ECE", "EAOV", "ELS_ECE_EAOV")
FEATURE_SETS = ("phenomenological", "ontological", "light curve")
NEGATIVE_LABEL = "non-variable"
CATALOGUES = ("Gaia_EDR3__", "AllWISE__", "PS1_DR1__")
ALERTS = ("n_ztf_alerts", "mean_ztf_alert_braai")


@cache
def tags():
    """Return the 52 classifiers as a DataFrame, indexed by tag.

    `label` is the column of the training table, `n_scope` the number of positive light curves among SCoPe's 170,632,
    `dnn_*` are SCoPe's tuned settings of networks; `taxonomy` and `parent_tag` place a tag in the tree.
    """
    return pd.read_csv(TABLES / "tags.csv", index_col="tag")


@cache
def feature_table():
    """Return the columns of a training table as a DataFrame, indexed by name without period suffix.

    The `FEATURE_SETS` are true for their columns: SCoPe has one for each taxonomy, of which the ontological one has
    periods, catalogue columns and alerts as well; "light curve" does without the last two. `periodic` is true for those
    that carry a period suffix; `impute` is how SCoPe fills a missing value; `unit` and `description` are for people.
    """
    flags = dict.fromkeys(("phenomenological", "ontological", "periodic"), bool)
    table = pd.read_csv(TABLES / "features.csv", index_col="name", keep_default_na=False).astype(flags)
    elsewhere = table.index.str.startswith(CATALOGUES) | table.index.isin(ALERTS)
    table["light curve"] = table["ontological"] & ~elsewhere
    return table


@cache
def published():
    """Return the published precision and recall of SCoPe's DNN and XGB classifiers for 34 tags, and the F1 of both."""
    table = pd.read_csv(TABLES / "published.csv", index_col="tag")
    for name in ("dnn", "xgb"):
        precision, recall = table[f"precision_{name}"], table[f"recall_{name}"]
        table[f"f1_score_{name}"] = 2 * precision * recall / (precision + recall).where(precision + recall > 0)
    return table


@cache
def scope_statistics():
    """Return min, max, median, mean and standard deviation of the columns of SCoPe's training set, by name without
    period suffix. Zeros of catalogue columns, which mean no match, are counted in them."""
    return pd.read_csv(TABLES / "statistics.csv", index_col="name")


@cache
def config_keys():
    """Return for each section of SCoPe's `config.yaml` its keys and their rules: `tables/config_keys.yaml`."""
    return yaml.safe_load((TABLES / "config_keys.yaml").read_text(encoding="utf-8"))


@cache
def defaults():
    """Return the kit's defaults as a nested dict: `tables/defaults.yaml`."""
    return yaml.safe_load((TABLES / "defaults.yaml").read_text(encoding="utf-8"))


@cache
def dmdt_edges():
    """Return the bin edges of the dmdt histogram: (magnitude differences, time differences in days)."""
    edges = json.loads((TABLES / "dmdt_edges.json").read_text(encoding="utf-8"))
    return np.array(edges["dmints"], float), np.array(edges["dtints"], float)


def label_names():
    """Return the 53 label columns: one per tag, and `non-variable`."""
    return [*tags()["label"], NEGATIVE_LABEL]


def unknown(kind, name, names):
    """Return the `ValueError` for a name that is not one of `names`; it mentions the nearest of them."""
    by_lower = {str(n).lower(): str(n) for n in names}
    near = [by_lower[k] for k in difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.5)]
    if near:
        return ValueError(f"unknown {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return ValueError(f"unknown {kind} {name!r}; known: {', '.join(by_lower.values()) or 'none'}")


def check_names(kind, names, allowed):
    """Raise the error of `unknown` for the first of some names that is not allowed."""
    for name in names:
        if name not in allowed:
            raise unknown(kind, name, allowed)


def find_tag(name):
    """Return the tag of that name or label, in capital or small letters; the error names the nearest tag."""
    table, lower = tags(), str(name).lower()
    if lower in table.index:
        return lower
    by_label = dict(zip(table["label"].str.lower(), table.index, strict=True))
    if lower in by_label:
        return by_label[lower]
    near = difflib.get_close_matches(lower, by_label, n=1, cutoff=0.7)
    raise unknown("tag", name, [by_label[near[0]]] if near else table.index)


def feature_columns(feature_set, period_suffix="ELS_ECE_EAOV"):
    """Return the columns of one of the `FEATURE_SETS`, with the suffix of a period search, one of `PERIOD_SUFFIXES`."""
    check_names("feature set", [feature_set], FEATURE_SETS)
    periodic = feature_table()["periodic"][feature_table()[feature_set]]
    return [f"{name}_{period_suffix}" if suffixed else name for name, suffixed in periodic.items()]


def base_name(column):
    """Return the name of a feature column without its period suffix: its row in `feature_table()`, if it has one."""
    for suffix in sorted(PERIOD_SUFFIXES, key=len, reverse=True):
        column = column.removesuffix(f"_{suffix}")
    return column


def find_suffix(name):
    """Return the period suffix of that name; the error names the nearest one."""
    check_names("period suffix", [name], PERIOD_SUFFIXES)
    return name


def as_names(values):
    """Return names as text, whatever type a file gave them: 206.0 is 206, a missing one is ""."""
    column = pd.Series(values, dtype=object)
    names = [str(int(v)) if isinstance(v, float | np.floating) and float(v).is_integer() else str(v) for v in column]
    return pd.Series(names, dtype=str).where(column.notna().to_numpy(), "")
