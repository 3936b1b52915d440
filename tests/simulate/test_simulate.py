"""The simulated survey: reproducible, consistent with itself, and with periods that can be found."""

import re
import runpy

import numpy as np
import pandas as pd
import pytest
import shapes
import simulation
import votes
from astropy.timeseries import LombScargle
from kinds import draw_star, read_kinds
from simulation import simulate, write_survey
from survey import draw_schedule, expose

from scope_nb import taxonomy
from scope_nb.dataset.dataset import trainable
from scope_nb.dataset.labels import compare_medians, count_labels, tag_tree
from scope_nb.files import project_folder, sample

main = runpy.run_path(str(project_folder() / "data" / "simulate" / "__main__.py"))["main"]
SAMPLE_STARS = int(re.search(r"SAMPLE_STARS \?= (\d+)", (project_folder() / "Makefile").read_text(encoding="utf-8"))[1])
PARENTS = {
    "periodic": "variable",
    "irregular": "variable",
    "eclipsing": "periodic",
    "EA": "eclipsing",
    "EW": "eclipsing",
    "RR Lyrae": "pulsator",
    "RR Lyrae ab": "RR Lyrae",
    "LPV": "pulsator",
    "W UMa": "binary star",
}


@pytest.fixture(scope="module")
def survey():
    return simulate(400, seed=3, mix="sample")


def of_kind(light_curves, truth, kind, band):
    """Pairs of a light curve of the star's main field in one band, and the star's row of the truth."""
    stars = truth[truth["kind"] == kind].set_index("obj_id")
    wanted = light_curves.meta["obj_id"].isin(stars.index) & (light_curves.meta["band"] == band)
    rows = light_curves.meta[wanted].drop_duplicates("obj_id").index
    return [(light_curves[row], stars.loc[light_curves.meta.loc[row, "obj_id"]]) for row in rows]


def test_same_seed_gives_the_same_survey(survey):
    again, truth = simulate(400, seed=3, mix="sample")
    pd.testing.assert_frame_equal(again.meta, survey[0].meta)
    pd.testing.assert_frame_equal(truth, survey[1])
    np.testing.assert_array_equal(again.mag, survey[0].mag)
    assert not np.array_equal(simulate(5, seed=4)[0].mag[:50], survey[0].mag[:50])


def test_a_star_does_not_depend_on_how_many_there_are(survey):
    few, truth = simulate(7, seed=3, mix="sample")
    pd.testing.assert_frame_equal(few.meta, survey[0].meta.iloc[: len(few)])
    pd.testing.assert_frame_equal(truth, survey[1].iloc[:7])
    np.testing.assert_array_equal(few.mag, survey[0].mag[: len(few.mag)])
    later, _ = simulate(3, seed=3, mix="sample", first=4)
    np.testing.assert_array_equal(later.mag, few.mag[-len(later.mag) :])


def test_light_curves_are_usable(survey):
    light_curves, truth = survey
    light_curves.check()
    assert light_curves.meta["_id"].is_unique
    assert set(light_curves.meta["obj_id"]) == set(truth["obj_id"])
    assert light_curves.clean().n_epochs.min() >= 60  # also after close visits are thinned
    assert 200 < light_curves.n_epochs.mean() < 400
    assert all(np.all(np.diff(curve.time) > 0) for curve in light_curves)
    assert light_curves.time.min() > 58200 and light_curves.time.max() < 59236
    assert light_curves.mag.min() > 12.0 and light_curves.mag.max() < 21.9


@pytest.mark.parametrize(
    ("place", "nights", "share"),  # read off real light curves: ZTF DR5 in the far south, ZTF DR3 in the north
    [((41.7, -26.6, -62.0), (60, 120), 0.14), ((250.0, 62.0, 38.0), (180, 400), 0.58)],
)
def test_nights_are_as_far_apart_as_in_real_light_curves(place, nights, share):
    rng = np.random.default_rng(0)
    visited = []
    for _ in range(60):
        times, curve, bands = draw_schedule(place, rng)
        visited.append(np.unique(np.floor(times[curve == bands.index(1)])))
    visited.sort(key=len)  # the public survey in the south, the dense one in the north
    chosen = visited[:30] if place[1] < 0 else visited[-20:]
    gaps = [np.diff(times) for times in chosen]
    assert nights[0] < np.median([len(times) for times in chosen]) < nights[1]
    assert abs(np.mean(np.concatenate(gaps) == 1) - share) < 0.08
    longest = np.median([gap.max() for gap in gaps])
    assert 190 < longest < 225 if place[1] < 0 else longest < 120  # the southern season is short: 208 days without it


def test_noise_of_faint_stars_is_skewed_to_the_bright_side():
    """Only the bright excursions of faint stars are detected in bad nights; bright stars scatter evenly."""
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(shapes.FIRST_NIGHT, shapes.LAST_NIGHT, 4000))
    for mag, low, high in ((14.0, -0.2, 0.2), (20.5, -9.0, -0.5)):
        measured, err, good = expose(times, np.full(4000, mag), 0.0, rng)
        pull = (measured[good] - np.median(measured[good])) / err[good]
        assert low < np.mean(np.clip(pull, -9, 9) ** 3) < high
        assert 0.7 < np.std(pull) < 1.6
    assert good.mean() < 0.9


def test_every_kind_varies_as_it_should():
    times = np.sort(np.random.default_rng(0).uniform(shapes.FIRST_NIGHT, shapes.LAST_NIGHT, 400))
    for name, row in read_kinds().items():
        assert callable(getattr(shapes, row["shape"])), name
        for seed in range(5):
            star = draw_star(name, np.random.default_rng(seed))
            offsets = star.vary(times, np.random.default_rng(seed))
            assert offsets.shape == (3, 400) and np.isfinite(offsets).all(), name
            constant = name in ("dwarf", "giant")
            assert (np.ptp(offsets[1]) == 0) == constant, name
            if row["period"]:
                assert row["period"][2] <= star.period <= row["period"][3]


def test_tags_of_the_kinds_are_complete():
    """Every tag belongs to a kind, and each kind carries the parents of its tags, certain before uncertain."""
    seen = set()
    for name, row in read_kinds().items():
        share = {tag: float(p or 1) for tag, _, p in (entry.partition(":") for entry in row["tags"].split())}
        seen |= set(share)
        for tag, parent in taxonomy.tags()["parent_tag"].items():
            if tag in share and parent in ("rrlyr", "lpv", "ceph", "ceph2", "puls", "bogus", "e"):
                assert share.get(parent, 0) >= share[tag], (name, tag)
    assert seen == {*taxonomy.tags().index, "non-variable"} - {"wp", "hp", "dp"}  # those depend on the search


def test_natural_mix_is_scopes():
    light_curves, _ = simulate(1000, seed=2)
    share = count_labels(light_curves.meta)["light curves"] / len(light_curves)
    scope = taxonomy.tags().set_index("label")["n_scope"] / 170632
    common = scope.index[scope > 0.05]
    assert len(common) == 8
    assert (share[common] / scope[common] - 1).abs().max() < 0.2


def test_sample_has_enough_of_every_tag():
    """What `make sample` makes, light curves and labels: at least 40 positive of 15 stars."""
    counts = count_labels(simulate(SAMPLE_STARS, 1, "sample")[0].meta)
    few = counts[(counts["light curves"] < 40) | (counts["stars"] < 15)]
    assert few.empty, f"too few: {few}"
    assert 5000 < counts.loc[["variable", "non-variable"], "light curves"].sum() < 6500


def test_the_sample_can_train_every_tag():
    good, reasons = trainable(sample(), {tag: {} for tag in taxonomy.tags().index})
    assert len(good) == 52, reasons


def test_wrong_periods_are_mostly_not_noticed(survey):
    truth = survey[1][survey[1]["period"].notna()].set_index("obj_id")
    wrong = (truth["shown_period"] / truth["period"] - 1).abs() > 0.01
    noticed = (survey[0].meta.groupby("obj_id")["wrong period"].max() > 0.7).reindex(truth.index)
    assert 0.2 < wrong.mean() < 0.6
    assert 0.2 < noticed[wrong].mean() < 0.6
    assert not noticed[~wrong].any()


@pytest.mark.parametrize("seed", range(3))
def test_a_sine_is_shown_at_its_period_and_equal_eclipses_at_half(seed):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 700, 200))
    err = np.full(200, 0.02)
    sine = np.sin(2 * np.pi * time / 0.7337) + 0.3 * np.sin(4 * np.pi * time / 0.7337)
    assert votes.choose_period((time, sine, err), 0.7337, rng) == pytest.approx(0.7337)
    assert votes.choose_period((time, sine, err), 2 * 0.7337, rng) == pytest.approx(0.7337)
    assert np.isnan(votes.choose_period((time, sine, err), np.nan, rng))


def test_labels_are_vote_shares(survey):
    shares = survey[0].meta[taxonomy.label_names()]
    assert shares.shape[1] == 53
    assert set(np.unique(shares)) == {0.0, 0.25, 0.5, 0.75, 1.0}
    positive = shares > 0.7
    for child, parent in PARENTS.items():
        least = 0.75 if child == "W UMa" else 0.95  # people call W UMa what they do not call a binary
        assert positive.loc[positive[child], parent].mean() > least, child
    periodic = positive[["eclipsing", "pulsator", "binary star", "sinusoidal"]].any(axis=1)
    periodic &= survey[0].meta["obj_id"].map(survey[1].set_index("obj_id")["tags"].str.contains("pnp"))
    assert 0.005 < 1 - positive.loc[periodic, "periodic"].mean() < 0.1  # 0.03 in SCoPe's training set


def test_people_forget_that_what_flares_is_irregular():
    positive = simulate(200, seed=4, mix={"flare star": 1})[0].meta[["flaring", "irregular"]] > 0.7
    assert 0.84 < positive.loc[positive["flaring"], "irregular"].mean() < 0.95  # SCoPe forgets it for a tenth


def test_labels_tell_the_kind_most_of_the_time(survey):
    meta = survey[0].meta.merge(survey[1][["obj_id", "kind"]], on="obj_id")
    for kind, label in {"RR Lyrae ab": "RR Lyrae", "EW": "eclipsing", "AGN": "AGN", "YSO": "YSO"}.items():
        assert (meta.loc[meta["kind"] == kind, label] > 0.7).mean() > 0.85
    constant = meta["kind"].isin(["dwarf", "giant"])
    assert (meta.loc[constant, "non-variable"] > 0.7).mean() > 0.9
    assert (meta.loc[constant, "variable"] < 0.3).all()
    hidden = meta["kind"].isin(["EA", "Delta Scuti", "flare star"])
    tags_of = survey[1].set_index("obj_id")["tags"].str.split()
    label, missed = taxonomy.tags()["label"], {"non-variable", "wrong period", "half period", "double period"}
    for row in meta.to_dict("records"):
        given = {name for name in taxonomy.label_names() if row[name] > 0.25}  # single votes may be strays
        assert given <= {label.get(tag, tag) for tag in tags_of[row["obj_id"]]} | missed, row["kind"]
    assert 0.01 < (meta.loc[hidden, "variable"] <= 0.5).mean() < 0.4  # people miss weak signals


def test_errors_of_constant_stars_match_their_scatter(survey):
    curves = [curve for curve, _ in of_kind(*survey, "dwarf", "r")]
    chi2 = [np.mean(((c.mag - np.average(c.mag, weights=c.err**-2)) / c.err) ** 2) for c in curves]
    assert 0.7 < np.median(chi2) < 2
    median = np.array([np.median(c.mag) for c in curves])
    err = np.array([np.median(c.err) for c in curves])
    assert 0.009 < np.median(err[median < 15.5]) < 0.016
    assert 0.07 < np.median(err[median > 19.3]) < 0.2


def test_period_of_rr_lyrae_can_be_found():
    light_curves, truth = simulate(40, seed=5, mix={"RR Lyrae ab": 1})
    found = []
    for curve, star in of_kind(light_curves, truth, "RR Lyrae ab", "r"):
        if np.median(curve.mag) > 18 or star["amplitude"] < 0.4:
            continue
        baseline = np.ptp(curve.time)
        frequency = np.arange(0.2, 6.5, 0.2 / baseline)
        power = LombScargle(curve.time, curve.mag, curve.err).power(frequency)
        best = frequency[np.argmax(power)]
        found.append(np.min(np.abs(best - np.array([0.5, 1, 2]) / star["period"])) < 1 / baseline)
    assert len(found) >= 15
    assert np.mean(found) > 0.9


def test_amplitude_of_rr_lyrae_is_larger_in_g():
    light_curves, truth = simulate(60, seed=6, mix={"RR Lyrae ab": 1})
    spread = {
        band: {star.name: np.ptp(np.percentile(c.mag, [5, 95])) for c, star in pairs}
        for band in "gr"
        if (pairs := of_kind(light_curves, truth[truth["amplitude"] > 0.5], "RR Lyrae ab", band))
    }
    ratio = [spread["g"][star] / spread["r"][star] for star in set(spread["g"]) & set(spread["r"])]
    assert 1.25 < np.median(ratio) < 1.55


def test_a_missing_match_is_exactly_zero(survey):
    meta = survey[0].meta.drop_duplicates("obj_id")
    columns = [name for name in meta if "__" in name]
    assert len(columns) == 29
    assert meta[columns].notna().all(axis=None)
    shares = {"AllWISE__w1mpro": (0.1, 0.35), "Gaia_EDR3__phot_g_mean_mag": (0.0, 0.06)}
    for name, (low, high) in shares.items():
        assert low < (meta[name] == 0).mean() < high
    unmatched = meta["AllWISE__w1mpro"] == 0
    assert (meta.loc[unmatched, [c for c in columns if c.startswith("AllWISE")]] == 0).all(axis=None)
    assert (meta.loc[~unmatched, "AllWISE__w3sigmpro"] == 0).any()  # limits have no error
    silent = meta["n_ztf_alerts"] == 0
    assert ((meta["mean_ztf_alert_braai"] == 0) == silent).all()


def test_catalogue_agrees_with_the_light_curve(survey):
    light_curves, truth = survey
    pairs = of_kind(light_curves, truth, "dwarf", "r")
    known = [(np.median(c.mag), c.info["PS1_DR1__rMeanPSFMag"]) for c, _ in pairs]
    difference = np.array([ours - theirs for ours, theirs in known if theirs != 0])
    assert np.median(np.abs(difference)) < 0.05
    distant = simulate(60, seed=8, mix={"AGN": 1})[0].meta.drop_duplicates("obj_id")
    measured = distant[distant["Gaia_EDR3__parallax"] != 0]
    sigmas = measured["Gaia_EDR3__parallax"] / measured["Gaia_EDR3__parallax_error"]
    assert 0.5 < np.std(sigmas) < 1.6


@pytest.mark.parametrize("mix", [{"RR Lyra ab": 1}, {"EA": 0}, {"EA": 2, "EB": -1}])
def test_a_wrong_mix_is_refused(mix):
    with pytest.raises(ValueError, match=r"RR Lyrae ab|weights"):
        simulate(2, mix=mix)


def test_an_interrupted_survey_goes_on(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(simulation, "PART", 5)
    monkeypatch.setattr(simulation, "simulate", lambda *given: made.append(given[3]) or simulate(*given))
    whole = write_survey(tmp_path / "whole", 12, 4, features=False, keep=3, n_jobs=1)
    assert made == [0, 5, 10]
    monkeypatch.setattr(simulation, "_join", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_survey(tmp_path / "broken", 12, 4, features=False, keep=3, n_jobs=1)
    assert not list((tmp_path / "broken").glob("*.parquet"))
    monkeypatch.undo()
    monkeypatch.setattr(simulation, "PART", 5)
    monkeypatch.setattr(simulation, "simulate", lambda *given: pytest.fail("made again"))
    pd.testing.assert_frame_equal(write_survey(tmp_path / "broken", 12, 4, features=False, keep=3, n_jobs=1), whole)
    for name in ("lightcurves", "truth"):
        one, other = (pd.read_parquet(tmp_path / f / f"{name}.parquet") for f in ("whole", "broken"))
        pd.testing.assert_frame_equal(one, other)
    assert pd.read_parquet(tmp_path / "whole" / "lightcurves.parquet")["object_id"].nunique() == 3
    assert not list((tmp_path / "broken").glob(".*"))


def test_damaged_parts_of_a_survey_are_made_again(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(simulation, "PART", 5)
    write_survey(tmp_path / "whole", 12, 4, features=False, n_jobs=1)
    with monkeypatch.context() as patch:
        patch.setattr(simulation, "_join", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_survey(tmp_path / "broken", 12, 4, features=False, n_jobs=1)
    (folder,) = (tmp_path / "broken").glob(".*")
    (folder / "0000000" / "truth.parquet").write_bytes(b"")
    for file in (folder / "0000010").iterdir():
        file.unlink()
    monkeypatch.setattr(simulation, "simulate", lambda *given: made.append(given[3]) or simulate(*given))
    write_survey(tmp_path / "broken", 12, 4, features=False, n_jobs=1)
    assert made == [0, 10]
    for name in ("lightcurves.parquet", "truth.parquet"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_command_line_writes_three_files(tmp_path):
    main(["--stars", "4", "--seed", "1", "--out", str(tmp_path), "--prefix", "sample_", "--jobs", "1"])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "sample_lightcurves.parquet",
        "sample_training_set.parquet",
        "sample_truth.parquet",
    ]
    table = pd.read_parquet(tmp_path / "sample_training_set.parquet")
    assert set(taxonomy.label_names()) <= set(table)
    assert set(pd.read_parquet(tmp_path / "sample_truth.parquet")["kind"]) <= set(read_kinds())
    assert table["f1_power_ELS_ECE_EAOV"].notna().all()


def test_medians_are_compared_for_matches_only():
    real = taxonomy.scope_statistics()
    values = {name: real.at[name, "median"] + real.at[name, "std"] for name in ("iqr", "PS1_DR1__rMeanPSFMag")}
    values["period_ECE"] = real.at["period", "median"]
    table = pd.DataFrame({name: [value] * 3 for name, value in values.items()})
    table["PS1_DR1__rMeanPSFMag"] *= [1, 0, 0]
    distance = compare_medians(table, "ECE")["distance"]
    assert distance.to_dict() == pytest.approx({"iqr": 1, "PS1_DR1__rMeanPSFMag": 1, "period": 0}, abs=1e-9)


def test_trees_hold_every_tag_once():
    for name in ("phenomenological", "ontological"):
        lines = [line.split()[0] for line in tag_tree(name).splitlines()]
        wanted = taxonomy.tags().index[taxonomy.tags()["taxonomy"] == name]
        assert sorted(set(lines) & set(wanted)) == sorted(wanted) and len(lines) == len(set(lines))
