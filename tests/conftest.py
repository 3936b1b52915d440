"""Shared fixtures: real data where it is at hand, and small tables whose truth is known."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scope_nb import taxonomy
from scope_nb.features.extract import feature_names

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "data" / "simulate"))  # the simulator is no part of the package


def pytest_configure(config):
    """Notebooks under test save their runs in a temporary folder; workers side by side use one thread each."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["SCOPE_NB_REPORTS"] += f"/{worker}"  # below the folder of the process that started it
        for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")  # read when the libraries are loaded
    else:
        folder = tempfile.TemporaryDirectory(prefix="scope_nb-")
        os.environ["SCOPE_NB_REPORTS"] = folder.name
        config.add_cleanup(folder.cleanup)


@pytest.fixture(scope="session")
def realdata():
    """The folder of real survey data, or skip."""
    folder = Path(os.environ.get("SCOPE_NB_REALDATA", ROOT.parent / "shared" / "realdata"))
    if not folder.is_dir():
        pytest.skip("no real data here; SCOPE_NB_REALDATA names their folder")
    return folder


@pytest.fixture(scope="session")
def table():
    """A training table of 400 stars, two light curves each, where some features tell the labels apart."""
    rng = np.random.default_rng(7)
    stars, n = 400, 800
    frame = pd.DataFrame({"_id": np.arange(n), "obj_id": [f"star{k:03d}" for k in np.repeat(np.arange(stars), 2)]})
    frame["ra"], frame["dec"] = np.repeat(rng.uniform(0, 360, stars), 2), np.repeat(rng.uniform(-25, 70, stars), 2)
    kind = np.repeat(rng.integers(0, 3, stars), 2)  # 0 not variable, 1 RR Lyrae, 2 eclipsing
    frame = frame.join(pd.DataFrame(0.0, frame.index, taxonomy.label_names()))
    for label, kinds in {"variable": (1, 2), "non-variable": (0,), "RR Lyrae": (1,), "eclipsing": (2,)}.items():
        frame[label] = np.isin(kind, kinds) * rng.choice([0.75, 1.0], n)
    names = dict.fromkeys([*feature_names(), *taxonomy.feature_columns("ontological")])
    frame = frame.join(pd.DataFrame(rng.normal(size=(n, len(names))), columns=list(names)))
    frame["wstd"] += 2.5 * (kind > 0)
    frame["f1_power_ELS_ECE_EAOV"] += 3.0 * (kind == 1)
    images = rng.random((n, 26, 26), dtype=np.float32) + 0.5 * (kind == 2)[:, None, None]
    frame["dmdt"] = pd.Series(list(images.astype(np.float32)), dtype=object)
    return frame


@pytest.fixture(scope="session")
def star():
    """An irregularly observed pulsator with two harmonics at a known period: time, mag, err, period."""
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(58200, 59000, 150))
    period = 0.5123456
    phase = 2 * np.pi * time / period
    err = rng.uniform(0.02, 0.05, time.size)
    mag = 16 + 0.4 * np.cos(phase) + 0.15 * np.cos(2 * phase + 3) + err * rng.standard_normal(time.size)
    return time, mag, err, period


@pytest.fixture(scope="session")
def client():
    """A Dask client with two workers that are processes of their own."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def make_world():
    """A function that draws stars with labels, and what two classifiers say of them."""
    return draw_world


def draw_world(rng, stars, gain=0.0, signal=1.5):
    """Light curves of stars, one to three each, with two classifiers' log odds: the second knows `gain` more."""
    y = (rng.random(stars) < 0.3).astype(int)
    shared, own = rng.normal(size=(2, stars))
    owner = np.repeat(np.arange(stars), rng.integers(1, 4, stars))
    y, star = y[owner], owner.astype(str)
    noise = 0.7 * (shared[owner] + 0.5 * rng.normal(size=len(owner)))
    probability = [
        1 / (1 + np.exp(-(2 * (y - 0.5) * (1 + k * gain) * signal + noise + 0.5 * k * own[owner]))) for k in (0, 1)
    ]
    return star, y, probability
