"""Plots of a catalogue: each function takes a matplotlib Axes (or makes one) and returns it, or an array of them."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd

from .plots import BLUE, axes_for, folded, light_curve
from .runs.catalogue import star_names
from .runs.tree import CONSTANT
from .taxonomy import tags


def name_label(tag):
    """Return a label of a catalogue in words: "RR Lyrae ab (rrab)"; one that is no tag stays as it is."""
    name = tags()["label"].get(tag, tag)
    return tag if name == tag else f"{name} ({tag})"


def label_counts(stars, ax=None, most=20):
    """Draw how many stars of a catalogue have each of the commonest labels."""
    counts = stars["label"].map(name_label).value_counts()[:most]
    ax = axes_for(ax, figsize=(7, 0.8 + 0.28 * len(counts)))
    bars = ax.barh(counts.index[::-1], counts[::-1], color=BLUE)
    ax.bar_label(bars, padding=3, fontsize=9)
    ax.margins(x=0.08)
    ax.set_xlabel("stars")
    return ax


def star_gallery(stars, curves, columns=3):
    """Show stars of a catalogue, a panel each: folded at the period if they are periodic, else in time.

    `stars` are rows of `Catalogue.stars`, `curves` the `LightCurves` that were classified; of a star with several the
    bands are drawn in their colours.
    """
    names, rows = star_names(curves.meta), -(-len(stars) // columns)
    size = (4 * columns, 3.3 * rows)
    axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)[1]
    for ax, star in zip(axes.flat, stars.itertuples(), strict=False):
        bands = curves.select(names == star.star)
        periodic = star.label != CONSTANT and (getattr(star, "pnp", 0.0) > 0.5 or getattr(star, "trust", 1.0) > 0.9)
        for k in range(len(bands)):
            if periodic and star.period > 0:
                folded(bands[k], star.period, ax, zero=bands.time[0])
            else:
                light_curve(bands[k], ax)
        ax.set_ylabel(f"magnitude, {' '.join(bands.meta['band'])}")
        ax.set_title("\n".join(_describe_star(star)), fontsize=9, parse_math=False)
    for ax in axes.flat[len(stars) :]:
        ax.remove()
    return axes


def _describe_star(star):
    """Return the lines above the panel of a star."""
    values = {name: getattr(star, name, None) for name in ("probability", "trust", "surprise")}
    numbers = ", ".join(f"{name} {value:.2f}" for name, value in values.items() if pd.notna(value))
    return textwrap.shorten(str(star.star), 40), name_label(star.label), numbers
