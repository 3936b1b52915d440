"""Votes of people on stars: a file to which every vote is appended, shares of votes, and the table that follows."""

import csv
import os
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ..dataset.corrections import COLUMNS as CORRECTED
from ..dataset.corrections import apply_corrections, describe_corrections, read_corrections
from ..dataset.labels import vote_shares
from ..dataset.splits import parts_of_stars
from ..dataset.tables import parse_csv
from ..files import existing_file, naming_file
from ..lightcurves.curves import stars
from ..taxonomy import NEGATIVE_LABEL, as_names, label_names, own_columns, resolve_tag
from ..writing import lock

# A row is what one person did with one star: the tags that they were `asked` for and those that it has (by semicolons),
# and a period in days, where they chose one
COLUMNS = ("when", "who", "obj_id", "answer", "asked", "tags", "period")
VOTE, UNSURE, UNDO = ANSWERS = ("vote", "don't know", "undo")


def append_vote(path, who, star, answer=VOTE, asked=(), tags=(), period=""):
    """Append what a person did with a star to a file of votes (.csv), at once and to the disk.

    `UNDO` takes back the last thing that the person did with this star and has not taken back yet.
    """
    when = datetime.now(UTC).isoformat(timespec="microseconds")
    row = (when, who, star, answer, ";".join(asked), ";".join(tags), period)
    _check(pd.DataFrame([row], columns=COLUMNS).astype(str))
    _append(path, row)


def begin_votes(path):
    """Make a file of votes without any, unless it is there already."""
    _append(path)


def _append(path, *rows):
    with lock(path), open(path, "a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows if file.tell() else [COLUMNS, *rows])
        file.flush()
        os.fsync(file.fileno())


def read_votes(*paths):
    """Return the votes that stand in files of votes, one for each person and star, as a table of text (`COLUMNS`).

    The order of the files and of their rows makes no difference, nor does a row that is there twice: of what a person
    did with a star, the latest counts that was not undone.

    Raises
    ------
    FileNotFoundError, ValueError
        A file lacks columns, or a row is no whole vote; it is named.
    """
    frames = [pd.DataFrame(columns=COLUMNS)]
    for path in paths:
        with naming_file(path):
            frame = parse_csv(existing_file(path), dtype=str, keep_default_na=False)
            if missing := set(COLUMNS) - set(frame):
                raise ValueError(f"a file of votes has the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
            frames.append(_check(frame[list(COLUMNS)]))
    acts = pd.concat(frames).drop_duplicates().sort_values(["who", "obj_id", *COLUMNS])
    standing = []
    for _, rows in acts.groupby(["who", "obj_id"]):
        stack = []
        for act in rows.itertuples(index=False):
            if act.answer != UNDO:
                stack.append(act)
            elif stack:
                stack.pop()
        standing += stack[-1:]
    return pd.DataFrame(standing, columns=COLUMNS).sort_values(["when", "who", "obj_id"], ignore_index=True)


def _check(acts):
    """Refuse a row that is no whole vote; the tags may be those of a table of one's own."""
    times = pd.to_datetime(acts["when"], errors="coerce", utc=True, format="ISO8601")
    period = pd.to_numeric(acts["period"].replace("", "1"), errors="coerce")
    good = times.notna() & acts["answer"].isin(ANSWERS) & (acts["who"] != "") & (acts["obj_id"] != "") & (period > 0)
    good &= (acts["asked"].str.strip(";") != "") | (acts["answer"] != VOTE)
    if not good.all():
        row = int(np.argmin(good))
        text = ", ".join(f"{name} {value!r}" for name, value in acts.iloc[row].items())
        raise ValueError(f"row {row} of the votes is no whole vote ({text}): remove the line, or mend it")
    for tag in sorted(_split(";".join([*acts["asked"], *acts["tags"]]))):
        _find_label(tag)
    return acts


def _split(names):
    return set(names.split(";")) - {""}


def _find_label(tag):
    """Return the label of a tag, also one of a table of one's own; a name that no tag can have is a `ValueError`."""
    return tag if tag in label_names() else resolve_tag(tag, columns=own_columns([tag])).label


def count_votes(votes):
    """Return how people voted: a table with a row for each star and label that anybody was asked for.

    `votes` are of `read_votes`. Its columns are `obj_id`, `tag`, `label`, `n` (people who voted), `share` of them who
    said yes, their names `yes` and `no`, and `when` the last voted. "Don't know" is no vote; nor is it a no to leave
    out a tag that one was not asked for.
    """
    told = votes[votes["answer"] == VOTE]
    rows = []
    for vote in told.itertuples(index=False):
        yes, asked = (_split(names) for names in (vote.tags, vote.asked))
        rows += [(vote.obj_id, tag, tag in yes, vote.who, vote.when) for tag in yes | asked]
    long = pd.DataFrame(rows, columns=["obj_id", "tag", "yes", "who", "when"])
    counted = []
    for (star, tag), group in long.groupby(["obj_id", "tag"]):
        sides = [", ".join(sorted(group["who"][group["yes"] == side])) for side in (True, False)]
        counted.append((star, tag, _find_label(tag), len(group), group["yes"].mean(), *sides, group["when"].max()))
    return pd.DataFrame(counted, columns=["obj_id", "tag", "label", "n", "share", "yes", "no", "when"])


def find_conflicts(counts, least=2):
    """Return the rows of `count_votes` about which at least so many people disagree, the most even ones first."""
    some = counts[(counts["n"] >= least) & (counts["share"] > 0) & (counts["share"] < 1)]
    even = (some["share"] - 0.5).abs()
    return some.assign(even=even).sort_values(["even", "obj_id", "tag"], ignore_index=True).drop(columns="even")


def correct_by_votes(table, counts, least=1):
    """Return corrections (see `dataset.corrections`) that give a table the shares of at least so many people's votes.

    Every light curve of a star gets the star's share; who says that it is not variable says that it is non-variable.
    What has a share already needs no correction. It is a `ValueError` if the light curves have no names (`_id`), or the
    table lacks a label.
    """
    if "_id" not in table:
        raise ValueError("the table has no column '_id': votes need the names of its light curves")
    enough = counts[counts["n"] >= least]
    if NEGATIVE_LABEL in table:
        variable = enough[enough["tag"] == "vnv"]
        opposite = variable.rename(columns={"yes": "no", "no": "yes"})
        opposite = opposite.assign(label=NEGATIVE_LABEL, share=1 - variable["share"])
        enough = pd.concat([enough, opposite])
    shares = {label: table[label].astype(float).to_numpy() for label in enough["label"].unique() if label in table}
    if missing := set(enough["label"]) - set(shares):
        raise ValueError(f"the table has no column {min(missing)!r}, for which people voted: add it, empty")
    names, star, corrections = as_names(table["_id"]).to_numpy(), stars(table)[0], []
    rows_of = pd.Series(star).groupby(star).indices
    for vote in enough.itertuples(index=False):
        sides = [f"{who}: {side}" for side, who in (("yes", vote.yes), ("no", vote.no)) if who]
        who = ", ".join(filter(None, (vote.yes, vote.no)))
        for row in rows_of.get(vote.obj_id, ()):
            if (old := shares[vote.label][row]) != vote.share:
                reason = f"{vote.n} votes; {'; '.join(sides)}"
                corrections.append((names[row], vote.obj_id, vote.label, old, vote.share, reason, who, vote.when))
    return read_corrections(pd.DataFrame(corrections, columns=CORRECTED))


def find_askable(pool, table):
    """Return the rows of a table without labels that people may be asked about, none of which is in a training table.

    Neither stars whose names put them into the test or the validation part, which would no longer be a fair sample of
    the sky, nor those that the training table has already. It is a `ValueError` if no star is left.
    """
    star, key = stars(pool)
    rows = (parts_of_stars(key) == "train") & ~np.isin(star, stars(table)[0])
    if not rows.any():
        raise ValueError("no star of the pool is left to ask about: all are in the table, or not in the training part")
    return pool[rows]


def join_pool(table, pool):
    """Return a training table with the rows of a pool below its own; their labels are missing."""
    labels = [name for name in table if name in label_names() or name in own_columns(table)]
    blank = pool.reindex(columns=list(table)).assign(**dict.fromkeys(labels, np.nan))
    joined = pd.concat([table.astype(dict.fromkeys(labels, float)), blank], ignore_index=True)
    joined.attrs = table.attrs
    return joined


def make_version(table, corrections, n_before=None, threshold=0.7):
    """Return the next version of a training table, and what has changed, counted.

    Parameters
    ----------
    table : pandas.DataFrame
        The present version; if `n_before` is given, its first so many rows are that, and the others are a pool
        (`join_pool`), of which the light curves are kept that a correction gives a label.
    corrections : table or path-like
        Of votes, of an audit, or one after the other.

    Returns
    -------
    table, changes : pandas.DataFrame
        `attrs` of the table has its number `version` (1 more) and which `corrections` made it. `changes` has for each
        label how many `shares` of votes have changed, and how many light curves are positive `before` and `after`.
    """
    corrections = read_corrections(corrections)
    after = apply_corrections(table, corrections)
    n_before = len(table) if n_before is None else n_before
    labelled = (np.arange(len(table)) < n_before) | np.isin(as_names(table["_id"]), corrections["_id"])
    after = after[labelled].reset_index(drop=True)
    before, rows = table[labelled].reset_index(drop=True), {}
    for label in corrections["label"].unique():
        old, new = vote_shares(before, label), vote_shares(after, label)
        rows[label] = (old != new).sum(), (old > threshold).sum(), (new > threshold).sum()
    after.attrs = table.attrs | {"version": table.attrs.get("version", 1) + 1}
    after.attrs |= {"corrections": describe_corrections(corrections), "new light curves": len(after) - n_before}
    return after, pd.DataFrame.from_dict(rows, orient="index", columns=["shares", "before", "after"])
