"""What is wrong with a table is said before anything is trained: the column, row, tag or file, and what to do."""

import datetime
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.labels import read_class_labels, read_class_tags
from scope_nb.dataset.tables import read_table, write_parquet
from scope_nb.features.derived import CHANGES, changes


def first_stars(table, n):
    """Give the label of Cepheids to the first n stars of each part, so that no part is without."""
    part = pd.Series(Dataset.from_table(table, "e", dmdt=False).part, table.index)
    first = [names[:n] for names in table.groupby(part)["obj_id"].unique()]
    return table.assign(Cepheid=table["obj_id"].isin(np.concatenate(first)).astype(float))


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({}, {"threshold": 1.0}, "threshold is 1.0, but vote shares above it"),
        ({}, {"threshold": -0.1}, "threshold is -0.1"),
        ({}, {"threshold": "0.7"}, "threshold is '0.7', which is no number"),
        ({}, {"balance": -2}, "balance is -2"),
        ({}, {"balance": "all"}, "balance is 'all', which is no number"),
        ({}, {"features": ["wstd", "wtsd"]}, "lacks 1 of the columns needed: wtsd"),
        ({}, {"features": "phenomenologcal"}, "did you mean 'phenomenological'"),
        ({}, {"label": "eclipsng"}, "no column 'eclipsng'; labels present"),
        ({"eclipsing": 1.2}, {}, r"'eclipsing' holds values outside 0\.\.1, first in row 0"),
        ({"eclipsing": "yes"}, {}, "'eclipsing' holds something else than numbers"),
        ({"eclipsing": np.nan}, {}, "'eclipsing' above 0.7 has no positive light curve among 800"),
        ({"eclipsing": 1.0}, {}, "'eclipsing' above 0.7 has no negative light curve among 800"),
        ({"obj_id": None}, {}, "800 rows have no obj_id; the first is row 0"),
        ({"_id": 7}, {}, r"799 rows repeat the _id of another, first row 1 \(7\)"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(table, change, more, message):
    with pytest.raises(ValueError, match=message):
        Dataset.from_table(table.assign(**change), "e", **{"dmdt": False, **more})


def test_rows_without_names_that_repeat_are_found(table):
    nameless = table.drop(columns="_id")
    Dataset.from_table(nameless, "e", dmdt=False)
    with pytest.raises(ValueError, match="2 rows repeat another in every number, first row 800"):
        Dataset.from_table(pd.concat([nameless, nameless[5:7]], ignore_index=True), "e", dmdt=False)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_columns_that_are_there_twice_are_found_in_files(table, tmp_path, suffix):
    twice = pd.concat([table.drop(columns="dmdt"), table[["wstd"]]], axis=1)
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        twice.to_csv(path, index=False)
    else:
        arrays = [pa.array(twice.iloc[:, k]) for k in range(twice.shape[1])]
        pq.write_table(pa.table(arrays, names=list(twice)), path)
    with pytest.raises(ValueError, match="columns more than once: wstd"):
        Dataset.read(path, "e", dmdt=False)


@pytest.mark.parametrize("stars", [1, 2, 5])
def test_a_tag_of_few_stars_is_warned_of(table, stars):
    """One star in each part is the least that can be trained; from 6 stars on nothing is said."""
    few = first_stars(table, 1)
    if stars < 3:
        few["Cepheid"] = few["obj_id"].isin(few["obj_id"][few["Cepheid"] > 0].unique()[:stars]).astype(float)
        with pytest.raises(ValueError, match=r"part has no positive light curve.*use more data or another tag"):
            Dataset.from_table(few, "ceph", dmdt=False)
        return
    with pytest.warns(UserWarning, match="'ceph' has only 3 positive stars: whether one more of them is found decides"):
        Dataset.from_table(few, "ceph", dmdt=False)


def test_a_table_that_lacks_a_column_is_told_by_name(table, tmp_path):
    write_parquet(table.drop(columns="skew"), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="lacks 1 of the columns needed: skew"):
        Dataset.read(tmp_path / "t.parquet", "e", dmdt=False)
    with pytest.raises(ValueError, match="no period suffix 'ELSS'; present: EAOV, ECE, ELS, ELS_ECE_EAOV"):
        Dataset.read(tmp_path / "t.parquet", "e", period_suffix="ELSS", dmdt=False)


@pytest.mark.parametrize("lacking", [[3, 700], list(range(100, 260))])
def test_trees_do_without_dmdt_that_some_rows_lack(table, tmp_path, lacking):
    images = [None if row in lacking else image.tolist() for row, image in enumerate(table["dmdt"])]
    table.assign(dmdt=pd.Series(images, dtype=object)).to_parquet(tmp_path / "t.parquet", row_group_size=150)
    growth = Dataset.read(tmp_path / "t.parquet", "e", dmdt=False).X[list(CHANGES)]
    present = np.flatnonzero(~np.isin(range(800), lacking))
    np.testing.assert_allclose(growth.iloc[present], changes([np.stack(table["dmdt"].iloc[present])]), rtol=1e-5)
    assert growth.iloc[lacking].isna().all(axis=None)
    with pytest.raises(ValueError, match="some of the rows 0 to 149 have no dmdt: leave them out"):
        read_table(tmp_path / "t.parquet")


def test_dmdt_of_some_rows_is_read_later(table, tmp_path):
    path, rows = tmp_path / "t.parquet", [700, 3, 41]
    write_parquet(table, path)
    for data in (Dataset.read(path, "e", dmdt=False), Dataset.read(path, "e"), Dataset.from_table(table, "e")):
        for row, image in zip(rows, data.images(rows), strict=True):
            np.testing.assert_allclose(image, table["dmdt"].iloc[row])
    gap = table.assign(dmdt=[None if row == 3 else image.tolist() for row, image in enumerate(table["dmdt"])])
    gap.to_parquet(path)
    assert [image is None for image in Dataset.read(path, "e", dmdt=False).images(rows)] == [False, True, False]
    assert Dataset.from_table(table, "e", dmdt=False).images(rows) == [None] * 3
    write_parquet(table.drop(columns="dmdt"), path)
    assert Dataset.read(path, "e").images(rows) == [None] * 3


def test_an_unknown_argument_is_named_before_anything_is_read(table):
    for make in (Dataset.read, Dataset.from_table):
        with pytest.raises(TypeError, match="unexpected keyword argument 'treshold'"):
            make("there is no such file", "e", treshold=0.5)


@pytest.mark.parametrize("column", ["wstd", "eclipsing", "ra", "obj_id", "_id"])
@pytest.mark.parametrize("kind", ["day", "moment", "struct", "map", "list", "bytes", "text", "far day"])
def test_columns_of_another_kind_are_named_with_their_file(table, tmp_path, column, kind):
    day, n, path = datetime.date(2020, 1, 1), len(table), tmp_path / "t.parquet"
    values = {
        "day": pa.array([day] * n),
        "moment": pa.array([datetime.datetime(2020, 1, 1)] * n),
        "struct": pa.array([{"a": 1}] * n),
        "map": pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "list": pa.array([[1.0, 2.0]] * n),
        "bytes": pa.array([b"\xff"] * n),
        "text": pa.array(["x"] * n),
        "far day": pa.array([2**60] * n, pa.int64()).view(pa.date64()),
    }
    write_parquet(table.drop(columns=["dmdt"]), path)
    stored = pq.read_table(path).drop_columns([column])
    pq.write_table(stored.append_column(column, values[kind]), path)
    if column == "ra":  # where there is obj_id, positions are not asked for
        stored = pq.read_table(path).drop_columns(["obj_id"])
        pq.write_table(stored, path)
    with pytest.raises(ValueError, match=r"t\.parquet") as caught:
        Dataset.read(path, "e", dmdt=False)
    if kind in ("day", "moment", "struct", "text", "list") and column != "ra":
        assert column in str(caught.value) or "part" in str(caught.value)  # all rows of one star are in one part


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfea\0,\0b\0\n\0",
        bytes(range(256)) * 9,
        gzip.compress(b"a,b\n1,2\n" * 99),
        b'a,b\n1,"' + b"x" * 300_000,
        b"",
    ],
    ids=["UTF-16", "binary", "packed", "without end", "empty"],
)
def test_what_is_named_csv_but_is_none_is_named(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    for read in (read_table, read_class_tags, read_class_labels):
        with pytest.raises(ValueError, match=r"t\.csv"):
            read(path)
    header = f"class,tags,{'x' * 200_000}\nA,vnv,1\n"
    path.write_text(header, encoding="utf-8")
    assert read_class_tags(path) == {"A": ["vnv"]} and read_table(path).shape == (1, 3)
    path.write_text("dmdt\n" + "[" * 100_000 + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.csv: dmdt in row 0 is not a 26 x 26 list"):
        read_table(path)


def test_a_class_table_is_named_with_its_unknown_tag(tmp_path):
    (tmp_path / "classes.csv").write_text("class,tags\nA,vvn\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"classes\.csv: unknown tag 'vvn'"):
        read_class_tags(tmp_path / "classes.csv")
