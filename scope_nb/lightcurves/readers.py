"""Readers of the files that light curves come in, and the writer."""

import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..files import existing_file, write_atomically
from ..taxonomy import as_names, unknown
from .curves import FILTERS, LightCurves, complete_meta, offsets_of

MJD = 2400000.5  # the Julian date of MJD 0
BAD_FLAG = 32768  # the bit of catflags that ZTF recommends to reject


def read_lightcurves(path, min_epochs=None, min_cadence_minutes=None, flags="strict", bad="raise"):
    """Read light curves from a file of any known layout, and return them as `LightCurves`.

    Known are a parquet table with one row per light curve and the lists `hjd`, `mag`, `magerr` (as `write_lightcurves`
    makes it), the bulk parquet files of a ZTF data release, and the table with one row per epoch of ZTF's per-position
    service, as `.parquet` or `.csv`. A `FileNotFoundError` or `ValueError` says what is missing or unusable.

    Parameters
    ----------
    min_epochs : int, optional
        Light curves with fewer good epochs (50 by default) are left out, with a warning.
    min_cadence_minutes, bad
        See `LightCurves.clean`.
    flags : {"strict", "usual"}
        Which ZTF epochs are good: `catflags == 0` (SCoPe's choice), or those without bit 32768.
    """
    if flags not in ("strict", "usual"):
        raise unknown("choice for flags", flags, ["strict", "usual"])
    path = existing_file(path)
    table = _read_arrow(path)
    meta, epochs, offsets = _layout_of(table, path).read(table)
    time, mag, err = (epochs[name].to_numpy(float) for name in ("time", "mag", "err"))
    time = np.where(time > MJD - 1e5, time - MJD, time)  # Julian dates too
    curves = LightCurves(complete_meta(meta), time, mag, err, offsets)
    if "catflags" in epochs:  # an epoch without flags is not good
        catflags = epochs["catflags"].astype(float).fillna(BAD_FLAG).to_numpy(np.int64)
        curves = curves.keep_epochs(catflags == 0 if flags == "strict" else catflags & BAD_FLAG == 0)
    curves = curves.clean(min_cadence_minutes, bad)
    long = curves.long_enough(min_epochs)
    short = len(curves) - len(long)
    if len(long) == 0:
        most = curves.n_epochs.max(initial=0)
        advice = "Lower min_epochs, or min_cadence_minutes if the survey takes several exposures a visit"
        raise ValueError(
            f"{path}: none of {short} light curves has enough epochs; the longest has {most} after cuts. "
            f"{advice if most else 'Not one epoch can be used'}"
        )
    if short:
        problem = f"{short} of {len(curves)} light curves have too few good epochs and are left out"
        warnings.warn(f"{path.name}: {problem}", stacklevel=2)
    return long


def write_lightcurves(light_curves, path):
    """Write light curves as parquet, one row each, in the layout that `read_lightcurves` knows best."""
    meta = light_curves.meta.rename(columns={"obj_id": "object_id"})
    table = pa.Table.from_pandas(meta, preserve_index=False)
    mag, err = (pa.array(values, pa.float32()) for values in (light_curves.mag, light_curves.err))
    for name, values in {"hjd": pa.array(light_curves.time), "mag": mag, "magerr": err}.items():
        table = table.append_column(name, pa.ListArray.from_arrays(light_curves.offsets.astype(np.int32), values))
    with write_atomically(Path(path)) as part:
        pq.write_table(table, part, compression="zstd")


def _read_arrow(path):
    """Read a parquet or CSV file as an Arrow table, or raise a `ValueError` if it is neither."""
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            return pq.read_table(path)
        if kind == ".csv":
            return pa.Table.from_pandas(pd.read_csv(path, low_memory=False))
    except (pa.ArrowInvalid, pd.errors.ParserError, UnicodeDecodeError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is named {kind} but cannot be read as such: {error}") from error
    raise ValueError(f"{path}: light curves are read from .parquet or .csv, not from {kind or 'a file without suffix'}")


def _read_lists(table):
    """Read a table of lists, flags among them or not; further lists would not fit when epochs are dropped."""
    lists = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    columns = {"hjd": "time", "mag": "mag", "magerr": "err"}
    meta = table.drop_columns(list({*lists, *columns})).to_pandas()
    if "obj_id" not in meta:
        meta = meta.rename(columns={"object_id": "obj_id"})  # one star, several bands
    if "catflags" in lists:
        columns["catflags"] = "catflags"
    return meta, *_flatten_lists(table, columns)


def _read_bulk(table):
    """Read a bulk file of a ZTF data release."""
    names = {"objectid": "_id", "objra": "ra", "objdec": "dec", "fieldid": "field"}
    meta = table.select([c for c in [*names, "filterid", "rcid"] if c in table.column_names]).to_pandas()
    meta["band"] = meta.pop("filterid").map({number: band for band, number in FILTERS.items()})
    if "rcid" in meta:
        rcid = meta.pop("rcid").astype(int)
        meta["ccd"], meta["quad"] = rcid // 4 + 1, rcid % 4 + 1
    columns = {"hmjd": "time", "mag": "mag", "magerr": "err", "catflags": "catflags"}
    return meta.rename(columns=names), *_flatten_lists(table, columns)


def _flatten_lists(table, names):
    """Return the epochs of list columns as a table with new names, and the offsets of the light curves."""
    epochs, counts, first = {}, {}, next(iter(names))
    for column in names:
        lists = table[column].combine_chunks()
        if isinstance(lists, pa.FixedSizeListArray):
            lists = lists.cast(pa.list_(lists.type.value_type))
        if not isinstance(lists, pa.ListArray | pa.LargeListArray):
            raise ValueError("hjd, mag and magerr need a list in every row; such tables are read from .parquet only")
        counts[column] = np.diff(lists.offsets.to_numpy())
        epochs[names[column]] = lists.flatten().to_numpy(zero_copy_only=False)
        if (differ := counts[column] != counts[first]).any():
            raise ValueError(f"row {np.argmax(differ)}: the lists {first!r} and {column!r} differ in length")
    return pd.DataFrame(epochs, copy=False), offsets_of(counts[first])


def _read_epochs(table):
    """Read the per-position service's table; `hjd` where it is there, else `mjd`."""
    epochs = table.to_pandas()
    for name in {"oid", "hjd", "mjd", "mag", "magerr", "catflags", "ra", "dec"} & set(epochs):
        epochs[name] = _as_numbers(epochs[name])
    epochs = epochs.sort_values("oid", kind="stable")
    oid, start = np.unique(epochs["oid"].to_numpy(), return_index=True)
    first = epochs.iloc[start].reset_index(drop=True)
    meta = first[["ra", "dec"]].assign(_id=oid, band=first["filtercode"])[["_id", "ra", "dec", "band"]]
    for ours, theirs in (("field", "field"), ("ccd", "ccdid"), ("quad", "qid")):
        if theirs in first:
            meta[ours] = [int(v, 16 if v[:2] == "0x" else 10) if v else pd.NA for v in as_names(first[theirs])]
    epochs = epochs[["hjd" if "hjd" in epochs else "mjd", "mag", "magerr", "catflags"]]
    epochs = epochs.set_axis(["time", "mag", "err", "catflags"], axis=1)
    return meta, epochs, np.append(start, len(epochs)).astype(np.int64)


def _as_numbers(column):
    """Return a column as numbers, or name the first row that holds something else."""
    numbers = pd.to_numeric(column, errors="coerce")
    if (wrong := numbers.isna() & column.notna()).any():
        row = int(np.argmax(wrong))
        raise ValueError(f"column {column.name!r} holds {column.iloc[row]!r} in row {row}, which is no number")
    return numbers


# `read` returns the rows of `meta`, a table of epochs (time as MJD or JD, mag, err, maybe catflags), and the offsets
Layout = namedtuple("Layout", "name columns read")
SERVICE = Layout(
    "a table of ZTF's light-curve service",
    {"oid", "mjd", "mag", "magerr", "catflags", "filtercode", "ra", "dec"},
    _read_epochs,
)
BULK = Layout(
    "a bulk file of a ZTF data release",
    {"objectid", "filterid", "objra", "objdec", "hmjd", "mag", "magerr", "catflags"},
    _read_bulk,
)
LISTS = Layout("a table of lists", {"hjd", "mag", "magerr"}, _read_lists)


def _layout_of(table, path):
    """Return the layout of a table, or name the nearest one and what is lacking."""
    columns = set(table.column_names)
    # a CSV has no lists, and the service's table may have the columns of a table of lists
    layouts = [SERVICE] if path.suffix.lower() == ".csv" else [BULK, SERVICE, LISTS]
    for layout in layouts:
        if layout.columns <= columns:
            return layout
    nearest = max(layouts, key=lambda layout: len(layout.columns & columns) / len(layout.columns))
    raise ValueError(
        f"{path} has none of the known layouts. It is nearest to {nearest.name}, but lacks "
        f"{', '.join(sorted(nearest.columns - columns))}; its columns are "
        f"{', '.join(map(str, table.column_names[:12]))}. Tables of lists are read from .parquet only"
    )
