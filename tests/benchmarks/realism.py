"""How like the real sky the simulated survey is: `python tests/benchmarks/realism.py [--stars N] [--folder FOLDER]`.

Four questions (features cost 0.1 to 0.3 s a light curve):

1. Medians: does the median of each feature, in the natural mix, lie within one standard deviation of that of SCoPe's
   training set? Catalogue columns: matches only.
2. Noise: can XGBoost tell the statistics of real, not variable ZTF light curves from those of constant stars simulated
   at the same magnitudes and epochs? 0.5 is "no".
3. Transfer: how well do classifiers trained on the simulation alone do on real light curves, one for each star? They
   learn the true tags, as the real stars have the classes of a catalogue and no votes. Beside them, the same classifier
   trained on the real ones, in five-fold cross-validation: the ceiling. "derived" adds the shapes that follow from the
   features. Periods, amplitudes and shapes of one half of Catalina's stars, and of all of ZTF's, were looked at when
   the populations of the simulation were settled; the other half is "unseen".
4. Difficulty: F1 at probability 0.5 in the natural mix, five-fold by star, beside what SCoPe published.

The folder is that of the real data; without it, ask for questions 1 and 4 only.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from xgboost import XGBClassifier

from scope_nb import taxonomy
from scope_nb.dataset.labels import compare_medians
from scope_nb.features.derived import derived_features
from scope_nb.features.extract import featurize
from scope_nb.features.statistics import Statistics, light_curve_statistics
from scope_nb.lightcurves.readers import read_lightcurves

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data" / "simulate"))
import survey
from simulation import simulate

SUFFIX = "ELS_ECE_EAOV"
INPUTS = [*taxonomy.feature_columns("phenomenological", SUFFIX), f"period_{SUFFIX}", f"significance_{SUFFIX}"]
RRAB = "vnv pnp puls rrlyr rrab saw"
TAGS = {
    **dict.fromkeys(["RRab", "RRAB"], RRAB),
    **dict.fromkeys(["Blazhko", "RRAB/BL"], "vnv pnp puls rrlyr rrab rrblz"),
    **dict.fromkeys(["RRc", "RRC"], "vnv pnp puls rrlyr rrc sin"),
    "RRd": "vnv pnp puls rrlyr rrd mp",
    "EA": "vnv pnp bis e ea emsms",
    **dict.fromkeys(["Ecl(EW/EB)", "EW"], "vnv pnp bis e ew wuma"),
    **dict.fromkeys(["Rotational", "R"], "vnv pnp rscvn bis sin"),
    "ELL": "vnv pnp bis el sin",
    "LPV": "vnv pnp puls lpv longt",
    **dict.fromkeys(["DeltaSct(HADS)", "HADS", "DSCT", "SXPHE", "SXPHE(B)"], "vnv pnp puls dscu"),
    **dict.fromkeys(["ACEP", "LMC-Cep", "CEP", "DCEP", "DCEPS"], "vnv pnp puls ceph"),
    **dict.fromkeys(["Cep-II", "CWA", "CWB"], "vnv pnp puls ceph2"),
    "Misc": "vnv",
}
SETS = {
    "Catalina": ("catalina.parquet", 0.0, "rrlyr rrab rrc e ea dscu lpv puls"),
    "ZTF": ("ztf_vsx.parquet", 30.0, "rrlyr rrab rrc el dscu puls"),
}


def xgb():
    return XGBClassifier(n_estimators=150, max_depth=4, learning_rate=0.1, subsample=0.8, n_jobs=1, random_state=0)


def medians(table):
    """Print which columns have a median further than one standard deviation from the real one."""
    frame = compare_medians(table, SUFFIX)
    near = (frame["distance"].abs() <= 1).sum()
    print(f"\n1. Medians: {near} of {len(frame)} within one standard deviation; the furthest:")
    print(frame.head(15).round(4).to_string())


def noise(folder):
    """Print how well real and simulated constant stars are told apart."""
    warnings.filterwarnings("ignore", message=".*too few good epochs")
    curves = read_lightcurves(folder / "ztf_000250_zg_c01_q1_dr5.parquet")
    curves = [curves[i] for i in range(len(curves))]
    shallow = np.median([_shallow(c) for c in curves if 17 < np.median(c.mag) < 19])
    times = np.unique(np.concatenate([c.time for c in curves]))
    times = times[np.diff(times, prepend=-np.inf) > 0.5]  # all visits to the field, as times are rounded in this file
    rng = np.random.default_rng(0)
    rows, real = [], []
    for curve in curves:
        mine = light_curve_statistics(curve.time, curve.mag, curve.err)
        if mine["chi2red"] > 3:  # it may well vary
            continue
        twin = _twin(curve, times, shallow + rng.normal(0, 0.03), rng)
        if twin is not None:
            rows += [mine, light_curve_statistics(*twin)]
            real += [1, 0]
    X, y, pair = pd.DataFrame(rows)[list(Statistics._fields)[1:]], np.array(real), np.arange(len(real)) // 2
    p = cross_val_predict(xgb(), X, y, groups=pair, cv=GroupKFold(5), method="predict_proba")[:, 1]
    single = {c: max(a := roc_auc_score(y, X[c]), 1 - a) for c in X}
    print(f"\n2. Noise: ROC AUC {roc_auc_score(y, p):.3f} on {len(y) // 2} light curves; {shallow:.2f} mag less deep")
    print("   single statistics:", pd.Series(single).sort_values(ascending=False).head(5).round(3).to_dict())


def _twin(curve, times, shallow, rng):
    """Simulate a constant star of the same measured magnitude; None if it cannot be seen often enough."""
    wanted = level = np.average(curve.mag, weights=curve.err**-2)
    seed = rng.integers(2**32)
    for _ in range(3):  # only bright excursions of faint stars are detected, so that the true star is fainter
        mag, err, good = survey.expose(times, np.full(len(times), level), shallow, np.random.default_rng(seed))
        if good.sum() < 50:
            return None
        level += wanted - np.average(mag[good], weights=err[good] ** -2)
    return times[good], mag[good], err[good]


def _shallow(curve):
    """How much less deep than a good field a light curve is, by its errors."""
    grid = np.linspace(-1, 3, 81)
    return grid[np.argmin(np.abs(np.log(survey.quoted_error(np.median(curve.mag), grid) / np.median(curve.err))))]


def one_each(curves):
    """The longest light curve of each star, r before the other bands."""
    order = np.lexsort((-curves.n_epochs, curves.meta["band"] != "r"))
    names = curves.meta["obj_id"].to_numpy()[order]
    return curves.select(np.sort(order[~pd.Series(names).duplicated().to_numpy()]))


def training(n_stars, jobs):
    """Return features of simulated stars, one light curve each, and which true tags they have (sets)."""
    curves, truth = simulate(n_stars, 11, "sample")
    table = featurize(one_each(curves.clean()), n_jobs=jobs)
    return table, table["obj_id"].map(truth.set_index("obj_id")["tags"].str.split().map(set))


def real_stars(title, folder, n_stars, jobs):
    """Return features of real stars, one light curve each, and which were looked at when the simulation was made."""
    name, cadence, _ = SETS[title]
    curves = one_each(read_lightcurves(folder / name, 40, cadence))
    seen = (np.random.default_rng(7).random(len(curves)) < 0.5) | (title == "ZTF")
    rows = np.sort(np.random.default_rng(0).permutation(len(curves))[:n_stars])
    return featurize(curves.select(rows), min_epochs=40, n_jobs=jobs), seen[rows]


def transfer(title, train, tags_of, test, seen):
    """Print ROC AUC on real stars of classifiers trained on the simulation, and the ceiling."""
    inputs = {"": (train[INPUTS], test[INPUTS])}
    inputs[", derived"] = tuple(x.join(derived_features(x, SUFFIX)) for x in inputs[""])
    known = [set(TAGS[label].split()) for label in test["label"]]
    rows = {}
    for tag in SETS[title][2].split():
        y = np.array([tag in tags for tags in tags_of])
        truth = np.array([tag in tags for tags in known])
        if truth.sum() < 10 or not 0 < y.sum() < len(y):
            print(f"\n   {title}, {tag}: {truth.sum()} real and {y.sum()} simulated stars are too few")
            continue
        row = {"real stars": truth.sum()}
        for name, (ours, theirs) in inputs.items():
            p = xgb().fit(ours, y).predict_proba(theirs)[:, 1]
            row[f"simulation{name}"] = roc_auc_score(truth, p)
            if not seen.all():
                row[f"unseen{name}"] = roc_auc_score(truth[~seen], p[~seen])
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        p = cross_val_predict(xgb(), test[INPUTS], truth, cv=folds, method="predict_proba")[:, 1]
        rows[tag] = row | {"real, 5-fold": roc_auc_score(truth, p)}
    frame = pd.DataFrame(rows).T
    frame.loc["macro"] = frame.mean()
    print(f"\n3. Transfer to {title}: {len(test)} real stars, trained on {len(train)} simulated light curves")
    print(frame.round(3).to_string())


def difficulty(table):
    """Print F1 in the natural mix beside the published one."""
    print(f"\n4. Difficulty: natural mix, {len(table)} light curves of {table['obj_id'].nunique()} stars")
    published, rows = taxonomy.published(), []
    for tag in ["vnv", "pnp", "e", "rrlyr", "fla", "puls", "sin", "eb", "saw", "bogus"]:
        y = table[taxonomy.tags().at[tag, "label"]] > 0.7
        used = y | (table[taxonomy.NEGATIVE_LABEL] > 0.7) if tag == "vnv" else y | True  # negatives as SCoPe has them
        X, y, stars = table[used], y[used].to_numpy(), table.loc[used, "obj_id"]
        if y.sum() < 10:
            continue
        X = X[taxonomy.feature_columns(taxonomy.tags().at[tag, "taxonomy"], SUFFIX)]
        p = cross_val_predict(xgb(), X, y, groups=stars, cv=GroupKFold(5), method="predict_proba")
        precision, recall = published.loc[tag, ["precision_xgb", "recall_xgb"]]
        theirs = 2 * precision * recall / (precision + recall)
        rows.append((tag, y.sum(), f1_score(y, p[:, 1] > 0.5), theirs))
    print(pd.DataFrame(rows, columns=["tag", "positive", "F1", "published"]).set_index("tag").round(3).to_string())


def main():
    default = Path(os.environ.get("SCOPE_NB_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "realdata"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=default, help="of the real data")
    parser.add_argument("--stars", type=int, default=2000, help="simulated stars of each mix")
    parser.add_argument("--real-stars", type=int, default=1500, help="real stars of each set, at most")
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--only", default="1234", help='the questions to answer, for example "23"')
    given = parser.parse_args()
    if "2" in given.only:
        noise(given.folder)
    if "3" in given.only:
        train, tags_of = training(given.stars, given.jobs)
        for title in SETS:
            transfer(title, train, tags_of, *real_stars(title, given.folder, given.real_stars, given.jobs))
    if "1" in given.only or "4" in given.only:
        natural = featurize(simulate(given.stars, 12)[0].clean(), n_jobs=given.jobs)
        if "1" in given.only:
            medians(natural)
        if "4" in given.only:
            difficulty(natural)


if __name__ == "__main__":
    main()
