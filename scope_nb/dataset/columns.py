"""Columns of `X`: features by name, histogram and light curve as numbered columns, and which of them a model knows."""

import re

import numpy as np
import pandas as pd

from ..lightcurves.curves import positions

DMDT_COLUMN = r"^dmdt_(\d+)_(\d+)$"


CURVE_COLUMN = r"^curve_(\d+)_(dt|mag|err|band)$"


CHANNELS = ("dt", "mag", "err", "band")


NUMBERED = f"{DMDT_COLUMN}|{CURVE_COLUMN}"


def record_columns(model, X):
    """Set `n_features_in_` and, for a DataFrame, `feature_names_in_`, as scikit-learn does."""
    model.n_features_in_ = X.shape[1]
    if hasattr(X, "columns"):
        model.feature_names_in_ = np.asarray(X.columns, dtype=object)
    elif hasattr(model, "feature_names_in_"):
        del model.feature_names_in_


def match_columns(model, X):
    """The columns of `X` that `model` was fitted on, in that order; an error names the missing ones."""
    names = getattr(model, "feature_names_in_", None)
    if names is None or not hasattr(X, "columns"):
        if X.shape[1] != model.n_features_in_:
            raise ValueError(f"X has {X.shape[1]} columns, the model was fitted on {model.n_features_in_}")
        return X
    require_columns(X, names)
    return X if np.array_equal(X.columns, names) else X[list(names)]


def require_columns(X, names):
    """Raise a `ValueError` unless `X` has the columns `names`, and a dmdt of the shape that they tell of."""
    for what, pattern in (("dmdt", DMDT_COLUMN), ("curve", CURVE_COLUMN)):
        given, wanted = _shape(X.columns, pattern), _shape(names, pattern)
        if given and wanted and given != wanted:
            raise ValueError(
                f"X has {what} columns of {given[0]} x {given[1]}, the model was fitted on {wanted[0]} x {wanted[1]}"
            )
    if missing := [name for name in names if name not in X.columns]:
        raise ValueError(f"X lacks {len(missing)} columns that the model was fitted on: {listed(missing)}")


def listed(names):
    """Names as text, where the cells of dmdt and of light curves do not drown the others."""
    plain = [str(name) for name in names if is_feature(name)]
    numbered = [str(name) for name in names if not is_feature(name)]
    return ", ".join([*plain, *numbered[:1], *([f"... {numbered[-1]}"] if len(numbered) > 1 else [])])


def is_feature(name):
    """Tell whether a column is neither a cell of dmdt nor part of a light curve."""
    return re.match(NUMBERED, str(name)) is None


def split_columns(X):
    """Features as a float array (n, F), and the dmdt histograms (n, rows, columns, 1) or None."""
    if not hasattr(X, "columns"):
        return np.asarray(X, dtype=float), None
    features = X[[name for name in X.columns if is_feature(name)]].to_numpy(dtype=float)
    image = _block(X, DMDT_COLUMN, "dmdt")
    return features, None if image is None else np.nan_to_num(image)[..., None]  # a missing histogram is an empty one


def curve_block(X):
    """Light curves as a float32 array (n, steps, 4), by `CHANNELS`, NaN where there is no epoch; or None."""
    return _block(X, CURVE_COLUMN, "light curve") if hasattr(X, "columns") else None


def _cells(names, pattern):
    """Return row and column of each name that has the pattern."""
    found = {name: match for name in names if (match := re.match(pattern, str(name)))}
    number = {channel: k for k, channel in enumerate(CHANNELS)}
    return {name: (int(match[1]), int(number.get(match[2], match[2]))) for name, match in found.items()}


def _shape(names, pattern):
    """Return rows and columns of the block that names tell of; nothing if there is none."""
    cells = _cells(names, pattern)
    return tuple(int(k) + 1 for k in np.max(list(cells.values()), axis=0)) if cells else ()


def _block(X, pattern, what):
    """Return numbered columns as a float32 array (n, rows, columns), whatever their order; None if there are none."""
    cells = _cells(X.columns, pattern)
    if not cells:
        return None
    rows, columns = _shape(X.columns, pattern)
    if len(cells) != rows * columns:
        raise ValueError(f"a {rows} x {columns} {what} has {rows * columns} columns, but X has {len(cells)}")
    return X[sorted(cells, key=cells.get)].to_numpy(dtype=np.float32).reshape(-1, rows, columns)


STEPS = 200  # epochs; of longer light curves the latest ones


def sequences(curves, table, steps=STEPS):
    """Return the light curve of each row of a training table as columns that every classifier can take.

    Parameters
    ----------
    curves : LightCurves
    table : pandas.DataFrame
    steps : int
        Epochs. Of longer light curves the latest ones are taken; shorter ones are followed by NaN.

    Returns
    -------
    pandas.DataFrame of float32, shape (len(table), 4 * steps)
        `curve_0_dt` (days since the epoch before; 0 for the first), `curve_0_mag` (magnitude minus the median),
        `curve_0_err` (its error), `curve_0_band` (1 g, 2 r, 3 i, 0 other), `curve_1_dt`, ... All NaN where a row has no
        light curve.

    Raises
    ------
    ValueError
        If not a single row has a light curve.
    """
    place = positions(curves, table)
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
        time, mag = curves.time[epochs], curves.mag[epochs]
        n = min(len(time), steps)
        values = np.column_stack([np.diff(time, prepend=time[:1]), mag - np.median(mag), curves.err[epochs]])
        block[row, :n, :3] = values[len(time) - n :]
        block[row, :n, 3] = band[i]
    names = [f"curve_{step}_{channel}" for step in range(steps) for channel in CHANNELS]
    return pd.DataFrame(block.reshape(len(table), -1), columns=names)
