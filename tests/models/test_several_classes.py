"""Classifiers of several classes: trained, judged and saved on the same path as those of two."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.models import calibration
from scope_nb.models.keras_classifier import KerasClassifier
from scope_nb.scores.evaluation import evaluate

FEATURES = ["wstd", "skew", "f1_power_ELS_ECE_EAOV"]


@pytest.fixture(scope="module")
def data(table):
    return Dataset.from_table(table, ["rrlyr", "non-variable"], features=FEATURES, derived=False, dmdt=False)


def three_units(shapes, units=3):
    import keras

    inputs = keras.Input(shapes["features"], name="features")
    return keras.Model(inputs, keras.layers.Dense(units, "softmax")(inputs))


BUILDERS = {
    "xgb": lambda: models.xgb(n_jobs=1, learning_rate=0.3),
    "forest": lambda: models.forest(n_estimators=30, n_jobs=1),
    "dnn": lambda: models.dnn(epochs=8, learning_rate=3e-3),
    "rnn": lambda: models.rnn(epochs=3, units=8, learning_rate=3e-3),
    "own network": lambda: KerasClassifier(three_units, epochs=20, learning_rate=0.03),
    "scikit-learn": lambda: make_pipeline(SimpleImputer(), LogisticRegression()),
    "xgboost": lambda: XGBClassifier(n_estimators=20, n_jobs=1),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_any_classifier_takes_several_classes(data, table, name, tmp_path):
    if name == "rnn":  # it reads dmdt
        data = Dataset.from_table(table, ["rrlyr", "non-variable"], features=FEATURES, derived=False)
    trained = models.fit(BUILDERS[name](), data)
    assert data.classes == ("rrlyr", "non-variable", "other") == tuple(trained.model.classes_)
    result = evaluate(trained, data)
    assert result.stats["macro_f1"] > 0.5 and list(result.counts) == list(data.classes)
    probability = trained.model.predict_proba(data.test.X)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    answer = np.array(data.classes)[probability.argmax(axis=1)]
    np.testing.assert_array_equal(trained.model.predict(data.test.X), answer)
    with pytest.raises(ValueError, match=r"a run is of one tag: .* models.save_model\(trained.model, folder\) keeps"):
        runs.save_run(tmp_path / "run", trained, result, data)
    models.save_model(trained.model, tmp_path)
    loaded = models.load_model(tmp_path, trusted=[f"{__name__}.three_units"])
    assert loaded.classes_.tolist() == list(data.classes)
    np.testing.assert_allclose(loaded.predict_proba(data.test.X), probability, atol=1e-6)


def test_a_star_is_judged_by_all_of_its_light_curves(data):
    trained = models.fit(BUILDERS["scikit-learn"](), data)
    test, names = data.test, [f"probability {name}" for name in data.classes]
    columns = pd.DataFrame(trained.model.predict_proba(test.X), columns=names)
    mean = columns.groupby(test.star).mean().loc[test.star].to_numpy()
    result = evaluate(trained, data)
    part = result.predictions[result.predictions["part"] == "test"]
    np.testing.assert_allclose(part[names], mean, atol=1e-5)
    truth, answer = (np.array(data.classes)[number] for number in (test.y, mean.argmax(axis=1)))
    assert result.stats["macro_f1"] == pytest.approx(f1_score(truth, answer, average="macro"))
    assert result.stats["log_loss"] == pytest.approx(log_loss(test.y, mean), abs=1e-5)
    apart = evaluate(trained, data, by_star=False).stats["log_loss"]
    assert apart == pytest.approx(log_loss(test.y, columns.to_numpy()), abs=1e-5)
    assert apart > result.stats["log_loss"]
    assert np.allclose(trained.unseen[names].sum(axis=1), 1) and set(trained.unseen["part"]) == {"val"}


def test_folds_of_several_classes_are_unseen(data):
    trained = models.fit(models.forest(n_estimators=10, n_jobs=1), data, folds=3, calibration="none")
    assert set(trained.unseen["part"]) == {"train", "val"} and len(trained.raw.models) == 3
    result = evaluate(trained, data, by_star=False).predictions
    names = [f"probability {name}" for name in data.classes]
    unseen = trained.unseen.set_index("row").loc[result.loc[result["part"] == "train", "row"], names]
    np.testing.assert_array_equal(result.loc[result["part"] == "train", names], unseen)
    with pytest.raises(ValueError, match="stars of the rarest kind"):
        models.fit(models.forest(), data, folds=1000)


def test_two_classes_by_a_list_are_those_of_the_tag(table):
    options = {"features": FEATURES, "derived": False, "dmdt": False}
    pair = Dataset.from_table(table, ["non-variable", "vnv"], **options)
    single = Dataset.from_table(table, "vnv", **options)
    assert pair.classes == ("non-variable", "vnv")
    one, two = (models.fit(models.xgb(n_jobs=1), data) for data in (single, pair))
    np.testing.assert_array_equal(one.model.predict_proba(single.X), two.model.predict_proba(pair.X))
    np.testing.assert_array_equal(one.unseen["probability"], two.unseen["probability vnv"])
    assert evaluate(two, pair).stats["n"] == evaluate(one, single).stats["test"]["n"]


def test_the_slope_of_calibration_is_scikit_learns_temperature(monkeypatch):
    rng = np.random.default_rng(2)
    truth = rng.dirichlet([0.7, 0.7, 0.7, 0.7], 4000)
    y = (truth.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    bent = truth**3 / (truth**3).sum(axis=1, keepdims=True)

    class Bent(DummyClassifier):
        def predict_proba(self, X):
            return X

    shifted = bent * [1, 1, 1, 5]  # as a model of balanced classes would have it
    shifted /= shifted.sum(axis=1, keepdims=True)
    model = calibration.Calibrated(Bent(), "sigmoid").fit(shifted, y)
    assert log_loss(y, model.predict_proba(shifted)) < log_loss(y, truth) + 0.01
    model = calibration.Calibrated(Bent(), "sigmoid").fit(bent, y)
    assert model.slope_ == pytest.approx(1 / 3, abs=0.02) and np.abs(model.intercept_).max() < 0.1
    np.testing.assert_allclose(model.predict_proba(bent), truth, atol=0.04)
    monkeypatch.setattr(calibration, "SHIFT", 1e-4)
    slope = calibration.Calibrated(Bent(), "sigmoid").fit(bent, y).slope_
    pytest.importorskip("sklearn", minversion="1.8")
    from sklearn.frozen import FrozenEstimator

    known = CalibratedClassifierCV(FrozenEstimator(Bent().fit(bent, y)), method="temperature").fit(bent, y)
    assert slope == pytest.approx(known.calibrated_classifiers_[0].calibrators[0].beta_, rel=5e-3)


def test_what_does_not_go_with_several_classes_is_refused(data, table):
    with pytest.raises(ValueError, match=r"ends in 2 units, but there are 3 classes: .*Dense\(3, activation=\"softmax"):
        models.fit(KerasClassifier(three_units, build_params={"units": 2}), data)
    single = Dataset.from_table(table, "rrlyr", features=FEATURES, derived=False, dmdt=False)
    with pytest.raises(ValueError, match=r"ends in 3 units, but there are 2 classes: .*Dense\(1, activation=\"sigmoid"):
        models.fit(KerasClassifier(three_units), single)
    with pytest.raises(ValueError, match="calibration 'isotonic' is for two classes"):
        models.fit(models.forest(n_estimators=3, n_jobs=1), data, calibration="isotonic")
    trained = models.fit(models.xgb(n_jobs=1), data)
    with pytest.raises(ValueError, match="several classes have no threshold"):
        evaluate(trained, data, threshold=0.5)
    with pytest.raises(ValueError, match="the model has 3 classes, but the data set has 2"):
        evaluate(trained, single)
    with pytest.raises(TypeError, match="SHAP values are those of a yes-or-no question"):
        models.shap_values(trained.raw, data.test.X)
