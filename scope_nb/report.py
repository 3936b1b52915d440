"""Run notebooks headlessly with papermill, export them as HTML, and list the runs on one page."""

import argparse
import ast
import html
from pathlib import Path
from urllib.parse import quote

import yaml
from tqdm.auto import tqdm

from .config import run_settings
from .data import trainable
from .ensemble import shared_tags
from .files import existing, group_of, project_folder, reports_folder, run_folder, sample, whole
from .runs import load_runs
from .taxonomy import find_tag, published, tags, unknown


def run_notebook(notebook, output, parameters=None, title=None):
    """Execute a notebook with papermill and export it as HTML beside the executed copy.

    Parameters
    ----------
    notebook : path-like
        A notebook with a cell tagged `parameters`.
    output : path-like
        Where the executed notebook goes; the HTML has the same name with the suffix .html.
    parameters : dict, optional
    title : str, optional
        Of the page; by default the name of `output`.

    Returns
    -------
    pathlib.Path
        The HTML page.

    Raises
    ------
    ValueError
        If the notebook does not have one of the parameters; the nearest ones are named.
    papermill.PapermillExecutionError
        If a cell fails. The notebook as far as it came is left at `output`.
    """
    import papermill  # slow to import, and a notebook that is run needs none of it

    notebook, output = existing(notebook), Path(output)
    known = papermill.inspect_notebook(str(notebook))
    for name in parameters or {}:
        if name not in known:
            raise unknown(f"parameter of {notebook.name}", name, known)
    output.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"progress_bar": False, "log_output": False, "extra_arguments": ["--IPKernelApp.log_level=50"]}
    papermill.execute_notebook(str(notebook), str(output), parameters or {}, **quiet)
    return export_html(output, title)


def export_html(notebook, title=None):
    """Export an executed notebook as one self-contained HTML page beside it; cells tagged `setup` show what they say.

    What they do, imports and checks, is left to the notebook.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = Path(notebook)
    setup = Config(TagRemovePreprocessor={"enabled": True, "remove_input_tags": {"setup"}})
    # scripts from elsewhere are left out: the page must open without a network
    exporter = HTMLExporter(config=setup, template_name="lab", mathjax_url="", require_js_url="", jquery_url="")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    page, _ = exporter.from_notebook_node(
        nbformat.read(notebook, as_version=4), {"metadata": {"name": title or notebook.stem}}
    )
    path = notebook.with_suffix(".html")
    with whole(path) as part:
        part.write_text(page)
    return path


def parameters(**least):
    """Return the parameters of the notebook that calls this, by name, with their present values.

    Parameters are what cells of nothing but `name = literal` assign: the parameters cell, and the cell with which
    papermill overrides it.

    Parameters
    ----------
    **least
        The smallest value of each parameter that has one.

    Raises
    ------
    ValueError
        If papermill was given a parameter that the notebook does not have (papermill itself only warns), or one of
        another kind than the notebook's own value, or if one is too small.
    """
    from IPython import get_ipython

    values = get_ipython().user_ns
    own, injected = {}, {}
    for cell in values["In"]:
        (injected if cell.startswith("# Parameters\n") else own).update(_literals(cell))
    for name, value in injected.items():
        if name not in own:
            raise unknown("parameter of this notebook", name, own)
        _require_kind(name, value, own[name])
    for name, smallest in least.items():
        if values[name] is None or values[name] < smallest:
            raise ValueError(f"{name} must be at least {smallest}, not {values[name]}")
    return {name: values[name] for name in own}


def _require_kind(name, value, usual):
    """Refuse a parameter of another kind than its usual value; None stands for "not given" on either side."""
    kinds = {bool: (bool,), int: (int,), float: (int, float), str: (str, list)}
    words = {bool: "true or false", int: "a whole number", float: "a number", str: f"a text (papermill: -r {name} ...)"}
    if value is None or usual is None:
        return
    expected = kinds.get(type(usual), (object,))
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected and object not in expected):
        raise ValueError(f"{name} must be {words[type(usual)]}, not {value!r}")


def _literals(source):
    """Return what a cell assigns, if it does nothing but assign literals; else nothing."""
    try:
        return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    except (SyntaxError, ValueError, AttributeError):
        return {}


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
        known = f"{_number(row['precision_xgb'])}, {_number(row['recall_xgb'])}"
    low, high = run["interval"]["f1_score"]
    plain = [
        run["group"],
        run["algorithm"],
        None,
        tags()["label"].get(run["tag"], ""),
        "simulated" if run["simulated"] else run["data"] or "-",
        f"{run['n_positive']} of {run['n']}",
        _number(run["precision"]),
        _number(run["recall"]),
        f"{_number(run['f1_score'])} ({_number(low)}-{_number(high)})",
        known,
        run["time"][:10],
    ]
    cells = [tag if value is None else html.escape(str(value)) for value in plain]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _number(value):
    return "-" if value is None or value != value else f"{value:.3f}"  # a NaN is not equal to itself


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


def main(arguments=None):
    """Train classifiers, average and compare them, write their reports and an index of them."""
    parser = argparse.ArgumentParser(description=main.__doc__, prog="python -m scope_nb.report")
    parser.add_argument("--tags", nargs="+", default=[], help="tags, or 'all' that the data can train (vnv)")
    parser.add_argument("--algorithms", nargs="+", default=["xgb"], help="xgb, forest, dnn, rnn")
    parser.add_argument("--group", default="", help="name of this set of runs (that of the data)")
    parser.add_argument("--reports", default="", help="folder of the runs (the project's reports/)")
    parser.add_argument("--data", default="", help="training table (the simulated sample)")
    parser.add_argument("--features", default="", help="feature set: 'light curve' does without catalogues")
    parser.add_argument("--resume", action="store_true", help="skip the runs that are there already")
    parser.add_argument("--ensemble", nargs="+", default=[], metavar="ALGORITHM", help="average runs of these, per tag")
    parser.add_argument("--compare", action="store_true", help="end in a page that compares the runs")
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter of train.ipynb"
    )
    try:
        pages, failures = _train(parser.parse_args(arguments))
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    for page in pages:
        print(f"report: {page}")
    for failure in failures:
        print(f"failed: {failure}")
    raise SystemExit(1 if failures else 0)


def _train(given):
    """Carry out the command line: settle data and tags, and train."""
    more = {name: yaml.safe_load(value) for name, value in given.p}
    for name, option in {"tag": "tags", "algorithm": "algorithms", "group": "group", "reports": "reports"}.items():
        if name in more:
            raise ValueError(f"-p {name} is said by --{option} here")
    if given.features:
        more["features"] = given.features
    if given.data:
        more["data"] = str(existing(given.data).resolve())
    if more.get("config"):
        more["config"] = str(existing(more["config"]).resolve())
        more.setdefault("data", run_settings("vnv", more["config"])["data"])
    group = given.group or group_of(more.get("data", ""))
    names = given.tags or ([] if given.ensemble or given.compare else ["vnv"])
    if names == ["all"]:
        names = _all_tags(more)
    pages, failures = train_reports(names, given.algorithms, given.reports, group, given.resume, **more)
    if given.ensemble:
        shared = shared_tags(given.ensemble, group, given.reports)
        made = train_reports(shared, ["+".join(given.ensemble)], given.reports, group, given.resume, **more)
        pages, failures = pages + made[0], failures + made[1]
    if given.compare:
        pages.append(compare_report(given.reports, group))
    print(f"index: {reports_folder(given.reports) / 'index.html'}")
    return pages, failures


def _all_tags(parameters):
    """Return the tags that the data can train with these parameters of `train.ipynb`, and print the others."""
    config = parameters.get("config", "")
    given = {name: parameters.get(name) for name in ("features", "period_suffix", "threshold", "balance", "data")}
    chosen = {tag: run_settings(tag, config, **given) for tag in tags().index}
    more = {"split": parameters.get("split") or "star", "seed": parameters.get("seed", 42)}
    data = next(iter(chosen.values()))["data"] or sample()
    names, reasons = trainable(data, {tag: settings["cut"] | more for tag, settings in chosen.items()})
    if not names:
        raise ValueError(
            f"no tag can be trained on this table; the first of the reasons: {next(iter(reasons.values()))}"
        )
    print(f"{len(names)} tags can be trained; not: {', '.join(reasons) or 'none'}")
    return names


if __name__ == "__main__":
    main()
