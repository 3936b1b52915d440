"""Calibration: probabilities that mean what they say, learned from light curves that the classifier has not seen."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression

from ..taxonomy import unknown

METHODS = ("auto", "isotonic", "sigmoid", "none")
FEW_STARS = 10  # fewer stars of the rarer kind than this teach nothing
MANY_STARS = 100  # of the rarer kind, and
MANY_ROWS = 1000  # light curves in all: below them isotonic regression follows the noise
SHIFT = 0.5  # how far the intercept of a class usually is from 0, in natural logarithms


class ProbabilityClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of which `predict` names the most probable class."""

    def predict(self, X):
        """Return the class of each row, as an array (n,)."""
        return np.asarray(self.classes_)[self.predict_proba(X).argmax(axis=1)]


class Calibrated(ProbabilityClassifier):
    """A fitted classifier whose probabilities go through a rising function.

    scikit-learn's `CalibratedClassifierCV` wants the light curves to calibrate on, not probabilities that folds have
    given them already; its isotonic regression calls things impossible, and its sigmoid may turn the order around.

    `method` is "isotonic", isotonic regression (`isotonic_`), or "sigmoid", a logistic function of the log odds, which
    keeps every rank (`slope_`, `intercept_`). Of more than two classes, "sigmoid" is the softmax of the logarithms of
    the probabilities times a slope, plus an intercept for each class. `classes` are names of the classes instead of
    those that the classifier has.
    """

    classes = None  # of models saved before there was this parameter

    def __init__(self, model, method="sigmoid", classes=None):
        self.model = model
        self.method = method
        self.classes = classes

    def fit(self, X, y):
        """Learn the function from light curves that the classifier was not fitted on."""
        return self.learn(self.model.predict_proba(X), y)

    def learn(self, probability, y):
        """Learn the function from probabilities, shape (n, number of classes), that the classifier gave to light curves
        it was not fitted on, and the number of the class of each, from 0."""
        y = np.asarray(y)
        if self.method == "none":
            return self
        if probability.shape[1] > 2:
            if self.method != "sigmoid":
                raise ValueError(f"calibration {self.method!r} is for two classes; for more use 'sigmoid'")
            self.slope_, self.intercept_ = _fit_softmax(probability, y)
            return self
        probability = probability[:, 1]
        if self.method == "isotonic":
            edge = 1 / (len(y) + 2)  # n light curves cannot show that something is impossible
            self.isotonic_ = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(probability, y)
        elif self.method == "sigmoid":
            self.slope_, self.intercept_ = _fit_sigmoid(probability, y)
        else:
            raise unknown("calibration", self.method, METHODS)
        return self

    def transform(self, probability):
        """Return calibrated probabilities for those of the classifier, both of shape (n, number of classes)."""
        if self.method == "none":
            return probability
        if probability.shape[1] > 2:
            return softmax(self.slope_ * _log(probability) + self.intercept_, axis=1)
        if self.method == "isotonic":
            positive = self.isotonic_.predict(probability[:, 1])
        else:
            positive = expit(self.slope_ * _log_odds(probability[:, 1]) + self.intercept_)
        return np.column_stack([1 - positive, positive])

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, number of classes)."""
        return self.transform(self.model.predict_proba(X))

    @property
    def classes_(self):
        return self.model.classes_ if self.classes is None else np.array(self.classes)

    @property
    def feature_importances_(self):
        return self.model.feature_importances_


def choose_method(y, star):
    """Choose by data size: "isotonic" needs 1,000 light curves and 100 stars of either kind, "sigmoid" 10 stars.

    Isotonic regression beats the sigmoid from about 1,000 cases on (Niculescu-Mizil & Caruana 2005, ICML 22, 625). For
    more than two classes it is always "sigmoid".
    """
    y, star = np.asarray(y), np.asarray(star)
    if y.max() > 1:
        return "sigmoid"
    rarer = min(len(set(star[y == kind])) for kind in (0, 1))
    if len(y) >= MANY_ROWS and rarer >= MANY_STARS:
        return "isotonic"
    return "sigmoid" if rarer >= FEW_STARS else "none"


def _log_odds(probability):
    return logit(np.clip(np.asarray(probability, float), 1e-7, 1 - 1e-7))


def _log(probability):
    return np.log(np.clip(np.asarray(probability, float), 1e-7, 1))


def _fit_softmax(probability, y):
    """Fit a slope above 0 and an intercept for each class; these have a normal prior of width `SHIFT`."""
    logs, right = _log(probability), np.eye(probability.shape[1])[y]

    def loss(parameters):
        slope, intercept = np.exp(parameters[0]), parameters[1:]
        shares = log_softmax(slope * logs + intercept, axis=1)
        error = np.exp(shares) - right
        value = -shares[right == 1].sum() + (intercept**2).sum() / (2 * SHIFT**2)
        return value, np.r_[slope * (error * logs).sum(), error.sum(axis=0) + intercept / SHIFT**2]

    start = np.zeros(1 + len(right[0]))
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-5, 5)] + [(None, None)] * len(right[0])).x
    return float(np.exp(best[0])), best[1:]


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
