"""The mean of several saved runs, as SCoPe averages its DNN and its XGB."""

from pathlib import Path

import numpy as np

from ..files import run_folder, sha256
from ..models.fitting import Mean, Trained
from ..models.saving import load_model
from ..scores.evaluation import evaluate_predictions
from .saved import load_run, load_runs, provenance, require_same, write_run


def average(runs, reports="", data=None):
    """Average saved runs, as SCoPe averages DNN and XGB: the probabilities that they saved, and their models.

    The threshold is chosen anew, on what none of them has seen.

    Parameters
    ----------
    runs : list of path-like or Run
        At least two, of one tag and on the same light curves; see `load_run`.
    reports : path-like
        Folder of the runs.
    data : path-like, optional
        A training table that the runs must be of.

    Returns
    -------
    Trained, Evaluation
        The model is None where a run was saved without one, or no data set can have what all of them look at.

    Raises
    ------
    ValueError
        If the runs are fewer than two, of other data, or differ in tag, data, rows, labels or split.
    """
    members = _load_members(runs, reports)
    first = members[0]
    if data is not None and first.data.get("sha256") != sha256(data):
        raise ValueError(f"{first.name} was trained on other data than {Path(data).name}: train it on this table")
    predictions = first.evaluation.predictions.copy()
    predictions["probability"] = np.mean([m.evaluation.predictions["probability"] for m in members], axis=0)
    parts = tuple(sorted(set.intersection(*(set(m.evaluation.unseen) for m in members))))
    by_star = all(m.evaluation.by_star for m in members)
    evaluation = evaluate_predictions(first.tag, predictions, unseen=parts, by_star=by_star)
    folders = [m.folder / "model" for m in members]
    model = None
    if _merge_settings(members) and all(folder.is_dir() for folder in folders):
        model = Mean([load_model(folder) for folder in folders])
    unseen = predictions[predictions["part"].isin(parts)].reset_index(drop=True)
    return Trained(model, model, "none", unseen, tuple(m.name for m in members)), evaluation


def _load_members(runs, reports):
    members = [load_run(run, reports) for run in runs]
    if len(members) < 2:
        raise ValueError("an ensemble needs at least two runs")
    for other in members[1:]:
        require_same(members[0], other)
    return members


def _merge_settings(members):
    """Return settings of a data set that has what any of several has; nothing if no data set can have it."""
    settings = [m.record.get("dataset") or {} for m in members]
    if len({s.get("period_suffix") for s in settings}) > 1:
        return {}
    columns = dict.fromkeys(name for s in settings for name in s.get("features") or [])
    either = {name: any(s.get(name) for s in settings) for name in ("derived", "dmdt", "light_curves")}
    return {**settings[0], "features": list(columns), **either}


def save_average(runs, reports=""):
    """Average saved runs (see `average`), and save the mean in the group of the first, named after them: `xgb+dnn`.

    Returns
    -------
    Run
    """
    members = _load_members(runs, reports)
    trained, evaluation = average(members)
    first, name = members[0], "+".join(member.algorithm for member in members)
    record = provenance({}) | {"data": first.data, "dataset": _merge_settings(members), "members": trained.members}
    return load_run(write_run(run_folder(reports, first.group, name, first.tag), evaluation, record, trained.model))


def average_all(algorithms, group, reports=""):
    """Average the runs of these algorithms for every tag of a group that has runs of them all, and save the means.

    One that exists and is not older than its members is kept, with its page.

    Returns
    -------
    list of Run
    """
    runs = load_runs(reports)
    times = runs[runs["group"] == group].set_index(["algorithm", "tag"])["time"]
    name, result = "+".join(algorithms), []
    for tag in shared_tags(algorithms, group, reports):
        newest = max(times[algorithm, tag] for algorithm in algorithms)
        if times.get((name, tag), "") >= newest:
            result.append(load_run(f"{group}/{name}/{tag}", reports))
        else:
            result.append(save_average([f"{group}/{algorithm}/{tag}" for algorithm in algorithms], reports))
    return result


def shared_tags(algorithms, group, reports=""):
    """Return the tags of a group that have runs of all these algorithms.

    Raises
    ------
    ValueError
        If no tag has them all; the message says which algorithms the group has.
    """
    runs = load_runs(reports)
    runs = runs[runs["group"] == group]
    names = [tag for tag, own in runs.groupby("tag") if set(algorithms) <= set(own["algorithm"])]
    if not names:
        present = ", ".join(sorted(set(runs["algorithm"]))) or "none"
        raise ValueError(
            f"no tag of group {group!r} has runs of {' and '.join(algorithms)}; algorithms there: {present}"
        )
    return names
