"""A browser that tests tell what to do."""

import json
import shutil
import subprocess
import time
import urllib.request

import websocket

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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
        """Open a file, or an address as text, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media)
        for url in ("about:blank", page if isinstance(page, str) else page.as_uri()):
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
        text = self.run("document.body.innerText")[:2000]
        raise AssertionError(f"never came true: {condition}, on the page: {text}")

    def click(self, element):
        """Click in the middle of the element that some JavaScript returns, once it is there."""
        self.wait_for(f"!!({element})")
        place = "(e => { e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
        x, y = self.run(f"{place} return [r.x + r.width / 2, r.y + r.height / 2]; }})({element})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

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
