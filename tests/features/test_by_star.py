import numpy as np
import pandas as pd
import pytest

from scope_nb.features.extract import featurize
from scope_nb.features.fourier import fourier_features
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods.search import period_table

PERIOD = 0.31347


def pulsator(rng, n, amplitude):
    time = np.sort(rng.uniform(0, 900, n))
    phase = time / PERIOD
    mag = 16 + amplitude * (np.sin(2 * np.pi * phase) + 0.4 * np.sin(4 * np.pi * phase + 1)) + 0.1 * rng.normal(size=n)
    return time, mag, np.full(n, 0.1)


def test_all_bands_of_a_star_share_its_period():
    rng = np.random.default_rng(0)
    curves = [pulsator(rng, 60, 0.2), pulsator(rng, 200, 0.2), pulsator(rng, 80, 0.3)]
    meta = pd.DataFrame({"_id": [1, 2, 3], "obj_id": ["a", "a", "b"], "band": ["g", "r", "g"]})
    curves = LightCurves.from_lists(meta, *zip(*curves, strict=True))
    options = {"max_freq": 6, "progress": False}
    alone, together = featurize(curves, **options), featurize(curves, by_star=True, **options)
    assert together["period_of"].tolist() == ["star", "star", "light curve"]
    expected = period_table(curves, by_star=True, **options)["period"]
    nested = [name for name in alone if name.endswith("_ELS_ECE_EAOV")]
    assert together["period_ELS_ECE_EAOV"].tolist()[:2] == [expected["a"]] * 2
    assert abs(1 / expected["a"] - 1 / PERIOD) < 1 / 900
    series = fourier_features(curves[0].time, curves[0].mag, curves[0].err, expected["a"])
    np.testing.assert_allclose(together["f1_amp_ELS_ECE_EAOV"].iloc[0], series["f1_amp"])
    others = alone.columns.difference([*nested, "dmdt"], sort=False)
    pd.testing.assert_frame_equal(together[others], alone[others])
    pd.testing.assert_frame_equal(together[nested].iloc[2:], alone[nested].iloc[2:])


def test_the_fewest_epochs_are_said_once():
    rng = np.random.default_rng(1)
    curves = LightCurves.from_lists(pd.DataFrame({"_id": [1]}), *([x] for x in pulsator(rng, 30, 0.3)))
    long = curves.long_enough(20)
    assert len(featurize(long, max_freq=3, progress=False)) == 1
    assert long.clean().select([0]).min_epochs == 20


def test_a_star_that_cannot_be_searched_leaves_its_light_curves_their_own_period():
    rng = np.random.default_rng(2)
    curves = [list(pulsator(rng, 80, 0.3)) for _ in range(4)]
    curves[1][0] = curves[1][0] + 200_000  # each band can be searched, both together span centuries
    meta = pd.DataFrame({"_id": [1, 2, 3, 4], "obj_id": ["a", "a", "b", "b"], "band": ["g", "r", "g", "r"]})
    curves = LightCurves.from_lists(meta, *zip(*curves, strict=True))
    with pytest.raises(ValueError, match=r"a: the .* of 160 epochs"):
        featurize(curves, by_star=True, max_freq=6, progress=False)
    with pytest.warns(UserWarning, match=r"1 of 2 stars cannot be searched, first a: the .* of 160 epochs"):
        table = featurize(curves, by_star=True, bad="list", max_freq=6, progress=False)
    assert table["period_of"].tolist() == ["light curve", "light curve", "star", "star"]
    assert (abs(1 / table["period_ELS_ECE_EAOV"] - 1 / PERIOD) < 1 / 900).all()
    with pytest.warns(UserWarning, match="1 of 2 stars"):
        listed = period_table(curves, by_star=True, bad="list", max_freq=6, progress=False)
    assert np.isnan(listed.loc["a", "period"]) and [f["star"] for f in listed.attrs["failures"]] == ["a"]
