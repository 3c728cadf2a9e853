"""The processes of the demo: started, watched, killed and stopped by their process id.

Each part runs in a process of its own, as on site, and writes its log and output to files in the demo's
folder, so that a failed demo can be examined afterwards.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

START_TIMEOUT_S: Final = 60.0
"""The slowest part takes about one second when it runs alone; one that dies is seen at once."""
STOP_TIMEOUT_S: Final = 20.0
"""What a supervisor gives it too."""


class PartError(Exception):
    """A part of the demo did not start or died; the text names it and its log."""


@define
class Part:
    """One process of the demo, which can be killed and started again with the same arguments."""

    name: str
    arguments: Sequence[str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Its standard error."""
        return self.folder / f"{self.name}.log"

    @property
    def output(self) -> Path:
        """Its standard output."""
        return self.folder / f"{self.name}.out"

    @property
    def pid(self) -> int:
        """Its process id while it runs, else 0."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it; its output is appended to `log` and `output`."""
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log, self.output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 our own modules, no shell
                [sys.executable, "-m", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=environment,
                start_new_session=True,  # ctrl-C is for the demo, which stops its parts itself
            )

    def first_line(self) -> dict[str, Any]:
        """The JSON object that the part prints when it is ready; raises as `first_text`."""
        ready: dict[str, Any] = json.loads(self.first_text())
        return ready

    def first_text(self) -> str:
        """The line that the part prints when it is ready.

        Raises:
            PartError: It died or printed nothing in time.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            line, newline, _ = self.output.read_bytes().partition(b"\n")
            if newline:
                return line.decode("utf-8", "replace")
            self.must_live()
            select.select([], [], [], 0.02)
        raise PartError(f"{self.name} was not ready within {START_TIMEOUT_S:g} s; see {self.log}")

    def must_live(self) -> None:
        """Raise PartError if the process has ended."""
        if self._process is None or (code := self._process.poll()) is None:
            return
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() or ["its log is empty"]
        raise PartError(f"{self.name} ended with {code}: {lines[-1]}; see {self.log}")

    @property
    def ended_with(self) -> int | None:
        """The code that it ended with by itself, None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to end in order."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S; the exit code, None if it did not run."""
        return self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(sign)
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
