"""A notebook in place of `train.ipynb`: it takes the same parameters and saves a run within seconds."""

import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest

from scope_nb import report
from scope_nb.files import project_folder

SAVE = """
import numpy as np, pandas as pd
from scope_nb import files, notebook, runs, taxonomy
from scope_nb.scores.evaluation import evaluate_predictions

settings = notebook.parameters(taxonomy.defaults()["train"])
n = 60
frame = pd.DataFrame({"row": range(n), "star": [str(k) for k in range(n)], "part": ["train", "val", "test"] * (n // 3)})
frame["y"] = np.arange(n) // 3 % 2
frame["probability"] = np.random.default_rng(settings["seed"]).random(n)
record = runs.saved.provenance(settings, data or files.sample())
folder = files.run_folder(settings["reports"], group, algorithm, tag)
runs.write_run(folder, evaluate_predictions(tag, frame), record)
print("trained with seed", settings["seed"])
"""


@pytest.fixture
def train(tmp_path, monkeypatch):
    """A function that has `train_reports` run a quick notebook, with other cells before it, and returns its path."""

    def write(*cells):
        book = nbformat.read(project_folder() / "notebooks" / "train.ipynb", as_version=4)
        first = next(cell for cell in book.cells if "parameters" in cell.metadata.get("tags", []))
        book.cells = [first, *(nbformat.v4.new_code_cell(source) for source in (*cells, SAVE))]
        path = tmp_path / "notebooks" / "train.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(book, path)
        monkeypatch.setattr(report, "project_folder", lambda: tmp_path)
        return path

    return write


@pytest.fixture
def start():
    """A function that starts Python code in a process of its own, which is killed at the end if it still runs."""
    processes = []

    def run(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        processes.append(subprocess.Popen(command, **pipes, encoding="utf-8"))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def evaluation():
    """The scores of sixty light curves."""
    from scope_nb.scores.evaluation import evaluate_predictions

    frame = pd.DataFrame({"row": range(60), "star": np.arange(60).astype(str), "part": ["train", "val", "test"] * 20})
    frame["y"], frame["probability"] = np.arange(60) // 3 % 2, np.linspace(0.1, 0.9, 60)
    return evaluate_predictions("rrlyr", frame)
