import numpy as np
import pytest
from astropy.timeseries import LombScargle

from scope_nb.periods.grid_search import search_grid
from scope_nb.periods.periodograms import (
    Grid,
    analysis_of_variance,
    distinct_peaks,
    entropy_and_variance,
    lomb_scargle,
    magnitude_bins,
    round_to_bins,
)
from scope_nb.periods.search import prepare_search


def folded_bins(time, freq, bins=20):
    """Phase bins in float64, and whether every epoch is clear of a bin edge.

    The first and the last epoch lie on an edge at every frequency of the grid, and belong to the upper bin.
    """
    phase = ((time - time[0]) * freq + 1e-9) % 1.0 * bins
    away = np.abs(phase - np.round(phase))
    return np.floor(phase).astype(int) % bins, (away[1:-1] > 1e-6).all()


def entropy_alone(time, mag, grid):
    return entropy_and_variance(time, mag, grid)[0]


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
    [(entropy_alone, entropy_reference), (analysis_of_variance, variance_reference)],
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
    for k in range(0, grid.size, 997):
        expected, clear = entropy_reference(time, mag, grid.freq(k))
        assert not clear or entropy[k] == pytest.approx(expected, rel=1e-10)
    expected = analysis_of_variance(time, round_to_bins(mag, magnitude_bins(mag)), grid)
    same = np.isclose(variance, expected, rtol=1e-3)  # not where an epoch is within rounding of the edge of a bin
    assert same.mean() > 0.999


@pytest.mark.parametrize("outlier", [0.0, 1e4])
def test_peaks_of_the_variance_are_those_of_all_frequencies(star, outlier):
    time, mag, err, _ = star
    mag = mag.copy()
    mag[5] += outlier
    prepared = prepare_search(time, mag, err)
    grid = prepared.grid
    full = grid.freq(distinct_peaks(analysis_of_variance(time, mag, grid), 10, 20))
    freqs = search_grid(prepared)["EAOV"].freqs
    assert freqs[0] == full[0]
    assert np.mean([np.abs(freqs - freq).min() < 10.5 * grid.step for freq in full]) > 0.9


def test_lomb_scargle_is_astropys(star):
    time, mag, err, _ = star
    grid = Grid.of(np.ptp(time), 48.0)
    power = lomb_scargle(time, mag, err, grid)
    some = np.arange(0, grid.size, 37)
    expected = LombScargle(time, mag, err).power(grid.freq(some), method="cython", assume_regular_frequency=False)
    np.testing.assert_allclose(power[some], expected, atol=1e-8)


def test_a_peak_gives_one_candidate():
    values = np.zeros(1000)
    values[[100, 101, 102, 105, 500, 900]] = [5, 9, 8, 7, 6, 4]
    assert distinct_peaks(values, 10, 3).tolist() == [101, 500, 900]
