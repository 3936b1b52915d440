"""Names of stars and light curves are the same from every format, and numbers are numbers however they are stored."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_table, write_parquet
from scope_nb.taxonomy import as_names

LARGE = 2**60


def write_both(frame, folder):
    """Write a table as parquet and as CSV and return the paths."""
    frame.to_csv(folder / "t.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "t.parquet")
    return folder / "t.csv", folder / "t.parquet"


@pytest.mark.parametrize("column", ["_id", "obj_id", "Gaia_EDR3___id", "AllWISE___id", "PS1_DR1___id"])
@pytest.mark.parametrize(
    "names",
    [
        ["000012", "12", "12e3", "NA", "None", "nan", "N/A", "null", " x", "1_000", "True", None],
        [LARGE + 1, LARGE + 2, -3, 0],
        [LARGE + 1, None, LARGE + 2],
        ["9999999999999999999", "12"],
        [206.0, None, 7.0],
    ],
)
def test_names_are_the_same_from_csv_and_parquet(tmp_path, column, names):
    kind = "Int64" if isinstance(names[0], int) else None
    frame = pd.DataFrame({column: pd.Series(names, dtype=kind), "wstd": [0.5, np.nan, *[1.0] * (len(names) - 2)]})
    texts = ["" if name is None else str(name).removesuffix(".0") for name in names]
    for path in write_both(frame, tmp_path):
        table = read_table(path)
        assert as_names(table[column]).tolist() == texts
        assert not pd.api.types.is_float_dtype(table[column]) and (table[column].isna() == frame[column].isna()).all()
        pd.testing.assert_series_equal(table["wstd"], frame["wstd"])


def test_a_blank_beside_large_numbers_repeats_no_name(table, tmp_path):
    ids = pd.array([LARGE + k for k in range(len(table))], dtype="Int64")
    ids[5] = pd.NA
    some = table.drop(columns="dmdt").assign(_id=ids, obj_id=[f"{k // 2:05d}" for k in range(len(table))])
    parts = [Dataset.read(path, "e").part for path in write_both(some, tmp_path)]
    np.testing.assert_array_equal(*parts)
    np.testing.assert_array_equal(Dataset.read(some, "e").part, parts[0])
    with pytest.raises(ValueError, match=r"column '_id' holds the floating-point number 1\.15.* in row 0.*dtype=str"):
        Dataset.read(some.assign(_id=ids.to_numpy(float, na_value=np.nan)), "e")
    with pytest.raises(ValueError, match=r"number 0\.5 in row 1, which is no exact name"):
        Dataset.read(some.assign(obj_id=np.arange(len(some)) / 2), "e")
    with pytest.raises(ValueError, match="1 rows have no obj_id; the first is row 3"):
        Dataset.read(some.assign(obj_id=some["obj_id"].where(some.index != 3, "")), "e")


def astropy_masked(frame):
    """The table as one of astropy, with masked values where numbers are missing."""
    astropy = pytest.importorskip("astropy.table")
    result = astropy.Table.from_pandas(frame.drop(columns="dmdt"))
    result["dmdt"] = np.stack(frame["dmdt"])
    return result


@pytest.mark.parametrize(
    "convert",
    [
        astropy_masked,
        lambda frame: pa.Table.from_pandas(frame.assign(dmdt=[image.tolist() for image in frame["dmdt"]])),
        lambda frame: frame.drop(columns="dmdt").convert_dtypes().assign(dmdt=frame["dmdt"]),
        lambda frame: frame.assign(
            **{
                name: column.to_numpy().astype(column.dtype.newbyteorder(">"))
                for name, column in frame.items()
                if column.dtype.kind in "if"
            }
        ),
    ],
    ids=["astropy", "pyarrow", "nullable", "big-endian"],
)
def test_tables_of_other_libraries_are_read(table, tmp_path, convert):
    table = table.copy()
    table.loc[3, ["wstd", "eclipsing"]] = np.nan
    expected = Dataset.read(table, "e")
    other = convert(table)
    data = Dataset.read(other, "e")
    pd.testing.assert_frame_equal(data.X, expected.X)
    for name in ("y", "part", "star"):
        np.testing.assert_array_equal(getattr(data, name), getattr(expected, name))
    if isinstance(other, pd.DataFrame):
        write_parquet(other, tmp_path / "t.parquet")
        pd.testing.assert_frame_equal(Dataset.read(tmp_path / "t.parquet", "e").X, expected.X)


def test_strings_of_fits_are_names(table, tmp_path):
    astropy = pytest.importorskip("astropy.table")
    some = table.drop(columns="dmdt")
    astropy.Table.from_pandas(some).write(tmp_path / "t.fits")
    data = Dataset.read(astropy.Table.read(tmp_path / "t.fits"), "e")
    np.testing.assert_array_equal(data.star, some["obj_id"])


@pytest.mark.parametrize(
    "kind", ["bool", "boolean", "object", "Float64", "category", pd.ArrowDtype(pa.bool_()), "text", "masked"]
)
def test_labels_may_be_true_and_false_and_missing(table, tmp_path, kind):
    expected = (table["eclipsing"] > 0.7).to_numpy(copy=True)
    votes = pd.Series(expected, dtype=object)
    if kind != "bool":  # of no vote nothing is known: no label
        expected[:4], votes[:4] = False, None
    if kind == "text":
        column = votes.map({True: "1", False: "0"})
    elif kind == "masked":
        column = np.ma.array(votes.eq(True).astype(float), mask=votes.isna())
    else:
        column = votes.astype(float if kind in ("Float64", "category") else object).astype(kind)
    own = table.drop(columns="dmdt").assign(**{"blue loop star": column})
    write_parquet(own, tmp_path / "t.parquet")
    for source in (own, tmp_path / "t.parquet"):
        np.testing.assert_array_equal(Dataset.read(source, "blue loop star").y, expected)


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf, None])
@pytest.mark.parametrize("balanced", [True, False])
def test_bad_weights_are_refused_by_row(table, tmp_path, bad, balanced):
    weight = np.ones(len(table), object)
    weight[[7, 9]] = bad
    masked = np.ma.array(np.ones(len(table)), mask=[row in (7, 9) for row in range(len(table))])
    write_parquet(table.assign(w=weight.astype(float)), tmp_path / "t.parquet")
    for source, values in ((table, weight), (table, masked), (tmp_path / "t.parquet", "w")):
        with pytest.raises(ValueError, match="2 weights are no numbers of 0 or more, first in row 7"):
            Dataset.read(source, "e", dmdt=False, weight=values, weight_per_class=balanced)


def test_weights_of_another_length_or_of_nothing_are_refused(table):
    with pytest.raises(ValueError, match="there are 5 weights for the 800 rows"):
        Dataset.read(table, "e", dmdt=False, weight=np.ones(5))
    with pytest.raises(ValueError, match="all weights of one class are 0"):
        Dataset.read(table, "e", dmdt=False, weight=1.0 - table["eclipsing"].gt(0.7), weight_per_class=True)
