"""How often the true period is found, on real stars: `python tests/benchmarks/recovery.py [FOLDER] [--two-terms]`.

Exact: within 1/baseline in frequency of the published period. Factor 2: the same for P, P/2 or 2P. For ellipsoidal
stars (ELL) catalogues give the orbit or half of it, so half counts as exact too. Of a ZTF star the light curve with the
most epochs is used. The judge of the nested search was trained on other stars (`period_judge.py`): none of the 1,000 of
Catalina, and not the second table of ZTF. The price of a harmonic was once chosen with all of them in view.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.timeseries import LombScargle
from joblib import Parallel, delayed
from scipy.stats import binomtest
from tqdm.auto import tqdm

from scope_nb.lightcurves import read_lightcurves
from scope_nb.periodograms import Grid, analysis_of_variance, conditional_entropy, lomb_scargle
from scope_nb.periods import find_periods

NAMES = {
    "ELS": "LS",
    "ELS2": "LS, 2 terms",
    "ECE": "CE",
    "EAOV": "AOV",
    "scope": "SCoPe's rule",
    "ELS_ECE_EAOV": "ours",
}

KINDS = ("exact", "factor 2")


def scopes_rule(time, mag, err, most=50):
    """SCoPe's nested search: the highest values of LS and CE, neighbours and all, ranked by AOV."""
    grid = Grid.of(np.ptp(time))
    ls, ce = lomb_scargle(time, mag, err, grid), conditional_entropy(time, mag, grid)
    index = np.concatenate([np.argpartition(-ls, most)[:most], np.argpartition(ce, most)[:most]])
    return 1 / grid.freq(index[np.argmax(analysis_of_variance(time, mag, grid)[index])])


def two_terms(time, mag, err):
    """Lomb-Scargle with two harmonics, by astropy; seconds for a star."""
    grid = Grid.of(np.ptp(time))
    power = LombScargle(time, mag, err, nterms=2).power(grid.freq(np.arange(grid.size)), assume_regular_frequency=True)
    return 1 / grid.freq(np.argmax(power))


def judge(curve, slow=False):
    """Return whether each method finds the period of one light curve: (exact, to a factor of two)."""
    time, mag, err = curve.time, curve.mag, curve.err
    results = find_periods(time, mag, err)
    found = {name: result.period for name, result in results.items()}
    found["scope"] = scopes_rule(time, mag, err)
    if slow:
        found["ELS2"] = two_terms(time, mag, err)
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


def judge_all(title, curves, slow):
    """Return what `judge` says of each light curve, one row each."""
    tasks = (delayed(judge)(curves[i], slow) for i in range(len(curves)))
    rows = tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves), desc=title)
    return pd.DataFrame(list(rows))


def show(title, frame):
    """Print the table of one set of stars, overall and for classes of more than 10 stars, and how far trust holds."""
    names = [name for name in NAMES.values() if (name, "exact") in frame]
    print(f"\n{title}: {len(frame)} stars, per cent (95 %)")
    print(pd.DataFrame({kind: {n: share(frame[n, kind]) for n in names} for kind in KINDS}).to_string())
    classes = frame.groupby("label").filter(lambda group: len(group) > 10).groupby("label")
    table = classes[[(name, kind) for kind in KINDS for name in names]].mean().mul(100).round(0).astype(int)
    table.insert(0, "stars", classes.size())
    print(table.to_string())
    bins = pd.cut(frame["trust"], [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1])
    exact = frame["ours", "exact"].groupby(bins, observed=True)
    trust = frame["trust"].groupby(bins, observed=True).mean().round(3)
    print(pd.DataFrame({"stars": exact.size(), "mean trust": trust, "exact": exact.agg(share)}).to_string())


def read(folder, use):
    """Return the light curves of ZTF and Catalina to "tune" on or to "report" on.

    In the report, a third array tells which of ZTF's stars the judge was not trained on.
    """
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    ztf = read_lightcurves(folder / "ztf_vsx.parquet", min_epochs=40)
    second = ztf.meta["obj_id"].rank(method="dense").astype(int).to_numpy() % 2 == 0
    catalina = read_lightcurves(folder / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    rows = np.random.default_rng(0).choice(len(catalina), 1000, replace=False)
    if use == "tune":
        others = np.setdiff1d(np.arange(len(catalina)), rows)
        others = np.random.default_rng(1).choice(others, 1600, replace=False)
        return ztf.select(np.flatnonzero(~second)), catalina.select(np.sort(others))
    order = np.argsort(-ztf.n_epochs, kind="stable")
    best = order[~ztf.meta["obj_id"].iloc[order].duplicated().to_numpy()]
    return ztf.select(best), catalina.select(np.sort(rows)), second[best]


def arguments():
    """Read the command line: the folder of the real data, and whether the slow peer takes part."""
    default = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default), help="of the real data")
    parser.add_argument("--two-terms", action="store_true", help="astropy's LS with two terms too: slow")
    given = parser.parse_args()
    if not given.folder.is_dir():
        sys.exit(f"no real data in {given.folder}: name their folder")
    return given


def main():
    """Judge 1,000 stars of Catalina and all of ZTF."""
    given = arguments()
    ztf, catalina, unseen = read(given.folder, "report")
    frame = judge_all("ZTF", ztf, given.two_terms)
    show("ZTF, stars the judge was not trained on", frame[unseen])
    show("ZTF, all", frame)
    show("Catalina", judge_all("Catalina", catalina, given.two_terms))


if __name__ == "__main__":
    main()
