"""Reads of a bus by others while the agent polls it: gateways have room for one client, ports for one user.

Who may open `bus.sock` in the state folder (the agent's own user and group, as for `status.sock`) sends
lines of JSON and gets one for each:

    {"bus": "b1"}                                          first; which bus
    {"version": 1, "url": "tcp://…", "gap_registers_max": 31}
    {"unit": 1, "function": 3, "address": 0, "count": 2, "spare_registers": 0, "timeout_s": 1, "hasty": true}
    {"latency_s": 0.02, "words": "4366…", "sent": true}    or {"error": …} as in `drivers.poll.recording`

`{"refused": "…"}` ends a connection, as everything does that is not such a line. The agent never lends the
port: it reads itself, between its own polls, with its own record of late answers. So a guest that is killed
leaves nothing behind, and no answer to a guest can be taken for one to a poll. What a guest reads is not
evidence.

Own polls go first: a guest's read is made when no poll is due within the time that the last one took, else
only when guests have had no more than one part in GUEST_PARTS of the time. One read takes TIMEOUT_S_MAX at
most. Who names a meter asks a hundred different things; they are `hasty` (`drivers.link.ledger`).

`Desk` is one bus: `ask` belongs to the guest's thread, `serve` to that of the bus. `BusSocket` admits guests
from the main loop, each to a thread of its own that ends with its connection.
"""

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import Factory, define, frozen

from agent.status.lines import Lines, RefusedError
from agent.status.socket import close_listener, open_listener
from drivers.clock import Clock
from drivers.errors import DriverError
from drivers.link.ledger import Ledger
from drivers.poll.bus import MeterBus
from drivers.poll.recording import ERRORS, Outcome, RecordedRead, Recorder

SOCKET_NAME: Final = "bus.sock"
VERSION: Final = 1
LINE_BYTES_MAX: Final = 2048
"""Longest line: an answer of 125 registers in hexadecimal has 500."""
GUESTS_MAX: Final = 2
"""A technician, and the doctor beside."""
GUEST_PARTS: Final = 3
"""Guests get a third of the time of a bus whose polls fill it."""
TIMEOUT_S_MAX: Final = 6.0
"""As long as a search waits for a gateway (`drivers.search.gateway_walk`): own polls wait so long."""
WAIT_S: Final = 60.0
"""Longest wait for a turn; a bus thread that hangs longer is replaced, and the read is lost."""
HELLO_S: Final = 10.0
"""An agent admits a guest within a turn of its main loop; one that has not by then hangs."""
ANSWER_S: Final = WAIT_S + TIMEOUT_S_MAX + HELLO_S
"""Longest wait of a guest for the outcome of a read."""
IDLE_S: Final = 120.0
"""A guest that asks nothing for so long is hung up on."""
GLANCE_S: Final = 0.02
"""How often a bus looks for guests' reads while there are guests."""
COST_FIRST_S: Final = 0.1
_KEYS: Final = {
    "unit": (1 << 48) - 1,
    "function": 255,
    "address": (1 << 32) - 1,
    "count": 250,
    "spare_registers": 125,
}

_log = logging.getLogger(__name__)


@frozen
class GuestRead:
    """One read that a guest asks for."""

    read: RecordedRead
    timeout_s: float
    spare_registers: int = 0
    is_hasty: bool = False


@define(eq=False, repr=False)
class _Visit:
    """A read that waits for its turn, and then what came of it; `sent` if a request went out."""

    asked: GuestRead
    done: threading.Event = Factory(threading.Event)
    outcome: Outcome = Factory(lambda: Outcome(error="bus_down", reason="the agent did not come to it"))
    sent: bool = False


class Desk:
    """The guests of one bus.

    Attributes:
        ledger: What is owed on the bus.
        recorder: Writes down each read while it is set, from any thread.
    """

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.recorder: Recorder | None = None
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._visit: _Visit | None = None
        self._guests = 0
        self._cost_s = COST_FIRST_S
        self._rests_until_s = float("-inf")

    @property
    def has_guests(self) -> bool:
        """Whether somebody is connected."""
        return self._guests > 0

    @contextlib.contextmanager
    def guest(self) -> Iterator[None]:
        """A guest is here for as long as this lasts."""
        with self._counting:
            self._guests += 1
        try:
            yield
        finally:
            with self._counting:
                self._guests -= 1

    def ask(self, asked: GuestRead, wait_s: float = WAIT_S) -> tuple[Outcome, bool]:
        """The outcome of a read, and whether a request was sent; one guest after the other."""
        visit = _Visit(asked)
        with self._turn:
            self._visit = visit
            visit.done.wait(wait_s)
            self._visit = None
        return visit.outcome, visit.sent

    def serve(self, bus: MeterBus, clock: Clock, free_s: float) -> bool:
        """Make the read that waits, if own polls leave `free_s` or guests had little; whether it was made."""
        visit, now_s = self._visit, clock.monotonic_s()
        if visit is None or visit.done.is_set():
            return False
        if free_s < self._cost_s and now_s < self._rests_until_s:
            return False
        before = bus.stats.requests
        self.ledger.is_hasty = visit.asked.is_hasty
        try:
            visit.outcome = _make(bus, visit.asked)
        finally:
            self.ledger.is_hasty = False
        visit.sent = bus.stats.requests != before
        ended_s = clock.monotonic_s()
        self._cost_s = max(ended_s - now_s, self._cost_s / 2)
        self._rests_until_s = ended_s + (GUEST_PARTS - 1) * (ended_s - now_s)
        visit.done.set()
        return True


def _make(bus: MeterBus, asked: GuestRead) -> Outcome:
    read = asked.read
    try:
        answer = bus.read(
            read.unit,
            read.function,
            read.address,
            read.count,
            timeout_s=min(asked.timeout_s, TIMEOUT_S_MAX),
            spare_registers=asked.spare_registers,
        )
    except DriverError as error:
        return Outcome.of_error(error)
    except ValueError as error:  # a unit or a function that this protocol does not have
        return Outcome(error="reply", reason=str(error))
    return Outcome(answer.words, answer.latency_s)


class BusSocket:
    """The agent's side of `bus.sock`; `admit` is called from its main loop."""

    def __init__(self, folder: Path, buses: Mapping[str, tuple[str, int, Desk]]) -> None:
        """`buses` has for each bus of the site its URL, its `gap_registers_max` and its desk."""
        self._buses = buses
        self._path = folder / SOCKET_NAME
        self._listener = open_listener(self._path, GUESTS_MAX)
        self._guests: list[threading.Thread] = []

    def admit(self) -> None:
        """Serve who has connected since the last call."""
        self._guests = [thread for thread in self._guests if thread.is_alive()]
        with contextlib.suppress(OSError, RuntimeError):  # nobody waits, no descriptor, or no thread
            while len(self._guests) < GUESTS_MAX:
                channel, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(channel,), name="guest", daemon=True)
                self._guests.append(thread)
                thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        close_listener(self._listener, self._path)

    def _serve(self, channel: socket.socket) -> None:
        with channel, contextlib.suppress(OSError):
            channel.settimeout(IDLE_S)
            lines = Lines(channel, LINE_BYTES_MAX)
            try:
                bus_id = _decode_hello(lines.take(), self._buses)
                url, gap_registers_max, desk = self._buses[bus_id]
                _log.info("bus %s: %s reads through %s", bus_id, _name_peer(channel), SOCKET_NAME)
                lines.send({"version": VERSION, "url": url, "gap_registers_max": gap_registers_max})
                with desk.guest():
                    while line := lines.take():
                        outcome, sent = desk.ask(_decode_read(line))
                        lines.send({**outcome.to_json(), "sent": sent})
            except RefusedError as error:
                lines.send({"refused": str(error)})


def _decode_hello(line: Mapping[str, Any], known: Container[str]) -> str:
    bus_id = line.get("bus")
    if line.keys() != {"bus"} or not isinstance(bus_id, str):
        raise RefusedError('the first line must be {"bus": ID}')
    if bus_id not in known:
        raise RefusedError(f"no bus {bus_id!r} here")
    return bus_id


def _decode_read(line: Mapping[str, Any]) -> GuestRead:
    if line.keys() != {*_KEYS, "timeout_s", "hasty"}:
        raise RefusedError(f"a read has {', '.join(_KEYS)}, timeout_s and hasty")
    for key, most in _KEYS.items():
        value = line[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise RefusedError(f"{key} must be a whole number from 0 to {most}")
    timeout_s = line["timeout_s"]
    if not isinstance(timeout_s, int | float) or isinstance(timeout_s, bool) or not 0 < timeout_s <= 3600:
        raise RefusedError("timeout_s must be a number of seconds")
    if not isinstance(line["hasty"], bool):
        raise RefusedError("hasty must be true or false")
    read = RecordedRead(line["unit"], line["function"], line["address"], line["count"])
    return GuestRead(read, float(timeout_s), line["spare_registers"], line["hasty"])


def _name_peer(channel: socket.socket) -> str:
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return f"process {pid} of user {uid}"


class Guest:
    """The other side: reads of one bus through its agent.

    Raises (all methods):
        OSError: The agent does not listen there, has gone, or this user may not ask it.
        RefusedError: It does not serve this.
    """

    def __init__(self, folder: Path, bus_id: str) -> None:
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._channel.settimeout(HELLO_S)
            self._channel.connect(str(folder / SOCKET_NAME))
            self._lines = Lines(self._channel, LINE_BYTES_MAX)
            self._lines.send({"bus": bus_id})
            head = self._lines.take_answer()
        except BaseException:
            self._channel.close()
            raise
        if head.get("version") != VERSION:
            self.close()
            raise RefusedError(f"version {head.get('version')!r} is not known, only {VERSION}")
        self.gap_registers_max = int(head["gap_registers_max"])
        self._channel.settimeout(ANSWER_S)

    def read(self, asked: GuestRead) -> tuple[Outcome, bool]:
        """The outcome of a read, and whether the agent sent a request for it."""
        read = asked.read
        line = {"unit": read.unit, "function": read.function, "address": read.address, "count": read.count}
        how = {"timeout_s": asked.timeout_s, "hasty": asked.is_hasty}
        self._lines.send({**line, "spare_registers": asked.spare_registers, **how})
        told = self._lines.take_answer()
        error = told.get("error", "")
        if not error:
            return Outcome(bytes.fromhex(told["words"]), float(told["latency_s"])), True
        if error == "exception":
            return Outcome(error=error, code=int(told["code"])), True
        known = error if error in ERRORS else "reply"
        return Outcome(error=known, reason=str(told.get("reason", ""))), bool(told.get("sent", True))

    def close(self) -> None:
        """Leave."""
        self._channel.close()
