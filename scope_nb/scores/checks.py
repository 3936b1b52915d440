"""Checks that keep a score from flattering: who is mistaken for whom, other thresholds, dropped rows, seeds, leaks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact
from sklearn.base import clone

from ..models.fitting import fit
from ..taxonomy import labels, tags
from .evaluation import evaluate
from .metrics import METRICS, ScoreInput, percent, score_texts, wilson

SCOPE_THRESHOLDS = {"scores": 0.5, "publishes": 0.7}  # what SCoPe does with objects above them


def contamination(evaluation, meta, part="test"):
    """Return which labels the false positives have.

    A negative counts under the most specific labels that it has above 0.5: a delta Scuti star not under `pulsator`,
    `periodic` and `variable` again. It may have several such labels, or none.

    `meta` has the labels of each light curve by its row number: `dataset.meta`, or the training table.

    Returns
    -------
    pandas.DataFrame
        By label, the largest contaminant first: `negatives` and `false_positives` (light curves), `rate` (of these
        negatives), `low`, `high` (Wilson's 95 % interval for as many stars), `share` (of all false positives).
    """
    frame = evaluation.part(part)
    frame = frame[frame["y"] == 0]
    wrong = (frame["probability"] > evaluation.threshold).to_numpy()
    star = frame["star"].to_numpy()
    carriers = _specific_labels(meta.loc[frame["row"]])
    carriers["no label"] = ~carriers.any(axis=1)
    rows = {}
    for label, carrier in carriers.items():
        carrier = carrier.to_numpy()
        if carrier.any():
            rate, n_wrong = wrong[carrier].mean(), int(wrong[carrier].sum())
            low, high = wilson(rate, len(set(star[carrier])))
            rows[label] = [int(carrier.sum()), n_wrong, rate, low, high, n_wrong / max(wrong.sum(), 1)]
    columns = ["negatives", "false_positives", "rate", "low", "high", "share"]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("label")
    return result.sort_values(["false_positives", "rate", "negatives"], ascending=False)


def _specific_labels(meta):
    """Return for each label whether a row has it and none of the labels below it."""
    above = {label: meta[label].to_numpy() > 0.5 for label in labels() if label in meta}
    parent, label_of = tags()["parent_tag"], tags()["label"]
    covered = {label: np.zeros(len(meta), bool) for label in above}
    for tag, label in label_of.items():
        ancestor = parent[tag]
        while label in above and ancestor in label_of.index:
            if label_of[ancestor] in covered:
                covered[label_of[ancestor]] |= above[label]
            ancestor = parent[ancestor]
    return pd.DataFrame({label: above[label] & ~covered[label] for label in above}, index=meta.index)


def score_at_thresholds(evaluation, part="test"):
    """Return the scores of a part at the chosen threshold and at SCoPe's 0.5 and 0.7, as text with intervals."""
    names = ("precision", "recall", "f1_score", "accuracy")
    rows = {f"chosen on validation, {evaluation.threshold:.3f}": evaluation.texts(part, names)}
    for use, threshold in SCOPE_THRESHOLDS.items():
        inputs = evaluation.score_input(part)._replace(threshold=threshold)
        rows[f"where SCoPe {use}, {threshold}"] = score_texts(inputs, names)
    return pd.DataFrame.from_dict(rows, orient="index")


@dataclass(frozen=True)
class DroppedCheck:
    """False-positive rates of the dropped and of the test negatives, the p-value, and what it means in words."""

    dropped: float
    test: float
    p_value: float
    warns: bool
    words: str


def check_dropped_negatives(evaluation, level=0.05):
    """Check that a classifier is not deceptively good on the negatives that `balance` left in.

    Negatives dropped from training are scored like those of the test part. If they are called positive clearly more
    often, the test part is easier than the sky. One light curve of each star, the first, enters Fisher's exact test
    (one-sided): light curves of one star are not independent. It warns of a p-value below `level`.

    Returns
    -------
    DroppedCheck, or None where nothing negative was dropped
    """
    dropped, test = (part[part["y"] == 0] for part in map(evaluation.part, ("dropped", "test")))
    learned = evaluation.part("train")["star"]  # a star with both kinds of votes is in both parts
    dropped = dropped[~dropped["star"].isin(learned)]
    if not len(dropped):
        return None
    wrong = [part["probability"] > evaluation.threshold for part in (dropped, test)]
    rates = [float(answers.mean()) for answers in wrong]
    first = [answers.groupby(part["star"]).first() for answers, part in zip(wrong, (dropped, test), strict=True)]
    counts = [[int(answers.sum()), int((~answers).sum())] for answers in first]
    p_value = float(fisher_exact(counts, alternative="greater").pvalue)
    words = (
        f"Of the {len(dropped):,} negatives that balancing dropped, {percent(rates[0])} are called positive; of the "
        f"{len(test):,} negatives of the test part, {percent(rates[1])} (p = {p_value:.2g}). "
    )
    if p_value < level:
        words += (
            "**Warning:** the classifier does clearly worse on what it never saw; its scores flatter it. Drop fewer."
        )
    else:
        words += "It does not do clearly worse on what it never saw."
    return DroppedCheck(*rates, p_value, p_value < level, words)


def score_over_seeds(model, dataset, seeds=5, seed=0, calibration="auto", by_star=True, folds=1):
    """Train a model again with other seeds, and return the test scores of each.

    Parameters
    ----------
    model : scikit-learn classifier
        A clone of it is fitted for each seed; every parameter of it named `seed` or `random_state`, however deep, is
        set.
    dataset : Dataset
    seeds, seed : int
        How many, and the first one.
    calibration, folds, by_star
        See `fit` and `evaluate`.

    Returns
    -------
    pandas.DataFrame
        One row for each seed, a column for each score; then the rows `mean` and `spread` (standard deviation).
    """
    if seeds < 2:
        raise ValueError(f"a spread needs at least 2 seeds, not {seeds}")
    rows = {
        each: _train_and_evaluate(model, dataset, each, calibration, by_star, folds).stats["test"]
        for each in range(seed, seed + seeds)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index")[list(METRICS)].astype(float).rename_axis("seed")
    spread = pd.DataFrame({"mean": frame.mean(), "spread": frame.std(ddof=1)}).T
    return pd.concat([frame, spread])


def _train_and_evaluate(model, dataset, seed, calibration, by_star, folds):
    if not hasattr(model, "fit"):
        raise ValueError(f"{type(model).__name__} is trained already: seeds and leak are for models trained here")
    fresh = clone(model)
    seeds = [name for name in fresh.get_params() if name.split("__")[-1] in ("seed", "random_state")]
    fresh.set_params(**dict.fromkeys(seeds, seed))
    return evaluate(fit(fresh, dataset, folds, calibration, seed), dataset, by_star=by_star)


def leak(model, dataset, seed=0, calibration="auto", by_star=True, folds=1):
    """Return what SCoPe's split by light curve is worth: the scores of the same model on both splits.

    A clone of the model is fitted for each split; the arguments are those of `score_over_seeds`.

    Returns
    -------
    pandas.DataFrame
        Test scores as text with intervals, and light curves and positives behind them: by star, by light curve, and
        of the latter apart those whose star is also in its training or validation part, and those whose is not.
    """
    rows = {}
    for split, name in (("star", "split by star"), ("scope", "split by light curve, as SCoPe")):
        data = dataset.with_split(split)
        result = _train_and_evaluate(model, data, seed, calibration, by_star, folds)
        test = result.part("test")
        rows[name] = _count_and_score(test, result.threshold)
    trained_on = test["star"].isin(set(data.star[np.isin(data.part, ["train", "val"])]))
    rows["… its star known from training"] = _count_and_score(test[trained_on], result.threshold)
    rows["… its star not known"] = _count_and_score(test[~trained_on], result.threshold)
    return pd.DataFrame.from_dict(rows, orient="index")


def _count_and_score(frame, threshold):
    names = ("precision", "recall", "f1_score", "average_precision", "log_loss")
    counts = {"light curves": len(frame), "positive": int(frame["y"].sum())}
    if frame["y"].nunique() < 2:
        return counts | dict.fromkeys(names, "-")
    return counts | score_texts(ScoreInput.from_frame(frame, threshold), names)
