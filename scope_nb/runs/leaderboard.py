"""All saved runs side by side: tables of them, where two of them agree, and what they look at."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ..scores.metrics import mean_difference, number, percent, with_interval
from ..taxonomy import published, tags, unknown
from .comparison import FEW_STARS, compare, compare_published, judged
from .saved import load_run, load_runs, require_same


def group_runs(reports="", group=""):
    """Return the saved runs of one group (that of the newest run by default), in the order of the taxonomy.

    Returns
    -------
    pandas.DataFrame
        See `runs.load_runs`; empty where there are no runs at all.

    Raises
    ------
    ValueError
        If there are runs, but none of that group.
    """
    found = load_runs(reports)
    if not len(found):
        return found
    group = group or found.loc[found["time"].idxmax(), "group"]
    if group not in set(found["group"]):
        raise unknown("group of runs", group, sorted(set(found["group"])))
    place = dict(zip(tags().index, range(len(tags())), strict=True))
    found = found[found["group"] == group].assign(place=lambda frame: frame["tag"].map(place))
    return found.sort_values(["place", "algorithm"]).drop(columns="place").reset_index(drop=True)


def leaderboard(runs):
    """Return the runs as a table for people: test scores with intervals, and how far F1 falls from train to test."""
    rows = []
    for run in runs.itertuples():
        row = {"tag": run.tag, "algorithm": run.algorithm, "positive stars": run.n_positive_stars}
        for metric in ("precision", "recall", "f1_score", "average_precision"):
            row[metric.replace("_", " ")] = with_interval(getattr(run, metric), run.interval[metric])
        known = published_f1(run.tag)
        rows.append(row | {"F1 train - test": number(run.f1_train - run.f1_score)} | known.map(number).to_dict())
    return pd.DataFrame(rows)


def published_f1(tag):
    """Return the F1 of SCoPe's published DNN and XGB for a tag, NaN where there is none."""
    known = published()[["f1_score_dnn", "f1_score_xgb"]].set_axis(["SCoPe DNN", "SCoPe XGB"], axis=1)
    return known.reindex([tag]).iloc[0]


def against_published(runs, algorithm="xgb", seed=0):
    """Compare the F1 of every run with the published one of its tag (`compare_published`), as a table for people.

    Tags without published score are left out.
    """
    rows = []
    for run in runs.itertuples():
        if run.tag not in published().index:
            continue
        result = compare_published(run.folder, algorithm, seed=seed)
        f1 = result.table.loc["f1_score"]
        row = {"tag": run.tag, "algorithm": run.algorithm, "F1": number(f1["b"])}
        row["published"] = with_interval(f1["a"], f1[["a_low", "a_high"]].to_numpy())
        row["difference"] = f"{f1['difference']:+.3f} ({f1['low']:+.3f} to {f1['high']:+.3f})"
        verdict = {"a": "published is better", "b": "run is better", "": "no clear difference"}[f1["better"]]
        rows.append(row | {"verdict": "too few test stars" if run.n_positive_stars < FEW_STARS else verdict})
    return pd.DataFrame(rows)


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
    there = group_runs(reports, other) if len(runs) else runs
    there = {(run.tag, run.algorithm): run.folder for run in there.itertuples()}
    words = {"a": "worse", "b": "better", "": "no clear difference"}
    rows, pairs = [], []
    for run in runs.itertuples():
        if (run.tag, run.algorithm) not in there:
            continue
        pair = [load_run(folder) for folder in (there[run.tag, run.algorithm], run.folder)]
        table = compare(*pair, n_resamples=1, any_data=True).table
        f1 = table.loc["f1_score"].rename({"a": "there", "b": "here"})
        row = {"tag": run.tag, "algorithm": run.algorithm, "positive stars": run.n_positive_stars}
        row |= f1[["there", "here", "difference", "low", "high"]].to_dict()
        row["gain in AP"] = table.loc["average_precision", "difference"]
        row["verdict"] = "too few test stars" if run.n_positive_stars < FEW_STARS else words[f1["better"]]
        rows.append(row)
        pairs.append([judged(run) for run in pair])
    if not rows:
        raise ValueError(f"group {other!r} has no run of a tag and algorithm that are here too")
    found = pd.DataFrame(rows).sort_values("difference", ascending=False)
    mean = {"tag": f"mean of {len(found)}", **found[["there", "here", "gain in AP"]].mean()}
    mean |= dict(zip(("difference", "low", "high"), mean_difference(pairs), strict=True))
    mean["verdict"] = words["b" if mean["low"] > 0 else "a" if mean["high"] < 0 else ""]
    return pd.concat([found, pd.DataFrame([mean])], ignore_index=True).astype({"positive stars": "Int64"})


def agreement(runs):
    """Tell for each tag how far two algorithms agree on its test part.

    Returns
    -------
    pandas.DataFrame
        For each pair: `same answer` (share of light curves), `both find`, `one finds`, `none finds` (shares of the
        positives), `rank correlation` of the probabilities (Spearman). Pairs on other test stars are left out,
        and ensembles beside their members.
    """
    rows = []
    for tag, group in runs.groupby("tag", sort=False) if len(runs) else ():
        for a, b in combinations([load_run(folder) for folder in group["folder"]], 2):
            if set(a.algorithm.split("+")) & set(b.algorithm.split("+")):  # an ensemble agrees with its members
                continue
            one, two = (run.evaluation.part("test") for run in (a, b))
            if not np.array_equal(one[["row", "star", "y"]], two[["row", "star", "y"]]):
                continue
            called = [(part["probability"] > run.evaluation.threshold).to_numpy() for part, run in ((one, a), (two, b))]
            both = (called[0].astype(int) + called[1])[one["y"].to_numpy() == 1]
            row = {"tag": tag, "runs": f"{a.algorithm}, {b.algorithm}"}
            row["same answer"] = percent((called[0] == called[1]).mean())
            for name, value in (("both find", 2), ("one finds", 1), ("none finds", 0)):
                row[name] = percent((both == value).mean())
            row["rank correlation"] = number(spearmanr(one["probability"], two["probability"]).statistic)
            rows.append(row)
    return pd.DataFrame(rows)


def importances(runs, most=20):
    """Return what the runs look at: the features most important on average over the tags.

    Returns
    -------
    pandas.DataFrame
        Shares of the importance of all features; a row for each feature, a column for each tag. Empty where no run
        has importances.
    """
    columns = {}
    for tag, group in runs.groupby("tag", sort=False) if len(runs) else ():
        found = [json.loads((folder / "stats.json").read_text()).get("importances") for folder in group["folder"]]
        found = [pd.Series(values) for values in found if values]
        if found:
            columns[tag] = pd.concat(found, axis=1).fillna(0.0).mean(axis=1)
    table = pd.DataFrame(columns).fillna(0.0)
    return table.loc[table.mean(axis=1).sort_values(ascending=False).index[:most]]


def pick_two(runs, run_a="", run_b=""):
    """Return the two runs to compare: those given, else the first two of one tag with one test part, or None."""
    if run_a and run_b:
        return run_a, run_b
    if run_a or run_b:
        raise ValueError("give both run_a and run_b, as GROUP/ALGORITHM/TAG, or neither")
    for _, group in runs.groupby("tag", sort=False) if len(runs) else ():
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
