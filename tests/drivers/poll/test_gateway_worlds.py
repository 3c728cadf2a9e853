"""A gateway with one serial line in virtual time, and what polls through it: rates, probes, who comes back.

The gateway is a plain model: it serves one request at a time, waits for an absent meter and then says an
exception, nothing, or drops what it was asked. Schedule and queue are the real ones; between them stands what
`drivers.modbus.bus` does over TCP: send, wait as long as the queue says, note what came.
"""

import itertools
import random
from collections.abc import Callable
from typing import Final

import pytest
from attrs import Factory, define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.gateway_queue import SIDE_BY_SIDE_S, TRIAL_PARTS, GatewayQueue
from drivers.points.model import Model, load
from drivers.poll.meter import MeterSetup
from drivers.poll.schedule import Schedule, Wait
from drivers.reading import PollGroup, Quality

MODEL: Final = Model("one", load("eastron-sdm630").group(PollGroup.FAST))
METERS: Final = 8
TIMEOUT_S: Final = 0.3
HOUR_S: Final = 3600.0


@define
class Gateway:
    """One serial line behind TCP. Times are those at which things happen, in order."""

    waits_s: float
    says: str
    is_there: Callable[[int, float], bool]
    latency_s: Callable[[], float]
    drops_busy: bool = False
    free_s: float = 0.0
    owed: int = 0
    overlaps: list[float] = Factory(list)

    def take(self, unit: int, now_s: float) -> tuple[float, str] | None:
        """When the answer to a request comes, and whether the meter or the gateway gives it; or never."""
        if now_s < self.free_s:
            self.overlaps.append(now_s)
            if self.drops_busy:
                return None
        begin_s = max(now_s, self.free_s)
        if self.is_there(unit, begin_s):
            self.free_s = begin_s + self.latency_s()
            return self.free_s, "meter"
        self.free_s = begin_s + self.waits_s
        return None if self.says == "nothing" else (self.free_s, "gateway")


@define
class Plant:
    """Eight meters that are polled through a gateway."""

    gateway: Gateway
    every_s: float
    queue: GatewayQueue = Factory(GatewayQueue)
    good: list[tuple[float, int]] = Factory(list)
    spent_s: dict[int, float] = Factory(dict)
    longest_s: float = 0.0
    _now_s: float = 0.0
    _late: dict[int, tuple[float, float]] = field(factory=dict, init=False)

    def read(self, unit: int) -> bool:
        """What the bus does: one request, waited for as long as the queue says."""
        sent_s = self._now_s
        coming = self.gateway.take(unit, sent_s)
        end_s = sent_s + self.queue.wait_s(TIMEOUT_S, sent_s)
        come_s = coming[0] if coming else end_s + 1
        for before_s, at_s in sorted(self._late.items()):
            if at_s[0] <= min(end_s, come_s):
                self.queue.note_late(before_s, at_s[0])
                del self._late[before_s]
        self._now_s = min(end_s, come_s)
        self.spent_s[unit] = self.spent_s.get(unit, 0.0) + self._now_s - sent_s
        self.longest_s = max(self.longest_s, self._now_s - sent_s)
        if coming is None or come_s > end_s:
            self.queue.note_silence(unit, sent_s, end_s)
            if coming is not None:
                self._late[sent_s] = coming[0], 0.0
            return False
        if coming[1] == "gateway":
            self.queue.note_free()
            return False
        self.queue.note_answer(unit, sent_s, come_s)
        return True

    def run(self, until_s: float) -> None:
        """Poll until then."""
        setups = [MeterSetup(str(unit), MODEL, unit, fast_s=self.every_s) for unit in range(1, METERS + 1)]
        schedule = Schedule(setups)
        while self._now_s < until_s:
            step = schedule.next(self._now_s)
            if isinstance(step, Wait):
                self._now_s += step.seconds
                continue
            unit = int(step.meter_id)
            answered = self.read(unit)
            if answered:
                self.good.append((self._now_s, unit))
            quality = Quality.GOOD if answered else Quality.BAD
            schedule.note_poll(step.meter_id, step.group, self._now_s, quality)

    def rate(self, units: set[int], from_s: float, to_s: float) -> float:
        """Good readings a second of each of these."""
        return sum(from_s <= at_s < to_s and unit in units for at_s, unit in self.good) / (
            (to_s - from_s) * len(units)
        )


def allowed(live: int, every_s: float, latency_s: float) -> float:
    """Readings a second of each that the line allows when probes have their share of it."""
    return 0.96 * min(1 / every_s, 1 / (live * latency_s))


WORLDS: Final = tuple(
    itertools.product(
        ("exception", "nothing"),
        ({1}, {3, 6}, {1, 2, 3}, {2, 5, 8}),
        (0.5, 1.0, 3.0, 5.0),
        (0.2, 1.0, 5.0),
        (0.0, 100.0),
    )
)
"""What the gateway says, who is dead, how long it waits, s between polls, since when they are dead."""
FEW: Final = WORLDS[::13]
"""Thirteen has no factor in common with the numbers above, so every one of them occurs with most others."""


@pytest.mark.parametrize(
    ("says", "dead", "waits_s", "every_s", "dies_s"),
    [pytest.param(*one, marks=() if one in FEW else pytest.mark.minutes) for one in WORLDS],
)
def test_the_live_meters_keep_their_rate_and_who_comes_back_is_read_in_time(
    says: str, dead: set[int], waits_s: float, every_s: float, dies_s: float
) -> None:
    back_s = dies_s + HOUR_S
    comes_back = max(dead)

    def is_there(unit: int, at_s: float) -> bool:
        return unit not in dead or at_s < dies_s or (unit == comes_back and at_s >= back_s)

    plant = Plant(Gateway(waits_s, says, is_there, lambda: 0.06), every_s)
    plant.run(back_s + 400)
    live = set(range(1, METERS + 1)) - dead
    settled_s = dies_s + 120
    kept = plant.rate(live, settled_s, back_s)
    assert kept >= 0.95 * allowed(len(live), every_s, 0.06)
    assert min(at_s for at_s, unit in plant.good if unit == comes_back and at_s >= back_s) <= back_s + 300
    if says == "exception":
        assert plant.gateway.overlaps == []


@given(
    st.integers(0, 2**32),
    st.floats(0.3, 5.5),
    st.sets(st.integers(1, METERS), min_size=1, max_size=3),
    st.sampled_from([0.3, 1.0, 3.0]),
    st.sampled_from([0.0, 0.01]),
)
@settings(deadline=None, max_examples=25)
def test_whatever_the_gateway_waits_no_request_is_sent_while_one_is_owed(
    seed: int, waits_s: float, dead: set[int], every_s: float, lost: float
) -> None:
    """Latencies vary, answers get lost on the line; the gateway says so after its time."""
    rng = random.Random(seed)

    def is_there(unit: int, _at_s: float) -> bool:
        return unit not in dead and rng.random() >= lost

    plant = Plant(Gateway(waits_s, "exception", is_there, lambda: rng.uniform(0.02, 0.2)), every_s)
    plant.run(900)
    assert plant.gateway.overlaps == []
    for unit in set(range(1, METERS + 1)) - dead:
        assert any(unit == one for _, one in plant.good)


@pytest.mark.parametrize("waits_s", [0.6, 1.0, 3.0, 5.0])
@pytest.mark.parametrize("drops_busy", [False, True])
def test_how_long_a_silent_gateway_is_busy_is_learned(waits_s: float, *, drops_busy: bool) -> None:
    plant = Plant(Gateway(waits_s, "nothing", lambda unit, _: unit != 4, lambda: 0.06, drops_busy), 0.3)
    plant.run(1800)
    late = [at_s for at_s in plant.gateway.overlaps if at_s > 300]
    probes = plant.spent_s[4] / waits_s
    assert len(late) <= 1 + probes / 8
    assert plant.rate({1, 2, 3, 5, 6, 7, 8}, 300, 1800) >= 0.95 * allowed(7, 0.3, 0.06)


def test_a_device_that_answers_side_by_side_is_known_after_three_silences() -> None:
    queue, waits = GatewayQueue(), []
    queue.note_answer(1, 0.0, 0.02)
    now_s = 1.0
    for _ in range(4):
        waits.append(queue.wait_s(TIMEOUT_S, now_s))
        queue.note_silence(2, now_s, now_s + waits[-1])
        now_s += waits[-1]
        queue.note_answer(1, now_s, now_s + 0.02)
        now_s += 0.02
    assert waits == pytest.approx([6.0, 6.0 / TRIAL_PARTS, 6.0 / TRIAL_PARTS**2, TIMEOUT_S])
    assert queue.is_side_by_side
    assert waits[-2] / TRIAL_PARTS < SIDE_BY_SIDE_S


@pytest.mark.parametrize("waits_s", [0.0, 0.7, 1.0, 3.0, 5.0])
def test_a_gateway_that_was_known_before_a_restart_costs_no_long_wait_again(waits_s: float) -> None:
    """0 s is a device that answers side by side: whom nobody waits for blocks nobody."""
    plant = Plant(Gateway(waits_s, "nothing", lambda unit, _: unit != 4, lambda: 0.06), 1.0)
    plant.run(900)
    known_s = plant.queue.known_s
    assert known_s == (SIDE_BY_SIDE_S if not waits_s else pytest.approx(waits_s + 0.25, abs=0.26))
    again = Plant(Gateway(waits_s, "nothing", lambda unit, _: unit != 4, lambda: 0.06), 1.0)
    again.queue.begin_with(known_s)
    again.run(15)
    assert again.longest_s <= known_s + TIMEOUT_S
    assert again.gateway.overlaps == []


@pytest.mark.parametrize(("known_s", "waits_s"), [(0.3, 1.0), (0.3, 5.0), (0.5, 3.0), (2.0, 5.0), (6.0, 1.0)])
def test_what_was_known_of_another_gateway_costs_one_request_that_is_sent_too_early(
    known_s: float, waits_s: float
) -> None:
    plant = Plant(Gateway(waits_s, "nothing", lambda unit, _: unit != 4, lambda: 0.06), 0.3)
    plant.queue.begin_with(known_s)
    plant.run(60)
    assert len(plant.gateway.overlaps) <= 1
    assert plant.queue.known_s >= waits_s


def test_the_first_answers_of_a_new_connection_say_nothing_of_the_old_one() -> None:
    queue = GatewayQueue()
    queue.note_answer(1, 0.0, 0.02)
    queue.note_silence(2, 1.0, 7.0)
    queue.note_free()
    queue.note_answer(1, 7.0, 9.0)
    assert queue.wait_s(TIMEOUT_S, 10.0) == 6.0
    assert not queue.held_s


def test_waits_never_end_before_the_time_out() -> None:
    queue = GatewayQueue()
    for timeout_s, now_s in itertools.product((0.2, 8.0), (0.0, 5.0)):
        assert queue.wait_s(timeout_s, now_s) >= timeout_s
