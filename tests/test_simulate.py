"""The simulated survey: reproducible, consistent with itself, and with periods that can be found."""

import numpy as np
import pandas as pd
import pytest
from astropy.timeseries import LombScargle

from scope_nb import taxonomy
from scope_nb.simulate import KINDS, TEACHING_MIX, main, simulate

PARENTS = {
    "periodic": "variable",
    "irregular": "variable",
    "eclipsing": "periodic",
    "EA": "eclipsing",
    "EW": "eclipsing",
    "RR Lyrae": "pulsator",
    "RR Lyrae ab": "RR Lyrae",
    "flaring": "irregular",
    "LPV": "pulsator",
    "W UMa": "binary star",
}


@pytest.fixture(scope="module")
def survey():
    return simulate(400, seed=3)


def of_kind(light_curves, truth, kind, band):
    """Pairs of a light curve of the star's main field in one band, and the star's row of the truth."""
    stars = truth[truth["kind"] == kind].set_index("obj_id")
    wanted = light_curves.meta["obj_id"].isin(stars.index) & (light_curves.meta["band"] == band)
    rows = light_curves.meta[wanted].drop_duplicates("obj_id").index
    return [(light_curves[row], stars.loc[light_curves.meta.loc[row, "obj_id"]]) for row in rows]


def test_same_seed_gives_the_same_survey(survey):
    again, truth = simulate(400, seed=3)
    pd.testing.assert_frame_equal(again.meta, survey[0].meta)
    pd.testing.assert_frame_equal(truth, survey[1])
    np.testing.assert_array_equal(again.mag, survey[0].mag)
    assert not np.array_equal(simulate(5, seed=4)[0].mag[:50], survey[0].mag[:50])


def test_a_star_does_not_depend_on_how_many_there_are(survey):
    few, truth = simulate(7, seed=3)
    pd.testing.assert_frame_equal(few.meta, survey[0].meta.iloc[: len(few)])
    pd.testing.assert_frame_equal(truth, survey[1].iloc[:7])
    np.testing.assert_array_equal(few.mag, survey[0].mag[: len(few.mag)])


def test_light_curves_are_usable(survey):
    light_curves, truth = survey
    light_curves.check()
    assert light_curves.meta["_id"].is_unique
    assert set(light_curves.meta["obj_id"]) == set(truth["obj_id"])
    assert light_curves.clean().n_epochs.min() >= 60  # also after close visits are thinned
    assert 200 < light_curves.n_epochs.mean() < 400
    assert all(np.all(np.diff(curve.time) > 0) for curve in light_curves)
    assert light_curves.time.min() > 58200 and light_curves.time.max() < 60001
    assert light_curves.mag.min() > 12.5 and light_curves.mag.max() < 20.9


def test_default_mix_has_enough_of_each_kind():
    counts = simulate(1200, seed=0)[1]["kind"].value_counts()
    assert set(counts.index) == set(KINDS)
    assert 220 <= counts["non-variable"] <= 310
    assert counts.min() >= 40


def test_labels_are_vote_shares(survey):
    shares = survey[0].meta[taxonomy.labels()]
    assert shares.shape[1] == 53
    assert set(np.unique(shares)) == {0.0, 0.25, 0.5, 0.75, 1.0}
    positive = shares > 0.7
    for child, parent in PARENTS.items():
        assert positive.loc[positive[child], parent].mean() > 0.95, child


def test_labels_tell_the_kind_most_of_the_time(survey):
    meta = survey[0].meta.merge(survey[1][["obj_id", "kind"]], on="obj_id")
    for kind, label in {"RR Lyrae ab": "RR Lyrae ab", "EW": "W UMa", "AGN": "AGN", "bogus": "bogus"}.items():
        assert (meta.loc[meta["kind"] == kind, label] > 0.7).mean() > 0.85
        assert (meta.loc[meta["kind"] != kind, label] > 0.7).mean() < 0.1
    constant = meta["kind"] == "non-variable"
    assert (meta.loc[constant, "non-variable"] > 0.7).mean() > 0.9
    assert (meta.loc[constant, "variable"] < 0.3).all()
    hidden = meta["kind"].isin(["EA", "Delta Scuti", "flare"])
    assert 0.01 < (meta.loc[hidden, "variable"] <= 0.5).mean() < 0.4  # people miss weak signals


def test_errors_of_constant_stars_match_their_scatter(survey):
    curves = [curve for curve, _ in of_kind(*survey, "non-variable", "r")]
    chi2 = [np.mean(((c.mag - np.average(c.mag, weights=c.err**-2)) / c.err) ** 2) for c in curves]
    assert 0.7 < np.median(chi2) < 2
    median = np.array([np.median(c.mag) for c in curves])
    err = np.array([np.median(c.err) for c in curves])
    assert 0.009 < np.median(err[median < 15]) < 0.014
    assert 0.1 < np.median(err[median > 19.7]) < 0.25


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
    pairs = of_kind(light_curves, truth, "non-variable", "r")
    known = [(np.median(c.mag), c.info["PS1_DR1__rMeanPSFMag"]) for c, _ in pairs]
    difference = np.array([ours - theirs for ours, theirs in known if theirs != 0])
    assert np.median(np.abs(difference)) < 0.05
    distant = light_curves.meta.merge(truth[truth["kind"] == "AGN"][["obj_id"]], on="obj_id")
    measured = distant[distant["Gaia_EDR3__parallax"] != 0].drop_duplicates("obj_id")
    sigmas = measured["Gaia_EDR3__parallax"] / measured["Gaia_EDR3__parallax_error"]
    assert 0.5 < np.std(sigmas) < 1.6


@pytest.mark.parametrize("mix", [{"RR Lyra ab": 1}, {"EA": 0}, {"EA": 2, "EB": -1}])
def test_a_wrong_mix_is_refused(mix):
    with pytest.raises(ValueError, match=r"RR Lyrae ab|weights"):
        simulate(2, mix=mix)


def test_command_line_writes_three_files(tmp_path):
    main(["--stars", "4", "--seed", "1", "--out", str(tmp_path), "--prefix", "sample_"])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "sample_lightcurves.parquet",
        "sample_training_set.parquet",
        "sample_truth.parquet",
    ]
    table = pd.read_parquet(tmp_path / "sample_training_set.parquet")
    assert set(taxonomy.labels()) <= set(table)
    assert set(pd.read_parquet(tmp_path / "sample_truth.parquet")["kind"]) <= set(TEACHING_MIX)
