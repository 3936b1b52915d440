"""Training tables: files in parquet, CSV and HDF5 in SCoPe's layout, and tables of other libraries."""

import csv
import json
import sys
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..features.dmdt import SIZE, stack_dmdt
from ..files import existing_file, naming_file, parse_json
from ..parquet import naming_errors, open_parquet, read_columns, read_rows, write_arrow
from ..taxonomy import IDENTITY, NAME_COLUMNS
from .hdf5 import read_hdf5

NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
# What pandas takes for a missing value in CSV; in a column of names it is a name
# fmt: off
MISSING = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
]
# fmt: on


def read_table(path, columns=None):
    """Read a table of features or predictions from parquet, CSV or HDF5; see `TableFile.read`."""
    return open_table(path).read(columns)


def read_parquet(path, columns=None):
    """Read a training table from parquet, whatever the name of the file; see `TableFile.read`."""
    return ParquetTable(path).read(columns)


def open_table(path):
    """Return the `TableFile` of a parquet, CSV or HDF5 file, told apart by the file's name.

    A file that is missing, not of that format, or has a column more than once is an error.
    """
    formats = {".parquet": ParquetTable, ".csv": CsvTable} | dict.fromkeys((".h5", ".hdf5", ".hdf"), Hdf5Table)
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ValueError(f"{existing_file(path)}: tables are read from {', '.join(formats)}")
    return formats[suffix](path)


def require_unique_columns(columns, name):
    """Raise a `ValueError` if a table, called `name` in the message, has a column more than once."""
    columns = pd.Index(columns)
    if (repeated := columns[columns.duplicated()].unique()).size:
        raise ValueError(f"{name} has columns more than once: {', '.join(map(str, repeated))}")


def require_no_light_curves(columns, path):
    """Raise a `ValueError` if the columns of a file are those of light curves: a time, `mag` and `magerr`."""
    if {"mag", "magerr"} <= set(columns) and (times := {"hjd", "hmjd", "mjd"} & set(columns)):
        raise ValueError(
            f"{path} holds light curves (columns {', '.join(sorted(times))}, mag, magerr), not a training table: make "
            "one of them with features.ipynb, or with featurize(read_lightcurves(...)) and write_parquet"
        )


def require_unique_numbers(table):
    """Refuse a table without names of light curves where rows are equal in every number."""
    if "_id" in table:
        return
    numbers = table.select_dtypes("number")
    if (repeated := numbers.duplicated() & numbers.notna().any(axis=1)).any():
        raise ValueError(
            f"{repeated.sum()} rows repeat another in every number, first row {np.argmax(repeated)}: keep one of "
            "each, or give the table a column '_id' if they are different light curves"
        )


def as_frame(table):
    """Return a table of pandas, pyarrow or astropy as a DataFrame, or None for anything else.

    Of astropy's columns with several dimensions only `dmdt` is kept. A column that is there twice is a `ValueError`.
    """
    if isinstance(table, pa.Table):
        require_unique_columns(table.column_names, "the table")
        frame = _frame_of_arrow(table)
        frame.attrs = _scope_attrs(table.schema)
        return frame
    if "astropy.table" in sys.modules and isinstance(table, sys.modules["astropy.table"].Table):
        plain = table[[name for name in table.colnames if table[name].ndim == 1]]
        plain.convert_bytestring_to_unicode()
        frame = plain.to_pandas()
        if "dmdt" in table.colnames:
            frame["dmdt"] = pd.Series(list(np.asarray(table["dmdt"], np.float32)), dtype=object)
        return frame
    if not isinstance(table, pd.DataFrame):
        return None
    require_unique_columns(table.columns, "the table")
    return table


def make_plain(table):
    """Return a DataFrame whose numbers are NumPy's, of this machine's byte order, missing where they are masked.

    So are numbers as text, and true and false beside a blank. Names (`NAME_COLUMNS`) become text or whole numbers.
    """
    return _convert_columns(table, _plain)


def _convert_columns(table, convert):
    """Return a table whose columns are what `convert` returns for each; it is the same table if none changes."""
    pairs = [(column, convert(column)) for _, column in table.items()]
    changed = {before.name: after for before, after in pairs if after is not before}
    return table.assign(**changed) if changed else table


def _plain(column):
    if column.name in NAME_COLUMNS:
        return _native(whole_names(column))
    return _native(column) if column.name in (*IDENTITY, "dmdt") else _plain_numbers(_native(column))


def _native(column):
    """Return a column in the byte order of this machine: FITS files have the other, which pandas cannot sort."""
    if isinstance(column.dtype, np.dtype) and not column.dtype.isnative:
        return pd.Series(column.to_numpy().astype(column.dtype.newbyteorder("=")), column.index, name=column.name)
    return column


def _plain_numbers(column):
    """Return numbers that are nullable, text or objects as NumPy's; a column that holds something else as it is."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O":
        return column
    try:
        numbers = pd.to_numeric(column.astype(object).where(column.notna(), None), errors="coerce").astype(float)
    except TypeError:  # lists
        return column
    return numbers if (numbers.notna() == column.notna()).all() else column


def whole_names(column):
    """Return a column of names as text or whole numbers; floating-point numbers are whole ones that had a blank.

    They are a `ValueError` where they are not whole, or so large that two names may have become one.
    """
    if column.dtype == object:
        _require_no_lists(column)
    if not pd.api.types.is_float_dtype(column.dtype):
        return column
    values, limit = column.to_numpy(float, na_value=np.nan), 2**24 if column.dtype.itemsize == 4 else 2**53
    inexact = ~np.isnan(values) & ((np.round(values) != values) | (np.abs(values) >= limit))
    if inexact.any():
        row = int(np.argmax(inexact))
        raise ValueError(
            f"column {column.name!r} holds the floating-point number {values[row]:g} in row {row}, which is no exact "
            "name. Names are text or whole numbers; a blank among whole numbers makes them floating point in pandas: "
            "make the column text (dtype=str) or nullable whole numbers (dtype='Int64') before"
        )
    return pd.Series(values, column.index, name=column.name).astype("Int64")


def _require_no_lists(names):
    nested = np.array([isinstance(name, list | tuple | dict | np.ndarray) for name in names], bool)
    if nested.any():
        row = int(np.argmax(nested))
        raise ValueError(f"column {names.name!r} holds {type(names.iloc[row]).__name__} in row {row}, which is no name")


def _frame_of_arrow(table):
    """Return an Arrow table as a DataFrame without pandas' index; whole numbers of names stay whole beside a blank."""
    table = table.replace_schema_metadata()  # that of pandas is looked into even where it is to be ignored
    frame = table.to_pandas(ignore_metadata=True)
    for name in NAME_COLUMNS:
        if name in table.column_names and table.column(name).null_count:
            frame[name] = table.select([name]).to_pandas(types_mapper=NULLABLE.get, ignore_metadata=True)[name]
    return frame


def _scope_attrs(schema, name="the table"):
    attrs = parse_json((schema.metadata or {}).get(b"scope", b"{}"), f"{name}: the metadata under 'scope'")
    if not isinstance(attrs, dict):
        raise ValueError(f"{name}: the metadata under 'scope' are no JSON object")
    return attrs


class TableFile:
    """A table in a file: its `path`, `columns` and `attrs`.

    A format adds `_open`, which returns the names of the columns, and `_read`, which returns the columns `names`
    without dmdt, and dmdt as one array, or None if it is not among them.
    """

    def __init__(self, path):
        self.path = existing_file(path)
        self.attrs = {}  # of parquet, the JSON object under the metadata key `scope`
        self.columns = self._open()
        require_unique_columns(self.columns, self.path)
        require_no_light_curves(self.columns, self.path)

    def read(self, columns=None):
        """Return the table, or some columns of it, as they are in the file; a missing one is a `ValueError`.

        Names (`NAME_COLUMNS`) are text or whole numbers, the same from every format. Rows are numbered from 0 (a
        nameless index that pandas stored is left out), and `dmdt` holds 26 x 26 views of one contiguous float32 array.
        """
        names = self.columns if columns is None else list(columns)
        if missing := [name for name in names if name not in self.columns]:
            raise ValueError(f"{self.path} lacks the columns {', '.join(missing)}")
        with naming_file(self.path):
            frame, block = self._read(names)
            return self._finish(frame, block, names)

    def _finish(self, frame, block, names):
        frame = frame.assign(**{name: whole_names(frame[name]) for name in NAME_COLUMNS if name in frame})
        if block is not None:
            frame = frame.assign(dmdt=pd.Series(list(block), frame.index, dtype=object))[names]
        frame.attrs = dict(self.attrs)
        return frame

    def number_columns(self, names):
        """Return those of some columns that may hold numbers, as far as the format says without reading them."""
        return list(names)

    def images(self, rows):
        """Return dmdt of some rows as a list of arrays of shape (26, 26), None for a row that has none."""
        return list(self.read(["dmdt"])["dmdt"].iloc[rows])


class ParquetTable(TableFile):
    """A table in parquet: some columns are read without the others, dmdt some rows at a time."""

    def _open(self):
        self._file = open_parquet(self.path)
        with naming_errors(self.path):
            schema = self._file.schema_arrow
        self.attrs = _scope_attrs(schema, self.path)
        return [name for name in schema.names if not name.startswith("__index_level_")]

    def _read(self, names):
        # without pandas' own metadata: it would make an index of some columns, and rows are numbered here
        frame = _frame_of_arrow(read_columns(self._file, self.path, [name for name in names if name != "dmdt"]))
        if "dmdt" not in names:
            return frame, None
        blocks = [block.astype(np.float32, copy=False) for block in self.dmdt_batches()]
        return frame, np.concatenate(blocks) if blocks else np.empty((0, SIZE, SIZE), np.float32)

    def read_rows(self, start, stop):
        """Return the rows from `start` to before `stop` of the table, as `read` returns all."""
        table = read_rows(self.path, start, stop, self.columns)
        with naming_file(self.path):
            frame, block = _frame_of_arrow(table.select([name for name in self.columns if name != "dmdt"])), None
            if "dmdt" in self.columns:
                block = self._flatten(table["dmdt"].combine_chunks()).astype(np.float32, copy=False)
            return self._finish(frame, block, self.columns)

    def number_columns(self, names):
        kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
        types = {name: self._file.schema_arrow.field(name).type for name in names}
        return [name for name, type in types.items() if any(is_kind(type) for is_kind in kinds)]

    def dmdt_batches(self, gaps=False):
        """Yield dmdt as arrays of shape (at most 4000, 26, 26): all of SCoPe's nested doubles would take a gigabyte.

        A row without dmdt is NaN if `gaps`, else an error, as is dmdt of another shape.
        """
        start = 0
        for group in range(self._file.num_row_groups):  # of several groups at once, all would be decoded ahead
            for batch in self._batches(group):
                column, rows = batch.column(0), f"some of the rows {start} to {start + len(batch) - 1}"
                if column.null_count and not gaps:
                    raise ValueError(f"{self.path}: {rows} have no dmdt: leave them out")
                block = self._flatten(column.drop_null())
                if column.null_count:
                    images, block = block, np.full((len(column), SIZE, SIZE), np.nan)
                    block[column.is_valid().to_numpy(zero_copy_only=False)] = images
                yield block
                start += len(batch)

    def _batches(self, group):
        with naming_errors(self.path):
            yield from self._file.iter_batches(4000, [group], ["dmdt"])

    def _flatten(self, column):
        """Return lists of lists, all of 26 numbers each, as one array."""
        try:
            shape = pa.list_(pa.list_(column.type.value_type.value_type, SIZE), SIZE)
            return column.cast(shape).flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, SIZE, SIZE)
        except (AttributeError, ValueError, NotImplementedError) as error:
            raise ValueError(f"{self.path}: dmdt is not {SIZE} x {SIZE} in every row") from error

    def images(self, rows):
        images, start = {}, 0
        for block in self.dmdt_batches(gaps=True):
            images |= {row: block[row - start].astype(np.float32) for row in rows if start <= row < start + len(block)}
            start += len(block)
        return [None if np.isnan(images[row]).any() else images[row] for row in rows]


class CsvTable(TableFile):
    """A table in CSV, with dmdt as JSON text."""

    def _open(self):
        columns = list(parse_csv(self.path, nrows=0))  # where pandas gives a repeated column another name
        if not all(str(name).isprintable() for name in columns):
            raise ValueError(f"{self.path} is named .csv, but its header is no text")
        require_unique_columns(parse_csv(self.path, header=None, nrows=1).iloc[0].dropna(), self.path)
        return columns

    def _read(self, names):
        texts = [name for name in names if name in NAME_COLUMNS]
        missing = {name: [""] if name in texts else MISSING for name in self.columns}
        options = {"dtype": dict.fromkeys(texts, str), "keep_default_na": False, "na_values": missing}
        frame = parse_csv(self.path, usecols=names, **options)[names].copy()  # in one piece
        frame = frame.assign(**{name: _numbers_of_text(frame[name]) for name in texts})
        if "dmdt" not in names:
            return frame, None
        block = np.empty((len(frame), SIZE, SIZE), np.float32)
        for row, text in enumerate(frame.pop("dmdt")):
            try:
                image = np.array(json.loads(text), np.float32)
            except (TypeError, ValueError, OverflowError, RecursionError):
                image = None
            if np.shape(image) != (SIZE, SIZE):
                raise ValueError(f"{self.path}: dmdt in row {row} is not a {SIZE} x {SIZE} list as JSON text")
            block[row] = image
        return frame, block


def parse_csv(path, **options):
    """Return a CSV file as `pandas.read_csv` does, but without lines of comment, which begin with #, before the header.

    Of a file that is no CSV the `ValueError` has the path.
    """
    try:
        return pd.read_csv(path, skiprows=_count_comments(path), **options)
    except (ValueError, OverflowError, csv.Error) as error:
        raise ValueError(f"{path} is named .csv but cannot be read as such: {error}") from error


def _count_comments(path):
    """Return how many lines before the header begin with # and do not look like it."""
    with open(path, "rb") as file:
        lines = list(takewhile(lambda line: line.startswith(b"#"), file))
        file.seek(sum(map(len, lines)))
        commas = file.readline().count(b",")
    return sum(1 for _ in takewhile(lambda line: line.count(b",") != commas, lines))


def _numbers_of_text(names):
    """Return names of CSV as whole numbers if all are written like these, or (206.0) like such beside a blank."""
    texts = names.dropna()
    if texts.str.fullmatch(r"-?[1-9]\d{0,18}|0").all():
        with suppress(OverflowError):
            values = pd.array([pd.NA if pd.isna(name) else int(name) for name in names], dtype="Int64")
            return pd.Series(values, names.index).astype("Int64" if names.hasnans else "int64")
    return names.astype(float) if texts.str.fullmatch(r"(-?[1-9]\d*|0)\.0").all() else names


class Hdf5Table(TableFile):
    """A table in HDF5; it is stored by rows, so that all of it is read at once."""

    def _open(self):
        self._frame = read_hdf5(self.path)
        return list(self._frame)

    def _read(self, names):
        frame = self._frame[names].copy()
        return frame, stack_dmdt(frame.pop("dmdt"), self.path) if "dmdt" in names else None


def write_parquet(table, path):
    """Write a training table as parquet, `attrs` as JSON under the metadata key `scope`, dmdt as nested lists."""
    if Path(path).suffix.lower() != ".parquet":
        raise ValueError(f"{path}: the name of a parquet file ends in .parquet")
    attrs, table = table.attrs, _convert_columns(table, _native)
    flat = table.drop(columns="dmdt") if "dmdt" in table else table
    arrow = pa.Table.from_pandas(flat, preserve_index=False)
    if "dmdt" in table:
        block = stack_dmdt(table["dmdt"])
        rows = pa.ListArray.from_arrays(np.arange(0, block.size + 1, SIZE, dtype=np.int32), block.ravel())
        images = pa.ListArray.from_arrays(np.arange(0, len(rows) + 1, SIZE, dtype=np.int32), rows)
        arrow = arrow.add_column(list(table).index("dmdt"), "dmdt", images)
    metadata = (arrow.schema.metadata or {}) | {b"scope": json.dumps(attrs).encode()}
    write_arrow(arrow.replace_schema_metadata(metadata), path)
