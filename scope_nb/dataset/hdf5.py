"""Training tables in the HDF5 files of pandas, without letting such a file run code."""

import io
import pickle

import numpy as np
import pandas as pd

HDF5_NAMES = (".h5", ".hdf5", ".hdf")


# What the pickles that pandas puts into HDF5 may refer to: arrays and plain containers
_HARMLESS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),
}


def read_hdf5(path):
    """Read a training table from SCoPe's HDF5: the key `df`, and `coordinates` and `dmdt` if they are in the file.

    Returns
    -------
    pandas.DataFrame
        `coordinates` and `dmdt` as columns of objects after those of `df`.

    Raises
    ------
    ValueError
        If the file is no such table, or holds pickled objects other than arrays: HDF5 files of pandas can carry code,
        which is refused.
    ImportError
        If PyTables, which pandas reads HDF5 with, is not installed.
    """
    try:
        import tables  # noqa: F401
    except ImportError as error:
        raise ImportError(f"reading {path} needs PyTables: pip install h5py tables") from error
    _refuse_code(path)
    with pd.HDFStore(path, mode="r") as store:
        keys = [key.strip("/") for key in store.keys()]  # noqa: SIM118
        if "df" not in keys:
            raise ValueError(f"{path} has no table under the key 'df'; keys: {', '.join(keys) or 'none'}")
        frame = store["df"].reset_index(drop=True)
        for key in ("coordinates", "dmdt"):
            if key in keys:
                frame[key] = _column(store[key], len(frame), path, key)
    return frame


def _column(stored, n, path, key):
    """Return a key beside `df` as one column of objects."""
    column = stored.iloc[:, 0] if isinstance(stored, pd.DataFrame) and stored.shape[1] == 1 else stored
    values = list(column.to_numpy())
    if len(values) != n:
        raise ValueError(f"{path}: {key} has {len(values)} rows, but df has {n}")
    return pd.Series(values, dtype=object)


class _Careful(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _HARMLESS:
            raise PermissionError(f"{module}.{name}")
        return super().find_class(module, name)


def _refuse_code(path):
    """Go through everything that PyTables would unpickle, and raise if it asks for more than arrays."""
    import h5py

    def check(raw):
        try:
            _Careful(io.BytesIO(bytes(raw))).load()
        except PermissionError as error:
            raise ValueError(f"{path} holds a pickled object that could run code of its own: {error}") from error
        except Exception:
            pass  # not a pickle

    def visit(_, node):
        for value in (v for v in node.attrs.values() if isinstance(v, bytes | str | np.void)):
            check(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value))
        if isinstance(node, h5py.Dataset) and h5py.check_vlen_dtype(node.dtype) is not None:
            for raw in node[...].ravel():
                check(raw.tobytes())

    try:
        with h5py.File(path) as file:
            visit("", file)
            file.visititems(visit)
    except OSError as error:
        raise ValueError(f"{path} is not an HDF5 file: {error}") from error
