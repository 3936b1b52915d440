"""Periods: three searches, and the nested one that judges the candidates of all three."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST_EPOCHS, stars, thinned, unusable
from ..taxonomy import PERIOD_SUFFIXES, defaults, find_suffix
from .bands import binary_odds, merge_bands
from .judge import compare_candidates, judge_candidates
from .periodograms import (
    Grid,
    analysis_of_variance,
    distinct_peaks,
    entropy_and_variance,
    lomb_scargle,
    magnitude_bins,
    peak_significance,
    round_to_bins,
)

NESTED = "ELS_ECE_EAOV"
EXACT_PEAKS = 300  # peaks of the variance of rounded magnitudes where the exact one is computed
ROUGH = 0.5  # rounding errors of magnitudes, in interquartile ranges, that are too much for that


@dataclass(frozen=True)
class PeriodResult:
    """The outcome of one search in one light curve.

    There is no period where the light curve is constant, has fewer than 4 epochs or is too short for a single trial
    frequency. The significance is how far the peak stands out of the periodogram, in its standard deviations; for the
    nested search, out of the analysis of variance of rounded magnitudes (`entropy_and_variance`).
    """

    method: str  # "ELS" (Lomb-Scargle), "ECE" (conditional entropy), "EAOV" (analysis of variance), "ELS_ECE_EAOV"
    period: float = np.nan  # the best one, in days
    significance: float = 0.0
    candidates: np.ndarray = field(default_factory=lambda: np.empty(0))  # periods (days) of distinct peaks, best first
    proposed_by: tuple = ()  # the search that proposed each candidate
    trust: float = np.nan  # probability that the best period is the true one; of the nested search only
    candidate_trust: np.ndarray | None = None  # the same for each candidate; the rest to 1 is that of "none of these"
    freq: np.ndarray | None = None  # 1/day, if the periodogram was asked for
    power: np.ndarray | None = None  # of the periodogram; conditional entropy has its best at the minimum


def find_periods(time, mag, err, max_freq=None, oversampling=None, keep_periodograms=False, band=None):
    """Search one light curve for periods in all four ways of the training table.

    Each search runs over SCoPe's grid, from 2/baseline to `max_freq` in steps of 1/(oversampling baseline). Unlike
    SCoPe's, the grid depends on this light curve alone, and no band around 1, 2 or 3 cycles a day is cut out. The
    nested search judges the best distinct peaks of all three, their halves and their doubles (see `judge`). Of more
    than 20,000 epochs so many are drawn at random, with a fixed seed.

    Parameters
    ----------
    time, mag, err : array-like, shape (n,)
        Sorted days, magnitudes and their errors.
    max_freq : float, optional
        Highest trial frequency of the three searches in cycles per day (48). The nested search also judges the half and
        the double of the best periods, which may lie beyond.
    oversampling : int, optional
        Trial frequencies per 1/baseline (10).
    keep_periodograms : bool
        Keep `freq` and `power` in the results.
    band : array-like of str, shape (n,), optional
        The band of each epoch, if they are of several; then they need not be sorted. Each band is brought to the same
        median and spread. If "g" and "r" are among them, their amplitudes count too: pulsators vary more in g.

    Returns
    -------
    dict of str to PeriodResult
        One for each of "ELS", "ECE", "EAOV" and "ELS_ECE_EAOV".

    Raises
    ------
    ValueError
        If the values are unusable: not finite, errors not positive, or all times equal.
    """
    settings = defaults()["periods"]
    if band is None:
        time, mag, err = thinned(*_usable_epochs(time, mag, err))
        bands = None
    else:
        bands = thinned(*_sorted_epochs(time, mag, err, band))
        time, mag, err = bands[0], *merge_bands(*bands[1:])
    max_freq = settings["max_freq"] if max_freq is None else max_freq
    oversampling = settings["oversampling"] if oversampling is None else oversampling
    grid = Grid.of(time[-1] - time[0], max_freq, oversampling)
    if grid.size == 0 or np.ptp(mag) == 0 or time.size < FEWEST_EPOCHS:
        results = {name: PeriodResult(name) for name in PERIOD_SUFFIXES}
        return _with_periodograms(results, np.empty(0), {}) if keep_periodograms else results
    searches = search_grid(time, mag, err, grid)
    results = {}
    for name, (power, peaks) in searches.items():
        periods, best = 1 / grid.freq(peaks), peak_significance(power, power[peaks[0]])
        results[name] = PeriodResult(name, float(periods[0]), best, periods, (name,) * len(periods))
    results[NESTED] = _search_nested(time, mag, err, grid, searches, bands)
    if not keep_periodograms:
        return results
    power = {name: search.power for name, search in searches.items()}
    power["EAOV"] = power[NESTED] = analysis_of_variance(time, mag, grid, settings["phase_bins"])
    return _with_periodograms(results, grid.freq(np.arange(grid.size)), power)


def _with_periodograms(results, freq, power):
    """Return results that keep frequencies and periodograms; those without a periodogram keep empty arrays."""
    return {name: replace(result, freq=freq, power=power.get(name, freq)) for name, result in results.items()}


class Search(NamedTuple):
    """A periodogram on a grid, and where on the grid its distinct peaks are, best first."""

    power: np.ndarray
    peaks: np.ndarray


def search_grid(time, mag, err, grid):
    """Return a `Search` for each of "ELS", "ECE" and "EAOV".

    The analysis of variance is that of rounded magnitudes, a by-product of conditional entropy. Its peaks are those of
    the exact one, computed where the former is highest; or everywhere, if outliers make the rounding too rough.
    """
    settings = defaults()["periods"]
    bins, many, width = settings["phase_bins"], settings["n_candidates"], grid.oversampling
    entropy, variance = entropy_and_variance(time, mag, grid, bins, settings["mag_bins"])
    lost = mag - round_to_bins(mag, magnitude_bins(mag, settings["mag_bins"]))
    if lost.std() > ROUGH * np.subtract(*np.percentile(mag, [75, 25])):
        variance = exact = analysis_of_variance(time, mag, grid, bins)
    else:
        exact = analysis_of_variance(time, mag, grid, bins, near=distinct_peaks(variance, width, EXACT_PEAKS))
    power = lomb_scargle(time, mag, err, grid)
    return {
        "ELS": Search(power, distinct_peaks(power, width, many)),
        "ECE": Search(entropy, distinct_peaks(-entropy, width, many)),
        "EAOV": Search(variance, distinct_peaks(exact, width, many)),
    }


def _search_nested(time, mag, err, grid, searches, bands):
    """Return the result of the nested search; `bands` are the epochs of several bands as observed, or None."""
    peaks = {name: grid.freq(search.peaks) for name, search in searches.items()}
    freqs, proposed_by, terms = compare_candidates(time, mag, err, peaks)
    odds = 1.0
    if bands is not None:  # two humps a cycle may be those of a binary
        odds = np.where(terms.r21 > 1, binary_odds(*bands, freqs), 1.0)
    trust = judge_candidates(terms, odds)
    order = np.argsort(-trust, kind="stable")
    freqs, trust, proposed_by = freqs[order], trust[order], tuple(proposed_by[i] for i in order)
    power = searches["EAOV"].power
    index = int(np.clip(round(freqs[0] / grid.step) - grid.first, 0, grid.size - 1))
    half = grid.oversampling // 2  # half a peak's width
    significance = peak_significance(power, power[max(index - half, 0) : index + half + 1].max())
    return PeriodResult(NESTED, float(1 / freqs[0]), significance, 1 / freqs, proposed_by, float(trust[0]), trust)


def find_period(time, mag, err, method=NESTED, **options):
    """Return the `PeriodResult` of one method for a light curve or a star; see `find_periods` for the options."""
    return find_periods(time, mag, err, **options)[find_suffix(method)]


def period_table(light_curves, by_star=False, method=NESTED, n_jobs=-1, progress=True, **options):
    """Search many light curves for their periods.

    Parameters
    ----------
    light_curves : LightCurves
    by_star : bool
        Search all light curves of a star together, whatever their bands, instead of each by itself.
    method : str
        See `PeriodResult`.
    n_jobs : int
        Searches at a time, one thread each; -1 for all cores.
    progress : bool
        Show a progress bar.
    **options
        See `find_periods`.

    Returns
    -------
    pandas.DataFrame
        One row per light curve (index `_id`) or star (index `star`), in their order: `n_epochs`, `bands`, `period` and
        the list `candidates` (days), `significance`, `trust`, and the lists `candidate_trust` and `proposed_by`.

    Raises
    ------
    ValueError
        See `find_periods`; the light curve or star is named.
    """
    rows = pd.Series(np.arange(len(light_curves)))
    if by_star:
        groups = list(rows.groupby(stars(light_curves.meta)[0], sort=False))
    else:
        groups = [(name, [row]) for name, row in zip(light_curves.meta["_id"], rows, strict=True)]
    tasks = (delayed(_search_together)(name, light_curves.select(part), method, options) for name, part in groups)
    results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
    results = tqdm(results, total=len(groups), unit="star" if by_star else "light curve", disable=not progress)
    index = pd.Index([name for name, _ in groups], name="star" if by_star else "_id")
    return pd.DataFrame(list(results), index=index)


def _search_together(name, curves, method, options):
    """Return one row of `period_table`, of all light curves in `curves` together."""
    mag, bands = curves.mag, curves.meta["band"]
    if len(curves) > 1:
        mag = np.concatenate([curve.mag - np.median(curve.mag) for curve in curves])  # fields differ in zero point
        options = options | {"band": np.repeat(bands, curves.n_epochs)}
    result = PeriodResult(method)
    if len(mag) >= FEWEST_EPOCHS and np.ptp(curves.time) != 0:  # a NaN is for the search to refuse
        try:
            result = find_period(curves.time, mag, curves.err, method=method, **options)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return {
        "n_epochs": len(mag),
        "bands": "".join(dict.fromkeys(bands)),
        "period": result.period,
        "significance": result.significance,
        "trust": result.trust,
        "candidates": result.candidates,
        "candidate_trust": result.candidate_trust,
        "proposed_by": result.proposed_by,
    }


def fold(time, period, epoch=0.0):
    """Return the phases (0 to 1) of times folded at a period, both in days."""
    return ((np.asarray(time) - epoch) / period) % 1.0


def _sorted_epochs(time, mag, err, band):
    """Return the epochs of all bands in order of time, checked."""
    band = np.asarray(band, dtype=str)
    if band.shape != np.shape(time):
        raise ValueError(f"band needs one entry per epoch: it has shape {band.shape}, time {np.shape(time)}")
    order = np.argsort(time, kind="stable")
    return *_usable_epochs(*(np.asarray(x)[order] for x in (time, mag, err))), band[order]


def _usable_epochs(time, mag, err):
    """Return the three arrays as float64, or raise a `ValueError` that names the first unusable value."""
    time, mag, err = (np.ascontiguousarray(x, float) for x in (time, mag, err))
    if not (time.ndim == 1 and time.shape == mag.shape == err.shape and time.size):
        raise ValueError(f"time, mag and err need one length; they have {time.shape}, {mag.shape}, {err.shape}")
    rules = (
        "times hold NaN or infinite values",
        "magnitudes hold NaN or infinite values",
        "errors must be positive numbers",
    )
    for rule, bad in zip(rules, unusable(time, mag, err), strict=True):
        if bad.any():
            raise ValueError(f"{rule}, first at epoch {np.argmax(bad)}")
    if (np.diff(time) < 0).any():
        raise ValueError(f"times must be sorted; they decrease at epoch {np.argmax(np.diff(time) < 0) + 1}")
    if time[0] == time[-1]:
        raise ValueError(f"all {time.size} times are equal")
    return time, mag, err
