"""The manifest of a folder of parts: what each was made from and with, and whether it is whole."""

import hashlib
import json
from contextlib import suppress

from ..files import sha256
from ..writing import write_atomically

NAME = "_manifest.jsonl"  # names that begin so are no part of a data set


class Manifest:
    """The record of the parts of a folder, one line of JSON for each; of several lines of a part the last one counts.

    An entry has `name`, `inputs` (what the part was made from), `settings` (the key of a line that holds them in full),
    `sha256` of its file (None where it has none), `error`, and what else is known of the part. Only one process writes.
    """

    def __init__(self, folder):
        self.folder, self._path = folder, folder / NAME
        self._lines = {}
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        for line in lines:
            with suppress(ValueError):  # the last one of a process that was killed
                entry = json.loads(line)
                self._lines[entry.get("name", entry["settings"])] = entry
        if len(lines) > len(self._lines):
            self._rewrite()

    def _rewrite(self):
        with write_atomically(self._path) as part:
            part.write_text("".join(map(_line_of, self._lines.values())), encoding="utf-8")

    def __getitem__(self, name):
        return self._lines[name]

    def names(self):
        """Return the names of the parts."""
        return [name for name, entry in self._lines.items() if "name" in entry]

    def path(self, name):
        """Return the file of a part."""
        return self.folder / f"{name}.parquet"

    def is_current(self, name, inputs, settings):
        """Return whether a part is whole, and was made without error from these inputs with these settings."""
        entry, path = self._lines.get(name, {"error": "it is not there"}), self.path(name)
        if entry["error"] or entry["inputs"] != inputs or entry["settings"] != settings:
            return False
        return (sha256(path) if path.exists() else None) == entry["sha256"]

    def remove(self, names):
        """Remove parts and their files."""
        for name in names:
            self.path(name).unlink(missing_ok=True)
            del self._lines[name]
        if names:
            self._rewrite()

    def add_settings(self, values):
        """Return the key of settings, which JSON can hold."""
        key = hashlib.blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()
        if key not in self._lines:
            self.add({"settings": key, "values": values})
        return key

    def add(self, entry):
        """Record a part, or settings."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line_of(entry))
        self._lines[entry.get("name", entry["settings"])] = entry


def _line_of(entry):
    return json.dumps(entry) + "\n"
