"""The thread that sends, with platforms over real sockets; nothing waits for a time, only for a state."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, evolve, field

from agent.platforms import sending
from agent.platforms.feed import SKEW_MS
from agent.platforms.sending import Sending
from drivers.clock import ClockState, Stamp
from drivers.hj212.times import read_time, write_time
from firmware_sim.platform_core import Habits, Platform, PlatformLink
from tests.agent.platforms.test_feed import hosts_of
from tests.agent.rig import Rig
from tests.centre.hj212.plant import MN, PW
from wire.platforms.credentials import Credentials, write_credentials
from wire.platforms.hosts import Host, Span

WAIT_S: Final = 120.0


@define
class RigClock:
    """Passes so many times as fast as the real one, and stamps as the rig does."""

    rig: Rig
    speed: float = 20.0

    def monotonic_s(self) -> float:
        return time.monotonic() * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(self.real_s(seconds))

    def real_s(self, seconds: float) -> float:
        return seconds / self.speed

    def stamp(self) -> Stamp:
        return self.rig.stamp()


@define
class Served:
    """A platform on a port of its own."""

    platform: Platform
    listener: socket.socket
    port: int = 0
    threads: list[threading.Thread] = field(factory=list)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self.listener.accept()
                self.threads.append(threading.Thread(target=self.serve, args=(wire,)))
                self.threads[-1].start()

    def serve(self, wire: socket.socket) -> None:
        link = PlatformLink(self.platform)
        with wire, contextlib.suppress(OSError):
            while data := wire.recv(65_536):
                for one in link.receive(data, time.monotonic(), time.time_ns() // 1_000_000):
                    if isinstance(one, bytes):
                        wire.sendall(one)

    def times(self) -> list[str]:
        """The DataTime of every real time value of electricity that it has."""
        taken = list(self.platform.taken.values())
        return sorted(one.find("DataTime") for one in taken if (one.st, one.cn) == ("44", "2011"))


@contextlib.contextmanager
def platform(habits: Habits | None = None, before: Served | None = None) -> Iterator[Served]:
    """A platform; with `before` the same again, at its address."""
    known = Platform(habits or Habits(), PW) if before is None else before.platform
    place = ("127.0.0.1", 0) if before is None else before.address
    listener = socket.create_server(place)
    made = Served(known, listener, int(listener.getsockname()[1]))
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.listener.shutdown(socket.SHUT_RDWR)
        made.listener.close()
        thread.join()
        for one in made.threads:
            one.join()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_S", "STEP_S", "RETRY_S", "SHOW_S"):
        monkeypatch.setattr(sending, name, 0.05)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    (tmp_path / "g1").mkdir()
    return Rig(tmp_path / "g1")


def hosts_at(folder: Path, *served: Served) -> tuple[Host, ...]:
    (host,) = hosts_of()
    return tuple(
        evolve(host, name=f"h{at}", address=one.address, credentials=folder / f"h{at}.secret")
        for at, one in enumerate(served)
    )


@contextlib.contextmanager
def sent_to(rig: Rig, hosts: tuple[Host, ...]) -> Iterator[Sending]:
    chain, setups = rig.folder / "state/chain.db", rig.parts.judging.feed.setups
    made = Sending(hosts, chain, setups, RigClock(rig))
    made.start()
    try:
        yield made
    finally:
        made.stop(WAIT_S)


def row(one: Sending, host: str) -> dict[str, Any]:
    return next(row for row in one.list_shown() if row["host"] == host)


def test_a_host_without_its_credentials_waits_while_the_other_gets_everything(
    rig: Rig, tmp_path: Path
) -> None:
    with platform() as first, platform() as second:
        hosts = hosts_at(tmp_path, first, second)
        write_credentials(hosts[0].credentials, Credentials(PW))
        with sent_to(rig, hosts) as one:
            until(lambda: row(one, "h0")["connected"])
            rig.run(300, 30_000.0, 12_000.0, step_s=20.0)
            until(lambda: len(first.times()) == 4)
            until(lambda: "cannot be read" in row(one, "h1")["why"])
            until(lambda: row(one, "h1")["waiting"] > 0)
            assert second.times() == []
            write_credentials(hosts[1].credentials, Credentials(PW))
            until(lambda: second.times() == first.times())
            until(lambda: row(one, "h1")["connected"] and row(one, "h1")["waiting"] == 0)
            assert PW not in str(one.list_shown())
            assert row(one, "h1")["mn"] == MN


def test_a_restart_loses_and_doubles_nothing(rig: Rig, tmp_path: Path) -> None:
    with platform(Habits(answers_every=2)) as only:
        hosts = hosts_at(tmp_path, only)
        write_credentials(hosts[0].credentials, Credentials(PW))
        for _ in range(3):
            with sent_to(rig, hosts) as one:
                until(lambda: row(one, "h0")["connected"])
                rig.run(120, 30_000.0, 12_000.0, step_s=20.0)
        with sent_to(rig, hosts) as one:
            until(lambda: len(only.times()) == 5)
            until(lambda: row(one, "h0")["waiting"] == 0)
    taken = [(one.st, one.cn, one.find("DataTime")) for one in only.platform.taken.values()]
    assert len(set(taken)) == len(taken)


def test_a_clock_that_was_ahead_before_it_was_set_holds_nothing_back(rig: Rig, tmp_path: Path) -> None:
    rig.clock_state, ahead_s = ClockState.UNSYNCHRONISED, rig.ahead_s
    rig.ahead_s += 30 * 86_400
    with platform() as city:
        (host,) = hosts_at(tmp_path, city)
        write_credentials(host.credentials, Credentials(PW))
        with sent_to(rig, (host,)) as one:
            until(lambda: row(one, host.name)["connected"])
            rig.clock_state, rig.ahead_s = ClockState.SYNCHRONISED, ahead_s
            rig.run(300, 30_000.0, 12_000.0, step_s=20.0)
            until(lambda: bool(city.times()))


def test_what_a_platform_refuses_is_shown(rig: Rig, tmp_path: Path) -> None:
    with platform() as only:
        only.platform.pw = "000000"
        hosts = hosts_at(tmp_path, only)
        write_credentials(hosts[0].credentials, Credentials(PW))
        with sent_to(rig, hosts) as one:
            rig.run(180, 30_000.0, 12_000.0, step_s=20.0)
            until(lambda: row(one, "h0")["told"] == {"event": "refused", "detail": "3"})
            assert row(one, "h0")["waiting"] > 0


def test_an_address_that_is_no_name_is_told(rig: Rig, tmp_path: Path) -> None:
    (host,) = hosts_of()
    write_credentials(tmp_path / "city", Credentials(PW))
    broken = evolve(host, address=("city..example", 1), credentials=tmp_path / "city")
    with sent_to(rig, (broken,)) as one:
        until(lambda: "label empty" in str(row(one, "city")["why"]))


def test_a_queue_that_cannot_be_used_is_told_and_opened_again(rig: Rig, tmp_path: Path) -> None:
    place = rig.folder / "state" / sending.QUEUE_NAME
    place.mkdir()
    with platform() as only:
        hosts = hosts_at(tmp_path, only)
        write_credentials(hosts[0].credentials, Credentials(PW))
        with sent_to(rig, hosts) as one:
            until(lambda: "a folder" in row(one, "h0")["why"])
            place.rmdir()
            until(lambda: row(one, "h0")["connected"])
            assert row(one, "h0")["why"] == ""


REAL_S: Final = 300
PACKETS: Final = 3
"""An interval: ST=44, ST=45 and the state of the equipment."""


def intervals_of(rig: Rig, first: str) -> list[str]:
    """The DataTime of every interval that is complete by now, from this one on."""
    begin_ms, now_ms = read_time(first) or 0, rig.stamp().utc_ns // 1_000_000
    ends = range(begin_ms + REAL_S * 1_000, now_ms - SKEW_MS + 1, REAL_S * 1_000)
    return [write_time(end - REAL_S * 1_000) for end in ends]


@pytest.mark.minutes
def test_two_platforms_away_for_a_day_get_everything_once_and_marked_over_restarts(
    rig: Rig, tmp_path: Path
) -> None:
    with platform() as first, platform() as second:
        hosts = tuple(
            evolve(host, spans=(Span.REAL,), terms=evolve(host.terms, real_s=REAL_S))
            for host in hosts_at(tmp_path, first, second)
        )
        for host in hosts:
            write_credentials(host.credentials, Credentials(PW))
        with sent_to(rig, hosts) as one:
            until(lambda: all(row(one, host.name)["connected"] for host in hosts))
            rig.run(4 * REAL_S, 30_000.0, 12_000.0, step_s=60.0)
            until(lambda: min(len(first.times()), len(second.times())) >= 3)
            until(lambda: all(row(one, host.name)["waiting"] == 0 for host in hosts))
    begun = first.times()[0]
    before = len(first.platform.taken)
    for _ in range(4):  # each time ended wherever it is
        with sent_to(rig, hosts) as one:
            rig.run(21_600, 30_000.0, 12_000.0, step_s=60.0)
    away = intervals_of(rig, begun)
    with sent_to(rig, hosts) as one:
        owed = len(away) * PACKETS - before
        until(lambda: all(row(one, host.name)["waiting"] == owed for host in hosts))
    with platform(before=first) as city, platform(before=second) as county, sent_to(rig, hosts) as one:
        until(lambda: all(len(served.times()) == len(away) for served in (city, county)))
        rig.run(4 * REAL_S, 30_000.0, 12_000.0, step_s=60.0)
        due = intervals_of(rig, begun)
        until(lambda: all(len(served.times()) == len(due) for served in (city, county)))
    for served in (city, county):
        packets = list(served.platform.taken.values())
        assert served.times() == due
        assert len({(packet.st, packet.cn, packet.find("DataTime")) for packet in packets}) == len(packets)
        assert len({packet.qn for packet in packets}) == len(packets) == len(due) * PACKETS
        late = [packet.find("DataTime") for packet in packets if packet.is_backfill]
        assert len(late) >= (len(away) - 4) * PACKETS - before
