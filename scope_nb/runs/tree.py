"""Sense across tags: the tree of tags, contradictions in it, and one answer from many yes-or-no probabilities."""

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd

from ..taxonomy import ROOT, ancestors, parents, tags

ARTEFACTS = ("bogus", "ext", "blend", "bright", "artfct")  # of the image, not of the star
OF_PERIODS = ("wp", "hp", "dp")  # they say of a period that it is wrong, and nothing of the star
# parents whose children exclude each other, and the children that may stand beside another one all the same
EXCLUSIVE = {"ontological": ("rscvn",), "bis": ("rscvn",), "puls": (), "rrlyr": ("rrblz",), "lpv": (), "ceph2": ()}
EXCLUSIVE |= {"e": (), "ceph": (), "accr": ()}
CONSTANT, OTHER = "not variable", "other variable"
TELLING = ("e", "el")  # shapes that say what a star is, as do those below them
KINDS = ("right", "right family", "don't know", "wrong")


def repair_probabilities(probability):
    """Return probabilities in which no tag is more probable than one above it.

    `probability` has a column for each tag. A tag gets the largest probability of its own and of those below it: who
    is sure of an RR Lyrae star is sure of a pulsator. Of the rules tried it is the one that loses nothing.
    """
    repaired = probability.copy()
    for tag in probability:
        for above in ancestors(tag):
            if above in probability:
                repaired[above] = np.fmax(repaired[above], probability[tag])
    return repaired


@cache
def exclusive_pairs():
    """Return pairs of tags of which a star has one at most."""
    family, pairs = tags()["parent_tag"], []
    for parent, exempt in EXCLUSIVE.items():
        children = [tag for tag in family.index[family == parent] if tag not in exempt]
        pairs += combinations(children, 2)
    return pairs


def find_contradictions(positive):
    """Return the contradictions among the tags of each star, in a table with the columns `star`, `kind` and `tags`.

    `positive` is a boolean table with a row for each star and a column for each tag. A contradiction is a child without
    its parent, or two tags that exclude each other.
    """
    rows = []
    for child, parent in parents().items():
        if child in positive and parent in positive:
            stars = positive.index[positive[child] & ~positive[parent]]
            rows += [(star, "child without parent", f"{child} without {parent}") for star in stars]
    for one, two in exclusive_pairs():
        if one in positive and two in positive:
            stars = positive.index[positive[one] & positive[two]]
            rows += [(star, "exclude each other", f"{one} and {two}") for star in stars]
    return pd.DataFrame(rows, columns=["star", "kind", "tags"])


def class_shares(probability):
    """Return the shares of exclusive classes, which add up to 1: the tags of nature, `OTHER` and `CONSTANT`.

    From the root down the share of a tag is divided among its children in proportion to their probabilities, as far as
    these do not exceed it; the rest stays with the tag itself: "pulsator" then means a pulsator of another kind.
    """
    table = tags()
    nature = [tag for tag in probability if tag in table.index and table.at[tag, "taxonomy"] == "ontological"]
    total = probability[ROOT] if ROOT in probability else pd.Series(1.0, probability.index)
    shares = {CONSTANT: 1 - total}

    def divide(parent, share, name):
        children = [tag for tag in nature if next((a for a in ancestors(tag) if a in nature), None) == parent]
        together = sum((probability[tag] for tag in children), pd.Series(0.0, probability.index))
        scale = np.minimum(1.0, share / together.where(together > 0, 1.0))
        for tag in children:
            divide(tag, probability[tag] * scale, tag)
        shares[name] = (share - together * scale).clip(lower=0.0)

    divide(None, total, OTHER)
    return pd.DataFrame(shares)


def name_classes(positive, margin):
    """Return the most specific label of each star that agrees with all above it; `CONSTANT` or `OTHER` where none does.

    `positive` is a boolean table with a row for each star and a column for each tag, `margin` from 0 to 1 how far above
    its threshold each is. Of the positive tags whose parents are positive, it is the deepest of the tree of nature, of
    two equally deep ones that of the larger margin; if there is none, the deepest of the tree of shapes.
    """
    table, best = tags(), pd.Series(OTHER, positive.index)
    if ROOT in positive:
        best[~positive[ROOT]] = CONSTANT
    order = []
    for tag in positive:
        if tag not in table.index or tag in (ROOT, *ARTEFACTS, *OF_PERIODS):
            continue
        above = [a for a in ancestors(tag) if a in positive]
        consistent = positive[[tag, *above]].all(axis=1)
        is_nature = table.at[tag, "taxonomy"] == "ontological"
        rank = is_nature * 100 + len(above) + 1 + margin[tag].clip(0, 0.999)
        order.append(rank.where(consistent, 0.0).rename(tag))
    if not order:  # the root alone was asked for
        return best
    ranks = pd.concat(order, axis=1)
    return best.where(ranks.max(axis=1) == 0, ranks.idxmax(axis=1))


def as_known_classes(label, tags_of):
    """Return labels by the names of a catalogue's classes, as far as one has such a label or one above it.

    `label` and `tags_of` are those of `compare_classes`. "srv" is a long-period variable where the catalogue has no
    finer class; "rrlyr" stays, where it has RR Lyrae stars of type ab and c only.
    """
    class_of, names = {}, {}
    for name, class_tags in sorted(tags_of.items(), key=lambda entry: (len(entry[1]), entry[0])):  # plain ones first
        fallback = OTHER if class_tags else CONSTANT
        class_of |= {tag: name for tag in _innermost(class_tags) or [fallback] if tag not in class_of}
    for value in set(label):
        names[value] = next((class_of[tag] for tag in (value, *ancestors(value)) if tag in class_of), value)
    return label.map(names)


def compare_classes(label, names, tags_of):
    """Return how well labels agree with the known classes of stars: a table with a row for each class, and in all.

    Parameters
    ----------
    label, names : Series
        The most specific label of each star, from `name_classes`, and its class in a catalogue.
    tags_of : dict of str to list of str
        The tags of each class, as `dataset.read_class_tags` returns them.

    Returns
    -------
    DataFrame
        `stars`; the shares of them whose label is `right` (a tag of the class below which it has no other, or one below
        that), of the `right family` (another of its tags), `don't know` (no more than variable, or a shape such as
        sinusoidal, or too few epochs) or `wrong`; and the three commonest labels.
    """
    names, rows = names.to_numpy(), {}
    for name in [*sorted(set(names)), "all"]:
        here = np.ones(len(label), bool) if name == "all" else names == name
        labels = label[here]
        kinds = [_judge_label(value, tags_of[known]) for value, known in zip(labels, names[here], strict=True)]
        rows[name] = {"stars": len(labels)} | {kind: kinds.count(kind) / len(kinds) for kind in KINDS}
        common = labels.value_counts().head(3)
        rows[name]["commonest labels"] = ", ".join(f"{value} {n}" for value, n in common.items())
    return pd.DataFrame.from_dict(rows, orient="index")


def _innermost(class_tags):
    """Return the tags that say what stars of a class are, and have none of its other tags below them."""
    above = {tag for other in class_tags for tag in ancestors(other)}
    return [tag for tag in class_tags if tag not in above and _says_what(tag)]


def _says_what(tag):
    """Return whether a tag says what a star is: that it varies, repeats or is sinusoidal does not."""
    if tag not in tags().index:
        return False
    return tags().at[tag, "taxonomy"] == "ontological" or not {tag, *ancestors(tag)}.isdisjoint(TELLING)


def _judge_label(label, class_tags):
    """Return which of `KINDS` a label of a star is, whose class has some tags; none if it is not variable."""
    innermost = set(_innermost(class_tags))
    if label == CONSTANT:
        return "wrong" if class_tags else "right"
    if label == OTHER and class_tags and not innermost:
        return "right"
    if not _says_what(label):
        return "don't know"
    if not innermost.isdisjoint({label, *ancestors(label)}):
        return "right"
    return "right family" if label in class_tags else "wrong"
