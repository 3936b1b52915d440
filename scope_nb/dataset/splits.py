"""The target of a tag, and which light curves are to learn from, to choose with and to report on."""

import hashlib
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..lightcurves.curves import stars
from ..taxonomy import NEGATIVE_LABEL, as_names, defaults, resolve_tag, unknown
from .labels import vote_shares
from .tables import require_unique_columns

PARTS = ("train", "val", "test")
DROPPED = "dropped"  # the part of what `balance` leaves out of training


class Question(NamedTuple):
    """The label of a tag that a vote share above a threshold gives, and the features (or the set) to answer from."""

    tag: str
    label: str
    threshold: float
    features: list | str
    period_suffix: str


class Target(NamedTuple):
    """Row number, vote share, target (0 or 1), star and split key of each light curve that can answer the question."""

    row: np.ndarray
    share: np.ndarray
    y: np.ndarray
    star: np.ndarray
    key: np.ndarray


def check_question(columns, tag, label=None, threshold=None, features=None, period_suffix=None, balance=None):
    """Return the `Question` of a tag, with its usual label, ... for None and ""; a bad number is a `ValueError`.

    `columns` are those of the table. Where a label is given, the tag may have any name.
    """
    tag, usual = _resolve_question(tag, label, columns), defaults()["training"]
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
    return Question(tag.name, label or tag.label, threshold, features, period_suffix or usual["period_suffix"])


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
    require_unique_columns(table.columns, "the table")
    names = as_names(table["_id"]) if "_id" in table else pd.Series(dtype=str)
    if (repeated := names.duplicated() & (names != "")).any():
        first = np.argmax(repeated)
        raise ValueError(
            f"{repeated.sum()} rows repeat the _id of another, first row {first} ({table['_id'].iloc[first]}): "
            "keep one of each, as table.drop_duplicates('_id') does"
        )
    share = vote_shares(table, question.label)
    y = (share > question.threshold).astype(int)
    usable = np.ones(len(table), bool)
    if question.tag == "vnv":  # a light curve that is neither is no negative
        negative = vote_shares(table, NEGATIVE_LABEL, " for the negatives of 'vnv'")
        usable = (y == 1) | (negative > question.threshold)
    row = np.flatnonzero(usable)
    _require_both(y[row], f"{question.label!r} above {question.threshold}", question.tag)
    star, key = star_and_key or stars(table)
    return Target(row, share[row], y[row], star[row], key[row])


def assign_parts(target, tag, split, balance=None, seed=42):
    """Return the part of each light curve, or raise a `ValueError` if one has no positive or no negative."""
    if split == "star":
        part = parts_of_stars(target.key)
    elif split == "scope":
        places = np.argsort(np.round(target.share) != 1, kind="stable")  # the positives first
        rest, test = train_test_split(places, test_size=0.1, random_state=42)  # SCoPe's own
        _, val = train_test_split(rest, test_size=0.1, random_state=42)
        part = np.full(len(places), "train", dtype="<U5")
        part[test], part[val] = "test", "val"
    else:
        raise unknown("split", split, ["star", "scope"])
    for name in PARTS:
        _require_both(target.y[part == name], f"the {name} part", tag)
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
    """Return the parts, where training rows beyond `balance` times the rarer class have become "dropped"."""
    rows = [np.flatnonzero((part == "train") & (target.y == value)) for value in (0, 1)]
    rare, common = sorted(rows, key=len)
    names, owner = np.unique(target.star[common], return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(names))[owner]
    keep = round(balance * len(rare))
    if keep >= len(common):
        return part
    part = part.astype("<U7")
    part[common[place >= max(np.sort(place)[keep], 1)]] = DROPPED  # of the last star all or nothing, of the first all
    return part


def class_weights(y, part, weight=None):
    """Return weights with which the training rows of both classes weigh as much in total."""
    weight = np.ones(len(y)) if weight is None else weight
    total = [weight[(part == "train") & (y == value)].sum() for value in (0, 1)]
    if 0 in total:
        raise ValueError("all weights of one class are 0 in the training part: weight_per_class cannot balance them")
    return weight * np.where(y == 1, sum(total) / (2 * total[1]), sum(total) / (2 * total[0]))


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
    """Warn of a tag with few positive stars, at the line that calls `Dataset.read`."""
    if (n_stars := len(set(target.star[target.y == 1]))) < 6:
        warnings.warn(
            f"tag {tag!r} has only {n_stars} positive stars: whether one more of them is found decides every score",
            stacklevel=3,
        )


def _require_both(y, where, tag):
    """Refuse a target without positives or without negatives: training and every score need both."""
    for value, kind in ((1, "positive"), (0, "negative")):
        if not len(y):
            raise ValueError(f"tag {tag!r}: {where} is empty: all stars of the table are in other parts")
        if not (y == value).any():
            hint = " (label 'non-variable')" if tag == "vnv" and value == 0 else ""
            raise ValueError(
                f"tag {tag!r}: {where} has no {kind} light curve{hint} among {len(y)}; a classifier needs both kinds "
                "in each part, so use more data or another tag"
            )
