"""Energy out of registers, and the ledger of hours and days."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.curtailment.energy import MeterTrack, Segment
from evidence.curtailment.ledger import DAYS_KEPT, HOURS_KEPT, Ledger, LineLedger

DAY_S = 86_400
OFFSET_S = 28_800
MIDNIGHT_S = 1_767_196_800
"""2026-01-01 00:00 at +08:00."""
DAY = (MIDNIGHT_S + OFFSET_S) // DAY_S


def test_a_silence_is_bridged_by_the_register() -> None:
    track = MeterTrack(hold_s=60)
    assert list(track.add(0, 1000, 5000)) == []
    assert list(track.add(7200, 11_000, 5000)) == [Segment(0, 7200, 10_000, 7200)]


@pytest.mark.parametrize("wh", [500.0, 1_000_000.0])
def test_a_register_that_runs_back_or_leaps_leaves_a_lower_bound(wh: float) -> None:
    track = MeterTrack(hold_s=60, full_w=20_000)
    found = [*track.add(0, 1000, 6000), *track.add(600, wh, 6000)]
    assert found == [Segment(0, 600, 100, 60, is_bound=True)]  # 6 kW for the minute that it holds
    assert list(track.add(1200, wh + 1000, 6000)) == [Segment(600, 1200, 1000, 600)]


def test_without_a_register_every_hour_has_its_bound() -> None:
    track = MeterTrack(hold_s=60)
    found = [segment for at in range(0, 7260, 60) for segment in track.add(at, watts=3000)]
    assert [round(one.wh) for one in found] == [3000, 3000]
    assert all(one.is_bound and one.covered_s == 3600 for one in found)


def test_a_meter_that_feeds_in_gives_no_negative_bound() -> None:
    track = MeterTrack(hold_s=4000)
    assert [*track.add(0, watts=-5000), *track.add(3600, watts=-5000)][0].wh == 0


@given(st.integers(0, 2**32))
def test_no_energy_is_lost_or_made_by_spreading_it(seed: int) -> None:
    dice = Random(seed)
    steps = [(dice.uniform(1, 9000), dice.uniform(0, 5000)) for _ in range(30)]
    ledger, track, at_s, total = Ledger(OFFSET_S), MeterTrack(hold_s=60), float(MIDNIGHT_S), 0.0
    list(track.add(at_s, 0.0))
    for length_s, wh in steps:
        at_s, total = at_s + length_s, total + wh
        for segment in track.add(at_s, total):
            ledger.add(segment)
    assert sum(one.wh for one in ledger.days.values()) == pytest.approx(total, abs=1e-6)
    assert sum(one.wh for one in ledger.hours.values()) == pytest.approx(total, abs=1e-6)


def test_a_day_is_whole_only_with_registers_and_a_sure_midnight() -> None:
    ledger = Ledger(OFFSET_S)
    for hour in range(24):
        ledger.add(Segment(MIDNIGHT_S + hour * 3600, MIDNIGHT_S + (hour + 1) * 3600, 500, 3600))
    assert list(ledger.whole_days(DAY - 1, DAY + 1)) == [(DAY, 12_000)]
    ledger.add(Segment(MIDNIGHT_S + DAY_S, MIDNIGHT_S + DAY_S + 3 * 3600, 500, 600, is_bound=True))
    assert not ledger.is_whole(DAY + 1)
    ledger.add(Segment(MIDNIGHT_S - 7200, MIDNIGHT_S + 60, 500, 7260))
    assert not ledger.is_whole(DAY)  # two hours of the day before might be in it


def test_two_meters_of_a_line_add_up_and_both_have_to_be_there() -> None:
    book = LineLedger.of(["m1", "m2"], OFFSET_S, 60)
    for meter in ("m1", "m2"):
        book.add(meter, MIDNIGHT_S, 0, None)
        for quarter in range(1, 97):
            book.add(meter, MIDNIGHT_S + quarter * 900, quarter * 100, None)
    assert book.ledger.days[DAY].wh == pytest.approx(19_200)
    assert book.ledger.is_whole(DAY)
    book.add("m1", MIDNIGHT_S + 2 * DAY_S, 20_000, None)
    assert not book.ledger.is_whole(DAY + 1)


def test_the_ledger_is_bounded_whatever_comes() -> None:
    ledger = Ledger(OFFSET_S)
    for day in range(0, 1000, 7):
        ledger.add(Segment(MIDNIGHT_S + day * DAY_S, MIDNIGHT_S + (day + 1) * DAY_S, 1.0, DAY_S))
    ledger.add(Segment(0, MIDNIGHT_S + 1000 * DAY_S, 1.0, DAY_S))
    assert len(ledger.days) <= DAYS_KEPT
    assert len(ledger.hours) <= HOURS_KEPT


def test_the_state_comes_back() -> None:
    book = LineLedger.of(["m1"], OFFSET_S, 60)
    for quarter in range(97):
        book.add("m1", MIDNIGHT_S + quarter * 900, quarter * 100.0, 400.0)
    again = LineLedger.of(["m1", "m2"], OFFSET_S, 60)
    again.restore(book.state())
    assert again.ledger.state() == book.ledger.state()
    assert book.add("m1", MIDNIGHT_S + 97 * 900, 9700, None) == again.add(
        "m1", MIDNIGHT_S + 97 * 900, 9700, None
    )
