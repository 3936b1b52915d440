"""What happens to the columns before a model gets them: chosen, imputed, scaled. All of it is learned in `fit`."""

import re

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..dataset.columns import (
    NUMBERED,
    is_feature,
    match_columns,
    record_columns,
    require_columns,
    split_columns,
    with_plain_names,
)
from ..taxonomy import base_name, feature_table, unknown
from .fitting import eval_arguments, training_rows, weight_argument


def fit_preprocessor(X, scaler, impute, add_indicator):
    """Return imputer and scaler (a name or a transformer), fitted on the features of X; None if X has none."""
    values, _ = split_columns(X)
    names = [str(name) for name in getattr(X, "columns", range(values.shape[1])) if is_feature(name)]
    if not names:
        return None
    scalers = {
        "quantile": [QuantileTransformer(n_quantiles=min(len(X), 1000), random_state=0), StandardScaler()],
        "robust": [RobustScaler(unit_variance=True), FunctionTransformer(np.arcsinh)],
        "min_max": [MinMaxScaler()],
        "median_std": [RobustScaler(with_scaling=False), StandardScaler(with_mean=False)],
    }
    imputers = {"median": SimpleImputer(strategy="median", keep_empty_features=True), "scope": ScopeImputer(names)}
    if isinstance(scaler, str) and scaler not in scalers:
        raise unknown("scaler", scaler, scalers)
    if impute not in imputers:
        raise unknown("impute", impute, imputers)
    steps, imputer = scalers[scaler] if isinstance(scaler, str) else [clone(scaler)], imputers[impute]
    if add_indicator:
        imputer = make_union(imputer, MissingIndicator(features="missing-only", error_on_new=False))
    return make_pipeline(imputer, *steps).fit(values)


class EvalSetPipeline(ClassifierMixin, BaseEstimator):
    """A transformer and a classifier in a row, where `eval_set` goes through the transformer too.

    scikit-learn's `Pipeline(transform_input=...)` does not serve: it wants metadata routing switched on for all of the
    session, would transform the labels of `eval_set` too, and holds no rows out where there is none.
    The fitted clones are `transformer_`, which learns from the training rows only and hands on a DataFrame where it
    can, so that names reach the classifier (those of `columns.with_plain_names`), and `estimator_`. Where `fit` gets no
    `eval_set` but the estimator takes one, it holds `validation_fraction` of the rows out, stratified by class and not
    by star.
    """

    def __init__(self, transformer, estimator, *, validation_fraction=0.0, seed=42):
        self.transformer = transformer
        self.estimator = estimator
        self.validation_fraction = validation_fraction
        self.seed = seed

    def fit(self, X, y, sample_weight=None, eval_set=None):
        """Fit both; `eval_set` is a list of (X, y)."""
        record_columns(self, X)
        self.transformer_, self.estimator_ = clone(self.transformer), clone(self.estimator)
        if hasattr(self.transformer_, "set_output"):
            self.transformer_.set_output(transform="pandas")
        hold_out = self.validation_fraction if not eval_set and eval_arguments(self.estimator_, []) else 0
        (X, y, weight), held_out = training_rows(X, y, sample_weight, hold_out, self.seed)
        eval_set = [held_out[:2]] if held_out else eval_set

        X = self.transformer_.fit_transform(X, y)
        arguments = weight_argument(self.estimator_, weight)
        if eval_set:
            pairs = [(with_plain_names(self.transform_inputs(X_val)), y_val) for X_val, y_val in eval_set]
            arguments |= eval_arguments(self.estimator_, pairs)
        self.estimator_.fit(with_plain_names(X), y, **arguments)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, number of classes)."""
        with parallel_config("sequential"):  # threads would add up a forest's trees in any order: other last digits
            return self.estimator_.predict_proba(with_plain_names(self.transform_inputs(X)))

    def predict(self, X):
        """Return the class of each row."""
        with parallel_config("sequential"):
            return self.estimator_.predict(with_plain_names(self.transform_inputs(X)))

    @property
    def feature_importances_(self):
        values = self.estimator_.feature_importances_
        return pd.Series(values, index=self.transformer_.get_feature_names_out(), name="importance")

    def transform_inputs(self, X):
        """Return what the classifier gets of X, by the names that X has."""
        check_is_fitted(self, "transformer_")
        # it checks the columns that it keeps; those that it drops may be missing
        chooses = isinstance(self.transformer_, DropColumns)
        return self.transformer_.transform(X if chooses else match_columns(self, X))


class DropColumns(TransformerMixin, BaseEstimator):
    """Returns a DataFrame without the columns that match `pattern`; by default without dmdt and light curves."""

    def __init__(self, pattern=NUMBERED):
        self.pattern = pattern

    def fit(self, X, y=None):
        record_columns(self, X)
        self.columns_ = [name for name in X if not re.search(self.pattern, str(name))]
        return self

    def transform(self, X):
        require_columns(X, self.columns_)
        return X[self.columns_]

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that are kept."""
        return np.asarray(self.columns_, dtype=object)


class ScopeImputer(DropColumns):
    """Drops dmdt and light curves, and fills missing values by SCoPe's strategy of each feature.

    "regress" becomes the mean of the five nearest neighbours in all such columns, "zero" 0, "median" the median. SCoPe
    drops rows where a feature of strategy "none" is missing, which a classifier cannot do: they get the median too, as
    do features that are not SCoPe's. Neighbours are looked for among `most` training rows, drawn at random: on all of
    them the search would take hours. `names` are those of the columns of an array.
    """

    pattern = NUMBERED

    def __init__(self, names=None, most=3000, seed=42):
        self.names = names
        self.most = most
        self.seed = seed

    def fit(self, X, y=None):
        """Learn medians and keep the rows among which neighbours are looked for."""
        X = self._frame(X)
        super().fit(X)
        imputers = {
            "regress": KNNImputer(n_neighbors=5, keep_empty_features=True),
            "zero": SimpleImputer(strategy="constant", fill_value=0.0),
            "median": SimpleImputer(strategy="median", keep_empty_features=True),
        }
        strategies, self.groups_ = feature_table()["impute"], {}
        for name in self.columns_:
            kind = strategies.get(base_name(name))
            self.groups_.setdefault(kind if kind in imputers else "median", []).append(name)
        rows = np.random.default_rng(self.seed).permutation(len(X))[: self.most]
        self.imputers_ = {
            kind: imputers[kind].fit((X.iloc[rows] if kind == "regress" else X)[names].to_numpy())
            for kind, names in self.groups_.items()
        }
        return self

    def transform(self, X):
        """Return the columns of `columns_`, without gaps."""
        X = super().transform(self._frame(X)).copy()
        for kind, names in self.groups_.items():
            X[names] = self.imputers_[kind].transform(X[names].to_numpy()).astype(X[names].to_numpy().dtype)
        return X

    def _frame(self, X):
        return X if isinstance(X, pd.DataFrame) else pd.DataFrame(X, columns=self.names)
