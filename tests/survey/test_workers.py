"""Workers: tasks side by side, and what one costs that dies."""

import os
import signal
from functools import partial

import pytest

from scope_nb.survey import WorkerDied, run_tasks


def square(folder, number):
    """Return a square; a process dies of 3 always, and of 5 once."""
    is_first = number == 5 and not (folder / "once").exists()
    if is_first:
        (folder / "once").touch()
    if number == 3 or is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_worker_that_dies_costs_only_the_task_that_it_dies_of(tmp_path, engine, request):
    client = request.getfixturevalue("client") if engine == "dask" else None
    results = dict(run_tasks(partial(square, tmp_path), range(12), client, jobs=2))
    assert isinstance(results.pop(3), WorkerDied)
    assert results == {k: k**2 for k in range(12) if k != 3}
    assert (tmp_path / "once").exists()
