"""Calibration: probabilities that mean what they say, learned from the validation part."""

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


class Calibrated(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities go through a rising function.

    What the classifier has learned (`feature_importances_`, `history_`, ...) is found here as well.

    Parameters
    ----------
    model : classifier
        Fitted.
    method : {"isotonic", "sigmoid"}
        Isotonic regression; or a logistic function of the log odds, which keeps every rank.

    Attributes
    ----------
    isotonic_ : sklearn.isotonic.IsotonicRegression
    slope_, intercept_ : float
        Of the log odds.
    """

    def __init__(self, model, method="sigmoid"):
        self.model = model
        self.method = method

    def fit(self, X, y):
        """Learn the function from light curves that the classifier was not fitted on."""
        return self.learn(self.model.predict_proba(X)[:, 1], y)

    def learn(self, raw, y):
        """Learn the function from probabilities that the classifier gave to light curves it was not fitted on."""
        if self.method not in ("isotonic", "sigmoid"):
            raise unknown("calibration", self.method, ("isotonic", "sigmoid"))
        y = np.asarray(y)
        if self.method == "isotonic":
            edge = 1 / (len(y) + 2)  # n light curves cannot tell that something is impossible
            self.isotonic_ = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(raw, y)
        else:
            self.slope_, self.intercept_ = _sigmoid(raw, y)
        return self

    def predict_proba(self, X):
        """Probability of each class, shape (n, 2)."""
        positive = self._raised(self.model.predict_proba(X)[:, 1])
        return np.column_stack([1 - positive, positive])

    def _raised(self, raw):
        if self.method == "isotonic":
            return self.isotonic_.predict(raw)
        return expit(self.slope_ * _log_odds(raw) + self.intercept_)

    @property
    def unseen_(self):
        """What `Folds` know of light curves that they have not seen, calibrated."""
        known = self.model.unseen_
        return known | {"probability": self._raised(known["probability"])}

    def predict(self, X):
        """The class of each row at a probability of 0.5."""
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]

    def __getattr__(self, name):
        if name.startswith("_") or not name.endswith("_"):  # only what was learned
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.model, name)


def _log_odds(probability):
    return logit(np.clip(np.asarray(probability, float), 1e-7, 1 - 1e-7))


def _sigmoid(raw, y):
    """Fit slope and intercept with Platt's softened targets (1999); the slope is kept above 0, so no rank turns."""
    odds, n = _log_odds(raw), np.bincount(y, minlength=2)
    target = np.where(y == 1, (n[1] + 1) / (n[1] + 2), 1 / (n[0] + 2))

    def loss(parameters):
        z = np.exp(parameters[0]) * odds + parameters[1]
        error = expit(z) - target
        value = np.logaddexp(0, z) - target * z
        return value.mean(), np.array([(error * odds).mean() * np.exp(parameters[0]), error.mean()])

    found = minimize(loss, [0.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(-5, 5), (None, None)])
    return float(np.exp(found.x[0])), float(found.x[1])


def calibrate(model, part, method="auto"):
    """Return a fitted classifier with calibrated probabilities.

    Parameters
    ----------
    model : classifier
        Fitted on other light curves.
    part : Part
        The validation part, with the natural share of positives; `Folds` use all light curves that they were fitted on.
    method : {"auto", "isotonic", "sigmoid", "none"}
        "auto" decides by the size of `part`: see `choose_method`.

    Returns
    -------
    Calibrated, or `model` itself where nothing is calibrated
    """
    if method not in METHODS:
        raise unknown("calibration", method, METHODS)
    unseen = getattr(model, "unseen_", None)
    y = part.y if unseen is None else unseen["y"]
    if method == "auto":
        method = choose_method(y, part.star if unseen is None else unseen["star"])
    if method == "none":
        return model
    raw = model.predict_proba(part.X)[:, 1] if unseen is None else unseen["probability"]
    return Calibrated(model, method).learn(raw, y)


def choose_method(y, star):
    """Choose by data size: "isotonic" needs 1,000 light curves and 100 stars of either kind, "sigmoid" 10 stars.

    Isotonic regression beats the sigmoid from about 1,000 cases on (Niculescu-Mizil & Caruana 2005, ICML 22, 625).
    """
    y, star = np.asarray(y), np.asarray(star)
    rarer = min(len(set(star[y == kind])) for kind in (0, 1))
    if len(y) >= MANY_ROWS and rarer >= MANY_STARS:
        return "isotonic"
    return "sigmoid" if rarer >= FEW_STARS else "none"
