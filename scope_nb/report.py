"""Run notebooks headlessly with papermill, export them as HTML, and list the runs on one page."""

import html
from urllib.parse import quote

from tqdm.auto import tqdm

from .files import group_of, project_folder, reports_folder, run_folder, whole
from .notebook import run_notebook
from .runs.saved import load_runs
from .scores.metrics import number, with_interval
from .taxonomy import find_tag, published, tags, unknown


def train_reports(tag_names, algorithms, reports=None, group="", resume=False, **parameters):
    """Run `train.ipynb` for every tag and algorithm, each into `reports/GROUP/ALGORITHM/TAG/`, and make the index.

    A run that fails does not stop the others; its error is printed.

    Parameters
    ----------
    tag_names, algorithms : list of str
    reports : path-like, optional
        The project's `reports/` by default.
    group : str
        Name of this set of runs; by default that of the data.
    resume : bool
        Skip the runs that are there already.
    **parameters
        Further parameters of the notebook.

    Returns
    -------
    list of pathlib.Path, list of str
        The pages made (or found, with `resume`), and "TAG ALGORITHM: error" for each failure.
    """
    from papermill import PapermillExecutionError

    jobs = [(find_tag(tag), algorithm) for tag in tag_names for algorithm in algorithms]
    if reports:
        parameters["reports"] = str(reports_folder(reports))
    group = group or group_of(parameters.get("data", ""))
    pages, failures = [], []
    for tag, algorithm in tqdm(jobs, unit="run"):
        folder = run_folder(reports, group, algorithm, tag)
        if not (resume and (folder / "report.html").exists()):
            given = {"tag": tag, "algorithm": algorithm, "group": group, **parameters}
            unfinished = reports_folder(reports) / f"unfinished-{group}-{algorithm}-{tag}.ipynb"
            try:
                notebook = project_folder() / "notebooks" / "train.ipynb"
                page = run_notebook(notebook, unfinished, given, f"{tag}, {algorithm}")
            except PapermillExecutionError as error:
                failures.append(f"{tag} {algorithm}: {error.evalue} (as far as it came: {unfinished})")
                continue
            page.replace(folder / "report.html")
            unfinished.replace(folder / "report.ipynb")
        pages.append(folder / "report.html")
    write_index(reports)
    return pages, failures


def compare_report(reports="", group="", **parameters):
    """Run `compare.ipynb` on a group of runs into `compare-GROUP.html` beside the index, which then links it.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ValueError
        If there is no such group, or a cell fails.
    """
    from papermill import PapermillExecutionError

    group, folder = group or group_of(), reports_folder(reports)
    found = load_runs(folder)
    if not len(found) or group not in set(found["group"]):
        raise unknown("group of runs", group, sorted(set(found["group"])) if len(found) else [])
    given = {"reports": str(folder), "group": group, **parameters}
    output = folder / f"compare-{group}.ipynb"
    try:
        page = run_notebook(project_folder() / "notebooks" / "compare.ipynb", output, given, f"{group}: runs compared")
    except PapermillExecutionError as error:
        raise ValueError(
            f"the runs of {group} were not compared: {error.evalue} (as far as it came: {output})"
        ) from None
    write_index(reports)
    return page


def write_index(reports=""):
    """Write `index.html` in the folder of the runs: all saved runs, their test scores beside the published ones."""
    reports = reports_folder(reports)
    runs = load_runs(reports)
    pages = [(path.stem.removeprefix("compare-"), path.name) for path in sorted(reports.glob("compare-*.html"))]
    links = ", ".join(f'<a href="{html.escape(quote(name))}">{html.escape(group)}</a>' for group, name in pages)
    links = f"<p>Runs compared with each other: {links}.</p>" if pages else ""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in COLUMNS)
    rows = [_index_row(run, reports) for _, run in runs.iterrows()]
    with whole(reports / "index.html") as part:
        part.write_text(PAGE.format(links=links, head=head, rows="\n".join(rows)))
    return reports / "index.html"


COLUMNS = (
    *("group", "algorithm", "tag", "label", "data", "positives", "precision", "recall", "F1 (95 %)"),
    *("SCoPe XGB", "made"),
)


def _index_row(run, reports):
    """Return one run as a row of the page; everything in it is escaped."""
    page = run["folder"] / "report.html"
    tag = html.escape(run["tag"])
    if page.exists():
        link = html.escape(page.relative_to(reports).as_posix(), quote=True)
        tag = f'<a href="{link}">{tag}</a>'
    known = "-"
    if run["tag"] in published().index:
        row = published().loc[run["tag"]]
        known = f"{number(row['precision_xgb'])}, {number(row['recall_xgb'])}"
    plain = [
        run["group"],
        run["algorithm"],
        None,
        tags()["label"].get(run["tag"], ""),
        "simulated" if run["simulated"] else run["data"] or "-",
        f"{run['n_positive']} of {run['n']}",
        number(run["precision"]),
        number(run["recall"]),
        with_interval(run["f1_score"], run["interval"]["f1_score"]),
        known,
        run["time"][:10],
    ]
    cells = [tag if value is None else html.escape(str(value)) for value in plain]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>scope_nb runs</title>
<style>
body {{ font-family: system-ui, sans-serif; font-size: 0.9rem; margin: 2rem; color: #222; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 0.35rem 0.6rem; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap; }}
th {{ border-bottom: 2px solid #555; }}
td {{ font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>scope_nb runs</h1>
<p>Scores of each run's own test part, at the threshold chosen on its validation part. "SCoPe XGB" are the published
precision and recall, on SCoPe's own test set and split: a yardstick, not the same data. Scores on simulated data say
nothing about the real sky.</p>
{links}
<div>
<table>
<tr>{head}</tr>
{rows}
</table>
</div>
</body>
</html>
"""
