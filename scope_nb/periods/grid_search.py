"""All searches of a light curve on its grid, on the processor; of several bands what each says is added up."""

from dataclasses import replace

from ..taxonomy import defaults
from .bands import join_shares, split_bands
from .eclipses import search_eclipses
from .periodograms import (
    EXACT_PEAKS,
    Search,
    analysis_of_variance,
    are_too_rough,
    distinct_peaks,
    entropy_and_variance,
    lomb_scargle,
    mean_and_spread,
)


def search_grid(prepared):
    """Return a `Search` for each of "ELS", "ECE", "EAOV" and "BLS", the last one for eclipses.

    The analysis of variance is that of rounded magnitudes, a by-product of conditional entropy. Its peaks are those of
    the exact one, computed where the former is highest; or everywhere, if outliers make the rounding too rough. Of
    several bands each is searched, and what they say is added up: each has a mean, an amplitude and a noise of its own.
    """
    grid, settings = prepared.grid, defaults()["periods"]
    parts = _split(prepared)
    power, entropy, variance = _join([_periodograms(*part, grid) for part in parts], parts, settings["phase_bins"])
    exact = variance
    if not all(are_too_rough(mag) for _, mag, _ in parts):
        near = distinct_peaks(variance, grid.oversampling, EXACT_PEAKS)
        exact = [analysis_of_variance(t, m, grid, settings["phase_bins"], near=near) for t, m, _ in parts]
        exact = _join_variances(exact, parts, settings["phase_bins"])
    searches = {"BLS": search_eclipses(prepared)}
    for name, values, heights, sign in (
        ("ELS", power, power, 1),
        ("ECE", entropy, entropy, -1),
        ("EAOV", variance, exact, 1),
    ):
        peaks = distinct_peaks(heights, grid.oversampling, settings["n_candidates"], sign)
        searches[name] = Search(grid.freq(peaks), values[peaks[0]], *mean_and_spread(values), values)
    return searches


def _periodograms(time, mag, err, grid):
    """Return Lomb-Scargle's power, conditional entropy and variance of one band on a grid."""
    settings = defaults()["periods"]
    entropy, variance = entropy_and_variance(time, mag, grid, settings["phase_bins"], settings["mag_bins"])
    if are_too_rough(mag):
        variance = analysis_of_variance(time, mag, grid, settings["phase_bins"])
    return lomb_scargle(time, mag, err, grid), entropy, variance


def _join(periodograms, parts, bins):
    """Return the periodograms of several bands as those of one star."""
    if len(parts) == 1:
        return periodograms[0]
    counts = [len(time) for time, _, _ in parts]
    powers, entropies, variances = zip(*periodograms, strict=True)
    entropy = sum(n * values for n, values in zip(counts, entropies, strict=True)) / sum(counts)
    return join_shares(powers, counts), entropy, _join_variances(variances, parts, bins)


def _join_variances(variances, parts, bins):
    """Return the analysis of variance of several bands together."""
    if len(parts) == 1:
        return variances[0]
    counts = [len(time) for time, _, _ in parts]
    ratios = [values * (bins - 1) / max(n - bins, 1) for values, n in zip(variances, counts, strict=True)]
    share = join_shares([ratio / (1 + ratio) for ratio in ratios], counts)
    return share / (1 - share) * max(sum(counts) - bins, 1) / (bins - 1)


def variance_near(prepared, index):
    """Return the analysis of variance of `search_grid` again within half a peak's width of an index of the grid."""
    grid, bins = prepared.grid, defaults()["periods"]["phase_bins"]
    half = grid.oversampling // 2
    start, stop = max(index - half, 0), min(index + half + 1, grid.size)
    part = replace(grid, first=grid.first + start, size=stop - start)
    parts = _split(prepared)
    return _join_variances([_variance(time, mag, part) for time, mag, _ in parts], parts, bins)


def _variance(time, mag, grid):
    """Return the analysis of variance of rounded magnitudes, or of the magnitudes where rounding is too rough."""
    settings = defaults()["periods"]
    if are_too_rough(mag):
        return analysis_of_variance(time, mag, grid, settings["phase_bins"])
    return entropy_and_variance(time, mag, grid, settings["phase_bins"], settings["mag_bins"])[1]


def _split(prepared):
    """Return time, mag and err of each band."""
    return [prepared[:3]] if prepared.bands is None else split_bands(*prepared.bands)
