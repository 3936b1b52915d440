"""A catalogue: what all runs of a group say of light curves and of stars."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ..dataset.dataset import inputs
from ..dataset.tables import as_frame, make_plain, write_parquet
from ..features.extract import featurize
from ..files import reports_folder, write_atomically
from ..lightcurves.curves import LightCurves, stars
from ..models.saving import load_model
from ..periods.search import period_table
from ..taxonomy import check_names
from .novelty import NOVELTY, describe_survey, load_novelty
from .saved import load_run, load_runs, provenance
from .tree import class_shares, find_contradictions, name_classes, repair_probabilities

COMBINE = ("mean", "median", "max")
IDENTITY = ("_id", "obj_id", "ra", "dec", "period", "trust", "n_epochs", "field", "ccd", "quad", "band", "filter")
PERIOD = "period_ELS_ECE_EAOV"


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
        with write_atomically(Path(folder)) as part:
            part.mkdir()
            for name in ("curves", "stars", "contradictions"):
                frame = getattr(self, name)
                frame.to_csv(part / f"{name}.csv", index=False, encoding="utf-8")
                write_parquet(frame, part / f"{name}.parquet")
            text = json.dumps(self.record | {"missing": self.missing}, indent=1, default=str)
            (part / "provenance.json").write_text(text + "\n", encoding="utf-8")
        return Path(folder)


def classify_stars(
    source, group, reports="", combine="mean", repair=True, false_alarms=None, trusted=(), progress=True
):
    """Return the `Catalogue` of what every run of a group says of light curves.

    Parameters
    ----------
    source : LightCurves or table
        Light curves, whose features are made first; or a table of features without labels, see `Dataset.read`.
    group : str
        A set of runs below `reports`.
    combine : {"mean", "median", "max"}
        How the probabilities of a star's light curves become one.
    repair : bool
        Whether a tag is at least as probable as those below it, see `tree.repair_probabilities`.
    false_alarms : float, optional
        Label so that this share of the stars without a tag is expected to get it, by what each run said of stars that
        it has not learned from; by default each run's own threshold decides.
    trusted : list of str, optional
        Types that models may hold, see `models.load_model`.

    Raises
    ------
    ValueError
        There is no such group, none of its runs can be used, or the table cannot be.
    """
    check_names("way to combine", [combine], COMBINE)
    runs = load_runs(reports)
    check_names("group of runs", [group], sorted(runs["group"].unique()))
    runs = runs[runs["group"] == group]
    curves = source if isinstance(source, LightCurves) else None
    table = featurize(curves, min_epochs=0, progress=progress) if curves else as_frame(source)
    if table is None:
        raise TypeError(f"light curves or a table of features are classified, not {type(source).__name__}")
    table = make_plain(table).reset_index(drop=True)
    star = _star_names(table)
    probability, thresholds, missing = {}, {}, {}
    cache = {}
    for _, row in tqdm(list(runs.iterrows()), unit="run", disable=not progress):
        name = f"{row['tag']}_{row['algorithm']}"
        try:
            run = load_run(row["folder"])
            probability[name] = _predict(run, table, curves, cache, trusted)
            thresholds[name] = run.evaluation.threshold if false_alarms is None else _cut(run, false_alarms)
        except (ValueError, OSError) as error:
            missing[name] = str(error)
    if not probability:
        raise ValueError(f"no run of {group} can be used; the first reason: {next(iter(missing.values()))}")
    probability, thresholds = pd.DataFrame(probability), pd.Series(thresholds)
    identity = _describe_rows(table, curves)
    by_star = _by_tag(probability.groupby(star, sort=False).agg(combine))
    cut = _by_tag(thresholds.to_frame().T).iloc[0]
    contradictions = find_contradictions(by_star > cut)
    if repair:
        by_star = repair_probabilities(by_star)
    described = _describe_stars(identity, star, curves, progress)
    folder, warning = reports_folder(reports) / group / NOVELTY, ""
    if (folder / "scores.parquet").is_file():
        rates = load_novelty(folder).rates(table)
        described["surprise"] = pd.Series(rates).groupby(star, sort=False).median().round(4)
        warning = describe_survey(rates)
    table_of_stars = described.join(_label_stars(by_star, cut)).reset_index(names="star")
    record = provenance({"group": group, "combine": combine, "repair": repair, "false_alarms": false_alarms})
    record |= {"unlike the training table": warning, "simulated": bool(runs["simulated"].any())}
    record |= {"runs": {str(r["folder"].name): r["time"] for _, r in runs.iterrows()}}
    return Catalogue(
        pd.concat([identity, probability.round(4)], axis=1), table_of_stars, contradictions, missing, record
    )


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
    if not 0 < false_alarms < 1:
        raise ValueError(f"false_alarms is {false_alarms}; it is a share, above 0 and below 1")
    predictions = run.evaluation.predictions
    unseen = predictions[predictions["part"].isin([*run.evaluation.unseen, "test"]) & (predictions["y"] == 0)]
    return float(np.quantile(unseen.groupby("star")["probability"].mean(), 1 - false_alarms))


def _by_tag(frame):
    """Return the mean over algorithms of the columns `TAG_ALGORITHM`."""
    return frame.T.groupby(lambda name: name.rpartition("_")[0], sort=False).mean().T


def _describe_rows(table, curves):
    """Return what identifies each light curve, and its period."""
    identity = table[[name for name in IDENTITY if name in table]].copy()
    if PERIOD in table:
        identity["period"] = table[PERIOD]
    if curves is not None:
        identity["n_epochs"] = curves.n_epochs
    elif "n" in table:
        identity["n_epochs"] = table["n"]
    return identity[[name for name in IDENTITY if name in identity]]


def _describe_stars(identity, star, curves, progress):
    """Return one row for each star: its name, position, light curves, epochs, and the period of all bands together."""
    rows = identity.assign(star=star).groupby("star", sort=False)
    described = rows[[name for name in ("ra", "dec") if name in identity]].first()
    described["light_curves"] = rows.size()
    if "n_epochs" in identity:
        described["n_epochs"] = rows["n_epochs"].sum()
    if curves is not None:
        together = period_table(curves, by_star=True, progress=progress)[["period", "trust"]]
        described = described.join(together)
    elif "period" in identity:
        longest = identity.assign(star=star).sort_values("n_epochs", ascending=False, kind="stable")
        described["period"] = longest.groupby("star")["period"].first()
    return described


def _label_stars(probability, threshold):
    """Return labels, the most specific one, the probability of each tag, and the shares of exclusive classes."""
    positive = probability > threshold
    labels = [" ".join(positive.columns[row]) for row in positive.to_numpy()]
    labelled = pd.DataFrame({"label": name_classes(probability, threshold), "labels": labels}, index=probability.index)
    shares = class_shares(probability).round(4).add_prefix("share ")
    return labelled.join(probability.round(4)).join(shares)
