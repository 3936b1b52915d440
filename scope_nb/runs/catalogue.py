"""A catalogue: what all runs of a group say of light curves and of stars."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ..dataset.dataset import inputs
from ..dataset.tables import as_frame, make_plain, write_parquet
from ..features.extract import featurize
from ..files import reports_folder
from ..lightcurves.curves import LightCurves, stars
from ..models.saving import load_model
from ..periods.search import period_table
from ..taxonomy import check_names, tags
from ..writing import write_atomically
from .novelty import NOVELTY, describe_survey, load_novelty
from .saved import load_run, load_runs, provenance
from .tree import class_shares, find_contradictions, name_classes, repair_probabilities

COMBINE, SHORT = ("mean", "median", "max"), "too few epochs"
IDENTITY = ("_id", "obj_id", "ra", "dec", "period", "trust", "n_epochs", "field", "ccd", "quad", "band", "filter")
PERIOD = "period_ELS_ECE_EAOV"
FILE_OF_STARS = "stars.parquet"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What the runs of a group say of stars.

    `curves` has one row per light curve in the layout of SCoPe's predictions (identity, period, `TAG_ALGORITHM`),
    `stars` one per star: light curves, epochs, period (days), probabilities by tag, `labels`, the most specific
    consistent `label`, and the shares of exclusive classes. `contradictions` lists which tags of a star disagree,
    `missing` why a run has no column, `record` what all rests on.
    """

    curves: pd.DataFrame
    stars: pd.DataFrame
    contradictions: pd.DataFrame
    missing: dict
    record: dict

    def __repr__(self):
        labels = self.stars["label"].value_counts().head(3)
        most = ", ".join(f"{n} {label}" for label, n in labels.items())
        return f"Catalogue of {len(self.stars):,} stars, {len(self.curves):,} light curves: {most}, ..."

    def write(self, folder):
        """Write `curves` and `stars` as parquet and CSV, `contradictions`, and the provenance, whole or not at all."""
        folder = Path(folder).expanduser().absolute()
        if folder.exists() and not (folder.is_dir() and (folder / FILE_OF_STARS).is_file()):
            raise FileExistsError(f"{folder} is there and holds no catalogue: name a folder that is not there yet")
        with write_atomically(folder) as part:
            part.mkdir()
            legend = tags()[["label", "taxonomy", "parent_tag"]]
            legend[legend.index.isin(self.stars.columns)].to_csv(part / "tags.csv", encoding="utf-8")
            for name in ("curves", "stars", "contradictions"):
                frame = getattr(self, name)
                frame.to_csv(part / f"{name}.csv", index=False, encoding="utf-8", float_format="%.8g")
                write_parquet(frame, part / f"{name}.parquet")
            text = json.dumps(self.record | {"missing": self.missing}, indent=1, default=str)
            (part / "provenance.json").write_text(text + "\n", encoding="utf-8")
        return folder


def classify(
    source,
    group,
    reports="",
    combine="mean",
    repair=True,
    false_alarms=None,
    min_epochs=None,
    trusted=(),
    progress=True,
):
    """Return the `Catalogue` of what every run of a group says of light curves.

    Parameters
    ----------
    source : LightCurves or table
        Light curves, whose features are made first; or a table of features without labels, see `Dataset.read`.
    group : str
        A set of runs below `reports`; `train_group` makes one.
    combine : {"mean", "median", "max"}
        How the probabilities of a star's light curves become one.
    repair : bool
        Whether a tag is at least as probable as those below it, see `tree.repair_probabilities`.
    false_alarms : float, optional
        Label so that this share of the stars without a tag is expected to get it, by what each run said of stars that
        it has not learned from; by default each run's own threshold decides.
    min_epochs : int, optional
        Light curves with fewer epochs (50 by default) get no features; a star of only such has the label `SHORT`.
    trusted : list of str, optional
        Types that models may hold, see `models.load_model`.

    Raises
    ------
    ValueError
        There is no such group, none of its runs can be used, or the table cannot be.
    """
    check_names("way to combine", [combine], COMBINE)
    if false_alarms is not None and not 0 < false_alarms < 1:
        raise ValueError(f"false_alarms is {false_alarms}; it is a share, above 0 and below 1")
    runs = load_runs(reports)
    check_names("group of runs", [group], sorted(runs["group"].unique()))
    runs = runs[runs["group"] == group]
    curves = source if isinstance(source, LightCurves) else None
    table = _make_table(source, curves, min_epochs, progress)
    star = _star_names(table)
    probability, thresholds, missing = _predict_all(runs, table, curves, false_alarms, trusted, progress)
    by_star, cut = _by_tag(probability.groupby(star, sort=False).agg(combine)), _by_tag(thresholds.to_frame().T).iloc[0]
    contradictions = find_contradictions(by_star > cut)
    if repair:
        by_star = repair_probabilities(by_star)
    identity = table[[name for name in IDENTITY if name in table]].copy()
    described = _describe_stars(identity, star, curves, progress)
    warning = _add_surprise(described, table, star, reports_folder(reports) / group / NOVELTY)
    labelled = described.join(_label_stars(by_star, cut)).reset_index(names="star")
    short = labelled["label"].isna()
    labelled.loc[short, "label"] = SHORT
    labelled.loc[short, [name for name in ("period", "trust") if name in labelled]] = np.nan
    settings = {"group": group, "combine": combine, "repair": repair, "false_alarms": false_alarms}
    settings |= {
        "min_epochs": min_epochs,
        "trusted": list(trusted),
        "light_curves": int(labelled["light_curves"].sum()),
    }
    record = provenance(settings, simulated=runs["simulated"].any())
    record |= {"unlike the training table": warning, "simulated": bool(runs["simulated"].any())}
    record |= {"runs": {f"{row['algorithm']}/{row['tag']}": row["time"] for _, row in runs.iterrows()}}
    if warning:
        warnings.warn(warning, stacklevel=2)
    return Catalogue(pd.concat([identity, probability.round(4)], axis=1), labelled, contradictions, missing, record)


def _make_table(source, curves, min_epochs, progress):
    """Return a table of features with the columns `period` and `n_epochs`, one row for each usable light curve."""
    if curves is None:
        table = as_frame(source)
        if table is None:
            raise TypeError(f"light curves or a table of features are classified, not {type(source).__name__}")
        table = make_plain(table).reset_index(drop=True)
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*get no row")  # they are in the catalogue
            try:
                table = featurize(curves, min_epochs=min_epochs, bad="list", progress=progress).reset_index(drop=True)
            except ValueError as error:
                raise ValueError(f"{error}. min_epochs= (--min-epochs) lowers the limit of 50 epochs") from error
    further = {"period": PERIOD, "n_epochs": "n"}
    return table.assign(**{ours: table[name] for ours, name in further.items() if name in table and ours not in table})


def _predict_all(runs, table, curves, false_alarms, trusted, progress):
    """Return what each run says of each row, its threshold, and why others say nothing, by `TAG_ALGORITHM`."""
    probability, thresholds, missing, made = {}, {}, {}, {}
    for _, row in tqdm(list(runs.iterrows()), unit="run", disable=not progress):
        name = f"{row['tag']}_{row['algorithm']}"
        try:
            run = load_run(row["folder"])
            threshold = run.evaluation.threshold if false_alarms is None else _cut(run, false_alarms)
            probability[name], thresholds[name] = _predict(run, table, curves, made, trusted), threshold
        except (ValueError, OSError) as error:
            missing[name] = str(error)
    if not probability:
        raise ValueError(f"no run of the group can be used; the first reason: {next(iter(missing.values()))}")
    if missing:
        text = f"{len(missing)} of {len(runs)} runs say nothing, first {next(iter(missing))}"
        warnings.warn(f"{text}: {next(iter(missing.values()))}", stacklevel=3)
    return pd.DataFrame(probability), pd.Series(thresholds), missing


def _add_surprise(described, table, star, folder):
    """Add how surprising each star is to a table of stars; return a warning if all of them are."""
    if not (folder / "scores.parquet").is_file():
        return ""
    rates = load_novelty(folder).rates(table)
    described["surprise"] = pd.Series(rates).groupby(star, sort=False).median().round(4)
    return describe_survey(rates)


def _star_names(table):
    """Return the star of each row; a row without name and position is a star of its own."""
    if "obj_id" not in table and not {"ra", "dec"} <= set(table):
        return np.array([f"row {row}" for row in range(len(table))], object)
    column = "obj_id" if "obj_id" in table else "ra"
    named = table[column].notna().to_numpy()
    star = np.array([f"row {row}" for row in range(len(table))], object)
    star[named] = stars(table[named])[0]
    return star


def _predict(run, table, curves, cache, trusted):
    """Return what a run says of each row; inputs of runs of the same settings are made once."""
    cut = run.record["dataset"]
    if cut.get("light_curves") and curves is None:
        raise ValueError(f"{run.name} looks at light curves themselves, of which a table has none")
    settings = [cut[name] for name in ("features", "period_suffix", "derived", "dmdt")]
    key = json.dumps([*settings, bool(cut.get("light_curves"))])
    if key not in cache:
        cache[key] = inputs(table, *settings, curves if cut.get("light_curves") else None)
    return load_model(run.folder / "model", trusted).predict_proba(cache[key])[:, 1]


def _cut(run, false_alarms):
    """Return the threshold that so large a share of unseen stars without the tag exceeds."""
    predictions = run.evaluation.predictions
    unseen = predictions[predictions["part"].isin([*run.evaluation.unseen, "test"]) & (predictions["y"] == 0)]
    return float(np.quantile(unseen.groupby("star")["probability"].mean(), 1 - false_alarms))


def _by_tag(frame):
    """Return the mean over algorithms of the columns `TAG_ALGORITHM`."""
    return frame.T.groupby(lambda name: name.rpartition("_")[0], sort=False).mean().T


def _describe_stars(identity, star, curves, progress):
    """Return one row for each star: position, light curves, epochs, and the period of all bands together.

    Those of which no light curve could be used are there, too.
    """
    rows = identity if curves is None else curves.meta.assign(n_epochs=curves.n_epochs)
    names = star if curves is None else _star_names(curves.meta)
    stars_ = rows.assign(star=names).groupby("star", sort=False)
    described = stars_[[name for name in ("ra", "dec") if name in rows]].first()
    described["light_curves"] = stars_.size()
    if "n_epochs" in rows:
        described["n_epochs"] = stars_["n_epochs"].sum()
    if curves is not None:
        with_epochs = curves.select(curves.n_epochs > 0)
        periods = period_table(with_epochs, by_star=True, progress=progress) if _are_named(curves.meta) else None
        if periods is not None:
            return described.join(periods[["period", "trust"]])
    if "period" in identity:
        longest = identity.assign(star=star).sort_values("n_epochs", ascending=False, kind="stable")
        described["period"] = longest.groupby("star")["period"].first()
    return described


def _are_named(meta):
    return ("obj_id" in meta and meta["obj_id"].notna().all()) or meta[["ra", "dec"]].notna().all(axis=None)


def _label_stars(probability, threshold):
    """Return labels, the most specific one, the probability of each tag, and the shares of exclusive classes."""
    positive = probability > threshold
    labels = [" ".join(positive.columns[row]) for row in positive.to_numpy()]
    labelled = pd.DataFrame({"label": name_classes(probability, threshold), "labels": labels}, index=probability.index)
    shares = class_shares(probability).round(4).add_prefix("share ")
    return labelled.join(probability.round(4)).join(shares)
