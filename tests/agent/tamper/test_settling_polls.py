"""A counter that is gone at a restart, seen by bus loop, schedule, meter and checks in virtual time.

The meter restarts when the gateway knows it, or has just begun to.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from attrs import Factory, define, field

from agent.bus_loop import BusLoop
from agent.tamper.settings import Tamper
from agent.tamper.settling import SETTLE_S
from drivers.errors import ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.points import model as models
from drivers.poll.setup import MeterSetup
from drivers.reading import PollGroup, Quality, Reading
from tests.drivers.poll.modelled_meter import VirtualClock

MODEL: Final = models.load("eastron-sdm630")
SILENT_S: Final = 4.0
WH: Final = 5_000_000.0
BOUND_S: Final = 300.0
ENERGY: Final = "active_energy_import"
Shown = Callable[[float], float]
"""The counter in Wh, so many seconds after the restart; before it, they are negative."""


def before(watts: float = 0.0) -> Shown:
    return lambda into_s: WH + watts * into_s / 3600


@define
class RestartingMeter:
    """The bus of one meter that is silent for `silent_s` from `restart_s` on; `shows` is its counter.

    With `waits` a request of that time is answered after it, as a gateway may do.
    """

    clock: VirtualClock
    restart_s: float
    shows: Shown
    silent_s: float = SILENT_S
    waits: bool = False
    url: str = "tcp://restarting:502"
    gap_registers_max: int = 31
    stats: BusStats = Factory(BusStats)

    def close(self) -> None:
        """Nothing is open."""

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        del unit_id, spare_registers
        self.stats.requests += 1
        into_s = self.clock.now_s - self.restart_s
        if self.waits and 0 <= into_s < self.silent_s:
            self.clock.sleep(self.silent_s - into_s)
        if 0 <= self.clock.now_s - self.restart_s < self.silent_s:
            self.clock.sleep(timeout_s)
            self.stats.timeouts += 1
            raise ReplyTimeoutError("no answer")
        self.clock.sleep(0.02)
        values = {"serial_number": 20_230_001, ENERGY: self.shows(self.clock.now_s - self.restart_s)}
        image = MODEL.encode(values)
        held = (image.get((function, at), bytes(2)) for at in range(address, address + count))
        return Answer(b"".join(held), 0.02)


@define
class Site:
    """What a gateway with one meter tells.

    Attributes:
        told: Bodies of tamper records, with when they were told, s after the first counter after the restart.
    """

    slow_s: float
    known_s: float
    shows: Shown
    waits: bool = False
    told: list[dict[str, Any]] = Factory(list)
    back_s: float | None = None
    _clock: VirtualClock = field(factory=VirtualClock, init=False)

    def run(self, length_s: float, silent_s: float = SILENT_S) -> list[dict[str, Any]]:
        clock = self._clock
        restart_s = clock.now_s + self.known_s
        setup = MeterSetup("m1", MODEL, 1, fast_s=2.0, slow_s=self.slow_s)
        tamper = Tamper({"m1": setup})

        def take(reading: Reading) -> None:
            late = clock.now_s >= restart_s + silent_s
            if late and reading.group is PollGroup.SLOW and reading.quality is Quality.GOOD:
                self.back_s = self.back_s or clock.now_s
            since_s = clock.now_s - (self.back_s or clock.now_s)
            self.told += [body | {"at_s": since_s} for body in tamper.look(reading)]

        loop = BusLoop(
            RestartingMeter(clock, restart_s, self.shows, silent_s, self.waits), [setup], clock, take
        )
        while clock.now_s < restart_s + length_s:
            clock.sleep(loop.turn())
        return self.told


def falls_to(after: Shown, watts: float = 0.0) -> Shown:
    return lambda into_s: after(into_s) if into_s >= 0 else before(watts)(into_s)


ZERO = falls_to(lambda _: 0.0)
COUNTS_ON = falls_to(lambda into_s: 60_000.0 * into_s / 3600, 60_000.0)


@pytest.mark.parametrize("slow_s", [5.0, 20.0, 60.0, 110.0, 180.0, 600.0])
@pytest.mark.parametrize("shows", [ZERO, COUNTS_ON], ids=["stays 0", "counts on from 0"])
def test_a_counter_that_is_gone_at_a_restart_is_told_within_five_minutes_or_three_slow_polls(
    slow_s: float, shows: Shown
) -> None:
    told = Site(slow_s, 10 * slow_s + 3 * SETTLE_S, shows).run(4 * slow_s + 2 * BOUND_S)
    assert [(one["what"], one["point"]) for one in told] == [("counter backwards", ENERGY)]
    assert told[0]["was"] == pytest.approx(WH, rel=3e-3)  # the last slow poll before the restart
    assert SETTLE_S <= told[0]["at_s"] <= max(BOUND_S, 3 * slow_s)


@pytest.mark.parametrize("slow_s", [5.0, 20.0, 60.0])
@pytest.mark.parametrize("shows", [ZERO, COUNTS_ON], ids=["stays 0", "counts on from 0"])
def test_a_counter_that_is_gone_before_its_first_value_had_settled_is_told_as_soon(
    slow_s: float, shows: Shown
) -> None:
    told = Site(slow_s, max(25.0, 2.5 * slow_s), shows).run(2 * BOUND_S)
    assert [(one["what"], one["point"]) for one in told] == [("counter backwards", ENERGY)]
    assert told[0]["at_s"] <= max(BOUND_S, 3 * slow_s)


def test_a_first_value_that_returns_after_it_was_told_as_gone_withdraws_the_record() -> None:
    shows: Shown = lambda into_s: 0.0 if 0 <= into_s < 250 else WH  # noqa: E731
    assert [one["what"] for one in Site(5.0, 25.0, shows).run(600)] == [
        "counter backwards",
        "counter returned",
    ]


HONEST: dict[str, Shown] = {
    "zeros for a while": lambda into_s: 0.0 if 0 <= into_s < 120 else WH,
    "counts up from zero for a while": lambda into_s: 10 * into_s if 0 <= into_s < 120 else WH,
    "all ones before, then a low counter": lambda into_s: 4.2e12 if into_s < 0 else 700_000.0,
    "all ones of 32 bits before, then a new meter": lambda into_s: 4_294_967_295.0 if into_s < 0 else 0.0,
    "garbage before, zeros for a while, then its own": lambda into_s: (
        9e8 if into_s < 0 else 0.0 if into_s < 100 else 700_000.0
    ),
    "a new meter of zero": lambda _: 0.0,
    "a new meter that begins to count": lambda into_s: max(into_s, 0.0),
}


@pytest.mark.parametrize("known_s", [25.0, 100.0])
@pytest.mark.parametrize("slow_s", [5.0, 60.0])
@pytest.mark.parametrize("shows", HONEST.values(), ids=HONEST.keys())
def test_a_meter_that_restarts_while_its_first_value_settles_is_not_accused(
    shows: Shown, slow_s: float, known_s: float
) -> None:
    assert Site(slow_s, known_s, shows).run(2 * BOUND_S) == []


def test_zeros_without_a_silence_before_them_are_a_first_value_like_another() -> None:
    assert Site(5.0, 25.0, ZERO).run(2 * BOUND_S, silent_s=0.0) == []


def test_a_silence_that_shows_only_as_missing_polls_is_one() -> None:
    told = Site(5.0, 25.0, ZERO, waits=True).run(2 * BOUND_S, silent_s=6.5)
    assert [one["what"] for one in told] == ["counter backwards"]
