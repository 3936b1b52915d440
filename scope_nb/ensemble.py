"""The mean of several fitted classifiers, as SCoPe averages its DNN and its XGB."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Mean(ClassifierMixin, BaseEstimator):
    """A classifier that averages the probabilities of others, which are fitted already; it has no `fit`.

    Parameters
    ----------
    models : list of classifier
        Each takes from a DataFrame the columns that it was fitted on.
    names : list of str
        Where they come from: GROUP/ALGORITHM/TAG.

    Attributes
    ----------
    unseen_ : dict of str to numpy.ndarray
        As of `fitting.Folds`, where `runs.mean_model` made it.
    """

    def __init__(self, models, names=()):
        self.models = models
        self.names = names

    @property
    def classes_(self):
        """The two classes."""
        return np.array([0, 1])

    def predict_proba(self, X):
        """Probability of each class, shape (n, 2)."""
        return np.mean([model.predict_proba(X) for model in self.models], axis=0)

    def predict(self, X):
        """The class of each row at a probability of 0.5."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)
