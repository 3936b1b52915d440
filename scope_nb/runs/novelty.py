"""Do I know such stars? How unlike the training table a star is, as a false-alarm rate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from ..dataset.dataset import inputs
from ..dataset.splits import split_place
from ..dataset.tables import read_table, write_parquet
from ..files import reports_folder
from ..lightcurves.curves import stars
from ..models.saving import load_model, save_model
from ..taxonomy import defaults

NOVELTY = "novelty"  # the name of its folder in that of a group
HELD_OUT = 0.3  # of the stars: with what these score, a score is compared
NEIGHBOURS, MOST_ROWS = 20, 20_000
UNUSUAL = 0.05  # the rate below which a light curve counts as unusual
UNLIKE = 3  # times more surprising stars than expected make a survey unlike the training table


@dataclass(frozen=True, eq=False)
class Novelty:
    """What is usual in a training table: a fitted model of it, and the scores of stars that it did not see."""

    model: object
    scores: np.ndarray  # sorted, of held-out light curves; the lower, the more unusual
    features: str
    period_suffix: str

    def rates(self, table):
        """Return for each row the share of held-out training light curves that are at least as unusual.

        0.01 means that one in a hundred of the training table's own would look so strange.
        """
        score = self.model.score_samples(_inputs(table, self.features, self.period_suffix))
        return (np.searchsorted(self.scores, score, side="right") + 1) / (len(self.scores) + 1)

    def save(self, folder):
        """Write it to a folder, whole or not at all in each of its files."""
        save_model(self.model, folder)
        frame = pd.DataFrame({"score": self.scores})
        frame.attrs = {"features": self.features, "period_suffix": self.period_suffix}
        write_parquet(frame, Path(folder) / "scores.parquet")


def group_novelty(group, reports=""):
    """Return the `Novelty` of a group of runs below `reports`; None if it was trained without."""
    folder = reports_folder(reports) / group / NOVELTY
    return load_novelty(folder) if (folder / "scores.parquet").is_file() else None


def load_novelty(folder):
    """Read what `Novelty.save` wrote."""
    frame = read_table(Path(folder) / "scores.parquet")
    return Novelty(load_model(folder), frame["score"].to_numpy(), **frame.attrs)


def fit_novelty(table, features="light curve", period_suffix=None, seed=42):
    """Return the `Novelty` of a training table, from seven tenths of its stars, at most 20,000 light curves.

    The local outlier factor (Breunig et al. 2000) compares how dense the neighbours of a light curve lie with how dense
    theirs do, so that a rare class whose members lie together is no surprise. It is that of ranks of the features, a
    missing one replaced by the median. The split follows from the names of the stars, as that of training.
    """
    suffix = period_suffix or defaults()["training"]["period_suffix"]
    X = _inputs(table, features, suffix)
    held_out = split_place(stars(table)[1]) < HELD_OUT
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(~held_out))[:MOST_ROWS]
    ranks = QuantileTransformer(n_quantiles=min(500, len(rows)), output_distribution="normal", random_state=seed)
    factor = LocalOutlierFactor(NEIGHBOURS, novelty=True, n_jobs=-1)
    model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), ranks, factor).fit(X[rows])
    return Novelty(model, np.sort(model.score_samples(X[held_out])), features, suffix)


def _inputs(table, features, suffix):
    return inputs(table, features, suffix, derived=False, dmdt=False).to_numpy()


def describe_survey(rates):
    """Return a warning in words if a survey as a whole is unlike the training table, else ""."""
    return describe_share(float(np.mean(rates < UNUSUAL)))


def describe_share(share):
    """Return what `describe_survey` does, from the share of light curves whose rate is below `UNUSUAL`."""
    if share < UNLIKE * UNUSUAL:
        return ""
    return (
        f"{share:.0%} of these light curves are as unusual as {UNUSUAL:.0%} of the training table are: the survey "
        "differs from it (cadence, magnitudes, errors), so that probabilities and thresholds hold less than their "
        "scores say"
    )
