"""Takes what data loggers of HJ 212 send, without a thread; `agent.bus_loop` is its counterpart.

Each `turn` waits a moment for bytes, hands every packet of a known logger to the sink as a reading, and
answers only then: what a logger was told has come is in the spool. Real time data (CN=2011) are the fast
group, all other data the slow one, their blocks the packets as they came. Packets that are no values of their
moment (`drivers.hj212.receiver`) are sealed too, of quality stale, and judged by nobody.

A logger that is silent gives a bad reading once, and one a minute after that, as a bus that is down does.

What a host may send is bounded by a budget of packets and bytes: beyond it nothing is read from it until
there is some again, so that TCP holds it up and nothing of an honest backlog is lost. What is refused is told
once an hour for each host and reason.
"""

import logging
from collections.abc import Iterable
from typing import Final

from attrs import define, field

from agent.bus_loop import DOWN_REPEAT_S, Sink
from agent.status.bus_desk import Desk
from agent.status.bus_figures import Tally
from drivers.clock import Clock, ClockState, Stamp
from drivers.errors import BusDownError
from drivers.hj212.numbers import Command
from drivers.hj212.oddity import Wrong
from drivers.hj212.packet import FUNCTION
from drivers.hj212.receiver import Answer, Arrival, Memory, Receiver, Refusal, Told
from drivers.link.listener import Listener, Peer
from drivers.poll.learned import LearnedBus
from drivers.poll.logger_bus import SILENT, LoggerBus
from drivers.poll.meter import MeterSetup, bad_reading
from drivers.reading import Block, PollGroup, Quality, Reading

WAIT_S: Final = 0.2
"""Real seconds for bytes; how soon an end is seen."""
QUIET_S: Final = 10.0
"""The rest of a packet that has not come by then does not come: the time-out of a command in HJ 212-2025."""
RETRY_S: Final = 5.0
"""Between two tries to have the port."""
SILENT_S: Final = 150.0
"""Of nothing from a logger: silence is to be visible in 3 minutes, and loggers send every 30 to 60 s."""
SILENT_INTERVALS: Final = 3
"""A logger that sends more seldom, as its meter's `fast_s` says, may miss so many."""
BURST: Final = 600.0
"""Packets, or kilobytes, that a host may send at once: ten hours of minutes after an outage."""
PER_S: Final = 1.0
"""And a second from then on: sealed, that is 40 MB a day at most."""
BYTES: Final = 1024.0
HOSTS_MAX: Final = 16
TOLD_S: Final = 3600.0
TOLD_MAX: Final = 64
_MS: Final = 1_000_000

_log = logging.getLogger(__name__)


@define(eq=False, repr=False)
class _Budget:
    """Of one host: what it may send now."""

    at_s: float
    left: float = field(factory=lambda: BURST)

    def refill(self, now_s: float) -> None:
        self.left = min(BURST, self.left + max(now_s - self.at_s, 0.0) * PER_S)
        self.at_s = now_s


class LoggerLoop:
    """See the module."""

    def __init__(
        self,
        bus: LoggerBus,
        setups: Iterable[MeterSetup],
        clock: Clock,
        sink: Sink,
        tally: Tally | None = None,
        trouble: str = "",
        desk: Desk | None = None,
    ) -> None:
        """As that of `BusLoop`; nothing is learned of loggers."""
        self._bus = bus
        self._clock = clock
        self._sink = sink
        self._setups = {setup.address: setup for setup in setups}
        now_s = clock.monotonic_s()
        names = [setup.id for setup in self._setups.values()]
        self.tally = Tally("", bus.url, names, now_s) if tally is None else tally
        self.learned = LearnedBus()
        self._desk = desk or Desk()
        keys = {mn: setup.model.keys for mn, setup in self._setups.items() if setup.model.keys}
        self._memory = Memory(frozenset(self._setups), keys)
        self._receivers: dict[Peer, Receiver] = {}
        self._budgets: dict[str, _Budget] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._due_s = {mn: now_s + _find_limit_s(one) for mn, one in self._setups.items()}
        self._counted = bus.stats.counts
        self._trouble = trouble
        self._is_down = False
        self._reported_s = 0.0

    @property
    def listener(self) -> Listener:
        """Where loggers call."""
        return self._bus.listener

    def budget_left(self, host: str) -> float:
        """Packets, or kilobytes, that the host may send now."""
        budget = self._budgets.get(host)
        return BURST if budget is None else budget.left

    def publish_learned(self) -> None:
        """Nothing is learned."""

    def turn(self) -> float:
        """Take what has come; returns the seconds of the clock until more is due."""
        now_s = self._clock.monotonic_s()
        self.tally.publish(now_s)
        if self._desk.has_guests:
            self._desk.serve(self._bus, self._clock, 0.0)  # who learns that there is nothing to ask
        trouble, self._trouble = self._trouble, ""
        try:
            self.listener.open()
        except BusDownError as error:
            trouble = str(error)
        if trouble:
            self._report_down(now_s, trouble)
            return RETRY_S
        if self._is_down:
            _log.warning("bus %s is back", self._bus.url)
            self._is_down = False
        for peer in self.listener.wait(WAIT_S, now_s, self._list_paused(now_s)):
            self._read(peer, now_s)
        self._end_quiet(now_s)
        self._note_silence(self._clock.monotonic_s())
        return 0.0

    def _list_paused(self, now_s: float) -> frozenset[str]:
        for one in self._budgets.values():
            one.refill(now_s)
        return frozenset(host for host, one in self._budgets.items() if one.left < 1)

    def _read(self, peer: Peer, now_s: float) -> None:
        receiver = self._receivers.get(peer)
        if receiver is None:
            _log.info("bus %s: %s has called", self._bus.url, peer.host)
            receiver = self._receivers[peer] = Receiver(self._memory)
        data, stamp = peer.read(now_s), self._clock.stamp()
        utc_ms = None if stamp.clock_state is ClockState.UNSYNCHRONISED else stamp.utc_ns // _MS
        self._spend(peer.host, len(data) / BYTES, now_s)
        self._do(peer, receiver.receive(data, now_s, utc_ms), now_s, stamp)

    def _do(self, peer: Peer, told: Iterable[Told], now_s: float, stamp: Stamp) -> None:
        for one in told:
            if isinstance(one, Arrival):
                self._spend(peer.host, 1.0, now_s)
                self._arrive(one, now_s, stamp)
            elif isinstance(one, Answer) and peer.is_open:
                peer.write(one.raw)
            elif isinstance(one, Refusal):
                self._refuse(peer.host, one, now_s)

    def _arrive(self, arrival: Arrival, now_s: float, stamp: Stamp) -> None:
        setup, stats = self._setups[arrival.mn], self._bus.stats
        stats.requests += 1
        self.tally.count_poll(setup.id, self._counted, stats, None, probe=False)
        self._counted = stats.counts
        self._due_s[arrival.mn] = now_s + _find_limit_s(setup)
        self._sink(
            Reading(
                setup.id,
                PollGroup.FAST if arrival.cn == int(Command.REAL) else PollGroup.SLOW,
                stamp,
                setup.model.hash,
                tuple(Block(FUNCTION, arrival.cn, raw) for raw in arrival.raws),
                Quality.STALE if arrival.stale else Quality.GOOD,
                arrival.stale,
            )
        )
        if arrival.stale:
            self._tell(setup.id, arrival.stale, now_s)

    def _refuse(self, host: str, refusal: Refusal, now_s: float) -> None:
        if refusal.why == Wrong.CRC:
            self._bus.stats.crc_errors += 1
        else:
            self._bus.stats.foreign += 1
        text = f"refused: {refusal.why} {refusal.detail} at byte {refusal.place}"
        self._tell(host, text, now_s, refusal.why)

    def _tell(self, who: str, text: str, now_s: float, why: str = "") -> None:
        """One line an hour for each host or meter, and reason."""
        key = who, why or text
        if now_s - self._told.get(key, -TOLD_S) < TOLD_S:
            return
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told[key] = now_s
        _log.warning("bus %s: %s: %s", self._bus.url, who, text.encode("ascii", "backslashreplace").decode())

    def _spend(self, host: str, parts: float, now_s: float) -> None:
        if host not in self._budgets and len(self._budgets) >= HOSTS_MAX:
            del self._budgets[max(self._budgets, key=lambda name: self._budgets[name].left)]
        self._budgets.setdefault(host, _Budget(now_s)).left -= parts

    def _end_quiet(self, now_s: float) -> None:
        """End packets whose rest does not come, and forget who has gone."""
        for peer, receiver in list(self._receivers.items()):
            if not peer.is_open or (receiver.is_waiting and now_s - peer.heard_s > QUIET_S):
                self._do(peer, receiver.flush(), now_s, self._clock.stamp())
            if not peer.is_open:
                del self._receivers[peer]

    def _note_silence(self, now_s: float) -> None:
        for mn, due_s in self._due_s.items():
            if now_s >= due_s:
                self._due_s[mn] = now_s + DOWN_REPEAT_S
                self._sink(bad_reading(self._setups[mn], PollGroup.FAST, self._clock, SILENT))

    def _report_down(self, now_s: float, reason: str) -> None:
        if self._is_down and now_s < self._reported_s + DOWN_REPEAT_S:
            return
        if not self._is_down:
            _log.warning("bus %s is down: %s", self._bus.url, reason)
        self._is_down, self._reported_s = True, now_s
        for mn, setup in self._setups.items():
            self._due_s[mn] = now_s + _find_limit_s(setup)
            self._sink(bad_reading(setup, PollGroup.FAST, self._clock, f"bus down: {reason}"))


def _find_limit_s(setup: MeterSetup) -> float:
    return max(SILENT_S, SILENT_INTERVALS * setup.fast_s)
