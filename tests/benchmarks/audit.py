"""What an audit of labels finds of the errors in a simulated survey, whose truth is known, and what corrections bring.

    python tests/benchmarks/audit.py [FOLDER]

FOLDER holds a survey that data/simulate made; the embedded sample by default. Three tables are printed: precision and
recall of each check above the default probability; how often findings are right at each probability; and the F1 on true
labels of test stars, which no correction has touched: of a classifier before corrections, and by how much it is higher
after them, with a threshold for probable truth (`choose_probable_threshold`) in place of that for the labels, and, the
most that any audit can bring, where training and threshold know the truth.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from scope_nb import Dataset, evaluate, files, fit, models, read_lightcurves
from scope_nb.dataset import read_table
from scope_nb.dataset.splits import parts_of_stars
from scope_nb.labelling import audit_table, check_periods, choose_probable_threshold, make_corrections
from scope_nb.labelling.audit import LEAST
from scope_nb.lightcurves.curves import match_curves
from scope_nb.scores.metrics import ScoreInput, compute_scores, difference_limits, mean_difference
from scope_nb.taxonomy import NEGATIVE_LABEL, tags

TAGS = ["vnv", "pnp", "e", "ea", "ew", "sin", "longt", "i", "bogus", "bis", "wuma", "puls", "rrlyr", "lpv", "ceph2"]
NAMES = ("training_set", "truth", "lightcurves")
THRESHOLD, SUFFIX = 0.7, "ELS_ECE_EAOV"
GAINS = ("corrected", "threshold", "truth")


def find_truth(table, truth, stored):
    """Return for each row of a table whether it truly has each label; `stored` are the periods that are judged."""
    star = truth.set_index("obj_id").loc[table["obj_id"]]
    names = star["tags"].str.split().tolist()
    frame = pd.DataFrame({label: [tag in each for each in names] for tag, label in tags()["label"].items()})
    frame[NEGATIVE_LABEL] = [NEGATIVE_LABEL in each for each in names]
    frame["bogus"] &= ~frame[NEGATIVE_LABEL]  # a few of these are called so; that they all are is no truth
    ratio = stored / star["period"].to_numpy()
    near = {factor: np.abs(ratio / factor - 1) < np.maximum(0.01, stored / 4000) for factor in (0.5, 1.0, 2.0)}
    frame["wrong period"] = np.isfinite(ratio) & ~near[1.0]
    return frame.assign(**{"half period": near[0.5], "double period": near[2.0]})


def score_check(name, table, findings, true, labels, rows):
    """Return precision and recall of findings above the default cut, among all errors in some labels of some rows."""
    wrong = (table[labels] > THRESHOLD) != true[labels]
    probable = findings[(findings["probability"] > LEAST) & findings["label"].isin(labels)]
    right = np.array(
        [wrong.at[row, label] for row, label in zip(probable["row"], probable["label"], strict=True)], bool
    )
    errors = int(wrong.iloc[rows].to_numpy().sum())
    share = {"precision": right.mean() if len(right) else np.nan, "recall": right.sum() / max(errors, 1)}
    return {"check": name, "findings": len(right), "errors": errors} | share


def score_checks(table, true, audit, part):
    """Return the scores of the checks of labels, and of all of them together."""
    findings = audit.findings[audit.findings["check"] != "period"]
    labels, rows = tags()["label"].drop(["wp", "hp", "dp"]).tolist(), np.arange(len(table))
    scores = [score_check(name, table, group, true, labels, rows) for name, group in findings.groupby("check")]
    audited, learned = tags()["label"][TAGS].tolist(), np.flatnonzero(part != "test")
    by_classifier = findings[findings["check"] == "classifier"]
    for tag, label in zip(TAGS, audited, strict=True):
        scores.append(score_check(f"classifier, {tag}", table, by_classifier, true, [label], learned))
    together = findings[findings["part"] != "test"]
    return pd.DataFrame([*scores, score_check("all, in these tags", table, together, true, audited, learned)])


def score_periods(table, truth, curves, ways, name):
    """Return the scores of the check of periods for the stars with light curves; `ways` has these, or None, by name."""
    true = find_truth(table, truth, table[f"period_{SUFFIX}"].to_numpy())
    rows = np.flatnonzero((match_curves(curves, table) >= 0) & (table["periodic"] > THRESHOLD))
    labels, scores = ["wrong period", "half period", "double period"], []
    blank = table.assign(**dict.fromkeys(labels, 0.0))  # as if nobody had noticed a wrong period
    for how, some in ways.items():
        findings = check_periods(blank, some, progress=False)
        findings = findings[findings["row"].isin(rows)]
        for label in labels:
            part = findings[findings["label"] == label]
            scores.append(score_check(f"{name}, {how}, {label}", blank, part, true, [label], rows))
    return pd.DataFrame(scores)


def compare_training(table, true, corrections, tag, seed=42):
    """Return F1 on true labels of test stars, gains of the `GAINS` with intervals, and all `ScoreInput`s."""
    label = tags().at[tag, "label"]
    perfect = table.assign(**{name: true[name].astype(float) for name in {label, "variable", NEGATIVE_LABEL}})
    trained, scores = [], []
    for frame, mended in ((table, None), (table, corrections), (table, None), (perfect, None)):
        dataset = Dataset.read(frame, tag, corrections=mended, **models.choose_inputs("xgb"))
        again = len(trained) == 2  # the first one, with another threshold
        trained.append(trained[0] if again else fit(models.build("xgb", tag, seed), dataset, folds=5, progress=False))
        test = evaluate(trained[-1], dataset, choose_probable_threshold(trained[0]) if again else None)
        part = test.part("test")
        y = true[label].to_numpy()[part["row"]].astype(int)
        scores.append(ScoreInput.from_frame(part.assign(y=y), test.threshold))
    f1 = [compute_scores(part.y, part.probability, part.threshold)["f1_score"] for part in scores]
    row = {"tag": tag, "positive test stars": len(set(scores[0].star[scores[0].y == 1])), "before": f1[0]}
    for name, value, part in zip(GAINS, f1[1:], scores[1:], strict=True):
        low, high = difference_limits(scores[0], part)["f1_score"]
        row[name] = f"{value - f1[0]:+.3f} ({low:+.3f}, {high:+.3f})"
    return row, scores


def main(folder=""):
    """Print the three tables."""
    warnings.simplefilter("ignore")
    paths = {name: Path(folder) / f"{name}.parquet" if folder else files.sample(name) for name in NAMES}
    table, truth = read_table(paths["training_set"]), read_table(paths["truth"])
    curves = read_lightcurves(paths["lightcurves"], min_epochs=1, bad="drop")
    true = find_truth(table, truth, table[f"period_{SUFFIX}"].to_numpy())
    audit = audit_table(table, TAGS, progress=False)
    part = parts_of_stars(table["obj_id"])
    print(score_checks(table, true, audit, part).round(3).to_string(index=False))
    shown = truth.set_index("obj_id")["shown_period"].reindex(table["obj_id"]).to_numpy()
    as_shown = table.assign(**{f"period_{SUFFIX}": shown})
    ways = {"light curves": curves}
    print(score_periods(as_shown, truth, curves, ways, "shown to voters").round(3).to_string(index=False))
    ways |= {"stored searches": None}
    print(score_periods(table, truth, curves, ways, "stored").round(3).to_string(index=False))
    findings = audit.findings[audit.findings["check"] != "period"]
    right = [
        true.at[row, label] == (new > THRESHOLD) for row, label, new in findings[["row", "label", "new"]].to_numpy()
    ]
    bins = pd.cut(findings["probability"], [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    print(
        pd.Series(right, findings.index)
        .groupby([findings["check"], bins], observed=True)
        .agg(["mean", "size"])
        .round(2)
    )
    corrections = make_corrections(findings, "benchmark")
    rows, scores = zip(*(compare_training(table, true, corrections, tag) for tag in TAGS), strict=True)
    print(pd.DataFrame(rows).round(3).to_string(index=False))
    for number, name in enumerate(GAINS, 1):
        print(f"mean gain {name}:", mean_difference([(four[0], four[number]) for four in scores]))


if __name__ == "__main__":
    main(*sys.argv[1:])
