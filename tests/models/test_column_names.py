"""Names of columns that trees refuse: the kit's models take them, models of one's own name them."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import Dataset, fit, models, plots
from scope_nb.models import shap_values
from scope_nb.models.fitting import named_importances

NAMES = ["p[5]", "p[5", "p<5", 'a,b:{"c"}', "p_5_", "f0"]  # what trees refuse, and what else could be called so


@pytest.fixture(scope="module")
def odd(table):
    """The table with features of one's own that alone tell the labels apart, and have odd names."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(len(table), len(NAMES)))
    values[:, 0] += 3 * table["RR Lyrae"]
    return pd.concat([table, pd.DataFrame(values, columns=NAMES)], axis=1)


@pytest.mark.parametrize("make", [models.xgb, models.forest])
@pytest.mark.parametrize("folds", [1, 2])
def test_any_name_of_a_column_will_do(odd, make, folds, tmp_path):
    dataset = Dataset.read(odd, "rrlyr", features=[*NAMES, "wstd"], dmdt=False)
    trained = fit(make(n_jobs=1, n_estimators=20), dataset, folds=folds)
    expected = trained.model.predict_proba(dataset.test.X)
    models.save_model(trained.model, tmp_path)
    loaded = models.load_model(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(dataset.test.X), expected)
    importances = named_importances(trained.raw)
    assert list(importances.index) == list(dataset.X) and importances.idxmax() == "p[5]"
    if make is models.xgb:
        contributions = shap_values(loaded.model, dataset.test.X)
        assert list(contributions) == [*dataset.X, "bias"]
        assert contributions.abs().mean().drop("bias").idxmax() == "p[5]"
        assert set(plots.model_figures(trained, dataset.test.X)) == {"model", "shap"}


@pytest.mark.parametrize(
    ("module", "name", "settings"),
    [("lightgbm", "LGBMClassifier", {"verbose": -1}), ("xgboost", "XGBClassifier", {})],
)
def test_models_of_ones_own_that_refuse_a_name_name_it(odd, module, name, settings):
    model = getattr(pytest.importorskip(module), name)(n_estimators=2, n_jobs=1, **settings)
    dataset = Dataset.read(odd, "rrlyr", features=NAMES, dmdt=False)
    with pytest.raises(ValueError, match=rf"{name} refuses .* names of columns: p\[5\], .*'p\[5\]': 'p_5_'"):
        fit(model, dataset)
