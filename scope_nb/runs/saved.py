"""Saved runs: written whole, with all that they depend on; read back and listed."""

import json
import platform
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..dataset.dataset import PARTS, inputs
from ..dataset.tables import read_parquet, write_parquet
from ..files import project_folder, reports_folder, sha256, whole
from ..lightcurves.curves import stars
from ..models.fitting import named_importances
from ..models.saving import described, load_model, save_model
from ..scores.evaluation import Evaluation, pool
from ..scores.metrics import METRICS

RUN_FILES = ("stats.json", "predictions.parquet", "provenance.json")


def provenance(parameters, data=None, simulated=False):
    """Return what a run depends on: time, parameters, versions of all packages in use, the code's commit, the data."""
    record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": parameters,
        "python": platform.python_version(),
        "versions": _versions(),
        "commit": _commit(),
    }
    if data is not None:
        record["data"] = {"file": Path(data).name, "sha256": sha256(data), "simulated": bool(simulated)}
    return record


def _versions():
    """Return the versions of the packages that are loaded, by the names that they are imported by."""
    loaded = {name for name in sys.modules if "." not in name} - sys.stdlib_module_names
    versions = {name: vars(sys.modules[name]).get("__version__") for name in sorted(loaded, key=str.lower)}
    return {name: version for name, version in versions.items() if isinstance(version, str)}


def _commit():
    """Return the commit of the project's checkout, with a plus where files were changed since; None elsewhere."""
    if not (project_folder() / ".git").exists():
        return None
    command = ["git", "-C", str(project_folder()), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def save_run(folder, model, evaluation, dataset, parameters=None, data=None, simulated=False, figures=None):
    """Save a run: scores, predictions, plots, model and provenance, whole or not at all.

    A model that cannot be written without pickle costs its file, not the run: a warning and the provenance say why.

    Parameters
    ----------
    folder : path-like
        `reports/GROUP/ALGORITHM/TAG`. A run already there is replaced.
    model : scikit-learn classifier
        Fitted.
    evaluation : Evaluation
    dataset : Dataset
    parameters : dict, optional
        The notebook's parameters.
    data : path-like, optional
        The file of the training table, for its hash.
    simulated : bool
        Whether the data are.
    figures : dict of str to matplotlib.figure.Figure, optional
        Saved as PNG by name.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    record = provenance(parameters or {}, data, simulated) | {"dataset": dataset.settings}
    record |= {"members": list(model.names)} if hasattr(model, "names") else {}
    return write_run(Path(folder), evaluation, record, model, figures or {})


def write_run(folder, evaluation, record, model=None, figures=()):
    """Write a run with its provenance as it is; see `save_run`."""
    with whole(folder) as part:
        part.mkdir()
        test = evaluation.stats["test"]
        stats = {"tag": evaluation.tag, "threshold": evaluation.threshold, "unseen": evaluation.unseen}
        stats |= {"by_star": evaluation.by_star} | {m: test[m] for m in METRICS}
        stats |= evaluation.stats | {"importances": _importances(model)}
        _write_json(part / "stats.json", stats)
        write_parquet(evaluation.predictions, part / "predictions.parquet")
        for name in figures:
            figures[name].savefig(part / f"{name}.png", dpi=120, bbox_inches="tight")
        if model is not None:
            record = record | {"model": described(model)} | _save_model(model, part / "model")
        _write_json(part / "provenance.json", record)
    return folder


def _save_model(model, folder):
    """Save a model, or return for the provenance why that cannot be done, with a warning."""
    try:
        save_model(model, folder)
    except OSError:
        raise
    except Exception as error:  # what a writer of models makes of a foreign class is its own affair
        shutil.rmtree(folder, ignore_errors=True)
        reason = f"{type(error).__name__}: {error}"
        warnings.warn(f"the run is saved without its model, which cannot be written: {reason}", stacklevel=4)
        return {"model_not_saved": reason}
    return {}


def _importances(model):
    """Return the importance of each feature as shares of their sum, largest first; empty if the model has none."""
    if getattr(model, "feature_importances_", None) is None:
        return {}
    shares = named_importances(model).sort_values(ascending=False)
    shares = shares[shares > 0]
    return (shares / shares.sum()).to_dict()


def _write_json(path, value):
    """Write JSON; an undefined score becomes null, as JSON has no NaN."""
    path.write_text(json.dumps(_plain(value), indent=1) + "\n")


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


@dataclass(frozen=True, eq=False)
class Run:
    """A saved run: its folder, group, algorithm, `Evaluation`, provenance (`record`) and feature importances."""

    folder: Path
    group: str
    algorithm: str
    evaluation: Evaluation
    record: dict
    importances: dict

    @property
    def tag(self):
        """The tag of the run."""
        return self.evaluation.tag

    @property
    def name(self):
        """What tells the run from others: GROUP/ALGORITHM/TAG."""
        return f"{self.group}/{self.algorithm}/{self.tag}"

    @property
    def simulated(self):
        """Whether its data are simulated."""
        return bool((self.record.get("data") or {}).get("simulated"))


def load_run(run, reports=""):
    """Read a saved run.

    Parameters
    ----------
    run : path-like or Run
        Its folder, or "GROUP/ALGORITHM/TAG" below the folder of the runs. A `Run` is returned as it is.
    reports : path-like
        Folder of the runs; see `files.reports_folder`.

    Raises
    ------
    FileNotFoundError
        If there is no such run; those that exist are named.
    """
    if isinstance(run, Run):
        return run
    folder = reports_folder(reports) / Path(run).expanduser()  # an absolute path stays what it is
    missing = [name for name in RUN_FILES if not (folder / name).is_file()]
    if missing:
        there = ", ".join(p.parent.relative_to(reports_folder(reports)).as_posix() for p in _stats_files(reports))
        raise FileNotFoundError(f"{folder} is no saved run: it lacks {', '.join(missing)}. Runs: {there or 'none'}")
    stats = _read_json(folder / "stats.json")
    parts = {name: _with_nan(stats[name]) for name in PARTS}
    predictions, unseen = read_parquet(folder / "predictions.parquet"), tuple(stats.get("unseen", ["val"]))
    by_star = stats.get("by_star", False)
    evaluation = Evaluation(stats["tag"], stats["threshold"], predictions, parts, unseen, by_star)
    record = _read_json(folder / "provenance.json")
    group, algorithm = folder.resolve().parts[-3:-1]
    return Run(folder, group, algorithm, evaluation, record, stats.get("importances", {}))


def _stats_files(reports):
    """Return the stats.json of every run below the folder of the runs; hidden folders are unfinished ones."""
    reports = reports_folder(reports)
    found = sorted(reports.glob("*/*/*/stats.json"))
    return [path for path in found if not any(name.startswith(".") for name in path.relative_to(reports).parts)]


def _read_json(path):
    return json.loads(path.read_text())


def _with_nan(stats):
    """Turn null back into NaN."""
    intervals = {metric: [np.nan if v is None else v for v in pair] for metric, pair in stats["interval"].items()}
    return {key: np.nan if value is None else value for key, value in stats.items()} | {"interval": intervals}


def load_runs(reports=""):
    """List the saved runs below a folder.

    Returns
    -------
    pandas.DataFrame
        One row each: `group`, `algorithm`, `tag`, `folder`, `time`, `data`, `simulated`, the test scores, their
        `interval`s, `n`, `n_positive`, `n_positive_stars`, and the F1 of the training part, `f1_train`.
    """
    rows = []
    for path in _stats_files(reports):
        group, algorithm, tag = path.relative_to(reports_folder(reports)).parts[:3]
        stats, record = _read_json(path), _read_json(path.with_name("provenance.json"))
        data = record.get("data") or {}
        row = {"group": group, "algorithm": algorithm, "tag": tag, "folder": path.parent, "time": record["time"]}
        row |= {"data": data.get("file"), "simulated": data.get("simulated", False)}
        row |= {metric: stats[metric] for metric in METRICS} | {"f1_train": stats.get("train", {}).get("f1_score")}
        row |= {key: stats["test"].get(key) for key in ("interval", "n", "n_positive", "n_positive_stars")}
        rows.append(row)
    return pd.DataFrame(rows)


def classify(run, table, reports="", light_curves=None):
    """Classify light curves by a saved run; they need features, but no labels.

    Parameters
    ----------
    run : path-like or Run
        See `load_run`. An ensemble averages its members.
    table : pandas.DataFrame
        Features as in a training table. If the run is `by_star`, a star is judged by all of its light curves in it:
        they are told by `obj_id`, or `ra` and `dec`; where no row has either, each light curve is judged alone.
    reports : path-like
        Folder of the runs.
    light_curves : LightCurves, optional
        Those of the rows, for a run that looks at light curves themselves.

    Returns
    -------
    pandas.DataFrame
        The `probability`, and whether it is above the threshold of the run (`positive`), of each row.
    """
    run = load_run(run, reports)
    seen = {name: run.record["dataset"][name] for name in ("features", "period_suffix", "derived", "dmdt")}
    if run.record["dataset"].get("light_curves") and light_curves is None:
        raise ValueError(f"{run.name} looks at light curves themselves: give those of the table as light_curves")
    X = inputs(table, **seen, light_curves=light_curves)
    probability = load_model(run.folder / "model").predict_proba(X)[:, 1]
    known = "obj_id" in table or table.reindex(columns=["ra", "dec"]).notna().any(axis=None)
    probability = pool(probability, stars(table)[0]) if run.evaluation.by_star and known else probability
    return pd.DataFrame({"probability": probability, "positive": probability > run.evaluation.threshold}, table.index)


def require_same(a, b, part=None, any_data=False):
    """Check that two runs tell of the same light curves, or say what differs.

    Parameters
    ----------
    a, b : Run
    part : str, optional
        Compare this part only; by default all of them.
    any_data : bool
        Do not ask for the same file: rows, stars and labels decide.

    Raises
    ------
    ValueError
    """
    where = f"{a.name} and {b.name} cannot be compared: "
    if a.tag != b.tag:
        raise ValueError(f"{where}their tags differ, {a.tag} and {b.tag}")
    data = [run.record.get("data") or {} for run in (a, b)]
    if not any_data and data[0].get("sha256") != data[1].get("sha256"):
        files = " and ".join(f"{d.get('file')} ({str(d.get('sha256'))[:8]})" for d in data)
        raise ValueError(f"{where}their data differ, {files}; train both on one table")
    one, two = (run.evaluation.part(part) if part else run.evaluation.predictions for run in (a, b))
    if difference := _difference(one, two):
        settings = [run.record.get("dataset") or {} for run in (a, b)]
        unlike = [key for key in ("threshold", "split") if settings[0].get(key) != settings[1].get(key)]
        cause = "".join(f"; {key}: {settings[0].get(key)} and {settings[1].get(key)}" for key in unlike)
        raise ValueError(f"{where}{difference}{cause}")


def _difference(one, two):
    """Say how the light curves of two sets of predictions differ; nothing if they do not."""
    rows = one["row"].to_numpy(), two["row"].to_numpy()
    if not np.array_equal(*rows):
        alone = [len(np.setdiff1d(*pair)) for pair in (rows, rows[::-1])]
        stars = [one["star"].nunique(), two["star"].nunique()]
        return (
            f"their light curves differ, {alone[0]} only in the first and {alone[1]} only in the second "
            f"({stars[0]} and {stars[1]} stars)"
        )
    for column, what in (("star", "stars"), ("y", "labels"), ("part", "parts")):
        unlike = (one[column].to_numpy() != two[column].to_numpy()).sum()
        if unlike:
            return f"{unlike} of {len(one)} light curves have other {what}"
    return ""


def what_differs(run_a, run_b, reports=""):
    """Return what two runs were made with and that differs: parameters, model, data, code and versions.

    Parameters
    ----------
    run_a, run_b : path-like or Run
    reports : path-like
        See `load_run`.

    Returns
    -------
    pandas.DataFrame
        One row each, one column for each run, as text; of the models only the words that the other has not.
    """
    a, b = (load_run(run, reports) for run in (run_a, run_b))
    one, two = (_made_with(run.record) for run in (a, b))
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    both = one.keys() & two.keys()  # a package that one of them did not load is no change
    names = [name for name in names if name in both or not name.startswith("version of ")]
    table = pd.DataFrame([[one.get(name), two.get(name)] for name in names], names, ["a", "b"], dtype=object)
    if "model" in table.index:
        words = [re.findall(r"[^\s,()]+", str(text)) for text in table.loc["model"]]
        table.loc["model"] = [" ".join(w for w in own if w not in other) for own, other in (words, words[::-1])]
    return table.fillna("").astype(str)


def _made_with(record):
    """Return the provenance of a run as one flat dictionary, without its time and place."""
    data, dataset = record.get("data") or {}, dict(record.get("dataset") or {})
    columns = dataset.pop("features", None)
    flat = {name: v for name, v in record.get("parameters", {}).items() if name not in ("group", "reports")} | dataset
    flat |= {"columns": columns and len(columns), "model": record.get("model"), "commit": record.get("commit")}
    flat |= {"data": data.get("file"), "data hash": str(data.get("sha256"))[:8], "python": record.get("python")}
    return flat | {f"version of {name}": v for name, v in record.get("versions", {}).items()}
