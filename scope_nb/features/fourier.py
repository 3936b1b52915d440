"""Fourier series of a folded light curve: 0 to 5 harmonics, chosen by the Bayesian information criterion."""

import math

import numba
import numpy as np

from ..periods.harmonics import reduce, solve

MAX_HARMONICS = 5


NAMES = (
    *("f1_power", "f1_BIC", "f1_a", "f1_b", "f1_amp", "f1_phi0"),
    *(name for k in range(1, MAX_HARMONICS) for name in (f"f1_relamp{k}", f"f1_relphi{k}")),
)


def fourier_features(time, mag, err, period):
    """Fit a Fourier series with offset and slope at a period.

    Weighted least squares of mag on a + b (t - t_0) + sum_k A_k cos(2 pi k t / P) + B_k sin(2 pi k t / P) with the
    first epoch t_0, for 0 to 5 harmonics; the number of harmonics K with the least chi2 + (2 + 2 K) log(n) is kept.
    As in SCoPe's tables the phase of the harmonics is that of t itself, so A_k and B_k depend on where time begins.

    Parameters
    ----------
    time, mag, err : numpy.ndarray of float64, shape (n,)
        Days, magnitudes, errors.
    period : float
        Days. Without a period (NaN) there are no harmonics.

    Returns
    -------
    dict of str to float
        `f1_power` (share of chi2 that the harmonics remove), `f1_BIC`, `f1_a`, `f1_b` (magnitudes, magnitudes per
        day), and, under the names of SCoPe's tables, the plain coefficients: `f1_amp` = A_1, `f1_phi0` = B_1,
        `f1_relamp1` = A_2, `f1_relphi1` = B_2, ... `f1_relphi4` = B_5, in magnitudes and 0 beyond K.
    """
    harmonics = MAX_HARMONICS if math.isfinite(period) else 0
    harmonics = max(min(harmonics, (len(time) - 3) // 2), 0)
    return dict(zip(NAMES, _fit(time, mag, err, period, harmonics), strict=True))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _normal_equations(time, mag, err, period, harmonics, span):
    """Sum up design' W design, design' W mag and mag' W mag; mag is taken from its weighted mean."""
    p = 2 + 2 * harmonics
    matrix, right, square = np.zeros((p, p)), np.zeros(p), 0.0
    row = np.empty(p)
    for j in range(time.size):
        w = 1.0 / (err[j] * err[j])
        row[0] = 1.0
        row[1] = (time[j] - time[0]) / span
        if harmonics:
            angle = 2 * math.pi * ((time[j] / period) % 1.0)
            c, s = math.cos(angle), math.sin(angle)
            row[2], row[3] = c, s
            for k in range(1, harmonics):
                row[2 + 2 * k] = row[2 * k] * c - row[1 + 2 * k] * s
                row[3 + 2 * k] = row[2 * k] * s + row[1 + 2 * k] * c
        for a in range(p):
            wa = w * row[a]
            right[a] += wa * mag[j]
            for b in range(a + 1):
                matrix[a, b] += wa * row[b]
        square += w * mag[j] * mag[j]
    return matrix, right, square


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fit(time, mag, err, period, harmonics):
    weight = 1.0 / (err * err)
    mean = (weight * mag).sum() / weight.sum()
    span = time[-1] - time[0]
    matrix, solution, square = _normal_equations(time, mag - mean, err, period, harmonics, span)
    chi2 = reduce(matrix, solution, square, 1e-12)
    best, best_bic = 2, np.inf
    for size in range(2, 3 + 2 * harmonics, 2):
        bic = chi2[size - 1] + math.log(time.size) * size
        if bic < best_bic:
            best, best_bic = size, bic
    solve(matrix, solution, best)
    out = np.zeros(len(NAMES))
    out[0] = (chi2[1] - chi2[best - 1]) / chi2[1] if chi2[1] > 0 else 0.0
    out[1] = best_bic
    out[2] = solution[0] + mean
    out[3] = solution[1] / span
    out[4 : 2 + best] = solution[2:best]
    return out
