"""All saved runs side by side: tables of them, where two of them agree, and what they look at."""

import warnings
from contextlib import suppress
from itertools import combinations

import pandas as pd
from scipy.stats import spearmanr

from ..scores.metrics import difference_with_interval, mean_difference, number, percent, with_interval
from ..taxonomy import check_names, published, tags
from .comparison import answer_in_words, compare, compare_published_f1
from .saved import describe_difference, load_run, load_runs, require_same


def group_runs(reports="", group=""):
    """Return the `load_runs` of one group (that of the newest run by default), in the order of the taxonomy.

    Tags that are none of SCoPe's come last. Runs whose scores are not those of their predictions are left out, and runs
    on another training table than that of the newest run are named, both with a warning. The column `other_data` has
    the start of the SHA-256 of such a table, and "" for the others.
    """
    runs = load_runs(reports)
    if runs.empty:
        return runs
    group = group or runs.loc[runs["time"].idxmax(), "group"]
    check_names("group of runs", [group], sorted(set(runs["group"])))
    runs = runs[runs["group"] == group]  # in the order of the algorithms
    runs = _mark_other_data(runs[[_is_sound(folder) for folder in runs["folder"]]])
    order = [*tags().index, *sorted(runs["tag"])]
    return runs.sort_values("tag", key=lambda tag: tag.map(order.index), kind="stable", ignore_index=True)


def _is_sound(folder):
    """Return whether a run can be read; of one that cannot, a warning says why."""
    try:
        load_run(folder)
    except (ValueError, OSError) as error:
        warnings.warn(f"left out: {error}", stacklevel=4)
        return False
    return True


def _mark_other_data(runs):
    """Add the column `other_data`: the start of the SHA-256 of a training table that is not that of the newest run."""
    hashes = runs["data_hash"].fillna("unknown").map(str)
    newest = hashes[runs["time"].idxmax()] if len(runs) else ""
    if len(others := runs[hashes != newest]):
        names = ", ".join(f"{run.algorithm}/{run.tag}" for run in others.itertuples())
        text = f"these runs are of another training table than the newest one, train them anew or apart: {names}"
        warnings.warn(text, stacklevel=3)
    return runs.assign(other_data=hashes.str[:8].where(hashes != newest, ""))


def score_table(runs):
    """Return the runs as a table for people: test scores with intervals, and how far F1 falls from train to test.

    `best` marks the highest F1 of each tag that has several runs on the same table.
    """
    here = runs[runs["other_data"] == ""]
    several = here[here["tag"].duplicated(keep=False)].astype({"f1_score": float})
    best = set(several.groupby("tag")["f1_score"].idxmax()) if several["f1_score"].notna().any() else set()
    rows = []
    for run in runs.itertuples():
        remarks = ["split by light curve"] if run.split == "scope" else []
        remarks += [f"on other data ({run.other_data})"] if run.other_data else []
        remarks += ["of runs that were replaced"] if run.replaced else []
        row = {"tag": run.tag, "algorithm": ", ".join([run.algorithm, *remarks])}
        row |= {"best": "★" if run.Index in best else "", "positive stars": run.n_positive_stars}
        for metric in ("precision", "recall", "f1_score", "average_precision"):
            row[metric.replace("_", " ")] = with_interval(getattr(run, metric), run.interval[metric])
        row["F1 train - test"] = number(run.f1_train - run.f1_score)
        for name in ("dnn", "xgb"):
            row[f"SCoPe {name.upper()}"] = number(published()[f"f1_score_{name}"].get(run.tag))
        rows.append(row)
    return pd.DataFrame(rows)


def against_published(runs, algorithm="xgb", seed=0):
    """Return a table for people: the F1 of every run beside the published one of its tag, see `compare_published`."""
    rows = []
    for run in runs[runs["tag"].isin(published().index)].itertuples():
        table = compare_published_f1(run.tag, run.f1_score, run.interval["f1_score"], algorithm, seed)
        f1 = table.loc["f1_score"]
        row = {"tag": run.tag, "algorithm": run.algorithm, "F1": number(f1["b"])}
        row["published"] = with_interval(f1["a"], f1[["a_low", "a_high"]])
        row["difference"] = difference_with_interval(f1["difference"], f1[["low", "high"]])
        rows.append(row | {"verdict": answer_in_words(table, run.n_positive_stars)})
    return pd.DataFrame(rows)


def against_group(runs, other, reports=""):
    """Compare every run with that of the same tag and algorithm in another group, on the same test stars (`compare`).

    Return, the largest gain first, `tag`, `algorithm`, `positive stars`, the F1 `there` and `here`, the `difference`
    with its 95 % interval, `low` and `high`, the `gain in AP` (average precision), and the `verdict`. The last row is
    the mean over all of them (`mean_difference`). It is an error if the groups share no tag and algorithm.
    """
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
        rows.append(row | {"verdict": answer_in_words(table, run.n_positive_stars, "worse", "better")})
        pairs.append([each.evaluation.score_input() for each in pair])
    result = pd.DataFrame(rows).sort_values("difference", ascending=False)
    mean = {"tag": f"mean of {len(result)}", **result[["there", "here", "gain in AP"]].mean(), **mean_difference(pairs)}
    mean["verdict"] = "better" if mean["low"] > 0 else "worse" if mean["high"] < 0 else "no clear difference"
    return pd.concat([result, pd.DataFrame([mean])], ignore_index=True).astype({"positive stars": "Int64"})


def agreement(runs):
    """Return how far two algorithms agree on the test part of each tag, as a table for people.

    For each pair: `same answer` (share of light curves), `both find`, `one finds`, `none finds` (shares of the
    positives), `rank correlation` of the probabilities (Spearman). Pairs on other test stars are left out, and
    ensembles beside their members.
    """
    rows = []
    for tag, group in runs.groupby("tag", sort=False):
        for a, b in combinations([load_run(folder) for folder in group["folder"]], 2):
            one, two = (run.evaluation.part("test") for run in (a, b))
            related = set(a.algorithm.split("+")) & set(b.algorithm.split("+"))  # an ensemble agrees with its members
            if related or describe_difference(one, two):
                continue
            inputs = [run.evaluation.score_input() for run in (a, b)]
            calls = sum((each.probability > each.threshold).astype(int) for each in inputs)
            row = {"tag": tag, "runs": f"{a.algorithm}, {b.algorithm}", "same answer": percent((calls != 1).mean())}
            for name, count in (("both find", 2), ("one finds", 1), ("none finds", 0)):
                row[name] = percent((calls[inputs[0].y == 1] == count).mean())
            row["rank correlation"] = number(spearmanr(one["probability"], two["probability"]).statistic)
            rows.append(row)
    return pd.DataFrame(rows)


def mean_importances(runs, most=20):
    """Return the shares of the most important features (rows), on average over the tags (columns)."""
    groups = runs[runs["importances"].map(len) > 0].groupby("tag", sort=False)["importances"]
    shares = {tag: pd.DataFrame(list(group)).fillna(0.0).mean() for tag, group in groups}
    table = pd.DataFrame(shares).fillna(0.0)
    return table.loc[table.mean(axis=1).sort_values(ascending=False).index[:most]]


def pick_two(runs, run_a="", run_b=""):
    """Return the two runs to compare: those given, else the best two of the first tag that has two, or None."""
    if run_a and run_b:
        return run_a, run_b
    if run_a or run_b:
        raise ValueError("give both run_a and run_b, as GROUP/ALGORITHM/TAG, or neither")
    pairs = (_best_two(group) for _, group in runs.groupby("tag", sort=False))
    return next((pair for pair in pairs if pair), None)


def _best_two(runs):
    """Return the folders of the second-best and the best run of one tag by F1, of one test part; None without such."""
    ranked = runs.astype({"f1_score": float}).sort_values("f1_score", ascending=False, kind="stable")
    for best, second in combinations(ranked["folder"], 2):
        with suppress(ValueError):  # of other data, or cut in another way
            require_same(load_run(best), load_run(second), part="test")
            return second, best
    return None


def best_of_tags(runs):
    """Return the best run of each tag by F1 beside the second-best, as a table for people: is it really better?

    Both are scored on the same test stars (`compare`). Tags without two runs that can be compared are left out.
    """
    rows = []
    for tag, group in runs.groupby("tag", sort=False):
        if not (pair := _best_two(group)):
            continue
        second, best = map(load_run, pair)
        table, n_stars = compare(second, best, n_resamples=1).table, best.evaluation.stats["test"]["n_positive_stars"]
        f1, answer = table.loc["f1_score"], answer_in_words(table, n_stars, "clearly better", "clearly better")
        row = {"tag": tag, "best": best.algorithm, "F1": number(f1["b"])}
        row |= {"second": second.algorithm, "its F1": number(f1["a"])}
        row["difference"] = difference_with_interval(f1["difference"], f1[["low", "high"]])
        rows.append(row | {"is it really better?": answer})
    return pd.DataFrame(rows)


def describe_gains(table, other):
    """Return in words what `against_group` found against the group `other`."""
    mean, verdicts = table.iloc[-1], table["verdict"].iloc[:-1]
    difference = difference_with_interval(mean["difference"], mean[["low", "high"]], ", 95 %")
    return (
        f"In the mean of {len(verdicts)} runs F1 differs from that in {other} by {difference}. "
        f"{(verdicts == 'better').sum()} of them are clearly better and {(verdicts == 'worse').sum()} clearly worse; "
        "with many tags, one in forty each way is chance."
    )
