import copy
import json

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


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The content of a file of trees that were pruned, as JSON."""
    xgboost = pytest.importorskip("xgboost")
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("trees") / "trees.json"
    X = rng.normal(size=(300, 3)).astype(np.float32)
    data = xgboost.DMatrix(X, label=(X[:, 0] > 0).astype(int), feature_names=["wstd", "skew", "n"])
    settings = {"max_depth": 3, "objective": "binary:logistic", "nthread": 1, "tree_method": "exact", "gamma": 2}
    xgboost.train(settings, data, 4).save_model(path)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["left_children", 0], -9, "tree 1 is damaged: a child is outside of the tree"),
        (["right_children", 0], 10_000, "tree 1 is damaged: a child is outside of the tree"),
        (["left_children", 0], 1.5, "tree 1 is damaged: a child is outside of the tree"),
        (["left_children", 0], 0, "tree 1 is damaged: a child is wrong"),
        (["right_children", 0], 1, "tree 1 is damaged: node 1 is reached twice"),
        (["left_children", 0], -1, "tree 1 is damaged: a child is wrong"),
        (["split_indices", 0], 3, "tree 1 is damaged: node 0 asks for feature 3 of 3"),
        (["split_indices", 0], -1, "tree 1 is damaged: an index is wrong"),
        (["split_indices"], [0], "tree 1 is damaged: its parts differ in length"),
        (["split_conditions", 0], float("nan"), "tree 1 is damaged: split_conditions"),
        (["split_type", 0], 1, "tree 1 is damaged: it splits by categories"),
        (["tree_param", "num_deleted"], "1", "tree 1 is damaged: it has nodes that are never reached"),
        (["tree_param", "num_nodes"], "100000000", "tree 1 is damaged: its parts differ in length"),
        (["tree_param"], None, "tree 1 is damaged"),
    ],
)
def test_a_tampered_tree_is_refused(trees, tmp_path, place, value, message):
    path, content = tmp_path / "rrlyr.json", copy.deepcopy(trees)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_scope_trees(path).n_features_in_ == 3
    inner = content["learner"]["gradient_booster"]["model"]["trees"][1]
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"rrlyr\.json is not a model that xgboost can read: {message}"):
        load_scope_trees(path)


@pytest.mark.parametrize("place", ["tree_info", "iteration_indptr", "trees", "gbtree_model_param"])
def test_tampered_facts_about_all_trees_are_refused(trees, tmp_path, place):
    content = copy.deepcopy(trees)
    content["learner"]["gradient_booster"]["model"][place] = [7, 7, 7, 7]
    (tmp_path / "rrlyr.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"rrlyr\.json is not a model that xgboost can read"):
        load_scope_trees(tmp_path / "rrlyr.json")


def test_feature_types_belong_to_the_features(trees, tmp_path):
    content = copy.deepcopy(trees)
    content["learner"]["feature_types"] = ["float", "float"]
    (tmp_path / "rrlyr.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"rrlyr.json is not a model .*: the number of its feature_types is wrong"):
        load_scope_trees(tmp_path / "rrlyr.json")
