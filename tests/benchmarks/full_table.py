"""Time and memory of a run on a table of the size of SCoPe's training set: `python tests/benchmarks/full_table.py`.

The table is a mock: rows of the simulated sample drawn again, shaken a little, with as many stars and light curves as
SCoPe's and dmdt as nested lists of doubles. It takes 0.9 GB, is made once and kept outside the repository.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from scope_nb.dataset.tables import read_parquet
from scope_nb.features.dmdt import SIZE, stack_dmdt
from scope_nb.files import project_folder, sample
from scope_nb.models.builders import SCOPE_TREES
from scope_nb.taxonomy import CATALOGUES, feature_columns, tags
from scope_nb.writing import write_atomically

ROWS, CHUNK = 170_632, 20_000


def shake(frame, block, rng):
    """Return one chunk of the mock: numbers changed by about 2 %, catalogue zeros kept."""
    flat = frame.copy()
    for name in feature_columns("ontological"):
        flat[name] = flat[name] * (1 + 0.02 * rng.standard_normal(len(flat)))
    for name in [c for c in flat if c.startswith(CATALOGUES)]:
        flat[name] = flat[name].fillna(0.0)
    images = np.abs(block * (1 + 0.1 * rng.standard_normal(block.shape))) + 1e-4 * rng.random(block.shape)
    edges = np.arange(0, images.size + 1, SIZE, dtype=np.int32)
    nested = pa.ListArray.from_arrays(edges, images.astype(float).ravel())
    return pa.Table.from_pandas(flat, preserve_index=False).append_column(
        "dmdt", pa.ListArray.from_arrays(np.arange(0, len(nested) + 1, SIZE, dtype=np.int32), nested)
    )


def write_mock(path, rows, seed=1):
    """Write the mock with `rows` light curves; light curves of a star follow each other."""
    rng = np.random.default_rng(seed)
    source = read_parquet(sample())
    block = stack_dmdt(source.pop("dmdt"))
    members = source.groupby("obj_id").indices
    names, writer, done, star = list(members), None, 0, 0
    with write_atomically(path) as part:
        while done < rows:
            picked, owner = [], []
            while len(picked) < min(CHUNK, rows - done):
                drawn = members[names[rng.integers(len(names))]][: 1 + star % 3]
                picked += list(drawn)
                owner += [f"mock{star:06d}"] * len(drawn)
                star += 1
            keep = slice(0, rows - done)
            picked, owner = picked[keep], owner[keep]
            frame = source.iloc[picked].reset_index(drop=True).assign(obj_id=owner, _id=done + np.arange(len(picked)))
            table = shake(frame, block[picked], rng)
            writer = writer or pq.ParquetWriter(part, table.schema)
            writer.write_table(table)
            done += len(picked)
        writer.close()


def notebook_command(path, tag, algorithm, folder):
    """Return the command that runs train.ipynb by papermill, and leaves what it makes in `folder`."""
    command = [sys.executable, "-m", "papermill", str(project_folder() / "notebooks" / "train.ipynb")]
    command += [f"{folder}/out.ipynb", "--no-progress-bar", "-p", "data", str(path), "-p", "tag", tag]
    return [*command, "-p", "algorithm", algorithm, "-p", "reports", folder]


def measure(command):
    """Run a command; return wall and processor seconds, and the peak memory in GB of the largest process so far."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    # the kernel is a grandchild: its peak is the largest of all children that ended
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor, after.ru_maxrss / 1024**2


def run_bare_steps(path, tag):
    """Do what SCoPe cannot do without, and nothing else: read all of the table, stack dmdt, fit its trees, predict.

    Its filling of gaps, scaling, scores and plots come on top.
    """
    table = pd.read_parquet(path)
    np.stack([np.stack(image) for image in table.pop("dmdt")])
    X = table[feature_columns(tags().loc[tag, "taxonomy"])]
    y = (table[tags().loc[tag, "label"]] > 0.7).to_numpy(int)
    train, test = train_test_split(np.arange(len(X)), test_size=0.1, random_state=42)
    train, val = train_test_split(train, test_size=0.1, random_state=42)
    model = XGBClassifier(n_estimators=999, **SCOPE_TREES)
    model.fit(X.iloc[train], y[train], eval_set=[(X.iloc[val], y[val])], verbose=False)
    model.predict_proba(X.iloc[test])


def main():
    """Make the mock tables where they are missing and time a run on each, and the bare steps of SCoPe beside it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mock")
    parser.add_argument("--tag", default="vnv")
    parser.add_argument("--algorithm", default="xgb")
    parser.add_argument("--make-only", action="store_true")
    parser.add_argument("--bare", type=Path, help="only do SCoPe's bare steps on this table")
    options = parser.parse_args()
    if options.bare:
        return run_bare_steps(options.bare, options.tag)
    for size, rows in (("tenth", ROWS // 10), ("full", ROWS)):
        path = options.folder / f"{size}.parquet"
        if not path.exists():
            write_mock(path, rows)
        print(f"{path}: {path.stat().st_size / 1e9:.2f} GB", flush=True)
        if options.make_only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            commands = {options.algorithm: notebook_command(path, options.tag, options.algorithm, folder)}
            commands["SCoPe's bare steps"] = [sys.executable, __file__, "--bare", str(path), "--tag", options.tag]
            for name, command in commands.items():
                times = "{:.1f} s, {:.1f} s of processor time, peak {:.2f} GB".format(*measure(command))
                print(f"{options.tag} {name}, {rows:,} rows: {times}", flush=True)


if __name__ == "__main__":
    main()
