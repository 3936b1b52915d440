"""Two runs on the same stars; a run and a published score; two groups of runs."""

import shutil

import numpy as np
import pytest

from scope_nb import report, run_plots
from scope_nb.runs import comparison as compare
from scope_nb.runs import leaderboard
from scope_nb.taxonomy import published


def test_a_run_does_not_differ_from_itself(two):
    result = compare.compare("g/xgb/rrlyr", "g/xgb/rrlyr", two, n_resamples=100)
    assert (result.table[["difference", "low", "high"]] == 0).all(axis=None)
    assert (result.table["better"] == "").all()
    assert result.verdict.startswith("No difference")


@pytest.mark.parametrize("two", [2000], indirect=True)
def test_a_clear_improvement_is_seen_from_either_side(two):
    there = compare.compare("g/xgb/rrlyr", "g/dnn/rrlyr", two, n_resamples=300)
    back = compare.compare("g/dnn/rrlyr", "g/xgb/rrlyr", two, n_resamples=300)
    assert (there.table["better"] == "b").all()
    assert (back.table["better"] == "a").all()
    assert there.verdict.startswith("g/dnn/rrlyr is better than g/xgb/rrlyr")
    assert back.verdict.startswith("g/dnn/rrlyr is better than g/xgb/rrlyr")
    np.testing.assert_allclose(there.table["low"], -back.table["high"], atol=1e-12)


def test_what_cannot_be_compared_is_said(two, make_world, save_predictions):
    star, y, (a, b) = make_world(np.random.default_rng(0), 600, gain=1.5)
    one = "g/xgb/rrlyr"
    other = save_predictions(two / "g/xgb/ceph", star, y, a, tag="ceph")
    with pytest.raises(ValueError, match="tags differ, rrlyr and ceph"):
        compare.compare(one, other, two)
    other = save_predictions(two / "g/data/rrlyr", star, y, b, data="2")
    with pytest.raises(ValueError, match="data differ"):
        compare.compare(one, other, two)
    assert compare.compare(one, other, two, n_resamples=20, any_data=True).table.shape == (3, 6)
    other = save_predictions(two / "g/rows/rrlyr", star[:-50], y[:-50], b[:-50])
    with pytest.raises(ValueError, match=r"light curves differ, \d+ only in the first and 0 only in the second"):
        compare.compare(one, other, two)
    other = save_predictions(two / "g/labels/rrlyr", star, 1 - y, b)
    with pytest.raises(ValueError, match="have other labels"):
        compare.compare(one, other, two)
    with pytest.raises(FileNotFoundError, match=r"no saved run.*Runs: .*g/xgb/rrlyr"):
        compare.compare(one, "g/lgbm/rrlyr", two)
    few = save_predictions(two / "g/few/rrlyr", star[:40], y[:40], a[:40])
    assert compare.compare(few, few, two, n_resamples=20).verdict.startswith("Cannot tell: only")


def test_two_runs_of_one_test_part_are_picked(two, make_world, save_predictions):
    star, y, (a, _) = make_world(np.random.default_rng(1), 300)
    save_predictions(two / "g/aaa/rrlyr", star, y, a, data="2", time="2025-12-31T00:00:00")
    with pytest.warns(UserWarning, match="of another training table than the newest one.*: dnn/rrlyr, xgb/rrlyr$"):
        save_predictions(two / "g/bbb/rrlyr", star, y, a, data="2", time="2026-01-02T00:00:00")
        leaderboard.group_runs(two, "g")
    shutil.rmtree(two / "g/bbb")
    with pytest.warns(UserWarning, match="of another training table than the newest one.*: aaa/rrlyr$"):
        found = leaderboard.group_runs(two, "g")
    assert leaderboard.score_table(found)["algorithm"].tolist() == ["aaa, on other data (2)", "dnn", "xgb"]
    assert [folder.parent.name for folder in leaderboard.pick_two(found)] == ["xgb", "dnn"]  # the better one last
    assert leaderboard.pick_two(found[found["algorithm"] != "dnn"]) is None


@pytest.mark.parametrize("two", [2000], indirect=True)
def test_the_best_two_of_each_tag_are_judged(two, make_world, save_predictions):
    star, y, (a, b) = make_world(np.random.default_rng(0), 2000, gain=1.5)
    save_predictions(two / "g/blind/rrlyr", star, y, np.random.default_rng(1).random(len(y)))  # would be the first
    for algorithm in ("one", "two"):
        save_predictions(two / f"g/{algorithm}/e", star, y, a, tag="e")
    save_predictions(two / "g/xgb/i", star, y, b, tag="i")
    found = leaderboard.group_runs(two, "g")
    best = leaderboard.best_of_tags(found).set_index("tag")
    assert best.loc["rrlyr", ["best", "second", "is it really better?"]].tolist() == ["dnn", "xgb", "clearly better"]
    assert best.loc["e", "is it really better?"] == "no clear difference"
    assert set(best.index) == {"rrlyr", "e"}
    marked = leaderboard.score_table(found).query("best != ''")
    assert marked[["tag", "algorithm"]].to_numpy().tolist() == [["e", "one"], ["rrlyr", "dnn"]]
    first = leaderboard.pick_two(found[found["tag"] == "rrlyr"])
    assert [folder.parent.name for folder in first] == ["xgb", "dnn"]


@pytest.mark.parametrize("algorithm", ["dnn", "xgb"])
def test_published_counts_give_the_published_shares(algorithm):
    for tag, known in published().iterrows():
        found, missed, false = compare.published_counts(tag, algorithm)
        assert found / (found + missed) == pytest.approx(known[f"recall_{algorithm}"], abs=6e-7)
        if np.isfinite(known[f"precision_{algorithm}"]):
            assert found / (found + false) == pytest.approx(known[f"precision_{algorithm}"], abs=6e-7)
    with pytest.raises(ValueError, match="published no scores for 'mp'"):
        compare.published_counts("mp")


def test_a_rare_published_score_is_uncertain(two, make_world, save_predictions):
    star, y, (a, _) = make_world(np.random.default_rng(0), 600)
    wide = compare.compare_published(save_predictions(two / "g/xgb/wvir", star, y, a, tag="wvir")).table
    narrow = compare.compare_published("g/xgb/rrlyr", reports=two).table
    widths = [(table["a_high"] - table["a_low"]).iloc[0] for table in (wide, narrow)]
    assert widths[0] > 10 * widths[1]
    blind = save_predictions(two / "g/blind/rrlyr", star, y, np.random.default_rng(1).random(len(y)))
    assert compare.compare_published(blind).table["better"].iloc[0] == "a"
    known = published().loc["rrlyr"]
    p, r = known["precision_xgb"], known["recall_xgb"]
    assert narrow["a"].iloc[0] == pytest.approx(2 * p * r / (p + r), abs=1e-6)


@pytest.mark.parametrize("two", [2000], indirect=True)
def test_two_groups_are_compared_tag_by_tag(two, make_world, save_predictions):
    star, y, (a, b) = make_world(np.random.default_rng(0), 2000, gain=1.5)
    for tag, p in (("rrlyr", b), ("e", a), ("i", a)):
        save_predictions(two / f"new/xgb/{tag}", star, y, p, tag=tag, data="2")
    save_predictions(two / "g/xgb/e", star, y, b, tag="e")
    save_predictions(two / "g/xgb/vnv", star, y, a, tag="vnv")
    found = leaderboard.against_group(leaderboard.group_runs(two, "new"), "g", two)
    assert found["tag"].tolist() == ["rrlyr", "e", "mean of 2"]  # the gain first; i and vnv are in one group alone
    assert found["verdict"].tolist() == ["better", "worse", "no clear difference"]
    assert found["difference"].iloc[2] == pytest.approx(found["difference"][:2].mean(), abs=1e-12)
    assert (
        found["high"].iloc[2] - found["low"].iloc[2] < 1e-9
    )  # the same stars, swapped: what moves one moves the other
    alone = compare.compare("g/xgb/rrlyr", "new/xgb/rrlyr", two, any_data=True).table.loc["f1_score"]
    for here, there in {"there": "a", "here": "b", "low": "low", "high": "high"}.items():
        assert found.loc[0, here] == alone[there]
    assert len(run_plots.gains(found).get_legend_handles_labels()[1]) == 3
    with pytest.raises(ValueError, match="group 'g' has no run of a tag and algorithm that are here too"):
        leaderboard.against_group(leaderboard.group_runs(two, "new").query("tag == 'i'"), "g", two)
    with pytest.raises(ValueError, match="group 'g' has no run"):
        leaderboard.against_group(leaderboard.group_runs(two / "empty"), "g", two / "empty")


def test_runs_stand_in_a_table_beside_published_scores(two):
    found = leaderboard.group_runs(two, "g")
    scores = leaderboard.score_table(found)
    assert scores[["tag", "algorithm"]].to_numpy().tolist() == [["rrlyr", "dnn"], ["rrlyr", "xgb"]]
    assert scores["f1 score"].str.fullmatch(r"[01]\.\d{3} \([01]\.\d{3}-[01]\.\d{3}\)").all()
    beside = leaderboard.against_published(found)
    assert beside["published"].str.fullmatch(r"[01]\.\d{3} \([01]\.\d{3}-[01]\.\d{3}\)").all()
    assert beside["difference"].str.fullmatch(r"[+-]\d\.\d{3} \([+-]\d\.\d{3} to [+-]\d\.\d{3}\)").all()
    assert set(beside["verdict"]) <= {"run is better", "published is better", "no clear difference"}


def test_a_tag_of_ones_own_stands_beside_the_others(two, make_world, save_predictions):
    star, y, (a, b) = make_world(np.random.default_rng(0), 600)
    for tag in ("zzz", "blue loop star"):
        for algorithm, p in (("xgb", a), ("dnn", b)):
            save_predictions(two / f"g/{algorithm}/{tag}", star, y, p, tag=tag)
    runs = leaderboard.group_runs(two, "g")
    assert runs["tag"].tolist() == ["rrlyr"] * 2 + ["blue loop star"] * 2 + ["zzz"] * 2
    scores = leaderboard.score_table(runs).set_index("tag")
    assert (scores.loc["blue loop star", "SCoPe XGB"] == "-").all()
    assert set(leaderboard.against_published(runs)["tag"]) == {"rrlyr"}
    assert compare.compare("g/xgb/zzz", "g/dnn/zzz", two, n_resamples=20).table.shape == (3, 6)
    run_plots.bars(runs, "recall")
    run_plots.by_positives(runs)
    with pytest.raises(ValueError, match="'blue loop star' is none of SCoPe's tags: no score of it is published"):
        compare.compare_published("g/xgb/blue loop star", reports=two)
    page = report.page_head(two / "g/xgb/blue loop star")
    assert "<h1>blue loop star" in page and "Nothing is published for blue loop star." in page
