import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, skew

from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_parquet, read_table
from scope_nb.features.derived import CHANGES, COLOURS, LAGS, derived_features, sources
from scope_nb.features.dmdt import dmdt_histogram
from scope_nb.features.fourier import fourier_features
from scope_nb.files import sample

SUFFIX = "ELS_ECE_EAOV"


def series(shift, seed=5):
    """Features of one light curve of three harmonics, with the origin of time moved by `shift` days."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 900, 400))
    period, (ratio, phase) = 0.61, ([0.3, 0.12, 0.05], [0.4, 2.2, -1.0])
    mag = 15 + sum(
        r * np.cos(2 * np.pi * k * time / period + p) for k, (r, p) in enumerate(zip(ratio, phase, strict=True), 1)
    )
    row = fourier_features(time + shift, mag, np.full(time.size, 0.005), period)
    return pd.DataFrame([{f"{name}_{SUFFIX}": value for name, value in row.items()}])


def test_shapes_do_not_turn_with_the_origin_of_time():
    at_rest, moved = series(0.0), series(1234.567)
    assert np.abs(at_rest - moved).max(axis=None) > 0.1  # the stored coefficients do
    first, second = derived_features(at_rest), derived_features(moved)
    assert first.shape[1] == 1 + 4 * 3 + 8
    pd.testing.assert_frame_equal(first, second, atol=1e-4, rtol=0)
    shape = first.iloc[0]
    assert shape[f"R_1_{SUFFIX}"] == pytest.approx(0.3, abs=1e-3)
    assert shape[f"R_21_{SUFFIX}"] == pytest.approx(0.4, abs=1e-3)
    assert shape[f"cos_phi_31_{SUFFIX}"] == pytest.approx(np.cos(-1.0 - 3 * 0.4), abs=2e-3)
    assert shape[f"sin_phi_21_{SUFFIX}"] == pytest.approx(np.sin(2.2 - 2 * 0.4), abs=2e-3)
    assert shape[f"R_51_{SUFFIX}"] == 0 and np.isnan(shape[f"sin_phi_51_{SUFFIX}"])  # not fitted


def test_the_fitted_curve_is_described():
    """Beside curves whose minima are known: ellipsoidal, and a sawtooth of five harmonics."""
    angle = 2 * np.pi * np.arange(20_000) / 20_000
    near, far = [0.02, 0.3, 0.0, 0.0, 0.0], [0.3 / k for k in range(1, 6)]
    names = [("f1_amp", "f1_phi0"), *((f"f1_relamp{k}", f"f1_relphi{k}") for k in range(1, 5))]
    rows = [{f"{c}_{SUFFIX}": v for (c, s), v in zip(names, near, strict=True)}]  # cosines: fainter side deeper
    rows += [{f"{s}_{SUFFIX}": v for (c, s), v in zip(names, far, strict=True)}]
    derived = derived_features(
        pd.DataFrame(rows, columns=[f"{n}_{SUFFIX}" for pair in names for n in pair]).fillna(0.0)
    )
    curves = [sum(v * np.cos(k * angle) for k, v in enumerate(near, 1))]
    curves += [sum(v * np.sin(k * angle) for k, v in enumerate(far, 1))]
    for row, mag in enumerate(curves):
        shape = derived.iloc[row].rename(lambda name: name.removesuffix(f"_{SUFFIX}"))
        assert shape["fit_range"] == pytest.approx(np.ptp(mag), rel=0.02)
        assert shape["fit_skew"] == pytest.approx(skew(mag), abs=0.02)
        assert shape["fit_kurtosis"] == pytest.approx(kurtosis(mag, fisher=False), abs=0.02)
        assert shape["fit_faint"] == pytest.approx((mag > (mag.min() + mag.max()) / 2).mean(), abs=0.04)
        rise = (mag.argmin() - mag.argmax()) % len(mag) / len(mag)
        assert shape["fit_rise"] == pytest.approx(rise, abs=0.02)
    assert derived[f"fit_minima_{SUFFIX}"].iloc[0] == 2
    assert derived[f"fit_second_phase_{SUFFIX}"].iloc[0] == 0.5
    depth = (0.28 - curves[0].min()) / np.ptp(curves[0])
    assert derived[f"fit_second_depth_{SUFFIX}"].iloc[0] == pytest.approx(depth, abs=0.01)
    nothing = derived_features(pd.DataFrame([dict.fromkeys(rows[0] | rows[1], 0.0)]))
    assert nothing.filter(like="fit_").isna().all(axis=None)


def test_changes_grow_with_the_lag_as_they_do():
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 1500, 900))
    walk = 0.05 * np.cumsum(rng.standard_normal(time.size) * np.sqrt(np.diff(time, prepend=0))) + 1e-3 * time
    table = pd.DataFrame({"dmdt": [dmdt_histogram(time, mag) for mag in (walk, walk * 0)]})
    derived = derived_features(table)
    i, k = np.triu_indices(time.size, 1)
    apart, change = time[k] - time[i], walk[k] - walk[i]
    lags = zip((0, *LAGS), LAGS, strict=False)
    moved = [np.sqrt((change[(apart >= low) & (apart < high)] ** 2).mean()) for low, high in lags]
    growth = dict(zip(CHANGES, np.divide(moved[1:], moved[:-1]), strict=True))
    for name, ratio in growth.items():  # below the width of the innermost bins a change cannot be told
        assert derived[name].iloc[0] == pytest.approx(ratio, rel=0.25 if name == "growth_3.5d" else 0.1)
    assert growth["growth_90d"] > 1.3
    np.testing.assert_allclose(derived.iloc[1], 1)
    empty = derived_features(pd.DataFrame({"dmdt": [np.zeros((26, 26), np.float32)]}))
    assert empty.isna().all(axis=None)


def test_colours_and_luminosity():
    gaia = {"Gaia_EDR3__phot_g_mean_mag": [4.83, 12.0, 15.0, 0.0], "Gaia_EDR3__parallax": [100.0, 1.0, -0.2, 0.0]}
    table = pd.DataFrame(gaia | {"Gaia_EDR3__parallax_error": [1.0, 0.1, 0.1, 0.0], "PS1_DR1__gMeanPSFMag": [0.0] * 4})
    table["PS1_DR1__rMeanPSFMag"] = 17.0
    derived = derived_features(table)
    np.testing.assert_allclose(derived["Gaia_abs_mag"], [4.83, 2.0, np.nan, np.nan], rtol=1e-6)
    above, below = (12 + 5 * np.log10(1.0 + d) - 10 for d in (0.001, -0.001))  # a hundredth of the error
    assert derived["Gaia_abs_mag_error"].iloc[1] == pytest.approx(100 * (above - below) / 2, rel=1e-3)
    assert derived["Gaia_abl"].iloc[0] == pytest.approx(10 ** (0.2 * 4.83), rel=1e-6)
    assert derived["Gaia_abl"].iloc[2] < 0
    for name, values in {"g": [4.83, 12.0, 15.0, 0.0], "bp": [5.2, 12.5, 0, 0], "rp": [4.2, 11.3, 9, 9]}.items():
        table[f"Gaia_EDR3__phot_{name}_mean_mag"] = values
    reddening = {"g": 1.9, "bp": 2.45, "rp": 1.45}  # magnitudes for each of E(BP - RP)
    bands = {f"Gaia_EDR3__phot_{band}_mean_mag": 0.4 * ratio for band, ratio in reddening.items()}
    reddened = table.assign(**{name: table[name] + more for name, more in bands.items()})
    one, two = (derived_features(t)["Gaia_abs_mag_wesenheit"][:2] for t in (table, reddened))
    np.testing.assert_allclose(one, two, atol=1e-5)
    assert one[0] == pytest.approx(4.83 - 1.9 * 1.0)
    assert derived["PS1_g_r"].isna().all()  # a zero in a catalogue is no magnitude


def test_searches_are_compared():
    table = pd.DataFrame({f"period_{s}": [1.0] for s in ("ECE", "EAOV")} | {f"period_{SUFFIX}": [0.999]})
    table["period_ELS"] = 0.4995
    table["significance_ELS"], table["significance_ECE"], table[f"significance_{SUFFIX}"] = 20.0, 5.0, 30.0
    derived = derived_features(table).iloc[0]
    assert derived["periods_agreeing"] == 2
    assert derived["period_ELS_to_own"] == pytest.approx(-np.log10(2), rel=1e-5)
    assert derived["significance_ELS_to_ECE"] == pytest.approx(4)
    assert sources([f"period_{SUFFIX}"], SUFFIX) == ["period_ELS", "period_ECE", "period_EAOV", "dmdt", *CHANGES]


def test_what_follows_from_dmdt_needs_no_dmdt_in_memory():
    table = read_parquet(sample())
    read = Dataset.read(sample(), "e", dmdt=False)
    one, two = Dataset.from_table(table, "e", dmdt=False).X, read.X
    pd.testing.assert_frame_equal(one, two, rtol=1e-4, atol=1e-6)
    assert set(CHANGES) <= set(two) and read.simulated == table.attrs["simulated"]


def test_fewer_columns_give_fewer_features():
    table = read_parquet(sample())
    full = Dataset.from_table(table, "rrlyr", dmdt=False).X
    bare = Dataset.from_table(table, "rrlyr", dmdt=False, features="light curve").X
    off = Dataset.from_table(table, "rrlyr", dmdt=False, derived=False)
    assert set(full) - set(bare) >= {*COLOURS, "Gaia_abs_mag"}
    assert {"log_period_ELS_ECE_EAOV", "periods_agreeing", "R_21_ELS_ECE_EAOV"} <= set(bare)
    assert list(off.X) == off.settings["features"] == list(full)[: off.X.shape[1]]
    assert np.isinf(full.to_numpy()).sum() == 0


def test_scopes_newer_files_store_ratios(realdata):
    stored = read_table(realdata / "scope_features_field_331.csv")
    derived = derived_features(stored, "ELS")
    some = stored["f1_power_ELS"] > 0
    np.testing.assert_allclose(derived["R_21_ELS"][some], stored["f1_relamp1_ELS"][some], rtol=1e-6)
    assert derived["cos_phi_21_ELS"].isna().all() and derived["fit_range_ELS"].isna().all()
    for search in ("ELS", "EAOV"):
        alone = [derived_features(stored.iloc[[row]], search) for row in range(len(stored))]
        pd.testing.assert_frame_equal(pd.concat(alone), derived_features(stored, search))


def test_one_row_of_another_kind_does_not_change_the_others():
    table = read_parquet(sample()).iloc[:200]
    odd = table.iloc[[0]].assign(f1_amp_ELS_ECE_EAOV=0.0, f1_relamp1_ELS_ECE_EAOV=np.nan)
    both = derived_features(pd.concat([odd, table]))
    pd.testing.assert_frame_equal(both.iloc[1:], derived_features(table))
    assert np.isnan(both["cos_phi_21_ELS_ECE_EAOV"].iloc[0]) and both["R_1_ELS_ECE_EAOV"].iloc[0] == 0
