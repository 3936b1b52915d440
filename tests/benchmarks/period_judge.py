"""Train the judge of candidate periods: `python tests/benchmarks/period_judge.py [FOLDER OF REAL DATA]`.

Learns from stars that `recovery.py` does not report on: 1,600 of Catalina outside its 1,000, and every second star of
ZTF. Writes scope_nb/tables/period_judge.json.
"""

from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from recovery import arguments, read, right
from tqdm.auto import tqdm
from xgboost import XGBClassifier

from scope_nb import judge
from scope_nb.files import whole
from scope_nb.periodograms import Grid
from scope_nb.periods import search

TABLE = Path(judge.__file__).parent / "tables" / "period_judge.json"


def examples(curve):
    """Return the terms of the candidates of one light curve, and which of them is the true period."""
    grid = Grid.of(np.ptp(curve.time))
    _, peaks = search(curve.time, curve.mag, curve.err, grid)
    freqs, _, terms = judge.hypotheses(curve.time, curve.mag, curve.err, {k: grid.freq(i) for k, i in peaks.items()})
    return terms, np.array([right(1 / freq, curve)[0] for freq in freqs])


def train(pairs, seed=0):
    """Fit the trees; every star has the same weight, however many candidates it has."""
    terms, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
    weight = np.concatenate([np.full(len(t), 1 / len(t)) for t, _ in pairs])
    trees = XGBClassifier(
        n_estimators=100,
        max_depth=4,
        learning_rate=0.1,
        subsample=0.7,
        colsample_bytree=0.5,
        min_child_weight=3,
        reg_lambda=3,
        random_state=seed,
        n_jobs=1,
    )
    return trees.fit(terms, truth, sample_weight=weight / weight.mean())


def main():
    """Search, learn, write."""
    ztf, catalina = read(arguments().folder, "tune")
    pairs = []
    for curves in (ztf, catalina):
        tasks = (delayed(examples)(curves[i]) for i in range(len(curves)))
        pairs += tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves))
    with whole(TABLE) as part:
        part.write_bytes(train(pairs).get_booster().save_raw("json"))


if __name__ == "__main__":
    main()
