import numpy as np
import pandas as pd
import pytest

from scope_nb.data import Dataset, read_parquet, read_table
from scope_nb.derived import COLOURS, derived_features, sources
from scope_nb.files import sample
from scope_nb.fourier import fourier_features

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
    assert first.shape[1] == 1 + 4 * 3
    pd.testing.assert_frame_equal(first, second, atol=1e-4, rtol=0)
    shape = first.iloc[0]
    assert shape[f"R_1_{SUFFIX}"] == pytest.approx(0.3, abs=1e-3)
    assert shape[f"R_21_{SUFFIX}"] == pytest.approx(0.4, abs=1e-3)
    assert shape[f"cos_phi_31_{SUFFIX}"] == pytest.approx(np.cos(-1.0 - 3 * 0.4), abs=2e-3)
    assert shape[f"sin_phi_21_{SUFFIX}"] == pytest.approx(np.sin(2.2 - 2 * 0.4), abs=2e-3)
    assert shape[f"R_51_{SUFFIX}"] == 0 and np.isnan(shape[f"sin_phi_51_{SUFFIX}"])  # not fitted


def test_colours_and_luminosity():
    gaia = {"Gaia_EDR3__phot_g_mean_mag": [4.83, 12.0, 15.0, 0.0], "Gaia_EDR3__parallax": [100.0, 1.0, -0.2, 0.0]}
    table = pd.DataFrame(gaia | {"Gaia_EDR3__parallax_error": [1.0, 0.1, 0.1, 0.0], "PS1_DR1__gMeanPSFMag": [0.0] * 4})
    table["PS1_DR1__rMeanPSFMag"] = 17.0
    found = derived_features(table)
    np.testing.assert_allclose(found["Gaia_abs_mag"], [4.83, 2.0, np.nan, np.nan], rtol=1e-6)
    above, below = (12 + 5 * np.log10(1.0 + d) - 10 for d in (0.001, -0.001))  # a hundredth of the error
    assert found["Gaia_abs_mag_error"].iloc[1] == pytest.approx(100 * (above - below) / 2, rel=1e-3)
    assert found["Gaia_abl"].iloc[0] == pytest.approx(10 ** (0.2 * 4.83), rel=1e-6)
    assert found["Gaia_abl"].iloc[2] < 0
    assert found["PS1_g_r"].isna().all()  # a zero in a catalogue is no magnitude


def test_searches_are_compared():
    table = pd.DataFrame({f"period_{s}": [1.0] for s in ("ECE", "EAOV")} | {f"period_{SUFFIX}": [0.999]})
    table["period_ELS"] = 0.4995
    table["significance_ELS"], table["significance_ECE"], table[f"significance_{SUFFIX}"] = 20.0, 5.0, 30.0
    found = derived_features(table).iloc[0]
    assert found["periods_agreeing"] == 2
    assert found["period_ELS_to_own"] == pytest.approx(-np.log10(2), rel=1e-5)
    assert found["significance_ELS_to_ECE"] == pytest.approx(4)
    assert sources([f"period_{SUFFIX}"], SUFFIX) == ["period_ELS", "period_ECE", "period_EAOV"]


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
    found = derived_features(stored, "ELS")
    some = stored["f1_power_ELS"] > 0
    np.testing.assert_allclose(found["R_21_ELS"][some], stored["f1_relamp1_ELS"][some], rtol=1e-6)
    assert found["cos_phi_21_ELS"].isna().all()
