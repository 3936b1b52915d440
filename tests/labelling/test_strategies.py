"""Strategies and rounds of active learning, against what must come out of made-up probabilities and features."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from scope_nb import Dataset
from scope_nb.labelling import (
    STRATEGIES,
    choose_stars,
    choose_start,
    compare_strategies,
    imagine_votes,
    learn_round,
    open_pool,
    rounds,
    simulate_rounds,
    strategies,
)
from scope_nb.labelling.strategies import Learned


@pytest.fixture(scope="module")
def dataset(table):
    return Dataset.read(table, "e", dmdt=False, features="light curve")


@pytest.fixture(scope="module")
def begun(dataset):
    return learn_round(open_pool(dataset, choose_start(dataset, 40)), seed=3)


def by_star(dataset, values):
    """Return values for the rows of a data set from those of its stars."""
    return pd.Series(values, np.unique(dataset.star)).loc[dataset.star].to_numpy()


def test_labels_of_the_pool_are_hidden_and_the_other_parts_stay(dataset, begun):
    pool = begun.dataset
    hidden = pool.part == "dropped"
    assert set(dataset.part[hidden]) == {"train"}
    assert not set(pool.star[hidden]) & (set(pool.val.star) | set(pool.test.star) | set(pool.train.star))
    flipped = learn_round(replace(pool, y=np.where(hidden, 1 - pool.y, pool.y)), seed=3)
    np.testing.assert_array_equal(flipped.probability, begun.probability)
    assert flipped.threshold == begun.threshold


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_chooses_stars_of_the_pool_once_and_again_the_same(begun, strategy):
    pool = set(begun.dataset["dropped"].star)
    left_out = sorted(pool)[::2]
    first, again = (choose_stars(begun, strategy, 15, seed=4, leave_out=left_out) for _ in range(2))
    assert list(first) == list(again)
    assert len(set(first)) == 15
    assert set(first) <= pool - set(left_out)
    assert set(choose_stars(begun, strategy, 9999)) == pool


def test_probable_and_uncertain_stars_are_those_by_their_probabilities(dataset, begun):
    stars = np.unique(dataset.star)
    made_up = np.random.default_rng(5).permutation(len(stars)) / len(stars)
    learned = Learned(begun.dataset, by_star(dataset, made_up), 0.2, 3)
    pool = pd.Series(made_up, stars)[np.unique(begun.dataset["dropped"].star)]
    assert list(choose_stars(learned, "probable", 10)) == list(pool.nlargest(10).index)
    assert set(choose_stars(learned, "uncertain", 9)) == set((pool - 0.2).abs().nsmallest(9).index)


def test_disagreement_is_that_of_trees_and_a_forest(begun, monkeypatch):
    odd = sorted(set(begun.dataset["dropped"].star))[7]
    other = np.where(begun.dataset.star == odd, 1 - begun.probability.round(), begun.probability)
    asked = []
    monkeypatch.setattr(strategies, "_predict", lambda dataset, algorithm, seed: asked.append(algorithm) or other)
    assert choose_stars(begun, "disagreement", 1) == [odd]
    assert asked == ["forest"]


def test_diverse_stars_are_one_of_each_kind(dataset, begun):
    kind = pd.Series(np.arange(len(np.unique(dataset.star))) % 5, np.unique(dataset.star))
    rng, X = np.random.default_rng(6), dataset.X.copy()
    for column in X:
        X[column] = 10.0 * rng.permutation(5)[kind.loc[dataset.star]] + rng.random(len(X))
    learned = Learned(replace(begun.dataset, X=X.astype(np.float32)), np.full(len(X), 0.5), 0.5, 3)
    assert sorted(kind[choose_stars(learned, "diverse", 5)]) == [0, 1, 2, 3, 4]


def test_surprising_stars_are_unlike_the_labelled_ones(dataset):
    pool = open_pool(dataset, choose_start(dataset, 200))
    odd = sorted(set(pool["dropped"].star))[5]
    X = pool.X.copy()
    X.loc[pool.star == odd] = 25 * np.sign(np.random.default_rng(2).normal(size=X.shape[1])).astype(np.float32)
    learned = Learned(replace(pool, X=X), np.full(len(X), 0.5), 0.5, 3)
    assert odd in choose_stars(learned, "surprising", 5)


def test_anomalous_stars_are_like_the_labelled_ones_of_the_tag(dataset):
    pytest.importorskip("coniferest")
    pool = open_pool(dataset, choose_start(dataset, 200))
    odd = np.unique(pool.star)[::9]  # of the labelled stars only these are of the tag
    X, is_odd = pool.X.copy(), np.isin(pool.star, odd)
    X.loc[is_odd] += 5 * X.std() * np.sign(np.random.default_rng(2).normal(size=X.shape[1])).astype(np.float32)
    learned = Learned(replace(pool, X=X, y=is_odd.astype(int)), np.full(len(X), 0.5), 0.5, 3)
    assert set(choose_stars(learned, "anomalous", 10)) <= set(odd)


def test_errors_name_the_strategy_and_the_empty_pool(dataset, begun):
    with pytest.raises(ValueError, match="unknown strategy 'uncertian'; did you mean 'uncertain'"):
        choose_stars(begun, "uncertian")
    with pytest.raises(ValueError, match="the pool is empty"):
        choose_stars(begun._replace(dataset=dataset), "random")
    with pytest.raises(ValueError, match="the pool is empty"):
        choose_stars(begun, "random", leave_out=dataset.star)


def test_simulated_people_vote_as_often_as_the_shares_say():
    frame = pd.DataFrame({"obj_id": [f"s{k}" for k in range(4000)]})
    frame["eclipsing"] = np.repeat([0.0, 0.25, 0.5, 1.0], 1000)
    frame["EA"] = frame["eclipsing"] / 2
    votes = imagine_votes(frame, ["eclipsing", "EA"], seed=1).loc[frame["obj_id"]]
    means = votes.groupby(frame["eclipsing"].to_numpy()).mean()
    np.testing.assert_allclose(means["eclipsing"], [0, 0.25, 0.5, 1], atol=0.05)
    np.testing.assert_allclose(means["EA"], [0, 0.125, 0.25, 0.5], atol=0.05)
    assert means.loc[[0.0, 1.0], "eclipsing"].tolist() == [0, 1]
    assert not (votes["EA"] & ~votes["eclipsing"]).any()


def test_rounds_add_votes_to_training_alone_and_are_scored_on_the_truth(dataset, monkeypatch):
    seen = []

    def learn(data, seed):
        seen.append(data)
        learned = learn_round(data, seed)
        return learned._replace(probability=(truth * 0.9 + 0.05), threshold=0.5)

    truth = dataset.y.copy()
    truth[dataset.part == "test"] = 1 - truth[dataset.part == "test"]  # what the labels of the test part are not
    monkeypatch.setattr(rounds, "learn_round", learn)
    gains = simulate_rounds(dataset, truth, ["random", "probable"], [0, 1], 30, 10, 2, progress=False)
    assert (gains[["f1_score", "average_precision"]] == 1).all(axis=None)
    assert gains.groupby(["strategy", "seed"])["votes"].apply(list).tolist() == [[0, 10, 20]] * 4
    assert sorted({len(set(data.train.star)) for data in seen}) == [35, 45, 55]
    for data in seen:
        for part in ("val", "test"):
            np.testing.assert_array_equal(data[part].row, dataset[part].row)
            np.testing.assert_array_equal(data[part].y, dataset[part].y)
    least = gains[gains["votes"] == 20].groupby("strategy")["positives"].mean()
    assert least["probable"] > least["random"]


def test_strategies_are_compared_in_pairs():
    rng = np.random.default_rng(8)
    luck, rows = rng.normal(size=6), []
    for strategy, gain in (("random", 0.0), ("better", 0.1), ("worse", -0.1), ("alike", 0.0)):
        for seed in range(6):
            score = 0.5 + 0.2 * luck[seed] + gain + 0.02 * rng.normal()
            rows += [(strategy, seed, votes, 7, score) for votes in (0, 20, 40)]
    gains = pd.DataFrame(rows, columns=["strategy", "seed", "votes", "positives", "f1_score"])
    table = compare_strategies(gains, "f1_score")
    verdicts = {"better": "beats random", "worse": "is worse than random", "alike": "no clear difference", "random": ""}
    assert table["verdict"].to_dict() == verdicts
    one, two = (gains[gains["strategy"] == name].groupby("seed")["f1_score"].mean() for name in ("better", "random"))
    interval = ttest_rel(one, two).confidence_interval()
    np.testing.assert_allclose(table.loc["better", ["low", "high"]].astype(float), interval)
