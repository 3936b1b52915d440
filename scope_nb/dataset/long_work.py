"""Training tables from so many light curves that it takes hours: made in parts, so that nothing done is lost."""

import hashlib
import inspect
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from .. import __version__
from ..features.extract import Extraction, feature_names, warn_of_failures
from ..files import check_output, sha256
from ..parquet import CHECKED, read_arrow
from ..taxonomy import defaults
from ..writing import Parts, write_atomically
from .tables import write_parquet

PART = 1000  # light curves
FEATURES, META, FAILURES = "features.parquet", "meta.parquet", "failures.json"


def write_features(
    light_curves,
    path,
    max_freq=None,
    oversampling=None,
    min_epochs=None,
    n_jobs=-1,
    progress=True,
    extra=(),
    until=None,
    bad="list",
    device="cpu",
):
    """Make the features of cleaned light curves, as `featurize` does, and write them as a training table.

    Each thousand light curves are written beside the table, into a hidden folder, until all are done. An interrupted
    run goes on where it stopped when it is called again with the same light curves and settings, and ends with the
    same file, byte for byte; with others it begins anew, with a warning. `n_jobs`, `progress` and `bad` may change.

    Parameters
    ----------
    light_curves, max_freq, oversampling, min_epochs, n_jobs, progress, until, device
        See `featurize`.
    path : path-like
        The table, whose name ends in .parquet. One that is there is replaced at the end.
    extra : callable or list of callable
        See `featurize`. A function is the same if its source is, and what it gives for an early light curve.
    bad : {"list", "raise"}
        See `featurize`. The list is written beside the table, as `NAME.failures.csv`, if anything failed.

    Returns
    -------
    pandas.DataFrame
        `_id` and `reason` of each light curve that got no row.
    """
    check_output(path, ".parquet")
    path = Path(path).expanduser().absolute()
    list_path = path.with_suffix(".failures.csv")
    work = Extraction(light_curves, max_freq, oversampling, min_epochs, extra, until, bad, device)
    rows = {f"{start:09d}": work.rows[start : start + PART] for start in range(0, len(work.rows), PART)}
    with tempfile.TemporaryDirectory() as scratch:
        meta = Path(scratch) / META
        write_parquet(work.meta, meta)  # first: what parquet cannot hold fails soon
        parts = Parts(path, _fingerprint(work, [max_freq, oversampling, min_epochs, until], meta))
        missing = parts.missing(["meta", *rows])
        if "meta" in missing:
            with parts.write("meta") as folder:
                shutil.copy(meta, folder)
    done = sum(len(rows[name]) for name in rows if name not in missing)
    with tqdm(total=len(work.rows), initial=done, unit="light curve", disable=not progress) as bar:
        for name in [name for name in rows if name in missing]:
            _make_part(work, rows[name], n_jobs, bar.update, parts, name)
    failures = dict(work.failures)
    for name in rows:
        reasons = json.loads((parts.folder / name / FAILURES).read_text(encoding="utf-8"))
        failures |= {int(row): reason for row, reason in reasons.items()}
    if failures and bad == "raise":  # of an earlier call, which listed them
        raise ValueError(failures[min(failures)])
    listed = work.list_failures(failures)
    write_in_turn(_joined(parts.folder, rows), path)
    list_path.unlink(missing_ok=True)  # of an earlier table
    if len(listed):
        with write_atomically(list_path) as temporary:
            listed.to_csv(temporary, index=False, encoding="utf-8")
    parts.remove()
    warn_of_failures(listed, work.light_curves, list_path)
    return listed


def write_in_turn(tables, path):
    """Write tables of Arrow as one parquet file, a row group each; all have the columns of the first."""
    with write_atomically(Path(path)) as temporary:
        first = next(tables)
        with pq.ParquetWriter(temporary, first.schema, **CHECKED) as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(table)


def _make_part(work, rows, n_jobs, advance, parts, name):
    """Make the features of some rows, and write them and why others have none."""
    table, failures = work.compute(rows, [*work.extra, work.features], n_jobs, advance)
    with parts.write(name) as folder:
        (folder / FAILURES).write_text(json.dumps(failures), encoding="utf-8")
        if len(table):
            extra = [column for function in work.extra for column in function.example]
            table = table[[*feature_names(), *extra, "dmdt"]].rename_axis("row").reset_index()
            write_parquet(table, folder / FEATURES)


def _joined(folder, names):
    """Yield the parts as tables of Arrow: the columns of `meta`, then the features."""
    meta = read_arrow(folder / "meta" / META)
    for file in (folder / name / FEATURES for name in names):
        if file.exists():  # else all light curves failed
            features = read_arrow(file)
            table = meta.take(features["row"])
            for column in features.column_names[1:]:
                table = table.append_column(features.field(column), features[column])
            yield table.replace_schema_metadata({"scope": "{}"})


def _fingerprint(work, settings, meta):
    """Return all that the parts follow from: light curves, settings, functions, the file `meta`, the kit's version."""
    curves, epochs = work.light_curves, hashlib.sha256()
    for values in (curves.time, curves.mag, curves.err, curves.offsets):
        epochs.update(np.ascontiguousarray(values))
    numbers = [value if value is None else float(value) for value in settings]
    functions = [[f.name, source_of(f.function), repr(f.example)] for f in work.extra]
    return [epochs.hexdigest(), sha256(meta), numbers, defaults(), functions, PART, __version__, work.device]


def source_of(function):
    """Return the source of a function or of the class of an object that is called, "" where there is none."""
    try:
        return inspect.getsource(function if inspect.isroutine(function) else type(function))
    except (OSError, TypeError):
        return ""
