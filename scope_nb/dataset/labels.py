"""Labels of a training table: from class names, and how many there are."""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..files import existing_file, naming_file
from ..lightcurves.curves import LightCurve, match_curves
from ..taxonomy import (
    CATALOGUES,
    NEGATIVE_LABEL,
    OWN_FEATURES,
    Tag,
    ancestors,
    as_names,
    check_tag_name,
    label_names,
    own_columns,
    resolve_tag,
    scope_statistics,
    tags,
)
from .tables import make_plain, parse_csv

OTHER = "other"  # the class of what has none of the labels
MOST_VALUES = 11  # different values of a label of one's own that is found by itself: shares of up to ten votes


def vote_shares(table, label, purpose=""):
    """Return the vote shares of a label, from 0 to 1; nobody's vote (missing) is no vote.

    A label that is not in the table, or holds something else, is a `ValueError`, which mentions the `purpose`.
    """
    if label not in table:
        present = [name for name in label_names() if name in table]
        hint = f"labels present: {', '.join(present)}" if present else "it has none of SCoPe's labels"
        raise ValueError(f"the table has no column {label!r}{purpose}; {hint}")
    share = make_plain(table[[label]])[label]
    if not pd.api.types.is_numeric_dtype(share):
        raise ValueError(f"label {label!r} holds something else than numbers or true and false: {share.dtype}")
    share = share.fillna(0.0).to_numpy(float)
    if (outside := (share < 0) | (share > 1)).any():
        raise ValueError(f"label {label!r} holds values outside 0..1, first in row {np.argmax(outside)}")
    return share


def _positive(table, label, threshold):
    """Return which rows have a label; none where the table lacks it."""
    return vote_shares(table, label) > threshold if label in table else np.zeros(len(table), bool)


def resolve_classes(names, columns):
    """Return the `Tag` of each class of a list, by name: tags, labels of one's own, or `NEGATIVE_LABEL`."""
    negative = Tag(NEGATIVE_LABEL, NEGATIVE_LABEL, OWN_FEATURES)
    resolved = [negative if name == NEGATIVE_LABEL else resolve_tag(name, columns=columns) for name in names]
    classes = {tag.name: tag for tag in resolved}
    if not classes or len(classes) < len(names) or OTHER in classes:
        raise ValueError(f"{list(names)} are no classes: name each tag once, and none {OTHER!r}, which is all the rest")
    return classes


def single_class(table, labels, threshold):
    """Return the number of each row's only class among `labels` (the label of each class), and the classes.

    Of two classes of which one is above the other in the tree of tags, a row has the lower one. One that has none is
    `OTHER`, the last class, if there are any; the number is -1 where several are left.
    """
    has = {name: vote_shares(table, label) > threshold for name, label in labels.items()}
    lowest = {name: rows.copy() for name, rows in has.items()}
    for name, rows in has.items():
        for above in ancestors(name):
            if above in lowest:
                lowest[above] &= ~rows
    votes = np.column_stack(list(lowest.values()))
    number = np.where(votes.any(axis=1), votes.argmax(axis=1), len(labels))
    number[votes.sum(axis=1) > 1] = -1
    return number, (*labels, OTHER) if (number == len(labels)).any() else tuple(labels)


def own_labels(table, threshold=0.7):
    """Return the columns of a table that are taken for labels of one's own when nobody names them.

    They are columns that SCoPe's tables do not have (`taxonomy.own_columns`), numbers or true and false, from 0 to 1,
    some above the threshold and some not (or missing), with at most `MOST_VALUES` different values: a vote share has
    few, a feature many.
    """
    labels = []
    for name, column in make_plain(table[own_columns(table)]).select_dtypes(["number", "bool"]).items():
        values = np.unique(column.fillna(0.0).to_numpy(float))
        if len(values) <= MOST_VALUES and values[0] >= 0 and values[-1] <= 1 and values[0] <= threshold < values[-1]:
            labels.append(name)
    return labels


def count_labels(meta, threshold=0.7):
    """Return how many light curves and stars are positive for each label, and how many in SCoPe's training set.

    Labels are SCoPe's and `own_labels`; those that the table lacks have none.
    """
    positive = pd.DataFrame({label: _positive(meta, label, threshold) for label in [*label_names(), *own_labels(meta)]})
    counts = positive.sum().to_frame("light curves")
    counts["stars"] = [meta["obj_id"][positive[label]].nunique() for label in positive]
    counts["SCoPe"] = tags().set_index("label")["n_scope"].reindex(counts.index)
    return counts


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
    tags_of = {name: names.split() for name, names in _read_classes(path)["tags"].items()}
    if wrong := [name for names in tags_of.values() for name in names if "," in name or ";" in name]:
        raise ValueError(f"{path} has the tags {wrong[0]!r}: they are separated by spaces")
    with naming_file(path):
        for names in tags_of.values():
            _labels_of(names)
    return tags_of


def read_class_labels(path):
    """Return each class's labels of one's own, a dict of lists, from a third column `labels` (by semicolons)."""
    table = _read_classes(path)
    texts = table["labels"] if "labels" in table else pd.Series("", table.index)
    labels_of = {name: [label.strip() for label in text.split(";") if label.strip()] for name, text in texts.items()}
    with naming_file(path):
        for labels in labels_of.values():
            _check_own_labels(labels)
    return labels_of


def _read_classes(path):
    """Return the table of classes, indexed by class."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more cells than the header
            table = parse_csv(existing_file(path), dtype=str, keep_default_na=False, index_col=False)
    except pd.errors.ParserWarning as error:
        text = "has a row with more cells than its header; tags are separated by spaces, labels by semicolons"
        raise ValueError(f"{path} {text}") from error
    if not {"class", "tags"} <= set(table):
        raise ValueError(f"{path} needs the columns 'class' and 'tags'; it has {', '.join(table)}")
    if wrong := set(table) & {"label", "Label", "Labels"}:
        raise ValueError(f"{path} has a column {min(wrong)!r}; that of labels of one's own is called 'labels'")
    if (repeated := table["class"].duplicated()).any():
        raise ValueError(f"{path} has the class {table['class'][repeated].iloc[0]!r} twice")
    return table.set_index("class")


def label_columns(classes, tags_of, labels_of=None):
    """Return the label columns of a training table, shape (n, 53 + m): 1 if the class has a label, else 0.

    `classes` are n names or numbers as a catalogue gives them. `tags_of` holds the list of tags (or labels) of each,
    parents included; a `ValueError` names the classes that are not in it. `labels_of` holds in the same way m labels
    of one's own, of any name.
    """
    classes, labels_of = as_names(classes), labels_of or {}
    missing = sorted(set(classes) - set(tags_of))
    if missing:
        raise ValueError(f"no tags given for the classes {', '.join(name or 'that are missing' for name in missing)}")
    all_labels = {
        name: [*_labels_of(names), *_check_own_labels(labels_of.get(name, []))] for name, names in tags_of.items()
    }
    labels = list(dict.fromkeys([*label_names(), *(label for names in all_labels.values() for label in names)]))
    table = pd.DataFrame({name: np.isin(labels, all_labels[name]) for name in all_labels}, index=labels, dtype=float)
    return table[classes].T.reset_index(drop=True)


def _labels_of(names):
    """Return the labels of tags, or raise a `ValueError` for one that is unknown."""
    return [NEGATIVE_LABEL if name == NEGATIVE_LABEL else resolve_tag(name).label for name in names]


def _check_own_labels(labels):
    """Refuse a label of one's own that has the name of a column of SCoPe's, or that no tag can have."""
    for label in labels:
        if not own_columns([label]):
            raise ValueError(f"{label!r} is a column of SCoPe's training table and no label of one's own")
        check_tag_name(label)
    return labels


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
    positive = np.column_stack([_positive(table, label, threshold) for label in label_of[frame.index]])
    lacking = positive & ~np.column_stack([_positive(table, label, threshold) for label in frame["parent"]])
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
    positive = table[vote_shares(table, label) > threshold]
    if positive.empty:
        return Example(None, None, 0, 0)
    place = np.full(len(positive), -1) if curves is None else match_curves(curves, positive)
    first = (place >= 0).argmax()
    curve = curves[place[first]] if place[first] >= 0 else None
    return Example(positive.iloc[first], curve, len(positive), int((place >= 0).sum()))
