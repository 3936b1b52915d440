"""The target of a tag, and which light curves are to learn from, to choose with and to report on."""

import hashlib
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..lightcurves.curves import stars
from ..taxonomy import NEGATIVE_LABEL, OWN_FEATURES, Tag, as_names, check_names, defaults, resolve_tag
from .labels import resolve_classes, single_class, vote_shares

PARTS = ("train", "val", "test")
DROPPED = "dropped"  # the part of what `balance` leaves out of training


class Question(NamedTuple):
    """The label of a tag that a vote share above a threshold gives, and the features (or the set) to answer from.

    `labels` are those of several classes by name, or the only one.
    """

    tag: str
    label: str
    threshold: float
    features: list | str
    period_suffix: str
    labels: dict


class Target(NamedTuple):
    """Row number, vote share, target (0 or 1), star and split key of each light curve that can answer the question.

    Of several classes, the target is the number of one of `classes`, and `n_several` light curves have more than one.
    """

    row: np.ndarray
    share: np.ndarray
    y: np.ndarray
    star: np.ndarray
    key: np.ndarray
    classes: tuple[str, ...] = ()
    n_several: int = 0


def check_question(columns, tag, label=None, threshold=None, features=None, period_suffix=None, balance=None):
    """Return the `Question` of a tag, with its usual label, ... for None and ""; a bad number is a `ValueError`.

    `columns` are those of the table. Where a label is given, the tag may have any name. A list of tags are classes.
    """
    classes, usual = {}, defaults()["training"]
    if isinstance(tag, list | tuple):
        if label:
            raise ValueError("a label can be given to one tag, not to a list of them")
        classes = resolve_classes(tag, columns)
        sets = {one.features for one in classes.values()}
        names, label_texts = ", ".join(classes), ", ".join(one.label for one in classes.values())
        tag = Tag(names, label_texts, sets.pop() if len(sets) == 1 else OWN_FEATURES)
    else:
        tag = _resolve_question(tag, label, columns)
    threshold = usual["threshold"] if threshold in (None, "") else threshold
    for name, value in (("threshold", threshold), ("balance", balance)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise ValueError(f"{name} is {value!r}, which is no number")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is {threshold}, but vote shares above it make a label: choose 0 or more, below 1")
    if balance is not None and not balance > 0:
        raise ValueError(f"balance is {balance}; it is a ratio of counts, above 0, or None to keep every row")
    if features is None or (isinstance(features, str) and not features):
        features = tag.features
    label = label or tag.label
    labels = {name: one.label for name, one in classes.items()} or {tag.name: label}
    return Question(tag.name, label, threshold, features, period_suffix or usual["period_suffix"], labels)


def _resolve_question(tag, label, columns):
    """Return the `Tag`; where a label is given, one that nobody knows is the name of a question of one's own."""
    try:
        return resolve_tag(tag, columns=columns)
    except ValueError:
        if not label:
            raise
        return resolve_tag(tag, {str(tag): label})


def find_target(table, question, star_and_key=None):
    """Return the `Target` of a question in a checked table; `star_and_key` is what `stars` returns, if at hand."""
    names = as_names(table["_id"]) if "_id" in table else pd.Series(dtype=str)
    if (repeated := names.duplicated() & (names != "")).any():
        first = np.argmax(repeated)
        raise ValueError(
            f"{repeated.sum()} rows repeat the _id of another, first row {first} ({table['_id'].iloc[first]}): "
            "keep one of each, as table.drop_duplicates('_id') does"
        )
    if len(question.labels) > 1:
        y, classes = single_class(table, question.labels, question.threshold)
        share, usable, where = y, y >= 0, "the table"
    else:
        share, classes, where = vote_shares(table, question.label), (), f"{question.label!r} above {question.threshold}"
        y = (share > question.threshold).astype(int)
        usable = np.ones(len(table), bool)
        if question.tag == "vnv":  # a light curve that is neither is no negative
            negative = vote_shares(table, NEGATIVE_LABEL, " for the negatives of 'vnv'")
            usable = (y == 1) | (negative > question.threshold)
    row = np.flatnonzero(usable)
    _require_kinds(y[row], where, question.tag, classes)
    star, key = star_and_key or stars(table)
    n_several = len(y) - len(row) if classes else 0
    return Target(row, share[row], y[row], star[row], key[row], classes, n_several)


def assign_parts(target, tag, split, balance=None, seed=42):
    """Return the part of each light curve, or raise a `ValueError` if one lacks positives, negatives or a class."""
    check_names("split", [split], ["star", "scope"])
    if split == "star":
        part = parts_of_stars(target.key)
    elif target.classes:
        raise ValueError("split='scope' repeats SCoPe's split of one tag; for several classes use split='star'")
    else:
        places = np.argsort(np.round(target.share) != 1, kind="stable")  # the positives first
        rest, test = train_test_split(places, test_size=0.1, random_state=42)  # SCoPe's own
        _, val = train_test_split(rest, test_size=0.1, random_state=42)
        part = np.full(len(places), "train", dtype="<U5")
        part[test], part[val] = "test", "val"
    for name in PARTS:
        _require_kinds(target.y[part == name], f"the {name} part", tag, target.classes)
    return part if balance is None else _balance(part, target, balance, seed)


def parts_of_stars(key):
    """Return the part of each star, "train", "val" or "test", by its key."""
    place = split_place(key)
    test, val = defaults()["training"]["test_fraction"], defaults()["training"]["val_fraction"]
    return np.select([place < test, place < test + val], ["test", "val"], "train")


def split_place(key):
    """Return a number in [0, 1) for each star that depends on its key alone; the test part comes first."""
    names, inverse = np.unique(np.asarray(key, object), return_inverse=True)
    digests = (hashlib.blake2b(str(name).encode(), digest_size=8, person=b"scope_nb split").digest() for name in names)
    return np.array([int.from_bytes(digest, "big") / 2.0**64 for digest in digests])[inverse]


def _balance(part, target, balance, seed):
    """Return the parts, where training rows of a class beyond `balance` times the rarest have become "dropped"."""
    rows = [np.flatnonzero((part == "train") & (target.y == value)) for value in range(target.y.max() + 1)]
    rare, *others = sorted(rows, key=len)
    keep = round(balance * len(rare))
    for common in others:
        names, owner = np.unique(target.star[common], return_inverse=True)
        place = np.random.default_rng(seed).permutation(len(names))[owner]
        if keep < len(common):
            part = part.astype("<U7")
            dropped = place >= max(np.sort(place)[keep], 1)  # of the last star all or nothing, of the first all
            part[common[dropped]] = DROPPED
    return part


def class_weights(y, part, weight=None):
    """Return weights with which the training rows of all classes weigh as much in total."""
    weight = np.ones(len(y)) if weight is None else weight
    total = np.array([weight[(part == "train") & (y == value)].sum() for value in range(y.max() + 1)])
    if 0 in total:
        raise ValueError("all weights of one class are 0 in the training part: weight_per_class cannot balance them")
    return weight * (sum(total) / (len(total) * total))[y]


def check_weights(weight, n_rows):
    """Return the sample weights of a table's rows as floats; a `ValueError` names the first row with a bad one."""
    weight = pd.to_numeric(pd.Series(np.ma.asarray(weight).tolist(), dtype=object), errors="coerce").to_numpy(float)
    if len(weight) != n_rows:
        raise ValueError(f"there are {len(weight)} weights for the {n_rows} rows of the table")
    if (bad := ~(np.isfinite(weight) & (weight >= 0))).any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{bad.sum()} weights are no numbers of 0 or more, first in row {row} ({weight[row]}): "
            "leave such rows out, or give them 0"
        )
    return weight


def warn_of_few_stars(target, tag):
    """Warn of a tag or class with few positive stars, at the line that calls `Dataset.read`."""
    for value, name in enumerate(target.classes) if target.classes else [(1, tag)]:
        if (n_stars := len(set(target.star[target.y == value]))) < 6:
            text = f"only {n_stars} positive stars: whether one more of them is found decides every score"
            warnings.warn(f"tag {name!r} has {text}", stacklevel=3)


def _require_kinds(y, where, tag, classes):
    """Refuse a target without positives, negatives or one of several classes: training and every score need all."""
    if missing := [name for value, name in enumerate(classes) if not (y == value).any()]:
        raise ValueError(
            f"{where} has no light curve whose only class is {' or '.join(map(repr, missing))}: leave such classes out "
            "of the list, or use more data"
        )
    kinds = () if classes else ((1, "positive"), (0, "negative"))
    for value, kind in kinds:
        if not len(y):
            raise ValueError(f"tag {tag!r}: {where} is empty: all stars of the table are in other parts")
        if not (y == value).any():
            hint = " (label 'non-variable')" if tag == "vnv" and value == 0 else ""
            raise ValueError(
                f"tag {tag!r}: {where} has no {kind} light curve{hint} among {len(y)}; a classifier needs both kinds "
                "in each part, so use more data or another tag"
            )
