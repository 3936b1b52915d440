"""Writing: whole or not at all, flushed to the disk, by one process at a time; long work in parts."""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import time
import uuid
import warnings
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import gethostname

from .files import sha256

try:
    import fcntl
except ImportError:  # on Windows; nothing is locked there
    fcntl = None

LEFTOVER = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.part")  # folders in which `write_atomically` works
A_DAY = 86400  # seconds
LOCK_HELD = "SCOPE_NB_LOCK_HELD"  # variable that tells a process which lock the one that started it holds


@contextmanager
def write_atomically(path):
    """Yield a temporary name beside `path` to write a file or make a folder, which is renamed once it is complete.

    It is flushed to the disk before it gets its name. A file or folder that stands at `path` is replaced. If anything
    fails, nothing is left behind; of a killed process the next one that writes into the folder clears the rest away.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent)
        folder, guard = _make_temporary(path)
        try:
            yield folder / "new"
            flush(folder / "new")
            if path.is_dir():  # is moved aside first, so that it is never half gone
                os.replace(path, folder / "old")
            os.replace(folder / "new", path)
            flush_folder(path.parent)
        finally:
            _clear(folder, path, guard)
    except OSError as error:
        raise type(error)(f"cannot write {path}: {error}") from error


def _make_temporary(path):
    """Return a new hidden folder beside `path`, and an open file in it whose lock says that somebody is at work."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        with suppress(FileNotFoundError):  # another process cleared it away before it was locked
            guard, locked = _open_locked(folder / "lock")
            if not locked:
                guard.close()
            return folder, guard


def _clear(folder, path, guard):
    """Remove a temporary folder; if `path` was moved into it and nothing came in its place, it is put back first."""
    new, old = folder / "new", folder / "old"
    with closing(guard):
        if old.exists() and new.exists() and not path.exists():  # without a new one, the old one is half removed
            try:
                os.replace(old, path)
            except OSError:
                return  # the only copy stays
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()  # network file systems keep an open file until it is closed


def clear_leftovers(folder):
    """Clear away what killed processes left unfinished in a folder, and put back what they had moved aside.

    Where the file system knows no locks, nothing is touched for a day, as its process may be alive.
    """
    for left in Path(folder).glob(".*.part"):
        match = LEFTOVER.fullmatch(left.name)
        with suppress(OSError):  # of another user, or gone by now
            if match and left.is_dir():
                changed = max(inner.stat().st_mtime for inner in (left, *left.iterdir()))
                guard, locked = _open_locked(left / "lock", wait=False)
                if locked or (locked is None and time.time() - changed > A_DAY):
                    _clear(left, left.with_name(match["name"]), guard)
                guard.close()


def flush(path):
    """Have the system write a file, or a folder with all that is in it, to the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            flush(inner)
        flush_folder(path)
    else:
        _flush(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)


def flush_folder(path):
    """Have the system write the names in a folder to the disk, if it knows how to."""
    with suppress(OSError):
        _flush(path, os.O_RDONLY)


def _flush(path, flags):
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def lock(path, wait=True):
    """Hold a file or folder, so that no other process that asks for it works on it.

    If another one holds it, wait for it, with a warning, or raise a `BlockingIOError` that names it. Processes that are
    started meanwhile, such as the kernel of a notebook, may work on it too. Where the file system knows no locks,
    nothing is held.
    """
    path, outer, token = Path(path), os.environ.get(LOCK_HELD, ""), uuid.uuid4().hex
    name = path.with_name(f".{path.name}.lock")
    try:
        file = _acquire(name, path, outer, wait)
        if file:
            file.truncate(0)
            file.write(f"{token} process {os.getpid()} on {gethostname()}".encode())
    except OSError as error:
        raise type(error)(f"cannot write {path}: {error}") from error
    if file is None:
        yield
        return
    os.environ[LOCK_HELD] = token
    try:
        yield
    finally:
        os.environ[LOCK_HELD] = outer
        with file, suppress(OSError):
            name.unlink()  # before it is released, so that it is not another's


def _acquire(name, path, outer, wait):
    """Return the open lock file of that name, or None if the process that started this one holds it as `outer`."""
    name.parent.mkdir(parents=True, exist_ok=True)
    file, locked = _open_locked(name, wait=False)
    if locked is False:
        with file:
            file.seek(0)
            token, _, holder = file.read().decode("utf-8", "replace").partition(" ")
        if outer and token == outer:
            return None
        if not wait:
            raise BlockingIOError(f"it is in use by {holder or 'another process'}")
        warnings.warn(f"{path} is in use by {holder or 'another process'}: waiting until it is free", stacklevel=5)
        file, _ = _open_locked(name)
    return file


def _open_locked(path, wait=True):
    """Open a lock file, and return it and whether it is locked: False if another process holds it, None if unknown."""
    while True:
        file = io.FileIO(path, "a+")
        locked = _try_lock(file, wait)
        if locked is False:
            return file, False
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file, locked
        file.close()  # the one that held it has removed it


def _try_lock(file, wait):
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None  # the file system knows no locks
    return True


class Parts:
    """Parts of long work: folders in a hidden `folder` beside its output, until that is complete.

    A part is written whole or not at all, with the SHA-256 of its files. `settings`, which JSON can hold, are all that
    the parts follow from: those of other settings lie in another folder, and count no longer.
    """

    SUMS = "sums.json"

    def __init__(self, output, settings):
        output = Path(output).expanduser().absolute()
        self._output, self._prefix = output, f".{output.name}.parts-"
        key = hashlib.blake2b(json.dumps(settings).encode(), digest_size=8).hexdigest()
        self.folder = output.with_name(self._prefix + key)

    def missing(self, names):
        """Return the names of the parts that are not there or damaged; a warning says if others count no longer."""
        others = [folder.name for folder in self._folders() if folder != self.folder]
        if others and not self.folder.is_dir():
            warnings.warn(
                f"{self._output} is begun anew: data, settings or version are not those of the parts in {others[0]}, "
                "which is removed at the end",
                stacklevel=3,
            )
        return [name for name in names if not self._is_whole(self.folder / name)]

    @contextmanager
    def write(self, name):
        """Yield a new folder to write the files of a part into."""
        with write_atomically(self.folder / name) as part:
            part.mkdir()
            yield part
            (part / self.SUMS).write_text(json.dumps(self._sums(part)), encoding="utf-8")

    def remove(self):
        """Remove all parts, once the output is complete."""
        for folder in self._folders():
            shutil.rmtree(folder)

    def _folders(self):
        parent = self._output.parent
        return [p for p in sorted(parent.iterdir()) if p.name.startswith(self._prefix)] if parent.is_dir() else []

    def _is_whole(self, part):
        try:
            return json.loads((part / self.SUMS).read_text(encoding="utf-8")) == self._sums(part)
        except (OSError, ValueError):
            return False

    def _sums(self, part):
        return {file.name: sha256(file) for file in sorted(part.iterdir()) if file.name != self.SUMS}
