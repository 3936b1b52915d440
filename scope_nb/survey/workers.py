"""Workers: processes of this machine (joblib) or of a cluster (Dask), through one interface."""

import os
from concurrent.futures.process import BrokenProcessPool

from joblib import Parallel, cpu_count, delayed, effective_n_jobs, parallel_config
from threadpoolctl import threadpool_limits

# read by libraries when they are loaded, and by processes that a worker starts, as the kernels of notebooks
OF_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class WorkerDied(Exception):
    """The process that worked on a task ended without a word."""

    def __init__(self):
        super().__init__("its worker ended without a word, as it does where memory runs out")


def connect(client):
    """Return the Dask client of an address such as tcp://10.0.0.1:8786; a client, or None, is returned as it is."""
    if not isinstance(client, str):
        return client
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError('a Dask client needs distributed: pip install "scope_nb[scale]"') from error
    return Client(client)


def run_tasks(function, tasks, client=None, jobs=-1, threads=None):
    """Yield each task and what `function` returns for it, as they are completed, from processes side by side.

    A worker that dies costs the tasks that it was at work on: they are tried once more, one at a time, so that only
    one that it dies of again is given up. Its result is a `WorkerDied`. What `function` raises ends all.

    Parameters
    ----------
    client : distributed.Client, optional
        By default processes of this machine do the work.
    jobs : int
        How many processes (-1: as many as there are cores). With 1, and no client, this process does the work itself.
    threads : int, optional
        Threads that a task may use; by default the cores are shared out among the processes, and Dask's tasks use one.
    """
    tasks, jobs = list(tasks), effective_n_jobs(jobs)
    if client is None and jobs == 1:
        yield from ((task, function(task)) for task in tasks)
        return
    threads = threads or (max(cpu_count() // jobs, 1) if client is None else 1)
    died = yield from _run_side_by_side(function, tasks, client, jobs, threads)
    for task in died:
        if (yield from _run_side_by_side(function, [task], client, 2, threads)):
            yield task, WorkerDied()


def _run_side_by_side(function, tasks, client, jobs, threads):
    """Yield tasks and results; return the tasks whose worker died."""
    if client is not None:
        return (yield from _run_with_dask(function, tasks, client, threads))
    died = []
    while tasks:
        begun, done = [], set()
        try:
            with parallel_config("loky", inner_max_num_threads=threads):
                pool = Parallel(jobs, return_as="generator_unordered", pre_dispatch=jobs, batch_size=1)
                for number, result in pool(_list_calls(function, tasks, threads, begun)):
                    done.add(number)
                    yield tasks[number], result
            return died
        except BrokenProcessPool:  # all processes end with the one that died
            died += [tasks[number] for number in begun if number not in done]
            tasks = tasks[len(begun) :]
    return died


def _list_calls(function, tasks, threads, begun):
    """Yield the calls of joblib for some tasks, and add the number of each to the list `begun` as it is asked for."""
    for number, task in enumerate(tasks):
        begun.append(number)
        yield delayed(_call)(function, task, number, threads)


def _run_with_dask(function, tasks, client, threads):
    """Yield tasks and results of a Dask cluster; return the tasks whose workers died, which Dask itself tried again."""
    from distributed import KilledWorker, as_completed

    futures = {
        client.submit(_call, function, task, number, threads, pure=False): task for number, task in enumerate(tasks)
    }
    died = []
    try:
        for future in as_completed(list(futures)):
            task = futures.pop(future)
            try:
                _, result = future.result()
            except KilledWorker:
                died.append(task)
            else:
                yield task, result
    finally:
        client.cancel(list(futures))
    return died


def _call(function, task, number, threads):
    """Return the number of a task and what a function returns for it, with so many threads."""
    os.environ.update(dict.fromkeys(OF_THREADS, str(threads)))
    with threadpool_limits(threads):
        return number, function(task)
