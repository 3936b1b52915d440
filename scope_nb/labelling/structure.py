"""Labels that contradict each other: parents below children, exclusive ones together, light curves of one star."""

import numpy as np
import pandas as pd

from ..dataset.labels import vote_shares
from ..lightcurves.curves import stars
from ..runs.tree import ARTEFACTS, OF_PERIODS, exclusive_pairs
from ..taxonomy import NEGATIVE_LABEL, ancestors, tags
from .findings import join_findings, make_findings

# What a light curve of an ontological tag looks like, whatever the object is beside it
LOOKS = dict.fromkeys(("emsms", "wuma", "blyr", "hwvir", "nnser"), "e")
LOOKS |= dict.fromkeys(("rrlyr", "ceph", "ceph2", "dscu", "mir"), "pnp")
APART = (("vnv", NEGATIVE_LABEL), ("e", "puls"))  # exclude each other, beside those of `exclusive_pairs`


def check_structure(table, threshold=0.7):
    """Return findings (`findings.COLUMNS`) about labels of a table that contradict each other.

    A positive label speaks for all above it, in both taxonomies, as surely as people voted for it. Of two that exclude
    each other the one with fewer votes is the wrong one. All light curves of a star have the same labels, but for those
    of an image or a period: the mean of their shares decides.
    """
    names = [tag for tag in (*tags().index, NEGATIVE_LABEL) if _label(tag) in table]
    shares = pd.DataFrame({tag: vote_shares(table, _label(tag)) for tag in names})
    of_star = shares.drop(columns=[tag for tag in (*ARTEFACTS, *OF_PERIODS) if tag in shares])
    mean = of_star.groupby(stars(table)[0]).transform("mean")
    findings = [part for tag in of_star for part in _check_stars(table, shares[tag], mean[tag], threshold)]
    agreed = shares.assign(**of_star.mask((of_star <= threshold) & (mean > threshold), mean))
    for tag in shares:
        above = [name for name in implied_tags(tag) if name in shares]
        findings += [_check_above(table, agreed, tag, name, threshold) for name in above]
    for pair in (*exclusive_pairs(), *APART):
        findings += _check_pair(table, shares, pair, threshold)
    return join_findings(findings)


def implied_tags(tag):
    """Return the tags that a positive light curve of a tag has, too, in both taxonomies; the nearest first."""
    looks = [LOOKS[name] for name in (tag, *ancestors(tag)) if name in LOOKS]
    return list(dict.fromkeys([*ancestors(tag), *looks, *(above for look in looks for above in ancestors(look))]))


def _check_above(table, shares, tag, above, threshold):
    """Return findings of light curves that have a tag but less of what follows from it."""
    rows = np.flatnonzero((shares[tag] > threshold) & (shares[above] < shares[tag]))
    share, label = shares[tag].to_numpy()[rows], tags()["label"]
    texts = [f"{label[tag]!r} has a share of {value:g}, and {label[above]!r} follows from it" for value in share]
    return make_findings(table, "structure", label[above], rows, share, share, texts)


def _check_pair(table, shares, pair, threshold):
    """Return findings of light curves that have two tags of which they can have one."""
    one, two = pair
    if not {one, two} <= set(shares):
        return []
    both, findings = (shares[one] > threshold) & (shares[two] > threshold), []
    for weak, strong, rows in ((one, two, shares[one] < shares[two]), (two, one, shares[one] >= shares[two])):
        rows = np.flatnonzero(both & rows)
        low, high = shares[weak].iloc[rows].to_numpy(), shares[strong].iloc[rows].to_numpy()
        texts = [f"{_label(strong)!r} has a share of {share:g}, and hardly any star is both" for share in high]
        findings.append(make_findings(table, "structure", _label(weak), rows, 0.0, high / (low + high), texts))
    return findings


def _check_stars(table, share, mean, threshold):
    """Return findings of light curves whose label differs from that of the star; `mean` is that of its shares."""
    label, mean = _label(share.name), mean.to_numpy()
    sides = ((share <= threshold) & (mean > threshold), mean), ((share > threshold) & (mean <= threshold), 1 - mean)
    findings = []
    for side, probability in sides:
        rows = np.flatnonzero(side)
        texts = [f"the mean over the star's light curves is {value:.2g}" for value in mean[rows]]
        findings.append(make_findings(table, "star", label, rows, mean[rows], probability[rows], texts))
    return findings


def _label(tag):
    """Return the label of a tag; "non-variable" is no tag, and its own label."""
    return tags()["label"].get(tag, tag)
