"""Calibration: what is bent is mended, and how is chosen by the size of the data."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scope_nb.models import calibration as calibrate
from scope_nb.scores.metrics import compute_scores


def test_calibration_repairs_what_was_bent():
    rng = np.random.default_rng(1)
    truth = rng.random(6000)
    y = (rng.random(6000) < truth).astype(int)
    bent = truth**3 / (truth**3 + (1 - truth) ** 3)  # log odds three times too large: overconfident

    class Bent(LogisticRegression):
        def predict_proba(self, X):
            return np.column_stack([1 - X, X])

    for method, atol in (("sigmoid", 0.03), ("isotonic", 0.12)):
        model = calibrate.Calibrated(Bent(), method).fit(bent[:3000], y[:3000])
        p = model.predict_proba(bent[3000:])[:, 1]
        assert np.abs(p - truth[3000:]).max() < atol
        assert compute_scores(y[3000:], p)["log_loss"] < compute_scores(y[3000:], bent[3000:])["log_loss"]
        order = np.argsort(bent[3000:])
        assert (np.diff(p[order]) >= 0).all()
        assert p.min() > 0
        assert p.max() < 1
    assert model.predict_proba(np.array([0.0, 1.0])).sum() == pytest.approx(2)


def test_calibration_is_chosen_by_data_size():
    star = np.arange(2000)
    assert calibrate.choose_method(star % 2, star) == "isotonic"
    assert calibrate.choose_method(star % 50 == 0, star) == "sigmoid"
    assert calibrate.choose_method(star % 2, star % 12) == "none"
