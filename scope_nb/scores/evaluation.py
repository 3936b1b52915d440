"""Honest scores of a model: a threshold from the validation part, intervals over stars, plain words."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.metrics import precision_recall_curve

from ..dataset.dataset import PARTS
from ..taxonomy import labels, published
from .metrics import METRICS, intervals, number, percent, scores, wilson, with_interval


def reliability(y, probability, star, bins=10):
    """Compare predicted probabilities with what came true, in bins of equal width; empty ones are left out.

    Returns
    -------
    pandas.DataFrame
        `predicted` (mean probability), `true` (share of positives), `low`, `high` (Wilson's 95 % interval for as
        many stars as the bin has), `n` (light curves).
    """
    frame = pd.DataFrame({"predicted": probability, "true": y, "star": star})
    groups = frame.groupby(np.minimum((frame["predicted"] * bins).astype(int), bins - 1).to_numpy())
    result = groups[["predicted", "true"]].mean()
    pairs = zip(result["true"], groups["star"].nunique(), strict=True)
    result[["low", "high"]] = [wilson(share, n) for share, n in pairs]
    result["n"] = groups.size()
    return result.reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of one model on one data set.

    Parameters
    ----------
    tag : str
    threshold : float
        Chosen on the validation part; a probability above it counts as positive.
    predictions : pandas.DataFrame
        One row per light curve: `row` in the table, `star`, `part`, `y`, `probability`.
    stats : dict
        For "train", "val" and "test": every score of `METRICS`, `n`, `n_positive`, `n_stars`, `n_positive_stars`, and
        `interval`, the 95 % interval of each score.
    unseen : tuple of str
        The parts beside "test" whose probabilities come from models that have not seen them: the threshold's choice.
    by_star : bool
        Whether all light curves of a star (in one part) have their mean probability.
    """

    tag: str
    threshold: float
    predictions: pd.DataFrame
    stats: dict = field(repr=False)
    unseen: tuple[str, ...] = ("val",)
    by_star: bool = False

    def part(self, name):
        """Return the predictions of one part."""
        return self.predictions[self.predictions["part"] == name]

    def table(self):
        """Return the scores of all parts as text, `0.95 (0.93-0.97)`, one column per part."""
        return pd.DataFrame({name: self.texts(name) for name in PARTS})

    def texts(self, part="test", metrics=METRICS):
        """Return scores of one part with their intervals as text, by name."""
        stats = self.stats[part]
        return {metric: with_interval(stats[metric], stats["interval"][metric]) for metric in metrics}


def evaluate(model, dataset, threshold=None, by_star=True):
    """Score a fitted model on the three parts of a data set.

    Parameters
    ----------
    model : scikit-learn classifier
        Fitted on `dataset.train`.
    dataset : Dataset
    threshold : float, optional
        Where a probability counts as positive; by default chosen on the validation part (`steady_threshold`). If the
        model knows what it would say of training light curves that it has not seen (`Folds`), these are chosen on too,
        and the probabilities of both parts are those.
    by_star : bool
        Judge a star by all of its light curves: each gets the mean of their probabilities, see `pool`.

    Returns
    -------
    Evaluation
    """
    probability = np.asarray(model.predict_proba(dataset.X))[:, 1].astype(float)
    frame = pd.DataFrame(
        {"row": dataset.row, "star": dataset.star, "part": dataset.part, "y": dataset.y, "probability": probability}
    )
    unseen = getattr(model, "unseen_", None) or {"part": [], "probability": []}
    for name in set(unseen["part"]):
        here, there = frame["part"] == name, unseen["part"] == name
        for column in ("star", "y"):
            if not np.array_equal(frame.loc[here, column], unseen[column][there]):
                raise ValueError(
                    f"the model tells of other light curves of the {name} part than the data set has: cut it as they "
                    "were cut in training, with the same table, split, balance and seed"
                )
        frame.loc[here, "probability"] = unseen["probability"][there]
    if by_star:
        frame["probability"] = pool(frame["probability"], [frame["part"], frame["star"]])
    return evaluate_predictions(dataset.tag, frame, threshold, tuple(sorted({"val", *unseen["part"]})), by_star)


def pool(probability, star):
    """Return the mean probability of each star's light curves for each of them.

    A star has the same nature in every band and field, and each light curve shows it with noise of its own. The mean
    needs no other light curve to be there.
    """
    mean = pd.Series(np.asarray(probability, float)).groupby(star).transform("mean").to_numpy()
    return mean.round(12)  # what was tied stays so


def evaluate_predictions(tag, predictions, threshold=None, unseen=("val",), by_star=False):
    """Score probabilities that are there already; see `evaluate` and, for their columns, `Evaluation`.

    `unseen` are the parts that the threshold is chosen on, `by_star` tells of probabilities that are pooled.
    """
    if threshold is None:
        val = predictions[predictions["part"].isin(unseen)]
        threshold = steady_threshold(*(val[name].to_numpy() for name in ("y", "probability", "star")))
    stats = {}
    for name in PARTS:
        part = predictions[predictions["part"] == name]
        y, p, star = part["y"].to_numpy(), part["probability"].to_numpy(), part["star"].to_numpy()
        stats[name] = {"n": len(y), "n_positive": int(y.sum()), "n_stars": len(set(star))}
        stats[name] |= {"n_positive_stars": len(set(star[y == 1])), **scores(y, p, threshold)}
        stats[name]["interval"] = intervals(y, p, star, threshold)
    return Evaluation(tag, threshold, predictions, stats, unseen, by_star)


def steady_threshold(y, probability, star, n_resamples=50, seed=0):
    """Return the mean, in log odds, of the thresholds with the highest F1 for resampled stars.

    The single best threshold of a small validation part follows its few stars; the mean loses less on others. In
    simulations with 10 positive validation stars F1 on new stars is 0.01 to 0.02 higher, with many it is the same.

    Parameters
    ----------
    y : numpy.ndarray of int, shape (n,)
    probability : numpy.ndarray of float, shape (n,)
    star : numpy.ndarray of str, shape (n,)
    n_resamples, seed : int
    """
    names, owner = np.unique(star, return_inverse=True)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_resamples):
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[owner]
        if (times * y).any():
            found.append(best_threshold(np.repeat(y, times), np.repeat(probability, times)))
    return float(expit(logit(np.clip(found, 1e-9, 1 - 1e-9)).mean())) if found else best_threshold(y, probability)


def best_threshold(y, probability):
    """Return the threshold with the highest F1, midway to the next lower probability.

    Where several thresholds tie, the middle one is taken: it is the least sensitive to the few stars of a small
    validation part.
    """
    precision, recall, cut = precision_recall_curve(y, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = np.flatnonzero(f1[:-1] >= f1[:-1].max() - 1e-12)
    k = best[len(best) // 2]
    return float((cut[k] + (cut[k - 1] if k else 0.0)) / 2)


def comparison(evaluation):
    """Return the test scores beside the trivial baseline and the published scores of the tag.

    The baseline calls everything positive: its precision is the share of positives. Published are SCoPe's DNN and
    XGB, on its own test set and split by light curve; they are no upper limit for other data.

    Returns
    -------
    pandas.DataFrame of str
        `precision`, `recall`, `f1_score` and `average_precision`; one row each.
    """
    names = ["precision", "recall", "f1_score", "average_precision"]
    test = evaluation.stats["test"]
    share = test["n_positive"] / test["n"]
    baseline = [share, 1.0, 2 * share / (1 + share), share]
    rows = {
        "this model": list(evaluation.texts(metrics=names).values()),
        "everything positive": [f"{value:.3f}" for value in baseline],
    }
    if evaluation.tag in published().index:
        known = published().loc[evaluation.tag]
        for name in ("dnn", "xgb"):
            figures = [number(known[f"{metric}_{name}"]) for metric in names[:3]]
            rows[f"SCoPe {name.upper()}, published"] = [*figures, "-"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def reading(evaluation):
    """Say in plain words what the test scores mean, and how far they can be trusted."""
    test, train = evaluation.stats["test"], evaluation.stats["train"]
    low, high = test["interval"]["f1_score"]
    lines = [
        f"Of {test['n_positive']:,} test light curves ({test['n_positive_stars']:,} stars) that are {evaluation.tag}, "
        f"the classifier finds "
        f"{percent(test['recall'])}; of those it calls {evaluation.tag}, {percent(test['precision'])} are. "
        f"F1 is {number(test['f1_score'])}, and with other stars of the same kind it would lie between {number(low)} "
        f"and {number(high)} (95 %).",
    ]
    share = test["n_positive"] / test["n"]
    baseline = 2 * share / (1 + share)
    beats = np.isfinite(low) and low > baseline
    lines.append(
        f"Calling everything {evaluation.tag} would give an F1 of {baseline:.3f}: "
        + ("the classifier is clearly better." if beats else "the classifier is not clearly better.")
    )
    if train["interval"]["average_precision"][0] > test["interval"]["average_precision"][1]:
        lines.append(
            f"Average precision falls from {train['average_precision']:.3f} on the training part to "
            f"{test['average_precision']:.3f}, more than chance explains: the classifier remembers its training stars."
        )
    few = min(evaluation.stats[name]["n_positive_stars"] for name in ("val", "test"))
    if few < 30:
        lines.append(
            f"There are only {few} positive stars in the validation or test part: "
            "take the intervals seriously, and the single figures not."
        )
    return "\n\n".join(lines)


def mistakes(evaluation, table, part="test", most=6):
    """Return the worst mistakes of a part: light curves whose probability is furthest on the wrong side.

    Returns
    -------
    pandas.DataFrame
        `row` in the table, `y`, `probability`, and `labels`: the labels the light curve has above 0.5.
    """
    frame = evaluation.part(part)
    wrong = frame[(frame["probability"] > evaluation.threshold) != (frame["y"] == 1)]
    margin = (wrong["probability"] - wrong["y"]).abs()
    worst = wrong.loc[margin.sort_values(ascending=False).index[:most]].reset_index(drop=True)
    columns = [label for label in labels() if label in table]
    votes = table[columns].iloc[worst["row"]]
    worst["labels"] = [", ".join(votes.columns[row > 0.5]) or "none" for row in votes.to_numpy()]
    return worst
