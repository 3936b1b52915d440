"""Strategies: which stars of a pool to ask about next."""

from dataclasses import replace
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from ..dataset.dataset import Dataset
from ..dataset.splits import DROPPED
from ..models.builders import build
from ..models.fitting import fit
from ..runs.novelty import fit_novelty
from ..scores.evaluation import pool, steady_threshold
from ..taxonomy import check_names

CANDIDATES = 5  # times as many uncertain stars as are asked about are put into clusters


class Learned(NamedTuple):
    """What a classifier has learned in a round: the probability of each light curve of a data set, the mean of its
    star's, and the threshold chosen on the validation part. The pool is the part "dropped" of the data set."""

    dataset: Dataset
    probability: np.ndarray
    threshold: float
    seed: int

    def of_pool(self, values):
        """Return the mean of some values, one for each light curve, for each star of the pool, as a Series."""
        rows = self.dataset.part == DROPPED
        return pd.Series(values[rows]).groupby(self.dataset.star[rows]).mean()


def learn_round(dataset, seed=42, algorithm="xgb"):
    """Train a classifier of the kit's on the training part of a data set, and return what it `Learned`."""
    probability = _predict(dataset, algorithm, seed)
    val = dataset.part == "val"
    threshold = steady_threshold(dataset.y[val], probability[val], dataset.star[val])
    return Learned(dataset, probability, threshold, seed)


def _predict(dataset, algorithm, seed):
    trained = fit(build(algorithm, dataset.tag, seed), dataset, calibration="none", progress=False)
    return pool(trained.model.predict_proba(dataset.X)[:, 1], dataset.star)


def choose_stars(learned, strategy, n=20, seed=42, leave_out=()):
    """Return the names of the n stars of the pool that a strategy would ask about first, the first one first.

    Parameters
    ----------
    learned : Learned
    strategy : str
        A key of `STRATEGIES`: "random"; "uncertain", nearest to the threshold; "disagreement" between two kinds of
        classifiers; "probable", as SCoPe chooses; "diverse", of the uncertain ones those that are unlike each other;
        "surprising", the least like those that are labelled; where `coniferest` is installed "anomalous", what its
        active anomaly detection takes for stars of the tag.
    n, seed : int
        Stars that are equally good are taken at random.
    leave_out : collection of str
        Stars that are not asked about, such as those of which nobody knows what they are.

    Raises
    ------
    ValueError
        The strategy is unknown, or the pool is empty.
    """
    check_names("strategy", [strategy], STRATEGIES)
    data = learned.dataset
    part = np.where((data.part == DROPPED) & np.isin(data.star, list(leave_out)), "left out", data.part)
    if DROPPED not in part:
        raise ValueError("there is no star left to ask about: the pool is empty")
    score = STRATEGIES[strategy](learned._replace(dataset=replace(data, part=part)), n, seed)
    shuffled = score.sample(frac=1, random_state=seed)
    return shuffled.sort_values(ascending=False, kind="stable").index[:n].to_numpy()


def _random(learned, n, seed):
    return learned.of_pool(np.zeros(len(learned.probability)))


def _uncertain(learned, n, seed):
    return -(learned.of_pool(learned.probability) - learned.threshold).abs()


def _disagreement(learned, n, seed):
    other = _predict(learned.dataset, "forest", seed)
    return learned.of_pool(np.abs(learned.probability - other))


def _probable(learned, n, seed):
    return learned.of_pool(learned.probability)


def _diverse(learned, n, seed):
    """Return scores by which the most uncertain star of each of n clusters comes first, then all second ones, ..."""
    uncertain = _uncertain(learned, n, seed).nlargest(CANDIDATES * n)
    rows = np.isin(learned.dataset.star, uncertain.index)
    X = learned.dataset.X[rows].groupby(learned.dataset.star[rows]).mean().loc[uncertain.index]
    cluster = KMeans(min(n, len(X)), n_init=10, random_state=seed).fit_predict(_spread(X, seed))
    return -uncertain.groupby(cluster).cumcount()


def _spread(X, seed):
    """Return features without gaps, each as a normal distribution."""
    ranks = QuantileTransformer(n_quantiles=min(500, len(X)), output_distribution="normal", random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), ranks).fit_transform(X)


def _surprising(learned, n, seed):
    data = learned.dataset
    features, suffix = data.settings["features"], data.settings["period_suffix"]
    frame = data.X.assign(obj_id=data.star)
    novelty = fit_novelty(frame[data.part == "train"], features, suffix, seed)
    rates = np.ones(len(frame))
    rates[data.part == DROPPED] = novelty.rates(frame[data.part == DROPPED])
    return -learned.of_pool(rates)


def _anomalous(learned, n, seed):
    """Score by active anomaly detection (Das et al. 2017): an isolation forest for which stars of the tag stick out."""
    from coniferest.aadforest import AADForest
    from coniferest.label import Label

    data = learned.dataset
    rows = np.isin(data.part, ("train", DROPPED))
    points, known, answers = _spread(data.X[rows], seed), (data.part == "train")[rows], data.y[rows]
    labels = np.where(answers == 1, Label.ANOMALY, Label.REGULAR)
    forest = AADForest(random_seed=seed, n_jobs=1).fit_known(points, points[known], labels[known])
    values = np.zeros(len(data.y))
    values[rows] = -forest.score_samples(points)
    return learned.of_pool(values)


STRATEGIES = {
    "random": _random,
    "uncertain": _uncertain,
    "disagreement": _disagreement,
    "probable": _probable,
    "diverse": _diverse,
    "surprising": _surprising,
}
if find_spec("coniferest"):
    STRATEGIES["anomalous"] = _anomalous
