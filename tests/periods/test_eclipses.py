import numpy as np
import pytest
from astropy.timeseries import BoxLeastSquares

from scope_nb.periods.eclipses import BINS, box_least_squares, eclipse_grids, fit_eclipses, search_eclipses
from scope_nb.periods.harmonics import robust_weights
from scope_nb.periods.periodograms import Grid
from scope_nb.periods.search import find_period, prepare_search


def binary(seed, period=7.3891, width=0.03, depths=(0.5, 0.2), second=0.5, n=250):
    """Return an eclipsing binary (time, mag, err) whose deeper eclipse is in the middle of phase 0.3."""
    rng = np.random.default_rng(seed)
    time = np.sort(58000 + rng.uniform(0, 1500, n))
    phase = (time - 58000) / period % 1
    middles = (0.3, 0.3 + second)
    dips = sum(d * (np.abs((phase - p + 0.5) % 1 - 0.5) < width / 2) for d, p in zip(depths, middles, strict=True))
    return time, 16 + dips + 0.02 * rng.normal(size=n), np.full(n, 0.02)


def test_boxes_explain_what_a_direct_search_does():
    """The same two boxes, fitted one by one in double precision at frequencies of the whole grid."""
    time, mag, err = binary(1)
    grid, weight = Grid.of(np.ptp(time)), robust_weights(err)
    share = weight / weight.sum()
    residual = mag - share @ mag
    for part in eclipse_grids(grid, 3.0):
        power = box_least_squares(time, mag, weight, part)
        for k in np.linspace(0, part.size - 1, 40).astype(int):
            place = np.floor((time - time[0]) * part.freq(k) % 1 * BINS).astype(int)
            best = 0.0
            for width in (1, 2, 4, 7):
                for first in range(BINS // 2):
                    boxes = [(place - start) % BINS < width for start in (first, first + BINS // 2)]
                    gain, rest, both = 0.0, 1.0, 0.0
                    for box in boxes:
                        dimming = max(share[box] @ residual[box], 0.0)
                        gain += dimming**2 / (share[box].sum() + 1e-9)
                        both, rest = both + dimming, rest - share[box].sum()
                    best = max(best, gain + both**2 / max(rest, 1e-9))
            assert power[k] == pytest.approx(best / (share @ residual**2), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("period", [0.81234, 7.3891, 31.7])
def test_narrow_eclipses_are_proposed_and_get_their_orbit(period):
    time, mag, err = binary(2, period)
    freqs = search_eclipses(prepare_search(time, mag, err)).freqs[:5]
    multiples = np.outer(freqs, [1, 1 / 2, 2, 1 / 3, 3])
    assert np.abs(multiples - 1 / period).min() < 1 / np.ptp(time)
    assert abs(1 / find_period(time, mag, err).period - 1 / period) < 1 / np.ptp(time)


@pytest.mark.parametrize("second", [0.5, 0.38])
def test_the_fit_describes_both_eclipses(second):
    time, mag, err = binary(3, width=0.0625, second=second, n=600)
    fit = fit_eclipses(time, mag, err, 7.3891)
    assert (fit.depth, fit.second_depth) == pytest.approx((0.5, 0.2), abs=0.06)
    assert fit.width == pytest.approx(0.0625, abs=1 / BINS)
    assert (fit.epoch - 58000) / 7.3891 % 1 == pytest.approx(0.3, abs=1 / BINS)
    assert fit.second_phase == pytest.approx(second, abs=1.5 / BINS)
    result = find_period(time, mag, err)
    assert result.eclipses == fit_eclipses(time, mag, err, result.period)
    astropy = BoxLeastSquares(time, -mag, err).power(7.3891, duration=0.0625 * 7.3891)
    assert fit.depth == pytest.approx(float(astropy.depth[0]), abs=0.08)


def test_the_error_of_a_period_is_its_scatter():
    """Of 60 light curves of one star, noise and times drawn anew."""
    rng, periods, errors = np.random.default_rng(4), [], []
    for _ in range(60):
        time = np.sort(rng.uniform(0, 400, 80))
        mag = 16 + 0.3 * np.sin(2 * np.pi * time / 0.6134) + 0.1 * rng.normal(size=80)
        result = find_period(time, mag, np.full(80, 0.1), max_freq=5)
        periods.append(result.period)
        errors.append(result.error)
    right = np.abs(np.array(periods) - 0.6134) < 10 * np.median(errors)
    assert right.mean() > 0.8
    scatter = np.std(np.array(periods)[right])
    assert np.median(errors) == pytest.approx(scatter, rel=0.35)


def test_grids_are_finer_at_long_periods():
    parts = eclipse_grids(Grid.of(1000.0), 3.0)
    assert [part.oversampling for part in parts] == [10, 20, 40]
    assert parts[0].freq(parts[0].size - 1) == pytest.approx(3.0, abs=1e-3)
    assert parts[-1].freq(0) == pytest.approx(2 / 1000)
    assert eclipse_grids(Grid.of(1000.0, 0.01), 3.0)[0].freq(0) == pytest.approx(2 / 1000)
