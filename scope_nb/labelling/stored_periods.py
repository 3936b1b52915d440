"""Periods of a training table that are probably wrong, and whether "wrong period" says so."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..dataset.labels import vote_shares
from ..lightcurves.curves import match_curves, stars
from ..periods.search import NESTED, period_table
from ..taxonomy import PERIOD_SUFFIXES, tags
from .findings import join_findings, make_findings
from .structure import implied_tags

SAME, SPAN = 0.01, 4000.0  # two periods are one up to this relative difference, or their own share of so many days
LEAST = 0.2  # probability below which nothing is said
SINGLE = 0.15  # how much one search of one light curve counts, beside the nested search of another light curve
FACTORS = {0.5: "half period", 2.0: "double period"}
WRONG = "wrong period"
# What labels add to the trust of light curves: the log odds that the true period is twice, or half, the one that they
# trust most. A search takes the half where two humps or minima are equal, and the double where one looks like two.
# `tests/benchmarks/period_odds.py` fitted them to a simulated survey.
MULTIPLES = np.array([2.0, 0.5])
LOG_ODDS = {
    "e": (0.5, -2.0),
    "ea": (-1.5, 1.5),
    "eb": (-0.5, -0.5),
    "ew": (1.5, -2.0),
    "el": (3.5, -2.0),
    "hwvir": (-3.0, 3.0),
    "nnser": (-2.5, 4.5),
    "cbin": (-2.0, -0.5),
    "dscu": (-2.0, -0.5),
    "rvtau": (1.5, -2.0),
}
DOUBT = 0.01  # least trust in twice and half the best period, before labels count


def check_periods(table, curves=None, threshold=0.7, period_suffix=NESTED, most=None, progress=True):
    """Return findings (`findings.COLUMNS`) about "wrong period", "half period" and "double period" of periodic stars.

    The probability that a stored period is wrong is that of all others: where the light curves of a star are at hand,
    these are searched together, and each candidate has its trust; elsewhere the four searches of all of the star's rows
    count as votes. The other labels of the star change it (`LOG_ODDS`): what is ellipsoidal has two equal humps, of
    which a search sees one. More columns: `stored` and `period` (days), the stored and the most probable one, and its
    `trust`.

    Parameters
    ----------
    table : pandas.DataFrame
        A training table with the columns `period_SUFFIX` of all four searches, or of that one.
    curves : LightCurves, optional
        Those of some rows or all, matched by `_id` and position.
    period_suffix : str
        The search whose periods are checked.
    most : int, optional
        Search the light curves of so many stars only: those whose period is least certain by the stored ones.
    """
    labels = [label for label in (WRONG, *FACTORS.values()) if label in table]
    stored, star = table[f"period_{period_suffix}"].to_numpy(float), stars(table)[0]
    rows = np.flatnonzero(_is_periodic(table, threshold) & (stored > 0)) if labels else np.array([], int)
    searches = [name for name in PERIOD_SUFFIXES if f"period_{name}" in table]
    periods = table[[f"period_{name}" for name in searches]].astype(float)
    periods = periods.where(periods > 0).to_numpy()
    weight = np.where(np.array(searches) == NESTED, 1.0, SINGLE)
    rows_of, place = pd.Series(star).groupby(star).indices, searches.index(period_suffix)
    log_odds = _add_log_odds(table, threshold)
    votes = {row: _vote(periods, weight, rows_of[star[row]], row, place) for row in rows}
    certain = [_weigh(*votes[row], log_odds[row])[1][0] for row in rows]
    doubt = 1 - pd.Series(certain, star[rows]).groupby(level=0).min()
    searched, judged = _search(table, star, curves, doubt, most, progress), []
    for row in rows:
        candidates, trust = _weigh(*searched.get(star[row], votes[row]), log_odds[row])
        how = "all of its light curves together" if star[row] in searched else "the searches of all of its rows"
        how += " and its labels" if log_odds[row].any() else ""
        judged.append({"row": row, "how": how} | _judge(stored[row], candidates, trust))
    judged = pd.DataFrame(judged)
    return join_findings([_compare(table, judged, label, threshold) for label in labels])


def _is_periodic(table, threshold):
    """Return which rows have a label that only periodic stars have."""
    names = [tag for tag in tags().index if "pnp" in (tag, *implied_tags(tag)) and tags().at[tag, "label"] in table]
    return np.any([vote_shares(table, tags().at[tag, "label"]) > threshold for tag in names], axis=0)


def _add_log_odds(table, threshold):
    """Return for each row the log odds of twice and half the period that is trusted most, by its labels."""
    log_odds = np.zeros((len(table), 2))
    for tag, values in LOG_ODDS.items():
        if (label := tags().at[tag, "label"]) in table:
            log_odds[vote_shares(table, label) > threshold] += values
    return log_odds


def _weigh(candidates, trust, log_odds):
    """Return candidate periods and the trust in each when labels count, with twice and half the best at the end."""
    multiples = candidates[np.argmax(trust)] * MULTIPLES
    lacking = [max(DOUBT - trust[is_same(candidates, multiple)].sum(), 0) for multiple in multiples]
    candidates, trust = np.append(candidates, multiples), np.append(trust, lacking)
    others = max(1 - trust.sum(), 0)
    for multiple, value in zip(multiples, log_odds, strict=True):
        trust = np.where(is_same(candidates, multiple), trust * np.exp(value), trust)
    return candidates, trust / (trust.sum() + others)


def _search(table, star, curves, doubt, most, progress):
    """Return candidate periods (days) and the trust in each, of at most `most` stars of the largest `doubt`."""
    place = np.full(len(table), -1) if curves is None else match_curves(curves, table)
    worst = doubt[doubt.index.isin(star[place >= 0])].nlargest(most or len(doubt)).index
    with_curve = (place >= 0) & np.isin(star, worst)
    if not with_curve.any():
        return {}
    part = curves.select(place[with_curve])
    part = replace(part, meta=part.meta.assign(obj_id=star[with_curve]))
    result = period_table(part, by_star=True, progress=progress).dropna(subset="trust")
    return {name: (row["candidates"], row["candidate_trust"]) for name, row in result.iterrows()}


def _vote(periods, weight, rows, row, place):
    """Return a stored period and its strongest rival, with probabilities, from all searches of the rows of a star."""
    weights = np.tile(weight, (len(rows), 1))
    weights[rows == row, place] = 0.0  # it is the one in question
    candidates, weights, stored = periods[rows].ravel(), weights.ravel(), periods[row, place]
    support = np.array([weights[is_same(candidates, candidate)].sum() for candidate in candidates])
    rivals = np.where(is_same(candidates, stored), 0.0, support)
    mine, best = weights[is_same(candidates, stored)].sum(), np.argmax(rivals)
    trust = np.array([mine + 1, rivals[best] + 0.5]) / (mine + rivals[best] + 1.5)  # most stored periods are right
    return np.array([stored, candidates[best]]), trust


def _judge(stored, candidates, trust):
    """Return the most probable period of a row, and how probably each label of a wrong period is right and wrong."""
    near = {factor: trust[is_same(candidates, stored / factor)].sum() for factor in (1.0, *FACTORS)}
    best = candidates[np.argmax(trust)]
    judged = {"stored": stored, "period": best, "trust": trust[is_same(candidates, best)].sum()}
    judged |= {f"for {WRONG}": 1 - near[1.0], f"against {WRONG}": near[1.0]}
    for factor, label in FACTORS.items():
        judged |= {f"for {label}": near[factor], f"against {label}": near[1.0] + near[1 / factor]}
    return judged


def is_same(periods, period):
    """Return which periods (days) are the same as one: nobody tells long ones more exactly than their cycles allow."""
    return np.abs(np.asarray(periods) / period - 1) < max(SAME, period / SPAN)


def _compare(table, judged, label, threshold):
    """Return findings where a label of a wrong period is missing or should not be there."""
    if judged.empty:
        return judged
    rows = judged["row"].to_numpy(int)
    has = vote_shares(table, label)[rows] > threshold
    probability = np.where(has, judged[f"against {label}"], judged[f"for {label}"])
    some = probability > LEAST
    shown, new = judged[some], np.where(has, 0.0, 1.0)[some]
    columns = ["stored", "period", "how", "trust"]
    texts = [_describe(*row) for row in shown[columns].itertuples(index=False)]
    findings = make_findings(table, "period", label, rows[some], new, probability[some], texts)
    return findings.assign(**{name: shown[name].to_numpy() for name in ("stored", "period", "trust")})


def _describe(stored, period, how, trust):
    relation = describe_relation(stored, period)
    return f"the stored period, {stored:.6g} d, is {relation} {period:.6g} d, to which {how} give {trust:.2f}"


def describe_relation(stored, period):
    """Return in words what a stored period is of another one: "half of", "an alias of", ..., both in days."""
    for factor, words in ((1.0, "the same as"), (0.5, "half of"), (2.0, "double of")):
        if is_same(stored / factor, period):
            return words
    frequencies = abs(1 / stored - 1 / period), 1 / stored + 1 / period
    if any(abs(frequency - cycles) < SAME for frequency in frequencies for cycles in (1, 2)):
        return "a daily alias of"
    return "unrelated to"
