"""Of many runs one that dies, hangs or is interrupted costs no other, and a second call makes what is not there."""

import json
import os
import signal

import joblib
import nbformat
import papermill
import pytest

from scope_nb import __main__ as command_line
from scope_nb import files, report, runs
from scope_nb.notebook import run_notebook
from scope_nb.runs import resume

DIES = """
import os, pathlib
mark = pathlib.Path({folder!r}) / tag
first = not mark.exists()
mark.touch()
if tag == "pnp" or (tag == "vnv" and first):
    os.kill(os.getpid(), 9)
"""


def test_a_kernel_that_dies_is_tried_once_more_and_costs_no_other_run(train, tmp_path, capsys):
    train(DIES.format(folder=str(tmp_path)))
    pages, failures = report.train_reports(["pnp", "vnv"], ["xgb"], tmp_path / "reports")
    assert [page.parent.name for page in pages] == ["vnv"]
    assert len(failures) == 1 and failures[0].startswith("pnp xgb: its process ended without a word")
    assert "unfinished-sample-xgb-vnv is tried once more: its process ended" in capsys.readouterr().out
    assert "vnv" in (tmp_path / "reports/index.html").read_text(encoding="utf-8")


SIDE_BY_SIDE = """
import os, pathlib, time
folder = pathlib.Path({folder!r})
(folder / tag).write_text(os.environ["OMP_NUM_THREADS"])
while not (folder / "vnv").exists() or not (folder / "e").exists():  # until both are at work
    time.sleep(0.05)
"""


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_runs_side_by_side_share_out_the_threads(train, tmp_path, engine, request):
    client = request.getfixturevalue("client") if engine == "dask" else None
    train(SIDE_BY_SIDE.format(folder=str(tmp_path)))
    pages, failures = report.train_reports(["vnv", "e"], ["xgb"], tmp_path / "reports", client=client, jobs=2, limit=2)
    assert not failures and all(page.is_file() for page in pages)
    assert sorted(page.parent.name for page in pages) == ["e", "vnv"]
    share = max(joblib.cpu_count() // 2, 1) if engine == "processes" else 1
    assert {(tmp_path / tag).read_text(encoding="utf-8") for tag in ("vnv", "e")} == {str(share)}


def test_a_kernel_that_hangs_is_stopped_at_the_limit_and_tried_once_more(train, tmp_path, capsys):
    train("import time\ntime.sleep(600)")
    pages, failures = report.train_reports(["vnv"], ["xgb"], tmp_path / "reports", limit=0.01)
    assert not pages
    assert failures[0].startswith("vnv xgb: it took longer than the limit of 0.01 minutes (as far as it came: ")
    assert "tried once more" in capsys.readouterr().out


def test_ctrl_c_before_the_page_leaves_what_was_done_and_the_next_call_goes_on(train, tmp_path, monkeypatch, capsys):
    train()
    arguments = ["report", "--tags", "vnv", "pnp", "--reports", str(tmp_path), "--resume"]
    make_head = report.page_head
    monkeypatch.setattr(report, "page_head", lambda folder: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as stop:
        command_line.main(arguments)
    assert stop.value.code == 130
    assert list(runs.load_runs(tmp_path)["tag"]) == ["vnv"]  # its page is missing
    assert "vnv" in (tmp_path / "index.html").read_text(encoding="utf-8")

    done = []

    def stop_at_the_second(folder):
        done.append(folder)
        return signal.raise_signal(signal.SIGINT) if len(done) == 2 else make_head(folder)

    monkeypatch.setattr(report, "page_head", stop_at_the_second)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        command_line.main(arguments)
    printed, errors = capsys.readouterr()
    assert "sample/xgb/vnv is made again: it lacks report.html and report.ipynb" in printed
    assert f"report: {tmp_path / 'sample/xgb/vnv/report.html'}" in printed and errors.endswith("interrupted\n")
    assert not list(tmp_path.rglob(".*"))


TRAINS = """
import pathlib, sys
from scope_nb import report

report.project_folder = lambda: pathlib.Path(sys.argv[1])
pages, failures = report.train_reports(["vnv"], ["xgb"], sys.argv[2], seed=int(sys.argv[3]))
print(len(pages), failures)
"""


def test_page_and_scores_of_two_processes_on_one_run_belong_together(train, tmp_path, start):
    train("import time\ntime.sleep(1)")
    for process in [start(TRAINS, tmp_path, tmp_path / "reports", seed) for seed in (1, 2)]:
        printed, problems = process.communicate()
        assert printed == "1 []\n", problems
    folder = tmp_path / "reports/sample/xgb/vnv"
    seed = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["parameters"]["seed"]
    for name in ("report.html", "report.ipynb"):
        assert f"trained with seed {seed}" in (folder / name).read_text(encoding="utf-8")
    assert not list((tmp_path / "reports").rglob(".*"))


@pytest.fixture
def resumed(train, tmp_path, evaluation):
    """A notebook, the folder of a run as it would have saved it of a table, and its parameters."""
    notebook = train()
    table, config = tmp_path / "t.parquet", tmp_path / "config.yaml"
    table.write_bytes(b"one")
    config.write_text("training: {}", encoding="utf-8")
    parameters = {"data": str(table), "config": str(config), "folds": 1, "more": {"seed": 3}}
    settings = resume.describe_request(notebook, parameters)["parameters"] | {"tag": "rrlyr", "group": "g"}
    record = runs.saved.provenance(settings, table) | {"inputs": runs.saved.hash_inputs(settings)}
    folder = runs.write_run(tmp_path / "g/xgb/rrlyr", evaluation, record)
    (folder / "report.html").write_text("", encoding="utf-8")
    book = nbformat.read(notebook, as_version=4)
    injected = nbformat.v4.new_code_cell("tag = 'rrlyr'", metadata={"tags": ["injected-parameters"]})
    book.cells.insert(1, injected)
    nbformat.write(book, folder / "report.ipynb")
    return notebook, folder, parameters


def test_a_run_is_kept_only_if_it_is_the_one_that_is_asked_for(resumed, tmp_path, monkeypatch):
    notebook, folder, parameters = resumed

    def changes(**others):
        return resume.find_changes(folder, resume.describe_request(notebook, parameters | others))

    assert changes() == []
    moved = tmp_path / "elsewhere.parquet"
    moved.write_bytes(b"one")
    assert changes(data=str(moved)) == []  # it is the content that counts
    assert changes(folds="5", more={}) == ["seed was 3, is 42", "folds was 1, is 5"]
    moved.write_bytes(b"two")
    assert changes(data=str(moved)) == ["data has another content"]
    assert changes(config="") == ["config has another content"]
    monkeypatch.setattr(resume, "__version__", "9")
    assert changes()[0].endswith("this is 9")
    monkeypatch.undo()
    book = nbformat.read(notebook, as_version=4)
    book.cells[-1].source += "\n# another model"
    nbformat.write(book, notebook)
    assert changes() == ["the notebook has changed"]
    (folder / "report.ipynb").unlink()
    assert changes() == ["it lacks report.ipynb"]
    with pytest.raises(ValueError, match=r"unknown parameter of train.ipynb 'fold'; did you mean 'folds'"):
        changes(fold=5)


def test_a_changed_run_is_made_again_and_an_unchanged_one_is_not(resumed, tmp_path, monkeypatch, capsys):
    _, folder, parameters = resumed
    made = []
    monkeypatch.setattr(report, "_make_run", lambda notebook, run, *_: made.append(run))
    monkeypatch.setattr(report, "resolve_tags", lambda names, *_: names)
    for folds in (1, 5):
        arguments = ["rrlyr"], ["xgb"], tmp_path, "g", True
        assert report.train_reports(*arguments, **parameters | {"folds": folds}) == ([folder / "report.html"], [])
    assert len(made) == 1
    assert "g/xgb/rrlyr is made again: folds was 1, is 5" in capsys.readouterr().out


@pytest.mark.parametrize("moment", ["train", "compare"])
def test_the_command_line_tells_of_failures_and_pages_whatever_comes_after(tmp_path, monkeypatch, capsys, moment):
    pages, failures = [tmp_path / "report.html"], ["vnv xgb: no stars"]

    def train_reports(*_, **__):
        if moment == "train":
            raise report.Interrupted(pages, failures)
        return pages, failures

    monkeypatch.setattr(report, "train_reports", train_reports)
    with pytest.raises(SystemExit) as stop:
        command_line.main(["report", "--algorithms", "xgb", "--compare", "--reports", str(tmp_path)])
    assert stop.value.code == (130 if moment == "train" else 1)
    printed, errors = capsys.readouterr()
    assert f"report: {pages[0]}\n" in printed and "failed: vnv xgb: no stars\n" in errors
    assert ("unknown group of runs" in errors) == (moment == "compare")


def test_an_error_of_the_system_names_the_notebook(train, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    with pytest.raises(OSError, match=r"train\.ipynb cannot be run into .*out\.ipynb: .*No space left"):
        run_notebook(train(), tmp_path / "out.ipynb")
    pages, failures = report.train_reports(["vnv", "pnp"], ["xgb"], tmp_path / "reports")
    assert not pages and [failure.split(":")[0] for failure in failures] == ["vnv xgb", "pnp xgb"]
    assert files.sample().exists()
