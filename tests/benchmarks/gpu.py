"""Speed of searches and features on a GPU, and how they agree with the processor: `python tests/benchmarks/gpu.py`.

Needs the extra `cuda` and an NVIDIA GPU. Beside them stand, where they are installed, Lomb-Scargle by nifty-ls on the
GPU (cufinufft) and on one core, and the kernels of periodfind (float32 times, statistics included), which are SCoPe's.
SCoPe states for its own, 863,980 frequencies on one H200: 4.58, 5.53 and 3.10 ms for CE, AOV and LS at 300 epochs,
7.26, 11.66 and 5.33 ms at 1000.
"""

import argparse
import os
import sys
import time
from unittest.mock import patch

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

try:
    from numba import cuda
except ImportError:
    cuda = None

from scope_nb.features.extract import featurize
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods import gpu
from scope_nb.periods.packing import pack_epochs
from scope_nb.periods.periodograms import Grid
from scope_nb.periods.search import find_periods, judge_searches, prepare_search

BASELINE = 1800.0
RELATIVE = 1e-9  # periods that differ by less are the same


def star(n, seed):
    """Return an irregularly observed variable star: time (days), mag, err."""
    rng = np.random.default_rng(seed)
    time_, err, period = np.sort(rng.uniform(0, BASELINE, n)), rng.uniform(0.02, 0.06, n), 10 ** rng.uniform(-1, 1.5)
    phase = 2 * np.pi * time_ / period
    return time_, 16 + 0.3 * np.sin(phase) + 0.1 * np.cos(2 * phase) + err * rng.standard_normal(n), err


class TimedLane(gpu.Lane):
    """A lane that waits for every kernel and sums up their times in milliseconds."""

    def __init__(self):
        super().__init__()
        self.times = {}

    def run(self, kernel, blocks, threads, *arguments):
        start, stop = cuda.event(), cuda.event()
        start.record(self.stream)
        super().run(kernel, blocks, threads, *arguments)
        stop.record(self.stream)
        stop.synchronize()
        name = kernel.py_func.__name__
        self.times[name] = self.times.get(name, 0.0) + start.elapsed_time(stop)


def time_kernels(items):
    """Print how long each kernel takes for a light curve of a full batch."""
    lane = TimedLane()
    for _ in range(2):
        lane.times = {}
        gpu._collect(gpu._launch(items, lane, gpu.Lane()))
    parts = ", ".join(f"{name} {1000 * spent / len(items):.0f}" for name, spent in lane.times.items())
    total = 1000 * sum(lane.times.values()) / len(items)
    print(f"  kernels, microseconds a light curve: {parts}; together {total:.0f}")


def time_searches(items):
    """Print how many light curves a second are searched, and how many without the search for eclipses."""
    rates = [measure_rate(items)]
    with patch.object(gpu, "eclipse_grids", return_value=[]):
        rates.append(measure_rate(items))
    print(f"  all searches: {rates[0]:.0f} light curves a second, {rates[1]:.0f} without that for eclipses")


def measure_rate(items):
    """Return how many light curves a second the GPU searches; one core packs their epochs."""
    start = time.perf_counter()
    for _ in gpu.search_on_gpu(iter(items)):
        pass
    return len(items) / (time.perf_counter() - start)


def time_features(n, many):
    """Print how many rows of a training table are made in a second, with the GPU and by the processor alone."""
    columns = zip(*(star(n, k) for k in range(many)), strict=True)
    curves = LightCurves.from_lists(pd.DataFrame({"_id": range(many)}), *columns)
    few = curves.select(np.arange(100))
    featurize(curves.select(np.arange(400)), device="cuda", progress=False)  # starts processes, which compile functions
    for device, part in (("cuda", curves), ("cpu", few)):
        start = time.perf_counter()
        featurize(part, device=device, progress=False)
        rate = len(part) / (time.perf_counter() - start)
        print(f"  features: {rate:.0f} rows a second, device {device!r} and {os.cpu_count()} cores")


def time_judge(items):
    """Print what the processor has left to do for a light curve: all but the periodograms, on one core."""
    from scope_nb.periods import kernels

    searched = list(gpu.search_on_gpu(iter(items)))
    judge_searches(*searched[0][1:])
    start = time.perf_counter()
    for _, prepared, searches in searched:
        judge_searches(prepared, searches)
    print(f"  judge, one core: {1000 * (time.perf_counter() - start) / len(items):.1f} ms a light curve")
    start = time.perf_counter()
    for _, prepared in items:
        prepare_search(*prepared[:3])
    pack_epochs([prepared for _, prepared in items], kernels.CURVES)
    print(f"  preparation, one core: {1000 * (time.perf_counter() - start) / len(items):.2f} ms a light curve")


def time_peer(n):
    """Print what Lomb-Scargle of nifty-ls takes for a light curve of the same grid, if it is installed."""
    try:
        import nifty_ls
    except ImportError:
        return
    time_, mag, err = star(n, 0)
    grid = Grid.of(np.ptp(time_))
    span = {"fmin": grid.freq(0), "fmax": grid.freq(grid.size - 1), "Nf": grid.size}
    for backend, options in (("cufinufft", {}), ("finufft", {"nthreads": 1})):
        try:
            taken = []
            for _ in range(5):
                start = time.perf_counter()
                nifty_ls.lombscargle(time_, mag, err, backend=backend, **span, **options)
                taken.append(time.perf_counter() - start)
            print(f"  Lomb-Scargle by nifty-ls, {backend}: {1000 * min(taken):.2f} ms a light curve")
        except (ImportError, ValueError) as error:
            print(f"  nifty-ls, {backend}: {error}")


def time_periodfind(n, many=16):
    """Print what the kernels of periodfind, which are SCoPe's, take for a light curve of the same grid."""
    try:
        from periodfind.gpu import AOV, ConditionalEntropy, LombScargle
    except ImportError:
        return
    grid, curves = Grid.of(np.ptp(star(n, 0)[0])), [star(n, k)[:2] for k in range(many)]
    times, mags = ([column.astype(np.float32) for column in part] for part in zip(*curves, strict=True))
    periods, drift = (1 / grid.freq(np.arange(grid.size))).astype(np.float32), np.zeros(1, np.float32)
    searches = {"CE": ConditionalEntropy(n_phase=20, n_mag=10), "AOV": AOV(n_phase=20), "LS": LombScargle()}
    for name, search in searches.items():
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            search.calc(times, mags, periods, drift, output="stats")
            taken.append(time.perf_counter() - start)
        print(f"  {name} by periodfind: {1000 * min(taken) / many:.2f} ms a light curve")


def compare_devices(items):
    """Print for each method of how many light curves GPU and processor find the same period, and which differ."""
    searched = list(gpu.search_on_gpu(iter(items)))
    ours = [judge_searches(prepared, searches) for _, prepared, searches in searched]
    tasks = (delayed(find_periods)(*prepared[:3]) for _, prepared in items)
    theirs = Parallel(n_jobs=-1, prefer="threads")(tasks)
    for name in ours[0]:
        pairs = [(a[name], b[name]) for a, b in zip(ours, theirs, strict=True)]
        other = [i for i, (a, b) in enumerate(pairs) if abs(a.period / b.period - 1) > RELATIVE]
        off = max(abs(a.significance / b.significance - 1) for i, (a, b) in enumerate(pairs) if i not in other)
        print(f"  {name}: {len(items) - len(other)} of {len(items)} the same, significance to {off:.0e}", end="")
        print("".join(f"; star {i}: {pairs[i][0].period:.6f} and {pairs[i][1].period:.6f} d" for i in other))


def main():
    """Print all of it for light curves of 300 and of 1000 epochs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--light-curves", type=int, default=2000, help="how many to make features of")
    parser.add_argument("--compare", type=int, default=200, help="how many to search on the processor too")
    arguments = parser.parse_args()
    if cuda is None or not cuda.is_available():
        sys.exit("no GPU that numba-cuda can use: nothing is measured")
    print(f"{cuda.get_current_device().name}, {os.cpu_count()} cores")
    for n in (300, 1000):
        items = [(None, prepare_search(*star(n, seed))) for seed in range(580)]
        print(f"{n} epochs, {items[0][1].grid.size:,} frequencies:")
        time_kernels(items[:58])
        time_searches(items)
        time_judge(items[:100])
        time_peer(n)
        time_periodfind(n)
        time_features(n, arguments.light_curves)
        compare_devices(items[: arguments.compare])


if __name__ == "__main__":
    main()
