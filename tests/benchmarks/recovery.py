"""How often the true period is found, on real stars: `python tests/benchmarks/recovery.py [FOLDER] [--write]`.

Exact: within 1/baseline in frequency of the published period. Factor 2: the same for P, P/2 or 2P. For ellipsoidal
stars (ELL) catalogues give the orbit or half of it, so half counts as exact too. Of a ZTF star the light curve with the
most epochs is used; in the last column, all its bands together. The judge of the nested search was trained on other
stars (`period_judge.py`): none of the 1,000 of Catalina, and not the first table of ZTF. The price of a harmonic was
once chosen with all of them in view. Needs the extra `bench`.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import nifty_ls
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binomtest
from tqdm.auto import tqdm

import scope_nb
from scope_nb.files import whole
from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods.periodograms import Grid, analysis_of_variance, conditional_entropy, lomb_scargle
from scope_nb.periods.search import find_periods, period_table

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
    ls, ce = lomb_scargle(time, mag, err, grid), conditional_entropy(time, mag, grid)
    index = np.concatenate([np.argpartition(-ls, most)[:most], np.argpartition(ce, most)[:most]])
    return 1 / grid.freq(index[np.argmax(analysis_of_variance(time, mag, grid)[index])])


def two_terms(time, mag, err):
    """Lomb-Scargle with two harmonics, by nifty-ls."""
    grid = Grid.of(np.ptp(time))
    span = {"fmin": grid.freq(0), "fmax": grid.freq(grid.size - 1), "Nf": grid.size}
    return 1 / grid.freq(np.argmax(nifty_ls.lombscargle(time, mag, err, nterms=2, nthreads=1, **span).power))


def judge(curve):
    """Return whether each method finds the period of one light curve: (exact, to a factor of two)."""
    time, mag, err = curve.time, curve.mag, curve.err
    results = find_periods(time, mag, err)
    found = {name: result.period for name, result in results.items()}
    found |= {"ELS2": two_terms(time, mag, err), "scope": scopes_rule(time, mag, err)}
    row = {"label": curve.info["label"], "trust": results["ELS_ECE_EAOV"].trust}
    for name in found:
        row[NAMES[name], "exact"], row[NAMES[name], "factor 2"] = right(found[name], curve)
    return row


def right(period, curve):
    """Return whether a period is the published one, and whether it is that, its half or its double."""
    true, width = 1 / curve.info["period_true"], 1 / np.ptp(curve.time)
    near = [abs(factor / period - true) < width for factor in (1, 0.5, 2)]
    return near[0] or (curve.info["label"] == "ELL" and near[1]), any(near)


def share(hits):
    """Per cent with Wilson's 95 % interval."""
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"{100 * hits.mean():.1f} ({100 * interval.low:.1f}-{100 * interval.high:.1f})"


def judge_all(title, curves):
    """Return what `judge` says of each light curve, one row each."""
    tasks = (delayed(judge)(curves[i]) for i in range(len(curves)))
    rows = tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves), desc=title)
    return pd.DataFrame(list(rows))


def judge_together(frame, curves, everything):
    """Add what all bands of each star together give to what `judge_all` says of `curves`."""
    found = period_table(everything, by_star=True)
    name = NAMES["all bands"]
    rows = [right(found.at[curves[i].info["obj_id"], "period"], curves[i]) for i in range(len(curves))]
    frame[[(name, kind) for kind in KINDS]] = rows
    return frame


def show(title, frame):
    """Print the table of one set of stars, overall and for classes of more than 10 stars, and how far trust holds."""
    names = [name for name in NAMES.values() if (name, "exact") in frame]
    print(f"\n{title}: {len(frame)} stars, per cent (95 %)")
    print(pd.DataFrame({kind: {n: share(frame[n, kind]) for n in names} for kind in KINDS}).to_string())
    classes = frame.groupby("label").filter(lambda group: len(group) > 10).groupby("label")
    table = classes[[(name, kind) for kind in KINDS for name in names]].mean().mul(100).round(0).astype(int)
    table.insert(0, "stars", classes.size())
    print(table.to_string())
    print(trust(title, frame).round(3).to_string(index=False))


def trust(title, frame):
    """Return how often our period is right at each level of trust."""
    rows = []
    for _, stars in frame.groupby(pd.cut(frame["trust"], [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1]), observed=True):
        hits = stars["ours", "exact"]
        interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
        rows.append([title, len(hits), stars["trust"].mean(), hits.mean(), interval.low, interval.high])
    return pd.DataFrame(rows, columns=["set", "stars", "trust", "right", "low", "high"])


def read(folder, use):
    """Return the light curves of ZTF and Catalina to "tune" on or to "report" on.

    In the report, a third array tells which of ZTF's stars the judge was not trained on; the last item is all of ZTF.
    """
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    ztf = read_lightcurves(folder / "ztf_vsx.parquet", min_epochs=40)
    second = ztf.meta["obj_id"].rank(method="dense").astype(int).to_numpy() % 2 == 0
    catalina = read_lightcurves(folder / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    rows = np.random.default_rng(0).choice(len(catalina), 1000, replace=False)
    if use == "tune":
        return ztf.select(np.flatnonzero(~second)), catalina.select(np.setdiff1d(np.arange(len(catalina)), rows))
    order = np.argsort(-ztf.n_epochs, kind="stable")
    best = order[~ztf.meta["obj_id"].iloc[order].duplicated().to_numpy()]
    return ztf.select(best), catalina.select(np.sort(rows)), second[best], ztf


def arguments():
    """Read the command line: the folder of the real data."""
    default = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default), help="of the real data")
    parser.add_argument("--write", action="store_true", help="keep how far trust holds in scope_nb/tables/")
    given = parser.parse_args()
    if not given.folder.is_dir():
        sys.exit(f"no real data in {given.folder}: name their folder")
    return given


def main():
    """Judge 1,000 stars of Catalina and all of ZTF."""
    given = arguments()
    ztf, catalina, unseen, everything = read(given.folder, "report")
    frame = judge_together(judge_all("ZTF", ztf), ztf, everything)
    show("ZTF, stars the judge was not trained on", frame[unseen])
    show("ZTF, all", frame)
    stars = judge_all("Catalina", catalina)
    show("Catalina", stars)
    if given.write:
        with whole(TRUST) as part:
            pd.concat([trust("Catalina", stars), trust("ZTF", frame[unseen])]).round(4).to_csv(part, index=False)


if __name__ == "__main__":
    main()
