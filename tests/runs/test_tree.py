"""Sense across tags: probabilities that agree with the tree, contradictions, and one answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scope_nb.runs import tree
from scope_nb.taxonomy import tags

TAGS = list(tags().index)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=len(TAGS), max_size=len(TAGS)), subset=st.sets(st.sampled_from(TAGS)))
def test_repaired_probabilities_agree_with_the_tree_and_shares_add_up(values, subset):
    probability = pd.DataFrame([values], columns=TAGS)[[tag for tag in TAGS if tag not in subset or tag == "vnv"]]
    repaired = tree.repair_probabilities(probability)
    for tag in repaired:
        for above in tree.ancestors(tag):
            assert above not in repaired or (repaired[tag] <= repaired[above]).all()
    assert (repaired >= probability).all(axis=None)
    pd.testing.assert_frame_equal(tree.repair_probabilities(repaired), repaired)
    shares = tree.class_shares(repaired)
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0])
    assert (shares >= 0).all(axis=None)


def test_the_tree_has_one_root_and_every_tag():
    assert set(tree.parents()) == set(TAGS)
    assert [tag for tag, parent in tree.parents().items() if parent is None] == ["vnv", "bogus"]
    assert tree.ancestors("rrab") == ["rrlyr", "puls", "vnv"]
    assert tree.ancestors("ea") == ["e", "pnp", "vnv"]


def test_contradictions_are_listed():
    positive = pd.DataFrame(False, ["a", "b", "c"], ["vnv", "puls", "rrlyr", "bis", "wuma", "rscvn", "rrab", "rrc"])
    positive.loc["a", ["vnv", "puls", "rrlyr", "rrab", "rrc"]] = True  # two kinds at once
    positive.loc["b", ["vnv", "rrlyr"]] = True  # no pulsator
    positive.loc["c", ["vnv", "bis", "wuma", "rscvn"]] = True  # spots come on top of any binary
    rows = tree.find_contradictions(positive)
    assert rows[["star", "tags"]].to_numpy().tolist() == [["b", "rrlyr without puls"], ["a", "rrab and rrc"]]


def test_the_most_specific_label_that_agrees():
    names = ["vnv", "pnp", "e", "ew", "puls", "rrlyr", "rrab", "bogus", "wp", "hp"]
    rows = {
        "RRab": [0.9, 0.9, 0.1, 0.1, 0.9, 0.8, 0.7, 0.1, 0.1, 0.1],
        "RR Lyrae": [0.9, 0.9, 0.1, 0.1, 0.9, 0.8, 0.3, 0.9, 0.1, 0.1],
        "shape": [0.9, 0.9, 0.9, 0.8, 0.1, 0.1, 0.7, 0.1, 0.9, 0.9],  # RRab is no RR Lyrae here, and does not count
        "constant": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1],
        "other": [0.9, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        "half": [0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9],  # says of a period that it is wrong
    }
    probability = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    labels = tree.name_classes(probability > 0.5, 2 * (probability - 0.5))
    assert labels.tolist() == ["rrab", "rrlyr", "ew", tree.CONSTANT, tree.OTHER, "pnp"]
    shares = tree.class_shares(tree.repair_probabilities(probability))
    assert shares.idxmax(axis=1).tolist() == ["rrab", "rrlyr", "rrab", tree.CONSTANT, tree.OTHER, tree.OTHER]
    np.testing.assert_allclose(shares.loc["RRab", "rrab"], 0.7)


def test_labels_are_judged_by_known_classes():
    label = pd.Series(["rrab", "rrlyr", "pnp", "other variable", "dscu", "not variable", "ew", "not variable"])
    names = pd.Series(["RRab"] * 6 + ["EW", "constant"])
    tags_of = {"RRab": ["vnv", "pnp", "puls", "rrlyr", "rrab"], "EW": ["vnv", "pnp", "bis", "e", "ew", "wuma"]}
    tags_of |= {"constant": [], "Misc": ["vnv"]}
    table = tree.compare_classes(label, names, tags_of)
    assert table.index.tolist() == ["EW", "RRab", "constant", "all"]
    labels = pd.Series(["rrab", "rrblz", "rrlyr", "ew", "not variable", "other variable"])
    named = tree.as_known_classes(labels, tags_of)
    assert named.tolist() == ["RRab", "rrblz", "rrlyr", "EW", "constant", "Misc"]
    np.testing.assert_allclose(table.loc["RRab", list(tree.KINDS)].astype(float) * 6, [1, 1, 2, 2])
    assert table["right"].tolist() == [1, 1 / 6, 1, 3 / 8]
    assert table.at["RRab", "commonest labels"].startswith("rrab 1, rrlyr 1")
