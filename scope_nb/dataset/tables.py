"""Training tables as files: parquet, CSV and HDF5, in SCoPe's layout."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..features.dmdt import SIZE, stack_dmdt
from ..files import existing_file, write_atomically
from .hdf5 import read_hdf5


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

        Rows are numbered from 0 (a nameless index that pandas stored is left out), and `dmdt` holds 26 x 26 views of
        one contiguous float32 array.
        """
        names = self.columns if columns is None else list(columns)
        if missing := [name for name in names if name not in self.columns]:
            raise ValueError(f"{self.path} lacks the columns {', '.join(missing)}")
        frame, block = self._read(names)
        if block is not None:
            frame = frame.assign(dmdt=pd.Series(list(block), frame.index, dtype=object))[names]
        frame.attrs = dict(self.attrs)
        return frame

    def images(self, rows):
        """Return dmdt of some rows as a list of arrays of shape (26, 26), None for a row that has none."""
        return list(self.read(["dmdt"])["dmdt"].iloc[rows])


class ParquetTable(TableFile):
    """A table in parquet: some columns are read without the others, dmdt some rows at a time."""

    def _open(self):
        try:
            self._file = pq.ParquetFile(self.path)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path} is not a parquet file: {error}") from error
        schema = self._file.schema_arrow
        self.attrs = json.loads((schema.metadata or {}).get(b"scope", b"{}"))
        return [name for name in schema.names if not name.startswith("__index_level_")]

    def _read(self, names):
        # without pandas' own metadata: it would make an index of some columns, and rows are numbered here
        frame = self._file.read([name for name in names if name != "dmdt"]).to_pandas(ignore_metadata=True)
        if "dmdt" not in names:
            return frame, None
        blocks = [block.astype(np.float32, copy=False) for block in self.dmdt_batches()]
        return frame, np.concatenate(blocks) if blocks else np.empty((0, SIZE, SIZE), np.float32)

    def dmdt_batches(self, gaps=False):
        """Yield dmdt as arrays of shape (at most 4000, 26, 26): all of SCoPe's nested doubles would take a gigabyte.

        A row without dmdt is NaN if `gaps`, else an error, as is dmdt of another shape.
        """
        start = 0
        for group in range(self._file.num_row_groups):  # of several groups at once, all would be decoded ahead
            for batch in self._file.iter_batches(4000, [group], ["dmdt"]):
                column, rows = batch.column(0), f"some of the rows {start} to {start + len(batch) - 1}"
                if column.null_count and not gaps:
                    raise ValueError(f"{self.path}: {rows} have no dmdt: leave them out")
                block = self._flatten(column.drop_null())
                if column.null_count:
                    images, block = block, np.full((len(column), SIZE, SIZE), np.nan)
                    block[column.is_valid().to_numpy(zero_copy_only=False)] = images
                yield block
                start += len(batch)

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
        columns = list(self._parse(nrows=0))  # where pandas gives a repeated column another name
        require_unique_columns(self._parse(header=None, nrows=1).iloc[0].dropna(), self.path)
        return columns

    def _read(self, names):
        frame = self._parse(usecols=names)[names]
        if "dmdt" not in names:
            return frame, None
        block = np.empty((len(frame), SIZE, SIZE), np.float32)
        for row, text in enumerate(frame.pop("dmdt")):
            try:
                image = np.array(json.loads(text), np.float32)
            except (TypeError, ValueError):
                image = None
            if np.shape(image) != (SIZE, SIZE):
                raise ValueError(f"{self.path}: dmdt in row {row} is not a {SIZE} x {SIZE} list as JSON text")
            block[row] = image
        return frame, block

    def _parse(self, **options):
        try:
            return pd.read_csv(self.path, **options)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.path} is named .csv but cannot be read as such: {error}") from error


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
    flat = table.drop(columns="dmdt") if "dmdt" in table else table
    arrow = pa.Table.from_pandas(flat, preserve_index=False)
    if "dmdt" in table:
        block = stack_dmdt(table["dmdt"])
        rows = pa.ListArray.from_arrays(np.arange(0, block.size + 1, SIZE, dtype=np.int32), block.ravel())
        images = pa.ListArray.from_arrays(np.arange(0, len(rows) + 1, SIZE, dtype=np.int32), rows)
        arrow = arrow.add_column(list(table).index("dmdt"), "dmdt", images)
    metadata = (arrow.schema.metadata or {}) | {b"scope": json.dumps(table.attrs).encode()}
    with write_atomically(Path(path)) as part:
        pq.write_table(arrow.replace_schema_metadata(metadata), part, compression="zstd")
