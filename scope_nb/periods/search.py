"""Periods: three searches and one for eclipses, and the nested one that judges the candidates of all."""

import warnings
from collections import namedtuple
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST_EPOCHS, require_light_curves, stars, thinned
from ..lightcurves.values import as_floats, check_times, unusable
from ..taxonomy import PERIOD_SUFFIXES, check_names, defaults, find_suffix
from .bands import binary_odds, merge_bands
from .eclipses import Eclipses, fit_eclipses, search_eclipses
from .gpu import choose_device, search_many
from .grid_search import search_grid, variance_near
from .judge import compare_candidates, judge_candidates, period_error
from .periodograms import (
    Grid,
    analysis_of_variance,
    check_baseline,
    peak_significance,
)

NESTED = "ELS_ECE_EAOV"
BAD_CHOICES = ("raise", "list")  # what to do with what cannot be searched
OPTIONS = ("max_freq", "oversampling", "keep_periodograms", "band")  # of `find_periods`
# epochs ready for the searches, of several bands as observed too (or None), and the grid: None if there is no period
Prepared = namedtuple("Prepared", "time mag err bands grid")


@dataclass(frozen=True)
class PeriodResult:
    """The outcome of one search in one light curve.

    There is no period where the light curve is constant, has fewer than 4 epochs or is too short for a single trial
    frequency. The nested search's significance is that of its period in the analysis of variance.
    """

    method: str  # "ELS" (Lomb-Scargle), "ECE" (conditional entropy), "EAOV" (analysis of variance), "ELS_ECE_EAOV"
    period: float = np.nan  # the best one, in days
    significance: float = 0.0  # how far the peak stands out of the periodogram, in its standard deviations
    candidates: np.ndarray = field(default_factory=lambda: np.empty(0))  # periods (days) of distinct peaks, best first
    proposed_by: tuple = ()  # the search that proposed each candidate
    trust: float = np.nan  # probability that the best period is the true one; of the nested search only
    candidate_trust: np.ndarray | None = None  # the same for each candidate; the rest to 1 is that of "none of these"
    error: float = np.nan  # of the best period (days), if it is the right peak; of the nested search only
    eclipses: Eclipses | None = None  # two boxes fitted at the best period, binary or not; of the nested search only
    freq: np.ndarray | None = None  # 1/day, if the periodogram was asked for
    power: np.ndarray | None = None  # of the periodogram; conditional entropy has its best at the minimum


def find_periods(time, mag, err, max_freq=None, oversampling=None, keep_periodograms=False, band=None):
    """Search one light curve (sorted days, magnitudes, errors) for periods in all four ways of the training table.

    Each search runs over SCoPe's grid, from 2/baseline to `max_freq` in steps of 1/(oversampling baseline). Unlike
    SCoPe's, the grid depends on this light curve alone, and no band around 1, 2 or 3 cycles a day is cut out. The
    nested search judges the best distinct peaks of all three and of a search for eclipses (up to 3 cycles a day), with
    their halves and doubles, which may lie beyond the grid. Of more than 20,000 epochs so many are drawn at random,
    with a fixed seed.

    Parameters
    ----------
    max_freq, oversampling, keep_periodograms : optional
        Cycles per day (48); trial frequencies per 1/baseline (10); whether results have `freq` and `power`.
    band : array-like of str, shape (n,), optional
        The band of each epoch, if they are of several; then they need not be sorted. Each band is searched with a mean,
        an amplitude and a noise of its own. If "g" and "r" are among them, their amplitudes count too: pulsators vary
        more in g.

    Returns
    -------
    dict of str to PeriodResult
        For "ELS", "ECE", "EAOV" and "ELS_ECE_EAOV". Unusable values, equal times, and a few epochs so far from
        the others that the search would take many times longer are a `ValueError`.
    """
    prepared = prepare_search(time, mag, err, max_freq, oversampling, band)
    searches = search_grid(prepared) if prepared.grid else None
    results = judge_searches(prepared, searches)
    if keep_periodograms and searches is None:
        return {name: replace(result, freq=np.empty(0), power=np.empty(0)) for name, result in results.items()}
    if keep_periodograms:
        grid = prepared.grid
        power = {name: search.power for name, search in searches.items()}
        exact = analysis_of_variance(prepared.time, prepared.mag, grid, defaults()["periods"]["phase_bins"])
        power["EAOV"] = power[NESTED] = exact
        freq = grid.freq(np.arange(grid.size))
        results = {name: replace(result, freq=freq, power=power[name]) for name, result in results.items()}
    return results


def prepare_search(time, mag, err, max_freq=None, oversampling=None, band=None):
    """Return a light curve as `Prepared` for the searches; see `find_periods`."""
    settings = defaults()["periods"]
    epochs = thinned(*_usable_epochs([time, mag, err] if band is None else [time, mag, err, band]))
    time, mag, err = epochs[:3]
    if band is not None:
        mag, err = merge_bands(*epochs[1:])
    max_freq = settings["max_freq"] if max_freq is None else max_freq
    oversampling = settings["oversampling"] if oversampling is None else oversampling
    check_baseline(time, max_freq, oversampling)
    grid = Grid.of(time[-1] - time[0], max_freq, oversampling)
    if grid.size == 0 or np.ptp(mag) == 0 or time.size < FEWEST_EPOCHS:
        grid = None
    return Prepared(time, mag, err, None if band is None else epochs, grid)


def judge_searches(prepared, searches, period=None):
    """Return the `PeriodResult` of all four methods from the searches of a light curve, None if it was not searched.

    With a `period` (days) the nested search does not judge: its result is that of this period.
    """
    return {name: judge_search(name, prepared, searches, period) for name in PERIOD_SUFFIXES}


def judge_search(method, prepared, searches, period=None):
    """Return the `PeriodResult` of one method; see `judge_searches`."""
    if searches is None:
        return PeriodResult(method)
    if method == NESTED:
        return _search_nested(prepared, searches, period)
    search = searches[method]
    best = peak_significance(search.best, search.mean, search.spread)
    return PeriodResult(method, float(1 / search.freqs[0]), best, 1 / search.freqs, (method,) * len(search.freqs))


def _search_nested(prepared, searches, period=None):
    """Return the result of the nested search; that of a `period` (days) from elsewhere, if there is one."""
    time, mag, err, bands, grid = prepared
    if period is None:
        eclipses = searches["BLS"] if "BLS" in searches else search_eclipses(prepared)
        peaks = {name: search.freqs for name, search in (searches | {"BLS": eclipses}).items()}
        freqs, proposed_by, terms = compare_candidates(time, mag, err, peaks, bands)
        # two humps a cycle may be those of a binary
        odds = 1.0 if bands is None else np.where(terms.r21 > 1, binary_odds(*bands, freqs), 1.0)
        trust = judge_candidates(terms, odds)
        order = np.argsort(-trust, kind="stable")
        freqs, trust, proposed_by = freqs[order], trust[order], tuple(proposed_by[i] for i in order)
    else:
        freqs, trust, proposed_by = np.array([1 / period]), np.array([np.nan]), ("given",)
    index = int(np.clip(round(freqs[0] / grid.step) - grid.first, 0, grid.size - 1))
    best = variance_near(prepared, index).max()
    return PeriodResult(
        NESTED,
        float(1 / freqs[0]),
        peak_significance(best, searches["EAOV"].mean, searches["EAOV"].spread),
        1 / freqs,
        proposed_by,
        float(trust[0]),
        trust,
        period_error(time, mag, err, 1 / freqs[0], bands),
        fit_eclipses(time, mag, err, 1 / freqs[0]),
    )


def find_period(time, mag, err, method=NESTED, **options):
    """Return the `PeriodResult` of one method for a light curve or a star; options as of `periods.find_periods`."""
    check_names("option of find_period()", options, ("method", *OPTIONS))
    return find_periods(time, mag, err, **options)[find_suffix(method)]


def period_table(
    light_curves, by_star=False, method=NESTED, n_jobs=-1, progress=True, device="cpu", bad="raise", **options
):
    """Search many light curves for their periods, `n_jobs` at a time (-1: as many as there are cores).

    With `by_star` all light curves of a star are searched together, whatever their bands. See `PeriodResult` for the
    methods, `find_periods` for the options `max_freq` and `oversampling`, and `gpu.choose_device` for `device`.

    Returns
    -------
    pandas.DataFrame
        One row per light curve (index `_id`; with its `star`, if it has a name) or star (index `star`), in their order:
        `n_epochs`, `bands`, and of `PeriodResult` all from `period` to `candidate_trust`. A `ValueError` names a light
        curve or star that cannot be searched; with `bad="list"` it gets no period, a warning counts them, and
        `attrs["failures"]` says why.
    """
    others = ("by_star", "method", "n_jobs", "progress", "device", "bad")
    check_names("option of period_table()", options, (*others, *OPTIONS[:2]))
    check_names("choice for bad", [bad], BAD_CHOICES)
    method, device = find_suffix(method), choose_device(device)
    require_light_curves(light_curves)
    rows = pd.Series(np.arange(len(light_curves)))
    if by_star:
        groups = list(rows.groupby(stars(light_curves.meta)[0], sort=False))
    else:
        groups = [(name, [row]) for name, row in zip(light_curves.meta["_id"], rows, strict=True)]
    parts = ((name, light_curves.select(part), options, bad) for name, part in groups)
    if device == "cuda":
        results = search_many((_prepare_together(*part) for part in parts), partial(_row_of_search, method), n_jobs)
    else:
        tasks = (delayed(_search_together)(method, *part) for part in parts)
        results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
    results = tqdm(results, total=len(groups), unit="star" if by_star else "light curve", disable=not progress)
    index = pd.Index([name for name, _ in groups], name="star" if by_star else "_id")
    table = pd.DataFrame(list(results), index=index)
    reasons = table.pop("reason").dropna()
    if bad == "list":
        table.attrs["failures"] = [{index.name: name, "reason": reason} for name, reason in reasons.items()]
    if len(reasons):
        count = f"{len(reasons)} of {len(groups)} {'stars' if by_star else 'light curves'} cannot be searched"
        warnings.warn(f"{count}, first {reasons.index[0]}: {reasons.iloc[0]}", stacklevel=2)
    if not by_star and "obj_id" in light_curves.meta:
        table.insert(0, "star", light_curves.meta["obj_id"].to_numpy())
    return table


def _search_together(method, *part):
    """Return one row of `period_table`, of a part as of `_prepare_together`."""
    row, prepared = _prepare_together(*part)
    searched = prepared is not None and prepared.grid is not None
    return _row_of_search(method, row, prepared, search_grid(prepared) if searched else None)


def _prepare_together(name, curves, options, bad):
    """Return the beginning of a row of `period_table`, and all its light curves as `Prepared`, None if too short."""
    mag, bands, prepared, reason = curves.mag, curves.meta["band"], None, None
    if len(curves) > 1:
        mag = np.concatenate([curve.mag - np.median(curve.mag) for curve in curves])  # fields differ in zero point
        options = options | {"band": np.repeat(bands, curves.n_epochs)}
    if len(mag) >= FEWEST_EPOCHS and np.ptp(curves.time) != 0:  # a NaN is for the search to refuse
        try:
            prepared = prepare_search(curves.time, mag, curves.err, **options)
        except ValueError as error:
            if bad == "raise":
                raise ValueError(f"{name}: {error}") from error
            reason = str(error)
    return {"n_epochs": len(mag), "bands": "".join(dict.fromkeys(bands)), "reason": reason}, prepared


def _row_of_search(method, row, prepared, searches):
    """Return a row of `period_table` with the outcome of its searches."""
    result = judge_search(method, prepared, searches)
    columns = ("period", "error", "significance", "trust", "candidates", "candidate_trust", "proposed_by")
    return row | {name: getattr(result, name) for name in columns}


def fold(time, period, epoch=0.0):
    """Return the phases (0 to 1) of times folded at a period, both in days."""
    return ((as_floats(time, "d") - epoch) / period) % 1.0


def _usable_epochs(columns):
    """Return time, mag, err and maybe band as arrays, sorted if there are bands; name the first unusable value."""
    single = np.asarray(columns[0]).dtype in (np.float32, np.float16)
    numbers = [as_floats(values, unit) for values, unit in zip(columns[:3], ("d", "mag", "mag"), strict=True)]
    columns = numbers + [np.asarray(x, dtype=str) for x in columns[3:]]
    shapes = [values.shape for values in columns]
    if len(set(shapes)) > 1 or columns[0].ndim != 1 or columns[0].size == 0:
        raise ValueError(f"time, mag, err and band need one entry per epoch; their shapes are {shapes}")
    if len(columns) > 3:
        order = np.argsort(columns[0], kind="stable")
        columns = [values[order] for values in columns]
    rules = ("times hold NaN or infinite values", "magnitudes hold NaN or infinite values", "errors must be positive")
    for rule, values, bad in zip(rules, numbers, unusable(*numbers, sentinels=False), strict=True):
        if bad.any():
            first = np.argmax(bad)
            missing = rule.startswith("mag") and np.isfinite(values[first])
            text = f"magnitudes hold {values[first]:g}, which stands for a missing one" if missing else rule
            raise ValueError(f"{text}, first at epoch {first}")
    check_times(numbers[0], "time", single)
    steps = np.diff(columns[0])
    if (steps < 0).any():
        raise ValueError(f"times must be sorted; they decrease at epoch {np.argmax(steps < 0) + 1}")
    if not steps.any():
        raise ValueError(f"all {steps.size + 1} times are equal")
    return columns
