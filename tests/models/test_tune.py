import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.models.tuning import RANGES, tune_xgb


def test_tuning_starts_from_the_kits_and_scopes_settings_and_repeats(table):
    pytest.importorskip("optuna")
    data = Dataset.from_table(table, "rrlyr", dmdt=False)
    more = {"seed": 3, "trials": 4, "n_jobs": 1, "n_estimators": 20}
    params, scores = tune_xgb(data.train, data.val, 5, **more)
    again = tune_xgb(data.train, data.val, 5, **more)
    assert again[0] == params
    np.testing.assert_array_equal(again[1], scores)
    assert len(scores) == 4 and len(set(scores)) > 1
    scopes = {name: models.SCOPE_TREES[name] for name in RANGES}
    for chosen, expected in (({}, scores[0]), (scopes, scores[1]), (params, scores.max())):
        model = models.fit_model(models.xgb(seed=3, n_jobs=1, n_estimators=20, **chosen), data.train, data.val)
        p = model.predict_proba(data.val.X)[:, 1]
        assert average_precision_score(data.val.y, p) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no time for a single trial"):
        tune_xgb(data.train, data.val, 0)


def test_contributions_add_up_to_the_log_odds(table):
    data = Dataset.from_table(table, "rrlyr", dmdt=False)
    model = models.fit_model(models.xgb(n_jobs=1), data.train, data.val)
    found = models.shap_values(model, data.test.X)
    p = model.predict_proba(data.test.X)[:, 1]
    np.testing.assert_allclose(found.sum(axis=1), np.log(p / (1 - p)), atol=1e-4)
    assert found.drop(columns="bias").abs().mean().idxmax() == "f1_power_ELS_ECE_EAOV"
    with pytest.raises(TypeError, match="KerasClassifier is not"):
        models.shap_values(models.dnn(), data.test.X)


def test_some_rows_of_a_part_hold_both_classes(table):
    part = Dataset.from_table(table, "rrlyr", dmdt=False).train
    y = pd.Series(part.y, part.X.index)
    assert part.some(10**6).equals(part.X)
    assert (y[part.some(20).index].sum(), len(part.some(20))) == (10, 20)
    few = part.some(len(y) - 1)
    assert len(few) == len(y) - 1 and y[few.index].sum() == y.sum() and few.index.is_monotonic_increasing
    assert part.some(20).equals(part.some(20)) and not part.some(20).equals(part.some(20, seed=1))
