"""Is the kit better than SCoPe's recipe? `python tests/benchmarks/better.py TABLE.parquet FOLDER --steps a b d`.

Macro F1 over the tags with at least 30 positive test light curves, all steps on the same split by star:

a  SCoPe's recipe: its features alone, its trees without grid search, its imputation, a threshold of 0.5
b  the kit's `xgb`: derived features, calibration, a threshold from the validation part, stars judged by all their light
   curves
c  the kit's `dnn`, likewise
d  the mean of b and c
e  `xgb` in five folds of the training and validation stars (`models.fit(folds=5)`)
f  `forest`, likewise
g  the mean of e and f

Each step writes the probabilities of each tag to FOLDER and skips those that are there, so that steps may run one after
the other or on different machines; the table at the end is of all that FOLDER holds. With `--cross`, every star is once
in the test part of five splits, so that rarer tags have 30 too. With `--catalina` as well, where TABLE is a featurized
table of the Catalina survey (made from `catalina.parquet` of the real data if it is missing) and only features of the
light curve are used.
"""

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.labels import label_columns
from scope_nb.dataset.splits import split_place
from scope_nb.dataset.tables import read_table, write_parquet
from scope_nb.models.tuning import tune_xgb
from scope_nb.scores.evaluation import evaluate, steady_threshold
from scope_nb.scores.metrics import compute_scores
from scope_nb.taxonomy import tags

STEPS = {"a": "SCoPe's recipe", "b": "xgb", "c": "dnn", "d": "mean of b and c"}
STEPS |= {"e": "xgb, folds", "f": "forest, folds", "g": "mean of e and f"}
MEANS = {"d": "bc", "g": "ef"}
FOLDS, LEAST = 5, 30


def catalina(path, stars, jobs):
    """Return the featurized table of Catalina stars with SCoPe's labels; make the file where it is missing."""
    from realism import TAGS

    if not path.exists():
        from scope_nb.features.extract import featurize
        from scope_nb.lightcurves.readers import read_lightcurves

        folder = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata")
        curves = read_lightcurves(Path(folder) / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
        rows = np.sort(np.random.default_rng(0).choice(len(curves), min(stars, len(curves)), replace=False))
        write_parquet(featurize(curves.select(rows), min_epochs=40, n_jobs=jobs), path)
    table = read_table(path)
    votes = label_columns(table["label"], {name: own.split() for name, own in TAGS.items()})
    return pd.concat([table.drop(columns=votes.columns, errors="ignore"), votes.set_index(table.index)], axis=1)


def read(given):
    """Return the training table."""
    return catalina(given.table, given.stars, given.jobs) if given.catalina else read_table(given.table)


def datasets(table, tag, step, given):
    """Yield the data set of a tag for each fold: one as everywhere in the kit, or five of which each star is once test.

    Nothing is yielded where a part lacks positives or negatives or the test part has too few positives.
    """
    features = "light curve" if given.catalina else None
    try:
        data = Dataset.from_table(table, tag, features=features, derived=step != "a", dmdt=step == "c")
    except ValueError as error:
        if "a classifier needs both kinds" not in str(error):
            raise
        return
    if not given.cross:
        parts = [data.part]
    else:
        places = [(split_place(data.star) - fold / FOLDS) % 1 for fold in range(FOLDS)]
        parts = [np.select([p < 1 / FOLDS, p < 1 / FOLDS + 0.1], ["test", "val"], "train") for p in places]
    if sum(data.y[part == "test"].sum() for part in parts) < LEAST:
        return
    if min(data.y[part == name].sum() for part in parts for name in ("train", "val", "test")) == 0:
        return
    for part in parts:
        yield replace(data, part=part)


def trained(data, step, given):
    """Return the classifier of a step, trained, and calibrated if it is the kit's."""
    if step == "a":
        model = models.xgb(impute="scope", seed=given.seed, n_jobs=given.jobs, **models.SCOPE_TREES)
        return models.fit_model(model, data.train, data.val)
    if step in "be":
        minutes = {"minutes": given.tune, "seed": given.seed, "n_jobs": given.jobs}
        best = tune_xgb(data.train, data.val, **minutes)[0] if given.tune else {}
        model = models.xgb(seed=given.seed, n_jobs=given.jobs, **best)
    else:
        model = models.dnn(seed=given.seed) if step == "c" else models.forest(seed=given.seed, n_jobs=given.jobs)
    return models.fit(model, data, folds=FOLDS if step in "ef" else 1, seed=given.seed)


def predictions(table, tag, step, given):
    """Return the test probabilities of a tag, and those that its threshold rests on; all folds one after the other.

    None if the tag cannot be tried.
    """
    frames = []
    for fold, data in enumerate(datasets(table, tag, step, given)):
        threshold = 0.5 if step == "a" else None
        result = evaluate(trained(data, step, given), data, threshold, by_star=step != "a")
        frames.append(result.predictions[result.predictions["part"].isin([*result.unseen, "test"])].assign(fold=fold))
    return pd.concat(frames, ignore_index=True) if frames else None


def mean(folder, tag, step):
    """Return the mean of two steps; None if one of them is missing."""
    paths = [folder / f"{member}_{tag}.parquet" for member in MEANS[step]]
    if not all(path.exists() for path in paths):
        return None
    one, two = (read_table(path) for path in paths)
    if not one.drop(columns="probability").equals(two.drop(columns="probability")):
        raise ValueError(f"{tag}: {MEANS[step]} in {folder} are of different light curves; remove one of them")
    return one.assign(probability=(one["probability"] + two["probability"]) / 2)


def called(frame, step):
    """Return the test rows with what is called positive, at the threshold of the step in each fold."""
    rows = []
    for _, own in frame.groupby("fold"):
        val, test = own[own["part"] != "test"], own[own["part"] == "test"]
        cut = 0.5 if step == "a" else steady_threshold(*(val[name].to_numpy() for name in ("y", "probability", "star")))
        rows.append(test.assign(called=(test["probability"] > cut).astype(int)))
    return pd.concat(rows)


def resampled(found, names, n_resamples=1000, seed=0):
    """Return the F1 of resampled stars, shape (n_resamples, steps, tags); the same stars for all of them."""
    rng = np.random.default_rng(seed)
    sums = {}
    for key, frame in found.items():
        hit = (frame["called"] * frame["y"]).groupby(frame["star"]).sum()
        both = (frame["called"] + frame["y"]).groupby(frame["star"]).sum()
        sums[key] = [s.reindex(names, fill_value=0).to_numpy(float) for s in (hit, both)]
    drawn = []
    for _ in range(n_resamples):
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
        drawn.append([2 * (times @ hit) / max(times @ both, 1) for hit, both in sums.values()])
    return np.array(drawn)


def show(folder):
    """Print F1 by tag and step, macro F1 with its interval, and the gain over step a, for the tags that all have."""
    files = {step: {p.stem[2:]: p for p in sorted(folder.glob(f"{step}_*.parquet"))} for step in STEPS}
    files = {step: own for step, own in files.items() if own}
    if not files:
        return
    common = [tag for tag in tags().index if all(tag in own for own in files.values())]
    found = {(step, tag): called(read_table(own[tag]), step) for step, own in files.items() for tag in common}
    names = np.unique(np.concatenate([frame["star"] for frame in found.values()]))
    f1 = {key: compute_scores(frame["y"], frame["called"], 0.5)["f1_score"] for key, frame in found.items()}
    table = pd.Series(f1).unstack(0).loc[common]
    table.insert(0, "positive", [found[next(iter(files)), tag]["y"].sum() for tag in common])
    print(table.round(3).to_string())
    macro = resampled(found, names).reshape(-1, len(files), len(common)).mean(axis=2)
    for k, step in enumerate(files):
        low, high = np.percentile(macro[:, k], [2.5, 97.5])
        words = f"{step}  {STEPS[step]:16s} macro F1 {table[step].mean():.3f} ({low:.3f}-{high:.3f})"
        if step != "a" and "a" in files:
            low, high = np.percentile(macro[:, k] - macro[:, list(files).index("a")], [2.5, 97.5])
            words += f", over a {(table[step] - table['a']).mean():+.3f} ({low:+.3f} to {high:+.3f})"
        print(f"{words}; {len(common)} tags")


def main():
    """Run the steps asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("folder", type=Path, help="of the probabilities")
    parser.add_argument("--steps", nargs="*", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--tags", nargs="+", default=list(tags().index))
    parser.add_argument("--cross", action="store_true", help="five splits instead of one")
    parser.add_argument("--catalina", action="store_true", help="real stars; implies --cross")
    parser.add_argument("--stars", type=int, default=2500, help="of Catalina, if its table must be made")
    parser.add_argument("--tune", type=float, default=0.0, help="minutes of tuning for each tag in steps b and e")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    given.cross |= given.catalina
    warnings.filterwarnings("ignore", message=".*only .* positive stars")
    given.folder.mkdir(parents=True, exist_ok=True)
    table = None
    for step in given.steps:
        for tag in given.tags:
            path = given.folder / f"{step}_{tag}.parquet"
            if path.exists():
                continue
            if step in MEANS:
                frame = mean(given.folder, tag, step)
            else:
                table = read(given) if table is None else table
                frame = predictions(table, tag, step, given)
            if frame is not None:
                write_parquet(frame, path)
                print(f"{step} {tag}", flush=True)
    show(given.folder)


if __name__ == "__main__":
    main()
