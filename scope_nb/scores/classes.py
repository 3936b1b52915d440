"""Scores of single answers, one class for each light curve or star: a confusion matrix, F1 by class and macro F1."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..taxonomy import as_names
from .metrics import SMALLEST, compute_scores, influences, interval_of, with_interval

CLASS_METRICS = ("macro_f1", "balanced_accuracy", "accuracy", "log_loss")
ONE_CLASS_METRICS = ("precision", "recall", "f1_score")


@dataclass(frozen=True, eq=False)
class ClassScores:
    """How good single answers are.

    Attributes
    ----------
    counts : pandas.DataFrame
        The confusion matrix: a row for each true class, a column for each answer.
    stats : dict
        `macro_f1` and `balanced_accuracy` (means of F1 and recall over the true classes), `accuracy` (the share of
        right answers), `log_loss` (NaN without probabilities), `n`, `n_stars`, and `interval`, the 95 % interval of
        each score over stars.
    by_class : dict of dict
        Of each true class `precision` (NaN if it is never the answer), `recall`, `f1_score`, and the same counts and
        intervals.
    predictions : pandas.DataFrame, optional
        Of `evaluate`: `row`, `star`, `part`, `truth`, `answer` and the probability of each class, of all parts.
    """

    counts: pd.DataFrame
    stats: dict = field(repr=False)
    by_class: dict = field(repr=False)
    predictions: pd.DataFrame | None = None

    def __repr__(self):
        macro, right = (with_interval(self.stats[m], self.stats["interval"][m]) for m in ("macro_f1", "accuracy"))
        return f"Scores of {len(self.by_class)} classes: macro F1 {macro}, right {right} of {self.stats['n']:,}"

    def texts(self):
        """Return the scores over all classes with their intervals as text, by name."""
        return {metric: with_interval(self.stats[metric], self.stats["interval"][metric]) for metric in CLASS_METRICS}

    def table(self):
        """Return the scores of each class with their intervals as text, a row for each class."""
        rows = {}
        for name, stats in self.by_class.items():
            rows[name] = {"n": stats["n"], "stars": stats["n_stars"]}
            rows[name] |= {m: with_interval(stats[m], stats["interval"][m]) for m in ONE_CLASS_METRICS}
        return pd.DataFrame.from_dict(rows, orient="index")


def score_classes(truth, answer, star=None):
    """Return the `ClassScores` of single answers.

    Parameters
    ----------
    truth : array-like of str, shape (n,)
    answer : array-like of str, shape (n,), or pandas.DataFrame, shape (n, number of classes)
        Names of classes, or their probabilities, of which the largest is the answer. An answer that is no true class
        of any row, such as "don't know", is wrong.
    star : array-like, shape (n,), optional
        The star of each row, by default each its own.

    Raises
    ------
    ValueError
        Lengths differ, a name is missing, or probabilities do not add up to 1 or lack a true class.
    """
    truth, losses, order = as_names(truth).to_numpy(), None, []
    star = np.arange(len(truth)) if star is None else np.asarray(star)
    if not len(truth) or not len(truth) == len(answer) == len(star):
        raise ValueError(f"there are {len(truth)} true classes, {len(answer)} answers and {len(star)} stars")
    if isinstance(answer, pd.DataFrame):
        order = list(answer.columns)
        losses, answer = _log_losses(truth, answer), answer.columns[answer.to_numpy().argmax(axis=1)]
    answer = as_names(answer).to_numpy()
    for kind, names in (("true class", truth), ("answer", answer)):
        if (missing := names == "").any():
            raise ValueError(f"{missing.sum()} rows have no {kind}, first row {missing.argmax()}: leave such rows out")
    counts, by_class, moves = _count_answers(truth, answer, order), {}, []
    for name in counts.index:
        by_class[name], moved = _score_class(truth == name, answer == name, star)
        moves.append(moved)
    stats = {"n": len(truth), "n_stars": len(set(star)), "log_loss": np.nan}
    stats["interval"] = ends = {"log_loss": [np.nan, np.nan]}
    for metric, rows in (("accuracy", truth == answer), ("log_loss", losses)):
        if rows is not None:
            stats[metric] = rows.mean()
            moved = np.bincount(np.unique(star, return_inverse=True)[1], (rows - rows.mean()) / len(rows))
            ends[metric] = interval_of(metric, rows.mean(), moved, len(moved))
    for metric, one in (("macro_f1", "f1_score"), ("balanced_accuracy", "recall")):
        stats[metric], ends[metric] = _mean_score(one, list(by_class.values()), moves)
    return ClassScores(counts, stats, by_class)


def _count_answers(truth, answer, order):
    """Return the confusion matrix, its classes in an order as far as that has them; other answers come last."""
    order = [*order, *sorted({*truth, *answer} - {*order})]
    classes = [name for name in order if name in set(truth)]
    others = [name for name in order if name in set(answer) - set(truth)]
    counts = pd.crosstab(truth, answer).reindex(index=classes, columns=[*classes, *others], fill_value=0)
    return counts.rename_axis(index="truth", columns="answer")


def _log_losses(truth, probability):
    """Return minus the logarithm of the probability of each row's true class."""
    if missing := sorted(set(truth) - set(probability)):
        raise ValueError(f"there are no probabilities of the true classes {', '.join(missing)}")
    if (wrong := ~(np.abs(probability.sum(axis=1, skipna=False) - 1) < 0.01).to_numpy()).any():
        raise ValueError(f"the probabilities of {wrong.sum()} rows do not add up to 1, first row {wrong.argmax()}")
    values = probability.to_numpy(float)[np.arange(len(truth)), probability.columns.get_indexer(truth)]
    return -np.log(np.clip(values, SMALLEST, 1))


def _score_class(true, answered, star):
    """Return the scores of one class against all others, and how much each star moves them."""
    part = true.astype(int), answered.astype(float), star, 0.5
    n_stars = len(set(star[true]))
    values, moves = compute_scores(*part[:2]), influences(*part)
    stats = {"n": int(true.sum()), "n_stars": n_stars, "interval": {}}
    for metric in ONE_CLASS_METRICS:
        stats[metric] = values[metric]
        stats["interval"][metric] = interval_of(metric, values[metric], getattr(moves, metric), n_stars)
    return stats, moves


def _mean_score(metric, stats, moves):
    """Return the mean of a score over classes, and its interval from theirs and from how alike stars move them.

    After Zou & Donner (2008, Stat. Med. 27, 1693): so a class that is perfect on few stars widens it as it should.
    """
    values = np.array([part[metric] for part in stats])
    ends = np.array([part["interval"][metric] for part in stats])
    moves = np.array([getattr(move, metric) for move in moves])
    size = np.sqrt((moves**2).sum(axis=1))
    alike = moves @ moves.T / np.maximum(np.outer(size, size), 1e-300)
    np.fill_diagonal(alike, 1.0)
    below, above = (np.sqrt(max(gap @ alike @ gap, 0.0)) / len(values) for gap in np.abs(ends.T - values))
    return values.mean(), [values.mean() - below, values.mean() + above]
