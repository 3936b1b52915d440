"""Train and compare by running the notebooks headlessly."""

import threading
from functools import partial

from tqdm.auto import tqdm

from .config import find_table, run_settings
from .dataset.tables import open_table
from .files import group_of, project_folder, reports_folder, run_folder
from .models.builders import BUILDERS
from .notebook import KERNEL_FAILURES, run_notebook
from .pages import comparison_head, link_comparison, page_head, write_index
from .runs.resume import describe_request, find_changes
from .runs.saved import load_runs
from .survey.workers import connect, run_tasks
from .taxonomy import check_names
from .writing import flush, lock

ONE_AT_A_TIME = threading.Lock()  # in a worker of Dask, whose threads would share what `lock` tells its notebook


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in `train_reports`, with the pages and failures until then."""

    def __init__(self, pages, failures):
        super().__init__()
        self.pages, self.failures = pages, failures


def train_reports(
    tag_names, algorithms, reports="", group="", resume=False, limit=0, client=None, jobs=1, **parameters
):
    """Run `train.ipynb` for every tag and algorithm, each into `reports/GROUP/ALGORITHM/TAG/`, and make the index.

    Return the paths of the pages, and "TAG ALGORITHM: error" of each run that failed; the others go on. Ctrl-C makes
    the index, too, before `Interrupted` is raised. Of two processes that make the same run, one waits for the other.

    Parameters
    ----------
    tag_names, algorithms : list of str
    reports, group : str, optional
        `group` is by default the name of the data.
    resume : bool
        Keep the runs that are whole and were made with these parameters, data, notebook and version of the kit; of
        others it is printed why they are made again.
    limit : float
        Minutes that a run may take; 0 is no limit. One that takes longer, or whose process dies, is tried once more.
    client, jobs
        A Dask client or its address, or the number of processes; see `workers.run_tasks`. Each run has a process, and
        its share of the threads. The workers of a cluster must reach the same files.
    parameters
        Further parameters of the notebook.
    """
    check_names("algorithm", [name for name in algorithms if "+" not in name], BUILDERS)
    names = resolve_tags(tag_names, parameters.get("data", ""), parameters.get("config", ""))
    folder, group = reports_folder(reports), group or group_of(parameters.get("data", ""))
    todo = [(tag, algorithm, run_folder(folder, group, algorithm, tag)) for tag in names for algorithm in algorithms]
    if reports:
        parameters["reports"] = str(folder)
    notebook = project_folder() / "notebooks" / "train.ipynb"
    request = describe_request(notebook, parameters) if resume and todo else None
    pages, failures, client = [], [], connect(client)
    threads = min(client.nthreads().values(), default=1) if client else None
    make = partial(_make_if_needed, notebook, folder, group, parameters, request, limit)
    try:
        results = run_tasks(make, todo, client, jobs, threads)
        for (tag, algorithm, run), failure in tqdm(results, total=len(todo), unit="run"):
            if failure is None:
                pages.append(run / "report.html")
            else:
                failures.append(f"{tag} {algorithm}: {failure}")
    except KeyboardInterrupt:
        raise Interrupted(pages, failures) from None
    finally:
        try:
            write_index(reports)
        except OSError as error:
            failures.append(f"index: {error}")
    return pages, failures


def _make_if_needed(notebook, folder, group, parameters, request, limit, task):
    """Make a run, unless it is there as it is asked for; return in words why that failed, or None."""
    tag, algorithm, run = task
    values = {"tag": tag, "algorithm": algorithm, "group": group} | parameters
    try:
        with ONE_AT_A_TIME, lock(run):
            if request is None or _must_be_made(run, request):
                _make_run(notebook, run, folder / f"unfinished-{group}-{algorithm}-{tag}.ipynb", values, limit)
    except (RunFailure, ValueError, OSError) as error:
        return str(error)
    return None


def _must_be_made(folder, request):
    """Return whether a run is not there as it is asked for; if it is there in another way, print how."""
    changes = find_changes(folder, request)
    if changes and folder.is_dir():
        tqdm.write(f"{'/'.join(folder.parts[-3:])} is made again: {'; '.join(changes)}")
    return bool(changes)


def _make_run(notebook, folder, output, values, limit):
    """Train a run by the notebook, which is executed into `output`; move it and its page to the run's folder."""
    title, make_head = f"{values['tag']}, {values['algorithm']}", partial(page_head, folder)
    page = _run_again_if_needed(notebook, output, values, title, make_head, limit)
    for path, name in ((output, "report.ipynb"), (page, "report.html")):
        flush(path)
        path.replace(folder / name)
    (folder / "summary.html").unlink(missing_ok=True)  # of the time until now


class RunFailure(Exception):
    """A notebook that did not come to its end; the text says why, and where it is as far as it came."""


def _run_again_if_needed(notebook, output, *arguments):
    """Carry out `run_notebook`, and once more if its process died or took too long. Return the path of the page."""
    from papermill import PapermillExecutionError

    for is_last in (False, True):
        try:
            return run_notebook(notebook, output, *arguments)
        except PapermillExecutionError as error:
            if is_last or error.ename not in KERNEL_FAILURES:
                raise RunFailure(f"{error.evalue} (as far as it came: {output})") from error
            tqdm.write(f"{output.stem} is tried once more: {error.evalue}")


def resolve_tags(names, data="", config=""):
    """Return the tags of some names: SCoPe's, the classes of a `config.yaml`, the columns of a training table."""
    columns = open_table(find_table(data, config)).columns if names else []
    return [run_settings(name, config, columns)["tag"] for name in names]


def compare_report(reports="", group="", limit=0):
    """Run `compare.ipynb` on a group of runs into `compare-GROUP.html`, which the index links, and return its path.

    It is a `ValueError` if there is no such group or a cell fails. `limit` is that of `train_reports`.
    """
    group, folder = group or group_of(), reports_folder(reports)
    check_names("group of runs", [group], sorted(load_runs(folder)["group"].unique()))
    notebook, output = project_folder() / "notebooks" / "compare.ipynb", folder / f"compare-{group}.ipynb"
    values = {"reports": str(folder), "group": group}
    try:
        make_head = partial(comparison_head, group)
        page = _run_again_if_needed(notebook, output, values, f"{group}: runs compared", make_head, limit)
    except RunFailure as error:
        raise ValueError(f"the runs of {group} were not compared: {error}") from None
    link_comparison(folder, group)
    write_index(reports)
    return page
