"""Stars whose light curves lie in several parts: which parts meet, and which of them a star belongs to."""

import numpy as np
import pandas as pd

from ..lightcurves.curves import chord, unit_vectors
from ..runs.catalogue import star_names
from ..taxonomy import as_names

MARGIN = 10.0  # arcsec: light curves of one star, each within 1 arcsec of another one, are not further apart


def describe_extent(table):
    """Return where the rows of a part lie, `box`, and between which names of stars, `names`; None where there is none.

    The box holds the smallest and the largest x, y and z of the positions as points on the unit sphere.
    """
    extent = {"box": None, "names": None}
    if "obj_id" in table:
        names = as_names(table["obj_id"])
        names = names[names != ""]
        extent["names"] = [names.min(), names.max()] if len(names) else None
    points = _points(table)
    if np.isfinite(points).any():
        extent["box"] = [*np.nanmin(points, axis=0).tolist(), *np.nanmax(points, axis=0).tolist()]
    return extent


def find_meeting(extents):
    """Return for each part the numbers of those, itself included, that may hold light curves of the same star.

    Stars with names are the same if their names are, others if their positions are.
    """
    boxes = np.array([extent["box"] or [np.nan] * 6 for extent in extents], float).reshape(-1, 6)
    low, high = boxes[:, :3] - chord(MARGIN), boxes[:, 3:]
    placed, named = ~np.isnan(boxes[:, 0]), np.array([extent["names"] is not None for extent in extents], bool)
    first, last = np.array([extent["names"] or ["", ""] for extent in extents], str).reshape(-1, 2).T
    meeting = []
    for k in range(len(extents)):
        near = (low <= high[k]).all(axis=1) & (low[k] <= high).all(axis=1)
        if named[k]:
            same = named & (first <= last[k]) & (first[k] <= last) & (near | ~placed | ~placed[k])
        else:
            same = near & ~named
        same[k] = True
        meeting.append(np.flatnonzero(same))
    return meeting


def join_stars(own, others, before):
    """Return the rows of all stars that belong to one part, and the star of each row.

    A star belongs to the first part that has a light curve of it.

    Parameters
    ----------
    own : pandas.DataFrame
        The rows of the part.
    others : iterable of pandas.DataFrame
        The rows of the parts that it meets; `before` says for each whether it comes before the part.
    """
    extent = describe_extent(own)
    if extent["names"]:
        names = set(as_names(own["obj_id"])) - {""}
        others = (table[as_names(table["obj_id"]).isin(names).to_numpy()] for table in others)
    else:
        low, high = np.reshape(extent["box"] or [np.nan] * 6, (2, 3))
        others = (table[_are_inside(table, low, high)] for table in others)
    tables = [own.assign(turn=1), *(t.assign(turn=0 if early else 2) for t, early in zip(others, before, strict=True))]
    table = pd.concat([part for part in tables if len(part)], ignore_index=True)
    star = star_names(table)
    turn = table.pop("turn")
    first = turn.groupby(star).transform("min")
    kept = (first == 1).to_numpy() & pd.Series(star).isin(star[turn == 1]).to_numpy()
    return table[kept].reset_index(drop=True), star[kept]


def _are_inside(table, low, high):
    points, margin = _points(table), chord(MARGIN)
    return ((points >= low - margin) & (points <= high + margin)).all(axis=1)


def _points(table):
    if not {"ra", "dec"} <= set(table):
        return np.full((len(table), 3), np.nan)
    return unit_vectors(table["ra"], table["dec"])
