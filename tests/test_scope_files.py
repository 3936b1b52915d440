import os
import pickle

import numpy as np
import pandas as pd
import pytest

from scope_nb import models
from scope_nb.dataset.dataset import Dataset, trainable
from scope_nb.dataset.tables import ParquetTable, read_table, write_parquet
from scope_nb.features.dmdt import stack_dmdt
from scope_nb.models.saving import load_xgb


def test_trees_need_a_name():
    with pytest.raises(ValueError, match="the parameter `start_from`"):
        load_xgb("")


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
    model = models.fit(load_xgb(tmp_path / "rrlyr.20230101_000000.json"), data.train, data.val)
    expected = booster.predict(xgboost.DMatrix(raw))
    np.testing.assert_allclose(model.predict_proba(data.X)[:, 1], expected, rtol=1e-6)
    assert model.feature_importances_.idxmax() == "f1_power_ELS_ECE_EAOV"
    models.save_model(model, tmp_path / "kept")
    again = models.load_model(tmp_path / "kept")
    np.testing.assert_allclose(again.predict_proba(data.X)[:, 1], expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"lacks 2 columns that the model was fitted on: skew, wstd|wstd, skew"):
        model.predict_proba(data.X.drop(columns=["wstd", "skew"]))
    (tmp_path / "no.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="not a model that xgboost can read"):
        load_xgb(tmp_path / "no.json")
    xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(raw, label=y), 1).save_model(tmp_path / "r.json")
    with pytest.raises(ValueError, match="reg:squarederror"):
        load_xgb(tmp_path / "r.json")


class Code:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_hdf5_is_read_and_code_in_it_refused(table, tmp_path):
    pytest.importorskip("tables")
    h5py = pytest.importorskip("h5py")
    path, some = tmp_path / "t.h5", table.head(40)
    with pd.HDFStore(path, "w") as store:
        store.put("df", some.drop(columns="dmdt"))
        store.put("coordinates", pd.Series(["x"] * 40, dtype=object))
        store.put("dmdt", pd.Series([image.tolist() for image in some["dmdt"]], dtype=object))
    found = read_table(path)
    pd.testing.assert_frame_equal(found[some.columns.drop("dmdt")], some.drop(columns="dmdt"), check_dtype=False)
    np.testing.assert_array_equal(stack_dmdt(found["dmdt"]), stack_dmdt(some["dmdt"]))
    with pytest.raises(ValueError, match="lacks the columns nope"):
        read_table(path, ["nope"])
    trap = tmp_path / "trap"
    for place in ("attribute", "column"):
        with pd.HDFStore(path, "a") as store:
            if place == "attribute":
                store.get_node("df")._v_attrs.evil = Code(str(trap))
            else:
                store.put("dmdt", pd.Series([Code(str(trap))] * 40, dtype=object))
        with pytest.raises(ValueError, match=r"could run code of its own: (posix|os|nt)\.mkdir"):
            read_table(path)
        assert not trap.exists()
        with pd.HDFStore(path, "w") as store:
            store.put("df", some.drop(columns="dmdt"))
    with h5py.File(path, "a") as file:  # a text attribute whose bytes are no text
        file["df"].attrs.create("evil", b"\x80\x02cos\ngetpid\n)R.", dtype=h5py.string_dtype())
    with pytest.raises(ValueError, match=r"could run code of its own: os\.getpid"):
        read_table(path)
    (tmp_path / "no.h5").write_bytes(pickle.dumps(1))
    with pytest.raises(ValueError, match="is not an HDF5 file"):
        read_table(tmp_path / "no.h5")


@pytest.fixture
def columns_read(monkeypatch):
    """Names of the columns that have been read from parquet files."""
    names_read, read = [], ParquetTable._read
    monkeypatch.setattr(ParquetTable, "_read", lambda file, names: names_read.extend(names) or read(file, names))
    return names_read


@pytest.mark.parametrize(
    ("tag", "more"),
    [
        ("vnv", {}),
        ("rrlyr", {"period_suffix": "ECE"}),
        ("e", {"features": ["wstd"], "dmdt": True}),
        ("e", {"derived": False}),
    ],
)
def test_reading_for_a_tag_leaves_the_rest_alone(table, tmp_path, columns_read, tag, more):
    write_parquet(table, tmp_path / "t.parquet")
    cut = {"dmdt": False, **more}
    data = Dataset.read(tmp_path / "t.parquet", tag, **cut)
    assert ("dmdt" in columns_read) == cut["dmdt"] and len(columns_read) < table.shape[1]
    expected = Dataset.from_table(table, tag, **cut)
    pd.testing.assert_frame_equal(data.X, expected.X)
    np.testing.assert_array_equal(data.part, expected.part)


def test_what_can_be_trained_is_told_from_the_labels_alone(table, tmp_path, columns_read):
    from scope_nb.__main__ import _all_tags

    write_parquet(table.drop(columns="AllWISE__w1mpro"), tmp_path / "t.parquet")
    cuts = {tag: {"threshold": 0.8, "split": "star"} for tag in ("vnv", "e", "rrlyr", "ceph")}
    cuts["vnv"] |= {"features": ["wstd", "none"]}
    cuts["e"] |= {"balance": 1.0, "label": "eclipsing", "features": None}
    expected = {}
    for tag, cut in cuts.items():
        try:
            Dataset.from_table(table.drop(columns="AllWISE__w1mpro"), tag, dmdt=False, **cut)
        except ValueError as error:
            expected[tag] = str(error)
    good, reasons = trainable(tmp_path / "t.parquet", cuts)
    assert good == ["e"] and reasons == expected and "none" in reasons["vnv"] and "AllWISE__w1mpro" in reasons["rrlyr"]
    assert not {"wstd", "dmdt"} & set(columns_read)
    config = "training: {dataset: t.parquet, classes: {e: {label: eclipsing, features: mine, threshold: 0.99}}}\n"
    (tmp_path / "config.yaml").write_text(config + "features: {mine: {wstd: {include: true}}}\n")
    assert _all_tags({"config": str(tmp_path / "config.yaml"), "features": "phenomenological"})[0] == "vnv"
