import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scope_nb.features.extract import light_curve_features


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


def test_a_million_epochs_end():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 20, 1_000_000))
    mag = 15 + 0.1 * np.cos(2 * np.pi * time / 0.7) + 0.05 * rng.standard_normal(time.size)
    row = light_curve_features(time, mag, np.full(time.size, 0.05))
    assert row["n"] == 1_000_000
    assert row["period_ELS_ECE_EAOV"] == pytest.approx(0.7, rel=0.01)
    assert np.isfinite(row["dmdt"]).all()
