"""Models of others and of one's own: saved, loaded with the trust that they need, or missed with the reason."""

import subprocess
import sys
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest
import sklearn.utils._testing
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.runs import ensemble
from scope_nb.scores.evaluation import evaluate


class Centred(TransformerMixin, BaseEstimator):
    """A transformer of one's own; as a table of pandas, what it learns cannot be written."""

    def __init__(self, as_table=False):
        self.as_table = as_table

    def fit(self, X, y=None):
        self.mean_ = X.mean() if self.as_table else X.mean().to_numpy()
        return self

    def transform(self, X):
        return X - np.asarray(self.mean_)


def own(as_table=False):
    return make_pipeline(Centred(as_table), SimpleImputer(), LogisticRegression())


@pytest.fixture(scope="module")
def data(table):
    return Dataset.from_table(table, "rrlyr", features=["wstd", "f1_power_ELS_ECE_EAOV"], derived=False, dmdt=False)


def catboost():
    return pytest.importorskip("catboost").CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False)


def boosted_forest():
    return pytest.importorskip("xgboost").XGBRFClassifier(n_estimators=5, n_jobs=1)


@pytest.mark.parametrize("make", [catboost, boosted_forest])
def test_boosted_trees_of_others_are_loaded_unasked(data, tmp_path, make):
    trained = models.fit(make_pipeline(SimpleImputer(), make()), data, calibration="sigmoid")
    runs.save_run(tmp_path / "g/mine/rrlyr", trained, evaluate(trained, data), data)  # a warning would be an error
    again = models.load_model(tmp_path / "g/mine/rrlyr/model")
    np.testing.assert_array_equal(again.predict_proba(data.X), trained.model.predict_proba(data.X))
    assert "=5" in runs.load_run("g/mine/rrlyr", tmp_path).record["model"]  # the settings are kept as well


def balanced_forest():
    forests = pytest.importorskip("imblearn.ensemble")
    return make_pipeline(SimpleImputer(), forests.BalancedRandomForestClassifier(5, random_state=0))


@pytest.mark.parametrize("make", [own, balanced_forest])
def test_foreign_types_are_named_when_saved_and_trusted_wherever_a_model_is_loaded(data, table, tmp_path, make):
    model = make().fit(data.train.X, data.train.y)
    for name in ("a", "b"):
        with pytest.warns(UserWarning, match="are not loaded unasked: pass trusted="):
            runs.save_run(tmp_path / f"g/{name}/rrlyr", model, evaluate(model, data), data)
    trusted = runs.load_run("g/a/rrlyr", tmp_path).record["types_to_trust"]
    assert trusted and not any(name.startswith("sklearn.") for name in trusted)
    members = ["g/a/rrlyr", "g/b/rrlyr"]
    for load in (
        lambda **trust: models.load_model(tmp_path / "g/a/rrlyr/model", **trust),
        lambda **trust: runs.apply_run("g/a/rrlyr", table, tmp_path, **trust),
        lambda **trust: ensemble.average(members, tmp_path, **trust),
    ):
        with pytest.raises(ValueError, match="could run code of their own") as refused:
            load()
        assert f"pass trusted={trusted}" in str(refused.value)
        load(trusted=trusted)
    with pytest.warns(UserWarning, match="are not loaded unasked"):
        mean = ensemble.average_all(["a", "b"], "g", tmp_path, trusted)[0]
    probability = runs.apply_run(mean, table, trusted=trusted)["probability"]
    expected = mean.evaluation.predictions["probability"]
    np.testing.assert_allclose(probability.iloc[mean.evaluation.predictions["row"]], expected)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (own(as_table=True), "__reduce__"),
        (make_pipeline(FunctionTransformer(lambda X: X), SimpleImputer(), LogisticRegression()), "<lambda>"),
    ],
    ids=["table", "lambda"],
)
def test_a_model_that_cannot_be_read_back_is_missed_when_saved_and_the_reason_kept(
    data, table, tmp_path, model, reason
):
    model = model.fit(data.train.X, data.train.y)
    with pytest.warns(UserWarning, match=rf"the run is saved without its model.*{reason}"):
        runs.save_run(tmp_path / "g/a/rrlyr", model, evaluate(model, data), data)
    plain = make_pipeline(SimpleImputer(), LogisticRegression()).fit(data.train.X, data.train.y)
    runs.save_run(tmp_path / "g/b/rrlyr", plain, evaluate(plain, data), data)
    ensemble.average_all(["a", "b"], "g", tmp_path)
    for name, text in (("a", reason), ("a+b", "one of the runs that it is the mean of has none")):
        for load in (
            lambda name=name: runs.apply_run(f"g/{name}/rrlyr", table, tmp_path),
            lambda name=name: models.load_model(tmp_path / f"g/{name}/rrlyr/model"),
            lambda name=name: models.model_folder(f"g/{name}/rrlyr", tmp_path),
        ):
            with pytest.raises(FileNotFoundError, match=rf"rrlyr was saved without its model: .*{text}"):
                load()


def test_a_class_of_a_notebook_must_be_defined_again(tmp_path):
    code = (
        "from sklearn.dummy import DummyClassifier\n"
        "class Mine(DummyClassifier): pass\n"
        "from scope_nb.models import save_model\n"
        "save_model(Mine().fit([[0.0], [1.0]], [0, 1]), '.')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, encoding="utf-8")
    assert "trusted=['__main__.Mine']" in done.stderr and "must be defined there too" in done.stderr
    with pytest.raises(ValueError, match=r"model\.skops holds what is not defined here: .*Mine"):
        models.load_model(tmp_path, trusted=["__main__.Mine"])


def test_a_damaged_model_file_is_named(tmp_path):
    (tmp_path / "model.skops").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"model\.skops is damaged"):
        models.load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no model in .*nothing"):
        models.load_model(tmp_path / "nothing")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "model.skops", compression="zip")
    with pytest.raises(ValueError, match=r"model\.skops is damaged"):
        models.load_model(tmp_path)


def test_a_model_file_runs_no_function_of_a_trusted_library(tmp_path):
    """The name of a function of scikit-learn that runs a command is no reason to trust it."""
    command = FunctionTransformer(func=sklearn.utils._testing.check_output)
    skops.io.dump(make_pipeline(command, LogisticRegression()), tmp_path / "model.skops")
    with pytest.raises(ValueError, match=r"could run code of their own: .*check_output"):
        models.load_model(tmp_path)


@pytest.mark.parametrize(
    "model", [models.xgb(n_estimators=3), models.forest(n_estimators=3), HistGradientBoostingClassifier(max_iter=3)]
)
def test_models_of_the_kit_and_of_scikit_learn_are_loaded_unasked(model, tmp_path):
    X, y = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=list("abcd")), np.arange(60) % 2
    model.fit(X, y)
    models.save_model(model, tmp_path)
    np.testing.assert_array_equal(models.load_model(tmp_path).predict_proba(X), model.predict_proba(X))


def test_a_model_file_that_would_fill_the_memory_is_refused(tmp_path):
    with ZipFile(tmp_path / "model.skops", "w", ZIP_DEFLATED) as archive, archive.open("schema.json", "w") as member:
        for _ in range(300):
            member.write(bytes(1_000_000))
    assert (tmp_path / "model.skops").stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=r"is damaged: ValueError: unpacked it would have 300,000,000 bytes"):
        models.load_model(tmp_path)


def test_flipped_bits_of_a_model_file_are_errors_or_harmless(tmp_path):
    X, y = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 4)), columns=list("abcd")), np.arange(60) % 2
    model = models.forest(n_estimators=2).fit(X, y)
    path, expected = models.save_model(model, tmp_path / "model"), model.predict_proba(X)
    content, rng = path.read_bytes(), np.random.default_rng(1)
    for place in rng.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            probability = models.load_model(path.parent).predict_proba(X)
        except ValueError as error:
            assert "model.skops" in str(error)
        else:
            np.testing.assert_array_equal(probability, expected)
