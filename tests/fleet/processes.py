"""A centre of several processes on loopback: broker, PostgreSQL, verifiers, and fleets that play against it.

Each is a process of its own, stopped by its id. `cpu_s` counts what they have taken, the dead ones too.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import psutil
from attrs import asdict, define, field

from centre.register import enrolment_line
from centre.store.place import Place, parse_place
from evidence import keys
from provisioning.demo.broker import Broker, find_free_port, run_mosquitto, write_mosquitto_config
from provisioning.demo.parts import Part
from tests.counterparts.postgresql import Server, serving
from tests.fleet.chains import first_key_of, name_of
from tests.fleet.player import Plan

SECRET: Final = bytes(range(32))
READY_S: Final = 300.0
"""A loaded machine makes a thousand chains in ten seconds."""
LOOK_S: Final = 0.1
SUBSCRIBER: Final = "centre"
"""The one process of a store that is not shared."""
SHARE: Final = ("--slices", "auto")
"""The options of a verifier that shares its store."""


class FleetError(Exception):
    """A part did not do what it is there for."""


@define
class Fleet:
    """A player: started, then told to begin, then waited for."""

    plan: Plan
    path: Path
    process: subprocess.Popen[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.path.write_text(json.dumps(asdict(self.plan)), "utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.player", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def await_ready(self) -> None:
        """Until its chains are made."""
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise FleetError("the fleet ended before it was ready")

    def begin(self, interval_s: float | None = None) -> float:
        """Begin to play, with this interval in the place of the plan's; the moment."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n" if interval_s is None else f"{interval_s}\n")
        self.process.stdin.flush()
        return time.monotonic()

    def result(self) -> dict[str, Any]:
        """Wait for its end; what it has seen."""
        if self.process.wait():
            raise FleetError(f"the fleet ended with {self.process.returncode}")
        found: dict[str, Any] = json.loads(self.path.with_suffix(".result").read_text("utf-8"))
        return found

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@define
class Centre:
    """The processes; `server` is None where the store is a file."""

    folder: Path
    url: str
    server: Server | None
    port: int = field(factory=find_free_port)
    verifiers: dict[str, Part] = field(factory=dict)
    page: Part | None = None
    _settings: tuple[str, ...] = ()
    _broker: Broker | None = None
    _fleets: list[Fleet] = field(factory=list)
    _spent_s: dict[str, float] = field(factory=dict)

    @property
    def place(self) -> Place:
        """Of the store."""
        return parse_place(self.url)

    def enrol(self, gateways: int) -> None:
        """Write register and key."""
        names = [name_of(number) for number in range(gateways)]
        text = "".join(enrolment_line(name, first_key_of(name)) for name in names)
        (self.folder / "register").write_text(text, "utf-8")
        (self.folder / "centre.key").write_text(SECRET.hex() + "\n", "utf-8")
        (self.folder / "centre.key").chmod(0o600)

    def start_broker(self) -> None:
        """mosquitto, as a real centre configures it, but for TLS."""
        self._broker = run_mosquitto(
            self.port, write_mosquitto_config(self.port, self.folder / "broker", None)
        )

    def kill_broker(self) -> None:
        """SIGKILL."""
        assert self._broker is not None
        self._note("broker", self._broker.pid)
        self._broker.kill()
        self._broker = None

    def start_verifier(self, name: str, *options: str) -> Part:
        """`dianjian subscribe`."""
        words = ["provisioning.cli", "subscribe", "--broker", f"mqtt://127.0.0.1:{self.port}"]
        words += ["--register", str(self.folder / "register"), "--key", str(self.folder / "centre.key")]
        words += ["--store", self.url, "--client-id", name, *options]
        part = self.verifiers.setdefault(name, Part(name, words, self.folder))
        part.start()
        return part

    def kill_verifier(self, name: str) -> float:
        """SIGKILL; the moment."""
        self._note("verifiers", self.verifiers[name].pid)
        self.verifiers[name].kill()
        return time.monotonic()

    def start_page(self) -> None:
        """`dianjian centre web`."""
        words = ["provisioning.cli", "centre", "web", "--store", self.url, "--lang", "en"]
        words += ["--register", str(self.folder / "register"), "--listen", f"127.0.0.1:{find_free_port()}"]
        self.page = Part("page", words, self.folder)
        self.page.start()

    def look_at_page(self) -> tuple[int, int]:
        """The gateways that the page names now, and the bytes that it has."""
        assert self.page is not None
        address = re.compile(r"http://\S+\?token=\S+")
        self.until(lambda: bool(address.search(self._page_log())), "the page's address")
        found = address.search(self._page_log())
        assert found is not None
        with urlopen(found[0], timeout=READY_S) as answer:  # noqa: S310 - http on loopback
            text = answer.read().decode()
        return len(set(re.findall(r"city-\d{5}", text))), len(text)

    def _page_log(self) -> str:
        assert self.page is not None
        self.page.must_live()
        return self.page.log.read_text("utf-8")

    def crash_database(self) -> None:
        """The server ends at once, with whatever it was doing."""
        assert self.server is not None
        for pid in self._server_pids():
            self._note("postgresql", pid)
        self.server.stop("immediate")

    def start_database(self) -> None:
        """Until it has recovered."""
        assert self.server is not None
        self.server.start(*self._settings)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        os.kill(self.verifiers[name].pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """SIGCONT."""
        os.kill(self.verifiers[name].pid, signal.SIGCONT)

    def owners(self) -> dict[str, set[str]]:
        """The gateways of each verifier, by the process id in its lease."""
        import psycopg  # noqa: PLC0415 - only where the store is a server's

        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT v.name, g.name FROM gateways g JOIN slices s ON s.number = g.slice "
                "JOIN verifiers v ON v.lease = s.lease"
            ).fetchall()
        found: dict[str, set[str]] = {}
        for verifier, gateway in rows:
            found.setdefault(verifier.rpartition(":")[2], set()).add(gateway)
        return found

    def owned_by(self, name: str) -> set[str]:
        """The gateways of one verifier."""
        return self.owners().get(str(self.verifiers[name].pid), set())

    def fleet(self, **plan: Any) -> Fleet:
        """A player of this centre, which makes its chains now."""
        path = self.folder / f"fleet{len(self._fleets)}"
        fleet = Fleet(Plan(port=self.port, centre_key=keys.public(SECRET).hex(), **plan), path)
        self._fleets.append(fleet)
        return fleet

    def until(self, holds: Callable[[], bool], what: str, within_s: float = READY_S) -> float:
        """Wait for something; the seconds that it took."""
        begin_s = time.monotonic()
        while not holds():
            for part in self.verifiers.values():
                part.must_live()
            if time.monotonic() - begin_s > within_s:
                raise FleetError(f"not within {within_s:.0f} s: {what}")
            time.sleep(LOOK_S)
        return time.monotonic() - begin_s

    def cpu_s(self) -> dict[str, float]:
        """Seconds of the processor by kind of process, so far."""
        spent = dict(self._spent_s)
        parts = [("verifiers", part.pid) for part in self.verifiers.values() if part.pid]
        parts += [("page", self.page.pid)] if self.page is not None else []
        parts += [("broker", self._broker.pid)] if self._broker is not None else []
        parts += [("postgresql", pid) for pid in self._server_pids()]
        for kind, pid in parts:
            with contextlib.suppress(psutil.Error):
                spent[kind] = spent.get(kind, 0.0) + _cpu_of(pid)
        return spent

    def _server_pids(self) -> list[int]:
        if self.server is None:
            return []
        first = int((self.server.data / "postmaster.pid").read_text("ascii").split()[0])
        return [one.pid for one in psutil.Process(first).children()]

    def _note(self, kind: str, pid: int) -> None:
        self._spent_s[kind] = self._spent_s.get(kind, 0.0) + _cpu_of(pid)

    def close(self) -> None:
        """Stop all of them."""
        for fleet in self._fleets:
            fleet.stop()
        for part in self.verifiers.values():
            part.stop()
        if self.page is not None:
            self.page.stop()
        if self._broker is not None:
            self._broker.stop()


def begin_verifiers(town: Centre, fleet: Fleet, *names: str) -> None:
    """Start verifiers that share the store, until each gateway has one and the fleet is ready."""
    for name in names:
        town.start_verifier(name, *SHARE)
    fleet.await_ready()
    count = fleet.plan.gateways
    town.until(lambda: sum(map(len, town.owners().values())) == count, "every gateway has a verifier")
    town.until(lambda: all(map(town.owned_by, names)), "every verifier has gateways")


def begin_alone(town: Centre, *fleets: Fleet) -> None:
    """Start the one process of a store that is not shared, until it is connected and the fleets are ready."""
    for fleet in fleets:
        fleet.await_ready()
    town.start_verifier(SUBSCRIBER)
    await_connected(town, 1)


def await_connected(town: Centre, times: int) -> float:
    """Until the one subscriber has said so often that it is connected; seconds."""
    output = town.verifiers[SUBSCRIBER].output
    return town.until(lambda: output.read_bytes().count(b'"connected"') >= times, "the centre is connected")


def _cpu_of(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def centre(
    gateways: int, *settings: str, is_shared: bool = True, disk: Path | None = None
) -> Iterator[Centre]:
    """A centre with an enrolled fleet and a running broker; `settings` are PostgreSQL's.

    A store that is not shared is a file, on `disk` if that is named.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server, url, settings = None, str((disk or folder) / "centre.db"), ("fsync=on", *settings)
        if is_shared:
            server = stack.enter_context(serving())
            server.stop()
            server.start(*settings)
            url = server.make_database()
        one = Centre(folder, url, server, settings=settings)
        stack.callback(one.close)
        one.enrol(gateways)
        one.start_broker()
        yield one
