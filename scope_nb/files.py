"""Files and folders: where they are, and the reading of JSON and YAML."""

import hashlib
import json
import os
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import yaml

MOST_JSON, MOST_YAML = 2**28, 2**20  # bytes of a file
MOST_VALUES, MOST_TEXT = 100_000, 10_000  # of a YAML file: values in it, letters of one


def sha256(path):
    """Return the SHA-256 of a file's content, or of the names and contents of a folder, as a hexadecimal string."""
    path = Path(path)
    if path.is_dir():
        inner = [f"{file.relative_to(path)} {sha256(file)}" for file in sorted(path.rglob("*")) if file.is_file()]
        return hashlib.sha256("\n".join(inner).encode("utf-8", "surrogateescape")).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decode_name(path):
    """Return a path as text to show or write, also one of letters that Python cannot read in this locale."""
    return os.fsencode(path).decode("utf-8", "replace")


def existing_file(path):
    """Return `path` as a `Path`; if there is no such file, the error names those beside it."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a file was expected")
    beside = sorted(p.name for p in path.parent.glob(f"*{path.suffix}"))[:8]
    hint = f"; {path.parent} holds {', '.join(beside)}" if beside else ""
    raise FileNotFoundError(f"there is no file {path}{hint}")


def project_folder():
    """Return the project's checkout, or the working folder where the package is installed without one."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def sample(name="training_set"):
    """Return the path of an embedded, simulated sample: "training_set" or "lightcurves"."""
    return existing_file(project_folder() / "data" / f"sample_{name}.parquet")


def reports_folder(path=""):
    """Return where runs are saved: `path`, or $SCOPE_NB_REPORTS, or the project's `reports/`."""
    return Path(path or os.environ.get("SCOPE_NB_REPORTS") or project_folder() / "reports").expanduser().resolve()


def group_of(data=""):
    """Return the default name of a set of runs: "sample", or the name of the file of the training table."""
    return Path(data).stem.lstrip(".") if data else "sample"


def run_folder(reports, group, algorithm, tag):
    """Return the folder of a run, `REPORTS/GROUP/ALGORITHM/TAG`, or raise an error if it cannot be written to."""
    for name in (group, algorithm, tag):
        if not name or name.startswith(".") or Path(name).name != name:
            raise ValueError(f"{name!r} cannot be the name of a folder of runs")
    folder = reports_folder(reports) / group / algorithm / tag
    _require_writable(folder)
    return folder


def check_output(path, suffix):
    """Raise an error, before any work is done, if a file has the wrong suffix or its folder cannot be written to."""
    path = Path(path).expanduser().absolute()
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path.name}: the name must end in {suffix}")
    _require_writable(path.parent)


def _require_writable(folder):
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"cannot write to {folder}: {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write to {folder}: no permission to write in {nearest}")


@contextmanager
def naming_file(path):
    """Give an error about what a file holds the path of the file, unless it has it; None stands for a table in memory.

    Numbers that are too large, and types that a library does not know, become a `ValueError` as well.
    """
    try:
        yield
    except (ValueError, OverflowError, NotImplementedError) as error:
        is_named = path is None or str(path) in str(error)
        if is_named and isinstance(error, ValueError):
            raise
        raise ValueError(str(error) if is_named else f"{path}: {error}") from error


def read_json(path):
    """Return the content of a JSON file; a file that is too large, damaged or nested too deeply is a `ValueError`."""
    return parse_json(_read_text(path, MOST_JSON), path)


def parse_json(text, name):
    """Return the content of JSON text; a `ValueError` calls it `name` if it is none or is nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not JSON that can be read: {_reason(error)}") from error


def read_yaml(path):
    """Return the content of a YAML file of plain values; a `ValueError` names the file if it cannot be read.

    Aliases are understood, but neither those that contain themselves nor those that make a huge document of a small
    file.
    """
    text = _read_text(path, MOST_YAML)
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:  # an empty file
            return None
        _count_values(node, {})
        return yaml.SafeLoader("").construct_document(node)
    except Exception as error:  # of `!!int _`, `!!bool x`, `!!timestamp x` PyYAML makes errors of all kinds
        raise ValueError(f"{path} is not YAML that can be read: {_reason(error)}") from error


def _count_values(node, counts):
    """Return how many values a node of YAML holds once its aliases are written out; too many are a `ValueError`."""
    if id(node) in counts:
        if counts[id(node)] is None:
            raise ValueError("an alias contains itself")
        return counts[id(node)]
    counts[id(node)] = None
    inner = node.value if isinstance(node, yaml.CollectionNode) else []
    parts = chain.from_iterable(inner) if isinstance(node, yaml.MappingNode) else inner
    counts[id(node)] = total = 1 + sum(_count_values(part, counts) for part in parts)
    if total > MOST_VALUES or (isinstance(node, yaml.ScalarNode) and len(node.value) > MOST_TEXT):
        raise ValueError("it holds more values, or longer ones, than any settings have")
    return total


def _read_text(path, most):
    path = existing_file(path)
    if (size := path.stat().st_size) > most:
        raise ValueError(f"{path} has {size} bytes; a file of its kind has at most {most}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text: {error}") from error


def _reason(error):
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error) or type(error).__name__
