"""Functions that numba compiles: said once, and kept where the folders of the package and the user are read-only."""

import subprocess
import sys

CODE = """
import numpy as np
from scope_nb.features.statistics import light_curve_statistics as compute
time = np.arange(60.0)
print(compute(time, np.sin(time), np.full(60, 0.1))["n"])
"""


def run(folder, locked):
    """Compute statistics in a new process with a cache of its own, and return what it printed."""
    environment = {"NUMBA_CACHE_DIR": "" if locked else str(folder), "TMPDIR": str(folder), "PATH": ""}
    if locked:  # the same as if no folder could be written
        environment["NUMBA_CACHE_LOCATOR_CLASSES"] = "UserProvidedCacheLocator"
    options = {"env": environment, "capture_output": True, "encoding": "utf-8", "check": True}
    return subprocess.run([sys.executable, "-c", CODE], **options).stdout


def test_compiling_is_said_once_and_kept(tmp_path):
    said = "compiling the searches and features, once on this machine: about half a minute\n"
    assert run(tmp_path, locked=False) == f"{said}60.0\n"
    assert run(tmp_path, locked=False) == "60.0\n"


def test_a_package_that_cannot_be_written_to_compiles_into_a_temporary_folder(tmp_path):
    assert run(tmp_path, locked=True).endswith("60.0\n")
    assert not list(tmp_path.iterdir())  # it is gone
