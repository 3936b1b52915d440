"""Labels that a classifier contradicts which has not seen their stars: confident learning.

After Northcutt, Jiang & Chuang (2021, J. Artif. Intell. Res. 70, 1373): the mean probability of the light curves with a
label is the threshold above which one without it counts as one that lacks it, and the other way round; the counts
estimate how often labels are wrong. How probably one is wrong then follows from these rates by Bayes' rule.
"""

import numpy as np
from scipy.special import expit, logit

from ..dataset.dataset import Dataset
from ..models.builders import build, choose_inputs
from ..models.fitting import fit
from ..scores.evaluation import pool, steady_threshold
from .findings import make_findings

SUREST = 1e-3  # no probability is nearer to 0 or 1


def check_labels(table, tag, algorithm="xgb", folds=5, seed=42, **cut):
    """Return findings (`findings.COLUMNS`) about the labels of one tag in the training and the validation part.

    Parameters
    ----------
    table : pandas.DataFrame
        A training table; `cut` holds further arguments of `Dataset.read`.
    tag, algorithm : str
        One of the kit's models.
    folds, seed : int
        Each star is judged by the model that learned from the other folds of stars, see `fit`.

    Raises
    ------
    ValueError
        As of `Dataset.read` and `fit`: there are too few stars with the tag, ...
    """
    dataset = Dataset.read(table, tag, **choose_inputs(algorithm), **cut)
    unseen = fit(build(algorithm, dataset.tag, seed), dataset, folds=folds, seed=seed, progress=False).unseen
    unseen["probability"] = pool(unseen["probability"], unseen["star"])
    y, probability = unseen["y"].to_numpy() == 1, unseen["probability"].to_numpy()
    wrong, contradicted = judge_labels(y, probability)
    rows = unseen["row"].to_numpy()[contradicted]
    texts = [f"{algorithm}, which has not seen the star, gives {tag!r} {p:.2f}" for p in probability[contradicted]]
    new = np.where(y, 0.0, 1.0)[contradicted]
    return make_findings(table, "classifier", dataset.label, rows, new, wrong[contradicted], texts)


def choose_probable_threshold(trained, draws=5):
    """Return a threshold for the light curves that truly have a label, where people overlooked many of them.

    It is that of `evaluation.steady_threshold` for labels drawn with the probabilities of `judge_labels`: those that
    are missing count as often as they are probable. Where they are few, it is the usual threshold. `trained` is of
    `fit`; scores on labels as they are get worse with it, since what people overlooked counts as a false alarm there.
    """
    unseen, rng = trained.unseen, np.random.default_rng(0)
    y, star = unseen["y"].to_numpy() == 1, unseen["star"].to_numpy()
    probability = pool(unseen["probability"], star)
    has = np.where(y, 1.0, judge_labels(y, probability)[0])
    drawn = [steady_threshold((rng.random(len(y)) < has).astype(int), probability, star) for _ in range(draws)]
    return float(expit(logit(np.clip(drawn, 1e-9, 1 - 1e-9)).mean()))


def judge_labels(y, probability):
    """Return how probably each label is wrong, and whether the probability of an unseen star contradicts it.

    Parameters
    ----------
    y : numpy.ndarray of bool, shape (n,)
        Whether light curves have the label; both kinds are there.
    probability : numpy.ndarray, shape (n,)
        That they have it, by classifiers that have not seen their stars.
    """
    sure_yes, sure_no = probability >= probability[y].mean(), probability <= probability[~y].mean()
    both = sure_yes & sure_no
    sure_yes, sure_no = sure_yes & ~(both & (probability < 0.5)), sure_no & ~(both & (probability >= 0.5))
    # of the light curves with and without the label, the share that truly has it
    has = {side: sure_yes[y == side].sum() / max((sure_yes | sure_no)[y == side].sum(), 1) for side in (True, False)}
    truly, labelled = has[True] * y.sum() + has[False] * (~y).sum(), y.sum()
    lost = has[False] * (~y).sum() / max(truly, 1)  # share of what truly has the label and lacks it
    false = (1 - has[True]) * labelled / max(len(y) - truly, 1)  # share of what truly lacks the label and has it
    p = np.clip((probability - false) / max(1 - lost - false, SUREST), SUREST, 1 - SUREST)  # without errors of labels
    yes, no = np.where(y, (1 - lost) * p, lost * p), np.where(y, false * (1 - p), (1 - false) * (1 - p))
    wrong = np.where(y, no, yes) / (yes + no)
    return wrong, np.where(y, sure_no, sure_yes)
