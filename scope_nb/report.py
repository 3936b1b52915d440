"""Train and compare by running the notebooks headlessly, and list the runs on one page."""

from functools import partial
from string import Template
from urllib.parse import quote

import pandas as pd
from tqdm.auto import tqdm

from .config import find_table, run_settings
from .dataset.tables import open_table
from .files import decode_name, group_of, project_folder, reports_folder, run_folder, write_atomically
from .models.builders import BUILDERS
from .notebook import as_text, run_notebook
from .runs.comparison import compare_published
from .runs.saved import load_run, load_runs
from .scores.metrics import number, with_interval
from .taxonomy import TABLES, check_names, published, tags


def train_reports(tag_names, algorithms, reports="", group="", resume=False, **parameters):
    """Run `train.ipynb` for every tag and algorithm, each into `reports/GROUP/ALGORITHM/TAG/`, and make the index.

    `group` is by default the name of the data, `parameters` are further ones of the notebook, and `resume` keeps runs
    that exist and are not damaged. Return the paths of the pages, and "TAG ALGORITHM: error" of each run that failed;
    the others go on.
    """
    from papermill import PapermillExecutionError

    notebook = project_folder() / "notebooks" / "train.ipynb"
    check_names("algorithm", [name for name in algorithms if "+" not in name], BUILDERS)
    names = resolve_tags(tag_names, parameters.get("data", ""), parameters.get("config", ""))
    jobs = [(tag, algorithm) for tag in names for algorithm in algorithms]
    folder, group = reports_folder(reports), group or group_of(parameters.get("data", ""))
    if reports:
        parameters["reports"] = str(folder)
    pages, failures = [], []
    damaged = load_runs(folder).attrs["damaged"] if resume else {}
    for tag, algorithm in tqdm(jobs, unit="run"):
        page = run_folder(folder, group, algorithm, tag) / "report.html"
        if not (resume and page.exists() and f"{group}/{algorithm}/{tag}" not in damaged):
            output = folder / f"unfinished-{group}-{algorithm}-{tag}.ipynb"
            values = {"tag": tag, "algorithm": algorithm, "group": group} | parameters
            make_head = partial(page_head, page.parent)
            try:
                run_notebook(notebook, output, values, f"{tag}, {algorithm}", make_head).replace(page)
            except PapermillExecutionError as error:
                failures.append(f"{tag} {algorithm}: {error.evalue} (as far as it came: {output})")
                continue
            output.replace(page.with_suffix(".ipynb"))
        pages.append(page)
    write_index(reports)
    return pages, failures


def resolve_tags(names, data="", config=""):
    """Return the tags of some names: SCoPe's, the classes of a `config.yaml`, the columns of a training table."""
    columns = open_table(find_table(data, config)).columns if names else []
    return [run_settings(name, config, columns)["tag"] for name in names]


def page_head(run):
    """Return the head of the page of a saved run as HTML: the question, the score, and the verdict in plain words."""
    run = load_run(run)
    dataset = run.record.get("dataset") or {}
    label = dataset.get("label") or tags()["label"].get(run.tag, run.tag)
    question = run.tag if label == run.tag else f"{run.tag}: {label}"
    verdict, score = f"Nothing is published for {run.tag}.", ""
    if run.tag in published().index:
        verdict = compare_published(run).verdict
        score = f"; SCoPe's XGB, published: {number(published().loc[run.tag, 'f1_score_xgb'])}"
    test = "the test stars"
    if dataset.get("split") == "scope":
        test = "test light curves whose stars may be in the training part too"
    return _fill(
        "head.html",
        title=as_text(f"{question}, by {run.algorithm}"),
        badge="simulated data" if run.simulated else "",
        score=as_text(f"F1 {run.evaluation.texts()['f1_score']} on {test} (95 % interval){score}"),
        verdict=as_text(verdict),
    )


def _fill(name, **values):
    return Template((TABLES / name).read_text(encoding="utf-8")).substitute(values)


def compare_report(reports="", group=""):
    """Run `compare.ipynb` on a group of runs into `compare-GROUP.html`, which the index links, and return its path.

    It is a `ValueError` if there is no such group or a cell fails.
    """
    from papermill import PapermillExecutionError

    group, folder = group or group_of(), reports_folder(reports)
    check_names("group of runs", [group], sorted(load_runs(folder)["group"].unique()))
    notebook, output = project_folder() / "notebooks" / "compare.ipynb", folder / f"compare-{group}.ipynb"
    values = {"reports": str(folder), "group": group}
    try:
        page = run_notebook(notebook, output, values, f"{group}: runs compared")
    except PapermillExecutionError as error:
        text = f"the runs of {group} were not compared: {error.evalue} (as far as it came: {output})"
        raise ValueError(text) from None
    write_index(reports)
    return page


def write_index(reports=""):
    """Write `index.html`, a table of all runs with their scores beside the published ones; return its path.

    Below it damaged runs are listed with the reasons.
    """
    folder = reports_folder(reports)
    runs = load_runs(folder)
    rows = [_index_row(run, folder) for _, run in runs.iterrows()]
    pages = [_link(page.name, page.stem.removeprefix("compare-")) for page in sorted(folder.glob("compare-*.html"))]
    links = f"<p>Runs compared with each other: {', '.join(pages)}.</p>" if pages else ""
    with pd.option_context("display.max_colwidth", None):  # else links are cut off
        table = pd.DataFrame(rows).to_html(index=False, escape=False, border=0, justify="left")
    reasons = [f"<li>{as_text(f'{name}: {reason}')}</li>" for name, reason in runs.attrs["damaged"].items()]
    damaged = f"<p>Damaged runs, which are left out:</p>\n<ul>{''.join(reasons)}</ul>" if reasons else ""
    with write_atomically(folder / "index.html") as part:
        part.write_text(_fill("index.html", links=links, table=table, damaged=damaged), encoding="utf-8")
    return folder / "index.html"


def _index_row(run, folder):
    """Return one run as a row of the page, escaped."""
    tag, page = run["tag"], run["folder"] / "report.html"
    scope = published().loc[tag, ["precision_xgb", "recall_xgb"]] if tag in published().index else []
    row = {
        "group": run["group"],
        "algorithm": run["algorithm"],
        "tag": tag,
        "label": tags()["label"].get(tag, tag),
        "data": "simulated" if run["simulated"] else run["data"] or "-",
        "positives": f"{run['n_positive']} of {run['n']}",
        "precision": number(run["precision"]),
        "recall": number(run["recall"]),
        "F1 (95 %)": with_interval(run["f1_score"], run["interval"]["f1_score"]),
        "SCoPe XGB": ", ".join(number(score) for score in scope) or "-",
        "made": run["time"][:10],
    }
    if run["split"] == "scope":
        row["data"] += ", split by light curve"
    row = {name: as_text(str(value)) for name, value in row.items()}
    return row | {"tag": _link(page.relative_to(folder).as_posix(), tag)} if page.exists() else row


def _link(path, text):
    return f'<a href="{as_text(quote(decode_name(path)))}">{as_text(decode_name(text))}</a>'
