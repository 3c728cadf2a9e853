"""The thread that sends to the platforms of the site file; whatever breaks it breaks nothing else.

It reads the chain from the disk (`agent.platforms.feed`), so no reading passes through it and nobody waits
for it. A host whose credential file cannot be used is tried again every RETRY_S, while the others are served
and its packets wait; a queue that cannot be used is opened again as often. Changes of state are logged, not
packets. What `status` shows is a copy that is replaced whole.
"""

import logging
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.platforms.feed import ChainFeed
from agent.store.gateway import read_seals_from
from disk.database import StoreError
from drivers.clock import Clock, ClockState
from drivers.poll.setup import MeterSetup
from evidence.moments import NS_PER_MS
from wire.hj212.acts import Event, Tell
from wire.platforms.connection import Connection
from wire.platforms.credentials import CredentialsError
from wire.platforms.hosts import Host
from wire.platforms.queue import Queue
from wire.platforms.service import Service

QUEUE_NAME: Final = "hj212.db"
"""In the state folder."""
QUEUE_PAGE_BYTES: Final = 1_024
"""A packet is some hundred bytes, and written three times: made, numbered, answered."""
OF_THE_CHAIN: Final = 0
"""The queue's store: a gateway has one chain."""
POLL_S: Final = 2.0
"""Between two looks at the chain, which has a seal each 10 s."""
STEP_S: Final = 0.2
"""Between two looks at timers."""
RETRY_S: Final = 60.0
SHOW_S: Final = 5.0
"""How old what `status` shows may be: counting what waits costs a query a host."""
TOLD_MAX: Final = 100
"""Different troubles of a station that are logged until it is connected anew."""
QUIET: Final = frozenset({Event.SENT, Event.GOT, Event.REPEATED})
_log: Final = logging.getLogger("dianjian.platforms")


@define(eq=False, repr=False)
class _State:
    """Of one station of a host."""

    connected: bool | None = None
    why: str = ""
    told: tuple[str, str] | None = None
    known: set[str] = field(factory=set)


class Sending:
    """See the module; `start` and `stop` are called once each."""

    def __init__(
        self, hosts: tuple[Host, ...], chain: Path, setups: Mapping[str, MeterSetup], clock: Clock
    ) -> None:
        """Open the queue beside `chain`, while no thread runs yet: it may have to be made by a child."""
        self._hosts, self._chain, self._setups, self._clock = hosts, chain, setups, clock
        self._states = {(host.name, one.name): _State() for host in hosts for one in host.stations}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="platforms", daemon=True)
        self._queue: Queue | None = None
        self._trouble = ""
        self._shown: tuple[dict[str, Any], ...] = ()
        self._shown_s = 0.0
        try:
            self._queue = self._open()
        except StoreError as error:
            self._note_trouble(str(error))
        self._show(self._queue)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End, after at most so long; what was not answered is sent at the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        elif self._queue is not None:
            self._queue.close()

    def list_shown(self) -> tuple[dict[str, Any], ...]:
        """A row a station, as in `agent.overview`."""
        return self._shown

    def _open(self) -> Queue:
        path, stamp = self._chain.with_name(QUEUE_NAME), self._clock.stamp()
        is_set = stamp.clock_state is not ClockState.UNSYNCHRONISED  # else it may be years ahead
        since_ms = stamp.utc_ns // NS_PER_MS if is_set else 0
        return Queue.open(path, OF_THE_CHAIN, since_ms, QUEUE_PAGE_BYTES)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._queue = self._queue or self._open()
                self._serve(self._queue)
            except StoreError as error:
                self._note_trouble(str(error))
            except Exception as error:  # noqa: BLE001 - see the module
                self._note_trouble(f"{type(error).__name__}: {error}")
            if self._queue is not None:
                self._queue.close()
                self._queue = None
            self._stop.wait(RETRY_S)

    def _serve(self, queue: Queue) -> None:
        """Until stopped; raises StoreError."""
        feed = ChainFeed(partial(read_seals_from, self._chain), self._setups, queue, self._hosts)
        service = Service(feed, queue, self._clock, self._hear, POLL_S, STEP_S)
        waiting, retry_s = list(self._hosts), 0.0
        try:
            while not self._stop.is_set():
                if waiting and time.monotonic() >= retry_s:
                    waiting = [host for host in waiting if not self._connect(service, host)]
                    retry_s = time.monotonic() + RETRY_S
                service.turn()
                self._trouble = ""
                if time.monotonic() >= self._shown_s + SHOW_S:
                    self._show(queue)
        finally:
            service.close()

    def _connect(self, service: Service, host: Host) -> bool:
        try:
            service.connect(host)
        except CredentialsError as error:
            for station in host.stations:
                self._note_state(host.name, station.name, is_up=False, why=str(error))
            return False
        return True

    # ---- what is told

    def _hear(self, connection: Connection, what: Tell | tuple[bool, str]) -> None:
        host, station = connection.account.host.name, connection.station.name
        if isinstance(what, tuple):
            self._note_state(host, station, is_up=what[0], why=what[1])
        elif what.event not in QUIET:
            detail = str(what.trouble) if what.trouble is not None else what.detail
            state, key = self._states[host, station], f"{what.event.value}: {detail}"
            state.told = what.event.value, _plain(detail)
            if key not in state.known and len(state.known) < TOLD_MAX:
                state.known.add(key)
                _log.warning("platform %s, %s: %s", host, station, _plain(key))

    def _note_state(self, host: str, station: str, *, is_up: bool, why: str) -> None:
        state, before = self._states[host, station], self._states[host, station].connected
        state.connected, state.why = is_up, _plain(why)
        if before is is_up:
            return
        if is_up:
            state.known.clear()
            _log.info("platform %s, %s: connected", host, station)
        else:
            _log.warning("platform %s, %s: not connected: %s", host, station, _plain(why))

    def _note_trouble(self, why: str) -> None:
        if why != self._trouble:
            _log.warning("platforms: %s", _plain(why))
        self._trouble = why
        self._show(None)

    def _show(self, queue: Queue | None) -> None:
        counts = {host.name: (0, 0) if queue is None else queue.count(host.name) for host in self._hosts}
        self._shown_s = time.monotonic()
        self._shown = tuple(
            {
                "host": host.name,
                "mn": station.mn if queue is None else queue.mn_of(host.name, station.name, station.mn),
                "connected": bool(state.connected) and not self._trouble,
                "why": self._trouble or state.why,
                "waiting": counts[host.name][0],
                "dropped": counts[host.name][1],
                "told": None if state.told is None else {"event": state.told[0], "detail": state.told[1]},
            }
            for host in self._hosts
            for station in host.stations
            for state in (self._states[host.name, station.name],)
        )


def _plain(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
