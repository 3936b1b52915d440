"""The models of a group of runs, loaded once, and what they say of the rows of a table."""

import json
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ..dataset.dataset import inputs
from ..models.saving import load_model
from ..taxonomy import check_names
from .saved import input_settings, load_run, load_runs

BATCH = 20_000  # rows that are judged at a time


def list_group(group, reports=""):
    """Return the saved runs of a group as a table, see `load_runs`; a `ValueError` names the groups that there are."""
    runs = load_runs(reports)
    check_names("group of runs", [group], sorted(runs["group"].unique()))
    runs = runs[runs["group"] == group]
    if runs["data_hash"].nunique(dropna=False) > 1:
        warnings.warn(f"the runs of {group} are of several training tables: train them in groups apart", stacklevel=3)
    return runs


@dataclass(frozen=True, eq=False)
class GroupModels:
    """The models of a group by `TAG_ALGORITHM`, the thresholds of their labels, and why other runs cannot be used."""

    models: dict
    thresholds: dict
    missing: dict

    def predict(self, table, curves=None, progress=False):
        """Return what each run says of each row of a table of features, and why others say nothing, by name.

        `curves` are the light curves of the rows, for runs that look at them. None that can be used is a `ValueError`.
        """
        missing, parts = dict(self.missing), []
        starts = range(0, len(table), BATCH)
        with tqdm(total=len(starts) * len(self.models), unit="run", disable=not progress) as bar:
            for start in starts:
                cache, rows, part = {}, slice(start, start + BATCH), {}
                for name, (run, model) in self.models.items():
                    bar.update()
                    if name not in missing:
                        with _keep_reason(missing, name):
                            part[name] = model.predict_proba(_inputs_of(run, table, curves, rows, cache))[:, 1]
                parts.append(pd.DataFrame(part))
        probability = pd.concat(parts, ignore_index=True).drop(columns=list(missing), errors="ignore")
        if probability.empty:
            raise ValueError(f"no run of the group can be used; the first reason: {next(iter(missing.values()))}")
        return probability, missing


def load_group(runs, false_alarms=None, trusted=()):
    """Return the `GroupModels` of a table of runs; see `catalogue.classify` for `false_alarms` and `trusted`."""
    models, thresholds, missing = {}, {}, {}
    for _, row in runs.iterrows():
        name = f"{row['tag']}_{row['algorithm']}"
        with _keep_reason(missing, name):
            run = load_run(row["folder"])
            models[name] = run, load_model(run.folder / "model", trusted)
            thresholds[name] = run.evaluation.threshold if false_alarms is None else _cut(run, false_alarms)
    return GroupModels(models, thresholds, missing)


def warn_of_missing(missing, count):
    """Warn of runs that say nothing; `count` is the number of all."""
    if missing:
        text = f"{len(missing)} of {count} runs say nothing, first {next(iter(missing))}"
        warnings.warn(f"{text}: {next(iter(missing.values()))}", stacklevel=3)


@contextmanager
def _keep_reason(missing, name):
    """Keep why a run cannot be used, and go on."""
    try:
        yield
    except (ValueError, OSError) as error:
        missing[name] = str(error)


def _inputs_of(run, table, curves, rows, cache):
    """Return what a run looks at of some rows; inputs of runs of the same settings are made once."""
    settings, looks_at_curves = input_settings(run), bool(run.record["dataset"].get("light_curves"))
    if looks_at_curves and curves is None:
        raise ValueError(f"{run.name} looks at light curves themselves, of which a table has none")
    key = json.dumps([*settings, looks_at_curves])
    if key not in cache:
        cache[key] = inputs(table, *settings, curves if looks_at_curves else None, rows)
    return cache[key]


def _cut(run, false_alarms):
    """Return the threshold that so large a share of unseen stars without the tag exceeds."""
    predictions = run.evaluation.predictions
    unseen = predictions[predictions["part"].isin([*run.evaluation.unseen, "test"]) & (predictions["y"] == 0)]
    return float(np.quantile(unseen.groupby("star")["probability"].mean(), 1 - false_alarms))
