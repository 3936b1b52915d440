"""The data set of one tag, cut out of a training table and split by star."""

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from ..features.derived import CHANGES, changes, derived_features, sources
from ..features.dmdt import SIZE, stack_dmdt
from ..files import naming_file
from ..lightcurves.curves import stars
from ..taxonomy import (
    ALERTS,
    CATALOGUES,
    FEATURE_SETS,
    IDENTITY,
    check_names,
    feature_columns,
    label_names,
    own_columns,
)
from .columns import curve_block, sequences
from .corrections import apply_corrections, describe_corrections, read_corrections
from .labels import own_labels
from .splits import (
    DROPPED,
    PARTS,
    Target,
    assign_parts,
    check_question,
    check_weights,
    class_weights,
    find_target,
    warn_of_few_stars,
)
from .tables import ParquetTable, as_frame, make_plain, open_table, require_unique_numbers

DMDT_COLUMNS = [f"dmdt_{row}_{column}" for row in range(SIZE) for column in range(SIZE)]


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a data set, with the attributes of a `Dataset`."""

    X: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray | None
    star: np.ndarray
    row: np.ndarray
    classes: tuple[str, ...] = ()

    def __repr__(self):
        kinds = f"{len(self.classes)} classes" if self.classes else f"{self.y.sum():,} positive"
        return f"Part of {len(self):,} light curves, {kinds}, {self.X.shape[1]} columns"

    def __len__(self):
        return len(self.y)

    def some(self, most, seed=42):
        """Return `X` of at most `most` rows drawn at random, half of them positive if there are as many."""
        rng = np.random.default_rng(seed)
        positive, negative = (rng.permutation(np.flatnonzero((self.y > 0) == side)) for side in (1, 0))
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
    y, weight, star, part, row : numpy.ndarray, shape (n,)
        0 or 1, or the number of the class; weights or None; the name of the star; "train", "val", "test", or "dropped"
        if `balance` keeps it from training; the row number in the table.
    meta : pandas.DataFrame, shape (n, ...)
        Indexed by `row`: identity, labels and `period_SUFFIX`, of which the table may lack some.
    classes : tuple of str
        The classes, if there are several; else empty.
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
    target: Target | None = None
    row_weight: np.ndarray | None = None  # without the weights of the classes
    classes: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        table,
        tag,
        threshold=None,
        split="star",
        period_suffix=None,
        features=None,
        derived=True,
        dmdt=None,
        light_curves=None,
        label=None,
        weight=None,
        balance=None,
        weight_per_class=False,
        seed=42,
        corrections=None,
    ):
        """Cut the data set of one tag out of a training table; None is the usual value of an argument.

        Parameters
        ----------
        table, tag
            A file (.parquet, .csv or .h5), of which only what is needed is read, or a table of pandas, pyarrow or
            astropy; a tag or its label. Any column of numbers from 0 to 1 that SCoPe's tables do not have is a label of
            one's own, and its name a tag. Missing votes are no votes. A list of tags stands for exclusive classes: the
            more specific of two tags wins ("rrab", not "rrlyr"), a light curve without any is "other", and one with
            several is left out (`settings["n_several"]` counts them). "non-variable" can be a class, too.
        threshold : float
            A light curve is positive if its vote share is above this (0.7).
        split : {"star", "scope"}
            "star" keeps all light curves of a star on one side: 81 % train, 9 % validation, 10 % test, by a hash of
            `obj_id` (or of the position, see `stars`), so that membership does not depend on the other rows.
            "scope" repeats SCoPe's split by light curve, to compare with published scores.
        period_suffix, features
            The period search of the features ("ELS_ECE_EAOV"); a set of features (`taxonomy.feature_columns`), by
            default that of the tag's taxonomy (of a label of one's own the ontological one), or a list of names, in
            which a set stands for its columns.
        derived, dmdt, light_curves
            Add what follows from the features and dmdt (`derived_features`); add dmdt (by default if the table has it);
            add the light curves themselves, a `LightCurves` (`columns.sequences`).
        label, weight : str
            Columns of the label, if not that of the tag (which then may have any name), and of sample weights (or an
            array, one for each row): numbers of 0 or more.
        balance : float
            Keep at most this many training rows of a more common class for each row of the rarest one. Whole stars
            are dropped, at random by `seed`, and become the part "dropped". Validation and test keep their mix.
        weight_per_class : bool
            Give all classes the same total weight in the training part.
        corrections : path-like or table
            Labels that are corrected in memory before anything else is done, see `corrections.read_corrections`.

        Raises
        ------
        FileNotFoundError, ValueError
            If the tag is unknown, columns are missing (all are listed) or repeated, a light curve is repeated, a
            label, threshold or `balance` is out of range, or a part has no positive, no negative or none of a class.
        """
        frame = as_frame(table)
        file = open_table(table) if frame is None else None
        path, names = (None, list(frame)) if file is None else (file.path, file.columns)
        with naming_file(path):
            question = check_question(names, tag, label, threshold, features, period_suffix, balance)
            tag, label, suffix = question.tag, question.label, question.period_suffix
            dmdt = "dmdt" in names if dmdt is None else dmdt
            columns, meta_columns = _name_columns(names, question, dmdt)
            needed = {*columns, *meta_columns, *(sources(columns, suffix) if derived else ())}
            corrections = read_corrections(corrections)
            needed |= set(corrections["label"]) | ({"dmdt"} if dmdt else set())
            if isinstance(weight, str):
                check_names("column of weights", [weight], names)
                needed.add(weight)
            needed = [name for name in names if name in needed]
            table = make_plain(frame[needed]) if file is None else _read_columns(file, needed, dmdt)
            table = apply_corrections(table, corrections)
            target = find_target(table, question)
            row, y, star = target.row, target.y, target.star
            part = assign_parts(target, tag, split, balance, seed)
            warn_of_few_stars(target, tag)
            require_unique_numbers(table)
            X = inputs(table, columns, suffix, derived, dmdt, light_curves, row)
            meta = table[meta_columns].iloc[row].set_axis(row)
            weight = table[weight] if isinstance(weight, str) else weight
            weight = None if weight is None else check_weights(weight, len(table))[row]
            weights = class_weights(y, part, weight) if weight_per_class else weight
            settings = {"label": label, "threshold": question.threshold, "split": split}
            settings |= {"period_suffix": suffix, "features": columns}
            settings |= {"derived": derived, "dmdt": dmdt, "light_curves": light_curves is not None, "balance": balance}
            settings |= {"weight_per_class": weight_per_class, "seed": seed}
            settings |= {"corrections": describe_corrections(corrections)}
            if target.classes:
                settings |= {"classes": list(target.classes), "n_several": target.n_several}
            simulated = bool(table.attrs.get("simulated", False))
            values = dict(tag=tag, label=label, X=X, y=y, weight=weights, star=star, part=part, row=row, target=target)
            values |= dict(settings=settings, meta=meta, path=path, simulated=simulated, n_rows=len(table))
            return cls(**values, row_weight=weight, classes=target.classes)

    from_table = read  # of a DataFrame

    def __repr__(self):
        columns = f"{len(self.y):,} light curves, {self.X.shape[1]} columns"
        if self.classes:
            counts = (f"{name} {(self.y == k).sum():,}" for k, name in enumerate(self.classes))
            return f"Dataset of {len(self.classes)} classes: {columns}; {', '.join(counts)}"
        parts = [f"{name} {len(self[name]):,} ({self[name].y.sum():,} positive)" for name in dict.fromkeys(self.part)]
        return f"Dataset of {self.tag} ({self.label}): {columns}; {', '.join(sorted(parts))}"

    def with_split(self, split):
        """Return the same light curves split in another way, "star" or "scope"; balanced and weighted anew."""
        part = assign_parts(self.target, self.tag, split, self.settings["balance"], self.settings["seed"])
        weight = self.row_weight
        if self.settings["weight_per_class"]:
            weight = class_weights(self.y, part, weight)
        return replace(self, part=part, weight=weight, settings=self.settings | {"split": split})

    def __getitem__(self, name):
        """Return a `Part` by name: "train", "val", "test" or "dropped"."""
        check_names("part", [name], (*PARTS, DROPPED))
        rows = np.flatnonzero(self.part == name)
        weight = None if self.weight is None else self.weight[rows]
        return Part(self.X.iloc[rows], self.y[rows], weight, self.star[rows], self.row[rows], self.classes)

    train = cached_property(lambda self: self["train"])  # to learn from
    val = cached_property(lambda self: self["val"])  # to stop, tune and choose thresholds on
    test = cached_property(lambda self: self["test"])  # to report on

    def describe_inputs(self):
        """Return a sentence that says what of a light curve itself is in `X`, beside the features."""
        block = curve_block(self.X)
        if block is not None:
            n_curves = np.isfinite(block).all(axis=-1).any(axis=1).sum()
            return (
                f"A model gets the features and at most {block.shape[1]} epochs of light curves; {n_curves:,} are here."
            )
        if "dmdt_0_0" in self.X:
            return "A model gets the features and dmdt; `rnn` reads its 26 time differences as a sequence."
        if set(CHANGES) <= set(self.X):
            return "A model gets the features and what follows from dmdt, neither dmdt itself nor the light curves."
        return "A model gets the features, neither dmdt nor the light curves."

    def images(self, rows):
        """Return dmdt of some rows of the table, from `X` or the file: a list of arrays (26, 26), None if unknown."""
        if "dmdt_0_0" in self.X:
            blocks = self.X[DMDT_COLUMNS].set_axis(self.row).reindex(rows).to_numpy().reshape(-1, SIZE, SIZE)
            return [None if np.isnan(image).any() else image for image in blocks]
        if self.path is not None and "dmdt" in (file := open_table(self.path)).columns:
            with suppress(ValueError):  # of another shape
                return file.images(list(rows))
        return [None] * len(rows)

    def counts(self):
        """Return how many light curves and stars each part has, positive and negative or of each class."""
        parts = (*PARTS, DROPPED) if DROPPED in self.part else PARTS
        counts = {}
        kinds = {name: value for value, name in enumerate(self.classes)} or {"positive": 1, "negative": 0}
        for name, value in kinds.items():
            rows = [(self.part == part) & (self.y == value) for part in parts]
            counts[f"{name} light curves"] = [row.sum() for row in rows]
            counts[f"{name} stars"] = [len(set(self.star[row])) for row in rows]
        return pd.DataFrame(counts, index=parts)


def find_own_labels(path, threshold=0.7):
    """Return the `own_labels` of the training table in a file."""
    file = open_table(path)
    return own_labels(file.read(file.number_columns(own_columns(file.columns))), threshold)


def trainable(path, cuts):
    """Return the tags for which a training table has positives and negatives in every part, and why not the others.

    `cuts` holds the arguments of `Dataset.read` for each tag; a dict gives the reason for each tag that is left out.
    Features are not read.
    """
    file = open_table(path)
    needed = {*IDENTITY, *label_names(), *cuts, *(cut.get("label") for cut in cuts.values())}
    table = make_plain(file.read([name for name in file.columns if name in needed]))
    star_and_key, good, reasons = None, [], {}
    for tag, cut in cuts.items():
        try:
            arguments = [cut.get(name) for name in ("label", "threshold", "features", "period_suffix", "balance")]
            question = check_question(file.columns, tag, *arguments)
            _feature_columns(file.columns, question.features, question.period_suffix, cut.get("dmdt"))
            star_and_key = star_and_key or stars(table)
            assign_parts(find_target(table, question, star_and_key), question.tag, cut.get("split") or "star")
            good.append(tag)
        except ValueError as error:
            reasons[tag] = str(error)
    return good, reasons


def inputs(table, features, period_suffix, derived=True, dmdt=True, light_curves=None, rows=slice(None)):
    """Return `X` as in `Dataset.read`, of all rows of a table or some; labels are not needed."""
    columns = _feature_columns(table, features, period_suffix, dmdt)
    values = _as_numbers(table[columns].iloc[rows])
    catalogue = np.array([name.startswith(CATALOGUES) for name in columns], bool)
    values[~np.isfinite(values) | (catalogue & (values == 0))] = np.nan  # a catalogue value of 0 is a missing match
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


def _as_numbers(frame):
    """Return the values of features as float32, or name the columns that hold something else than numbers."""
    wrong = [f"{name!r} ({kind})" for name, kind in frame.dtypes.items() if kind.kind in "mM"]  # dates would be numbers
    if not wrong:
        try:
            return frame.to_numpy(np.float32, na_value=np.nan).copy()
        except (TypeError, ValueError, OverflowError):
            kinds = make_plain(frame).dtypes
            wrong = [f"{name!r} ({kind})" for name, kind in kinds.items() if kind.kind not in "biuf"]
    raise ValueError(f"these features hold something else than numbers: {', '.join(wrong)}")


def _feature_columns(names, features, suffix, dmdt):
    """Return the feature columns, or say which period suffix or columns a table with the columns `names` lacks."""
    if isinstance(features, str):
        columns = feature_columns(features, suffix)
    else:
        columns = [feature_columns(name, suffix) if name in FEATURE_SETS else [name] for name in features]
        columns = list(dict.fromkeys(chain.from_iterable(columns)))
    suffixes = sorted({match[1] for name in names if (match := re.fullmatch(r"f1_power_(\w+)", str(name)))})
    if suffixes and suffix not in suffixes and any(name.endswith(f"_{suffix}") for name in columns):
        raise ValueError(f"the table has no period suffix {suffix!r}; present: {', '.join(suffixes)}")
    missing = [name for name in ([*columns, "dmdt"] if dmdt else columns) if name not in names]
    if missing:
        outside = all(name.startswith(CATALOGUES) or name in ALERTS for name in missing)
        hint = ". None of them comes from the light curve: train with features='light curve' instead" if outside else ""
        raise ValueError(f"the table lacks {len(missing)} of the columns needed: {', '.join(missing)}{hint}")
    return columns


def _name_columns(names, question, dmdt):
    """Return the columns of features, and those of identity, labels and period that a table has."""
    columns = _feature_columns(names, question.features, question.period_suffix, dmdt)
    labels = list(question.labels.values())
    for name in labels:
        if name in columns:
            raise ValueError(f"{name!r} is both the label and a feature: leave it out of features")
    meta_columns = dict.fromkeys([*IDENTITY, *label_names(), *labels, f"period_{question.period_suffix}"])
    return columns, [name for name in meta_columns if name in names]


def _read_columns(file, needed, dmdt):
    """Return the columns `needed` of a file; in place of dmdt what derived features take of it, if not `dmdt`."""
    # dmdt is nine tenths of a large table; for derived features alone it is summed up while it is read
    summed = "dmdt" in needed and not dmdt and isinstance(file, ParquetTable)
    if summed:
        needed.remove("dmdt")
    table = make_plain(file.read(needed))
    if summed:
        table[list(CHANGES)] = changes(file.dmdt_batches(gaps=True))
    return table
