"""The 22 statistics of one light curve that do not depend on a period."""

import math
from collections import namedtuple
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from ..compiled import compiled
from ..lightcurves.curves import FEWEST_EPOCHS
from ..lightcurves.values import as_floats

Statistics = namedtuple(
    "Statistics",
    "n median wmean chi2red roms wstd norm_peak_to_peak_amp norm_excess_var median_abs_dev iqr i60r i70r i80r i90r "
    "skew smallkurt inv_vonneumannratio welch_i stetson_j stetson_k ad sw",
)


def light_curve_statistics(time, mag, err):
    """Return the fields of `Statistics` of one sorted light curve as a dict, by the definitions of SCoPe's features.

    What a constant light curve leaves undefined is 0. Of fewer than 4 epochs only `n`, `median` and `wmean` are known,
    the others NaN.
    """
    mag, err = as_floats(mag, "mag"), as_floats(err, "mag")
    time = as_floats(time, "d")
    if len(time) >= FEWEST_EPOCHS:
        ordered = np.sort(mag)
        deviations = np.sort(np.abs(mag - _percentile(ordered, 0.5)))
        normality = np.sort(mag / err), _shapiro_weights(len(time))
        return _statistics(time, mag, err, ordered, deviations, *normality)._asdict()
    averages = {"n": float(len(time)), "median": np.median(mag), "wmean": np.average(mag, weights=err**-2.0)}
    return dict.fromkeys(Statistics._fields, np.nan) | averages


@lru_cache(maxsize=4096)
def _shapiro_weights(n):
    """Return the weights of the Shapiro-Wilk statistic for sorted values (Royston 1995, Applied Statistics 44, 547)."""
    scores = ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    norm = scores @ scores
    u = 1 / math.sqrt(n)
    last = np.polyval([-2.706056, 4.434685, -2.071190, -0.147981, 0.221157, scores[-1] / math.sqrt(norm)], u)
    weights = scores.copy()
    if n > 5:
        second = np.polyval([-3.582633, 5.682633, -1.752461, -0.293762, 0.042981, scores[-2] / math.sqrt(norm)], u)
        rest = norm - 2 * scores[-1] ** 2 - 2 * scores[-2] ** 2
        weights /= math.sqrt(rest / (1 - 2 * last**2 - 2 * second**2))
        weights[-2], weights[1] = second, -second
    else:
        weights /= math.sqrt((norm - 2 * scores[-1] ** 2) / (1 - 2 * last**2))
    weights[-1], weights[0] = last, -last
    return weights


@compiled
def _percentile(values, share):
    """Percentile of sorted values with linear interpolation."""
    place = share * (values.size - 1)
    low = int(place)
    high = min(low + 1, values.size - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


@compiled
def _ratio(above, below):
    return above / below if below != 0 else 0.0


@compiled
def _normality(values, shapiro_weights):
    """Anderson-Darling and Shapiro-Wilk statistics of sorted values."""
    n, mean, squares, total, along = values.size, 0.0, 0.0, 0.0, 0.0
    for value in values:
        mean += value
    mean /= n
    for i in range(n):
        squares += (values[i] - mean) ** 2
        along += shapiro_weights[i] * (values[i] - mean)
    if squares == 0:
        return 0.0, 0.0
    scale = math.sqrt(squares / (n - 1)) * math.sqrt(2.0)
    for i in range(n):
        below = 0.5 * math.erfc(-(values[i] - mean) / scale)
        above = 0.5 * math.erfc((values[n - 1 - i] - mean) / scale)
        total += (2 * i + 1) * (math.log(max(below, 1e-300)) + math.log(max(above, 1e-300)))
    return -n - total / n, along * along / squares


@compiled
def _stetson(mag, err, wmean):
    """Welch-Stetson I, Stetson J and K of the normalised residuals."""
    n, i, j, absolute, square, last = mag.size, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        d = math.sqrt(n / (n - 1)) * (mag[k] - wmean) / err[k]
        product = d * last
        i += product
        j += math.copysign(math.sqrt(abs(product)), product)
        absolute += abs(d)
        square += d * d
        last = d
    return i, j, _ratio(absolute / n, math.sqrt(square / n))


@compiled
def _smoothness(time, mag, wstd):
    """Inverse von Neumann ratio: 1 / (sum(dm^2/dt^2) / (sum(1/dt^2) wstd^2)); of epochs at one time, none counts."""
    slopes, weights = 0.0, 0.0
    for k in range(time.size - 1):
        if time[k + 1] > time[k]:
            w = (time[k + 1] - time[k]) ** -2.0
            slopes += w * (mag[k + 1] - mag[k]) ** 2
            weights += w
    return _ratio(weights * wstd * wstd, slopes)


@compiled
def _statistics(time, mag, err, ordered, deviations, scaled, shapiro_weights):
    """Return all `Statistics`; `ordered`, `deviations` (from the median) and `scaled` (by the errors) are sorted.

    Loops are compiled several times faster than what numpy would say in a line.
    """
    n, weights, wmean, chi2 = mag.size, 0.0, 0.0, 0.0
    for j in range(n):
        weights += 1.0 / (err[j] * err[j])
        wmean += 1.0 / (err[j] * err[j]) * mag[j]
    wmean /= weights
    median = _percentile(ordered, 0.5)
    high, low, away, excess, third, fourth = -math.inf, math.inf, 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        residual = mag[j] - wmean
        d = residual / err[j]
        chi2 += 1.0 / (err[j] * err[j]) * residual * residual
        high, low = max(high, mag[j] - err[j]), min(low, mag[j] + err[j])
        away += abs(mag[j] - median) / err[j]
        excess += residual * residual - err[j] * err[j]
        third += d * d * d
        fourth += d * d * d * d
    wstd = math.sqrt(chi2 / weights)
    welch_i, stetson_j, stetson_k = _stetson(mag, err, wmean)
    anderson_darling, shapiro_wilk = _normality(scaled, shapiro_weights)
    return Statistics(
        n=float(n),
        median=median,
        wmean=wmean,
        chi2red=chi2 / (n - 1),
        roms=away / (n - 1),
        wstd=wstd,
        norm_peak_to_peak_amp=_ratio(high - low, high + low),
        norm_excess_var=_ratio(excess, n * wmean * wmean),
        median_abs_dev=_percentile(deviations, 0.5),
        iqr=_percentile(ordered, 0.75) - _percentile(ordered, 0.25),
        i60r=_percentile(ordered, 0.80) - _percentile(ordered, 0.20),
        i70r=_percentile(ordered, 0.85) - _percentile(ordered, 0.15),
        i80r=_percentile(ordered, 0.90) - _percentile(ordered, 0.10),
        i90r=_percentile(ordered, 0.95) - _percentile(ordered, 0.05),
        skew=n / ((n - 1) * (n - 2)) * third,
        smallkurt=n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * fourth - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)),
        inv_vonneumannratio=_smoothness(time, mag, wstd),
        welch_i=welch_i,
        stetson_j=stetson_j,
        stetson_k=stetson_k,
        ad=anderson_darling,
        sw=shapiro_wilk,
    )
