"""Several bands of one star: one light curve for the search, and what colours say of a period and its double."""

import numpy as np

from .harmonics import chi2_by_harmonics, most_harmonics, robust_weights

# log(A_g / A_r), mean and spread: RR Lyrae and Delta Scuti of high amplitude 1.4 to 1.5, binaries hardly above 1
PULSATOR, BINARY = (0.35, 0.1), (0.03, 0.1)
LEAST_ODDS = 0.05  # colours alone do not rule out a period
STRETCH = 3.0  # the largest factor between the amplitudes of two bands
SPARSE = 20  # fewer epochs of a band are fitted too well by anything


def join_sparse(mag, err, band):
    """Return magnitudes, errors and bands where those of too few epochs for a series of their own are put to another.

    They are stretched to the band of most epochs, as `merge_bands` does, and get its name.
    """
    names, index, counts = np.unique(band, return_inverse=True, return_counts=True)
    largest = names[np.argmax(counts)]
    joined = (counts < SPARSE)[index] | (band == largest)
    merged, stretched = merge_bands(mag, err, band)
    return np.where(joined, merged, mag), np.where(joined, stretched, err), np.where(joined, largest, band)


def split_bands(time, mag, err, band):
    """Return time, mag and err of each band that is not constant; sparse ones are joined."""
    mag, err, band = join_sparse(mag, err, band)
    parts = [[values[band == name] for values in (time, mag, err)] for name in np.unique(band)]
    return [part for part in parts if np.ptp(part[1]) > 0]


def join_shares(shares, counts):
    """Return the share of the scatter that is explained in all bands, each with a noise of its own.

    `shares` are those of the bands, shape (bands, ...), `counts` their epochs: the likelihoods are multiplied.
    """
    total = sum(n * np.log1p(-np.minimum(share, 1 - 1e-12)) for share, n in zip(shares, counts, strict=True))
    return -np.expm1(total / sum(counts))


def align_bands(time, mag, err, band, freq):
    """Return magnitudes (mean 0) and weights (sum 1) of all bands as of one light curve with a period.

    The series of up to three harmonics that explains most in its band fits the others with a mean and an amplitude of
    their own, which are taken out; a band counts the less the more scatter is left in it.
    """
    mag, err, band = join_sparse(mag, err, band)
    names, index = np.unique(band, return_inverse=True)
    fits, gains = [], []
    for i in range(len(names)):
        part = index == i
        weight = robust_weights(err[part])
        offset = np.average(mag[part], weights=weight)
        chi2, series = chi2_by_harmonics(time[part], mag[part] - offset, weight, freq, most_harmonics(part.sum(), 3))
        fits.append((part, weight / weight.sum(), offset, series))
        gains.append(part.sum() * np.log(max(chi2[-1] / max(chi2[0], 1e-300), 1e-9)))
    model = _evaluate_series(time, freq, fits[int(np.argmin(gains))][3])
    aligned, weights = np.empty(len(mag)), np.empty(len(mag))
    for part, weight, offset, _ in fits:
        shape, values = model[part] - weight @ model[part], mag[part] - offset
        spread = weight @ shape**2
        slope = np.clip((weight * shape) @ values / spread if spread > 0 else 1.0, 1 / STRETCH, STRETCH)
        aligned[part] = values / slope
        noise = weight @ (aligned[part] - shape) ** 2
        weights[part] = weight * part.sum() / max(noise, 1e-12)
    weights /= weights.sum()
    return aligned - weights @ aligned, weights


def _evaluate_series(time, freq, coefficients):
    """Return a cosine series without its constant at some times."""
    angle = 2 * np.pi * (time * freq % 1)
    harmonics = range(1, len(coefficients) // 2 + 1)
    return sum(coefficients[2 * k - 1] * np.cos(k * angle) + coefficients[2 * k] * np.sin(k * angle) for k in harmonics)


def merge_bands(mag, err, band):
    """Return magnitudes and errors of all bands as of one light curve.

    Each band loses its median and is stretched, by `STRETCH` at most, to the spread (95th less 5th percentile)
    of the band with the most epochs.
    """
    names, index = np.unique(band, return_inverse=True)
    spread = [np.subtract(*np.percentile(mag[index == i], [95, 5])) for i in range(len(names))]
    scale = spread[np.argmax(np.bincount(index))]
    mag, err = mag.copy(), err.copy()
    for i, width in enumerate(spread):
        stretch = np.clip(scale / width, 1 / STRETCH, STRETCH) if width > 0 and scale > 0 else 1.0
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
