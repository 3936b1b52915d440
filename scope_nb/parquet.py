"""Parquet files with a checksum on every page: what is damaged on a disk is an error, and never other numbers."""

from contextlib import contextmanager
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq

from .files import existing_file
from .writing import write_atomically

CHECKED = {"compression": "zstd", "write_page_checksum": True}  # for a `pyarrow.parquet.ParquetWriter`


def write_arrow(table, path):
    """Write a table of Arrow as parquet, whole or not at all."""
    with write_atomically(path) as part:
        pq.write_table(table, part, **CHECKED)


def read_arrow(path, columns=None):
    """Return a parquet file, or some columns of it, as a table of Arrow; see `open_parquet`."""
    with open_parquet(path) as file:
        return read_columns(file, path, columns)


def open_parquet(path):
    """Return a `pyarrow.parquet.ParquetFile` that verifies checksums where the file has them.

    A file that is damaged or no parquet file is a `ValueError` with the path; read from it within `naming_errors`.
    """
    path = existing_file(path)
    with naming_errors(path):
        return pq.ParquetFile(path, page_checksum_verification=True)


def read_columns(file, path, columns=None):
    """Return some columns of an open parquet file, or all, as a table of Arrow whose text is text."""
    with naming_errors(path):
        table = file.read(columns)
        table.validate(full=True)
        return table


def read_rows(path, start, stop, columns=None):
    """Return the rows from `start` to before `stop` of a parquet file as a table of Arrow; see `open_parquet`."""
    with open_parquet(path) as file, naming_errors(path):
        groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        ends = [0, *accumulate(groups)]
        wanted = [k for k in range(len(groups)) if ends[k] < stop and ends[k + 1] > start]
        table = file.read_row_groups(wanted, columns).slice(start - ends[wanted[0]], stop - start)
        table.validate(full=True)
        return table


@contextmanager
def naming_errors(path):
    """Turn what Arrow says of a damaged parquet file into a `ValueError` that names it."""
    try:
        yield
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:  # of the disk, and with the path
            raise
        raise ValueError(f"{path} is damaged, or is not a parquet file: {error}") from error
