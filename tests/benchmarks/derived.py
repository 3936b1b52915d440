"""What the derived features bring, tag by tag, on the simulated sample: `python tests/benchmarks/derived.py`.

Average precision of `xgb` with a fixed number of trees, in four folds of stars, with and without them. Folds and trees
change with the seed, and are the same for both.
"""

import argparse

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from scope_nb import models
from scope_nb.dataset.dataset import Dataset, trainable
from scope_nb.dataset.tables import read_parquet
from scope_nb.files import sample
from scope_nb.taxonomy import tags

SETTINGS = {"n_estimators": 100, "learning_rate": 0.1, "early_stopping_rounds": None, "n_jobs": 1}


def score(data, seed):
    """Return the average precision over four folds of whole stars."""
    model = models.xgb(seed=seed, **SETTINGS)
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(data.X, data.y, data.star)
    p = cross_val_predict(model, data.X, data.y, cv=list(folds), method="predict_proba")[:, 1]
    return average_precision_score(data.y, p)


def main():
    """Print a line for each tag."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tags", nargs="+", help="all that the sample can train")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    table, gains = read_parquet(sample()), []
    names = options.tags or trainable(sample(), {tag: {} for tag in tags().index})[0]
    for tag in names:
        sets = [Dataset.from_table(table, tag, dmdt=False, derived=derived) for derived in (False, True)]
        scores = np.array([[score(data, seed) for data in sets] for seed in range(options.seeds)])
        gain = np.diff(scores, axis=1).ravel()
        gains.append(gain.mean())
        before, after = scores.mean(axis=0)
        print(
            f"{tag:6s} {before:.3f} -> {after:.3f}  gain {gain.mean():+.3f}, {gain.min():+.3f} to {gain.max():+.3f}",
            flush=True,
        )
    print(f"mean gain over {len(gains)} tags: {np.mean(gains):+.3f}")


if __name__ == "__main__":
    main()
