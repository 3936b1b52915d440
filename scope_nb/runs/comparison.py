"""Is it better? Two runs on the same test stars, paired; and a run against the published score of its tag."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..scores.metrics import LOSSES, METRICS, _apart, difference_limits, number, resampled_scores, scores
from ..taxonomy import find_tag, published, tags, unknown
from .saved import load_run, require_same

COMPARED = ("f1_score", "average_precision", "log_loss")


_COMPARED = [METRICS.index(metric) for metric in COMPARED]


WORDS = {"f1_score": "F1", "average_precision": "average precision", "log_loss": "log loss"}


FEW_STARS = 10  # fewer positive test stars than this cannot show what other stars would do


TEST_SHARE = 0.1  # of SCoPe's light curves


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

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
        See `runs.load_run`.
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
    parts = [judged(run) for run in (a, b)]
    drawn = [resampled_scores(*part, n_resamples, seed)[:, _COMPARED] for part in parts]
    values = [np.array(list(scores(y, p, cut).values())) for y, p, _, cut in parts]
    stars = a.evaluation.stats["test"]["n_positive_stars"]
    ends = difference_limits(*parts)[:, _COMPARED]
    table = _table(*(v[_COMPARED] for v in values), *ends)
    verdict = _verdict(table, a.name, b.name, stars) + _caution(a)
    differences = pd.DataFrame(drawn[1] - drawn[0], columns=list(COMPARED))
    return Comparison(a.name, b.name, table, verdict, differences)


def judged(run):
    """Return labels, probabilities and stars of the test part of a run, and its threshold."""
    test = run.evaluation.part("test")
    return (*(test[name].to_numpy() for name in ("y", "probability", "star")), run.evaluation.threshold)


def _table(a, b, low, high):
    """Put scores and the interval of their differences side by side, and say which is better."""
    table = pd.DataFrame({"a": a, "b": b}, index=list(COMPARED)[: len(a)], dtype=float)
    table["difference"], table["low"], table["high"] = table["b"] - table["a"], low, high
    sign = np.where(table["low"] > 0, 1, np.where(table["high"] < 0, -1, 0))
    sign[table.index.isin(LOSSES)] *= -1
    table["better"] = np.select([sign > 0, sign < 0], ["b", "a"], "")
    return table


def _verdict(table, a, b, stars):
    """Say which is better: F1 decides, the other scores are remarks."""
    if stars < FEW_STARS:
        return (
            f"Cannot tell: only {stars} positive test stars, and {FEW_STARS} are the least to judge by. "
            "Compare on more data."
        )
    if (table["difference"] == 0).all() and (table[["low", "high"]] == 0).all(axis=None):
        return f"No difference: {a} and {b} score the same on every sample of the test stars."
    f1 = table.loc["f1_score"]
    span = f"{_signed(f1['difference'])} ({_signed(f1['low'])} to {_signed(f1['high'])}, 95 %)"
    if f1["better"]:
        best, other = (b, a) if f1["better"] == "b" else (a, b)
        words = f"{best} is better than {other}: the F1 of {b} differs by {span}."
    else:
        words = f"No clear difference in F1 between {a} and {b}: that of {b} differs by {span}."
    for metric, row in table.drop("f1_score").iterrows():
        if row["better"]:
            best = b if row["better"] == "b" else a
            words += f" In {WORDS[metric]}, {best} is clearly better ({_signed(row['difference'])})."
    return words


def _caution(run):
    return " The data are simulated: this says nothing about the real sky." if run.simulated else ""


def _signed(value):
    return f"{value:+.3f}" if np.isfinite(value) else "undefined"


def published_counts(tag, algorithm="xgb"):
    """Return how many test light curves the published scores of a tag rest on.

    SCoPe tells shares only. Its test set holds a tenth of the light curves, so about a tenth of the tag's positives;
    of the numbers near that (within four standard deviations) the one is taken that best makes precision and recall of
    both its algorithms fractions of whole numbers.

    Parameters
    ----------
    tag : str
    algorithm : {"dnn", "xgb"}

    Returns
    -------
    found, missed, false : int
        True positives, false negatives and false positives.

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
    pairs = [_counts(n, tag, name) for name in ("dnn", "xgb")]
    off = sum(misfit for *_, misfit in pairs)
    near = np.flatnonzero(off <= off.min() + 1e-9)
    k = near[np.argmin(np.abs(n[near] - expected))]
    found, called, _ = (values[k] for values in pairs[algorithm == "xgb"])
    return int(found), int(n[k] - found), int(called - found)


def _counts(n, tag, algorithm):
    """Return, for each number of positives n, the found and the called light curves, and how badly they fit."""
    precision, recall = published().loc[tag, [f"precision_{algorithm}", f"recall_{algorithm}"]]
    found = np.round(recall * n)
    if not np.isfinite(precision):  # nothing was called
        return found, found, np.abs(found / n - recall)
    called = np.maximum(np.round(found / precision), 1) if precision else np.ones(len(n))
    return found, called, np.abs(found / n - recall) + np.abs(found / called - precision)


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
    counts = np.array(published_counts(run.tag, algorithm), float)
    name = f"SCoPe's published {algorithm.upper()}"
    theirs = _f1(*np.random.default_rng(seed).dirichlet(counts + 0.5, 10_000).T)
    test = run.evaluation.stats["test"]
    a, b = _f1(*counts), test["f1_score"]
    ends = np.percentile(theirs, [2.5, 97.5]), test["interval"]["f1_score"]
    table = _table([a], [b], *_apart(a, b, *ends))
    table[["a_low", "a_high"]] = ends[0]
    stars = run.evaluation.stats["test"]["n_positive_stars"]
    low, high = table.loc["f1_score", ["a_low", "a_high"]]
    verdict = (
        f"{_verdict(table, name, run.name, stars)} The published F1 of {number(_f1(*counts))} rests on about "
        f"{counts[:2].sum():.0f} positive test light curves, so it is known to {number(low)}-{number(high)}; it "
        "is of SCoPe's own data, split by light curve." + _caution(run)
    )
    return Comparison(name, run.name, table, verdict)


def _f1(found, missed, false):
    return 2 * found / (2 * found + missed + false)
