"""Train the judge of candidate periods: `python data/period_judge.py [FOLDER OF REAL DATA]`.

Learns from stars that `tests/benchmarks/recovery.py` does not report on: those of Catalina outside its 1,000, and every
second star of ZTF. Writes scope_nb/tables/period_judge.json.
"""

import argparse
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy.optimize import minimize
from tqdm.auto import tqdm
from xgboost import XGBClassifier

from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods import judge
from scope_nb.periods.periodograms import Grid
from scope_nb.periods.search import search_grid
from scope_nb.writing import write_atomically

SETTINGS = {
    "n_estimators": 200,
    "max_depth": 4,
    "learning_rate": 0.1,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "min_child_weight": 3,
    "reg_lambda": 3,
    "random_state": 0,
    "n_jobs": 1,
}
TABLE = Path(judge.__file__).parents[1] / "tables" / "period_judge.json"


def argument_parser(description):
    """Return a parser of the command line with the folder of the real data."""
    default = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[2] / "shared" / "realdata")
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default), help="of the real data")
    return parser


def read_stars(folder):
    """Return ZTF's and Catalina's light curves, and for each whether the judge's training leaves its star out."""
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    ztf = read_lightcurves(folder / "ztf_vsx.parquet", min_epochs=40)
    second = ztf.meta["obj_id"].rank(method="dense").astype(int).to_numpy() % 2 == 0
    catalina = read_lightcurves(folder / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    reported = np.random.default_rng(0).choice(len(catalina), 1000, replace=False)
    return ztf, second, catalina, np.isin(np.arange(len(catalina)), reported)


class Outcome(NamedTuple):
    """Whether a period is the published one, and whether it is that, its half or its double."""

    exact: bool
    factor_2: bool


def outcome_of(period, curve):
    """Return the `Outcome` of a period (days) for a light curve of known period."""
    true, width = 1 / curve.info["period_true"], 1 / np.ptp(curve.time)
    once, half, double = (abs(factor / period - true) < width for factor in (1, 0.5, 2))
    return Outcome(once or (curve.info["label"] == "ELL" and half), once or half or double)


def make_examples(curve):
    """Return the terms of the candidates of one light curve, shape (c, terms), and which of them is the true period."""
    grid = Grid.of(np.ptp(curve.time))
    searches = search_grid(curve.time, curve.mag, curve.err, grid)
    peaks = {name: grid.freq(search.peaks) for name, search in searches.items()}
    candidates = judge.compare_candidates(curve.time, curve.mag, curve.err, peaks)
    return np.column_stack(candidates.terms), np.array([outcome_of(1 / freq, curve).exact for freq in candidates.freqs])


def fit_trees(pairs):
    """Fit the trees; every star has the same weight, however many candidates it has."""
    terms, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
    weight = np.concatenate([np.full(len(t), 1 / len(t)) for t, _ in pairs])
    return XGBClassifier(**SETTINGS).fit(terms, truth, sample_weight=weight / weight.mean())


def predict_unseen(pairs, folds=5):
    """Return the probability of each candidate by trees that were not fitted to its star, one array a star."""
    fold = np.random.default_rng(0).permutation(len(pairs)) % folds
    predictions = [None] * len(pairs)
    for k in range(folds):
        trees = fit_trees([pair for pair, f in zip(pairs, fold, strict=True) if f != k])
        for i in np.flatnonzero(fold == k):
            predictions[i] = trees.predict_proba(pairs[i][0])[:, 1]
    return predictions


def mean_loss(sharpness, none, predictions, pairs):
    """Return the mean of -log(probability of what is true): one of the right candidates, or none of all."""
    likelihoods = []
    for p, (_, truth) in zip(predictions, pairs, strict=True):
        p = judge.exclusive_probabilities(p, 1.0, sharpness, none)
        likelihoods.append(p[truth].sum() if truth.any() else 1 - p.sum())
    return -np.log(np.maximum(likelihoods, 1e-9)).mean()


def train(pairs):
    """Fit trees, and how sharp their odds are and what weight "none of these" has."""
    predictions = predict_unseen(pairs)
    result = minimize(lambda logs: mean_loss(*np.exp(logs), predictions, pairs), [0.0, -1.0], method="Nelder-Mead")
    sharpness, none = np.exp(result.x)
    booster = fit_trees(pairs).get_booster()
    booster.set_attr(sharpness=f"{sharpness:.4f}", none=f"{none:.4f}")
    return booster


def main():
    """Search, learn, write."""
    ztf, second, catalina, reported = read_stars(argument_parser(__doc__).parse_args().folder)
    pairs = []
    for curves in (ztf.select(~second), catalina.select(~reported)):
        tasks = (delayed(make_examples)(curves[i]) for i in range(len(curves)))
        pairs += tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves))
    with write_atomically(TABLE) as part:
        part.write_bytes(train(pairs).save_raw("json"))


if __name__ == "__main__":
    main()
