"""Corrections of labels: applied in memory, twice as once, undone byte for byte, and never to another table."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import Dataset, evaluate, fit, load_run, save_run, xgb
from scope_nb.dataset import apply_corrections, read_corrections, undo_corrections, write_corrections, write_parquet


def make_corrections(rows):
    return pd.DataFrame(rows, columns=["_id", "obj_id", "label", "old", "new", "reason"])


@pytest.fixture
def small():
    """Three stars; labels of several kinds of numbers, one of them missing."""
    frame = pd.DataFrame({"_id": [1, 2, 3, 4], "obj_id": ["a", "a", "b", "c"], "eclipsing": [0.1 + 0.2, 0, 1, np.nan]})
    frame["EW"] = np.array([0.75, 0, 0.25, 1], np.float32)
    return frame.assign(mine=[True, False, True, False], whole=np.array([0, 1, 1, 0], np.int8))


@pytest.fixture
def corrections():
    rows = [
        (1, "", "eclipsing", 0.1 + 0.2, 1, "seen, twice"),
        (4, "", "eclipsing", "", 0.5, ""),
        (4, "", "eclipsing", 0.5, 0.25, "nobody had voted"),
    ]
    rows += [(2, "", "whole", 1, 0, ""), (3, "", "EW", 0.25, 0.3, 'a "quoted" reason'), (3, "", "EW", 0.3, 1, "again")]
    return make_corrections(rows).astype({"_id": str})


def test_twice_is_once_and_undo_restores_the_file_byte_for_byte(small, corrections, tmp_path):
    write_corrections(corrections, tmp_path / "corrections.csv")
    once = apply_corrections(small, tmp_path / "corrections.csv")
    assert once["eclipsing"].tolist() == [1, 0, 1, 0.25]
    assert once["EW"].tolist() == [0.75, 0, 1, 1]
    assert once["whole"].tolist() == [0, 0, 1, 0]
    assert once.dtypes.equals(small.dtypes)
    twice = apply_corrections(once, tmp_path / "corrections.csv")
    pd.testing.assert_frame_equal(twice, once, check_exact=True)
    for name, frame in {"before": small, "undone": undo_corrections(twice, corrections)}.items():
        write_parquet(frame, tmp_path / f"{name}.parquet")
    assert (tmp_path / "before.parquet").read_bytes() == (tmp_path / "undone.parquet").read_bytes()


def test_a_star_stands_for_all_of_its_light_curves_and_order_counts(small):
    there = make_corrections([("", "b", "whole", 1, 0, ""), ("3", "", "whole", 0, 1, "no, it was right")])
    pd.testing.assert_frame_equal(apply_corrections(small, there), small)
    star = make_corrections([("", "b", "mine", 1, 0, "")])
    assert apply_corrections(small, star)["mine"].tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, "", "eclipsing", 0.75, 1, ""), "of 'eclipsing' of light curve 1 expects 0.75, but the table has 0.3"),
        (("", "a", "eclipsing", 0.1 + 0.2, 1, ""), "of star a expects 0.3, but the table has 0"),
        ((2, "", "whole", 1, 0.25, ""), "'whole' holds int8, and cannot be corrected to a share"),
        ((2, "", "RR Lyrae", 1, 0, ""), "no column 'RR Lyrae'"),
        ((2, "", "ra", 1, 0, ""), "change 'ra', which is no label"),
        ((2, "", "EW", 1, 1.5, ""), "row 0 of the corrections: new is '1.5'"),
        ((2, "", "EW", 0, "", ""), "row 0 of the corrections: new is ''"),
        (("", "", "EW", 0, 1, ""), "row 0 of the corrections names neither"),
    ],
)
def test_what_does_not_fit_the_table_is_named(small, row, message):
    with pytest.raises(ValueError, match=message):
        apply_corrections(small, make_corrections([row]))


def test_a_light_curve_that_is_not_in_the_table_is_passed_over(small):
    pd.testing.assert_frame_equal(apply_corrections(small, make_corrections([(9, "", "EW", 0, 1, "")])), small)


def test_a_data_set_is_corrected_in_memory_and_the_run_says_by_what(table, tmp_path):
    write_parquet(table, tmp_path / "table.parquet")
    before = Dataset.read(tmp_path / "table.parquet", "rrlyr", dmdt=False)
    some = np.flatnonzero((table["RR Lyrae"] > 0.7) & (before.part == "train"))[:40]
    rows = [(table["_id"][k], "", "RR Lyrae", table["RR Lyrae"][k], 0.0, "a test") for k in some]
    write_corrections(make_corrections(rows), tmp_path / "corrections.csv")
    after = Dataset.read(tmp_path / "table.parquet", "rrlyr", dmdt=False, corrections=tmp_path / "corrections.csv")
    assert np.flatnonzero(before.y != after.y).tolist() == some.tolist()
    assert (after.part == before.part).all()
    assert (after.meta["RR Lyrae"].iloc[some] == 0).all()
    trained = fit(xgb(n_estimators=5), after)
    save_run(tmp_path / "mine/xgb/rrlyr", trained, evaluate(trained, after), after)
    recorded = load_run(tmp_path / "mine/xgb/rrlyr").record["dataset"]["corrections"]
    assert recorded["number"] == 40
    assert recorded == after.settings["corrections"]
    assert before.settings["corrections"] is None


def test_files_of_corrections_are_checked(tmp_path):
    (tmp_path / "short.csv").write_text("label,old\nEW,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"short\.csv.*missing: new"):
        read_corrections(tmp_path / "short.csv")
    with pytest.raises(FileNotFoundError):
        read_corrections(tmp_path / "none.csv")
    assert read_corrections("").empty


def test_an_error_of_applied_corrections_names_their_file(small, tmp_path):
    write_corrections(make_corrections([(2, "", "RR Lyrae", 1, 0, "")]), tmp_path / "mine.csv")
    for correct in (apply_corrections, undo_corrections):
        with pytest.raises(ValueError, match=r"mine\.csv: the table has no column 'RR Lyrae'"):
            correct(small, read_corrections(tmp_path / "mine.csv"))
