"""How often the true period is found, on real stars: `python tests/benchmarks/recovery.py [FOLDER] [--write]`.

Exact: within 1/baseline in frequency of the published period. Factor 2: the same for P, P/2 or 2P. For ellipsoidal
stars (ELL) catalogues give the orbit or half of it, so half counts as exact too. Of a ZTF star the light curve with the
most epochs is used; in the last column, all its bands together. The judge of the nested search was trained on other
stars (`data/period_judge.py`): none of the 1,000 of Catalina, and not the first table of ZTF. The price of a harmonic
was once chosen with all of them in view. Last comes every third of Catalina with fewer epochs. Needs the extra `bench`.
"""

import sys
from pathlib import Path

import nifty_ls
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binomtest
from tqdm.auto import tqdm

import scope_nb
from scope_nb.periods.periodograms import Grid, analysis_of_variance, entropy_and_variance, lomb_scargle
from scope_nb.periods.search import find_periods, period_table
from scope_nb.writing import write_atomically

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))
from period_judge import argument_parser, outcome_of, read_stars

NAMES = {
    "ELS": "LS",
    "ELS2": "LS, 2 terms",
    "ECE": "CE",
    "EAOV": "AOV",
    "scope": "SCoPe's rule",
    "ELS_ECE_EAOV": "ours",
    "all bands": "ours, all bands",
}

TRUST = Path(scope_nb.__file__).parent / "tables" / "period_trust.csv"
KINDS = ("exact", "factor 2")


def scopes_rule(time, mag, err, most=50):
    """SCoPe's nested search: the highest values of LS and CE, neighbours and all, ranked by AOV."""
    grid = Grid.of(np.ptp(time))
    ls = lomb_scargle(time, mag, err, grid)
    ce, _ = entropy_and_variance(time, mag, grid)
    index = np.concatenate([np.argpartition(-ls, most)[:most], np.argpartition(ce, most)[:most]])
    return 1 / grid.freq(index[np.argmax(analysis_of_variance(time, mag, grid)[index])])


def two_terms(time, mag, err):
    """Lomb-Scargle with two harmonics, by nifty-ls."""
    grid = Grid.of(np.ptp(time))
    span = {"fmin": grid.freq(0), "fmax": grid.freq(grid.size - 1), "Nf": grid.size}
    return 1 / grid.freq(np.argmax(nifty_ls.lombscargle(time, mag, err, nterms=2, nthreads=1, **span).power))


def compare_methods(curve):
    """Return label and trust of one light curve, and the outcome of each method."""
    time, mag, err = curve.time, curve.mag, curve.err
    results = find_periods(time, mag, err)
    periods = {name: result.period for name, result in results.items()}
    periods |= {"ELS2": two_terms(time, mag, err), "scope": scopes_rule(time, mag, err)}
    row = {"label": curve.info["label"], "trust": results["ELS_ECE_EAOV"].trust}
    for name, period in periods.items():
        row[NAMES[name], "exact"], row[NAMES[name], "factor 2"] = outcome_of(period, curve)
    return row


def share(hits):
    """Return the share of hits and its 95 % interval (Wilson)."""
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return hits.mean(), interval.low, interval.high


def compare_all(title, curves):
    """Return `compare_methods` of each light curve, one row each."""
    tasks = (delayed(compare_methods)(curves[i]) for i in range(len(curves)))
    rows = tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves), desc=title)
    return pd.DataFrame(list(rows))


def add_all_bands(frame, curves, all_bands):
    """Add to `compare_all` of `curves` the outcome of all bands of each star together."""
    periods = period_table(all_bands, by_star=True)["period"]
    outcomes = [outcome_of(periods[curves[i].info["obj_id"]], curves[i]) for i in range(len(curves))]
    frame[[(NAMES["all bands"], kind) for kind in KINDS]] = outcomes
    return frame


def show(title, frame):
    """Print the table of one set of stars, overall and for classes of more than 10 stars, and how far trust holds."""
    names = [name for name in NAMES.values() if (name, "exact") in frame]
    print(f"\n{title}: {len(frame)} stars, per cent (95 %)")
    cells = {}
    for kind in KINDS:
        shares = [[100 * x for x in share(frame[name, kind])] for name in names]
        cells[kind] = [f"{middle:.1f} ({low:.1f}-{high:.1f})" for middle, low, high in shares]
    print(pd.DataFrame(cells, names).to_string())
    classes = frame.groupby("label").filter(lambda group: len(group) > 10).groupby("label")
    table = classes[[(name, kind) for kind in KINDS for name in names]].mean().mul(100).round(0).astype(int)
    table.insert(0, "stars", classes.size())
    print(table.to_string())
    print(measure_trust(title, frame).round(3).to_string(index=False))


def measure_trust(title, frame):
    """Return how often our period is right at each level of trust."""
    rows = []
    for _, stars in frame.groupby(pd.cut(frame["trust"], [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1]), observed=True):
        rows.append([title, len(stars), stars["trust"].mean(), *share(stars["ours", "exact"])])
    return pd.DataFrame(rows, columns=["set", "stars", "trust", "right", "low", "high"])


def thin(curves):
    """Return light curves as surveys of other cadences would have made them, by title; every third of them."""
    curves = curves.select(np.arange(0, len(curves), 3))  # they are in the order of their labels
    rank = pd.Series(np.random.default_rng(5).random(len(curves.time))).groupby(curves.row_of_epoch).rank()
    nights = pd.Series(np.floor(curves.time + 0.3))
    again = pd.DataFrame({"row": curves.row_of_epoch, "night": nights}).duplicated().to_numpy()
    few = {"50 epochs": curves.keep_epochs((rank <= 50).to_numpy()), "one epoch a night": curves.keep_epochs(~again)}
    return {title: part.long_enough(30) for title, part in few.items()}


def main():
    """Report on 1,000 stars of Catalina and all of ZTF."""
    parser = argument_parser(__doc__)
    parser.add_argument("--write", action="store_true", help="keep how far trust holds in scope_nb/tables/")
    options = parser.parse_args()
    all_bands, second, catalina, reported = read_stars(options.folder)
    order = np.argsort(-all_bands.n_epochs, kind="stable")
    longest = order[~all_bands.meta["obj_id"].iloc[order].duplicated().to_numpy()]
    ztf = all_bands.select(longest)
    frame = add_all_bands(compare_all("ZTF", ztf), ztf, all_bands)
    unseen = frame[second[longest]]
    show("ZTF, stars the judge was not trained on", unseen)
    show("ZTF, all", frame)
    stars = compare_all("Catalina", catalina.select(reported))
    show("Catalina", stars)
    for title, thinned in thin(catalina.select(reported)).items():
        show(f"Catalina, {title}", compare_all(title, thinned))
    if options.write:
        with write_atomically(TRUST) as part:
            table = pd.concat([measure_trust("Catalina", stars), measure_trust("ZTF", unseen)])
            table.round(4).to_csv(part, index=False)


if __name__ == "__main__":
    main()
