"""Train the judge of candidate periods: `python data/period_judge.py [FOLDER OF REAL DATA] [--device auto]`.

Learns from stars that `tests/benchmarks/recovery.py` does not report on: those of Catalina outside its 1,000, also as a
survey would have seen them that has 50 epochs, or one a night; and every second star of ZTF, each light curve alone and
all bands together; from simulated stars at the times of a spinning satellite and at nearly the same hour of every
night, and from binaries of narrow eclipses. Writes scope_nb/tables/period_judge.json. These 23,000 light curves take
minutes on a GPU with 16 cores, hours without.
"""

import argparse
import os
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods import judge
from scope_nb.periods.gpu import choose_device, search_many
from scope_nb.periods.grid_search import search_grid
from scope_nb.periods.search import prepare_search
from scope_nb.writing import write_atomically

SETTINGS = {
    "max_depth": 6,
    "learning_rate": 0.06,
    "subsample": 0.7,
    "colsample_bynode": 0.5,
    "min_child_weight": 3,
    "reg_lambda": 3,
    "base_score": 0.5,
    "objective": "binary:logistic",  # whose base score is a margin of 0; what is learned is `softmax_gradient`
    "nthread": 2,
    "seed": 0,
}
ROUNDS = 300
# how much a star of each set counts; within a set rare labels count more, by the square root of their number
WEIGHTS = {"ztf": 1.0, "ztf bands": 1.0, "catalina": 1.0, "fifty": 0.4, "nightly": 0.4}
WEIGHTS |= {"spinning": 0.3, "same hour": 0.3, "narrow": 0.3}
# simulated kinds that look like others at another period: each star counts so often that few of them are given up
OFTEN = dict.fromkeys(("reflection binary", "HW Vir", "NN Ser", "compact binary", "multi-periodic"), 2.0)
SIMULATED, BINARIES = 4000, 2500  # stars of each of the two sets before the last, and of the last
TABLE = Path(judge.__file__).parents[1] / "tables" / "period_judge.json"


class Star(NamedTuple):
    """A light curve (days, mag, mag) of known label and period (days), maybe of several bands."""

    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    label: str
    period: float
    band: np.ndarray | None = None


class Example(NamedTuple):
    """The terms of the candidates of a star, shape (c, terms), and which of them are its period."""

    label: str
    terms: np.ndarray
    truth: np.ndarray


def argument_parser(description):
    """Return a parser of the command line with the folder of the real data."""
    default = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[2] / "shared" / "realdata")
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default), help="of the real data")
    return parser


def read_stars(folder):
    """Return ZTF's and Catalina's light curves, and for each whether the judge's training leaves its star out.

    One star of ZTF has no published period, and is no answer to anything.
    """
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    ztf = read_lightcurves(folder / "ztf_vsx.parquet", min_epochs=40)
    second = ztf.meta["obj_id"].rank(method="dense").astype(int).to_numpy() % 2 == 0
    has_period = ztf.meta["period_true"].notna().to_numpy()
    ztf, second = ztf.select(has_period), second[has_period]
    catalina = read_lightcurves(folder / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    reported = np.random.default_rng(0).choice(len(catalina), 1000, replace=False)
    return ztf, second, catalina, np.isin(np.arange(len(catalina)), reported)


class Outcome(NamedTuple):
    """Whether a period is the published one, and whether it is that, its half or its double."""

    exact: bool
    factor_2: bool


def outcome_of(period, curve):
    """Return the `Outcome` of a period (days) for a light curve of known period."""
    return compare_periods(period, curve.info["period_true"], np.ptp(curve.time), curve.info["label"])


def compare_periods(period, true, baseline, label):
    """Return the `Outcome` of a period; all in days. Of ellipsoidal stars catalogues give the orbit or half of it."""
    once, half, double = (abs(factor / period - 1 / true) < 1 / baseline for factor in (1, 0.5, 2))
    return Outcome(once or (label in ("ELL", "ellipsoidal") and half), once or half or double)


def read_known(folder):
    """Return real stars of known period by set, those on which the benchmark reports left out."""
    ztf, second, catalina, reported = read_stars(folder)
    sets = {}
    for name, curves in (("ztf", ztf.select(~second)), ("catalina", catalina.select(~reported))):
        sets[name] = [Star(c.time, c.mag, c.err, c.info["label"], c.info["period_true"]) for c in curves]
    sets["ztf bands"] = join_bands(ztf.select(~second))
    rng = np.random.default_rng(5)
    sets["fifty"] = [_select(star, np.sort(rng.permutation(len(star.time))[:50])) for star in sets["catalina"]]
    one_a_night = [_select(s, np.r_[True, np.diff(np.floor(s.time + 0.3)) > 0]) for s in sets["catalina"]]
    sets["nightly"] = [star for star in one_a_night if len(star.time) >= 30]
    return sets


def join_bands(curves):
    """Return the stars of which there are several light curves, with all of them, each less its median."""
    joined = []
    for rows in curves.meta.groupby("obj_id", sort=False).indices.values():
        part = curves.select(rows)
        longest = part[int(np.argmax(part.n_epochs))].info
        mag = np.concatenate([curve.mag - np.median(curve.mag) for curve in part])
        band = np.repeat(part.meta["band"], part.n_epochs).to_numpy()
        if len(rows) > 1:
            joined.append(Star(part.time, mag, part.err, longest["label"], longest["period_true"], band))
    return joined


def _select(star, part):
    return star._replace(time=star.time[part], mag=star.mag[part], err=star.err[part])


def draw_spinning(rng):
    """Return some 50 times (days) of a satellite that turns in 6 h and comes back after some weeks."""
    times, start = [], 57000 + rng.uniform(0, 30)
    while start < 58000:
        for turn in range(rng.integers(1, 4)):
            times.append(start + 0.25 * turn)
            if rng.random() < 0.75:  # the second field of view
                times.append(start + 0.25 * turn + 106.5 / 1440)
        start += rng.choice([20, 27, 35, 60]) * rng.uniform(0.7, 1.3)
    return np.sort(rng.permutation(times)[: int(rng.uniform(40, 70))])


def draw_same_hour(rng):
    """Return 50 to 350 times (days) in seasons of four years, one a night at nearly the same hour."""
    days = np.arange(1500)
    days = days[(days + rng.uniform(0, 365)) % 365 < rng.uniform(170, 260)]
    count = int(10 ** rng.uniform(np.log10(50), np.log10(350)))
    days = np.sort(rng.permutation(days)[:count])
    return np.sort(58000.2 + days + rng.normal(0, rng.choice([0.002, 0.02, 0.06]), len(days)))


def simulate_stars(draw_times, seed, count=SIMULATED):
    """Return simulated stars of all periodic kinds alike, with noise between 1/40 and 0.4 of their variation."""
    sys.path.insert(0, str(Path(__file__).parent / "simulate"))
    from kinds import draw_star, read_kinds

    rng, stars = np.random.default_rng(seed), []
    periodic = [kind for kind, row in read_kinds().items() if row["period"]]
    while len(stars) < count:
        star, time = draw_star(str(rng.choice(periodic)), rng), draw_times(rng)
        offsets = star.vary(time, rng)[1]
        spread = np.ptp(np.percentile(offsets, [1, 99]))
        noise = max(spread * 10 ** rng.uniform(-1.6, -0.4), 0.003)
        if spread > 0 and 0 < star.period < np.ptp(time) / 2:
            mag = 16 + offsets + noise * rng.normal(size=len(time))
            stars.append(Star(time, mag, np.full(len(time), noise), star.kind, star.period))
    return stars


def simulate_binaries(real, seed, count=BINARIES):
    """Return binaries of narrow eclipses, days to weeks apart, at the times of real light curves.

    One in eight has no second eclipse, three in ten an eccentric orbit.
    """
    rng, stars = np.random.default_rng(seed), []
    long = [star for star in real if len(star.time) >= 100 and np.ptp(star.time) > 600]
    while len(stars) < count:
        time = long[rng.integers(len(long))].time
        period, width = 10 ** rng.uniform(np.log10(1.5), np.log10(40)), 10 ** rng.uniform(-1.9, -1.2)
        depth, noise = 10 ** rng.uniform(-1, 0), 10 ** rng.uniform(-2, -1.2)
        second = depth * rng.uniform(0, 1) * (rng.random() > 0.125)
        place = 0.5 + rng.uniform(-0.15, 0.15) * (rng.random() < 0.3)
        phase = time / period + rng.random()
        mag = 16 + noise * rng.normal(size=len(time))
        for middle, deep in ((0.0, depth), (place, second)):
            away = np.abs((phase - middle + 0.5) % 1 - 0.5)
            mag += deep * np.clip(2 - 4 * away / width, 0, 1)  # a trapezium, flat for half its width
        stars.append(Star(time, mag, np.full(len(time), noise), "narrow", period))
    return stars


def make_example(star, prepared, searches):
    """Return the `Example` of a star, None if it cannot be searched."""
    if searches is None:
        return None
    peaks = {name: search.freqs for name, search in searches.items()}
    candidates = judge.compare_candidates(*prepared[:3], peaks, prepared.bands)
    truth = [compare_periods(1 / f, star.period, np.ptp(star.time), star.label).exact for f in candidates.freqs]
    return Example(star.label, np.column_stack(candidates.terms), np.array(truth))


def make_examples(stars, device, title=""):
    """Return the `Example` of each star that can be searched."""
    if device == "cuda":
        made = search_many(((star, _prepare(star)) for star in stars), make_example, -1)
    else:
        made = Parallel(-1, prefer="threads", return_as="generator")(delayed(_search)(star) for star in stars)
    return [example for example in tqdm(made, total=len(stars), desc=title) if example is not None]


def _prepare(star):
    return prepare_search(star.time, star.mag, star.err, band=star.band)


def _search(star):
    prepared = _prepare(star)
    return make_example(star, prepared, search_grid(prepared) if prepared.grid else None)


def weigh_examples(sets):
    """Return all examples of sets by name, and the weight of each."""
    examples, weights = [], []
    for name, part in sets.items():
        number = Counter(example.label for example in part)
        weight = np.array([number[example.label] ** -0.5 for example in part])
        weight = np.ones(len(part)) if name.startswith("ztf") else weight / weight.mean()
        often = [OFTEN.get(example.label, 1.0) for example in part]
        weights.append(WEIGHTS[name] * weight * often)
        examples += part
    return examples, np.concatenate(weights)


def softmax_gradient(margins, starts, truth, weight):
    """Return gradient and curvature of -log(probability of what is true), with respect to the margins.

    Candidates of a star begin at `starts`; their probabilities are `judge.exclusive_probabilities`. If none of them is
    true, "none of these" is, whose margin is 0.
    """
    count = np.diff(np.append(starts, len(margins)))
    highest = np.maximum(np.maximum.reduceat(margins, starts), 0)
    odds = np.exp(margins - np.repeat(highest, count))
    p = odds / np.repeat(np.add.reduceat(odds, starts) + np.exp(-highest), count)
    right = np.repeat(np.add.reduceat(p * truth, starts), count)
    gradient = p - np.where(truth, p / np.maximum(right, 1e-12), 0.0)
    return gradient * weight, np.maximum(p * (1 - p), 1e-3) * weight


def fit_trees(examples, weights):
    """Return the trees (an xgboost `Booster`) for which the true periods are most probable."""
    import xgboost

    count = [len(example.truth) for example in examples]
    terms, truth = (np.concatenate([getattr(e, name) for e in examples]) for name in ("terms", "truth"))
    starts, weight = np.cumsum(count) - count, np.repeat(weights, count)
    matrix = xgboost.DMatrix(terms, missing=np.nan)
    return xgboost.train(SETTINGS, matrix, ROUNDS, obj=lambda m, _: softmax_gradient(m, starts, truth, weight))


def main():
    """Search, learn, write."""
    parser = argument_parser(__doc__)
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    options = parser.parse_args()
    stars, device = read_known(options.folder), choose_device(options.device)
    stars |= {"spinning": simulate_stars(draw_spinning, 7), "same hour": simulate_stars(draw_same_hour, 8)}
    stars["narrow"] = simulate_binaries(stars["ztf"], 9)
    examples = {name: make_examples(part, device, name) for name, part in stars.items()}
    with write_atomically(TABLE) as part:
        part.write_bytes(fit_trees(*weigh_examples(examples)).save_raw("json"))


if __name__ == "__main__":
    main()
