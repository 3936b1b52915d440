"""Several bands of one star: one light curve for the search, and what colours say of a period and its double."""

import numpy as np

from .harmonics import chi2_by_harmonics, robust_weights

# log(A_g / A_r), mean and spread: RR Lyrae and Delta Scuti of high amplitude 1.4 to 1.5, binaries hardly above 1
PULSATOR, BINARY = (0.35, 0.1), (0.03, 0.1)
LEAST_ODDS = 0.05  # colours alone do not rule out a period


def merge_bands(mag, err, band):
    """Return magnitudes and errors of all bands as of one light curve.

    Each band loses its median and is stretched, by a factor of three at most, to the spread (95th less 5th percentile)
    of the band with the most epochs.
    """
    names, index = np.unique(band, return_inverse=True)
    spread = [np.subtract(*np.percentile(mag[index == i], [95, 5])) for i in range(len(names))]
    scale = spread[np.argmax(np.bincount(index))]
    mag, err = mag.copy(), err.copy()
    for i, width in enumerate(spread):
        stretch = np.clip(scale / width, 1 / 3, 3) if width > 0 and scale > 0 else 1.0
        mag[index == i] = (mag[index == i] - np.median(mag[index == i])) * stretch
        err[index == i] *= stretch
    return mag, err


def binary_odds(time, mag, err, band, freqs):
    """Return how far the colours of the variation allow two minima a cycle, one factor up to 1 for each frequency.

    A pulsator is hotter when bright: its amplitude is larger in g than in r. Those of eclipses and changing shapes are
    nearly the same, but so are those of spots: colours only speak against binaries. Without both bands all are 1.
    """
    parts = [band == name for name in ("g", "r")]
    if min(part.sum() for part in parts) < 10:
        return np.ones(len(freqs))
    odds = np.empty(len(freqs))
    for i, freq in enumerate(freqs):
        (g, g_error), (r, r_error) = (_amplitude(time[p] - time[0], mag[p], err[p], freq) for p in parts)
        ratio, error = np.log(g / r), np.hypot(g_error / g, r_error / r)
        binary, pulsator = (np.exp(-0.5 * (ratio - mean) ** 2 / (sd**2 + error**2)) for mean, sd in (BINARY, PULSATOR))
        odds[i] = 2 * (binary + 1e-9) / (binary + pulsator + 2e-9)
    return np.clip(odds, LEAST_ODDS, 1.0)


def _amplitude(time, mag, err, freq):
    """Return the amplitude of two harmonics and its standard error, in magnitudes."""
    weight = robust_weights(err)
    chi2, coefficients = chi2_by_harmonics(time, mag - np.average(mag, weights=weight), weight, freq, 2)
    noise = np.sqrt(2 * chi2[2] / weight.sum() / len(time))
    return max(np.hypot.reduce(coefficients[1:]), 1e-6), max(noise, 1e-9)
