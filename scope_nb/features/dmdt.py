"""The magnitude-time histogram of a light curve: all pairs of epochs, binned by how far and how different."""

from functools import cache

import numpy as np

from ..compiled import compiled
from ..lightcurves.curves import thinned
from ..taxonomy import dmdt_edges

SIZE = 26
FINE = 1 / 64  # mag; finer than any bin of the histogram, so that a look-up is at most one bin off


def dmdt_histogram(time, mag):
    """Return the magnitude-time histogram of sorted epochs (Mahabal et al. 2017, arXiv:1709.06257).

    Returns
    -------
    numpy.ndarray of float32, shape (26, 26)
        Magnitude difference (later minus earlier) along the rows, time difference (days) along the columns, divided by
        its L2 norm; the edges are `taxonomy.dmdt_edges()`. Pairs beyond the outer edges do not count; of more than
        20,000 epochs so many are drawn at random, with a fixed seed.
    """
    counts = _count_pairs(*thinned(time, mag), *dmdt_edges(), _row_table()).astype(float)
    norm = np.sqrt((counts**2).sum())
    return (counts / norm if norm > 0 else counts).astype(np.float32)


@cache
def _row_table():
    """Return the row of the histogram at each multiple of `FINE` above the lowest edge."""
    edges, _ = dmdt_edges()
    fine = edges[0] + FINE * np.arange(int((edges[-1] - edges[0]) / FINE) + 1)
    return np.clip(np.searchsorted(edges, fine, side="right") - 1, 0, len(edges) - 2)


@compiled
def _count_pairs(time, mag, dm_edges, dt_edges, row_table):
    """Count all pairs; as in `numpy.histogram2d` the outermost upper edges belong to the last bins."""
    rows, columns = dm_edges.size - 1, dt_edges.size - 1
    low, high, scale = dm_edges[0], dm_edges[rows], 1.0 / FINE
    counts = np.zeros((rows, columns), np.int64)
    stop = np.zeros(columns, np.int64)  # the first epoch beyond each column; it only grows from epoch to epoch
    for i in range(time.size):
        start = i + 1
        for column in range(columns):
            j = max(stop[column], start)
            while j < time.size and (
                time[j] - time[i] < dt_edges[column + 1]
                or (column == columns - 1 and time[j] - time[i] == dt_edges[columns])
            ):
                j += 1
            stop[column] = j
            for k in range(start, j):
                dm = mag[k] - mag[i]
                if low <= dm <= high:
                    row = row_table[int((dm - low) * scale)]
                    row += (dm >= dm_edges[row + 1] and row < rows - 1) - (dm < dm_edges[row])
                    counts[row, column] += 1
            start = j
    return counts


def stack_dmdt(column, source="the table"):
    """Return a column of histograms as one contiguous float32 array, shape (n, 26, 26); errors name `source`."""
    if len(column) == 0:
        return np.empty((0, SIZE, SIZE), np.float32)
    try:
        images = list(column)
        if np.asarray(images[0]).dtype == object:  # rows of rows, as pandas.read_parquet leaves them
            images = [np.stack(image) for image in images]
        block = np.stack(images).astype(np.float32, copy=False)
    except (TypeError, ValueError):
        block = np.empty(0)
    if block.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"{source}: dmdt is not {SIZE} x {SIZE} in every row")
    return block
