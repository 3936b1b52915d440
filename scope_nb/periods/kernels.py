"""The searches of `periodograms` and their distinct peaks as CUDA kernels, for many light curves at a time.

Epochs and periodograms of all light curves stand one after the other in flat arrays. The second index of a block is
the light curve, of which `CURVES` has a row. Values of a periodogram are ranked as unsigned integers: entropies are
such, counted down, and the bits of floats that are not negative have the order of the floats.
"""

import math

import numpy as np
from numba import cuda, float32, float64, int32, int64, uint32, uint64

from ..taxonomy import defaults
from .eclipses import BINS, WIDTHS
from .histograms import EDGE, LANES

PHASE_BINS, MAG_BINS = defaults()["periods"]["phase_bins"], defaults()["periods"]["mag_bins"]
PAIRS = (MAG_BINS + 1) // 2  # a counter of 32 bits counts two magnitude rows in 16 bits each
ROWS = 2 * PAIRS
AT_A_TIME = math.gcd(PHASE_BINS, 2)  # phase bins that are summed up side by side
THREADS = LANES  # of a block
WORDS = PHASE_BINS * THREADS  # that a block holds
TABLE = 1024  # counts whose k log k a block holds
CHUNK = 256  # epochs of a light curve that a block holds at a time
ONE_MORE = CHUNK + 1
WIDE = 128  # threads of a block of Lomb-Scargle
NEIGHBOURS = 12  # frequencies of each
UNSURE = 0.01  # determinants of Lomb-Scargle below this are computed anew, in double precision
BOXES = 64  # threads of a block of box least squares
COLUMNS = (BINS + WIDTHS[-1]) * BOXES  # its phase bins, the first ones once more
TOP = 2**31 - 1  # the height of entropy 0
LAST = 2**32 - 1  # less the index of a peak: of equal heights the first is the best
RANKING = 512  # threads of a block that ranks peaks
AHEAD = 8  # keys that each reads before it looks at them
TURN = 2 * math.pi
EMPTY = -1.0  # a power that is yet to be computed
CURVES = np.dtype(
    [(name, np.int64) for name in ("epoch", "epochs", "first", "size", "out", "windows", "window", "width", "low")]
    + [(name, np.float64) for name in ("scatter", "power", "scale", "mean", "square", "box_mean", "box_scatter")]
    + [("finer", np.int64)],
    align=True,
)


@cuda.jit(device=True, fastmath=True)
def weigh_counts(counter, thread, levels, table):
    """Return k log k summed over phase bins less that over all cells, the scatter between bins, how many are filled."""
    total, between, filled = int32(0), float32(0.0), int32(0)
    for start in range(0, PHASE_BINS, AT_A_TIME):
        for b in range(start, start + AT_A_TIME):
            column, moment = uint32(0), int32(0)
            for p in range(PAIRS):
                both = counter[b, p, thread]
                for half in range(2):
                    count = uint32((both >> uint32(16 * half)) & uint32(0xFFFF))
                    total = int32(total - table[count])
                    column = uint32(column + count)
                    moment = int32(moment + levels[2 * p + half] * int32(count))
            total = int32(total + table[column])
            filled = int32(filled + int32(column > 0))
            between += float32(moment) * float32(moment) / float32(max(column, uint32(1)))
    return total, between, filled


@cuda.jit(cache=True, fastmath=True)
def histograms(curves, steps, ends, level, klogk, entropy, variance):
    """Fill in entropy, as TOP less a sum of the whole numbers `klogk`, and variance: one frequency a thread.

    Within the lanes 32 bits of the phase are kept: counted from the middle one they are off by 4e-9 cycles at most.
    """
    counter = cuda.shared.array((PHASE_BINS, PAIRS, THREADS), uint32)
    epoch = cuda.shared.array(ONE_MORE, uint64)
    near = cuda.shared.array(TABLE, int32)
    levels = cuda.local.array(ROWS, int32)
    thread, i, start = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.y), cuda.blockIdx.x * LANES
    if start >= curves[i]["size"]:
        return
    n, offset = uint32(curves[i]["epochs"]), curves[i]["epoch"]
    table = klogk[offset + i : offset + i + n + 1]
    c = thread
    while c <= n and c < uint32(TABLE):
        near[c] = table[c]
        c = uint32(c + uint32(THREADS))
    for b in range(PHASE_BINS):
        for p in range(PAIRS):
            counter[b, p, thread] = uint32(0)
    for r in range(ROWS):
        levels[r] = level[i, uint32(r)]
    middle = uint64(curves[i]["first"] + start + LANES // 2)
    shift = uint32(thread - uint32(LANES // 2))
    chunk, row = uint32(0), uint32(0)
    while chunk < n:
        cuda.syncthreads()
        j = thread
        while j < uint32(CHUNK) and chunk + j < n:
            step = steps[offset + uint32(chunk + j)]
            centre = (step * middle + EDGE) >> uint64(32)
            epoch[j] = (centre << uint64(32)) | ((step + uint64(2**31)) >> uint64(32))
            j = uint32(j + uint32(THREADS))
        cuda.syncthreads()
        at, stop = uint64(0), uint64(min(uint32(n - chunk), uint32(CHUNK)))  # of 64 bits, as addresses are
        while at < stop:
            past = uint64(ends[i, uint32(row + uint32(1))] - chunk)
            end, pair, one = min(past, stop), row // uint32(2), uint32(1) << (uint32(16) * (row % uint32(2)))
            both = epoch[at]
            while at < end:
                phase = uint32((both >> uint64(32)) + uint64(shift) * (both & uint64(LAST)))
                bin_ = uint32((uint64(phase) * uint64(PHASE_BINS)) >> uint64(32))
                at += uint64(1)
                both = epoch[at]  # before the counter is touched, for which it would otherwise wait
                cuda.atomic.add(counter, (bin_, pair, thread), one)  # need not wait itself
            if at == past:
                row = uint32(row + uint32(1))
        chunk = uint32(chunk + uint32(CHUNK))
    k = start + cuda.threadIdx.x
    if k >= curves[i]["size"]:
        return
    if n < uint32(TABLE):  # two calls, not one of either table: each is compiled for its kind of memory
        total, between, filled = weigh_counts(counter, thread, levels, near)
    else:
        total, between, filled = weigh_counts(counter, thread, levels, table)
    scatter = float32(curves[i]["scatter"])
    within = max(scatter - between, float32(1e-6) * scatter)
    value = float32(0.0)
    if 1 < filled < int32(n):
        value = (between / float32(filled - int32(1))) / (within / float32(int32(n) - filled))
    entropy[curves[i]["out"] + k] = uint32(TOP - total)
    variance[curves[i]["out"] + k] = value


@cuda.jit(device=True, fastmath=True)
def best_of_boxes(weight, dimming, thread):
    """Return the scatter that the best pair of boxes half a turn apart explains, as `eclipses._fit_pairs`."""
    tiny, zero, best = float32(1e-9), float32(0.0), float32(0.0)
    for b in range(BINS // 2):
        one, other = uint32(b * BOXES) + thread, uint32((b + BINS // 2) * BOXES) + thread
        weight1, weight2, dimming1, dimming2 = weight[one], weight[other], dimming[one], dimming[other]
        for width in WIDTHS:
            further = uint32(width * BOXES)
            w1 = weight[one + further] - weight1 + tiny
            w2 = weight[other + further] - weight2 + tiny
            d1, d2 = max(dimming[one + further] - dimming1, zero), max(dimming[other + further] - dimming2, zero)
            both, rest, product = d1 + d2, max(float32(1.0) - w1 - w2, tiny), w1 * w2
            gain = (d1 * d1 * w2 + d2 * d2 * w1) * rest + both * both * product  # one division, for it is slow
            best = max(best, gain / (product * rest))
    return best


@cuda.jit(cache=True, fastmath=True)
def box_least_squares(curves, steps, packed, power):
    """Fill in the share of the scatter that two boxes explain, as `eclipses.box_least_squares`, a frequency a thread.

    The grid is finer than that of `steps` by a factor of 2 to the power of `finer`.
    """
    weights = cuda.shared.array(COLUMNS, uint32)
    products = cuda.shared.array(COLUMNS, uint32)
    thread, i = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.y)
    k = cuda.blockIdx.x * BOXES + cuda.threadIdx.x
    if k >= curves[i]["size"]:
        return
    for b in range(BINS):
        weights[uint32(b * BOXES) + thread] = products[uint32(b * BOXES) + thread] = uint32(0)
    number, finer, j = uint64(curves[i]["first"] + k), uint64(curves[i]["finer"]), uint32(curves[i]["epoch"])
    end = uint32(j + uint32(curves[i]["epochs"]))
    while j < end:
        place = uint32(((steps[j] >> finer) * number) >> uint64(58)) * uint32(BOXES) + thread
        both = packed[j]
        j = uint32(j + uint32(1))
        cuda.atomic.add(weights, place, uint32(both >> uint64(32)))  # need not wait, as a sum does that is stored
        cuda.atomic.add(products, place, uint32(both & uint64(LAST)))
    weight, dimming = weights.view(np.float32), products.view(np.float32)
    w, d, unit, mean = float32(0.0), float32(0.0), float32(2.0**-31), float32(curves[i]["box_mean"])
    for b in range(BINS):  # from sums of bins to sums of all bins before
        place = uint32(b * BOXES) + thread
        share = float32(weights[place]) * unit
        part = float32(products[place]) * unit - mean * share
        weight[place], dimming[place] = w, d
        w += share
        d += part
    for b in range(WIDTHS[-1]):  # in the next turn
        place = uint32(b * BOXES) + thread
        weight[uint32(BINS * BOXES) + place] = w + weight[place]
        dimming[uint32(BINS * BOXES) + place] = d + dimming[place]
    power[curves[i]["out"] + k] = best_of_boxes(weight, dimming, thread) / float32(curves[i]["box_scatter"])


@cuda.jit(cache=True, fastmath=True)
def lomb_scargle(curves, steps, weights, power):
    """Fill in the power, or EMPTY where single precision is not enough: direct sums, NEIGHBOURS frequencies a thread.

    Each epoch has one sine and cosine a thread; turning them by the step of its phase gives those of the neighbours.
    All phases begin half a turn late, which the power does not depend on, so that they lie around 0.
    """
    w = cuda.shared.array(CHUNK, float32)  # one a line: the simulator knows them apart by their lines
    wy = cuda.shared.array(CHUNK, float32)
    turn_c = cuda.shared.array(CHUNK, float32)
    turn_s = cuda.shared.array(CHUNK, float32)
    centre = cuda.shared.array(CHUNK, uint32)
    step = cuda.shared.array(CHUNK, uint32)
    yc, ys = cuda.local.array(NEIGHBOURS, float32), cuda.local.array(NEIGHBOURS, float32)
    ones_c, ones_s = cuda.local.array(NEIGHBOURS, float32), cuda.local.array(NEIGHBOURS, float32)
    cc, cs = cuda.local.array(NEIGHBOURS, float32), cuda.local.array(NEIGHBOURS, float32)
    i, start = cuda.blockIdx.y, cuda.blockIdx.x * (WIDE * NEIGHBOURS)
    if start >= curves[i]["size"]:
        return
    n, offset = curves[i]["epochs"], curves[i]["epoch"]
    middle = uint64(curves[i]["first"] + start + WIDE * NEIGHBOURS // 2)
    shift = uint32(uint32(cuda.threadIdx.x) - uint32(WIDE // 2))
    for r in range(NEIGHBOURS):
        yc[r] = ys[r] = ones_c[r] = ones_s[r] = cc[r] = cs[r] = float32(0.0)
    for chunk in range(0, n, CHUNK):
        cuda.syncthreads()
        for j in range(cuda.threadIdx.x, min(CHUNK, n - chunk), WIDE):
            full, e = steps[offset + chunk + j], offset + chunk + j
            centre[j] = uint32((full * middle) >> uint64(32))
            step[j] = uint32((full * uint64(NEIGHBOURS) + uint64(2**31)) >> uint64(32))
            root = math.sqrt(weights[e, 0])
            w[j], wy[j] = float32(root), float32(root * weights[e, 1])
            turn_c[j], turn_s[j] = float32(weights[e, 2]), float32(weights[e, 3])
        cuda.syncthreads()
        j, end = uint32(0), uint32(min(CHUNK, n - chunk))
        while j < end:
            phase = uint32(uint64(centre[j]) + uint64(shift) * uint64(step[j]))
            angle = float32(phase) * float32(TURN / 2**32) - float32(math.pi)
            c, s = math.cos(angle), math.sin(angle)
            root, weighted, c1, s1 = w[j], wy[j], turn_c[j], turn_s[j]
            c, s = root * c, root * s  # so that the squares of both have the weight
            j = uint32(j + uint32(1))
            for r in range(NEIGHBOURS):
                yc[r] += weighted * c
                ys[r] += weighted * s
                ones_c[r] += root * c
                ones_s[r] += root * s
                cc[r] += c * c
                cs[r] += c * s
                c, s = c * c1 - s * s1, s * c1 + c * s1
    k = start + cuda.threadIdx.x * NEIGHBOURS
    for r in range(NEIGHBOURS):
        if k + r < curves[i]["size"]:
            c2 = cc[r] - ones_c[r] * ones_c[r]
            s2 = float32(1.0) - cc[r] - ones_s[r] * ones_s[r]
            both = cs[r] - ones_c[r] * ones_s[r]
            det = c2 * s2 - both * both
            value = s2 * yc[r] * yc[r] + c2 * ys[r] * ys[r] - float32(2.0) * both * yc[r] * ys[r]
            value = max(value * float32(curves[i]["power"]) / det, float32(0.0))
            power[curves[i]["out"] + k + r] = value if det > float32(UNSURE) else float32(EMPTY)


@cuda.jit(cache=True)
def lomb_scargle_again(curves, steps, weights, power):
    """Fill in in double precision what is EMPTY, one frequency a thread."""
    i, k = cuda.blockIdx.y, cuda.blockIdx.x * WIDE + cuda.threadIdx.x
    if k >= curves[i]["size"] or power[curves[i]["out"] + k] >= 0:
        return
    number = uint64(curves[i]["first"] + k)
    yc = ys = ones_c = ones_s = cc = cs = 0.0
    for e in range(curves[i]["epoch"], curves[i]["epoch"] + curves[i]["epochs"]):
        angle = float64(steps[e] * number) * (TURN / 2.0**64)
        c, s = math.cos(angle), math.sin(angle)
        yc += weights[e, 0] * weights[e, 1] * c
        ys += weights[e, 0] * weights[e, 1] * s
        ones_c += weights[e, 0] * c
        ones_s += weights[e, 0] * s
        cc += weights[e, 0] * c * c
        cs += weights[e, 0] * c * s
    c2, s2, both = cc - ones_c * ones_c, 1 - cc - ones_s * ones_s, cs - ones_c * ones_s
    det = c2 * s2 - both * both
    value = (s2 * yc * yc + c2 * ys * ys - 2 * both * yc * ys) * curves[i]["power"]
    power[curves[i]["out"] + k] = float32(max(value / det, 0.0)) if det > 1e-12 else float32(0.0)


@cuda.jit(cache=True)
def exact_variance(curves, steps, words, peaks, everywhere, out):
    """Fill in the exact analysis of variance, everywhere or within `width` of some peaks.

    The same integers as in `periodograms._variance`; counts and sums of a phase bin share a word of 64 bits.
    """
    sums = cuda.shared.array(WORDS, uint64)
    thread, i = uint32(cuda.threadIdx.x), cuda.blockIdx.y
    k, size = cuda.blockIdx.x * THREADS + cuda.threadIdx.x, curves[i]["size"]
    if not everywhere:
        width = curves[i]["width"]
        length = min(2 * width + 1, size)
        if k >= peaks.shape[1] * length or peaks[i, k // length] == 0:
            return
        peak = LAST - (peaks[i, k // length] & uint64(LAST))
        k = min(max(int64(peak) - width, 0), size - length) + k % length
    if k >= size:
        return
    for b in range(PHASE_BINS):
        sums[uint32(b * THREADS) + thread] = uint64(0)
    number = uint64(curves[i]["first"] + k)
    for e in range(curves[i]["epoch"], curves[i]["epoch"] + curves[i]["epochs"]):
        phase = (steps[e] * number + EDGE) >> uint64(32)
        bin_ = uint32((phase * uint64(PHASE_BINS)) >> uint64(32))
        sums[bin_ * uint32(THREADS) + thread] += words[e]
    low = uint64(curves[i]["low"])
    between, filled = 0.0, 0
    for b in range(PHASE_BINS):
        both = sums[uint32(b * THREADS) + thread]
        count = float64(both >> low)
        if count > 0:
            filled += 1
            part = float64(both & ((uint64(1) << low) - uint64(1))) / curves[i]["scale"] - count * curves[i]["mean"]
            between += part * part / count
    free, square, value = curves[i]["epochs"] - filled, curves[i]["square"], 0.0
    if filled > 1 and free > 0:
        value = (between / (filled - 1)) / max((square - between) / free, 1e-15 * square)
    out[curves[i]["out"] + k] = float32(value)


@cuda.jit(cache=True)
def clear(heights):
    """Set all heights to 0."""
    k = cuda.grid(1)
    if k < heights.size:
        heights[k] = uint32(0)


@cuda.jit(cache=True)
def highest_of_windows(curves, heights, values, integers, keys, sums):
    """Fill in the highest value of each window of `width` frequencies, and of each block sum and sum of squares.

    A key has the height in its upper 32 bits and LAST less the index below. The third index of a block is the search;
    the first `integers` searches have integers as values, the others floats.
    """
    part = cuda.shared.array(WIDE, float64)
    square = cuda.shared.array(WIDE, float64)
    thread, i, search = cuda.threadIdx.x, cuda.blockIdx.y, cuda.blockIdx.z
    window, width = cuda.blockIdx.x * WIDE + thread, curves[i]["width"]
    part[thread] = square[thread] = 0.0
    if window < curves[i]["windows"]:
        best = uint64(0)
        for k in range(window * width, min((window + 1) * width, curves[i]["size"])):
            height = heights[search, curves[i]["out"] + k]
            value = float64(height) if search < integers else float64(values[search, curves[i]["out"] + k])
            part[thread] += value
            square[thread] += value * value
            best = max(best, (uint64(height) << uint64(32)) | uint64(LAST - k))
        keys[search, curves[i]["window"] + window] = best
    half = WIDE // 2
    while half > 0:
        cuda.syncthreads()
        if thread < half:
            part[thread] += part[thread + half]
            square[thread] += square[thread + half]
        half //= 2
    if thread == 0:
        sums[search, i, 0, cuda.blockIdx.x] = part[0]
        sums[search, i, 1, cuda.blockIdx.x] = square[0]


@cuda.jit(device=True)
def higher_peaks(keys, window, direction, end, width):
    """Return how many windows in a row have each a higher peak than the one before, and within `width` of it."""
    count, key = 0, keys[window]
    while window != end:
        window += direction
        low, high = min(key, keys[window]) & uint64(LAST), max(key, keys[window]) & uint64(LAST)
        apart = max(low, high) - min(low, high)
        if keys[window] < key or apart > uint64(width):
            break
        key = keys[window]
        count += 1
    return count


@cuda.jit(cache=True)
def drop_slopes(curves, keys, peaks):
    """Set to 0 the peaks that are not distinct, those of which a higher one that is distinct lies within `width`.

    Only those of neighbouring windows can. Of peaks that rise from window to window, each within `width` of the next,
    every second is distinct, from the highest down.
    """
    i, search = cuda.blockIdx.y, cuda.blockIdx.z
    for j in range(cuda.threadIdx.x, peaks.shape[2], RANKING):
        if peaks[search, i, j] > 0:
            index = int64(LAST - (peaks[search, i, j] & uint64(LAST)))
            first, width = curves[i]["window"], curves[i]["width"]
            window, end = first + index // width, first + curves[i]["windows"] - 1
            before = higher_peaks(keys[search], window, -1, first, width)
            after = higher_peaks(keys[search], window, 1, end, width)
            if before % 2 == 1 or after % 2 == 1:
                peaks[search, i, j] = uint64(0)


@cuda.jit(cache=True)
def select_highest(spans, keys, peaks):
    """Fill in the highest keys of each light curve and search, in no order; `spans` says where they begin, how many.

    Where there are fewer the rest is 0. The lowest of them is determined eight bits at a time, from the top.
    """
    tally = cuda.shared.array(256, int32)
    state = cuda.shared.array(2, uint64)  # the upper bits so far; how many keys with these bits are wanted
    slot = cuda.shared.array(1, int32)
    some = cuda.local.array(AHEAD, uint64)
    thread, i, search = cuda.threadIdx.x, cuda.blockIdx.y, cuda.blockIdx.z
    first, end, most = spans[0, i], spans[0, i] + spans[1, i], peaks.shape[2]
    for j in range(thread, most, RANKING):
        peaks[search, i, j] = uint64(0)
    if thread == 0:
        state[0], state[1], slot[0] = uint64(0), uint64(most), 0
    for digit in range(8):
        shift = uint64(56 - 8 * digit)
        for j in range(thread, 256, RANKING):
            tally[j] = 0
        cuda.syncthreads()
        for w in range(first + thread, end, RANKING * AHEAD):
            for j in range(AHEAD):
                place = w + j * RANKING
                some[j] = keys[search, place] >> shift if place < end else uint64(0)
            for j in range(AHEAD):
                if some[j] >> uint64(8) == state[0]:
                    cuda.atomic.add(tally, int64(some[j] & uint64(255)), 1)
        cuda.syncthreads()
        if thread == 0:
            value, wanted = 255, int64(state[1])
            while value > 0 and tally[value] < wanted:
                wanted -= tally[value]
                value -= 1
            state[0], state[1] = (state[0] << uint64(8)) | uint64(value), uint64(wanted)
        cuda.syncthreads()
    for w in range(first + thread, end, RANKING):
        if keys[search, w] >= state[0] and keys[search, w] > 0:
            peaks[search, i, cuda.atomic.add(slot, 0, 1)] = keys[search, w]


@cuda.jit(cache=True)
def read_values(curves, peaks, values, out):
    """Fill in the values at some peaks."""
    i = cuda.blockIdx.y
    for j in range(cuda.threadIdx.x, peaks.shape[1], WIDE):
        if peaks[i, j] > 0:
            out[i, j] = values[curves[i]["out"] + int64(LAST - (peaks[i, j] & uint64(LAST)))]
