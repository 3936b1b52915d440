"""Rounds of active learning, with a simulated voter: how much do votes gain, by the strategy that asks for them?"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import t as student
from tqdm.auto import tqdm

from ..dataset.corrections import apply_corrections
from ..dataset.dataset import Dataset
from ..dataset.labels import vote_shares
from ..dataset.splits import DROPPED
from ..lightcurves.curves import stars
from ..scores.metrics import compute_scores
from ..taxonomy import NEGATIVE_LABEL
from .strategies import choose_stars, learn_round


def open_pool(dataset, labelled):
    """Return a data set that learns from some stars only: the other ones of its training part become the pool.

    Parameters
    ----------
    dataset : Dataset
    labelled : collection of str
        Names of stars of the training part; validation and test part stay as they are.
    """
    pool = (dataset.part == "train") & ~np.isin(dataset.star, list(labelled))
    return replace(dataset, part=np.where(pool, DROPPED, dataset.part))


def read_with_pool(table, tag, corrections, labelled, **cut):
    """Return the data set of one tag that learns from the labelled stars of a table; the others are its pool.

    `table` is of `join_pool`, `cut` holds further arguments of `Dataset.read`.
    """
    table = apply_corrections(table, corrections)
    if tag == "vnv" and NEGATIVE_LABEL in table:  # light curves that are neither would be left out, also of the pool
        in_pool = ~np.isin(stars(table)[0], list(labelled)) & table[NEGATIVE_LABEL].isna()
        table = table.assign(**{NEGATIVE_LABEL: table[NEGATIVE_LABEL].mask(in_pool, 1.0)})
    return open_pool(Dataset.read(table, tag, **cut), labelled)


def choose_start(dataset, n=100, n_positive=5, seed=0):
    """Return the names of stars to begin with: so many positive ones, as anybody has who looks for a kind, and n others
    at random of the training part."""
    rng = np.random.default_rng(seed)
    names = np.unique(dataset.train.star)
    positive = np.unique(dataset.train.star[dataset.train.y == 1])
    first = rng.permutation(positive)[:n_positive]
    return [*first, *rng.permutation(np.setdiff1d(names, first))[:n]]


def imagine_votes(table, labels, seed=0):
    """Return whether a simulated voter gives labels to stars: a table of bool, a row for each star, a column for each.

    The voter says yes as often as the people did whose shares of votes the table has: with their errors and doubts, and
    who doubts a tag doubts those below it as well.
    """
    star, luck = stars(table)[0], np.random.default_rng(seed)
    share = pd.DataFrame({label: vote_shares(table, label) for label in labels}).groupby(star).mean()
    return share.gt(luck.random(len(share)), axis=0)


def simulate_rounds(dataset, truth, strategies, seeds=range(5), start=100, each=20, rounds=10, progress=True):
    """Return what test scores become with the votes of a simulated voter, for each strategy.

    Parameters
    ----------
    dataset : Dataset
        Of one tag, with the shares of votes in its `meta`.
    truth : array-like of bool, shape (n,)
        Which light curves truly have the tag; the test part is scored on it.
    strategies : list of str
        See `choose_stars`.
    seeds : iterable of int
        One start, voter and classifier for each, the same for all strategies, so that these can be compared in pairs.
    start, each, rounds : int
        Stars that are labelled before, see `choose_start`; votes in a round; rounds.

    Returns
    -------
    DataFrame
        `strategy`, `seed`, `votes`, `positives` (labelled stars), `f1_score` and `average_precision`.
    """
    truth, rows = np.asarray(truth, int), []
    with tqdm(total=len(seeds) * len(strategies), unit="curve", disable=not progress) as bar:
        for seed in seeds:
            votes = imagine_votes(dataset.meta, [dataset.label], seed)[dataset.label]
            first = choose_start(dataset, start, seed=seed)
            answered = np.where(dataset.part == "train", votes.loc[dataset.star].to_numpy(int), dataset.y)
            example = (dataset.y == 1) & np.isin(dataset.star, first)  # is known to be one, whatever a voter says
            asked = replace(dataset, y=np.where(example, 1, answered))
            begun = learn_round(open_pool(asked, first), seed)
            for strategy in strategies:
                labelled, learned = [*first], begun
                for k in range(rounds + 1):
                    if k:
                        labelled += [*choose_stars(learned, strategy, each, seed=1000 * seed + k)]
                        learned = learn_round(open_pool(asked, labelled), seed)
                    positives = len(set(labelled) & set(asked.star[asked.y == 1]))
                    row = {"strategy": strategy, "seed": seed, "votes": k * each, "positives": positives}
                    rows.append(row | _score_test(learned, truth))
                bar.update()
    return pd.DataFrame(rows)


def _score_test(learned, truth):
    test = learned.dataset.part == "test"
    scores = compute_scores(truth[test], learned.probability[test], learned.threshold)
    return {name: scores[name] for name in ("f1_score", "average_precision")}


def compare_strategies(gains, metric="average_precision"):
    """Return by how much each strategy beats random choice, with a verdict in words.

    The mean of a score over all rounds is compared seed by seed. `gains` are of `simulate_rounds`; `mean` is that of
    the strategy, `difference` that to random, `low` and `high` are its 95 % interval over seeds, and `finds` how many
    positive stars were found in the end.
    """
    later = gains[gains["votes"] > 0]
    means = later.pivot_table(metric, "seed", "strategy")
    found = gains[gains["votes"] == gains["votes"].max()].groupby("strategy")["positives"].mean()
    rows = {"random": {"mean": means["random"].mean(), "finds": found["random"], "verdict": ""}}
    for strategy in means.columns.drop("random"):
        difference = means[strategy] - means["random"]
        half = student.ppf(0.975, len(difference) - 1) * difference.sem()
        low, high = difference.mean() - half, difference.mean() + half
        verdict = "beats random" if low > 0 else "is worse than random" if high < 0 else "no clear difference"
        values = {"mean": means[strategy].mean(), "difference": difference.mean(), "low": low, "high": high}
        rows[strategy] = values | {"finds": found[strategy], "verdict": verdict}
    columns = ["mean", "difference", "low", "high", "finds", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).sort_values("mean", ascending=False)
