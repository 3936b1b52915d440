"""The front door and the rooms: names load when they are first used, and data flows one way."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import scope_nb

PACKAGE = Path(scope_nb.__file__).parent
ROOMS = ["lightcurves", "periods", "features", "dataset", "models", "scores", "runs", "survey", "labelling"]
GROUND = ["compiled", "taxonomy", "files", "writing", "parquet", "config", "notebook", "fetch"]
ORDER = [*GROUND, *ROOMS, "plots", "run_plots", "star_plots", "label_plots", "pages", "report", "__main__"]


def test_import_alone_loads_nothing_and_changes_nothing():
    code = (
        "import os, sys; modules, environment = set(sys.modules), dict(os.environ); import scope_nb\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - modules} - sys.stdlib_module_names\n"
        "assert new == {'scope_nb'}, new\n"
        "assert dict(os.environ) == environment"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("package", ["scope_nb", *(f"scope_nb.{room}" for room in ROOMS)])
def test_every_name_at_a_door_can_be_used(package):
    module = import_module(package)
    assert {*module.__all__} <= {*dir(module)}
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_before_its_own(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    place = ORDER.index(parts[0]) if parts[0] in ORDER else -1  # scope_nb itself comes before all
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == len(parts):
            rooms = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            for room in rooms:
                assert ORDER.index(room) <= place if room in ORDER else room == "names_on_demand" or not node.module
