"""Periods: three searches, and the nested one that judges the candidates of all three."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST, stars, thinned
from ..taxonomy import PERIOD_SUFFIXES, defaults, find_suffix
from .bands import binary_odds, merge
from .judge import TERMS, hypotheses, judge
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

NESTED = "ELS_ECE_EAOV"


WINDOWS = 300  # peaks of the variance of rounded magnitudes where the exact one is computed


ROUGH = 0.5  # rounding errors of magnitudes, in interquartile ranges, that are too much for that


@dataclass(frozen=True)
class PeriodResult:
    """What one search found in one light curve.

    Parameters
    ----------
    method : str
        "ELS" (Lomb-Scargle), "ECE" (conditional entropy), "EAOV" (analysis of variance) or "ELS_ECE_EAOV".
    period : float
        The best period in days; NaN if the light curve is constant, has fewer than 4 epochs or is too short for a
        single trial frequency.
    significance : float
        How far the peak stands out of the periodogram, in its standard deviations; for the nested search, out of the
        analysis of variance, which for this purpose is that of magnitudes rounded to the bins of conditional entropy,
        at the nearest trial frequency.
    candidates : numpy.ndarray, shape (n,)
        Periods (days) of the distinct peaks, best first.
    proposed_by : tuple of str
        The search that proposed each candidate.
    trust : float
        Probability, 0 to 1, that the best period is the true one; of the nested search only, NaN for the others.
    candidate_trust : numpy.ndarray or None
        The same for each candidate; what they lack to a sum of 1 is the probability of "none of these".
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


def find_periods(time, mag, err, max_freq=None, oversampling=None, keep_periodograms=False, band=None):
    """Search one light curve for periods in all four ways of the training table.

    Each search runs over SCoPe's grid, from 2/baseline to `max_freq` in steps of 1/(oversampling baseline). Unlike
    SCoPe's, the grid depends on this light curve alone, and no band around 1, 2 or 3 cycles a day is cut out.

    The nested search takes the best distinct peaks of all three (further than 1/baseline from each other), with the
    half and the double of the highest, and compares what is known of each: how well harmonics and a pair of eclipses
    fit, the shape of the folded light curve, who proposed it (`judge`). SCoPe's takes the highest analysis of variance
    among neighbours of a few peaks. The judge was trained on real variable stars; its probability is the trust score,
    which means nothing for a star that does not vary periodically.

    Of more than 20,000 epochs so many are drawn at random, with a fixed seed.

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
        median and spread. If "g" and "r" are among them, their amplitudes decide with: pulsators vary more in g.

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
        time, mag, err = thinned(*checked(time, mag, err))
    else:
        time, *seen = thinned(*_sorted(time, mag, err, band))
        mag, err = merge(time, *seen)
    max_freq = settings["max_freq"] if max_freq is None else max_freq
    oversampling = settings["oversampling"] if oversampling is None else oversampling
    grid = Grid.of(time[-1] - time[0], max_freq, oversampling)
    if grid.size == 0 or np.ptp(mag) == 0 or time.size < FEWEST:
        none = np.empty(0)
        kept = {"freq": none, "power": none} if keep_periodograms else {}
        return {name: PeriodResult(name, np.nan, 0.0, none, (), **kept) for name in PERIOD_SUFFIXES}
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
    r21 = terms[:, list(TERMS).index("r21")]
    trust = judge(terms, 1.0 if band is None else np.where(r21 > 1, binary_odds(time, *seen, freqs), 1.0))
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
    """Search one light curve, or one star in several bands, for its period; see `find_periods` for the parameters.

    Returns
    -------
    PeriodResult
        Of one `method`, by default the nested search.
    """
    return find_periods(time, mag, err, **search)[find_suffix(method)]


def period_table(light_curves, by_star=False, method="ELS_ECE_EAOV", n_jobs=-1, progress=True, **search):
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
    **search
        See `find_periods`.

    Returns
    -------
    pandas.DataFrame
        One row per light curve (index `_id`) or star (index `star`), in their order: `n_epochs`, `bands`, `period` and
        the lists `candidates` (days), `significance`, `trust`, and the lists `candidate_trust` and `proposed_by`.

    Raises
    ------
    ValueError
        See `find_periods`; the light curve or star is named.
    """
    number, groups = np.arange(len(light_curves)), light_curves.meta["_id"]
    if by_star:
        number, groups = pd.factorize(stars(light_curves.meta)[0])
    tasks = (
        delayed(_summary)(name, light_curves, np.flatnonzero(number == i), method, search)
        for i, name in enumerate(groups)
    )
    rows = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
    rows = tqdm(rows, total=len(groups), unit="star" if by_star else "light curve", disable=not progress)
    return pd.DataFrame(list(rows), index=pd.Index(groups, name="star" if by_star else "_id"))


def _summary(name, light_curves, rows, method, search):
    """Return one row of `period_table`."""
    curves = [light_curves[i] for i in rows]
    columns = [np.concatenate([getattr(curve, what) for curve in curves]) for what in ("time", "mag", "err")]
    bands = [curve.info["band"] for curve in curves]
    if len(curves) > 1:
        # fields differ in their zero points
        columns[1] = np.concatenate([curve.mag - np.median(curve.mag) for curve in curves])
        search = search | {"band": np.repeat(bands, [len(curve) for curve in curves])}
    found = PeriodResult(method, np.nan, 0.0, np.empty(0), ())
    if len(columns[0]) >= FEWEST and np.ptp(columns[0]) != 0:  # a NaN is for the search to refuse
        try:
            found = find_period(*columns, method=method, **search)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    row = {"n_epochs": len(columns[0]), "bands": "".join(dict.fromkeys(bands))}
    return row | {
        what: getattr(found, what)
        for what in ("period", "significance", "trust", "candidates", "candidate_trust", "proposed_by")
    }


def fold(time, period, epoch=0.0):
    """Return the phases (0 to 1) of times folded at a period, both in days."""
    return ((np.asarray(time) - epoch) / period) % 1.0


def _near(power, freq, grid):
    """Return the highest value of a periodogram within half a peak's width of a frequency."""
    index = int(np.clip(round(freq / grid.step) - grid.first, 0, grid.size - 1))
    half = grid.oversampling // 2
    return power[max(index - half, 0) : index + half + 1].max()


def _sorted(time, mag, err, band):
    """Return the epochs of all bands in order of time, checked."""
    band = np.asarray(band, dtype=str)
    if band.shape != np.shape(time):
        raise ValueError(f"band needs one entry per epoch: it has shape {band.shape}, time {np.shape(time)}")
    order = np.argsort(time, kind="stable")
    return *checked(*(np.asarray(x)[order] for x in (time, mag, err))), band[order]


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
    if time[0] == time[-1]:
        raise ValueError(f"all {time.size} times are equal")
    return time, mag, err
