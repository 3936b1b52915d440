"""Eclipses: box least squares finds periods at which a light curve dims twice a cycle, and a fit describes the dimming.

Box least squares (Kovacs, Zucker & Mazeh 2002, A&A 391, 369), here with two boxes of one width half a turn apart, of
which the second may have no depth: a model that also fits a single eclipse.
"""

import math
from collections import namedtuple
from dataclasses import replace

import numpy as np

from ..compiled import compiled
from ..lightcurves.values import as_floats
from ..taxonomy import defaults
from .harmonics import PRICE, robust_weights
from .periodograms import Search, distinct_peaks, phase_steps

BINS = 64  # phase bins of the search
LANES = 16  # frequencies at a time: the arithmetic of so many is done by a few instructions
WIDTHS = (1, 2, 4, 7)  # of the boxes, in bins
WIDEST = 8  # bins of the widest box that is fitted
# The longer an orbit, the smaller the share of it that an eclipse takes: above so many cycles a day the grid of the
# other searches is fine enough, below it is made finer by these factors.
FINER = ((1.0, 1), (0.5, 2), (0.0, 4))
# What two boxes fit: the depth (mag) of the deeper eclipse and that of the other, their common width (cycles), the time
# of the deeper one's middle (days), the other's phase after it (cycles), and the share of chi square that is left.
Eclipses = namedtuple("Eclipses", "depth second_depth width epoch second_phase left")
# Shares of chi square left by two boxes half a turn apart, and by the best one and another anywhere; of the former the
# shallower depth over the deeper, and their difference in standard errors; of the latter width and first bins.
Boxes = namedtuple("Boxes", "left left_free depths unequal width first second")


def fit_eclipses(time, mag, err, period):
    """Fit two dimmings of box shape to a light curve folded at a period (days): the deepest, and another anywhere.

    Returns
    -------
    Eclipses
        Depths are means over the boxes; `width` and the epoch are known to a 64th of the cycle. `second_depth` is 0 if
        nothing else dims.
    """
    time, mag, err = as_floats(time, "d"), as_floats(mag, "mag"), as_floats(err, "mag")
    weight = robust_weights(err)
    weight = weight / weight.sum()
    boxes = fit_boxes(time - time[0], mag - weight @ mag, weight, 1 / period)
    place = np.floor((time - time[0]) / period % 1 * BINS)
    inside = [(place - first) % BINS < boxes.width for first in (boxes.first, boxes.second)]
    outside = ~(inside[0] | inside[1])
    base = np.average(mag[outside], weights=weight[outside]) if outside.any() else np.nan
    depths = [np.average(mag[part], weights=weight[part]) - base if part.any() else 0.0 for part in inside]
    middles = [(first + boxes.width / 2) / BINS for first in (boxes.first, boxes.second)]
    (depth, deep), (second, other) = sorted(zip(depths, middles, strict=True), reverse=True)
    epoch = time[0] + deep % 1 * period
    left = min(boxes.left, boxes.left_free)
    return Eclipses(float(depth), max(float(second), 0.0), boxes.width / BINS, float(epoch), (other - deep) % 1, left)


def eclipse_grids(grid, max_freq):
    """Return the part of a grid up to `max_freq` (1/day) as grids that are the finer the lower their frequencies."""
    parts, stop = [], min(grid.freq(grid.size - 1), max_freq)
    for start, factor in FINER:
        step = grid.step / factor
        first, last = max(math.ceil(start / step), grid.first * factor), math.floor(stop / step)
        if last >= first:
            part = replace(grid, step=step, first=first, size=last - first + 1, oversampling=grid.oversampling * factor)
            parts.append(part)
            stop = (first - 1) * step
    return parts


def search_eclipses(prepared):
    """Return the `Search` of box least squares for a light curve as `search.Prepared`."""
    settings, weight, parts = defaults()["periods"], robust_weights(prepared.err), []
    for grid in eclipse_grids(prepared.grid, settings["max_eclipse_freq"]):
        share = box_least_squares(prepared.time, prepared.mag, weight, grid)
        peaks = distinct_peaks(share, grid.oversampling, settings["n_candidates"])
        square = np.square(share, dtype=float).sum()
        parts.append((grid.freq(peaks), share[peaks], share.size, share.sum(dtype=float), square))
    return join_eclipse_grids(parts)


def join_eclipse_grids(parts):
    """Return the `Search` of several grids from the peaks, their heights, and size and two sums of each periodogram."""
    if not parts:
        return Search(np.empty(0), np.nan, np.nan, np.nan)
    freqs, heights = (np.concatenate([part[i] for part in parts]) for i in range(2))
    size, total, square = np.sum([part[2:] for part in parts], axis=0)
    order = np.argsort(-heights, kind="stable")[: defaults()["periods"]["n_candidates"]]
    mean = total / size
    return Search(freqs[order], float(heights[order[0]]), mean, math.sqrt(max(square / size - mean**2, 0.0)))


def box_least_squares(time, mag, weight, grid):
    """Return the share of the weighted scatter that boxes explain at each frequency of a grid, shape (grid.size,)."""
    share = np.empty(grid.size, np.float32)
    packed, mean, scatter = pack_weights(mag, weight)
    _search_boxes(phase_steps(time, grid), packed, mean, grid.first, share)
    return share / scatter


def pack_weights(mag, weight):
    """Return weight and weighted magnitude of each epoch in one word of 64 bits, and weighted mean and scatter.

    Weights, the upper half, sum to 2^31; magnitudes are scaled from 0 to 1.
    """
    packed = np.empty(len(mag), np.uint64)
    mean, scatter = fill_pairs(mag, weight, np.arange(len(mag)), packed)
    return packed, np.float32(mean), scatter


@compiled
def fill_pairs(mag, weight, rank, packed):
    """Fill in the words of epochs by their rank; return what else `pack_weights` does."""
    least, spread, unit = mag.min(), mag.max() - mag.min(), 2.0**31 / weight.sum()
    total, mean, scatter = 0.0, 0.0, 0.0
    for j in range(mag.size):
        share = np.rint(weight[j] * unit)
        product = np.rint(share * ((mag[j] - least) / spread))
        packed[rank[j]] = (np.uint64(share) << np.uint64(32)) + np.uint64(product)
        total += share
        mean += product
    mean /= total
    for j in range(mag.size):
        scatter += np.rint(weight[j] * unit) * ((mag[j] - least) / spread - mean) ** 2
    return mean, max(scatter / total, 1e-12)


@compiled
def _search_boxes(steps, packed, mean, first, out):
    """Fill `out` with the best gain of two boxes, LANES frequencies at a time."""
    bins = np.empty((BINS, LANES), np.uint64)
    weight, dimming = np.zeros((BINS + WIDEST, LANES), np.float32), np.zeros((BINS + WIDEST, LANES), np.float32)
    best = np.empty(LANES, np.float32)
    for start in range(0, out.size, LANES):
        _fill_bins(steps, packed, first + start, bins)
        _cumulate(bins, mean, weight, dimming)
        _fit_pairs(weight, dimming, best)
        stop = min(LANES, out.size - start)
        out[start : start + stop] = best[:stop]


@compiled
def _fill_bins(steps, packed, first, bins):
    """Fill `bins[b, f]` with the sums of the epochs in phase bin b at frequency number `first + f`."""
    shift = np.uint64(58)  # the upper six bits of a phase are one of 64 bins
    bins[:] = 0
    for j in range(steps.size):
        phase = steps[j] * np.uint64(first)
        for f in range(LANES):
            bins[np.int64(phase >> shift), f] += packed[j]
            phase += steps[j]


@compiled
def _cumulate(bins, mean, weight, dimming):
    """Fill `weight[b, f]` and `dimming[b, f]` with sums over all bins before b, which may lie in the next turn."""
    unit, lower = np.float32(2.0**-31), np.uint64(2**32 - 1)
    for b in range(BINS):
        for f in range(LANES):
            share = np.float32(np.int32(bins[b, f] >> np.uint64(32))) * unit
            weight[b + 1, f] = weight[b, f] + share
            dimming[b + 1, f] = dimming[b, f] + (np.float32(np.int32(bins[b, f] & lower)) * unit - mean * share)
    for b in range(1, WIDEST):
        for f in range(LANES):
            weight[BINS + b, f] = weight[BINS, f] + weight[b, f]
            dimming[BINS + b, f] = dimming[BINS, f] + dimming[b, f]


@compiled(fastmath={"contract", "nnan", "ninf", "nsz", "arcp"})
def _fit_pairs(weight, dimming, best):
    """Fill `best` with the scatter that the best pair of boxes explains at each frequency, brightenings left out."""
    tiny, half = np.float32(1e-9), BINS // 2
    best[:] = 0
    for width in WIDTHS:
        for b in range(half):
            for f in range(LANES):
                w1 = weight[b + width, f] - weight[b, f] + tiny
                w2 = weight[b + half + width, f] - weight[b + half, f] + tiny
                d1 = max(dimming[b + width, f] - dimming[b, f], np.float32(0))
                d2 = max(dimming[b + half + width, f] - dimming[b + half, f], np.float32(0))
                both, rest = d1 + d2, max(np.float32(1) - w1 - w2, tiny)
                gain = (d1 * d1 * w2 + d2 * d2 * w1) / (w1 * w2) + both * both / rest
                best[f] = max(best[f], gain)


@compiled
def fit_boxes(time, mag, weight, freq):
    """Return the `Boxes` that fit best at a frequency; weights sum to 1 and magnitudes have the weighted mean 0."""
    inside, dimming, chi2 = _sum_bins(time, mag, weight, freq)
    one, pair, free, half = 0.0, 0.0, 0.0, BINS // 2
    size, deepest, width, first, second = 1, 0, 1, 0, 0
    for trial in range(1, WIDEST + 1):
        for b in range(BINS):
            gain = _gain_of_two(inside, dimming, b, b, trial)
            if gain > one:
                one, width, first = gain, trial, b
        for b in range(half):
            gain = _gain_of_two(inside, dimming, b, b + half, trial)
            if gain > pair:
                pair, size, deepest = gain, trial, b
    for b in range(first + width, first + BINS - width + 1):
        gain = _gain_of_two(inside, dimming, first, b % BINS, width)
        if gain > free:
            free, second = gain, b % BINS
    chi2 = max(chi2, 1e-300)
    left = max(1 - pair / chi2, 1e-9)
    depths, unequal = _compare_depths(inside, dimming, deepest, deepest + half, size)
    unequal *= math.sqrt(time.size / (left * chi2))
    return Boxes(left, max(1 - free / chi2, 1e-9), depths, unequal, width, first, second)


@compiled
def _sum_bins(time, mag, weight, freq):
    """Return sums of weight and of weighted magnitude over all bins before each, two turns long; and of squares."""
    inside, dimming, chi2 = np.zeros(BINS + WIDEST + 1), np.zeros(BINS + WIDEST + 1), 0.0
    for j in range(time.size):
        turns = time[j] * freq
        b = min(int((turns - math.floor(turns)) * BINS), BINS - 1)
        inside[b + 1] += weight[j]
        dimming[b + 1] += weight[j] * mag[j]
        chi2 += weight[j] * mag[j] * mag[j]
    for b in range(BINS):
        inside[b + 1] += inside[b]
        dimming[b + 1] += dimming[b]
    for b in range(1, WIDEST + 1):
        inside[BINS + b] = inside[BINS] + inside[b]
        dimming[BINS + b] = dimming[BINS] + dimming[b]
    return inside, dimming, chi2


@compiled(fastmath={"contract", "nnan", "ninf", "nsz", "arcp"})
def _gain_of_two(inside, dimming, first, second, size):
    """Return by how much two boxes lower chi square, one box where both are the same; brightenings are no boxes."""
    w1, d1 = inside[first + size] - inside[first] + 1e-12, max(dimming[first + size] - dimming[first], 0.0)
    if second == first:
        return d1 * d1 / (w1 * max(1 - w1, 1e-12))
    w2, d2 = inside[second + size] - inside[second] + 1e-12, max(dimming[second + size] - dimming[second], 0.0)
    rest, both = max(1 - w1 - w2, 1e-12), d1 + d2
    return (rest * (d1 * d1 * w2 + d2 * d2 * w1) + both * both * w1 * w2) / (w1 * w2 * rest)


@compiled
def _compare_depths(inside, dimming, first, second, size):
    """Return the shallower depth of two boxes over the deeper, and their difference for a scatter of 1 mag an epoch."""
    w1, d1 = inside[first + size] - inside[first], max(dimming[first + size] - dimming[first], 0.0)
    w2, d2 = inside[second + size] - inside[second], max(dimming[second + size] - dimming[second], 0.0)
    if d1 + d2 == 0:
        return 0.0, 0.0
    base = -(d1 + d2) / max(1 - w1 - w2, 1e-12)
    depth1 = d1 / w1 - base if d1 > 0 else 0.0
    depth2 = d2 / w2 - base if d2 > 0 else 0.0
    difference = abs(depth1 - depth2) / math.sqrt(1 / w1 + 1 / w2) if w1 > 0 and w2 > 0 else 0.0
    return min(depth1, depth2) / max(depth1, depth2), difference


@compiled
def eclipse_merit(boxes, n):
    """Return n log(chi2 / chi2_0) and a price for the parameters of two boxes: less is better, as `harmonic_merit`."""
    pair = n * math.log(boxes.left) + 6 * PRICE * math.log(n)
    return min(pair, n * math.log(boxes.left_free) + 7 * PRICE * math.log(n))


@compiled
def refine_eclipses(time, mag, weight, freqs, reach, steps):
    """Return frequencies at which two boxes fit best within `reach` of each, tried in so many steps on either side."""
    refined, half = freqs.copy(), BINS // 2
    for i in range(freqs.size):
        most = -1.0
        for k in range(-steps, steps + 1):
            trial = freqs[i] + k * reach / steps
            if trial > 0:
                inside, dimming, _ = _sum_bins(time, mag, weight, trial)
                gain = 0.0
                for width in WIDTHS:
                    for b in range(half):
                        gain = max(gain, _gain_of_two(inside, dimming, b, b + half, width))
                if gain > most:
                    most, refined[i] = gain, trial
    return refined
