"""The polls of one bus, without a thread: each `turn` does at most one, or a part of one.

Where answers name no registers, a read may have to wait until no late answer to another one of its meter can
be taken for its own (`drivers.link.ledger`). Such a poll waits alone: the other meters are polled meanwhile.

When a bus goes down, every meter gives one bad reading at once, so that the change is on record, and one a
minute after that, so that silence is never mistaken for health.

Between the polls it makes the reads of guests (`agent.status.bus_desk`), and writes all of them down while
somebody wants a recording.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from attrs import frozen

from agent.status.bus_desk import GLANCE_S, Desk
from agent.status.bus_figures import Tally
from drivers.clock import NS_PER_S, Clock
from drivers.errors import BusDownError
from drivers.poll.bus import MeterBus, wait_finder
from drivers.poll.learned import PAUSE_S_MAX, LearnedBus
from drivers.poll.meter import BusState, Meter, MeterSetup, PollSteps, bad_reading, is_refusal
from drivers.poll.recording import RecordingBus
from drivers.poll.schedule import Due, Schedule, Wait
from drivers.reading import PollGroup, Quality, Reading

DOWN_REPEAT_S: Final = 60.0
"""Time between bad readings of one meter while its bus is down: silence is to be visible in 3 minutes."""

LEARNED_S: Final = 10.0
"""Time between two updates of what is told of the meters."""

Sink = Callable[[Reading], None]

_log = logging.getLogger(__name__)


@frozen
class _Poll:
    """A poll that has begun."""

    steps: PollSteps
    group: PollGroup
    is_probe: bool


class BusLoop:
    """The polls of one bus."""

    def __init__(
        self,
        bus: MeterBus,
        setups: Iterable[MeterSetup],
        clock: Clock,
        sink: Sink,
        tally: Tally | None = None,
        trouble: str = "",
        desk: Desk | None = None,
        learned: LearnedBus | None = None,
    ) -> None:
        """`trouble` is why the bus is already known to be down; the first turn reports it.

        `learned` is what is known of it from before; the attribute of that name is what is known at present,
        and may be read from any thread.
        """
        self._bus = bus
        self._clock = clock
        self._sink = sink
        self._shared = BusState()
        self._meters = {
            setup.id: Meter(setup, bus.gap_registers_max, shared=self._shared) for setup in setups
        }
        self.tally = Tally("", bus.url, self._meters, clock.monotonic_s()) if tally is None else tally
        self.learned = LearnedBus() if learned is None else learned
        self._desk = desk or Desk()
        self._learned_s = self._begin_with(self.learned)
        self._schedule = Schedule(meter.setup for meter in self._meters.values())
        self._find_wait_s = wait_finder(bus)
        self._polls: dict[str, _Poll] = {}
        self._down = False
        self._reported_s = 0.0
        self._trouble = trouble

    def turn(self) -> float:
        """Do what is due; returns the seconds of the clock until more is due."""
        now_s = self._clock.monotonic_s()
        self.tally.publish(now_s)
        if now_s - self._learned_s >= LEARNED_S:
            self.publish_learned()
        if self._trouble:
            self._report_down(now_s, self._trouble)
            self._trouble = ""
        step = self._schedule.next(now_s)
        recorder = self._desk.recorder
        bus = self._bus if recorder is None else RecordingBus(self._bus, recorder)
        if self._desk.has_guests:
            free_s = step.seconds if isinstance(step, Wait) else 0.0
            if self._desk.serve(bus, self._clock, free_s):
                return 0.0
        if isinstance(step, Wait):
            return min(step.seconds, GLANCE_S) if self._desk.has_guests else step.seconds
        if isinstance(step, Due):
            probe = self._schedule.is_silent(step.meter_id)
            steps = self._meters[step.meter_id].begin_poll(
                bus, step.group, self._clock, probe=probe, find_wait_s=self._find_wait_s
            )
            self._polls[step.meter_id] = _Poll(steps, step.group, is_probe=probe)
        self._go_on(step.meter_id)
        return 0.0

    def _go_on(self, meter_id: str) -> None:
        """Go on with a poll until it ends, or has to wait."""
        poll, before = self._polls[meter_id], self._bus.stats.counts
        try:
            wait_s = next(poll.steps)
        except StopIteration as end:
            del self._polls[meter_id]
            self._take(meter_id, poll, end.value, before)
        except BusDownError as error:
            self._polls.clear()
            now_s = self._clock.monotonic_s()
            self.tally.count_poll(meter_id, before, self._bus.stats, None, probe=poll.is_probe)
            self._schedule.note_bus_down(now_s)
            self._report_down(now_s, str(error))
        else:
            self.tally.count_requests(meter_id, before, self._bus.stats)
            self._schedule.note_wait(meter_id, self._clock.monotonic_s(), wait_s)

    def _take(self, meter_id: str, poll: "_Poll", reading: Reading, before: tuple[float, ...]) -> None:
        """Note the end of a poll, and hand on its reading."""
        if self._down:
            _log.warning("bus %s is back", self._bus.url)
            self._down = False
        latency_s = reading.latency_ns / NS_PER_S if reading.quality is Quality.GOOD else None
        self.tally.count_poll(meter_id, before, self._bus.stats, latency_s, probe=poll.is_probe)
        self._schedule.note_poll(
            meter_id,
            poll.group,
            self._clock.monotonic_s(),
            reading.quality,
            refused=is_refusal(reading),
            heard=self._meters[meter_id].was_heard,
            latency_s=latency_s or 0.0,
        )
        self._sink(reading)

    def _begin_with(self, learned: LearnedBus) -> float:
        """Hand what is known to bus and meters; returns the time."""
        now_s = self._clock.monotonic_s()
        self._shared.pause.learned_s = learned.pause_s
        self._desk.ledger.queue.begin_with(learned.gateway_s)
        for name, meter in self._meters.items():
            if name in learned.meters:
                meter.begin_with(learned.meters[name], self._bus.url, now_s)
        return now_s

    def publish_learned(self) -> None:
        """Tell what is known by now; in the bus's own thread."""
        self._learned_s = self._clock.monotonic_s()
        meters = {name: meter.learned(self._bus.url) for name, meter in self._meters.items()}
        pause_s = min(self._shared.pause.learned_s, PAUSE_S_MAX)
        self.learned = LearnedBus(pause_s, meters, self._desk.ledger.queue.known_s)

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
