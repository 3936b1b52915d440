"""The partitions of a survey: rows of parquet files, other files, or pixels of a catalogue, each read by itself."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..dataset.tables import ParquetTable, make_plain, parse_csv, read_table
from ..files import naming_file
from ..lightcurves.formats import find_dataset, list_files, name_stars
from ..lightcurves.readers import read_lightcurves
from ..parquet import open_parquet, read_rows
from .hats_catalogues import describe_file, list_pixels

CURVES, FEATURES = 1000, 20_000  # rows of a partition
FILES, BYTES = 200, 2**24  # of light curves in files other than parquet, most in a partition
OF_FEATURES = "f1_power_"  # a column that begins so tells a table of features from light curves


@dataclass(frozen=True)
class Partition:
    """Some rows of a parquet file, or whole files; `name` is that of its parts in outputs."""

    name: str
    files: tuple
    rows: tuple | None = None  # the first one, and the one after the last
    has_features: bool = False

    def describe(self):
        """Return what the partition is, as JSON can hold it: name, size and date of each file, and the rows."""
        return [*map(describe_file, self.files), self.rows and list(self.rows)]

    def read_curves(self, **options):
        """Return the light curves, those with few epochs or none included; `options` are of `read_lightcurves`."""
        if self.has_features:
            raise ValueError(f"{self.files[0]} holds features, not light curves")
        if self.rows is None:
            return read_lightcurves(list(self.files), 0, **options)
        with naming_file(self.files[0]):
            curves = read_lightcurves(read_rows(self.files[0], *self.rows), 0, **options)
        if (curves.meta["_id"] == np.arange(len(curves))).all():  # the file has no names: its rows are numbered
            curves.meta["_id"] += self.rows[0]
        return curves

    def read_features(self):
        """Return the table of features."""
        file = self.files[0]
        return make_plain(read_table(file) if self.rows is None else ParquetTable(file).read_rows(*self.rows))


def list_partitions(source, rows=None):
    """Return the partitions of a survey, in the order of their files.

    Parameters
    ----------
    source : path-like, list of path-like, or lsdb.Catalog
        A folder, a pattern or files of light curves or features, see `read_lightcurves`; the folder of a HATS
        catalogue, of which margins are left out; or a catalogue that LSDB has opened. What is stored of one light curve
        must stand in one file.
    rows : int, optional
        Rows of a partition, of parquet files in which a row is a light curve; by default 1,000 light curves or 20,000
        rows of features. Of other files each is a partition, small ones but parquet many together; a pixel is one of
        LSDB's catalogues.
    """
    if "lsdb" in sys.modules and isinstance(source, sys.modules["lsdb"].Catalog):
        return list_pixels(source)
    if not isinstance(source, str | Path | list | tuple):
        raise TypeError(f"a survey is a path, paths or a catalogue of LSDB, not {type(source).__name__}")
    dataset = None if isinstance(source, list | tuple) else find_dataset(Path(source).expanduser())
    if dataset:
        files = list_files(dataset)
        names = [file.relative_to(dataset).with_suffix("").as_posix() for file in files]
    else:
        files = list_files(source)
        names = name_stars(files)
    partitions, others = [], []
    for name, file in zip(names, files, strict=True):
        file = file.absolute()  # workers may be in another folder
        if file.suffix.lower() in (".parquet", ".h5", ".hdf5", ".hdf") or _has_features(file):
            partitions += _split_file(name, file, rows)
        else:
            others.append((name, file))
    return partitions + _group_files(others)


def _group_files(named):
    """Return partitions of small files, each called like its first file."""
    groups, size = [], 0
    for name, file in named:
        size += file.stat().st_size
        if not groups or len(groups[-1][1]) == FILES or size > BYTES:
            groups.append((name, []))
            size = file.stat().st_size
        groups[-1][1].append(file)
    return [Partition(name, tuple(files)) for name, files in groups]


def _split_file(name, file, rows):
    """Return the partitions of a table; one that cannot be opened is one, and fails when it is read."""
    if file.suffix.lower() != ".parquet":
        return [Partition(name, (file,), has_features=True)]
    try:
        opened = open_parquet(file)
    except ValueError:
        return [Partition(name, (file,))]
    schema, total = opened.schema_arrow, opened.metadata.num_rows
    has_features = any(column.startswith(OF_FEATURES) for column in schema.names)
    if not has_features and not any(pa.types.is_nested(kind) for kind in schema.types):  # a row is an epoch
        return [Partition(name, (file,))]
    step = rows or (FEATURES if has_features else CURVES)
    starts = range(0, total, step)
    return [
        Partition(f"{name}-{start:09d}", (file,), (start, min(start + step, total)), has_features) for start in starts
    ]


def _has_features(file):
    if file.suffix.lower() != ".csv":
        return False
    try:
        return any(str(name).startswith(OF_FEATURES) for name in parse_csv(file, nrows=0))
    except ValueError:
        return False
