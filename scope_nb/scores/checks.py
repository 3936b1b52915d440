"""Checks that keep a score from flattering: who is mistaken for whom, other thresholds, dropped rows, seeds, leaks."""

from collections import namedtuple

import pandas as pd
from scipy.stats import fisher_exact
from sklearn.base import clone

from ..models.fitting import fit
from ..taxonomy import label_names, tags
from .evaluation import evaluate, score_rows, score_texts
from .metrics import METRICS, percent, wilson

DroppedCheck = namedtuple("DroppedCheck", ["dropped", "test", "p_value", "warns", "verdict"])


def contamination(evaluation, meta):
    """Return which labels the false positives of the test part have.

    A negative counts under the most specific labels that it has above 0.5: a delta Scuti star not under `pulsator`,
    `periodic` and `variable` again. It may have several such labels, or none. `meta` has the labels of each light curve
    by its row number: `dataset.meta`, or the training table.

    Returns
    -------
    pandas.DataFrame
        By label, the largest contaminant first: `negatives` and `false_positives` (light curves), `rate` (of these
        negatives), `low`, `high` (Wilson's 95 % interval for as many stars), `share` (of all false positives).
    """
    frame = evaluation.part("test").query("y == 0")
    frame = frame.assign(wrong=frame["probability"] > evaluation.threshold)
    specific = _specific_labels(meta.loc[frame["row"]])
    specific["no label"] = ~specific.any(axis=1)
    rows = {}
    for label, carries in specific.items():
        some = frame[carries.to_numpy()]
        if len(some):
            rate, n_wrong = some["wrong"].mean(), some["wrong"].sum()
            interval = wilson(rate, some["star"].nunique())
            rows[label] = [len(some), n_wrong, rate, *interval, n_wrong / max(frame["wrong"].sum(), 1)]
    columns = ["negatives", "false_positives", "rate", "low", "high", "share"]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("label")
    return result.sort_values(["false_positives", "rate", "negatives"], ascending=False)


def _specific_labels(meta):
    """Return for each label whether a row has it and none of the labels below it."""
    votes = meta[[label for label in label_names() if label in meta]] > 0.5
    specific, parent, label_of = votes.copy(), tags()["parent_tag"], tags()["label"]
    for tag, label in label_of.items():
        ancestor = parent[tag]
        while label in votes and ancestor in label_of.index:
            if label_of[ancestor] in votes:
                specific[label_of[ancestor]] &= ~votes[label]
            ancestor = parent[ancestor]
    return specific


def score_at_thresholds(evaluation):
    """Return the test scores at the chosen threshold and at SCoPe's 0.5 and 0.7, as text with intervals."""
    names = ("precision", "recall", "f1_score", "accuracy")
    rows = {f"chosen on validation, {evaluation.threshold:.3f}": evaluation.texts(metrics=names)}
    for use, threshold in (("scores", 0.5), ("publishes", 0.7)):
        stats = score_rows(evaluation.part("test"), threshold)
        rows[f"where SCoPe {use}, {threshold}"] = score_texts(stats, names)
    return pd.DataFrame.from_dict(rows, orient="index")


def check_dropped_negatives(evaluation):
    """Check that a classifier is not deceptively good on the negatives that `balance` left in.

    Negatives dropped from training are scored like those of the test part. If they are called positive clearly more
    often, the test part is easier than the sky. One light curve of each star, the first, enters Fisher's exact test
    (one-sided): light curves of one star are not independent.

    Returns
    -------
    DroppedCheck, or None where nothing negative was dropped
        The false-positive rates of `dropped` and of `test`, the `p_value`, whether it is below 0.05 (`warns`), and
        what it means in plain words (`verdict`).
    """
    dropped, test = (evaluation.part(name).query("y == 0") for name in ("dropped", "test"))
    learned = evaluation.part("train")["star"]  # a star with both kinds of votes is in both parts
    dropped = dropped[~dropped["star"].isin(learned)]
    if not len(dropped):
        return None
    rates, counts = [], []
    for part in (dropped, test):
        wrong = part["probability"] > evaluation.threshold
        rates.append(float(wrong.mean()))
        first = wrong.groupby(part["star"]).first()
        counts.append([int(first.sum()), int((~first).sum())])
    p_value = float(fisher_exact(counts, alternative="greater").pvalue)
    warning = "**Warning:** the classifier does clearly worse on what it never saw; its scores flatter it. Drop fewer."
    verdict = (
        f"Of the {len(dropped):,} negatives that balancing dropped, {percent(rates[0])} are called positive; of the "
        f"{len(test):,} negatives of the test part, {percent(rates[1])} (p = {p_value:.2g}). "
        f"{warning if p_value < 0.05 else 'It does not do clearly worse on what it never saw.'}"
    )
    return DroppedCheck(*rates, p_value, p_value < 0.05, verdict)


def score_over_seeds(model, dataset, seeds=5, seed=0, calibration="auto", by_star=True, folds=1):
    """Train clones of a classifier with several seeds, from `seed` on, and return the test scores of each.

    Every parameter named `seed` or `random_state`, however deep, is set. The others are those of `fit` and `evaluate`.
    There is a row for each seed and a column for each score; then the rows `mean` and `spread` (standard deviation).
    """
    if seeds < 2:
        raise ValueError(f"a spread needs at least 2 seeds, not {seeds}")
    options, each = (calibration, by_star, folds), range(seed, seed + seeds)
    rows = [_train_and_evaluate(model, dataset, k, *options).stats["test"] for k in each]
    frame = pd.DataFrame(rows, pd.Index(each, name="seed"), METRICS, float)
    return pd.concat([frame, frame.agg(["mean", "std"]).rename({"std": "spread"})])


def _train_and_evaluate(model, dataset, seed, calibration, by_star, folds):
    if not hasattr(model, "fit"):
        raise ValueError(f"{type(model).__name__} is trained already: seeds and leak are for models trained here")
    if dataset.classes:
        raise ValueError("seeds and leak are checked with one tag: cut the data set with a tag in place of a list")
    fresh = clone(model)
    seeds = [name for name in fresh.get_params() if name.split("__")[-1] in ("seed", "random_state")]
    fresh.set_params(**dict.fromkeys(seeds, seed))
    return evaluate(fit(fresh, dataset, folds, calibration, seed), dataset, by_star=by_star)


def measure_leak(model, dataset, seed=0, calibration="auto", by_star=True, folds=1):
    """Return what SCoPe's split by light curve is worth: the scores of clones of one model on both splits.

    These are the test scores as text with intervals, and the light curves and positives behind them: by star, by light
    curve, and of the latter apart those whose star is also in its training or validation part, and those whose is not.
    The arguments are those of `score_over_seeds`.
    """
    rows = {}
    for split, name in (("star", "split by star"), ("scope", "split by light curve, as SCoPe")):
        result = _train_and_evaluate(model, dataset.with_split(split), seed, calibration, by_star, folds)
        test = result.part("test")
        rows[name] = _count_and_score(test, result.threshold)
    trained_on = test["star"].isin(pd.concat(map(result.part, ("train", "val")))["star"])
    rows["… its star known from training"] = _count_and_score(test[trained_on], result.threshold)
    rows["… its star not known"] = _count_and_score(test[~trained_on], result.threshold)
    return pd.DataFrame.from_dict(rows, orient="index")


def _count_and_score(frame, threshold):
    names = ("precision", "recall", "f1_score", "average_precision", "log_loss")
    counts = {"light curves": len(frame), "positive": int(frame["y"].sum())}
    if frame["y"].nunique() < 2:
        return counts | dict.fromkeys(names, "-")
    return counts | score_texts(score_rows(frame, threshold), names)
