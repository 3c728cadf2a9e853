"""Meters that start again and answer nonsense: none of them is accused, and what is really lost is told."""

from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.tamper.energy import Energy
from agent.tamper.settings import Tamper
from agent.tamper.settling import SETTLE_S
from drivers.clock import ClockState, Stamp
from drivers.points import model as models
from drivers.poll.setup import MeterSetup
from drivers.reading import PollGroup, Quality, Reading
from tests.faults.gateway_end import blocks

SDM = models.load("eastron-sdm630")
MODEL = evolve(
    SDM, points=tuple(one for one in SDM.points if one.name in {"active_energy_import", "serial_number"})
)
"""Two of its points: a property test decodes each read."""
SETUP = MeterSetup("m1", MODEL, 1, ct_ratio=40.0)
SERIAL = 20_230_001
ACCUSES = {"counter backwards", "meter swapped", "meter changed", "unreadable"}
READS_MAX = 400
TAKES_BACK = {
    "counter returned": {"counter backwards", "counter wrapped"},
    "value returned": {"meter swapped", "meter changed"},
    "readable": {"unreadable"},
}


def accused(told: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """What stands against the meter in the end, by what and point."""
    open_: dict[tuple[str, str], None] = {}
    for body in told:
        taken_back = TAKES_BACK.get(body["what"], set())
        for what, point in list(open_):
            if what in taken_back and point == body["point"]:
                del open_[what, point]
        if body["what"] in ACCUSES:
            open_[body["what"], body["point"]] = None
    return set(open_)


@define
class Meter:
    """A meter that counts, starts again, and may be tampered with.

    Attributes:
        kwh: What it has counted, at 0 s.
        watts: Its load.
        restarts: When it starts again, how long it is silent and how long it answers nonsense, s.
        nonsense: What it answers then.
        rollback: When and by how many kWh its counter was set back.
        swap_s: When another meter took its place.
    """

    kwh: float
    watts: float
    restarts: list[tuple[float, float, float]] = field(factory=list)
    nonsense: str = "zeros"
    rollback: tuple[float, float] | None = None
    swap_s: float = float("inf")

    def true_kwh(self, at_s: float) -> float:
        counted = self.kwh + self.watts * at_s / 3.6e6
        if self.rollback and at_s >= self.rollback[0]:
            counted -= self.rollback[1]
        return counted if at_s < self.swap_s else 3.0 + self.watts * (at_s - self.swap_s) / 3.6e6

    def answers(self, at_s: float) -> tuple[float, int] | None:
        """Its counter in kWh and its serial number; None while it is silent."""
        serial = SERIAL if at_s < self.swap_s else SERIAL + 77
        for begin_s, silent_s, lasts_s in self.restarts:
            into_s = at_s - begin_s
            if 0 <= into_s < silent_s:
                return None
            if 0 <= into_s - silent_s < lasts_s:
                match self.nonsense:
                    case "zeros":
                        return 0.0, 0
                    case "ones":
                        return 4_294_967.295, 0xFFFFFFFF
                    case "old":
                        return max(self.true_kwh(begin_s) - 40.0, 0.0), serial
                    case "counts":
                        return (into_s - silent_s) * 0.01, serial
                    case _:
                        return float(into_s * 7919 % 90_000), int(into_s * 104_729) % 1_000_000
        return self.true_kwh(at_s), serial


def told_of(meter: Meter, poll_s: float, length_s: float, begin_s: float = 0.0) -> list[dict[str, Any]]:
    """What is told of it, with when."""
    setup = evolve(SETUP, fast_s=poll_s)
    tamper, told, at_s = Tamper({"m1": setup}), list[dict[str, Any]](), begin_s
    while at_s < begin_s + length_s:
        answer = meter.answers(at_s)
        stamp = Stamp(0, int(at_s * 1e9), bytes(16), ClockState.SYNCHRONISED)
        if answer is None:
            silence = Reading(
                "m1", PollGroup.FAST, stamp, MODEL.hash, quality=Quality.BAD, reason="no answer"
            )
            assert tamper.look(silence) == []
        else:
            for group, values in (
                (PollGroup.SLOW, {"active_energy_import": answer[0] * 1000}),
                (PollGroup.IDENTITY, {"serial_number": answer[1]}),
            ):
                reading = Reading("m1", group, stamp, MODEL.hash, blocks(MODEL.encode(values)))
                told += [body | {"at_s": at_s} for body in tamper.look(reading)]
        at_s += poll_s
    return told


POLLS = st.floats(1.0, 300.0)
KWH = st.floats(0.0, 900_000.0)
WATTS = st.floats(0.0, 500_000.0)
NONSENSE = st.sampled_from(["zeros", "ones", "old", "counts", "garbage"])


@st.composite
def restarts(draw: st.DrawFn) -> list[tuple[float, float, float]]:
    found, at_s = [], draw(st.floats(0.0, 1_500.0))
    for _ in range(draw(st.integers(1, 3))):
        silent_s, lasts_s = draw(st.floats(0.0, 60.0)), draw(st.floats(0.0, 120.0))
        found.append((at_s, silent_s, lasts_s))
        at_s += silent_s + lasts_s + draw(st.floats(700.0, 1_500.0))
    return found


@given(kwh=KWH, watts=WATTS, poll_s=POLLS, nonsense=NONSENSE, restarts=restarts())
@settings(max_examples=80, deadline=None)
def test_an_honest_meter_that_starts_again_is_never_accused(
    kwh: float, watts: float, poll_s: float, nonsense: str, restarts: list[tuple[float, float, float]]
) -> None:
    length_s = restarts[-1][0] + 1_500 + 3 * poll_s
    meter = Meter(kwh, watts, restarts, nonsense)
    assert told_of(meter, max(poll_s, length_s / READS_MAX), length_s) == []


@given(
    kwh=st.floats(1_000.0, 900_000.0),
    watts=WATTS,
    poll_s=POLLS,
    share=st.floats(0.1, 1.0),
    lasts_s=st.floats(0, 120),
)
@settings(max_examples=40, deadline=None)
def test_a_counter_that_was_set_back_is_told_once_soon_even_behind_a_restart(
    kwh: float, watts: float, poll_s: float, share: float, lasts_s: float
) -> None:
    at_s = 2_000.0
    meter = Meter(kwh, watts, [(at_s - 10, 10, lasts_s)], "zeros", rollback=(at_s, share * kwh))
    told = told_of(meter, max(poll_s, 20), at_s + 6_000)
    assert [body["what"] for body in told] == ["counter backwards"]
    assert told[0]["was"] / 1000 == pytest.approx(kwh + watts * at_s / 3.6e6, rel=0.01, abs=60)
    assert told[0]["at_s"] <= at_s + lasts_s + SETTLE_S + 2 * max(poll_s, 20)


@given(kwh=KWH, watts=WATTS, poll_s=POLLS, lasts_s=st.floats(0, 120))
@settings(max_examples=40, deadline=None)
def test_a_meter_that_was_swapped_is_told_once_soon_and_its_counter_is_not_accused(
    kwh: float, watts: float, poll_s: float, lasts_s: float
) -> None:
    at_s = 2_000.0
    told = told_of(Meter(kwh, watts, [(at_s - 30, 30, lasts_s)], swap_s=at_s), max(poll_s, 20), at_s + 6_000)
    assert [body["what"] for body in told] == ["meter swapped"]
    assert (told[0]["was"], told[0]["now"]) == (SERIAL, SERIAL + 77)
    assert told[0]["at_s"] <= at_s + lasts_s + SETTLE_S + 2 * max(poll_s, 20)


@pytest.mark.parametrize("nonsense", ["zeros", "ones", "old", "counts", "garbage"])
@pytest.mark.parametrize("poll_s", [5.0, 60.0, 300.0])
def test_what_was_told_of_nonsense_that_lasted_too_long_is_taken_back(nonsense: str, poll_s: float) -> None:
    told = told_of(Meter(5_000.0, 30_000.0, [(2_000.0, 5.0, 900.0)], nonsense), poll_s, 6_000)
    assert accused(told) == set()
    if nonsense in {"old", "counts"}:
        assert "counter backwards" in {body["what"] for body in told}
        assert "counter returned" in {body["what"] for body in told}


def test_a_counter_that_counts_its_way_up_again_takes_nothing_back() -> None:
    meter = Meter(5_000.0, 100_000.0, rollback=(2_000.0, 20.0))
    told = told_of(meter, 10.0, 4_000.0)
    assert accused(told) == {("counter backwards", "active_energy_import")}


def test_a_meter_that_is_there_again_is_told_too() -> None:
    tamper, told = Tamper({"m1": SETUP}), list[str]()
    for at_s in range(0, 3_000, 60):
        serial = SERIAL + 5 if 1_000 <= at_s < 2_000 else SERIAL
        stamp = Stamp(0, at_s * 10**9, bytes(16), ClockState.SYNCHRONISED)
        block = blocks(MODEL.encode({"serial_number": serial}))
        told += [
            one["what"] for one in tamper.look(Reading("m1", PollGroup.IDENTITY, stamp, MODEL.hash, block))
        ]
    assert told == ["meter swapped", "value returned"]


def test_who_blanks_the_serial_number_for_good_hides_no_counter() -> None:
    tamper, told = Tamper({"m1": SETUP}), list[str]()
    for at_s in range(0, 12_000, 60):
        stamp = Stamp(0, at_s * 10**9, bytes(16), ClockState.SYNCHRONISED)
        values = {"serial_number": 0 if at_s > 1_000 else SERIAL}
        told += [
            one["what"]
            for one in tamper.look(
                Reading("m1", PollGroup.IDENTITY, stamp, MODEL.hash, blocks(MODEL.encode(values)))
            )
        ]
        kwh = {"active_energy_import": 1e9 if at_s <= 2_000 else 5e8}
        told += [
            one["what"]
            for one in tamper.look(
                Reading("m1", PollGroup.SLOW, stamp, MODEL.hash, blocks(MODEL.encode(kwh)))
            )
        ]
    assert told == ["unreadable", "counter backwards"]


def energy_of(nonsense: str, *, has_export: bool, every_s: float, counted: float = 1.0) -> list[str]:
    """What the check of energy against power tells in a day of a meter that starts again every so often."""
    energy, told = Energy(gap_s=180.0, has_export=has_export), list[str]()
    restarts = [(begin_s, 5.0, 120.0) for begin_s in frange(every_s, DAY_S, every_s)]
    meter = Meter(500.0, 40_000.0 * counted, restarts, nonsense)
    for at_s in frange(0.0, DAY_S, 20.0):
        answer = meter.answers(at_s)
        if answer is None:
            continue
        is_itself = answer[1] == SERIAL and answer[0] >= meter.kwh
        found = energy.power(at_s, 40_000.0 if is_itself else 0.0)
        energy.counter(at_s, answer[0] * 1000, 1.0)
        told += [found["what"]] if found else []
    return told


def frange(begin: float, end: float, step: float) -> list[float]:
    return [begin + number * step for number in range(int((end - begin) / step))]


DAY_S = 86_400.0


@pytest.mark.parametrize("has_export", [False, True])
@pytest.mark.parametrize("every_s", [3_700.0, 4_321.0, 7_200.0])
@pytest.mark.parametrize("nonsense", ["zeros", "ones", "counts", "garbage"])
def test_energy_and_power_of_a_meter_that_starts_again_do_not_depart(
    nonsense: str, every_s: float, *, has_export: bool
) -> None:
    assert energy_of(nonsense, has_export=has_export, every_s=every_s) == []


@pytest.mark.parametrize("has_export", [False, True])
def test_a_meter_that_starts_again_twice_a_day_hides_no_half_of_its_energy(*, has_export: bool) -> None:
    assert energy_of("zeros", has_export=has_export, every_s=40_000.0, counted=0.5) == [
        "energy departs from power"
    ]
