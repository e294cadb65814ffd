"""A headless Chromium, driven by the DevTools protocol over a web socket: what a person sees, clicks and types."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 60.0
SETTLED_S = 0.4  # seconds that Airflow moves a dialog or a section into its place
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def find_chromium() -> str | None:
    """The browser's program, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One Chromium with one page; `with` ends it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._open = ExitStack()
        command = [program, *OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        with open(folder / "chromium.log", "w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._numbers = itertools.count(1)
        self.refused: list[str] = []  # what the browser says that a page did and must not: policy breaches, errors
        # Nobody reads between two commands, so no ping would be answered in time.
        opened = connect(self._address(folder), max_size=None, ping_interval=None)
        self._socket: ClientConnection = self._open.enter_context(opened)
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command to the page."""
        return self._send(method, self._session, **params)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer)
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = PATIENCE_S) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"!!({script})"):
                    return
            except AssertionError:  # the page is just being replaced
                pass
            assert time.monotonic() < end, f"not in {seconds} s: {script}; {self.run('document.body.innerText')[:2000]}"
            time.sleep(0.25)

    def go(self, url: str) -> None:
        """Open an address."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def type(self, selector: str, text: str) -> None:
        """Replace what stands in a field, as the keyboard does."""
        where = json.dumps(selector)
        self.wait(f"document.querySelector({where})?.offsetParent")
        self.run(f"(() => {{ const field = document.querySelector({where}); field.focus(); field.select(); }})()")
        self.call("Input.insertText", text=text)

    def click(self, selector: str, text: str = "", last: bool = False, frame: str = "") -> None:
        """Click with the mouse on the first (or last) visible element that matches and says `text`.

        `frame` selects the frame that it is in.
        """
        holder = f"document.querySelector({json.dumps(frame)})" if frame else "null"
        place = f"""(() => {{
            const holder = {holder};
            const page = {"holder?.contentDocument" if frame else "document"};
            const all = [...(page?.querySelectorAll({json.dumps(selector)}) ?? [])];
            const says = each => each.textContent.includes({json.dumps(text)});
            const shown = all.filter(each => each.getClientRects().length && says(each));
            const found = shown.at({-1 if last else 0});
            if (!found) return null;
            found.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = found.getBoundingClientRect();
            const around = holder ? holder.getBoundingClientRect() : {{x: 0, y: 0}};
            return [around.x + box.x + box.width / 2, around.y + box.y + box.height / 2];
        }})()"""
        self.wait(place)
        time.sleep(SETTLED_S)
        x, y = self.run(place)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            about = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **about)

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            about = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", **about, **(text if kind == "keyDown" else {}))

    def size(self, width: int, height: int) -> None:
        """The size of the window in pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> None:
        """A PNG of what is in the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._open.close()

    def _address(self, folder: Path) -> str:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = re.search(r"DevTools listening on (ws://\S+)", (folder / "chromium.log").read_text())
            if found is not None:
                return found[1]
            time.sleep(0.1)
        raise AssertionError((folder / "chromium.log").read_text()[-2000:])

    def _send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE_S))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            if answer.get("method") == "Log.entryAdded":
                self.refused.append(answer["params"]["entry"]["text"])
