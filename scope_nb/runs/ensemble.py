"""The mean of several saved runs, as SCoPe averages its DNN and its XGB."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..files import run_folder, sha256
from ..models.fitting import Mean
from ..models.saving import load_model
from ..scores.evaluation import evaluate_predictions
from .saved import load_run, load_runs, provenance, require_same, write_run


def average(runs, reports=""):
    """Average the probabilities of saved runs, as SCoPe averages DNN and XGB, and save the result as a run.

    The threshold is chosen anew, on what none of them has seen. The run is named after its members, `xgb+dnn`, and
    holds their models; `train.ipynb` makes the same with a page, if its algorithm is that name.

    Parameters
    ----------
    runs : list of path-like or Run
        At least two, of one tag and on the same light curves; see `load_run`.
    reports : path-like
        Folder of the runs; the ensemble goes into the group of the first.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        If the runs are fewer than two or differ in tag, data, rows, labels or split.
    """
    members = _members(runs, reports)
    first = members[0]
    evaluation = evaluate_predictions(first.tag, *_averaged(members))
    dataset = _seen_by_all([m.record.get("dataset") or {} for m in members])
    record = provenance({}) | {"data": first.record.get("data") or {}, "dataset": dataset}
    record["members"] = [m.name for m in members]
    whole = dataset and all((m.folder / "model").is_dir() for m in members)
    model = _mean(members) if whole else None
    folder = run_folder(reports, first.group, "+".join(member.algorithm for member in members), first.tag)
    return load_run(write_run(folder, evaluation, record, model))


def _seen_by_all(settings):
    """Return settings of a data set that has what any of several has; nothing if no data set can have it."""
    if len({s.get("period_suffix") for s in settings}) > 1:
        return {}
    columns = dict.fromkeys(name for s in settings for name in s.get("features") or [])
    either = {name: any(s.get(name) for s in settings) for name in ("derived", "dmdt", "light_curves")}
    return {**settings[0], "features": list(columns), **either}


def mean_model(algorithm, group, tag, data, reports=""):
    """Return the mean of saved models of one tag as a classifier.

    Parameters
    ----------
    algorithm : str
        Names of their algorithms, joined by a plus: `xgb+dnn`.
    group, tag : str
    data : path-like
        The training table; the runs must be of the same.
    reports : path-like
        Folder of the runs.

    Returns
    -------
    ensemble.Mean

    Raises
    ------
    ValueError
        See `average`; also if the runs are of another table.
    """
    members = _members([f"{group}/{name}/{tag}" for name in algorithm.split("+")], reports)
    if (members[0].record.get("data") or {}).get("sha256") != sha256(data):
        raise ValueError(f"{members[0].name} was trained on other data than {Path(data).name}: train it on this table")
    return _mean(members)


def _members(runs, reports):
    members = [load_run(run, reports) for run in runs]
    if len(members) < 2:
        raise ValueError("an ensemble needs at least two runs")
    for other in members[1:]:
        require_same(members[0], other)
    return members


def _averaged(members):
    """Return the arguments of `evaluate_predictions` for the mean of runs: the parts are those that none has seen."""
    predictions = members[0].evaluation.predictions.copy()
    predictions["probability"] = np.mean([m.evaluation.predictions["probability"] for m in members], axis=0)
    common = set.intersection(*(set(m.evaluation.unseen) for m in members))
    return predictions, None, tuple(sorted(common)), all(m.evaluation.by_star for m in members)


def _mean(members):
    mean = Mean([load_model(m.folder / "model") for m in members], [m.name for m in members])
    predictions, _, unseen, _ = _averaged(members)
    known = predictions[predictions["part"].isin(unseen)]
    mean.unseen_ = {name: known[name].to_numpy() for name in ("part", "star", "y", "probability")}
    return mean


def average_all(algorithms, group, reports=""):
    """Average the runs of these algorithms for every tag of a group that has runs of them all.

    One that is there and not older than its members is kept, with its page.

    Returns
    -------
    list of Run
    """
    found = load_runs(reports)
    times = {(run.group, run.algorithm, run.tag): run.time for run in found.itertuples()}
    made = []
    for tag in shared_tags(algorithms, group, reports):
        newest = max(times[group, algorithm, tag] for algorithm in algorithms)
        own = f"{group}/{'+'.join(algorithms)}/{tag}"
        kept = times.get((group, "+".join(algorithms), tag), "") >= newest
        made.append(load_run(own, reports) if kept else average([f"{group}/{a}/{tag}" for a in algorithms], reports))
    return made


def shared_tags(algorithms, group, reports=""):
    """Return the tags of a group that have runs of all these algorithms.

    Raises
    ------
    ValueError
        If no tag has them all; the message says which algorithms the group has.
    """
    found = load_runs(reports)
    found = found[found["group"] == group] if len(found) else pd.DataFrame(columns=["tag", "algorithm"])
    names = [tag for tag, own in found.groupby("tag") if set(algorithms) <= set(own["algorithm"])]
    if not names:
        there = ", ".join(sorted(set(found["algorithm"]))) or "none"
        raise ValueError(f"no tag of group {group!r} has runs of {' and '.join(algorithms)}; algorithms there: {there}")
    return names
