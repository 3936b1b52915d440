"""Files: written whole or not at all, and identified by their hash."""

import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path):
    """Write a file or folder under a temporary name and rename it once it is complete.

    Parameters
    ----------
    path : path-like
        Where the result goes. A file there is replaced; so is a folder.

    Yields
    ------
    pathlib.Path
        The temporary name beside `path`, to be written to (a file) or created (a folder).

    Raises
    ------
    OSError
        If the folder cannot be made or written to; nothing is left behind.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _replace(part, path)
    except OSError as error:
        raise type(error)(f"cannot write {path}: {error}") from error
    finally:
        _remove(part)


def _replace(part, path):
    """Rename `part` to `path`; a folder already there is moved aside first, so that it never is half gone."""
    if not path.is_dir():
        os.replace(part, path)
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    os.replace(path, old)
    os.replace(part, path)
    _remove(old)


def _remove(path):
    """Remove a file or folder if it is there; clearing up must not hide the error that made it necessary."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sha256(path):
    """Return the SHA-256 of a file's content as a hexadecimal string."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def existing(path):
    """Return `path` as a `Path`, or say which file is missing and what lies beside it."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a file was expected")
    beside = sorted(p.name for p in path.parent.glob(f"*{path.suffix}"))[:8] if path.parent.is_dir() else []
    hint = f"; {path.parent} holds {', '.join(beside)}" if beside else ""
    raise FileNotFoundError(f"there is no file {path}{hint}")


def project_folder():
    """Return the project's checkout, or the working folder where the package is installed without one."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def sample(name="training_set"):
    """Return the path of an embedded, simulated sample: "training_set" or "lightcurves"."""
    return existing(project_folder() / "data" / f"sample_{name}.parquet")


def reports_folder(path=""):
    """Return where runs are saved: `path`, or $SCOPE_NB_REPORTS, or the project's `reports/`."""
    return Path(path or os.environ.get("SCOPE_NB_REPORTS") or project_folder() / "reports").expanduser().resolve()


def group_of(data=""):
    """Return the default name of a set of runs: "sample", or the name of the file of the training table."""
    return Path(data).stem.lstrip(".") if data else "sample"


def run_folder(reports, group, algorithm, tag):
    """Return the folder of a run, `REPORTS/GROUP/ALGORITHM/TAG`, or say now rather than later that it cannot be made.

    Raises
    ------
    OSError
        If a file stands in the way or the folder that exists cannot be written to.
    ValueError
        If a name would lead out of its folder.
    """
    for name in (group, algorithm, tag):
        if not name or name.startswith(".") or Path(name).name != name:
            raise ValueError(f"{name!r} cannot be the name of a folder of runs")
    folder = reports_folder(reports) / group / algorithm / tag
    _check_folder(folder)
    return folder


def check_output(path, suffix):
    """Say now rather than later that a file cannot be written: wrong suffix, or no folder to write to."""
    path = Path(path).expanduser().absolute()
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path.name}: the name must end in {suffix}")
    _check_folder(path.parent)


def _check_folder(folder):
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"cannot write to {folder}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write to {folder}: no permission to write in {there}")
