"""The data set of one tag, cut out of a training table and split by star."""

import re
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ..features.derived import CHANGES, changes, derived_features, sources
from ..features.dmdt import SIZE, stack_dmdt
from ..lightcurves.curves import LightCurves, stars
from ..taxonomy import ALERTS, CATALOGUES, defaults, feature_columns, find_tag, labels, tags, unknown
from .columns import curve_block, sequences
from .splits import (
    DROPPED,
    PARTS,
    Target,
    assign_parts,
    balance_weights,
    find_target,
    require_unique_numbers,
    vote_share,
    warn_of_few_stars,
)
from .tables import ParquetTable, open_table

IDENTITY = ("_id", "obj_id", "ra", "dec", "band", "filter", "field", "ccd", "quad")
DMDT_COLUMNS = [f"dmdt_{row}_{column}" for row in range(SIZE) for column in range(SIZE)]


@dataclass(frozen=True, eq=False)
class Cut:
    """The arguments of `Dataset.read`; `Cut.of` fills in the defaults."""

    tag: str
    label: str
    features: list | str
    threshold: float
    period_suffix: str
    split: str = "star"
    derived: bool = True
    dmdt: bool | None = None
    light_curves: LightCurves | None = None
    weight: str | np.ndarray | None = None
    balance: float | None = None
    weight_per_class: bool = False
    seed: int = 42

    @classmethod
    def of(cls, tag, **arguments):
        """Return the cut of a tag; None and "" stand for the default. Refuse unknown arguments and bad numbers."""
        names = [item.name for item in fields(cls)]
        for name in arguments:
            if name not in names:
                raise unknown("argument of a data set", name, names)
        tag = find_tag(tag)
        default = {name: defaults()["training"][name] for name in ("threshold", "period_suffix")}
        default |= {"features": tags().loc[tag, "taxonomy"], "label": tags().loc[tag, "label"]}
        blank = [name for name, value in arguments.items() if value is None or (isinstance(value, str) and not value)]
        cut = cls(tag, **(default | {name: value for name, value in arguments.items() if name not in blank}))
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

    def matched(self, names):
        """Return the cut for a table with the columns `names`: features by name, dmdt as True or False."""
        dmdt = "dmdt" in names if self.dmdt is None else self.dmdt
        return replace(self, features=_feature_columns(names, self.features, self.period_suffix, dmdt), dmdt=dmdt)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a data set, with the attributes of a `Dataset`."""

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
    """The data of one tag: inputs, target and split of n light curves. Nothing in it is learned from the data.

    Make one with `Dataset.read` or `Dataset.from_table`; use `train`, `val`, `test`.

    Attributes
    ----------
    X : pandas.DataFrame of float32, shape (n, n_features)
        The features, those derived from them, then dmdt as the columns `dmdt_0_0` to `dmdt_25_25`, then the light
        curves. Missing values are NaN.
    y, star, part : numpy.ndarray, shape (n,)
        0 or 1; the name of the star; "train", "val", "test", or "dropped" if `balance` keeps it from training.
    weight : numpy.ndarray, shape (n,), or None
    row : numpy.ndarray of int, shape (n,)
        Row numbers in the table.
    meta : pandas.DataFrame, shape (n, ...)
        Indexed by `row`: identity, labels and `period_SUFFIX`, of which the table may lack some.
    settings : dict
        How it was cut: threshold, split, period suffix, names of the features, ...
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
    path: Path | None = None  # of the file, if it was read from one
    simulated: bool = False  # whether the table says so
    n_rows: int = 0  # of the table
    split_key: np.ndarray | None = None  # see `stars`
    row_weight: np.ndarray | None = None  # without the weights of the classes

    @classmethod
    def read(cls, path, tag, **cut):
        """Read the data set of one tag from a training table in a file, and no column that it does not need.

        Parameters
        ----------
        path : path-like
            A training table (.parquet, .csv or .h5).
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
            The features, or the name of a set (`taxonomy.feature_columns`); by default that of the tag's taxonomy.
        derived : bool
            Add what follows from the features, and from dmdt if the table has it (`derived.derived_features`).
        dmdt : bool, optional
            Include dmdt; by default if the table has it.
        light_curves : LightCurves, optional
            Include the light curves themselves, as the columns of `columns.sequences`.
        label : str, optional
            The label column, if it has another name than that of the tag.
        weight : str or array-like, optional
            Sample weights, one for each row of the table, or their column.
        balance : float, optional
            Keep at most this many training rows of the more common class for each row of the rarer one. Whole stars
            are dropped, at random; their rows become the part "dropped". Validation and test keep their mix.
        weight_per_class : bool
            Weigh rows so that both classes have the same total weight in the training part.
        seed : int
            Of the draw for `balance` (42).

        Raises
        ------
        FileNotFoundError
        ValueError
            If the tag or an argument is unknown, columns are missing (all are listed) or repeated, a light curve is
            repeated, a label, threshold or `balance` is out of range, or a part has no positive or no negative.
        """
        cut = Cut.of(tag, **cut)
        file = open_table(path)
        cut = cut.matched(file.columns)
        needed = {*cut.features, *_meta_columns(file.columns, cut)}
        if cut.derived:
            needed.update(sources(cut.features, cut.period_suffix))
        if cut.dmdt:
            needed.add("dmdt")
        if isinstance(cut.weight, str):
            needed.add(cut.weight)
        # dmdt is nine tenths of a large table; for derived features alone it is summed up while it is read
        summed = cut.derived and not cut.dmdt and "dmdt" in file.columns and isinstance(file, ParquetTable)
        if summed:
            needed.discard("dmdt")
        table = _as_numbers(file.read([name for name in file.columns if name in needed]))
        if summed:
            table[list(CHANGES)] = changes(file.dmdt_batches(gaps=True))
        return cls._make(table, cut, file.path)

    @classmethod
    def from_table(cls, table, tag, **cut):
        """Cut the data set of one tag out of a training table that is a DataFrame; see `Dataset.read`."""
        cut = Cut.of(tag, **cut)
        return cls._make(table, cut.matched(table))

    @classmethod
    def _make(cls, table, cut, path=None):
        target = find_target(table, cut)
        part = assign_parts(target, cut.tag, cut.split, cut.balance, cut.seed)
        warn_of_few_stars(target, cut.tag)
        require_unique_numbers(table)
        weight = _row_weight(table, cut.weight, target.row)
        settings = {item.name: getattr(cut, item.name) for item in fields(cut)}
        for name in ("tag", "label", "weight"):
            del settings[name]
        settings["light_curves"] = cut.light_curves is not None
        return cls(
            tag=cut.tag,
            label=cut.label,
            X=inputs(table, cut.features, cut.period_suffix, cut.derived, cut.dmdt, cut.light_curves, target.row),
            y=target.y,
            weight=balance_weights(target.y, part, weight) if cut.weight_per_class else weight,
            star=target.star,
            part=part,
            row=target.row,
            settings=settings,
            meta=table[_meta_columns(table, cut)].iloc[target.row].set_axis(target.row),
            path=path,
            simulated=bool(table.attrs.get("simulated", False)),
            n_rows=len(table),
            split_key=target.key,
            row_weight=weight,
        )

    def with_split(self, split):
        """Return the same light curves split in another way, "star" or "scope"; balanced and weighted anew."""
        target = Target(self.row, vote_share(self.meta, self.label), self.y, self.star, self.split_key)
        part = assign_parts(target, self.tag, split, self.settings["balance"], self.settings["seed"])
        weight = self.row_weight
        if self.settings["weight_per_class"]:
            weight = balance_weights(self.y, part, weight)
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
        """Return dmdt of some rows of the table, from `X` or else from the file.

        Returns
        -------
        list of numpy.ndarray of float32, shape (26, 26)
            None for a row whose dmdt is not at hand.
        """
        if "dmdt_0_0" in self.X:
            blocks = self.X[DMDT_COLUMNS].set_axis(self.row).reindex(rows).to_numpy().reshape(-1, SIZE, SIZE)
            return [None if np.isnan(image).any() else image for image in blocks]
        file = None if self.path is None else open_table(self.path)
        if file is not None and "dmdt" in file.columns:
            try:
                return file.images(list(rows))
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
    star_and_key, good, reasons = None, [], {}
    for tag, arguments in cuts.items():
        try:
            cut = Cut.of(tag, **arguments)
            cut = cut.matched(file.columns)
            star_and_key = star_and_key or stars(table)
            assign_parts(find_target(table, cut, star_and_key), cut.tag, cut.split)
            good.append(tag)
        except ValueError as error:
            reasons[tag] = str(error)
    return good, reasons


def inputs(table, features, period_suffix, derived=True, dmdt=True, light_curves=None, rows=slice(None)):
    """Return the `X` of a data set, of all rows of a table or some: features, where a catalogue value of 0 is missing,
    derived features, dmdt and light curves. It needs no labels. See `Dataset.read` for the other arguments."""
    columns = _feature_columns(table, features, period_suffix, dmdt)
    values = table[columns].iloc[rows].to_numpy(np.float32, na_value=np.nan).copy()
    catalogue = np.array([name.startswith(CATALOGUES) for name in columns], bool)
    values[:, catalogue] = np.where(values[:, catalogue] == 0, np.nan, values[:, catalogue])
    values[~np.isfinite(values)] = np.nan
    frames = [pd.DataFrame(values, columns=columns)]
    if derived:
        further = [name for name in sources(columns, period_suffix) if name in table]
        more = derived_features(table[list(dict.fromkeys([*columns, *further]))].iloc[rows], period_suffix)
        frames.append(more[[name for name in more if name not in columns]].reset_index(drop=True))
    if dmdt:
        block = stack_dmdt(table["dmdt"].iloc[rows], "the table")
        frames.append(pd.DataFrame(block.reshape(len(block), -1), columns=DMDT_COLUMNS))
    if light_curves is not None:
        frames.append(sequences(light_curves, table.iloc[rows]))
    return pd.concat(frames, axis=1) if len(frames) > 1 else frames[0]


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
    """Return which columns of `Dataset.meta` a table with the columns `names` has."""
    columns = dict.fromkeys([*IDENTITY, *labels(), cut.label, f"period_{cut.period_suffix}"])
    return [name for name in columns if name in names]


def _as_numbers(table):
    """Return a table where a column that holds nothing but numbers as text has become a column of numbers."""
    for name in table.select_dtypes(exclude=["number", "bool"]).columns.difference([*IDENTITY, "dmdt"]):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (numbers.notna() == table[name].notna()).all():
            table[name] = numbers
    return table


def _row_weight(table, weight, rows):
    """Return the sample weights of some rows from an array or the name of a column; None if there are none."""
    if isinstance(weight, str):
        if weight not in table:
            raise unknown("column of weights", weight, table.columns)
        weight = table[weight]
    return None if weight is None else np.asarray(weight, float)[rows]
