"""Pages of saved runs: the head of a run's page, a page for a run that has none, and the index of all runs."""

import base64
import io
import os
from contextlib import suppress
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .files import decode_name, group_of, reports_folder
from .notebook import TEMPLATES
from .runs.comparison import answer_in_words, compare_published, compare_published_f1
from .runs.saved import load_run, load_runs
from .scores.metrics import difference_with_interval, number, with_interval
from .taxonomy import published, tags
from .writing import write_atomically

COLUMNS = ("tag and run", "F1 (95 %)", "published", "difference", "verdict", "precision", "recall", "positive", "made")
# the answers of `answer_in_words` in rising order, with their style
ANSWERS = {
    "too few test stars": "",
    "published is better": "worse",
    "no clear difference": "",
    "run is better": "better",
}


def _fill(name, **values):
    """Return a page, or a part of one, as `Markup`; values that are not `Markup` are escaped."""
    environment = Environment(autoescape=True, loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined)
    return Markup(environment.get_template(name).render(values))


def _address(path):
    """Return the address of a file for a link, whatever letters its name has."""
    return quote(os.fsencode(path))


def page_head(run, notebook="report.ipynb"):
    """Return the head of the page of a saved run as HTML: question, scores, verdict and precision-recall curve.

    `notebook` is the file beside the page that it was made from, if any.
    """
    run = load_run(run)
    scores, test, dataset = run.evaluation.texts(), run.evaluation.stats["test"], run.record.get("dataset") or {}
    label = dataset.get("label") or tags()["label"].get(run.tag, run.tag)
    facts = [("F1 of the test stars", *scores["f1_score"].split(" ", 1))]
    answer, verdict = "nothing to compare with", f"Nothing is published for {run.tag}."
    if run.tag in published().index:
        comparison = compare_published(run)
        f1, verdict = comparison.table.loc["f1_score"], comparison.verdict
        answer = answer_in_words(comparison.table, test["n_positive_stars"])
        facts.append(("published F1, SCoPe's XGB", *with_interval(f1["a"], f1[["a_low", "a_high"]]).split(" ", 1)))
    facts += [(name, *scores[name].split(" ", 1)) for name in ("precision", "recall")]
    return _fill(
        "head.html",
        links=_links(run, notebook),
        title=run.tag,
        label="" if label == run.tag else label,
        badges=_badges(run.simulated, dataset.get("split")),
        algorithm=run.algorithm,
        origin=f"of the runs {decode_name(run.group)}, trained on {run.data.get('file') or 'a table'} on "
        f"{run.record['time'][:10]}; {test['n_positive']:,} of {test['n']:,} test light curves are positive.",
        scores=facts,
        answer=answer,
        has_published=answer in ANSWERS,
        style="" if run.simulated else ANSWERS.get(answer, ""),
        verdict=verdict,
        curve=_draw_curve(run.evaluation),
    )


def _links(run, notebook):
    """Return the links of the page of a run: text, address, and whether there is such a page."""
    up, comparison = "../../..", f"compare-{run.group}.html"
    links = [
        ("All runs", f"{up}/index.html", True),
        (f"All classifiers of {run.tag}", f"{up}/index.html#tag-{quote(run.tag)}", True),
        ("Runs compared", _address(f"{up}/{comparison}"), (run.folder.parents[2] / comparison).exists()),
    ]
    return [*links, ("Notebook", notebook, True)] if notebook else links


def link_comparison(reports, group):
    """Show in the pages of a group of runs the link to the page that compares them, which was not there before."""
    folder, hidden = reports / group, b'<a hidden="" '
    for page in (*folder.glob("*/*/report.html"), *folder.glob("*/*/summary.html")):
        content = page.read_bytes()
        if hidden in content:
            with write_atomically(page) as part:
                part.write_bytes(content.replace(hidden, b"<a ", 1))


def comparison_head(group):
    """Return the head of the page that compares a group of runs, as HTML."""
    links = [("All runs", "index.html", True)]
    return _fill("head.html", links=links, title=f"{decode_name(group)}: runs compared", label="", badges=[], scores=[])


def _badges(simulated, split, replaced=False):
    """Return in words what a reader of scores must know."""
    badges = {"simulated": simulated, "split by light curve": split == "scope", "of runs that were replaced": replaced}
    return [text for text, applies in badges.items() if applies]


def _draw_curve(evaluation):
    """Return the precision-recall curve as PNG in base64."""
    from matplotlib.figure import Figure  # slow to import, and the index needs none

    from .plots import precision_recall

    figure, picture = Figure(figsize=(4.6, 3.6), layout="constrained"), io.BytesIO()
    precision_recall(evaluation, figure.subplots())
    figure.savefig(picture, dpi=150)
    return base64.b64encode(picture.getvalue()).decode()


def write_summary(folder):
    """Write `summary.html`, the page of a saved run whose notebook was not exported, and return its path.

    It has the head, the scores, and the pictures that the run saved.
    """
    run, page = load_run(folder), folder / "summary.html"
    table = Markup(run.evaluation.table().to_html(border=0))
    pictures = [(picture.stem, _address(picture.name)) for picture in sorted(folder.glob("*.png"))]
    head = page_head(run, notebook="")
    with write_atomically(page) as part:
        text = _fill("summary.html", title=f"{run.tag}, {run.algorithm}", head=head, table=table, pictures=pictures)
        part.write_text(text, encoding="utf-8")
    return page


def write_index(reports=""):
    """Write `index.html`, a table of all runs with their scores beside the published ones; return its path.

    Below it damaged runs are listed with the reasons. A run without `report.html` gets a page, see `write_summary`.
    """
    folder = reports_folder(reports)
    runs = load_runs(folder)
    order = [*tags().index, *sorted(set(runs["tag"]) - set(tags().index))]
    groups = [_index_group(tag, runs[runs["tag"] == tag], folder) for tag in order if tag in set(runs["tag"])]
    pages = sorted(folder.glob("compare-*.html"))
    comparisons = [(decode_name(page.stem.removeprefix("compare-")), _address(page.name)) for page in pages]
    damaged = runs.attrs["damaged"].items()
    text = _fill("index.html", columns=COLUMNS, tags=groups, comparisons=comparisons, damaged=damaged)
    with write_atomically(folder / "index.html") as part:
        part.write_text(text, encoding="utf-8")
    return folder / "index.html"


def _index_group(tag, runs, folder):
    """Return a tag with its runs for the index."""
    scores = published().loc[tag] if tag in published().index else {}
    texts = [f"{name.upper()} {number(scores[f'f1_score_{name}'])}" for name in ("xgb", "dnn") if len(scores)]
    rows = [_index_row(run, folder) for run in runs.itertuples()]
    return {"name": tag, "label": tags()["label"].get(tag, tag), "published": ", ".join(texts), "runs": rows}


def _index_row(run, folder):
    """Return a run for the index: each cell is a value to sort by, "" where there is none, and a text."""
    published_f1, difference, verdict, style = ("", "-"), ("", "-"), ("", "-"), ""
    if run.tag in published().index:
        table = compare_published_f1(run.tag, run.f1_score, run.interval["f1_score"])
        f1, answer = table.loc["f1_score"], answer_in_words(table, run.n_positive_stars)
        verdict = (list(ANSWERS).index(answer), answer)
        style = "" if run.simulated else ANSWERS[answer]  # simulated data prove nothing
        published_f1 = _cell(f1["a"])
        difference = _cell(f1["difference"], difference_with_interval(f1["difference"], f1[["low", "high"]]))
    cells = [
        _cell(run.f1_score, with_interval(run.f1_score, run.interval["f1_score"])),
        published_f1,
        difference,
        verdict,
        _cell(run.precision),
        _cell(run.recall),
        (run.n_positive, f"{run.n_positive:,} of {run.n:,}"),
        (run.time[:10], run.time[:10]),
    ]
    page = _page_of(run.folder)
    return {
        "algorithm": run.algorithm,
        "origin": run.group if run.simulated or group_of(run.data or "") == run.group else f"{run.group}, {run.data}",
        "page": _address(page.relative_to(folder).as_posix()) if page else "",
        "badges": _badges(run.simulated, run.split, run.replaced),
        "style": style,
        "cells": list(zip(COLUMNS[1:], cells, strict=True)),
    }


def _cell(score, text=None):
    """Return a score to sort by, "" where it is undefined, and as text."""
    return ("" if np.isnan(score) else float(score), text or number(score))


def _page_of(folder):
    """Return the page of a run: that of its notebook, else its summary, which is written where it is missing."""
    page, summary = folder / "report.html", folder / "summary.html"
    if page.exists():
        return page
    if not summary.exists():
        with suppress(ValueError):  # the scores are not those of the predictions
            write_summary(folder)
    return summary if summary.exists() else None
