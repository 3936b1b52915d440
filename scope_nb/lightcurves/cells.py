"""Columns of Arrow as numbers and as names."""

import re
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .formats import MISSING
from .values import mjd_of_dates

WHOLE = 2**53  # beyond, neighbouring whole numbers are one floating-point number


def as_plain(column):
    """Return a column without a dictionary, of plain text or of floats, where it is one of text or decimals."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        return column.cast(pa.string()).cast(pa.float64())  # at once it would be rounded twice
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column


def read_numbers(column, name, source, dates=False):
    """Return a column of Arrow as float64, what is missing as NaN; text that is no number is named by row.

    With `dates` time stamps, and text such as 2018-03-27T04:21, become MJD.
    """
    kind = column.type
    if dates and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return mjd_of_dates(column.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False))
    if pa.types.is_string(kind):
        return _numbers_of_text(column.to_pandas(), name, source, dates)
    try:
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"{source}: column {name!r} holds {kind}, which are no numbers") from error


def _numbers_of_text(text, name, source, dates):
    text = text.str.strip()
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(float, na_value=np.nan)
    missing = text.isna() | text.isin(MISSING) | text.str.match(r"[<>]\s*[-+.\d]")  # the last are limits
    wrong = np.isnan(numbers) & ~missing.to_numpy(bool)
    if dates and wrong.any():
        stamps = pd.to_datetime(text.where(wrong), errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
        numbers = np.where(wrong, mjd_of_dates(stamps.to_numpy()), numbers)
        wrong &= np.isnan(numbers)
    if wrong.any():
        row = int(np.argmax(wrong))
        hint = "; write decimal points, not commas" if re.fullmatch(r"[-+\d]+,\d+", str(text.iloc[row])) else ""
        raise ValueError(f"{source}: column {name!r} holds {text.iloc[row]!r} in row {row}, which is no number{hint}")
    return numbers


def read_names(column, name, source):
    """Return names as integers, or as text where a table has text that is no plain integer; a missing one is None."""
    require_plain(column, name, source)
    if pa.types.is_null(column.type):
        return np.full(len(column), None)
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
        if (large := np.abs(numbers) >= WHOLE).any():
            row = int(np.argmax(large))
            raise ValueError(
                f"{source}: the name {numbers[row]:.0f} in row {row} of {name!r} is a floating-point number, which "
                "cannot tell neighbouring names of that size apart; read the column as text or as int64"
            )
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py() is not False
        return read_names(column.cast(pa.int64()) if whole else column.cast(pa.string()), name, source)
    if pa.types.is_integer(column.type):
        return column.to_numpy() if not column.null_count else np.array(column.to_pylist(), object)
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise ValueError(f"{source}: column {name!r} holds {column.type}, which are no names: {error}") from error
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if pc.all(pc.match_substring_regex(text, r"^(0|-?[1-9][0-9]{0,18})$")).as_py():
        with suppress(pa.ArrowInvalid):  # beyond 64 bits
            return read_names(text.cast(pa.int64()), name, source)
    return np.array(text.to_pylist(), object)


def require_plain(column, name, source):
    if pa.types.is_nested(column.type):
        raise ValueError(f"{source}: column {name!r} holds {column.type}, which are no names")
