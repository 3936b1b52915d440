"""Damage files of every kind that the kit reads, and see that each is read or refused by an error with its name.

`python tests/fuzz/fuzz_run.py READER SECONDS SEED` damages the files of one reader for so long, or tries `FEW` inputs
if that is 0. It prints how many inputs there were and how many were read. The folder that it names first keeps the
file that led to anything but a refusal, be it a crash of the interpreter.
"""

import json
import re
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

from fuzz_readers import READERS, write_files
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

FEW = 60
MEMORY = 8 * 2**30  # bytes: a file that asks for more shows as an error of memory
# fmt: off
ODD = [
    "", "[", "]", "{", "}", '"', "'", ",", ":", "-", "&a ", "*a ", "!!int _", "!!bool x", "<<: ", "null", "true", "NaN",
    "-9", "0", "1", "-1", "1e999", "1e400", "2147483648", "9" * 400, "2020-99-99", "0x", "x", "[]", "{}", "[1]", '""',
    "[" * 2000, '{"a":' * 2000, "\0", "é", "\n", " ", "\t", "#", ";",
]
# fmt: on
TOKEN = re.compile(rb"[\w.+-]+|\S")


@st.composite
def damaged(draw, originals):
    """Draw a damaged copy of one of some files, each a tuple of name and content."""
    name, content = draw(st.sampled_from(originals))
    content, is_text = bytearray(content), b"\0" not in content
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["token"] * 6 * is_text + ["flip", "byte", "cut", "delete", "insert", "repeat"]))
        length = draw(st.integers(1, 64))
        if kind == "token":
            token = TOKEN.search(content, place)
            start, stop = token.span() if token else (place, place)
            content[start:stop] = draw(st.sampled_from(ODD)).encode()
        elif kind == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte" and content:
            content[place] = draw(st.sampled_from([0, 1, 127, 128, 255]))
        elif kind == "cut":
            del content[place:]
        elif kind == "delete":
            del content[place : place + length]
        elif kind == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "repeat":
            content[place:place] = content[place : place + length]
    return name, bytes(content)


def run(reader, seconds, first_seed):
    """Return how many damaged files one reader saw, and how many of them it read."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader}-"))
    print(f"the damaged files are in {folder}", file=sys.stderr, flush=True)
    read, counts = READERS[reader], {"inputs": 0, "read": 0}
    originals = [(path.name, path.read_bytes()) for path in write_files(reader, folder)]
    for name, content in originals:
        read(_write(folder, name, content))  # undamaged ones are read

    def check(case):
        path = _write(folder, *case)
        counts["inputs"] += 1
        try:
            read(path)
            counts["read"] += 1
        except (ValueError, OSError) as error:
            assert path.name in str(error), f"{type(error).__name__} does not name the file: {error}"

    start, number = time.monotonic(), first_seed
    while number == first_seed or time.monotonic() - start < seconds:
        options = dict(max_examples=FEW if not seconds else 2000, database=None, deadline=None)
        options |= dict(phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        seed(number)(settings(**options)(given(damaged(originals))(check)))()
        number += 1
    shutil.rmtree(folder)
    return counts


def _write(folder, name, content):
    path = folder / name
    path.unlink(missing_ok=True)  # a reader may still have the old one mapped into memory
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print(json.dumps(run(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))
