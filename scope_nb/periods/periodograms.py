"""Three periodograms on one frequency grid: Lomb-Scargle, conditional entropy and analysis of variance.

The trial frequencies are whole multiples k of the step df, so that the phase of an epoch is the fraction of k times
t df. Held as an unsigned integer fraction of 2^64, that product wraps around by itself: the phase is exact, "modulo 1"
costs nothing, and the phase bin is one multiplication and a shift of the upper half.

All take sorted times (days), magnitudes and, if at all, errors as float64 of shape (n,), and return one value for each
frequency of the grid, shape (grid.size,).
"""

import math
from collections import namedtuple
from dataclasses import dataclass

import finufft
import numpy as np

from ..compiled import compiled
from ..taxonomy import defaults
from .histograms import EDGE, count_histograms

BLOCK = 32768  # frequencies per transform: one plan serves them all and stays in cache
MOST_FREQUENCIES = 50_000_000  # more take gigabytes and minutes
LONG_SEARCH = 10_000_000  # frequencies of 57 years; more because of a single gap are a mistake in the times
UNIT = 2.0**36  # entropies are sums of integers in units of 1/UNIT nats: exact, in any order
EXACT_PEAKS = 300  # peaks of the variance of rounded magnitudes where the exact one is computed
ROUGH = 0.5  # rounding errors of magnitudes, in interquartile ranges, that are too much for that
# frequencies (1/day) of the distinct peaks of a periodogram, best first, the value at the best, and mean and standard
# deviation of the periodogram, which itself is kept only on the processor
Search = namedtuple("Search", "freqs best mean spread power", defaults=[None])


@dataclass(frozen=True)
class Grid:
    """Trial frequencies `k * step` for k = `first` .. `first + size - 1`, in cycles per day."""

    step: float
    first: int
    size: int
    oversampling: int

    @classmethod
    def of(cls, baseline, max_freq=48.0, oversampling=10):
        """Return SCoPe's grid for a light curve of that length (days): 2/baseline to `max_freq`."""
        if oversampling != int(oversampling) or oversampling < 2:
            raise ValueError(f"oversampling is a whole number of at least 2, not {oversampling}")
        if not max_freq > 0:
            raise ValueError(f"max_freq is a positive number of cycles per day, not {max_freq}")
        step, first = 1.0 / (oversampling * baseline), 2 * int(oversampling)
        if max_freq / step > MOST_FREQUENCIES:
            raise ValueError(
                f"a search up to {max_freq:g} cycles a day over {baseline:,.0f} days has {max_freq / step:,.0f} trial "
                "frequencies: are the times in days? If so, lower max_freq"
            )
        return cls(step, first, max(int(max_freq / step) - first + 1, 0), int(oversampling))

    def freq(self, index):
        """Return the frequency (1/day) at an index of the grid."""
        return (self.first + index) * self.step


def check_baseline(time, max_freq, oversampling):
    """Refuse a search, as a `ValueError`, that takes so many trial frequencies since a few epochs lie far away."""
    gaps = np.diff(time)
    widest, trials = gaps.argmax(), max_freq * oversampling * (time[-1] - time[0])
    if trials > LONG_SEARCH and gaps[widest] > gaps.sum() / 2:
        first, last = widest + 1, time.size - widest - 1
        few = f"first {first:,}" if first <= last else f"last {last:,}"
        raise ValueError(
            f"the {few} of {time.size:,} epochs, time {time[0] if first <= last else time[-1]:g}, are "
            f"{gaps[widest]:,.0f} days away from the others; the search would take {trials:,.0f} trial frequencies: "
            "leave these epochs out if their time is wrong, else lower max_freq"
        )


def phase_steps(time, grid):
    """Return how far the phase of each epoch moves from one frequency to the next, in units of 2^-64 cycles."""
    return np.round((time - time[0]) * grid.step * 2.0**64).astype(np.uint64)


def lomb_scargle(time, mag, err, grid):
    """Return the share of chi square, 0 to 1, that a sine and a floating mean explain.

    Generalised periodogram of Zechmeister & Kuerster (2009, A&A 496, 577), by non-uniform fast Fourier transforms.
    """
    weight, mag, variance = weigh_epochs(mag, err)
    if variance == 0:
        return np.zeros(grid.size)
    block = min(BLOCK, grid.size + grid.size % 2)
    angle = 2 * np.pi * grid.step * (time - time[0])
    options = {"eps": 1e-9, "upsampfac": 1.25, "nthreads": 1}  # of few epochs the FFT takes the time, not the spreading
    single = finufft.Plan(1, (block,), n_trans=2, **options)
    double = finufft.Plan(1, (block,), **options)
    single.setpts(angle)
    double.setpts(2 * angle)
    power = np.empty(grid.size)
    for start in range(0, grid.size, block):
        centre = grid.first + start + block // 2
        turn = np.exp(1j * centre * angle)
        sums, ones = single.execute(np.stack([weight * mag * turn, weight * turn]))
        _power(sums, ones, double.execute(weight * turn**2), variance, power[start : start + block])
    return power


def weigh_epochs(mag, err):
    """Return weights 1/err^2 whose sum is 1, the magnitudes less their weighted mean, and their weighted variance."""
    weight = (err.min() / err) ** 2  # not err^-2, which for tiny errors is no number
    weight = weight / weight.sum()
    mag = mag - weight @ mag
    return weight, mag, weight @ mag**2


@compiled
def _power(sums, ones, twos, variance, out):
    """Fill `out` with the power that follows from the three transforms."""
    for k in range(out.size):
        yc, ys = sums[k].real, sums[k].imag
        c, s = ones[k].real, ones[k].imag
        cc = 0.5 * (1 + twos[k].real) - c * c
        ss = 0.5 * (1 - twos[k].real) - s * s
        cs = 0.5 * twos[k].imag - c * s
        det = cc * ss - cs * cs
        out[k] = (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / (variance * det) if det > 1e-12 else 0.0


def entropy_and_variance(time, mag, grid, phase_bins=20, mag_bins=10):
    """Return the conditional entropy (nats) of magnitude given phase, and from its histograms an analysis of variance.

    The best frequency has the least entropy (Graham et al. 2013, MNRAS 434, 2629). The variance is that of rounded
    magnitudes: each is replaced by the mean of its magnitude bin. There are 8 to 64 phase bins and 255 cells at most.
    """
    if not 8 <= phase_bins <= 64 or phase_bins * mag_bins > 255:
        raise ValueError(f"{phase_bins} phase bins and {mag_bins} magnitude bins: 8 to 64, and 255 cells at most")
    order, ends, level = sort_by_magnitude(mag, mag_bins)
    klogk = np.round(k_log_k(len(time)) * UNIT).astype(np.int64)
    steps = phase_steps(time, grid)[order]
    level = level.astype(np.float32)
    unit = 1 / (UNIT * len(time))
    return count_histograms(steps, ends, level, klogk, unit, grid.first, grid.size, phase_bins)


def sort_by_magnitude(mag, mag_bins):
    """Return the order of epochs by magnitude bin, where in it each bin begins and ends, and each bin's mean.

    The means are those of magnitudes with mean 0 and standard deviation 1.
    """
    row = magnitude_bins(mag, mag_bins)
    order = np.argsort(row, kind="stable")
    ends = np.searchsorted(row[order], np.arange(mag_bins + 1))
    level = round_to_bins(mag, row)[order][np.minimum(ends[:-1], len(mag) - 1)]
    return order, ends, (level - mag.mean()) / mag.std()


def k_log_k(n):
    """Return k log k for k = 0 .. n."""
    count = np.arange(n + 1)
    return count * np.log(np.maximum(count, 1))


def magnitude_bins(mag, mag_bins=10):
    """Return the magnitude bin of each epoch, of `mag_bins` that divide the range evenly."""
    return np.minimum((mag - mag.min()) / np.ptp(mag) * mag_bins, mag_bins - 1).astype(np.int64)


def round_to_bins(mag, row):
    """Return the mean magnitude of the bin of each epoch."""
    count = np.bincount(row)
    return (np.bincount(row, mag) / np.maximum(count, 1))[row]


def are_too_rough(mag):
    """Return whether an analysis of variance of rounded magnitudes would miss peaks: outliers stretch their bins."""
    lost = mag - round_to_bins(mag, magnitude_bins(mag, defaults()["periods"]["mag_bins"]))
    low, high = np.partition(mag, [len(mag) // 4, 3 * len(mag) // 4])[[len(mag) // 4, 3 * len(mag) // 4]]
    return lost.std() > ROUGH * (high - low)


def analysis_of_variance(time, mag, grid, phase_bins=20, near=None):
    """Return the analysis of variance, scatter between phase bins over scatter within them: the best has the largest.

    The F statistic of Schwarzenberg-Czerny (1989, MNRAS 241, 153). With `near`, indices on the grid, only frequencies
    within a peak's width (1/baseline) of one of them are tried; the others get 0.
    """
    words = pack_words(mag)
    if near is None:
        starts, length = np.zeros(1, np.int64), grid.size
    else:
        length = min(2 * grid.oversampling + 1, grid.size)
        starts = np.clip(near - grid.oversampling, 0, grid.size - length)
    out = np.zeros(grid.size)
    steps = phase_steps(time, grid)
    _variance(steps, *words, grid.first, starts, length, phase_bins, out)
    return out


def pack_words(mag):
    """Return count and scaled magnitude of each epoch in one word of 64 bits, and what is needed to read their sums.

    The count has the upper bits, from number `low` on, the magnitude, an integer in units of 1/`unit`, those below. The
    others are mean and scatter (sum of squared deviations) of the scaled magnitudes.
    """
    words = np.empty(len(mag), np.uint64)
    return words, *fill_words(mag, np.arange(len(mag)), words)


@compiled
def fill_words(mag, rank, words):
    """Fill in the words of epochs by their rank; return what else `pack_words` does."""
    n, low = mag.size, 64
    while 1 << (64 - low) <= n:
        low -= 1
    unit, least, spread = 2.0 ** min(2 * low - 64, 40), mag.min(), mag.max() - mag.min()
    mean, square = 0.0, 0.0
    for j in range(n):
        words[rank[j]] = np.uint64(np.rint((mag[j] - least) / spread * (unit - 1)))
        mean += np.float64(words[rank[j]]) / unit
    mean /= n
    for j in range(n):
        square += (np.float64(words[j]) / unit - mean) ** 2
        words[j] += np.uint64(1) << np.uint64(low)
    return low, unit, mean, square


@compiled
def _variance(steps, word, low, unit, mean, scatter, first, starts, length, phase_bins, out):
    """Fill `out` with the F statistic at `length` frequencies from each start on."""
    n = steps.size
    bin_, phase = np.empty(n, np.int32), np.empty(n, np.uint64)
    sums = np.zeros((4, phase_bins), np.uint64)
    bins, half, shift = np.uint64(phase_bins), np.uint64(32), np.uint64(low)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    fours = n // 4 * 4  # numba makes twice as fast a loop of this as of n - 3
    for start in starts:
        for j in range(n):
            phase[j] = steps[j] * np.uint64(first + start) + EDGE
        for k in range(start, start + length):
            for j in range(n):
                bin_[j] = np.int32(((phase[j] >> half) * bins) >> half)
                phase[j] += steps[j]
            sums[:] = 0
            for j in range(0, fours, 4):  # four histograms: a store need not wait for the one before
                for i in range(4):
                    sums[i, bin_[j + i]] += word[j + i]
            for j in range(fours, n):
                sums[0, bin_[j]] += word[j]
            between, filled = 0.0, 0
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


def distinct_peaks(values, width, most, sign=1):
    """Return the indices of the `most` highest values of which no two lie within `width` steps, highest first.

    With `sign` -1 these are the lowest.
    """
    height = _highest_of_windows(values, width, sign)
    few = min(3 * most, height.size)  # enough: a peak rules out the windows before and after its own at most
    high = np.flatnonzero(height >= np.partition(height, height.size - few)[height.size - few])
    high = high[np.argsort(-height[high], kind="stable")]
    place = np.minimum(high[:, None] * width + np.arange(width), values.size - 1)
    top = place[np.arange(high.size), (sign * values[place]).argmax(axis=1)]
    return _keep_distinct(top[height[high] > -np.inf], width, most)


@compiled
def _highest_of_windows(values, width, sign):
    """Return the highest of each `width` values times `sign`, of fewer in the last window."""
    highest = np.empty(-(-values.size // width), values.dtype)
    for window in range(highest.size):
        best = sign * values[window * width]
        for value in values[window * width + 1 : (window + 1) * width]:
            best = max(best, sign * value)
        highest[window] = best
    return highest


@compiled(fastmath={"reassoc", "contract", "nsz"})
def mean_and_spread(values):
    """Return mean and standard deviation of a periodogram."""
    total, square, first = 0.0, 0.0, values[0]
    for k in range(values.size):
        offset = values[k] - first  # entropies differ little from each other
        total += offset
        square += offset * offset
    mean = total / values.size
    return first + mean, math.sqrt(max(square / values.size - mean**2, 0.0))


@compiled
def _keep_distinct(indices, width, most):
    """Return the first `most` indices that do not lie within `width` of one before."""
    distinct, count = np.empty(most, np.int64), 0
    for index in indices:
        near = False
        for i in range(count):
            near |= abs(distinct[i] - index) <= width
        if not near and count < most:
            distinct[count] = index
            count += 1
    return distinct[:count]


def peak_significance(best, mean, spread):
    """Return how far `best` stands out of a periodogram: its distance from the mean in standard deviations."""
    return float(abs(best - mean) / spread) if spread > 0 and math.isfinite(spread) else 0.0
