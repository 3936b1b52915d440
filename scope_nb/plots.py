"""Plots: each function takes a matplotlib Axes (or makes one) and returns it."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from sklearn.metrics import precision_recall_curve, roc_curve

from .features import derived
from .lightcurves.curves import positions
from .models.fitting import named_importances
from .periods.search import fold
from .scores import evaluation as scoring
from .taxonomy import CATALOGUES, base_name, dmdt_edges, features, tags, unknown

# Okabe and Ito's colours, told apart by colour-blind readers too
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#7F7F7F"


BANDS = {"g": (GREEN, "o"), "r": (RED, "s"), "i": (PURPLE, "^")}


PARTS = {"train": (GREY, ":"), "val": (ORANGE, "--"), "test": (BLUE, "-")}


def axes_for(ax, **size):
    """Return the axes given, or those of a new figure."""
    return plt.subplots(layout="constrained", **size)[1] if ax is None else ax


def _mag_axis(ax):
    """Magnitudes grow downwards: bright is up."""
    ax.set_ylabel("magnitude")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()


def light_curve(curve, ax=None, label=None):
    """Plot the epochs of a `LightCurve` with their errors against time (days)."""
    ax = axes_for(ax, figsize=(8, 3))
    color, marker = BANDS.get(curve.info.get("band"), (BLUE, "o"))
    ax.errorbar(
        curve.time, curve.mag, curve.err, fmt=marker, ms=2.5, lw=0.6, color=color, ecolor=(color, 0.3), label=label
    )
    ax.set_xlabel("time (MJD, days)")
    ax.locator_params(axis="x", nbins=5)
    _mag_axis(ax)
    return ax


def folded(curve, period, ax=None):
    """Plot a `LightCurve` folded at a period (days), two cycles long; phase 0 is the first epoch."""
    ax = axes_for(ax, figsize=(4, 3))
    color, marker = BANDS.get(curve.info.get("band"), (BLUE, "o"))
    phase = fold(curve.time, period, curve.time[0])
    both = np.concatenate([phase, phase + 1])
    mag, err = np.tile(curve.mag, 2), np.tile(curve.err, 2)
    ax.errorbar(both, mag, err, fmt=marker, ms=2.5, lw=0.6, color=color, ecolor=(color, 0.3))
    ax.set_xlabel(f"phase (P = {period:.6g} d)")
    ax.set_xlim(0, 2)
    _mag_axis(ax)
    return ax


def periodogram(result, ax=None, most=20000):
    """Plot a `PeriodResult` that kept its periodogram; of each stretch of frequencies the extremes are drawn."""
    if result.freq is None:
        raise ValueError("this result has no periodogram: search with keep_periodograms=True")
    ax = axes_for(ax, figsize=(8, 2.4))
    if not len(result.freq):
        ax.text(0.5, 0.5, "no period can be searched", ha="center", transform=ax.transAxes)
        return ax
    step = max(len(result.freq) // (most // 2), 1)
    whole = len(result.freq) // step * step
    stretches = result.power[:whole].reshape(-1, step)
    freq = np.repeat(result.freq[:whole:step], 2)
    ax.plot(freq, np.column_stack([stretches.min(axis=1), stretches.max(axis=1)]).ravel(), lw=0.5, color=BLUE)
    ax.axvline(1 / result.period, color=RED, lw=1, ls="--", label=f"P = {result.period:.6g} d")
    names = {"ELS": "Lomb-Scargle\npower", "ECE": "conditional\nentropy"}
    ax.set_ylabel(names.get(result.method, "analysis of\nvariance"))
    ax.set_xlabel("frequency (1/day)")
    ax.set_xlim(0, result.freq[-1])
    if result.method == "ECE":
        ax.invert_yaxis()  # the best frequency is up in every periodogram
    ax.legend(loc="upper right")
    return ax


def dmdt(image, ax=None, colorbar=True):
    """Show a magnitude-time histogram (26 x 26) with its bin edges; the same colours in every picture."""
    ax = axes_for(ax, figsize=(4.2, 3.4))
    image = np.asarray(image)
    norm = LogNorm(1e-4, 1)  # an L2 norm of 1 bounds the shares; few of real light curves are smaller
    drawn = ax.imshow(np.where(image > 0, image, np.nan), origin="lower", aspect="auto", cmap="viridis", norm=norm)
    dm, dt = dmdt_edges()
    for axis, edges, chosen in ((ax.xaxis, dt, [2, 7, 14, 19, 24]), (ax.yaxis, dm, [1, 5, 9, 13, 17, 21, 25])):
        axis.set_ticks(np.array(chosen) - 0.5, [f"{edges[k]:g}" for k in chosen])
    ax.set_xlabel("time difference (days)")
    ax.set_ylabel("magnitude difference")
    if colorbar:
        ax.figure.colorbar(drawn, ax=ax, label="share (L2 norm)", extend="min")
    return ax


def explained(values):
    """Show feature values (a dict by name, period suffix apart) with their units and what they mean."""
    frame = features().loc[list(values), ["unit", "description"]].rename_axis(None)
    frame.insert(0, "value", list(values.values()))
    words = ["unit", "description"]
    return frame.style.format({"value": "{:.5g}"}).set_properties(subset=words, **{"text-align": "left"})


def confusion(evaluation, part="test", ax=None):
    """Show the confusion matrix of a part: counts, and shares of the true class."""
    ax = axes_for(ax, figsize=(3.6, 3.2))
    frame = evaluation.part(part)
    predicted = (frame["probability"] > evaluation.threshold).astype(int)
    matrix = pd.crosstab(frame["y"], predicted).reindex(index=[0, 1], columns=[0, 1], fill_value=0).to_numpy()
    share = matrix / matrix.sum(axis=1, keepdims=True)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(matrix):
        dark = share[i, j] > 0.5
        ax.text(j, i, f"{count:,}\n{share[i, j]:.1%}", ha="center", va="center", color="white" if dark else "black")
    ax.set_xticks([0, 1], [f"not {evaluation.tag}", evaluation.tag])
    ax.set_yticks([0, 1], [f"not {evaluation.tag}", evaluation.tag], rotation=90, va="center")
    ax.set_xlabel(f"predicted (threshold {evaluation.threshold:.2f})")
    ax.set_ylabel("label")
    ax.set_title(f"{part} light curves")
    return ax


def roc(evaluation, ax=None):
    """Plot true against false positive rate for the three parts."""
    ax = axes_for(ax, figsize=(3.6, 3.2))
    for name, (color, style) in PARTS.items():
        part = evaluation.part(name)
        fpr, tpr, _ = roc_curve(part["y"], part["probability"])
        ax.plot(fpr, tpr, style, color=color, label=f"{name} ({evaluation.stats[name]['roc_auc']:.3f})")
    ax.plot([0, 1], [0, 1], lw=0.8, color="black", alpha=0.4)
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("true positive rate")
    ax.legend(title="area under curve", loc="lower right")
    return ax


def precision_recall(evaluation, ax=None):
    """Plot precision against recall for the three parts, with the chosen threshold on the test part."""
    ax = axes_for(ax, figsize=(3.6, 3.2))
    for name, (color, style) in PARTS.items():
        part = evaluation.part(name)
        precision, recall, _ = precision_recall_curve(part["y"], part["probability"])
        label = f"{name} ({evaluation.stats[name]['average_precision']:.3f})"
        ax.plot(recall, precision, style, color=color, drawstyle="steps-post", label=label)
    test = evaluation.stats["test"]
    ax.plot(test["recall"], test["precision"], "o", color=BLUE, mec="black", zorder=3)
    ax.axhline(test["n_positive"] / test["n"], lw=0.8, color="black", alpha=0.4)
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    ax.set_ylim(0, 1.03)
    ax.legend(title="average precision", loc="lower left")
    return ax


def importances(model, ax=None, most=15):
    """Plot the largest feature importances of a fitted model that has them."""
    top = named_importances(model).sort_values(ascending=False)[:most][::-1]
    ax = axes_for(ax, figsize=(5, 0.5 + 0.25 * len(top)))
    ax.barh(top.index.astype(str), top, color=BLUE)
    ax.set_xlabel("importance")
    return ax


def contributions(values, X, ax=None, most=12):
    """Plot what each of the strongest features adds to the log-odds, one dot for each light curve.

    Parameters
    ----------
    values : pandas.DataFrame, shape (n, n_features + 1)
        From `models.contributions`.
    X : pandas.DataFrame, shape (n, ...)
        The inputs of the same light curves; the rank of a value among them gives the colour of its dot.
    ax : matplotlib.axes.Axes, optional
    most : int
        How many features.
    """
    values = values.drop(columns="bias")
    top = values.abs().mean().sort_values(ascending=False).index[:most]
    ax = axes_for(ax, figsize=(7, 1 + 0.32 * len(top)))
    for place, name in enumerate(top):
        known, rank = X[name].notna(), X[name].rank(pct=True)
        spread = place + _swarm(values[name].to_numpy())
        ax.scatter(values[name][~known], spread[~known], s=5, lw=0, color=GREY, zorder=1)
        style = {"c": rank[known], "cmap": "viridis", "vmin": 0, "vmax": 1}
        drawn = ax.scatter(values[name][known], spread[known], s=5, lw=0, zorder=2, **style)
    ax.axvline(0, lw=0.8, color="black", alpha=0.4)
    ax.set_yticks(range(len(top)), [with_unit(name) for name in top], fontsize=8)
    ax.set_ylim(len(top) - 0.4, -0.6)
    ax.set_xlabel("added to the log-odds, ln(p / (1 − p))")
    bar = ax.figure.colorbar(drawn, ax=ax, ticks=[0, 1], label="value of the feature (grey: missing)", aspect=40)
    bar.ax.set_yticklabels(["least", "most"])
    return ax


def _swarm(x, bins=60, half=0.38):
    """Return how far each dot is moved aside so that dots of like value lie side by side, at most `half`."""
    edges = np.linspace(x.min(), x.max() + 1e-9, bins + 1)
    order = pd.Series(np.digitize(x, edges))
    place, size = order.groupby(order).cumcount(), order.map(order.value_counts())
    aside = (place + 1) // 2 * np.where(place % 2, 1, -1)
    return (half * aside / max(size.max() / 2, 8)).to_numpy()


def with_unit(column):
    """Return the name of a feature with its unit, where it has one."""
    unit = features()["unit"].get(base_name(column)) or derived.unit(column)
    return f"{column} ({unit})" if unit else column


def history(frame, ax=None):
    """Plot the training history of a network: loss by epoch, the epoch kept, and where the learning rate fell."""
    ax = axes_for(ax, figsize=(5, 3))
    ax.plot(frame.index, frame["loss"], PARTS["train"][1], color=PARTS["train"][0], label="train")
    ax.plot(frame.index, frame["val_loss"], PARTS["val"][1], color=PARTS["val"][0], label="validation")
    best = frame["val_loss"].idxmin()
    lower = frame.index[frame["learning_rate"].diff() < 0] if "learning_rate" in frame else []
    for k, epoch in enumerate(lower):
        ax.axvline(epoch - 0.5, lw=0.8, color="black", alpha=0.4, label="learning rate / 10" if k == 0 else None)
    ax.plot(best, frame["val_loss"][best], "o", color=BLUE, label=f"kept: epoch {best}")
    ax.set_xlabel("epoch")
    ax.set_ylabel("binary cross-entropy")
    ax.legend()
    return ax


def gallery(examples, table, curves=None, period_suffix="ELS_ECE_EAOV", columns=3):
    """Show light curves of a training table side by side: folded, in time if not labelled periodic, or as dmdt.

    Parameters
    ----------
    examples : pandas.DataFrame
        `row` in the table, `y`, `probability`, `labels`; as `evaluate.mistakes` returns them.
    table : pandas.DataFrame
        The training table.
    curves : LightCurves, optional
        Matched by `_id` and position; where a light curve is missing its dmdt is shown.
    period_suffix : str
        Which period to fold at.
    columns : int

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
    """
    entries = table.iloc[examples["row"]]
    place = np.full(len(entries), -1) if curves is None else positions(curves, entries)
    height = -(-len(examples) // columns)
    figure, axes = plt.subplots(
        height, columns, figsize=(4 * columns, 3.3 * height), layout="constrained", squeeze=False
    )
    for ax in axes.flat[len(examples) :]:
        ax.remove()
    for ax, example, found in zip(axes.flat, examples.itertuples(), place, strict=False):
        entry = table.iloc[example.row]
        if found < 0 and "dmdt" in entry:
            dmdt(entry["dmdt"], ax, colorbar=False)
        elif found < 0:
            ax.text(0.5, 0.5, "neither light curve nor dmdt", ha="center")
        elif entry.get("periodic", 1.0) > 0.5:
            folded(curves[found], entry[f"period_{period_suffix}"], ax)
        else:
            light_curve(curves[found], ax)
        if found >= 0 and (band := curves[found].info.get("band")):
            ax.set_ylabel(f"magnitude, {band}")
        sign = "missed" if example.y else "false alarm"
        ax.set_title(f"{sign}, probability {example.probability:.2f}\n{textwrap.fill(example.labels, 42)}", fontsize=9)
    images = [image for ax in figure.axes for image in ax.images]
    if len(images) == axes.size:  # all have the same axes
        for ax in axes.flat:
            ax.label_outer()
    if images:
        bar = figure.colorbar(images[0], ax=list(figure.axes), label="share (L2 norm)", extend="min")
        bar.minorticks_off()  # they would take as long to draw as a panel
    return axes


def reliability(evaluation, part="test", before=None, ax=None):
    """Plot what share of the light curves is positive against the predicted probability.

    Parameters
    ----------
    evaluation : Evaluation
    part : str
    before : array-like of float, optional
        Probabilities of the same light curves before calibration.
    ax : matplotlib.axes.Axes, optional
    """
    ax = axes_for(ax, figsize=(4, 3.6))
    frame = evaluation.part(part)
    series = [] if before is None else [(np.asarray(before), GREY, "s", "before calibration")]
    for probability, color, mark, name in [*series, (frame["probability"].to_numpy(), BLUE, "o", "as evaluated")]:
        bins = scoring.reliability(frame["y"].to_numpy(), probability, frame["star"].to_numpy())
        error = np.clip([bins["true"] - bins["low"], bins["high"] - bins["true"]], 0, None)
        style = {"color": color, "ms": 4, "lw": 0.8, "label": name}
        ax.errorbar(bins["predicted"], bins["true"], error, fmt=mark, **style)
    ax.plot([0, 1], [0, 1], lw=0.8, color="black", alpha=0.4)
    ax.set_xlabel("predicted probability (mean of bin)")
    ax.set_ylabel(f"share that is {evaluation.tag} (95 % interval)")
    ax.legend(loc="upper left")
    return ax


def trust(measured, chosen=None, ax=None):
    """Plot how often periods were right against their trust, from `measured_trust`; `chosen` marks one period's."""
    ax = axes_for(ax, figsize=(4.4, 3.6))
    ax.plot([0, 1], [0, 1], lw=0.8, color="black", alpha=0.4)
    marks = zip(measured.groupby("set", sort=False), (BLUE, ORANGE, GREEN), "os^", strict=False)
    for (name, bins), color, mark in marks:
        error = np.clip([bins["right"] - bins["low"], bins["high"] - bins["right"]], 0, None)
        label = f"{name}, {bins['stars'].sum():,} stars"
        ax.errorbar(bins["trust"], bins["right"], error, fmt=mark, color=color, ms=4, lw=0.8, label=label)
    if chosen is not None:
        ax.axvline(chosen, color=RED, lw=1, ls="--", label=f"this period: {chosen:.2f}")
    ax.set_xlabel("trust score (mean of bin)")
    ax.set_ylabel("share of right periods (95 % interval)")
    ax.legend(loc="lower right")
    return ax


def label_counts(counts, ax=None):
    """Plot positive light curves per label beside those of SCoPe's training set, from `simulate.count_labels`."""
    counts = counts.sort_values("light curves")
    ax = axes_for(ax, figsize=(7, 0.8 + 0.19 * len(counts)))
    place = np.arange(len(counts))
    ax.hlines(place, 0.7, np.maximum(counts["light curves"], 0.7), color=BLUE, lw=1)
    ax.plot(counts["light curves"].where(counts["light curves"] > 0), place, "o", ms=5, color=BLUE, label="this table")
    ax.plot(counts["SCoPe"].where(counts["SCoPe"] > 0), place, "D", ms=4, mfc="none", color=RED, label="SCoPe")
    ax.set_xscale("log")
    ax.set_xlim(left=0.7)
    ax.set_ylim(-0.8, len(counts) - 0.2)
    ax.set_yticks(place, counts.index, fontsize=8)
    ax.set_xlabel("positive light curves")
    ax.legend(loc="lower right")
    return ax


def missing(table, columns, ax=None):
    """Plot the share of missing values of some columns; 0 in a catalogue column is a missing match."""
    values = table[columns].apply(pd.to_numeric)
    catalogue = values.columns.str.startswith(CATALOGUES)
    share = (values.isna() | ((values == 0) & catalogue)).mean().sort_values()
    share = share[share > 0]
    ax = axes_for(ax, figsize=(7, 0.8 + 0.2 * max(len(share), 2)))
    ax.barh(share.index, 100 * share, color=BLUE)
    ax.tick_params(axis="y", labelsize=8)
    ax.margins(y=0.01)
    if share.empty:
        ax.set(xlim=(0, 100), yticks=[])
        ax.text(50, 0, "no value is missing", ha="center", va="center")
    ax.set_xlabel("light curves without a value (%)")
    return ax


def feature_by_label(table, column, chosen, threshold=0.7, ax=None):
    """Plot the distribution of a feature for the light curves of each of some labels.

    Values below 0.5 % or above 99.5 % of all are put in the outermost bins.

    Raises
    ------
    ValueError
        If there is no such column, or not one number in it.
    """
    if column not in table:
        raise unknown("column of the training table", column, table.columns)
    ax = axes_for(ax, figsize=(8, 3))
    values = pd.to_numeric(table[column], errors="coerce").where(lambda v: np.isfinite(v))
    if column.startswith(CATALOGUES):
        values = values.where(values != 0)
    if not values.notna().any():
        raise ValueError(f"column {column!r} holds not one number to plot")
    groups = {label: values[table[label] > threshold].dropna() for label in chosen}
    low, high = np.percentile(values.dropna(), [0.5, 99.5])
    logarithmic = low > 0 and high / low > 50
    bins = np.geomspace(low, high, 41) if logarithmic else np.linspace(low, high, 41)
    for (label, group), (color, style) in zip(groups.items(), _line_styles(), strict=False):
        if len(group):
            ax.hist(
                np.clip(group, low, high), bins, weights=np.full(len(group), 1 / len(group)), histtype="step",
                lw=1.6, color=color, ls=style, label=f"{label} ({len(group):,})",
            )  # fmt: skip
    if logarithmic:
        ax.set_xscale("log")
    ax.set_xlabel(f"{with_unit(column)}; the outermost 0.5 % in the bins at the ends")
    ax.set_ylabel("share of light curves")
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax


def colour_magnitude(table, chosen, threshold=0.7, ax=None):
    """Plot Gaia's colour-absolute-magnitude diagram, extinction left in; of stars with a parallax above 5 errors."""
    ax = axes_for(ax, figsize=(5, 4.5))
    bp, rp, g, parallax, error = (pd.to_numeric(table[name]) for name in GAIA)
    good = (bp != 0) & (rp != 0) & (g != 0) & (error > 0) & (parallax > 5 * error)
    colour, absolute = bp - rp, g + 5 * np.log10(parallax.where(good)) - 10
    ax.plot(colour[good], absolute[good], ",", color=(GREY, 0.6), zorder=0)
    _scatter(ax, table, chosen, threshold, colour, absolute, good)
    ax.set_xlabel("Gaia BP − RP (mag)")
    ax.set_ylabel("absolute G magnitude")
    ax.invert_yaxis()
    return ax


# What the diagram needs
GAIA = [f"Gaia_EDR3__{name}" for name in ("phot_bp_mean_mag", "phot_rp_mean_mag", "phot_g_mean_mag")]


GAIA += ["Gaia_EDR3__parallax", "Gaia_EDR3__parallax_error"]


def period_amplitude(table, chosen, period_suffix="ELS_ECE_EAOV", threshold=0.7, ax=None):
    """Plot the spread between the 5th and the 95th percentile against the period, by label."""
    for name in (f"period_{period_suffix}", "i90r"):
        if name not in table:
            raise unknown("column of the training table", name, table.columns)
    ax = axes_for(ax, figsize=(5.5, 4.5))
    period = table[f"period_{period_suffix}"]
    _scatter(ax, table, chosen, threshold, period, table["i90r"], period.notna())
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("period found (days)")
    ax.set_ylabel("i90r (mag)")
    return ax


def _scatter(ax, table, chosen, threshold, x, y, good):
    """Scatter the light curves of each label, with a marker of its own."""
    markers = "osD^vP"
    for label, (color, _), marker in zip(chosen, _line_styles(), markers, strict=False):
        rows = good & (table[label] > threshold)
        if rows.any():
            ax.plot(x[rows], y[rows], marker, ms=3, alpha=0.6, mew=0, color=color, label=f"{label} ({rows.sum():,})")
    ax.legend(fontsize=8, markerscale=2)


def _line_styles():
    return zip((BLUE, ORANGE, GREEN, RED, PURPLE, "black"), ("-", "--", "-.", ":", "-", "--"), strict=True)


def tag_tree(taxonomy_name, counts=None):
    """Return one of the two taxonomies as text: a tree of tags, with labels and positive light curves if given."""
    table = tags()[tags()["taxonomy"] == taxonomy_name]
    groups = {parent: list(rows.index) for parent, rows in table.groupby("parent_tag", sort=False)}
    tops = [parent for parent in groups if parent not in table.index]

    def lines(tag, indent):
        if tag in table.index:
            label = table.at[tag, "label"]
            number = "" if counts is None else f"{counts.at[label, 'light curves']:>8,}"
            yield f"{indent + tag:<18}{label:<28}{number}".rstrip()
        else:
            yield indent + tag
        for child in groups.get(tag, []):
            yield from lines(child, indent + "   ")

    return "\n".join(line for top in tops for line in lines(top, ""))
