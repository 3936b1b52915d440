import copy
import os
import subprocess
import sys
import threading
import types
import warnings

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from scope_nb import models, runs
from scope_nb.dataset.columns import split_columns
from scope_nb.dataset.dataset import Dataset
from scope_nb.models import networks
from scope_nb.models.keras_classifier import KerasClassifier
from scope_nb.scores.evaluation import evaluate


def table(n, seed, dmdt=True):
    """The class follows from `period` and `amplitude`, through dmdt also from where its bright cell lies."""
    rng = np.random.default_rng(seed)
    period, amplitude = rng.normal(size=(2, n))
    y = (period + amplitude > 0.3).astype(int)
    X = pd.DataFrame({"period": 10**period, "amplitude": amplitude, "skew": rng.standard_cauchy(n) * 1e4})
    X.loc[rng.random(n) < 0.1, "amplitude"] = np.nan
    X["w1"] = np.nan
    if dmdt:
        image = rng.random((n, 26, 26), dtype=np.float32)
        image[np.arange(n), 20 * y, 5] += 10
        names = [f"dmdt_{i}_{j}" for i in range(26) for j in range(26)]
        X = pd.concat([X, pd.DataFrame(image.reshape(n, -1), columns=names)], axis=1)
    return X, y


def tiny_network(shapes, units=8):
    import keras

    layers = [keras.Input(shapes["features"], name="features"), keras.layers.Dense(units, "relu")]
    return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])


def image_network(shapes):
    import keras

    inputs = keras.Input(shapes["dmdt"], name="dmdt")
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(keras.layers.Flatten()(inputs)))


def nameless_network(shapes):
    import keras

    return keras.Sequential([keras.Input(shapes["features"]), keras.layers.Dense(1, "sigmoid")])


def tiny(**params):
    return KerasClassifier(tiny_network, **{"epochs": 30, "learning_rate": 0.01, **params})


@pytest.fixture(scope="module")
def data():
    return types.SimpleNamespace(train=table(600, 0), val=table(200, 1), test=table(400, 2))


@pytest.fixture(scope="module")
def fitted(data):
    """Both of the kit's models, trained with the validation part."""
    pair = {"xgb": models.xgb(n_jobs=1), "dnn": models.dnn(epochs=3, learning_rate=3e-3)}
    return {name: model.fit(*data.train, eval_set=[data.val]) for name, model in pair.items()}


def test_importing_the_modules_does_not_load_keras():
    code = "import sys, scope_nb.models; assert not {'keras', 'tensorflow', 'xgboost'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("model", [models.xgb(max_depth=2), models.dnn(dropout=0.1), tiny(seed=3)])
def test_clone_keeps_every_parameter(model):
    assert str(clone(model).get_params()) == str(model.get_params())


def test_parameters_override_defaults_and_unknown_ones_are_refused():
    parameters = models.xgb(eta=0.1, seed=7, subsample=1).estimator.get_params()
    assert (parameters["learning_rate"], parameters["subsample"]) == (0.1, 1)
    assert (parameters["random_state"], parameters["max_depth"]) == (7, 4)
    model = models.dnn(joint=8, epochs=5)
    assert (model.build_params, model.epochs) == ({"joint": 8}, 5)
    with pytest.raises(ValueError, match=r"'max_dept'; did you mean 'max_depth'"):
        models.xgb(max_dept=3)
    with pytest.raises(ValueError, match=r"'epoch'; did you mean 'epochs'"):
        models.dnn(epoch=3)


@pytest.mark.parametrize("name", ["xgb", "dnn"])
def test_models_learn_despite_gaps_and_outliers(fitted, data, name):
    X, y = data.test
    p = fitted[name].predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert roc_auc_score(y, p[:, 1]) > 0.9
    assert set(fitted[name].predict(X)) <= {0, 1}


@pytest.mark.parametrize("model", [models.xgb(n_jobs=1), tiny()])
def test_cross_val_score_without_eval_set(model):
    assert cross_val_score(model, *table(500, 0, dmdt=False), cv=2, scoring="roc_auc").min() > 0.85


@pytest.mark.parametrize("model", [models.xgb(n_jobs=1), models.dnn(epochs=2)])
def test_same_seed_same_probabilities(model, data):
    X, y = table(200, 3)
    first, second = (clone(model).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    seed = "seed" if isinstance(model, KerasClassifier) else "estimator__random_state"
    assert not np.array_equal(first, clone(model).set_params(**{seed: 1}).fit(X, y).predict_proba(X))


def test_xgb_sees_dmdt_when_asked(data):
    model = models.xgb(dmdt=True, n_jobs=1, n_estimators=5).fit(*data.train)
    assert model.feature_importances_[["dmdt_0_5", "dmdt_20_5"]].sum() > 0.5


def test_xgb_stops_on_the_eval_set_and_has_named_importances(fitted, data):
    booster = fitted["xgb"].estimator_
    assert booster.n_estimators == 999 > len(booster.evals_result()["validation_0"]["logloss"])
    p = fitted["xgb"].predict_proba(data.val[0])[:, 1]
    assert booster.best_score == pytest.approx(log_loss(data.val[1], p))
    importances = fitted["xgb"].feature_importances_
    assert list(importances.index) == ["period", "amplitude", "skew", "w1"]
    assert importances.idxmin() == "w1"


def test_dnn_restores_the_epoch_of_least_validation_loss(data):
    X, y = data.val
    flipped = [(X, 1 - y)]  # every step on the training rows makes this worse
    model = tiny(patience=2).fit(*data.train, eval_set=flipped)
    assert model.history_.index.name == "epoch" and len(model.history_) < 30
    p = model.predict_proba(X)[:, 1]
    loss = -np.mean(np.where(y == 1, np.log(1 - p), np.log(p)))
    assert model.history_.val_loss.min() == pytest.approx(loss, rel=1e-3)
    assert model.history_.val_loss.iloc[-1] > model.history_.val_loss.min()


@pytest.mark.parametrize("scaler", ["quantile", "robust", "min_max", "median_std", StandardScaler()])
def test_scaling_is_learned_from_training_rows_only(data, scaler):
    X, y = data.val
    poison = X + 1e12
    outputs = []
    for X_val in (X, poison):
        model = tiny(epochs=1, scaler=scaler).fit(*data.train, eval_set=[(X_val, y)])
        outputs.append(model.preprocessor_.transform(split_columns(X)[0]))
        assert np.isfinite(outputs[-1]).all()
    np.testing.assert_array_equal(*outputs)


def test_pipeline_transforms_the_eval_set_with_what_it_learned_from_training_rows(data):
    (X, y), (X_val, y_val) = data.train, data.val
    X, X_val = X[["period", "skew"]], X_val[["period", "skew"]]
    estimator = models.xgb(n_estimators=20, n_jobs=1).estimator
    pipeline = models.EvalSetPipeline(StandardScaler(), estimator).fit(X, y, eval_set=[(X_val, y_val)])
    np.testing.assert_allclose(pipeline.transformer_.mean_, X.mean())
    raw = models.EvalSetPipeline(models.DropColumns(), estimator).fit(X, y, eval_set=[(X_val, y_val)])
    scores = [model.estimator_.evals_result()["validation_0"]["logloss"] for model in (pipeline, raw)]
    np.testing.assert_allclose(*scores, atol=0.02)  # trees do not mind the scale if both sides share it


def test_scope_network_has_its_layers():
    network = networks.scope_network({"features": (70,), "dmdt": (26, 26, 1)})
    layers = {}
    for layer in network.layers:
        layers.setdefault(type(layer).__name__, []).append(layer)
    assert sorted(layer.units for layer in layers["Dense"]) == [1, 16, 32, 256]
    assert [layer.filters for layer in layers["SeparableConv2D"]] == [16, 16, 32, 32]
    assert sorted(layer.rate for layer in layers["Dropout"]) == [0.25, 0.25, 0.25, 0.4]
    assert [layer.pool_size for layer in layers["MaxPooling2D"]] == [(2, 2)]
    dense = 71 * 256 + 257 * 32
    convolutions = (9 + 16 + 16) + (144 + 256 + 16) + (144 + 512 + 32) + (288 + 1024 + 32)
    assert network.count_params() == dense + convolutions + 65 * 16 + 17
    alone = networks.scope_network({"features": (70,)})
    assert alone.count_params() == dense + 33 * 16 + 17


def test_the_quicker_network_has_scopes_branches_and_ends():
    network = networks.strided_network({"features": (70,), "dmdt": (26, 26, 1)})
    layers = {}
    for layer in network.layers:
        layers.setdefault(type(layer).__name__, []).append(layer)
    assert sorted(layer.units for layer in layers["Dense"]) == [1, 16, 32, 256]
    assert [(layer.filters, layer.strides) for layer in layers["Conv2D"]] == [(16, (2, 2)), (16, (1, 1)), (32, (1, 1))]
    assert network.count_params() == 71 * 256 + 257 * 32 + 160 + 16 * 145 + 32 * 145 + 65 * 16 + 17


def test_settings_tuned_per_tag_give_way_to_those_given():
    model = models.scope_dnn("sin")
    assert (model.batch_size, model.learning_rate) == (32, 0.01362)
    assert model.optimizer_params == {"amsgrad": True, "epsilon": 2.377e-9}
    assert models.scope_dnn("variable").batch_size == models.dnn().batch_size == 64
    mine = models.scope_dnn("sin", batch_size=8, optimizer_params={"amsgrad": False})
    assert (mine.build, mine.batch_size, mine.scaler) == (networks.scope_network, 8, "min_max")
    assert mine.optimizer_params == {"amsgrad": False, "epsilon": 2.377e-9}
    assert models.tuned_settings("artfct") == {}
    assert models.build("scope_dnn", "a label of one's own").scaler == "min_max"
    with pytest.raises(ValueError, match=r"unknown network 'scop'; did you mean 'scope'"):
        models.dnn(network="scop")


def test_network_on_dmdt_alone(data):
    model = KerasClassifier(image_network, epochs=8, learning_rate=0.01).fit(*data.train)
    assert roc_auc_score(data.test[1], model.predict_proba(data.test[0])[:, 1]) > 0.95
    with pytest.raises(ValueError, match=r"name them, as in keras.Input"):
        KerasClassifier(nameless_network).fit(*data.train)


def test_dmdt_rows_are_magnitudes_whatever_the_column_order():
    X, _ = table(3, 0)
    _, image = split_columns(X[X.columns[::-1]])
    assert image.shape == (3, 26, 26, 1)
    np.testing.assert_array_equal(image[:, 20, 5, 0], X["dmdt_20_5"])


@pytest.mark.parametrize("name", ["xgb", "dnn"])
def test_missing_columns_are_all_named_and_order_is_free(fitted, data, name):
    X, _ = data.test
    with pytest.raises(ValueError, match=r"lacks 2 columns.*: period, skew$"):
        fitted[name].predict_proba(X.drop(columns=["period", "skew"]))
    shuffled = X[X.columns[::-1]].assign(extra=1.0)
    np.testing.assert_array_equal(fitted[name].predict_proba(shuffled), fitted[name].predict_proba(X))


def test_a_dmdt_of_another_shape_is_refused(fitted, data):
    X = data.test[0].assign(**{f"dmdt_26_{k}": 0.0 for k in range(26)})
    with pytest.raises(ValueError, match=r"X has dmdt columns of 27 x 26, the model was fitted on 26 x 26"):
        fitted["dnn"].predict_proba(X)
    with pytest.raises(ValueError, match=r"lacks 677 columns .* on: skew, dmdt_0_0, ... dmdt_25_25$"):
        fitted["dnn"].predict_proba(data.test[0][["period", "amplitude", "w1"]])


@pytest.mark.parametrize("model", [models.xgb(n_jobs=1), tiny(epochs=2)])
def test_rows_of_weight_zero_do_not_matter(model):
    X, y = table(300, 0, dmdt=False)
    poisoned, flipped = pd.concat([X, X * 1e6], ignore_index=True), np.r_[y, 1 - y]
    weight = np.repeat([1.0, 0.0], 300)
    expected = clone(model).fit(X, y, sample_weight=np.ones(300)).predict_proba(X)
    np.testing.assert_array_equal(clone(model).fit(poisoned, flipped, weight).predict_proba(X), expected)
    uneven = clone(model).fit(X, y, sample_weight=np.where(y == 1, 10.0, 1.0)).predict_proba(X)
    assert uneven[:, 1].mean() > expected[:, 1].mean()


@pytest.mark.parametrize("how", ["fresh process", "deepcopy"])
def test_saved_and_copied_models_predict_the_same(fitted, data, how, tmp_path):
    X = data.test[0]
    expected = {name: model.predict_proba(X) for name, model in fitted.items()}
    if how == "deepcopy":
        found = {name: copy.deepcopy(model).predict_proba(X) for name, model in fitted.items()}
    else:
        X.to_parquet(tmp_path / "X.parquet")
        for name, model in fitted.items():
            assert models.save_model(model, tmp_path / name).parent == tmp_path / name
            assert len(os.listdir(tmp_path / name)) == 1
        code = (
            "import numpy, pandas; from scope_nb.models import load_model\n"
            "X = pandas.read_parquet('X.parquet')\n"
            "numpy.savez('p.npz', **{k: load_model(k).predict_proba(X) for k in ('xgb', 'dnn')})"
        )
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)
        found = np.load(tmp_path / "p.npz")
    for name in fitted:
        np.testing.assert_array_equal(found[name], expected[name])


def test_own_network_predicts_after_loading_but_asks_for_its_function(data, tmp_path):
    model = tiny(epochs=1).fit(*data.train)
    models.save_model(model, tmp_path)
    loaded = models.load_model(tmp_path)
    pd.testing.assert_frame_equal(loaded.history_, model.history_)
    np.testing.assert_array_equal(loaded.predict_proba(data.test[0]), model.predict_proba(data.test[0]))
    with pytest.raises(TypeError, match=r"'tiny_network'.*set_params\(build="):
        loaded.fit(*data.train)
    assert model.build is tiny_network
    folds = models.Mean([model, model])
    models.save_model(folds, tmp_path)
    np.testing.assert_allclose(
        models.load_model(tmp_path).predict_proba(data.test[0]), model.predict_proba(data.test[0])
    )
    assert folds.models[0].build is tiny_network


@pytest.mark.parametrize(("branches", "seen"), [(["conv"], {"dmdt"}), (["dense"], {"features"})])
def test_a_branch_can_be_left_out(data, branches, seen):
    for network in ("strided", "scope"):
        model = models.dnn(network=network, branches=branches, epochs=1).fit(*data.train)
        assert {tensor.name for tensor in model.network_.inputs} == seen
    with pytest.raises(ValueError, match="looks at dmdt, but X has features"):
        models.dnn(branches=["conv"], epochs=1).fit(data.train[0][["period", "skew"]], data.train[1])


@pytest.mark.parametrize("calibrated", [False, True])
def test_training_goes_on_from_a_saved_network(data, tmp_path, calibrated):
    first = tiny(epochs=8).fit(*data.train, eval_set=[data.val])
    saved = models.Calibrated(first, "sigmoid").fit(*data.val) if calibrated else first
    models.save_model(saved, tmp_path)
    again = tiny(epochs=1, learning_rate=1e-9, start_from=tmp_path).fit(*table(600, 5), eval_set=[data.val])
    np.testing.assert_allclose(again.predict_proba(data.test[0]), first.predict_proba(data.test[0]), atol=1e-5)
    further = tiny(epochs=3, start_from=tmp_path).fit(*data.train, eval_set=[data.val])
    models.save_model(further, tmp_path / "further")
    assert models.load_model(tmp_path / "further").start_from == str(tmp_path)
    assert further.history_.val_loss.min() < first.history_.val_loss.min() + 0.02 < first.history_.val_loss[1]


def test_training_goes_on_only_with_the_same_columns_and_layers(data, tmp_path):
    (X, y), part = data.train, ["period", "skew"]
    models.save_model(tiny(epochs=1).fit(X[part], y), tmp_path / "run" / "model")
    with pytest.raises(ValueError, match=r"Only there: skew; only here: amplitude$"):
        tiny(start_from=models.model_folder(tmp_path / "run")).fit(X[["period", "amplitude"]], y)
    with pytest.raises(ValueError, match=r"other layers, with weights \[\(2, 8\)"):
        tiny(build_params={"units": 3}, start_from=tmp_path / "run" / "model").fit(X[part], y)
    models.save_model(models.xgb(n_jobs=1, n_estimators=2).fit(X, y), tmp_path / "trees")
    with pytest.raises(ValueError, match=r"holds a EvalSetPipeline; training can only go on from a network"):
        tiny(start_from=tmp_path / "trees").fit(X, y)
    with pytest.raises(FileNotFoundError, match=r"no saved model 'a/dnn/e'; runs with one: none"):
        models.model_folder("a/dnn/e", tmp_path)


def test_code_inside_a_saved_network_is_refused(data, tmp_path):
    def with_code(shapes):
        import keras

        layers = [keras.Input(shapes["features"], name="features"), keras.layers.Lambda(lambda x: 2 * x)]
        return keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])

    model = KerasClassifier(with_code, epochs=1).fit(*data.train, eval_set=[data.val])
    with pytest.raises(ValueError, match=r"Lambda"):
        models.save_model(model, tmp_path)
    assert not list(tmp_path.iterdir())


class Foreign(LogisticRegression):
    pass


def test_foreign_types_are_named_and_can_be_trusted(tmp_path):
    X, y = table(50, 0, dmdt=False)
    with pytest.warns(UserWarning, match=rf"are not loaded unasked: pass trusted=\['{__name__}.Foreign'\]"):
        models.save_model(Foreign().fit(X[["period"]], y), tmp_path)
    with pytest.raises(ValueError, match=rf"{__name__}.Foreign.*trusted="):
        models.load_model(tmp_path)
    assert isinstance(models.load_model(tmp_path, trusted=[f"{__name__}.Foreign"]), Foreign)


class Locked(DummyClassifier):
    """Holds what nothing can write."""

    def fit(self, X, y):
        self.lock_ = threading.Lock()
        return super().fit(X, y)


def test_a_model_that_cannot_be_written_costs_its_file_and_not_its_run(table, tmp_path):
    data = Dataset.from_table(table, "e", dmdt=False)
    model = models.fit_model(Locked(), data.train, data.val)
    evaluation = evaluate(model, data)
    with pytest.warns(UserWarning, match=r"saved without its model, .* cannot pickle '_thread.lock' object"):
        folder = runs.save_run(tmp_path / "g/locked/e", model, evaluation, data)
    assert sorted(path.name for path in folder.iterdir()) == ["predictions.parquet", "provenance.json", "stats.json"]
    assert "_thread.lock" in runs.load_run(folder).record["model_not_saved"]


def test_fit_passes_only_what_the_model_takes():
    part = types.SimpleNamespace
    train = part(X=table(300, 0, dmdt=False)[0][["period", "skew"]], y=table(300, 0)[1], weight=None)
    val = part(X=train.X[:60], y=train.y[:60], weight=None)
    weighted = part(X=train.X, y=train.y, weight=pd.Series(1.0 + train.y, index=train.X.index[::-1]))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert models.fit_model(LogisticRegression(), weighted, val).classes_.tolist() == [0, 1]
        models.fit_model(KNeighborsClassifier(), train, val)
        models.fit_model(make_pipeline(StandardScaler(), LogisticRegression()), weighted, val)
    with pytest.warns(UserWarning, match=r"KNeighborsClassifier.fit takes no sample_weight"):
        models.fit_model(KNeighborsClassifier(), weighted, val)
    searched = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]})
    with pytest.warns(UserWarning, match="GridSearchCV takes no sample_weight"):
        models.fit_model(searched, weighted, val)
    stacked = StackingClassifier([("one", LogisticRegression()), ("two", KNeighborsClassifier())])
    assert models.fit_model(stacked, train, val).predict_proba(val.X).shape == (60, 2)
    pipeline = models.EvalSetPipeline(StandardScaler(), LogisticRegression())
    inside = models.fit_model(pipeline, weighted, val).predict_proba(val.X)
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    np.testing.assert_allclose(inside, models.fit_model(plain, weighted).predict_proba(val.X))
    assert list(pipeline.estimator_.feature_names_in_) == ["period", "skew"]
    assert not hasattr(pipeline, "feature_importances_")


@pytest.mark.parametrize("name", sorted(set(models.BUILDERS) - {"scope"}))
def test_a_model_of_ones_own_has_a_name_of_its_own(name):
    settings = {"tag": "vnv", "seed": 3, "settings": {"xgb": {"max_depth": 5}, "dnn": {"epochs": 7}, "rnn": {}}}
    kit = models.build(name, **settings)
    assert models.name_run(kit, name, **settings) == name
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=2))
    assert models.name_run(pipeline, name, **settings) == "LogisticRegression"
    assert models.name_run(pipeline, "mine", **settings) == "mine"
    assert models.name_run(XGBClassifier(max_depth=2), name, **settings) == "XGBClassifier"
    assert models.name_run(models.xgb(max_depth=2), name, **settings) == "XGBClassifier"
    assert models.name_run(tiny(), name, **settings) == "tiny_network"
    assert models.name_run(models.dnn(epochs=8, verbose=1), name, **settings) == "strided_network"


def test_what_a_kind_of_model_looks_at():
    curves = object()
    assert models.choose_inputs("xgb", curves) == {"dmdt": False, "light_curves": None}
    assert models.choose_inputs("xgb+forest", curves) == {"dmdt": False, "light_curves": None}
    assert models.choose_inputs("dnn", curves) == {"dmdt": None, "light_curves": None}
    assert models.choose_inputs("rnn", curves) == {"dmdt": False, "light_curves": curves}
    assert models.choose_inputs("rnn") == {"dmdt": None, "light_curves": None}
    assert models.choose_inputs("dnn+rnn", curves) == {"dmdt": None, "light_curves": curves}
    assert models.choose_inputs("mine", curves) == {"dmdt": False, "light_curves": curves}


def test_only_what_can_be_built_is_built():
    with pytest.raises(ValueError, match="unknown algorithm 'xgboost'; did you mean 'xgb'"):
        models.build("xgboost")
    with pytest.raises(ValueError, match="start_from is for dnn, rnn, scope_dnn: xgb cannot go on"):
        models.build("xgb", start_from="sample/xgb/vnv")
    assert models.build("xgb+forest") is None


def test_a_pipeline_that_ends_in_a_stack_is_trained(data):
    X, y = data.train[0][["period", "skew"]], data.train[1]
    part = types.SimpleNamespace(X=X, y=y, weight=None)
    stack = StackingClassifier([("one", LogisticRegression()), ("two", KNeighborsClassifier())])
    assert models.fit_model(make_pipeline(StandardScaler(), stack), part, part).predict_proba(X).shape == (600, 2)


def test_a_forest_is_scikit_learns_and_round_trips(data, tmp_path):
    train, val = (types.SimpleNamespace(X=X.copy(), y=y, weight=None) for X, y in (data.train, data.val))
    train.X.iloc[:40, 0] = np.nan  # gaps need no imputation
    model = models.fit_model(models.forest(n_estimators=20, seed=3), train, val)
    columns = models.DropColumns().fit(train.X).columns_
    plain = ExtraTreesClassifier(20, min_samples_leaf=2, max_features=0.5, random_state=3).fit(
        train.X[columns], train.y
    )
    np.testing.assert_allclose(model.predict_proba(val.X), plain.predict_proba(val.X[columns]))
    models.save_model(model, tmp_path)
    np.testing.assert_allclose(models.load_model(tmp_path).predict_proba(val.X), model.predict_proba(val.X))
    with pytest.raises(ValueError, match="did you mean 'n_estimators'"):
        models.forest(n_estimator=5)


def test_lightgbm_in_a_pipeline_stops_early_and_round_trips(data, tmp_path, capsys):
    estimator = LGBMClassifier(n_estimators=500, early_stopping_rounds=5, n_jobs=1, verbose=-1)
    columns = models.xgb().transformer
    train, val = (types.SimpleNamespace(X=X, y=y, weight=None) for X, y in (data.train, data.val))
    model = models.fit_model(models.EvalSetPipeline(columns, estimator), train, val)
    assert 0 < model.estimator_.best_iteration_ < 500
    assert model.feature_importances_.idxmax() in {"period", "amplitude"}
    models.save_model(model, tmp_path)
    p = models.load_model(tmp_path).predict_proba(data.test[0])
    np.testing.assert_array_equal(p, model.predict_proba(data.test[0]))
    models.fit_model(models.xgb(n_jobs=1), train, val)
    assert capsys.readouterr().out == ""
