"""Fit what labels say of periods to a simulated survey: `LOG_ODDS` of scope_nb/labelling/stored_periods.py.

    python tests/benchmarks/period_odds.py FOLDER

FOLDER holds a survey that data/simulate made (`--mix sample`), with the light curves of all stars. For each tag the log
odds are printed that the true period is twice, or half, of the one that is trusted most: those under which the true
periods are most probable. `audit.py` checks them on another survey.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from scope_nb import read_lightcurves
from scope_nb.dataset import read_table
from scope_nb.labelling.stored_periods import DOUBT, LOG_ODDS, is_same
from scope_nb.periods import period_table
from scope_nb.taxonomy import tags

FACTORS = (1.0, 2.0, 0.5)  # true period over the best one
THRESHOLD, RIDGE, LASSO = 0.7, 0.1, 0.1  # vote share of a label; how much small odds are preferred


def fit_log_odds(labels, trust, answer):
    """Return log odds, shape (2, number of tags), of twice and half the best period.

    `labels` (n, number of tags) are 0 or 1; `trust` (n, 4) is that in the best period, twice it, half of it, and all
    others; `answer` (n,) is the number of the right one.
    """

    def loss(values):
        odds = np.log(np.maximum(trust, DOUBT))
        odds[:, 1:3] += labels @ values.reshape(2, -1).T
        slope = (softmax(odds, axis=1) - np.eye(4)[answer])[:, 1:3].T @ labels
        size = np.sqrt(values**2 + 1e-4)  # |values|, smooth at 0
        price = RIDGE / 2 * (values**2).sum() + LASSO * size.sum()
        likelihood = log_softmax(odds, axis=1)[np.arange(len(odds)), answer].sum()
        return price - likelihood, slope.ravel() + RIDGE * values + LASSO * values / size

    return minimize(loss, np.zeros(2 * labels.shape[1]), jac=True, method="L-BFGS-B").x.reshape(2, -1)


def main(folder):
    """Print the table."""
    table, truth = (read_table(Path(folder) / f"{name}.parquet") for name in ("training_set", "truth"))
    stars = table[table["periodic"] > THRESHOLD].drop_duplicates("obj_id").set_index("obj_id")
    curves = read_lightcurves(Path(folder) / "lightcurves.parquet", min_epochs=1, bad="drop")
    curves = curves.select(np.flatnonzero(np.isin(curves.meta["obj_id"], stars.index)))
    searched = period_table(curves, by_star=True).dropna(subset="trust")
    stars, period = stars.loc[searched.index], truth.set_index("obj_id")["period"].loc[searched.index]
    trust, answer = np.zeros((len(stars), 4)), np.full(len(stars), 3)
    for k, (_, row) in enumerate(searched.iterrows()):
        for number, factor in enumerate(FACTORS):
            trust[k, number] = row["candidate_trust"][is_same(row["candidates"], factor * row["period"])].sum()
            if is_same(period.iloc[k], factor * row["period"]):
                answer[k] = number
    trust[:, 3] = 1 - trust.sum(axis=1)
    labels = (stars[tags().loc[list(LOG_ODDS), "label"]] > THRESHOLD).to_numpy(float)
    odds = fit_log_odds(labels, trust, answer)
    print(pd.DataFrame(odds.T, list(LOG_ODDS), ["twice", "half"]).assign(stars=labels.sum(axis=0)).round(1))


if __name__ == "__main__":
    main(*sys.argv[1:])
