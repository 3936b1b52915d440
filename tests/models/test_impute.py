import numpy as np
import pandas as pd
import pytest
from sklearn.impute import KNNImputer

from scope_nb import models
from scope_nb.models.preprocessing import ScopeImputer

REGRESS = ["AllWISE__w1mpro", "AllWISE__w2mpro", "PS1_DR1__gMeanPSFMag"]
COLUMNS = [*REGRESS, "PS1_DR1__gMeanPSFMagErr", "n_ztf_alerts", "f1_power_ELS"]


@pytest.fixture
def gaps():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 6)), columns=COLUMNS)
    return X.mask(rng.random(X.shape) < 0.2)


def test_each_feature_is_filled_in_scopes_way(gaps):
    X = gaps.assign(dmdt_0_0=1.0)
    found = ScopeImputer().fit(X.iloc[:200]).transform(X)
    assert list(found) == COLUMNS
    expected = KNNImputer(n_neighbors=5).fit(gaps[REGRESS].iloc[:200].to_numpy()).transform(gaps[REGRESS].to_numpy())
    # the rows are kept in random order: among equally near neighbours another one may come first
    np.testing.assert_allclose(found[REGRESS], expected)
    assert (found["n_ztf_alerts"][gaps["n_ztf_alerts"].isna()] == 0).all()
    for name in COLUMNS[3:4] + COLUMNS[5:]:
        assert (found[name][gaps[name].isna()] == gaps[name].iloc[:200].median()).all()
    assert ScopeImputer(most=50).fit(gaps).transform(gaps).notna().all(axis=None)
    with pytest.raises(ValueError, match=r"lacks 1 columns.*f1_power_ELS"):
        ScopeImputer().fit(gaps).transform(gaps.drop(columns="f1_power_ELS"))


@pytest.mark.parametrize("make", [models.xgb, models.dnn])
def test_models_impute_and_come_back(gaps, make, tmp_path):
    y = (gaps["AllWISE__w1mpro"].fillna(0) > 0).astype(int)
    more = {"n_jobs": 1} if make is models.xgb else {"epochs": 2}
    model = make(impute="scope", **more).fit(gaps, y)
    models.save_model(model, tmp_path)
    np.testing.assert_array_equal(models.load_model(tmp_path).predict_proba(gaps), model.predict_proba(gaps))
    with pytest.raises(ValueError, match="impute"):
        make(impute="mode", **more).fit(gaps, y)
