"""Which candidate is the period? Boosted trees weigh what the searches and the folded light curves say of each.

No single figure decides between a period, its half and its double: the harmonics of a binary with equal minima fit
half its orbit just as well. What tells are shapes, and how often a shape at that period was the right one among
stars whose periods are known. The trees were trained on such stars by `tests/benchmarks/period_judge.py`; what they
return is a probability, and serves as the trust score.
"""

import json
import math
from functools import cache
from importlib import resources

import numba
import numpy as np
import pandas as pd

from .harmonics import DOUBTED, MOST, PRICE, chi2_by_harmonics, merit, rank

KNOWN = 20  # peaks of each search whose rank is known to the judge


PEAKS, VARIED = 5, 3  # of each search: peaks to compare, and those whose half and double are tried too


BEST, REPEATED = 8, 4  # by merit: candidates to judge, and those whose half and double are judged too


BINS = 64  # phase bins of the eclipse fit


# What the judge is told of a candidate, in the order of the trees' columns
TERMS = {
    "merit": "harmonic merit (`harmonics.merit`) less the best of all candidates, signed logarithm",
    "eclipse": "the same for two boxes half a turn apart, signed logarithm",
    "half": "BIC at half the period less BIC at the period, 12 harmonics, signed logarithm",
    "double": "BIC at the double less BIC at the period, signed logarithm",
    "r21": "amplitude of the second harmonic over the first",
    "cos_phi21": "cosine of phi_2 - 2 phi_1: 1 for minima narrower than maxima, -1 for steep pulsators",
    "sin_phi21": "its sine: 0 for a symmetric light curve",
    "odd": "share of odd harmonics at the double: how much alternate cycles differ",
    "tail": "(q95 - q50) / (q95 - q05) of the magnitudes: near 1 for narrow eclipses",
    "log_period": "logarithm of the period in days, base 10",
    "gain_1": "log(chi2_1 / chi2_0)",
    "gain_2": "log(chi2_2 / chi2_0)",
    "rank_ELS": "place among the peaks of Lomb-Scargle",
    "rank_ECE": "place among the peaks of conditional entropy",
    "rank_EAOV": "place among the peaks of the analysis of variance",
    "rank_half_ELS": "place of half the period among the peaks of Lomb-Scargle",
    "rank_double_ELS": "place of the double among the peaks of Lomb-Scargle",
    "epochs": "number of epochs",
    "cycles": "cycles in the light curve",
    "harmonics": "number of harmonics with the best merit",
    "depths": "shallower over deeper of the two boxes",
    "width": "width of the best single box, in cycles",
}


def hypotheses(time, mag, err, peaks):
    """Return the candidate frequencies of one light curve and what is known of each.

    Parameters
    ----------
    time, mag, err : numpy.ndarray of float64, shape (n,)
        Days and magnitudes.
    peaks : dict of str to numpy.ndarray
        Frequencies (1/day) of the distinct peaks of "ELS", "ECE" and "EAOV", best first.

    Returns
    -------
    freqs : numpy.ndarray, shape (c,)
        Refined frequencies in 1/day.
    proposed_by : list of str
    terms : numpy.ndarray of float32, shape (c, len(TERMS))
    """
    # published errors are not to be trusted at face value: none counts for more than twice the typical one
    weight = 1 / (err**2 + np.median(err) ** 2)
    residual = mag - np.average(mag, weights=weight)
    time = time - time[0]
    freqs, proposers = _candidates(peaks, 1 / time[-1])
    freqs, merits = rank(time, residual, weight, freqs)
    freqs, proposers = _with_halves(freqs, proposers, np.argsort(merits, kind="stable"), 1 / time[-1])
    low, middle, high = np.percentile(mag, [5, 50, 95])
    tail = (high - middle) / max(high - low, 1e-9)
    rows = [_terms(time, residual, weight, freq, peaks, tail) for freq in freqs]
    terms = np.array(rows)
    best = terms[:, 0].min()
    terms[:, :2] -= best
    terms[:, :4] = np.sign(terms[:, :4]) * np.log1p(np.abs(terms[:, :4]))
    return freqs, proposers, terms.astype(np.float32)


def judge(terms, odds=1.0):
    """Return the probability of each candidate to be the true period.

    The trees look at one candidate at a time. As only one can be right, the odds that they give are divided by the sum
    over all candidates and the weight of "none of these", after a power that makes them as sharp as they deserve. Power
    and weight were fitted, like the trees, to stars of known period.

    Parameters
    ----------
    terms : numpy.ndarray of float32, shape (c, len(TERMS))
    odds : float or numpy.ndarray, shape (c,)
        What else speaks for each.

    Returns
    -------
    numpy.ndarray of float64, shape (c,)
        They sum to less than 1.
    """
    trees, settings = _trees()
    return exclusive(_probabilities(np.ascontiguousarray(terms, np.float32), *trees), odds, **settings)


def exclusive(p, odds, sharpness, none):
    """Return probabilities of candidates of which one is right at the most, from what trees say of each alone."""
    p = np.clip(np.asarray(p, float), 1e-6, 1 - 1e-6)
    weight = (odds * p / (1 - p)) ** sharpness
    return weight / (none + weight.sum())


@cache
def reliability():
    """Return how often the best period was right at each level of trust, among real stars new to the judge.

    Returns
    -------
    pandas.DataFrame
        `set` of stars, `stars` (number), mean `trust`, the share `right` and its 95 % interval `low` to `high`, as
        measured by `tests/benchmarks/recovery.py`.
    """
    with resources.files("scope_nb").joinpath("tables/period_trust.csv").open() as file:
        return pd.read_csv(file)


@cache
def _trees():
    """Read the trees: the arguments of `_probabilities` after the first, and the last two of `exclusive`.

    They are xgboost's, but importing xgboost takes longer than the features of several light curves.
    """
    learner = json.loads(resources.files("scope_nb").joinpath("tables/period_judge.json").read_text())["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    kinds = {"left_children": np.int64, "right_children": np.int64, "split_indices": np.int64}
    kinds |= {"split_conditions": np.float32, "default_left": np.bool_}
    nodes = [np.concatenate([tree[name] for tree in trees]).astype(kind) for name, kind in kinds.items()]
    score = float(learner["learner_model_param"]["base_score"].strip("[]"))
    settings = {name: float(learner["attributes"][name]) for name in ("sharpness", "none")}
    return (math.log(score / (1 - score)), roots, *nodes), settings


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _probabilities(terms, margin, roots, left, right, feature, value, missing_left):
    """Return what the trees say of each row of terms; a leaf has no children, and its `value` counts."""
    out = np.empty(terms.shape[0])
    for i in range(terms.shape[0]):
        total = margin
        for root in roots:
            node = 0
            while left[root + node] >= 0:
                x = terms[i, feature[root + node]]
                goes_left = missing_left[root + node] if np.isnan(x) else x < value[root + node]
                node = left[root + node] if goes_left else right[root + node]
            total += value[root + node]
        out[i] = 1 / (1 + math.exp(-total))
    return out


def _candidates(peaks, width):
    """Return the distinct frequencies to compare, and who proposed them: a search, or half or double of its peak."""
    found = []
    for name, best in peaks.items():
        found += [(freq, name) for freq in best[:PEAKS]]
        found += [(2 * freq, f"half of {name}") for freq in best[:VARIED]]
        found += [(freq / 2, f"double of {name}") for freq in best[:VARIED]]
    kept = []
    for freq, name in sorted(found):
        if freq > width and (not kept or freq - kept[-1][0] > width / 2):
            kept.append((freq, name))
    return np.array([freq for freq, _ in kept]), [name for _, name in kept]


def _with_halves(freqs, proposers, order, width):
    """Return the best candidates by merit, with half and double of the very best, each once."""
    found = [(freqs[i], proposers[i]) for i in order[:BEST]]
    for i in order[:REPEATED]:
        found += [(freqs[i] / 2, _derived("double", "half", proposers[i]))]
        found += [(2 * freqs[i], _derived("half", "double", proposers[i]))]
    kept = []
    for freq, name in found:
        if freq >= width and all(abs(freq - other) >= width for other, _ in kept):
            kept.append((freq, name))
    return np.array([freq for freq, _ in kept]), [name for _, name in kept]


def _derived(what, inverse, proposer):
    """Name the half or double of a candidate; the double of a half is the peak itself."""
    plain = proposer.removeprefix(f"{inverse} of ")
    return plain if plain != proposer else f"{what} of {proposer}"


def _terms(time, mag, weight, freq, peaks, tail):
    """Return the terms of one candidate in the order of `TERMS`; the first four still as they are."""
    n, width = len(time), 1 / time[-1]
    most = max(min(MOST, n // 5), 1)
    chi2, _ = chi2_by_harmonics(time, mag, weight, freq, most)
    gains = np.log(np.maximum(chi2 / max(chi2[0], 1e-300), 1e-9 / n))
    k = np.arange(1, most + 1)
    merits = n * gains[1:] + PRICE * math.log(n) * (2 * k + 1)
    doubted = max(min(DOUBTED, n // 5), 1)
    half, one, double = (merit(time, mag, weight, f, doubted, 1.0) for f in (2 * freq, freq, freq / 2))
    ratio, turn = _shape(chi2_by_harmonics(time, mag, weight, freq, min(3, most))[1])
    odd = _odd_share(chi2_by_harmonics(time, mag, weight, freq / 2, min(4, most))[1])
    left, depths, box = _eclipses(time, mag, weight, freq, BINS)
    eclipse = n * math.log(left) + PRICE * math.log(n) * 6
    near = [_place(peaks[name], freq, width) for name in ("ELS", "ECE", "EAOV")]
    near += [_place(peaks["ELS"], f, width) for f in (2 * freq, freq / 2)]
    return [
        *(
            merits.min(),
            eclipse,
            half - one,
            double - one,
            ratio,
            math.cos(turn),
            math.sin(turn),
            odd,
            tail,
            -math.log10(freq),
        ),
        *(gains[1], gains[min(2, most)], *near, n, freq * time[-1], merits.argmin() + 1, depths, box),
    ]


def _shape(coefficients):
    """Return R_21 and phi_2 - 2 phi_1 of a cosine series of the magnitudes."""
    if len(coefficients) < 5:
        return 0.0, 0.0
    _, a1, b1, a2, b2 = coefficients[:5]
    turn = math.atan2(-b2, a2) - 2 * math.atan2(-b1, a1)
    return math.hypot(a2, b2) / max(math.hypot(a1, b1), 1e-12), turn


def _odd_share(coefficients):
    """Return the share of odd harmonics in a series of up to four."""
    amplitude = np.zeros(4)
    found = np.hypot(coefficients[1::2], coefficients[2::2])
    amplitude[: len(found)] = found
    odd, even = math.hypot(amplitude[0], amplitude[2]), math.hypot(amplitude[1], amplitude[3])
    return odd / (odd + even + 1e-12)


def _place(peaks, freq, width):
    """Return the place of a frequency among the peaks of a search, best 0."""
    near = np.abs(peaks[:KNOWN] - freq) < width
    return float(np.argmax(near)) if near.any() else float(KNOWN)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _eclipses(time, mag, weight, freq, bins):
    """Fit dimmings of box shape: two half a turn apart, and a single one.

    Returns
    -------
    chi square that the best two boxes leave, as a share; their shallower depth over the deeper; the width of the best
    single box in cycles.
    """
    w, s = np.zeros(bins), np.zeros(bins)
    chi2 = 0.0
    for j in range(time.size):
        turns = time[j] * freq
        b = min(int((turns - math.floor(turns)) * bins), bins - 1)
        w[b] += weight[j]
        s[b] += weight[j] * mag[j]
        chi2 += weight[j] * mag[j] * mag[j]
    all_w, all_s = w.sum(), s.sum()
    floor = all_s * all_s / all_w
    chi2 -= floor
    one, two, width, depths = 0.0, 0.0, 0, 0.0
    for size in range(1, bins // 8 + 1):
        for start in range(bins):
            w1 = s1 = w2 = s2 = 0.0
            for i in range(start, start + size):
                w1 += w[i % bins]
                s1 += s[i % bins]
                w2 += w[(i + bins // 2) % bins]
                s2 += s[(i + bins // 2) % bins]
            rest = all_w - w1
            if w1 > 0 and rest > 0 and s1 / w1 > (all_s - s1) / rest:
                gain = s1 * s1 / w1 + (all_s - s1) ** 2 / rest - floor
                if gain > one:
                    one, width = gain, size
            rest -= w2
            if w1 > 0 and w2 > 0 and rest > 0:
                base = (all_s - s1 - s2) / rest
                first, second = s1 / w1 - base, s2 / w2 - base
                gain = s1 * s1 / w1 + s2 * s2 / w2 + base * base * rest - floor
                if first > 0 and second > 0 and gain > two:
                    two, depths = gain, min(first, second) / max(first, second)
    left = 1 - two / chi2 if chi2 > 0 else 1.0
    return max(left, 1e-9), depths, width / bins
