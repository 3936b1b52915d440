"""All saved runs side by side: tables of them, where two of them agree, and what they look at."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ..scores.metrics import difference_with_interval, mean_difference, number, percent, with_interval
from ..taxonomy import published, tags, unknown
from .comparison import FEW_STARS, compare, compare_published
from .saved import load_run, load_runs, require_same


def group_runs(reports="", group=""):
    """Return the saved runs of one group (that of the newest run by default), in the order of the taxonomy.

    Returns
    -------
    pandas.DataFrame
        See `load_runs`; empty where there are no runs at all.

    Raises
    ------
    ValueError
        If there are runs, but none of that group.
    """
    runs = load_runs(reports)
    if runs.empty:
        return runs
    group = group or runs.loc[runs["time"].idxmax(), "group"]
    if group not in set(runs["group"]):
        raise unknown("group of runs", group, sorted(set(runs["group"])))
    runs = runs[runs["group"] == group].sort_values("algorithm", kind="stable")
    order = tags().index.get_indexer(runs["tag"])
    return runs.iloc[np.argsort(np.where(order < 0, len(tags()), order), kind="stable")].reset_index(drop=True)


def score_table(runs):
    """Return the runs as a table for people: test scores with intervals, and how far F1 falls from train to test."""
    rows = []
    for run in runs.itertuples():
        row = {"tag": run.tag, "algorithm": run.algorithm, "positive stars": run.n_positive_stars}
        for metric in ("precision", "recall", "f1_score", "average_precision"):
            row[metric.replace("_", " ")] = with_interval(getattr(run, metric), run.interval[metric])
        row["F1 train - test"] = number(run.f1_train - run.f1_score)
        rows.append(row | published_f1(run.tag).map(number).to_dict())
    return pd.DataFrame(rows)


def published_f1(tag):
    """Return the F1 of SCoPe's published DNN and XGB for a tag, NaN where there is none."""
    f1 = published()[["f1_score_dnn", "f1_score_xgb"]].set_axis(["SCoPe DNN", "SCoPe XGB"], axis=1)
    return f1.reindex([tag]).iloc[0]


def against_published(runs, algorithm="xgb", seed=0):
    """Compare the F1 of every run with the published one of its tag (`compare_published`), as a table for people.

    Tags without published score are left out.
    """
    verdicts = {"a": "published is better", "b": "run is better", "": "no clear difference"}
    rows = []
    for run in runs[runs["tag"].isin(published().index)].itertuples():
        f1 = compare_published(run.folder, algorithm, seed=seed).table.loc["f1_score"]
        rows.append(
            {
                "tag": run.tag,
                "algorithm": run.algorithm,
                "F1": number(f1["b"]),
                "published": with_interval(f1["a"], f1[["a_low", "a_high"]]),
                "difference": difference_with_interval(f1["difference"], f1[["low", "high"]]),
                "verdict": _verdict(run, verdicts[f1["better"]]),
            }
        )
    return pd.DataFrame(rows)


def _verdict(run, words):
    return "too few test stars" if run.n_positive_stars < FEW_STARS else words


def against_group(runs, other, reports=""):
    """Compare every run with that of the same tag and algorithm in another group, on the same test stars (`compare`).

    Parameters
    ----------
    runs : pandas.DataFrame
        See `group_runs`.
    other : str
        Name of the other group, of the same light curves: with other features, say, or other settings.
    reports : path-like
        Folder of the runs.

    Returns
    -------
    pandas.DataFrame
        The largest gain first: `tag`, `algorithm`, `positive stars`, the F1 `there` and `here`, the `difference` with
        the ends of its 95 % interval, `low` and `high`, the `gain in AP` (average precision), and the `verdict`. The
        last row is the mean over all of them (`mean_difference`).

    Raises
    ------
    ValueError
        If the groups share no tag and algorithm, or two runs are not of the same test stars.
    """
    verdicts = {"a": "worse", "b": "better", "": "no clear difference"}
    others = runs if runs.empty else group_runs(reports, other)
    shared = runs.merge(others[["tag", "algorithm", "folder"]], on=["tag", "algorithm"], suffixes=("", "_there"))
    if shared.empty:
        raise ValueError(f"group {other!r} has no run of a tag and algorithm that are here too")
    rows, pairs = [], []
    for run in shared.itertuples():
        pair = load_run(run.folder_there), load_run(run.folder)
        table = compare(*pair, n_resamples=1, any_data=True).table
        f1 = table.loc["f1_score"].rename({"a": "there", "b": "here"})
        row = {"tag": run.tag, "algorithm": run.algorithm, "positive stars": run.n_positive_stars}
        row |= f1[["there", "here", "difference", "low", "high"]].to_dict()
        row["gain in AP"] = table.loc["average_precision", "difference"]
        rows.append(row | {"verdict": _verdict(run, verdicts[f1["better"]])})
        pairs.append([each.evaluation.score_input() for each in pair])
    result = pd.DataFrame(rows).sort_values("difference", ascending=False)
    mean = {"tag": f"mean of {len(result)}", **result[["there", "here", "gain in AP"]].mean(), **mean_difference(pairs)}
    mean["verdict"] = verdicts["b" if mean["low"] > 0 else "a" if mean["high"] < 0 else ""]
    return pd.concat([result, pd.DataFrame([mean])], ignore_index=True).astype({"positive stars": "Int64"})


def agreement(runs):
    """Return how far two algorithms agree on the test part of each tag.

    Returns
    -------
    pandas.DataFrame
        For each pair: `same answer` (share of light curves), `both find`, `one finds`, `none finds` (shares of the
        positives), `rank correlation` of the probabilities (Spearman). Pairs on other test stars are left out,
        and ensembles beside their members.
    """
    rows = []
    for tag, group in runs.groupby("tag", sort=False):
        for a, b in combinations([load_run(folder) for folder in group["folder"]], 2):
            one, two = (run.evaluation.part("test") for run in (a, b))
            if set(a.algorithm.split("+")) & set(b.algorithm.split("+")):  # an ensemble agrees with its members
                continue
            if not np.array_equal(one[["row", "star", "y"]], two[["row", "star", "y"]]):
                continue
            called = [(run.evaluation.part("test")["probability"] > run.evaluation.threshold) for run in (a, b)]
            called = np.array(called)
            finders = called.sum(axis=0)[one["y"].to_numpy() == 1]
            correlation = spearmanr(one["probability"], two["probability"]).statistic
            rows.append(
                {
                    "tag": tag,
                    "runs": f"{a.algorithm}, {b.algorithm}",
                    "same answer": percent((called[0] == called[1]).mean()),
                    "both find": percent((finders == 2).mean()),
                    "one finds": percent((finders == 1).mean()),
                    "none finds": percent((finders == 0).mean()),
                    "rank correlation": number(correlation),
                }
            )
    return pd.DataFrame(rows)


def mean_importances(runs, most=20):
    """Return the features most important on average over the tags, as shares of the importance of all features.

    Returns
    -------
    pandas.DataFrame
        A row for each feature, a column for each tag. Empty where no run has importances.
    """
    runs = runs[runs["importances"].map(len) > 0]
    shares = {
        tag: pd.DataFrame(group["importances"].tolist()).fillna(0.0).mean()
        for tag, group in runs.groupby("tag", sort=False)
    }
    table = pd.DataFrame(shares).fillna(0.0)
    return table.loc[table.mean(axis=1).sort_values(ascending=False).index[:most]]


def pick_two(runs, run_a="", run_b=""):
    """Return the two runs to compare: those given, else the first two of one tag with one test part, or None."""
    if run_a and run_b:
        return run_a, run_b
    if run_a or run_b:
        raise ValueError("give both run_a and run_b, as GROUP/ALGORITHM/TAG, or neither")
    for _, group in runs.groupby("tag", sort=False):
        for pair in combinations(group["folder"], 2):
            try:
                require_same(*map(load_run, pair), part="test")
            except ValueError:  # of other data, or cut in another way
                continue
            return pair
    return None


def describe_gains(table, other):
    """Return in words what `against_group` found against the group `other`."""
    mean, verdicts = table.iloc[-1], table["verdict"].iloc[:-1]
    return (
        f"In the mean of {len(verdicts)} runs F1 differs from that in `{other}` by {mean['difference']:+.3f} "
        f"({mean['low']:+.3f} to {mean['high']:+.3f}, 95 %). {(verdicts == 'better').sum()} of them are clearly better "
        f"and {(verdicts == 'worse').sum()} clearly worse; with many tags, one in forty each way is chance."
    )
