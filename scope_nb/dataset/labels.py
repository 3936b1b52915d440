"""Labels of a training table: from class names, and how many there are."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ..files import existing_file
from ..lightcurves.curves import LightCurve, match_curves
from ..taxonomy import CATALOGUES, NEGATIVE_LABEL, as_names, find_tag, label_names, scope_statistics, tags


def count_labels(meta, threshold=0.7):
    """Return how many light curves and stars are positive for each label, and how many in SCoPe's training set."""
    positive = meta[label_names()] > threshold
    return pd.DataFrame(
        {
            "light curves": positive.sum(),
            "stars": [meta["obj_id"][positive[label]].nunique() for label in positive],
            "SCoPe": tags().set_index("label")["n_scope"].reindex(positive.columns),
        }
    )


def compare_medians(table, period_suffix="ELS_ECE_EAOV"):
    """Return the `median` of each column, that of `SCoPe`'s training set, and their `distance`; the furthest first.

    The distance is in SCoPe's standard deviations. Of catalogue columns only matches count, unless SCoPe's median
    itself is 0: then it counts the missing.
    """
    rows = {}
    for name, scope in scope_statistics().drop(["ra", "ccd", "quad", "field"], errors="ignore").iterrows():
        column = name if name in table else f"{name}_{period_suffix}"
        if column in table:
            values = pd.to_numeric(table[column])
            if name.startswith(CATALOGUES) and scope["median"] != 0:
                values = values[values != 0]
            rows[name] = {"median": values.median(), "SCoPe": scope["median"], "std": scope["std"]}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["median", "SCoPe", "std"])
    frame["distance"] = (frame["median"] - frame["SCoPe"]) / frame.pop("std")
    return frame.sort_values("distance", key=lambda distance: -distance.abs())


def read_class_tags(path):
    """Return the tags of each class, a dict of lists, from a CSV with the columns `class` and `tags` (by spaces)."""
    table = pd.read_csv(existing_file(path), dtype=str, keep_default_na=False)
    if not {"class", "tags"} <= set(table):
        raise ValueError(f"{path} needs the columns 'class' and 'tags'; it has {', '.join(table)}")
    if (repeated := table["class"].duplicated()).any():
        raise ValueError(f"{path} has the class {table['class'][repeated].iloc[0]!r} twice")
    tags_of = dict(zip(table["class"], table["tags"].str.split(), strict=True))
    for names in tags_of.values():
        _labels_of(names)
    return tags_of


def label_columns(classes, tags_of):
    """Return the label columns of a training table, shape (n, 53): 1 if the class of a light curve has a label, else 0.

    `classes` are n names or numbers as a catalogue gives them. `tags_of` holds the list of tags (or labels) of each,
    parents included; a `ValueError` names the classes that are not in it.
    """
    classes = as_names(classes)
    missing = sorted(set(classes) - set(tags_of))
    if missing:
        raise ValueError(f"no tags given for the classes {', '.join(name or 'that are missing' for name in missing)}")
    labels_of = {name: _labels_of(names) for name, names in tags_of.items()}
    table = pd.DataFrame(
        {name: np.isin(label_names(), labels_of[name]) for name in labels_of}, index=label_names(), dtype=float
    )
    return table[classes].T.reset_index(drop=True)


def _labels_of(names):
    """Return the labels of tags, or raise a `ValueError` for one that is unknown."""
    return [NEGATIVE_LABEL if name == NEGATIVE_LABEL else tags().loc[find_tag(name), "label"] for name in names]


def tag_tree(taxonomy_name, counts=None):
    """Return one of the two taxonomies as text: a tree of tags with their labels and, from `count_labels`, numbers."""
    table = tags()[tags()["taxonomy"] == taxonomy_name]
    children = {parent: list(rows.index) for parent, rows in table.groupby("parent_tag", sort=False)}

    def lines(tag, indent):
        label = table["label"].get(tag, "")
        line = f"{indent + tag:<18}{label:<28}"
        if label and counts is not None:
            line += f"{counts.at[label, 'light curves']:>8,}"
        yield line.rstrip()
        for child in children.get(tag, []):
            yield from lines(child, indent + "   ")

    roots = [parent for parent in children if parent not in table.index]
    return "\n".join(line for root in roots for line in lines(root, ""))


def missing_parents(table, threshold=0.7):
    """Return how many `positive` light curves of each tag `lack the parent`, the label of its parent.

    The tag that lacks it most often comes first; those that always have it are left out.
    """
    label_of = tags()["label"]
    frame = tags()["parent_tag"].map(label_of).dropna().to_frame("parent").rename_axis(None)
    positive = table[label_of[frame.index]].to_numpy() > threshold
    lacking = positive & ~(table[frame["parent"]].to_numpy() > threshold)
    frame["positive"], frame["lack the parent"] = positive.sum(axis=0), lacking.sum(axis=0)
    return frame[frame["lack the parent"] > 0].sort_values("lack the parent", ascending=False)


class Example(NamedTuple):
    """A light curve of a label, and how many there are."""

    row: pd.Series | None  # of the table
    curve: LightCurve | None
    n_positive: int  # light curves that have the label
    n_curves: int  # of these, in the file


def find_example(table, label, threshold=0.7, curves=None):
    """Return the first light curve with a label as an `Example`: of those in `curves` (LightCurves), if any is."""
    positive = table[table[label] > threshold]
    if positive.empty:
        return Example(None, None, 0, 0)
    place = np.full(len(positive), -1) if curves is None else match_curves(curves, positive)
    first = (place >= 0).argmax()
    curve = curves[place[first]] if place[first] >= 0 else None
    return Example(positive.iloc[first], curve, len(positive), int((place >= 0).sum()))
