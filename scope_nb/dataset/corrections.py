"""Corrections of labels: a table of changed vote shares, applied in memory, and undone."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import naming_file
from ..lightcurves.curves import stars
from ..taxonomy import as_names, label_names, own_columns
from ..writing import write_atomically
from .tables import as_frame, parse_csv

# A row is one label of a light curve (`_id`) or, where that is empty, of all light curves of a star (`obj_id`).
COLUMNS = ("_id", "obj_id", "label", "old", "new", "reason", "who", "when")
TEXTS = [name for name in COLUMNS if name not in ("old", "new")]


def read_corrections(corrections=None):
    """Return corrections as a table with the columns `COLUMNS`; without any where None or "" is given.

    Parameters
    ----------
    corrections : path-like or table, optional
        A CSV, as `write_corrections` writes it. `old` and `new` are vote shares, an empty `old` a missing one;
        `reason`, `who` and `when` may be missing.

    Raises
    ------
    FileNotFoundError, ValueError
        Columns are missing, a column that is no label is to be corrected, or a share is not from 0 to 1.
    """
    if corrections is None or (isinstance(corrections, str) and not corrections):
        corrections = pd.DataFrame({name: pd.Series(dtype=object if name in TEXTS else float) for name in COLUMNS})
    frame = as_frame(corrections)
    path = str(Path(corrections).expanduser()) if frame is None else frame.attrs.get("file")
    with naming_file(path):
        frame = parse_csv(path, dtype=str, keep_default_na=False) if frame is None else frame
        if missing := {"label", "old", "new"} - set(frame):
            raise ValueError(f"corrections need the columns {', '.join(COLUMNS[:5])}; missing: {', '.join(missing)}")
        texts = {name: as_names(frame[name] if name in frame else [""] * len(frame)) for name in TEXTS}
        shares = {name: _read_shares(frame[name].reset_index(drop=True), name) for name in ("old", "new")}
        checked = _check(pd.DataFrame(texts | shares)[list(COLUMNS)])
    checked.attrs["file"] = path
    return checked


def _read_shares(column, name):
    """Return vote shares as floats, or name the first row that holds something else; an empty `old` is NaN."""
    empty = column.isna() | (column.astype(str).str.strip() == "")
    shares = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~shares.between(0, 1) & ~(empty & (name == "old"))
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"row {row} of the corrections: {name} is {str(column[row])!r}, which is no share from 0 to 1")
    return shares


def _check(corrections):
    """Refuse corrections of columns that are no labels, or of no light curve."""
    names = corrections["label"].unique()
    allowed = {*label_names(), *own_columns(names)}
    if wrong := [name for name in names if name not in allowed or not name]:
        raise ValueError(f"the corrections are to change {wrong[0]!r}, which is no label")
    if (nobody := (corrections["_id"] == "") & (corrections["obj_id"] == "")).any():
        raise ValueError(f"row {nobody.idxmax()} of the corrections names neither a light curve (_id) nor a star")
    return corrections


def write_corrections(corrections, path):
    """Write corrections as CSV, in which numbers are exact."""
    if Path(path).suffix.lower() != ".csv":
        raise ValueError(f"{path}: the name of a file of corrections ends in .csv")
    with write_atomically(path) as part:
        read_corrections(corrections).to_csv(part, index=False, encoding="utf-8")


def describe_corrections(corrections):
    """Return how many corrections there are and the SHA-256 of their content, as a dict; None without any."""
    if corrections.empty:
        return None
    digest = hashlib.sha256(corrections.to_csv(index=False).encode()).hexdigest()
    return {"number": len(corrections), "sha256": digest}


def apply_corrections(table, corrections):
    """Return a table whose labels are corrected; the table itself stays as it is.

    A light curve that has the new share already keeps it, so that corrections applied twice are as applied once. Light
    curves that the table lacks have no effect. `ValueError` names the first that has neither the old nor the new share.
    """
    return _apply(table, read_corrections(corrections))


def undo_corrections(table, corrections):
    """Return a corrected table as it was before; errors as of `apply_corrections`."""
    return _apply(table, read_corrections(corrections)[::-1].rename(columns={"old": "new", "new": "old"}))


def _apply(table, corrections):
    with naming_file(corrections.attrs["file"]):
        if missing := [label for label in corrections["label"].unique() if label not in table]:
            raise ValueError(f"the table has no column {missing[0]!r}, which the corrections are to change")
        cells = _join_chains(_find_cells(table, corrections.reset_index(drop=True)))
        return table.assign(**{label: _correct(table[label], part) for label, part in cells.groupby("label")})


def _find_cells(table, corrections):
    """Return the corrections, with the `row` of each light curve: those of a star once for each of its light curves."""
    names = {"_id": as_names(table["_id"]) if "_id" in table else pd.Series([""] * len(table))}
    names["obj_id"] = stars(table)[0] if (corrections["_id"] == "").any() else ""
    rows = pd.DataFrame(names).reset_index(names="row")
    by_curve = corrections["_id"] != ""
    parts = [
        corrections[by_curve].reset_index(names="order").merge(rows[["_id", "row"]], on="_id"),
        corrections[~by_curve].reset_index(names="order").merge(rows[["obj_id", "row"]], on="obj_id"),
    ]
    return pd.concat(parts).sort_values("order", kind="stable")


def _join_chains(cells):
    """Return one correction for each cell of the table: the first old share, the last new one."""
    by_cell = cells.groupby(["label", "row"], sort=False)
    before = by_cell["new"].shift()
    broken = (by_cell.cumcount() > 0) & ~_equal(before, cells["old"])
    if broken.any():
        raise ValueError(_describe(cells[broken].iloc[0], before[broken].iloc[0], "an earlier correction makes it"))
    first, last = (cells.drop_duplicates(["label", "row"], keep=end) for end in ("first", "last"))
    return last.set_index(["label", "row"]).assign(old=first.set_index(["label", "row"])["old"])


def _correct(column, cells):
    """Return a label's column with its cells corrected; its type stays."""
    values, rows = column.to_numpy(copy=True), cells.index.get_level_values("row")
    new = cells["new"].to_numpy().astype(values.dtype)
    if values.dtype.kind in "biu" and not np.array_equal(new, cells["new"]):
        raise ValueError(
            f"label {column.name!r} holds {values.dtype}, and cannot be corrected to a share: store floats"
        )
    now = values[rows]
    old = cells["old"].to_numpy() if values.dtype.kind in "biu" else cells["old"].to_numpy().astype(values.dtype)
    wrong = ~_equal(now, old) & ~_equal(now, new)
    if wrong.any():
        first = cells.iloc[int(np.argmax(wrong))]
        raise ValueError(_describe(first, now[wrong][0], "the table has", column.name))
    values[rows] = new
    return pd.Series(values, column.index, name=column.name)


def _equal(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _describe(cell, value, where, label=None):
    name = f"light curve {cell['_id']}" if cell["_id"] else f"star {cell['obj_id']}"
    text = f"the correction of {label or cell['label']!r} of {name} expects {cell['old']:g}, but {where} {value:g}"
    return f"{text}: it was made for another table, or for another version of its labels"
