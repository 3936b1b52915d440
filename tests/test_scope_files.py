import numpy as np
import pytest

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.models.scope_trees import load_scope_trees


def test_trees_need_a_name():
    with pytest.raises(ValueError, match="the parameter `start_from`"):
        load_scope_trees("")


def test_trees_of_scope_predict_as_in_xgboost(table, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    table = table.copy()
    table.loc[::3, "Gaia_EDR3__parallax"] = 0.0  # SCoPe's trees know zeros where there is no match
    data = Dataset.from_table(table, "rrlyr", dmdt=False)
    names = data.settings["features"]
    raw, y = table[names].astype(np.float32), data.y
    settings = {"max_depth": 3, "objective": "binary:logistic", "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(raw, label=y), 20)
    booster.save_model(tmp_path / "rrlyr.20230101_000000.json")
    model = models.fit_model(load_scope_trees(tmp_path / "rrlyr.20230101_000000.json"), data.train, data.val)
    expected = booster.predict(xgboost.DMatrix(raw))
    np.testing.assert_allclose(model.predict_proba(data.X)[:, 1], expected, rtol=1e-6)
    assert model.feature_importances_.idxmax() == "f1_power_ELS_ECE_EAOV"
    models.save_model(model, tmp_path / "kept")
    again = models.load_model(tmp_path / "kept")
    np.testing.assert_allclose(again.predict_proba(data.X)[:, 1], expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"lacks 2 columns that the model was fitted on: skew, wstd|wstd, skew"):
        model.predict_proba(data.X.drop(columns=["wstd", "skew"]))
    (tmp_path / "no.json").write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="not a model that xgboost can read"):
        load_scope_trees(tmp_path / "no.json")
    xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(raw, label=y), 1).save_model(tmp_path / "r.json")
    with pytest.raises(ValueError, match="reg:squarederror"):
        load_scope_trees(tmp_path / "r.json")
