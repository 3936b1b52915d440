"""Readers of the files that light curves come in, and the writer."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..files import existing, whole
from ..taxonomy import as_names
from .curves import FILTERS, LightCurves, _complete

MJD = 2400000.5  # the Julian date of MJD 0


BAD_FLAG = 32768  # the bit of catflags that ZTF recommends to reject


def read_lightcurves(path, min_epochs=None, min_cadence_minutes=None, flags="strict", bad="raise"):
    """Read light curves from a file, whatever of the known layouts it has.

    Known are a parquet table with one row per light curve and the lists `hjd`, `mag`, `magerr` (also what
    `write_lightcurves` makes), the bulk parquet files of a ZTF data release, and the table with one row per epoch of
    ZTF's per-position service, as `.parquet` or `.csv`. A warning says how many light curves were too short.

    Parameters
    ----------
    path : path-like
    min_epochs : int, optional
        Light curves with fewer good epochs are left out (50 by default).
    min_cadence_minutes : float, optional
        See `LightCurves.clean`; 30 by default, 0 keeps all exposures of a visit.
    flags : {"strict", "usual"}
        Which ZTF epochs are good: `catflags == 0` (SCoPe's choice), or those without bit 32768.
    bad : {"raise", "drop"}
        What to do with epochs whose time, magnitude or error cannot be used.

    Returns
    -------
    LightCurves

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, is not what its name says, has another layout, holds unusable values, or no light
        curve is long enough.
    """
    path = existing(path)
    table = _read_arrow(path)
    columns = set(table.column_names)
    # a CSV has no lists
    layouts = {name: own for name, own in LAYOUTS.items() if own[1] is EPOCHS or path.suffix.lower() != ".csv"}
    for reader, needed in layouts.values():
        if needed <= columns:
            curves, good = reader(table, flags)
            break
    else:
        name, (_, needed) = max(layouts.items(), key=lambda item: len(item[1][1] & columns) / len(item[1][1]))
        raise ValueError(
            f"{path} has none of the known layouts. It is nearest to {name}, but lacks "
            f"{', '.join(sorted(needed - columns))}; its columns are {', '.join(map(str, table.column_names[:12]))}. "
            "Tables of lists are read from .parquet only"
        )
    curves = (curves if good is None else curves.keep_epochs(good)).clean(min_cadence_minutes, bad)
    long = curves.long_enough(min_epochs)
    if len(long) == 0:
        most = curves.n_epochs.max(initial=0)
        advice = "Lower min_epochs, or min_cadence_minutes if the survey takes several exposures a visit"
        raise ValueError(
            f"{path}: none of {len(curves)} light curves has enough epochs; the longest has {most} after cuts. "
            + (advice if most else "Not one epoch can be used")
        )
    if len(long) < len(curves):
        warnings.warn(
            f"{path.name}: {len(curves) - len(long)} of {len(curves)} light curves have too few good epochs and are "
            "left out",
            stacklevel=2,
        )
    return long


LISTS = {"hjd", "mag", "magerr"}


BULK = {"objectid", "filterid", "objra", "objdec", "hmjd", "mag", "magerr", "catflags"}


EPOCHS = {"oid", "mjd", "mag", "magerr", "catflags", "filtercode", "ra", "dec"}


def _read_arrow(path):
    """Read a parquet or CSV file as an Arrow table, and say so if it is neither."""
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            return pq.read_table(path)
        if kind == ".csv":
            return pa.Table.from_pandas(pd.read_csv(path, low_memory=False))
    except (pa.ArrowInvalid, pd.errors.ParserError, UnicodeDecodeError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is named {kind} but cannot be read as such: {error}") from error
    raise ValueError(f"{path}: light curves are read from .parquet or .csv, not from {kind or 'a file without suffix'}")


def _flatten(column):
    """Return the values of a list column as float64, and the offsets of the rows."""
    column = column.combine_chunks()
    if isinstance(column, pa.FixedSizeListArray):
        column = column.cast(pa.list_(column.type.value_type))
    if not isinstance(column, pa.ListArray | pa.LargeListArray):
        raise ValueError("hjd, mag and magerr need a list in every row; such tables are read from .parquet only")
    counts = np.diff(column.offsets.to_numpy())
    values = column.flatten().to_numpy(zero_copy_only=False)
    return values, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _ragged(table, names):
    """Return the flat values of several list columns that must agree in length row by row, and their offsets."""
    flat = {name: _flatten(table[name]) for name in names}
    offsets = flat[names[0]][1]
    for name in names[1:]:
        if not np.array_equal(flat[name][1], offsets):
            row = int(np.argmax(np.diff(flat[name][1]) != np.diff(offsets)))
            raise ValueError(f"row {row}: the lists {names[0]!r} and {name!r} differ in length")
    return [flat[name][0] for name in names], offsets


def _days(time):
    """Return times as MJD, whether they came as MJD or as JD."""
    time = np.asarray(time, float)
    return np.where(time > MJD - 1e5, time - MJD, time)


def _from_lists(table, flags):
    """Read a table of lists, flags among them or not; further lists would not fit when epochs are dropped."""
    lists = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    flagged = ["catflags"] * ("catflags" in lists)
    (time, mag, err, *catflags), offsets = _ragged(table, ["hjd", "mag", "magerr", *flagged])
    meta = table.drop_columns([*{*lists, *LISTS}]).to_pandas()
    if "obj_id" not in meta:
        meta = meta.rename(columns={"object_id": "obj_id"})  # one star, several bands
    curves = LightCurves(_complete(meta), _days(time), np.asarray(mag, float), np.asarray(err, float), offsets)
    return curves, _good(catflags[0], flags) if flagged else None


def _from_bulk(table, flags):
    (time, mag, err, catflags), offsets = _ragged(table, ["hmjd", "mag", "magerr", "catflags"])
    names = {"objectid": "_id", "objra": "ra", "objdec": "dec", "fieldid": "field"}
    meta = table.select([c for c in [*names, "filterid", "rcid"] if c in table.column_names]).to_pandas()
    meta["band"] = meta.pop("filterid").map({number: band for band, number in FILTERS.items()})
    if "rcid" in meta:
        rcid = meta.pop("rcid").astype(int)
        meta["ccd"], meta["quad"] = rcid // 4 + 1, rcid % 4 + 1
    curves = LightCurves(
        _complete(meta.rename(columns=names)),
        _days(time),
        np.asarray(mag, float),
        np.asarray(err, float),
        offsets,
    )
    return curves, _good(catflags, flags)


def _from_epochs(table, flags):
    """Read the per-position service's table; `hjd` where it is there, else `mjd`."""
    epochs = table.to_pandas()
    for name in ((EPOCHS | {"hjd"}) & set(epochs)) - {"filtercode"}:
        epochs[name] = _numbers(epochs[name])
    epochs = epochs.sort_values("oid", kind="stable")
    oid, start = np.unique(epochs["oid"].to_numpy(), return_index=True)
    first = epochs.iloc[start]
    meta = pd.DataFrame({"_id": oid, "ra": first["ra"].to_numpy(), "dec": first["dec"].to_numpy()})
    meta["band"] = first["filtercode"].to_numpy()
    for ours, theirs in (("field", "field"), ("ccd", "ccdid"), ("quad", "qid")):
        if theirs in first:
            meta[ours] = [int(v, 16 if v[:2] == "0x" else 10) if v else pd.NA for v in as_names(first[theirs])]
    time = _days(epochs["hjd" if "hjd" in epochs else "mjd"])
    offsets = np.append(start, len(epochs)).astype(np.int64)
    curves = LightCurves(
        _complete(meta), time, epochs["mag"].to_numpy(float), epochs["magerr"].to_numpy(float), offsets
    )
    return curves, _good(epochs["catflags"].to_numpy(), flags)


def _numbers(column):
    """Return a column as numbers, or name the first row that holds something else."""
    numbers = pd.to_numeric(column, errors="coerce")
    if (wrong := numbers.isna() & column.notna()).any():
        row = int(np.argmax(wrong))
        raise ValueError(f"column {column.name!r} holds {column.iloc[row]!r} in row {row}, which is no number")
    return numbers


def _good(catflags, flags):
    if flags not in ("strict", "usual"):
        raise ValueError(f"flags is 'strict' or 'usual', not {flags!r}")
    catflags = np.nan_to_num(np.asarray(catflags, float), nan=BAD_FLAG).astype(np.int64)  # unknown is not good
    return catflags == 0 if flags == "strict" else (catflags & BAD_FLAG) == 0


LAYOUTS = {
    "a bulk file of a ZTF data release": (_from_bulk, BULK),
    "a table of ZTF's light-curve service": (_from_epochs, EPOCHS),  # it has the columns of the last one too
    "a table of lists": (_from_lists, LISTS),
}


def write_lightcurves(light_curves, path):
    """Write light curves as parquet, one row each, in the layout that `read_lightcurves` knows best."""
    meta = light_curves.meta.rename(columns={"obj_id": "object_id"})
    table = pa.Table.from_pandas(meta, preserve_index=False)
    for name, values, kind in (
        ("hjd", light_curves.time, pa.float64()),
        ("mag", light_curves.mag, pa.float32()),
        ("magerr", light_curves.err, pa.float32()),
    ):
        lists = pa.ListArray.from_arrays(light_curves.offsets.astype(np.int32), pa.array(values, kind))
        table = table.append_column(name, lists)
    with whole(Path(path)) as part:
        pq.write_table(table, part, compression="zstd")
