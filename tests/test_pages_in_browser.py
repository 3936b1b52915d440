"""The pages in a real browser: what they load, and what clicking, typing and the keyboard do."""

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlparse

import nbformat
import numpy as np
import pandas as pd
import pytest
import websocket
from itables import options, to_html_datatable
from itables.javascript import generate_init_offline_itables_html
from matplotlib.figure import Figure

from scope_nb import notebook, pages, runs
from scope_nb.scores.evaluation import evaluate_predictions

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no chromium here: apt-get install chromium")
GROUP = "größe #1 100% & <b>"
TABLE = pd.DataFrame({f"a long name {k}": ["0.999 (0.990-1.000)"] for k in range(9)}).to_html()
SCORES = {"F1 (95 %)": 1, "difference": 3, "precision": 5}


class Browser:
    """A headless Chromium, driven by its debugging protocol."""

    def __init__(self, folder):
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={folder}"]
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        file = folder / "DevToolsActivePort"
        while not (file.exists() and len(lines := file.read_text(encoding="utf-8").splitlines()) == 2):
            assert self.process.poll() is None, "the browser did not start"
            time.sleep(0.05)
        with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
            page = next(entry for entry in json.load(answer) if entry["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=120)
        self.number, self.events = 0, []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Return the answer to a command; the events until then are kept."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]

    def _receive(self):
        message = json.loads(self.socket.recv())
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, page, width=1400, height=900, media=""):
        """Open a file and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media)
        for url in ("about:blank", Path(page).as_uri()):
            self.events.clear()
            self.call("Page.navigate", url=url)
            while not self._happened("Page.loadEventFired"):
                self._receive()

    def _happened(self, method):
        return [event["params"] for event in self.events if event["method"] == method]

    def run(self, code):
        """Return the value of some JavaScript."""
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Wait until some JavaScript is true."""
        for _ in range(600):
            if self.run(condition):
                return
            time.sleep(0.1)
        raise AssertionError(f"never came true: {condition}")

    def press(self, key, code):
        """Press and release a key."""
        key = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": "\r" if key == "Enter" else ""}
        self.call("Input.dispatchKeyEvent", type="keyDown", **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def requests(self):
        """Return the addresses that were asked for, but for those within the page."""
        urls = [event["request"]["url"] for event in self._happened("Network.requestWillBeSent")]
        return [url for url in urls if not url.startswith(("data:", "blob:"))]

    def errors(self):
        """Return the errors and warnings of the console."""
        self.run("1")  # those on the way have come, too
        printed = [
            event for event in self._happened("Runtime.consoleAPICalled") if event["type"] in ("error", "warning")
        ]
        logged = [event["entry"] for event in self._happened("Log.entryAdded")]
        return self._happened("Runtime.exceptionThrown") + printed + logged

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory, make_world):
    """Runs of several tags and groups, damaged ones among them, with all kinds of pages; the folder."""
    folder, rng = tmp_path_factory.mktemp("reports"), np.random.default_rng(5)
    for group in ("sample", GROUP):
        for algorithm in ("xgb", "forest", "dnn"):
            for tag in ("vnv", "e", "rrlyr", "blue loop star"):
                write_run(folder / group / algorithm / tag, make_world(rng, 240, 0.5, rng.uniform(0.5, 2)))
    write_run(folder / "sample/few/vnv", make_world(rng, 40))
    (write_run(folder / "sample/bad/e", make_world(rng, 30)) / "stats.json").write_text("null", encoding="utf-8")
    for run in folder.glob("*/xgb/*"):
        write_notebook(run / "report.ipynb")
        notebook.export_html(run / "report.ipynb", "A run", pages.page_head(run))
    library = generate_init_offline_itables_html(options.dt_bundle)  # as init_notebook_mode shows it
    table = to_html_datatable(pd.DataFrame({"n": range(99)}), connected=False)
    for group in ("sample", GROUP):
        write_notebook(folder / f"compare-{group}.ipynb", library + table)
        notebook.export_html(folder / f"compare-{group}.ipynb", "Runs compared", pages.comparison_head(group))
        pages.link_comparison(folder, group)
    with pytest.warns(UserWarning, match="sample/bad/e is damaged"):
        pages.write_index(folder)
    return folder


def write_run(folder, world):
    star, y, (_, probability) = world
    part = np.where(pd.to_numeric(star) % 2, "test", np.where(pd.to_numeric(star) % 4, "train", "val"))
    frame = pd.DataFrame({"row": np.arange(len(y)), "star": star, "part": part, "y": y, "probability": probability})
    data = {"file": "<i>.parquet", "simulated": folder.parts[-3] == "sample"}
    record = {"time": "2026-01-01T00:00:00", "data": data}
    figures = {"a picture #1": Figure()}
    return runs.write_run(folder, evaluate_predictions(folder.name, frame, 0.5), record, figures=figures)


def write_notebook(path, table=TABLE):
    """Write an executed notebook with what asks for scripts from elsewhere: a widget, a formula, a diagram."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "100%"}
    printed = nbformat.v4.new_output("stream", text="printed\n")
    cells = [code("a = 1  # a parameter", metadata={"tags": ["parameters"]})]
    cells += [
        text("# A notebook\n\n$x^2$\n\n```mermaid\ngraph TD\n```"),
        text("how to run it", metadata={"tags": ["how-to"]}),
    ]
    cells += [code("print('printed')", outputs=[printed, nbformat.v4.new_output("display_data", widget)])]
    cells += [text("## Nothing to say"), code("silent = 1", metadata={"tags": ["optional"]})]
    cells += [text("## Only code"), code("model = 1")]
    cells += [
        text("## A wide table"),
        code("table", outputs=[nbformat.v4.new_output("display_data", {"text/html": table})]),
    ]
    state = {"version_major": 2, "version_minor": 0, "state": {"1": {"model_name": "FloatProgressModel"}}}
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": state}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)


PAGES = {"index": "index.html", "comparison": f"compare-{GROUP}.html", "run": f"{GROUP}/xgb/e/report.html"}
PAGES |= {"summary": f"{GROUP}/dnn/blue loop star/summary.html"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_beyond_the_disk_and_all_its_links_lead_somewhere(browser, reports, name):
    browser.open(reports / PAGES[name])
    if name == "comparison":  # its table can be searched without a network
        browser.wait_for("document.body.innerText.includes('Showing 1 to 10 of 99 entries')")
    links = browser.run("[...document.links].filter((a) => a.checkVisibility()).map((a) => a.href)")
    assert browser.requests() and all(url.startswith("file://") for url in browser.requests())
    assert browser.errors() == []
    paths = {Path(unquote(urlparse(link).path)) for link in links}
    assert all(path.exists() for path in paths)
    beside = (
        {reports / "index.html"}
        if name != "index"
        else {*reports.glob("compare-*.html"), *reports.glob("*/*/*/*.html")}
    )
    assert beside <= paths
    if name in ("run", "summary"):
        assert reports / f"compare-{GROUP}.html" in paths
        widths = browser.run("[...document.images].map((image) => image.naturalWidth)")
        assert len(widths) == 1 + (name == "summary") and min(widths) > 100


def test_what_would_be_fetched_from_elsewhere_is_refused(browser, tmp_path):
    remote = '<img src="http://127.0.0.1:9/a.png"><script src="http://127.0.0.1:9/a.js"></script>'
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", {"text/html": remote})])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    browser.open(notebook.export_html(tmp_path / "a.ipynb"))
    refused = [error for error in browser.errors() if "Content Security Policy" in error["text"]]
    assert len(refused) == len(browser.errors()) == 2


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "media"), [(420, ""), (703, "print")], ids=["phone", "A4"])
def test_nothing_is_cut_off_on_a_phone_or_on_paper(browser, reports, name, width, media):
    browser.open(reports / PAGES[name], width, media=media)
    assert browser.run("document.documentElement.scrollWidth") <= width
    if media == "print":
        right = "Math.max(...[...document.querySelectorAll('td, th, img')].map((e) => e.getBoundingClientRect().right))"
        assert browser.run(right) <= width


VALUES = (
    "[...document.querySelectorAll('tbody')].map((g) => [...g.rows].slice(1).map((r) => r.cells[%d].dataset.value))"
)
ARIA = "[...document.querySelectorAll('thead th')].map((header) => header.ariaSort)"


@pytest.mark.parametrize("column", SCORES)
def test_a_click_sorts_runs_within_their_tag_and_tags_by_their_first_run(browser, reports, column):
    k = SCORES[column]
    browser.open(reports / "index.html")
    before = browser.run(VALUES % k)
    for direction, sign in (("descending", -1), ("ascending", 1)):
        browser.run(f"document.querySelectorAll('thead button')[{k}].click()")
        groups = browser.run(VALUES % k)
        assert sorted(map(sorted, groups)) == sorted(map(sorted, before))
        for values in (*groups, [group[0] for group in groups]):
            numbers = [float(value) for value in values if value]
            assert numbers == sorted(numbers, key=lambda number: sign * number)
            assert values[len(numbers) :] == [""] * (len(values) - len(numbers))
        assert browser.run(ARIA) == ["none"] * k + [direction] + ["none"] * (8 - k)
    browser.run("document.querySelector('thead button').click()")
    assert browser.run(VALUES % k) == before and browser.errors() == []


def test_the_keyboard_filters_and_sorts(browser, reports):
    browser.open(reports / "index.html")
    browser.press("Tab", 9)
    while browser.run("document.activeElement.id") != "filter":
        browser.press("Tab", 9)
    shown = (
        "[...document.querySelectorAll('td:first-child')].filter((c) => c.checkVisibility()).map((c) => c.innerText)"
    )
    assert len(browser.run(shown)) == 25
    for typed, number, rows in (
        ("XGB", "8 of 25 runs", 8),
        (" eclipsing", "2 of 25 runs", 2),
        (" z", "0 of 25 runs", 0),
    ):
        browser.call("Input.insertText", text=typed)
        assert browser.run("document.getElementById('count').textContent") == number
        assert len(browser.run(shown)) == rows and all("xgb" in text for text in browser.run(shown))
    assert browser.run("document.querySelector('li').checkVisibility()")  # damaged runs stay listed
    assert "sample/bad/e" in browser.run("document.querySelector('li').innerText")
    browser.press("Tab", 9)
    browser.press("Tab", 9)
    browser.press("Enter", 13)
    assert browser.run(ARIA)[:3] == ["none", "descending", "none"] and browser.errors() == []


def test_tags_and_names_from_outside_stand_in_the_index_as_they_are(browser, reports):
    browser.open(reports / "index.html")
    tags = browser.run("[...document.querySelectorAll('tbody b')].map((b) => b.innerText)")
    assert tags == ["vnv", "e", "rrlyr", "blue loop star"]  # in the order of the taxonomy
    row = browser.run("document.querySelector('tbody tr + tr').innerText")
    assert GROUP in row and "<i>.parquet" in row
    assert browser.run("document.querySelectorAll('.badge').length") == 13
    assert browser.run("document.body.innerText").count("too few test stars") == 1


def test_code_is_folded_until_one_asks_for_it(browser, reports):
    browser.open(reports / PAGES["run"])
    code = "[...document.querySelectorAll('details.code pre')].map((c) => c.checkVisibility())"
    assert browser.run(code) == [False] * 4
    browser.run("document.querySelector('details.code summary').click()")
    assert browser.run(code) == [True, False, False, False]
    for name, shown in (("Show all code", True), ("Hide all code", False)):
        assert browser.run("fold.innerText") == name
        browser.run("fold.click()")
        browser.run("new Promise((resolve) => setTimeout(resolve))")
        assert browser.run(code) == [shown] * 4
    summaries = browser.run("[...document.querySelectorAll('summary')].map((c) => c.innerText)")
    assert summaries == ["Code", "Code", "Code", "Parameters"] and browser.errors() == []


def test_a_page_opens_with_its_head_and_leaves_out_what_says_nothing(browser, reports):
    browser.open(reports / "sample/xgb/e/report.html")
    text = browser.run("document.body.innerText")
    assert text.index("e eclipsing simulated") < text.index("published F1, SCoPe's XGB") < text.index("A notebook")
    assert browser.run("document.querySelector('.verdict').innerText") in pages.ANSWERS
    assert "Only code" in text and "Nothing to say" not in text and "how to run it" not in text and "100%" not in text
    browser.open(reports / PAGES["summary"])
    assert "nothing to compare with" in browser.run("document.body.innerText")
