from pathlib import Path

import numpy as np
import pytest
import scipy.special
import xgboost

from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods import judge
from scope_nb.periods.harmonics import chi2_by_harmonics
from scope_nb.periods.search import find_period, period_table


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


def test_the_judge_reads_its_trees_as_xgboost_does():
    booster = xgboost.Booster(model_file=Path(judge.__file__).parents[1] / "tables" / "period_judge.json")
    assert booster.num_features() == len(judge.Terms._fields)
    terms = np.random.default_rng(0).normal(0, 3, (500, len(judge.Terms._fields))).astype(np.float32)
    terms[::3, ::4] = np.nan
    expected = booster.inplace_predict(terms, predict_type="margin")
    np.testing.assert_allclose(judge._evaluate_trees(terms, judge._read_trees()), expected, rtol=1e-5, atol=1e-5)
    odds = np.append(np.exp(expected.astype(float)), 1)  # the last of "none of these"
    probability = judge.judge_candidates(judge.Terms(*terms.T))
    np.testing.assert_allclose(probability, scipy.special.softmax(np.log(odds))[:-1], rtol=1e-4)


@pytest.mark.parametrize("stars", [80, pytest.param(300, marks=pytest.mark.slow)])
def test_trust_holds_on_real_stars(realdata, stars):
    """Of stars that the judge was not trained on, as many periods are right as their trust says."""
    curves = read_lightcurves(realdata / "catalina.parquet", min_epochs=40, min_cadence_minutes=0)
    rows = np.random.default_rng(0).choice(len(curves), 1000, replace=False)[:stars]  # as in benchmarks/recovery.py
    table = period_table(curves.select(rows), progress=False)
    true = curves.meta["period_true"].to_numpy()[rows]
    width = [1 / np.ptp(curves[i].time) for i in rows]
    right = np.abs(1 / table["period"].to_numpy() - 1 / true) < width
    assert right.mean() > 0.8
    assert table["trust"].mean() == pytest.approx(right.mean(), abs=0.08)
    trust = table["trust"].to_numpy()
    low = trust < 0.8  # few stars: three standard deviations of how many of them are right
    spread = np.sqrt((trust * (1 - trust))[low].sum())
    assert right[low].sum() == pytest.approx(trust[low].sum(), abs=3 * spread)


@pytest.mark.filterwarnings("ignore:.*follow another too closely")
def test_real_rr_lyrae(realdata):
    """Most RRab stars of ZTF get the catalogue's period from the nested search."""
    with pytest.warns(UserWarning, match="174 of 592 light curves have too few good epochs"):
        curves = read_lightcurves(realdata / "ztf_vsx.parquet")
    rows = np.flatnonzero((curves.meta["label"] == "RRAB") & (curves.n_epochs > 150))[:40]
    right = 0
    for i in rows:
        c = curves[i]
        period = find_period(c.time, c.mag, c.err).period
        right += abs(1 / period - 1 / c.info["period_true"]) < 1 / np.ptp(c.time)
    assert right >= 0.85 * len(rows)


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


def test_trust_tells_a_clear_period_from_noise(star):
    """A clear pulsator is trusted; noise has no period, and its best candidate much less trust."""
    time, mag, err, _ = star
    clear = find_period(time, mag, err)
    noise = find_period(time, 16 + err * np.random.default_rng(2).standard_normal(time.size), err)
    assert 0 <= noise.trust < 0.5 < 0.8 < clear.trust <= 1
    assert clear.trust == clear.candidate_trust.max() == clear.candidate_trust[0]
    assert clear.candidate_trust.sum() < 1  # one of them at most is right
    assert len(clear.candidates) == len(clear.proposed_by) == len(clear.candidate_trust)
