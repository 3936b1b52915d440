"""What the kernels for a GPU need of the epochs of light curves, as `periodograms` and `eclipses` have it.

All is written by plain loops, a light curve at a time, for what numpy takes for so few epochs is mostly calls.
"""

import math
from collections import namedtuple

import numpy as np

from ..compiled import compiled
from ..taxonomy import defaults
from .eclipses import fill_pairs
from .periodograms import ROUGH, fill_words

# of a batch of light curves, one after the other; the epochs of each stand by magnitude row
Epochs = namedtuple("Epochs", "steps ends level klogk weights words packed")


def place_values(curves):
    """Fill in how many windows each row of `kernels.CURVES` has, and where its values and windows begin."""
    curves["windows"] = -(-curves["size"] // curves["width"])
    curves["out"], curves["window"] = _starts(curves["size"]), _starts(curves["windows"])


def _starts(sizes):
    """Return where parts of such sizes begin, one after the other."""
    return np.cumsum(sizes) - sizes


def pack_epochs(all_prepared, dtype):
    """Return the `Epochs` of light curves, their rows of `kernels.CURVES`, and which are too rough."""
    n, bins, grids = len(all_prepared), defaults()["periods"]["mag_bins"], [p.grid for p in all_prepared]
    curves, rough = np.zeros(n, dtype), np.zeros(n, np.bool_)
    curves["epochs"] = [p.time.size for p in all_prepared]
    curves["first"], curves["size"], curves["width"] = np.transpose([(g.first, g.size, g.oversampling) for g in grids])
    curves["epoch"] = _starts(curves["epochs"])
    place_values(curves)
    total = curves["epochs"].sum()
    steps, words, packed = (np.empty(total, np.uint64) for _ in range(3))
    counts = np.zeros((n, bins + 1), np.uint32), np.zeros((n, bins), np.int32), np.empty(total + n, np.int32)
    epochs = Epochs(steps, *counts, np.empty((total, 4)), words, packed)
    columns = [np.concatenate(values) for values in list(zip(*all_prepared, strict=True))[:3]]
    _pack_light_curves(*columns, np.array([grid.step for grid in grids]), curves, rough, *epochs)
    return epochs, curves, rough


@compiled
def _pack_light_curves(time, mag, err, step, curves, rough, steps, ends, level, klogk, weights, words, packed):
    """Fill in the `Epochs` of light curves, what their rows of `kernels.CURVES` say of them, and which are rough."""
    for i in range(step.size):
        start, n = curves[i]["epoch"], curves[i]["epochs"]
        stop = start + n
        t, m, e = time[start:stop], mag[start:stop], err[start:stop]
        rank, rough[i], curves[i]["scatter"] = _rank_epochs(m, ends[i], level[i])
        _fill_k_log_k(klogk[start + i : stop + i + 1])
        variance = _fill_weights(t, m, e, rank, step[i], steps[start:stop], weights[start:stop])
        curves[i]["power"] = 1 / variance if variance > 0 else 0.0
        low, unit, mean, square = fill_words(m, rank, words[start:stop])
        curves[i]["low"], curves[i]["scale"], curves[i]["mean"], curves[i]["square"] = low, unit, mean, square
        weight = 1 / ((e / np.median(e)) ** 2 + 1)  # `harmonics.robust_weights`
        curves[i]["box_mean"], curves[i]["box_scatter"] = fill_pairs(m, weight, rank, packed[start:stop])


@compiled
def _rank_epochs(mag, ends, level):
    """Fill in where rows of magnitude end and the whole numbers that stand for their means.

    Return the rank of each epoch by row, whether the rows are too rough, and the scatter of the whole numbers; see
    `periodograms.sort_by_magnitude` and `periodograms.are_too_rough`.
    """
    n, bins, least, spread = mag.size, level.size, mag.min(), mag.max() - mag.min()
    row, rank, sums, lost, scatter = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(bins), np.empty(n), 0.0
    for j in range(n):
        row[j] = min(np.int64((mag[j] - least) / spread * bins), bins - 1)
        ends[row[j] + 1] += 1
        sums[row[j]] += mag[j]
    mean, deviation = mag.mean(), mag.std()
    for r in range(bins):
        count = ends[r + 1]
        if count > 0:
            sums[r] /= count
            level[r] = np.int32(np.rint((sums[r] - mean) / deviation * (2.0**30 / n)))  # so that sums fit 32 bits
            scatter += count * np.float64(level[r]) ** 2
        ends[r + 1] += ends[r]
    place = ends[:-1].copy()
    for j in range(n):
        rank[j] = place[row[j]]
        place[row[j]] += 1
        lost[j] = mag[j] - sums[row[j]]
    quarter, rest = n // 4, 3 * n // 4
    return rank, lost.std() > ROUGH * (np.partition(mag, rest)[rest] - np.partition(mag, quarter)[quarter]), scatter


@compiled
def _fill_k_log_k(klogk):
    """Fill in k log k for k = 0 .. n as whole numbers of which sums of n fit 31 bits."""
    n = klogk.size - 1
    unit = 2.0 ** math.floor(math.log2((2**31 - 1) / (n * math.log(n))))
    klogk[0] = 0
    for k in range(1, n + 1):
        klogk[k] = np.int32(np.rint(k * math.log(k) * unit))


@compiled
def _fill_weights(time, mag, err, rank, step, steps, weights):
    """Fill in for Lomb-Scargle `phase_steps`, and of each epoch weight, magnitude, and turn.

    Return the weighted variance; see `periodograms.weigh_epochs`.
    """
    least, total, mean, variance = err.min(), 0.0, 0.0, 0.0
    for j in range(time.size):
        weight = (least / err[j]) ** 2
        weights[rank[j], 0] = weight
        total += weight
        mean += weight * mag[j]
    mean /= total
    for j in range(time.size):
        turn, place = (time[j] - time[0]) * step, rank[j]
        weight, offset = weights[place, 0] / total, mag[j] - mean
        variance += weight * offset * offset
        weights[place, 0], weights[place, 1] = weight, offset
        weights[place, 2], weights[place, 3] = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
        steps[place] = np.uint64(np.rint(turn * 2.0**64))
    return variance
