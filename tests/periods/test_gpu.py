"""The kernels for a GPU, run by numba's simulator of one in a process of its own: few epochs, few frequencies."""

import os
import subprocess
import sys

import pytest

from scope_nb.features.extract import featurize
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods.gpu import choose_device
from scope_nb.periods.search import period_table

SIMULATED = """
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd

from scope_nb.features.extract import featurize
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods import gpu, kernels
from scope_nb.periods.grid_search import search_grid
from scope_nb.periods.search import period_table, prepare_search

warnings.filterwarnings("ignore", "overflow encountered")  # of integers, which is meant
kernels.WIDE, kernels.RANKING = 16, 16  # a thread of the simulator is one of Python
rng = np.random.default_rng(8)


def star(n, days, outlier=0.0):
    time = np.sort(rng.uniform(0, days, n))
    mag = 16 + 0.3 * np.sin(2 * np.pi * time / 0.6134) + 0.03 * rng.normal(size=n)
    mag[n // 2] += outlier
    return time, mag, rng.uniform(0.02, 0.05, n)


def check_searches():
    \"\"\"Several batches, an item that is not searched; epochs many and few, outliers, uneven weights.\"\"\"
    uneven = star(40, 7)
    uneven[2][::5] = 1e-4
    curves = [star(40, 7), star(300, 2), star(12, 9), star(30, 8, outlier=50.0), uneven]
    items = [(i, prepare_search(*curve, max_freq=2)) for i, curve in enumerate(curves)]
    items.insert(2, ("nothing", None))
    gpu.FREQUENCIES = 400
    searched = list(gpu.search_on_gpu(iter(items)))
    assert [item for item, *_ in searched] == [item for item, _ in items]
    assert searched[2][1:] == (None, None)
    for item, prepared, ours in searched[:2] + searched[3:]:
        for name, theirs in search_grid(prepared).items():
            search = ours[name]
            if item != 2:  # of 12 epochs many peaks are equally high
                near = 1e-9 if name != "BLS" else 1 / np.ptp(prepared.time)  # boxes have plateaus
                np.testing.assert_allclose(search.freqs[:9], theirs.freqs[:9], atol=near, err_msg=f"{item} {name}")
            significance = [abs(s.best - s.mean) / s.spread for s in (search, theirs)]
            np.testing.assert_allclose(*significance, rtol=1e-4, err_msg=f"{item} {name}")


def check_tables():
    curves = [star(60, 4), star(50, 5)]
    meta = pd.DataFrame({"_id": ["a", "b"], "band": ["g", "r"], "obj_id": "star"})
    curves = LightCurves.from_lists(meta, *zip(*curves))
    options = {"max_freq": 2, "n_jobs": 1, "progress": False}
    ours, theirs = (featurize(curves, device=device, **options) for device in ("auto", "cpu"))
    pd.testing.assert_frame_equal(ours.drop(columns="dmdt"), theirs.drop(columns="dmdt"), rtol=1e-4)
    ours, theirs = (period_table(curves, by_star=True, device=device, **options) for device in ("cuda", "cpu"))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-4)
    curves.mag[3] = 1e20
    listed = featurize(curves, device="cuda", bad="list", extra=lambda time, mag, err: {"first": time[0]}, **options)
    assert len(listed) == 1 and "_id a" in listed.attrs["failures"][0]["reason"]
    assert listed["first"].iloc[0] == curves[1].time[0]


def check_memory():
    kernels.cuda.current_context = lambda: SimpleNamespace(get_memory_info=lambda: SimpleNamespace(free=1e3))
    try:
        list(gpu.search_on_gpu(iter([(0, prepare_search(*star(30, 5), max_freq=1))])))
    except ValueError as error:
        assert "more memory than is free on the GPU" in str(error), error
    else:
        raise AssertionError("no error")


{0}()
"""


@pytest.mark.parametrize("check", ["check_searches", "check_tables", "check_memory"])
def test_a_simulated_gpu_finds_what_the_processor_finds(check):
    pytest.importorskip("numba.cuda", reason="this numba has no CUDA: install the extra 'cuda'")
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    code = SIMULATED.replace("{0}", check)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_a_gpu_the_error_says_what_is_missing(star, monkeypatch):
    curves = LightCurves.from_arrays(*star[:3])
    monkeypatch.setattr("numba.cuda.is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    for function in (period_table, featurize):
        with pytest.raises(ImportError, match=r"pip install 'scope_nb\[cuda\]'.*device='auto'"):
            function(curves, device="cuda")
    with pytest.raises(ValueError, match="unknown device 'cude'; did you mean 'cuda'"):
        choose_device("cude")
