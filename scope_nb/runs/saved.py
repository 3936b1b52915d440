"""Saved runs: written whole, with all that they depend on; read back and listed."""

import hashlib
import json
import platform
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
import pyarrow as pa
import pyarrow.parquet as pq

from ..dataset.dataset import PARTS, inputs
from ..dataset.tables import write_parquet
from ..files import decode_name, project_folder, read_json, reports_folder, sha256
from ..lightcurves.curves import stars
from ..models.fitting import Trained, named_importances
from ..models.saving import described, foreign_types, load_model, save_model
from ..scores.evaluation import Evaluation, pool
from ..scores.metrics import METRICS, compute_scores
from ..writing import clear_leftovers, lock, write_atomically

INPUTS = ("config", "light_curves", "start_from", "corrections")  # parameters that name files or folders
FILES = ("stats.json", "predictions.parquet", "provenance.json")
PREDICTION_COLUMNS = ("row", "star", "part", "y", "probability")
COUNTS = ("n", "n_positive", "n_stars", "n_positive_stars")
TEST_COLUMNS = ("interval", "n", "n_positive", "n_positive_stars")
NO_MEAN = "one of the runs that it is the mean of has none, or no data set can have what all of them look at"
NAMED = ("group", "algorithm", "tag", "folder", "time", "content", "data", "data_hash", "simulated", "split")
RUN_COLUMNS = (*NAMED, "f1_train", "importances", "replaced")
SAME = 1e-9  # scores of the same predictions agree this closely, whatever the versions of the libraries


def provenance(parameters, data=None, simulated=False):
    """Return what a run depends on: time, parameters, versions of all packages in use, the code's commit, the data."""
    record = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "parameters": parameters}
    record |= {"python": platform.python_version(), "versions": _versions(), "commit": _commit()}
    record["data"] = {"simulated": bool(simulated)}
    if data is not None:
        record["data"] |= {"file": Path(data).name, "sha256": sha256(data)}
    return record


def hash_inputs(parameters):
    """Return by parameter the SHA-256 of the files and folders beside the training table that parameters name."""
    paths = {name: Path(parameters[name]).expanduser() for name in INPUTS if parameters.get(name)}
    return {name: sha256(path) for name, path in paths.items() if path.exists()}


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
            return subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout.strip() or None
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
    if dataset.classes:
        raise ValueError(
            "a run is of one tag: of several classes, models.save_model(trained.model, folder) keeps the model and "
            "evaluation.table().to_csv(path) the scores"
        )
    record = provenance(parameters or {}, dataset.path if data is None else data, dataset.simulated)
    record |= {"dataset": dataset.settings, "inputs": hash_inputs(parameters or {})}
    model = trained.model if isinstance(trained, Trained) else trained
    if isinstance(trained, Trained) and trained.members:
        record |= {"members": trained.members, "contents": trained.contents}
        if model is not None:
            model.predict_proba(dataset.X.head(1))  # raises if a member looks at what the data set lacks
    return write_run(Path(folder), evaluation, record, model, figures)


def write_run(folder, evaluation, record, model=None, figures=None):
    """Write a run with its provenance as it is; see `save_run`."""
    stats = {name: getattr(evaluation, name) for name in ("tag", "threshold", "unseen", "by_star")}
    stats |= {metric: evaluation.stats["test"][metric] for metric in METRICS}
    stats |= evaluation.stats | {"importances": _importance_shares(model)}
    with lock(folder), write_atomically(folder) as part:
        part.mkdir()
        _write_json(part / "stats.json", stats)
        write_parquet(evaluation.predictions, part / "predictions.parquet")
        for name, figure in (figures or {}).items():
            figure.savefig(part / f"{name}.png", dpi=120, bbox_inches="tight")
        if model is None and record.get("members"):
            record = record | {"model_not_saved": NO_MEAN}
        if model is not None:
            record = record | {"model": described(model)}
            try:
                save_model(model, part / "model")
                record["types_to_trust"] = foreign_types(part / "model")
            except (OSError, Warning):
                raise
            except Exception as error:  # what a writer of models makes of a foreign class is its own affair
                shutil.rmtree(part / "model", ignore_errors=True)
                record["model_not_saved"] = reason = f"{type(error).__name__}: {error}"
                hint = "what it has learned must be numbers, text, lists, arrays or estimators, not tables of pandas"
                text = f"the run is saved without its model, which cannot be written ({hint}): {reason}"
                warnings.warn(text, stacklevel=3)
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
    """A saved run: its folder, group, algorithm, `Evaluation`, provenance (`record`) and feature importances.

    `content` is the SHA-256 of its predictions.
    """

    folder: Path
    group: str
    algorithm: str
    evaluation: Evaluation
    record: dict
    importances: dict
    content: str = ""

    def __repr__(self):
        return f"Run {self.name}: {self.evaluation.describe_test()}"

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

    If there is no such run, the `FileNotFoundError` names those that exist; what a damaged one lacks is a `ValueError`,
    also that its scores are not those of its predictions.
    """
    if isinstance(run, Run):
        return run
    folder = reports_folder(reports) / Path(run).expanduser()  # an absolute path stays what it is
    if not folder.is_dir():
        clear_leftovers(folder.parent)  # it may have been moved aside
    try:
        stats, record, predictions, content = _read_files(folder)
        parts, settings = {name: stats[name] for name in PARTS}, {name: stats[name] for name in ("unseen", "by_star")}
        predictions = predictions.to_pandas()
        evaluation = Evaluation(stats["tag"], stats["threshold"], predictions, parts, **settings)
        _require_scores(evaluation)
    except FileNotFoundError as error:
        names = ", ".join(_name_of(path) for path in _run_folders(reports))
        raise FileNotFoundError(f"{folder} is no saved run: {error}. Runs: {names or 'none'}") from None
    except ValueError as error:
        raise ValueError(f"the run {folder} is damaged: {error}") from error
    group, algorithm = folder.resolve().parts[-3:-1]
    return Run(folder, group, algorithm, evaluation, record, stats["importances"], content)


def _require_scores(evaluation):
    """Raise a `ValueError` if counts and scores are not those of the predictions."""
    for name in PARTS:
        rows, stats = evaluation.part(name), evaluation.stats[name]
        star, y = rows["star"], rows["y"].to_numpy()
        scores = {"n": len(rows), "n_positive": (y == 1).sum()}
        scores |= {"n_stars": star.nunique(), "n_positive_stars": star[y == 1].nunique()}
        if len(rows):
            scores |= compute_scores(y, rows["probability"], evaluation.threshold)
        for score, value in scores.items():
            if not np.isclose(stats[score], value, rtol=SAME, atol=SAME, equal_nan=True):
                raise ValueError(
                    f"stats.json and predictions.parquet do not belong together: {score} of the {name} part is "
                    f"{stats[score]} in the first and {value} by the second"
                )


def _run_folders(reports):
    """Return the folder of every run below the folder of the runs; hidden folders are unfinished ones."""
    for folder in reports_folder(reports).glob("[!.]*/[!.]*"):
        clear_leftovers(folder)
    paths = reports_folder(reports).glob("[!.]*/[!.]*/[!.]*/*")
    return sorted({path.parent for path in paths if path.name in FILES})


def _name_of(folder):
    """Return the name of the run in a folder, GROUP/ALGORITHM/TAG, as text."""
    return decode_name("/".join(folder.parts[-3:]))


def _read_files(folder):
    """Return scores, provenance and predictions (a table of Arrow) of a run, all checked, and the SHA-256 of the last.

    Of a damaged run the `ValueError` names the file and what is wrong with it; a `FileNotFoundError` what is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError("there is no such folder")
    if missing := ", ".join(name for name in FILES if not (folder / name).is_file()):
        raise FileNotFoundError(f"it lacks {missing}")
    stats = _read_json(folder / "stats.json", _check_stats)
    record = _read_json(folder / "provenance.json", _check_record)
    try:
        file = (folder / "predictions.parquet").read_bytes()  # pyarrow itself wants names of files in UTF-8
        predictions = pq.ParquetFile(pa.BufferReader(file), page_checksum_verification=True).read()
        predictions = predictions.replace_schema_metadata()  # that of pandas is not needed, and may be damaged
        predictions.validate(full=True)
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"predictions.parquet cannot be read: {error}") from error
    if missing := [name for name in PREDICTION_COLUMNS if name not in predictions.column_names]:
        raise ValueError(f"predictions.parquet lacks the columns {', '.join(missing)}")
    if not pa.types.is_floating(predictions["probability"].type):
        raise ValueError("predictions.parquet holds probabilities that are no numbers")
    labels = predictions["y"].type
    if len(predictions) and not (pa.types.is_integer(labels) or pa.types.is_floating(labels)):
        raise ValueError("predictions.parquet holds labels that are no numbers")
    n = (predictions["part"].to_pandas() == "test").sum()
    if n != stats["test"]["n"]:
        raise ValueError(f"predictions.parquet has {n} test light curves, stats.json {stats['test']['n']}")
    return stats, record, predictions, hashlib.sha256(file).hexdigest()


def _read_json(path, check):
    """Return what `check` makes of the JSON object in a file."""
    try:
        content = read_json(path)
        if not isinstance(content, dict):
            raise TypeError(f"it holds a {type(content).__name__}, not names and values")
        return check(content)
    except KeyError as error:
        raise ValueError(f"{path.name} lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:  # of a conversion of a wrong value
        reason = str(error).removeprefix(f"{path} is not JSON that can be read: ").removeprefix(f"{path} is ")
        raise ValueError(f"{path.name} is damaged: {reason}") from error


def _check_stats(stats):
    """Return the scores as they were before they were written; a missing or wrong one is an error of Python's own."""
    unseen, shares = tuple(stats.get("unseen", ["val"])), stats.get("importances", {})
    settings = {"tag": str(stats["tag"]), "threshold": float(stats["threshold"]), "unseen": unseen}
    settings |= {"by_star": bool(stats.get("by_star")), "importances": {k: float(v) for k, v in shares.items()}}
    return settings | {name: _check_part(stats[name]) for name in PARTS}


def _check_part(part):
    """Return the scores of one part, null turned back into NaN."""
    scores = {metric: np.nan if part[metric] is None else float(part[metric]) for metric in METRICS}
    scores["interval"] = {metric: np.array(part["interval"][metric], float).reshape(2).tolist() for metric in METRICS}
    return scores | {name: int(part[name]) for name in COUNTS}


def _check_record(record):
    """Return the provenance if what others rely on in it has the right kind."""
    datetime.fromisoformat(record["time"])
    for name, kind in (("data", dict), ("dataset", dict), ("parameters", dict), ("versions", dict), ("inputs", dict)):
        if not isinstance(record.get(name, kind()), kind):
            raise TypeError(f"{name} is {record[name]!r}")
    for name in ("members", "contents"):
        texts = record.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{name} is {texts!r}")
    return record


def load_runs(reports=""):
    """List the saved runs below a folder, a row each: `RUN_COLUMNS`, and of the test part `METRICS` and `TEST_COLUMNS`.

    `content` and `data_hash` are the SHA-256 of its predictions and of its training table; `replaced` lists those of
    the members of a mean that are others by now. Damaged runs are left out with a warning; `attrs["damaged"]` has their
    names and the reasons.
    """
    rows, members, damaged = [], {}, {}
    for folder in _run_folders(reports):
        name = _name_of(folder)
        group, algorithm, tag = name.split("/")
        try:
            stats, record, _, content = _read_files(folder)
            if stats["tag"] != tag:
                raise ValueError(f"stats.json is of the tag {stats['tag']}")
        except (ValueError, OSError) as error:
            damaged[name] = str(error)
            warnings.warn(f"the run {name} is damaged and left out: {error}", stacklevel=2)
            continue
        data, dataset = record.get("data") or {}, record.get("dataset") or {}
        row = {"group": group, "algorithm": algorithm, "tag": tag, "folder": folder, "time": record["time"]}
        row |= {"content": content, "data": data.get("file"), "data_hash": data.get("sha256")}
        row |= {"simulated": data.get("simulated", False), "split": dataset.get("split", "star")}
        row |= {"importances": stats["importances"], "f1_train": stats["train"]["f1_score"]}
        rows.append(row | stats["test"])
        members[name] = dict(zip(record.get("members", []), record.get("contents", []), strict=False))
    current = {name: row["content"] for name, row in zip(members, rows, strict=True)}
    for row, contents in zip(rows, members.values(), strict=True):
        row["replaced"] = [name for name, content in contents.items() if current.get(name, content) != content]
    table = pd.DataFrame(rows, columns=[*RUN_COLUMNS, *METRICS, *TEST_COLUMNS])
    table.attrs["damaged"] = damaged
    return table


def input_settings(run):
    """Return with which features, period suffix, derived features and dmdt a run was trained."""
    cut, names = run.record.get("dataset") or {}, ("features", "period_suffix", "derived", "dmdt")
    if missing := [name for name in names if name not in cut]:
        raise ValueError(f"{run.name} does not record with which {', '.join(missing)} it was trained")
    return [cut[name] for name in names]


def apply_run(run, table, reports="", light_curves=None, trusted=()):
    """Return the `probability` of light curves by a saved run (`load_run`), and whether they are `positive` by it.

    Parameters
    ----------
    table : pandas.DataFrame
        Features as in a training table, without labels. If the run is `by_star`, a star is judged by all of its
        light curves in it; where no row has `obj_id`, or `ra` and `dec`, each light curve is judged alone.
    light_curves : LightCurves, optional
        Those of the rows, for a run that looks at light curves themselves.
    trusted : list of str, optional
        Types that the model may hold, see `models.load_model`.
    """
    run = load_run(run, reports)
    cut = run.record.get("dataset") or {}
    if cut.get("light_curves") and light_curves is None:
        raise ValueError(f"{run.name} looks at light curves themselves: give those of the table as light_curves")
    model = load_model(run.folder / "model", trusted)
    X = inputs(table, *input_settings(run), light_curves)
    probability = model.predict_proba(X)[:, 1]
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
