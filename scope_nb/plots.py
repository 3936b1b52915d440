"""Plots of stars, of tables and of one run: each function takes a matplotlib Axes (or makes one) and returns it."""

import textwrap
from contextlib import suppress

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix, precision_recall_curve, roc_curve

from .lightcurves.curves import match_curves
from .models.builders import shap_values
from .models.fitting import named_importances
from .models.keras_classifier import KerasClassifier
from .periods.search import fold
from .scores.classes import ClassScores
from .scores.evaluation import calibration_bins
from .taxonomy import CATALOGUES, ancestors, check_names, describe_features, dmdt_edges, published

# Okabe and Ito's colours, told apart by colour-blind readers too
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#7F7F7F"
STYLES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "D"), (PURPLE, "v"), ("black", "P"))
LINES = ("-", "--", "-.", ":", "-", "--")
BAND_STYLES = {"g": (GREEN, "o"), "r": (RED, "s"), "i": (PURPLE, "^")}
PART_STYLES = {"train": (GREY, ":"), "val": (ORANGE, "--"), "test": (BLUE, "-")}
GUIDE = {"lw": 0.8, "color": "black", "alpha": 0.4}  # a line that helps to read others
PERIODIC = frozenset(("pnp", "puls", "bis"))  # the tags of periodic stars: these and those below them
# What `colour_magnitude` needs
GAIA = [f"Gaia_EDR3__{name}" for name in ("phot_bp_mean_mag", "phot_rp_mean_mag", "phot_g_mean_mag")]
GAIA += ["Gaia_EDR3__parallax", "Gaia_EDR3__parallax_error"]


def axes_for(ax, **size):
    """Return `ax`, or the axes of a new figure."""
    return plt.subplots(layout="constrained", **size)[1] if ax is None else ax


def error_lengths(value, ends):
    """Return the lengths of error bars from the ends of intervals, shape (n, 2), as (2, n); 0 where undefined."""
    low, high = np.asarray(ends, float).T
    return np.nan_to_num(np.clip([value - low, high - value], 0, None))


def draw_points(ax, x, y, ends, style, label):
    """Draw points with intervals of y from their ends, shape (n, 2); `style` is a colour and a mark."""
    color, mark = style
    error = error_lengths(np.asarray(y, float), ends)
    ax.errorbar(x, y, error, fmt=mark, ms=4, lw=0.8, color=color, ecolor=(color, 0.6), label=label)


def _draw_epochs(ax, x, curve):
    """Draw magnitudes with errors; bright is up."""
    color, marker = BAND_STYLES.get(curve.info.get("band"), (BLUE, "o"))
    ax.errorbar(x, curve.mag, curve.err, fmt=marker, ms=2.5, lw=0.6, color=color, ecolor=(color, 0.3))
    ax.set_ylabel("magnitude")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()


def light_curve(curve, ax=None):
    """Plot the epochs of a `LightCurve` with their errors against time (days)."""
    ax = axes_for(ax, figsize=(8, 3))
    _draw_epochs(ax, curve.time, curve)
    ax.set_xlabel("time (MJD, days)")
    ax.locator_params(axis="x", nbins=5)
    return ax


def folded(curve, period, ax=None, zero=None):
    """Plot a `LightCurve` folded at a period (days), two cycles long; phase 0 is at `zero`, or the first epoch."""
    ax = axes_for(ax, figsize=(4, 3))
    phase = fold(curve.time, period, curve.time[0] if zero is None else zero)
    for cycle in (0, 1):
        _draw_epochs(ax, phase + cycle, curve)
    ax.set(xlabel=f"phase (P = {period:.6g} d)", xlim=(0, 2))
    return ax


def periodogram(result, ax=None):
    """Plot a `PeriodResult` that kept its periodogram; of neighbouring frequencies the extremes are drawn."""
    if result.freq is None:
        raise ValueError("this result has no periodogram: search with keep_periodograms=True")
    ax = axes_for(ax, figsize=(8, 2.4))
    if not len(result.freq):
        ax.text(0.5, 0.5, "no period can be searched", ha="center", transform=ax.transAxes)
        return ax
    step = max(len(result.freq) // 10_000, 1)
    extremes = pd.Series(result.power).groupby(np.arange(len(result.power)) // step).agg(["min", "max"])
    ax.plot(np.repeat(result.freq[::step], 2), extremes.to_numpy().ravel(), lw=0.5, color=BLUE)
    ax.axvline(1 / result.period, color=RED, lw=1, ls="--", label=f"P = {result.period:.6g} d")
    names = {"ELS": "Lomb-Scargle\npower", "ECE": "conditional\nentropy"}
    ax.set_ylabel(names.get(result.method, "analysis of\nvariance"))
    ax.set(xlabel="frequency (1/day)", xlim=(0, result.freq[-1]))
    if result.method == "ECE":
        ax.invert_yaxis()  # the best frequency is up in every periodogram
    ax.legend(loc="upper right")
    return ax


def dmdt_image(image, ax=None, colorbar=True):
    """Show a magnitude-time histogram (26 x 26) with its bin edges; the same colours in every picture."""
    ax = axes_for(ax, figsize=(4.2, 3.4))
    norm = LogNorm(1e-4, 1)  # an L2 norm of 1 bounds the shares; few of real light curves are smaller
    image = np.ma.masked_less_equal(image, 0)
    picture = ax.imshow(image, origin="lower", aspect="auto", cmap="viridis", norm=norm)
    dm, dt = dmdt_edges()
    for axis, edges, places in ((ax.xaxis, dt, [2, 7, 14, 19, 24]), (ax.yaxis, dm, [1, 5, 9, 13, 17, 21, 25])):
        axis.set_ticks(np.array(places) - 0.5, [f"{edges[k]:g}" for k in places])
    ax.set(xlabel="time difference (days)", ylabel="magnitude difference")
    if colorbar:
        ax.figure.colorbar(picture, ax=ax, label="share (L2 norm)", extend="min")
    return ax


def draw_dmdt(image, ax):
    """Draw a dmdt histogram in place of a light curve, or say that there is none, which is None."""
    if image is None:
        ax.text(0.5, 0.5, "neither light curve nor dmdt", ha="center")
    else:
        dmdt_image(image, ax, colorbar=False)


def explained(values):
    """Show feature values (a dict or Series by name without period suffix) with units and meaning, where known."""
    values = pd.Series(values)
    frame = describe_features(values.index)
    frame.insert(0, "value", values)
    style = frame.style.format({"value": "{:.5g}"}).format_index(escape="html")  # names of one's own may hold a <
    return style.set_properties(["unit", "description"], **{"text-align": "left"})


def confusion(evaluation, part="test", ax=None):
    """Show the confusion matrix of a part: counts, and shares of the true class; or that of `ClassScores`."""
    if isinstance(evaluation, ClassScores):
        return confusion_of_classes(evaluation, ax)
    ax = axes_for(ax, figsize=(3.6, 3.2))
    rows = evaluation.part(part)
    counts = confusion_matrix(rows["y"], rows["probability"] > evaluation.threshold, labels=[0, 1])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=[f"not {evaluation.tag}", evaluation.tag])
    display.plot(ax=ax, cmap="Blues", colorbar=False, im_kw={"vmin": 0, "vmax": 1}, values_format=".1%")
    for text, count in zip(display.text_.flat, counts.flat, strict=True):
        text.set_text(f"{count:,}\n{text.get_text()}")
    plt.setp(ax.get_yticklabels(), rotation=90, va="center")
    ax.set(xlabel=f"predicted (threshold {evaluation.threshold:.2f})", ylabel="label", title=f"{part} light curves")
    return ax


def roc(evaluation, ax=None):
    """Plot true against false positive rate for the three parts."""
    ax = axes_for(ax, figsize=(3.6, 3.2))
    for part, (color, line) in PART_STYLES.items():
        rows = evaluation.part(part)
        x, y, _ = roc_curve(rows["y"], rows["probability"])
        ax.plot(x, y, line, color=color, label=f"{part} ({evaluation.stats[part]['roc_auc']:.3f})")
    ax.axline((0, 0), (1, 1), **GUIDE)
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    ax.legend(title="area under curve", loc="lower right")
    return ax


def precision_recall(evaluation, ax=None):
    """Plot precision against recall for the three parts; a dot marks the threshold on the test part.

    A diamond is SCoPe's published XGB, where there is one of the tag.
    """
    ax = axes_for(ax, figsize=(3.6, 3.2))
    for part, (color, line) in PART_STYLES.items():
        rows = evaluation.part(part)
        y, x, _ = precision_recall_curve(rows["y"], rows["probability"])
        score = evaluation.stats[part]["average_precision"]
        ax.plot(x, y, line, color=color, drawstyle="steps-post", label=f"{part} ({score:.3f})")
    test = evaluation.stats["test"]
    ax.plot(test["recall"], test["precision"], "o", color=BLUE, mec="black", zorder=3)
    ax.axhline(test["n_positive"] / test["n"], **GUIDE)
    if evaluation.tag in published().index:
        point = published().loc[evaluation.tag, ["recall_xgb", "precision_xgb"]]
        ax.plot(*point, "D", ms=5, mfc="none", mec="black", label="SCoPe XGB")
    ax.set(xlabel="recall", ylabel="precision", ylim=(0, 1.03))
    ax.legend(title="average precision", loc="lower left")
    return ax


def reliability(evaluation, part="test", before=None, ax=None):
    """Plot the share of positives against the predicted probability; `before` are those before calibration."""
    ax = axes_for(ax, figsize=(4, 3.6))
    rows = evaluation.part(part)
    series = (("as evaluated", rows["probability"], STYLES[0]), ("before calibration", before, (GREY, "s")))
    for name, probability, style in series:
        if probability is not None:
            bins = calibration_bins(rows["y"], probability, rows["star"])
            draw_points(ax, bins["predicted"], bins["true"], bins[["low", "high"]], style, name)
    ax.axline((0, 0), (1, 1), **GUIDE)
    ax.set(xlabel="predicted probability (mean of bin)", ylabel=f"share that is {evaluation.tag} (95 % interval)")
    ax.legend()
    return ax


def trust(measured, value=None, ax=None):
    """Plot how often periods were right against their trust score, as measured; `value` marks that of one period."""
    ax = axes_for(ax, figsize=(4.4, 3.6))
    ax.axline((0, 0), (1, 1), **GUIDE)
    for (name, bins), style in zip(measured.groupby("set", sort=False), STYLES, strict=False):
        label = f"{name}, {bins['stars'].sum():,} stars"
        draw_points(ax, bins["trust"], bins["right"], bins[["low", "high"]], style, label)
    if value is not None:
        ax.axvline(value, color=RED, lw=1, ls="--", label=f"this period: {value:.2f}")
    ax.set(xlabel="trust score (mean of bin)", ylabel="share of right periods (95 % interval)")
    ax.legend(loc="lower right")
    return ax


def model_figures(trained, X):
    """Return figures by name: the "history" of a network, or importances ("model") and contributions ("shap") of trees.

    Contributions, to the log-odds of the rows of X, are those of xgboost's trees; other models have no figures.
    """
    if isinstance(trained.raw, KerasClassifier):
        return {"history": history(trained.raw.history_).figure}
    if not hasattr(trained.raw, "feature_importances_"):
        return {}
    figures = {"model": importances(trained.raw).figure}
    with suppress(TypeError):  # other trees than xgboost's
        figures["shap"] = contributions(shap_values(trained.raw, X), X).figure
    return figures


def importances(model, ax=None, most=15):
    """Plot the largest feature importances of a fitted model that has them."""
    top = named_importances(model).sort_values(ascending=False)[:most][::-1]
    ax = axes_for(ax, figsize=(5, 0.5 + 0.25 * len(top)))
    return top.plot.barh(ax=ax, width=0.8, color=BLUE, xlabel="importance", ylabel="")


def contributions(values, X, ax=None, most=12):
    """Plot what each of the strongest features adds to the log-odds (`values`), one dot for each light curve.

    The rank of a feature's value in `X`, the inputs of the same light curves, gives the colour of the dot.
    """
    values = values.drop(columns="bias")
    top = values.abs().mean().nlargest(most).index
    ax = axes_for(ax, figsize=(7, 1 + 0.32 * len(top)))
    height = values[top].apply(_swarm) + np.arange(len(top))
    style = {"cmap": plt.get_cmap("viridis").with_extremes(bad=GREY), "vmin": 0, "vmax": 1, "plotnonfinite": True}
    dots = ax.scatter(values[top], height, s=5, lw=0, c=X[top].rank(pct=True).to_numpy().ravel(), **style)
    ax.axvline(0, **GUIDE)
    ax.set_yticks(range(len(top)), [with_unit(name) for name in top], fontsize=8)
    ax.set(xlabel="added to the log-odds, ln(p / (1 − p))", ylim=(len(top) - 0.4, -0.6))
    bar = ax.figure.colorbar(dots, ax=ax, ticks=[0, 1], label="value of the feature (grey: missing)", aspect=40)
    bar.ax.set_yticklabels(["least", "most"])
    return ax


def _swarm(x, bins=60, half=0.38):
    """Return how far each dot is moved aside so that dots of like value lie side by side, at most `half`."""
    bin_of = pd.cut(x, bins, labels=False)
    place = x.groupby(bin_of).cumcount()
    aside = (place + 1) // 2 * np.where(place % 2, 1, -1)
    return half * aside / max(place.max() / 2, 8)


def with_unit(column):
    """Return the name of a feature with its unit, where it has one."""
    unit = describe_features([column])["unit"].item()
    return f"{column} ({unit})" if unit else column


def history(frame, ax=None):
    """Plot the training history of a network: loss by epoch, the epoch kept, and where the learning rate fell."""
    ax = axes_for(ax, figsize=(5, 3))
    for column, part in (("loss", "train"), ("val_loss", "val")):
        color, line = PART_STYLES[part]
        ax.plot(frame[column], line, color=color, label=part)
    for k, epoch in enumerate(frame.index[frame["learning_rate"].diff() < 0]):
        ax.axvline(epoch - 0.5, label=None if k else "learning rate / 10", **GUIDE)
    best = frame["val_loss"].idxmin()
    ax.plot(best, frame["val_loss"][best], "o", color=BLUE, label=f"kept: epoch {best}")
    ax.set(xlabel="epoch", ylabel="binary cross-entropy")
    ax.legend()
    return ax


def gallery(examples, meta, curves=None, images=None, period_suffix="ELS_ECE_EAOV", columns=3, tag=""):
    """Show light curves side by side: folded, in time if not labelled periodic, or as dmdt where there is none.

    If stars of the `tag` are periodic, all are folded: whoever judges a false alarm must see what the model saw.

    `examples` are what `mistakes` returns, `meta` is that of the data set, `curves` are `LightCurves`, matched by `_id`
    and position, and `images` hold the dmdt of each example, shape (26, 26), or None.
    """
    meta = meta.loc[examples["row"]]
    place = np.full(len(meta), -1) if curves is None else match_curves(curves, meta)
    images = [None] * len(meta) if images is None else images
    rows, is_periodic = -(-len(meta) // columns), not PERIODIC.isdisjoint((tag, *ancestors(tag)))
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 3.3 * rows), layout="constrained", squeeze=False)
    for k, example in enumerate(examples.itertuples()):
        ax, curve = axes.flat[k], curves[place[k]] if place[k] >= 0 else None
        _draw_example(ax, meta.iloc[k], curve, images[k], period_suffix, is_periodic)
        sign = "missed" if example.y else "false alarm"
        labels = textwrap.fill(", ".join(reversed(example.labels.split(", "))), 42)  # the most specific first
        ax.set_title(f"{sign}, probability {example.probability:.2f}\n{labels}", fontsize=9)
    for ax in axes.flat[len(meta) :]:
        ax.remove()
    if pictures := [picture for ax in figure.axes for picture in ax.images]:
        bar = figure.colorbar(pictures[0], ax=list(figure.axes), label="share (L2 norm)", extend="min")
        bar.minorticks_off()  # they would take as long to draw as a panel
    return axes


def _draw_example(ax, entry, curve, image, period_suffix, is_periodic):
    """Draw one panel of a gallery."""
    period = entry.get(f"period_{period_suffix}", np.nan)
    if curve is None:
        draw_dmdt(image, ax)
    elif period > 0 and (is_periodic or entry.get("periodic", 1.0) > 0.5):
        folded(curve, period, ax)
    else:
        light_curve(curve, ax)
    if curve is not None and curve.info.get("band"):
        ax.set_ylabel(f"magnitude, {curve.info['band']}")


def label_counts(counts, ax=None):
    """Plot positive light curves per label beside those of SCoPe's training set, from `count_labels`."""
    ax = axes_for(ax, figsize=(7, 0.8 + 0.19 * len(counts)))
    counts = counts.sort_values("light curves").rename(columns={"light curves": "this table"})
    for column, color, mark in (("this table", BLUE, "o"), ("SCoPe", RED, "D")):
        ax.plot(counts[column].where(counts[column] > 0), counts.index, mark, ms=4.5, color=color, label=column)
    ax.tick_params(axis="y", labelsize=8)
    ax.grid(axis="y", alpha=0.4)
    ax.margins(y=0.01)
    ax.set(xscale="log", xlim=(0.7, None), xlabel="positive light curves")
    ax.legend(loc="lower right")
    return ax


def missing(table, columns, ax=None):
    """Plot the share of missing values of some columns; 0 in a catalogue column is a missing match."""
    share = pd.Series({column: _numbers(table, column).isna().mean() for column in columns}).sort_values()
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


def _numbers(table, column):
    """Return a column as numbers, what is not finite or no catalogue match as NaN; one that is missing is an error."""
    check_names("column of the training table", [column], table.columns)
    values = pd.to_numeric(table[column], errors="coerce")
    return values.where(np.isfinite(values) & ~(column.startswith(CATALOGUES) & (values == 0)))


def _by_label(values, table, labels, threshold):
    """Return the values (rows of a DataFrame) of the light curves of each label, by label and their number."""
    if len(labels) > len(STYLES):
        raise ValueError(f"at most {len(STYLES)} labels can be compared in one plot, not {len(labels)}")
    groups = {label: values[table[label] > threshold].dropna() for label in labels}
    return {f"{label} ({len(group):,})": group for label, group in groups.items() if len(group)}


def feature_by_label(table, column, labels, threshold=0.7, ax=None):
    """Plot the distribution of a feature for the light curves of each of up to six labels.

    Values below 0.5 % or above 99.5 % of all are put in the outermost bins. A column that is missing or holds no number
    is a `ValueError`.
    """
    values = _numbers(table, column)
    if not values.notna().any():
        raise ValueError(f"column {column!r} holds not one number to plot")
    ax = axes_for(ax, figsize=(8, 3))
    low, high = np.percentile(values.dropna(), [0.5, 99.5])
    scale = "log" if low > 0 and high / low > 50 else "linear"
    bins = np.geomspace(low, high, 41) if scale == "log" else np.linspace(low, high, 41)
    groups = _by_label(values.clip(low, high), table, labels, threshold)
    for (label, group), (color, _), line in zip(groups.items(), STYLES, LINES, strict=False):
        share = np.full(len(group), 1 / len(group))
        ax.hist(group, bins, weights=share, histtype="step", lw=1.6, color=color, ls=line, label=label)
    ax.set(xlabel=f"{with_unit(column)}; the outermost 0.5 % in the bins at the ends", ylabel="share of light curves")
    ax.set_xscale(scale)
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax


def colour_magnitude(table, labels, threshold=0.7, ax=None):
    """Plot Gaia's colour-absolute-magnitude diagram, extinction left in; of stars with a parallax above 5 errors."""
    ax = axes_for(ax, figsize=(5, 4.5))
    bp, rp, g, parallax, error = (_numbers(table, name) for name in GAIA)
    absolute = g + 5 * np.log10(parallax.where((error > 0) & (parallax > 5 * error))) - 10
    values = pd.DataFrame({"Gaia BP − RP (mag)": bp - rp, "absolute G magnitude": absolute})
    ax.plot(*values.to_numpy().T, ",", color=(GREY, 0.6), zorder=0)
    _scatter(ax, values, table, labels, threshold)
    ax.invert_yaxis()
    return ax


def period_amplitude(table, labels, period_suffix="ELS_ECE_EAOV", threshold=0.7, ax=None):
    """Plot the spread between the 5th and the 95th percentile against the period, by label."""
    ax = axes_for(ax, figsize=(5.5, 4.5))
    period, spread = _numbers(table, f"period_{period_suffix}"), _numbers(table, "i90r")
    ax.set(xscale="log", yscale="log")
    _scatter(ax, pd.DataFrame({"period (days)": period, "i90r (mag)": spread}), table, labels, threshold)
    return ax


def _scatter(ax, values, table, labels, threshold):
    """Plot the second column of `values` against the first, for the light curves of each label."""
    x, y = values.columns
    groups = _by_label(values, table, labels, threshold)
    for (label, group), (color, mark) in zip(groups.items(), STYLES, strict=False):
        ax.plot(group[x], group[y], mark, ms=3, alpha=0.6, mew=0, color=color, label=label)
    ax.set(xlabel=x, ylabel=y)
    ax.legend(fontsize=8, markerscale=2)


def confusion_of_classes(scores, ax=None):
    """Show the confusion matrix of `ClassScores`: counts, shaded by the share of the true class."""
    counts = scores.counts
    ax = axes_for(ax, figsize=(max(1.8 + 0.5 * counts.shape[1], 4.5), 1.6 + 0.36 * len(counts)))
    shares = counts.to_numpy() / counts.sum(axis=1).to_numpy()[:, None]
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(shares > 0):
        color = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, f"{counts.iat[row, column]:,}", ha="center", va="center", fontsize=8, color=color)
    ax.set_xticks(range(counts.shape[1]), counts.columns, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(counts)), counts.index)
    ax.set(xlabel="answer", ylabel="true class", title=f"macro F1 {scores.texts()['macro_f1']}")
    return ax
