"""One browser for many looks: its DevTools protocol over two pipes, of which each message ends with a NUL.

Starting a browser takes a second and drawing a page in it a tenth, so a walk over pages, widths and schemes
keeps one. A page is opened from its file, measured by `audit.js`, photographed whole, and printed.
"""

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from tests.provisioning.pages.chromium import FLAGS, PAGE_S

AUDIT: Final = Path(__file__).with_name("audit.js").read_text("utf-8")
PHONE_MAX: Final = 600
"""Pixels; narrower screens are laid out as a phone does it, with the width that the page asks for."""
TALL: Final = 800
CHUNK: Final = 1 << 20
OPEN_ALL: Final = "document.querySelectorAll('details').forEach(e => { e.open = true })"
_LOUD: Final = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}


@define
class Browser:
    """A running browser with one tab.

    Attributes:
        complaints: What pages wrote to the console, or loaded in vain.
    """

    commands: int
    answers: int
    complaints: list[str] = field(factory=list)
    _held: bytearray = field(factory=bytearray)
    _number: int = 0
    _session: str = ""
    _loaded: int = 0

    def start(self) -> None:
        """Open the tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def open(self, page: Path, width: int, *, dark: bool = False, media: str = "screen") -> None:
        """Show `page` on a screen of `width` pixels, or laid out as on paper."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=TALL,
            deviceScaleFactor=1,
            mobile=width < PHONE_MAX,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        loaded = self._loaded
        self.call("Page.navigate", url=page.as_uri())
        while self._loaded == loaded:
            self._take()

    def run(self, script: str) -> Any:
        """What `script` gives, as JSON."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def audit(self, **options: object) -> list[str]:
        """What a reader could not see or read on the page; see `audit.js`."""
        found: list[str] = self.run(f"({AUDIT})({json.dumps(options)})")
        return found

    def photograph(self, picture: Path) -> None:
        """The whole page as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        picture.write_bytes(base64.b64decode(told["data"]))

    def print(self, paper: Path) -> None:
        """The page as a PDF file, on A4 unless it says otherwise, without the browser's own head and foot."""
        self.call("Emulation.setEmulatedMedia", media="")
        told = self.call(
            "Page.printToPDF",
            printBackground=True,
            preferCSSPageSize=True,
            paperWidth=8.27,
            paperHeight=11.69,
        )
        paper.write_bytes(base64.b64decode(told["data"]))

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """The browser's answer to a command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        raw = json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        assert os.write(self.commands, raw) == len(raw)
        while (told := self._take()).get("id") != self._number:
            pass
        assert "error" not in told, f"{method}: {told}"
        result: dict[str, Any] = told["result"]
        return result

    def _take(self) -> Mapping[str, Any]:
        """The next message; what it says of the page is noted."""
        while b"\0" not in self._held:
            ready, _, _ = select.select([self.answers], [], [], PAGE_S)
            assert ready, "the browser does not answer"
            part = os.read(self.answers, CHUNK)
            assert part, "the browser ended"
            self._held += part
        raw, _, self._held = self._held.partition(b"\0")
        told: dict[str, Any] = json.loads(raw)
        method = told.get("method")
        self._loaded += method == "Page.loadEventFired"
        if method in _LOUD:
            self.complaints.append(json.dumps(told["params"])[:400])
        return told


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser that keeps its profile in `folder`."""
    binary = shutil.which("chromium")
    assert binary, "chromium is missing: sh .ci/need python3 system"
    (theirs, ours), (mine, yours) = os.pipe(), os.pipe()
    profile = folder / "profile"
    command = [binary, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(
        ["bash", "-c", f'exec "$0" "$@" 3<&{theirs} 4>&{yours}', *command],  # the numbers that it reads from
        pass_fds=(theirs, yours),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        os.close(yours)
        browser = Browser(ours, mine)
        try:
            browser.start()
            yield browser
            browser.call("Browser.close")
            process.wait(PAGE_S)
        finally:
            os.close(ours)
            os.close(mine)
            process.kill()
    shutil.rmtree(profile, ignore_errors=True)
