"""The audit of a training table: all checks, what they leave out, and corrections from what they find."""

import warnings
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ..dataset.corrections import COLUMNS
from ..dataset.splits import parts_of_stars
from ..dataset.tables import as_frame, make_plain, read_table
from ..lightcurves.curves import match_curves, stars
from ..taxonomy import resolve_tag, tags
from .confident import check_labels
from .findings import join_findings
from .stored_periods import FACTORS, NESTED, WRONG, check_periods, is_same
from .structure import check_structure

LEAST = 0.5  # a label is corrected where it is more probably wrong than right


class Audit(NamedTuple):
    """The findings of an audit, the most probable first (`findings.COLUMNS` and `part`), and what it left out."""

    findings: pd.DataFrame
    left_out: list[str]


def audit_table(
    table, tag_names=(), curves=None, threshold=0.7, period_suffix=NESTED, most=None, progress=True, **options
):
    """Return the `Audit` of the labels and periods of a training table.

    Parameters
    ----------
    table : table or path-like
        See `Dataset.read`.
    tag_names : list of str
        Those whose labels a classifier checks, see `confident.check_labels`, which gets the `options`.
    curves : LightCurves, optional
        Those of some rows or all, to search for periods anew; elsewhere the table's own periods are compared.
    threshold : float
        A light curve has a label if its vote share is above this.
    period_suffix, most
        See `check_periods`.
    """
    frame = as_frame(table)
    table = make_plain(read_table(table) if frame is None else frame).reset_index(drop=True)
    tag_names = [resolve_tag(name, columns=list(table)).name for name in tag_names]
    findings, left_out = [check_structure(table, threshold)], []
    for tag in tqdm(tag_names, unit="tag", disable=not progress):
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".* positive stars")
                findings.append(check_labels(table, tag, threshold=threshold, period_suffix=period_suffix, **options))
        except ValueError as error:
            left_out.append(f"no classifier of {tag}: {error}")
    if f"period_{period_suffix}" in table:
        findings.append(check_periods(table, curves, threshold, period_suffix, most, progress))
        left_out += _describe_search(table, curves, most)
    else:
        left_out.append(f"periods: the table has no column period_{period_suffix}")
    joined = join_findings(findings)
    joined.insert(3, "part", parts_of_stars(stars(table)[1])[joined["row"].to_numpy(int)])
    return Audit(joined, left_out)


def _describe_search(table, curves, most):
    """Return in words, as a list, which stars could not be searched anew for their periods."""
    star, texts = stars(table)[0], []
    n_stars, n_all = 0 if curves is None else len(set(star[match_curves(curves, table) >= 0])), len(set(star))
    if n_stars < n_all:
        texts.append(
            f"light curves of {n_all - n_stars:,} of {n_all:,} stars: their periods were not searched anew, but those "
            "that the table has from several searches and light curves compared, which is less certain"
        )
    if most and n_stars > most:
        texts.append(f"of the {n_stars:,} stars with light curves all but {most:,}, whose periods are least certain")
    return texts


def make_corrections(findings, who, least=LEAST, parts=("train", "val")):
    """Return corrections (see `dataset.corrections`) of all findings that are more probable than `least`.

    Those of the test part are left out unless `parts` names it: corrected by a classifier, test labels would flatter
    it, and scores before and after a correction could not be compared. It is a `ValueError` if the light curves have
    no names (`_id`).
    """
    if (findings["_id"] == "").any():
        raise ValueError("the table has no column '_id': corrections need the names of its light curves")
    chosen = findings[(findings["probability"] > least) & findings["part"].isin(parts)].reset_index(drop=True)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    reasons = chosen["check"] + " (" + chosen["probability"].map("{:.2f}".format) + "): " + chosen["reason"]
    return chosen.assign(reason=reasons, who=who, when=when)[list(COLUMNS)]


def count_findings(findings, least=LEAST):
    """Return how many findings each check has about each label: `all`, and `probable` ones, above `least`."""
    counted = findings.assign(probable=findings["probability"] > least)
    change = np.where(counted["new"] > counted["old"], "missing", "wrong")
    groups = counted.groupby(["check", "label", pd.Series(change, counted.index, name="is")])["probable"]
    return groups.agg(all="size", probable="sum").sort_values("probable", ascending=False, kind="stable").reset_index()


def judge_findings(findings, truth):
    """Return for each finding whether it is right, as an array of bool.

    `truth` is that of a simulated survey, with the columns `obj_id`, `tags` and `period`. Labels of a wrong period are
    judged by the stored one.
    """
    star = truth.set_index("obj_id").loc[findings["obj_id"]]
    tag_of = {label: tag for tag, label in tags()["label"].items()}
    ratio, has = {WRONG: 1.0} | {label: factor for factor, label in FACTORS.items()}, []
    stored = findings["stored"] if "stored" in findings else np.full(len(findings), np.nan)
    for label, old, period, names in zip(findings["label"], stored, star["period"], star["tags"], strict=True):
        if label in ratio and np.isfinite(old):
            has.append(is_same(period, old / ratio[label]) != (label == WRONG))
        else:
            has.append(tag_of.get(label, label) in names.split())
    return np.array(has, bool) == (findings["new"] > findings["old"]).to_numpy()
