"""Which candidate is the period? Boosted trees weigh what the searches and the folded light curves say of each.

No single figure decides between a period, its half and its double: the harmonics of a binary with equal minima fit
half its orbit just as well. What decides are shapes, and how often a shape at that period was the right one among
stars of known period, on which `data/period_judge.py` trained the trees. They return a probability, the trust score,
which means nothing for a star that does not vary periodically.
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
from .harmonics import PRICE, chi2_by_harmonics, harmonic_merit, most_harmonics, refine_candidates, robust_weights

TABLES = resources.files("scope_nb") / "tables"
RANKED = 20  # peaks of each search whose rank is a term
PEAKS, VARIED = 5, 3  # of each search: peaks to compare, and those whose half and double are tried too
JUDGED, REPEATED = 8, 4  # by merit: candidates to judge, and those whose half and double are judged too
DOUBLE_HARMONICS = 12  # when a period is compared with its half and its double
ECLIPSE_BINS = 64  # phase bins of the eclipse fit
# what the trees know of a candidate, in the order of their columns; `_terms` says what each is
Terms = namedtuple(
    "Terms",
    "merit eclipse half double r21 cos_phi21 sin_phi21 odd tail log_period gain_1 gain_2 rank_ELS rank_ECE rank_EAOV "
    "rank_half_ELS rank_double_ELS epochs cycles harmonics depths width",
)
# refined frequencies (1/day), who proposed them (the name of a search, or "half of", "double of" one), their `Terms`
Candidates = namedtuple("Candidates", "freqs proposed_by terms")
# boosted trees as flat arrays of nodes, and how their odds become probabilities
_Trees = namedtuple(
    "_Trees",
    "margin roots left_children right_children split_indices split_conditions default_left sharpness none",
)


def compare_candidates(time, mag, err, peaks):
    """Return the `Candidates` of a light curve; `peaks` are the frequencies (1/day) of the peaks of each search."""
    weight = robust_weights(err)
    residual = mag - np.average(mag, weights=weight)
    time = time - time[0]
    proposals = _propose(peaks, 1 / time[-1])
    refined, merits = refine_candidates(time, residual, weight, np.array([freq for freq, _ in proposals]))
    order = np.argsort(merits, kind="stable")
    freqs, proposed_by = zip(*_with_halves([(refined[i], proposals[i][1]) for i in order], 1 / time[-1]), strict=True)
    low, middle, high = np.percentile(mag, [5, 50, 95])
    tail = (high - middle) / max(high - low, 1e-9)
    terms = Terms(*np.array([_terms(time, residual, weight, freq, peaks, tail) for freq in freqs]).T)
    best = terms.merit.min()
    terms = terms._replace(merit=_signed_log(terms.merit - best), eclipse=_signed_log(terms.eclipse - best))
    return Candidates(np.array(freqs), proposed_by, Terms(*(values.astype(np.float32) for values in terms)))


def judge_candidates(terms, odds=1.0):
    """Return the probability of each candidate to be the true period; `odds` are factors from other evidence."""
    trees = _read_trees()
    p = _evaluate_trees(np.column_stack(terms).astype(np.float32), trees)
    return exclusive_probabilities(p, odds, trees.sharpness, trees.none)


def exclusive_probabilities(p, odds, sharpness, none):
    """Return probabilities of candidates of which at most one is right, from those that trees give each alone.

    Their odds are divided by the sum over all candidates and the weight of "none of these", after a power that makes
    them as sharp as they deserve. Power and weight were fitted, like the trees, to stars of known period.
    """
    p = np.clip(np.asarray(p, float), 1e-6, 1 - 1e-6)
    weight = (odds * p / (1 - p)) ** sharpness
    return weight / (none + weight.sum())


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
    score = float(learner["learner_model_param"]["base_score"].strip("[]"))
    settings = {name: float(learner["attributes"][name]) for name in ("sharpness", "none")}
    return _Trees(margin=math.log(score / (1 - score)), roots=roots, **nodes, **settings)


@compiled
def _evaluate_trees(terms, trees):
    """Return the probability that the trees give each row of terms; what counts is the value of a leaf."""
    p = np.empty(terms.shape[0])
    for i in range(terms.shape[0]):
        total = trees.margin
        for root in trees.roots:
            node = root
            while trees.left_children[node] >= 0:
                x = terms[i, trees.split_indices[node]]
                left = trees.default_left[node] if np.isnan(x) else x < trees.split_conditions[node]
                node = root + (trees.left_children[node] if left else trees.right_children[node])
            total += trees.split_conditions[node]
        p[i] = 1 / (1 + math.exp(-total))
    return p


def _propose(peaks, width):
    """Return the distinct frequencies to compare, and who proposed them: a search, or half or double of its peak."""
    proposals = []
    for name, best in peaks.items():
        proposals += [(freq, name) for freq in best[:PEAKS]]
        for freq in best[:VARIED]:
            proposals += _half_and_double(freq, name)
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


def _terms(time, mag, weight, freq, peaks, tail):
    """Return the `Terms` of one candidate; `merit` and `eclipse` are yet to be compared with the best candidate."""
    n, width = len(time), 1 / time[-1]
    most = most_harmonics(n)
    chi2, _ = chi2_by_harmonics(time, mag, weight, freq, most)
    gains = np.log(np.maximum(chi2 / max(chi2[0], 1e-300), 1e-9 / n))
    merits = n * gains[1:] + PRICE * math.log(n) * (2 * np.arange(1, most + 1) + 1)
    more = most_harmonics(n, DOUBLE_HARMONICS)
    half, one, double = (harmonic_merit(time, mag, weight, f, more, 1.0) for f in (2 * freq, freq, freq / 2))
    r21, phi21 = _second_harmonic(chi2_by_harmonics(time, mag, weight, freq, min(3, most))[1])
    left, depths, box = _fit_eclipses(time, mag, weight, freq, ECLIPSE_BINS)
    return Terms(
        merit=merits.min(),  # `harmonic_merit`
        eclipse=n * math.log(left) + PRICE * math.log(n) * 6,  # the same for two boxes half a turn apart
        half=_signed_log(half - one),  # BIC at half the period less BIC at the period, 12 harmonics
        double=_signed_log(double - one),  # BIC at the double less BIC at the period
        r21=r21,  # amplitude of the second harmonic over the first
        cos_phi21=math.cos(phi21),  # 1 for minima narrower than maxima, -1 for steep pulsators
        sin_phi21=math.sin(phi21),  # 0 for a symmetric light curve
        odd=_odd_share(chi2_by_harmonics(time, mag, weight, freq / 2, min(4, most))[1]),
        tail=tail,  # (q95 - q50) / (q95 - q05) of the magnitudes: near 1 for narrow eclipses
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
        depths=depths,  # shallower over deeper of the two boxes
        width=box,  # of the best single box, in cycles
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


@compiled
def _fit_eclipses(time, mag, weight, freq, bins):
    """Fit dimmings of box shape, a single one and two half a turn apart.

    Return the share of chi square that the pair leaves, its shallower depth over the deeper, and the single's width.
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
