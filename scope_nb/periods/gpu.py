"""The searches of `grid_search` on a GPU: batches of light curves there, what follows in processes here.

The kernels are those of `kernels`, which is imported where a GPU is used and not before.
"""

import math
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
from joblib import Parallel, delayed

from ..taxonomy import defaults, unknown
from .eclipses import eclipse_grids, join_eclipse_grids
from .grid_search import search_grid
from .packing import pack_epochs, place_values
from .periodograms import EXACT_PEAKS, Search

DEVICES = ("cpu", "cuda", "auto")
FREQUENCIES = 50_000_000  # trial frequencies of a batch: more bring no speed
MOST_CURVES = 4096  # of a batch
MANY = 3 * EXACT_PEAKS  # high peaks from which distinct ones are chosen; each rules out two at most, those beside it
BYTES = 80  # of the GPU's memory for each of them, while the next batch is there too
SHARE = 0.8  # of the free memory that is used
TOGETHER = 8  # light curves that a process finishes at a time
# searches for eclipses: whose they are, their `kernels.CURVES`, the steps of their grids, the arrays with the outcome
BoxGrids = namedtuple("BoxGrids", "owners curves step arrays")
# items of a batch, which of them are searched, their `kernels.CURVES`, the `Lane` and its arrays with the outcome
Batch = namedtuple("Batch", "items searched curves lane arrays boxes")


def choose_device(device):
    """Return "cpu" or "cuda" for one of `DEVICES`; "auto" is "cuda" where a GPU can be used.

    "cuda" needs an NVIDIA GPU and the extra `cuda`; without them it is an `ImportError`. The GPU makes the
    periodograms, in single precision where the processor has double; all else is done in `n_jobs` processes.
    """
    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    if device == "cpu":
        return device
    try:
        from numba import cuda

        usable = cuda.is_available()
    except ImportError:
        usable = False
    if not usable and device == "cuda":
        raise ImportError(
            "device='cuda' needs an NVIDIA GPU, its driver and numba-cuda (pip install 'scope_nb[cuda]'), of which "
            "something is missing here; device='auto' takes the processor then"
        )
    return "cuda" if usable else "cpu"


def search_many(items, finish, n_jobs):
    """Yield `finish(item, prepared, searches)` for pairs of an item and its `search.Prepared`, in their order.

    Where the latter is None or has no grid, nothing is searched and `searches` is None. `finish` is called in `n_jobs`
    processes, while the GPU searches on; light curves of several bands are searched there, too.
    """
    searched = chain.from_iterable(_one_ahead(_search_batches(items)))
    chunks = iter(lambda: list(islice(searched, TOGETHER)), [])
    tasks = (delayed(_finish)(finish, chunk) for chunk in chunks)
    for results in Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator")(tasks):
        yield from results


def _finish(finish, chunk):
    results = []
    for item, prepared, searches in chunk:
        if prepared is not None and prepared.grid and searches is None:
            searches = search_grid(prepared)
        results.append(finish(item, prepared, searches))
    return results


def _one_ahead(iterator):
    """Yield what an iterator yields, while a thread already asks it for the next."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, iterator, end)
        while (value := coming.result()) is not end:
            coming = thread.submit(next, iterator, end)
            yield value


def search_on_gpu(items):
    """Yield item, prepared light curve and its searches (a dict of `Search`, or None) for pairs of the former."""
    return chain.from_iterable(_search_batches(items))


def _search_batches(items):
    """Yield what `search_on_gpu` does in lists, one for each batch."""
    from numba import cuda

    most = cuda.current_context().get_memory_info().free * SHARE / BYTES
    lanes, waiting = [Lane(), Lane()], None  # one is collected and filled anew while the other is at work
    for i, batch in enumerate(_batches(items, most)):
        launched = _launch(batch, lanes[i % 2], lanes[1 - i % 2])
        if waiting:
            yield _collect(waiting)
        waiting = launched
    if waiting:
        yield _collect(waiting)


def _batches(items, most):
    """Yield lists of items that the GPU takes at a time; its memory is enough for `most` trial frequencies."""
    batch, size = [], 0
    for item, prepared in items:
        more = prepared.grid.size if prepared is not None and prepared.grid else 0
        if more > most:
            raise ValueError(
                f"a search of {more:,} trial frequencies needs more memory than is free on the GPU, which is enough "
                f"for {most:,.0f}: lower max_freq or oversampling, or use device='cpu'"
            )
        if batch and (size + more > min(most, FREQUENCIES) or len(batch) == MOST_CURVES):
            yield batch
            batch, size = [], 0
        batch.append((item, prepared))
        size += more
    if batch:
        yield batch


class Lane:
    """Arrays in the memory of the GPU, used again from batch to batch, and an order in which it works at them."""

    def __init__(self):
        from numba import cuda

        self.cuda, self.stream, self.done, self.buffers = cuda, cuda.stream(), cuda.event(), {}

    def array(self, name, shape, dtype):
        """Return an array of that name with any values."""
        shape = tuple(int(length) for length in shape)
        size = math.prod(shape)
        if name not in self.buffers or self.buffers[name].size < size:
            self.buffers[name] = self.cuda.device_array(size, dtype, stream=self.stream)
        return self.buffers[name][:size].reshape(shape)

    def upload(self, name, values):
        """Return an array of that name with the values of an array."""
        array = self.array(name, values.shape, values.dtype)
        array.copy_to_device(np.ascontiguousarray(values), stream=self.stream)
        return array

    def run(self, kernel, blocks, threads, *arguments):
        """Launch a kernel in so many blocks (three numbers) of so many threads."""
        kernel[blocks, threads, self.stream](*arguments)


def _launch(items, lane, before):
    """Let the GPU search a batch as soon as it is done with that of the lane `before`, and do not wait for it."""
    from . import kernels as k

    searched = [i for i, (_, p) in enumerate(items) if p is not None and p.grid and p.bands is None]
    if not searched:
        return Batch(items, searched, None, lane, None, None)
    prepared = [items[i][1] for i in searched]
    epochs, curves, rough = pack_epochs(prepared, k.CURVES)
    boxes = _place_boxes(prepared, curves)
    # All uploads come before the first kernel: they wait for what their stream is to do before.
    steps, ends, level, klogk, weights, words, packed = (lane.upload(*pair) for pair in epochs._asdict().items())
    rows, n = lane.upload("curves", curves), len(curves)
    some = lane.upload("rough", curves[rough]) if rough.any() else None
    spans = _spans(lane, "spans", curves)
    if boxes.owners:
        box_rows, box_spans = lane.upload("box curves", boxes.curves), _spans(lane, "box spans", boxes.curves)
    heights = lane.array("heights", (3, curves["size"].sum()), np.uint32)
    values = heights.view(np.float32)
    size = int(curves["size"].max())
    blocks = [(-(-size // threads), n, 1) for threads in (k.THREADS, k.WIDE * k.NEIGHBOURS, k.WIDE)]
    before.done.wait(lane.stream)  # side by side, both would be late
    lane.run(k.histograms, blocks[0], k.THREADS, rows, steps, ends, level, klogk, heights[0], values[1])
    lane.run(k.lomb_scargle, blocks[1], k.WIDE, rows, steps, weights, values[2])
    lane.run(k.lomb_scargle_again, blocks[2], k.WIDE, rows, steps, weights, values[2])
    peaks = lane.array("peaks", (3, n, EXACT_PEAKS), np.uint64)
    if some is not None:
        everywhere = (blocks[0][0], len(some), 1)
        lane.run(k.exact_variance, everywhere, k.THREADS, some, steps, words, peaks[1], True, values[1])
    sums = _rank(lane, curves, rows, spans, heights, values, 1, peaks)
    lane.run(k.clear, (-(-heights.shape[1] // k.WIDE), 1, 1), k.WIDE, heights[0])
    near = (-(-EXACT_PEAKS * (2 * int(curves["width"].max()) + 1) // k.THREADS), n, 1)
    lane.run(k.exact_variance, near, k.THREADS, rows, steps, words, peaks[1], False, values[0])
    exact = lane.array("exact", (1, n, EXACT_PEAKS), np.uint64)
    _rank(lane, curves, rows, spans, heights[:1], values[:1], 0, exact)
    rounded = lane.array("rounded", (n, EXACT_PEAKS), np.float32)
    lane.run(k.read_values, (1, n, 1), k.WIDE, rows, exact[0], values[1], rounded)
    if boxes.owners:
        boxes = boxes._replace(arrays=_launch_boxes(lane, boxes.curves, box_rows, box_spans, steps, packed))
    lane.done.record(lane.stream)
    return Batch(items, searched, curves, lane, (peaks, exact, rounded, sums), boxes)


def _launch_boxes(lane, curves, rows, spans, steps, packed):
    """Let the GPU search for eclipses; return its arrays with the peaks, and with sums of powers and their squares."""
    from . import kernels as k

    power = lane.array("box power", (1, curves["size"].sum()), np.float32)
    blocks = (-(-int(curves["size"].max()) // k.BOXES), len(curves), 1)
    lane.run(k.box_least_squares, blocks, k.BOXES, rows, steps, packed, power[0])
    peaks = lane.array("box peaks", (1, len(curves), EXACT_PEAKS), np.uint64)
    return peaks, _rank(lane, curves, rows, spans, power.view(np.uint32), power, 0, peaks)


def _place_boxes(all_prepared, curves):
    """Return the `BoxGrids` of light curves, not yet searched."""
    most = defaults()["periods"]["max_eclipse_freq"]
    grids = [(i, grid) for i, p in enumerate(all_prepared) for grid in eclipse_grids(p.grid, most)]
    owners = [i for i, _ in grids]
    rows, step = curves[owners], np.array([grid.step for _, grid in grids])
    for name, attribute in (("first", "first"), ("size", "size"), ("width", "oversampling")):
        rows[name] = [getattr(grid, attribute) for _, grid in grids]
    rows["finer"] = np.log2(rows["width"] // curves["width"][owners])
    place_values(rows)
    return BoxGrids(owners, rows, step, ())


def _spans(lane, name, curves):
    """Return where `select_highest` begins and how far it goes: first in all windows, then in what it chose."""
    n = len(curves)
    return lane.upload(name, np.array([curves["window"], curves["windows"], MANY * np.arange(n), np.full(n, MANY)]))


def _rank(lane, curves, rows, spans, heights, values, integers, peaks):
    """Let the GPU fill `peaks` with the best distinct peaks; return its sums of values and of their squares."""
    from . import kernels as k

    searches, n, windows = len(heights), len(curves), curves["windows"]
    blocks = (-(-int(windows.max()) // k.WIDE), n, searches)
    keys = lane.array("keys", (searches, windows.sum()), np.uint64)
    sums = lane.array(f"sums of {searches}", (searches, n, 2, blocks[0]), np.float64)
    lane.run(k.highest_of_windows, blocks, k.WIDE, rows, heights, values, integers, keys, sums)
    high = lane.array("high", (searches, n, MANY), np.uint64)
    lane.run(k.select_highest, (1, n, searches), k.RANKING, spans, keys, high)
    lane.run(k.drop_slopes, (1, n, searches), k.RANKING, rows, keys, high)
    lane.run(k.select_highest, (1, n, searches), k.RANKING, spans[2:], high.reshape(searches, n * MANY), peaks)
    return sums


def _collect(batch):
    """Return item, prepared light curve and searches of a batch as a list, as soon as the GPU is done with it."""
    triples, places = [], {i: j for j, i in enumerate(batch.searched)}
    if places:
        peaks, exact, rounded, sums = (array.copy_to_host(stream=batch.lane.stream) for array in batch.arrays)
        batch.lane.stream.synchronize()
        n, grids = np.arange(len(places)), [batch.items[i][1].grid for i in batch.searched]
        freqs, height, usable = _read_peaks([peaks[0], exact[0], peaks[2]], batch.curves, [grid.step for grid in grids])
        power = np.ascontiguousarray(height[2, :, 0]).astype(np.uint32).view(np.float32)
        best = np.stack([height[0, :, 0].astype(float), rounded[n, exact[0].argmax(axis=1)], power]).tolist()
        mean, square = np.moveaxis(sums.sum(axis=3), 2, 0) / batch.curves["size"]
        mean, spread = mean.tolist(), np.sqrt(np.maximum(square - mean**2, 0)).tolist()
        eclipses = _collect_eclipses(batch)
    for i, (item, prepared) in enumerate(batch.items):
        searches = None
        if i in places:
            j = places[i]
            searches = {
                name: Search(freqs[s, j, : usable[s, j]], best[s][j], mean[s][j], spread[s][j])
                for name, s in (("ELS", 2), ("ECE", 0), ("EAOV", 1))
            } | {"BLS": eclipses[j]}
        triples.append((item, prepared, searches))
    return triples


def _read_peaks(peaks, curves, step):
    """Return frequencies and heights of the highest peaks, highest first, and how many are some: the others are 0."""
    ranked = np.sort(peaks, axis=2)[:, :, : -defaults()["periods"]["n_candidates"] - 1 : -1]
    index = (2**32 - 1 - (ranked & np.uint64(2**32 - 1))).astype(np.int64)
    freqs = (curves["first"][:, None] + index) * np.array(step)[:, None]
    return freqs, ranked >> np.uint64(32), (ranked > 0).sum(axis=2)


def _collect_eclipses(batch):
    """Return the `Search` for eclipses of each light curve that was searched, as `eclipses.search_eclipses` does."""
    owners, curves, step, arrays = batch.boxes
    parts = [[] for _ in batch.searched]
    if arrays:
        peaks, sums = (array.copy_to_host(stream=batch.lane.stream) for array in arrays)
        batch.lane.stream.synchronize()
        (freqs,), (height,), (usable,) = _read_peaks(peaks, curves, step)
        height = height.astype(np.uint32).view(np.float32)
        both = sums[0].sum(axis=2).tolist()
        for i, owner in enumerate(owners):
            parts[owner].append((freqs[i, : usable[i]], height[i, : usable[i]], curves["size"][i], *both[i]))
    return [join_eclipse_grids(part) for part in parts]
