"""The sender: one loop over a feed of readings and all connections; the clock is given."""

import selectors
import threading
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field

from drivers.clock import Clock
from drivers.hj212.times import RequestNumbers
from evidence.moments import NS_PER_MS
from wire.hj212.acts import Tell
from wire.platforms.connection import Account, Connection
from wire.platforms.credentials import Credentials, read_credentials, write_credentials
from wire.platforms.hosts import Host
from wire.platforms.queue import Queue

POLL_S: Final = 0.5
"""Between two looks at the feed; subscribe commits a batch at a time anyway."""
STEP_S: Final = 0.05
"""Between two looks at timers and queues."""


class Feed(Protocol):
    """Where readings come from: it makes them packets, and puts these into the queue."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Those for which it makes packets."""

    def turn(self, now_ms: int) -> bool:
        """Read on, and queue what is complete; whether there is more to read. Raises StoreError."""


@define(eq=False, repr=False)
class Service:
    """Runs in one thread until `stop` is set; `connect` comes first.

    Attributes:
        report: See `Connection`.
        poll_s: Seconds between two looks at the feed.
        step_s: Seconds between two looks at timers and queues.
    """

    source: Feed
    queue: Queue
    clock: Clock
    report: Callable[[Connection, Tell | tuple[bool, str]], None]
    poll_s: float = POLL_S
    step_s: float = STEP_S
    connections: list[Connection] = field(init=False, factory=list)
    _next_look_s: float = field(init=False, default=0.0)

    def connect(self, host: Host) -> None:
        """Serve a host from now on; raises CredentialsError, StoreError."""
        numbers = RequestNumbers(host.terms.offset_h, self.queue.last_qn_ms(host.name))
        account = Account(host, read_credentials(host.credentials), numbers, lambda _: None)
        account.renew = lambda renewed: self._renew(account, renewed)
        self.connections += [
            Connection(account, station, self.queue, self.report) for station in host.stations
        ]

    def _renew(self, account: Account, credentials: Credentials) -> None:
        """Keep a renewed key, and have all connections of the host use it from their next packet on."""
        write_credentials(account.host.credentials, credentials)
        account.credentials = credentials
        for one in self.connections:
            if one.account is account and one.link is not None:
                one.link.keys = credentials.keys

    def run(self, stop: threading.Event) -> None:
        """Until stopped; raises StoreError."""
        try:
            while not stop.is_set():
                self.turn()
        finally:
            self.close()

    def turn(self) -> None:
        """Read on, do what the time asks for, and carry bytes for a step; raises StoreError."""
        now_s, utc_ms = self.clock.monotonic_s(), self.clock.stamp().utc_ns // NS_PER_MS
        if now_s >= self._next_look_s and not self.source.turn(utc_ms):
            self._next_look_s = now_s + self.poll_s
        for one in self.connections:
            one.step(now_s, utc_ms)
        self._carry(self.clock.real_s(self.step_s))

    def close(self) -> None:
        """Hang up."""
        for one in self.connections:
            one.close()

    def _carry(self, timeout_s: float) -> None:
        """Move bytes; every connection is read once at the most before timers are looked at again."""
        with selectors.DefaultSelector() as selector:
            for one in self.connections:
                if one.wire is not None:
                    events = selectors.EVENT_READ * one.wants_read | selectors.EVENT_WRITE * one.wants_write
                    selector.register(one.wire, events, one)
            ready = selector.select(timeout_s) if selector.get_map() else []
            if not selector.get_map():
                self.clock.sleep(self.step_s)
        now_s, utc_ms = self.clock.monotonic_s(), self.clock.stamp().utc_ns // NS_PER_MS
        for key, mask in ready:
            if mask & selectors.EVENT_READ:
                key.data.read(now_s, utc_ms)
            if mask & selectors.EVENT_WRITE:
                key.data.write(now_s)
