"""Periods: three searches, and the nested one that judges the candidates of all three."""

from dataclasses import dataclass

import numpy as np

from .judge import hypotheses, judge
from .periodograms import (
    Grid,
    analysis_of_variance,
    distinct_peaks,
    entropy_and_variance,
    lomb_scargle,
    magnitude_rows,
    rounded,
    significance,
)
from .taxonomy import PERIOD_SUFFIXES, defaults, find_suffix

NESTED = "ELS_ECE_EAOV"
WINDOWS = 300  # peaks of the variance of rounded magnitudes where the exact one is computed
ROUGH = 0.5  # rounding errors of magnitudes, in interquartile ranges, that are too much for that
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
        How far the peak stands out of the periodogram, in its standard deviations; for the nested search, out of the
        analysis of variance, which for this purpose is that of magnitudes rounded to the bins of conditional entropy.
    candidates : numpy.ndarray, shape (n,)
        Periods (days) of the distinct peaks, best first.
    proposed_by : tuple of str
        The search that proposed each candidate.
    trust : float
        Probability, 0 to 1, that the best period is the true one; of the nested search only, NaN for the others.
    candidate_trust : numpy.ndarray or None
        The same for each candidate. Each is judged by itself, so they need not add up to 1.
    freq, power : numpy.ndarray or None
        The periodogram (1/day), if it was asked for. Conditional entropy has its best at the minimum.
    """

    method: str
    period: float
    significance: float
    candidates: np.ndarray
    proposed_by: tuple
    trust: float = np.nan
    candidate_trust: np.ndarray | None = None
    freq: np.ndarray | None = None
    power: np.ndarray | None = None


def find_periods(time, mag, err, max_freq=None, oversampling=None, keep_periodograms=False):
    """Search one light curve for periods in all four ways of the training table.

    Each search runs over SCoPe's grid, from 2/baseline to `max_freq` in steps of 1/(oversampling baseline). Unlike
    SCoPe's, the grid depends on this light curve alone, and no band around 1, 2 or 3 cycles a day is cut out.

    The nested search takes the best distinct peaks of all three (further than 1/baseline from each other), with the
    half and the double of the highest, and compares what is known of each: how well harmonics and a pair of eclipses
    fit, the shape of the folded light curve, who proposed it (`judge`). SCoPe's takes the highest analysis of variance
    among neighbours of a few peaks. The judge was trained on real variable stars; its probability is the trust score,
    which means nothing for a star that does not vary periodically.

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
    power, peaks = search(time, mag, err, grid)
    freq, kept = None, dict.fromkeys(power)
    if keep_periodograms:
        freq = grid.freq(np.arange(grid.size))
        kept = power | {"EAOV": analysis_of_variance(time, mag, grid, settings["phase_bins"])}
    results = {}
    for name, index in peaks.items():
        best = significance(power[name], power[name][index[0]])
        found = 1 / grid.freq(index)
        names = (name,) * len(index)
        results[name] = PeriodResult(name, float(found[0]), best, found, names, freq=freq, power=kept[name])
    freqs, proposers, terms = hypotheses(time, mag, err, {name: grid.freq(index) for name, index in peaks.items()})
    trust = judge(terms)
    order = np.argsort(-trust, kind="stable")
    found, trust, proposers = 1 / freqs[order], trust[order], tuple(proposers[i] for i in order)
    best = significance(power["EAOV"], _near(power["EAOV"], freqs[order[0]], grid))
    nested = PeriodResult(NESTED, float(found[0]), best, found, proposers, float(trust[0]), trust, freq, kept["EAOV"])
    return results | {NESTED: nested}


def search(time, mag, err, grid):
    """Return the three periodograms, and the places of their distinct peaks on the grid, best first.

    The analysis of variance is that of rounded magnitudes, a by-product of conditional entropy. Its peaks are those of
    the exact one, computed where the former is highest; or everywhere, if outliers make the rounding too rough.
    """
    settings = defaults()["periods"]
    bins, many, width = settings["phase_bins"], settings["n_candidates"], grid.oversampling
    entropy, variance = entropy_and_variance(time, mag, grid, bins, settings["mag_bins"])
    lost = mag - rounded(mag, magnitude_rows(mag, settings["mag_bins"]))
    if lost.std() > ROUGH * np.subtract(*np.percentile(mag, [75, 25])):
        variance = exact = analysis_of_variance(time, mag, grid, bins)
    else:
        exact = analysis_of_variance(time, mag, grid, bins, near=distinct_peaks(variance, width, WINDOWS))
    power = {"ELS": lomb_scargle(time, mag, err, grid), "ECE": entropy, "EAOV": variance}
    high = {"ELS": power["ELS"], "ECE": -entropy, "EAOV": exact}
    return power, {name: distinct_peaks(values, width, many) for name, values in high.items()}


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


def _near(power, freq, grid):
    """Return the highest value of a periodogram within half a peak's width of a frequency."""
    index = int(np.clip(round(freq / grid.step) - grid.first, 0, grid.size - 1))
    half = grid.oversampling // 2
    return power[max(index - half, 0) : index + half + 1].max()


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
