"""Training tables in HDF5: both formats of pandas are read through h5py, and nothing in a file is unpickled."""

import os
import pickle
import struct
import warnings

import numpy as np
import pandas as pd
import pytest

from scope_nb.dataset.pickled import read_pickle
from scope_nb.dataset.tables import read_table
from scope_nb.features.dmdt import stack_dmdt

h5py = pytest.importorskip("h5py")
pytest.importorskip("tables")  # pandas writes through it


class Code:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def put(path, key, values, mode="a", **options):
    with warnings.catch_warnings(), pd.HDFStore(path, mode) as store:
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)  # that objects are pickled is the point here
        store.put(key, values, track_times=False, **options)


def objects(values):
    return pd.Series(np.fromiter(values, object, len(values)))


@pytest.fixture
def some(table):
    """Rows of a training table with a name that is missing, a switch, a date and small numbers."""
    frame = table.drop(columns="dmdt").head(40)
    frame = frame.assign(flag=frame["wstd"] > 0, day=pd.Timestamp("2020-01-02"), small=frame["skew"].astype(np.float32))
    return frame.assign(obj_id=frame["obj_id"].where(frame.index != 3, None))


@pytest.mark.parametrize("options", [{}, {"format": "table"}, {"format": "table", "data_columns": ["_id", "obj_id"]}])
def test_tables_of_pandas_are_read_as_pandas_reads_them(some, tmp_path, options):
    path = tmp_path / "t.h5"
    put(path, "df", some, "w", **options)
    again = read_table(path)
    pd.testing.assert_frame_equal(again, pd.read_hdf(path, key="df").reset_index(drop=True), check_dtype=False)
    assert again["flag"].dtype == bool and again["day"].dtype.kind == "M" and again["small"].dtype == np.float32
    with pytest.raises(ValueError, match=r"t\.h5 lacks the columns nope"):
        read_table(path, ["nope"])


@pytest.mark.parametrize("kind", ["lists", "arrays", "rows of arrays", "a table"])
def test_dmdt_of_scopes_layout_is_read(table, some, tmp_path, kind):
    path, images = tmp_path / "t.h5", list(table["dmdt"].head(40))
    put(path, "df", some, "w")
    put(path, "coordinates", objects([{"radec_geojson": [1.0, 2.0]}] * 40))
    forms = {"lists": [image.tolist() for image in images], "rows of arrays": [[*image] for image in images]}
    values = objects(forms.get(kind, images))
    put(path, "dmdt", pd.DataFrame({"dmdt": values}) if kind == "a table" else values)
    np.testing.assert_array_equal(stack_dmdt(read_table(path)["dmdt"]), images)
    for wrong in (np.zeros((13, 52)).tolist(), [[0.0] * 26] * 25, [["1"] * 26] * 26, [[10**400] * 26] * 26):
        put(path, "dmdt", objects([wrong] * 40))
        with pytest.raises(ValueError, match=r"t\.h5: dmdt in row 0 is not 26 x 26 numbers"):
            read_table(path)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_read_as_pickle_reads_them(protocol):
    rows = np.fromiter(["a", "é" * 300, None, True, -1, 2**80, 1.5, float("inf"), [1.0] * 2000], object, 9)
    swapped = np.arange(6, dtype=">i2").reshape(2, 3)
    for value in (["a", (1, ["é", "b"])], rows, rows.reshape(3, 3).T, swapped, swapped.T, [np.float32(2.5), rows]):
        np.testing.assert_equal(read_pickle(pickle.dumps(value, protocol)), value)


def hostile_pickles(trap):
    """Return pickles that would make a folder, or harm in another way, in one of pickle's readers or in all."""
    make = pickle.dumps(Code(trap), 0)
    line = f"cposix\nmkdir\n(V{trap}\ntR.".encode()
    array = pickle.dumps(np.arange(4.0), 2)
    return {
        "plain": make,
        "in a list": pickle.dumps(["a", Code(trap)], 4),
        "after a text": b"(lp0\nVa\np1\na" + line[:-1] + b"a.",
        "in latin1 alone": b"\x80\x02U\x04\xff\xfe\x80\x81" + line,
        "by instance": f"(V{trap}\niposix\nmkdir\n.".encode(),
        "by object": f"(cposix\nmkdir\nV{trap}\no.".encode(),
        "by new object": f"\x80\x02cposix\nmkdir\n(V{trap}\nt\x81.".encode(),
        "by extension": b"\x80\x02\x82\x01.",
        "persistent": b"Pposix.mkdir\n.",
        "by state": array[:-1] + b"}V__class__\ncposix\nmkdir\nsb.",
        "forged dtype": array.replace(b"f8", b"O8", 1),
        "forged state of a dtype": array.replace(b"K\x03U\x01<", b"K\x04U\x01<", 1).replace(b"f8", b"V8", 1),
        "forged shape": array.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85", 1),
        "large memo": b"\x80\x02]r" + struct.pack("<I", 2**31) + b".",
        "long text": b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"a.",
        "shared lists": b"]" + b"".join(b"q%c(h%ch%cl" % (k, k, k) for k in range(60)) + b".",
        "nothing": b"",
    }


@pytest.mark.parametrize("name", hostile_pickles(""))
@pytest.mark.parametrize("place", ["a list of columns", "a column", "dmdt"])
def test_hostile_pickles_run_nothing(some, tmp_path, place, name):
    trap, path = tmp_path / "trap", tmp_path / "t.h5"
    pickled = hostile_pickles(trap)[name]
    put(path, "df", some, "w", **({"format": "table"} if place == "a list of columns" else {}))
    put(path, "dmdt", objects([[[0.0] * 26] * 26] * 40))
    with h5py.File(path, "a") as file:
        if place == "a list of columns":
            file["df"].attrs["non_index_axes"] = np.bytes_(pickled)
        else:
            column = next(n for n in file["df"].values() if n.dtype == object) if place == "a column" else None
            (column or file["dmdt/values"])[0] = np.frombuffer(pickled, np.uint8)
    with pytest.raises(ValueError, match=r"t\.h5: "):
        read_table(path)
    assert not trap.exists()


def test_attributes_that_are_not_needed_are_not_looked_at(some, tmp_path):
    path, trap = tmp_path / "t.h5", tmp_path / "trap"
    put(path, "df", some, "w")
    with pd.HDFStore(path, "a") as store:
        store.get_node("df")._v_attrs.evil = Code(trap)
    assert len(read_table(path)) == 40 and not trap.exists()


def test_objects_that_are_neither_text_nor_numbers_are_refused(some, tmp_path):
    path = tmp_path / "t.h5"
    put(path, "df", some.assign(list=objects([[1.0]] * 40)), "w")
    with pytest.raises(ValueError, match=r"t\.h5: column 'list' holds .* neither text nor numbers; save .* as parquet"):
        read_table(path)
    put(path, "df", some.assign(kind=pd.Categorical(["a"] * 40)), "w", format="table")
    with pytest.raises(ValueError, match=r"'values_block_\d' is categorical"):
        read_table(path)


def test_a_small_file_that_asks_for_much_memory_is_refused(some, tmp_path):
    path = tmp_path / "t.h5"
    for replacement in ({"shape": (40, 10**8), "chunks": (40, 10**5)}, {"shape": (1,), "dtype": "S2000000000"}):
        put(path, "df", some, "w")
        with h5py.File(path, "a") as file:
            del file["df/block1_values"]
            file["df"].create_dataset("block1_values", **replacement)
        assert path.stat().st_size < 2e6
        with pytest.raises(ValueError, match=r"t\.h5: /df/block1_values asks for .* GB, far more than the size"):
            read_table(path)


def test_values_of_other_files_are_not_read(some, tmp_path):
    path, secret = tmp_path / "t.h5", tmp_path / "secret"
    secret.write_bytes(bytes(8 * 40))
    put(tmp_path / "other.h5", "df", some, "w")
    put(path, "df", some[["wstd"]], "w")
    with h5py.File(path, "a") as file:
        del file["df/block0_values"]
        file["df"].create_dataset("block0_values", (40, 1), "f8", external=[(str(secret), 0, 8 * 40)])
    with pytest.raises(ValueError, match="is stored elsewhere, not in this file"):
        read_table(path)
    with h5py.File(path, "w") as file:
        file["df"] = h5py.ExternalLink("other.h5", "/df")
    with pytest.raises(ValueError, match="has a link in its place"):
        read_table(path)


def test_files_that_are_no_tables(some, tmp_path):
    path = tmp_path / "t.h5"
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(ValueError, match="is not an HDF5 file"):
        read_table(path)
    put(path, "other", some, "w")
    with pytest.raises(ValueError, match="no table under the key 'df'; keys: other"):
        read_table(path)
    put(path, "df", some, "w")
    with h5py.File(path, "a") as file:
        del file["df/block0_values"]
    with pytest.raises(ValueError, match=r"t\.h5: /df lacks 'block0_values'"):
        read_table(path)
