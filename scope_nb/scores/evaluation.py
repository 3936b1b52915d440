"""Honest scores of a model: a threshold from the validation part, intervals over stars, plain words."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.metrics import precision_recall_curve

from ..dataset.dataset import PARTS
from ..models.fitting import Trained, name_probabilities, probability_names
from ..taxonomy import label_names, published
from .classes import score_classes
from .metrics import METRICS, ScoreInput, compute_scores, intervals, number, percent, wilson, with_interval


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of one model on one data set.

    Attributes
    ----------
    threshold : float
        A probability above it counts as positive.
    predictions : pandas.DataFrame
        One row per light curve: `row` in the table, `star`, `part`, `y`, `probability`.
    stats : dict
        For "train", "val" and "test": every score of `METRICS`, `n`, `n_positive`, `n_stars`, `n_positive_stars`, and
        `interval`, the 95 % interval of each score.
    unseen : tuple of str
        The parts beside "test" that the model has not learned from; the threshold was chosen on them.
    by_star : bool
        Whether all light curves of a star (in one part) have their mean probability.
    """

    tag: str
    threshold: float
    predictions: pd.DataFrame
    stats: dict = field(repr=False)
    unseen: tuple[str, ...] = ("val",)
    by_star: bool = False

    def __repr__(self):
        return f"Evaluation of {self.tag}: {self.describe_test()}"

    def describe_test(self):
        """Return the F1 of the test part, with its interval, as text."""
        return f"F1 {self.texts()['f1_score']} on {self.stats['test']['n']:,} test light curves"

    def part(self, name):
        """Return the predictions of one part."""
        return self.predictions[self.predictions["part"] == name]

    def score_input(self):
        """Return what the test scores are computed from."""
        return ScoreInput.from_frame(self.part("test"), self.threshold)

    def table(self):
        """Return the scores of all parts as text, `0.95 (0.93-0.97)`, one column per part."""
        return pd.DataFrame({name: self.texts(name) for name in PARTS})

    def texts(self, part="test", metrics=METRICS):
        """Return scores of one part with their intervals as text, by name."""
        return score_texts(self.stats[part], metrics)


def evaluate(trained, dataset, threshold=None, by_star=True):
    """Score a fitted model on the three parts of a data set, and return the `Evaluation`; of several classes the
    `ClassScores` of the test part.

    Parameters
    ----------
    trained : Trained or fitted classifier
        A `Trained` brings probabilities of light curves that it has not learned from (`unseen`): these count for them.
    threshold : float, optional
        By default `steady_threshold` of the parts in `unseen`, or of the validation part. Several classes have none.
    by_star : bool
        Judge a star by all of its light curves: each gets the mean of their probabilities, see `pool`.
    """
    if dataset.classes and threshold is not None:
        raise ValueError("several classes have no threshold: the most probable one is the answer")
    model = trained.model if isinstance(trained, Trained) else trained
    frame = pd.DataFrame({name: getattr(dataset, name) for name in ("row", "star", "part", "y")})
    names = probability_names(dataset.classes)
    frame[names] = name_probabilities(model.predict_proba(dataset.X), dataset.classes).astype(float)
    unseen = ("val",)
    if isinstance(trained, Trained):
        unseen = tuple(sorted(set(trained.unseen["part"])))
        for name in unseen:
            part, other = (rows[rows["part"] == name] for rows in (frame, trained.unseen))
            matched = other.set_index("row").reindex(part["row"])
            if len(part) != len(other) or not np.array_equal(part[["star", "y"]], matched[["star", "y"]]):
                raise ValueError(
                    f"the model tells of other light curves of the {name} part than the data set has: cut it as they "
                    "were cut in training, with the same table, split, balance and seed"
                )
            frame.loc[part.index, names] = matched[names].to_numpy()
    if by_star:
        for name in names:
            frame[name] = pool(frame[name], [frame["part"], frame["star"]])
    if dataset.classes:
        return _evaluate_classes(frame, dataset.classes)
    return evaluate_predictions(dataset.tag, frame, threshold, unseen, by_star)


def _evaluate_classes(frame, classes):
    """Return the `ClassScores` of the test part from the predictions of all parts."""
    shares = frame[probability_names(classes)].set_axis(classes, axis=1)
    frame = frame.drop(columns="y").assign(truth=np.array(classes)[frame["y"]], answer=shares.idxmax(axis=1))
    test = frame[frame["part"] == "test"]
    return replace(score_classes(test["truth"], shares.loc[test.index], test["star"]), predictions=frame)


def pool(probability, star):
    """Return the mean probability of each star's light curves for each of them.

    A star has the same nature in every band and field, and each light curve shows it with noise of its own.
    """
    mean = pd.Series(np.asarray(probability, float)).groupby(star).transform("mean").to_numpy()
    return mean.round(12)  # what was tied stays so


def evaluate_predictions(tag, predictions, threshold=None, unseen=("val",), by_star=False):
    """Return the `Evaluation` of probabilities that are there already; arguments as in `evaluate` and `Evaluation`."""
    if threshold is None:
        val = predictions[predictions["part"].isin(unseen)]
        threshold = steady_threshold(*(val[name].to_numpy() for name in ("y", "probability", "star")))
    stats = {name: score_rows(predictions[predictions["part"] == name], threshold) for name in PARTS}
    return Evaluation(tag, threshold, predictions, stats, unseen, by_star)


def score_rows(predictions, threshold):
    """Return the `stats` (see `Evaluation`) of some rows of predictions."""
    part = ScoreInput.from_frame(predictions, threshold)
    return {
        "n": len(part.y),
        "n_positive": int(part.y.sum()),
        "n_stars": len(set(part.star)),
        "n_positive_stars": len(set(part.star[part.y == 1])),
        **compute_scores(part.y, part.probability, threshold),
        "interval": intervals(*part),
    }


def score_texts(stats, metrics):
    """Return scores with their intervals as text, by name."""
    return {metric: with_interval(stats[metric], stats["interval"][metric]) for metric in metrics}


def steady_threshold(y, probability, star):
    """Return the mean, in log odds, of the thresholds with the highest F1 for 50 samples of the stars.

    The single best threshold of a small validation part follows its few stars; the mean loses less on others. In
    simulations with 10 positive validation stars F1 on new stars is 0.01 to 0.02 higher, with many it is the same.
    """
    names, owner = np.unique(star, return_inverse=True)
    rng, thresholds = np.random.default_rng(0), []
    for _ in range(50):
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[owner]
        if (times * y).any():
            thresholds.append(best_threshold(np.repeat(y, times), np.repeat(probability, times)))
    if not thresholds:
        return best_threshold(y, probability)
    return float(expit(logit(np.clip(thresholds, 1e-9, 1 - 1e-9)).mean()))


def best_threshold(y, probability):
    """Return the threshold with the highest F1, midway to the next lower probability.

    Of several that tie, the middle one is the least sensitive to the few stars of a small validation part.
    """
    precision, recall, cut = precision_recall_curve(y, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = np.flatnonzero(f1[:-1] >= f1[:-1].max() - 1e-12)
    k = best[len(best) // 2]
    return float((cut[k] + (cut[k - 1] if k else 0.0)) / 2)


def calibration_bins(y, probability, star):
    """Return predicted probabilities beside what came true, in ten bins of equal width; empty ones are left out.

    Columns are `predicted` (mean probability), `true` (share of positives), `low`, `high` (Wilson's 95 % interval for
    as many stars as the bin has) and `n` (light curves).
    """
    frame = pd.DataFrame({"predicted": probability, "true": y, "star": star})
    groups = frame.groupby((frame["predicted"] * 10).astype(int).clip(upper=9).to_numpy())
    result = groups[["predicted", "true"]].mean()
    result[["low", "high"]] = list(map(wilson, result["true"], groups["star"].nunique()))
    return result.assign(n=groups.size()).reset_index(drop=True)


def beside_published(evaluation):
    """Return the test scores beside those of calling everything positive and SCoPe's published ones, as text."""
    baseline = {metric: number(value) for metric, value in _score_baseline(evaluation).items()}
    rows = {"this model": evaluation.texts(metrics=baseline), "everything positive": baseline}
    if evaluation.tag in published().index:
        reference = published().loc[evaluation.tag]
        for name in ("dnn", "xgb"):
            rows[f"SCoPe {name.upper()}, published"] = {m: number(reference.get(f"{m}_{name}")) for m in baseline}
    return pd.DataFrame.from_dict(rows, orient="index")


def _score_baseline(evaluation):
    """Return the test scores of calling everything positive."""
    share = evaluation.stats["test"]["n_positive"] / evaluation.stats["test"]["n"]
    return {"precision": share, "recall": 1.0, "f1_score": 2 * share / (1 + share), "average_precision": share}


def describe_scores(evaluation):
    """Return in plain words what the test scores mean, and how far they can be trusted."""
    tag, (train, val, test) = evaluation.tag, (evaluation.stats[name] for name in PARTS)
    (low, high), baseline = test["interval"]["f1_score"], _score_baseline(evaluation)["f1_score"]
    clearly = "clearly" if low > baseline else "not clearly"
    lines = [
        f"Of {test['n_positive']:,} test light curves ({test['n_positive_stars']:,} stars) that are {tag}, the "
        f"classifier finds {percent(test['recall'])}; of those it calls {tag}, {percent(test['precision'])} are. F1 is "
        f"{number(test['f1_score'])}, and with other stars of the same kind it would lie between {number(low)} and "
        f"{number(high)} (95 %).",
        f"Calling everything {tag} would give an F1 of {number(baseline)}: the classifier is {clearly} better.",
    ]
    if train["interval"]["average_precision"][0] > test["interval"]["average_precision"][1]:
        before, after = (number(part["average_precision"]) for part in (train, test))
        lines.append(
            f"Average precision falls from {before} on the training part to {after}, more than chance explains: the "
            "classifier remembers its training stars."
        )
    few, part = min((val["n_positive_stars"], "validation"), (test["n_positive_stars"], "test"))
    if few < 30:
        lines.append(
            f"There are only {few} positive stars in the {part} part: take the intervals seriously, and "
            "the single figures not."
        )
    return "\n\n".join(lines)


def mistakes(evaluation, meta, most=6):
    """Return the worst mistakes of the test part: light curves whose probability is furthest on the wrong side.

    `meta` is that of `contamination`; the column `labels` has the labels of the light curve above 0.5.
    """
    frame = evaluation.part("test")
    wrong = frame[(frame["probability"] > evaluation.threshold) != (frame["y"] == 1)]
    margin = (wrong["probability"] - wrong["y"]).abs()
    worst = wrong.loc[margin.sort_values(ascending=False).index[:most]].reset_index(drop=True)
    votes = meta.loc[worst["row"], [label for label in label_names() if label in meta]]
    worst["labels"] = [", ".join(votes.columns[row > 0.5]) or "none" for row in votes.to_numpy()]
    return worst
