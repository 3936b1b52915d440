"""The parts of the embedded sample, and what a model gets of it, must not change: saved runs are compared."""

import hashlib

import numpy as np
import pytest

from scope_nb.dataset.dataset import Dataset
from scope_nb.files import sample


@pytest.mark.parametrize(
    ("tag", "more", "digest", "counts"),
    [
        ("vnv", {}, "a372eedbb71166a8", {"train": 4524, "val": 479, "test": 591}),
        ("rrlyr", {}, "eab597113232c5a7", {"train": 4883, "val": 518, "test": 638}),
        ("ea", {}, "eab597113232c5a7", {"train": 4883, "val": 518, "test": 638}),
        ("rrlyr", {"split": "scope"}, "1cc8e511824d8303", {"train": 4891, "val": 544, "test": 604}),
        (
            "rrlyr",
            {"balance": 1.5, "weight_per_class": True},
            "a8426a900a4d7bb7",
            {"train": 1058, "val": 518, "test": 638, "dropped": 3825},
        ),
    ],
)
def test_parts_of_the_sample(tag, more, digest, counts):
    data = Dataset.read(sample(), tag, features=["wstd"], derived=False, dmdt=False, **more)
    assert hashlib.sha256(" ".join(data.part).encode()).hexdigest()[:16] == digest
    assert {name: int((data.part == name).sum()) for name in counts} == counts
    if "balance" in more:
        np.testing.assert_allclose(data.weight, np.where(data.y == 1, 1.2476415094339623, 0.8343848580441641))


def test_inputs_of_the_sample():
    data = Dataset.read(sample(), "rrlyr")
    rows = {
        "inv_vonneumannratio": [54.422134, 33.640255, 3.3104355],
        "wstd": [0.171414, 0.13394591, 0.2266565],
        "f1_power_ELS_ECE_EAOV": [0.81092763, 0.76897568, 0.97256219],
        "period_ELS_ECE_EAOV": [175.18558, 176.29939, 0.56386435],
        "Gaia_EDR3__parallax": [0.0018155997, 0.0018155997, 0.057560418],
        "AllWISE__w1mpro": [9.539609, 9.539609, 16.032976],
        "log_period_ELS_ECE_EAOV": [2.2434983, 2.2462509, -0.24882536],
        "R_21_ELS_ECE_EAOV": [0.27529642, 0.24158275, 0.46258512],
        "fit_skew_ELS_ECE_EAOV": [-0.62413853, -0.57937056, -0.84867251],
        "Gaia_abs_mag": [-9.5288229, -9.5288229, 0.89137036],
        "dmdt_12_3": [0.0002774967, 0.00013918428, 5.4386648e-05],
        "dmdt_13_12": [0.013181093, 0.015588639, 0.001087733],
    }
    assert data.X.shape == (6039, 788) and data.y.sum() == 519
    assert data.meta["obj_id"].iloc[[0, 1, 4]].tolist() == ["sim000000", "sim000000", "sim000001"]
    for name, values in rows.items():
        np.testing.assert_allclose(data.X[name].iloc[[0, 1, 4]], values, rtol=1e-6, err_msg=name)
