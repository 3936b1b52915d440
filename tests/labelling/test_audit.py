"""What an audit finds of labels and periods that are known to be wrong."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from scope_nb import Dataset, LightCurves, files
from scope_nb.dataset import apply_corrections, read_table
from scope_nb.labelling import (
    audit_table,
    check_periods,
    check_structure,
    choose_probable_threshold,
    judge_findings,
    make_corrections,
)
from scope_nb.labelling.confident import judge_labels
from scope_nb.labelling.stored_periods import LOG_ODDS, describe_relation
from scope_nb.runs.tree import find_contradictions
from scope_nb.scores.evaluation import steady_threshold
from scope_nb.taxonomy import label_names, tags

SUFFIXES = ("ELS", "ECE", "EAOV", "ELS_ECE_EAOV")


def make_table(rows):
    """Return a table of light curves from dicts of labels, each of a star of its own unless the dict names one."""
    star = [row.get("star", f"star {k}") for k, row in enumerate(rows)]
    frame = pd.DataFrame([{label: row.get(label, 0.0) for label in label_names()} for row in rows], dtype=float)
    return frame.assign(_id=np.arange(len(rows)), obj_id=star)


def test_labels_that_contradict_each_other_are_found_with_what_they_should_be():
    agreed = {"variable": 1, "periodic": 1}
    table = make_table(
        [
            agreed | {"eclipsing": 1, "EW": 0.75, "binary star": 1, "W UMa": 1},  # right
            agreed | {"binary star": 1, "W UMa": 1},  # across the taxonomies: what is a W UMa star eclipses
            agreed | {"eclipsing": 0.5, "EB": 1},  # the parent is below the child
            agreed | {"eclipsing": 1, "EA": 1, "EB": 0.75},
            {"variable": 0.75, "non-variable": 1},
            *[agreed | {"star": "twice", "pulsator": share} for share in (1, 1, 0.25)],
            agreed | {"eclipsing": 1, "pulsator": 0.75},
            *[agreed | {"star": "once", "irregular": share} for share in (0, 0, 1)],
        ]
    )
    findings = check_structure(table).set_index(["row", "label"])
    expected = {(1, "eclipsing"): 1, (2, "eclipsing"): 1, (3, "EB"): 0, (4, "variable"): 0, (7, "pulsator"): 0.75}
    assert findings["new"].to_dict() == pytest.approx(expected | {(8, "pulsator"): 0, (11, "irregular"): 1 / 3})
    assert findings.loc[(3, "EB"), "probability"] == pytest.approx(1 / 1.75)
    assert "'EB' has a share of 1, and 'eclipsing' follows" in findings.loc[(2, "eclipsing"), "reason"]


def test_corrections_of_the_structure_leave_no_child_without_parent():
    table = read_table(files.sample())
    findings = audit_table(table.drop(columns="period_ELS_ECE_EAOV"), progress=False).findings
    mended = apply_corrections(table, make_corrections(findings, "test", parts=("train", "val", "test")))
    for frame, n in ((table, 100), (mended, 0)):
        positive = pd.DataFrame({tag: frame[label] > 0.7 for tag, label in tags()["label"].items()})
        kinds = find_contradictions(positive)["kind"]
        assert (kinds == "child without parent").sum() >= n
    assert not (kinds == "child without parent").any()


@pytest.mark.parametrize(("lost", "false"), [(0.05, 0.05), (0.3, 0.0), (0.0, 0.02), (0.0, 0.0)])
def test_wrong_labels_are_told_from_difficult_ones(lost, false):
    rng = np.random.default_rng(5)
    truly = rng.random(20_000) < 0.3
    x = rng.normal(np.where(truly, 2.0, -2.0))
    y = np.where(truly, rng.random(len(x)) >= lost, rng.random(len(x)) < false)
    clean = 1 / (1 + (0.7 / 0.3) * np.exp(-4 * x))
    wrong, contradicted = judge_labels(y, (1 - lost) * clean + false * (1 - clean))
    probable = contradicted & (wrong > 0.5)
    if lost + false == 0:
        assert probable.mean() < 0.005
    else:
        assert (y != truly)[probable].mean() > 0.85
        assert probable[y != truly].mean() > 0.8


@pytest.mark.parametrize(("lost", "gain"), [(0.7, 0.04), (0.0, -0.01)])
def test_the_threshold_for_probable_truth_finds_what_people_overlooked(lost, gain):
    rng = np.random.default_rng(3)
    truly = rng.random(8000) < 0.2
    x = rng.normal(np.where(truly, 0.7, -0.7))
    y = truly & (rng.random(len(x)) >= lost)
    probability = (1 - lost) / (1 + 4 * np.exp(-1.4 * x))  # that somebody gave the label
    star = np.arange(len(x))
    unseen = pd.DataFrame({"y": y.astype(int), "probability": probability, "star": star})
    usual = f1_score(truly, probability > steady_threshold(y.astype(int), probability, star))
    probable = f1_score(truly, probability > choose_probable_threshold(SimpleNamespace(unseen=unseen)))
    assert probable > usual + gain


@pytest.fixture(scope="module")
def pulsators():
    """Light curves in two bands of five stars of known period, and a table where four of these are stored wrongly."""
    rng, period, curves, rows = np.random.default_rng(1), 0.5476, [], []
    stored = {"right": period, "half": period / 2, "double": 2 * period, "alias": 1 / (1 / period + 1), "other": 0.3021}
    for number, (star, value) in enumerate(stored.items()):
        for band in "gr":
            time = np.sort(rng.uniform(58200, 59200, 200))
            phase = 2 * np.pi * time / period
            mag = 16 + 0.4 * np.cos(phase) + 0.2 * np.cos(2 * phase + 3) + 0.02 * rng.normal(size=200)
            meta = {
                "_id": 10 * number + "gr".index(band),
                "obj_id": star,
                "band": band,
                "ra": 10.0 * number,
                "dec": 5.0,
            }
            curves.append((meta, time, mag, np.full(200, 0.02)))
            rows.append(meta | {f"period_{suffix}": value for suffix in SUFFIXES})
    metas, time, mag, err = zip(*curves, strict=True)
    table = pd.DataFrame(rows).join(pd.DataFrame(0.0, range(10), label_names())).assign(periodic=1.0)
    return table, LightCurves.from_lists(pd.DataFrame(list(metas)), time, mag, err)


def test_stored_periods_are_compared_with_those_of_the_light_curves(pulsators):
    table, curves = pulsators
    table = table.assign(
        **{"wrong period": np.repeat([1.0, 0, 0, 0, 0], 2), "half period": np.repeat([0, 1.0, 0, 0, 0], 2)}
    )
    findings = check_periods(table, curves, progress=False)
    probable = findings[findings["probability"] > 0.8]
    changes = probable.groupby(["obj_id", "label"])["new"].agg(list).to_dict()
    wrong = {(star, "wrong period"): [1, 1] for star in ("half", "double", "alias", "other")}
    assert changes == wrong | {("right", "wrong period"): [0, 0], ("double", "double period"): [1, 1]}
    reasons = probable[probable["label"] == "wrong period"].groupby("obj_id")["reason"].first()
    words = {"right": "the same as", "half": "half of", "double": "double of", "alias": "a daily alias of"}
    for star, relation in (words | {"other": "unrelated to"}).items():
        assert f" is {relation} 0.547" in reasons[star]


def test_without_light_curves_the_other_searches_of_a_star_decide(pulsators):
    table, _ = pulsators
    three = pd.concat([table.iloc[:2], table.iloc[[2]].assign(obj_id="right")], ignore_index=True)
    findings = check_periods(three, progress=False)
    assert findings[findings["probability"] > 0.5]["row"].unique().tolist() == [2]
    assert "half of 0.5476 d, to which the searches of all of its rows" in findings["reason"].iloc[0]
    unknown = three.drop(columns=[f"period_{suffix}" for suffix in SUFFIXES])
    assert "no column period_ELS_ECE_EAOV" in audit_table(unknown, progress=False).left_out[0]


def test_labels_count_where_all_searches_take_the_double(pulsators, monkeypatch):
    monkeypatch.setitem(LOG_ODDS, "hwvir", (-3.0, 5.5))
    table = pulsators[0].iloc[[0, 1, 2]].assign(obj_id=["star", "star", "other"], period_ELS_ECE_EAOV=0.2)
    label = "eclipsing sdB+dM (HW Vir)"  # one hump a cycle, which looks like two equal ones
    assert (check_periods(table, progress=False)["probability"] < 0.5).all()
    findings = check_periods(table.assign(**{label: [1.0, 1.0, 0.0]}), progress=False)
    probable = findings[findings["probability"] > 0.5]
    assert probable.groupby("obj_id")["label"].apply(set).to_dict() == {"star": {"wrong period", "double period"}}
    assert probable["period"].tolist() == pytest.approx([0.1] * 4)
    assert "the searches of all of its rows and its labels give" in probable["reason"].iloc[0]


def test_relations_hold_to_what_cycles_allow():
    assert describe_relation(400.0, 410.0) == "the same as"
    assert describe_relation(40.0, 41.5) == "unrelated to"


def test_the_audit_of_the_sample_is_right_and_leaves_test_stars_alone():
    table, truth = read_table(files.sample()), read_table(files.sample("truth"))
    audit = audit_table(table, ["e", "puls"], progress=False)
    probable = audit.findings[audit.findings["probability"] > 0.5]
    right = pd.Series(judge_findings(probable, truth)).groupby(probable["check"].to_numpy()).mean()
    assert (right[["star", "structure"]] > 0.95).all()
    assert right["classifier"] > 0.8
    assert len(audit.left_out) == 1
    assert "2,450 of 2,450 stars" in audit.left_out[0]
    by_classifier = audit.findings[audit.findings["check"] == "classifier"]
    assert set(by_classifier["part"]) == {"train", "val"}
    before = Dataset.read(table, "e", dmdt=False)
    after = Dataset.read(table, "e", dmdt=False, corrections=make_corrections(audit.findings, "test"))
    changed = before.y != after.y
    assert changed.sum() > 30
    assert not (changed & (before.part == "test")).any()


def test_a_tag_that_cannot_be_trained_is_left_out_and_an_unknown_one_is_an_error(table):
    audit = audit_table(table, ["rrd"], folds=2, progress=False)
    assert audit.left_out[0].startswith("no classifier of rrd: tag 'rrd'")
    with pytest.raises(ValueError, match="did you mean 'rrlyr'"):
        audit_table(table, ["rrlry"], progress=False)
