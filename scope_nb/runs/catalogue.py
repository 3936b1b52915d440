"""A catalogue: what all runs of a group say of light curves and of stars."""

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..dataset.tables import as_frame, make_plain, write_parquet
from ..features.extract import featurize
from ..files import reports_folder
from ..lightcurves.curves import LightCurves, stars
from ..lightcurves.formats import name_stars
from ..periods.search import period_table
from ..taxonomy import TABLES, ancestors, check_names, defaults, tags
from ..writing import write_atomically
from .group_models import list_group, load_group, warn_of_missing
from .novelty import describe_survey, group_novelty
from .saved import provenance
from .tree import CONSTANT, OTHER, class_shares, find_contradictions, name_classes, repair_probabilities

COMBINE, SHORT, UNLABELLED = ("mean", "median", "max"), "too few epochs", "no label"
IDENTITY = ("_id", "obj_id", "ra", "dec", "period", "trust", "n_epochs", "field", "ccd", "quad", "band", "filter")
PERIOD = "period_ELS_ECE_EAOV"
FILE_OF_STARS = "stars.parquet"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What the runs of a group say of stars.

    `curves` has one row per light curve in the layout of SCoPe's predictions (identity, period, `TAG_ALGORITHM`),
    `stars` one per star: light curves, epochs, period (days), probabilities by tag, `labels`, the most specific
    consistent `label` and its `probability`, and the shares of exclusive classes. `contradictions` lists which tags
    of a star disagreed before the repair, `missing` why a run's column is empty, `record` what all rests on.
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
        """Write all tables as parquet and CSV, what their columns mean, and the provenance, whole or not at all."""
        folder = Path(folder).expanduser().absolute()
        if folder.exists() and not (folder.is_dir() and (folder / FILE_OF_STARS).is_file()):
            raise FileExistsError(f"{folder} is there and holds no catalogue: name a folder that is not there yet")
        with write_atomically(folder) as part:
            part.mkdir()
            explain_columns([*self.curves, *self.stars]).to_csv(part / "columns.csv", index=False, encoding="utf-8")
            for name in ("curves", "stars", "contradictions"):
                frame = getattr(self, name)
                frame.to_csv(part / f"{name}.csv", index=False, encoding="utf-8", float_format="%.8g")
                write_parquet(frame, part / f"{name}.parquet")
            text = json.dumps(self.record | {"missing": self.missing}, indent=1, default=str)
            (part / "provenance.json").write_text(text + "\n", encoding="utf-8")
        return folder


def explain_columns(names):
    """Return name, unit and description of columns of a catalogue, those of tags with the label and its parent."""
    table, tag = pd.read_csv(TABLES / "star_columns.csv", keep_default_na=False), tags()
    rows = table[table["name"].isin(names)].to_dict("records")
    for name in dict.fromkeys(names):
        share, run = name.removeprefix("share "), name.rpartition("_")[0]
        if name in tag.index:
            parent = ancestors(name)[0] if ancestors(name) else "nothing"
            text = f"probability of {tag.at[name, 'label']!r} ({tag.at[name, 'taxonomy']}, below {parent})"
        elif share != name:
            text = f"share of the class {tag['label'].get(share, share)!r}; those of all classes add up to 1"
        elif run in tag.index:
            text = f"probability of {tag.at[run, 'label']!r} by {name.rpartition('_')[2]}; empty where it says nothing"
        else:
            continue
        rows.append({"name": name, "unit": "", "description": text})
    return pd.DataFrame(rows)


def check_request(curves, min_epochs=None, combine="mean", false_alarms=None, top=None):
    """Raise a `ValueError` if `classify` cannot do that; `curves` are light curves, or None if it gets a table."""
    check_names("way to combine", [combine], COMBINE)
    if false_alarms is not None and not 0 < false_alarms < 1:
        raise ValueError(f"false_alarms is {false_alarms}; it is a share, above 0 and below 1")
    if top is not None and not top >= 1:
        raise ValueError(f"top is {top}; it is a number of stars, at least 1")
    if top is not None and false_alarms is not None:
        raise ValueError("top and false_alarms are two ways to draw the line: give one of them")
    least = defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs
    if curves is not None and not curves.n_epochs.max(initial=0) >= least:
        raise ValueError(
            f"none of {len(curves)} light curves has {least} epochs; the longest has {curves.n_epochs.max(initial=0)} "
            "after cuts. min_epochs (--min-epochs) lowers the limit, and min_cadence_minutes=0 (--min-cadence-minutes "
            "0) keeps epochs that follow each other closely"
        )


def catalogue_folder(light_curves, reports="", kind="catalogue"):
    """Return the usual folder of the catalogue of some files of light curves: `reports/catalogue-NAME`."""
    first = light_curves[0] if isinstance(light_curves, list) else light_curves
    return reports_folder(reports) / f"{kind}-{name_stars([Path(first).absolute()])[0]}"


def classify(
    source,
    group,
    reports="",
    combine="mean",
    repair=True,
    false_alarms=None,
    top=None,
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
    top : int, optional
        Label the most probable stars of each tag, so many of them, whatever the thresholds. That a star is not among
        the most probable variable ones does not mean that it does not vary: without any label it is `UNLABELLED`.
    min_epochs : int, optional
        Light curves with fewer epochs (50 by default) get no features; a star of only such has the label `SHORT`.
    trusted : list of str, optional
        Types that models may hold, see `models.load_model`.

    Raises
    ------
    ValueError
        There is no such group, none of its runs can be used, or the table cannot be.
    """
    check_request(source if isinstance(source, LightCurves) else None, min_epochs, combine, false_alarms, top)
    runs = list_group(group, reports)
    curves, table = _make_table(source, min_epochs, progress)
    star = table["obj_id"].to_numpy()
    models = load_group(runs, false_alarms, trusted)
    probability, missing = models.predict(table, curves, progress)
    warn_of_missing(missing, len(runs))
    identity = identity_of(table)
    described = describe_stars(identity, curves, progress)
    novelty, warning = group_novelty(group, reports), ""
    if novelty is not None:
        rates = novelty.rates(table)
        described["surprise"] = pd.Series(rates).groupby(star, sort=False).median().round(4)
        warning = describe_survey(rates)
    labelled, contradictions = label_stars(described, probability, star, models.thresholds, combine, repair, top)
    settings = {"group": group, "combine": combine, "repair": repair, "false_alarms": false_alarms, "top": top}
    count = len(table if curves is None else curves)
    settings |= {"min_epochs": min_epochs, "trusted": list(trusted), "light_curves": count}
    record = provenance(settings, simulated=runs["simulated"].any())
    record |= {"unlike the training table": warning, "simulated": bool(runs["simulated"].any())}
    record |= {"runs": {f"{row['algorithm']}/{row['tag']}": row["time"] for _, row in runs.iterrows()}}
    if warning:
        warnings.warn(warning, stacklevel=2)
    by_curve = pd.concat([identity, probability.astype(float).round(4)], axis=1)
    by_curve = by_curve.reindex(columns=[*by_curve, *missing])  # a run that says nothing leaves its column empty
    return Catalogue(by_curve, labelled, contradictions, missing, record)


def label_stars(described, probability, star, thresholds, combine="mean", repair=True, top=None):
    """Return a table of stars with what they are, and which tags of a star contradict each other.

    Parameters
    ----------
    described : pandas.DataFrame
        The stars, by name; those without any row of `probability` get the label `SHORT`.
    probability : pandas.DataFrame
        What each run says of each light curve, by `TAG_ALGORITHM`; `star` is the star of each, `thresholds` those of
        the runs. See `classify` for the rest.
    """
    by_star = _by_tag(probability.groupby(star, sort=False).agg(combine))
    cut = _by_tag(pd.Series(thresholds)[list(probability)].to_frame().T).iloc[0]
    contradictions = find_contradictions(_are_positive(by_star, cut, top))
    if repair:
        by_star = repair_probabilities(by_star)
    positive = _are_positive(by_star, cut, top)
    labelled = described.join(_label_each(by_star, positive, cut, top)).reset_index(names="star")
    short = labelled["label"].isna()
    labelled.loc[short, "label"] = SHORT
    labelled.loc[short, [name for name in ("period", "trust") if name in labelled]] = np.nan
    return labelled, contradictions


def _are_positive(probability, threshold, top):
    """Return which tags each star gets: those above their thresholds, or those of which it is among the `top` stars."""
    return probability > threshold if top is None else probability.rank(ascending=False, method="first") <= top


def _make_table(source, min_epochs, progress):
    """Return the light curves or None, and their features with `period` and `n_epochs`, a row for each usable one.

    In both, `obj_id` names the star of every row.
    """
    curves = None
    if isinstance(source, LightCurves):
        curves = replace(source, meta=source.meta.assign(obj_id=star_names(source.meta)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*get no row")  # they are in the catalogue
            least = defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs
            table = featurize(curves, min_epochs=least, bad="list", progress=progress)
    else:
        table = as_frame(source)
        if table is None:
            raise TypeError(f"light curves or a table of features are classified, not {type(source).__name__}")
        table = make_plain(table).reset_index(drop=True)
        table = table.assign(obj_id=star_names(table))
    return curves, with_usual_names(table)


def with_usual_names(table):
    """Return a table of features with the columns `period` and `n_epochs`, if it has what they are called after."""
    further = {"period": PERIOD, "n_epochs": "n"}
    more = {ours: table[name] for ours, name in further.items() if name in table and ours not in table}
    return table.assign(**more)


def identity_of(table):
    """Return the columns of a table of features that say which light curve a row is."""
    return table[[name for name in IDENTITY if name in table]].copy()


def star_names(table):
    """Return the star of each row; a row without name and position is a star of its own, named by its `_id`."""
    of_row = table["_id"] if "_id" in table else np.arange(len(table))
    star = np.array([f"light curve {name}" for name in of_row], object)
    if "obj_id" in table or {"ra", "dec"} <= set(table):
        named = table["obj_id" if "obj_id" in table else "ra"].notna().to_numpy()
        star[named] = stars(table[named])[0]
    return star


def _by_tag(frame):
    """Return the mean over algorithms of the columns `TAG_ALGORITHM`."""
    return frame.T.groupby(lambda name: name.rpartition("_")[0], sort=False).mean().T


def describe_stars(identity, curves=None, progress=False):
    """Return one row for each star: position, light curves, epochs, and the period of all bands together.

    Those of which no light curve could be used are there, too.
    """
    rows = identity if curves is None else curves.meta.assign(n_epochs=curves.n_epochs)
    by_star = rows.groupby("obj_id", sort=False)
    described = by_star[[name for name in ("ra", "dec") if name in rows]].first()
    described["light_curves"] = by_star.size()
    if "n_epochs" in rows:
        described["n_epochs"] = by_star["n_epochs"].sum()
    if curves is not None:
        periods = period_table(curves.select(curves.n_epochs > 0), by_star=True, progress=progress)
        return described.join(periods[["period", "trust"]])
    if "period" in identity:
        if "n_epochs" in identity:  # the period of the longest light curve
            identity = identity.sort_values("n_epochs", ascending=False, kind="stable")
        described["period"] = identity.groupby("obj_id")["period"].first()
    return described


def _label_each(probability, positive, threshold, top):
    """Return labels, the most specific one, its probability and that of each tag, and the shares of classes."""
    labels = [" ".join(positive.columns[row]) for row in positive.to_numpy()]
    if top is None:
        label = name_classes(positive, (probability - threshold) / (1 - threshold))
    else:  # the most probable stars of a tag are rarely among those of its parent, which has many more
        label = name_classes(repair_probabilities(positive.astype(float)) > 0, probability)
        label = label.mask((label == CONSTANT) | ~positive.any(axis=1), UNLABELLED)
    shares = class_shares(probability)
    every = shares[[CONSTANT, OTHER]].join(probability)
    column = every.columns.get_indexer(label)
    labelled = pd.DataFrame({"label": label, "probability": every.to_numpy()[np.arange(len(every)), column].round(4)})
    labelled.loc[label == UNLABELLED, "probability"] = np.nan
    labelled = labelled.assign(labels=labels)
    return labelled.join([probability.round(4), shares.round(4).add_prefix("share ")])
