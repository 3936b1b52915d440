"""SCoPe's network and the kit's quicker one on the simulated sample: `python tests/benchmarks/dnn.py`.

For each tag and network: seconds of an epoch (processor and wall) of 13,800 light curves, and the validation loss
after 20 epochs. Building and tracing do not count: the time of an epoch is that of 20 epochs less that of 2, over 18.
"""

import argparse
import time

import numpy as np

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_parquet
from scope_nb.files import sample
from scope_nb.models.keras_classifier import load_keras

TAGS = ("vnv", "e", "rrlyr")
ROWS, EPOCHS, FEW = 13_800, 20, 2
LITERAL = {"network": "scope", "scaler": "min_max", "add_indicator": False}
NETWORKS = {
    "SCoPe's": LITERAL,
    "ours, SCoPe's inputs": {**LITERAL, "network": "strided"},
    "ours": {},
}


def fitted(data, epochs, **settings):
    """Return a network trained for some epochs, and the seconds of processor and wall that it took."""
    start = time.process_time(), time.perf_counter()
    model = models.fit_model(models.dnn(epochs=epochs, **settings), data.train, data.val)
    return model, np.subtract((time.process_time(), time.perf_counter()), start)


def measure(data, seed, **settings):
    """Return processor and wall seconds of an epoch of `ROWS`, and the last and the least validation loss."""
    _, short = fitted(data, FEW, seed=seed, **settings)
    model, long = fitted(data, EPOCHS, seed=seed, **settings)
    loss = model.history_["val_loss"]
    return [*(long - short) / (EPOCHS - FEW) * ROWS / len(data.train), loss.iloc[-1], loss.min()]


def main():
    """Print a line for each tag and network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tags", nargs="+", default=TAGS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    load_keras()
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(given.threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    table = read_parquet(sample())
    print(f"{'tag':6s} {'network':21s} {'processor s':>12s} {'wall s':>8s}   loss after {EPOCHS} (of seeds)   least")
    for tag in given.tags:
        data = Dataset.from_table(table, tag)
        for name, settings in NETWORKS.items():
            found = np.array([measure(data, seed, **settings) for seed in range(given.seeds)])
            processor, wall, last, least = np.median(found[:, 0]), np.median(found[:, 1]), found[:, 2], found[:, 3]
            spread = f"{last.mean():.4f} ({last.min():.4f} to {last.max():.4f})"
            print(f"{tag:6s} {name:21s} {processor:12.2f} {wall:8.2f}   {spread}   {least.mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
