"""How often the true period is found, on real stars: `python tests/benchmarks/recovery.py [FOLDER OF REAL DATA]`.

Exact: within 1/baseline in frequency of the published period. Factor 2: the same for P, P/2 or 2P. For ellipsoidal
stars (ELL) catalogues give the orbit or half of it, so half counts as exact too. Of a ZTF star the light curve with the
most epochs is used. The limits of `harmonics.repeats_twice` and the price of a harmonic were chosen with stars of both
sets in view: this is no blind test.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binomtest
from tqdm.auto import tqdm

from scope_nb.lightcurves import read_lightcurves
from scope_nb.periodograms import Grid, analysis_of_variance, conditional_entropy, lomb_scargle
from scope_nb.periods import find_periods

NAMES = {"ELS": "LS", "ECE": "CE", "EAOV": "AOV", "scope": "SCoPe's rule", "ELS_ECE_EAOV": "ours"}


def scopes_rule(time, mag, err, most=50):
    """SCoPe's nested search: the highest values of LS and CE, neighbours and all, ranked by AOV."""
    grid = Grid.of(np.ptp(time))
    ls, ce = lomb_scargle(time, mag, err, grid), conditional_entropy(time, mag, grid)
    index = np.concatenate([np.argpartition(-ls, most)[:most], np.argpartition(ce, most)[:most]])
    return 1 / grid.freq(index[np.argmax(analysis_of_variance(time, mag, grid)[index])])


def judge(curve):
    """Return whether each method finds the period of one light curve: (exact, to a factor of two)."""
    found = {name: result.period for name, result in find_periods(curve.time, curve.mag, curve.err).items()}
    found["scope"] = scopes_rule(curve.time, curve.mag, curve.err)
    true, width = 1 / curve.info["period_true"], 1 / np.ptp(curve.time)
    row = {"label": curve.info["label"]}
    for name, title in NAMES.items():
        near = [abs(factor / found[name] - true) < width for factor in (1, 0.5, 2)]
        row[title, "exact"] = near[0] or (curve.info["label"] == "ELL" and near[1])
        row[title, "factor 2"] = any(near)
    return row


def share(hits):
    """Per cent with Wilson's 95 % interval."""
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"{100 * hits.mean():.1f} ({100 * interval.low:.1f}-{100 * interval.high:.1f})"


def show(title, curves):
    """Print the table of one set of stars, overall and for classes of more than 10 stars."""
    tasks = (delayed(judge)(curves[i]) for i in range(len(curves)))
    rows = tqdm(Parallel(-1, prefer="threads", return_as="generator")(tasks), total=len(curves), desc=title)
    frame = pd.DataFrame(list(rows))
    keys = [(name, kind) for kind in ("exact", "factor 2") for name in NAMES.values()]
    print(f"\n{title}: {len(frame)} stars, per cent (95 %)")
    print(pd.DataFrame({kind: {n: share(frame[n, kind]) for n in NAMES.values()} for kind in ("exact", "factor 2")}))
    classes = frame.groupby("label").filter(lambda group: len(group) > 10).groupby("label")
    table = classes[keys].mean().mul(100).round(0).astype(int)
    table.insert(0, "stars", classes.size())
    print(table.to_string())


def main():
    """Judge 1,000 stars of Catalina and all of ZTF."""
    default = os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    if not folder.is_dir():
        sys.exit(f"no real data in {folder}: name their folder")
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    ztf = read_lightcurves(folder / "ztf_vsx.parquet", min_epochs=40)
    order = np.argsort(-ztf.n_epochs, kind="stable")
    show("ZTF", ztf.select(order[~ztf.meta["obj_id"].iloc[order].duplicated().to_numpy()]))
    catalina = read_lightcurves(folder / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    rows = np.sort(np.random.default_rng(0).choice(len(catalina), 1000, replace=False))
    show("Catalina", catalina.select(rows))


if __name__ == "__main__":
    main()
