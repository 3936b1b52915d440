"""Training tables in the HDF5 files of pandas, without letting such a file run code."""

import io
import pickle

import numpy as np
import pandas as pd

# What the pickles that pandas puts into HDF5 may refer to: arrays and plain containers
_HARMLESS = {"numpy.ndarray", "numpy.dtype", "_codecs.encode"} | {
    f"numpy.{core}.{name}"
    for core in ("core", "_core")
    for name in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
}


class _Careful(pickle.Unpickler):
    def find_class(self, module, name):
        if f"{module}.{name}" not in _HARMLESS:
            raise PermissionError(f"{module}.{name}")
        return super().find_class(module, name)


def read_hdf5(path):
    """Return the key `df` of SCoPe's HDF5, and `coordinates` and `dmdt`, where it has them, as columns of objects.

    A file that is no such table, or that holds pickled objects other than arrays, is a `ValueError`.
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
                values = list(pd.DataFrame(store[key]).squeeze(axis="columns").to_numpy())
                if len(values) != len(frame):
                    raise ValueError(f"{path}: {key} has {len(values)} rows, but df has {len(frame)}")
                frame[key] = pd.Series(values, dtype=object)
    return frame


def _refuse_code(path):
    """Go through everything that PyTables would unpickle, and raise if it asks for more than arrays."""
    import h5py

    def check(raw):
        try:
            _Careful(io.BytesIO(raw)).load()
        except PermissionError as error:
            raise ValueError(f"{path} holds a pickled object that could run code of its own: {error}") from error
        except Exception:
            pass  # not a pickle

    def visit(_, node):
        for value in node.attrs.values():
            if isinstance(value, bytes | str | np.void):
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
