"""Notebooks: their parameters, run headlessly by papermill, exported as pages."""

import ast
from pathlib import Path

from .files import existing, whole
from .taxonomy import unknown


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
