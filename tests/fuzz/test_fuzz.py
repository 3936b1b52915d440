"""Whatever is in a file, it is read or refused by an error with its name; the interpreter never dies of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzz_readers import READERS

MINUTES = float(os.environ.get("SCOPE_NB_FUZZ_MINUTES", 0))  # for all readers together; 0 stands for a few inputs


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_read_or_refused(reader):
    if reader == "training_hdf5":
        pytest.importorskip("tables")
    seconds, seed = 60 * MINUTES / len(READERS), int(time.time()) if MINUTES else 0
    command = [sys.executable, str(Path(__file__).with_name("fuzz_run.py")), reader, str(seconds), str(seed)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=seconds + 300, check=False)
    assert child.returncode == 0, (
        f"status {child.returncode}, seed {seed}\n{child.stderr[:200]}\n{child.stderr[-6000:]}"
    )
    counts = json.loads(child.stdout)
    assert counts["inputs"] > counts["read"]  # that undamaged ones are read is seen in the child
    print(reader, counts)
