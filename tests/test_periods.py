from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from astropy.timeseries import LombScargle
from hypothesis import given, settings
from hypothesis import strategies as st

from scope_nb.features.extract import light_curve_features
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods import judge
from scope_nb.periods.bands import binary_odds
from scope_nb.periods.harmonics import chi2_by_harmonics
from scope_nb.periods.periodograms import (
    Grid,
    analysis_of_variance,
    conditional_entropy,
    distinct_peaks,
    entropy_and_variance,
    lomb_scargle,
    magnitude_rows,
    rounded,
)
from scope_nb.periods.search import find_period, find_periods, period_table, search


def folded_bins(time, freq, bins=20):
    """Phase bins in float64, and whether every epoch is clear of a bin edge.

    The first and the last epoch lie on an edge at every frequency of the grid, and belong to the upper bin.
    """
    phase = ((time - time[0]) * freq + 1e-9) % 1.0 * bins
    away = np.abs(phase - np.round(phase))
    return np.floor(phase).astype(int) % bins, (away[1:-1] > 1e-6).all()


def entropy_reference(time, mag, freq):
    row = np.minimum((mag - mag.min()) / np.ptp(mag) * 10, 9).astype(int)
    column, clear = folded_bins(time, freq)
    counts = np.zeros((10, 20))
    np.add.at(counts, (row, column), 1)
    p = counts / counts.sum()
    inner = p * np.log(np.where(p > 0, p.sum(axis=0) / np.where(p > 0, p, 1), 1))
    return inner.sum(), clear


def variance_reference(time, mag, freq):
    column, clear = folded_bins(time, freq)
    groups = [mag[column == b] for b in range(20) if (column == b).any()]
    between = sum(len(g) * (g.mean() - mag.mean()) ** 2 for g in groups) / (len(groups) - 1)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (len(mag) - len(groups))
    return between / within, clear


@pytest.mark.parametrize("max_freq", [48.0, 288.0])
@pytest.mark.parametrize(
    ("method", "reference"),
    [(conditional_entropy, entropy_reference), (analysis_of_variance, variance_reference)],
)
def test_fixed_point_phases_are_exact(method, reference, max_freq):
    """Over five years and up to the highest frequency, values are those of float64 phases, bin by bin."""
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(58200, 58200 + 1826, 120))
    mag = 15 + rng.standard_normal(120)
    whole = Grid.of(np.ptp(time), max_freq)
    compared = 0
    for first in (whole.first, whole.first + whole.size // 2, whole.first + whole.size - 1000):
        grid = Grid(whole.step, first, 1000, whole.oversampling)
        values = method(time, mag, grid)
        for k in range(0, 1000, 7):
            expected, clear = reference(time, mag, grid.freq(k))
            if clear:
                assert values[k] == pytest.approx(expected, rel=1e-10, abs=1e-10)
                compared += 1
    assert compared > 300


def test_variance_of_rounded_magnitudes_comes_with_the_entropy():
    rng = np.random.default_rng(4)
    time, mag = np.sort(rng.uniform(58200, 59000, 700)), 15 + rng.standard_normal(700)
    mag[:300] = 15.0  # more epochs in one magnitude bin than a byte can count
    grid = Grid.of(np.ptp(time), 5)
    entropy, variance = entropy_and_variance(time, mag, grid)
    np.testing.assert_array_equal(entropy, conditional_entropy(time, mag, grid))
    expected = analysis_of_variance(time, rounded(mag, magnitude_rows(mag)), grid)
    same = np.isclose(variance, expected, rtol=1e-3)  # not where an epoch is within rounding of the edge of a bin
    assert same.mean() > 0.999


@pytest.mark.parametrize("outlier", [0.0, 1e4])
def test_peaks_of_the_variance_are_those_of_all_frequencies(star, outlier):
    time, mag, err, _ = star
    mag = mag.copy()
    mag[5] += outlier
    grid = Grid.of(np.ptp(time))
    full = distinct_peaks(analysis_of_variance(time, mag, grid), 10, 20)
    found = search(time, mag, err, grid)[1]["EAOV"]
    assert found[0] == full[0]
    assert np.mean([np.abs(found - peak).min() <= 10 for peak in full]) > 0.9


def test_lomb_scargle_is_astropys(star):
    time, mag, err, _ = star
    grid = Grid.of(np.ptp(time), 48.0)
    power = lomb_scargle(time, mag, err, grid)
    some = np.arange(0, grid.size, 37)
    expected = LombScargle(time, mag, err).power(grid.freq(some), method="cython", assume_regular_frequency=False)
    np.testing.assert_allclose(power[some], expected, atol=1e-8)


def test_every_search_finds_a_clear_period(star):
    time, mag, err, period = star
    for name, result in find_periods(time, mag, err).items():
        assert abs(1 / result.period - 1 / period) < 1 / np.ptp(time), name
        apart = np.abs(np.subtract.outer(1 / result.candidates, 1 / result.candidates))
        assert (apart[~np.eye(len(apart), dtype=bool)] > 0.999 / np.ptp(time)).all(), name


def test_a_peak_gives_one_candidate():
    values = np.zeros(1000)
    values[[100, 101, 102, 105, 500, 900]] = [5, 9, 8, 7, 6, 4]
    assert distinct_peaks(values, 10, 3).tolist() == [101, 500, 900]


def test_no_frequency_is_masked():
    """Stars near 1, 2 and 3 cycles a day are found like any other."""
    rng = np.random.default_rng(5)
    time = np.sort(rng.uniform(58200, 59500, 300))
    for freq in (1.0004, 2.0007, 3.0001):
        mag = 16 + 0.3 * np.cos(2 * np.pi * freq * time) + 0.02 * rng.standard_normal(300)
        result = find_period(time, mag, np.full(300, 0.02), max_freq=10)
        assert abs(1 / result.period - freq) < 1 / np.ptp(time)


def test_constant_light_curve_has_no_period():
    time = np.linspace(0, 100, 60) ** 1.1
    result = find_period(time, np.full(60, 15.0), np.full(60, 0.1), keep_periodograms=True)
    assert np.isnan(result.period)
    assert result.significance == 0 == len(result.freq)


def test_unusable_input_is_refused(star):
    time, mag, err, _ = star
    spoilt = mag.copy()
    spoilt[7] = np.nan
    with pytest.raises(ValueError, match="magnitudes hold NaN or infinite values, first at epoch 7"):
        find_period(time, spoilt, err)
    with pytest.raises(ValueError, match="errors must be positive"):
        find_period(time, mag, -err)
    with pytest.raises(ValueError, match="times are equal"):
        find_period(np.full_like(time, 5.0), mag, err)
    with pytest.raises(ValueError, match="sorted"):
        find_period(time[::-1], mag, err)
    few = light_curve_features(time[:3], mag[:3], err[:3])
    assert np.isnan(few["period_ELS_ECE_EAOV"]) and np.isnan(few["skew"])
    assert few["median"] == np.median(mag[:3])
    for bad in ({"max_freq": 0}, {"max_freq": -1}, {"oversampling": 1}, {"oversampling": 2.5}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            find_period(time, mag, err, **bad)
    with pytest.raises(ValueError, match="'EAOV'"):
        find_period(time, mag, err, method="AOV")


def test_the_judge_reads_its_trees_as_xgboost_does():
    booster = xgboost.Booster(model_file=Path(judge.__file__).parents[1] / "tables" / "period_judge.json")
    assert booster.num_features() == len(judge.TERMS)
    terms = np.random.default_rng(0).normal(0, 3, (500, len(judge.TERMS))).astype(np.float32)
    terms[::3, ::4] = np.nan
    expected = booster.inplace_predict(terms)
    np.testing.assert_allclose(judge._probabilities(terms, *judge._trees()[0]), expected, rtol=1e-5)
    settings = {name: float(booster.attr(name)) for name in ("sharpness", "none")}
    np.testing.assert_allclose(judge.judge(terms), judge.exclusive(expected, 1.0, **settings), rtol=1e-4)


def test_trust_holds_on_real_stars(realdata):
    """Of stars that the judge was not trained on, as many periods are right as their trust says."""
    curves = read_lightcurves(realdata / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    rows = np.random.default_rng(0).choice(len(curves), 1000, replace=False)[:150]  # as in benchmarks/recovery.py
    found = period_table(curves.select(rows), progress=False)
    true = curves.meta["period_true"].to_numpy()[rows]
    width = [1 / np.ptp(curves[i].time) for i in rows]
    right = np.abs(1 / found["period"].to_numpy() - 1 / true) < width
    assert right.mean() > 0.8
    assert found["trust"].mean() == pytest.approx(right.mean(), abs=0.08)
    low = (found["trust"] < 0.8).to_numpy()
    assert found["trust"][low].mean() == pytest.approx(right[low].mean(), abs=0.2)


def test_real_rr_lyrae(realdata):
    """Most RRab stars of ZTF get the catalogue's period from the nested search."""
    curves = read_lightcurves(realdata / "ztf_vsx.parquet")
    chosen = np.flatnonzero((curves.meta["label"] == "RRAB") & (curves.n_epochs > 150))[:40]
    right = 0
    for i in chosen:
        c = curves[i]
        found = find_period(c.time, c.mag, c.err).period
        right += abs(1 / found - 1 / c.info["period_true"]) < 1 / np.ptp(c.time)
    assert right >= 0.85 * len(chosen)


@pytest.mark.parametrize("second", [0.25, 0.4])
def test_an_eclipsing_binary_gets_its_whole_orbit(second):
    """Two narrow minima per orbit, one shallower: every periodogram prefers half the period."""
    rng = np.random.default_rng(8)
    time = np.sort(rng.uniform(58200, 59500, 250))
    period = 0.7891
    phase = (time / period) % 1.0
    dips = sum(
        d * np.exp(-0.5 * ((phase - c + 0.5) % 1.0 - 0.5) ** 2 / 0.04**2) for d, c in ((0.5, 0.3), (second, 0.8))
    )
    mag = 15 + dips + 0.02 * rng.standard_normal(250)
    result = find_period(time, mag, np.full(250, 0.02))
    assert abs(1 / result.period - 1 / period) < 1 / np.ptp(time)
    assert result.candidates[0] == result.period


@pytest.mark.parametrize("harmonics", [1, 3, 8])
def test_harmonic_fits_are_least_squares(star, harmonics):
    time, mag, err, period = star
    weight = err**-2
    chi2, coefficients = chi2_by_harmonics(time, mag - 16, weight, 1 / period, harmonics)
    for k in range(harmonics + 1):
        angle = 2 * np.pi * np.outer(time / period % 1.0, np.arange(1, k + 1))
        design = np.column_stack(
            [np.ones_like(time), *np.stack([np.cos(angle), np.sin(angle)], 2).reshape(len(time), -1).T]
        )
        expected, *_ = np.linalg.lstsq(design / err[:, None], (mag - 16) / err)
        residual = (mag - 16 - design @ expected) / err
        assert chi2[k] == pytest.approx(residual @ residual, rel=1e-9)
    np.testing.assert_allclose(coefficients, expected, rtol=1e-7, atol=1e-9)


def test_trust_tells_a_clear_period_from_noise(star):
    """A clear pulsator is trusted; noise has no period, and its best candidate much less trust."""
    time, mag, err, _ = star
    clear = find_period(time, mag, err)
    noise = find_period(time, 16 + err * np.random.default_rng(2).standard_normal(time.size), err)
    assert 0 <= noise.trust < 0.5 < 0.8 < clear.trust <= 1
    assert clear.trust == clear.candidate_trust.max() == clear.candidate_trust[0]
    assert clear.candidate_trust.sum() < 1  # one of them at most is right
    assert len(clear.candidates) == len(clear.proposed_by) == len(clear.candidate_trust)


def light_curve(kind, rng, n):
    """Return a difficult light curve: time, mag, err."""
    time = np.sort(rng.uniform(0, 300, n))
    if kind == "gap of years":
        time[n // 2 :] += 3000
    if kind == "times nearly equal":
        time = time[0] + np.arange(n) * 1e-6
    mag, err = 15 + rng.normal(0, 0.1, n), np.full(n, 0.05)
    if kind == "duplicate times":
        time[1::2] = time[: n // 2 * 2 : 2]
    if kind == "constant but one":
        mag[:] = 15.0
        mag[0] = 15.1
    if kind == "outlier":
        mag[n // 3] = 1e6
    if kind == "wild errors":
        err = 10.0 ** rng.uniform(-6, 6, n)
    return time, mag, err


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(
        ["noise", "gap of years", "times nearly equal", "duplicate times", "constant but one", "outlier", "wild errors"]
    ),
    n=st.integers(4, 40),
    seed=st.integers(0, 10_000),
)
def test_difficult_light_curves_have_finite_features(kind, n, seed):
    row = light_curve_features(*light_curve(kind, np.random.default_rng(seed), n), max_freq=5)
    image = row.pop("dmdt")
    assert np.isfinite(image).all()
    periods = {name: row.pop(name) for name in list(row) if name.startswith("period_")}
    assert all(np.isnan(p) or p > 0 for p in periods.values())
    wrong = {name: value for name, value in row.items() if not np.isfinite(value)}
    assert not wrong


def two_bands(shape, ratio, period, n=90, seed=6):
    """Return a star seen in g and r, one after the other: time, mag, err, band; the amplitude in g is `ratio` times."""
    rng = np.random.default_rng(seed)
    time = rng.uniform(58200, 59500, 2 * n)
    band = np.repeat(["g", "r"], n)
    swing = np.where(band == "g", ratio, 1.0) * shape(2 * np.pi * time / period)
    err = rng.uniform(0.02, 0.04, 2 * n)
    return time, 16 - 0.7 * (band == "r") + swing + err * rng.standard_normal(2 * n), err, band


def test_bands_together_find_what_each_alone_misses():
    """Twenty epochs in one band are too few to tell a faint star's period from its aliases."""
    alone, together = 0, 0
    for seed in range(12):
        time, mag, err, band = two_bands(lambda x: 0.05 * np.cos(x), 1.3, 0.6123, n=20, seed=seed)
        r = np.flatnonzero(band == "r")[np.argsort(time[band == "r"])]
        width = 1 / np.ptp(time)
        alone += abs(1 / find_period(time[r], mag[r], err[r], max_freq=10).period - 1 / 0.6123) < width
        together += abs(1 / find_period(time, mag, err, band=band, max_freq=10).period - 1 / 0.6123) < width
    assert together >= 10 > 5 >= alone


def test_colours_tell_a_pulsator_from_a_binary():
    """The same sine: with more amplitude in g the double period loses its odds, with equal amplitudes it keeps them."""
    freqs = np.array([1 / 0.62])
    for ratio, low, high in ((1.42, 0.0, 0.2), (1.03, 1.0, 1.0)):
        seen = two_bands(lambda x: 0.2 * np.cos(2 * x), ratio, 0.62)
        assert low <= binary_odds(*seen, freqs)[0] <= high
    time, mag, err, band = seen
    assert binary_odds(time, mag, err, np.where(band == "g", "i", band), freqs)[0] == 1  # nothing known


def test_period_table_is_find_period_row_by_row():
    time, mag, err, band = two_bands(lambda x: 0.2 * np.cos(x), 1.4, 0.4321)
    parts = [np.flatnonzero(band == name)[np.argsort(time[band == name])] for name in ("g", "r")]
    meta = pd.DataFrame({"_id": [7, 5], "band": ["g", "r"], "obj_id": "star"})
    curves = LightCurves.from_lists(meta, *([x[p] for p in parts] for x in (time, mag, err)))
    single = period_table(curves, progress=False, max_freq=8)
    assert single.index.tolist() == [7, 5]
    first = find_period(time[parts[0]], mag[parts[0]], err[parts[0]], max_freq=8)
    assert single.loc[7, "period"] == first.period
    np.testing.assert_array_equal(single.loc[7, "candidates"], first.candidates)
    star = period_table(curves, by_star=True, progress=False, max_freq=8)
    assert star.index.tolist() == ["star"]
    assert (star.loc["star", "n_epochs"], star.loc["star", "bands"]) == (180, "gr")
    assert abs(1 / star.loc["star", "period"] - 1 / 0.4321) < 1 / np.ptp(time)
    with pytest.raises(ValueError, match="one entry per epoch"):
        find_period(time, mag, err, band=band[1:])


def test_a_million_epochs_end():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 20, 1_000_000))
    mag = 15 + 0.1 * np.cos(2 * np.pi * time / 0.7) + 0.05 * rng.standard_normal(time.size)
    row = light_curve_features(time, mag, np.full(time.size, 0.05))
    assert row["n"] == 1_000_000
    assert row["period_ELS_ECE_EAOV"] == pytest.approx(0.7, rel=0.01)
    assert np.isfinite(row["dmdt"]).all()


def test_light_curves_too_short_for_a_search_have_a_row(star):
    time, mag, err, _ = star
    parts = [slice(0, 1), slice(0, 90), slice(90, 92), slice(0, 90)]
    meta = {"obj_id": ["a", "a", "b", "c"], "_id": [1, 1, 2, 3], "band": ["g", "r", "g", None]}
    columns = [[values[part] for part in parts] for values in (time, mag, err)]
    curves = LightCurves.from_lists(pd.DataFrame(meta), *columns)
    each = period_table(curves, progress=False, max_freq=8)
    assert each.index.tolist() == [1, 1, 2, 3] and each["n_epochs"].tolist() == [1, 90, 2, 90]
    assert each["period"].isna().tolist() == [True, False, True, False]
    together = period_table(curves, by_star=True, progress=False, max_freq=8)
    assert together["n_epochs"].tolist() == [91, 2, 90] and together["period"].isna().tolist() == [False, True, False]
