"""Training tables as files: parquet, CSV and HDF5, in SCoPe's layout."""

import csv
import json
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..features.dmdt import SIZE, stack_dmdt
from ..files import existing, whole
from .hdf5 import HDF5_NAMES, read_hdf5


def read_parquet(path, columns=None):
    """Read a training table from parquet.

    Parameters
    ----------
    path : path-like
    columns : list of str, optional
        Read these only.

    Returns
    -------
    pandas.DataFrame
        Columns unchanged, rows numbered from 0 (a nameless index that pandas stored is left out). The JSON object under
        the metadata key `scope` becomes `attrs`; `dmdt` holds 26 x 26 views of one contiguous float32 array.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or is not parquet, if columns are missing, or if dmdt has another shape.
    """
    path = existing(path)
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a parquet file: {error}") from error
    with file:
        missing = [c for c in columns or [] if c not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"{path} lacks the columns {', '.join(missing)}")
        names = [n for n in file.schema_arrow.names if not n.startswith("__index_level_")]
        names = names if columns is None else list(columns)
        # without pandas' own metadata: it would make an index of some columns, and rows are told by position here
        frame = file.read([name for name in names if name != "dmdt"]).to_pandas(ignore_metadata=True)
        metadata = file.schema_arrow.metadata or {}
    if "dmdt" in names:
        blocks = [block.astype(np.float32, copy=False) for block in dmdt_batches(path)]
        block = np.concatenate(blocks) if blocks else np.empty((0, SIZE, SIZE), np.float32)
        frame = _with_dmdt(frame, block, names)
    frame.attrs = json.loads(metadata.get(b"scope", b"{}"))
    return frame


def read_table(path, columns=None):
    """Read a table of features or predictions from parquet, CSV or HDF5, told apart by the file's name.

    In CSV, `dmdt` is JSON text; in HDF5 it is a key beside `df`. See `read_parquet` and `hdf5.read_hdf5`.
    """
    path = existing(path)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return read_parquet(path, columns)
    if suffix in HDF5_NAMES:
        frame = read_hdf5(path, columns)
    elif suffix == ".csv":
        frame = _read_csv(path, columns)
    else:
        raise ValueError(f"{path}: tables are read from .parquet, .csv or {', '.join(HDF5_NAMES)}")
    if "dmdt" in frame:
        names = list(frame)
        column = frame.pop("dmdt")
        block = _dmdt_from_text(column, path) if suffix == ".csv" else stack_dmdt(column, path)
        frame = _with_dmdt(frame, block, names)
    return frame


def _read_csv(path, columns):
    """Read a CSV file, or some columns of it."""
    try:
        missing = [c for c in columns or [] if c not in column_names(path)]
        _once(path)
        frame = None if missing else pd.read_csv(path, usecols=columns)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is named .csv but cannot be read as such: {error}") from error
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}")
    return frame[columns] if columns else frame


def _once(path):
    """Refuse a CSV file that names a column twice: pandas would give the second one another name."""
    with path.open(newline="") as file:
        names = pd.Series(next(csv.reader(file), []))
    if (twice := names[names.duplicated()].unique()).size:
        raise ValueError(f"{path} has columns more than once: {', '.join(twice)}")


def column_names(path):
    """Return the columns of a table in a file; of parquet and CSV without reading the rest of it."""
    path = existing(path)
    if path.suffix.lower() in HDF5_NAMES:
        return list(read_hdf5(path))
    if path.suffix.lower() != ".parquet":
        return list(pd.read_csv(path, nrows=0))
    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a parquet file: {error}") from error


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
    with whole(Path(path)) as part:
        pq.write_table(arrow.replace_schema_metadata(metadata), part, compression="zstd")


def dmdt_batches(path, rows=4000, gaps=False):
    """Read dmdt of a parquet file some rows at a time: as nested doubles, all of SCoPe's would take a gigabyte.

    Parameters
    ----------
    path : path-like
    rows : int
    gaps : bool
        Give zeros for a row that has no dmdt.

    Yields
    ------
    numpy.ndarray of float, shape (at most `rows`, 26, 26)

    Raises
    ------
    ValueError
        If a row has no dmdt and `gaps` is False, or one of another shape.
    """
    done = 0
    with pq.ParquetFile(path) as file:
        # one row group after the other: of several at once, all would be decoded ahead
        groups = (file.iter_batches(rows, [k], ["dmdt"]) for k in range(file.num_row_groups))
        for batch in chain.from_iterable(groups):
            column, where = batch.column(0), f"{path}: some of the rows {done} to {done + len(batch) - 1}"
            there = column.is_valid().to_numpy(zero_copy_only=False)
            if there.all() or not gaps:
                block = _nested_images(column, where, path)
            else:
                block = np.zeros((len(batch), SIZE, SIZE))
                block[there] = _nested_images(column.drop_null(), where, path) if there.any() else 0
            yield block
            done += len(batch)


def _nested_images(values, where, path):
    """Return a column of lists of lists as one array, shape (n, 26, 26)."""
    sizes = []
    while isinstance(values, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        if values.null_count:
            raise ValueError(f"{where} have no dmdt: leave them out")
        sizes.append(list(pc.min_max(pc.list_value_length(values)).as_py().values()))
        values = values.flatten()
    if sizes != [[SIZE, SIZE]] * 2:
        found = " x ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in sizes)
        raise ValueError(f"{path}: dmdt is not {SIZE} x {SIZE} in every row, but {found or 'no list'}")
    return values.to_numpy(zero_copy_only=False).reshape(-1, SIZE, SIZE)


def some_dmdt(path, rows):
    """Read dmdt of some rows of a parquet file: arrays of shape (26, 26) in the order of `rows`, zeros for none."""
    found, start = {}, 0
    for batch in dmdt_batches(path, gaps=True):
        found |= {row: batch[row - start].copy() for row in rows if start <= row < start + len(batch)}
        start += len(batch)
    return [found[row] for row in rows]


def _dmdt_from_text(column, path, rows=2000):
    """Parse JSON texts into one array, some rows at a time; only if that fails, look for the row that spoils it."""
    blocks = [np.empty((0, SIZE, SIZE), np.float32)]
    for start in range(0, len(column), rows):
        texts = column.iloc[start : start + rows]
        try:
            blocks.append(np.array(json.loads(f"[{','.join(texts)}]"), np.float32))
        except (TypeError, ValueError):
            blocks.append(np.empty(0, np.float32))
        if blocks[-1].shape != (len(texts), SIZE, SIZE):
            row = start + next(row for row, text in enumerate(texts) if not _is_image(text))
            raise ValueError(f"{path}: dmdt in row {row} is not a {SIZE} x {SIZE} list as JSON text")
    return np.concatenate(blocks)


def _is_image(text):
    try:
        return np.array(json.loads(text), float).shape == (SIZE, SIZE)
    except (TypeError, ValueError):
        return False


def _with_dmdt(frame, block, names):
    column = pd.Series(list(block), index=frame.index, dtype=object, name="dmdt")
    return pd.concat([frame, column], axis=1)[list(names)]
