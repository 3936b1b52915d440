"""SCoPe's ways to fill missing values, learned on the training rows, for models that cannot do with gaps."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import KNNImputer, SimpleImputer

from .columns import is_feature, require_columns
from .taxonomy import base_name, features

NEIGHBOURS = 5


class ScopeImputer(TransformerMixin, BaseEstimator):
    """Fills missing values by SCoPe's strategy of each feature; hands on a DataFrame without dmdt and light curves.

    "regress" becomes the mean of the five nearest neighbours in all such columns, "zero" 0, "median" the median. SCoPe
    drops rows where a feature of strategy "none" is missing, which a classifier cannot do: they get the median too, as
    do features that are not SCoPe's.

    Parameters
    ----------
    names : list of str, optional
        The columns, for `X` without names.
    most : int
        Neighbours are looked for among at most so many training rows, drawn at random: on all of them the search would
        take hours.
    seed : int

    Attributes
    ----------
    columns_ : list of str
    groups_ : dict of str to list of str
    imputers_ : dict of str to transformer
    """

    def __init__(self, names=None, most=3000, seed=42):
        self.names = names
        self.most = most
        self.seed = seed

    def fit(self, X, y=None):
        """Learn medians and keep the rows among which neighbours are looked for."""
        X = self._frame(X)
        self.columns_ = [name for name in X if is_feature(name)]
        strategy = {name: _strategy(name) for name in self.columns_}
        imputers = {
            "regress": KNNImputer(n_neighbors=NEIGHBOURS, keep_empty_features=True),
            "zero": SimpleImputer(strategy="constant", fill_value=0.0),
            "median": SimpleImputer(strategy="median", keep_empty_features=True),
        }
        self.groups_ = {kind: [name for name in self.columns_ if strategy[name] == kind] for kind in imputers}
        self.groups_ = {kind: names for kind, names in self.groups_.items() if names}
        rows = np.random.default_rng(self.seed).permutation(len(X))[: self.most]
        self.imputers_ = {
            kind: imputers[kind].fit((X.iloc[rows] if kind == "regress" else X)[names].to_numpy())
            for kind, names in self.groups_.items()
        }
        return self

    def transform(self, X):
        """Return the columns of `columns_`, without gaps."""
        X = self._frame(X)
        require_columns(X, self.columns_)
        X = X[self.columns_].copy()
        for kind, names in self.groups_.items():
            X[names] = self.imputers_[kind].transform(X[names].to_numpy()).astype(X[names].to_numpy().dtype)
        return X

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns handed on."""
        return np.asarray(self.columns_, dtype=object)

    def _frame(self, X):
        return X if hasattr(X, "columns") else pd.DataFrame(X, columns=self.names)


def _strategy(name):
    """Return how a column is filled, whatever period suffix it carries."""
    known = features()["impute"]
    return {"regress": "regress", "zero": "zero"}.get(known.get(base_name(name)), "median")
