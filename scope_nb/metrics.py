"""Scores of probabilities, and their 95 % intervals from resampling stars."""

import numpy as np

METRICS = (
    *("accuracy", "precision", "recall", "f1_score", "roc_auc", "average_precision", "brier_score"),
    "log_loss",
)
LOSSES = ("brier_score", "log_loss")


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


def intervals(y, probability, star, threshold, n_resamples=1000, seed=0):
    """Return the 95 % interval of every score, from resampling stars with replacement.

    Light curves of one star are not independent: whole stars are drawn. Resamples in which a score is undefined do
    not count. A perfect score is perfect in every resample, which says nothing: there the interval is Wilson's for as
    many stars as there are positives (for the accuracy, stars in all).

    Returns
    -------
    dict of str to [float, float]
    """
    y, star = np.asarray(y), np.asarray(star)
    drawn = resampled_scores(y, probability, star, threshold, n_resamples, seed)
    n_stars, n_own = len(set(star)), len(set(star[y == 1]))
    result = {}
    for metric, values in zip(METRICS, drawn.T, strict=True):
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
        if low == high and metric not in LOSSES:
            low, high = wilson(low, n_stars if metric == "accuracy" else n_own)
        result[metric] = [float(low), float(high)]
    return result


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
        clipped = np.clip(probability, 1e-15, 1 - 1e-15)
        log_loss = weight @ -np.where(y == 1, np.log(clipped), np.log1p(-clipped)) / total
        columns = (accuracy, hit / (hit + false), hit / positive, f1, auc, average_precision, brier, log_loss)
    return np.column_stack(columns)


def number(value):
    """Return a score as text; a dash where it is undefined."""
    return "-" if value is None or not np.isfinite(value) else f"{value:.3f}"


def percent(value):
    """Return a share as text; "none" where it is undefined."""
    return f"{100 * value:.1f} %" if np.isfinite(value) else "none"


def with_interval(value, interval):
    """Return a score and its interval as text: `0.950 (0.930-0.970)`."""
    return f"{number(value)} ({number(interval[0])}-{number(interval[1])})"
