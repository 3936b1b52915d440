"""Tags, labels and feature names: the facts in `tables/`, and errors that name the nearest name."""

import difflib
import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

TABLES = Path(__file__).with_name("tables")
PERIOD_SUFFIXES = ("ELS", "ECE", "EAOV", "ELS_ECE_EAOV")
FEATURE_SETS = ("phenomenological", "ontological", "light curve")
NEGATIVE_LABEL = "non-variable"
ROOT = "vnv"  # what has any nature at all is variable
CATALOGUES = ("Gaia_EDR3__", "AllWISE__", "PS1_DR1__")
ALERTS = ("n_ztf_alerts", "mean_ztf_alert_braai")
IDENTITY = ("_id", "obj_id", "ra", "dec", "band", "filter", "field", "ccd", "quad")
NAME_COLUMNS = ("_id", "obj_id", *(f"{catalogue}_id" for catalogue in CATALOGUES))
OWN_FEATURES = "ontological"  # the feature set of a label that is none of SCoPe's
FORBIDDEN = '<>&"$/\\'  # in the name of a tag, which becomes that of a folder and stands in pages and figures


class Tag(NamedTuple):
    """A yes-or-no question: the `name` of its runs, the `label` column that answers it, its usual set of `features`."""

    name: str
    label: str
    features: str


@cache
def tags():
    """Return the 52 classifiers as a DataFrame, indexed by tag.

    `label` is the column of the training table, `n_scope` the number of positive light curves among SCoPe's 170,632,
    `dnn_*` are SCoPe's tuned settings of networks; `taxonomy` and `parent_tag` place a tag in the tree.
    """
    return pd.read_csv(TABLES / "tags.csv", index_col="tag")


@cache
def parents():
    """Return the parent of each tag; None of the root, "variable", and of artefacts.

    The ontological tags without a parent among the tags lie below the root, too.
    """
    table = tags()
    tree = {tag: parent if parent in table.index else ROOT for tag, parent in table["parent_tag"].items()}
    return tree | {ROOT: None, "bogus": None}


def ancestors(tag):
    """Return the tags above a tag, the nearest first; none of one that is not in the tree."""
    chain = []
    while (tag := parents().get(tag)) is not None:
        chain.append(tag)
    return chain


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
    """Return SCoPe's tag of that name or label, in capital or small letters; the error names the nearest tag."""
    return resolve_tag(name).name


def resolve_tag(name, classes=None, columns=()):
    """Return the `Tag` of a name: a tag or label of SCoPe's, a class of a `config.yaml`, or a column of a table.

    Parameters
    ----------
    name : str
        As it is written, else in capital or small letters.
    classes : dict of str
        The label of each class; a class that is called like a tag of SCoPe's gives it another label.
    columns : iterable of str
        The columns of a training table, of which those that SCoPe's tables have are no labels of one's own.

    Raises
    ------
    ValueError
        Where nothing has the name, or a label of one's own cannot be the name of a folder; it says what to do.
    """
    by_tag, classes, columns = dict(_scope_tags()), classes or {}, own_columns(columns)
    for tag, label in classes.items():
        by_tag[tag] = by_tag[tag]._replace(label=label) if tag in by_tag else Tag(tag, label, OWN_FEATURES)
    by_name, by_lower = dict(by_tag), {}
    for tag in by_tag.values():
        by_name.setdefault(tag.label, tag)
    for column in columns:
        by_name.setdefault(column, Tag(column, column, OWN_FEATURES))
    for key, tag in by_name.items():
        by_lower.setdefault(key.lower(), tag)
    tag = by_name.get(str(name)) or by_lower.get(str(name).lower())
    if tag is None:
        raise _unknown_tag(name, by_lower, columns)
    if tag.name not in tags().index:
        check_tag_name(tag.name)
    return tag


@cache
def _scope_tags():
    return {row.Index: Tag(row.Index, row.label, row.taxonomy) for row in tags().itertuples()}


def own_columns(columns):
    """Return those of some columns that SCoPe's tables do not have: neither identity, label, feature nor catalogue."""
    of_scope = {*IDENTITY, *label_names(), *feature_table().index}
    texts = [name for name in columns if isinstance(name, str)]
    return [name for name in texts if base_name(name) not in of_scope and not name.startswith((*CATALOGUES, "__"))]


def _unknown_tag(name, by_lower, columns):
    """Return the `ValueError` of `resolve_tag` for a name that nothing has."""
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=2, cutoff=0.6)
    if near:
        names = dict.fromkeys(by_lower[key].name for key in near)
        return ValueError(f"unknown tag {name!r}; did you mean {' or '.join(map(repr, names))}?")
    if base_name(str(name)) in feature_table().index:
        return ValueError(f"unknown tag {name!r}: it is a feature, which answers no question")
    listed = f"none of SCoPe's {len(tags())}, which scope_nb/tables/tags.csv and taxonomy.tags() list"
    further = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
    return ValueError(f"unknown tag {name!r}: {listed}; columns of one's own in the table: {further or 'none'}")


def check_tag_name(name):
    """Refuse the name of a tag that cannot be that of a folder, or that a page or a figure would take for markup."""
    plain = name.isprintable() and name == name.strip() and not set(name) & set(FORBIDDEN)
    if not plain or name[:1] in ("", ".") or len(name.encode()) > 100:
        raise ValueError(
            f"{name!r} cannot be the name of a tag, which is also that of a folder: it must be at most 100 letters, "
            f"without {' '.join(FORBIDDEN)}, and not begin with a dot. Rename the column, or give it as the label of a "
            "tag with a plainer name: a class with `label:` in config.yaml, or Dataset.read(table, tag, label=...)"
        )


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


def describe_features(names):
    """Return what features are, as a DataFrame of `unit` and `description` indexed by their names.

    Names are those of columns of `feature_table()`, with or without period suffix, of features derived from them, and
    of the columns of dmdt that models get. Both texts are "" for a feature of one's own.
    """
    described = pd.concat([feature_table()[["unit", "description"]], _derived_table()])
    texts = described.reindex([base_name(str(name)) for name in names]).fillna("").set_axis(list(names))
    for name in texts.index[texts["description"] == ""]:
        if place := re.fullmatch(r"dmdt_(\d+)_(\d+)", str(name)):
            dm, dt = (edges[int(k) :][:2] for edges, k in zip(dmdt_edges(), place.groups(), strict=True))
            pairs = f"{dm[0]:g} to {dm[1]:g} mag in {dt[0]:.3g} to {dt[1]:.3g} days"
            texts.loc[name, "description"] = f"share of the pairs of epochs that differ by {pairs}"
    return texts


@cache
def _derived_table():
    return pd.read_csv(TABLES / "derived_features.csv", index_col="name", keep_default_na=False)


def find_suffix(name):
    """Return the period suffix of that name; the error names the nearest one."""
    check_names("period suffix", [name], PERIOD_SUFFIXES)
    return name


def as_names(values):
    """Return names as text, whatever type a file gave them: 206.0 is 206, bytes are text, a missing one is "".

    Numbers so large that floating point does not hold them exactly are a `ValueError`: two of them may be one.
    """
    column = pd.Series(values, dtype=object)
    return pd.Series([_as_name(value) for value in column], dtype=str)


def _as_name(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if value is np.ma.masked or pd.isna(value):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        if abs(value) >= 2**53:
            raise ValueError(
                f"the name {value!r} is a floating-point number too large to be exact: read names as whole numbers or "
                "as text (of pandas, dtype=str or 'Int64'), as a blank among them turns them into floating point"
            )
        return str(int(value))
    return str(value)
