"""Scores, and intervals that hold the truth as often as they promise."""

import numpy as np
import pytest
import scipy.stats
from sklearn import metrics as sklearn_metrics

from scope_nb.runs.comparison import COMPARED
from scope_nb.scores import metrics
from scope_nb.scores.metrics import ScoreInput, compute_scores, influences, intervals, weighted_scores


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_scikit_learns(ties, weighted):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 300)
    p = np.clip(0.4 * y + rng.random(300) * 0.6, 0.001, 0.999)
    p = np.round(p, 1).clip(0.1, 0.9) if ties else p
    weight = rng.integers(0, 4, 300) if weighted else None
    got = compute_scores(y, p, 0.55, weight)
    called = (p > 0.55).astype(int)
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(y, called, sample_weight=weight),
        "precision": sklearn_metrics.precision_score(y, called, sample_weight=weight),
        "recall": sklearn_metrics.recall_score(y, called, sample_weight=weight),
        "f1_score": sklearn_metrics.f1_score(y, called, sample_weight=weight),
        "roc_auc": sklearn_metrics.roc_auc_score(y, p, sample_weight=weight),
        "average_precision": sklearn_metrics.average_precision_score(y, p, sample_weight=weight),
        "brier_score": sklearn_metrics.brier_score_loss(y, p, sample_weight=weight),
        "log_loss": sklearn_metrics.log_loss(y, p, sample_weight=weight),
    }
    assert got == pytest.approx(expected, rel=1e-10)


def test_undefined_scores_are_nan():
    nothing = compute_scores([0, 0, 1], [0.1, 0.2, 0.3], 0.5)
    assert np.isnan(nothing["precision"])
    assert nothing["recall"] == 0
    assert nothing["f1_score"] == 0
    assert np.isnan(compute_scores([0, 0], [0.1, 0.9])["roc_auc"])


def test_intervals_hold_what_they_promise():
    """About 95 % of samples of stars have an interval with the truth in it, though each star counts five times."""
    rng = np.random.default_rng(0)
    stars, copies, truth = 150, 5, 0.8  # a star is found in all its light curves or in none
    hits = 0
    for _ in range(200):
        found = rng.random(stars) < truth
        p = np.repeat(np.where(found, 0.9, 0.1), copies)
        y = np.ones(stars * copies, int)
        low, high = intervals(y, p, np.repeat(np.arange(stars), copies), 0.5)["recall"]
        hits += low <= truth <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_a_perfect_score_is_not_certain():
    y, star = np.repeat([1, 0], 20), np.repeat(np.arange(20), 2)
    interval = intervals(y, y * 0.8 + 0.1, star, 0.5)
    low, high = interval["recall"]
    assert high == 1
    assert low == pytest.approx(scipy.stats.binomtest(10, 10).proportion_ci(method="wilson").low, abs=1e-4)
    assert interval["accuracy"][0] > low  # twenty stars say more than ten


def test_a_single_mistake_leaves_an_interval_like_wilsons():
    y, star = np.repeat([1, 0], 20), np.arange(40)
    p = np.where(y == 1, 0.9, 0.1)
    p[0] = 0.2
    low, high = intervals(y, p, star, 0.5)["recall"]
    wilson = scipy.stats.binomtest(19, 20).proportion_ci(method="wilson")
    np.testing.assert_allclose([low, high], [wilson.low, wilson.high], atol=0.08)


def test_losses_of_two_stars_stay_possible():
    y, p = np.repeat([1, 0], [4, 400]), np.repeat([0.9, 0.6, 0.001], [2, 2, 400])
    found = intervals(y, p, np.arange(404) // 2, 0.5)
    for metric, worst in (("brier_score", 1.0), ("log_loss", -np.log(1e-15))):
        assert compute_scores(y, p)[metric] < found[metric][1] <= worst


def covered(make_world, rng, stars, gain, signal, trials=600):
    """Return how often the intervals of `COMPARED` hold the truth: of the first classifier, and of the difference."""
    star, y, p = make_world(rng, 200_000, gain, signal)
    truth = [compute_scores(y, q, 0.5) for q in p]
    single, apart = [], []
    for _ in range(trials):
        star, y, p = make_world(rng, stars, gain, signal)
        limits = metrics.difference_limits(*(ScoreInput(y, q, star, 0.5) for q in p))
        apart.append([limits[m][0] <= truth[1][m] - truth[0][m] <= limits[m][1] for m in COMPARED])
        ends = intervals(y, p[0], star, 0.5)
        single.append([ends[m][0] <= truth[0][m] <= ends[m][1] for m in COMPARED])
    return np.array([np.mean(hits, axis=0) for hits in (single, apart)])


@pytest.mark.parametrize(("stars", "gain"), [(250, 0.0), (500, 0.3)])
def test_intervals_cover_the_truth(make_world, stars, gain):
    """About 95 in 100 samples of stars, of which 30 % are positive, have an interval with the truth in it."""
    found = covered(make_world, np.random.default_rng(5), stars, gain, signal=1.0)
    assert ((found >= 0.93) & (found <= 0.98)).all(), found


def test_intervals_of_few_or_easy_stars_are_no_narrower_than_they_should(make_world):
    """With 12 positive stars they are too wide rather; so are some with scores close to 1, which hang on few stars."""
    few = covered(make_world, np.random.default_rng(5), 40, 0.0, signal=1.0, trials=400)
    assert (few >= 0.94).all(), few
    easy = covered(make_world, np.random.default_rng(5), 250, 0.0, signal=1.5)
    assert ((easy >= 0.92) & (easy <= 0.985)).all(), easy


def test_influences_are_derivatives(make_world):
    star, y, (p, _) = make_world(np.random.default_rng(2), 120)
    p = np.round(p, 2)  # with ties
    order = np.argsort(-p, kind="stable")
    names, owner = np.unique(star[order], return_inverse=True)
    weights = np.vstack([np.ones(len(names)), 1 + 1e-5 * np.eye(len(names))])[:, owner]
    numeric = np.column_stack(weighted_scores(y[order], p[order], weights, 0.5))
    moves = np.column_stack(influences(y, p, star, 0.5))
    np.testing.assert_allclose(moves, (numeric[1:] - numeric[0]) / 1e-5, atol=1e-6)


def test_a_perfect_score_by_luck_is_not_clearly_better():
    """Whoever is right where the other errs on two stars has not shown much; on ten, it has."""
    y, star = np.repeat([1, 0], 100), np.arange(200).astype(str)
    for wrong, better in ((2, ""), (10, "b")):
        p = np.where(y == 1, 0.9, 0.1)
        p[:wrong] = 0.2
        perfect = ScoreInput(y, 0.1 + 0.8 * y, star, 0.5)
        low, high = metrics.difference_limits(ScoreInput(y, p, star, 0.5), perfect)["f1_score"]
        assert (low > 0) == (better == "b")
        assert high < 0.2


def test_the_mean_over_tags_knows_that_they_share_stars():
    """Two classifiers equally good at three tags; those of a star are easy or hard together."""
    rng, hits, truth, n = np.random.default_rng(2), 0, 0.0, 200
    for _ in range(n):
        owner = np.repeat(np.arange(300), 2)
        luck, pairs = rng.normal(size=(2, 300))[:, owner], []
        for _ in range(3):
            y = (rng.random(300) < 0.3).astype(int)[owner]
            raw = 2 * y - 1 + luck + 0.5 * rng.normal(size=luck.shape)
            pairs.append([ScoreInput(y, 1 / (1 + np.exp(-p)), owner.astype(str), 0.5) for p in raw])
        mean = metrics.mean_difference(pairs)
        hits += mean["low"] <= truth <= mean["high"]
    assert 0.92 * n <= hits <= 0.985 * n
