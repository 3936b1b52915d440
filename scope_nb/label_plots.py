"""Plots of labels: the light curves of findings of an audit, stars at the desk, what votes gain."""

import textwrap
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import t as student

from .lightcurves.curves import match_curves
from .plots import LINES, STYLES, axes_for, draw_dmdt, folded, light_curve

SHOWN = ["obj_id", "_id", "label", "old", "new", "probability", "reason"]


def show_findings(findings, rows=8):
    """Return the first findings as a table for people, with their reasons in full."""
    style = findings[SHOWN].head(rows).style.hide(axis="index").format(precision=2, escape="html")
    return style.set_properties(["reason"], **{"text-align": "left"})


def suspects(findings, table, curves=None, period_suffix="ELS_ECE_EAOV", most=4):
    """Show the light curves of the first findings: in time, folded at the stored period and, if it differs, at another.

    `findings` are of an `Audit` of `table`, of which dmdt stands for a light curve that is not in `curves`. A star is
    shown once, and those with light curves come first. Return the axes, shape (n, 3).
    """
    findings = findings.drop_duplicates("obj_id")
    rows = table.iloc[findings["row"].to_numpy(int)]
    place = np.full(len(rows), -1) if curves is None else match_curves(curves, rows)
    first = np.argsort(place < 0, kind="stable")[:most]
    findings, rows, place = findings.iloc[first], rows.iloc[first], place[first]
    size = {"figsize": (12, 2.9 * max(len(rows), 1)), "width_ratios": [1.6, 1, 1]}
    _, axes = plt.subplots(max(len(rows), 1), 3, layout="constrained", squeeze=False, **size)
    for ax in axes.flat:
        ax.set_visible(False)
    for k, finding in enumerate(findings.itertuples()):
        text = (
            f"{finding.obj_id}: {finding.label!r} {finding.old:g}, proposed {finding.new:g} ({finding.probability:.2f})"
        )
        stored, curve = rows[f"period_{period_suffix}"].iloc[k], curves[place[k]] if place[k] >= 0 else None
        axes[k, 0].set_visible(True)
        if curve is None:
            draw_dmdt(rows.iloc[k].get("dmdt"), axes[k, 0])
        else:
            light_curve(curve, axes[k, 0])
            better = getattr(finding, "period", np.nan)
            periods = {"stored": stored} | ({"proposed": better} if abs(better / stored - 1) > 1e-3 else {})
            for ax, (name, period) in zip(axes[k, 1:], periods.items(), strict=False):
                if np.isfinite(period):
                    ax.set_visible(True)
                    folded(curve, period, ax).set_title(name, fontsize=9)
        axes[k, 0].set_title(textwrap.fill(f"{text}. {finding.reason}", 75), fontsize=9, loc="left", parse_math=False)
    return axes


def star_sheet(rows, curves=None, period=None):
    """Return a figure of one star for the labelling desk: in time, folded at a period (days), and as dmdt.

    `rows` are the star's rows of a training table; those of its light curves that are in `curves` are drawn over each
    other, each shifted to the median of the first.
    """
    size = {"figsize": (12, 3.2), "width_ratios": [1.6, 1, 1]}
    figure, axes = plt.subplots(1, 3, layout="constrained", **size)
    place = [] if curves is None else [k for k in match_curves(curves, rows) if k >= 0]
    bands = curves.select(place) if place else []
    for k in range(len(bands)):
        curve = replace(bands[k], mag=bands[k].mag - np.median(bands[k].mag) + np.median(bands[0].mag))
        light_curve(curve, axes[0])
        if period is not None:
            folded(curve, period, axes[1], zero=bands.time[0])
    if place:
        axes[0].set_title(f"{len(bands)} light curves: {' '.join(bands.meta['band'])}", fontsize=9, parse_math=False)
    for ax, text in ((axes[0], "no light curve at hand"), (axes[1], "no period")):
        if not ax.has_data():
            ax.text(0.5, 0.5, text, ha="center", transform=ax.transAxes)
            ax.set_axis_off()
    draw_dmdt(rows.iloc[0].get("dmdt"), axes[2])
    return figure


def gain_curves(gains, metric="average_precision", ax=None):
    """Plot what votes gain by strategy: the mean over seeds and its 95 % interval; `gains` are of `simulate_rounds`."""
    ax = axes_for(ax, figsize=(5.5, 3.6))
    for k, (strategy, rows) in enumerate(gains.groupby("strategy", sort=False)):
        by_votes = rows.groupby("votes")[metric].agg(["mean", "sem", "size"])
        half = student.ppf(0.975, by_votes["size"] - 1) * by_votes["sem"]
        color, mark = STYLES[k % len(STYLES)]
        ax.plot(by_votes.index, by_votes["mean"], LINES[k % len(LINES)], marker=mark, ms=3, color=color, label=strategy)
        ax.fill_between(by_votes.index, by_votes["mean"] - half, by_votes["mean"] + half, color=color, alpha=0.1, lw=0)
    ax.set(xlabel="votes", ylabel=f"{metric.replace('_', ' ')}, test stars")
    ax.legend()
    return ax
