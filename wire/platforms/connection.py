"""One connection to a host for one station: connects, carries bytes, does what the link wants.

A connection that fails is tried again after a pause that doubles up to PAUSE_MAX_S. Names are looked up and
connections opened in a thread of their own, so that a dead name server or host holds up no other host.
"""

import socket
import threading
from collections.abc import Callable
from typing import Final

from attrs import define, field

from drivers.hj212.times import MS_PER_S, RequestNumbers
from wire.hj212.acts import (
    Act,
    AskHistory,
    AssignMn,
    Declined,
    Delivered,
    HangUp,
    RenewKey,
    Send,
    Tell,
)
from wire.hj212.link import Link
from wire.pacing import Backoff
from wire.platforms.credentials import Credentials
from wire.platforms.hosts import Host, Station
from wire.platforms.queue import Queue, State

PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
CONNECT_S: Final = 10.0
"""A TCP handshake over a bad modem; also the grace for packets that were made meanwhile."""
LIVE_S: Final = 180.0
"""Older packets are backfill: a seal a minute, its way to the centre, and three tries of five seconds."""
SETTLE_S: Final = 5.0
"""Of quiet, after which half a packet stays half."""
READ_BYTES: Final = 16 * 1024
OUT_BYTES_MAX: Final = 64 * 1024
"""That wait to go out before more is read: a host that asks and never reads costs no memory."""
HISTORY_ROWS: Final = 20
"""Packets of history between two looks at live ones."""


@define(eq=False, repr=False)
class Account:
    """What the stations of one host share."""

    host: Host
    credentials: Credentials
    numbers: RequestNumbers
    renew: Callable[[Credentials], None]


@define(eq=False, repr=False)
class Connection:
    """See the module.

    Attributes:
        report: Takes what is to be told: up (True) or down with a reason, or what the link tells.
    """

    account: Account
    station: Station
    queue: Queue
    report: Callable[["Connection", Tell | tuple[bool, str]], None]
    link: Link | None = field(init=False, default=None)
    wire: socket.socket | None = field(init=False, default=None)
    _out: bytearray = field(init=False, factory=bytearray)
    _pause: Backoff = field(init=False, factory=lambda: Backoff(PAUSE_FIRST_S, PAUSE_MAX_S))
    _next_try_s: float = field(init=False, default=0.0)
    _opening: "_Opening | None" = field(init=False, default=None)
    _up_ms: int = field(init=False, default=0)
    _heard_s: float = field(init=False, default=0.0)
    _history: tuple[AskHistory, int, bool] | None = field(init=False, default=None)

    @property
    def wants_read(self) -> bool:
        """Whether there is room for the answers to what comes."""
        return len(self._out) < OUT_BYTES_MAX

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait to go out."""
        return bool(self._out)

    def step(self, now_s: float, utc_ms: int) -> None:
        """Do what the time asks for; raises StoreError."""
        if self.wire is None or self.link is None:
            self._connect(now_s, utc_ms)
            return
        acts = self.link.tick(now_s, utc_ms)
        if now_s - self._heard_s > SETTLE_S:
            acts += self.link.settle(now_s, utc_ms)
        self._do(acts, now_s)
        self._offer(now_s, utc_ms)
        self.write(now_s)

    def read(self, now_s: float, utc_ms: int) -> None:
        """Take what has come; raises StoreError."""
        if self.wire is None or self.link is None or not self.wants_read:
            return
        try:
            data = self.wire.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._down(str(error.strerror), now_s)
            return
        if not data:
            self._down("closed by the host", now_s)
            return
        self._heard_s = now_s
        self._do(self.link.receive(data, now_s, utc_ms), now_s)

    def write(self, now_s: float) -> None:
        """Send what the socket takes."""
        if self.wire is None or not self._out:
            return
        try:
            sent = self.wire.send(self._out)
        except BlockingIOError:
            return
        except OSError as error:
            self._down(str(error.strerror), now_s)
            return
        del self._out[:sent]

    def close(self) -> None:
        """Hang up for good."""
        opened = None if self._opening is None else self._opening.wire
        for wire in (self.wire, opened):
            if wire is not None:
                wire.close()
        self.wire = self.link = self._opening = None

    # ---- up and down

    def _connect(self, now_s: float, utc_ms: int) -> None:
        if self._opening is None:
            if now_s >= self._next_try_s:
                self._opening = _Opening(self.account.host.address)
            return
        if not self._opening.is_done:
            return
        opened, self._opening = self._opening, None
        if opened.wire is None:
            self._next_try_s = now_s + self._pause.fail()
            self.report(self, (False, opened.why))
            return
        host = self.account.host
        mn = self.queue.mn_of(host.name, self.station.name, self.station.mn)
        credentials = self.account.credentials
        self.wire = opened.wire
        self.link = Link(host.terms, mn, credentials.pw, credentials.keys, self.account.numbers, now_s)
        self._out.clear()
        self._up_ms, self._heard_s, self._history = utc_ms, now_s, None
        self.report(self, (True, ""))

    def _down(self, why: str, now_s: float) -> None:
        self.close()
        self._next_try_s = now_s + self._pause.fail()
        self.report(self, (False, why))

    # ---- packets

    def _offer(self, now_s: float, utc_ms: int) -> None:
        """Give the link what it wants, live before backfill."""
        host = self.account.host.name
        grace_ms, live_ms = int(CONNECT_S * MS_PER_S), int(LIVE_S * MS_PER_S)
        live_from_ms = max(self._up_ms - grace_ms, utc_ms - live_ms)
        for late in (False, True):
            if self.link is None or self._out or not self.link.wants(late=late):
                continue
            numbers = self.account.numbers
            datum = self.queue.take(host, self.station.name, live_from_ms, numbers, utc_ms, late=late)
            if datum is not None and not self.link.is_waiting_for(datum.qn):
                self._do(self.link.offer(datum, now_s), now_s)
        if self.link is not None and self._history is not None and not self._out:
            self._give_history(self.link, now_s)

    def _give_history(self, link: Link, now_s: float) -> None:
        assert self._history is not None
        ask, begin_ms, found = self._history
        host = self.account.host
        rows, next_ms = self.queue.history(
            host.name,
            self.station.name,
            ask.st,
            ask.cn,
            begin_ms,
            ask.end_ms,
            host.terms.offset_h,
            HISTORY_ROWS,
        )
        is_last = len(rows) < HISTORY_ROWS
        self._history = None if is_last else (ask, next_ms, True)
        self._do(link.add_history(rows, is_last=is_last, found=found or bool(rows)), now_s)

    def _do(self, acts: list[Act], now_s: float) -> None:
        host = self.account.host.name
        for act in acts:
            if isinstance(act, Send):
                self._out += act.raw
            elif isinstance(act, Delivered):
                self.queue.end(act.number, State.DELIVERED)
                self._pause.succeed()
            elif isinstance(act, Declined):
                self.queue.end(act.number, State.DECLINED)
            elif isinstance(act, AssignMn):
                self.queue.assign(host, self.station.name, act.mn)
            elif isinstance(act, RenewKey):
                try:
                    self.account.renew(self.account.credentials.renew(act.key))
                except OSError as error:  # not kept, so not confirmed; other hosts go on
                    self._down(f"{error.filename}: {error.strerror}", now_s)
                    return
            elif isinstance(act, AskHistory):
                self._history = (act, act.begin_ms, False)
            elif isinstance(act, HangUp):
                self._down("no answer", now_s)
                return
            else:
                self.report(self, act)
        self.write(now_s)


class _Opening:
    """A connection that is being opened in a thread."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.wire: socket.socket | None = None
        self.why = ""
        self._address = address
        self._thread = threading.Thread(target=self._open, name="hj212-connect", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether it stands, or has failed."""
        return not self._thread.is_alive()

    def _open(self) -> None:
        try:
            self.wire = socket.create_connection(self._address, CONNECT_S)
            self.wire.setblocking(False)
        except (OSError, UnicodeError) as error:  # a name that is none, such as one with two dots in a row
            self.why = (error.strerror if isinstance(error, OSError) else None) or str(error)
