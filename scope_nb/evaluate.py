"""Honest scores: a threshold from the validation part, intervals from resampling stars, runs saved whole."""

import json
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import packages_distributions, version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from . import models
from .data import PARTS, write_parquet
from .files import project_folder, sha256, whole
from .taxonomy import labels, published

METRICS = (
    *("accuracy", "precision", "recall", "f1_score", "roc_auc", "average_precision", "brier_score"),
    "log_loss",
)
LOSSES = ("brier_score", "log_loss")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of one model on one data set.

    Parameters
    ----------
    tag : str
    threshold : float
        Chosen on the validation part; a probability above it counts as positive.
    predictions : pandas.DataFrame
        One row per light curve: `row` in the table, `star`, `part`, `y`, `probability`.
    stats : dict
        For "train", "val" and "test": every score of `METRICS`, `n`, `n_positive`, `n_stars`, `n_positive_stars`, and
        `interval`, the 95 % interval of each score.
    """

    tag: str
    threshold: float
    predictions: pd.DataFrame
    stats: dict = field(repr=False)

    def part(self, name):
        """Return the predictions of one part."""
        return self.predictions[self.predictions["part"] == name]

    def table(self):
        """Return the scores of all parts as text, `0.95 (0.93-0.97)`, one column per part."""
        return pd.DataFrame({name: {m: _with_interval(self.stats[name], m) for m in METRICS} for name in PARTS})


def evaluate(model, dataset, threshold=None, n_resamples=1000, seed=0):
    """Score a fitted model on the three parts of a data set.

    Parameters
    ----------
    model : scikit-learn classifier
        Fitted on `dataset.train`.
    dataset : Dataset
    threshold : float, optional
        Where a probability counts as positive; by default chosen on the validation part (`best_threshold`).
    n_resamples : int
        Resamplings of the stars for the intervals.
    seed : int

    Returns
    -------
    Evaluation
    """
    probability = np.asarray(model.predict_proba(dataset.X))[:, 1].astype(float)
    frame = pd.DataFrame(
        {"row": dataset.row, "star": dataset.star, "part": dataset.part, "y": dataset.y, "probability": probability}
    )
    if threshold is None:
        val = frame[frame["part"] == "val"]
        threshold = best_threshold(val["y"], val["probability"])
    stats = {}
    for name in PARTS:
        part = frame[frame["part"] == name]
        y, p, star = part["y"].to_numpy(), part["probability"].to_numpy(), part["star"].to_numpy()
        stats[name] = {"n": len(y), "n_positive": int(y.sum()), "n_stars": len(set(star))}
        stats[name] |= {"n_positive_stars": len(set(star[y == 1])), **scores(y, p, threshold)}
        stats[name]["interval"] = intervals(y, p, star, threshold, n_resamples, seed)
    return Evaluation(dataset.tag, threshold, frame, stats)


def best_threshold(y, probability):
    """Return the threshold with the highest F1, midway to the next lower probability.

    Where several thresholds tie, the middle one is taken: it is the least sensitive to the few stars of a small
    validation part.
    """
    precision, recall, cut = precision_recall_curve(y, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = np.flatnonzero(f1[:-1] >= f1[:-1].max() - 1e-12)
    k = best[len(best) // 2]
    return float((cut[k] + (cut[k - 1] if k else 0.0)) / 2)


def scores(y, probability, threshold=0.5, weight=None):
    """Return the scores of `METRICS`; a probability above `threshold` counts as positive.

    Parameters
    ----------
    y : array-like of int, shape (n,)
    probability : array-like of float, shape (n,)
    threshold : float
    weight : array-like of float, shape (n,), optional
        How often each row counts.

    Returns
    -------
    dict of str to float
        NaN where a score is undefined (no positives, no negatives, nothing predicted positive).
    """
    y, probability = np.asarray(y), np.asarray(probability, float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    order = np.argsort(-probability, kind="stable")
    return dict(zip(METRICS, _scores(y[order], probability[order], weight[order][None], threshold)[0], strict=True))


def intervals(y, probability, star, threshold, n_resamples=1000, seed=0):
    """Return the 95 % interval of every score, from resampling stars with replacement.

    Light curves of one star are not independent: whole stars are drawn. Resamples in which a score is undefined do
    not count. A perfect score is perfect in every resample, which says nothing: there the interval is Wilson's for as
    many stars as there are positives (for the accuracy, stars in all).

    Returns
    -------
    dict of str to [float, float]
    """
    y, probability = np.asarray(y), np.asarray(probability, float)
    order = np.argsort(-probability, kind="stable")
    names, owner = np.unique(np.asarray(star)[order], return_inverse=True)
    rng = np.random.default_rng(seed)
    rows = []
    for start in range(0, n_resamples, 50):  # in blocks: memory stays small for large parts
        draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), min(50, n_resamples - start))
        rows.append(_scores(y[order], probability[order], draws[:, owner].astype(float), threshold))
    drawn = np.concatenate(rows)
    own = np.bincount(owner, y[order]) > 0
    result = {}
    for metric, values in zip(METRICS, drawn.T, strict=True):
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
        if low == high and metric not in LOSSES:
            low, high = _wilson(low, len(names) if metric == "accuracy" else own.sum())
        result[metric] = [float(low), float(high)]
    return result


def _wilson(share, n, z=1.96):
    """Wilson's 95 % interval of a share among n (1927, J. Am. Stat. Assoc. 22, 209)."""
    if n == 0:
        return np.nan, np.nan
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _scores(y, probability, weight, threshold):
    """Return the scores, shape (b, len(METRICS)), for b sets of weights; probabilities are sorted downwards."""
    end = np.flatnonzero(np.append(np.diff(probability) != 0, True))  # the last row of each run of ties
    tp, fp = np.cumsum(weight * y, axis=1), np.cumsum(weight * (1 - y), axis=1)
    positive, negative = tp[:, -1], fp[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = int(np.sum(probability > threshold))
        hit = tp[:, cut - 1] if cut else np.zeros(len(weight))
        false = fp[:, cut - 1] if cut else np.zeros(len(weight))
        tp, fp = tp[:, end], fp[:, end]
        gain = np.diff(tp, axis=1, prepend=0.0)
        auc = (np.diff(fp, axis=1, prepend=0.0) * (tp - gain / 2)).sum(axis=1) / (positive * negative)
        purity = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
        average_precision = (gain * purity).sum(axis=1) / positive
        total = positive + negative
        accuracy = (hit + negative - false) / total
        f1 = 2 * hit / (hit + false + positive)
        brier = weight @ (probability - y) ** 2 / total
        clipped = np.clip(probability, 1e-15, 1 - 1e-15)
        log_loss = weight @ -np.where(y == 1, np.log(clipped), np.log1p(-clipped)) / total
        columns = (accuracy, hit / (hit + false), hit / positive, f1, auc, average_precision, brier, log_loss)
    return np.column_stack(columns)


def comparison(evaluation):
    """Return the test scores beside the trivial baseline and the published scores of the tag.

    The baseline calls everything positive: its precision is the share of positives. Published are SCoPe's DNN and
    XGB, on its own test set and split by light curve; they are no upper limit for other data.

    Returns
    -------
    pandas.DataFrame of str
        `precision`, `recall`, `f1_score` and `average_precision`; one row each.
    """
    names = ["precision", "recall", "f1_score", "average_precision"]
    test = evaluation.stats["test"]
    share = test["n_positive"] / test["n"]
    baseline = [share, 1.0, 2 * share / (1 + share), share]
    rows = {
        "this model": [_with_interval(test, name) for name in names],
        "everything positive": [f"{value:.3f}" for value in baseline],
    }
    if evaluation.tag in published().index:
        known = published().loc[evaluation.tag]
        for name in ("dnn", "xgb"):
            p, r = known[f"precision_{name}"], known[f"recall_{name}"]
            f1 = 2 * p * r / (p + r) if p + r > 0 else np.nan
            rows[f"SCoPe {name.upper()}, published"] = [_number(p), _number(r), _number(f1), "-"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def reading(evaluation):
    """Say in plain words what the test scores mean, and how far they can be trusted."""
    test, train = evaluation.stats["test"], evaluation.stats["train"]
    low, high = test["interval"]["f1_score"]
    lines = [
        f"Of {test['n_positive']:,} test light curves ({test['n_positive_stars']:,} stars) that are {evaluation.tag}, "
        f"the classifier finds "
        f"{_percent(test['recall'])}; of those it calls {evaluation.tag}, {_percent(test['precision'])} are. "
        f"F1 is {_number(test['f1_score'])}, and with other stars of the same kind it would lie between {_number(low)} "
        f"and {_number(high)} (95 %).",
    ]
    share = test["n_positive"] / test["n"]
    baseline = 2 * share / (1 + share)
    beats = np.isfinite(low) and low > baseline
    lines.append(
        f"Calling everything {evaluation.tag} would give an F1 of {baseline:.3f}: "
        + ("the classifier is clearly better." if beats else "the classifier is not clearly better.")
    )
    if train["interval"]["average_precision"][0] > test["interval"]["average_precision"][1]:
        lines.append(
            f"Average precision falls from {train['average_precision']:.3f} on the training part to "
            f"{test['average_precision']:.3f}, more than chance explains: the classifier remembers its training stars."
        )
    few = min(evaluation.stats[name]["n_positive_stars"] for name in ("val", "test"))
    if few < 30:
        lines.append(
            f"There are only {few} positive stars in the validation or test part: "
            "take the intervals seriously, and the single figures not."
        )
    return "\n\n".join(lines)


def mistakes(evaluation, table, part="test", most=6):
    """Return the worst mistakes of a part: light curves whose probability is furthest on the wrong side.

    Returns
    -------
    pandas.DataFrame
        `row` in the table, `y`, `probability`, and `labels`: the labels the light curve has above 0.5.
    """
    frame = evaluation.part(part)
    wrong = frame[(frame["probability"] > evaluation.threshold) != (frame["y"] == 1)]
    margin = (wrong["probability"] - wrong["y"]).abs()
    worst = wrong.loc[margin.sort_values(ascending=False).index[:most]].reset_index(drop=True)
    columns = [label for label in labels() if label in table]
    votes = table[columns].iloc[worst["row"]]
    worst["labels"] = [", ".join(votes.columns[row > 0.5]) or "none" for row in votes.to_numpy()]
    return worst


def _with_interval(stats, metric):
    low, high = stats["interval"][metric]
    return f"{_number(stats[metric])} ({_number(low)}-{_number(high)})"


def _percent(value):
    return f"{100 * value:.1f} %" if np.isfinite(value) else "none"


def _number(value):
    return f"{value:.3f}" if np.isfinite(value) else "-"


def provenance(parameters, data=None, simulated=False):
    """Return what a run depends on: time, parameters, versions of all packages in use, the code's commit, the data."""
    record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": parameters,
        "python": platform.python_version(),
        "versions": _versions(),
        "commit": _commit(),
    }
    if data is not None:
        record["data"] = {"file": Path(data).name, "sha256": sha256(data), "simulated": bool(simulated)}
    return record


def _versions():
    """Return the versions of the installed packages whose modules are loaded."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    packages = {package for name, found in packages_distributions().items() if name in loaded for package in found}
    return {name: version(name) for name in sorted(packages, key=str.lower)}


def _commit():
    """Return the commit of the project's checkout, with a plus where files were changed since; None elsewhere."""
    if not (project_folder() / ".git").exists():
        return None
    command = ["git", "-C", str(project_folder()), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def save_run(folder, model, evaluation, dataset, parameters=None, data=None, simulated=False, figures=None):
    """Save a run: scores, predictions, plots, model and provenance, whole or not at all.

    Parameters
    ----------
    folder : path-like
        `reports/GROUP/ALGORITHM/TAG`. A run already there is replaced.
    model : scikit-learn classifier
        Fitted.
    evaluation : Evaluation
    dataset : Dataset
    parameters : dict, optional
        The notebook's parameters.
    data : path-like, optional
        The file of the training table, for its hash.
    simulated : bool
        Whether the data are.
    figures : dict of str to matplotlib.figure.Figure, optional
        Saved as PNG by name.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    with whole(folder) as part:
        part.mkdir()
        test = evaluation.stats["test"]
        stats = {"tag": evaluation.tag, "threshold": evaluation.threshold, **{m: test[m] for m in METRICS}}
        _write_json(part / "stats.json", stats | evaluation.stats)
        write_parquet(evaluation.predictions, part / "predictions.parquet")
        record = provenance(parameters or {}, data, simulated) | {"dataset": dataset.settings}
        _write_json(part / "provenance.json", record)
        for name, figure in (figures or {}).items():
            figure.savefig(part / f"{name}.png", dpi=120, bbox_inches="tight")
        models.save_model(model, part / "model")
    return folder


def _write_json(path, value):
    """Write JSON; an undefined score becomes null, as JSON has no NaN."""
    path.write_text(json.dumps(_plain(value), indent=1) + "\n")


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def load_runs(reports):
    """Return the saved runs below a folder, one row each: group, algorithm, tag, folder, data, the test scores."""
    rows = []
    for path in sorted(Path(reports).glob("*/*/*/stats.json")):
        if any(name.startswith(".") for name in path.relative_to(reports).parts):
            continue
        group, algorithm, tag = path.relative_to(reports).parts[:3]
        stats = json.loads(path.read_text())
        row = {"group": group, "algorithm": algorithm, "tag": tag, "folder": path.parent}
        record = json.loads((path.parent / "provenance.json").read_text())
        row |= {
            "time": record["time"],
            "data": record.get("data", {}).get("file"),
            "interval": stats["test"]["interval"],
        }
        row["simulated"] = record.get("data", {}).get("simulated", False)
        rows.append(row | {m: stats[m] for m in METRICS} | {k: stats["test"][k] for k in ("n", "n_positive")})
    return pd.DataFrame(rows)
