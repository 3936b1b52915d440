"""The magnitude-time histogram of a light curve: all pairs of epochs, binned by how far and how different."""

import numba
import numpy as np

from .taxonomy import dmdt_edges

SIZE = 26


def dmdt(time, mag):
    """Return the magnitude-time histogram of one light curve (Mahabal et al. 2017, arXiv:1709.06257).

    Parameters
    ----------
    time, mag : numpy.ndarray of float64, shape (n,)
        Sorted days, magnitudes.

    Returns
    -------
    numpy.ndarray of float32, shape (26, 26)
        Magnitude difference (later minus earlier) along the rows, time difference along the columns, divided by its
        L2 norm; the edges are `taxonomy.dmdt_edges()`. Pairs beyond the outer edges do not count.
    """
    counts = _pairs(time, mag, *dmdt_edges()).astype(float)
    norm = np.sqrt((counts**2).sum())
    return (counts / norm if norm > 0 else counts).astype(np.float32)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pairs(time, mag, dm_edges, dt_edges):
    rows, columns = dm_edges.size - 1, dt_edges.size - 1
    counts = np.zeros((rows, columns), np.int64)
    for i in range(time.size):
        column = 0
        for j in range(i + 1, time.size):
            dt = time[j] - time[i]
            if dt > dt_edges[columns]:
                break
            while column < columns - 1 and dt >= dt_edges[column + 1]:  # times are sorted: dt only grows
                column += 1
            dm = mag[j] - mag[i]
            if dm < dm_edges[0] or dm > dm_edges[rows]:
                continue
            low, high = 0, rows
            while high - low > 1:
                middle = (low + high) // 2
                if dm >= dm_edges[middle]:
                    low = middle
                else:
                    high = middle
            counts[low, column] += 1
    return counts


def stack_dmdt(column):
    """Return a column of 26 x 26 histograms as one contiguous float32 array of shape (n, 26, 26)."""
    if len(column) == 0:
        return np.empty((0, SIZE, SIZE), np.float32)
    return np.stack(list(column)).astype(np.float32, copy=False)
