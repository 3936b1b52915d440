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


OWN = ["_id", "wstd", "f1_power_ELS", "RR Lyrae", "Gaia_EDR3__new", "blue loop star", "F", "mira"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blue loop star", ("blue loop star", "blue loop star", "ontological")),
        ("Blue Loop Star", ("blue loop star", "blue loop star", "ontological")),
        ("bls2", ("bls2", "blue loop star 2", "ontological")),  # a class of config.yaml
        ("blue loop star 2", ("bls2", "blue loop star 2", "ontological")),
        ("E", ("e", "my eclipses", "phenomenological")),  # a class of the name of a tag
        ("F", ("f", "F", "ontological")),  # SCoPe's label comes before a column
        ("Mira", ("mir", "Mira", "ontological")),
        ("mira", ("mira", "mira", "ontological")),  # a column that is written just so comes before another case
    ],
)
def test_a_tag_is_any_label_by_its_name(name, expected):
    assert taxonomy.resolve_tag(name, {"bls2": "blue loop star 2", "e": "my eclipses"}, OWN) == expected


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("foo", (), r"none of SCoPe's 52, which scope_nb/tables/tags.csv and taxonomy.tags\(\) list.*: none$"),
        ("foo", OWN, r"columns of one's own in the table: blue loop star, mira$"),
        ("blue lop star", OWN, "unknown tag 'blue lop star'; did you mean 'blue loop star'"),
        ("f1_power_ELS", OWN, "'f1_power_ELS': it is a feature"),
        ("_id", OWN, "unknown tag '_id'"),
        *((name, [name], "cannot be the name of a tag") for name in ("..", "EA/EB", ".x", "<b>", "a$", "x ", "a\nb")),
        ("x" * 101, ["x" * 101], "at most 100 letters"),
    ],
)
def test_what_is_no_tag_is_told_apart(name, columns, message):
    with pytest.raises(ValueError, match=message) as error:
        taxonomy.resolve_tag(name, columns=columns)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([206.0, np.nan, 3], ["206", "", "3"]),
        ([2**60 + 1, None], [str(2**60 + 1), ""]),
        (["000012", "12e3", "NA", "nan", "None", "206.0", ""], ["000012", "12e3", "NA", "nan", "None", "206.0", ""]),
        ([b"star", np.ma.masked], ["star", ""]),
        (np.array([1, 2], ">i8"), ["1", "2"]),
    ],
)
def test_names_are_text_whatever_their_type(values, names):
    assert taxonomy.as_names(values).tolist() == names
    with pytest.raises(ValueError, match="too large to be exact"):
        taxonomy.as_names([*values, 2.0**53])


def test_class_tags_are_checked(tmp_path):
    (tmp_path / "tags.csv").write_text("class,tags\nRRc,vnv rrc\nconstant,non-variable\nother,\n", encoding="utf-8")
    expected = {"RRc": ["vnv", "rrc"], "constant": ["non-variable"], "other": []}
    assert labels.read_class_tags(tmp_path / "tags.csv") == expected
    (tmp_path / "own.csv").write_text("class,tags,labels\nRCB,vnv,RCB stars; EA/EB\nRRc,vnv rrc,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'EA/EB' cannot be the name of a tag"):
        labels.read_class_labels(tmp_path / "own.csv")
    (tmp_path / "own.csv").write_text("class,tags,labels\nRCB,vnv,rcb; R Cor Bor\nRRc,vnv rrc,\n", encoding="utf-8")
    assert labels.read_class_labels(tmp_path / "own.csv") == {"RCB": ["rcb", "R Cor Bor"], "RRc": []}
    assert labels.read_class_labels(tmp_path / "tags.csv") == {name: [] for name in expected}
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
    both = labels.label_columns(["B", "RRc"], {"RRc": ["rrc"], "B": []}, {"B": ["blue loop star"]})
    assert both.shape == (2, 54) and both["blue loop star"].tolist() == [1, 0]
    with pytest.raises(ValueError, match="'wstd' is a column of SCoPe's"):
        labels.label_columns(["B"], {"B": []}, {"B": ["wstd"]})
    for numbers in ([1, 2], [1.0, 2.0], ["1", "2"]):
        assert labels.label_columns(numbers, {"1": ["vnv"], "2": ["ew"]})["EW"].tolist() == [0, 1]
    with pytest.raises(ValueError, match="classes that are missing, EW"):
        labels.label_columns(["RRc", np.nan, "EW"], {"RRc": ["rrc"]})


def test_sets_of_features_do_not_change_each_other():
    before = taxonomy.feature_columns("ontological")
    taxonomy.feature_columns("light curve")
    assert taxonomy.feature_columns("ontological") == before
