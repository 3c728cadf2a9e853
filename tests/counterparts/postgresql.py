"""A PostgreSQL server of Debian's package on a socket in a folder of its own, whoever runs the tests."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

SERVERS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@define
class Server:
    """A running server; whoever may enter `folder` is its superuser `postgres`."""

    folder: Path
    log: Path
    _begin: list[str]
    _numbers: Iterator[int] = field(factory=count)

    def make_database(self) -> str:
        """The URL of an empty database that nobody else has."""
        name = f"test{next(self._numbers)}"
        self.run("createdb", "-h", self.folder, "-U", "postgres", name)
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self, *settings: str) -> None:
        """Start it; each setting like fsync=off."""
        listening = [f"-k {self.folder}", "-c listen_addresses=", *(f"-c {one}" for one in settings)]
        self.run("pg_ctl", "-D", self.data, "-l", self.log, "-o", " ".join(listening), "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop it; immediate is a crash."""
        self.run("pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def end(self) -> None:
        """Stop it, if it runs."""
        if (self.data / "postmaster.pid").exists():
            self.stop()

    def set(self, name: str, value: str) -> None:
        """Change a setting while it runs; whoever connects afterwards has it."""
        ask = ("psql", "-h", self.folder, "-U", "postgres", "-Atc")
        self.run(*ask, f"ALTER SYSTEM SET {name} = '{value}'")
        self.run("pg_ctl", "-D", self.data, "reload")
        while self.run(*ask, f"SHOW {name}") != value:  # the signal is acted on a moment later
            time.sleep(0.01)

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, tool: str, *words: object) -> str:
        """What one of the server's tools prints, run as its owner."""
        command = [*self._begin, str(SERVERS[-1].with_name(tool)), *map(str, words)]
        return subprocess.run(command, cwd="/", check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def serving() -> Iterator[Server]:
    """A server whose folder goes with it."""
    assert SERVERS, "postgresql is missing: sh .ci/need python3 system"
    is_root = os.geteuid() == 0  # the server refuses to run as root
    begin = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if is_root else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:  # pytest's are closed to postgres
        server = Server(Path(name), Path(name) / "log", begin)
        if is_root:
            shutil.chown(name, "postgres")
        server.run("initdb", "-D", server.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        server.start("fsync=off")
        try:
            yield server
        finally:
            server.end()


@contextmanager
def standing_by(primary: Server) -> Iterator[Server]:
    """A standby called `standby` that follows `primary`, which waits for it at each commit from now on."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        server = Server(Path(name), Path(name) / "log", primary._begin)
        if primary._begin:
            shutil.chown(name, "postgres")
        follow = f"host={primary.folder} user=postgres application_name=standby"
        server.run("pg_basebackup", "-d", follow, "-D", server.data, "-R", "-c", "fast", "--no-sync")
        server.start("hot_standby=on")
        primary.set("synchronous_standby_names", "standby")
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """One for all tests of a process."""
    with serving() as server:
        yield server
