import html
import re
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import papermill
import pytest
from nbconvert.filters import markdown2html
from papermill.cli import _resolve_type

from scope_nb.notebook import as_text, check_parameters, parameters, read_value, run_notebook


def notebook(path, cells):
    """Write a notebook whose first cell is tagged `parameters`."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    book.cells[0].metadata["tags"] = ["parameters"]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


@pytest.fixture
def kernel(monkeypatch):
    """Return a function that acts like a notebook with a parameters cell and papermill's; it returns the variables."""

    def run(cell, given):
        injected = "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in given.items())
        variables = {"In": [cell, injected, "import numpy"]}
        for source in variables["In"]:
            exec(source, variables)
        monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(user_ns=variables))
        return variables

    return run


def test_a_notebook_becomes_a_page(tmp_path):
    source = notebook(tmp_path / "a.ipynb", ["n = 1  # how many", "print('<b>', n + 1)"])
    page = run_notebook(source, tmp_path / "out" / "a.ipynb", {"n": 41})
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt; 42" in text
    assert not re.search(r'(src|href)="?(https?:)?//', text)  # it opens without a network


def test_a_parameter_that_the_notebook_lacks_is_refused(tmp_path):
    source = notebook(tmp_path / "a.ipynb", ["threshold = 0.7  # of the votes"])
    with pytest.raises(ValueError, match=r"unknown parameter of a.ipynb 'treshold'; did you mean 'threshold'"):
        run_notebook(source, tmp_path / "out.ipynb", {"treshold": 0.5})
    assert not (tmp_path / "out.ipynb").exists()


def test_papermill_alone_is_checked_too(tmp_path):
    cells = ["tag = 'vnv'  # the question", "from scope_nb import notebook\nsettings = notebook.parameters()"]
    source = notebook(tmp_path / "a.ipynb", [*cells, "assert settings == {'tag': 'rrlyr'}"])
    papermill.execute_notebook(str(source), str(tmp_path / "b.ipynb"), {"tag": "rrlyr"}, progress_bar=False)
    with pytest.raises(papermill.PapermillExecutionError, match="unknown parameter of this notebook 'tga'"):
        papermill.execute_notebook(str(source), str(tmp_path / "b.ipynb"), {"tga": "rrlyr"}, progress_bar=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"leak": "no"}, "leak must be true or false, not 'no'"),
        ({"folds": 2.5}, "folds must be a whole number, not 2.5"),
        ({"folds": True}, "folds must be a whole number, not True"),
        ({"folds": 0}, "folds must be at least 1, not 0"),
        ({"minutes": "soon"}, "minutes must be a number, not 'soon'"),
        ({"group": 2024}, "group must be a text"),
        ({"minutes": 5, "folds": 3, "balance": 2, "group": None, "leak": True}, ""),
    ],
)
def test_parameters_of_another_kind_are_refused(kernel, given, message):
    kernel("folds = 1\nminutes = 0.0\nleak = False\ngroup = ''\nbalance = None", given)
    if not message:
        assert parameters(folds=1) == given
        return
    with pytest.raises(ValueError, match=message):
        parameters(folds=1)


@pytest.mark.parametrize("leak", ["true", "True", "TRUE", True])
def test_text_counts_as_what_it_says(kernel, leak):
    cell = "folds = 1\nminutes = 0.0\nleak = False\nbalance = None\nname = ''\nseveral = []"
    texts = {"folds": "3", "minutes": "2", "leak": leak, "balance": "none", "name": "none", "several": "[a, b]"}
    values = kernel(cell, texts)
    expected = {"folds": 3, "minutes": 2.0, "leak": True, "balance": None, "name": "none", "several": ["a", "b"]}
    assert parameters() == expected
    assert {name: values[name] for name in expected} == expected  # in the notebook as well
    assert isinstance(values["minutes"], float)


def test_further_parameters(kernel):
    usual = {"split": "star", "seeds": 1, "threshold": None, "leak": False}
    kernel("tag = 'vnv'\nmore = {'seeds': 2, 'leak': True}", {"leak": "false", "threshold": "0.5"})
    assert parameters(usual, seeds=1) == {"tag": "vnv", "split": "star", "seeds": 2, "threshold": 0.5, "leak": False}
    assert usual["seeds"] == 1
    kernel("tag = 'vnv'\nsplit = 'scope'\nmore = {}", {"more": "{seeds: 3}"})  # in the cell it counts as well
    assert parameters(usual) == {"tag": "vnv", "split": "scope", "seeds": 3, "threshold": None, "leak": False}
    for cell, given, message in (
        ("more = {'sedes': 2}", {}, "unknown key of `more` 'sedes'; did you mean 'seeds'"),
        ("more = {}", {"splti": "star"}, "unknown parameter of this notebook 'splti'; did you mean 'split'"),
        ("more = {'seeds': 0}", {}, "seeds must be at least 1, not 0"),
        ("more = {}", {"seeds": 1.5}, "seeds must be a whole number, not 1.5"),
        ("more = {'leak': 'no'}", {}, "leak must be true or false, not 'no'"),
        ("more = {}", {"more": 3}, "more must be names and values: {name: value}, not 3"),
    ):
        kernel(cell, given)
        with pytest.raises(ValueError, match=message):
            parameters(usual, seeds=1)


def test_names_that_the_cell_lacks_go_into_its_dictionary(tmp_path):
    cells = ["tag = 'vnv'\nmore = {'seeds': 2, 'split': 'star'}  # further ones"]
    cells += ["from scope_nb import notebook, taxonomy\nvalues = notebook.parameters(taxonomy.defaults()['train'])"]
    cells += ["assert values == {**taxonomy.defaults()['train'], 'tag': 'e', 'seeds': 2, 'split': 'scope'}"]
    for name in ("train", "mine"):
        source = notebook(tmp_path / f"{name}.ipynb", cells)
        run_notebook(source, tmp_path / "out.ipynb", {"tag": "e", "split": "scope"})
    with pytest.raises(ValueError, match=r"unknown parameter of train.ipynb 'splti'; did you mean 'split'"):
        run_notebook(tmp_path / "train.ipynb", tmp_path / "out.ipynb", {"splti": "scope"})
    with pytest.raises(papermill.PapermillExecutionError, match="unknown key of `more` 'splti'"):
        run_notebook(tmp_path / "mine.ipynb", tmp_path / "out.ipynb", {"splti": "scope"})
    command = ["papermill", str(tmp_path / "train.ipynb"), str(tmp_path / "out.ipynb"), "--no-progress-bar"]
    subprocess.run([sys.executable, "-m", *command, "-p", "tag", "e", "-p", "split", "scope"], check=True)


TEXTS = ["True", "False", "None", "true", "FALSE", "null", "none", "5", "010", "-3", "1e-3", "1_000", "0x10", "2.0", ""]
TEXTS += [
    " ",
    "'a'",
    "a b",
    "a: b",
    "@x",
    "#file.parquet",
    "[x].parquet",
    "[x]",
    "[",
    "{}",
    "{a",
    "{a: 1}",
    "[010, 0.5]",
]
TEXTS += [
    "2024-01-01",
    "12:30",
    "{seeds: 010, split: 'no'}",
    "[[1], {b: null}]",
    "!!python/name:os.system",
    "--x",
    "=1",
]


@pytest.mark.parametrize("usual", ["", "features", 1, 0.5, True, None, [], {}])
def test_the_command_line_means_what_papermill_means(kernel, usual):
    name = usual if usual == "features" else "x"
    cell = f"{name} = {usual!r}"
    for text in TEXTS:
        outcomes = []
        for read in (_resolve_type, lambda text: check_parameters({name: read_value(text)}, {name: usual}, "")[name]):
            try:
                kernel(cell, {name: read(text)})
                outcomes.append(repr(parameters()[name]))
            except ValueError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[wstd, 2]", ["wstd", 2]),
        ("[010, 1e-1, yes, TRUE, none, '5', 2024-01-01]", [10, 0.1, "yes", True, None, "5", "2024-01-01"]),
        ("['a: b', [1]]", ["a: b", [1]]),
        ("none", []),
        ("[!!python/object/apply:os.getcwd []]", "must be a list"),
        ("[a", "must be a list"),
    ],
)
def test_values_in_lists_mean_what_they_mean_alone(text, value):
    if isinstance(value, list):
        assert check_parameters({"x": text}, {"x": []}, "")["x"] == value
        return
    with pytest.raises(ValueError, match=value):
        check_parameters({"x": text}, {"x": []}, "")


def test_a_kernel_that_dies_or_is_missing_is_said(tmp_path):
    source = notebook(tmp_path / "a.ipynb", ["import os\nos._exit(1)"])
    with pytest.raises(papermill.PapermillExecutionError, match="its process ended without a word"):
        run_notebook(source, tmp_path / "out.ipynb")
    book = nbformat.read(source, as_version=4)
    book.metadata["kernelspec"]["name"] = "nothing"
    nbformat.write(book, source)
    with pytest.raises(ValueError, match=r"a\.ipynb asks for the kernel 'nothing', which is not installed here"):
        run_notebook(source, tmp_path / "out.ipynb")


def test_the_page_leaves_out_what_says_nothing(tmp_path):
    source = notebook(tmp_path / "a.ipynb", ["n = 1", "n += 10  # set up", "n += 20  # silent", "print(n)  # said"])
    book = nbformat.read(source, as_version=4)
    for cell, tag in zip(book.cells, ("parameters", "setup", "optional", "optional"), strict=True):
        cell.metadata["tags"] = [tag]
    nbformat.write(book, source)
    page = run_notebook(source, tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "# said" in page and ">31" in page
    assert "# silent" not in page and "# set up" not in page
    assert len(nbformat.read(tmp_path / "out.ipynb", as_version=4).cells) == 4


@pytest.mark.parametrize(
    "name",
    [
        "`<img src=x onerror=alert(1)>`",
        "[a](javascript:b)",
        "**bold** _i_ $x$",
        "1. a",
        "größe & <b>",
        "# a",
        "a_b.parquet",
    ],
)
def test_text_from_outside_means_nothing_in_a_page(name):
    """Neither as Markdown, as notebooks and their pages render it, nor as HTML."""
    for page in (markdown2html(f"{as_text(name)} has **5** rows"), f"<p>{as_text(name)} has 5 rows</p>"):
        text = re.sub(r"</?(p|strong)>", "", page).strip()
        assert "<" not in text and html.unescape(text) == f"{name} has 5 rows"
