"""Train the judge of candidate periods: `python tests/benchmarks/period_judge.py [FOLDER OF REAL DATA]`.

Learns from stars that `recovery.py` does not report on: those of Catalina outside its 1,000, and every second star of
ZTF. Writes scope_nb/tables/period_judge.json.
"""

from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from recovery import arguments, read, right
from scipy.optimize import minimize
from tqdm.auto import tqdm
from xgboost import XGBClassifier

from scope_nb.files import whole
from scope_nb.periods import judge
from scope_nb.periods.periodograms import Grid
from scope_nb.periods.search import search

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


def examples(curve):
    """Return the terms of the candidates of one light curve, and which of them is the true period."""
    grid = Grid.of(np.ptp(curve.time))
    _, peaks = search(curve.time, curve.mag, curve.err, grid)
    freqs, _, terms = judge.hypotheses(curve.time, curve.mag, curve.err, {k: grid.freq(i) for k, i in peaks.items()})
    return terms, np.array([right(1 / freq, curve)[0] for freq in freqs])


def fit_trees(pairs):
    """Fit the trees; every star has the same weight, however many candidates it has."""
    terms, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
    weight = np.concatenate([np.full(len(t), 1 / len(t)) for t, _ in pairs])
    return XGBClassifier(**SETTINGS).fit(terms, truth, sample_weight=weight / weight.mean())


def unseen(pairs, folds=5):
    """Return what the trees say of each candidate if they have not seen its star, one array a star."""
    fold = np.random.default_rng(0).permutation(len(pairs)) % folds
    said = [None] * len(pairs)
    for k in range(folds):
        trees = fit_trees([pair for pair, f in zip(pairs, fold, strict=True) if f != k])
        for i in np.flatnonzero(fold == k):
            said[i] = trees.predict_proba(pairs[i][0])[:, 1]
    return said


def loss(values, said, pairs):
    """Mean of -log(probability of what is true): one of the right candidates, or none of all."""
    right_one = [
        p[truth].sum() if truth.any() else 1 - p.sum()
        for p, (_, truth) in ((judge.exclusive(p, 1.0, *values), pair) for p, pair in zip(said, pairs, strict=True))
    ]
    return -np.log(np.maximum(right_one, 1e-9)).mean()


def train(pairs):
    """Fit trees, and how sharp their odds are and what weight "none of these" has."""
    said = unseen(pairs)
    found = minimize(lambda logs: loss(np.exp(logs), said, pairs), [0.0, -1.0], method="Nelder-Mead")
    booster = fit_trees(pairs).get_booster()
    booster.set_attr(**{name: f"{x:.4f}" for name, x in zip(("sharpness", "none"), np.exp(found.x), strict=True)})
    return booster


def main():
    """Search, learn, write."""
    ztf, catalina = read(arguments().folder, "tune")
    pairs = []
    for curves in (ztf, catalina):
        tasks = (delayed(examples)(curves[i]) for i in range(len(curves)))
        pairs += tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves))
    with whole(TABLE) as part:
        part.write_bytes(train(pairs).save_raw("json"))


if __name__ == "__main__":
    main()
