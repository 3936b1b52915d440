"""The mean of several saved runs, as SCoPe averages its DNN and its XGB."""

import warnings

import numpy as np
import pandas as pd

from ..files import run_folder, sha256
from ..models.fitting import Mean, Trained
from ..models.saving import load_model
from ..scores.evaluation import evaluate_predictions
from .saved import describe_difference, load_run, load_runs, provenance, require_same, write_run


def average(runs, reports="", dataset=None, trusted=()):
    """Return the mean of saved runs as a `Trained` and an `Evaluation`, as SCoPe averages DNN and XGB.

    It is that of the probabilities that they saved, and of their models; the model is None where a run was saved
    without one, or no data set can have what all look at. The threshold is chosen anew, on what none of them has seen.

    Parameters
    ----------
    runs : list of path-like or Run
        At least two of the same tag, data, rows, labels and split, see `load_run`.
    dataset : Dataset, optional
        One that the runs must be of.
    trusted : list of str, optional
        Types that their models may hold, see `models.load_model`.
    """
    members = [load_run(run, reports) for run in runs]
    if len(members) < 2:
        raise ValueError("an ensemble needs at least two runs")
    first = members[0]
    for other in members[1:]:
        require_same(first, other)
    if dataset is not None:
        _require_dataset(first, dataset)
    predictions = first.evaluation.predictions.copy()
    predictions["probability"] = np.mean([m.evaluation.predictions["probability"] for m in members], axis=0)
    parts = tuple(sorted(set.intersection(*(set(m.evaluation.unseen) for m in members))))
    by_star = all(m.evaluation.by_star for m in members)
    evaluation = evaluate_predictions(first.tag, predictions, unseen=parts, by_star=by_star)
    folders, model = [m.folder / "model" for m in members], None
    if _merge_settings(members) and all(folder.is_dir() for folder in folders):
        model = Mean([load_model(folder, trusted) for folder in folders])
    unseen = predictions[predictions["part"].isin(parts)].reset_index(drop=True)
    names, contents = tuple(m.name for m in members), tuple(m.content for m in members)
    return Trained(model, model, "none", unseen, names, contents), evaluation


def _require_dataset(run, dataset):
    """Raise a `ValueError` if a run is not of this data set."""
    if dataset.path is not None and run.data.get("sha256") != sha256(dataset.path):
        raise ValueError(f"{run.name} was trained on other data than {dataset.path.name}: train it on this table")
    rows = pd.DataFrame({name: getattr(dataset, name) for name in ("row", "star", "part", "y")})
    if difference := describe_difference(run.evaluation.predictions, rows):
        raise ValueError(f"the data set is cut in another way than the runs: of {run.name} and it, {difference}")


def _merge_settings(members):
    """Return settings of a data set that has what any of several has; nothing if no data set can have it."""
    settings = [m.record.get("dataset") or {} for m in members]
    if len({s.get("period_suffix") for s in settings}) > 1:
        return {}
    columns = dict.fromkeys(name for s in settings for name in s.get("features") or [])
    either = {name: any(s.get(name) for s in settings) for name in ("derived", "dmdt", "light_curves")}
    return settings[0] | {"features": list(columns)} | either


def save_average(runs, reports="", trusted=()):
    """Save the `average` of runs in the group of the first, named after them, `xgb+dnn`, and return that `Run`."""
    members = [load_run(run, reports) for run in runs]
    trained, evaluation = average(members, trusted=trusted)
    first, name = members[0], "+".join(member.algorithm for member in members)
    record = provenance({}) | {"data": first.data, "dataset": _merge_settings(members)}
    record |= {"members": trained.members, "contents": trained.contents}
    return load_run(write_run(run_folder(reports, first.group, name, first.tag), evaluation, record, trained.model))


def average_all(algorithms, group, reports="", trusted=()):
    """Average the runs of algorithms for every tag of a group that has them all, and return the saved `Run`s.

    Tags of which a run is damaged are left out with a warning. One that exists and is of the same members is kept, with
    its page. `trusted` is as in `average`.
    """
    result = []
    for tag in shared_tags(algorithms, group, reports):
        try:
            members = [load_run(f"{group}/{algorithm}/{tag}", reports) for algorithm in algorithms]
        except ValueError as error:
            warnings.warn(f"{tag} is not averaged: {error}", stacklevel=2)
            continue
        try:
            run = load_run(f"{group}/{'+'.join(algorithms)}/{tag}", reports)
            current = run.record.get("contents") == [member.content for member in members]
        except (FileNotFoundError, ValueError):  # there is none, or it is damaged
            current = False
        result.append(run if current else save_average(members, reports, trusted))
    return result


def shared_tags(algorithms, group, reports=""):
    """Return the tags of a group that have runs of all these algorithms; an error if none has them all."""
    runs = load_runs(reports)
    runs = runs[runs["group"] == group]
    names = [tag for tag, of_tag in runs.groupby("tag") if set(algorithms) <= set(of_tag["algorithm"])]
    if not names:
        asked, present = " and ".join(algorithms), ", ".join(sorted(set(runs["algorithm"]))) or "none"
        raise ValueError(f"no tag of group {group!r} has runs of {asked}; algorithms there: {present}")
    return names
