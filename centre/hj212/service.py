"""The sender: one loop over the store's feed and all connections; the clock is given."""

import selectors
import threading
from collections.abc import Callable
from typing import Final

from attrs import define, field

from centre.hj212.connection import Account, Connection
from centre.hj212.credentials import Credentials, read_credentials, write_credentials
from centre.hj212.hosts import Host
from centre.hj212.queue import Queue
from centre.hj212.source import Source
from drivers.clock import Clock
from drivers.hj212.times import RequestNumbers
from evidence.moments import NS_PER_MS
from wire.hj212.acts import Tell

POLL_S: Final = 0.5
"""Between two looks at the store; subscribe commits a batch at a time anyway."""
STEP_S: Final = 0.05
"""Between two looks at timers and queues."""


@define
class Service:
    """Runs in one thread until `stop` is set.

    Attributes:
        report: See `Connection`.
    """

    source: Source
    queue: Queue
    clock: Clock
    report: Callable[[Connection, Tell | tuple[bool, str]], None]
    connections: list[Connection] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        for host in self.source.hosts:
            account = self._open_account(host)
            self.connections += [
                Connection(account, station, self.queue, self.report) for station in host.stations
            ]

    def _open_account(self, host: Host) -> Account:
        """Raises CredentialsError."""
        numbers = RequestNumbers(host.terms.offset_h, self.queue.last_qn_ms(host.name))
        account = Account(host, read_credentials(host.credentials), numbers, lambda _: None)
        account.renew = lambda renewed: self._renew(account, renewed)
        return account

    def _renew(self, account: Account, credentials: Credentials) -> None:
        """Keep a renewed key, and have all connections of the host use it from their next packet on."""
        write_credentials(account.host.credentials, credentials)
        account.credentials = credentials
        for one in self.connections:
            if one.account is account and one.link is not None:
                one.link.keys = credentials.keys

    def run(self, stop: threading.Event) -> None:
        """Until stopped; raises StoreError."""
        next_look_s = 0.0
        try:
            while not stop.is_set():
                now_s, utc_ms = self.clock.monotonic_s(), self.clock.stamp().utc_ns // NS_PER_MS
                if now_s >= next_look_s and not self.source.turn(utc_ms):
                    next_look_s = now_s + POLL_S
                for one in self.connections:
                    one.step(now_s, utc_ms)
                self._carry(self.clock.real_s(STEP_S))
        finally:
            for one in self.connections:
                one.close()

    def _carry(self, timeout_s: float) -> None:
        """Move bytes; every connection is read once at the most before timers are looked at again."""
        with selectors.DefaultSelector() as selector:
            for one in self.connections:
                if one.wire is not None:
                    events = selectors.EVENT_READ | (selectors.EVENT_WRITE if one.wants_write else 0)
                    selector.register(one.wire, events, one)
            ready = selector.select(timeout_s) if selector.get_map() else []
            if not selector.get_map():
                self.clock.sleep(STEP_S)
        now_s, utc_ms = self.clock.monotonic_s(), self.clock.stamp().utc_ns // NS_PER_MS
        for key, mask in ready:
            if mask & selectors.EVENT_READ:
                key.data.read(now_s, utc_ms)
            if mask & selectors.EVENT_WRITE:
                key.data.write(now_s)
