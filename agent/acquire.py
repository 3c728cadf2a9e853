"""Reads the meters of one bus for as long as the agent runs.

`BusLoop` is one bus without a thread: each `turn` does at most one poll and returns the time until the next.
`BusTask` runs it in a thread of its own, so that a slow bus holds up no other, and hands every reading to
`sink`, which must be quick and safe to call from several threads.

When a bus goes down, every meter gives one bad reading at once, so that the change is on record, and one a
minute after that, so that silence is never mistaken for health.

The main loop checks `is_stalled` and calls `restart`: a thread that hangs is left behind (it ends when it
wakes up, and its readings are dropped), and a new one takes over with a new port, the ledger of unanswered
requests, because late answers may still come, and the figures.
"""

import copy
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from agent.status.bus_figures import BusFigures, Tally
from drivers.clock import NS_PER_S, Clock
from drivers.errors import BusDownError
from drivers.link.port import new_ledger
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.meter import Meter, MeterSetup, bad_reading, is_refusal
from drivers.poll.schedule import Schedule, Wait
from drivers.reading import Quality, Reading

DOWN_REPEAT_S: Final = 60.0
"""Time between bad readings of one meter while its bus is down: silence is to be visible in 3 minutes."""
STALL_S: Final = 30.0
"""Real seconds without a turn after which a task counts as stuck: the longest turn connects (3 s) and
reads a group of a dozen spans with the longest time-out."""
IDLE_MAX_S: Final = 1.0
"""Longest real sleep between turns, so that the thread never seems stuck."""

Sink = Callable[[Reading], None]

_log = logging.getLogger(__name__)


class BusLoop:
    """The polls of one bus, one at a time."""

    def __init__(
        self,
        bus: MeterBus,
        setups: Iterable[MeterSetup],
        clock: Clock,
        sink: Sink,
        tally: Tally | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._sink = sink
        self._meters = {setup.id: Meter(setup, bus.gap_registers_max) for setup in setups}
        self.tally = Tally("", bus.url, self._meters, clock.monotonic_s()) if tally is None else tally
        self._schedule = Schedule(meter.setup for meter in self._meters.values())
        self._down = False
        self._reported_s = 0.0

    def turn(self) -> float:
        """Do what is due; returns the seconds of the clock until more is due."""
        now_s = self._clock.monotonic_s()
        self.tally.publish(now_s)
        step = self._schedule.next(now_s)
        if isinstance(step, Wait):
            return step.seconds
        probe = self._schedule.is_silent(step.meter_id)
        before = self._bus.stats.counts
        try:
            reading = self._meters[step.meter_id].poll(self._bus, step.group, self._clock, probe=probe)
        except BusDownError as error:
            now_s = self._clock.monotonic_s()
            self.tally.count_poll(step.meter_id, before, self._bus.stats, None, probe=probe)
            self._schedule.note_bus_down(now_s)
            self._report_down(now_s, str(error))
            return 0.0
        if self._down:
            _log.warning("bus %s is back", self._bus.url)
            self._down = False
        latency_s = reading.latency_ns / NS_PER_S if reading.quality is Quality.GOOD else None
        self.tally.count_poll(step.meter_id, before, self._bus.stats, latency_s, probe=probe)
        self._schedule.note_poll(
            step.meter_id, step.group, self._clock.monotonic_s(), reading.quality, refused=is_refusal(reading)
        )
        self._sink(reading)
        return 0.0

    def _report_down(self, now_s: float, reason: str) -> None:
        if self._down and now_s < self._reported_s + DOWN_REPEAT_S:
            return
        if not self._down:
            _log.warning("bus %s is down: %s", self._bus.url, reason)
        self._down = True
        self._reported_s = now_s
        for meter in self._meters.values():
            for group in list(meter.setup.intervals_s)[:1]:
                self._sink(bad_reading(meter.setup, group, self._clock, f"bus down: {reason}"))


class BusTask:
    """A thread that reads one bus."""

    def __init__(
        self, url: str, setups: Iterable[MeterSetup], clock: Clock, sink: Sink, bus_id: str = ""
    ) -> None:
        self.url = url
        self._setups = tuple(setups)
        self._clock = clock
        self._sink = sink
        self._ledger = new_ledger(clock)
        self._tally = Tally(bus_id, url, (setup.id for setup in self._setups), clock.monotonic_s())
        self._worker: _Worker | None = None
        self.restarts = 0

    def start(self) -> None:
        """Start reading."""
        bus = open_bus(self.url, self._clock, self._ledger)
        self._worker = _Worker(bus, self._setups, self._clock, self._sink, self._tally)
        self._worker.thread.start()

    def ask_to_stop(self) -> None:
        """Ask the thread to end, without waiting as `stop` does."""
        if self._worker is not None:
            self._worker.stopping.set()

    def stop(self, timeout_s: float) -> bool:
        """Stop reading; returns whether the thread ended within `timeout_s` real seconds."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stopping.set()
            worker.thread.join(timeout_s)
        return worker is None or not worker.thread.is_alive()

    def restart(self) -> None:
        """Abandon a stuck thread and start a new one."""
        _log.error("bus %s is stuck; starting it anew", self.url)
        if self._worker is not None:
            self._worker.abandon()
        self.restarts += 1
        self._ledger = copy.deepcopy(self._ledger)  # the old thread may still write into its own
        self._tally = copy.deepcopy(self._tally)
        self.start()

    def is_stalled(self, now_s: float) -> bool:
        """Whether the thread hangs or has died, at `now_s` of the clock."""
        worker = self._worker
        if worker is None:
            return False
        idle_s = self._clock.real_s(max(now_s - worker.turned_s, 0.0))
        return not worker.thread.is_alive() or idle_s > STALL_S

    @property
    def figures(self) -> BusFigures:
        """Figures of bus and meters since the agent started; costs the bus thread nothing."""
        return self._tally.figures


class _Worker:
    """One thread and what it alone uses."""

    def __init__(
        self, bus: MeterBus, setups: Iterable[MeterSetup], clock: Clock, sink: Sink, tally: Tally
    ) -> None:
        self.bus = bus
        self.loop = BusLoop(bus, setups, clock, self._pass_on, tally)
        self.turned_s = clock.monotonic_s()
        self.thread = threading.Thread(target=self._run, name=f"bus {bus.url}", daemon=True)
        self._clock = clock
        self._sink = sink
        self.stopping = threading.Event()
        self._abandoned = False

    def abandon(self) -> None:
        """Let the thread end when it can, and free the port for its successor."""
        self._abandoned = True
        self.stopping.set()
        self.bus.close()

    def _pass_on(self, reading: Reading) -> None:
        if not self._abandoned:  # what is read during an orderly end is sealed, too
            self._sink(reading)

    def _run(self) -> None:
        hour_s = 3600.0
        real_per_s = self._clock.real_s(hour_s) / hour_s
        try:
            while not self.stopping.is_set():
                self.turned_s = self._clock.monotonic_s()
                self.stopping.wait(min(self.loop.turn() * real_per_s, IDLE_MAX_S))
        except Exception:  # noqa: BLE001 the watchdog restarts a dead thread; the reason must be logged
            _log.exception("bus %s: thread ends", self.bus.url)
        finally:
            self.bus.close()
