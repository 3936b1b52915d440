"""Checks that keep a score from flattering: who is mistaken for whom, other thresholds, dropped rows, seeds, leaks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact
from sklearn.base import clone

from ..dataset.dataset import Dataset
from ..models.calibration import calibrate
from ..models.fitting import fit
from ..taxonomy import labels, tags
from .evaluation import evaluate
from .metrics import METRICS, intervals, percent, scores, wilson, with_interval

SCOPE_THRESHOLDS = (0.5, 0.7)  # SCoPe scores its classifiers at the first and publishes objects above the second


SHOWN = ("precision", "recall", "f1_score", "accuracy")


def contamination(evaluation, table, part="test"):
    """Tell where the false positives come from.

    A negative counts under the most specific labels that it has above 0.5: a delta Scuti star not under `pulsator`,
    `periodic` and `variable` again. It may have several such labels, or none.

    Parameters
    ----------
    evaluation : Evaluation
    table : pandas.DataFrame
        The training table, with its label columns.
    part : str

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
    votes = _specific(table.iloc[frame["row"]])
    votes["no label"] = ~votes.any(axis=1)
    rows = {}
    for label, given in votes.items():
        given = given.to_numpy()
        if given.any():
            rate = wrong[given].mean()
            counts = [int(given.sum()), int(wrong[given].sum())]
            rows[label] = [*counts, rate, *wilson(rate, len(set(star[given]))), counts[1] / max(wrong.sum(), 1)]
    columns = ["negatives", "false_positives", "rate", "low", "high", "share"]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("label")
    return result.sort_values(["false_positives", "rate", "negatives"], ascending=False)


def _specific(table):
    """Return for each label whether a row has it and none of the labels below it."""
    given = {label: table[label].to_numpy() > 0.5 for label in labels() if label in table}
    parent, label = tags()["parent_tag"], tags()["label"]
    covered = {name: np.zeros(len(table), bool) for name in given}
    for tag, own in label.items():
        above = parent.get(tag)
        while own in given and above in label.index:
            if label[above] in covered:
                covered[label[above]] |= given[own]
            above = parent[above]
    return pd.DataFrame({name: given[name] & ~covered[name] for name in given}, index=table.index)


def at_thresholds(evaluation, part="test"):
    """Return the scores of a part at the chosen threshold and at SCoPe's 0.5 and 0.7, as text with intervals."""
    frame = evaluation.part(part)
    y, p, star = (frame[name].to_numpy() for name in ("y", "probability", "star"))
    rows = {f"chosen on validation, {evaluation.threshold:.3f}": evaluation.texts(part, SHOWN)}
    for cut, use in zip(SCOPE_THRESHOLDS, ("scores", "publishes"), strict=True):
        values, spans = scores(y, p, cut), intervals(y, p, star, cut)
        rows[f"where SCoPe {use}, {cut}"] = {m: with_interval(values[m], spans[m]) for m in SHOWN}
    return pd.DataFrame.from_dict(rows, orient="index")


@dataclass(frozen=True)
class DroppedCheck:
    """False-positive rates of the dropped and of the test negatives, the p-value, and what it means in words."""

    dropped: float
    test: float
    p_value: float
    warns: bool
    words: str


def dropped_negatives(evaluation, level=0.05):
    """Check that a classifier is not deceptively good on the negatives that `balance` left in.

    Negatives dropped from training are scored like those of the test part. If they are called positive clearly more
    often, the test part is easier than the sky. One light curve of each star, the first, enters Fisher's exact test
    (one-sided): light curves of one star are not independent.

    Parameters
    ----------
    evaluation : Evaluation
        Its predictions have the part "dropped" where `balance` dropped rows.
    level : float
        The p-value below which it warns.

    Returns
    -------
    DroppedCheck, or None where nothing negative was dropped
    """
    parts = [evaluation.part(name) for name in ("dropped", "test")]
    parts = [part[part["y"] == 0] for part in parts]
    learned = evaluation.part("train")["star"]  # a star with both kinds of votes is in both parts
    parts[0] = parts[0][~parts[0]["star"].isin(learned)]
    if not len(parts[0]):
        return None
    rates, counts = [], []
    for part in parts:
        wrong = part["probability"] > evaluation.threshold
        first = wrong.groupby(part["star"]).first()
        rates.append(float(wrong.mean()))
        counts.append([int(first.sum()), int((~first).sum())])
    p_value = float(fisher_exact(counts, alternative="greater").pvalue)
    warns = p_value < level
    words = (
        f"Of the {len(parts[0]):,} negatives that balancing dropped, {percent(rates[0])} are called positive; of the "
        f"{len(parts[1]):,} negatives of the test part, {percent(rates[1])} (p = {p_value:.2g}). "
    )
    words += (
        "**Warning:** the classifier does clearly worse on what it never saw; its scores flatter it. Drop fewer."
        if warns
        else "It does not do clearly worse on what it never saw."
    )
    return DroppedCheck(*rates, p_value, warns, words)


def over_seeds(model, dataset, seeds=5, seed=0, calibration="auto", by_star=True):
    """Train a model again with other seeds, and return the test scores of each.

    Parameters
    ----------
    model : scikit-learn classifier
        A clone of it is fitted for each seed; every parameter of it named `seed` or `random_state`, however deep, is
        set.
    dataset : Dataset
    seeds : int
        How many.
    seed : int
        The first one.
    calibration : str
        See `calibrate`.
    by_star : bool
        See `evaluate`.

    Returns
    -------
    pandas.DataFrame
        One row for each seed, a column for each score; then the rows `mean` and `spread` (standard deviation).
    """
    if seeds < 2:
        raise ValueError(f"a spread needs at least 2 seeds, not {seeds}")
    each = range(seed, seed + seeds)
    rows = {k: _fitted_scores(model, dataset, k, calibration, by_star).stats["test"] for k in each}
    frame = pd.DataFrame.from_dict(rows, orient="index")[list(METRICS)].astype(float).rename_axis("seed")
    spread = pd.DataFrame({"mean": frame.mean(), "spread": frame.std(ddof=1)}).T
    return pd.concat([frame, spread])


def _fitted_scores(model, dataset, seed, calibration, by_star):
    if not hasattr(model, "fit"):
        raise ValueError(f"{type(model).__name__} is trained already: seeds and leak are for models trained here")
    fresh = clone(model)
    named = [name for name in fresh.get_params() if name.split("__")[-1] in ("seed", "random_state")]
    fresh.set_params(**dict.fromkeys(named, seed))
    fresh = calibrate(fit(fresh, dataset.train, dataset.val), dataset.val, calibration)
    return evaluate(fresh, dataset, by_star=by_star)


def leak(model, table, tag, seed=0, calibration="auto", by_star=True, **settings):
    """Show what SCoPe's split by light curve is worth: the same model on both splits.

    Parameters
    ----------
    model : scikit-learn classifier
        A clone of it is fitted for each split.
    table, tag, **settings
        Of `Dataset.from_table`, without `split`.
    seed : int
        Of the model.
    calibration : str
        See `calibrate`.
    by_star : bool
        See `evaluate`.

    Returns
    -------
    pandas.DataFrame
        Test scores as text with intervals, and light curves and positives behind them: by star, by light curve, and
        of the latter apart those whose star is also in its training or validation part, and those whose is not.
    """
    settings.pop("split", None)
    rows = {}
    for split, name in (("star", "split by star"), ("scope", "split by light curve, as SCoPe")):
        dataset = Dataset.from_table(table, tag, split=split, seed=seed, **settings)
        result = _fitted_scores(model, dataset, seed, calibration, by_star)
        test = result.part("test")
        rows[name] = _row(test, result.threshold)
        known = test["star"].isin(set(dataset.star[np.isin(dataset.part, ["train", "val"])]))
        if split == "scope":
            rows["… its star known from training"] = _row(test[known], result.threshold)
            rows["… its star not known"] = _row(test[~known], result.threshold)
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(frame, cut):
    names = ("precision", "recall", "f1_score", "average_precision", "log_loss")
    counts = {"light curves": len(frame), "positive": int(frame["y"].sum())}
    if frame["y"].nunique() < 2:
        return counts | dict.fromkeys(names, "-")
    y, p, star = (frame[name].to_numpy() for name in ("y", "probability", "star"))
    values, spans = scores(y, p, cut), intervals(y, p, star, cut)
    return counts | {m: with_interval(values[m], spans[m]) for m in names}
