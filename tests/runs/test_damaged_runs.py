"""One damaged run is named with the reason, and stops nothing that is done with the others."""

import json
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import papermill
import pytest

from scope_nb import compare, report, run_plots, runs
from scope_nb.runs import ensemble, leaderboard, resume


def edited(edit):
    """Return a change of a JSON file: its content edited in place."""

    def change(file):
        content = json.loads(file.read_text(encoding="utf-8"))
        edit(content)
        file.write_text(json.dumps(content), encoding="utf-8")

    return change


def written(content):
    return lambda file: file.write_bytes(content)


def folder_instead(file):
    file.unlink()
    file.mkdir()


def spoilt_within(file):
    content = file.read_bytes()
    file.write_bytes(content[:4] + b"\x13" * (len(content) // 2) + content[4 + len(content) // 2 :])


def table_with(change):
    return lambda file: change(pd.read_parquet(file)).to_parquet(file)


DAMAGES = [
    ("provenance.json", lambda file: file.unlink(), "it lacks provenance.json"),
    ("stats.json", lambda file: file.unlink(), "it lacks stats.json"),
    ("stats.json", folder_instead, "it lacks stats.json"),
    ("predictions.parquet", folder_instead, "it lacks predictions.parquet"),
    ("provenance.json", written(b'{"time": "20'), "provenance.json is damaged: Unterminated string"),
    ("provenance.json", written(b'{"time": "\xe9"}'), "provenance.json is damaged: not text: 'utf-8' codec"),
    ("provenance.json", written(b"[]"), "provenance.json is damaged: it holds a list, not names and values"),
    ("provenance.json", edited(lambda content: content.pop("time")), "provenance.json lacks 'time'"),
    ("provenance.json", edited(lambda content: content.update(time=3)), "provenance.json is damaged"),
    (
        "provenance.json",
        edited(lambda content: content.update(data="<b>")),
        "provenance.json is damaged: data is '<b>'",
    ),
    ("stats.json", written(b"null"), "stats.json is damaged: it holds a NoneType"),
    ("stats.json", edited(lambda content: content.pop("threshold")), "stats.json lacks 'threshold'"),
    ("stats.json", edited(lambda content: content.pop("val")), "stats.json lacks 'val'"),
    ("stats.json", edited(lambda content: content["test"].pop("interval")), "stats.json lacks 'interval'"),
    ("stats.json", edited(lambda content: content.update(train={"f1_score": 1})), "stats.json lacks 'accuracy'"),
    (
        "stats.json",
        edited(lambda content: content.update(importances={"wstd": "much"})),
        "stats.json is damaged: could not convert",
    ),
    ("stats.json", edited(lambda content: content.update(tag="vnv")), "stats.json is of the tag vnv"),
    ("predictions.parquet", written(b"PAR1"), "predictions.parquet cannot be read"),
    ("predictions.parquet", spoilt_within, "predictions.parquet cannot be read"),
    ("predictions.parquet", table_with(lambda t: t.drop(columns="y")), "predictions.parquet lacks the columns y"),
    ("predictions.parquet", table_with(lambda t: t.assign(probability="x")), "probabilities that are no numbers"),
    ("predictions.parquet", table_with(lambda t: t[:9]), "predictions.parquet has 4 test light curves, stats.json"),
]


@pytest.mark.filterwarnings("ignore:the run g/bad.*/rrlyr is damaged:UserWarning")
def test_damaged_runs_are_named_and_hide_no_other(two):
    shutil.copytree(two / "g", two / "h")
    reasons = {}
    for k, (file, damage, reason) in enumerate(DAMAGES):
        for group in "gh":
            shutil.copytree(two / "h/xgb", two / group / f"bad{k}")
        damage(two / f"g/bad{k}/rrlyr" / file)
        reasons[f"g/bad{k}/rrlyr"] = reason
    table = runs.load_runs(two)
    assert table.query("group == 'g'")["algorithm"].tolist() == ["dnn", "xgb"]
    damaged = table.attrs["damaged"]
    assert set(damaged) == set(reasons)
    for name, reason in reasons.items():
        assert reason in damaged[name]
        with pytest.warns(UserWarning, match=f"the run {name} is damaged and left out: "):
            runs.load_runs(two)
        if "of the tag" not in reason:  # the folder has another name, the run is whole
            with pytest.raises((ValueError, FileNotFoundError), match=rf"{name} is (damaged|no saved run): "):
                runs.load_run(name, two)
    page = report.write_index(two).read_text(encoding="utf-8")
    assert all(f"<li>{name}: " in page for name in reasons) and "data is &#39;&lt;b&gt;&#39;" in page

    listed = leaderboard.group_runs(two, "g")
    for make in (leaderboard.score_table, leaderboard.against_published, leaderboard.agreement):
        assert len(make(listed)) > 0
    assert len(leaderboard.against_group(listed, "h", two)) == 3  # two runs and their mean
    assert set(leaderboard.pick_two(listed)) == {two / "g/dnn/rrlyr", two / "g/xgb/rrlyr"}
    for draw in (run_plots.gap, run_plots.by_positives, lambda listed: run_plots.bars(listed, "recall")):
        draw(listed)
        plt.close()
    assert [run.name for run in ensemble.average_all(["xgb", "dnn"], "g", two)] == ["g/xgb+dnn/rrlyr"]
    with pytest.raises(ValueError, match=r"no tag of group 'g' has runs of xgb and bad0"):
        ensemble.average_all(["xgb", "bad0"], "g", two)


@pytest.mark.filterwarnings("ignore:the run g/xgb/rrlyr is damaged:UserWarning")
def test_a_damaged_run_is_trained_anew_where_others_are_kept(two, monkeypatch):
    trained = []

    def run_notebook(notebook, output, values, *_):
        trained.append(values["algorithm"])
        raise papermill.PapermillExecutionError(1, 1, "", "Stop", "enough", [])

    monkeypatch.setattr(report, "run_notebook", run_notebook)
    request = {"parameters": {}, "data": "1", "inputs": {}, "cells": []}
    monkeypatch.setattr(report, "describe_request", lambda *_: request)
    monkeypatch.setattr(resume, "__version__", None)
    for name in ("xgb", "dnn"):
        for page in ("report.html", "report.ipynb"):
            (two / f"g/{name}/rrlyr/{page}").write_text(
                '{"cells": [], "metadata": {}, "nbformat": 4}', encoding="utf-8"
            )
    (two / "g/xgb/rrlyr/stats.json").write_text("[]", encoding="utf-8")
    report.train_reports(["rrlyr"], ["xgb", "dnn"], two, "g", resume=True)
    assert trained == ["xgb"]


def test_an_undefined_score_is_no_damage(two, save_predictions):
    star = np.arange(90).astype(str)
    save_predictions(
        two / "g/xgb/rrlyr", star, (np.arange(90) % 2 == 0).astype(int), star.astype(float) / 90
    )  # no test positives
    assert np.isnan(runs.load_run("g/xgb/rrlyr", two).evaluation.stats["test"]["roc_auc"])
    assert runs.load_runs(two)["roc_auc"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        (
            "stats.json",
            edited(lambda content: content["test"].update(f1_score=0.99)),
            "f1_score of the test part",
        ),
        ("stats.json", edited(lambda content: content["val"].update(roc_auc=None)), "roc_auc of the val part is nan"),
        ("stats.json", edited(lambda content: content.update(threshold=0.6)), "of the train part is "),
        ("stats.json", edited(lambda content: content["train"].update(n_stars=1)), "n_stars of the train part is 1 "),
        ("predictions.parquet", table_with(lambda t: t.assign(y=1 - t["y"])), "n_positive of the train part"),
        ("predictions.parquet", table_with(lambda t: t.assign(y=t["y"].astype(str))), "labels that are no numbers"),
        ("predictions.parquet", table_with(lambda t: t.assign(probability=t["probability"] * 0.999)), "part is "),
        ("predictions.parquet", table_with(lambda t: t.assign(star="x")), "n_stars of the train part is "),
    ],
)
def test_scores_that_are_not_those_of_the_predictions_are_an_error_that_names_the_run(two, file, damage, reason):
    damage(two / "g/xgb/rrlyr" / file)
    with pytest.raises(ValueError, match=f"g/xgb/rrlyr is damaged: .*{reason}"):
        compare("g/dnn/rrlyr", "g/xgb/rrlyr", two)
    with pytest.warns(UserWarning, match=f"g/xgb/rrlyr is damaged.*: .*{reason}"):
        assert leaderboard.group_runs(two, "g")["algorithm"].tolist() == ["dnn"]


def test_rounding_in_other_versions_is_no_damage(two):
    edited(lambda content: content["test"].update(f1_score=content["f1_score"] * (1 + 1e-12)))(
        two / "g/xgb/rrlyr/stats.json"
    )
    assert runs.load_run("g/xgb/rrlyr", two).tag == "rrlyr"
