import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from scope_nb import models, run_plots, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.models import calibration as calibrate
from scope_nb.runs import comparison as compare
from scope_nb.runs import ensemble, leaderboard
from scope_nb.scores import checks, metrics
from scope_nb.scores.evaluation import Evaluation, evaluate, evaluate_predictions
from scope_nb.scores.metrics import _scores, influences, intervals, scores
from scope_nb.taxonomy import published


def world(rng, stars, gain=0.0, signal=1.5):
    """Light curves of stars, one to three each, with two classifiers' log odds: the second knows `gain` more."""
    y = (rng.random(stars) < 0.3).astype(int)
    shared, own = rng.normal(size=(2, stars))
    owner = np.repeat(np.arange(stars), rng.integers(1, 4, stars))
    y, star = y[owner], owner.astype(str)
    noise = 0.7 * (shared[owner] + 0.5 * rng.normal(size=len(owner)))
    probability = [
        1 / (1 + np.exp(-(2 * (y - 0.5) * (1 + k * gain) * signal + noise + 0.5 * k * own[owner]))) for k in (0, 1)
    ]
    return star, y, probability


def saved(folder, star, y, p, tag="rrlyr", data="1", threshold=0.5):
    """Write a run of which half of the stars are in the test part."""
    part = np.where(pd.to_numeric(star) % 2, "test", np.where(pd.to_numeric(star) % 4, "train", "val"))
    frame = pd.DataFrame({"row": np.arange(len(y)), "star": star, "part": part, "y": y, "probability": p})
    evaluation = evaluate_predictions(tag, frame, threshold)
    record = {"time": "2026-01-01T00:00:00", "data": {"file": "t.parquet", "sha256": data, "simulated": False}}
    return runs.write_run(folder, evaluation, record)


@pytest.fixture
def two(tmp_path, request):
    star, y, (a, b) = world(np.random.default_rng(0), getattr(request, "param", 600), gain=1.5)
    saved(tmp_path / "g/xgb/rrlyr", star, y, a)
    saved(tmp_path / "g/dnn/rrlyr", star, y, b)
    return tmp_path


def test_a_run_does_not_differ_from_itself(two):
    result = compare.compare("g/xgb/rrlyr", "g/xgb/rrlyr", two, n_resamples=100)
    assert (result.table[["difference", "low", "high"]] == 0).all(axis=None)
    assert (result.table["better"] == "").all()
    assert result.verdict.startswith("No difference")


def test_what_two_runs_were_made_with_is_told_where_it_differs(two):
    for name, C, folds in (("xgb", 1.0, 1), ("dnn", 10.0, 5)):
        run = runs.load_run(f"g/{name}/rrlyr", two)
        model = LogisticRegression(C=C, tol=1e-3).fit([[0.0], [1.0]], [0, 1])
        more = {"parameters": {"folds": folds, "tag": "rrlyr", "group": name}, "versions": {"numpy": "2", name: "1"}}
        runs.write_run(run.folder, run.evaluation, run.record | more, model)
    found = runs.what_differs("g/xgb/rrlyr", "g/dnn/rrlyr", two)
    assert found.index.tolist() == ["folds", "model"]
    assert found.loc["folds"].tolist() == ["1", "5"]
    assert found.loc["model"].tolist() == ["", "C=10.0"]  # 1.0 is the usual C, and the tolerance is the same
    assert runs.what_differs("g/xgb/rrlyr", "g/xgb/rrlyr", two).empty


@pytest.mark.parametrize("two", [2000], indirect=True)
def test_a_clear_improvement_is_seen_from_either_side(two):
    there = compare.compare("g/xgb/rrlyr", "g/dnn/rrlyr", two, n_resamples=300)
    back = compare.compare("g/dnn/rrlyr", "g/xgb/rrlyr", two, n_resamples=300)
    assert (there.table["better"] == "b").all()
    assert (back.table["better"] == "a").all()
    assert there.verdict.startswith("g/dnn/rrlyr is better than g/xgb/rrlyr")
    assert back.verdict.startswith("g/dnn/rrlyr is better than g/xgb/rrlyr")
    np.testing.assert_allclose(there.table["low"], -back.table["high"], atol=1e-12)


def covered(rng, stars, gain, signal, trials=600):
    """Return how often the intervals of `COMPARED` hold the truth: of the first classifier, and of the difference."""
    star, y, p = world(rng, 200_000, gain, signal)
    truth = np.array([list(scores(y, q, 0.5).values()) for q in p])
    single, apart = [], []
    for _ in range(trials):
        star, y, p = world(rng, stars, gain, signal)
        low, high = metrics.difference_limits(*((y, q, star, 0.5) for q in p))
        apart.append((low <= truth[1] - truth[0]) & (truth[1] - truth[0] <= high))
        low, high = np.array(list(intervals(y, p[0], star, 0.5).values())).T
        single.append((low <= truth[0]) & (truth[0] <= high))
    return np.array([np.mean(hits, axis=0)[compare._COMPARED] for hits in (single, apart)])


@pytest.mark.parametrize(("stars", "gain"), [(250, 0.0), (500, 0.3)])
def test_intervals_cover_the_truth(stars, gain):
    """About 95 in 100 samples of stars, of which 30 % are positive, have an interval with the truth in it."""
    found = covered(np.random.default_rng(5), stars, gain, signal=1.0)
    assert ((found >= 0.93) & (found <= 0.98)).all(), found


def test_intervals_of_few_or_easy_stars_are_no_narrower_than_they_should():
    """With 12 positive stars they are too wide rather; so are some with scores close to 1, which hang on few stars."""
    few = covered(np.random.default_rng(5), 40, 0.0, signal=1.0, trials=400)
    assert (few >= 0.94).all(), few
    easy = covered(np.random.default_rng(5), 250, 0.0, signal=1.5)
    assert ((easy >= 0.92) & (easy <= 0.985)).all(), easy


def test_influences_are_derivatives():
    star, y, (p, _) = world(np.random.default_rng(2), 120)
    p = np.round(p, 2)  # with ties
    order = np.argsort(-p, kind="stable")
    names, owner = np.unique(star[order], return_inverse=True)
    weights = np.vstack([np.ones(len(names)), 1 + 1e-5 * np.eye(len(names))])[:, owner]
    numeric = _scores(y[order], p[order], weights, 0.5)
    np.testing.assert_allclose(influences(y, p, star, 0.5), (numeric[1:] - numeric[0]) / 1e-5, atol=1e-6)


def test_a_perfect_score_by_luck_is_not_clearly_better(tmp_path):
    """Whoever is right where the other errs on two stars has not shown much; on ten, it has."""
    y, star = np.repeat([1, 0], 100), np.arange(200).astype(str)
    for wrong, better in ((2, ""), (10, "b")):
        p = np.where(y == 1, 0.9, 0.1)
        p[:wrong] = 0.2
        low, high = metrics.difference_limits((y, p, star, 0.5), (y, 0.1 + 0.8 * y, star, 0.5))[:, 3]
        assert (low > 0) == (better == "b")
        assert high < 0.2


def test_what_cannot_be_compared_is_said(two):
    star, y, (a, b) = world(np.random.default_rng(0), 600, gain=1.5)
    one = "g/xgb/rrlyr"
    other = saved(two / "g/xgb/ceph", star, y, a, tag="ceph")
    with pytest.raises(ValueError, match="tags differ, rrlyr and ceph"):
        compare.compare(one, other, two)
    other = saved(two / "g/data/rrlyr", star, y, b, data="2")
    with pytest.raises(ValueError, match="data differ"):
        compare.compare(one, other, two)
    assert compare.compare(one, other, two, n_resamples=20, any_data=True).table.shape == (3, 6)
    other = saved(two / "g/rows/rrlyr", star[:-50], y[:-50], b[:-50])
    with pytest.raises(ValueError, match=r"light curves differ, \d+ only in the first and 0 only in the second"):
        compare.compare(one, other, two)
    other = saved(two / "g/labels/rrlyr", star, 1 - y, b)
    with pytest.raises(ValueError, match="have other labels"):
        compare.compare(one, other, two)
    with pytest.raises(FileNotFoundError, match=r"no saved run.*Runs: .*g/xgb/rrlyr"):
        compare.compare(one, "g/lgbm/rrlyr", two)
    few = saved(two / "g/few/rrlyr", star[:40], y[:40], a[:40])
    assert compare.compare(few, few, two, n_resamples=20).verdict.startswith("Cannot tell: only")


def test_two_runs_of_one_test_part_are_picked(two):
    star, y, (a, _) = world(np.random.default_rng(1), 300)
    saved(two / "g/aaa/rrlyr", star, y, a, data="2")
    found = leaderboard.group_runs(two, "g")
    assert {folder.parent.name for folder in leaderboard.pick_two(found)} == {"dnn", "xgb"}
    assert leaderboard.pick_two(found[found["algorithm"] != "dnn"]) is None


@pytest.mark.parametrize("algorithm", ["dnn", "xgb"])
def test_published_counts_give_the_published_shares(algorithm):
    for tag, known in published().iterrows():
        found, missed, false = compare.published_counts(tag, algorithm)
        assert found / (found + missed) == pytest.approx(known[f"recall_{algorithm}"], abs=6e-7)
        if np.isfinite(known[f"precision_{algorithm}"]):
            assert found / (found + false) == pytest.approx(known[f"precision_{algorithm}"], abs=6e-7)
    with pytest.raises(ValueError, match="published no scores for 'mp'"):
        compare.published_counts("mp")


def test_a_rare_published_score_is_uncertain(two):
    star, y, (a, _) = world(np.random.default_rng(0), 600)
    wide = compare.compare_published(saved(two / "g/xgb/wvir", star, y, a, tag="wvir")).table
    narrow = compare.compare_published("g/xgb/rrlyr", reports=two).table
    widths = [(table["a_high"] - table["a_low"]).iloc[0] for table in (wide, narrow)]
    assert widths[0] > 10 * widths[1]
    blind = saved(two / "g/blind/rrlyr", star, y, np.random.default_rng(1).random(len(y)))
    assert compare.compare_published(blind).table["better"].iloc[0] == "a"
    known = published().loc["rrlyr"]
    p, r = known["precision_xgb"], known["recall_xgb"]
    assert narrow["a"].iloc[0] == pytest.approx(2 * p * r / (p + r), abs=1e-6)


def test_an_ensemble_is_the_mean_and_a_run_like_any(two):
    made = ensemble.average_all(["xgb", "dnn"], "g", two)
    assert [run.name for run in made] == ["g/xgb+dnn/rrlyr"]
    members = [runs.load_run(f"g/{name}/rrlyr", two).evaluation.predictions for name in ("xgb", "dnn")]
    mean = (members[0]["probability"] + members[1]["probability"]) / 2
    np.testing.assert_allclose(made[0].evaluation.predictions["probability"], mean, rtol=1e-12)
    assert sorted(leaderboard.group_runs(two)["algorithm"]) == ["dnn", "xgb", "xgb+dnn"]
    assert leaderboard.agreement(leaderboard.group_runs(two))["runs"].tolist() == ["dnn, xgb"]
    with pytest.raises(ValueError, match=r"no tag of group 'g' has runs of rnn; algorithms there: dnn, xgb"):
        ensemble.average_all(["rnn"], "g", two)


@pytest.mark.parametrize("two", [2000], indirect=True)
def test_two_groups_are_compared_tag_by_tag(two):
    star, y, (a, b) = world(np.random.default_rng(0), 2000, gain=1.5)
    for tag, p in (("rrlyr", b), ("e", a), ("i", a)):
        saved(two / f"new/xgb/{tag}", star, y, p, tag=tag, data="2")
    saved(two / "g/xgb/e", star, y, b, tag="e")
    saved(two / "g/xgb/vnv", star, y, a, tag="vnv")
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


def test_the_mean_over_tags_knows_that_they_share_stars():
    """Two classifiers equally good at three tags; those of a star are easy or hard together."""
    rng, hits, truth, n = np.random.default_rng(2), 0, 0.0, 200
    for _ in range(n):
        owner = np.repeat(np.arange(300), 2)
        luck, pairs = rng.normal(size=(2, 300))[:, owner], []
        for _ in range(3):
            y = (rng.random(300) < 0.3).astype(int)[owner]
            raw = 2 * y - 1 + luck + 0.5 * rng.normal(size=luck.shape)
            pairs.append([(y, 1 / (1 + np.exp(-p)), owner.astype(str), 0.5) for p in raw])
        _, low, high = metrics.mean_difference(pairs)
        hits += low <= truth <= high
    assert 0.92 * n <= hits <= 0.985 * n


def test_calibration_repairs_what_was_bent():
    rng = np.random.default_rng(1)
    truth = rng.random(6000)
    y = (rng.random(6000) < truth).astype(int)
    bent = truth**3 / (truth**3 + (1 - truth) ** 3)  # log odds three times too large: overconfident

    class Bent(LogisticRegression):
        def predict_proba(self, X):
            return np.column_stack([1 - X, X])

    for method, atol in (("sigmoid", 0.03), ("isotonic", 0.12)):
        model = calibrate.Calibrated(Bent(), method).fit(bent[:3000], y[:3000])
        p = model.predict_proba(bent[3000:])[:, 1]
        assert np.abs(p - truth[3000:]).max() < atol
        assert scores(y[3000:], p)["log_loss"] < scores(y[3000:], bent[3000:])["log_loss"]
        order = np.argsort(bent[3000:])
        assert (np.diff(p[order]) >= 0).all()
        assert p.min() > 0
        assert p.max() < 1
    assert model.predict_proba(np.array([0.0, 1.0])).sum() == pytest.approx(2)


def test_calibration_is_chosen_by_data_size():
    star = np.arange(2000)
    assert calibrate.choose_method(star % 2, star) == "isotonic"
    assert calibrate.choose_method(star % 50 == 0, star) == "sigmoid"
    assert calibrate.choose_method(star % 2, star % 12) == "none"


def test_a_calibrated_model_is_saved_and_keeps_what_it_learned(table, tmp_path):
    dataset = Dataset.from_table(table, "rrlyr")
    raw = models.fit(models.xgb(n_estimators=20), dataset.train, dataset.val)
    model = calibrate.calibrate(raw, dataset.val, "sigmoid")
    runs.save_run(tmp_path / "g/xgb/rrlyr", model, evaluate(model, dataset), dataset)
    again = models.load_model(tmp_path / "g/xgb/rrlyr/model")
    np.testing.assert_array_equal(again.predict_proba(dataset.X), model.predict_proba(dataset.X))
    shares = runs.load_run("g/xgb/rrlyr", tmp_path).importances
    assert next(iter(shares)) == raw.feature_importances_.idxmax()
    assert sum(shares.values()) == pytest.approx(1)


def test_false_positives_are_traced_to_the_labels_that_they_have(table):
    dataset = Dataset.from_table(table, "rrlyr")
    eclipsing = table["eclipsing"].to_numpy()[dataset.row] > 0.5
    frame = pd.DataFrame({"row": dataset.row, "star": dataset.star, "part": dataset.part, "y": dataset.y})
    frame["probability"] = np.where((dataset.y == 1) | eclipsing, 0.9, 0.1)
    result = evaluate_predictions("rrlyr", frame, 0.5)
    found = checks.contamination(result, table)
    assert found.index[0] == "eclipsing"
    assert found.loc["eclipsing", ["rate", "share"]].tolist() == [1, 1]
    assert found.loc["non-variable", "false_positives"] == 0
    assert "variable" not in found.index  # each of these has a more specific label


def test_deceptively_good_is_noticed_and_not_by_chance():
    rng, warned = np.random.default_rng(3), {0.05: 0, 0.25: 0}
    for rate in warned:
        for _ in range(200):
            parts = [("dropped", rate, 400), ("test", 0.05, 200)]
            rows = [
                pd.DataFrame({"star": np.repeat([f"{name}{k}" for k in range(n)], 2), "part": name, "y": 0}).assign(
                    probability=np.repeat(rng.random(n) < p, 2).astype(float)
                )
                for name, p, n in parts
            ]
            frame = pd.concat(rows)
            check = checks.dropped_negatives(Evaluation("vnv", 0.5, frame, {}))
            warned[rate] += check.warns
    assert warned[0.05] <= 20  # of 200, at a level of 5 %
    assert warned[0.25] >= 198
    learned = frame[frame["part"] == "dropped"].assign(part="train", y=1)  # the same stars, but for other votes
    assert checks.dropped_negatives(Evaluation("vnv", 0.5, pd.concat([frame, learned]), {})) is None


def test_seeds_spread_and_a_leak_shows(table):
    """Where each star has a signature that says nothing of other stars, only a split by light curve rewards it."""
    dataset = Dataset.from_table(table, "rrlyr", features=["wstd"], dmdt=False)
    spread = checks.over_seeds(models.xgb(n_estimators=20, n_jobs=1), dataset, 3)
    assert spread.loc["spread", "average_precision"] == pytest.approx(spread["average_precision"][:3].std())
    rng = np.random.default_rng(0)
    signed = table.assign(wstd=np.repeat(rng.normal(size=len(table) // 2), 2), skew=np.repeat(rng.random(400), 2))
    model = models.xgb(n_estimators=300, max_depth=8, early_stopping_rounds=None, n_jobs=1)
    shown = checks.leak(model, signed, "rrlyr", features=["wstd", "skew"], derived=False, dmdt=False)
    ap = shown["average_precision"].str.split().str[0].replace("-", np.nan).astype(float)
    assert ap.loc["split by light curve, as SCoPe"] > ap.loc["split by star"] + 0.2
    counts = shown["light curves"]
    assert counts.iloc[1] == counts.iloc[2] + counts.iloc[3]
