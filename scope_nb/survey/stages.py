"""A stage of the work on a survey: a function of each partition, done where it is not done yet."""

import time
import warnings
from dataclasses import dataclass
from functools import partial

import pandas as pd
from tqdm.auto import tqdm

from .. import __version__
from ..files import sha256
from .manifest import Manifest
from .workers import WorkerDied, run_tasks

MOST_WARNINGS = 10  # that are kept of a partition


@dataclass(frozen=True)
class Task:
    """One part of a stage: its `name`, what it is made from, as JSON can hold it, and the arguments of the function."""

    name: str
    inputs: list
    arguments: tuple


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a stage: the entries of its manifest, in the order of its tasks, and which were made just now."""

    manifest: Manifest
    entries: list
    made: set

    def __repr__(self):
        count = f"{len(self.entries)} parts, {len(self.made)} of them made now, {len(self.failed)} failed"
        return f"{self.manifest.folder.name}: {count}; {self.total('rows'):,} rows"

    def total(self, fact):
        """Return the sum of a number that is known of each part."""
        return sum(entry.get(fact, 0) for entry in self.entries)

    @property
    def failed(self):
        """The parts that failed, and the error of each, as a dict."""
        return {entry["name"]: entry["error"] for entry in self.entries if entry["error"]}

    @property
    def whole(self):
        """The entries of the parts that have a file."""
        return [entry for entry in self.entries if entry["sha256"]]

    def count_labels(self):
        """Return how many stars got each label, the most common one first; of the stage of stars."""
        counts = pd.DataFrame([entry.get("labels", {}) for entry in self.entries]).sum().astype(int)
        return counts.sort_index().sort_values(ascending=False, kind="stable")

    def list_failures(self):
        """Return the light curves that got no row, with `part`, `_id` and `reason`, as a table."""
        rows = [{"part": entry["name"]} | row for entry in self.entries for row in entry.get("failures", [])]
        return pd.DataFrame(rows, columns=["part", "_id", "reason"], dtype=str)


def run_stage(folder, tasks, function, settings, client=None, jobs=-1, progress=True):
    """Make the parts of a stage that are missing, damaged, failed, or of other inputs, settings or version.

    Parameters
    ----------
    folder : pathlib.Path
        Where the parts are, `NAME.parquet`, and their manifest. Parts of a file that has become shorter are removed;
        those of other files are a `ValueError`.
    function : callable
        Of the path of a part and `Task.arguments`; it writes the file, unless there is nothing to write, and returns
        what is to be known of it as a dict that JSON can hold. An error is recorded, and the others go on.
    settings : dict
        All that `function` follows from beside the inputs, as JSON can hold it.
    client, jobs
        See `workers.run_tasks`.
    """
    manifest, names = Manifest(folder), [task.name for task in tasks]
    files = {name.rpartition("-")[0] for name in names}
    manifest.remove([name for name in set(manifest.names()) - set(names) if name.rpartition("-")[0] in files - {""}])
    if others := sorted(set(manifest.names()) - set(names)):
        raise ValueError(
            f"{folder} holds {len(others)} parts of something else than this source, first {others[0]}: name another "
            "folder, or remove this one"
        )
    key = manifest.add_settings(settings | {"version": __version__})
    left = [task for task in tasks if not manifest.is_current(task.name, task.inputs, key)]
    bar = tqdm(desc=folder.name, total=len(tasks), initial=len(tasks) - len(left), unit="part", disable=not progress)
    with bar:
        for task, facts in run_tasks(partial(_make_part, function, folder), left, client, jobs):
            if isinstance(facts, WorkerDied):
                manifest.path(task.name).unlink(missing_ok=True)
                facts = {"sha256": None, "error": str(facts)}
            manifest.add({"name": task.name, "inputs": task.inputs, "settings": key} | facts)
            bar.update()
    return Outcome(manifest, [manifest[name] for name in names], {task.name for task in left})


def _make_part(function, folder, task):
    """Make a part, and return what is known of it."""
    path, begin = folder / f"{task.name}.parquet", (time.perf_counter(), time.process_time())
    path.unlink(missing_ok=True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            facts = {"error": None} | function(path, *task.arguments)
        except Exception as error:  # whatever is wrong with one part, the others go on
            path.unlink(missing_ok=True)
            facts = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    texts = list(dict.fromkeys(str(entry.message) for entry in said))[:MOST_WARNINGS]
    facts |= {"seconds": round(time.perf_counter() - begin[0], 3), "warnings": texts}
    facts["processor_seconds"] = round(time.process_time() - begin[1], 3)
    return {"sha256": sha256(path) if path.exists() else None} | facts
