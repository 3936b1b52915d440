import numpy as np
import pytest

from scope_nb import taxonomy
from scope_nb.dataset import labels


def test_tables_agree_with_each_other():
    tags = taxonomy.tags()
    assert len(tags) == 52
    assert tags["label"].is_unique
    assert len(taxonomy.label_names()) == 53
    assert set(taxonomy.published().index) <= set(tags.index)
    assert len(taxonomy.feature_columns("phenomenological")) == 35
    ontological = taxonomy.feature_columns("ontological", "ECE")
    assert {"period_ECE", "wstd", "Gaia_EDR3__parallax"} <= set(ontological)
    assert all(taxonomy.feature_table()["description"])


def test_a_label_is_as_good_as_its_tag():
    assert taxonomy.find_tag("RR Lyrae ab") == taxonomy.find_tag("RRAB") == "rrab"


def test_class_tags_are_checked(tmp_path):
    (tmp_path / "tags.csv").write_text("class,tags\nRRc,vnv rrc\nconstant,non-variable\nother,\n", encoding="utf-8")
    expected = {"RRc": ["vnv", "rrc"], "constant": ["non-variable"], "other": []}
    assert labels.read_class_tags(tmp_path / "tags.csv") == expected
    (tmp_path / "tags.csv").write_text("class,tags\nRRc,vnv rcc\n", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown tag 'rcc'; did you mean 'rrc'"):
        labels.read_class_tags(tmp_path / "tags.csv")


@pytest.mark.parametrize(("name", "near"), [("vnx", "'vnv'"), ("rrlry", "'rrlyr'"), ("Delta Scuti", "'dscu'")])
def test_an_unknown_tag_names_the_nearest(name, near):
    with pytest.raises(ValueError, match="unknown tag") as error:
        taxonomy.find_tag(name)
    assert near in str(error.value)


def test_label_columns_from_class_names():
    votes = labels.label_columns(["RRc", "Misc"], {"RRc": ["vnv", "rrc", "sin"], "Misc": ["vnv"]})
    assert votes.shape == (2, 53)
    assert votes.loc[0, ["variable", "RR Lyrae c", "sinusoidal"]].tolist() == [1, 1, 1]
    assert votes.loc[1].sum() == 1
    with pytest.raises(ValueError, match="EW"):
        labels.label_columns(["EW"], {"RRc": ["rrc"]})
    for numbers in ([1, 2], [1.0, 2.0], ["1", "2"]):
        assert labels.label_columns(numbers, {"1": ["vnv"], "2": ["ew"]})["EW"].tolist() == [0, 1]
    with pytest.raises(ValueError, match="classes that are missing, EW"):
        labels.label_columns(["RRc", np.nan, "EW"], {"RRc": ["rrc"]})


def test_sets_of_features_do_not_change_each_other():
    before = taxonomy.feature_columns("ontological")
    taxonomy.feature_columns("light curve")
    assert taxonomy.feature_columns("ontological") == before
