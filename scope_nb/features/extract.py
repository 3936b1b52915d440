"""From light curves to the training table: statistics, periods, Fourier series, dmdt, and features of one's own."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST_EPOCHS, require_light_curves, stars
from ..lightcurves.values import PROBLEMS, as_floats, unusable
from ..periods.gpu import choose_device, search_many
from ..periods.grid_search import search_grid
from ..periods.search import BAD_CHOICES, judge_searches, period_table, prepare_search
from ..taxonomy import PERIOD_SUFFIXES, as_names, check_names, defaults, feature_table, label_names
from .dmdt import dmdt_histogram
from .extra import TRIES, extra_functions, name_light_curve
from .fourier import FOURIER_COLUMNS, fourier_features
from .statistics import Statistics, light_curve_statistics


class NothingUsable(ValueError):
    """None of the light curves can be used; `failures` lists the `_id` and the `reason` of each, as a table."""

    def __init__(self, text, failures):
        super().__init__(text)
        self.failures = failures


def light_curve_features(time, mag, err, max_freq=None, oversampling=None, period=None):
    """Return the 22 statistics, 17 features for each of the four period suffixes, and `dmdt` (26 x 26), as a dict.

    See `periods.find_periods` for the parameters and errors. What the squares of errors below 1e-75 or above 1e75 mag
    leave undefined is NaN. A `period` (days) from elsewhere takes the place of the nested search's.
    """
    prepared = prepare_search(time, mag, err, max_freq, oversampling)
    searches = search_grid(prepared) if prepared.grid else None
    return _features_at(judge_searches(prepared, searches, period), time, mag, err)


def _features_at(results, time, mag, err):
    """Return the features of a light curve from the four results of `find_periods`, which refuses what is unusable."""
    time, mag, err = as_floats(time, "d"), as_floats(mag, "mag"), as_floats(err, "mag")
    row = light_curve_statistics(time, mag, err)
    for suffix, result in results.items():
        columns = {"period": result.period, "significance": result.significance, "pdot": 0.0}
        columns |= fourier_features(time, mag, err, result.period)
        row |= {f"{name}_{suffix}": value for name, value in columns.items()}
    row = {name: value if np.isfinite(value) else np.nan for name, value in row.items()}
    return row | {"dmdt": dmdt_histogram(time, mag)}


def _finish_features(item, prepared, searches):
    """Return the features of a light curve that was searched, or the error that prevents it."""
    if isinstance(item, Exception):
        return item
    epochs, period = item
    try:
        return _features_at(judge_searches(prepared, searches, period), *epochs)
    except Exception as error:
        return error


def featurize(
    light_curves,
    max_freq=None,
    oversampling=None,
    min_epochs=None,
    n_jobs=-1,
    progress=True,
    extra=(),
    until=None,
    bad="raise",
    device="cpu",
    by_star=False,
):
    """Turn cleaned light curves into a training table, `n_jobs` at a time (-1: as many as there are cores).

    For so many that it takes hours, `dataset.write_features` keeps what is done. See `periods.find_periods` for
    `max_freq` and `oversampling`, and `periods.choose_device` for `device`; `min_epochs` is the fewest epochs allowed
    (those that the light curves were read with, else 50).

    Parameters
    ----------
    extra : callable or list of callable
        Functions of one's own: of (time, mag, err), or with one parameter of a `LightCurve`. The numbers that they
        return by name become columns too, see `extra.extra_functions`.
    until : float, optional
        Use only the epochs up to so many days after the first one of each light curve, see `LightCurves.until`. Light
        curves of which fewer than `min_epochs` epochs are left get no row, with a warning that counts them.
    bad : {"raise", "list"}
        What to do with a light curve that has too few epochs, equal or unsorted times or unusable values, or for which
        a function fails. A `ValueError` names the first; or they get no row, a warning counts them, and
        `attrs["failures"]` lists the `_id` and the `reason` of each.
    by_star : bool
        Search the light curves of each star together first, as `periods.period_table` does. The features of the nested
        search are then those at the star's period, and the column `period_of` says "star"; or "light curve", where
        there is one only, or all together have no period or cannot be searched. This takes up to twice the time.

    Returns
    -------
    pandas.DataFrame
        One row per light curve: the columns of `light_curves.meta`, then the features with SCoPe's names, those of
        `extra`, and `dmdt` (26 x 26 views of one float32 array). Without `by_star` a row depends on its light curve
        alone.
    """
    require_light_curves(light_curves)
    work = Extraction(light_curves, max_freq, oversampling, min_epochs, extra, until, bad, device)
    if by_star:
        work.search_stars(n_jobs, progress)
    bar = {"unit": "light curve", "disable": not progress}
    rows, further, failures = work.rows, pd.DataFrame(index=work.rows), work.failures
    if work.extra:  # first: what fails, fails soon
        with tqdm(total=len(rows), desc="extra", **bar) as shown:
            further, failed = work.compute(rows, work.extra, n_jobs, shown.update)
        rows, failures = further.index, failures | failed
    with tqdm(total=len(rows), **bar) as shown:
        table, failed = work.compute(rows, [work.features], n_jobs, shown.update)
    listed = work.list_failures(failures | failed)
    block = np.stack(table.pop("dmdt"))
    parts = [work.meta.loc[table.index], table, further.loc[table.index]]
    table = pd.concat(parts, axis=1).reset_index(drop=True)
    table["dmdt"] = pd.Series(list(block), dtype=object)
    if bad == "list":
        table.attrs["failures"] = listed.to_dict("records")
        warn_of_failures(listed, work.light_curves, 'attrs["failures"]')
    return table


class Extraction:
    """How the features of some light curves are made; see `featurize` for the parameters.

    Attributes
    ----------
    light_curves : LightCurves
        All of them, cut at `until`.
    rows : numpy.ndarray of int
        Which of them can be used.
    failures : dict of int to str
        Why the others cannot, by row.
    extra : list of ExtraFunction
    """

    def __init__(self, light_curves, max_freq, oversampling, min_epochs, extra, until, bad, device="cpu"):
        self.device = choose_device(device)
        check_names("choice for bad", [bad], BAD_CHOICES)
        if len(light_curves) == 0:
            raise ValueError("there are no light curves")
        limits = (min_epochs, light_curves.min_epochs, defaults()["light_curves"]["min_epochs"])
        min_epochs = max(next(limit for limit in limits if limit is not None), FEWEST_EPOCHS)
        if until is not None:
            light_curves = _cut_in_time(light_curves, until, min_epochs)
        if bad == "raise":
            light_curves.check()  # its error says how to leave out epochs
        self.light_curves, self.search, self.bad = light_curves, (max_freq, oversampling), bad
        self.meta = light_curves.meta.drop(columns=[*feature_names(), "dmdt"], errors="ignore")
        self.failures = _find_problems(light_curves, min_epochs)
        if self.failures and bad == "raise":
            first, count = self.failures[min(self.failures)], len(self.failures)
            raise ValueError(f"{first}. Of {len(light_curves)} light curves {count} cannot be used")
        self.list_failures(self.failures)  # refuses a batch of nothing else
        self.rows = np.setdiff1d(np.arange(len(light_curves)), list(self.failures))
        taken = [*light_curves.meta, *feature_names(), *feature_table().index, *label_names()]
        self.extra = extra_functions(extra, light_curves.select(self.rows[:TRIES]), taken, bad)
        self.periods = {}

    def search_stars(self, n_jobs, progress):
        """Find the period of each star that has several light curves; all of them get it."""
        meta, usable = self.light_curves.meta, self.rows
        names = np.asarray(stars(meta)[0])
        self.meta = self.meta.assign(period_of="light curve")
        shared = usable[pd.Series(names[usable]).duplicated(keep=False).to_numpy()]
        if not len(shared):
            return
        options = dict(zip(("max_freq", "oversampling"), self.search, strict=True))
        curves = self.light_curves.select(shared)
        curves = replace(curves, meta=curves.meta.assign(obj_id=names[shared]))
        options |= {"n_jobs": n_jobs, "progress": progress, "device": self.device, "bad": self.bad}
        table = period_table(curves, True, **options)
        periods = table["period"].reindex(names[shared]).set_axis(shared)
        self.periods = periods.dropna().to_dict()  # a star has none that does not vary, or cannot be searched
        self.meta.loc[list(self.periods), "period_of"] = "star"

    def features(self, curve, row):
        """Return the features of a light curve by name; an error names it."""
        with name_light_curve("featurize", curve, row):
            return light_curve_features(curve.time, curve.mag, curve.err, *self.search, self.periods.get(row))

    def compute(self, rows, functions, n_jobs, advance):
        """Return a table of what functions of light curve and row give for some rows, and by row why others failed.

        The table's index are the rows. `advance` is called after each.
        """
        if self.device == "cuda" and self.features in functions:
            return self._compute_with_gpu(rows, [f for f in functions if f != self.features], n_jobs, advance)
        tasks = (delayed(self._try)(functions, self.light_curves[row], row) for row in rows)
        results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
        made, failures = {}, {}
        for row, result in zip(rows, results, strict=True):
            (failures if isinstance(result, str) else made)[int(row)] = result
            advance()
        return pd.DataFrame(list(made.values()), index=list(made)), failures

    def _compute_with_gpu(self, rows, functions, n_jobs, advance):
        """Return what `compute` does for `features` and other functions: the GPU searches, processes do the rest."""
        further, failures = pd.DataFrame(index=rows), {}
        if functions:
            further, failures = self.compute(rows, functions, n_jobs, lambda: None)
        results = search_many((self._prepare(row) for row in further.index), _finish_features, n_jobs)
        made = {}
        for row, result in zip(further.index, results, strict=True):
            if isinstance(result, Exception):
                failures[row] = self._name_failure(result, row)
            else:
                made[row] = result
            advance()
        table = pd.DataFrame(list(made.values()), index=list(made))
        return pd.concat([further.loc[table.index], table], axis=1), failures

    def _prepare(self, row):
        """Return the epochs of a light curve and its star's period, and what is searched; or the error instead."""
        part = slice(*self.light_curves.offsets[row : row + 2])
        epochs = self.light_curves.time[part], self.light_curves.mag[part], self.light_curves.err[part]
        try:
            return (epochs, self.periods.get(row)), prepare_search(*epochs, *self.search)
        except Exception as error:
            return error, None

    def _name_failure(self, error, row):
        """Raise the error of a light curve with its name, or return its text."""
        try:
            with name_light_curve("featurize", self.light_curves[row], row):
                raise error
        except ValueError as named:
            if self.bad == "raise":
                raise
            return str(named)

    def _try(self, functions, curve, row):
        """Return what functions give for a light curve as one dict, or, unless it is to be raised, the error's text."""
        values = {}
        try:
            for function in functions:
                values |= function(curve, row)
        except ValueError as error:
            if self.bad == "raise":
                raise
            return str(error)
        return values

    def list_failures(self, failures):
        """Return the `_id` (text) and the `reason` of failures by row as a table; all rows are a `ValueError`."""
        rows = sorted(failures)
        reasons = [failures[row] for row in rows]
        listed = pd.DataFrame({"_id": as_names(self.meta["_id"].iloc[rows]), "reason": reasons}, dtype=str)
        if len(rows) == len(self.light_curves):
            raise NothingUsable(f"none of {len(rows)} light curves can be used, first: {failures[rows[0]]}", listed)
        return listed


def warn_of_failures(listed, light_curves, place):
    """Warn of light curves that got no row, which `place` lists."""
    if len(listed):
        count = f"{len(listed)} of {len(light_curves)} light curves get no row"
        warnings.warn(f"{count}, first: {listed['reason'][0]}. {place} lists them", stacklevel=3)


def feature_names():
    """Return the names of the columns that `featurize` computes, dmdt apart."""
    periodic = ("period", "significance", "pdot", *FOURIER_COLUMNS)
    return [*Statistics._fields, *(f"{name}_{suffix}" for suffix in PERIOD_SUFFIXES for name in periodic)]


def _cut_in_time(light_curves, until, min_epochs):
    """Return the light curves as they were after `until` days; those that are too short then are left out."""
    cut = light_curves.until(until)
    long = cut.long_enough(min_epochs)
    short = len(cut) - len(long)
    if len(long) == 0:
        raise ValueError(
            f"none of {len(cut)} light curves has {min_epochs} epochs in its first {until:g} days; the longest has "
            f"{cut.n_epochs.max()}. Lower min_epochs"
        )
    if short:
        warnings.warn(
            f"{short} of {len(cut)} light curves have fewer than {min_epochs} epochs in their first {until:g} days and "
            "get no row; lower min_epochs to keep more",
            stacklevel=4,
        )
    return long


def _find_problems(light_curves, min_epochs):
    """Return by row why the features of a light curve cannot be made, before hours are spent on the others."""
    time, row_of = light_curves.time, light_curves.row_of_epoch
    problems = {}
    still = (np.diff(row_of) == 0) & ~(np.diff(time) > 0)
    for row in np.unique(row_of[1:][still]):
        equal = np.ptp(light_curves[row].time) == 0
        text = "all times equal" if equal else "times that are not sorted or not distinct"
        problems[row] = f"has {text}; `clean()` sorts and drops duplicates"
    for row in np.flatnonzero(light_curves.n_epochs < min_epochs):
        count = light_curves.n_epochs[row]
        cure = f"min_epochs={count} keeps it" if count >= FEWEST_EPOCHS else f"{FEWEST_EPOCHS} are needed"
        problems[row] = f"has {count} epochs, fewer than {min_epochs}; {cure}, `long_enough()` leaves it out"
    for text, bad in zip(PROBLEMS, unusable(time, light_curves.mag, light_curves.err), strict=True):
        problems |= dict.fromkeys(np.unique(row_of[bad]), f"has an epoch whose {text}")
    names = light_curves.meta["_id"]
    return {int(row): f"light curve {row} (_id {names[row]}) {problems[row]}" for row in sorted(problems)}
