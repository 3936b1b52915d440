"""Trees that SCoPe trained, as a classifier."""

import json
import math

import numpy as np
import pandas as pd

from ..dataset.columns import match_columns
from ..files import read_json
from ..taxonomy import CATALOGUES
from .calibration import ProbabilityClassifier

# What a tree has for each of its nodes
WHOLE = ("left_children", "right_children", "parents", "split_indices", "split_type", "default_left")
DECIMAL = ("split_conditions", "base_weights", "loss_changes", "sum_hessian")
DELETED = 2**31 - 1  # the feature of a node that pruning has left without use


class ScopeTrees(ProbabilityClassifier):
    """SCoPe's trained gradient-boosted trees as a classifier; made by `load_scope_trees`. It has no `fit`."""

    def __init__(self, booster):
        self.booster = booster
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array(booster.feature_names, object)
        self.n_features_in_ = len(booster.feature_names)

    def predict_proba(self, X):
        """Return the probabilities of the two classes, shape (n, 2)."""
        from xgboost import DMatrix

        X = match_columns(self, X)
        # SCoPe's training set has zeros where a star is in no catalogue
        X = X.fillna({c: 0.0 for c in X if c.startswith(CATALOGUES)})
        p = self.booster.predict(DMatrix(X)).astype(float)
        return np.column_stack([1 - p, p])

    @property
    def feature_importances_(self):
        gain = pd.Series(self.booster.get_score(importance_type="gain"), dtype=float)
        return (gain / gain.sum()).reindex(self.feature_names_in_, fill_value=0.0).rename("importance")


def load_scope_trees(path):
    """Return trees that SCoPe trained and saved as `TAG.TIME.json`; a `ValueError` says what is wrong with the file."""
    from xgboost import Booster
    from xgboost.core import XGBoostError

    if not str(path):
        raise ValueError("name the file of the trees that SCoPe trained, TAG.TIME.json (the parameter `start_from`)")
    content, booster = read_json(path), Booster()
    try:
        _check_model(content)
        booster.load_model(bytearray(json.dumps(content).encode()))  # what was checked, not the file once more
    except (XGBoostError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} is not a model that xgboost can read: {_reason(error)}") from error
    return ScopeTrees(booster)


def _reason(error):
    """Return an error in one line; xgboost says first what is wrong, and then where in its own code."""
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error).strip().partition("\n")[0]


def _check_model(content):
    """Raise an error unless all that xgboost follows without looking is right: it would read any memory."""
    learner = content["learner"]
    objective, names = learner["objective"]["name"], learner["feature_names"]
    if objective != "binary:logistic":
        raise ValueError(f"it is a model of {objective}; SCoPe's answer yes or no: binary:logistic")
    if not names or not all(isinstance(name, str) and not set(name) & set("[]<") for name in names):
        raise ValueError("it does not name the features that its trees ask for")
    _require(len(set(names)) == len(names), "it names a feature twice")
    kinds = learner.get("feature_types", [])
    if learner["gradient_booster"]["name"] != "gbtree" or {*kinds} - {"float", "int"}:
        raise ValueError("it holds something else than trees of numbers")
    _require(len(kinds) in (0, len(names)), "the number of its feature_types is wrong")
    model, sizes = learner["gradient_booster"]["model"], learner["learner_model_param"]
    trees, rounds = model["trees"], model.get("iteration_indptr", [])
    _require(int(sizes["num_feature"]) == len(names), "the number of its features is wrong")
    _require(int(sizes.get("num_class", 0)) == 0 and int(sizes.get("num_target", 1)) == 1, "it has several answers")
    _require(int(model["gbtree_model_param"]["num_trees"]) == len(trees), "the number of its trees is wrong")
    _require(int(model["gbtree_model_param"].get("num_parallel_tree", 1)) in (0, 1), "it has several trees a round")
    _require(_are_whole(model["tree_info"], 0, 0) and len(model["tree_info"]) == len(trees), "tree_info is wrong")
    _require(rounds in ([], [*range(len(trees) + 1)]), "iteration_indptr is wrong")
    _require(not any(model.get("cats", {}).values()), "it knows categories")
    for number, tree in enumerate(trees):
        try:
            _check_tree(tree, len(names))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"tree {number} is damaged: {_reason(error)}") from error


def _check_tree(tree, n_features):
    """Raise an error unless each node of a tree is reached once from the first, but for those that were deleted."""
    sizes, parent, feature = tree["tree_param"], tree["parents"], tree["split_indices"]
    n_nodes, n_deleted = int(sizes["num_nodes"]), int(sizes["num_deleted"])
    _require(n_nodes > 0 and all(len(tree[name]) == n_nodes for name in WHOLE + DECIMAL), "its parts differ in length")
    _require(int(sizes["num_feature"]) == n_features, "the number of its features is wrong")
    _require(int(sizes.get("size_leaf_vector", 0)) in (0, 1), "its leaves hold several numbers")
    _require(_are_whole(tree["split_type"], 0, 0) and not tree.get("categories"), "it splits by categories")
    _require(_are_whole(tree["default_left"], 0, 1), "default_left is wrong")
    _require(_are_whole(parent, 0, DELETED) and _are_whole(feature, 0, DELETED), "an index is wrong")
    for name in ("left_children", "right_children"):
        _require(_are_whole(tree[name], -1, n_nodes - 1), "a child is outside of the tree")
    for name in DECIMAL:
        _require(all(math.isfinite(value) for value in tree[name]), f"{name} holds something else than numbers")
    reached, ahead = set(), [0]
    while ahead:
        node = ahead.pop()
        children = [tree[name][node] for name in ("left_children", "right_children")]
        _require(node not in reached, f"node {node} is reached twice")
        _require(feature[node] < n_features, f"node {node} asks for feature {feature[node]} of {n_features}")
        reached.add(node)
        if children != [-1, -1]:
            _require(min(children) > 0 and [parent[child] for child in children] == [node, node], "a child is wrong")
            ahead += children
    deleted = {node for node in range(n_nodes) if feature[node] == DELETED}
    _require(len(deleted) == n_deleted and len(reached) + n_deleted == n_nodes, "it has nodes that are never reached")


def _are_whole(values, least, most):
    return all(type(value) in (int, bool) and least <= value <= most for value in values)


def _require(condition, problem):
    if not condition:
        raise ValueError(problem)
