"""The labelling desk in a real JupyterLab: clicks and keys give the expected votes, and a restart loses none."""

import json
import os
import subprocess
import sys
import time

import nbformat
import pytest
from browser import PROGRAM, Browser

from scope_nb.labelling import Desk, read_votes

STARS = ["star <1>", *(f"star{k}" for k in range(2, 25))]
TYPED = ["e", "none", "rrab", "?", "rrlyr"] * 4  # lines for the last 20 stars
CELL = f"""
import time
from matplotlib.figure import Figure
from scope_nb.labelling import Desk

def draw(star, period):
    time.sleep(0.5)  # as a picture of many epochs takes: who types meanwhile loses nothing
    figure = Figure(figsize=(6, 2))
    figure.text(0.1, 0.5, f"{{star}} {{period}}", parse_math=False)
    return figure

Desk({STARS}, "votes.csv", "Anna", ["rrlyr", "rrab", "e", "blue loop star"], draw, {{"star2": 0.25}})
"""
BUTTON = "[...document.querySelectorAll('.widget-button, .widget-toggle-button')].find((b) => b.innerText == '%s')"
LINES = "document.querySelector('.widget-textarea textarea')"
SHOWN = "document.querySelector('.widget-html-content, .widget-html')?.innerText.includes('%s')"


@pytest.fixture
def lab(tmp_path):
    """Start a JupyterLab in a folder with a notebook; return its address and token."""
    cells = [nbformat.v4.new_code_cell(CELL)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "desk.ipynb")
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--LabApp.expose_app_in_browser=True"]
    places = {f"JUPYTER_{name}_DIR": str(tmp_path / f".{name}") for name in ("CONFIG", "RUNTIME")}
    with open(tmp_path / "lab.log", "w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "jupyterlab", *options, str(tmp_path)]
        process = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log, cwd=tmp_path)
    while not (files := list(tmp_path.glob(".RUNTIME/jpserver-*.json"))):
        assert process.poll() is None, (tmp_path / "lab.log").read_text(encoding="utf-8")
        time.sleep(0.1)
    server = json.loads(files[0].read_text(encoding="utf-8"))
    yield server["url"], server["token"]
    process.terminate()
    process.wait()


@pytest.mark.skipif(PROGRAM is None, reason="there is no chromium here: apt-get install chromium")
def test_clicks_and_keys_give_votes_and_a_restart_loses_none(lab, tmp_path):
    browser = Browser(tmp_path)
    try:
        run_notebook(browser, lab)
        vote(browser, tmp_path)
        browser.run("void jupyterapp.commands.execute('notebook:restart-run-all')")
        browser.click("document.querySelector('.jp-Dialog .jp-mod-accept')")
        browser.wait_for(f"!({SHOWN % 'star'})")  # the desk of the old kernel is gone
        browser.wait_for(SHOWN % "star4, 3 of 24 answered by Anna")
        enter(browser, "undo", "star3, 2 of 24")
        enter(browser, "none", "star4, 3 of 24")
        enter(browser, "?", "star5, 4 of 24")
        for line in TYPED:  # as fast as they can be sent, while the desk draws
            browser.call("Input.insertText", text=line)
            browser.press("Enter", 13)
        browser.wait_for(SHOWN % "all stars are answered")
    finally:
        browser.close()
    votes = read_votes(tmp_path / "votes.csv").set_index("obj_id")
    typed, votes = votes.loc[STARS[4:]], votes.loc[STARS[:4]]
    tags = typed["tags"].str.partition(";")[0].where(typed["answer"] == "vote", "?")
    assert tags.replace("", "none").tolist() == TYPED
    assert votes["answer"].tolist() == ["vote", "vote", "vote", "don't know"]
    assert votes["tags"].to_dict() == {
        "star <1>": "rrlyr;rrab;puls;vnv;pnp",
        "star2": "e;pnp;vnv;wp;hp",
        "star3": "",
        "star4": "",
    }
    assert votes.loc["star2", "period"] == "0.5"
    lines = (tmp_path / "votes.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 8 + len(TYPED)  # undone ones stay


def vote(browser, folder):
    """Vote on three stars by mouse and keyboard."""
    browser.wait_for(SHOWN % "star <1>, 0 of 24 answered by Anna")
    browser.wait_for("document.querySelector('.widget-image').naturalWidth > 100")
    browser.click(BUTTON % "RR Lyrae ab (rrab)")
    browser.wait_for(f"({BUTTON % 'RR Lyrae (rrlyr)'}).classList.contains('mod-active')")
    browser.click(BUTTON % "Vote")
    browser.wait_for(SHOWN % "star2, 1 of 24")
    assert len(read_votes(folder / "votes.csv")) == 1
    enter(browser, "x2")  # and the next line while the desk draws
    enter(browser, "e", "star3, 2 of 24")
    enter(browser, "rrlry", "star3, 2 of 24")
    browser.wait_for("document.body.innerText.includes(\"did you mean 'rrlyr'\")")
    browser.click(BUTTON % "Don't know".replace("'", "\\'"))
    browser.wait_for(SHOWN % "star4, 3 of 24")
    browser.click(BUTTON % "Undo")
    browser.wait_for(SHOWN % "star3, 2 of 24")
    browser.click(BUTTON % "blue loop star")
    browser.click(BUTTON % "Vote")
    browser.wait_for(SHOWN % "star4, 3 of 24")


def enter(browser, text, shown=""):
    """Write a line, press Enter, and wait until the desk shows something."""
    browser.click(LINES)
    browser.run(f"{LINES}.selectionStart = {LINES}.value.length")
    browser.call("Input.insertText", text=text)
    browser.press("Enter", 13)
    if shown:
        browser.wait_for(SHOWN % shown)


def run_notebook(browser, lab):
    """Open the notebook and run its cells."""
    browser.open("{}doc/tree/desk.ipynb?token={}".format(*lab))
    book = "[...(window.jupyterapp?.shell.widgets('main') ?? [])].find((widget) => widget.context)"
    browser.wait_for(f"({book})?.context.sessionContext.session?.kernel?.status == 'idle'")
    browser.run(f"jupyterapp.shell.activateById(({book}).id)")
    browser.run("void jupyterapp.commands.execute('notebook:run-all-cells')")


def test_a_desk_says_what_is_wrong_and_keeps_no_such_vote(tmp_path):
    with pytest.raises(ValueError, match="who is empty"):
        Desk(["a"], tmp_path / "votes.csv", " ", ["e"])
    desk = Desk(["a"], tmp_path / "votes.csv", "Anna", ["e"])
    lines = {"x2": "the star has no stored one", "p=-1": "no period above 0", "e ?": "stands by itself"}
    for line, text in (lines | {"undo": "no vote of yours", "rrlry\ne": "not read: e"}).items():
        desk.lines.value += f"{line}\n"
        assert text in desk.message.value
    desk.lines.value += "e"  # without Enter
    desk.lines.value = "e\n"  # an earlier line is changed
    assert read_votes(tmp_path / "votes.csv").empty
    desk.lines.value += "none\n"
    assert read_votes(tmp_path / "votes.csv")["answer"].tolist() == ["vote"]
