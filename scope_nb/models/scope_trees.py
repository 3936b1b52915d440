"""Trees that SCoPe trained, as a classifier."""

import json

import numpy as np
import pandas as pd

from ..dataset.columns import match_columns
from ..files import existing_file
from ..taxonomy import CATALOGUES
from .calibration import BinaryClassifier


class ScopeTrees(BinaryClassifier):
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
    path = existing_file(path)
    try:
        booster = Booster(model_file=path)
    except (XGBoostError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]  # a stack trace follows
        raise ValueError(f"{path} is not a model that xgboost can read: {reason}") from error
    objective = json.loads(booster.save_config())["learner"]["learner_train_param"]["objective"]
    if objective != "binary:logistic":
        raise ValueError(f"{path} holds a model of {objective}; SCoPe's answer yes or no: binary:logistic")
    if not booster.feature_names:
        raise ValueError(f"{path} does not name the features that its trees ask for")
    return ScopeTrees(booster)
