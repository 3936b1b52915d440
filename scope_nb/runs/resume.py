"""Whether a saved run is the one that is asked for: made with the same parameters, data, notebook and version."""

import json
from pathlib import Path

import nbformat

from .. import __version__
from ..config import find_table
from ..files import sha256
from ..notebook import check_parameters, usual_parameters
from .saved import INPUTS, hash_inputs, load_run

NAMES = ("tag", "algorithm", "group", "reports")  # they say which run it is
PATHS = ("data", *INPUTS)  # are compared by what is in the files


def describe_request(notebook, parameters):
    """Return what runs of `train.ipynb` with these parameters would have in common in their provenance, as a dict.

    All files are read once, to hash them. An unknown parameter is a `ValueError`.
    """
    cell, more = usual_parameters(notebook)
    values = check_parameters(parameters, more | cell, f"parameter of {Path(notebook).name}")
    values = more | cell | cell["more"] | values.pop("more", {}) | values
    del values["more"]
    data = sha256(find_table(values["data"], values["config"]))
    return {"parameters": values, "data": data, "inputs": hash_inputs(values), "cells": read_cells(notebook)}


def read_cells(notebook):
    """Return the code of a notebook, without its parameters, as a list of texts."""
    cells = nbformat.read(notebook, as_version=4).cells
    tags = {"parameters", "injected-parameters"}
    return [c.source for c in cells if c.cell_type == "code" and not tags & set(c.metadata.get("tags", []))]


def find_changes(folder, request):
    """Return in words, as a list, why the run in a folder must be made again for a request; empty if it need not.

    `request` is that of `describe_request`. A mean of runs must be of the runs that are there now.
    """
    missing = [name for name in ("report.html", "report.ipynb") if not (folder / name).is_file()]
    if missing:
        return [f"it lacks {' and '.join(missing)}"]
    try:
        run = load_run(folder)
        cells = read_cells(folder / "report.ipynb")
        names = run.algorithm.split("+") if "+" in run.algorithm else []
        contents = [load_run(folder.parents[1] / name / folder.name).content for name in names]
    except (OSError, ValueError) as error:
        return [str(error)]
    changes = _compare_parameters(run.record.get("parameters", {}), request["parameters"])
    hashes = run.record.get("inputs", {}) | {"data": run.data.get("sha256")}
    asked = request["inputs"] | {"data": request["data"]}
    changes += [f"{name} has another content" for name in PATHS if hashes.get(name) != asked.get(name)]
    version = run.record.get("versions", {}).get("scope_nb")
    changes += [f"it was made by version {version}, this is {__version__}"] if version != __version__ else []
    changes += ["the notebook has changed"] if cells != request["cells"] else []
    changes += ["a run that it is the mean of was replaced"] if run.record.get("contents", []) != contents else []
    return changes


def _compare_parameters(recorded, asked):
    """Return in words which parameters differ, but for names and paths."""
    asked = json.loads(json.dumps(asked))  # as they are once they have been written and read
    names = [name for name in asked | recorded if name not in NAMES + PATHS]
    unlike = [name for name in names if recorded.get(name) != asked.get(name)]
    return [f"{name} was {recorded.get(name)!r}, is {asked.get(name)!r}" for name in unlike]
