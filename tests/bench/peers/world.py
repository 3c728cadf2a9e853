"""A slave, a broker, an observer, for ours a centre too, and the program under test among them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from provisioning.demo.broker import Broker, find_free_port, start_mosquitto
from tests.bench.peers.install import ROOT
from tests.bench.peers.machine import REST_CORE, SUBJECT_CORE, pinned
from tests.bench.peers.slave import VALUES, Slave, slave
from tests.bench.peers.subjects import HOST, OURS, Call, Subject, Task

READY_S: Final = 40.0
"""Longest wait for a program to publish its first poll: Node-RED takes about 6 s on a loaded machine."""
STOP_S: Final = 15.0
LOOK_S: Final = 0.05
SAMPLED: Final = "m1"
SAMPLE: Final = (f"modpoll/{SAMPLED}", f"nr/{SAMPLED}", "v1/#", "dj/1/#")
"""Whose polls are counted where all would be too many for the observer."""
RESTART_S: Final = 1.0
"""A supervisor's pause before it starts a program that has ended."""


class SubjectError(Exception):
    """The program under test does not do its work."""


@define
class World:
    """Everything that runs.

    Attributes:
        started_s: When the program was started, CLOCK_MONOTONIC.
    """

    folder: Path
    subject: Subject
    slave: Slave | None
    broker: Broker
    call: Call
    core: int = SUBJECT_CORE
    started_s: float = field(default=0.0, init=False)
    restarts: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Of the program."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the program under test."""
        with (self.folder / "subject.log").open("ab") as log:
            self.started_s = time.monotonic()
            self._process = subprocess.Popen(
                pinned(self.core, self.call.arguments),
                cwd=self.call.folder,
                env=self.call.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to it and all its children."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill_broker(self) -> None:
        """The one that runs now."""
        self.broker.kill()

    def supervise(self) -> None:
        """Start it again if it has ended, as systemd would."""
        if self._process is not None and self._process.poll() is not None:
            time.sleep(RESTART_S)
            self.restarts += 1
            self.start()

    def stop(self) -> None:
        """End it in order, or else at once."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def seen(self) -> dict[str, Any]:
        """What the observer has counted, up to half a second old."""
        report: dict[str, Any] = json.loads((self.folder / "tap.json").read_text("utf-8"))
        return report

    def until_polls(self, polls: int, within_s: float = READY_S) -> None:
        """Wait until so many polls have arrived at the observer.

        Raises:
            SubjectError: They have not; with its last word.
        """
        deadline_s = time.monotonic() + within_s
        while self.seen()["polls"] < polls:
            if time.monotonic() > deadline_s:
                raise SubjectError(f"{self.seen()['polls']} polls in {within_s:g} s: {self.last_word()}")
            if self._process is not None and self._process.poll() is not None:
                raise SubjectError(f"ended with {self._process.returncode}: {self.last_word()}")
            time.sleep(LOOK_S)

    def last_word(self) -> str:
        """The last line of its log."""
        said = (self.folder / "subject.log").read_text("utf-8", "replace").strip().splitlines()
        return said[-1][:200] if said else "it said nothing"


@contextlib.contextmanager
def world(
    program: Path,
    subject: Subject,
    *,
    units: int = 20,
    dead: int = 0,
    interval_s: float = 1.0,
    seal_s: float = 3.0,
    url: str = "",
    urls: tuple[str, ...] = (),
    folder: Path | None = None,
    sample: bool = False,
) -> Iterator[World]:
    """All of it but the program under test, which `start` starts; `url` is a bus of the caller's own, or
    `urls` are, one a meter; with `sample` the observer sees one meter of those who publish each poll by
    itself."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dianjian-bench-")))
        served = stack.enter_context(slave(program, units, dead)) if not (url or urls) else None
        port = find_free_port()
        broker = start_mosquitto(port, folder / "broker")
        os.sched_setaffinity(broker.pid, {REST_CORE})
        bus = url or f"tcp://{HOST}:{served.port if served else 0}"
        task = Task(bus, port, units, interval_s, seal_s, urls)
        call = subject.prepare(folder, task)
        one = World(folder, subject, served, broker, call)
        stack.callback(one.kill_broker)
        tap = ["tests.bench.peers.tap", str(port), str(folder / "tap.json"), *(SAMPLE if sample else ())]
        stack.enter_context(_rest(tap, folder, "tap"))
        _await_file(folder / "tap.json")
        if subject.name == OURS:
            stack.enter_context(_rest(_centre(folder, port), folder, "centre"))
            _await_file(folder / "centre.out")
        stack.callback(one.stop)
        yield one


def _centre(folder: Path, port: int) -> list[str]:
    files = {"register": "gateways.jsonl", "key": "centre.key", "store": "centre.db"}
    options = [word for name, file in files.items() for word in (f"--{name}", str(folder / file))]
    return ["provisioning.cli", "subscribe", "--broker", f"mqtt://{HOST}:{port}", *options]


@contextlib.contextmanager
def _rest(arguments: list[str], folder: Path, name: str) -> Iterator[None]:
    """A process of ours on the other core."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            pinned(REST_CORE, [sys.executable, "-m", *arguments]), stdout=out, stderr=log, env=environment
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_file(path: Path) -> None:
    deadline_s = time.monotonic() + READY_S
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > deadline_s:
            raise SubjectError(f"{path.name}: nothing within {READY_S:g} s")
        time.sleep(LOOK_S)


def values(polls: float) -> float:
    """Readings of so many polls."""
    return polls * VALUES
