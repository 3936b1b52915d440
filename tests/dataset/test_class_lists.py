"""A list of tags: exclusive classes, of which every light curve has one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.labels import single_class
from scope_nb.runs.tree import ancestors
from scope_nb.taxonomy import tags

CLASSES = ["rrlyr", "e", "non-variable"]


@pytest.fixture(scope="module")
def labelled(table):
    """The training table, where some RR Lyrae stars are of type ab, some eclipsing as well, others only variable."""
    pulsators = np.flatnonzero(table["RR Lyrae"] > 0.7)
    frame = table.copy()
    frame.loc[pulsators[1::4], "RR Lyrae"] = 0.0
    frame["mine"] = frame["RR Lyrae"]
    frame.loc[pulsators[::2], "RR Lyrae ab"] = 0.9
    frame.loc[pulsators[::40], "eclipsing"] = 1.0
    return frame


def test_the_more_specific_class_wins_and_several_are_left_out(labelled):
    data = Dataset.read(labelled, ["rrlyr", "e", "rrab", "variable"], dmdt=False)
    assert data.classes == ("rrlyr", "e", "rrab", "vnv", "other")
    pulsator, ab = (labelled[label].to_numpy() > 0.7 for label in ("RR Lyrae", "RR Lyrae ab"))
    both = (pulsator | ab) & (labelled["eclipsing"].to_numpy() > 0.7)
    assert data.settings["n_several"] == both.sum() > 0 and not both[data.row].any()
    expected = np.where(labelled["variable"] > 0.7, "vnv", "other").astype("<U9")
    for name, rows in (("e", labelled["eclipsing"] > 0.7), ("rrlyr", pulsator), ("rrab", ab)):
        expected[rows] = name
    np.testing.assert_array_equal(np.array(data.classes)[data.y], expected[data.row])


def test_tags_lie_above_each_other_as_in_the_tree():
    label_of = tags()["label"]
    for tag in tags().index:
        row = {label: [1.0 if name in (tag, *ancestors(tag)) else 0.0] for name, label in label_of.items()}
        number, classes = single_class(pd.DataFrame(row), dict(label_of), 0.7)
        assert classes[number[0]] == tag


def test_parts_and_counts_of_classes(labelled):
    data = Dataset.read(labelled, CLASSES, weight_per_class=True, dmdt=False)
    assert data.classes == (*CLASSES, "other") and repr(data).startswith("Dataset of 4 classes: ")
    assert "4 classes" in repr(data.train)
    train = data.train
    np.testing.assert_allclose(train.weight, compute_sample_weight("balanced", train.y))
    assert data.counts()["e light curves"].tolist() == [(data[name].y == 1).sum() for name in ("train", "val", "test")]
    assert len(train.some(50)) == 50
    one = Dataset.read(labelled, ["rrlyr"], dmdt=False)  # a list of one is no list of classes
    assert (one.tag, one.classes) == ("rrlyr", ())


def test_balance_drops_stars_of_every_common_class(labelled):
    data = Dataset.read(labelled, ["rrab", "e", "non-variable"], balance=1.0, dmdt=False)
    counts = np.bincount(data.train.y)
    assert counts.max() <= counts.min() + 2
    assert {1, 2} <= set(data["dropped"].y)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["rrlyr", "rrlyr"], {}, "name each tag once"),
        ([], {}, "are no classes"),
        (["rrlyr", "ee"], {}, "unknown tag 'ee'"),
        (["rrlyr", "agn"], {}, "the table has no light curve whose only class is 'agn'"),
        (["rrlyr", "mine"], {}, "only class is 'rrlyr' or 'mine'"),
        (CLASSES, {"split": "scope"}, "for several classes use split='star'"),
        (CLASSES, {"label": "mine"}, "a label can be given to one tag"),
    ],
)
def test_lists_that_are_no_classes_are_refused(labelled, names, options, message):
    with pytest.raises(ValueError, match=message):
        Dataset.read(labelled, names, dmdt=False, **options)
