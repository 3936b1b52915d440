"""The README keeps its word: its commands and examples run as they stand, and it names every tag and notebook."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

import scope_nb
from scope_nb import files, read_lightcurves, read_parquet, write_lightcurves, write_parquet
from scope_nb.taxonomy import feature_columns, label_names, tags

ROOT = Path(scope_nb.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ASKED = ["vnv", "pnp", "e", "puls", "rrlyr", "rrab"]  # the tags that the small table of this test can train
# what takes long, opens a window or needs the network: here it is only seen that it exists
NOT_RUN = r"make (test|test-all|lab|fuzz|sample|benchmark)\b|conda |python -m scope_nb fetch|python data/simulate"
ALSO = """
papermill notebooks/train.ipynb out.ipynb -p tag e -p by_star false
papermill notebooks/train.ipynb out.ipynb -p tag e -p leak true -p seeds 2
papermill notebooks/train.ipynb out.ipynb -p tag rrlyr -p folds 2 -p split scope -p threshold 0.5 -p group mine
make report TAG=e ALGORITHM=forest FOLDS=2 LIMIT=30 GROUP=mine
make index
python -m scope_nb report --ensemble xgb forest --tags rrlyr --compare
python -m scope_nb classify my_stars/V0.csv my_stars/V1.csv --min-epochs 20 --top 1
python -m scope_nb classify my_stars --no-repair --false-alarms 0.01 --output elsewhere
"""


def commands():
    """Return the commands of the README's indented lines; one that goes on in the next line is one."""
    lines = README.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if re.match(r"    (make|\.venv/bin/|python |conda )", line)]


def examples():
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with a small training table, and the files that the README speaks of."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("scope_nb", "notebooks", "data", "Makefile", "pyproject.toml", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "reports").mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    table = read_parquet(files.sample())
    table = table[pd.factorize(table["obj_id"])[0] % 3 == 0].reset_index(drop=True)
    unasked = [label for label in label_names() if label not in [*tags().loc[ASKED, "label"], "non-variable"]]
    table[unasked] = 0.0
    write_parquet(table, folder / "data" / "sample_training_set.parquet")
    write_parquet(table, folder / "training_set.parquet")
    table["blue loop star"] = (table["RR Lyrae"] > 0.7).astype(float)
    write_parquet(table, folder / "data" / "my_table.parquet")
    write_parquet(table, folder / "my_table.parquet")
    curves = read_lightcurves(files.sample("lightcurves")).select(range(60))
    curves.meta["label"] = np.where(np.arange(60) % 2, "RRc", "EA")
    write_lightcurves(curves, folder / "stars.parquet")
    (folder / "my_stars").mkdir()
    for k in range(3):
        frame = pd.DataFrame({name: getattr(curves[k], name) for name in ("time", "mag", "err")})
        frame.to_csv(folder / "my_stars" / f"V{k}.csv", index=False)
    (folder / "my_tags.csv").write_text("class,tags\nRRc,vnv pnp puls rrlyr rrc\nEA,vnv pnp e ea\n", encoding="utf-8")
    config = "features: {info: {period_suffix: ELS_ECE_EAOV}}\n"
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    names = feature_columns("ontological", "ELS_ECE_EAOV")
    raw = xgboost.DMatrix(table[names].fillna(0.0), label=table["RR Lyrae ab"] > 0.7)
    settings = {"objective": "binary:logistic", "max_depth": 3}
    xgboost.train(settings, raw, 4).save_model(folder / "rrab.20230101_000000.json")
    names = {"ra": curves.meta["ra"], "dec": curves.meta["dec"], "phot_g_mean_mag": 17.0, "parallax": 0.5}
    pd.DataFrame(names).to_csv(folder / "gaia.csv", index=False)
    return folder


def run(command, folder):
    """Run a command of a shell in a folder; what it prints is in the error if it fails."""
    environment = os.environ | {"PATH": f"{folder}/.venv/bin:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    environment.pop("SCOPE_NB_REPORTS", None)
    options = {"cwd": folder, "env": environment, "capture_output": True, "encoding": "utf-8"}
    done = subprocess.run(command, shell=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


def test_every_command_of_the_readme_runs_as_it_stands_and_combined(project):
    assert len(commands()) > 25
    for command in [*commands(), *ALSO.strip().splitlines()]:
        if re.search(NOT_RUN, command):
            if command.startswith("make"):
                run(f"make -n READY= {command.removeprefix('make')}", project)
            continue
        command = command.replace("/path/to/", "")
        if command.startswith("make"):
            command = command.replace("make", "make READY=", 1)
        run(command, project)
        shutil.copy(project / "my_table.parquet", project / "data" / "my_table.parquet")  # one that has enough labels


def test_every_example_of_the_readme_runs(project):
    assert len(examples()) > 6
    restore = 'shutil.copy("my_table.parquet", "data/my_table.parquet")\n'
    (project / "examples.py").write_text(EXAMPLES_BEGIN + restore.join(examples()), encoding="utf-8")
    run(f"{sys.executable} examples.py", project)


EXAMPLES_BEGIN = """
import shutil
import numpy as np, pandas as pd, scope_nb
stars = scope_nb.read_lightcurves("stars.parquet")
time, mag, err = stars.time[:100], stars.mag[:100], stars.err[:100]
frame = pd.DataFrame({"time": time, "mag": mag, "err": err, "when": time, "brightness": mag, "designation": "V1"})
"""


def test_the_readme_names_every_tag_notebook_and_command():
    for tag, label in tags()["label"].items():
        assert f"`{tag}` {label}" in " ".join(README.split()), tag
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"| `notebooks/{notebook.name}` |" in README
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file(), picture
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|    )make ([a-z-]+)", README)) <= targets
