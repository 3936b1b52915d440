"""Which candidate is the period? Boosted trees weigh what the searches and the folded light curves say of each.

No single figure decides between a period, its half and its double: the harmonics of a binary with equal minima fit
half its orbit just as well. What decides are shapes, and how often a shape at that period was the right one among
stars of known period, on which `data/period_judge.py` trained the trees, so that the right one of a star's candidates
stands out from the others. They return a probability, the trust score, which means nothing for a star that does not
vary periodically.
"""

import json
import math
from collections import namedtuple
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from ..compiled import compiled
from ..lightcurves.curves import offsets_of
from .bands import align_bands
from .eclipses import BINS, eclipse_merit, fit_boxes, refine_eclipses
from .harmonics import (
    PRICE,
    chi2_by_harmonics,
    frequency_error,
    harmonic_merit,
    most_harmonics,
    refine_candidates,
    robust_weights,
)

TABLES = resources.files("scope_nb") / "tables"
RANKED = 20  # peaks of each search whose rank is a term
PEAKS, VARIED = 5, 3  # of each search: peaks to compare, and those whose half and double are tried too
JUDGED, REPEATED = 10, 4  # by merit: candidates to judge, and those whose half and double are judged too
DOUBLE_HARMONICS = 12  # when a period is compared with its half and its double
REFINED = 8  # steps in which the peak of an eclipse search is refined, on either side
# what the trees know of a candidate, in the order of their columns; `_terms` says what each is
Terms = namedtuple(
    "Terms",
    "merit eclipse half double r21 cos_phi21 sin_phi21 odd tail log_period gain_1 gain_2 rank_ELS rank_ECE rank_EAOV "
    "rank_half_ELS rank_double_ELS epochs cycles harmonics depths width rank_BLS rank_half_BLS rank_double_BLS free "
    "apart window window_double alias sum_alias fast slow noise amplitude "
    "unequal double_unequal half_boxes double_boxes",
)
# refined frequencies (1/day), who proposed them (the name of a search, or "half of", "double of" one), their `Terms`
Candidates = namedtuple("Candidates", "freqs proposed_by terms")
# boosted trees as flat arrays of nodes
_Trees = namedtuple(
    "_Trees",
    "roots left_children right_children split_indices split_conditions default_left",
)


def compare_candidates(time, mag, err, peaks, bands=None):
    """Return the `Candidates` of a light curve; `peaks` are the frequencies (1/day) of the peaks of each search.

    `bands` are time, mag, err and band as observed, if they are of several.
    """
    width, of_all = 1 / np.ptp(time), _curve_terms(time, mag, err)
    epochs = _Epochs(time, mag, err, bands)
    freqs, proposed_by = zip(*_with_halves(_propose_all(epochs, peaks, width), width), strict=True)
    terms = Terms(*np.array([_terms(*epochs.at(freq), freq, peaks, of_all) for freq in freqs]).T)
    best = min(terms.merit.min(), terms.eclipse.min())
    terms = terms._replace(merit=_signed_log(terms.merit - best), eclipse=_signed_log(terms.eclipse - best))
    return Candidates(np.array(freqs), proposed_by, Terms(*(values.astype(np.float32) for values in terms)))


class _Epochs:
    """The epochs of a light curve, or of several bands as they are joined at a frequency."""

    def __init__(self, time, mag, err, bands):
        self.time, self.bands = time - time[0], bands
        weight = robust_weights(err)
        self.weight = weight / weight.sum()
        self.mag = mag - self.weight @ mag

    def at(self, freq):
        """Return times from 0 on, magnitudes with mean 0 and weights with sum 1."""
        if self.bands is None:
            return self.time, self.mag, self.weight
        return self.time, *align_bands(self.time, *self.bands[1:], freq)


def period_error(time, mag, err, period, bands=None):
    """Return the standard error (days) of a period, taking for granted that it is the right peak.

    That of the harmonic series (`harmonics.frequency_error`), and the steps in which candidates are refined.
    """
    freq = 1 / period
    epochs = _Epochs(time, mag, err, bands).at(freq)
    step = 1 / (64 * np.ptp(time))
    return float(math.hypot(frequency_error(*epochs, freq), step / math.sqrt(12)) * period**2)


def _propose_all(epochs, peaks, width):
    """Return refined frequencies and who proposed them, best first."""
    ranked = []
    for freq, name in _propose({name: best for name, best in peaks.items() if name != "BLS"}, width):
        joined = epochs.at(freq)
        (refined,), (merit,) = refine_candidates(*joined, np.array([freq]))
        ranked.append((min(merit, _box_merit(*joined, refined)), refined, name))
    for freq, name in _propose({"BLS": peaks["BLS"]}, width):
        joined = epochs.at(freq)
        (refined,) = refine_eclipses(*joined, np.array([freq]), 0.1 * width, REFINED)
        ranked.append((_box_merit(*joined, refined), refined, name))
    return [(freq, name) for _, freq, name in sorted(ranked)]


def _box_merit(time, mag, weight, freq):
    return eclipse_merit(fit_boxes(time, mag, weight, freq), len(time))


def _curve_terms(time, mag, err):
    """Return the terms that all candidates of a light curve share: `tail`, `fast`, `slow` and `noise`."""
    low, middle, high = np.percentile(mag, [5, 50, 95])
    spread = max(mag.std(), 1e-9)
    terms = {"tail": (high - middle) / max(high - low, 1e-9), "noise": math.log10(max(np.median(err) / spread, 1e-9))}
    for name, least, most in (("fast", 0.0, 1.5), ("slow", 5.0, 20.0)):
        later = np.searchsorted(time, time + least, side="right")
        later, first = later[later < len(time)], np.flatnonzero(later < len(time))
        near = time[later] - time[first] <= most
        steps = (mag[later] - mag[first])[near]
        terms[name] = math.log10(max(np.sqrt((steps**2).mean() / 2) / spread, 1e-9)) if len(steps) >= 10 else math.nan
    return terms


@compiled
def _window(time, freq):
    """Return the height of the spectral window of the epochs at a frequency, 0 to 1."""
    c, s = 0.0, 0.0
    for t in time:
        turns = t * freq
        angle = 2 * math.pi * (turns - math.floor(turns))
        c += math.cos(angle)
        s += math.sin(angle)
    return (c * c + s * s) / (time.size * time.size)


def judge_candidates(terms, odds=1.0):
    """Return the probability of each candidate to be the true period; `odds` are factors from other evidence."""
    margins = _evaluate_trees(np.column_stack(terms).astype(np.float32), _read_trees())
    return exclusive_probabilities(margins + np.log(odds))


def exclusive_probabilities(margins):
    """Return the probabilities of candidates of which at most one is right; the margin of "none of these" is 0."""
    highest = max(margins.max(), 0.0)
    weight = np.exp(margins - highest)
    return weight / (math.exp(-highest) + weight.sum())


@cache
def measured_trust():
    """Return how often the best period was right at each level of trust, among real stars new to the judge.

    A DataFrame of `set` of stars, `stars` (number), mean `trust`, the share `right` and its 95 % interval `low` to
    `high`, made by `tests/benchmarks/recovery.py`.
    """
    return pd.read_csv(TABLES / "period_trust.csv")


@cache
def _read_trees():
    """Read the trees. They are xgboost's, whose import takes longer than the features of several light curves."""
    learner = json.loads((TABLES / "period_judge.json").read_text(encoding="utf-8"))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    kinds = dict.fromkeys(("left_children", "right_children", "split_indices"), np.int64)
    kinds |= {"split_conditions": np.float32, "default_left": np.bool_}
    nodes = {name: np.concatenate([tree[name] for tree in trees]).astype(kind) for name, kind in kinds.items()}
    roots = offsets_of([len(tree["left_children"]) for tree in trees])[:-1]
    return _Trees(roots=roots, **nodes)


@compiled
def _evaluate_trees(terms, trees):
    """Return the sum of all trees for each row of terms; what counts is the value of a leaf."""
    margins = np.empty(terms.shape[0])
    for i in range(terms.shape[0]):
        total = 0.0
        for root in trees.roots:
            node = root
            while trees.left_children[node] >= 0:
                x = terms[i, trees.split_indices[node]]
                left = trees.default_left[node] if np.isnan(x) else x < trees.split_conditions[node]
                node = root + (trees.left_children[node] if left else trees.right_children[node])
            total += trees.split_conditions[node]
        margins[i] = total
    return margins


def _propose(peaks, width):
    """Return the distinct frequencies to compare, and who proposed them: a search, or a multiple of its peak."""
    proposals = []
    for name, best in peaks.items():
        proposals += [(freq, name) for freq in best[:PEAKS]]
        for freq in best[:VARIED]:
            proposals += _half_and_double(freq, name)
            if name == "BLS":  # a box at a third of the orbit, or at three orbits, catches every eclipse as well
                proposals += [(freq / 3, f"triple of {name}"), (3 * freq, f"third of {name}")]
    distinct = []
    for freq, name in sorted(proposals):
        if freq > width and (not distinct or freq - distinct[-1][0] > width / 2):
            distinct.append((freq, name))
    return distinct


def _with_halves(proposals, width):
    """Return the best candidates of a ranked list, with half and double of the very best, each once."""
    varied = proposals[:JUDGED]
    for freq, name in proposals[:REPEATED]:
        varied += _half_and_double(freq, name)
    distinct = []
    for freq, name in varied:
        if freq >= width and all(abs(freq - other) >= width for other, _ in distinct):
            distinct.append((freq, name))
    return distinct


def _half_and_double(freq, name):
    """Return the double and the half of a period, each as frequency and name; the double of a half is the peak."""
    double = name.removeprefix("half of ") if name.startswith("half of ") else f"double of {name}"
    half = name.removeprefix("double of ") if name.startswith("double of ") else f"half of {name}"
    return [(freq / 2, double), (2 * freq, half)]


def _signed_log(values):
    return np.sign(values) * np.log1p(np.abs(values))


def _terms(time, mag, weight, freq, peaks, of_all):
    """Return the `Terms` of one candidate; `merit` and `eclipse` are yet to be compared with the best candidate."""
    n, width = len(time), 1 / time[-1]
    most = most_harmonics(n)
    chi2, _ = chi2_by_harmonics(time, mag, weight, freq, most)
    gains = np.log(np.maximum(chi2 / max(chi2[0], 1e-300), 1e-9 / n))
    merits = n * gains[1:] + PRICE * math.log(n) * (2 * np.arange(1, most + 1) + 1)
    more = most_harmonics(n, DOUBLE_HARMONICS)
    half, one, double = (harmonic_merit(time, mag, weight, f, more, 1.0) for f in (2 * freq, freq, freq / 2))
    series = chi2_by_harmonics(time, mag, weight, freq, min(3, most))[1]
    r21, phi21 = _second_harmonic(series)
    boxes, at_half, at_double = (fit_boxes(time, mag, weight, f) for f in (freq, 2 * freq, freq / 2))
    strongest = peaks["ELS"][0]
    return Terms(
        merit=merits.min(),  # `harmonic_merit`
        eclipse=n * math.log(boxes.left) + PRICE * math.log(n) * 6,  # the same for two boxes half a turn apart
        half=_signed_log(half - one),  # BIC at half the period less BIC at the period, 12 harmonics
        double=_signed_log(double - one),  # BIC at the double less BIC at the period
        r21=r21,  # amplitude of the second harmonic over the first
        cos_phi21=math.cos(phi21),  # 1 for minima narrower than maxima, -1 for steep pulsators
        sin_phi21=math.sin(phi21),  # 0 for a symmetric light curve
        odd=_odd_share(chi2_by_harmonics(time, mag, weight, freq / 2, min(4, most))[1]),
        log_period=-math.log10(freq),
        gain_1=gains[1],  # log(chi2_1 / chi2_0)
        gain_2=gains[min(2, most)],
        rank_ELS=_rank(peaks["ELS"], freq, width),
        rank_ECE=_rank(peaks["ECE"], freq, width),
        rank_EAOV=_rank(peaks["EAOV"], freq, width),
        rank_half_ELS=_rank(peaks["ELS"], 2 * freq, width),
        rank_double_ELS=_rank(peaks["ELS"], freq / 2, width),
        epochs=n,
        cycles=freq * time[-1],
        harmonics=merits.argmin() + 1,
        depths=boxes.depths,  # shallower over deeper of the two boxes
        width=boxes.width / BINS,  # of the best single box, in cycles
        rank_BLS=_rank(peaks["BLS"], freq, width),
        rank_half_BLS=_rank(peaks["BLS"], 2 * freq, width),
        rank_double_BLS=_rank(peaks["BLS"], freq / 2, width),
        free=n * math.log(boxes.left_free / boxes.left),  # what a second eclipse at any phase brings
        apart=(boxes.second - boxes.first) % BINS / BINS,  # the phase of that second eclipse
        window=_window(time, freq),
        window_double=_window(time, freq / 2),
        alias=_window(time, freq - strongest) if abs(freq - strongest) > width else math.nan,
        sum_alias=_window(time, freq + strongest),
        amplitude=math.log10(max(math.hypot(*series[1:]), 1e-9)),  # of the series, mag
        unequal=math.log1p(boxes.unequal),  # difference of the depths in standard errors
        double_unequal=math.log1p(at_double.unequal),  # the same at the double: alternate eclipses that differ
        half_boxes=_signed_log(n * math.log(at_half.left / boxes.left)),
        double_boxes=_signed_log(n * math.log(at_double.left / boxes.left)),
        **of_all,
    )


def _second_harmonic(coefficients):
    """Return R_21 and phi_2 - 2 phi_1 of a cosine series of the magnitudes."""
    if len(coefficients) < 5:
        return 0.0, 0.0
    _, a1, b1, a2, b2 = coefficients[:5]
    phi21 = math.atan2(-b2, a2) - 2 * math.atan2(-b1, a1)
    return math.hypot(a2, b2) / max(math.hypot(a1, b1), 1e-12), phi21


def _odd_share(coefficients):
    """Return the share of odd harmonics in a series of up to four, at the double: how much alternate cycles differ."""
    amplitude = np.hypot(coefficients[1::2], coefficients[2::2])
    odd, even = math.hypot(*amplitude[::2]), math.hypot(*amplitude[1::2])
    return odd / (odd + even + 1e-12)


def _rank(peaks, freq, width):
    """Return the place of a frequency among the peaks of a search, best 0."""
    near = np.abs(peaks[:RANKED] - freq) < width
    return float(np.argmax(near)) if near.any() else float(RANKED)
