"""Light curves as sequences of equal length, for classifiers that read the epochs themselves."""

import numpy as np
import pandas as pd

from .columns import CHANNELS
from .taxonomy import as_names

STEPS = 200  # epochs; of longer light curves the latest ones
SHORTEST = 1e-3  # days; epochs closer than this are as good as simultaneous
PALE, FAINT = 0.1, 0.05  # magnitudes: where large deviations begin, and a usual error


def positions(curves, table):
    """Find the light curve of each row of a training table.

    Parameters
    ----------
    curves : LightCurves
    table : pandas.DataFrame
        With `_id`, and `ra` and `dec` where known: numbers alone could meet by accident.

    Returns
    -------
    numpy.ndarray of int, shape (len(table),)
        The place in `curves`; -1 where there is none.
    """
    place = pd.Series(np.arange(len(curves)), index=_identity(curves.meta))
    place = place[~place.index.duplicated()]
    return place.reindex(_identity(table)).fillna(-1).to_numpy(int)


def _identity(rows):
    """What light curves are known by."""
    missing = pd.Series(np.nan, index=rows.index)
    place = [rows.get(name, missing).astype(float).fillna(0.0).round(2) for name in ("ra", "dec")]
    return pd.MultiIndex.from_arrays([as_names(rows.get("_id", missing)), *place])


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


def network_input(block):
    """Return what a network reads of light curves: channels of order one, and where epochs are.

    Nothing is learned here: logarithms of time difference and error, and the inverse hyperbolic sine of the deviation,
    which is nearly linear up to 0.1 magnitudes.

    Parameters
    ----------
    block : numpy.ndarray of float32, shape (n, steps, 4)
        As `columns.curve_block` returns it.

    Returns
    -------
    numpy.ndarray of float32, shape (n, steps, 5)
        The last channel is 1 where there is an epoch; else all channels are 0.
    """
    dt, mag, err, band = np.moveaxis(block, -1, 0)
    with np.errstate(invalid="ignore"):
        channels = [np.log10(np.maximum(dt, SHORTEST)), np.arcsinh(mag / PALE), np.log10(np.maximum(err, 1e-4) / FAINT)]
    real = np.isfinite(block).all(axis=-1)
    values = np.stack([*channels, band, real], axis=-1)
    return np.where(real[..., None], values, 0).astype(np.float32)
