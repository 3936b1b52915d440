"""What a survey costs, measured here, and from that what 210 million and 5 billion light curves cost.

`python tests/benchmarks/scale.py` measures; `--figures features=2.5 ...` projects from figures that were measured
before. Features and classes are made of the embedded sample, repeated. Processor seconds are those of all processes, so
that they hold on a busy machine; the speed-up by a second worker needs one that is idle: it is the median of pairs.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ[name] = "1"

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scope_nb import (
    Dataset,
    classify_survey,
    dnn,
    evaluate,
    featurize_survey,
    files,
    fit,
    read_lightcurves,
    read_parquet,
    save_run,
    train_group,
    write_lightcurves,
    write_parquet,
)
from scope_nb.parquet import CHECKED, read_arrow

SURVEYS = {"SCoPe's predictions": 210e6, "ZTF": 5e9}  # light curves
SCOPE = 0.25  # seconds of one light curve in SCoPe's features
GPU = {300: 657.0, 1000: 377.0}  # feature rows a second by epochs: one H100 with 16 cores
FIGURES = {  # of one core of two; processor time, nothing else running
    "curves_per_second": 7.4,  # features, 288 light curves of the sample
    "rows_per_second": 6_780,  # classes by 52 tags, xgb: a million rows, with reading, surprise, stars and writing
    "rows_per_second_with_dnn": 188,  # by xgb and dnn, one of them measured, reading included: 10,040 a second
    "bytes_features": 1560,  # of a light curve in each table
    "bytes_curves": 166,
    "bytes_stars": 39,
}


def project(figures):
    """Return what surveys cost, from measured figures, as a table with a column for each survey."""
    costs = {}
    for name, count in SURVEYS.items():
        hours = {f"features, core-hours at {SCOPE} s (SCoPe)": count * SCOPE / 3600}
        hours["features, core-hours"] = count / figures["curves_per_second"] / 3600
        for epochs, rate in GPU.items():
            hours[f"features, GPU-hours at {epochs} epochs"] = count / rate / 3600
        hours["classes by xgb, core-hours"] = count / figures["rows_per_second"] / 3600
        hours["classes by xgb and dnn, core-hours"] = count / figures["rows_per_second_with_dnn"] / 3600
        for table in ("features", "curves", "stars"):
            hours[f"{table}, GB"] = count * figures[f"bytes_{table}"] / 1e9
        costs[name] = hours
    return pd.DataFrame(costs)


def write_survey(path, rows):
    """Write so many rows of features: those of the embedded sample again and again, as light curves of other stars."""
    with tempfile.TemporaryDirectory() as scratch:
        write_parquet(read_parquet(files.sample()).drop(columns="obj_id"), Path(scratch) / "sample.parquet")
        table = read_arrow(Path(scratch) / "sample.parquet")
    star = np.arange(rows) // 3
    with pq.ParquetWriter(path, table.append_column("obj_id", pa.array([""] * len(table))).schema, **CHECKED) as writer:
        for start in range(0, rows, len(table)):
            part = table.slice(0, min(len(table), rows - start))
            mine = star[start : start + len(part)]
            part = part.set_column(part.column_names.index("ra"), "ra", pa.array(mine * 1e-3 % 360))
            part = part.append_column("obj_id", pa.array([f"{number:09d}" for number in mine]))
            writer.write_table(
                part.set_column(part.column_names.index("_id"), "_id", pa.array(start + np.arange(len(part))))
            )


def measure_features(scratch, count=288, jobs=1):
    """Make the features of some light curves of the sample."""
    curves = read_lightcurves(files.sample("lightcurves")).select(np.arange(0, count * 3, 3))
    write_lightcurves(curves, scratch / "curves.parquet")
    return featurize_survey(scratch / "curves.parquet", scratch / "out", part_rows=8, jobs=jobs, progress=False)


def measure_classes(scratch, rows, reports, group):
    """Classify some rows of features by the runs of a group."""
    write_survey(scratch / "rows.parquet", rows)
    begin = time.process_time()
    outcomes = classify_survey(scratch / "rows.parquet", group, scratch / "out", reports, jobs=1, progress=False)
    assert not any(outcome.failed for outcome in outcomes.values())
    return outcomes, time.process_time() - begin


def bytes_of(folder, rows):
    """Return the bytes that a row takes in the parts of a stage."""
    return sum(file.stat().st_size for file in folder.rglob("*.parquet")) / rows


def measure(kind, number, reports):
    """Measure one thing in this process, and return the figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        scratch, wall = Path(folder), time.perf_counter()
        if kind == "features":
            measure_features(scratch / "warm", 2)
            wall, outcome = time.perf_counter(), measure_features(scratch, jobs=number)
            figures = {"rows": outcome.total("rows"), "seconds": outcome.total("processor_seconds")}
        else:
            outcomes, seconds = measure_classes(scratch, number, reports, kind)
            rows = outcomes["curves"].total("rows")
            stages = {name: outcome.total("processor_seconds") for name, outcome in outcomes.items()}
            figures = {"rows": rows, "seconds": seconds, "stages": stages}
            figures |= {f"bytes_{name}": bytes_of(scratch / "out" / name, rows) for name in ("curves", "stars")}
            figures["bytes_features"] = (scratch / "rows.parquet").stat().st_size / rows
        figures["wall"] = time.perf_counter() - wall
        figures["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures | {"load": os.getloadavg()[0]}


def train(reports):
    """Train all tags with xgb in the group `stars`, and one network more in the group `dnn`."""
    train_group("stars", reports=reports)
    dataset = Dataset.read(files.sample(), "e", features="light curve")
    trained = fit(dnn(epochs=2), dataset)
    save_run(Path(reports) / "dnn" / "dnn" / "e", trained, evaluate(trained, dataset), dataset)


def main():
    """Measure what is asked for, or all of it, and print what surveys cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("KIND", "NUMBER"), help="one measurement: features JOBS, GROUP ROWS")
    parser.add_argument("--reports", default="", help="folder of runs that are trained already")
    parser.add_argument("--rows", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--pairs", type=int, default=3, help="of the speed-up by a second worker")
    parser.add_argument("--project", action="store_true", help="only project from the figures in this file")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]), options.reports)))
        return
    figures = FIGURES if options.project else measure_all(options)
    print(project(figures).map("{:,.0f}".format).to_string())


def measure_all(options):
    """Measure everything, each in a process of its own, print it, and return the figures that a projection wants."""
    reports = options.reports or tempfile.mkdtemp()
    if not options.reports:
        train(reports)

    def run(kind, number):
        command = [sys.executable, __file__, "--one", kind, str(number), "--reports", reports]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        print(kind, number, json.dumps(figures, indent=None), flush=True)
        return figures

    xgb = [run("stars", rows) for rows in options.rows]
    network = run("dnn", min(options.rows[0], 20_000))
    pairs = [(run("features", 1), run("features", 2)) for _ in range(options.pairs)]
    print("speed-up by a second worker, wall:", median(one["wall"] / two["wall"] for one, two in pairs))
    figures = {name: xgb[-1][name] for name in ("bytes_features", "bytes_curves", "bytes_stars")}
    figures["curves_per_second"] = median(one["rows"] / one["seconds"] for one, _ in pairs)
    figures["rows_per_second"] = xgb[-1]["rows"] / xgb[-1]["seconds"]
    of_networks = 52 * network["seconds"] / network["rows"]
    figures["rows_per_second_with_dnn"] = 1 / (1 / figures["rows_per_second"] + of_networks)
    print(json.dumps(figures, indent=1))
    return figures


if __name__ == "__main__":
    main()
