"""Is it better? Two runs on the same test stars, paired; and a run against the published score of its tag."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..scores.metrics import (
    LARGEST_LOSS,
    combine_intervals,
    difference_limits,
    difference_with_interval,
    number,
    resampled_scores,
)
from ..taxonomy import find_tag, published, tags, unknown
from .saved import load_run, require_same

COMPARED = {"f1_score": "F1", "average_precision": "average precision", "log_loss": "log loss"}
FEW_STARS = 10  # fewer positive test stars than this cannot show what other stars would do
TEST_SHARE = 0.1  # of SCoPe's light curves


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison.

    Parameters
    ----------
    a, b : str
        Names of what was compared.
    table : pandas.DataFrame
        One row for each score: `a`, `b`, `difference` (b - a), `low`, `high` (its 95 % interval), and `better`: "a",
        "b" or "" where the interval holds 0.
    verdict : str
        In plain words.
    differences : pandas.DataFrame
        The differences on resampled stars, one column for each score; None beside a published score.
    """

    a: str
    b: str
    table: pd.DataFrame
    verdict: str
    differences: pd.DataFrame | None = field(default=None, repr=False)


def compare(run_a, run_b, reports="", n_resamples=1000, seed=0, any_data=False):
    """Compare two runs on the test stars that they share, each at its own threshold.

    Star after star is left out of both at once, so that what makes a sample of stars easy or hard for both cancels.

    Parameters
    ----------
    run_a, run_b : path-like or Run
        See `load_run`.
    reports : path-like
        Folder of the runs.
    n_resamples, seed : int
        Of the resampled stars that `differences` shows.
    any_data : bool
        Allow different files, such as one table with other features, if rows, stars and labels of the test part are
        the same.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If tags, data or test stars differ; the message says how.
    """
    a, b = load_run(run_a, reports), load_run(run_b, reports)
    require_same(a, b, part="test", any_data=any_data)
    inputs = [run.evaluation.score_input() for run in (a, b)]
    drawn = [resampled_scores(*each, n_resamples, seed) for each in inputs]
    differences = pd.DataFrame({name: getattr(drawn[1], name) - getattr(drawn[0], name) for name in COMPARED})
    stats, limits = [run.evaluation.stats["test"] for run in (a, b)], difference_limits(*inputs)
    table = _compare_scores({name: (stats[0][name], stats[1][name], *limits[name]) for name in COMPARED})
    verdict = _describe(table, a.name, b.name, stats[0]["n_positive_stars"]) + _caution(a)
    return Comparison(a.name, b.name, table, verdict, differences)


def _compare_scores(rows):
    """Return scores and the intervals of their differences (a, b, low, high) as a table that says which is better."""
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["a", "b", "low", "high"]).astype(float)
    table.insert(2, "difference", table["b"] - table["a"])
    loss = table.index.isin(list(LARGEST_LOSS))
    above, below = table["low"] > 0, table["high"] < 0
    table["better"] = np.select([above & ~loss | below & loss, above & loss | below & ~loss], ["b", "a"], "")
    return table


def _describe(table, a, b, stars):
    """Return in words which is better: F1 decides, the other scores are remarks."""
    if stars < FEW_STARS:
        return (
            f"Cannot tell: only {stars} positive test stars, and {FEW_STARS} are the least to judge by. "
            "Compare on more data."
        )
    if (table[["difference", "low", "high"]] == 0).all(axis=None):
        return f"No difference: {a} and {b} score the same on every sample of the test stars."
    names, f1 = {"a": a, "b": b}, table.loc["f1_score"]
    difference = difference_with_interval(f1["difference"], f1[["low", "high"]], ", 95 %")
    if f1["better"]:
        best, other = (b, a) if f1["better"] == "b" else (a, b)
        words = f"{best} is better than {other}: the F1 of {b} differs by {difference}."
    else:
        words = f"No clear difference in F1 between {a} and {b}: that of {b} differs by {difference}."
    for metric, row in table.drop("f1_score").iterrows():
        if row["better"]:
            best, gain = names[row["better"]], number(row["difference"], "+")
            words += f" In {COMPARED[metric]}, {best} is clearly better ({gain})."
    return words


def _caution(run):
    return " The data are simulated: this says nothing about the real sky." if run.simulated else ""


class PublishedCounts(NamedTuple):
    """The test light curves that a published score rests on: positives found and missed, and false positives."""

    true_positives: int
    false_negatives: int
    false_positives: int


def published_counts(tag, algorithm="xgb"):
    """Return how many test light curves the published scores of a tag rest on.

    SCoPe gives shares only. Its test set holds a tenth of the light curves, so about a tenth of the tag's positives;
    of the numbers near that (within four standard deviations) the one is taken that best makes precision and recall of
    both its algorithms fractions of whole numbers.

    Parameters
    ----------
    tag : str
    algorithm : {"dnn", "xgb"}

    Returns
    -------
    PublishedCounts

    Raises
    ------
    ValueError
        If there is no published score of the tag.
    """
    tag = find_tag(tag)
    if algorithm not in ("dnn", "xgb"):
        raise unknown("published algorithm", algorithm, ("dnn", "xgb"))
    if tag not in published().index:
        raise ValueError(f"SCoPe published no scores for {tag!r}; it did for {', '.join(published().index)}")
    expected = TEST_SHARE * tags().loc[tag, "n_scope"]
    spread = 4 * np.sqrt(expected) + 1
    n = np.arange(max(round(expected - spread), 1), round(expected + spread) + 1)
    fits = {name: _fit_counts(n, tag, name) for name in ("dnn", "xgb")}
    misfit = sum(fit["misfit"] for fit in fits.values())
    near = np.flatnonzero(misfit <= misfit.min() + 1e-9)
    k = near[np.argmin(np.abs(n[near] - expected))]
    right, called = int(fits[algorithm]["right"][k]), int(fits[algorithm]["called"][k])
    return PublishedCounts(right, int(n[k]) - right, called - right)


def _fit_counts(n, tag, algorithm):
    """Return, for each number of positives n, the right and the called light curves, and how badly they fit."""
    precision, recall = published().loc[tag, [f"precision_{algorithm}", f"recall_{algorithm}"]]
    right = np.round(recall * n)
    misfit = np.abs(right / n - recall)
    if not np.isfinite(precision):  # nothing was called
        return {"right": right, "called": right, "misfit": misfit}
    called = np.maximum(np.round(right / precision), 1) if precision else np.ones(len(n))
    return {"right": right, "called": called, "misfit": misfit + np.abs(right / called - precision)}


def compare_published(run, algorithm="xgb", reports="", seed=0):
    """Compare the F1 of a run with the published score of its tag.

    Both are uncertain, the run by its test stars (`metrics.intervals`); the published counts of found, missed and
    falsely found light curves (`published_counts`) are drawn from their posterior, a Dirichlet distribution with
    Jeffreys' prior. SCoPe's test set hardly holds two light curves of one star, so these count one by one; but it
    shares stars with SCoPe's training part, which flatters the published score.

    Parameters
    ----------
    run : path-like or Run
    algorithm : {"dnn", "xgb"}
        Whose score.
    reports : path-like
        As for `compare`.
    seed : int
        Of the draws from the posterior.

    Returns
    -------
    Comparison
        `a` is the published classifier.
    """
    run = load_run(run, reports)
    counts = published_counts(run.tag, algorithm)
    drawn = np.random.default_rng(seed).dirichlet(np.array(counts, float) + 0.5, 10_000).T
    low, high = np.percentile(_f1(*drawn), [2.5, 97.5])
    name, test = f"SCoPe's published {algorithm.upper()}", run.evaluation.stats["test"]
    a, b = _f1(*counts), test["f1_score"]
    limits = combine_intervals(a, b, (low, high), test["interval"]["f1_score"])
    table = _compare_scores({"f1_score": (a, b, *limits)}).assign(a_low=low, a_high=high)
    verdict = (
        f"{_describe(table, name, run.name, test['n_positive_stars'])} The published F1 of {number(a)} rests on about "
        f"{counts.true_positives + counts.false_negatives} positive test light curves, so it is known to "
        f"{number(low)}-{number(high)}; it is of SCoPe's own data, split by light curve." + _caution(run)
    )
    return Comparison(name, run.name, table, verdict)


def _f1(right, missed, false):
    return 2 * right / (2 * right + missed + false)
