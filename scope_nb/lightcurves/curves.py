"""Light curves as one ragged batch, quality cuts, and which light curves are of one star."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..compiled import compiled
from ..taxonomy import as_names, defaults, unknown
from .values import PROBLEMS, are_magnitudes, as_floats, as_mjd, unusable

FILTERS = {"g": 1, "r": 2, "i": 3}  # ZTF's filter numbers; 0 stands for any other band
SURVEY_BAND = r"^(?:z|(?i:ztf|lsst|sdss|ps1|panstarrs)[ _:.-]*z?)([griuzy])$"  # zg, ztfg and ZTF_g are g
FEWEST_EPOCHS = 4  # below that most statistics are undefined, and a period means nothing
MOST_EPOCHS = 20_000  # more are thinned for period searches and dmdt, whose time grows with their number


@dataclass(frozen=True)
class LightCurve:
    """One light curve: `time` (days), `mag` and `err` (magnitudes), and its row of `LightCurves.meta` as `info`."""

    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    info: pd.Series

    def __len__(self):
        return len(self.time)

    def __repr__(self):
        name = self.info.get("obj_id", self.info["_id"])
        return f"LightCurve {name}, band {self.info['band'] or '?'}: {len(self)} epochs"


@dataclass(frozen=True)
class LightCurves:
    """Many light curves as one ragged batch: float64 epochs one after the other, and offsets.

    `meta` has one row per light curve: `_id`, `ra`, `dec` (degrees), `band`, `filter` (1 g, 2 r, 3 i, 0 other), the
    star `obj_id` where the file has it, and whatever else the file had. Light curve i holds the epochs
    `offsets[i]:offsets[i + 1]` of `time` (days, heliocentric MJD where known), `mag` and `err` (magnitudes). Where the
    fewest epochs were said, when they were read or for `long_enough`, `min_epochs` says it to `featurize`.
    """

    meta: pd.DataFrame
    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    offsets: np.ndarray
    min_epochs: int | None = None

    @classmethod
    def from_lists(cls, meta, time, mag, err):
        """Build the batch from one array per light curve; `meta` gets the columns that it lacks."""
        counts = [len(t) for t in time]
        if [len(m) for m in mag] != counts or [len(e) for e in err] != counts or len(meta) != len(counts):
            raise ValueError("time, mag, err and meta do not belong together: their lengths differ")
        units = ("d", "mag", "mag")
        columns = zip((time, mag, err), units, strict=True)
        flat = [np.concatenate([np.empty(0), *(as_floats(x, unit) for x in arrays)]) for arrays, unit in columns]
        return cls(complete_meta(meta), *flat, offsets_of(counts))

    @classmethod
    def from_frame(cls, frame, **options):
        """Return the light curves of a table in memory; `options` are those of `read_lightcurves`.

        The table is a DataFrame (of nested-pandas too, or what `compute()` of an LSDB catalogue returns), a Table or
        TimeSeries of astropy, a table of Arrow, or a dict of columns. Named indexes count as columns.
        """
        from .readers import read_lightcurves

        return read_lightcurves(frame, **options)

    @classmethod
    def from_arrays(cls, time, mag, err, band="", star=None, min_cadence_minutes=None, bad="raise"):
        """Return one light curve from arrays, cleaned as `clean` does.

        Parameters
        ----------
        time, mag, err : array-like, shape (n,)
            Days, magnitudes and their errors (or one error for all); quantities and times of astropy are converted.
            What is masked or missing is bad.
        band, star : str, optional
            The band, and the name of the star.
        """
        time, mag = as_floats(time, "d"), as_floats(mag, "mag")
        err = as_floats(np.atleast_1d(err) if np.ndim(err) == 0 else err, "mag")
        err = np.full(len(mag), err[0]) if len(err) == 1 else err
        if not isinstance(band, str):
            raise ValueError("band is the name of one band; light curves in several are read by LightCurves.from_frame")
        if not are_magnitudes(mag):
            raise ValueError(f"mag is {np.nanmedian(mag):.4g} in the middle, which are no magnitudes")
        meta = {"band": [band]} | ({} if star is None else {"obj_id": [star]})
        curves = cls.from_lists(pd.DataFrame(meta), [as_mjd(time)[0]], [mag], [err])
        return curves.clean(min_cadence_minutes, bad)

    def __len__(self):
        return len(self.offsets) - 1

    def __repr__(self):
        bands = ", ".join(sorted(band or "?" for band in set(self.meta["band"])))
        return f"LightCurves: {len(self):,} light curves with {len(self.time):,} epochs, bands {bands}"

    def __getitem__(self, i):
        """Return light curve `i` as a view, not a copy."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no light curve {i}: there are {len(self)}")
        i %= len(self)
        part = slice(self.offsets[i], self.offsets[i + 1])
        return LightCurve(self.time[part], self.mag[part], self.err[part], self.meta.iloc[i])

    @property
    def n_epochs(self):
        """Number of epochs of each light curve."""
        return np.diff(self.offsets)

    @cached_property
    def row_of_epoch(self):
        """The light curve that each epoch belongs to."""
        return np.repeat(np.arange(len(self)), self.n_epochs)

    @cached_property
    def problems(self):
        """Which epochs cannot be used: a boolean array for each of `values.PROBLEMS`."""
        return unusable(self.time, self.mag, self.err)

    def select(self, rows):
        """Return the light curves of a boolean mask or an array of positions."""
        rows = np.arange(len(self))[np.asarray(rows) if np.size(rows) else []]
        counts = self.n_epochs[rows]
        offsets = offsets_of(counts)
        epochs = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts)
        meta = self.meta.iloc[rows].reset_index(drop=True)
        return LightCurves(meta, self.time[epochs], self.mag[epochs], self.err[epochs], offsets, self.min_epochs)

    def keep_epochs(self, keep):
        """Return the light curves without the epochs where the boolean array `keep` is False."""
        offsets = offsets_of(np.bincount(self.row_of_epoch[keep], minlength=len(self)))
        return LightCurves(self.meta, self.time[keep], self.mag[keep], self.err[keep], offsets, self.min_epochs)

    def check(self):
        """Raise a `ValueError` that names light curve and epoch of the first unusable value."""
        for problem, bad in zip(PROBLEMS, self.problems, strict=True):
            if bad.any():
                epoch = np.argmax(bad)
                row = self.row_of_epoch[epoch]
                star = f", star {self.meta['obj_id'].iloc[row]}" if "obj_id" in self.meta else ""
                raise ValueError(
                    f"{problem} in {bad.sum()} of {len(bad)} epochs, first in light curve {row} (_id "
                    f"{self.meta['_id'].iloc[row]}{star}), epoch {epoch - self.offsets[row]}; bad='drop', in the "
                    "reader or as a parameter of features.ipynb, leaves such epochs out"
                )

    def clean(self, min_cadence_minutes=None, bad="raise"):
        """Sort by time, drop duplicate epochs, and thin epochs that follow each other too closely.

        An epoch closer than `min_cadence_minutes` to the last kept one is dropped (30 by default, SCoPe's rule for
        ZTF); 0 drops epochs of equal time only: right for surveys that take several exposures a visit. `bad` is what to
        do with epochs whose time or magnitude is not finite or whose error is not positive: "raise" or "drop".
        """
        if bad not in ("raise", "drop"):
            raise unknown("choice for bad", bad, ["raise", "drop"])
        if bad == "drop":
            return self.keep_epochs(~np.any(self.problems, axis=0)).clean(min_cadence_minutes)
        self.check()
        if min_cadence_minutes is None:
            min_cadence_minutes = defaults()["light_curves"]["min_cadence_minutes"]
        order = _sort_epochs(self)
        curves = replace(self, time=self.time[order], mag=self.mag[order], err=self.err[order])
        return curves.keep_epochs(_far_enough(curves.time, curves.offsets, min_cadence_minutes / 1440))

    def long_enough(self, min_epochs=None):
        """Return the light curves with at least `min_epochs` epochs (50 by default)."""
        least = defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs
        return replace(self.select(self.n_epochs >= least), min_epochs=min_epochs)

    def describe(self):
        """Return a table with a row for each band: how many light curves, and their medians of what they are like."""
        epochs = pd.DataFrame({"time": self.time, "mag": self.mag, "err": self.err}).groupby(self.row_of_epoch)
        each = pd.DataFrame({"band": self.meta["band"].to_numpy(), "epochs": self.n_epochs})
        each["days from first to last"] = epochs["time"].max() - epochs["time"].min()
        each["magnitude"], each["error (mag)"] = epochs["mag"].median(), epochs["err"].median()
        bands = each.groupby("band")
        return bands.median().rename(columns="median {}".format).assign(**{"light curves": bands.size()})

    def until(self, days):
        """Return the light curves as they were `days` days after their first epoch, which is that of each alone.

        Of two bands of a star each begins with its own first epoch, so that what is made of a light curve does not
        depend on which others are at hand. `days` that are not above 0 are a `ValueError`.
        """
        if not days > 0:
            raise ValueError(f"until is {days}; it is a number of days above 0")
        first = pd.Series(self.time).groupby(self.row_of_epoch).transform("min").to_numpy()
        return self.keep_epochs(~(self.time - first > days))  # a time that is NaN stays, for `check` to name

    def of_star(self, i):
        """Return all light curves of the star of light curve `i`; only that one where its star has no name or place."""
        if "obj_id" in self.meta:
            named = as_names(self.meta["obj_id"]) != ""
        else:
            named = (self.meta["ra"] + self.meta["dec"]).notna()
        if not named.iloc[i]:
            return self.select([i])
        rows = np.flatnonzero(named)
        star = stars(self.meta.iloc[rows])[0]
        return self.select(rows[star == star[np.searchsorted(rows, i % len(self))]])


def _sort_epochs(curves):
    """Return the order of epochs by light curve, time and error; most files are in it but for a few equal times."""
    row, order = curves.row_of_epoch, np.arange(len(curves.time))
    step, same = np.diff(curves.time), np.diff(curves.row_of_epoch) == 0
    unordered = np.zeros(len(curves), bool)
    unordered[row[1:][same & (step < 0)]] = True
    moving, tied = unordered[row], same & (step == 0)
    moving[1:] |= tied
    moving[:-1] |= tied
    epochs = np.flatnonzero(moving)
    order[epochs] = epochs[np.lexsort((curves.err[epochs], curves.time[epochs], row[epochs]))]
    return order


def offsets_of(counts):
    """Return where each of several stretches of a flat array begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


@compiled
def _far_enough(time, offsets, gap):
    """Mark the epochs that lie at least `gap` days (and more than none) after the last kept one."""
    keep = np.zeros(time.size, np.bool_)
    for i in range(offsets.size - 1):
        last = -np.inf
        for j in range(offsets[i], offsets[i + 1]):
            if time[j] > last and time[j] - last >= gap:
                keep[j] = True
                last = time[j]
    return keep


def thinned(*columns):
    """Return the arrays of one light curve, or `MOST_EPOCHS` of it drawn at random with a fixed seed, in order."""
    n = len(columns[0])
    if n <= MOST_EPOCHS:
        return columns
    rows = np.sort(np.random.default_rng(0).choice(n, MOST_EPOCHS, replace=False))
    return tuple(column[rows] for column in columns)


def complete_meta(meta):
    """Add the columns that every batch has; bands lose the name of a survey, and ZTF's filter numbers become bands."""
    meta = pd.DataFrame(meta).reset_index(drop=True)
    if "_id" not in meta:
        meta.insert(0, "_id", np.arange(len(meta)))
    for name in ("ra", "dec"):
        meta[name] = meta[name].astype(float) if name in meta else np.nan
    meta["band"] = plain_bands(meta["band"] if "band" in meta else meta.get("filter", [""] * len(meta)))
    meta["filter"] = meta["band"].map(FILTERS).fillna(0).astype(int)
    return meta


def plain_bands(bands):
    """Return names of bands without that of a survey (zg, ztfg and ZTF_g are g), and ZTF's filter numbers as names."""
    codes, values = pd.factorize(pd.Series(bands, dtype=object), use_na_sentinel=False)  # few in many
    names = as_names(values).str.strip().str.replace(SURVEY_BAND, r"\1", regex=True)
    names = names.replace({str(number): band for band, number in FILTERS.items()} | {"0": ""})
    return names.iloc[codes].reset_index(drop=True)


def require_light_curves(light_curves):
    """Raise a `TypeError` for anything but `LightCurves`."""
    if not isinstance(light_curves, LightCurves):
        raise TypeError(
            f"LightCurves are wanted, not {type(light_curves).__name__}: read_lightcurves(path) and "
            "LightCurves.from_frame(table) make them"
        )


def group_by_position(ra, dec, radius=1.0):
    """Number the stars: positions (degrees) within `radius` (arcsec) of each other, or joined by others, are one."""
    pairs = cKDTree(unit_vectors(ra, dec)).query_pairs(chord(radius), output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(ra), len(ra)))
    return connected_components(links, directed=False)[1]


def unit_vectors(ra, dec):
    """Return positions (degrees) as points on the unit sphere, shape (n, 3)."""
    ra, dec = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def chord(angle):
    """Return the distance between two points on the unit sphere that are `angle` (arcsec) apart."""
    return 2 * np.sin(np.radians(angle / 3600) / 2)


def stars(table):
    """Return the star of each row of a table or of `LightCurves.meta`, and what decides the side of its split.

    Returns
    -------
    star, key : numpy.ndarray of str, shape (n,)
        Both `obj_id`. Where there is none, `star` is a name from the position, the same for all rows within 1 arcsec,
        and `key` the cell of 1 arcmin that it lies in: catalogue positions of a star differ by tenths of an arcsecond
        from file to file, its cell hardly ever does. A table or row without both is a `ValueError`.
    """
    if "obj_id" in table:
        star = as_names(table["obj_id"]).to_numpy(object)
        _require_in_all_rows(star != "", "obj_id")
        return star, star
    if not {"ra", "dec"} <= set(table):
        raise ValueError("the table has neither 'obj_id' nor 'ra' and 'dec': its stars cannot be told apart")
    try:
        place = table[["ra", "dec"]].astype(float).reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the columns 'ra' and 'dec' hold something else than degrees: {error}") from error
    _require_in_all_rows(np.isfinite(place).all(axis=1), "position ('ra' or 'dec'), and there is no 'obj_id'")
    row = np.floor(place["dec"] * 60)
    place["cell"] = row * 30000 + np.floor(place["ra"] * 60 * np.cos(np.radians(row / 60)))
    first = place.groupby(group_by_position(place["ra"], place["dec"])).transform("min")
    star = [f"{ra:.5f}{dec:+.5f}" for ra, dec in zip(first["ra"], first["dec"], strict=True)]
    return np.array(star, object), first["cell"].astype(int).astype(str).to_numpy(object)


def _require_in_all_rows(present, name):
    if not present.all():
        problem = f"{(~present).sum()} rows have no {name}; the first is row {np.argmin(present)}"
        raise ValueError(f"{problem}. A column 'obj_id' names the stars")


def match_curves(curves, table):
    """Return for each row of a training table the position of its light curve in `curves`, -1 where there is none.

    Rows are matched by `_id`, and by `ra` and `dec` where known: numbers alone could meet by accident.
    """
    position = pd.Series(np.arange(len(curves)), index=_identity(curves.meta))
    position = position[~position.index.duplicated()]
    return position.reindex(_identity(table)).fillna(-1).to_numpy(int)


def _identity(rows):
    """Return name and rounded position of each row, as an index."""
    missing = pd.Series(np.nan, index=rows.index)
    place = [rows.get(name, missing).astype(float).fillna(0.0).round(2) for name in ("ra", "dec")]
    return pd.MultiIndex.from_arrays([as_names(rows.get("_id", missing)), *place])
