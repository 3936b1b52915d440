"""Fourier series of a folded light curve: 0 to 5 harmonics, chosen by the Bayesian information criterion."""

import math
from itertools import chain

import numpy as np

from ..compiled import compiled
from ..periods.harmonics import factor_normal_equations, solve_factored

# columns of the coefficients of cosine and sine, harmonic by harmonic: plain ones, whatever their names seem to say
HARMONIC_COLUMNS = (
    ("f1_amp", "f1_phi0"),
    ("f1_relamp1", "f1_relphi1"),
    ("f1_relamp2", "f1_relphi2"),
    ("f1_relamp3", "f1_relphi3"),
    ("f1_relamp4", "f1_relphi4"),
)
MAX_HARMONICS = len(HARMONIC_COLUMNS)
FOURIER_COLUMNS = ("f1_power", "f1_BIC", "f1_a", "f1_b", *chain.from_iterable(HARMONIC_COLUMNS))


def fourier_features(time, mag, err, period):
    """Fit a Fourier series with offset and slope at a period.

    Weighted least squares of mag on a + b (t - t_0) + sum_k A_k cos(2 pi k t / P) + B_k sin(2 pi k t / P) with the
    first epoch t_0, for 0 to 5 harmonics (none if the period, in days, is NaN); the number of harmonics K with the
    least chi2 + (2 + 2 K) log(n) is kept, and the coefficients beyond are 0. A_k and B_k depend on where time begins.

    Returns
    -------
    dict of str to float
        `f1_power` (share of chi2 that the harmonics remove), `f1_BIC`, `f1_a`, `f1_b` (magnitudes, magnitudes per day),
        and A_k and B_k (magnitudes) under the names of SCoPe's tables, see `HARMONIC_COLUMNS`.
    """
    harmonics = max(min(MAX_HARMONICS, (len(time) - 3) // 2), 0) if math.isfinite(period) else 0
    power, bic, offset, slope, coefficients = _fit_series(time, mag, err, period, harmonics)
    series = {"f1_power": power, "f1_BIC": bic, "f1_a": offset, "f1_b": slope}
    return series | dict(zip(chain.from_iterable(HARMONIC_COLUMNS), coefficients.tolist(), strict=True))


@compiled
def _fit_series(time, mag, err, period, harmonics):
    mean, weights = 0.0, 0.0
    for j in range(time.size):
        weights += 1.0 / (err[j] * err[j])
        mean += 1.0 / (err[j] * err[j]) * mag[j]
    mean /= weights
    span = time[-1] - time[0]
    columns = 2 + 2 * harmonics
    matrix, solution, square = np.zeros((columns, columns)), np.zeros(columns), 0.0
    row = np.empty(columns)  # of the design: 1, time, and cosine and sine of each harmonic
    for j in range(time.size):
        row[0], row[1] = 1.0, (time[j] - time[0]) / span
        if harmonics:
            angle = 2 * math.pi * ((time[j] / period) % 1.0)
            row[2] = c = math.cos(angle)
            row[3] = s = math.sin(angle)
            for k in range(1, harmonics):
                row[2 + 2 * k] = row[2 * k] * c - row[1 + 2 * k] * s
                row[3 + 2 * k] = row[2 * k] * s + row[1 + 2 * k] * c
        y, weight = mag[j] - mean, 1.0 / (err[j] * err[j])
        for a in range(columns):
            weighted = weight * row[a]
            solution[a] += weighted * y
            for b in range(a + 1):
                matrix[a, b] += weighted * row[b]
        square += weight * y * y
    chi2 = factor_normal_equations(matrix, solution, square, 1e-12)
    best, best_bic = 2, np.inf
    for size in range(2, columns + 1, 2):
        bic = chi2[size - 1] + math.log(time.size) * size
        if bic < best_bic:
            best, best_bic = size, bic
    solve_factored(matrix, solution, best)
    power = (chi2[1] - chi2[best - 1]) / chi2[1] if chi2[1] > 0 else 0.0
    coefficients = np.zeros(2 * MAX_HARMONICS)
    for k in range(2, best):
        coefficients[k - 2] = solution[k]
    return power, best_bic, solution[0] + mean, solution[1] / span, coefficients
