"""Harmonic series at one frequency: the figure of merit by which candidate periods are compared.

The normal equations of a Fourier series need only the sums of w cos(m x) and w sin(m x) up to twice the highest
harmonic: products of sines and cosines are sums of them. One Cholesky factor then serves all numbers of harmonics.
"""

import math

import numpy as np

from ..compiled import compiled

MOST_HARMONICS = 8  # of the figure of merit
LONG = 40.0  # days; from here on light curves repeat too rarely for more than one harmonic
PRICE = 2.0  # of each parameter, in units of log n


def robust_weights(err):
    """Return relative weights for published errors (mag): none counts for more than twice the typical one."""
    with np.errstate(over="ignore"):  # the weight is 0 then
        return 1 / ((err / np.median(err)) ** 2 + 1)


@compiled
def most_harmonics(n, most=MOST_HARMONICS):
    """Return how many harmonics to fit to n epochs, `most` at most: few epochs must not be fitted away."""
    return max(min(most, n // 5), 1)


@compiled
def _unit_circle(time, freq):
    """Return cosine and sine of the phase of each epoch."""
    cosine, sine = np.empty(time.size), np.empty(time.size)
    for j in range(time.size):
        turns = time[j] * freq
        angle = 2 * math.pi * (turns - np.floor(turns))
        cosine[j], sine[j] = math.cos(angle), math.sin(angle)
    return cosine, sine


@compiled(fastmath={"contract", "nsz", "reassoc"})
def _sum_moments(cosine, sine, mag, weight, harmonics):
    """Return the sums of w cos(m x), w sin(m x) for m <= 2 K, and of w y cos(k x), w y sin(k x) for k <= K."""
    moments, right = np.zeros((2 * harmonics + 1, 2)), np.zeros((harmonics + 1, 2))
    c, s, weighted = np.ones(mag.size), np.zeros(mag.size), weight * mag
    for m in range(2 * harmonics + 1):
        if m <= harmonics:
            a, b = 0.0, 0.0
            for j in range(mag.size):
                a += weighted[j] * c[j]
                b += weighted[j] * s[j]
            right[m, 0], right[m, 1] = a, b
        a, b = 0.0, 0.0
        for j in range(mag.size):
            a += weight[j] * c[j]
            b += weight[j] * s[j]
            next_c = c[j] * cosine[j] - s[j] * sine[j]
            s[j] = s[j] * cosine[j] + c[j] * sine[j]
            c[j] = next_c
        moments[m, 0], moments[m, 1] = a, b
    return moments, right


@compiled
def factor_normal_equations(matrix, vector, chi2, tolerance):
    """Factor normal equations in place; return chi square after the first column, the first two, and so on.

    `matrix`, the lower triangle of X' W X, becomes the Cholesky factor; `vector`, X' W y, the rotated right-hand side,
    each element of which lowers chi square by its square; `chi2` is y' W y. A column that those before it explain, to a
    share of `tolerance`, gets no coefficient.
    """
    left = np.empty(vector.size)
    for a in range(vector.size):
        scale = matrix[a, a]
        for b in range(a + 1):
            x = matrix[a, b]
            for c in range(b):
                x -= matrix[a, c] * matrix[b, c]
            if b < a:
                matrix[a, b] = x / matrix[b, b]
            else:
                matrix[a, a] = math.sqrt(x) if x > tolerance * scale else math.inf
        x = vector[a]
        for b in range(a):
            x -= matrix[a, b] * vector[b]
        vector[a] = x / matrix[a, a]
        chi2 = max(chi2 - vector[a] * vector[a], 0.0)
        left[a] = chi2
    return left


@compiled
def solve_factored(matrix, vector, size):
    """Replace the first `size` elements of the rotated right-hand side by the coefficients of that model."""
    for a in range(size - 1, -1, -1):
        x = vector[a]
        for b in range(a + 1, size):
            x -= matrix[b, a] * vector[b]
        vector[a] = x / matrix[a, a]


@compiled
def chi2_by_harmonics(time, mag, weight, freq, harmonics):
    """Return chi square of the best series with 0, 1, .. K harmonics, shape (K + 1,), and the coefficients for K."""
    cosine, sine = _unit_circle(time, freq)
    return _fit_harmonics(cosine, sine, mag, weight, harmonics)


@compiled
def _fit_harmonics(cosine, sine, mag, weight, harmonics):
    """Do what `chi2_by_harmonics` does at the frequency of these cosines and sines."""
    size = 2 * harmonics + 1
    moments, right = _sum_moments(cosine, sine, mag, weight, harmonics)
    matrix, vector = np.empty((size, size)), np.empty(size)  # for 1, cos x, sin x, cos 2x, ...; the lower triangle
    matrix[0, 0], vector[0] = moments[0, 0], right[0, 0]
    for a in range(1, harmonics + 1):
        vector[2 * a - 1], vector[2 * a] = right[a, 0], right[a, 1]
        matrix[2 * a - 1, 0], matrix[2 * a, 0] = moments[a, 0], moments[a, 1]
        for b in range(1, a + 1):
            c_sum, s_sum = moments[a + b, 0], moments[a + b, 1]
            c_dif, s_dif = moments[a - b, 0], moments[a - b, 1]
            matrix[2 * a - 1, 2 * b - 1] = 0.5 * (c_dif + c_sum)
            matrix[2 * a, 2 * b] = 0.5 * (c_dif - c_sum)
            matrix[2 * a, 2 * b - 1] = 0.5 * (s_sum + s_dif)
            matrix[2 * a - 1, 2 * b] = 0.5 * (s_sum - s_dif)
    square = 0.0
    for j in range(mag.size):
        square += weight[j] * mag[j] * mag[j]
    chi2 = factor_normal_equations(matrix, vector, square, 1e-9)
    solve_factored(matrix, vector, size)
    return chi2[::2], vector


@compiled
def _refine(time, mag, weight, freq, harmonics, reach, step):
    """Return the frequency within `reach` of `freq`, in multiples of `step`, at which K harmonics fit best."""
    best, best_chi2 = freq, np.inf
    steps = math.ceil(reach / step)
    cosine, sine = _unit_circle(time, freq - steps * step)
    turn_c, turn_s = _unit_circle(time, step)  # turns them to the next trial
    for i in range(-steps, steps + 1):
        trial = freq + i * step
        if trial > 0:
            chi2, _ = _fit_harmonics(cosine, sine, mag, weight, harmonics)
            if chi2[harmonics] < best_chi2:
                best, best_chi2 = trial, chi2[harmonics]
        for j in range(time.size):
            c = cosine[j] * turn_c[j] - sine[j] * turn_s[j]
            sine[j] = sine[j] * turn_c[j] + cosine[j] * turn_s[j]
            cosine[j] = c
    return best


@compiled
def harmonic_merit(time, mag, weight, freq, most, price):
    """Return n log(chi2_K / chi2_0) + price log(n) (2 K + 1), least over K = 1 .. `most` harmonics: less is better."""
    chi2, _ = chi2_by_harmonics(time, mag, weight, freq, most)
    n, best = time.size, np.inf
    for k in range(1, most + 1):
        gain = n * math.log(max(chi2[k] / chi2[0], 1e-9))
        best = min(best, gain + price * math.log(n) * (2 * k + 1))
    return best


@compiled
def refine_candidates(time, mag, weight, freqs):
    """Refine candidate frequencies and return them with their figures of merit, both of shape (n,).

    Two harmonics search within half a peak's width, then six (three where there are at most 100 epochs) more finely.
    """
    baseline = time[-1] - time[0]
    refined, merits = np.empty(freqs.size), np.empty(freqs.size)
    most, few, harmonics = most_harmonics(time.size), np.int64(2), 6 if time.size > 100 else 3
    for i in range(freqs.size):
        freq = _refine(time, mag, weight, freqs[i], few, 0.5 / baseline, 1 / (16 * baseline))
        refined[i] = freq = _refine(time, mag, weight, freq, harmonics, 1 / (16 * baseline), 1 / (64 * baseline))
        merits[i] = harmonic_merit(time, mag, weight, freq, most if freq * LONG > 1 else 1, PRICE)
    return refined, merits


def frequency_error(time, mag, weight, freq):
    """Return the standard error (1/day) of a frequency, from the linearised fit of the harmonic series that fits best.

    The scatter around the series is taken as noise; that the right peak was chosen is taken for granted.
    """
    most = most_harmonics(time.size)
    merits = [harmonic_merit(time, mag, weight, freq, k, PRICE) for k in range(1, most + 1)]
    orders = np.arange(1, int(np.argmin(merits)) + 2)
    angle = 2 * math.pi * np.outer(time * freq % 1, orders)
    coefficients = chi2_by_harmonics(time, mag, weight, freq, orders[-1])[1]
    slope = (np.cos(angle) * coefficients[2::2] - np.sin(angle) * coefficients[1::2]) @ orders
    middle = time - np.average(time, weights=weight)
    design = np.column_stack([np.ones(time.size), np.cos(angle), np.sin(angle), 2 * math.pi * middle * slope])
    scaled = design * np.sqrt(weight)[:, None]
    target = (mag - design[:, :-1] @ np.r_[coefficients[0], coefficients[1::2], coefficients[2::2]]) * np.sqrt(weight)
    free = time.size - design.shape[1]
    if free < 1:
        return math.nan
    noise = (target @ target) / free
    return math.sqrt(noise * np.linalg.pinv(scaled.T @ scaled)[-1, -1])
