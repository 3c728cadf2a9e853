"""Guests of a bus: between its polls, within a bounded share, by strict lines, and gone without a trace."""

import errno
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import Factory, define
from hypothesis import given
from hypothesis import strategies as st

from agent.status.bus_desk import (
    GUEST_PARTS,
    GUESTS_MAX,
    LINE_BYTES_MAX,
    SOCKET_NAME,
    TIMEOUT_S_MAX,
    BusSocket,
    Desk,
    Guest,
    GuestRead,
)
from agent.status.lines import RefusedError
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.poll.recording import RecordedRead

WAIT_S = 10.0
READ = RecordedRead(1, 3, 0, 2)


@define
class IdleClock:
    now_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s


@define
class FakeBus:
    clock: IdleClock
    cost_s: float = 0.1
    error: DriverError | None = None
    stats: BusStats = Factory(BusStats)
    timeouts_s: list[float] = Factory(list)

    def read(self, _unit: int, _function: int, _address: int, count: int, **more: float) -> Answer:
        self.stats.requests += 1
        self.timeouts_s.append(more["timeout_s"])
        self.clock.now_s += self.cost_s
        if self.error is not None:
            raise self.error
        return Answer(bytes(2 * count), 0.01)


def asking(desk: Desk, times: int = 1) -> threading.Thread:
    """A guest that asks so often, one read after the other."""

    def work() -> None:
        for _ in range(times):
            desk.ask(GuestRead(READ, 1.0), WAIT_S)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until_asked(desk: Desk) -> None:
    end_s = time.monotonic() + WAIT_S
    while desk._visit is None or desk._visit.done.is_set():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def test_a_guest_has_what_polls_leave_and_no_more_than_its_part_of_a_full_bus() -> None:
    clock, desk = IdleClock(), Desk()
    bus, guests_s, reads = FakeBus(clock), 0.0, 20
    thread = asking(desk, reads)
    while thread.is_alive() and reads:
        until_asked(desk)
        before_s = clock.now_s
        if desk.serve(bus, clock, free_s=0.0):
            guests_s += clock.now_s - before_s
            reads -= 1
        else:
            clock.now_s += 0.05  # a poll
    thread.join(WAIT_S)
    assert guests_s / clock.now_s <= 1 / GUEST_PARTS + 0.05


def test_where_no_poll_is_due_a_guest_need_not_wait() -> None:
    clock, desk = IdleClock(), Desk()
    bus, thread = FakeBus(clock), asking(desk, 5)
    for _ in range(5):
        until_asked(desk)
        assert desk.serve(bus, clock, free_s=60.0)
    thread.join(WAIT_S)
    assert bus.stats.requests == 5


def test_a_guest_that_left_holds_up_nobody_and_no_read_takes_longer_than_is_allowed() -> None:
    clock, desk = IdleClock(), Desk()
    bus = FakeBus(clock)
    assert desk.ask(GuestRead(READ, 1.0), 0.01)[0].error == "bus_down"
    assert not desk.serve(bus, clock, 60.0)
    thread = threading.Thread(target=desk.ask, args=(GuestRead(READ, 3600.0), WAIT_S))
    thread.start()
    until_asked(desk)
    assert desk.serve(bus, clock, 60.0)
    thread.join(WAIT_S)
    assert bus.timeouts_s == [TIMEOUT_S_MAX]


def test_only_the_read_of_a_hasty_guest_is_hasty_on_the_bus() -> None:
    clock, desk = IdleClock(), Desk()
    seen = []

    class Watched(FakeBus):
        def read(self, *request: int, **more: float) -> Answer:
            seen.append(desk.ledger.is_hasty)
            raise ReplyTimeoutError(f"no answer to {request} {more}")

    bus = Watched(clock)
    for is_hasty in (False, True, False):
        guest = GuestRead(READ, 1.0, is_hasty=is_hasty)
        thread = threading.Thread(target=desk.ask, args=(guest, WAIT_S))
        thread.start()
        until_asked(desk)
        assert desk.serve(bus, clock, 60.0)
        thread.join(WAIT_S)
        assert not desk.ledger.is_hasty
    assert seen == [False, True, False]


@contextmanager
def served(folder: Path, bus: FakeBus) -> Iterator[Desk]:
    """An agent's socket for the bus b1, admitting and serving until the end."""
    desk, over = Desk(), threading.Event()
    guests = BusSocket(folder, {"b1": ("tcp://h:502", 31, desk)})

    def turn() -> None:
        while not over.wait(0.002):
            guests.admit()
            desk.serve(bus, bus.clock, 60.0)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield desk
    finally:
        over.set()
        thread.join(WAIT_S)
        guests.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, ("", 0)),
        (ExceptionReplyError(2), ("exception", 2)),
        (ReplyTimeoutError("no answer"), ("timeout", 0)),
        (BusDownError("gone"), ("bus_down", 0)),
    ],
)
def test_a_guest_is_told_what_its_read_brought(
    tmp_path: Path, error: DriverError | None, told: tuple[str, int]
) -> None:
    with served(tmp_path, FakeBus(IdleClock(), error=error)):
        guest = Guest(tmp_path, "b1")
        outcome, sent = guest.read(GuestRead(READ, 1.0))
        guest.close()
    assert (outcome.error, outcome.code) == told
    assert outcome.words == (b"" if error else bytes(4))
    assert sent


def test_only_owner_and_group_may_ask_and_the_socket_goes_with_the_agent(tmp_path: Path) -> None:
    with served(tmp_path, FakeBus(IdleClock())):
        assert stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode) == 0o660
    assert not (tmp_path / SOCKET_NAME).exists()
    with pytest.raises(OSError, match="No such file"):
        Guest(tmp_path, "b1")


def test_a_disk_that_is_read_only_by_now_does_not_hide_the_error_that_ends_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    guests = BusSocket(tmp_path, {})
    monkeypatch.setattr(Path, "unlink", refuse)
    guests.close()
    assert guests._listener.fileno() < 0


def test_a_bus_that_the_agent_does_not_have_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, FakeBus(IdleClock())), pytest.raises(RefusedError, match="no bus 'b9'"):
        Guest(tmp_path, "b9")


GOOD = {
    "unit": 1,
    "function": 3,
    "address": 0,
    "count": 1,
    "timeout_s": 1.0,
    "spare_registers": 0,
    "hasty": False,
}


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[]",
        b"{}",
        b"[" * 2000,
        b"x" * (LINE_BYTES_MAX + 10),
        json.dumps(GOOD | {"more": 1}).encode(),
        json.dumps(GOOD | {"unit": -1}).encode(),
        json.dumps(GOOD | {"unit": True}).encode(),
        json.dumps(GOOD | {"count": 251}).encode(),
        json.dumps(GOOD | {"hasty": 1}).encode(),
        json.dumps(GOOD | {"timeout_s": 0}).encode(),
        json.dumps(GOOD | {"timeout_s": float("nan")}).encode(),
        json.dumps({key: value for key, value in GOOD.items() if key != "count"}).encode(),
    ],
)
def test_what_is_no_read_ends_the_connection_and_nothing_is_asked(tmp_path: Path, line: bytes) -> None:
    bus = FakeBus(IdleClock())
    with served(tmp_path, bus), socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(WAIT_S)
        channel.connect(str(tmp_path / SOCKET_NAME))
        channel.sendall(b'{"bus": "b1"}\n')
        assert b"version" in channel.recv(4096)
        channel.sendall(line + b"\n")
        assert b"refused" in channel.recv(4096)
    assert bus.stats.requests == 0


@given(st.binary(min_size=1, max_size=80))
def test_no_bytes_of_a_guest_end_more_than_its_connection(raw: bytes) -> None:
    here, there = socket.socketpair()
    guests = object.__new__(BusSocket)
    guests._buses = {"b1": ("tcp://h:502", 31, Desk())}
    with here:
        here.sendall(raw + b"\n")
        here.shutdown(socket.SHUT_WR)
        guests._serve(there)
        here.settimeout(WAIT_S)
        assert here.recv(4096).startswith((b"", b"{"))


def test_more_guests_than_places_wait_and_one_that_leaves_makes_room(tmp_path: Path) -> None:
    with served(tmp_path, FakeBus(IdleClock())) as desk:
        guests = [Guest(tmp_path, "b1") for _ in range(GUESTS_MAX)]
        assert desk.has_guests
        late: list[Guest] = []
        thread = threading.Thread(target=lambda: late.append(Guest(tmp_path, "b1")))
        thread.start()
        guests[0].close()
        thread.join(WAIT_S)
        assert late[0].read(GuestRead(READ, 1.0))[0].words == bytes(4)
        for guest in (*guests[1:], *late):
            guest.close()
        end_s = time.monotonic() + WAIT_S
        while desk.has_guests:
            assert time.monotonic() < end_s
            time.sleep(0.005)
