"""Notebooks: their parameters, run headlessly by papermill, exported as pages."""

import ast
import re
import time
from contextlib import suppress
from pathlib import Path

import yaml

from .files import existing_file
from .taxonomy import check_names, defaults
from .writing import write_atomically

TEMPLATES = Path(__file__).with_name("templates")
KERNEL_FAILURES = ("DeadKernelError", "CellTimeoutError")  # of the process of a notebook, not of what a cell says
MAY_BE_LISTS = ("features",)  # parameters that are usually a text
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "`*_{}[]#|~$\\'\""}
MARKS |= str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})
WORDS = {"true": True, "false": False, "none": None, "null": None}
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text (papermill: -r {name} ...)",
    list: "a list: [one, two]",
    dict: "names and values: {{name: value}}",
}


def run_notebook(notebook, output, parameters=None, title=None, make_head=None, limit=0):
    """Execute a notebook with papermill into `output` and export it as HTML; return the path of the page.

    `parameters` that the notebook's cell lacks go into its dictionary `more`, if it has one; an unknown one is a
    `ValueError`. If a cell fails, with a `papermill.PapermillExecutionError`, the notebook as far as it came is left at
    `output`; its `ename` is one of `KERNEL_FAILURES` if the process of the notebook died, or took longer than `limit`
    minutes (0 is no limit). `make_head`, called once the notebook has been executed, returns the HTML that the page
    opens with.
    """
    import papermill  # slow to import, and a notebook that is run needs none of it
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    notebook, output, values = existing_file(notebook), Path(output), parameters or {}
    cell, further = usual_parameters(notebook)
    usual = cell | (dict.fromkeys(values) if further is None else further)
    values = check_parameters(values, usual, f"parameter of {notebook.name}")
    more = {name: values.pop(name) for name in list(values) if name not in cell}
    if more:
        values["more"] = cell["more"] | values.get("more", {}) | more
    output.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"progress_bar": False, "log_output": False, "extra_arguments": ["--IPKernelApp.log_level=50"]}
    if limit:
        end = time.monotonic() + 60 * limit
        quiet["timeout_func"] = lambda cell: max(end - time.monotonic(), 0.1)
    try:
        papermill.execute_notebook(str(notebook), str(output), values, **quiet)
    except RuntimeError as error:
        text = f"its process did not start: {error}"
        if isinstance(error, DeadKernelError):
            text = "its process ended without a word, as it does where memory runs out"
        raise papermill.PapermillExecutionError(-1, -1, "", "DeadKernelError", text, [text]) from error
    except CellTimeoutError as error:
        text = f"it took longer than the limit of {limit:g} minutes"
        raise papermill.PapermillExecutionError(-1, -1, "", "CellTimeoutError", text, [text]) from error
    except OSError as error:
        raise type(error)(f"{notebook.name} cannot be run into {output}: {error}") from error
    except NoSuchKernel as error:
        raise ValueError(f"{notebook.name} asks for the kernel {error.name!r}, which is not installed here") from error
    return export_html(output, title, make_head() if make_head else "")


def export_html(notebook, title=None, head=""):
    """Export an executed notebook as one self-contained HTML page beside it, which opens with the HTML `head`.

    Code is folded, parameters stand at the end, and nothing is fetched from elsewhere. Of cells tagged `setup`, imports
    and checks, the page shows only what they print; cells tagged `optional` that print nothing are left out, with the
    text above them if it has no other code; so are cells tagged `how-to`, which speak to whoever runs the notebook.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = Path(notebook)
    book = nbformat.read(notebook, as_version=4)
    book.cells = _arrange_cells(book.cells)
    hidden = {"enabled": True, "remove_input_tags": {"setup"}, "remove_cell_tags": {"how-to"}}
    exporter = HTMLExporter(config=Config(TagRemovePreprocessor=hidden), template_file=str(TEMPLATES / "page.html.j2"))
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    resources = {"metadata": {"name": title or notebook.stem}, "page_head": head}
    page, _ = exporter.from_notebook_node(book, resources)
    path = notebook.with_suffix(".html")
    with write_atomically(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _arrange_cells(cells):
    """Return the cells in the order of the page, without those that say nothing."""
    sections = []  # a text with the code below it
    for cell in cells:
        if cell.cell_type == "markdown" or not sections:
            sections.append([])
        sections[-1].append(cell)
    shown = []
    for first, *code in sections:
        speaking = [cell for cell in code if cell.get("outputs") or not _has_tag(cell, "optional")]
        if speaking or not code:
            shown += [first, *speaking]
    settings = [cell for cell in shown if _has_tag(cell, "parameters", "injected-parameters")]
    return [cell for cell in shown if cell not in settings] + settings


def _has_tag(cell, *tags):
    return not set(tags).isdisjoint(cell.metadata.get("tags", []))


def as_text(value):
    """Return text from outside (names of files, groups, stars) for Markdown or HTML, in which it means nothing there.

    Every mark of either becomes an entity, which stands for itself in both.
    """
    text = " ".join(str(value).split()).translate(MARKS)
    return re.sub(r"^(\d*)([-+=.)])", lambda match: f"{match[1]}&#{ord(match[2])};", text)  # the marks of a list


def parameters(more=None, **least):
    """Return all parameters of the notebook that calls this, by name, with their values.

    They are what cells of nothing but `name = literal` assign: the parameters cell, and the cell with which papermill
    overrides it. Text that stands for a number, a switch or a list is converted, in the notebook too. An unknown
    parameter (papermill only warns), or one that is too small or of another kind than usual, is a `ValueError`.

    `more` has the usual values of further parameters, which the notebook's dictionary `more` may hold; a variable of
    the same name, which papermill sets (`-p split scope`), overrides it. `least` has smallest values, by name.
    """
    from IPython import get_ipython

    namespace = get_ipython().user_ns
    usual, injected = {}, {}
    for source in namespace["In"]:
        if source.startswith("# Parameters\n"):  # papermill's cell
            injected |= {node.targets[0].id: None for node in ast.parse(source).body}
        else:
            usual |= _literals(source)
    values = {name: namespace[name] for name in usual | injected}
    values = check_parameters(values, usual | (more or {}), "parameter of this notebook")
    namespace.update(values)
    if more is not None:
        in_dictionary = check_parameters(values.pop("more", {}), more, "key of `more`")
        values = more | in_dictionary | values
    for name, smallest in least.items():
        if values[name] is None or not values[name] >= smallest:
            raise ValueError(f"{name} must be at least {smallest}, not {values[name]}")
    return values


def usual_parameters(notebook):
    """Return the usual parameters of a notebook's file: those of its cell, and those that its `more` may hold.

    The latter, from `tables/defaults.yaml`, are None if it has no section for the notebook, which then checks them.
    """
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    cell = _literals(next((c.source for c in cells if "parameters" in c.metadata.get("tags", [])), ""))
    return cell, defaults().get(Path(notebook).stem) if "more" in cell else {}


def check_parameters(values, usual, kind):
    """Return parameters as values of the kind of their usual ones, or raise a `ValueError` that calls them `kind`."""
    check_names(kind, values, usual)
    return {name: _as_usual(name, value, usual[name]) for name, value in values.items()}


def read_value(text):
    """Return a value from a command line, read as papermill's `-p` does: a number, True, False, None, else the text."""
    if text in ("True", "False", "None"):
        return WORDS[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


class _ListLoader(yaml.SafeLoader):
    """Reads lists and dicts in which a value means what it does by itself: YAML's 010 would be 8, its 12:30 750."""


def _read_scalar(_, node):
    return _read_word(node.value) if node.style is None else node.value  # what stands in quotes is text


_ListLoader.yaml_implicit_resolvers = {}
_ListLoader.add_constructor("tag:yaml.org,2002:str", _read_scalar)


def _read_word(text):
    """Return the value that a text stands for where text is not what is wanted."""
    if text.startswith(("[", "{")):
        with suppress(yaml.YAMLError):
            return yaml.load(text, _ListLoader)
    return WORDS[text.lower()] if text.lower() in WORDS else read_value(text)


def _as_usual(name, value, usual):
    """Return a value as one of the kind of the usual value; None means "not set" on either side."""
    if isinstance(value, Path):
        value = str(value)
    may_be_list = name in MAY_BE_LISTS
    if isinstance(value, str) and (not isinstance(usual, str) or (may_be_list and value.startswith("["))):
        value = _read_word(value)
    kind = type(usual)
    if value is None and kind in (list, dict):
        return usual
    if value is None or usual is None or (may_be_list and isinstance(value, list)):
        return value
    if not isinstance(value, (int, float) if kind is float else kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} must be {KINDS[kind].format(name=name)}, not {value!r}")
    return float(value) if kind is float else value


def _literals(source):
    """Return the values that a cell assigns by name, if it does nothing but assign literals; else none."""
    try:
        return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    except (SyntaxError, ValueError, AttributeError):
        return {}
