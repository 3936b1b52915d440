"""Saved runs: written whole, with all that they depend on; read back and listed."""

import json
import platform
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow.parquet import read_metadata

from ..dataset.dataset import PARTS, inputs
from ..dataset.tables import read_parquet, write_parquet
from ..files import project_folder, read_json, reports_folder, sha256, write_atomically
from ..lightcurves.curves import stars
from ..models.fitting import Trained, named_importances
from ..models.saving import described, load_model, save_model
from ..scores.evaluation import Evaluation, pool
from ..scores.metrics import METRICS

TEST_COLUMNS = ("interval", "n", "n_positive", "n_positive_stars")
RUN_COLUMNS = ("group", "algorithm", "tag", "folder", "time", "data", "simulated", "split", "f1_train", "importances")


def provenance(parameters, data=None, simulated=False):
    """Return what a run depends on: time, parameters, versions of all packages in use, the code's commit, the data."""
    record = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "parameters": parameters}
    record |= {"python": platform.python_version(), "versions": _versions(), "commit": _commit()}
    record["data"] = {"simulated": bool(simulated)}
    if data is not None:
        record["data"] |= {"file": Path(data).name, "sha256": sha256(data)}
    return record


def _versions():
    """Return the versions of the packages that are loaded, by the names that they are imported by."""
    loaded = {name for name in sys.modules if "." not in name} - sys.stdlib_module_names
    versions = {name: vars(sys.modules[name]).get("__version__") for name in sorted(loaded, key=str.lower)}
    return {name: version for name, version in versions.items() if isinstance(version, str)}


def _commit():
    """Return the commit of the project's checkout, with a plus where files were changed since; None elsewhere."""
    command = ["git", "-C", str(project_folder()), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    if (project_folder() / ".git").exists():
        with suppress(OSError):
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    return None


def save_run(folder, trained, evaluation, dataset, parameters=None, figures=None, data=None):
    """Save a run: scores, predictions, plots, model and provenance, whole or not at all. Return its folder.

    A model that cannot be written without pickle costs its file, not the run: a warning and the provenance say why.

    Parameters
    ----------
    folder : path-like
        `reports/GROUP/ALGORITHM/TAG`. A run already there is replaced.
    trained : Trained or fitted classifier
    parameters, figures : dict, optional
        The notebook's parameters; matplotlib figures, saved as PNG by name.
    data : path-like, optional
        The file of the training table, by default that of the data set.
    """
    record = provenance(parameters or {}, dataset.path if data is None else data, dataset.simulated)
    record["dataset"] = dataset.settings
    model = trained.model if isinstance(trained, Trained) else trained
    if isinstance(trained, Trained) and trained.members:
        record["members"] = trained.members
        if model is not None:
            model.predict_proba(dataset.X.head(1))  # raises if a member looks at what the data set lacks
    return write_run(Path(folder), evaluation, record, model, figures)


def write_run(folder, evaluation, record, model=None, figures=None):
    """Write a run with its provenance as it is; see `save_run`."""
    stats = {name: getattr(evaluation, name) for name in ("tag", "threshold", "unseen", "by_star")}
    stats |= {metric: evaluation.stats["test"][metric] for metric in METRICS}
    stats |= evaluation.stats | {"importances": _importance_shares(model)}
    with write_atomically(folder) as part:
        part.mkdir()
        _write_json(part / "stats.json", stats)
        write_parquet(evaluation.predictions, part / "predictions.parquet")
        for name, figure in (figures or {}).items():
            figure.savefig(part / f"{name}.png", dpi=120, bbox_inches="tight")
        if model is not None:
            record = record | {"model": described(model)}
            try:
                save_model(model, part / "model")
            except OSError:
                raise
            except Exception as error:  # what a writer of models makes of a foreign class is its own affair
                shutil.rmtree(part / "model", ignore_errors=True)
                record["model_not_saved"] = reason = f"{type(error).__name__}: {error}"
                warnings.warn(f"the run is saved without its model, which cannot be written: {reason}", stacklevel=3)
        _write_json(part / "provenance.json", record)
    return folder


def _importance_shares(model):
    """Return the importance of each feature as shares of their sum, largest first; empty if the model has none."""
    if getattr(model, "feature_importances_", None) is None:
        return {}
    shares = named_importances(model).sort_values(ascending=False).loc[lambda share: share > 0]
    return (shares / shares.sum()).to_dict()


def _write_json(path, value):
    """Write JSON; an undefined score becomes null, as JSON has no NaN."""
    value = json.loads(json.dumps(value, default=np.generic.item), parse_constant=lambda _: None)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


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
        """The name of the run: GROUP/ALGORITHM/TAG."""
        return f"{self.group}/{self.algorithm}/{self.tag}"

    @property
    def data(self):
        """The `file`, `sha256` and `simulated` of its training table, as far as they are recorded."""
        return self.record.get("data") or {}

    @property
    def simulated(self):
        """Whether its data are simulated."""
        return bool(self.data.get("simulated"))


def load_run(run, reports=""):
    """Read a saved run: its folder, or "GROUP/ALGORITHM/TAG" below `reports`. A `Run` is returned as it is.

    If there is no such run, the `FileNotFoundError` names those that exist.
    """
    if isinstance(run, Run):
        return run
    folder = reports_folder(reports) / Path(run).expanduser()  # an absolute path stays what it is
    files = ("stats.json", "predictions.parquet", "provenance.json")
    if missing := ", ".join(name for name in files if not (folder / name).is_file()):
        names = ", ".join(path.relative_to(reports_folder(reports)).as_posix() for path in _run_folders(reports))
        reason = f"it lacks {missing}" if folder.is_dir() else "there is no such folder"
        raise FileNotFoundError(f"{folder} is no saved run: {reason}. Runs: {names or 'none'}")
    stats, record = _read_json(folder / "stats.json"), _read_json(folder / "provenance.json")
    parts = {name: _with_nan(stats[name]) for name in PARTS}
    settings = {"unseen": tuple(stats.get("unseen", ["val"])), "by_star": stats.get("by_star", False)}
    predictions = read_parquet(folder / "predictions.parquet")
    evaluation = Evaluation(stats["tag"], stats["threshold"], predictions, parts, **settings)
    group, algorithm = folder.resolve().parts[-3:-1]
    return Run(folder, group, algorithm, evaluation, record, stats.get("importances", {}))


def _run_folders(reports):
    """Return the folder of every run below the folder of the runs; hidden folders are unfinished ones."""
    return sorted(path.parent for path in reports_folder(reports).glob("[!.]*/[!.]*/[!.]*/stats.json"))


def _read_json(path):
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no JSON object")
    return content


def _with_nan(stats):
    """Turn null back into NaN."""
    intervals = {metric: np.array(ends, float).tolist() for metric, ends in stats["interval"].items()}
    return {key: np.nan if value is None else value for key, value in stats.items()} | {"interval": intervals}


def load_runs(reports=""):
    """List the saved runs below a folder, a row each: `RUN_COLUMNS`, and of the test part `METRICS` and `TEST_COLUMNS`.

    Runs whose files cannot be read are left out with a warning; `attrs["damaged"]` has their names and the reasons.
    """
    rows, damaged = [], {}
    for folder in _run_folders(reports):
        try:
            rows.append(_list_run(folder))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            name = "/".join(folder.parts[-3:])
            damaged[name] = f"{type(error).__name__}: {error}"
            warnings.warn(f"the run {name} is left out, as it cannot be read: {damaged[name]}", stacklevel=2)
    table = pd.DataFrame(rows, columns=[*RUN_COLUMNS, *METRICS, *TEST_COLUMNS])
    table.attrs["damaged"] = damaged
    return table


def _list_run(folder):
    """Return what `load_runs` lists of one run, by name."""
    read_metadata(folder / "predictions.parquet")  # raises where the file is cut short
    stats, record = _read_json(folder / "stats.json"), _read_json(folder / "provenance.json")
    data = record.get("data") or {}
    group, algorithm, tag = folder.parts[-3:]
    row = {"group": group, "algorithm": algorithm, "tag": tag, "folder": folder, "time": record["time"]}
    row |= {"data": data.get("file"), "simulated": data.get("simulated", False)}
    row["split"] = (record.get("dataset") or {}).get("split", "star")
    row |= {"importances": stats.get("importances", {}), "f1_train": stats.get("train", {}).get("f1_score")}
    row |= {metric: stats[metric] for metric in METRICS}
    return row | {name: stats["test"].get(name) for name in TEST_COLUMNS}


def classify(run, table, reports="", light_curves=None):
    """Return the `probability` of light curves by a saved run (`load_run`), and whether they are `positive` by it.

    Parameters
    ----------
    table : pandas.DataFrame
        Features as in a training table, without labels. If the run is `by_star`, a star is judged by all of its
        light curves in it; where no row has `obj_id`, or `ra` and `dec`, each light curve is judged alone.
    light_curves : LightCurves, optional
        Those of the rows, for a run that looks at light curves themselves.
    """
    run = load_run(run, reports)
    cut = run.record["dataset"]
    if cut.get("light_curves") and light_curves is None:
        raise ValueError(f"{run.name} looks at light curves themselves: give those of the table as light_curves")
    X = inputs(table, cut["features"], cut["period_suffix"], cut["derived"], cut["dmdt"], light_curves)
    probability = load_model(run.folder / "model").predict_proba(X)[:, 1]
    identified = "obj_id" in table or table.reindex(columns=["ra", "dec"]).notna().any(axis=None)
    if run.evaluation.by_star and identified:
        probability = pool(probability, stars(table)[0])
    return pd.DataFrame({"probability": probability, "positive": probability > run.evaluation.threshold}, table.index)


def require_same(a, b, part=None, any_data=False):
    """Raise an error if two `Run`s are not of the same light curves (in one part) and, unless `any_data`, files."""
    where = f"{a.name} and {b.name} cannot be compared: "
    if a.tag != b.tag:
        raise ValueError(f"{where}their tags differ, {a.tag} and {b.tag}")
    if not any_data and a.data.get("sha256") != b.data.get("sha256"):
        files = " and ".join(f"{run.data.get('file')} ({str(run.data.get('sha256'))[:8]})" for run in (a, b))
        raise ValueError(f"{where}their data differ, {files}; train both on one table")
    one, two = (run.evaluation.part(part) if part else run.evaluation.predictions for run in (a, b))
    if difference := describe_difference(one, two):
        one, two = (run.record.get("dataset") or {} for run in (a, b))
        unlike = [key for key in ("threshold", "split") if one.get(key) != two.get(key)]
        causes = [f"; {key}: {one.get(key)} and {two.get(key)}" for key in unlike]
        raise ValueError(f"{where}{difference}{''.join(causes)}")


def describe_difference(one, two):
    """Return in words how the light curves of two sets of predictions differ; nothing if they do not."""
    if not np.array_equal(one["row"], two["row"]):
        first, second = len(np.setdiff1d(one["row"], two["row"])), len(np.setdiff1d(two["row"], one["row"]))
        stars = f"{one['star'].nunique()} and {two['star'].nunique()} stars"
        return f"their light curves differ, {first} only in the first and {second} only in the second ({stars})"
    for column, plural in (("star", "stars"), ("y", "labels"), ("part", "parts")):
        if unlike := (one[column].to_numpy() != two[column].to_numpy()).sum():
            return f"{unlike} of {len(one)} light curves have other {plural}"
    return ""


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
