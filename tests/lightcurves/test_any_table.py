"""Readers give the same light curves, or the same error, however a table is stored."""

import decimal
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from scope_nb.lightcurves.curves import LightCurves
from scope_nb.lightcurves.readers import read_lightcurves

SHAPES = {  # names of the columns of epochs; of a row of lists only the name of the star is not one
    "own": {"star": "star", "band": "band", "time": "time", "mag": "mag", "err": "err"},
    "service": {"star": "oid", "band": "filtercode", "time": "hjd", "mag": "mag", "err": "magerr", "flags": "catflags"},
    "forced": {"star": "objectId", "band": "band", "time": "expMidptMJD", "mag": "psfMag", "err": "psfMagErr"},
}


def make_epochs(seed, n, gaps):
    """Return epochs of three stars whose numbers are exact in float32, some of them missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"star": rng.choice([11, 25, 987654321098765], n), "band": rng.choice(["g", "r"], n)})
    frame["time"] = 58000 + rng.permutation(n) + np.round(rng.random(n), 4)
    frame["mag"], frame["err"] = rng.integers(1400, 1900, n) / 64, rng.integers(1, 9, n) / 64
    frame["flags"] = rng.choice([0, 0, 0, 2, 32768], n)
    frame["mag"] = frame["mag"].mask(rng.random(n) < gaps)
    return frame


def quietly(function, *arguments, **options):
    """Return what a function returns, without the warnings that count what it leaves out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def read(table, bad):
    """Return each light curve's star, band and epochs; or the kind of error, without the place where it is."""
    try:
        curves = LightCurves.from_frame(table, min_epochs=1, min_cadence_minutes=0, bad=bad)
    except ValueError as error:
        return str(error).partition(" in ")[0]
    names = curves.meta["obj_id" if "obj_id" in curves.meta else "_id"].astype(str)
    bands = curves.meta["band"]
    return sorted(
        (s, b, c.time.tolist(), c.mag.tolist(), c.err.tolist()) for s, b, c in zip(names, bands, curves, strict=True)
    )


def to_lists(frame, names, nested):
    """Return a table of Arrow with one row per star and band."""
    rows = []
    for (star, band), part in frame.groupby(["star", "band"], sort=False):
        epochs = {
            names[key]: part[key].where(part[key].notna(), None).tolist()
            for key in names
            if key not in ("star", "band")
        }
        row = {names["star"]: star, names["band"]: band}
        if nested == "struct":
            row["lightcurve"] = epochs
        elif nested == "list of structs":
            row["data"] = [dict(zip(epochs, values, strict=True)) for values in zip(*epochs.values(), strict=True)]
        else:
            row |= epochs
        rows.append(row)
    return pa.Table.from_pylist(rows)


def store(frame, how):
    """Return a table with its numbers and names held in another way."""
    numbers = [name for name, kind in frame.dtypes.items() if kind.kind == "f"]
    text = [name for name, kind in frame.dtypes.items() if kind.kind not in "fi"]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if how == "nullable":
        return frame.convert_dtypes()
    if how == "arrow":
        return frame.convert_dtypes(dtype_backend="pyarrow")
    if how == "categorical":
        return frame.astype(dict.fromkeys(text, "category"))
    if how == "objects":
        return frame.astype(object).where(frame.notna(), None)
    if how == "big-endian":
        return frame.astype(dict.fromkeys(numbers, ">f8"))
    if how == "decimal":
        values = {name: [None if np.isnan(x) else decimal.Decimal(str(x)) for x in frame[name]] for name in numbers}
        return frame.assign(**{name: pd.Series(column, dtype=object) for name, column in values.items()})
    if how == "dictionary":
        return pa.table({name: table[name].combine_chunks().dictionary_encode() for name in table.column_names})
    if how == "string_view":
        views = {name: table[name].cast(pa.string_view()) for name in text}
        return pa.table({name: views.get(name, table[name]) for name in table.column_names})
    if how == "chunks":
        return pa.concat_tables([table.slice(0, 7), table.slice(7)])
    if how == "astropy":
        return Table.from_pandas(frame)
    if how == "text of numbers":
        return frame.assign(**{name: frame[name].map(lambda x: "" if np.isnan(x) else repr(x)) for name in numbers})
    return frame


WAYS = ["plain", "nullable", "arrow", "categorical", "objects", "big-endian", "decimal", "dictionary", "string_view"]
WAYS += ["chunks", "astropy", "text of numbers"]


@settings(max_examples=100, deadline=None)
@given(
    shape=st.sampled_from(list(SHAPES)),
    how=st.sampled_from(WAYS),
    seed=st.integers(0, 1000),
    n=st.integers(1, 40),
    gaps=st.sampled_from([0.0, 0.2]),
    bad=st.sampled_from(["raise", "drop"]),
    index=st.booleans(),
    shuffle=st.randoms(use_true_random=False),
)
def test_a_table_of_epochs_stored_in_any_way(shape, how, seed, n, gaps, bad, index, shuffle):
    names = SHAPES[shape]
    plain = make_epochs(seed, n, gaps)[list(names)].rename(columns=names)
    expected = quietly(read, plain, bad)
    order = list(plain)
    shuffle.shuffle(order)
    table = store(plain[order], how)
    if index and isinstance(table, pd.DataFrame):
        table = table.set_index([names["star"], names["band"]])
    assert quietly(read, table, bad) == expected


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from(list(SHAPES)),
    nested=st.sampled_from(["lists", "struct", "list of structs"]),
    seed=st.integers(0, 1000),
    n=st.integers(1, 40),
    gaps=st.sampled_from([0.0, 0.2]),
)
def test_a_table_of_lists_gives_what_its_epochs_give(shape, nested, seed, n, gaps):
    names = SHAPES[shape]
    frame = make_epochs(seed, n, gaps)[list(names)]
    expected = quietly(read, frame.rename(columns=names), "drop")
    assert quietly(read, to_lists(frame, names, nested), "drop") == expected


@settings(max_examples=15, deadline=None)
@given(shape=st.sampled_from(list(SHAPES)), seed=st.integers(0, 1000), index=st.booleans())
def test_files_give_what_the_table_gives(tmp_path_factory, shape, seed, index):
    names, folder = SHAPES[shape], tmp_path_factory.mktemp("files")
    frame = make_epochs(seed, 30, 0.0)[list(names)].rename(columns=names)
    stored = frame.set_index([names["star"], names["band"]]) if index else frame
    stored.to_parquet(folder / "t.parquet")
    stored.to_csv(folder / "t.csv", index=index)
    pq.write_table(to_lists(make_epochs(seed, 30, 0.0), names, "struct"), folder / "lists.parquet")
    tables = [quietly(read_lightcurves, path, 1, 0) for path in sorted(folder.iterdir())]
    for table in tables:
        expected = quietly(LightCurves.from_frame, frame, min_epochs=1, min_cadence_minutes=0)
        np.testing.assert_array_equal(np.sort(table.time), np.sort(expected.time))
        assert sorted(table.n_epochs) == sorted(expected.n_epochs)


@pytest.mark.parametrize("column", ["oid", "band", "hjd", "mag", "field", "rcid"])
@pytest.mark.parametrize("kind", ["map", "bytes", "struct", "day", "infinite", "large"])
def test_columns_of_another_kind_are_named_with_their_file(tmp_path, column, kind):
    n, path = 60, tmp_path / "t.parquet"
    values = {
        "map": pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"\xff"] * n),
        "struct": pa.array([{"a": 1}] * n),
        "day": pa.array([2**60] * n, pa.int64()).view(pa.date64()),
        "infinite": pa.array([np.inf] * n),
        "large": pa.array([2**64 - 1] * n, pa.uint64()),
    }
    time = 58000.0 + np.arange(n)
    table = {"oid": [1] * n, "band": ["g"] * n, "hjd": time, "mag": [15.0] * n, "magerr": [0.1] * n, "field": [1] * n}
    pq.write_table(pa.table(table | {"rcid": [3] * n, column: values[kind]}), path)
    try:
        read_lightcurves(path)
    except ValueError as error:
        assert "t.parquet" in str(error)
    else:
        assert kind in ("struct", "large", "day", "infinite") and column not in ("hjd", "mag")
