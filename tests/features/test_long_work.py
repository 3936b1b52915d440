"""Features of many light curves: interrupted, damaged and failing work ends as undisturbed work does."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from scope_nb import featurize, read_parquet, write_features, write_parquet
from scope_nb.dataset import long_work
from scope_nb.features import extract
from scope_nb.lightcurves import LightCurves

QUICK = {"max_freq": 2, "min_epochs": 20, "progress": False}


def curves(n=8):
    rng = np.random.default_rng(1)
    time = [np.sort(rng.uniform(58200, 58500, 25)) for _ in range(n)]
    mag = [16 + 0.3 * rng.standard_normal(25) for _ in range(n)]
    meta = pd.DataFrame({"_id": [f"c{i}" for i in range(n)], "band": "g", "RR Lyrae": np.linspace(0, 1, n)})
    meta["note"] = pd.Series([None] * (n - 1) + ["late"], dtype=object)  # no value in the first parts
    meta["field"] = pd.Categorical([f"field {i % 2}" for i in range(n)])
    meta["visits"] = [list(range(i)) for i in range(n)]
    return LightCurves.from_lists(meta, time, mag, [np.full(25, 0.1)] * n)


def range_of(time, mag, err):
    return {"range": np.ptp(mag), "start": time[0]}


def run(path, batch=None, n_jobs=1, **options):
    return write_features(batch or curves(), path, n_jobs=n_jobs, **QUICK | {"extra": [range_of]} | options)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(long_work, "PART", 3)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The bytes of the file that a run without interruption writes."""
    path = tmp_path_factory.mktemp("undisturbed") / "table.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_work, "PART", 3)
        assert run(path).empty
    assert sorted(p.name for p in path.parent.iterdir()) == ["table.parquet"]
    return path.read_bytes()


@pytest.fixture
def made(monkeypatch):
    """A list that grows by the first time of each light curve whose features are made."""
    made, original = [], extract.light_curve_features
    monkeypatch.setattr(extract, "light_curve_features", lambda t, *rest: made.append(t[0]) or original(t, *rest))
    return made


def test_the_file_holds_the_table_that_featurize_makes(tmp_path):
    run(tmp_path / "t.parquet", n_jobs=3)
    write_parquet(featurize(curves(), extra=[range_of], **QUICK), tmp_path / "expected.parquet")
    table, expected = read_parquet(tmp_path / "t.parquet"), read_parquet(tmp_path / "expected.parquet")
    lists = ["dmdt", "visits"]
    pd.testing.assert_frame_equal(table.drop(columns=lists), expected.drop(columns=lists))
    assert [*map(list, table["visits"])] == [list(range(i)) for i in range(8)]
    np.testing.assert_array_equal(np.stack(table["dmdt"]), np.stack(expected["dmdt"]))
    assert list(table) == list(expected)
    assert table.attrs == expected.attrs
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3


INTERRUPTED = """
import os, sys
sys.path.insert(0, {folder!r})
import test_long_work as test
from scope_nb.dataset import long_work
from scope_nb.features import extract

long_work.PART, made, original = 3, [], extract.light_curve_features

def interrupted(*columns):
    made.append(0)
    if len(made) == 8:
        os.kill(os.getpid(), {signal})
    return original(*columns)

extract.light_curve_features = interrupted
test.run({path!r})
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on(tmp_path, undisturbed, made, kind):
    path = tmp_path / "table.parquet"
    code = INTERRUPTED.format(folder=str(Path(__file__).parent), signal=int(kind), path=str(path))
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == -kind, process.stderr
    assert not path.exists()
    run(path)
    assert made == [curve.time[0] for curve in curves()][6:]
    assert path.read_bytes() == undisturbed
    assert os.listdir(tmp_path) == ["table.parquet"]


def test_damaged_parts_are_made_again(tmp_path, undisturbed, monkeypatch):
    path = tmp_path / "table.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(long_work, "write_in_turn", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(path)
    (folder,) = tmp_path.glob(".*")
    first, second, third, meta = sorted(folder.iterdir())
    (first / "features.parquet").write_bytes(b"")
    flipped = bytearray((second / "features.parquet").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (second / "features.parquet").write_bytes(flipped)
    for file in third.iterdir():
        file.unlink()
    (meta / "sums.json").write_bytes(b"\xff")
    run(path)
    assert path.read_bytes() == undisturbed
    assert os.listdir(tmp_path) == ["table.parquet"]


@pytest.mark.parametrize("changed", ["epochs", "meta", "settings", "function"])
def test_other_light_curves_or_settings_begin_anew(tmp_path, undisturbed, made, monkeypatch, changed):
    path, batch, options = tmp_path / "table.parquet", curves(), {}
    if changed == "epochs":
        batch.err[-1] += 1e-9
    elif changed == "meta":
        batch.meta.loc[7, "RR Lyrae"] = 0.5
    elif changed == "settings":
        options = {"max_freq": 2.1}
    else:
        options = {"extra": [lambda time, mag, err: {"range": np.ptp(mag), "start": time[0] + 1e-9}]}
    with monkeypatch.context() as patch:
        patch.setattr(long_work, "write_in_turn", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(path, batch, **options)
    made.clear()
    with pytest.warns(UserWarning, match=r"table\.parquet is begun anew"):
        run(path)
    assert len(made) == 8
    assert path.read_bytes() == undisturbed
    assert os.listdir(tmp_path) == ["table.parquet"]


def fragile(curve):
    if curve.info["_id"] in ("c0", "c3", "c4", "c5"):  # the first one, and a whole part
        raise KeyError("no such star")
    return {"fine": 1.0}


def spoilt():
    batch = curves(9)
    batch.time[25 : 2 * 25] = 58300.0
    batch.mag[8 * 25] = np.nan
    return batch


def test_failures_are_listed(tmp_path):
    reasons = {
        "c0": r"fragile failed for light curve 0 \(_id c0\): KeyError: 'no such star'",
        "c1": r"light curve 1 \(_id c1\) has all times equal",
        "c3": "fragile failed for light curve 3",
        "c4": "fragile failed for light curve 4",
        "c5": "fragile failed for light curve 5",
        "c8": r"light curve 8 \(_id c8\) has an epoch whose magnitude is NaN",
    }
    path = tmp_path / "table.parquet"
    with pytest.warns(UserWarning, match=r"6 of 9 light curves get no row, first: fragile.*failures\.csv lists them"):
        listed = run(path, spoilt(), extra=fragile)
    assert list(listed["_id"]) == list(reasons)
    assert all(map(re.match, reasons.values(), listed["reason"]))
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.failures.csv", dtype=str), listed, check_dtype=False)
    assert list(read_parquet(path)["_id"]) == ["c2", "c6", "c7"]
    with pytest.warns(UserWarning, match="6 of 9 light curves get no row"):
        table = featurize(spoilt(), extra=fragile, bad="list", **QUICK)
    assert table.attrs["failures"] == listed.to_dict("records")
    assert list(table["_id"]) == ["c2", "c6", "c7"]
    run(path)  # a table without failures leaves no list of earlier ones
    assert os.listdir(tmp_path) == ["table.parquet"]


def test_failures_are_raised_when_asked_for(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"magnitude is NaN .* light curve 8 \(_id c8\)"):
        run(tmp_path / "table.parquet", spoilt(), bad="raise")
    with pytest.raises(ValueError, match=r"fragile failed for light curve 0 \(_id c0\): KeyError"):
        run(tmp_path / "table.parquet", extra=fragile, bad="raise")
    original = extract.light_curve_features

    def fails_late(time, *rest):
        return 1 / 0 if time[0] == curves()[4].time[0] else original(time, *rest)

    monkeypatch.setattr(extract, "light_curve_features", fails_late)
    with pytest.raises(ValueError, match=r"light curve 4 \(_id c4\): ZeroDivisionError"):
        featurize(curves(), **QUICK)
    with pytest.raises(ValueError, match="unknown choice for bad"):
        featurize(curves(), bad="drop", **QUICK)


def test_nothing_but_failures_is_an_error(tmp_path):
    def broken(curve):
        raise KeyError("x")

    with pytest.raises(ValueError, match=r"broken failed for light curve 0"):
        run(tmp_path / "table.parquet", extra=broken)
    with pytest.raises(ValueError, match=r"none of 8 light curves can be used, first: .*max_freq is a positive"):
        run(tmp_path / "table.parquet", max_freq=-1)
    assert not (tmp_path / "table.parquet").exists()


def test_a_lack_of_memory_is_no_failure_of_a_light_curve(tmp_path, monkeypatch):
    def greedy(*columns):
        raise MemoryError

    monkeypatch.setattr(extract, "light_curve_features", greedy)
    with pytest.raises(MemoryError):
        run(tmp_path / "table.parquet")
    with pytest.raises(MemoryError):
        run(tmp_path / "table.parquet", extra=greedy)
