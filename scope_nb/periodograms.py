"""Three periodograms on one frequency grid: Lomb-Scargle, conditional entropy and analysis of variance.

The trial frequencies are whole multiples k of the step df, so that the phase of an epoch is the fraction of k times
t df. Held as an unsigned integer fraction of 2^64, that product wraps around by itself: the phase is exact, "modulo 1"
costs nothing, and the phase bin is one multiplication and a shift of the upper half.
"""

import math
from dataclasses import dataclass

import finufft
import numba
import numpy as np

BLOCK = 32768  # frequencies per transform: one plan serves them all and stays in cache

UNIT = 2.0**36  # entropies are sums of integers in units of 1/UNIT nats: exact, in any order

# The last epoch lies on the edge of a phase bin at every frequency of the grid. This head start of 5e-10 cycles, more
# than rounding and the cut to 32 bits can take away, puts it into the upper bin always.
EDGE = np.uint64(2**33)


@dataclass(frozen=True)
class Grid:
    """Trial frequencies `k * step` for k = `first` .. `first + size - 1`, in cycles per day."""

    step: float
    first: int
    size: int
    oversampling: int

    @classmethod
    def of(cls, baseline, max_freq=48.0, oversampling=10):
        """Return SCoPe's grid for a light curve of that length (days): 2/baseline to `max_freq`.

        The step is 1/(oversampling baseline). It depends on this light curve alone.
        """
        if oversampling != int(oversampling) or oversampling < 2:
            raise ValueError(f"oversampling is a whole number of at least 2, not {oversampling}")
        if not max_freq > 0:
            raise ValueError(f"max_freq is a positive number of cycles per day, not {max_freq}")
        oversampling = int(oversampling)
        step = 1.0 / (oversampling * baseline)
        first = 2 * oversampling
        return cls(step, first, max(int(max_freq / step) - first + 1, 0), oversampling)

    def freq(self, index):
        """Return the frequency (1/day) at an index of the grid."""
        return (self.first + index) * self.step


def phase_steps(time, grid):
    """Return how far the phase of each epoch moves from one frequency to the next, in units of 2^-64 cycles."""
    return np.round((time - time[0]) * grid.step * 2.0**64).astype(np.uint64)


def lomb_scargle(time, mag, err, grid):
    """Lomb-Scargle power with a floating mean and weights, by non-uniform fast Fourier transforms.

    Generalised periodogram of Zechmeister & Kuerster (2009, A&A 496, 577), standard normalisation.

    Parameters
    ----------
    time, mag, err : numpy.ndarray of float64, shape (n,)
        Days and magnitudes.
    grid : Grid

    Returns
    -------
    numpy.ndarray of float64, shape (grid.size,)
        Share of chi square that a sine explains, 0 to 1.
    """
    weight = err**-2.0
    weight = weight / weight.sum()
    mag = mag - weight @ mag
    variance = weight @ mag**2
    power = np.zeros(grid.size)
    if variance == 0:
        return power
    block = min(BLOCK, grid.size + grid.size % 2)
    angle = 2 * np.pi * grid.step * (time - time[0])
    single = finufft.Plan(1, (block,), n_trans=2, eps=1e-9, nthreads=1)
    double = finufft.Plan(1, (block,), eps=1e-9, nthreads=1)
    single.setpts(angle)
    double.setpts(2 * angle)
    for start in range(0, grid.size, block):
        centre = grid.first + start + block // 2
        turn = np.exp(1j * centre * angle)
        sums, ones = single.execute(np.stack([weight * mag * turn, weight * turn]))
        _power(sums, ones, double.execute(weight * turn**2), variance, power[start : start + block])
    return power


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _power(sums, ones, twos, variance, out):
    """Turn the three transforms into power, frequency by frequency."""
    for k in range(out.size):
        yc, ys = sums[k].real, sums[k].imag
        c, s = ones[k].real, ones[k].imag
        cc = 0.5 * (1 + twos[k].real) - c * c
        ss = 0.5 * (1 - twos[k].real) - s * s
        cs = 0.5 * twos[k].imag - c * s
        det = cc * ss - cs * cs
        if det > 1e-12:
            out[k] = (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / (variance * det)


def conditional_entropy(time, mag, grid, phase_bins=20, mag_bins=10):
    """Conditional entropy of magnitude given phase: small where the folded light curve is thin.

    Graham et al. (2013, MNRAS 434, 2629). Magnitude bins divide the range of the light curve evenly.

    Parameters
    ----------
    time, mag : numpy.ndarray of float64, shape (n,)
        Days and magnitudes.
    grid : Grid
    phase_bins, mag_bins : int

    Returns
    -------
    numpy.ndarray of float64, shape (grid.size,)
        Entropy in nats; the best frequency has the least.
    """
    span = mag.max() - mag.min()
    if span == 0:
        return np.zeros(grid.size)
    row = np.minimum((mag - mag.min()) / span * mag_bins, mag_bins - 1).astype(np.int64)
    order = np.argsort(row, kind="stable")  # neighbours share a row of the histogram
    steps = phase_steps(time, grid)[order]
    count = np.arange(len(time) + 1)
    klogk = np.round(count * np.log(np.maximum(count, 1)) * UNIT).astype(np.int64)
    row = (row[order] * phase_bins).astype(np.int32)
    return _entropy(steps, row, klogk, grid.first, grid.size, phase_bins, mag_bins) / (UNIT * len(time))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _entropy(steps, row, klogk, first, size, phase_bins, mag_bins):
    """Sum of k log k over phase bins less that over all cells, at every frequency."""
    n, cells = steps.size, phase_bins * mag_bins
    phase = steps * np.uint64(first) + EDGE
    cell = np.empty(n, np.int32)
    even, odd = np.zeros(cells, np.int32), np.zeros(cells, np.int32)
    out = np.empty(size, np.int64)
    bins, half = np.uint64(phase_bins), np.uint64(32)
    pairs = n // 2 * 2  # numba makes a faster loop of this than of n - 1
    for k in range(size):
        for j in range(n):
            cell[j] = row[j] + np.int32(((phase[j] >> half) * bins) >> half)
            phase[j] += steps[j]
        even[:] = 0
        odd[:] = 0
        for j in range(0, pairs, 2):  # two histograms: a store need not wait for the one before
            even[cell[j]] += 1
            odd[cell[j + 1]] += 1
        if pairs < n:
            even[cell[n - 1]] += 1
        total = 0
        for i in range(cells):
            even[i] += odd[i]
            total -= klogk[even[i]]
        for start in range(phase_bins, cells, phase_bins):  # the rows of the histogram add up to its first one
            for i in range(phase_bins):
                even[i] += even[start + i]
        for i in range(phase_bins):
            total += klogk[even[i]]
        out[k] = total
    return out


def analysis_of_variance(time, mag, grid, phase_bins=20):
    """Analysis of variance: scatter between phase bins over scatter within them.

    Schwarzenberg-Czerny (1989, MNRAS 241, 153); bins without epochs do not count.

    Parameters
    ----------
    time, mag : numpy.ndarray of float64, shape (n,)
        Days and magnitudes.
    grid : Grid
    phase_bins : int

    Returns
    -------
    numpy.ndarray of float64, shape (grid.size,)
        The F statistic; the best frequency has the largest.
    """
    span = mag.max() - mag.min()
    if span == 0:
        return np.zeros(grid.size)
    # count and sum of a bin share one 64-bit word: the count in the upper bits, the scaled magnitudes below
    low = 64 - len(time).bit_length()
    unit = 2.0 ** min(low - len(time).bit_length(), 40)
    scaled = np.round((mag - mag.min()) / span * (unit - 1)).astype(np.uint64)
    word = scaled + (np.uint64(1) << np.uint64(low))
    value = scaled.astype(float) / unit
    scatter = ((value - value.mean()) ** 2).sum()
    return _variance(phase_steps(time, grid), word, low, unit, value.mean(), scatter, grid.first, grid.size, phase_bins)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _variance(steps, word, low, unit, mean, scatter, first, size, phase_bins):
    n = steps.size
    phase = steps * np.uint64(first) + EDGE
    bin_ = np.empty(n, np.int32)
    sums = np.zeros((4, phase_bins), np.uint64)
    out = np.zeros(size)
    bins, half, shift = np.uint64(phase_bins), np.uint64(32), np.uint64(low)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    fours = n // 4 * 4  # numba makes twice as fast a loop of this as of n - 3
    for k in range(size):
        for j in range(n):
            bin_[j] = np.int32(((phase[j] >> half) * bins) >> half)
            phase[j] += steps[j]
        sums[:] = 0
        for j in range(0, fours, 4):  # four histograms: a store need not wait for the one before
            sums[0, bin_[j]] += word[j]
            sums[1, bin_[j + 1]] += word[j + 1]
            sums[2, bin_[j + 2]] += word[j + 2]
            sums[3, bin_[j + 3]] += word[j + 3]
        for j in range(fours, n):
            sums[0, bin_[j]] += word[j]
        between = 0.0
        filled = 0
        for p in range(phase_bins):
            both = sums[0, p] + sums[1, p] + sums[2, p] + sums[3, p]
            count = np.float64(both >> shift)
            if count > 0:
                filled += 1
                offset = np.float64(both & mask) / unit - count * mean
                between += offset * offset / count
        free = n - filled
        if filled > 1 and free > 0:
            out[k] = (between / (filled - 1)) / max((scatter - between) / free, 1e-15 * scatter)
    return out


@numba.njit(cache=True, nogil=True)
def distinct_peaks(values, width, most):
    """Return the indices of the highest values of which no two lie within `width` of each other, highest first.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (m,)
    width : int
        Grid steps.
    most : int
        How many at the most.
    """
    windows = (values.size + width - 1) // width
    top = np.empty(windows, np.int64)
    height = np.empty(windows)
    for w in range(windows):
        stop = min((w + 1) * width, values.size)
        top[w] = w * width + np.argmax(values[w * width : stop])
        height[w] = values[top[w]]
    peaks = np.empty(most, np.int64)
    found = 0
    while found < most:
        w = np.argmax(height)
        if height[w] == -np.inf:
            break
        height[w] = -np.inf
        alone = True
        for i in range(found):
            alone &= abs(peaks[i] - top[w]) > width
        if alone:
            peaks[found] = top[w]
            found += 1
    return peaks[:found]


def significance(values, best):
    """Return how far `best` stands out of a periodogram: its distance from the mean in standard deviations."""
    spread = values.std()
    return abs(best - values.mean()) / spread if spread > 0 and math.isfinite(spread) else 0.0
