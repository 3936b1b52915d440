"""Calibration: probabilities that mean what they say, learned from light curves that the classifier has not seen."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression

from ..taxonomy import unknown

METHODS = ("auto", "isotonic", "sigmoid", "none")
FEW_STARS = 10  # fewer stars of the rarer kind than this teach nothing
MANY_STARS = 100  # of the rarer kind, and
MANY_ROWS = 1000  # light curves in all: below them isotonic regression follows the noise


class BinaryClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of two classes, of which `predict` names the second where its probability is above 0.5."""

    def predict(self, X):
        """Return the class of each row, as an array (n,)."""
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


class Calibrated(BinaryClassifier):
    """A fitted classifier whose probabilities go through a rising function.

    scikit-learn's `CalibratedClassifierCV` wants the light curves to calibrate on, not probabilities that folds have
    given them already; its isotonic regression calls things impossible, and its sigmoid may turn the order around.

    `method` is "isotonic", isotonic regression (`isotonic_`), or "sigmoid", a logistic function of the log odds, which
    keeps every rank (`slope_`, `intercept_`).
    """

    def __init__(self, model, method="sigmoid"):
        self.model = model
        self.method = method

    def fit(self, X, y):
        """Learn the function from light curves that the classifier was not fitted on."""
        return self.learn(self.model.predict_proba(X)[:, 1], y)

    def learn(self, probability, y):
        """Learn the function from probabilities that the classifier gave to light curves it was not fitted on."""
        y = np.asarray(y)
        if self.method == "isotonic":
            edge = 1 / (len(y) + 2)  # n light curves cannot show that something is impossible
            self.isotonic_ = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(probability, y)
        elif self.method == "sigmoid":
            self.slope_, self.intercept_ = _fit_sigmoid(probability, y)
        else:
            raise unknown("calibration", self.method, METHODS)
        return self

    def transform(self, probability):
        """Return calibrated probabilities, shape (n,), for those of the classifier."""
        if self.method == "isotonic":
            return self.isotonic_.predict(probability)
        return expit(self.slope_ * _log_odds(probability) + self.intercept_)

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, 2)."""
        positive = self.transform(self.model.predict_proba(X)[:, 1])
        return np.column_stack([1 - positive, positive])

    @property
    def classes_(self):
        return self.model.classes_

    @property
    def feature_importances_(self):
        return self.model.feature_importances_


def choose_method(y, star):
    """Choose by data size: "isotonic" needs 1,000 light curves and 100 stars of either kind, "sigmoid" 10 stars.

    Isotonic regression beats the sigmoid from about 1,000 cases on (Niculescu-Mizil & Caruana 2005, ICML 22, 625).
    """
    y, star = np.asarray(y), np.asarray(star)
    rarer = min(len(set(star[y == kind])) for kind in (0, 1))
    if len(y) >= MANY_ROWS and rarer >= MANY_STARS:
        return "isotonic"
    return "sigmoid" if rarer >= FEW_STARS else "none"


def _log_odds(probability):
    return logit(np.clip(np.asarray(probability, float), 1e-7, 1 - 1e-7))


def _fit_sigmoid(probability, y):
    """Fit slope and intercept with Platt's softened targets (1999); the slope is kept above 0, so no rank turns."""
    odds, n = _log_odds(probability), np.bincount(y, minlength=2)
    target = np.where(y == 1, (n[1] + 1) / (n[1] + 2), 1 / (n[0] + 2))

    def loss(parameters):
        z = np.exp(parameters[0]) * odds + parameters[1]
        error = expit(z) - target
        value = np.logaddexp(0, z) - target * z
        return value.mean(), np.array([(error * odds).mean() * np.exp(parameters[0]), error.mean()])

    best = minimize(loss, [0.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(-5, 5), (None, None)])
    return float(np.exp(best.x[0])), float(best.x[1])
