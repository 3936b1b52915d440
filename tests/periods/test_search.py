import numpy as np
import pandas as pd
import pytest

from scope_nb.features.extract import light_curve_features
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods.bands import binary_odds
from scope_nb.periods.search import find_period, find_periods, period_table


def test_every_search_finds_a_clear_period(star):
    time, mag, err, period = star
    for name, result in find_periods(time, mag, err).items():
        assert abs(1 / result.period - 1 / period) < 1 / np.ptp(time), name
        apart = np.abs(np.subtract.outer(1 / result.candidates, 1 / result.candidates))
        assert (apart[~np.eye(len(apart), dtype=bool)] > 0.999 / np.ptp(time)).all(), name


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


def test_epochs_far_from_the_others_are_named(star):
    time, mag, err, _ = star
    wrong = np.concatenate([[0.0], time[1:]])
    with pytest.raises(ValueError, match=r"the first 1 of .* epochs, time 0, are 58,\d\d\d days away .* max_freq"):
        find_period(wrong, mag, err)
    wrong = np.concatenate([time[:-2], 2_400_000 + time[-2:]])
    with pytest.raises(ValueError, match=r"the last 2 of .* epochs, time 2\.45\d+e\+06, are 2,4"):
        find_period(wrong, mag, err)
    assert find_period(np.concatenate([[0.0], time[1:]]), mag, err, max_freq=2).period > 0


def test_one_night_and_extreme_errors(star):
    """There is a period where a trial frequency is, and no feature is infinite."""
    _, mag, err, _ = star
    rng = np.random.default_rng(9)
    night = 58300 + np.sort(rng.uniform(0, 0.3, mag.size))
    assert 0 < find_period(night, mag, err).period < 0.3
    assert np.isnan(find_period(night, mag, err, max_freq=2).period)
    for error in (1e-160, 1e-100, 1e300):
        row = light_curve_features(night, mag, np.full(mag.size, error))
        row.pop("dmdt")
        assert not np.isinf(list(row.values())).any()
        assert 0 < row["period_ELS_ECE_EAOV"] < 1 and 0 < row["iqr"] < 1


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


@pytest.mark.parametrize("counts", [(120, 8, 5, 2), (14, 12, 9, 9)])
def test_bands_of_few_epochs_help_and_do_not_harm(counts):
    """A series of their own would fit them at any frequency."""
    rng, right = np.random.default_rng(11), 0
    for _ in range(6):
        time = np.sort(rng.uniform(58200, 59500, sum(counts)))
        band = rng.permutation(np.repeat(["r", "g", "i", "z"], counts))
        mag = 16 + 0.2 * np.cos(2 * np.pi * time / 0.6123) + np.where(band == "z", 1.0, 0.0)
        mag += 0.02 * rng.normal(size=len(time))
        period = find_period(time, mag, np.full(len(time), 0.02), band=band, max_freq=10).period
        right += abs(1 / period - 1 / 0.6123) < 1 / np.ptp(time)
    assert right >= 5


def test_colours_separate_a_pulsator_from_a_binary():
    """The same sine: with more amplitude in g the double period loses its odds, with equal amplitudes it keeps them."""
    freqs = np.array([1 / 0.62])
    for ratio, low, high in ((1.42, 0.0, 0.2), (1.03, 1.0, 1.0)):
        time, mag, err, band = two_bands(lambda x: 0.2 * np.cos(2 * x), ratio, 0.62)
        assert low <= binary_odds(time, mag, err, band, freqs)[0] <= high
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


def test_a_wrong_option_is_named_before_anything_is_searched():
    for search, option, near in ((find_period, "methd", "method"), (period_table, "max_frq", "max_freq")):
        with pytest.raises(ValueError, match=rf"unknown option of {search.__name__}\(\) '{option}'; .* '{near}'"):
            search(None, None, None, **{option: 10})
