"""The target of a tag, and which light curves are to learn from, to choose with and to report on."""

import hashlib
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..lightcurves.curves import stars
from ..taxonomy import NEGATIVE_LABEL, defaults, labels, unknown
from .tables import require_unique_columns

PARTS = ("train", "val", "test")
DROPPED = "dropped"  # the part of what `balance` leaves out of training
FEWEST_STARS = 6  # scores of a tag with fewer positive stars say next to nothing
SCOPE_SEED = 42  # the random state of SCoPe's own split


class Target(NamedTuple):
    """Row number, vote share, target (0 or 1), star and split key of each light curve that can answer the question."""

    row: np.ndarray
    share: np.ndarray
    y: np.ndarray
    star: np.ndarray
    key: np.ndarray


def find_target(table, cut, star_and_key=None):
    """Return the `Target` of a `Cut`; `star_and_key` is what `stars` returns, if that is at hand.

    A `ValueError` says if a column or a light curve is repeated, or the label is missing, out of range, or one for all.
    """
    _require_unique_rows(table)
    share = vote_share(table, cut.label)
    y = (share > cut.threshold).astype(int)
    usable = np.ones(len(table), bool)
    if cut.tag == "vnv":  # a light curve that is neither is no negative
        usable = (y == 1) | (vote_share(table, NEGATIVE_LABEL, " for the negatives of 'vnv'") > cut.threshold)
    row = np.flatnonzero(usable)
    _require_both(y[row], f"{cut.label!r} above {cut.threshold}", cut.tag)
    star, key = star_and_key or stars(table)
    return Target(row, share[row], y[row], star[row], key[row])


def assign_parts(target, tag, split, balance=None, seed=42):
    """Return the part of each light curve, or raise a `ValueError` if one has no positive or no negative.

    See `Dataset.read` for the arguments.
    """
    if split == "star":
        place = split_place(target.key)
        test, val = defaults()["training"]["test_fraction"], defaults()["training"]["val_fraction"]
        part = np.select([place < test, place < test + val], ["test", "val"], "train")
    elif split == "scope":
        positive = np.round(target.share) == 1
        places = np.concatenate([np.flatnonzero(positive), np.flatnonzero(~positive)])
        rest, test = train_test_split(places, test_size=0.1, random_state=SCOPE_SEED)
        _, val = train_test_split(rest, test_size=0.1, random_state=SCOPE_SEED)
        part = np.full(len(places), "train", dtype="<U5")
        part[test], part[val] = "test", "val"
    else:
        raise unknown("split", split, ["star", "scope"])
    for name in PARTS:
        _require_both(target.y[part == name], f"the {name} part", tag)
    return part if balance is None else _balance(part, target, balance, seed)


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


def balance_weights(y, part, weight=None):
    """Return weights with which the training rows of both classes weigh as much in total."""
    weight = np.ones(len(y)) if weight is None else weight
    total = [weight[(part == "train") & (y == value)].sum() for value in (0, 1)]
    return weight * np.where(y == 1, sum(total) / (2 * total[1]), sum(total) / (2 * total[0]))


def vote_share(table, label, purpose=""):
    """Return the vote shares of a label as floats; nobody's vote (NaN) is no vote. See `find_target`."""
    if label not in table:
        present = [name for name in labels() if name in table]
        hint = f"labels present: {', '.join(present)}" if present else "it has no label columns at all"
        raise ValueError(f"the table has no column {label!r}{purpose}; {hint}")
    try:
        share = pd.to_numeric(table[label]).fillna(0.0).to_numpy(float)
    except (ValueError, TypeError) as error:
        raise ValueError(f"label {label!r} holds something else than numbers: {error}") from error
    if (outside := (share < 0) | (share > 1)).any():
        raise ValueError(f"label {label!r} holds values outside 0..1, first in row {np.argmax(outside)}")
    return share


def warn_of_few_stars(target, tag):
    """Warn the caller's caller's caller if a tag has fewer positive stars than `FEWEST_STARS`."""
    n_stars = len(set(target.star[target.y == 1]))
    if n_stars < FEWEST_STARS:
        warnings.warn(
            f"tag {tag!r} has only {n_stars} positive stars: whether one more of them is found decides every score",
            stacklevel=4,
        )


def _require_both(y, where, tag):
    """Refuse a target without positives or without negatives: training and every score need both."""
    for value, kind in ((1, "positive"), (0, "negative")):
        if not (y == value).any():
            hint = " (label 'non-variable')" if tag == "vnv" and value == 0 else ""
            raise ValueError(
                f"tag {tag!r}: {where} has no {kind} light curve{hint} among {len(y)}; a classifier needs both kinds "
                "in each part, so use more data or another tag"
            )


def _require_unique_rows(table):
    require_unique_columns(table.columns, "the table")
    if "_id" in table and (repeated := table["_id"].duplicated() & table["_id"].notna()).any():
        first = np.argmax(repeated)
        raise ValueError(
            f"{repeated.sum()} rows repeat the _id of another, first row {first} ({table['_id'].iloc[first]}): "
            "keep one of each, as table.drop_duplicates('_id') does"
        )


def require_unique_numbers(table):
    """Refuse a table without names of light curves where rows are equal in every number."""
    if "_id" not in table:
        numbers = table.select_dtypes("number")
        repeated = numbers.duplicated() & numbers.notna().any(axis=1)
        if repeated.any():
            raise ValueError(
                f"{repeated.sum()} rows repeat another in every number, first row {np.argmax(repeated)}: keep one of "
                "each, or give the table a column '_id' if they are different light curves"
            )
