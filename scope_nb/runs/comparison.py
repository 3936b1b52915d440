"""Is it better? Two runs on the same test stars, paired; and a run against the published score of its tag."""

import re
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cache

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
from ..taxonomy import check_names, find_tag, published, tags
from .saved import load_run, require_same

COMPARED = {"f1_score": "F1", "average_precision": "average precision", "log_loss": "log loss"}
FEW_TEST_STARS = 10  # fewer positive test stars than this cannot show what other stars would do
SIMULATED = " The data are simulated: this says nothing about the real sky."
PublishedCounts = namedtuple("PublishedCounts", ["true_positives", "false_negatives", "false_positives"])


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison of two classifiers of the names `a` and `b`, and its `verdict` in plain words.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each score: `a`, `b`, `difference` (b - a), `low`, `high` (its 95 % interval), and `better`: "a",
        "b" or "" where the interval holds 0.
    differences : pandas.DataFrame
        On resampled stars, one column for each score; None beside a published score.
    """

    a: str
    b: str
    table: pd.DataFrame
    verdict: str
    differences: pd.DataFrame | None = field(default=None, repr=False)


def compare(run_a, run_b, reports="", n_resamples=1000, seed=0, any_data=False):
    """Compare two runs on their test stars, each at its own threshold, and return a `Comparison`.

    Star after star is left out of both at once, so that what makes a sample of stars easy or hard for both cancels.

    Parameters
    ----------
    run_a, run_b, reports
        See `load_run`. It is an error if tags, data or test stars differ; the message says how.
    n_resamples, seed : int
        Of the resampled stars in `Comparison.differences`.
    any_data : bool
        Allow different files, such as one table with other features, if rows, stars and labels of the test part agree.
    """
    a, b = load_run(run_a, reports), load_run(run_b, reports)
    require_same(a, b, part="test", any_data=any_data)
    inputs = [run.evaluation.score_input() for run in (a, b)]
    drawn = [pd.DataFrame(resampled_scores(*each, n_resamples, seed)._asdict()) for each in inputs]
    one, two, limits = a.evaluation.stats["test"], b.evaluation.stats["test"], difference_limits(*inputs)
    table = _compare_scores({name: (one[name], two[name], *limits[name]) for name in COMPARED})
    verdict = _describe(table, a.name, b.name, one["n_positive_stars"]) + (SIMULATED if a.simulated else "")
    return Comparison(a.name, b.name, table, verdict, (drawn[1] - drawn[0])[list(COMPARED)])


def _compare_scores(rows):
    """Return scores and the intervals of their differences (a, b, low, high) as a table that says which is better."""
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["a", "b", "low", "high"]).astype(float)
    table.insert(2, "difference", table["b"] - table["a"])
    loss = table.index.isin(list(LARGEST_LOSS))
    above, below = table["low"] > 0, table["high"] < 0
    table["better"] = np.select([above & ~loss | below & loss, above | below], ["b", "a"], "")
    return table


def _describe(table, a, b, stars):
    """Return in words which is better: F1 decides, the other scores are remarks."""
    if stars < FEW_TEST_STARS:
        return f"Cannot tell: only {stars} positive test stars, fewer than {FEW_TEST_STARS}. Compare on more data."
    if (table[["difference", "low", "high"]] == 0).all(axis=None):
        return f"No difference: {a} and {b} score the same on every sample of the test stars."
    names, f1 = {"a": a, "b": b}, table.loc["f1_score"]
    difference = difference_with_interval(f1["difference"], f1[["low", "high"]], ", 95 %")
    verdict = f"No clear difference in F1 between {a} and {b}: that of {b} differs by {difference}."
    if f1["better"]:
        best, other = (b, a) if f1["better"] == "b" else (a, b)
        verdict = f"{best} is better than {other}: the F1 of {b} differs by {difference}."
    for metric, row in table.drop("f1_score").query("better != ''").iterrows():
        gain = number(row["difference"], "+")
        verdict += f" In {COMPARED[metric]}, {names[row['better']]} is clearly better ({gain})."
    return verdict


def published_counts(tag, algorithm="xgb"):
    """Return the `PublishedCounts` of test light curves that the published scores of a tag rest on.

    SCoPe gives shares only. Its test set holds a tenth of the light curves, so about a tenth of the tag's positives;
    of the numbers near that (within four standard deviations) the one is taken that best makes precision and recall of
    both its algorithms ("dnn", "xgb") fractions of whole numbers.
    """
    tag = find_tag(tag)
    check_names("published algorithm", [algorithm], ("dnn", "xgb"))
    if tag not in published().index:
        raise ValueError(f"SCoPe published no scores for {tag!r}; it did for {', '.join(published().index)}")
    expected = 0.1 * tags().loc[tag, "n_scope"]
    spread = 4 * np.sqrt(expected) + 1
    n = np.arange(max(round(expected - spread), 1), round(expected + spread) + 1)
    fits = {name: _fit_counts(n, tag, name) for name in ("dnn", "xgb")}
    misfit = sum(fit["misfit"] for fit in fits.values())
    near = misfit[misfit <= misfit.min() + 1e-9].index
    best = near[np.argmin(np.abs(near - expected))]
    right, called = fits[algorithm].loc[best, ["right", "called"]].astype(int)
    return PublishedCounts(right, best - right, called - right)


def _fit_counts(n, tag, algorithm):
    """Return, for each number of positives n, the right and the called light curves, and how badly they fit."""
    precision, recall = published().loc[tag, [f"precision_{algorithm}", f"recall_{algorithm}"]]
    right = np.round(recall * n)
    misfit, called = np.abs(right / n - recall), right
    if np.isfinite(precision):  # else nothing was called
        called = np.maximum(np.round(right / precision), 1) if precision else np.ones(len(n))
        misfit = misfit + np.abs(right / called - precision)
    return pd.DataFrame({"right": right, "called": called, "misfit": misfit}, index=n)


def compare_published(run, algorithm="xgb", reports="", seed=0):
    """Compare the F1 of a run with that of SCoPe's published "dnn" or "xgb", which is `a` of the `Comparison` returned.

    The table is that of `compare_published_f1`.
    """
    run = load_run(run, reports)
    if run.tag not in tags().index:
        raise ValueError(f"{run.tag!r} is none of SCoPe's tags: no score of it is published")
    test, counts = run.evaluation.stats["test"], published_counts(run.tag, algorithm)
    table = compare_published_f1(run.tag, test["f1_score"], test["interval"]["f1_score"], algorithm, seed)
    name, f1 = f"SCoPe's published {algorithm.upper()}", table.loc["f1_score"]
    verdict = (
        f"{_describe(table, name, run.name, test['n_positive_stars'])} The published F1 of {number(f1['a'])} rests on "
        f"about {counts.true_positives + counts.false_negatives} positive test light curves, so it is known to "
        f"{number(f1['a_low'])}-{number(f1['a_high'])}; it is of SCoPe's own data, split by light curve."
    )
    verdict += SIMULATED if run.simulated else ""
    return Comparison(name, run.name, table, verdict)


def compare_published_f1(tag, f1, interval, algorithm="xgb", seed=0):
    """Compare an F1 and its interval with the published one of a tag: the table of a `Comparison`, of one row.

    It has `a_low` and `a_high` too, the 95 % interval of the published score `a`. Both scores are uncertain, that of a
    run by its test stars (`metrics.intervals`); the `published_counts` are drawn from their posterior, a Dirichlet
    distribution with Jeffreys' prior. SCoPe's test set hardly holds two light curves of one star, so these count one by
    one; but it shares stars with SCoPe's training part, which flatters the published score.
    """
    a, low, high = _published_f1(tag, algorithm, seed)
    limits = combine_intervals(a, f1, (low, high), interval)
    return _compare_scores({"f1_score": (a, f1, *limits)}).assign(a_low=low, a_high=high)


@cache
def _published_f1(tag, algorithm, seed):
    """Return the published F1 of a tag and the ends of its 95 % interval."""
    counts = published_counts(tag, algorithm)
    drawn = np.random.default_rng(seed).dirichlet(np.array(counts, float) + 0.5, 10_000).T
    return _f1(*counts), *np.percentile(_f1(*drawn), [2.5, 97.5])


def answer_in_words(comparison, positive_stars, a="published is better", b="run is better"):
    """Return in a few words which F1 is better by the table of a `Comparison`, on so many positive test stars."""
    if positive_stars < FEW_TEST_STARS:
        return "too few test stars"
    return {"a": a, "b": b, "": "no clear difference"}[comparison.at["f1_score", "better"]]


def _f1(right, missed, false):
    return 2 * right / (2 * right + missed + false)


def compare_settings(run_a, run_b, reports=""):
    """Return what two runs, `a` and `b`, were made with and that differs, as text; of models the differing words."""
    settings = [_settings_of(load_run(run, reports)) for run in (run_a, run_b)]
    table = pd.DataFrame(settings, ["a", "b"], dtype=object).T
    loaded_once = table.index.str.startswith("version of ") & table.isna().any(axis=1)  # which is no change
    table = table[~loaded_once].fillna("").astype(str)
    table = table[table["a"] != table["b"]].copy()
    if "model" in table.index:
        a, b = (re.findall(r"[^\s,()]+", text) for text in table.loc["model"])
        table.loc["model"] = [" ".join(w for w in a if w not in b), " ".join(w for w in b if w not in a)]
    return table


def _settings_of(run):
    """Return the provenance of a run as one flat dictionary, without its time and place."""
    record, dataset = run.record, run.record.get("dataset") or {}
    settings = {k: v for k, v in (record.get("parameters", {}) | dataset).items() if k not in ("group", "reports")}
    columns = settings.pop("features", None)
    settings |= {"columns": columns and len(columns)} | {k: record.get(k) for k in ("model", "commit", "python")}
    settings |= {"data": run.data.get("file"), "data hash": str(run.data.get("sha256"))[:8]}
    return settings | {f"version of {name}": v for name, v in record.get("versions", {}).items()}
