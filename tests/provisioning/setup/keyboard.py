"""Somebody at the keyboard of a terminal: waits for words on the screen, types, presses ctrl-C."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

WAIT_S: Final = 180.0
"""What is waited for takes seconds; on a machine that does much else, a minute."""
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Keyboard:
    """A `dianjian` that runs in a terminal of its own.

    Attributes:
        screen: Everything that was shown so far, without colours and movements.
    """

    def __init__(
        self,
        *words: str,
        language: str = "en_US.UTF-8",
        cwd: Path | None = None,
        size: tuple[int, int] = (120, 40),
    ) -> None:
        own, theirs = pty.openpty()
        columns, rows = map(str, size)
        environment = {**os.environ, "LC_ALL": language, "TERM": "xterm", "COLUMNS": columns, "LINES": rows}
        command = [sys.executable, "-P", "-m", "provisioning.cli", *words]
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - the tests have no threads of their own
        )
        os.close(theirs)
        self._own = own
        self._raw = b""
        self._seen = 0
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._own)

    def until(self, text: str, wait_s: float = WAIT_S) -> str:
        """Wait until `text` is shown behind what was waited for before; what stands before it."""
        deadline = time.monotonic() + wait_s
        while (at := self.screen.find(text, self._seen)) < 0:
            if not self._read(deadline) and self.screen.find(text, self._seen) < 0:
                raise AssertionError(f"not shown: {text!r}; the screen ends with:\n{self.screen[-2000:]}")
        shown = self.screen[self._seen : at]
        self._seen = at + len(text)
        return shown

    def type(self, text: str = "") -> None:
        """Type a line and press Enter."""
        os.write(self._own, text.encode() + b"\n")

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.write(self._own, b"\x03")

    def answer(self, question: str, text: str = "") -> None:
        """Wait for a question, then type."""
        self.until(question)
        self.until(": ")
        self.type(text)

    def ended(self, wait_s: float = WAIT_S) -> int:
        """Wait for the end; the exit code."""
        deadline = time.monotonic() + wait_s
        while self._read(deadline):
            pass
        return self._process.wait(WAIT_S)

    def stop(self) -> None:
        """SIGKILL."""
        self._process.send_signal(signal.SIGKILL)

    def _read(self, deadline: float) -> bool:
        """Take what is shown; False at the end or when it takes too long."""
        ready, _, _ = select.select([self._own], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            return False
        try:
            piece = os.read(self._own, 65_536)
        except OSError:  # the other side has closed
            return False
        self._raw += piece
        self.screen = _ESCAPES.sub("", self._raw.decode("utf-8", "ignore"))
        return bool(piece)


def _take_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the child, before it becomes another program
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
