"""Tables of light curves in any shape, one row per epoch or lists in one row, become one ragged batch."""

import re
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .cells import WHOLE, as_plain, read_names, read_numbers, require_plain
from .curves import offsets_of, plain_bands
from .roles import find_columns
from .values import are_magnitudes, as_mjd

BAD_FLAG = 32768  # the bit of catflags that ZTF recommends to reject
NANOJANSKY = 31.4  # the AB magnitude of 1 nJy
ONE_STAR = 10 / 3600  # degrees: epochs further apart than that are not all of one star
OF_EPOCHS = ("time", "mag", "err", "snr", "flux", "flux_err", "zero_point", "flags", "band")
NAME_LIKE = re.compile(r"(?i)(id|ic|name|star|source|object)$")
PER_ROW = ("err", "flux_err", "snr", "zero_point", "flags")  # may have one value for a whole light curve
OF_CURVES = {"id": "_id", "star": "obj_id", "ra": "ra", "dec": "dec", "band": "band"}


class Batch(NamedTuple):
    """The light curves of one table: like `LightCurves`, with a flag for each epoch."""

    meta: pd.DataFrame
    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    offsets: np.ndarray
    flags: np.ndarray | None  # 0 is good
    in_bits: bool  # whether flags are those of ZTF, whose bits have a meaning
    of_epochs: bool  # whether the table has one row per epoch


def batch_of(table, named, source, zero_point=None, time_zero=None, star_name=None):
    """Return the light curves of a table of Arrow as a `Batch`.

    `named` are the columns that the user names by role (`err` may be a number), `source` is the table's name in errors,
    and `star_name` that of the only star of a table without names. See `read_lightcurves` for the rest.
    """
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    table = unnest(table, source)
    error = named.get("err") if isinstance(named.get("err"), float) else None
    without = [role for role in ("err", "flags") if not isinstance(named.get(role), str) or named[role] == "ignore"]
    columns = {role: name for role, name in named.items() if name is not None and role not in without}
    roles = find_columns(table.column_names, columns, source)
    _check_units(roles, units, source)
    epochs, counts = flatten(table, roles, source)
    time = _read_times(epochs, roles["time"], source, time_zero)
    mag, err = _read_magnitudes(
        epochs, roles, source, _find_zero_point(epochs, roles, units, source, zero_point), error
    )
    flags, in_bits = None, False
    if named.get("flags") != "ignore":
        flags, in_bits = _read_flags(epochs, roles, source, "flags" in columns)
    row, code = _number_curves(epochs, counts, roles, table, source)
    order = slice(None) if code is None else np.argsort(code, kind="stable")
    offsets = offsets_of(counts if code is None else np.bincount(code))
    rows = np.arange(len(counts)) if code is None else row[order][offsets[:-1]]
    meta = _describe_curves(table, roles, rows, source)
    if counts is not None and code is not None:
        band = roles["band"][0].name
        meta["band"] = read_names(epochs[band].take(pa.array(order[offsets[:-1]])), band, source)
    if counts is None and not {"id", "star"} & set(roles):
        _require_one_star(table, roles, source)
        meta |= {"obj_id": [star_name] * len(rows)} if star_name else {}
    if counts is None:
        _warn_of_mixed(table, roles, source, star_name)
    rest = table if counts is not None else _constant_in_curves(table, order, offsets)
    further = _further_columns(rest, roles, rows)
    meta |= {name: values for name, values in further.items() if name not in (*OF_CURVES.values(), *meta)}
    flags = None if flags is None else flags[order]
    frame = pd.DataFrame(meta, index=range(len(rows)))
    return Batch(frame, time[order], mag[order], err[order], offsets, flags, in_bits, counts is None)


def _check_units(roles, units, source):
    """Refuse magnitudes in another unit, and a flux whose error has another unit than it."""
    for role in ("mag", "err"):
        for column in roles.get(role, [])[:1]:
            if "mag" in roles and units.get(column.name, "") not in ("", "mag"):
                raise ValueError(f"{source}: {column.name!r} is in {units[column.name]}, not in magnitudes")
    kind = "err" if "flux_err" not in roles else "flux_err"
    if "mag" not in roles and kind in roles:
        flux, error = (roles[role][0].name for role in ("flux", kind))
        if units.get(flux, "") != units.get(error, ""):
            shown = [units.get(name, "") or "no unit" for name in (flux, error)]
            raise ValueError(f"{source}: {flux!r} is in {shown[0]}, but its error {error!r} in {shown[1]}")


def _find_zero_point(epochs, roles, units, source, zero_point):
    """Return the zero point of fluxes: the user's, that of a column, or that of nJy; None where there is none."""
    if zero_point is None and "zero_point" in roles and roles["zero_point"][0].name in epochs:
        return read_numbers(epochs[roles["zero_point"][0].name], roles["zero_point"][0].name, source)
    if zero_point is None and "nJy" in [units.get(column.name) for column in roles.get("flux", [])[:1]]:
        return NANOJANSKY
    return zero_point


def unnest(table, source):
    """Return a table without structs: their fields become columns, and a list of structs becomes lists.

    Fields of the same name in several structs get the name of theirs before them, as in `lc.mag`. A column that is
    there twice is a `ValueError`.
    """
    repeated = pd.Index(table.column_names)
    if (repeated := repeated[repeated.duplicated()].unique()).size:
        raise ValueError(f"{source} has columns more than once: {', '.join(repeated)}; give them names of their own")
    columns = [
        (name, inner, values)
        for name, column in zip(table.column_names, table.columns, strict=True)
        for inner, values in _unnest_column(name, column)
    ]
    inner_names = [inner for _, inner, _ in columns]
    names = [
        inner if inner_names.count(inner) == 1 or inner == name else f"{name}.{inner}" for name, inner, _ in columns
    ]
    return pa.table([values for *_, values in columns], names)


def _unnest_column(name, column):
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        kind, column = kind.storage_type, pa.chunked_array([c.storage for c in column.chunks], kind.storage_type)
    if pa.types.is_struct(kind):
        for field, values in zip(kind, column.flatten(), strict=True):
            yield from _unnest_column(field.name, values)
    elif _is_list(kind) and pa.types.is_struct(kind.value_type):
        lists = _as_lists(column)
        offsets = pa.array(offsets_of(_lengths(lists)).astype(np.int32))
        for field, values in zip(kind.value_type, lists.flatten().flatten(), strict=True):
            yield field.name, pa.chunked_array([pa.ListArray.from_arrays(offsets, values)])
    else:
        yield name, as_plain(column)


def _is_list(kind):
    return pa.types.is_nested(kind) and not pa.types.is_struct(kind) and not pa.types.is_map(kind)


def _as_lists(column):
    """Return a column of lists of any kind as one array of plain lists."""
    lists = column.combine_chunks()
    if pa.types.is_list_view(lists.type) or pa.types.is_large_list_view(lists.type):
        values = [None if value is None else value.values for value in lists]  # its own cast loses the order
        return pa.array([None if v is None else v.to_pylist() for v in values], pa.list_(lists.type.value_type))
    return lists if pa.types.is_list(lists.type) else lists.cast(pa.list_(lists.type.value_type))


def _lengths(lists):
    return pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def flatten(table, roles, source):
    """Return the columns of epochs, one value each, and how many epochs each row has; None if a row is an epoch."""
    names = [column.name for role in OF_EPOCHS for column in roles.get(role, [])]
    lists = {name: _as_lists(table[name]) for name in names if _is_list(table.schema.field(name).type)}
    reference = roles["time"][0].name
    if not lists:
        return {name: table[name].combine_chunks() for name in names}, None
    for name in (roles[role][0].name for role in ("time", "mag", "flux") if role in roles):
        if name not in lists:
            other = next(iter(lists))
            raise ValueError(f"{source}: {other!r} holds lists, but {name!r} does not: both need one in every row")
    counts = _lengths(lists[reference])
    for name, column in lists.items():
        if (differ := _lengths(column) != counts).any():
            raise ValueError(
                f"{source}, row {np.argmax(differ)}: the lists {reference!r} and {name!r} differ in length"
            )
    epochs = {name: as_plain(column.flatten()) for name, column in lists.items()}
    row = pa.array(np.repeat(np.arange(len(counts)), counts))
    for role in PER_ROW:  # one value for all epochs of a row
        for name in (column.name for column in roles.get(role, []) if column.name not in lists):
            epochs[name] = table[name].take(row).combine_chunks()
    return epochs, counts


def _read_times(epochs, columns, source, time_zero):
    """Return the times of the preferred column as MJD; what it lacks is taken from the next one."""
    time = first_certain = first_label = None
    for column in columns:
        if column.name not in epochs or (time is not None and first_certain and not np.isnan(time).any()):
            continue
        if time is not None and np.isnan(column.offset):
            continue  # what kind of time it is cannot be known
        values = epochs[column.name]
        zero = time_zero if time_zero is not None or np.isnan(column.offset) else column.offset
        days = read_numbers(values, column.name, source, dates=True)
        single = pa.types.is_float32(values.type) or pa.types.is_float16(values.type)
        label = f"{source}: column {column.name!r}"
        days, certain = as_mjd(days, label, zero, single)
        if time is not None and not certain:
            continue  # its zero may be another one
        if time is None or not first_certain:  # what is certain comes first
            time, first_certain, first_label = days, certain, label
        else:
            time = np.where(np.isnan(time), days, time)
    if not first_certain:
        warnings.warn(
            f"{first_label} holds days from an unknown zero, {np.nanmin(time):.10g} to {np.nanmax(time):.10g}, which "
            "are kept as they are; time_zero= is the Julian date of their 0, as 2457000 of TESS",
            stacklevel=4,
        )
    return time


def _read_magnitudes(epochs, roles, source, zero_point, constant):
    """Return magnitudes and their errors, of fluxes those that follow from the zero point."""
    role = "mag" if "mag" in roles else "flux"
    column = roles[role][0]
    values = read_numbers(epochs[column.name], column.name, source)
    kind = "err" if role == "mag" or "flux_err" not in roles else "flux_err"
    if constant is not None:
        error = np.full(len(values), float(constant))
    elif kind in roles:
        error = read_numbers(epochs[roles[kind][0].name], roles[kind][0].name, source)
    elif "snr" in roles:
        error = read_numbers(epochs[roles["snr"][0].name], roles["snr"][0].name, source)
        error = (2.5 / np.log(10) if role == "mag" else values) / np.where(error > 0, error, np.nan)
    else:
        raise ValueError(
            f"{source}: no column is known as the error of {column.name!r}; its columns are {', '.join(epochs)}, ... "
            "Name it by err=, or give one error in magnitudes for all, as in err=0.02"
        )
    if role == "flux":
        return _magnitudes_of_flux(values, error, column, source, zero_point, constant)
    if not are_magnitudes(values):
        middle = np.nanmedian(values)
        raise ValueError(
            f"{source}: {column.name!r} is {middle:.4g} in the middle, which are no magnitudes. Are they fluxes? Then "
            f"say flux={column.name!r}, and zero_point= the magnitude of a flux of 1"
        )
    return values, error


def _magnitudes_of_flux(flux, error, column, source, zero_point, constant):
    positive = flux > 0
    if lacking := np.count_nonzero(~positive):
        warnings.warn(f"{source}: {lacking} of {len(flux)} fluxes are missing or not positive", stacklevel=4)
    zero = column.offset if zero_point is None else zero_point
    if np.isnan(zero).all():
        warnings.warn(
            f"{source}: no zero point is known of {column.name!r}, so the magnitudes are relative ones; zero_point= is "
            "the magnitude of a flux of 1",
            stacklevel=4,
        )
        zero = 0.0
    flux = np.where(positive, flux, np.nan)
    mag = zero - 2.5 * np.log10(flux)
    if zero_point is None and zero and not 0 < np.nanmedian(mag) < 30:
        raise ValueError(
            f"{source}: if {column.name!r} is in {column.unit}, magnitudes are about {np.nanmedian(mag):.1f}, which "
            "cannot be; zero_point= is the magnitude of a flux of 1"
        )
    return mag, error if constant is not None else 2.5 / np.log(10) * error / flux


def _read_flags(epochs, roles, source, named):
    """Return the flags of all epochs, and whether they are ZTF's bits; an epoch without one is not good."""
    name = roles["flags"][0].name if "flags" in roles else ""
    if name not in epochs:
        if any(column.survey in ("ZTF service", "ZTF bulk") for column in roles.get("band", [])):
            warnings.warn(f"{source}: it has no column of flags, so all epochs count as good", stacklevel=4)
        return None, False
    if pa.types.is_string(epochs[name].type) and not named:
        warnings.warn(f"{source}: {name!r} holds words, not flags, so all epochs count as good", stacklevel=4)
        return None, False
    flags = read_numbers(epochs[name], name, source)
    if (broken := (flags != np.round(flags)) & ~np.isnan(flags)).any():
        raise ValueError(
            f"{source}: {name!r} holds {flags[broken][0]:g}, which is no flag; flags='ignore' does without"
        )
    return np.where(np.isnan(flags), BAD_FLAG, flags).astype(np.int64), name.lower() == "catflags"


def _number_curves(epochs, counts, roles, table, source):
    """Return the row of each epoch and the number of its light curve; twice None where a row is a light curve."""
    keys = [roles[role][0].name for role in ("id", "star", "band") if role in roles]
    if counts is not None:
        keys = [name for name in keys if name in epochs]
        if not keys:
            return None, None
        row = np.repeat(np.arange(len(counts)), counts)
        code = row
    else:
        row = np.arange(table.num_rows)
        code = np.zeros(table.num_rows, np.int64)
        for role in {"id", "star"} & set(roles):
            _require_names(table[roles[role][0].name], roles[role][0].name, source)
    for name in keys:
        values = epochs[name] if name in epochs else table[name].combine_chunks()
        require_plain(values, name, source)
        if "band" in roles and name == roles["band"][0].name:  # zg and g are one band
            values = _plain_band(values)
        index = values.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64) + 1
        code = pd.factorize(code * (index.max(initial=0) + 1) + index)[0]
    return row, code


def _plain_band(values):
    encoded = values.dictionary_encode()
    names = pa.array(plain_bands(encoded.dictionary.to_pandas()).to_numpy(object), pa.string())
    return names.take(encoded.indices)


def _require_names(column, name, source):
    blank = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(column.type):
        blank = pc.or_(blank, pc.equal(column, "").fill_null(True))
    if pc.any(blank).as_py():
        row = blank.combine_chunks().to_numpy(zero_copy_only=False).argmax()
        raise ValueError(f"{source}: column {name!r}, which names the stars, is empty in row {row}")


def _describe_curves(table, roles, rows, source):
    """Return what is known of each light curve, a dict of columns, from the row of the table that it begins in."""
    meta = {}
    for role, ours in OF_CURVES.items():
        if role not in roles or _is_list(table.schema.field(roles[role][0].name).type):
            continue
        name = roles[role][0].name
        column = table[name].take(pa.array(rows)).combine_chunks()
        meta[ours] = (read_numbers if role in ("ra", "dec") else read_names)(column, name, source)
    for role in ("field", "ccd", "quad", "rcid"):
        if role in roles:
            name = roles[role][0].name
            column = table[name].take(pa.array(rows))
            is_whole = pa.types.is_integer(column.type) and column.type.bit_width < 64 and not column.null_count
            values = column.to_numpy() if is_whole else [_whole(value, name, source) for value in column.to_pylist()]
            meta[role] = values
    if "rcid" in meta:
        rcid = pd.Series(meta.pop("rcid"), dtype="Int64")
        meta |= {"ccd": rcid // 4 + 1, "quad": rcid % 4 + 1}
    if "_id" in meta and "obj_id" not in meta and len(set(meta["_id"])) < len(rows):
        meta["obj_id"] = meta.pop("_id")  # of several light curves: it names a star
    return meta


def _whole(value, name, source):
    """Return the number of a field, a CCD or a quadrant (the service writes some as 0x9), or what words it has."""
    if value is None or value == "":
        return pd.NA
    try:
        number = int(value, 0) if isinstance(value, str) and value[:2] == "0x" else int(float(value))
        if abs(number) < WHOLE:
            return number
    except (TypeError, ValueError, OverflowError):
        if isinstance(value, str):
            return value
    raise ValueError(f"{source}: column {name!r} holds {value!r}, which is no whole number")


def _further_columns(table, roles, rows):
    """Return the columns of a table that have no role, of some rows; those of lists and hidden ones are left out."""
    used = {column.name for columns in roles.values() for column in columns}
    names = [name for name in table.column_names if name not in used and not name.startswith("_")]
    names = [name for name in names if not pa.types.is_nested(table.schema.field(name).type)]
    frame = table.select(names).take(pa.array(rows)).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return dict(frame.items())


def _constant_in_curves(table, order, offsets):
    """Return a table without the columns that change within a light curve."""
    begins = np.zeros(table.num_rows, bool)
    begins[offsets[:-1]] = True
    names = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type):
            continue
        if not pa.types.is_primitive(column.type):
            column = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode").indices
        values = column.to_numpy()[order] if isinstance(column, pa.ChunkedArray) else column.to_numpy(False)[order]
        same = values[1:] == values[:-1]
        same |= (values[1:] != values[1:]) & (values[:-1] != values[:-1])
        if (same | begins[1:]).all():
            names.append(name)
    return table.select(names)


def _warn_of_mixed(table, roles, source, star_name):
    """Warn where no column names stars or bands, but one without a role might."""
    used = {column.name for columns in roles.values() for column in columns}
    lacking = [role for role, others in (("star", {"id", "star"}), ("band", {"band"})) if not others & set(roles)]
    lacking = [role for role in lacking if role != "star" or not star_name]
    for name in table.column_names if lacking else []:
        kind = table.schema.field(name).type
        if name in used or not (pa.types.is_string(kind) or (pa.types.is_integer(kind) and NAME_LIKE.search(name))):
            continue
        n_values = pc.count_distinct(table[name]).as_py()
        if 1 < n_values <= max(table.num_rows / 4, 2):
            text = " or ".join(f"{role}={name!r}" for role in lacking)
            warnings.warn(
                f"{source}: {name!r} has {n_values} values; if they tell light curves apart, say {text}", stacklevel=4
            )


def _require_one_star(table, roles, source):
    """Refuse a table without names whose positions are of more than one star."""
    if not {"ra", "dec"} <= set(roles):
        return
    ra, dec = (read_numbers(table[roles[role][0].name].combine_chunks(), role, source) for role in ("ra", "dec"))
    width = [np.nanmax(values, initial=-np.inf) - np.nanmin(values, initial=np.inf) for values in (ra, dec)]
    if max(width[0] * np.cos(np.radians(np.nanmean(dec))), width[1]) > ONE_STAR:
        raise ValueError(f"{source}: no column names the stars, but positions differ; say which does by star=")
