"""Scores of probabilities, and their 95 % intervals over stars."""

from collections import namedtuple
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t as student

METRICS = ("accuracy", "precision", "recall", "f1_score", "roc_auc", "average_precision", "brier_score", "log_loss")
SMALLEST = 1e-15  # probability, in log losses
LARGEST_LOSS = {"brier_score": 1.0, "log_loss": -np.log(SMALLEST)}
Scores = namedtuple("Scores", METRICS)  # of arrays, one for each score


class ScoreInput(NamedTuple):
    """Labels, probabilities and stars of n light curves, and the threshold above which a probability is positive."""

    y: np.ndarray
    probability: np.ndarray
    star: np.ndarray
    threshold: float

    @classmethod
    def from_frame(cls, frame, threshold):
        """Return the input of predictions, see `Evaluation`."""
        return cls(*(frame[name].to_numpy() for name in ("y", "probability", "star")), threshold)


def compute_scores(y, probability, threshold=0.5, weight=None):
    """Return the scores of light curves by name, NaN where one is undefined; each counts `weight` times (once)."""
    y, probability = np.asarray(y), np.asarray(probability, float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    order = np.argsort(-probability, kind="stable")
    values = weighted_scores(y[order], probability[order], weight[order][None], threshold)
    return {metric: value[0] for metric, value in values._asdict().items()}


def weighted_scores(y, probability, weight, threshold):
    """Return `Scores` of arrays, shape (b,), for weights of shape (b, n); probabilities are sorted downwards."""
    end = np.flatnonzero(np.append(np.diff(probability) != 0, True))  # the last row of each run of ties
    tp, fp = np.cumsum(weight * y, axis=1), np.cumsum(weight * (1 - y), axis=1)
    positive, negative = tp[:, -1], fp[:, -1]
    total = positive + negative
    cut = np.sum(probability > threshold)
    hit, false = (count[:, cut - 1] if cut else np.zeros(len(weight)) for count in (tp, fp))
    tp, fp = tp[:, end], fp[:, end]
    gain = np.diff(tp, axis=1, prepend=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        purity = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
        return Scores(
            accuracy=(hit + negative - false) / total,
            precision=hit / (hit + false),
            recall=hit / positive,
            f1_score=2 * hit / (hit + false + positive),
            roc_auc=(np.diff(fp, axis=1, prepend=0.0) * (tp - gain / 2)).sum(axis=1) / (positive * negative),
            average_precision=(gain * purity).sum(axis=1) / positive,
            brier_score=weight @ (probability - y) ** 2 / total,
            log_loss=weight @ _log_losses(y, probability) / total,
        )


def _log_losses(y, probability):
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return -np.where(y == 1, np.log(clipped), np.log1p(-clipped))


def intervals(y, probability, star, threshold):
    """Return the 95 % interval of every score by name: what other stars of the same kind would give.

    Light curves of one star are not independent, so that the interval follows from leaving out star after star
    (`influences`). A score that moves with no star, a perfect one above all, gets Wilson's interval for as many stars
    as there are positives (for the accuracy, stars in all). Both ends are NaN where a score is undefined.
    """
    y, star = np.asarray(y), np.asarray(star)
    values, moves = compute_scores(y, probability, threshold), influences(y, probability, star, threshold)
    n = len(set(star[y == 1]))
    return {metric: interval_of(metric, values[metric], getattr(moves, metric), n) for metric in METRICS}


def interval_of(metric, value, moves, n):
    """Return the interval of one score from its influences and the number n of positive stars.

    It is found on a scale where a score is nearly normal, the log odds, for losses the logarithm. Percentiles of
    resampled stars are too narrow where a score is close to 1, as it hangs there on the few hard stars, which a sample
    may lack, and where positive stars are few.
    """
    loss = metric in LARGEST_LOSS
    centre = _scale(value, loss)
    shifts = centre - _scale(value - moves * n / max(n - 1, 1), loss)
    if not loss:
        shifts = np.clip(shifts, -1, 1)  # without its only mistake, a score is perfect
    half = student.ppf(0.975, n - 1) * np.sqrt(_sum(shifts**2))
    if loss:
        ends = np.exp(np.minimum([centre - half, centre + half], 9.0)).clip(max=LARGEST_LOSS[metric])  # no overflow
    elif half > 0 or not np.isfinite(value):
        ends = expit([centre - half, centre + half])
    else:
        ends = wilson(value, len(moves) if metric == "accuracy" else n)
    return [float(end) for end in ends]


def _scale(value, loss):
    return np.log(np.maximum(value, 1e-12)) if loss else logit(np.clip(value, 1e-6, 1 - 1e-6))


def _sum(values):
    """Return the sum in the order of the stars: that of `numpy.sum` differs in the last bit with the memory layout."""
    return np.cumsum(values)[-1]


def wilson(share, n):
    """Return Wilson's 95 % interval of a share among n (1927, J. Am. Stat. Assoc. 22, 209)."""
    if n == 0:
        return np.nan, np.nan
    z = 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def influences(y, probability, star, threshold):
    """Return how much each star moves each score: the infinitesimal jackknife (Jaeckel 1972; Efron 1982).

    The sum of their squares is the variance that other stars of the same kind would give. They are `Scores` of arrays,
    shape (n_stars,), in the order of the stars' names.
    """
    y, probability, owner = _sort(y, probability, star)
    n, positive = len(y), y.sum()
    negative = n - positive
    now = Scores(**compute_scores(y, probability, threshold))
    called = probability > threshold
    tie = np.cumsum(np.append(0, np.diff(probability) != 0))  # the group of equal probabilities of each row
    gain, size = np.bincount(tie, y), np.bincount(tie)
    right, reached = np.cumsum(gain), np.cumsum(size)
    purity = right / reached
    later = np.cumsum((gain / reached)[::-1])[::-1]
    weaker = np.cumsum((gain * purity / reached)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (negative - (reached - right) + (size - gain) / 2) / negative  # share of the negatives, ties by half
        above = (right - gain / 2) / positive
        rows = Scores(  # the derivative of each score by the weight of each row
            accuracy=((called == y) - now.accuracy) / n,
            precision=called * (y - now.precision) / called.sum(),
            recall=y * (called - now.recall) / positive,
            f1_score=(2 * called * y - now.f1_score * (called + y)) / (called.sum() + positive),
            roc_auc=np.where(y == 1, (below - now.roc_auc)[tie] / positive, (above - now.roc_auc)[tie] / negative),
            average_precision=(y * (purity[tie] + later[tie] - now.average_precision) - weaker[tie]) / positive,
            brier_score=((probability - y) ** 2 - now.brier_score) / n,
            log_loss=(_log_losses(y, probability) - now.log_loss) / n,
        )
    return Scores(*(np.bincount(owner, row) for row in rows))


def _sort(y, probability, star):
    """Return labels, probabilities (sorted downwards) and the number of the star of each row."""
    order = np.argsort(-probability, kind="stable")
    return y[order], probability[order], np.unique(star[order], return_inverse=True)[1]


def resampled_scores(y, probability, star, threshold, n_resamples, seed):
    """Return `Scores` of resampled stars, arrays of shape (n_resamples,).

    With the same stars and seed, two calls draw the same ones: the differences between two classifiers are paired.
    """
    y, probability, owner = _sort(y, probability, star)
    n_stars = owner.max() + 1
    rng, blocks = np.random.default_rng(seed), []
    for start in range(0, n_resamples, 50):  # in blocks: memory stays small for large parts
        times = rng.multinomial(n_stars, np.full(n_stars, 1 / n_stars), min(50, n_resamples - start))
        blocks.append(weighted_scores(y, probability, times[:, owner].astype(float), threshold))
    return Scores(*map(np.concatenate, zip(*blocks, strict=True)))


def difference_limits(first, second):
    """Return by name the 95 % interval of the difference in each score between two `ScoreInput`s of the same stars.

    By the jackknife: stars are left out of both at once, and Student's distribution has one degree of freedom less
    than there are positive stars. Ranking scores close to 1 hang on few stars even where there are many, and such a
    difference is skewed: there the intervals of both, and how alike the stars move them, give the interval
    (`combine_intervals`).
    """
    n = len(set(first.star[first.y == 1]))
    values = [compute_scores(part.y, part.probability, part.threshold) for part in (first, second)]
    moves = [influences(*part) for part in (first, second)]
    limits = {}
    for metric in METRICS:
        one, two = (value[metric] for value in values)
        before, after = (getattr(move, metric) for move in moves)
        half = student.ppf(0.975, n - 1) * np.sqrt(_sum((after - before) ** 2)) * n / max(n - 1, 1)
        if metric in ("roc_auc", "average_precision") and half > 0 and one < 1 and two < 1:
            alike = _sum(before * after) / np.sqrt(max(_sum(before**2) * _sum(after**2), 1e-300))
            ends = interval_of(metric, one, before, n), interval_of(metric, two, after, n)
            limits[metric] = combine_intervals(one, two, *ends, alike)
        else:
            limits[metric] = (two - one - half, two - one + half)
    return limits


def combine_intervals(a, b, ends_a, ends_b, correlation=0.0):
    """Return the interval of b - a from those of a and b (Zou & Donner 2008, Stat. Med. 27, 1693)."""
    pairs = (b - ends_b[0], ends_a[1] - a), (ends_b[1] - b, a - ends_a[0])
    below, above = (np.sqrt(max(p * p + q * q - 2 * correlation * p * q, 0)) for p, q in pairs)
    return b - a - below, b - a + above


def mean_difference(pairs):
    """Return the mean `difference` in F1 (second - first) over pairs of `ScoreInput`s, and its interval, `low`, `high`.

    By the jackknife: a star is left out of all pairs at once, as tags share their stars. Undefined F1 do not count.
    """
    differences, moved = [], pd.Series(dtype=float)
    for pair in pairs:
        one, two = (compute_scores(part.y, part.probability, part.threshold)["f1_score"] for part in pair)
        if np.isfinite(two - one):
            differences.append(two - one)
            before, after = (influences(*part).f1_score for part in pair)
            moved = moved.add(pd.Series(after - before, np.unique(pair[0].star)), fill_value=0.0)
    if not differences:
        return dict.fromkeys(("difference", "low", "high"), np.nan)
    mean = np.mean(differences)
    half = np.nan_to_num(student.ppf(0.975, (moved != 0).sum() - 1) * np.sqrt((moved**2).sum()) / len(differences))
    return {"difference": mean, "low": mean - half, "high": mean + half}


def number(value, sign=""):
    """Return a score as text, with `sign="+"` a difference; a dash where it is undefined."""
    return "-" if value is None or not np.isfinite(value) else f"{value:{sign}.3f}"


def percent(value):
    """Return a share as text; "none" where it is undefined."""
    return f"{100 * value:.1f} %" if np.isfinite(value) else "none"


def with_interval(value, interval):
    """Return a score and its interval as text: `0.950 (0.930-0.970)`."""
    low, high = interval
    return f"{number(value)} ({number(low)}-{number(high)})"


def difference_with_interval(value, interval, level=""):
    """Return a difference and its interval as text: `+0.010 (-0.005 to +0.025)`; `level` stands behind these."""
    low, high = (number(end, "+") for end in interval)
    return f"{number(value, '+')} ({low} to {high}{level})"
