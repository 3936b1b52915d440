"""The data set of one tag, cut out of a training table and split by star."""

import hashlib
import re
import warnings
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..features.derived import CHANGES, changes, derived_features, sources
from ..features.dmdt import SIZE, stacked
from ..lightcurves.curves import LightCurves, stars
from ..taxonomy import ALERTS, CATALOGUES, NEGATIVE_LABEL, defaults, feature_columns, find_tag, labels, tags, unknown
from .columns import curve_block, sequences
from .tables import ParquetTable, open_table, require_unique_columns

IDENTITY = ("_id", "obj_id", "ra", "dec", "band", "filter", "field", "ccd", "quad")


DMDT_COLUMNS = [f"dmdt_{row}_{column}" for row in range(SIZE) for column in range(SIZE)]


PARTS = ("train", "val", "test")


DROPPED = "dropped"  # the part of what `balance` leaves out of training


FEWEST_STARS = 6  # scores of a tag with fewer positive stars say next to nothing


SCOPE_SEED = 42  # the random state of SCoPe's own split


@dataclass(frozen=True, eq=False)
class Cut:
    """How the data set of a tag is cut out of a training table: the arguments of `Dataset.read`.

    Make one with `Cut.of`, where None and "" stand for the default.

    Parameters
    ----------
    tag : str
        A tag or its label.
    threshold : float, optional
        A light curve is positive if its vote share is above this (0.7).
    split : {"star", "scope"}
        "star" keeps all light curves of a star on one side: 81 % train, 9 % validation, 10 % test, by a hash of
        `obj_id` (or of the position, see `stars`), so that membership does not depend on the other rows.
        "scope" repeats SCoPe's split by light curve, to compare with published scores.
    period_suffix : str, optional
        Which period search the features come from ("ELS_ECE_EAOV").
    features : list of str or str, optional
        The features, or the name of a set of them (`taxonomy.feature_columns`); by default that of the tag's taxonomy.
    derived : bool
        Add the features that follow from these, and from dmdt if the table has it (`derived.derived_features`).
    dmdt : bool, optional
        Include dmdt; by default if the table has it.
    light_curves : LightCurves, optional
        Include the light curves themselves, as the columns of `columns.sequences`.
    label : str, optional
        The label column, if it has another name than that of the tag.
    weight : str or array-like, optional
        Sample weights, one for each row of the table, or their column.
    balance : float, optional
        Keep at most this many training rows of the more common class for each row of the rarer one. Whole stars are
        dropped, at random; their rows become the part "dropped". Validation and test keep their mix.
    weight_per_class : bool
        Weigh rows so that both classes have the same total weight in the training part.
    seed : int
        Of the draw for `balance`.
    """

    tag: str
    threshold: float
    split: str
    period_suffix: str
    features: list | str
    derived: bool = True
    dmdt: bool | None = None
    light_curves: LightCurves | None = None
    label: str | None = None
    weight: str | np.ndarray | None = None
    balance: float | None = None
    weight_per_class: bool = False
    seed: int = 42

    @classmethod
    def of(cls, tag, **arguments):
        """Return the cut with defaults filled in.

        Raises
        ------
        ValueError
            If the tag or an argument is unknown (the message names the nearest one), or a value is out of range.
        """
        names = [item.name for item in fields(cls)]
        for name in arguments:
            if name not in names:
                raise unknown("argument of a data set", name, names)
        tag = find_tag(tag)
        default = {name: defaults()["training"][name] for name in ("threshold", "period_suffix")}
        default |= {"split": "star", "features": tags().loc[tag, "taxonomy"], "label": tags().loc[tag, "label"]}
        cut = cls(tag, **(default | {name: value for name, value in arguments.items() if not _is_blank(value)}))
        for name, value in (("threshold", cut.threshold), ("balance", cut.balance)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
                raise ValueError(f"{name} is {value!r}, which is no number")
        if not 0 <= cut.threshold < 1:
            raise ValueError(
                f"threshold is {cut.threshold}, but vote shares above it make a label: choose 0 or more, below 1"
            )
        if cut.balance is not None and not cut.balance > 0:
            raise ValueError(f"balance is {cut.balance}; it is a ratio of counts, above 0, or None to keep every row")
        return cut


def _is_blank(value):
    return value is None or (isinstance(value, str) and not value)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a data set: `X` (features and dmdt), `y` (0 or 1), `weight` (or None), `star`, and the `row` of
    each light curve in the table that it came from."""

    X: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray | None
    star: np.ndarray
    row: np.ndarray

    def __len__(self):
        return len(self.y)

    def some(self, most, seed=42):
        """Return `X` of at most `most` rows drawn at random, half of them positive if there are as many."""
        rng = np.random.default_rng(seed)
        positive, negative = (rng.permutation(np.flatnonzero(self.y == side)) for side in (1, 0))
        n_positive = min(len(positive), max(most // 2, most - len(negative)))
        return self.X.iloc[np.sort(np.r_[positive[:n_positive], negative[: most - n_positive]])]


@dataclass(frozen=True, eq=False)
class Dataset:
    """The data of one tag: inputs, target and split. Nothing in it is learned from the data.

    Make one with `Dataset.read` or `Dataset.from_table`; use `train`, `val`, `test`.

    Parameters
    ----------
    tag, label : str
    X : pandas.DataFrame of float32, shape (n, n_features)
        The features, those derived from them, then dmdt as the columns `dmdt_0_0` to `dmdt_25_25`, then the light
        curves. Missing values are NaN.
    y : numpy.ndarray of int, shape (n,)
    weight : numpy.ndarray of float, shape (n,), or None
    star : numpy.ndarray of str, shape (n,)
    part : numpy.ndarray of str, shape (n,)
        "train", "val" or "test"; "dropped" for rows that `balance` keeps from training.
    row : numpy.ndarray of int, shape (n,)
        Row numbers in the table.
    settings : dict
        How it was cut: threshold, split, period suffix, names of the features, ...
    meta : pandas.DataFrame, shape (n, ...)
        Of the same rows, indexed by `row`: names, position and band, label columns, and the period, of those that the
        table has.
    path : pathlib.Path or None
        The file, if it was read from one.
    simulated : bool
        Whether the table says that its light curves are simulated.
    n_rows : int
        Rows of the table. Those that cannot answer the question are not in the data set.
    split_key : numpy.ndarray of str, shape (n,)
        What decides the part of each row, see `stars`.
    row_weight : numpy.ndarray of float, shape (n,), or None
        The weights without those of the classes.
    """

    tag: str
    label: str
    X: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray | None
    star: np.ndarray
    part: np.ndarray
    row: np.ndarray
    settings: dict = field(default_factory=dict)
    meta: pd.DataFrame | None = None
    path: Path | None = None
    simulated: bool = False
    n_rows: int = 0
    split_key: np.ndarray | None = None
    row_weight: np.ndarray | None = None

    @classmethod
    def read(cls, path, tag, **cut):
        """Read the data set of one tag from a training table in a file, and no column that it does not need.

        Parameters
        ----------
        path : path-like
            A training table (.parquet, .csv or .h5).
        tag : str
            A tag or its label.
        **cut
            threshold, split, period_suffix, features, derived, dmdt, light_curves, label, weight, balance,
            weight_per_class, seed: see `Cut`.

        Raises
        ------
        FileNotFoundError
        ValueError
            If the tag or an argument is unknown, columns are missing (all are listed) or repeated, a light curve is
            repeated, a label, threshold or `balance` is out of range, or a part has no positive or no negative.
        """
        cut = Cut.of(tag, **cut)
        file = open_table(path)
        columns = _feature_columns(file.columns, cut.features, cut.period_suffix, cut.dmdt)
        dmdt = "dmdt" in file.columns if cut.dmdt is None else cut.dmdt
        # for derived features alone dmdt, nine tenths of a large table, is summed up while it is read
        summed = cut.derived and not dmdt and "dmdt" in file.columns and isinstance(file, ParquetTable)
        needed = {*columns, *_meta_columns(file.columns, cut)}
        needed |= set(sources(columns, cut.period_suffix)) if cut.derived else set()
        needed |= {cut.weight} if isinstance(cut.weight, str) else set()
        needed |= {"dmdt"} if dmdt else set()
        needed -= {"dmdt"} if summed else set()
        table = _as_numbers(file.read([name for name in file.columns if name in needed]))
        if summed:
            table[list(CHANGES)] = changes(file.dmdt_batches(gaps=True))
        return cls._cut(table, replace(cut, dmdt=dmdt), file.path)

    @classmethod
    def from_table(cls, table, tag, **cut):
        """Cut the data set of one tag out of a training table that is a DataFrame; see `Dataset.read`."""
        cut = Cut.of(tag, **cut)
        return cls._cut(table, replace(cut, dmdt="dmdt" in table) if cut.dmdt is None else cut)

    @classmethod
    def _cut(cls, table, cut, path=None):
        columns = _feature_columns(table, cut.features, cut.period_suffix, cut.dmdt)
        target, part = _target_and_part(table, cut)
        _require_unique_numbers(table)
        row = target.row
        row_weight = _row_weight(table, cut.weight, row)
        settings = {
            "threshold": cut.threshold,
            "split": cut.split,
            "period_suffix": cut.period_suffix,
            "features": columns,
            "derived": cut.derived,
            "dmdt": cut.dmdt,
            "light_curves": cut.light_curves is not None,
            "balance": cut.balance,
            "weight_per_class": cut.weight_per_class,
            "seed": cut.seed,
        }
        return cls(
            tag=cut.tag,
            label=cut.label,
            X=_inputs(table, columns, cut.period_suffix, cut.derived, cut.dmdt, cut.light_curves, row),
            y=target.y,
            weight=_total_weight(target.y, part, row_weight, cut.weight_per_class),
            star=target.star,
            part=part,
            row=row,
            settings=settings,
            meta=table[_meta_columns(table, cut)].iloc[row].set_axis(row),
            path=path,
            simulated=bool(table.attrs.get("simulated", False)),
            n_rows=len(table),
            split_key=target.key,
            row_weight=row_weight,
        )

    def with_split(self, split):
        """Return the same light curves split in another way, "star" or "scope"; balanced and weighted anew."""
        share = _vote_share(self.meta, self.label)
        target = Target(self.row, share, self.y, self.star, self.split_key)
        part = _split(target, self.tag, split, self.settings["balance"], self.settings["seed"])
        weight = _total_weight(self.y, part, self.row_weight, self.settings["weight_per_class"])
        return replace(self, part=part, weight=weight, settings=self.settings | {"split": split})

    def __getitem__(self, name):
        """Return a `Part` by name: "train", "val", "test" or "dropped"."""
        if name not in (*PARTS, DROPPED):
            raise unknown("part", name, (*PARTS, DROPPED))
        rows = np.flatnonzero(self.part == name)
        weight = None if self.weight is None else self.weight[rows]
        return Part(self.X.iloc[rows], self.y[rows], weight, self.star[rows], self.row[rows])

    @cached_property
    def train(self):
        """The part to learn from."""
        return self["train"]

    @cached_property
    def val(self):
        """The part to stop, tune and choose thresholds on."""
        return self["val"]

    @cached_property
    def test(self):
        """The part to report on."""
        return self["test"]

    def describe_inputs(self):
        """Return a sentence that says what of a light curve itself is in `X`, beside the features."""
        block = curve_block(self.X)
        if block is not None:
            n_curves = np.isfinite(block).all(axis=-1).any(axis=1).sum()
            return f"A model gets the light curves themselves, at most {block.shape[1]} epochs; {n_curves:,} are here."
        if "dmdt_0_0" in self.X:
            return "A model gets dmdt, not the light curves; `rnn` reads its 26 time differences as a sequence."
        if set(CHANGES) <= set(self.X):
            return "A model gets what follows from dmdt, neither dmdt itself nor the light curves."
        return "A model gets neither dmdt nor the light curves."

    def images(self, rows):
        """Return dmdt of some rows of the table, from `X` or from the file.

        Parameters
        ----------
        rows : array-like of int
            Row numbers in the table.

        Returns
        -------
        list of numpy.ndarray of float32, shape (26, 26)
            None for a row whose dmdt is not at hand.
        """
        rows = [int(row) for row in rows]
        if "dmdt_0_0" in self.X:
            places = pd.Index(self.row).get_indexer(rows)
            block = self.X[DMDT_COLUMNS].iloc[places].to_numpy().reshape(-1, SIZE, SIZE)
            return [image if place >= 0 else None for place, image in zip(places, block, strict=True)]
        if self.path is not None and "dmdt" in (file := open_table(self.path)).columns:
            try:
                return file.images(rows)
            except ValueError:  # of another shape
                pass
        return [None] * len(rows)

    def counts(self):
        """Return how many light curves and stars each part has, positive and negative."""
        parts = [*PARTS, DROPPED] if (self.part == DROPPED).any() else list(PARTS)
        counts = {}
        for name, value in (("positive", 1), ("negative", 0)):
            rows = [(self.part == part) & (self.y == value) for part in parts]
            counts[f"{name} light curves"] = [row.sum() for row in rows]
            counts[f"{name} stars"] = [len(set(self.star[row])) for row in rows]
        return pd.DataFrame(counts, index=parts)


def inputs(table, features, period_suffix, derived=True, dmdt=True, light_curves=None):
    """Return what a classifier gets of every row of a table, which needs no labels; see `Cut`."""
    columns = _feature_columns(table, features, period_suffix, dmdt)
    return _inputs(table, columns, period_suffix, derived, dmdt, light_curves, np.arange(len(table)))


def trainable(path, cuts):
    """Return the tags for which a training table has positives and negatives in every part; features are not read.

    Parameters
    ----------
    path : path-like
        See `open_table`.
    cuts : dict of str to dict
        For each tag the arguments of `Dataset.read`.

    Returns
    -------
    list of str, dict of str to str
        The tags that can be trained, and for every other tag why not.
    """
    file = open_table(path)
    needed = {*IDENTITY, *labels(), *(cut.get("label") for cut in cuts.values())}
    table = file.read([name for name in file.columns if name in needed])
    names, good, reasons = None, [], {}
    for tag, arguments in cuts.items():
        try:
            cut = Cut.of(tag, **arguments)
            _feature_columns(file.columns, cut.features, cut.period_suffix, cut.dmdt)
            names = names or stars(table)
            _target_and_part(table, cut, names)
            good.append(tag)
        except ValueError as error:
            reasons[tag] = str(error)
    return good, reasons


def split_place(key):
    """Return a number in [0, 1) for each star that depends on its key alone; the test part comes first."""
    names, inverse = np.unique(np.asarray(key, object), return_inverse=True)
    digests = (hashlib.blake2b(str(name).encode(), digest_size=8, person=b"scope_nb split").digest() for name in names)
    return np.array([int.from_bytes(digest, "big") / 2.0**64 for digest in digests])[inverse]


class Target(NamedTuple):
    """Row number, vote share, target, star and split key of the light curves that can answer the question."""

    row: np.ndarray
    share: np.ndarray
    y: np.ndarray
    star: np.ndarray
    key: np.ndarray


def _target_and_part(table, cut, names=None):
    """Return the target and the part of each row; refuse what cannot be trained, warn of few stars.

    `names` is what `stars` returns, if that is at hand.
    """
    _require_unique_rows(table)
    share = _vote_share(table, cut.label)
    y = (share > cut.threshold).astype(int)
    usable = np.ones(len(table), bool)
    if cut.tag == "vnv":  # a light curve that is neither is no negative
        usable = (y == 1) | (_vote_share(table, NEGATIVE_LABEL, " for the negatives of 'vnv'") > cut.threshold)
    row = np.flatnonzero(usable)
    _require_both(y[row], f"{cut.label!r} above {cut.threshold}", cut.tag)
    star, key = names or stars(table)
    target = Target(row, share[row], y[row], star[row], key[row])
    part = _split(target, cut.tag, cut.split, cut.balance, cut.seed)
    n_stars = len(set(target.star[target.y == 1]))
    if n_stars < FEWEST_STARS:
        warnings.warn(
            f"tag {cut.tag!r} has only {n_stars} positive stars: whether one more of them is found decides every score",
            stacklevel=4,
        )
    return target, part


def _split(target, tag, split, balance, seed):
    """Return the part of each row; refuse parts without positives or negatives."""
    if split == "star":
        place = split_place(target.key)
        test, val = defaults()["training"]["test_fraction"], defaults()["training"]["val_fraction"]
        part = np.select([place < test, place < test + val], ["test", "val"], "train")
    elif split == "scope":
        positive = np.round(target.share) == 1
        rows = np.concatenate([np.flatnonzero(positive), np.flatnonzero(~positive)])
        rest, test = train_test_split(rows, test_size=0.1, random_state=SCOPE_SEED)
        _, val = train_test_split(rest, test_size=0.1, random_state=SCOPE_SEED)
        part = np.full(len(rows), "train", dtype="<U5")
        part[test], part[val] = "test", "val"
    else:
        raise unknown("split", split, ["star", "scope"])
    for name in PARTS:
        _require_both(target.y[part == name], f"the {name} part", tag)
    return part if balance is None else _balance(part, target, balance, seed)


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


def _require_both(y, where, tag):
    """Refuse a target without positives or without negatives: training and every score need both."""
    for value, kind in ((1, "positive"), (0, "negative")):
        if not (y == value).any():
            hint = " (label 'non-variable')" if tag == "vnv" and value == 0 else ""
            raise ValueError(
                f"tag {tag!r}: {where} has no {kind} light curve{hint} among {len(y)}; a classifier needs both kinds "
                "in each part, so use more data or another tag"
            )


def _vote_share(table, label, purpose=""):
    """Return the vote shares of a label; nobody's vote (NaN) is no vote."""
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


def _require_unique_rows(table):
    """Refuse a table that has a column or a light curve more than once."""
    require_unique_columns(table.columns, "the table")
    if "_id" in table and (repeated := table["_id"].duplicated() & table["_id"].notna()).any():
        first = np.argmax(repeated)
        raise ValueError(
            f"{repeated.sum()} rows repeat the _id of another, first row {first} ({table['_id'].iloc[first]}): "
            "keep one of each, as table.drop_duplicates('_id') does"
        )


def _require_unique_numbers(table):
    """Refuse a table without names of light curves where rows are equal in every number."""
    if "_id" not in table:
        numbers = table.select_dtypes("number")
        repeated = numbers.duplicated() & numbers.notna().any(axis=1)
        if repeated.any():
            raise ValueError(
                f"{repeated.sum()} rows repeat another in every number, first row {np.argmax(repeated)}: keep one of "
                "each, or give the table a column '_id' if they are different light curves"
            )


def _feature_columns(names, features, suffix, dmdt):
    """Return the feature columns, or say which period suffix or columns a table with the columns `names` lacks."""
    columns = feature_columns(features, suffix) if isinstance(features, str) else list(features)
    suffixes = sorted({match[1] for name in names if (match := re.fullmatch(r"f1_power_(\w+)", str(name)))})
    if suffixes and suffix not in suffixes and any(name.endswith(f"_{suffix}") for name in columns):
        raise ValueError(f"the table has no period suffix {suffix!r}; present: {', '.join(suffixes)}")
    missing = [name for name in ([*columns, "dmdt"] if dmdt else columns) if name not in names]
    if missing:
        outside = all(name.startswith(CATALOGUES) or name in ALERTS for name in missing)
        hint = ". None of them comes from the light curve: train with features='light curve' instead" if outside else ""
        raise ValueError(f"the table lacks {len(missing)} of the columns needed: {', '.join(missing)}{hint}")
    return columns


def _meta_columns(names, cut):
    """Return which of the columns that tell rows apart, or carry labels or the period, a table has."""
    columns = dict.fromkeys([*IDENTITY, *labels(), cut.label, f"period_{cut.period_suffix}"])
    return [name for name in columns if name in names]


def _as_numbers(table):
    """Return a table where a column that holds nothing but numbers as text has become a column of numbers."""
    for name in table.select_dtypes(exclude=["number", "bool"]).columns.difference([*IDENTITY, "dmdt"]):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (numbers.notna() == table[name].notna()).all():
            table[name] = numbers
    return table


def _inputs(table, columns, suffix, derived, dmdt, light_curves, row):
    """Return features (catalogue zeros are missing), derived features, dmdt and light curves as one float32 frame."""
    values = table[columns].iloc[row].to_numpy(np.float32, na_value=np.nan).copy()
    catalogue = np.array([name.startswith(CATALOGUES) for name in columns], bool)
    values[:, catalogue] = np.where(values[:, catalogue] == 0, np.nan, values[:, catalogue])
    values[~np.isfinite(values)] = np.nan
    frames = [pd.DataFrame(values, columns=columns)]
    if derived:
        further = [name for name in sources(columns, suffix) if name in table]
        more = derived_features(table[list(dict.fromkeys([*columns, *further]))].iloc[row], suffix)
        frames.append(more[[name for name in more if name not in columns]].reset_index(drop=True))
    if dmdt:
        block = stacked(table["dmdt"].iloc[row], "the table")
        frames.append(pd.DataFrame(block.reshape(len(block), -1), columns=DMDT_COLUMNS))
    if light_curves is not None:
        frames.append(sequences(light_curves, table.iloc[row]))
    return pd.concat(frames, axis=1) if len(frames) > 1 else frames[0]


def _row_weight(table, weight, row):
    """Return the sample weights of some rows from an array or the name of a column; None if there are none."""
    if isinstance(weight, str):
        if weight not in table:
            raise unknown("column of weights", weight, table.columns)
        weight = table[weight]
    return None if weight is None else np.asarray(weight, float)[row]


def _total_weight(y, part, weight, per_class):
    """Return weights with which, if `per_class`, the training rows of both classes weigh as much in total."""
    if not per_class:
        return weight
    weight = np.ones(len(y)) if weight is None else weight
    total = [weight[(part == "train") & (y == value)].sum() for value in (0, 1)]
    return weight * np.where(y == 1, sum(total) / (2 * total[1]), sum(total) / (2 * total[0]))
