"""Speed of periodograms and features against public peers, in one run: `python tests/benchmarks/speed.py`.

Needs the extra `bench`. Figures are medians of several rounds of processor time, one thread; ours and the peer take
turns within a round, so that a slow moment of the machine falls on both.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from functools import partial
from statistics import median

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"  # before any library starts its threads

import light_curve
import nifty_ls
import numpy as np
import P4J
import pandas as pd
from astropy.timeseries import BoxLeastSquares, LombScargle

from scope_nb.features.dmdt import dmdt_histogram
from scope_nb.features.extract import featurize, light_curve_features
from scope_nb.features.fourier import fourier_features
from scope_nb.features.statistics import light_curve_statistics
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.periods.eclipses import box_least_squares, eclipse_grids
from scope_nb.periods.harmonics import robust_weights
from scope_nb.periods.periodograms import Grid, analysis_of_variance, entropy_and_variance, lomb_scargle
from scope_nb.taxonomy import defaults, dmdt_edges

BASELINE, MAX_FREQ = 1800.0, 48.0
FIRST = """
import numpy as np
from scope_nb.features import light_curve_features
rng = np.random.default_rng(0)
light_curve_features(np.sort(rng.uniform(0, 300, 60)), rng.normal(15, 0.1, 60), np.full(60, 0.05), max_freq=5)
"""


def star(n, seed=0):
    """Return an irregularly observed variable star: time (days), mag, err."""
    rng = np.random.default_rng(seed)
    time_ = np.sort(rng.uniform(0, BASELINE, n))
    err = rng.uniform(0.02, 0.06, n)
    return time_, 16 + 0.3 * np.sin(2 * np.pi * time_ / 0.5678) + err * rng.standard_normal(n), err


def clock(function, repeat):
    """Processor seconds of one call."""
    start = time.process_time()
    for _ in range(repeat):
        function()
    return (time.process_time() - start) / repeat


def p4j(t, m, e, grid):
    """Return a call of P4J's phase-binned analysis of variance on a stretch of the grid, and the stretch's size."""
    part = 50_000
    search = P4J.periodogram(method="AOV")
    search.set_data(t, m, e)
    span = {"fmin": grid.freq(0), "fmax": grid.freq(part), "fresolution": grid.step}
    return partial(search.frequency_grid_evaluation, **span), part


def search_boxes(t, m, e, grids):
    """Search for eclipses as the nested search does."""
    for grid in grids:
        box_least_squares(t, m, robust_weights(e), grid)


def cases(n):
    """Yield (step, ours, peer's name, peer, repeats, points x frequencies of ours, of the peer)."""
    t, m, e = star(n)
    grid = Grid.of(np.ptp(t), MAX_FREQ)
    freq = grid.freq(np.arange(grid.size))
    whole = n * grid.size
    aov, part = p4j(t, m, e, grid)
    yield "CE against AOV", partial(entropy_and_variance, t, m, grid), "P4J", aov, 1, whole, n * part
    yield "AOV", partial(analysis_of_variance, t, m, grid), "P4J", aov, 1, whole, n * part
    ls = partial(lomb_scargle, t, m, e, grid)
    span = {"fmin": freq[0], "fmax": freq[-1], "Nf": grid.size, "nthreads": 1}
    yield "LS", ls, "nifty-ls", partial(nifty_ls.lombscargle, t, m, e, **span), 1, whole, whole
    fast = partial(LombScargle(t, m, e).power, freq, method="fast", assume_regular_frequency=True)
    yield "LS", ls, "astropy fast", fast, 1, whole, whole
    parts = eclipse_grids(grid, defaults()["periods"]["max_eclipse_freq"])
    some = 1 / parts[0].freq(np.arange(0, parts[0].size, 20))
    peer = partial(BoxLeastSquares(t, m, e).power, some, duration=[0.05, 0.1, 0.15], oversample=3)
    boxes, all_sizes = partial(search_boxes, t, m, e, parts), sum(part.size for part in parts)
    yield "BLS, 4 widths", boxes, "astropy BLS, 3 widths", peer, 1, n * all_sizes, n * some.size
    peers = light_curve.Extractor(*(getattr(light_curve, name)() for name in PEER_STATISTICS))
    peer = partial(peers, t, m, e, sorted=True, check=False)
    name = f"light-curve, {len(PEER_STATISTICS)}"
    yield "22 statistics", partial(light_curve_statistics, t, m, e), name, peer, 200, 0, 0
    yield "Fourier, 0-5 harmonics", partial(fourier_features, t, m, e, 0.5678), "", None, 200, 0, 0
    dm, dt = dmdt_edges()
    images = light_curve.DmDt(dt=dt[1:], dm=dm, dt_type="asis", dm_type="asis", norm=[])
    yield "dmdt", partial(dmdt_histogram, t, m), "light-curve", partial(images.points, t, m, sorted=True), 20, 0, 0
    yield "all features", partial(light_curve_features, t, m, e), "astropy fast, one LS", fast, 1, 0, 0


PEER_STATISTICS = (
    "Median",
    "WeightedMean",
    "ReducedChi2",
    "StandardDeviation",
    "Amplitude",
    "ExcessVariance",
    "MedianAbsoluteDeviation",
    "InterPercentileRange",
    "Skew",
    "Kurtosis",
    "EtaE",
    "StetsonK",
    "AndersonDarlingNormal",
)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rows = []
    for n in (300, 1000):
        for step, ours, name, peer, repeat, size, peer_size in cases(n):
            ours()  # compile
            taken = [(clock(ours, repeat), clock(peer, repeat) if peer else np.nan) for _ in range(rounds)]
            mine, other = median(a for a, _ in taken), median(b for _, b in taken)
            row = {"N": n, "step": step, "ours (ms)": mine * 1e3, "peer": name, "peer (ms)": other * 1e3}
            if size:
                row |= {"ours (ns)": mine / size * 1e9, "peer (ns)": other / peer_size * 1e9}
                row["times faster"] = median(b / peer_size / (a / size) for a, b in taken)
            else:
                row["times faster"] = median(b / a for a, b in taken)
            rows.append(row)
            print(f"{n} {step}", end="\r", flush=True)
    pd.set_option("display.width", 160)
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:.3g}", na_rep="-"))
    together()
    start_up()


def together(many=16):
    """Print the time of `featurize` on one thread and on two."""
    epochs = zip(*(star(300, k) for k in range(many)), strict=True)
    curves = LightCurves.from_lists(pd.DataFrame({"_id": range(many)}), *epochs)
    taken = {}
    for jobs in (1, 2):
        start = time.perf_counter()
        featurize(curves, n_jobs=jobs, progress=False)
        taken[jobs] = time.perf_counter() - start
    print(f"featurize, {many} light curves of 300 epochs: {taken[1] / many:.3f} s each on one thread;", end=" ")
    print(f"on two {taken[1] / taken[2]:.2f} times faster")


def start_up(rounds=3):
    """Print what a second process needs until the features of its first light curve are there."""
    taken = []
    for _ in range(rounds):
        start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", FIRST], check=True)
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        taken.append((processor, time.perf_counter() - start))
    processor, wall = (median(part) for part in zip(*taken, strict=True))
    print(f"a second process has its first features after {wall:.1f} s, {processor:.1f} s of them processor time")


if __name__ == "__main__":
    main()
