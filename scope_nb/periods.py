"""Periods: three searches and the nested one that ranks the candidates of two by the third."""

from dataclasses import dataclass

import numpy as np

from .periodograms import (
    Grid,
    analysis_of_variance,
    conditional_entropy,
    distinct_peaks,
    lomb_scargle,
    significance,
)
from .taxonomy import PERIOD_SUFFIXES, defaults, find_suffix

FEWEST = 4  # epochs; below that statistics and periods are undefined


@dataclass(frozen=True)
class PeriodResult:
    """What one search found in one light curve.

    Parameters
    ----------
    method : str
        "ELS" (Lomb-Scargle), "ECE" (conditional entropy), "EAOV" (analysis of variance) or "ELS_ECE_EAOV".
    period : float
        The best period in days; NaN if the light curve is constant or too short for a single trial frequency.
    significance : float
        How far the peak stands out of the periodogram, in its standard deviations. For the nested search that of the
        analysis of variance.
    candidates : numpy.ndarray, shape (n,)
        Periods (days) of the distinct peaks, best first.
    proposed_by : tuple of str
        The searches that proposed each candidate.
    freq, power : numpy.ndarray or None
        The periodogram (1/day), if it was asked for. Conditional entropy has its best at the minimum.
    """

    method: str
    period: float
    significance: float
    candidates: np.ndarray
    proposed_by: tuple
    freq: np.ndarray | None = None
    power: np.ndarray | None = None


def find_periods(time, mag, err, max_freq=None, oversampling=None, keep_periodograms=False):
    """Search one light curve for periods in all four ways of the training table.

    Each search runs over SCoPe's grid, from 2/baseline to `max_freq` in steps of 1/(oversampling baseline). Unlike
    SCoPe's, the grid depends on this light curve alone, no band around 1, 2 or 3 cycles a day is cut out, and each
    candidate of the nested search is a peak of its own (further than 1/baseline from the others).

    Parameters
    ----------
    time, mag, err : array-like, shape (n,)
        Sorted days, magnitudes and their errors.
    max_freq : float, optional
        Highest trial frequency in cycles per day (48).
    oversampling : int, optional
        Trial frequencies per 1/baseline (10).
    keep_periodograms : bool
        Keep `freq` and `power` in the results.

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
    time, mag, err = checked(time, mag, err)
    max_freq = settings["max_freq"] if max_freq is None else max_freq
    oversampling = settings["oversampling"] if oversampling is None else oversampling
    grid = Grid.of(time[-1] - time[0], max_freq, oversampling)
    if grid.size == 0 or np.ptp(mag) == 0:
        return {name: PeriodResult(name, np.nan, 0.0, np.empty(0), ()) for name in PERIOD_SUFFIXES}
    power = {
        "ELS": lomb_scargle(time, mag, err, grid),
        "ECE": conditional_entropy(time, mag, grid, settings["phase_bins"], settings["mag_bins"]),
        "EAOV": analysis_of_variance(time, mag, grid, settings["phase_bins"]),
    }
    peaks = {
        name: distinct_peaks(-p if name == "ECE" else p, grid.oversampling, settings["n_candidates"])
        for name, p in power.items()
    }
    freq = grid.freq(np.arange(grid.size)) if keep_periodograms else None
    results = {}
    for name, index in peaks.items():
        kept = power[name] if keep_periodograms else None
        results[name] = _result(name, index, [name] * len(index), power[name], grid, freq, kept)
    index, proposers = _nested(peaks, power["EAOV"], grid.oversampling)
    kept = power["EAOV"] if keep_periodograms else None
    results["ELS_ECE_EAOV"] = _result("ELS_ECE_EAOV", index, proposers, power["EAOV"], grid, freq, kept)
    return results


def find_period(time, mag, err, method="ELS_ECE_EAOV", **search):
    """Search one light curve for its period; see `find_periods` for the parameters.

    Returns
    -------
    PeriodResult
        Of one `method`, by default the nested search.
    """
    return find_periods(time, mag, err, **search)[find_suffix(method)]


def fold(time, period, epoch=0.0):
    """Return the phases (0 to 1) of times folded at a period, both in days."""
    return ((np.asarray(time) - epoch) / period) % 1.0


def _nested(peaks, aov, width):
    """Rank the candidates of Lomb-Scargle and conditional entropy by the analysis of variance.

    A peak is ranked by the best analysis of variance within half a peak's width: the methods place it a step or two
    apart. Candidates of both searches that meet are one.
    """
    best = {}
    for name in ("ELS", "ECE"):
        for k in peaks[name]:
            start = max(k - width // 2, 0)
            top = start + int(np.argmax(aov[start : k + width // 2 + 1]))
            best.setdefault(top, []).append(name)
    ranked = sorted(best, key=lambda k: -aov[k])
    index = []
    for k in ranked:
        near = [i for i in index if abs(i - k) <= width]
        if near:
            best[near[0]] += best[k]
        else:
            index.append(k)
    return np.array(index), ["+".join(sorted(set(best[k]), reverse=True)) for k in index]


def _result(name, index, proposers, power, grid, freq, kept):
    periods = 1.0 / grid.freq(index)
    return PeriodResult(
        name, float(periods[0]), significance(power, power[index[0]]), periods, tuple(proposers), freq, kept
    )


def checked(time, mag, err):
    """Return the three arrays as float64, or say what is wrong with them."""
    time, mag, err = (np.ascontiguousarray(x, float) for x in (time, mag, err))
    if not (time.ndim == 1 and time.shape == mag.shape == err.shape and time.size):
        raise ValueError(f"time, mag and err need one length; they have {time.shape}, {mag.shape}, {err.shape}")
    for name, values in (("times", time), ("magnitudes", mag), ("errors", err)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} hold NaN or infinite values, first at epoch {np.argmin(np.isfinite(values))}")
    if (err <= 0).any():
        raise ValueError(f"errors must be positive; first other at epoch {np.argmax(err <= 0)}")
    if (np.diff(time) < 0).any():
        raise ValueError(f"times must be sorted; they decrease at epoch {np.argmax(np.diff(time) < 0) + 1}")
    if time.size < FEWEST:
        raise ValueError(f"{time.size} epochs are too few: at least {FEWEST} are needed")
    if time[0] == time[-1]:
        raise ValueError(f"all {time.size} times are equal")
    return time, mag, err
