"""All tags of a training table at once, without a page for each: what a catalogue needs."""

import warnings

from tqdm.auto import tqdm

from ..config import find_table, run_settings
from ..dataset.dataset import Dataset, trainable
from ..dataset.tables import read_table
from ..files import group_of, reports_folder, run_folder, sha256
from ..models.builders import build, choose_inputs
from ..models.fitting import fit
from ..scores.evaluation import evaluate
from ..taxonomy import tags
from .novelty import NOVELTY, fit_novelty
from .saved import load_run, save_run


def stars_group(data=""):
    """Return the usual group of classifiers for `classify`: "stars", with a table of one's own "stars-NAME"."""
    return f"stars-{group_of(data)}" if data else "stars"


def train_group(group, data="", reports="", algorithm="xgb", features="light curve", seed=42, progress=True):
    """Train a classifier of every tag that a table can train, and what tells unusual stars; return why not the others.

    Parameters
    ----------
    group : str
        The name of the runs below `reports`. Those that are there, of the same table, are kept.
    data : path-like, optional
        A training table with labels; "" is the embedded, simulated sample.
    algorithm, features : str
        One of the kit's models; a set of features, see `taxonomy.feature_columns`.
    """
    path = find_table(data)
    cuts = {tag: run_settings(tag, features=features)["cut"] | {"seed": seed} for tag in tags().index}
    good, reasons = trainable(path, cuts)
    if not good:
        raise ValueError(f"{path} can train no tag; the first reason: {next(iter(reasons.values()))}")
    table, hashed, folder = read_table(path), sha256(path), reports_folder(reports)
    settings = {"algorithm": algorithm, "features": features, "seed": seed}
    runs = {tag: run_folder(reports, group, algorithm, tag) for tag in good}
    runs = {tag: run for tag, run in runs.items() if not _is_made(run, hashed, settings)}
    for tag, run in tqdm(runs.items(), f"training {group}, once", unit="tag", disable=not progress or not runs):
        inputs = choose_inputs(algorithm)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* positive stars")  # of many tags that are rare by nature
            dataset = Dataset.read(table, tag, **cuts[tag], **inputs)
        trained = fit(build(algorithm, tag, seed), dataset, seed=seed, progress=False)
        save_run(run, trained, evaluate(trained, dataset), dataset, settings | {"tag": tag, "group": group}, data=path)
    # it is fitted anew with any tag, else what is unusual would be judged by another table than the tags
    if runs or not (folder / group / NOVELTY / "scores.parquet").is_file():
        fit_novelty(table, features, seed=seed).save(folder / group / NOVELTY)
    return reasons


def _is_made(run, hashed, settings):
    """Return whether a run is there that was made of this table with these settings."""
    try:
        record = load_run(run).record
    except (ValueError, OSError):
        return False
    parameters = record.get("parameters", {})
    return record["data"].get("sha256") == hashed and all(parameters.get(k) == v for k, v in settings.items())
