"""The same data and seed give the same features and models, however many threads share the work."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from scope_nb import LightCurves, featurize, forest, xgb
from scope_nb.features.derived import changes

NETWORK = """
import sys
import numpy, pandas
from scope_nb import dnn, models

data = numpy.load("data.npz")
X = pandas.DataFrame(data["X"], columns=data["names"])
if sys.argv[1] == "train":
    model = dnn(epochs=3, batch_size=32).fit(X, data["y"])
    models.save_model(model, sys.argv[2])
else:
    model = models.load_model(sys.argv[2])
numpy.save(sys.argv[2] + ".npy", model.predict_proba(X))
"""


def labelled(n, image=False):
    """Features with gaps, and labels that follow from some of them."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 20)), columns=[f"x{i}" for i in range(20)])
    y = (X["x0"] * X["x1"] + X["x2"] + rng.normal(size=n) > 0.3).astype(int)
    X = X.mask(rng.random(X.shape) < 0.05)
    if image:
        names = [f"dmdt_{i}_{j}" for i in range(26) for j in range(26)]
        X = pd.concat([X, pd.DataFrame(rng.random((n, 676)), columns=names)], axis=1)
    return X, y


@pytest.mark.parametrize("build", [xgb, forest])
def test_trees_do_not_depend_on_the_number_of_threads(build):
    X, y = labelled(4000)
    expected = build(n_jobs=1, n_estimators=60).fit(X, y).predict_proba(X)
    for n_jobs in (2, 4, 4):
        model = build(n_jobs=n_jobs, n_estimators=60).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_features_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    time = [np.sort(rng.uniform(58200, 58500, 60)) for _ in range(12)]
    mag = [16 + 0.3 * np.sin(t / (0.2 + 0.1 * i)) + 0.05 * rng.standard_normal(60) for i, t in enumerate(time)]
    curves = LightCurves.from_lists(pd.DataFrame({"band": ["g"] * 12}), time, mag, [np.full(60, 0.05)] * 12)
    one, four = (featurize(curves, max_freq=8, n_jobs=n_jobs, progress=False) for n_jobs in (1, 4))
    pd.testing.assert_frame_equal(one.drop(columns="dmdt"), four.drop(columns="dmdt"), check_exact=True)
    np.testing.assert_array_equal(np.stack(one["dmdt"]), np.stack(four["dmdt"]))


def test_changes_do_not_depend_on_the_rows_beside():
    block = np.random.default_rng(0).random((50, 26, 26), dtype=np.float32)
    together = changes([block])
    alone = pd.concat([changes([row[None]]) for row in block], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)


@pytest.mark.slow
def test_networks_depend_on_the_number_of_threads_in_training_alone(tmp_path):
    X, y = labelled(200, image=True)
    np.savez(tmp_path / "data.npz", X=X.to_numpy(), y=y.to_numpy(), names=np.array(list(X), str))

    def run(threads, what, name):
        variables = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        path = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, **dict.fromkeys(variables, threads), "PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", NETWORK, what, name], cwd=tmp_path, env=environment, check=True)
        return np.load(tmp_path / f"{name}.npy")

    two = run("2", "train", "two")
    assert two.std() > 0.01
    np.testing.assert_array_equal(run("2", "train", "again"), two)
    np.testing.assert_allclose(run("1", "load", "two"), two, rtol=0, atol=4e-7)
    np.testing.assert_allclose(run("1", "train", "one"), two, rtol=0, atol=1e-6)  # a few steps; many drift further
