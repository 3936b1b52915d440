"""Columns of `X`: features by name, histogram and light curve as numbered columns, and which of them a model needs."""

import re

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from ..lightcurves.curves import match_curves

DMDT_COLUMN = r"^dmdt_(\d+)_(\d+)$"
CURVE_COLUMN = r"^curve_(\d+)_(dt|mag|err|band)$"
CHANNELS = ("dt", "mag", "err", "band")
NUMBERED = f"{DMDT_COLUMN}|{CURVE_COLUMN}"
REFUSED = r"[\[\]<,:\"{}]"  # in names of columns: the first three by xgboost, all but < by LightGBM


def record_columns(model, X):
    """Set `n_features_in_` and, for a DataFrame, `feature_names_in_`."""
    validate_data(model, X, skip_check_array=True)


def match_columns(model, X):
    """Return the columns of `X` that `model` was fitted on, in that order; an error names the missing ones."""
    names = getattr(model, "feature_names_in_", None)
    if names is None or not isinstance(X, pd.DataFrame):
        return validate_data(model, X, reset=False, skip_check_array=True)
    require_columns(X, names)
    return X if np.array_equal(X.columns, names) else X[list(names)]


def require_columns(X, names):
    """Raise a `ValueError` unless `X` has the columns `names`, and dmdt and light curves of the same shape."""
    for kind, pattern in (("dmdt", DMDT_COLUMN), ("curve", CURVE_COLUMN)):
        shapes = [_shape(_cells(columns, pattern)) for columns in (X.columns, names)]
        if all(shapes) and shapes[0] != shapes[1]:
            here, fitted = (f"{rows} x {columns}" for rows, columns in shapes)
            raise ValueError(f"X has {kind} columns of {here}, the model was fitted on {fitted}")
    if missing := [name for name in names if name not in X.columns]:
        raise ValueError(f"X lacks {len(missing)} columns that the model was fitted on: {listed(missing)}")


def listed(names):
    """Return names as text; of the cells of dmdt and of light curves the first and the last only."""
    plain = [str(name) for name in names if is_feature(name)]
    numbered = [str(name) for name in names if not is_feature(name)]
    if len(numbered) > 1:
        numbered = [numbered[0], f"... {numbered[-1]}"]
    return ", ".join(plain + numbered)


def is_feature(name):
    """Return whether a column is neither a cell of dmdt nor part of a light curve."""
    return re.match(NUMBERED, str(name)) is None


def with_plain_names(X):
    """Return X with its columns numbered, `f0`, `f1`, ..., if a name holds a character that trees refuse, else X."""
    if not isinstance(X, pd.DataFrame) or not any(re.search(REFUSED, str(name)) for name in X.columns):
        return X
    return X.set_axis([f"f{k}" for k in range(X.shape[1])], axis=1)


def split_columns(X):
    """Return features as a float array (n, F), and the dmdt histograms (n, rows, columns, 1) or None."""
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X, dtype=float), None
    features = X[[name for name in X.columns if is_feature(name)]].to_numpy(dtype=float)
    image = _block(X, DMDT_COLUMN, "dmdt")
    return features, None if image is None else np.nan_to_num(image)[..., None]  # a missing histogram is an empty one


def curve_block(X):
    """Return light curves as a float32 array (n, steps, 4), by `CHANNELS`, NaN after the last epoch; or None."""
    return _block(X, CURVE_COLUMN, "light curve") if isinstance(X, pd.DataFrame) else None


def _cells(names, pattern):
    """Return row and column of each name that has the pattern."""
    matches = {name: re.match(pattern, str(name)) for name in names}
    number = {channel: k for k, channel in enumerate(CHANNELS)}
    return {name: (int(m[1]), int(number.get(m[2], m[2]))) for name, m in matches.items() if m}


def _shape(cells):
    """Return how many rows and columns of cells there are; nothing if there are none."""
    return tuple(int(k) + 1 for k in np.max(list(cells.values()), axis=0)) if cells else ()


def _block(X, pattern, kind):
    """Return numbered columns as a float32 array (n, rows, columns), whatever their order; None if there are none."""
    cells = _cells(X.columns, pattern)
    if not cells:
        return None
    rows, columns = _shape(cells)
    if len(cells) != rows * columns:
        raise ValueError(f"a {rows} x {columns} {kind} has {rows * columns} columns, but X has {len(cells)}")
    return X[sorted(cells, key=cells.get)].to_numpy(dtype=np.float32).reshape(-1, rows, columns)


def sequences(curves, table, steps=200):
    """Return the light curve of each row of a training table as float32 columns, shape (n, 4 * steps).

    `curve_0_dt` is days since the epoch before (0 for the first), `curve_0_mag` magnitude minus the median,
    `curve_0_err` its error, `curve_0_band` 1 g, 2 r, 3 i, 0 other; `curve_1_dt`, ... Of longer light curves the latest
    epochs are taken; after shorter ones, and in a row without light curve, all is NaN. No row with one is an error.
    """
    place = match_curves(curves, table)
    rows = np.flatnonzero(place >= 0)
    if not len(rows):
        raise ValueError(
            f"none of the {len(table):,} rows of the table is among the {len(curves):,} light curves: they are matched "
            "by `_id` and position, so the file must be the one that the table was made from"
        )
    block = np.full((len(table), steps, len(CHANNELS)), np.nan, np.float32)
    band = curves.meta["filter"].to_numpy()
    for row, i in zip(rows, place[rows], strict=True):
        epochs = slice(curves.offsets[i], curves.offsets[i + 1])
        time, mag, err = curves.time[epochs], curves.mag[epochs], curves.err[epochs]
        channels = (np.diff(time, prepend=time[:1]), mag - np.median(mag), err, np.full(len(time), band[i]))
        latest = np.column_stack(channels)[-steps:]
        block[row, : len(latest)] = latest
    names = [f"curve_{step}_{channel}" for step in range(steps) for channel in CHANNELS]
    return pd.DataFrame(block.reshape(len(table), -1), columns=names)
