"""Plots of many runs (of at least one): each function takes a matplotlib Axes (or makes one) and returns it."""

import numpy as np
import seaborn

from .plots import BLUE, GREY, GUIDE, STYLES, axes_for, draw_points, error_lengths
from .taxonomy import published, tags


def height_of(runs):
    """Return the height in inches of a figure of `bars` for these runs."""
    return 1.2 + 0.18 * len(runs) + 0.12 * runs["tag"].nunique()


def _ends(runs, metric):
    """Return the ends of the intervals of a score, shape (n, 2)."""
    return np.array([interval[metric] for interval in runs["interval"]], float)


def bars(runs, metric, ax=None):
    """Draw the precision or recall of every run with its 95 % interval; marks are the published DNN and XGB."""
    ax = axes_for(ax, figsize=(5, height_of(runs)))
    order, algorithms = list(runs["tag"].unique()), sorted(runs["algorithm"].unique())
    width = 0.8 / len(algorithms)
    for k, (algorithm, group) in enumerate(runs.groupby("algorithm")):
        place = group["tag"].map(order.index) + (k - (len(algorithms) - 1) / 2) * width
        value = group[metric].astype(float)
        style = {"color": STYLES[k % len(STYLES)][0], "alpha": 0.8, "error_kw": {"lw": 0.8}, "label": algorithm}
        ax.barh(place, value, 0.9 * width, xerr=error_lengths(value, _ends(group, metric)), **style)
    for name, mark, fill in (("dnn", "x", "black"), ("xgb", "D", "none")):
        score = published()[f"{metric}_{name}"].reindex(order)
        ax.plot(score, range(len(order)), mark, ms=5, mec="black", mfc=fill, label=f"SCoPe {name.upper()}, published")
    ax.set_yticks(range(len(order)), order)
    ax.set(ylim=(len(order) - 0.5, -0.5), xlim=(0, 1.02), xlabel=f"{metric} on test stars (95 % interval)")
    return ax


def gap(runs, ax=None):
    """Plot the F1 of the test part against that of the training part; the six widest gaps above 0.1 are named."""
    ax = axes_for(ax, figsize=(4.5, 4))
    ax.axline((1, 1), slope=1, **GUIDE)
    _draw_f1(ax, runs, "f1_train")
    f1 = runs[["f1_train", "f1_score"]].astype(float)
    fall = f1["f1_train"] - f1["f1_score"]
    for i in fall[fall > 0.1].nlargest(6).index:
        ax.annotate(runs["tag"][i], f1.loc[i], (-6, -3), textcoords="offset points", fontsize=8, ha="right")
    lowest = np.nanmin([*f1["f1_train"], *_ends(runs, "f1_score")[:, 0], 1.0])
    limits = (max(lowest - 0.05, 0), 1.02)
    ax.set(xlim=limits, ylim=limits, xlabel="F1 on training stars", ylabel="F1 on test stars (95 % interval)")
    ax.legend(loc="upper left")
    return ax


def by_positives(runs, ax=None):
    """Plot the F1 of the test part against the number of positive test light curves, beside the published scores."""
    ax = axes_for(ax, figsize=(4.5, 4))
    _draw_f1(ax, runs, "n_positive")
    n, f1 = 0.1 * tags()["n_scope"].reindex(published().index), published()["f1_score_xgb"]
    ax.scatter(n, f1, marker="x", s=18, lw=0.9, color="black", label="SCoPe XGB, published")
    ax.set(xlabel="positive test light curves", ylabel="F1 on test stars (95 % interval)", xscale="log", ylim=(0, 1.02))
    ax.legend()
    return ax


def _draw_f1(ax, runs, x):
    """Draw the test F1 of each run against the column `x`, one colour and mark for each algorithm."""
    for k, (algorithm, group) in enumerate(runs.groupby("algorithm")):
        ends, style = _ends(group, "f1_score"), STYLES[k % len(STYLES)]
        draw_points(ax, group[x].astype(float), group["f1_score"], ends, style, algorithm)


def importance_map(table, ax=None):
    """Show the mean importances of features (down) by tag (across)."""
    ax = axes_for(ax, figsize=(4 + 0.3 * len(table.columns), 0.8 + 0.25 * len(table)))
    style = {"cmap": "viridis", "vmin": 0, "cbar_kws": {"label": "share of the importance"}}
    seaborn.heatmap(table, xticklabels=True, yticklabels=True, ax=ax, **style).tick_params(axis="x", rotation=90)
    ax.set(xlabel="tag", ylabel="")
    return ax


def differences(comparison, metric="f1_score", ax=None):
    """Draw the resampled differences of a `Comparison`, with the interval and the line of no difference."""
    ax = axes_for(ax, figsize=(5, 2.6))
    row = comparison.table.loc[metric]
    ax.hist(comparison.differences[metric].dropna(), 50, color=BLUE, alpha=0.6)
    ax.axvline(row["low"], color=BLUE, ls="--", lw=1, label="95 % interval")
    ax.axvline(row["high"], color=BLUE, ls="--", lw=1)
    ax.axvline(0, color="black", lw=1, label="no difference")
    name = "F1" if metric == "f1_score" else metric.replace("_", " ")
    ax.set_xlabel(f"difference in {name}: {comparison.b} minus {comparison.a}", fontsize=9)
    ax.set_ylabel("resamples of the stars")
    ax.locator_params(axis="x", nbins=6)
    ax.legend(fontsize=8)
    return ax


def gains(table, ax=None):
    """Draw the differences in F1 between two groups of runs and their mean, from `leaderboard.against_group`."""
    ax = axes_for(ax, figsize=(6, 1.1 + 0.2 * len(table)))
    kinds = table["verdict"].map({"better": "here clearly better", "worse": "here clearly worse"})
    styles = {"here clearly better": STYLES[0], "here clearly worse": STYLES[1]}
    for kind, group in table.groupby(kinds.fillna("not clear, or too few stars")):
        x, (color, mark) = group["difference"].astype(float), styles.get(kind, (GREY, "o"))
        error = error_lengths(x, group[["low", "high"]])
        ax.errorbar(x, group.index, xerr=error, fmt=mark, ms=4, lw=0.8, color=color, label=kind)
    ax.axvline(0, color="black", lw=0.8)
    ax.axhline(len(table) - 1.5, **GUIDE)
    ax.set_yticks(range(len(table)), table["tag"] + (", " + table["algorithm"]).fillna(""), fontsize=8)
    ax.set(ylim=(len(table) - 0.5, -0.5), xlabel="F1 here minus F1 there, same test stars (95 % interval)")
    ax.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return ax
