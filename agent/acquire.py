"""Reads every bus in a thread of its own, for as long as the agent runs.

`BusTask` runs a `BusLoop` (`agent.bus_loop`) in a thread, so that a slow bus holds up no other, and hands
every reading to `sink`, which must be quick and safe to call from several threads.

The main loop checks `is_stalled` and calls `restart`: a thread that hangs is left behind (it ends when it
wakes up, and its readings are dropped), and a new one takes over with a new port, the ledger of unanswered
requests, because late answers may still come, and the figures. It first reports the bus as down: where a name
server never answers, thread after thread hangs without an error. A bus leaves one thread behind at a time, so
THREADS_MAX bounds what the service manager must allow (TasksMax= of `systemd/dianjian-agent.service`).
"""

import copy
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from agent.bus_loop import BusLoop, Sink
from agent.site.file import BUSES_MAX
from agent.status.bus_desk import Desk
from agent.status.bus_figures import BusFigures, Tally
from drivers.clock import Clock
from drivers.link.port import new_ledger
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.learned import LearnedBus
from drivers.poll.logger_bus import LoggerBus
from drivers.poll.meter import MeterSetup
from drivers.reading import Reading

if TYPE_CHECKING:
    from agent.logger_loop import LoggerLoop

STALL_S: Final = 30.0
"""Real seconds without a turn or a request after which a thread counts as stuck: between two requests it
waits for one answer and connects (3 s an address)."""
IDLE_MAX_S: Final = 1.0
"""Longest real sleep between turns, so that the thread never seems stuck."""
APART_S: Final = 0.002
"""Time between the first polls of two buses, and so between their later ones: as long as a poll occupies a
small gateway. A hundred that answer in the same instant wait for each other, and the wait would count as
latency. Further apart, the main loop wakes up for each reading: at 10 ms a poll costs twice as much."""
STACK_BYTES: Final = 512 * 1024
"""Stack of a thread. The usual 8 MiB are address space that a 32-bit gateway lacks at a hundred threads, and
where huge pages are always on, the first use of a stack may take 2 MiB of memory."""
OTHER_THREADS: Final = 8
"""Main loop, MQTT, webhook, TPM and the child that migrates the database, and as many to spare."""
THREADS_MAX: Final = 2 * BUSES_MAX + OTHER_THREADS
"""Each bus has a thread and may have left one behind."""
HUNG: Final = f"its thread hung for {STALL_S:g} s"
DIED: Final = "its thread died"

_log = logging.getLogger(__name__)


class BusTask:
    """A thread that reads one bus; its first poll comes `begin_s` of the clock after the start."""

    def __init__(
        self,
        url: str,
        setups: Iterable[MeterSetup],
        clock: Clock,
        sink: Sink,
        bus_id: str = "",
        begin_s: float = 0.0,
        learned: LearnedBus | None = None,
    ) -> None:
        self.url = url
        self._setups = tuple(setups)
        self._clock = clock
        self._sink = sink
        self._begin_s = begin_s
        self._learned = LearnedBus() if learned is None else learned
        self._ledger = new_ledger(clock)
        self._tally = Tally(bus_id, url, (setup.id for setup in self._setups), clock.monotonic_s())
        self.desk = Desk()
        self._worker: _Worker | None = None
        self._left: _Worker | None = None
        self._refused = False
        self.restarts = 0

    def start(self) -> None:
        """Start reading; where no thread can be had, `restart` tries again."""
        self._start(self._begin_s, "")

    def _start(self, begin_s: float, trouble: str) -> None:
        bus = open_bus(self.url, self._clock, self._ledger)
        self.desk.ledger = self._ledger
        outlet = _Outlet(self._sink)
        loop = self._make_loop(bus, outlet, trouble)
        self._worker = _Worker(loop, bus, outlet, self._clock, begin_s)
        try:
            self._worker.thread.start()
        except RuntimeError as error:
            if not self._refused:
                _log.warning("bus %s is not read: %s; see TasksMax= of the service", self.url, error)
            self._refused = True
        else:
            self._refused = False

    def _make_loop(self, bus: MeterBus, outlet: "_Outlet", trouble: str) -> "BusLoop | LoggerLoop":
        if not isinstance(bus, LoggerBus):
            return BusLoop(
                bus, self._setups, self._clock, outlet, self._tally, trouble, self.desk, self._learned
            )
        from agent.logger_loop import LoggerLoop  # noqa: PLC0415 - HJ 212, which few sites need

        return LoggerLoop(bus, self._setups, self._clock, outlet, self._tally, trouble, self.desk)

    def ask_to_stop(self) -> None:
        """Ask the thread to end, without waiting as `stop` does."""
        if self._worker is not None:
            self._worker.stopping.set()

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; returns whether the thread ended within `timeout_s` real seconds."""
        worker, self._worker = self._worker, None
        if worker is not None and worker.has_begun:
            worker.stopping.set()
            worker.thread.join(timeout_s)
            self._learned = worker.loop.learned
        return worker is None or not worker.thread.is_alive()

    def restart(self) -> None:
        """Abandon a thread that hangs or has died, and start a new one.

        While the one left behind before still hangs, nothing is done: each try would leave another behind.
        """
        worker, left = self._worker, self._left
        if worker is None or (left is not None and left.thread.is_alive()):
            return
        trouble = ""
        if worker.has_begun:
            trouble = HUNG if worker.thread.is_alive() else DIED
            _log.error("bus %s: %s; starting it anew", self.url, trouble)
            worker.abandon()
            self._left = worker
            self.restarts += 1
            self._learned = worker.loop.learned
            self._ledger = copy.deepcopy(self._ledger)  # the old thread may still write into its own
            self._tally = copy.deepcopy(self._tally)
        self._start(0.0, trouble)

    def is_stalled(self, now_s: float) -> bool:
        """Whether the thread hangs, has died or could not be started, at `now_s` of the clock."""
        worker = self._worker
        if worker is None:
            return False
        return not worker.thread.is_alive() or self._clock.real_s(worker.idle_s(now_s)) > STALL_S

    @property
    def learned(self) -> LearnedBus:
        """What is known of bus and meters; costs the bus thread nothing."""
        return self._learned if self._worker is None else self._worker.loop.learned

    @property
    def figures(self) -> BusFigures:
        """Figures of bus and meters since the agent started; costs the bus thread nothing."""
        return self._tally.figures


class _Outlet:
    """The way from a bus thread to the sink; `is_full` while the sink takes nothing."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_closed = False
        self.is_full = False

    def __call__(self, reading: Reading) -> None:
        if self.is_closed:
            return  # of a thread that was abandoned; what is read during an orderly end is sealed
        self.is_full = True
        self._sink(reading)
        self.is_full = False


class _Worker:
    """One thread and what it alone uses."""

    def __init__(
        self, loop: "BusLoop | LoggerLoop", bus: MeterBus, outlet: _Outlet, clock: Clock, begin_s: float
    ) -> None:
        self.bus = bus
        self.thread = threading.Thread(target=self._run, name=f"bus {bus.url}", daemon=True)
        self.stopping = threading.Event()
        self.loop = loop
        self.outlet = outlet
        self._clock = clock
        self._begin_s = begin_s
        self._moved_s = clock.monotonic_s()
        self._requests = 0

    @property
    def has_begun(self) -> bool:
        """Whether the thread was started."""
        return self.thread.ident is not None

    def idle_s(self, now_s: float) -> float:
        """Seconds of the clock without a turn or a request; that the sink is full is not the bus's fault."""
        requests = self.bus.stats.requests
        if self.outlet.is_full or requests != self._requests:
            self._requests, self._moved_s = requests, now_s
        return max(now_s - self._moved_s, 0.0)

    def abandon(self) -> None:
        """Let the thread end when it can, and free the port for its successor."""
        self.outlet.is_closed = True
        self.stopping.set()
        self.bus.close()

    def _run(self) -> None:
        hour_s = 3600.0
        real_per_s = self._clock.real_s(hour_s) / hour_s
        try:
            self.stopping.wait(self._begin_s * real_per_s)
            while not self.stopping.is_set():
                self._moved_s = self._clock.monotonic_s()
                self.stopping.wait(min(self.loop.turn() * real_per_s, IDLE_MAX_S))
            self.loop.publish_learned()
        except Exception:  # noqa: BLE001 the watchdog restarts a dead thread; the reason must be logged
            _log.exception("bus %s: thread ends", self.bus.url)
        finally:
            self.bus.close()
