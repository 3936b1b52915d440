"""Scores of probabilities, and their 95 % intervals over stars."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t as student_t


def difference_limits(first, second):
    """Return the ends of the 95 % intervals of the differences between two sets of scores on the same stars.

    By the jackknife: stars are left out of both at once, and Student's distribution has one degree of freedom less
    than there are positive stars. Ranking scores close to 1 hang on few stars even where there are many, and such a
    difference is skewed: there the intervals of both, and how alike the stars move them, give the interval (`_apart`).

    Parameters
    ----------
    first, second : tuples of y, probability, star, threshold
        See `metrics.influences`.

    Returns
    -------
    numpy.ndarray of float, shape (2, len(METRICS))
    """
    y, _, star, _ = first
    n = len(set(star[y == 1]))
    one, two = (np.array(list(scores(y, p, cut).values())) for y, p, _, cut in (first, second))
    moves = [influences(*part) for part in (first, second)]
    half = student(n) * np.sqrt(((moves[1] - moves[0]) ** 2).sum(axis=0)) * n / max(n - 1, 1)
    square = [(m**2).sum(axis=0) for m in moves]
    skewed = np.isin(METRICS, RANKING) & (half > 0) & (one < 1) & (two < 1)
    alike = np.where(skewed, (moves[0] * moves[1]).sum(axis=0) / np.sqrt(np.maximum(square[0] * square[1], 1e-300)), 0)
    own = [np.array(list(intervals(*part).values())).T for part in (first, second)]
    return np.where(skewed, _apart(one, two, *own, alike), [two - one - half, two - one + half])


def mean_difference(pairs):
    """Return the mean difference in F1 over several pairs of classifiers, and the ends of its 95 % interval.

    By the jackknife: a star is left out of all pairs at once, as tags share their stars.

    Parameters
    ----------
    pairs : list of (first, second)
        Each of y, probability, star, threshold, as for `difference_limits`; pairs without a defined F1 do not count.

    Returns
    -------
    difference, low, high : float
        Second minus first.
    """
    found, moved = [], pd.Series(dtype=float)
    for pair in pairs:
        one, two = (scores(y, p, cut)["f1_score"] for y, p, _, cut in pair)
        if np.isfinite(two - one):
            found.append(two - one)
            moves = [influences(*part)[:, METRICS.index("f1_score")] for part in pair]
            moved = moved.add(pd.Series(moves[1] - moves[0], np.unique(pair[0][2])), fill_value=0.0)
    if not found:
        return np.nan, np.nan, np.nan
    half = student((moved != 0).sum()) * np.sqrt((moved**2).sum()) / len(found)
    return np.mean(found), np.mean(found) - np.nan_to_num(half), np.mean(found) + np.nan_to_num(half)


def _apart(a, b, ends_a, ends_b, alike=0.0):
    """Return the interval of b - a from those of two scores and their correlation (Zou & Donner 2008, Stat. Med. 27,
    1693)."""
    below, above = (b - ends_b[0], ends_a[1] - a), (ends_b[1] - b, a - ends_a[0])
    widths = [np.sqrt(np.maximum(p**2 + q**2 - 2 * alike * p * q, 0)) for p, q in (below, above)]
    return b - a - widths[0], b - a + widths[1]


METRICS = (
    *("accuracy", "precision", "recall", "f1_score", "roc_auc", "average_precision", "brier_score"),
    "log_loss",
)


RANKING = ("roc_auc", "average_precision")


LOSSES = ("brier_score", "log_loss")


SMALLEST = 1e-15  # probability, in log losses


_LOSS = np.isin(METRICS, LOSSES)


_WORST = np.where(np.array(METRICS) == "log_loss", -np.log(SMALLEST), 1.0)


def scores(y, probability, threshold=0.5, weight=None):
    """Return the scores of `METRICS`; a probability above `threshold` counts as positive.

    Parameters
    ----------
    y : array-like of int, shape (n,)
    probability : array-like of float, shape (n,)
    threshold : float
    weight : array-like of float, shape (n,), optional
        How often each row counts.

    Returns
    -------
    dict of str to float
        NaN where a score is undefined (no positives, no negatives, nothing predicted positive).
    """
    y, probability = np.asarray(y), np.asarray(probability, float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    order = np.argsort(-probability, kind="stable")
    return dict(zip(METRICS, _scores(y[order], probability[order], weight[order][None], threshold)[0], strict=True))


def intervals(y, probability, star, threshold):
    """Return the 95 % interval of every score: what other stars of the same kind would give.

    Light curves of one star are not independent, so that the interval follows from leaving out star after star
    (`influences`, `jackknife`). A score that moves with no star, a perfect one above all, gets Wilson's interval for as
    many stars as there are positives (for the accuracy, stars in all).

    Returns
    -------
    dict of str to [float, float]
        NaN where a score is undefined.
    """
    y, star = np.asarray(y), np.asarray(star)
    values = np.array(list(scores(y, probability, threshold).values()))
    moves = influences(y, probability, star, threshold)
    n_own = len(set(star[y == 1]))
    centre, shifts = jackknife(values, moves, n_own)
    half = student(n_own) * np.sqrt((shifts**2).sum(axis=0))
    ends = np.array([_back(centre - half), _back(centre + half)])
    for k, metric in enumerate(METRICS):
        if metric not in LOSSES and np.isfinite(values[k]) and not half[k] > 0:
            ends[:, k] = wilson(values[k], len(moves) if metric == "accuracy" else n_own)
    return dict(zip(METRICS, ends.T.tolist(), strict=True))


def jackknife(values, moves, n):
    """Return scores, and the shift of each by leaving out each star, on a scale where they are nearly normal.

    That scale is log odds, and the logarithm for losses. The square root of the sum of squared shifts is the standard
    error. Percentiles of resampled stars are too narrow where a score is close to 1, as it hangs there on the few hard
    stars, which a sample may lack, and where positive stars are few.

    Parameters
    ----------
    values : array-like of float, shape (len(METRICS),)
    moves : array-like of float, shape (n_stars, len(METRICS))
        Of `influences`.
    n : int
        Positive stars.

    Returns
    -------
    centre : numpy.ndarray of float, shape (len(METRICS),)
    shifts : numpy.ndarray of float, shape (n_stars, len(METRICS))
    """
    centre = _there(values)
    shifts = centre - _there(values - moves * n / max(n - 1, 1))
    return centre, np.where(_LOSS, shifts, np.clip(shifts, -1, 1))  # without its only mistake, a score is perfect


def student(n):
    """Return the half width of a 95 % interval in standard errors, for n stars; NaN for one."""
    return student_t.ppf(0.975, n - 1) if n > 1 else np.nan


def _back(scaled):
    """Return scores from the scale of `jackknife`."""
    scaled = np.asarray(scaled, float)
    return np.where(_LOSS, np.exp(np.minimum(scaled, 9.0)).clip(max=_WORST), expit(scaled))  # no overflow


def _there(values):
    bounded = logit(np.clip(values, 1e-6, 1 - 1e-6))
    return np.where(_LOSS, np.log(np.maximum(values, 1e-12)), bounded)


def influences(y, probability, star, threshold):
    """Return how much each star moves each score: the infinitesimal jackknife (Jaeckel 1972; Efron 1982).

    The sum of their squares is the variance that other stars of the same kind would give.

    Parameters
    ----------
    y : array-like of int, shape (n,)
    probability : array-like of float, shape (n,)
    star : array-like of str, shape (n,)
    threshold : float

    Returns
    -------
    numpy.ndarray of float, shape (n_stars, len(METRICS))
        Stars in the order of their names; NaN where a score is undefined.
    """
    y, probability = np.asarray(y), np.asarray(probability, float)
    order = np.argsort(-probability, kind="stable")
    names, owner = np.unique(np.asarray(star)[order], return_inverse=True)
    rows = _row_influences(y[order].astype(float), probability[order], threshold)
    return np.column_stack([np.bincount(owner, row, len(names)) for row in rows])


def _row_influences(y, probability, threshold):
    """Return the derivative of each score by the weight of each row; probabilities are sorted downwards."""
    n, positive = len(y), y.sum()
    negative = n - positive
    accuracy, precision, recall, f1, auc, average_precision, brier, log_loss = _scores(
        y, probability, np.ones((1, n)), threshold
    )[0]
    called = probability > threshold
    tie = np.cumsum(np.append(0, np.diff(probability) != 0))  # the group of equal probabilities of each row
    gain, size = np.bincount(tie, y), np.bincount(tie)
    found, seen = np.cumsum(gain), np.cumsum(size)
    wrong = seen - found
    purity = found / seen
    below = negative - wrong + (size - gain) / 2  # of the negatives, ties by half
    above = found - gain / 2
    later = np.cumsum((gain / seen)[::-1])[::-1]
    weaker = np.cumsum((gain * purity / seen)[::-1])[::-1]
    square, log = (probability - y) ** 2, _log_losses(y, probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            ((called == y) - accuracy) / n,
            called * (y - precision) / called.sum(),
            y * (called - recall) / positive,
            (2 * called * y - f1 * (called + y)) / (called.sum() + positive),
            np.where(y == 1, (below[tie] / negative - auc) / positive, (above[tie] / positive - auc) / negative),
            (y * (purity[tie] + later[tie] - average_precision) - weaker[tie]) / positive,
            (square - brier) / n,
            (log - log_loss) / n,
        )


def resampled_scores(y, probability, star, threshold, n_resamples=1000, seed=0):
    """Return the scores of resampled stars.

    Drawn are the names of the stars: with the same stars and seed, two calls draw the same ones, so that the
    differences between two classifiers are paired.

    Returns
    -------
    numpy.ndarray of float, shape (n_resamples, len(METRICS))
    """
    y, probability = np.asarray(y), np.asarray(probability, float)
    order = np.argsort(-probability, kind="stable")
    names, owner = np.unique(np.asarray(star)[order], return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, n_resamples, 50):  # in blocks: memory stays small for large parts
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), min(50, n_resamples - start))
        drawn.append(_scores(y[order], probability[order], times[:, owner].astype(float), threshold))
    return np.concatenate(drawn)


def wilson(share, n, z=1.96):
    """Return Wilson's 95 % interval of a share among n (1927, J. Am. Stat. Assoc. 22, 209)."""
    if n == 0:
        return np.nan, np.nan
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _scores(y, probability, weight, threshold):
    """Return the scores, shape (b, len(METRICS)), for b sets of weights; probabilities are sorted downwards."""
    end = np.flatnonzero(np.append(np.diff(probability) != 0, True))  # the last row of each run of ties
    tp, fp = np.cumsum(weight * y, axis=1), np.cumsum(weight * (1 - y), axis=1)
    positive, negative = tp[:, -1], fp[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = int(np.sum(probability > threshold))
        hit = tp[:, cut - 1] if cut else np.zeros(len(weight))
        false = fp[:, cut - 1] if cut else np.zeros(len(weight))
        tp, fp = tp[:, end], fp[:, end]
        gain = np.diff(tp, axis=1, prepend=0.0)
        auc = (np.diff(fp, axis=1, prepend=0.0) * (tp - gain / 2)).sum(axis=1) / (positive * negative)
        purity = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
        average_precision = (gain * purity).sum(axis=1) / positive
        total = positive + negative
        accuracy = (hit + negative - false) / total
        f1 = 2 * hit / (hit + false + positive)
        brier = weight @ (probability - y) ** 2 / total
        log_loss = weight @ _log_losses(y, probability) / total
        columns = (accuracy, hit / (hit + false), hit / positive, f1, auc, average_precision, brier, log_loss)
    return np.column_stack(columns)


def _log_losses(y, probability):
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return -np.where(y == 1, np.log(clipped), np.log1p(-clipped))


def number(value):
    """Return a score as text; a dash where it is undefined."""
    return "-" if value is None or not np.isfinite(value) else f"{value:.3f}"


def percent(value):
    """Return a share as text; "none" where it is undefined."""
    return f"{100 * value:.1f} %" if np.isfinite(value) else "none"


def with_interval(value, interval):
    """Return a score and its interval as text: `0.950 (0.930-0.970)`."""
    return f"{number(value)} ({number(interval[0])}-{number(interval[1])})"
