import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from scope_nb import taxonomy
from scope_nb.features.dmdt import dmdt_histogram
from scope_nb.features.extract import feature_names, featurize
from scope_nb.features.fourier import HARMONIC_COLUMNS, fourier_features
from scope_nb.features.statistics import light_curve_statistics
from scope_nb.lightcurves.curves import LightCurves


def curves(seeds, epochs=80):
    time, mag, err = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        time.append(np.sort(rng.uniform(58200, 58500, epochs)))
        err.append(rng.uniform(0.02, 0.05, epochs))
        mag.append(16 + 0.3 * np.cos(2 * np.pi * time[-1] / (0.3 + 0.1 * seed)) + err[-1] * rng.standard_normal(epochs))
    return LightCurves.from_lists(pd.DataFrame({"_id": seeds, "band": "g"}), time, mag, err)


@pytest.mark.parametrize("n", [4, 5, 6, 11, 12, 150, 1000])
def test_statistics_against_scipy_and_definitions(n):
    rng = np.random.default_rng(n)
    time, mag, err = np.sort(rng.uniform(0, 900, n)), 17 + rng.standard_t(3, n), rng.uniform(0.01, 0.4, n)
    got = light_curve_statistics(time, mag, err)
    w = err**-2
    mean = np.average(mag, weights=w)
    d = (mag - mean) / err
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy announces a change of the p-value, which is not used
        anderson = scipy.stats.anderson(mag / err).statistic
    expected = {
        "n": n,
        "median": np.median(mag),
        "wmean": mean,
        "wstd": np.sqrt(np.average((mag - mean) ** 2, weights=w)),
        "chi2red": (d**2).sum() / (n - 1),
        "roms": (np.abs(mag - np.median(mag)) / err).sum() / (n - 1),
        "median_abs_dev": scipy.stats.median_abs_deviation(mag),
        "iqr": scipy.stats.iqr(mag),
        "i60r": scipy.stats.iqr(mag, rng=(20, 80)),
        "i90r": scipy.stats.iqr(mag, rng=(5, 95)),
        "ad": anderson,
        "sw": scipy.stats.shapiro(mag / err).statistic,
        "skew": n / ((n - 1) * (n - 2)) * (d**3).sum(),
    }
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-6 if name == "sw" else 1e-9), name


def test_correlated_scatter_shows():
    rng = np.random.default_rng(0)
    time, err = np.sort(rng.uniform(0, 900, 400)), np.full(400, 0.05)
    noise = 16 + err * rng.standard_normal(400)
    smooth = noise + 0.3 * np.sin(time / 50)
    quiet, slow = (light_curve_statistics(time, mag, err) for mag in (noise, smooth))
    assert quiet["chi2red"] == pytest.approx(1, abs=0.2)
    assert quiet["stetson_k"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)  # of a normal distribution
    assert abs(quiet["stetson_j"]) < 30 < slow["stetson_j"]


@pytest.mark.parametrize("period", [0.5123456, 0.31, 40.0])
def test_fourier_against_least_squares(star, period):
    time, mag, err, _ = star
    got = fourier_features(time, mag, err, period)
    fits = []
    for harmonics in range(6):
        angle = 2 * np.pi * (time / period % 1.0)
        terms = [f(k * angle) for k in range(1, harmonics + 1) for f in (np.cos, np.sin)]
        design = np.column_stack([np.ones_like(time), time - time[0], *terms]) / err[:, None]
        coefficients, *_ = np.linalg.lstsq(design, mag / err)
        chi2 = ((mag / err - design @ coefficients) ** 2).sum()
        fits.append((chi2 + np.log(len(time)) * (2 + 2 * harmonics), chi2, coefficients))
    bic, chi2, coefficients = min(fits, key=lambda fit: fit[0])
    expected = np.zeros(12)
    expected[: len(coefficients)] = coefficients
    assert got["f1_BIC"] == pytest.approx(bic, rel=1e-8)
    assert got["f1_power"] == pytest.approx((fits[0][1] - chi2) / fits[0][1], abs=1e-10)
    np.testing.assert_allclose(
        [got[name] for pair in (("f1_a", "f1_b"), *HARMONIC_COLUMNS) for name in pair], expected, rtol=1e-7, atol=1e-9
    )


def test_fourier_without_period_is_a_line(star):
    time, mag, err, _ = star
    got = fourier_features(time, mag, err, np.nan)
    assert got["f1_power"] == 0
    slope = np.polynomial.polynomial.polyfit(time - time[0], mag, 1, w=1 / err)[1]
    assert got["f1_b"] == pytest.approx(slope, rel=1e-7)


def test_dmdt_is_a_histogram_of_pairs(star):
    time, mag, _, _ = star
    later, earlier = np.tril_indices(len(time), -1)
    expected, _, _ = np.histogram2d(mag[later] - mag[earlier], time[later] - time[earlier], bins=taxonomy.dmdt_edges())
    expected /= np.linalg.norm(expected)
    got = dmdt_histogram(time, mag)
    np.testing.assert_allclose(got, expected, atol=1e-7)
    assert got.dtype == np.float32
    assert np.linalg.norm(got) == pytest.approx(1, abs=1e-6)


def test_dmdt_counts_the_edges_as_numpy_does():
    time = np.array([0.0, 0.04, 0.3, 1.0, 2000.0, 2000.02])
    mag = np.array([0.0, 0.1, 0.0, -8.0, 0.0, -1e-17])
    later, earlier = np.tril_indices(6, -1)
    expected, _, _ = np.histogram2d(mag[later] - mag[earlier], time[later] - time[earlier], bins=taxonomy.dmdt_edges())
    np.testing.assert_allclose(dmdt_histogram(time, mag), expected / np.linalg.norm(expected), atol=1e-7)


def test_a_row_depends_on_its_light_curve_alone():
    together = featurize(curves([1, 2, 3]), max_freq=8, progress=False)
    alone = featurize(curves([2]), max_freq=8, progress=False, n_jobs=1)
    pd.testing.assert_series_equal(together[feature_names()].iloc[1], alone[feature_names()].iloc[0], check_names=False)
    np.testing.assert_array_equal(together["dmdt"].iloc[1], alone["dmdt"].iloc[0])


def test_the_training_tables_layout():
    table = featurize(curves([1, 4]), max_freq=8, progress=False)
    for suffix in taxonomy.PERIOD_SUFFIXES:
        assert set(taxonomy.feature_columns("phenomenological", suffix)) <= set(table)
        assert {f"period_{suffix}", f"significance_{suffix}", f"pdot_{suffix}"} <= set(table)
    block = table["dmdt"].iloc[0].base
    assert block is table["dmdt"].iloc[1].base
    assert block.shape == (2, 26, 26)
    assert block.flags["C_CONTIGUOUS"]


def test_unusable_light_curves_are_named():
    with pytest.raises(ValueError, match=r"light curve 0 \(_id 1\) has 30 epochs, fewer than 50"):
        featurize(curves([1], epochs=30))
    same = curves([5, 6])
    same.time[80:] = 58300.0
    with pytest.raises(ValueError, match=r"light curve 1 \(_id 6\) has all times equal"):
        featurize(same)
    spoilt = curves([5, 6])
    spoilt.mag[85] = np.nan
    with pytest.raises(ValueError, match="magnitude is NaN"):
        featurize(spoilt)
