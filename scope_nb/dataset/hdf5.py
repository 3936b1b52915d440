"""Training tables in the HDF5 files of pandas, read through h5py: nothing in such a file is unpickled."""

import math
import re

import numpy as np
import pandas as pd

from ..features.dmdt import SIZE
from .pickled import read_pickle

ALLOWANCE = 64 * 2**20  # bytes that any file may ask for; a larger one so many times its size
MOST_PACKED = 100
ADVICE = "; save the table as parquet (`write_parquet`)"


def read_hdf5(path):
    """Return the key `df` of SCoPe's HDF5, and `dmdt`, where it has that key, as a column of objects.

    Both formats of pandas are read, "fixed" and "table": numbers, dates, text, and dmdt as lists or arrays. SCoPe's key
    `coordinates`, which repeats the columns `ra` and `dec`, is left out. A file that is no such table, that holds
    pickled objects of another kind, or that asks for much more memory than its size explains, is a `ValueError`.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"reading {path} needs h5py: pip install h5py") from error
    try:
        file = h5py.File(path)
    except OSError as error:
        raise ValueError(f"{path} is not an HDF5 file: {error}") from error
    try:
        with file:
            return _read_keys(_Store(file, path.stat().st_size))
    except Exception as error:  # h5py makes anything of a damaged file: RuntimeError, KeyError, TypeError, SystemError
        reason = str(error) if type(error) is ValueError else f"it is damaged ({type(error).__name__}: {error})"
        raise ValueError(f"{path}: {reason}") from error


def _read_keys(store):
    keys = [key for key in store.file if "pandas_type" in store.child(store.file, key).attrs]
    if "df" not in keys:
        raise ValueError(f"it has no table under the key 'df'; keys: {', '.join(keys) or 'none'}")
    columns = _read_frame(store, store.child(store.file, "df"))
    if "dmdt" in keys:
        columns["dmdt"] = next(iter(_read_frame(store, store.child(store.file, "dmdt")).values()))
    n_rows = {name: len(values) for name, values in columns.items()}
    if len(set(n_rows.values())) > 1:
        raise ValueError(f"its columns differ in length, from {min(n_rows.values())} to {max(n_rows.values())} rows")
    for name, values in columns.items():
        if values.dtype == object:
            columns[name] = _check_images(values) if name == "dmdt" else _check_text(values, name)
    return pd.DataFrame(columns)


def _read_frame(store, group):
    """Return the columns of a table of pandas, or the only one of a series, as a dict of arrays."""
    kind = store.text(group, "pandas_type")
    if kind == "series":
        return {"values": _rows(store.values(store.child(group, "values")), 1)[:, 0]}
    if kind not in ("frame", "frame_table"):
        raise ValueError(f"its key {group.name!r} is a {kind!r} of pandas, and no table")
    blocks = _table_blocks(store, group) if kind == "frame_table" else _fixed_blocks(store, group)
    columns = {}
    for names, values in blocks:
        for name, column in zip(names, _rows(values, len(names)).T, strict=True):
            if name in columns:
                raise ValueError(f"it has columns more than once: {name}")
            columns[name] = column
    order = store.columns(group)
    if set(order) != set(columns):
        raise ValueError(f"its list of {len(order)} columns does not fit the {len(columns)} that it holds")
    return {name: columns[name] for name in order}


def _rows(values, n_columns):
    """Return values as an array of rows and columns."""
    if values.ndim > 2 or (values.shape[1] if values.ndim == 2 else 1) != n_columns:
        raise ValueError(f"it has {n_columns} columns in a block of shape {values.shape}")
    return values.reshape(-1, n_columns)


def _fixed_blocks(store, group):
    for k in range(min(int(group.attrs["nblocks"]), len(group))):
        items, values = (store.child(group, f"block{k}_{part}") for part in ("items", "values"))
        yield store.labels(items), store.values(values)


def _table_blocks(store, group):
    table = store.child(group, "table")
    data = store.array(table)
    for name in data.dtype.names:
        if name == "index":
            continue
        kind, values = store.text(table, f"{name}_dtype"), data[name]
        if store.text(table, f"{name}_meta") == "category":
            raise ValueError(f"column {name!r} is categorical{ADVICE}")
        if values.dtype.kind == "S":
            missing = store.text(table, f"{name}_nan_rep") or "nan"
            values = np.char.decode(values, "utf-8").astype(object)
            values = np.where(values == missing, None, values)
        yield _check_names(store.pickled(table, f"{name}_kind")), _as_kind(values, kind)


def _as_kind(values, kind):
    """Return values as the switches or dates that pandas stores as whole numbers."""
    if kind == "bool":
        return values.astype(bool)
    if date := re.fullmatch(r"datetime64(\[(s|ms|us|ns)(, .*)?\])?", kind):
        return values.astype(np.int64).view(f"datetime64[{date[2] or 'ns'}]")
    return values


def _check_names(names):
    """Return the names of columns if they are text or numbers, which alone are quickly compared."""
    if not all(isinstance(name, str | int | float | np.number) for name in names):
        raise ValueError("the names of its columns are neither text nor numbers")
    return names


def _check_text(values, name):
    """Return a column of objects if each is text, a number or missing."""
    plain = (str, int, float, bool, np.number, np.bool_, type(None))
    if not all(isinstance(value, plain) for value in values):
        raise ValueError(f"column {name!r} holds pickled objects that are neither text nor numbers{ADVICE}")
    return values


def _check_images(values):
    """Return dmdt as arrays, or None where it is missing."""
    images = np.empty(len(values), object)
    for row, value in enumerate(values):
        if value is None or isinstance(value, float):
            continue
        if not _has_shape(value, (SIZE, SIZE)):
            raise ValueError(f"dmdt in row {row} is not {SIZE} x {SIZE} numbers")
        images[row] = np.array([np.array(line, np.float32) for line in value])
    return images


def _has_shape(values, shape):
    """Return whether a list or array has numbers in this shape; it is asked before NumPy makes one of nested lists."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.shape == shape
    if not isinstance(values, list | tuple | np.ndarray) or len(values) != shape[0]:
        return False
    if len(shape) > 1:
        return all(_has_shape(inner, shape[1:]) for inner in values)
    return all(isinstance(value, float) or (type(value) is int and abs(value) < 2**53) for value in values)


class _Store:
    """An open file from which no more is read than its size explains."""

    def __init__(self, file, size):
        self.file, self.budget = file, ALLOWANCE + MOST_PACKED * size

    def _charge(self, size, name):
        self.budget -= size
        if self.budget < 0:
            raise ValueError(f"{name} asks for {size / 2**30:.1f} GB, far more than the size of the file explains")

    def child(self, group, name):
        """Return what is stored under a name; a link to another file is refused."""
        from h5py import HardLink

        if not isinstance(group.get(name, getlink=True), HardLink):
            raise ValueError(f"{group.name} lacks {name!r}, or has a link in its place")
        return group[name]

    def array(self, node):
        """Return a dataset as an array."""
        if node.is_virtual or node.external:  # in any other file, even a device
            raise ValueError(f"{node.name} is stored elsewhere, not in this file")
        if node.dtype == object and node.shape != (1,):
            raise ValueError(f"{node.name} holds objects in another way than pandas stores them{ADVICE}")
        chunk = math.prod(node.chunks or (0,))
        self._charge(max(node.size, chunk) * node.dtype.itemsize, node.name)
        return node[()]

    def values(self, node):
        """Return the values of a block or a series, rows first."""
        from h5py import check_vlen_dtype
        from h5py.h5t import BITFIELD

        if "shape" in node.attrs:  # of an empty array, in whose place something stands that is none
            shape = self.pickled(node, "shape")
            if 0 not in shape:
                raise ValueError(f"{node.name} is empty, but its shape is not")
            return np.empty(shape[::-1])
        values = self.array(node)
        if check_vlen_dtype(node.dtype) is not None:
            self._charge(len(values[0]), node.name)
            values = read_pickle(values[0].tobytes())
            if not isinstance(values, np.ndarray):  # NumPy would go through all that nested lists refer to
                raise ValueError(f"{node.name} holds something else than a column of pandas{ADVICE}")
            return values
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{node.name} holds {values.dtype}, which are no numbers{ADVICE}")
        is_switch = node.id.get_type().get_class() == BITFIELD
        return _as_kind(values, "bool" if is_switch else self.text(node, "value_type"))

    def labels(self, node):
        """Return the names of columns."""
        values = self.array(node)
        if values.dtype.kind == "S":
            return np.char.decode(values, "utf-8").tolist()
        return _check_names(list(self.values(node)))

    def columns(self, group):
        """Return the names of all columns of a table in their order."""
        if "table" not in group:
            return self.labels(self.child(group, "axis0"))
        axes = self.pickled(group, "non_index_axes")
        return _check_names(next(labels for axis, labels in axes if axis == 1))

    def attribute(self, node, name):
        """Return an attribute; None where there is none or it is empty."""
        if name not in node.attrs:
            return None
        self._charge(node.attrs.get_id(name).get_storage_size(), name)
        value = node.attrs[name]
        return value if isinstance(value, bytes | str | np.bytes_) else None

    def text(self, node, name):
        value = self.attribute(node, name)
        return (value.decode("utf-8") if isinstance(value, bytes) else value) or ""

    def pickled(self, node, name):
        value = self.attribute(node, name)
        if not isinstance(value, bytes):
            raise ValueError(f"it lacks {name!r}, which pandas writes")
        return read_pickle(bytes(value))
