"""Conditional entropy and analysis of variance from histograms of phase and magnitude, many frequencies at a time.

Loops run over flat arrays whose innermost index, of fixed length, is the frequency: the compiler makes of them vector
instructions, which treat 32 bytes or more at once.
"""

import numpy as np

from ..compiled import compiled

LANES = 64  # frequencies at a time, a byte of each in a cache line
QUARTER = LANES // 4
MANY = 248  # epochs at a time: their counts fit a byte
GROUP = 5  # tallies that are added up at a time
# The last epoch lies on the edge of a phase bin at every frequency of the grid. This head start of 5e-9 cycles, more
# than rounding can take away, puts it into the upper bin always.
EDGE = np.uint64(5e-9 * 2**64)
BIN = 25  # bits of a phase within its bin; a sum of two phases of 64 bins fills 32 bits


@compiled
def count_histograms(steps, ends, level, klogk, unit, first, size, phase_bins):
    """Return entropy and variance of `size` frequencies; magnitude row r of epochs ends before `ends[r + 1]`.

    The entropy is the sum of k log k over phase bins less that over all cells, times `unit`. An epoch within 2e-9
    cycles of the edge of a phase bin may be counted beyond it.
    """
    pieces, tallied = 0, (phase_bins + 3) // 4 * 4 * LANES  # bins by fours: those in excess stay empty
    for r in range(level.size):
        pieces += (ends[r + 1] - ends[r] + MANY - 1) // MANY
    levels = np.zeros((pieces + GROUP - 1) // GROUP * GROUP, np.float32)
    tally, bins = _bytes(levels.size * tallied), _bytes((MANY + 8) * LANES)
    cells, words = np.zeros((MANY + 1) * LANES, np.uint8), bins.view(np.uint32)
    column, moment = np.empty(tallied, np.int32), np.empty(tallied, np.float32)
    entropy, variance, total = np.empty(size), np.empty(size), np.empty(LANES, np.int64)
    turn, scatter = np.uint64(phase_bins << BIN), np.float32(0.0)
    ahead = _steps_ahead(steps, turn)
    for r in range(level.size):
        scatter += np.float32(ends[r + 1] - ends[r]) * level[r] * level[r]
    for start in range(0, size, LANES):
        piece, highest = 0, 0
        total[:], tally[:] = 0, 0
        for r in range(level.size):
            begin = piece
            for j in range(ends[r], ends[r + 1], MANY):
                stop = min(j + MANY, ends[r + 1])
                part = tally[piece * tallied : (piece + 1) * tallied]
                _fill_words(steps[j:stop], ahead[j * LANES : stop * LANES], first + start, turn, words)
                _count_epochs(bins, stop - j, phase_bins, part)
                levels[piece] = level[r]
                piece += 1
            if piece == begin + 1:
                highest = max(highest, _count_cells(part, cells))
            else:
                _look_up(tally[begin * tallied : piece * tallied], tallied, klogk, total)
        _add_tallies(tally, levels, column, moment)
        _sum_up(cells[: (highest + 1) * LANES], column, klogk, total)
        _f_statistic(column, moment, scatter, steps.size, variance[start : start + LANES])
        for f in range(min(LANES, size - start)):
            entropy[start + f] = total[f] * unit
    return entropy, variance


@compiled
def _bytes(size):
    """Return uninitialised bytes that begin where a cache line does, which is twice as fast."""
    raw = np.empty(size + LANES, np.uint8)
    start = -raw.ctypes.data % LANES
    return raw[start : start + size]


@compiled
def _steps_ahead(steps, turn):
    """Return how far the phase of each epoch moves within the lanes, in units of 1/`turn` cycles, without whole ones.

    A quarter of the lanes follow each other, every fourth, since `_fill_words` makes words of four bytes.
    """
    half, ahead = np.uint64(32), np.empty(steps.size * LANES, np.uint32)
    for j in range(steps.size):
        for f in range(LANES):
            phase = (steps[j] * np.uint64(f)) >> half
            ahead[j * LANES + f % 4 * QUARTER + f // 4] = np.uint32((phase * turn) >> half)
    return ahead


@compiled
def _fill_words(steps, ahead, first, turn, words):
    """Fill the bytes of `words` with the phase bins of each epoch from frequency number `first` on.

    They are those of a sum of two phases, a multiple of which may be too large by one turn. numba widens what it
    shifts, unless it is told each time not to, and the compiler has half as wide vectors then.
    """
    half, second, third, fourth = np.uint64(32), np.uint32(0xFF00), np.uint32(0xFF0000), np.uint32(0xFF000000)
    for j in range(steps.size):
        phase = (steps[j] * np.uint64(first) + EDGE) >> half
        start = np.uint32((phase * turn + np.uint64(2**32 - 1)) >> half)
        part, out = ahead[j * LANES : (j + 1) * LANES], words[j * QUARTER : (j + 1) * QUARTER]
        for f in range(QUARTER):
            a, b = np.uint32(start + part[f]), np.uint32(start + part[QUARTER + f])
            c, d = np.uint32(start + part[2 * QUARTER + f]), np.uint32(start + part[3 * QUARTER + f])
            ab = np.uint32(a >> np.uint32(BIN)) | (np.uint32(b >> np.uint32(BIN - 8)) & second)
            cd = (np.uint32(c >> np.uint32(BIN - 16)) & third) | (np.uint32(d >> np.uint32(BIN - 24)) & fourth)
            out[f] = ab | cd


@compiled
def _count_epochs(bins, n, phase_bins, tally):
    """Add to `tally` how many of the first n epochs fall into each phase bin.

    Comparing every epoch with every bin looks wasteful, but one instruction does so for 32 or 64 frequencies.
    """
    turn = np.uint8(phase_bins)
    for i in range(n * LANES):
        bins[i] = min(bins[i], np.uint8(bins[i] - turn))  # the latter is large unless there is a turn to take away
    bins[n * LANES : (n + 7) // 8 * 8 * LANES] = 255  # no bin: eight epochs at a time need no rest
    for j in range(0, n, 8):
        part = bins[j * LANES : (j + 8) * LANES]
        for b in range(0, phase_bins, 2):
            out, one, two = tally[b * LANES : (b + 2) * LANES], np.uint8(b), np.uint8(b + 1)
            for f in range(LANES):
                hits, more = out[f], out[LANES + f]
                for i in range(8):
                    hits += np.uint8(part[i * LANES + f] == one)
                    more += np.uint8(part[i * LANES + f] == two)
                out[f], out[LANES + f] = hits, more


@compiled
def _count_cells(tally, cells):
    """Add to `cells` how many cells hold 2 epochs, 3, and so on; return the highest number. Of 0 and 1 k log k is 0."""
    high = np.zeros(LANES, np.uint8)
    for b in range(0, tally.size, LANES):
        part = tally[b : b + LANES]
        for f in range(LANES):
            high[f] = max(high[f], part[f])
    for half in (32, 16, 8):
        for f in range(half):
            high[f] = max(high[f], high[half + f])
    highest = high[0]
    for f in range(8):
        highest = max(highest, high[f])
    for count in range(2, highest + 1):
        value, out = np.uint8(count), cells[count * LANES : (count + 1) * LANES]
        for b in range(0, tally.size, 4 * LANES):
            part = tally[b : b + 4 * LANES]
            for f in range(LANES):
                hits = out[f]
                for i in range(4):
                    hits += np.uint8(part[i * LANES + f] == value)
                out[f] = hits
    return highest


@compiled
def _look_up(tallies, tallied, klogk, total):
    """Subtract k log k of the cells of a magnitude row of more epochs than a byte can count."""
    for i in range(tallied):
        count = 0
        for start in range(0, tallies.size, tallied):
            count += tallies[start + i]
        total[i % LANES] -= klogk[count]


@compiled(fastmath={"contract"})
def _add_tallies(tally, levels, column, moment):
    """Fill in the epochs of each phase bin, and the sum of their magnitudes."""
    column[:], moment[:] = 0, 0.0
    tallied = np.uint64(column.size)  # an unsigned index is not looked at for being negative
    for p in range(0, levels.size, GROUP):
        level = levels[p : p + GROUP]
        for b in range(0, column.size, LANES):
            part, counts, sums = tally[p * column.size + b :], column[b : b + LANES], moment[b : b + LANES]
            for f in range(LANES):
                n, s = counts[f], sums[f]
                for i in range(GROUP):
                    count = np.int32(part[np.uint64(i) * tallied + np.uint64(f)])
                    n += count
                    s += level[i] * np.float32(count)
                counts[f], sums[f] = n, s


@compiled
def _sum_up(cells, column, klogk, total):
    """Add k log k of the phase bins and subtract that of the cells, whose counts become 0 again."""
    for count in range(2, cells.size // LANES):
        part = cells[count * LANES : (count + 1) * LANES]
        for f in range(LANES):
            total[f] -= klogk[count] * np.int64(part[f])
        part[:] = 0
    for b in range(0, column.size, LANES):
        part = column[b : b + LANES]
        for f in range(LANES):
            total[f] += klogk[part[f]]


@compiled
def _f_statistic(column, moment, scatter, n, out):
    """Fill `out` with the scatter between phase bins over that within them; `moment` sums what has zero mean."""
    between, filled = np.zeros(LANES, np.float32), np.zeros(LANES, np.int32)
    for b in range(0, column.size, LANES):
        counts, sums = column[b : b + LANES], moment[b : b + LANES]
        for f in range(LANES):
            filled[f] += np.int32(counts[f] > 0)
            between[f] += sums[f] * sums[f] / np.float32(max(counts[f], np.int32(1)))
    for f in range(out.size):
        within = max(scatter - between[f], np.float32(1e-6) * scatter)
        out[f] = (between[f] / (filled[f] - 1)) / (within / (n - filled[f])) if 1 < filled[f] < n else 0.0
