import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

from scope_nb import __main__ as command_line
from scope_nb import files, report
from scope_nb.notebook import run_notebook, usual_parameters
from scope_nb.scores.metrics import METRICS

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def test_a_group_without_runs_has_no_page(tmp_path):
    with pytest.raises(ValueError, match="unknown group of runs 'g'; known: none"):
        report.compare_report(tmp_path, "g")
    assert not list(tmp_path.iterdir())


def test_training_from_any_folder_leaves_a_report(table, tmp_path, monkeypatch):
    from scope_nb.dataset.tables import write_parquet

    write_parquet(table, tmp_path / "table.parquet")
    monkeypatch.chdir(tmp_path)
    given = {"reports": tmp_path / "reports", "data": str(tmp_path / "table.parquet")}
    pages, failures = report.train_reports(["rrlyr", "ceph"], ["xgb"], **given)
    assert len(failures) == 1
    assert "tag 'ceph'" in failures[0]
    folder = tmp_path / "reports" / "table" / "xgb" / "rrlyr"
    assert pages == [folder / "report.html"]
    assert {"report.html", "report.ipynb", "stats.json", "scores.png"} <= {p.name for p in folder.iterdir()}
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert record["parameters"]["tag"] == "rrlyr"
    assert record["parameters"]["seed"] == 42
    assert "XGBClassifier(colsample_bytree=0.5" in record["model"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>rrlyr <small>RR Lyrae</small>" in page
    mistakes = re.findall(r"<td[^>]*>(star\d+)", page[page.index("Its worst mistakes") :])
    assert len(mistakes) == len(set(mistakes)) > 0
    assert "matplotlib.pyplot" not in page  # a reader sees what set-up says, not what it does
    index = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert '<a href="table/xgb/rrlyr/report.html">xgb</a>' in index and not (folder / "summary.html").exists()
    before = (folder / "report.html").stat().st_mtime_ns
    report.train_reports(["rrlyr"], ["xgb"], resume=True, **given)
    assert (folder / "report.html").stat().st_mtime_ns == before


def test_an_ensemble_has_a_page_and_classifies(table, tmp_path):
    from sklearn.ensemble import HistGradientBoostingClassifier

    from scope_nb import models, runs
    from scope_nb.dataset.dataset import Dataset
    from scope_nb.dataset.tables import write_parquet
    from scope_nb.runs import ensemble
    from scope_nb.scores.evaluation import evaluate, pool

    write_parquet(table, tmp_path / "t.parquet")
    plain, images = (Dataset.from_table(table, "e", dmdt=dmdt) for dmdt in (False, True))
    trees = models.fit(models.xgb(n_estimators=20, n_jobs=1), plain, calibration="none").model
    other = HistGradientBoostingClassifier(max_iter=3, max_features=0.1).fit(images.train.X, images.train.y)
    for name, model, dataset in (("xgb", trees, plain), ("mine", other, images)):
        folder = files.run_folder(tmp_path, "t", name, "e")
        runs.save_run(folder, model, evaluate(model, dataset), dataset, {}, data=tmp_path / "t.parquet")
    arguments = ["report", "--tags", "e", "--ensemble", "xgb", "mine", "--data", str(tmp_path / "t.parquet")]
    arguments += ["--reports", str(tmp_path)]
    before = (tmp_path / "t/xgb/e/stats.json").stat().st_mtime_ns
    with pytest.raises(SystemExit, match="0"):
        command_line.main(arguments)
    assert (tmp_path / "t/xgb+mine/e/report.html").exists()
    assert (tmp_path / "t/xgb/e/stats.json").stat().st_mtime_ns == before  # only saved runs are averaged
    mean = (trees.predict_proba(plain.X)[:, 1] + other.predict_proba(images.X)[:, 1]) / 2
    run = runs.load_run("t/xgb+mine/e", tmp_path)
    by_star = pd.Series(mean).groupby(plain.star).transform("mean")
    assert np.abs(by_star - mean).max() > 0.01 and run.evaluation.by_star
    np.testing.assert_allclose(run.evaluation.predictions["probability"], by_star, rtol=1e-6)
    assert run.record["members"] == ["t/xgb/e", "t/mine/e"]
    short = ensemble.save_average(["t/xgb/e", "t/mine/e"], tmp_path)
    assert short.evaluation.threshold == pytest.approx(run.evaluation.threshold, rel=1e-6)
    tests = [{metric: r.evaluation.stats["test"][metric] for metric in METRICS} for r in (short, run)]
    assert tests[0] == pytest.approx(tests[1], rel=1e-6)
    probabilities = [r.evaluation.predictions["probability"] for r in (short, run)]
    np.testing.assert_allclose(*probabilities, rtol=1e-9)  # the mean over models, then stars, and the other way round
    new = table.drop(columns=["eclipsing", "obj_id"]).iloc[6:40]  # whole stars, told by position
    for name in ("xgb+mine", "xgb"):
        found = runs.apply_run(f"t/{name}/e", new, tmp_path)
        known = runs.load_run(f"t/{name}/e", tmp_path).evaluation
        np.testing.assert_allclose(found["probability"], known.predictions["probability"].iloc[6:40], rtol=1e-6)
        assert (found["positive"] == (found["probability"] > known.threshold)).all()
        alone = runs.apply_run(f"t/{name}/e", new.assign(ra=np.nan, dec=np.nan), tmp_path)["probability"]
        np.testing.assert_allclose(pool(alone.to_numpy(), np.repeat(range(17), 2)), found["probability"], rtol=1e-6)
    with pytest.raises(ValueError, match="was trained on other data"):
        ensemble.average(["t/xgb/e", "t/mine/e"], tmp_path, Dataset.read(files.sample(), "e"))


@pytest.mark.parametrize(
    ("name", "algorithm", "model"),
    [
        ("mine", "mine", "from sklearn.ensemble import RandomForestClassifier as M\nmodel = M(20, random_state=0)"),
        ("LGBMClassifier", "", "from lightgbm import LGBMClassifier as M\nmodel = M(n_estimators=20, verbose=-1)"),
        (
            "HistGradientBoostingClassifier",
            "",
            "from sklearn.ensemble import *\nmodel = HistGradientBoostingClassifier()",
        ),
    ],
)
def test_the_one_line_takes_any_classifier(table, tmp_path, name, algorithm, model):
    from scope_nb.dataset.dataset import Dataset
    from scope_nb.dataset.tables import write_parquet
    from scope_nb.models.saving import load_model

    write_parquet(table, tmp_path / "table.parquet")
    book = nbformat.read(next(p for p in NOTEBOOKS if p.stem == "train"), as_version=4)
    cell = next(c for c in book.cells if c.source.startswith("model = models.build("))
    cell.source = model
    nbformat.write(book, tmp_path / "mine.ipynb")
    given = {"tag": "e", "data": str(tmp_path / "table.parquet"), "reports": str(tmp_path)}
    given |= {"algorithm": algorithm} if algorithm else {}  # of its own accord it is named after its class
    run_notebook(tmp_path / "mine.ipynb", tmp_path / "out.ipynb", given)
    folder = tmp_path / "table" / name / "e"
    assert name in (tmp_path / "index.html").read_text(encoding="utf-8")
    again = load_model(folder / "model")
    assert again.predict_proba(Dataset.from_table(table, "e").X).shape[1] == 2


def test_light_curves_without_name_and_position_become_a_table(star, tmp_path):
    from scope_nb.dataset.tables import read_parquet

    time, mag, err, _ = star
    bare = pd.DataFrame({"hjd": [time] * 3, "mag": [mag, mag + 1, mag + 2], "magerr": [err] * 3})
    bare.to_parquet(tmp_path / "bare.parquet")
    given = {"light_curves": str(tmp_path / "bare.parquet"), "output": str(tmp_path / "table.parquet"), "max_freq": 6.0}
    run_notebook(next(p for p in NOTEBOOKS if p.stem == "features"), tmp_path / "out.ipynb", given)
    table = read_parquet(tmp_path / "table.parquet")
    assert table["period_ELS_ECE_EAOV"].nunique() == 1
    np.testing.assert_allclose(np.diff(table["median"]), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"class_column": "kind"}, "class_column and class_tags belong together"),
        ({"class_column": "kidn", "class_tags": "tags.csv"}, "unknown column of the light curves 'kidn'"),
        ({"class_column": "kind", "class_tags": "tags.csv"}, "no tags given for the classes B"),
    ],
)
def test_classes_are_checked_before_features_are_made(star, tmp_path, monkeypatch, more, message):
    time, mag, err, _ = star
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"hjd": [time] * 2, "mag": [mag] * 2, "magerr": [err] * 2, "kind": ["A", "B"]}).to_parquet("c.parquet")
    (tmp_path / "tags.csv").write_text("class,tags\nA,vnv\n", encoding="utf-8")
    notebook = next(p for p in NOTEBOOKS if p.stem == "features")
    with pytest.raises(papermill.PapermillExecutionError, match=message):
        run_notebook(notebook, tmp_path / "out.ipynb", {"light_curves": str(tmp_path / "c.parquet")} | more)
    done = [cell for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells if cell.get("execution_count")]
    assert len(done) < 6


def test_a_parameter_that_is_an_option_is_refused(capsys):
    with pytest.raises(SystemExit, match="-p group is said by --group here"):
        command_line.main(["report", "--tags", "vnv", "-p", "group", "mine"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--algorithms", "xgbb"], "unknown algorithm 'xgbb'; did you mean 'xgb'"),
        (["-p", "sedes", "3"], "unknown parameter of train.ipynb 'sedes'; did you mean 'seeds'"),
        (["-p", "seeds", "many"], "seeds must be a whole number, not 'many'"),
        (["-p", "data", "nothing.csv"], "there is no file nothing.csv"),
        (["-p", "config", "nothing.yaml"], "there is no file .*nothing.yaml"),
        (
            ["-p", "config", "several_lines.yaml"],
            r"^error: .* is not YAML that can be read: while parsing .* \[1 .* got '<stream end>'.*$",
        ),
        (["-p", "data", "."], r"\. is a folder; a file was expected"),
        (["-p", "data", "[1]"], r"there is no file \[1\]"),
        (["-p", "more", "{reports: x}"], "-p reports is said by --reports here"),
        (["--ensemble", "xgb"], "--ensemble averages at least two algorithms, not xgb alone"),
    ],
)
def test_parameters_are_checked_before_training(tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "several_lines.yaml").write_text("a:\n  - [1\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=message):
        command_line.main(["report", "--tags", "vnv", *more])


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "latin-1"}])
def test_any_locale_will_do(tmp_path, locale):
    pages = []
    for k, environment in enumerate(({"PYTHONUTF8": "1"}, locale)):
        reports = tmp_path / f"{k}ψ"
        for name in ("größe", "damagé"):
            write_empty_run(reports / name / "xgb" / "vnv", "–ψ")
        (reports / "damagé" / "xgb" / "vnv" / "stats.json").unlink()
        command = [sys.executable, "-m", "scope_nb", "index"]
        environment = os.environ | environment | {"SCOPE_NB_REPORTS": str(reports)}
        done = subprocess.run(command, env=environment, capture_output=True)
        assert done.returncode == 0 and b"index.html" in done.stdout
        pages.append((reports / "index.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert "größe" in pages[0] and "–ψ" in pages[0] and "<li>damagé/xgb/vnv: it lacks stats.json</li>" in pages[0]


def test_a_name_that_the_locale_lacks_is_refused_before_training(tmp_path):
    command = [sys.executable, "-m", "scope_nb", "report", "--group", "größe", "--reports", str(tmp_path)]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="ascii")
    assert done.returncode == 1 and done.stderr.endswith("that this locale has no name for: set PYTHONUTF8=1\n")
    assert not list(tmp_path.iterdir())


def test_help_and_index(tmp_path, capsys):
    command_line.main([])
    assert "report" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["index", "--reports", str(tmp_path)])
    assert capsys.readouterr().out == f"index: {tmp_path / 'index.html'}\n"
    assert "Scores of each run" in (tmp_path / "index.html").read_text(encoding="utf-8")


def write_empty_run(folder, data):
    """Write a run without light curves, of a training table of that name."""
    folder.mkdir(parents=True)
    part = dict.fromkeys(METRICS) | {"interval": {metric: [None, None] for metric in METRICS}}
    part |= {"n": 0, "n_positive": 0, "n_stars": 0, "n_positive_stars": 0}
    stats = {"tag": "vnv", "threshold": 0.5} | dict.fromkeys(("train", "val", "test"), part)
    record = {"time": "2026-01-01T00:00:00", "data": {"file": data, "simulated": False}, "dataset": {"split": "scope"}}
    for name, content in (("stats", stats), ("provenance", record)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    nothing = pd.DataFrame(columns=["row", "star", "part", "y", "probability"])
    nothing.astype({"probability": float}).to_parquet(folder / "predictions.parquet")


def test_the_index_is_escaped(tmp_path):
    write_empty_run(tmp_path / "<script>" / "xgb" / "vnv", "<script>")
    page = report.write_index(tmp_path).read_text(encoding="utf-8")
    assert page.count("<script>") == 1  # that of the page itself
    assert "<small>&lt;script&gt;</small>" in page
    assert "split by light curve" in page  # such scores are not like the others


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_the_house_rules(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    marked = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(marked) == 1
    assert all("  # " in line for line in marked[0].source.splitlines())
    assert set(papermill.inspect_notebook(str(path))) == set(usual_parameters(path)[0])
    assert max(len(cell.source.splitlines()) for cell in code if cell is not marked[0]) <= 15
    assert book.cells[0].cell_type == "markdown"
