"""HATS catalogues: their files, the pixels of one that LSDB has opened, and parts of a survey written as one."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..files import naming_file
from ..lightcurves.curves import LightCurves
from ..lightcurves.formats import find_dataset
from ..parquet import open_parquet
from ..writing import write_atomically


def describe_file(file):
    """Return name, size (bytes) and date (nanoseconds) of a file, as JSON can hold them."""
    stat = file.stat()
    return [file.name, stat.st_size, stat.st_mtime_ns]


@dataclass(frozen=True)
class Pixel:
    """A pixel of an LSDB catalogue, with all that was done to the catalogue since it was opened."""

    name: str
    catalog: object  # of this pixel alone
    file: Path | None
    has_features: bool = False

    def describe(self):
        """Return what the partition is, as `Partition.describe` does; Dask's key stands for what was done."""
        return [describe_file(self.file) if self.file else None, str(self.catalog.to_delayed()[0].key)]

    def read_curves(self, **options):
        """Return the light curves, as `Partition.read_curves` does."""
        import dask

        with dask.config.set(scheduler="synchronous"):
            frame = self.catalog.compute(progress_bar=False)
        if frame.empty:
            return LightCurves.from_lists(pd.DataFrame(), [], [], [])
        with naming_file(self.file):
            return LightCurves.from_frame(frame, min_epochs=0, **options)


def list_pixels(catalog):
    structure, pixels = catalog.hc_structure, []
    for pixel in catalog.get_healpix_pixels():
        name = f"Norder={pixel.order}/Dir={pixel.dir}/Npix={pixel.pixel}"
        file = Path(structure.catalog_path or "") / "dataset" / f"{name}.parquet"
        one = catalog.get_partition(pixel.order, pixel.pixel)
        pixels.append(Pixel(name, one, file if file.is_file() else None))
    return pixels


def open_hats(source):
    """Return a HATS catalogue as LSDB opens it, with its margin; None of a survey that is something else."""
    if "lsdb" in sys.modules and isinstance(source, sys.modules["lsdb"].Catalog):
        return source
    if not isinstance(source, str | Path) or find_dataset(Path(source).expanduser()) is None:
        return None
    try:
        import lsdb
    except ImportError as error:
        raise ImportError('HATS catalogues are written by lsdb: pip install "scope_nb[scale]"') from error
    return lsdb.open_catalog(Path(source).expanduser())


def write_hats(catalog, parts, output, progress=True):
    """Write parts of a survey as a HATS catalogue with the pixels and the margin of the one that they were made of.

    That a row of the parts is not where the catalogue has one is a `ValueError`.

    Parameters
    ----------
    catalog : lsdb.Catalog
    parts : list of (str, pathlib.Path)
        Name and file of each part; the name begins with the pixel.
    output : pathlib.Path
        The folder of the new collection, whose catalogue is called like it.
    """
    import lsdb

    files = {}
    for name, file in parts:
        order, pixel = map(int, re.match(r"Norder=(\d+)/Dir=\d+/Npix=(\d+)", name).groups())
        files.setdefault((order, pixel), []).append(file)
    info, rows = catalog.hc_structure.catalog_info, sum(open_parquet(file).metadata.num_rows for _, file in parts)
    columns = {"ra": info.ra_column, "dec": info.dec_column}
    empty = _read_pixel(next(iter(files.values())), columns).iloc[:0]
    made = catalog[list(columns.values())].map_partitions(_find_rows, files, columns, empty, meta=empty)
    with write_atomically(output) as temporary:
        made.write_catalog(temporary, catalog_name=output.name, progress_bar=progress)
        if (written := len(lsdb.open_catalog(temporary / output.name))) != rows:
            raise ValueError(
                f"{rows - written} of {rows} rows are not where the catalogue has them: its index _healpix_29 is not "
                "that of its positions"
            )


def _find_rows(frame, files, columns, empty):
    """Return the rows of the parts that stand at the places of rows of the catalogue, or of its margin."""
    from hats.pixel_math import spatial_index_to_healpix

    owners = [key for key in files if (spatial_index_to_healpix(frame.index, key[0]) == key[1]).any()]
    tables = [_read_pixel(files[key], columns) for key in owners]
    return pd.concat([empty, *(table[table.index.isin(frame.index)] for table in tables)]).sort_index(kind="stable")


def _read_pixel(files, columns):
    """Return the rows of a pixel with the index that HATS catalogues have."""
    import nested_pandas
    from hats.pixel_math import compute_spatial_index

    table = pd.concat([nested_pandas.read_parquet(file) for file in files], ignore_index=True)
    index = compute_spatial_index(table["ra"].to_numpy(float), table["dec"].to_numpy(float))
    table = table.rename(columns=columns).set_axis(pd.Index(index, name="_healpix_29"))
    return nested_pandas.NestedFrame(table.sort_index(kind="stable"))
