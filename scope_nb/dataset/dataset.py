"""The data set of one tag, cut out of a training table and split by star."""

import hashlib
import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..features.derived import CHANGES, changes, derived_features, sources
from ..features.dmdt import SIZE, stack_dmdt
from ..files import existing
from ..lightcurves.curves import stars
from ..taxonomy import ALERTS, CATALOGUES, NEGATIVE_LABEL, defaults, feature_columns, find_tag, labels, tags, unknown
from .columns import curve_block, sequences
from .hdf5 import HDF5_NAMES
from .tables import column_names, dmdt_batches, read_table, some_dmdt

IDENTITY = ("_id", "obj_id", "ra", "dec", "band", "filter", "field", "ccd", "quad")


DMDT_COLUMNS = [f"dmdt_{row}_{column}" for row in range(SIZE) for column in range(SIZE)]


PARTS = ("train", "val", "test")


DROPPED = "dropped"  # the part of what `balance` leaves out of training


FEWEST_STARS = 6  # scores of a tag with fewer positive stars say next to nothing


SCOPE_SEED = 42  # the random state of SCoPe's own split


def read_for(path, tag, features=None, period_suffix=None, derived=True, dmdt=True, weight=None, **others):
    """Read what `Dataset.from_table` wants of a training table, and what tells its rows apart, but no other column.

    Reading is what takes time and memory on a large table, and dmdt is nine tenths of it. For derived
    features alone it is summed up while it is read, see `derived.changes`.

    Parameters
    ----------
    path : path-like
    tag, features, period_suffix, derived, dmdt, weight, **others
        Of `Dataset.from_table`.

    Returns
    -------
    pandas.DataFrame
        See `read_parquet`. Columns that the file lacks are left out: `Dataset.from_table` knows which it cannot do
        without.
    """
    path = existing(path)
    if path.suffix.lower() in HDF5_NAMES:  # stored by rows: reading some columns saves nothing
        return read_table(path)
    suffix = period_suffix or defaults()["training"]["period_suffix"]
    features = features or tags().loc[find_tag(tag), "taxonomy"]
    names = column_names(path)
    wanted = _columns_of(names, features, suffix)
    wanted += sources(wanted, suffix) if derived else []
    wanted += [*IDENTITY, *labels(), f"period_{suffix}", f"f1_power_{suffix}"]
    wanted += [others["label"]] if others.get("label") else []
    wanted += ["dmdt"] * bool(dmdt) + [weight] * isinstance(weight, str)
    summed = derived and not dmdt and path.suffix.lower() == ".parquet" and "dmdt" in names
    wanted = set(wanted) - ({"dmdt"} if summed else set())
    table = _numbers(read_table(path, [name for name in names if name in wanted]))
    if summed:
        table[list(CHANGES)] = changes(dmdt_batches(path, gaps=True))
    return table


def _numbers(table):
    """Return a table whose numbers are numbers, where a column of a file holds nothing but numbers as text."""
    if table.columns.is_unique:  # else it is refused later
        for name in table.select_dtypes(exclude=["number", "bool"]).columns.difference([*IDENTITY, "dmdt"]):
            numbers = pd.to_numeric(table[name], errors="coerce")
            if (numbers.notna() == table[name].notna()).all():
                table[name] = numbers
    return table


def with_dmdt(table, path, rows):
    """Return a table whose `rows` have the dmdt of the file it was read from, if that is parquet and has it."""
    if "dmdt" in table or existing(path).suffix.lower() != ".parquet" or "dmdt" not in column_names(path):
        return table
    images = pd.Series([None] * len(table), table.index, dtype=object, name="dmdt")
    try:
        for row, image in zip(rows, some_dmdt(path, list(rows)), strict=True):
            images.iloc[row] = image
    except ValueError:  # of another shape
        return table
    return pd.concat([table, images], axis=1)


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
        """Return `X` of at most `most` rows drawn at random, half of them positive where there are as many."""
        rng = np.random.default_rng(seed)
        positive, negative = (rng.permutation(np.flatnonzero(self.y == side)) for side in (1, 0))
        n_positive = min(len(positive), max(most // 2, most - len(negative)))
        return self.X.iloc[np.sort(np.r_[positive[:n_positive], negative[: most - n_positive]])]


@dataclass(frozen=True, eq=False)
class Dataset:
    """The data of one tag: inputs, target and split. Nothing in it is learned from the data.

    Make one with `Dataset.from_table`; read `train`, `val`, `test`.

    Parameters
    ----------
    tag, label : str
    X : pandas.DataFrame of float32, shape (n, n_features)
        The tag's features, those derived from them, then dmdt as the columns `dmdt_0_0` to `dmdt_25_25`. Missing
        values are NaN. Light curves, where they were asked for, come last.
    y : numpy.ndarray of int, shape (n,)
    weight : numpy.ndarray of float, shape (n,), or None
    star : numpy.ndarray of str, shape (n,)
    part : numpy.ndarray of str, shape (n,)
        "train", "val" or "test"; "dropped" for rows that `balance` keeps from training.
    row : numpy.ndarray of int, shape (n,)
        Positions in the table.
    settings : dict
        How it was cut: threshold, split, period suffix, features.
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

    @classmethod
    def from_table(
        cls,
        table,
        tag,
        threshold=None,
        split="star",
        period_suffix=None,
        features=None,
        derived=True,
        dmdt=True,
        light_curves=None,
        label=None,
        weight=None,
        balance=None,
        weight_per_class=False,
        seed=42,
    ):
        """Cut the data set of one tag out of a training table.

        Parameters
        ----------
        table : pandas.DataFrame
            A training table as `read_parquet` or `featurize` returns it.
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
            The features, or the name of a set of them (`taxonomy.feature_columns`); by default that of the tag's
            taxonomy.
        derived : bool
            Add the features that follow from these, and from dmdt where the table has it
            (`derived.derived_features`).
        dmdt : bool
            Include dmdt.
        light_curves : LightCurves, optional
            Include the light curves themselves, as the columns of `sequences.sequences`.
        label : str, optional
            The label column, where it has another name than that of the tag.
        weight : str or array-like, optional
            Sample weights, or their column.
        balance : float, optional
            Keep at most this many training rows of the more common class for each row of the rarer one. Whole stars
            are dropped, at random; their rows become the part "dropped". Validation and test keep their mix.
        weight_per_class : bool
            Weigh rows so that both classes have the same total weight in the training part.
        seed : int
            Of the draw for `balance`.

        Raises
        ------
        ValueError
            If the tag is unknown, columns are missing (all are listed) or twice there, a light curve is twice there,
            a label, threshold or `balance` is out of range, or a part has no positive or no negative.
        """
        tag = find_tag(tag)
        label = label or tags().loc[tag, "label"]
        default = defaults()["training"]
        threshold = default["threshold"] if threshold is None else threshold
        suffix = period_suffix or default["period_suffix"]
        columns = _feature_columns(table, features or tags().loc[tag, "taxonomy"], suffix, dmdt)
        y, used, star, part = _membership(table, tag, label, threshold, split, balance, seed)
        _refuse_repeated(table)
        row = np.flatnonzero(used)
        weight = _row_weight(table, weight, row)
        if weight_per_class:
            weight = _class_weight(y[row], part[row] == "train", weight)
        return cls(
            tag,
            label,
            _inputs(table, columns, suffix, derived, dmdt, light_curves, row),
            y[row],
            weight,
            star[row],
            part[row],
            row,
            {
                **{"threshold": threshold, "split": split, "period_suffix": suffix, "features": columns},
                **{"derived": derived, "dmdt": dmdt, "light_curves": light_curves is not None},
                **{"balance": balance, "weight_per_class": weight_per_class},
            },
        )

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

    def sees(self):
        """Say what of a light curve itself is in `X`, beside the features."""
        block = curve_block(self.X)
        if block is not None:
            there = np.isfinite(block).all(axis=-1).any(axis=1).sum()
            return f"A model sees the light curves themselves, at most {block.shape[1]} epochs; {there:,} are here."
        if "dmdt_0_0" in self.X:
            return "A model sees dmdt, not the light curves; `rnn` reads its 26 time differences as a sequence."
        if set(CHANGES) <= set(self.X):
            return "A model sees what follows from dmdt, neither dmdt itself nor the light curves."
        return "A model sees neither dmdt nor the light curves."

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
    """Return what a classifier sees of every row of a table, which needs no labels; see `Dataset.from_table`."""
    columns = _feature_columns(table, features, period_suffix, dmdt)
    return _inputs(table, columns, period_suffix, derived, dmdt, light_curves, np.arange(len(table)))


def trainable(path, cuts):
    """Tell which tags a training table has positives and negatives for in every part; features are not read.

    Parameters
    ----------
    path : path-like
        See `read_table`.
    cuts : dict of str to dict
        For each tag the arguments of `Dataset.from_table`.

    Returns
    -------
    list of str, dict of str to str
        The tags that can be trained, and for every other tag why not.
    """
    path = existing(path)
    names = column_names(path)
    wanted = {*IDENTITY, *labels(), *(cut["label"] for cut in cuts.values() if cut.get("label"))}
    table = read_table(path, [c for c in names if c in wanted])
    matched, good, reasons = None, [], {}
    default = defaults()["training"]
    for tag, cut in cuts.items():
        given = {"threshold": default["threshold"], "period_suffix": default["period_suffix"], "seed": 42}
        given |= {"label": tags().loc[tag, "label"], "features": tags().loc[tag, "taxonomy"], "split": "star"}
        given |= {name: value for name, value in cut.items() if value is not None}
        try:
            _feature_columns(names, given["features"], given["period_suffix"], given.get("dmdt", False))
            matched = matched or stars(table)
            chosen = [given[name] for name in ("label", "threshold", "split")]
            _membership(table, tag, *chosen, given.get("balance"), given["seed"], matched)
            good.append(tag)
        except ValueError as error:
            reasons[tag] = str(error)
    return good, reasons


def split_place(key):
    """Return a number in [0, 1) for each star that depends on its key alone; the test part comes first."""
    names, inverse = np.unique(np.asarray(key, object), return_inverse=True)
    digests = (hashlib.blake2b(str(name).encode(), digest_size=8, person=b"scope_nb split").digest() for name in names)
    return np.array([int.from_bytes(digest, "big") / 2.0**64 for digest in digests])[inverse]


def _membership(table, tag, label, threshold, split, balance, seed, matched=None):
    """Return the target of each row, whether it is used, its star and its part; refuse what cannot be trained.

    `matched` is what `stars` returns, where that is at hand.
    """
    _check_table(table, threshold, balance)
    share = _votes(table, label)
    y = (share > threshold).astype(int)
    used = np.ones(len(table), bool)
    if tag == "vnv":  # a light curve that is neither is no negative
        used = (y == 1) | (_votes(table, NEGATIVE_LABEL, "the negatives of 'vnv'") > threshold)
    _require_both(y[used], f"{label!r} above {threshold}", tag)
    star, key = matched or stars(table)
    part = _split(split, share, y, used, key)
    for name in PARTS:
        _require_both(y[used & (part == name)], f"the {name} part", tag)
    _warn_of_few(y, used, star, tag)
    if balance:
        part = _balanced(part, y, used, star, balance, seed)
    return y, used, star, part


def _split(split, share, y, used, key):
    """Return the part of each row."""
    if split == "star":
        place = split_place(key)
        test, val = defaults()["training"]["test_fraction"], defaults()["training"]["val_fraction"]
        return np.select([place < test, place < test + val], ["test", "val"], "train")
    if split != "scope":
        raise unknown("split", split, ["star", "scope"])
    positive = used & (np.round(share) == 1)
    rows = np.concatenate([np.flatnonzero(positive), np.flatnonzero(used & ~positive)])
    rest, test = train_test_split(rows, test_size=0.1, random_state=SCOPE_SEED)
    _, val = train_test_split(rest, test_size=0.1, random_state=SCOPE_SEED)
    part = np.full(len(y), "train", dtype="<U5")
    part[test], part[val] = "test", "val"
    return part


def _votes(table, label, what=None):
    """Return the vote shares of a label; nobody's vote (NaN) is no vote."""
    if label not in table:
        present = [name for name in labels() if name in table]
        hint = f"labels present: {', '.join(present)}" if present else "it has no label columns at all"
        raise ValueError(f"the table has no column {label!r}{f' for {what}' if what else ''}; {hint}")
    try:
        share = pd.to_numeric(table[label]).fillna(0.0).to_numpy(float)
    except (ValueError, TypeError) as error:
        raise ValueError(f"label {label!r} holds something else than numbers: {error}") from error
    if ((share < 0) | (share > 1)).any():
        raise ValueError(
            f"label {label!r} holds values outside 0..1, first in row {np.argmax((share < 0) | (share > 1))}"
        )
    return share


def _columns_of(table, features, suffix):
    """Return the columns of a set of features, or say which period suffixes the table has instead of this one."""
    columns = feature_columns(features, suffix) if isinstance(features, str) else list(features)
    present = sorted({m[1] for m in (re.fullmatch(r"f1_power_(\w+)", str(c)) for c in table) if m})
    if present and suffix not in present and any(c.endswith(f"_{suffix}") for c in columns):
        raise ValueError(f"the table has no period suffix {suffix!r}; present: {', '.join(present)}")
    return columns


def _feature_columns(table, features, suffix, dmdt):
    """Return the feature columns, or say which period suffix or columns the table lacks."""
    columns = _columns_of(table, features, suffix)
    missing = [c for c in [*columns, *(["dmdt"] if dmdt else [])] if c not in table]
    if missing:
        outside = all(c.startswith(CATALOGUES) or c in ALERTS for c in missing)
        hint = ". None of them comes from the light curve: train with features='light curve' instead" if outside else ""
        raise ValueError(f"the table lacks {len(missing)} of the columns needed: {', '.join(missing)}{hint}")
    return columns


def _inputs(table, columns, suffix, derived, dmdt, light_curves, row):
    """Return features (catalogue zeros are missing), derived features, dmdt and light curves as one float32 frame."""
    frame = table[columns].iloc[row]
    values = frame.to_numpy(np.float32, na_value=np.nan).copy()
    catalogue = np.array([c.startswith(CATALOGUES) for c in columns], bool)
    values[:, catalogue] = np.where(values[:, catalogue] == 0, np.nan, values[:, catalogue])
    values[~np.isfinite(values)] = np.nan
    inputs = [pd.DataFrame(values, columns=columns)]
    if derived:
        further = [c for c in sources(columns, suffix) if c in table]
        more = derived_features(table[list(dict.fromkeys([*columns, *further]))].iloc[row], suffix)
        inputs.append(more[[c for c in more if c not in columns]].reset_index(drop=True))
    if dmdt:
        block = stack_dmdt(table["dmdt"].iloc[row])
        inputs.append(pd.DataFrame(block.reshape(len(block), -1), columns=DMDT_COLUMNS))
    if light_curves is not None:
        inputs.append(sequences(light_curves, table.iloc[row]))
    return pd.concat(inputs, axis=1) if len(inputs) > 1 else inputs[0]


def _check_table(table, threshold, balance):
    """Refuse what would silently spoil a data set."""
    for name, value in (("threshold", threshold), ("balance", balance)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise ValueError(f"{name} is {value!r}, which is no number")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is {threshold}, but vote shares above it make a label: choose 0 or more, below 1")
    if balance is not None and not balance > 0:
        raise ValueError(f"balance is {balance}; it is a ratio of counts, above 0, or None to keep every row")
    if (twice := table.columns[table.columns.duplicated()]).size:
        raise ValueError(f"the table has columns more than once: {', '.join(map(str, twice.unique()))}")
    if "_id" in table and (again := table["_id"].duplicated() & table["_id"].notna()).any():
        raise ValueError(
            f"{again.sum()} rows repeat the _id of another, first row {np.argmax(again)} "
            f"({table['_id'].iloc[np.argmax(again)]}): keep one of each, as table.drop_duplicates('_id') does"
        )


def _refuse_repeated(table):
    """Refuse rows that are there twice in a table without names of light curves."""
    if "_id" not in table:
        numbers = table.select_dtypes("number")
        again = numbers.duplicated() & numbers.notna().any(axis=1)
        if again.any():
            raise ValueError(
                f"{again.sum()} rows repeat another in every number, first row {np.argmax(again)}: keep one of each, "
                "or give the table a column '_id' if they are different light curves"
            )


def _warn_of_few(y, used, star, tag):
    stars_ = len(set(star[used & (y == 1)]))
    if stars_ < FEWEST_STARS:
        warnings.warn(
            f"tag {tag!r} has only {stars_} positive stars: whether one more of them is found decides every score",
            stacklevel=4,
        )


def _balanced(part, y, used, star, balance, seed):
    """Return the parts, where training rows beyond `balance` times the rarer class have become "dropped"."""
    rows = [np.flatnonzero(used & (part == "train") & (y == value)) for value in (0, 1)]
    rare, common = sorted(rows, key=len)
    names, owner = np.unique(star[common], return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(names))[owner]
    keep = round(balance * len(rare))
    if keep >= len(common):
        return part
    part = part.astype("<U7")
    part[common[place >= max(np.sort(place)[keep], 1)]] = DROPPED  # of the last star all or nothing, of the first all
    return part


def _row_weight(table, weight, row):
    """Return the sample weights of some rows from an array or the name of a column; None if there are none."""
    if isinstance(weight, str):
        if weight not in table:
            raise unknown("column of weights", weight, table.columns)
        weight = table[weight]
    return None if weight is None else np.asarray(weight, float)[row]


def _class_weight(y, train, weight):
    """Return weights with which both classes weigh as much as the training rows of both have on average."""
    weight = np.ones(len(y)) if weight is None else weight
    total = [weight[train & (y == value)].sum() for value in (0, 1)]
    return weight * np.where(y == 1, sum(total) / (2 * total[1]), sum(total) / (2 * total[0]))


def _require_both(y, where, tag):
    """Training and every score need positives and negatives."""
    for value, what in ((1, "positive"), (0, "negative")):
        if not (y == value).any():
            hint = " (label 'non-variable')" if tag == "vnv" and value == 0 else ""
            raise ValueError(
                f"tag {tag!r}: {where} has no {what} light curve{hint} among {len(y)}; a classifier needs both kinds "
                "in each part, so use more data or another tag"
            )
