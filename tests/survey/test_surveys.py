"""Surveys part by part: the same whoever does the work, and only what is missing, changed or failed."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from scope_nb import (
    classify,
    classify_survey,
    featurize,
    featurize_survey,
    read_lightcurves,
    read_parquet,
    write_lightcurves,
    write_parquet,
)
from scope_nb.__main__ import main

QUICK = {"max_freq": 1, "progress": False}


def contents(folder):
    """Return the bytes of all parquet files of a survey."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def read_all(folder):
    """Return the parts of a stage as one table."""
    return pd.concat([read_parquet(path) for path in sorted(folder.rglob("*.parquet"))], ignore_index=True)


@pytest.fixture(scope="module")
def serial(survey_of_bands, runs_folder, tmp_path_factory):
    """The catalogue that one process makes, in six parts, and what became of its stages."""
    folder = tmp_path_factory.mktemp("serial") / "out"
    outcomes = classify_survey(survey_of_bands, "mine", folder, runs_folder, part_rows=3, jobs=1, **QUICK)
    assert not any(outcome.failed for outcome in outcomes.values())
    return folder, outcomes


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_two_workers_make_the_same_byte_for_byte(serial, survey_of_bands, runs_folder, tmp_path, engine, request):
    client = request.getfixturevalue("client") if engine == "dask" else None
    out = tmp_path / "out"
    outcomes = classify_survey(survey_of_bands, "mine", out, runs_folder, part_rows=3, jobs=2, client=client, **QUICK)
    assert contents(out) == contents(serial[0]) and len(contents(out)) > 12
    assert (out / "columns.csv").read_bytes() == (serial[0] / "columns.csv").read_bytes()
    assert str(outcomes["features"]).startswith(f"features: {len(outcomes['features'].made)} parts, ")


def test_stars_of_several_parts_are_those_of_the_whole(serial, survey_of_bands, runs_folder):
    folder, outcomes = serial
    curves = read_lightcurves(survey_of_bands, 1).long_enough()
    expected = classify(featurize(curves, **QUICK), "mine", runs_folder, progress=False)
    stars = read_all(folder / "stars").set_index("star")
    assert stars.index.is_unique and stars["light_curves"].max() == 3
    assert len(pd.read_parquet(folder / "stars")) == len(stars)  # the parts are one data set for others
    pd.testing.assert_frame_equal(stars.loc[expected.stars["star"]].reset_index(), expected.stars)
    rows = read_all(folder / "curves").set_index("_id").loc[expected.curves["_id"]]
    pd.testing.assert_series_equal(rows["vnv_linear"].round(4).reset_index(drop=True), expected.curves["vnv_linear"])
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert record["simulated"] and len(record["parameters"]["runs"]) == 2
    assert outcomes["features"].total("short") == 1 and outcomes["stars"].total("rows") == len(expected.stars)


def test_a_rerun_does_what_is_missing_damaged_or_changed(survey_of_bands, runs_folder, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(survey_of_bands, source)

    def run(**options):
        return classify_survey(source, "mine", out, runs_folder, part_rows=3, jobs=1, **QUICK | options)

    first = run()
    before = contents(out)
    assert all(not outcome.made for outcome in run().values())
    (out / "features" / "r-000000000.parquet").write_bytes(b"damaged")
    (out / "curves" / "g-000000003.parquet").unlink()
    again = run()
    assert again["features"].made == {"r-000000000"} and again["curves"].made == {"g-000000003"}
    assert not again["stars"].made and contents(out) == before
    with (out / "features" / "_manifest.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"name": "g-0000')  # of a process that was killed
    band = source / "i.parquet"
    write_lightcurves(read_lightcurves(band, 1).select([0, 1]), band)
    changed = run()
    assert changed["features"].made == {"i-000000000"}  # the file's second part is no more
    assert not (out / "features" / "i-000000003.parquet").exists()
    assert changed["features"].total("rows") < first["features"].total("rows")
    assert {"i-000000000"} < changed["stars"].made  # with those that share its stars
    assert run(max_freq=0.9)["features"].made == set(changed["features"].manifest.names())
    (source / "g.parquet").unlink()
    with pytest.raises(ValueError, match=r"holds 3 parts of something else than this source, first g-000000000"):
        run()


def test_a_part_that_fails_is_recorded_and_the_others_go_on(survey_of_bands, runs_folder, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(survey_of_bands, source)
    whole = classify_survey(source, "mine", out, runs_folder, jobs=1, **QUICK)
    file = source / "r.parquet"
    good, stat = file.read_bytes(), file.stat()
    spoilt = bytearray(good)
    spoilt[200:2000] = bytes(1800)
    file.write_bytes(spoilt)
    outcomes = classify_survey(source, "mine", out, runs_folder, jobs=1, **QUICK)
    assert list(outcomes["features"].failed) == ["r-000000000"]
    assert "r.parquet is damaged" in outcomes["features"].failed["r-000000000"]
    assert not (out / "curves" / "r-000000000.parquet").exists()
    assert outcomes["stars"].total("rows") > 0 and "1 failed" in str(outcomes["features"])
    (source / "notes.csv").write_text("time,mag,err\n1,2\n", encoding="utf-8")
    file.write_bytes(good)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = classify_survey(source, "mine", out, runs_folder, jobs=1, **QUICK)
    assert list(again["features"].failed) == ["notes"]
    assert again["features"].made == {"r-000000000", "notes"}
    assert again["stars"].total("rows") == whole["stars"].total("rows")


class Mortal:
    """A feature of one's own, of which the process dies once, at the first red light curve."""

    def __init__(self, flag):
        self.flag = flag

    def __call__(self, curve):
        if curve.info["band"] == "r" and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"fine": 1.0}


def test_a_worker_killed_in_the_middle_costs_nothing_but_time(survey_of_bands, tmp_path):
    mortal = Mortal(tmp_path / "flag")
    outcome = featurize_survey(survey_of_bands, tmp_path / "out", part_rows=3, jobs=2, extra=mortal, **QUICK)
    assert not outcome.failed and (tmp_path / "flag").exists()
    expected = featurize(read_lightcurves(survey_of_bands, 1).long_enough(), extra=mortal, **QUICK)
    assert sorted(read_all(tmp_path / "out")["_id"]) == sorted(expected["_id"])


HOLDER = """
import sys
from scope_nb.writing import lock

with lock({out!r}):
    print(flush=True)
    sys.stdin.read()
"""

INTERRUPTED = """
import os, signal, sys
from scope_nb.survey import stages
from scope_nb import featurize_survey

original = stages.Manifest.add

def add(self, entry):
    original(self, entry)
    if len(self.names()) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

stages.Manifest.add = add
featurize_survey({source!r}, {out!r}, part_rows=3, jobs=1, max_freq=1, progress=False)
"""


def test_an_interrupted_run_goes_on_and_two_at_once_are_refused(serial, survey_of_bands, tmp_path):
    out = tmp_path / "out"
    code = INTERRUPTED.format(source=str(survey_of_bands), out=str(out))
    process = subprocess.run([sys.executable, "-c", code], check=False)
    assert process.returncode == -signal.SIGKILL
    holder = (
        f"import sys; from scope_nb.writing import lock\nwith lock({str(out)!r}): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(BlockingIOError, match=f"out: it is in use by process {process.pid}"):
            featurize_survey(survey_of_bands, out, part_rows=3, jobs=1, **QUICK)
        process.communicate()
    outcome = featurize_survey(survey_of_bands, out, part_rows=3, jobs=1, **QUICK)
    assert len(outcome.made) == len(outcome.entries) - 3
    assert contents(out / "features") == contents(serial[0] / "features")


def test_single_light_curves_that_fail_are_listed(survey_of_bands, tmp_path):
    curves = read_lightcurves(survey_of_bands / "g.parquet", 1).select([0, 1])
    curves.time[:] = 58300.0
    write_lightcurves(curves, tmp_path / "still.parquet")
    outcome = featurize_survey(tmp_path / "still.parquet", tmp_path / "out", jobs=1, min_epochs=1, **QUICK)
    assert not outcome.failed and not contents(tmp_path / "out") and outcome.total("short") == 0
    listed = pd.read_csv(tmp_path / "out" / "features.failures.csv", dtype=str)
    assert listed["part"].tolist() == ["still-000000000"] * 2 and listed["reason"].str.contains("epochs").all()


def test_a_survey_of_features_is_classified_as_one_table_is(serial, runs_folder, tmp_path):
    table = read_all(serial[0] / "features")
    number = np.arange(len(table)) % 4
    table = table.assign(obj_id=[f"star {k}" for k in number], ra=359.9999 + 1e-4 * number, dec=30.0 + 1e-3 * number)
    source, out = tmp_path / "tables", tmp_path / "out"
    source.mkdir()
    for k, part in enumerate(np.array_split(np.arange(len(table)), 3)):
        write_parquet(table.iloc[part].reset_index(drop=True), source / f"field{k}.parquet")
    outcomes = classify_survey(source, "mine", out, runs_folder, part_rows=4, jobs=1, progress=False)
    assert set(outcomes) == {"curves", "stars"} and len(outcomes["curves"].entries) > 4
    expected = classify(table, "mine", runs_folder, progress=False).stars
    stars = read_all(out / "stars").set_index("star").loc[expected["star"]].reset_index()
    pd.testing.assert_frame_equal(stars, expected)


def test_the_command_line_says_what_was_done_and_what_failed(serial, runs_folder, survey_of_bands, tmp_path, capsys):
    options = ["--reports", str(runs_folder), "--group", "mine", "--jobs", "1", "--output", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as end:
        main(["classify", str(serial[0] / "features"), *options])
    said = capsys.readouterr().out
    assert end.value.code == 0 and "curves: 7 parts, 7 of them made now, 0 failed; 17 rows" in said
    assert sum(int(line.split()[-1]) for line in said.splitlines()[:2]) == serial[1]["stars"].total("rows")
    assert len(contents(tmp_path / "out" / "stars")) == len(contents(serial[0] / "stars"))
    with pytest.raises(SystemExit, match="--top ranks all stars at once"):
        main(["classify", str(survey_of_bands), *options, "--top", "3"])
    (tmp_path / "spoilt.parquet").write_bytes(b"PAR1")
    with pytest.raises(SystemExit) as end:
        main(["features", str(tmp_path / "spoilt.parquet"), "--output", str(tmp_path / "features"), "--jobs", "1"])
    said = capsys.readouterr()
    assert end.value.code == 1 and "failed: " in said.err and "spoilt.parquet is damaged" in said.err
    assert "the same call tries it again" in said.out
