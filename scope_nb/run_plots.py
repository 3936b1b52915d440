"""Plots of many runs: each function takes a matplotlib Axes (or makes one) and returns it."""

import numpy as np

from .plots import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, axes_for
from .taxonomy import published, tags

STYLES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (RED, "v"), (GREY, "P"))


WORDS = {"f1_score": "F1", "precision": "precision", "recall": "recall"}


def _nothing(ax, words):
    ax.text(0.5, 0.5, words, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_axis_off()
    return ax


def height_of(runs):
    """Return the height in inches of a figure of `bars` for these runs."""
    return 1.2 + 0.18 * len(runs) + 0.12 * (runs["tag"].nunique() if len(runs) else 0)


def bars(runs, metric, ax=None):
    """Draw a test score of every run with its 95 % interval; the published DNN and XGB of the tag as marks.

    Parameters
    ----------
    runs : pandas.DataFrame
        See `runs.load_runs`.
    metric : {"precision", "recall"}
    ax : matplotlib.axes.Axes, optional
    """
    ax = axes_for(ax, figsize=(5, height_of(runs)))
    if not len(runs):
        return _nothing(ax, "no runs yet")
    order, algorithms = list(dict.fromkeys(runs["tag"])), sorted(set(runs["algorithm"]))
    width = 0.8 / len(algorithms)
    for k, algorithm in enumerate(algorithms):
        own = runs[runs["algorithm"] == algorithm]
        place = [order.index(tag) + (k - (len(algorithms) - 1) / 2) * width for tag in own["tag"]]
        value = own[metric].astype(float)
        error = _error(own, metric)
        kwargs = {"error_kw": {"lw": 0.8}, "label": algorithm}
        ax.barh(place, value, 0.9 * width, xerr=error, color=STYLES[k % len(STYLES)][0], alpha=0.8, **kwargs)
    for name, mark in (("dnn", "x"), ("xgb", "D")):
        value = [published()[f"{metric}_{name}"].get(tag, np.nan) for tag in order]
        fill = {} if mark == "x" else {"facecolor": "none", "edgecolor": "black"}
        color = {"color": "black"} if mark == "x" else {}
        label = f"SCoPe {name.upper()}, published"
        ax.scatter(value, range(len(order)), marker=mark, s=26, lw=1.2, zorder=3, label=label, **fill, **color)
    ax.set_yticks(range(len(order)), order)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xlim(0, 1.02)
    ax.set_xlabel(f"{WORDS[metric]} on test stars (95 % interval)")
    return ax


def _error(runs, metric):
    """Return the lengths of the error bars, shape (2, n); none where the score is undefined."""
    ends = np.array([interval[metric] for interval in runs["interval"]], float).reshape(-1, 2)
    value = runs[metric].to_numpy(float)
    return np.nan_to_num(np.clip([value - ends[:, 0], ends[:, 1] - value], 0, None))


def gap(runs, ax=None, named=6):
    """Plot the F1 of the test part against that of the training part; the widest gaps above 0.1 are named."""
    ax = axes_for(ax, figsize=(4.5, 4))
    if not len(runs):
        return _nothing(ax, "no runs yet")
    ax.plot([0, 1], [0, 1], lw=0.8, color="black", alpha=0.4)
    _points(ax, runs, runs["f1_train"])
    width = (runs["f1_train"].astype(float) - runs["f1_score"].astype(float)).sort_values(ascending=False)
    for i in width[width > 0.1].index[:named]:
        at = (runs["f1_train"][i], runs["f1_score"][i])
        side = {"xytext": (-6, -3), "ha": "right"} if at[0] > 0.9 else {"xytext": (6, -3)}
        ax.annotate(runs["tag"][i], at, textcoords="offset points", fontsize=8, **side)
    low = min(runs["f1_train"].astype(float).min(), _lowest(runs))
    ax.set(xlim=(max(low - 0.05, 0), 1.02), ylim=(max(low - 0.05, 0), 1.02))
    ax.set_xlabel("F1 on training stars")
    ax.set_ylabel("F1 on test stars (95 % interval)")
    ax.legend(loc="upper left")
    return ax


def _lowest(runs):
    """Return the lowest end of the intervals of F1."""
    return np.nanmin([interval["f1_score"][0] for interval in runs["interval"]] + [1.0])


def by_positives(runs, ax=None):
    """Plot the F1 of the test part against the number of positive test light curves, beside the published scores."""
    ax = axes_for(ax, figsize=(4.5, 4))
    if not len(runs):
        return _nothing(ax, "no runs yet")
    _points(ax, runs, runs["n_positive"])
    n, f1 = 0.1 * tags()["n_scope"].reindex(published().index), published()["f1_score_xgb"]
    ax.scatter(n, f1, marker="x", s=18, lw=0.9, color="black", label="SCoPe XGB, published")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("positive test light curves")
    ax.set_ylabel("F1 on test stars (95 % interval)")
    ax.legend(loc="lower right")
    return ax


def _points(ax, runs, x):
    """Draw the test F1 of each run at x, one colour and mark for each algorithm."""
    for k, algorithm in enumerate(sorted(set(runs["algorithm"]))):
        own = runs["algorithm"] == algorithm
        color, mark = STYLES[k % len(STYLES)]
        error = _error(runs[own], "f1_score")
        style = {"fmt": mark, "ms": 4, "lw": 0.7, "color": color, "ecolor": (color, 0.5), "label": algorithm}
        ax.errorbar(x[own].astype(float), runs["f1_score"][own].astype(float), error, **style)


def importance_map(table, ax=None):
    """Show `leaderboard.mean_importances`: features down, tags across."""
    ax = axes_for(ax, figsize=(2.8 + 0.35 * len(table.columns), 0.8 + 0.25 * len(table)))
    if not len(table):
        return _nothing(ax, "no run tells what it looks at")
    drawn = ax.imshow(table, aspect="auto", cmap="viridis", vmin=0)
    ax.set_xticks(range(len(table.columns)), table.columns, rotation=90)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_xlabel("tag")
    ax.figure.colorbar(drawn, ax=ax, label="share of the importance")
    return ax


def differences(comparison, metric="f1_score", ax=None):
    """Draw the resampled differences of a `Comparison`, with the interval and the line of no difference."""
    ax = axes_for(ax, figsize=(5, 2.6))
    row = comparison.table.loc[metric]
    ax.hist(comparison.differences[metric].dropna(), 50, color=BLUE, alpha=0.6)
    for end in ("low", "high"):
        ax.axvline(row[end], color=BLUE, ls="--", lw=1, label="95 % interval" if end == "low" else None)
    ax.axvline(0, color="black", lw=1, label="no difference")
    ax.set_xlabel(f"difference in {WORDS.get(metric, metric)}: {comparison.b} minus {comparison.a}", fontsize=9)
    ax.set_ylabel("resamples of the stars")
    ax.legend(fontsize=8)
    return ax


def gains(table, ax=None):
    """Draw the difference in F1 between two groups of runs, tag by tag and in the mean, with its 95 % interval.

    Parameters
    ----------
    table : pandas.DataFrame
        From `leaderboard.against_group`.
    ax : matplotlib.axes.Axes, optional
    """
    ax = axes_for(ax, figsize=(6, 1.1 + 0.2 * len(table)))
    several = table["algorithm"].nunique() > 1
    names = table["tag"] + (", " + table["algorithm"]).where(table["algorithm"].notna() & several, "")
    for verdict, (color, mark) in {"better": STYLES[0], "worse": STYLES[1]}.items():
        own = table[table["verdict"] == verdict]
        _gain(ax, own, color, mark, f"here clearly {verdict}")
    _gain(ax, table[~table["verdict"].isin(["better", "worse"])], GREY, "o", "not clear, or too few stars")
    ax.axvline(0, color="black", lw=0.8)
    ax.axhline(len(table) - 1.5, color="black", lw=0.8, alpha=0.4)
    ax.set_yticks(range(len(table)), names, fontsize=8)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("F1 here minus F1 there, same test stars (95 % interval)")
    ax.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return ax


def _gain(ax, rows, color, mark, label):
    if len(rows):
        x = rows["difference"].astype(float)
        error = np.nan_to_num([x - rows["low"], rows["high"] - x])
        ax.errorbar(x, rows.index, xerr=np.maximum(error, 0), fmt=mark, ms=4, lw=0.8, color=color, label=label)
