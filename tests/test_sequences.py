import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from scope_nb import models
from scope_nb.dataset.columns import curve_block, sequences
from scope_nb.dataset.dataset import Dataset
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.models.networks import network_input


def curves(n, seed):
    """Slow sine waves; half of them, the positive class, have their magnitudes in another order."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    time = [58000 + np.sort(rng.uniform(0, 300, size)) for size in rng.integers(60, 150, n)]
    mag = []
    for t, shuffled in zip(time, y, strict=True):
        wave = 16 + rng.uniform(0.2, 0.6) * np.sin(2 * np.pi * (t / rng.uniform(60, 150) + rng.random()))
        mag.append((rng.permutation(wave) if shuffled else wave) + 0.03 * rng.standard_normal(len(t)))
    meta = pd.DataFrame({"_id": np.arange(n), "band": rng.choice(["g", "r"], n)})
    return LightCurves.from_lists(meta, time, mag, [np.full(len(t), 0.03) for t in time]), y


def test_light_curves_of_another_table_are_refused():
    batch, _ = curves(3, 0)
    with pytest.raises(ValueError, match=r"none of the 3 rows of the table is among the 3 light curves"):
        sequences(batch, batch.meta.assign(_id=7))


def test_padding_is_nought_and_marked():
    batch, _ = curves(4, 1)
    x = network_input(curve_block(sequences(batch, batch.meta, 160)))
    assert x.shape == (4, 160, 5) and np.isfinite(x).all()
    np.testing.assert_array_equal(x[..., 4].sum(axis=1), batch.n_epochs)
    assert (x[x[..., 4] == 0] == 0).all()


def test_the_recurrent_network_learns_what_only_the_order_of_epochs_tells(tmp_path):
    batch, y = curves(600, 2)
    X = sequences(batch, batch.meta, 160)
    train, val, test = slice(0, 400), slice(400, 480), slice(480, 600)
    model = models.rnn(epochs=8, learning_rate=3e-3).fit(X[train], y[train], eval_set=[(X[val], y[val])])
    p = model.predict_proba(X[test])
    assert roc_auc_score(y[test], p[:, 1]) > 0.95
    shorter = X[test].drop(columns=[name for name in X if name.startswith("curve_159_")])
    with pytest.raises(ValueError, match=r"curve columns of 159 x 4, the model was fitted on 160 x 4"):
        model.predict_proba(shorter)
    models.save_model(model, tmp_path)
    np.testing.assert_array_equal(models.load_model(tmp_path).predict_proba(X[test]), p)


def test_without_light_curves_the_recurrent_network_reads_dmdt(table):
    data = Dataset.from_table(table, "e")
    assert "its 26 time differences" in data.describe_inputs()
    model = models.fit_model(models.rnn(epochs=3, dense=(8, 4), learning_rate=3e-3), data.train, data.val)
    assert roc_auc_score(data.test.y, model.predict_proba(data.test.X)[:, 1]) > 0.9
    assert {tensor.name for tensor in model.network_.inputs} == {"features", "dmdt"}
    with pytest.raises(ValueError, match=r"needs light curves .* or dmdt"):
        models.rnn().fit(data.train.X[["wstd"]], data.train.y)
