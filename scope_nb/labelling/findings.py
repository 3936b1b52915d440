"""Findings: labels that are probably wrong, one for each row of a table."""

import numpy as np
import pandas as pd

from ..dataset.labels import vote_shares
from ..lightcurves.curves import stars
from ..taxonomy import as_names

# Row number in the table, names of light curve and star, which check says it, the label and its vote share, what it
# should be, how probably it is wrong, and why
COLUMNS = ["row", "_id", "obj_id", "check", "label", "old", "new", "probability", "reason"]


def make_findings(table, check, label, rows, new, probability, reasons):
    """Return findings about one label of some rows of a table, with the columns `COLUMNS`.

    Parameters
    ----------
    check, label : str
    rows : array-like of int
        Row numbers, from 0.
    new, probability : array-like or float
        The vote share that is proposed; the probability that the present one is wrong.
    reasons : list of str
    """
    rows = np.asarray(rows, int)
    if not len(rows):
        return pd.DataFrame(columns=COLUMNS)
    names = as_names(table["_id"].iloc[rows]) if "_id" in table else ""
    values = {"row": rows, "_id": names, "obj_id": stars(table)[0][rows], "check": check, "label": label}
    old = vote_shares(table, label)[rows]
    values |= {"old": old, "new": new, "probability": probability, "reason": list(reasons)}
    return pd.DataFrame(values, columns=COLUMNS)


def join_findings(findings):
    """Return findings of several checks together, the most probable first, and one for each label of a row."""
    joined = pd.concat([part for part in findings if len(part)] or [pd.DataFrame(columns=COLUMNS)], ignore_index=True)
    joined = joined.sort_values("probability", ascending=False, kind="stable", ignore_index=True)
    return joined.drop_duplicates(["row", "label"], ignore_index=True)
