"""Killed, interrupted and failing writers leave the old file or the new one, whole, and nothing beside it."""

import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from scope_nb import runs, writing
from scope_nb.runs import saved

MOMENTS = [  # a call of the system during which a run is saved, and of which run one finds the time afterwards
    ("fsync", "before", 1, "01-01"),  # while the first file of the new run is written
    ("replace", "before", 2, "01-01"),  # the new run is written, the old one stands
    ("replace", "after", 2, "01-01"),  # the old one is moved aside
    ("replace", "before", 3, "01-01"),
    ("replace", "after", 3, "02-02"),  # the new one has its name, the old one is not removed yet
]
KILLED = """
import os, sys
from scope_nb import runs

def save(folder, name, moment, number):
    real, calls = getattr(os, name), []

    def kill_at(*arguments):
        calls.append(name)
        if moment == "before" and len(calls) == number:
            os.kill(os.getpid(), 9)
        real(*arguments)
        if moment == "after" and len(calls) == number:
            os.kill(os.getpid(), 9)

    run = runs.load_run(folder)
    setattr(os, name, kill_at)
    runs.write_run(run.folder, run.evaluation, run.record | {"time": "2026-02-02T00:00:00"})

for text in sys.argv[1:]:
    folder, name, moment, number = text.split()
    child = os.fork()
    if not child:
        save(folder, name, moment, int(number))
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""
RECORD = {"time": "2026-01-01T00:00:00", "data": {"file": "t.parquet", "sha256": "1", "simulated": False}}


def content(folder):
    """Return what is in a folder, hidden files included: the bytes of each file by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_whose_saving_was_killed_is_the_old_or_the_new_one(tmp_path, evaluation, start):
    folders = [runs.write_run(tmp_path / f"{k}/g/xgb/rrlyr", evaluation, RECORD) for k in range(len(MOMENTS))]
    calls = [f"{name} {moment} {number}" for name, moment, number, _ in MOMENTS]
    texts = [f"{folder} {call}" for folder, call in zip(folders, calls, strict=True)]
    killed, problems = start(KILLED, *texts).communicate()
    assert killed.split() == ["9"] * len(MOMENTS), problems
    new = RECORD | {"time": "2026-02-02T00:00:00"}
    undisturbed = runs.write_run(tmp_path / "undisturbed/g/xgb/rrlyr", evaluation, new).parents[1]
    for folder, (*_, time) in zip(folders, MOMENTS, strict=True):
        assert len(list(folder.parent.iterdir())) > 1  # the kill came in the middle
        assert runs.load_runs(folder.parents[2])["time"].tolist() == [f"2026-{time}T00:00:00"]
        runs.write_run(folder, evaluation, new)
        assert content(folder.parents[1]) == content(undisturbed)


def test_a_run_that_was_moved_aside_is_read_by_its_name(tmp_path, evaluation):
    folder = runs.write_run(tmp_path / "g/xgb/rrlyr", evaluation, RECORD)
    (folder.parent / ".rrlyr.abcd1234.part" / "new").mkdir(parents=True)
    folder.rename(folder.parent / ".rrlyr.abcd1234.part" / "old")
    assert runs.load_run("g/xgb/rrlyr", tmp_path).folder == folder
    assert [path.name for path in folder.parent.iterdir()] == ["rrlyr"]


def test_leftovers_are_cleared_but_not_those_of_a_living_process(tmp_path, start, monkeypatch):
    code = "import sys; from scope_nb.writing import write_atomically\nwith write_atomically(sys.argv[1]) as part:\n"
    code += "    part.write_text('other'); print(part, flush=True); input()"
    process = start(code, tmp_path / "slow.txt")
    part = Path(process.stdout.readline().strip())
    for name in (".dead.txt.abcd1234.part", ".fresh.txt.abcd1234.part", ".old.txt.abcd1234.part"):
        (tmp_path / name).mkdir()
    writing.clear_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [part.parent.name]

    for name in (".fresh.txt.abcd1234.part", ".old.txt.abcd1234.part"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / ".old.txt.abcd1234.part", (0, 0))
    monkeypatch.setattr(writing, "fcntl", None)  # as where nobody can tell who lives
    with writing.write_atomically(tmp_path / "beside.txt") as beside:
        beside.write_text("", encoding="utf-8")
    names = {".fresh.txt.abcd1234.part", part.parent.name, "beside.txt"}
    assert {path.name for path in tmp_path.iterdir()} == names
    process.communicate("\n")
    assert (tmp_path / "slow.txt").read_text(encoding="utf-8") == "other"


def test_an_error_between_the_renames_puts_the_old_folder_back(tmp_path, monkeypatch):
    folder, replace = tmp_path / "folder", os.replace
    folder.mkdir()
    (folder / "a").write_text("old", encoding="utf-8")

    def fail_for_the_new(source, target):
        if Path(source).name == "new":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_for_the_new)
    with pytest.raises(KeyboardInterrupt), writing.write_atomically(folder) as part:
        part.mkdir()
    assert content(tmp_path) == {"folder/a": b"old"} and len(list(tmp_path.iterdir())) == 1


@pytest.fixture(params=["limit", "tmpfs"])
def full_disk(request, tmp_path):
    """A folder in which no file of more than 64 kB can be written."""
    if request.param == "limit":
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        yield tmp_path
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk_costs_nothing_that_was_there_and_is_named(full_disk, evaluation):
    run = runs.write_run(full_disk / "rrlyr", evaluation, RECORD)
    before = content(full_disk)
    with pytest.raises(OSError, match=rf"cannot write {run}: .*(No space left|File too large)"):
        runs.write_run(run, evaluation, RECORD | {"parameters": {"x": "y" * 100_000}})
    with pytest.raises(OSError, match=r"cannot write .*/file: "), writing.write_atomically(full_disk / "file") as part:
        part.write_bytes(b"x" * 100_000)
    assert content(full_disk) == before and len(list(full_disk.iterdir())) == 1
    assert saved.load_run(run).record == RECORD


def test_a_folder_that_cannot_be_written_is_named_and_can_be_read(tmp_path, evaluation):
    folder = runs.write_run(tmp_path / "g/xgb/rrlyr", evaluation, RECORD)
    before = content(tmp_path)
    folder.parent.chmod(0o500)
    try:
        if os.access(folder.parent, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(PermissionError, match=f"cannot write {folder}"):
            runs.write_run(folder, evaluation, RECORD)
        assert len(runs.load_runs(tmp_path)) == 1
    finally:
        folder.parent.chmod(0o700)
    assert content(tmp_path) == before


HOLDS = """
import sys
from scope_nb import writing

with writing.lock(sys.argv[1]):
    print("held", flush=True)
    input()
"""


def test_two_processes_on_one_run_take_turns_and_the_second_is_told(tmp_path, start):
    path = tmp_path / "g" / "rrlyr"
    other = start(HOLDS, path)
    assert other.stdout.readline() == "held\n"
    threading.Timer(0.5, lambda: (other.stdin.write("\n"), other.stdin.flush())).start()
    with pytest.warns(UserWarning, match=f"rrlyr is in use by process {other.pid} on .*: waiting"), writing.lock(path):
        assert other.wait() == 0
        child = start(HOLDS, path)  # that of the holder, as the kernel of a notebook is, need not wait
        assert child.stdout.readline() == "held\n"
        with writing.lock(path):  # nor does the holder itself
            pass
        child.communicate("\n")
        assert child.returncode == 0
    assert not list(path.parent.iterdir())
    killed = start(HOLDS, path)
    assert killed.stdout.readline() == "held\n"
    killed.kill()
    killed.wait()
    with writing.lock(path):  # without a warning
        pass


def test_two_writers_at_once_leave_one_whole_file(tmp_path, start):
    code = "import sys; from scope_nb.writing import write_atomically\nfor k in range(50):\n"
    code += "    with write_atomically(sys.argv[1]) as part: part.mkdir(); (part / 'a').write_text(sys.argv[2] * 9999)"
    writers = [start(code, tmp_path / "folder", letter) for letter in "xy"]
    for process in writers:
        assert process.wait() == 0 or "cannot write" in process.stderr.read()  # told, where they met
    assert len(set((tmp_path / "folder" / "a").read_text(encoding="utf-8"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
