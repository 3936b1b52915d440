"""The kinds of stars in the simulated survey: `kinds.yaml` holds their parameters, this module draws stars."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapes
import yaml

from scope_nb.taxonomy import NEGATIVE_LABEL, check_names, tags

MIXES = ("natural", "sample")
# Intrinsic g - i of normal stars, and the absolute r magnitude of the main sequence at that colour: Covey et al. (2007)
LOCUS_GI = np.array([-0.90, -0.45, 0.20, 0.55, 1.50, 2.05, 3.00, 3.80])
_DWARF_MR = np.array([-1.5, 1.0, 2.6, 4.65, 7.0, 8.3, 11.3, 14.5])


@dataclass(frozen=True)
class Star:
    """One star and its properties, drawn at random.

    Attributes
    ----------
    kind : str
    labels : tuple of str
        Parents before children.
    period, amplitude : float
        Days and mag (peak to peak in r); NaN if it has none or the shape decides.
    bands : tuple of float
        Amplitudes in g and i in units of that in r.
    abs_mag, colour, dust : float
        Absolute r magnitude, intrinsic g - i (mag), warm dust (0 to 1).
    mag : float
        Apparent mean r magnitude.
    """

    kind: str
    labels: tuple[str, ...]
    period: float
    amplitude: float
    bands: tuple[float, float]
    abs_mag: float
    colour: float
    dust: float
    mag: float

    def vary(self, times, rng):
        """Return the magnitude offsets in g, r and i at `times` (MJD, sorted), shape (3, n)."""
        return getattr(shapes, read_kinds()[self.kind]["shape"])(times, self, rng)


@cache
def read_kinds():
    """Return the table of kinds: name -> parameters, as `kinds.yaml` explains them."""
    with Path(__file__).with_name("kinds.yaml").open(encoding="utf-8") as file:
        table = yaml.safe_load(file)
    default = table.pop("default")
    for name, row in table.items():
        check_names(f"key of kind {name!r}", row, [*default, "tags"])
    return {name: default | row for name, row in table.items()}


def read_mix(name):
    """Return the weight of each kind in a mix: "natural" (that of SCoPe's training set) or "sample" (stratified)."""
    check_names("mix", [name], MIXES)
    return {kind: row["weight"][MIXES.index(name)] for kind, row in read_kinds().items()}


def _draw_log_normal(rng, values):
    """Draw from a log-normal distribution with limits (middle, dex, least, most); NaN without values."""
    if values is None:
        return np.nan
    middle, dex, low, high = values
    while not low <= (value := middle * 10 ** rng.normal(0.0, dex)) <= high:
        pass  # clipping instead would give many stars the very same period
    return value


def _draw_labels(row, rng):
    """Return the labels of a star from "vnv pnp e ea:0.4": a tag with a number is set for that share of the stars."""
    if rng.random() > row["noticed"]:
        return (NEGATIVE_LABEL,)
    labels = []
    for entry in row["tags"].split():
        tag, _, share = entry.partition(":")
        if not share or rng.random() < float(share):
            labels.append(tag if tag == NEGATIVE_LABEL else tags().at[tag, "label"])
    return tuple(labels)


def draw_star(kind, rng):
    """Return one `Star` of a kind, drawn at random."""
    row = read_kinds()[kind]
    period = _draw_log_normal(rng, row["period"])
    log_p = 0.0 if np.isnan(period) else np.log10(period)
    zero, slope, scatter = row["abs_mag"]
    abs_mag = zero + slope * log_p + rng.normal(0, scatter)
    if row["colour"]:
        zero, slope, scatter = row["colour"]
        colour = zero + slope * log_p + rng.normal(0, scatter)
    else:
        colour = float(np.interp(abs_mag, _DWARF_MR, LOCUS_GI) + rng.normal(0, 0.06))
    return Star(
        kind,
        _draw_labels(row, rng.spawn(1)[0]),  # a generator of its own: labels do not change the light curves
        period,
        _draw_log_normal(rng, row["amplitude"]),
        tuple(np.array(row["bands"]) * rng.normal(1, 0.03, 2)),
        abs_mag,
        colour,
        row["dust"] * rng.uniform(0.6, 1.4),
        rng.normal(*row["mag"]),
    )
