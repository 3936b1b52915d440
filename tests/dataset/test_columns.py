"""Light curves as columns of a data set."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import models
from scope_nb.dataset.columns import CHANNELS, curve_block, sequences
from scope_nb.dataset.dataset import Dataset
from scope_nb.lightcurves.curves import LightCurves, match_curves


def curves(n, seed):
    """Light curves of random magnitudes."""
    rng = np.random.default_rng(seed)
    time = [58000 + np.sort(rng.uniform(0, 300, size)) for size in rng.integers(60, 150, n)]
    mag = [16 + rng.normal(size=len(t)) for t in time]
    meta = pd.DataFrame({"_id": np.arange(n), "band": rng.choice(["g", "r"], n)})
    return LightCurves.from_lists(meta, time, mag, [np.full(len(t), 0.03) for t in time])


def test_a_light_curve_becomes_its_latest_epochs():
    batch = curves(5, 0)
    table = pd.DataFrame({"_id": [3, 99, 0], "ra": np.nan, "dec": np.nan})
    block = curve_block(sequences(batch, table, 100))
    assert block.shape == (3, 100, 4) and np.isnan(block[1]).all()
    for row, i in ((0, 3), (2, 0)):
        curve = batch[i]
        n = min(len(curve), 100)
        values = dict(zip(CHANNELS, block[row, :n].T, strict=True))
        np.testing.assert_allclose(np.cumsum(values["dt"][1:]), (curve.time - curve.time[-n])[-n + 1 :], rtol=1e-5)
        np.testing.assert_allclose(values["mag"], (curve.mag - np.median(curve.mag))[-n:], atol=1e-6)
        assert set(values["band"]) == {curve.info["filter"]} and np.isnan(block[row, n:]).all()


def test_rows_find_their_light_curve_by_number_and_position():
    batch = curves(3, 0)
    meta = batch.meta.assign(ra=[10.0, 20.0, 30.0], dec=5.0)
    placed = LightCurves(meta, batch.time, batch.mag, batch.err, batch.offsets)
    table = pd.DataFrame({"_id": [2, 1, 0], "ra": [30.0001, 21.0, 10.0], "dec": 5.0})
    assert match_curves(placed, table).tolist() == [2, -1, 0]
    with pytest.raises(ValueError, match=r"none of the 3 rows of the table is among the 3 light curves"):
        sequences(placed, table.assign(_id=7))


def test_data_sets_hold_light_curves_beside_the_features(table):
    batch = curves(400, 3)
    meta = batch.meta.assign(ra=table["ra"][:400], dec=table["dec"][:400])
    placed = LightCurves(meta, batch.time, batch.mag, batch.err, batch.offsets)
    data = Dataset.from_table(table, "e", dmdt=False, light_curves=placed)
    assert data.X.shape[1] == Dataset.from_table(table, "e", dmdt=False).X.shape[1] + 800
    assert data.describe_inputs().endswith("400 are here.") and data.settings["light_curves"] is True
    trees = models.fit_model(models.xgb(n_jobs=1, n_estimators=5), data.train, data.val)
    assert not any(name.startswith("curve") for name in trees.feature_importances_.index)
