"""The tricks that a plant file can script beside those of test_plant, and what they leave in the data."""

import tomllib
from collections.abc import Callable

import numpy as np
import pytest

from drivers.reading import Block, Quantity
from firmware_sim.device import Device
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout

NINE_S = 5400.0
"""09:00, seconds from the plant's start: p1 and t1 run, no pause near."""


def event(what: str, **keys: object) -> str:
    rows = [f'what = "{what}"', f"at = {NINE_S}"]
    rows += [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in keys.items()
    ]
    return "\n[[event]]\n" + "\n".join(rows) + "\n"


def watts(works: Plant, meter: str, t_s: float) -> float:
    return works.electrical(meter, t_s).value(Quantity.ACTIVE_POWER, "")


def import_wh(works: Plant, meter: str, t_s: float) -> float:
    return works.electrical(meter, t_s).value(Quantity.ACTIVE_ENERGY_IMPORT, "")


def serial(works: Plant, meter: str, t_s: float) -> object:
    device = Device(works.meter(meter), works)
    point = device.plan.model.point("serial_number")
    words = device.answer(point.function, point.address, point.count, t_s)
    assert isinstance(words, bytes)
    return device.plan.model.decode([Block(point.function, point.address, words)])["serial_number"]


def test_off_and_on_below_the_delay_is_off_for_its_share_of_the_time(
    plant: Callable[..., Plant], start_s: float
) -> None:
    works = plant(event("on_off", line="t1", duration_s=600, off_s=20, on_s=40))
    history = works.history("t1", start_s + NINE_S, start_s + NINE_S + 600, 1)
    off = history < 151
    assert off.sum() == 200
    assert (off[1:] & ~off[:-1]).sum() == 9
    assert works.power_w("t1", start_s + NINE_S + 601) > 10_000


def test_what_goes_past_the_meters_is_still_taken(plant: Callable[..., Plant], start_s: float) -> None:
    t_s = start_s + NINE_S + 60
    works = plant(event("unmetered", line="p1", power_share=0.7))
    assert works.power_w("p1", t_s) == plant().power_w("p1", t_s)
    assert watts(works, "m1", t_s) == pytest.approx(0.3 * works.power_w("p1", t_s))
    assert watts(works, "m2", t_s) == watts(plant(), "m2", t_s), "treatment runs on"


def test_transformers_that_are_moved_leave_one_line_for_another(
    plant: Callable[..., Plant], start_s: float
) -> None:
    works = plant(event("ct_moved", meter="m1", to_line="t1", duration_s=60))
    assert watts(works, "m1", start_s + NINE_S - 1) == pytest.approx(
        works.power_w("p1", start_s + NINE_S - 1)
    )
    assert watts(works, "m1", start_s + NINE_S + 1) == pytest.approx(
        works.power_w("t1", start_s + NINE_S + 1)
    )


@pytest.mark.parametrize(("where", "silent"), [({"line": "t1"}, ["m2", "m3"]), ({}, ["m1", "m2", "m3"])])
def test_a_power_cut_silences_the_meters_of_its_lines(
    plant: Callable[..., Plant], start_s: float, where: dict[str, str], silent: list[str]
) -> None:
    works = plant(event("power_cut", duration_s=600, **where))
    for at, wanted in ((-1, []), (1, silent), (599, silent), (601, [])):
        t_s = start_s + NINE_S + at
        assert [meter.id for meter in works.layout.meters if works.is_silent(meter.id, t_s)] == wanted


@pytest.mark.parametrize(("counters", "part"), [("stop", 0.0), ("go_on", 1.0)])
def test_in_a_power_cut_the_counters_stop_or_tell_what_ran_in_the_dark(
    plant: Callable[..., Plant], start_s: float, counters: str, part: float
) -> None:
    begin_s, end_s = start_s + NINE_S, start_s + NINE_S + 600
    cut, healthy = plant(event("power_cut", duration_s=600, counters=counters)), plant()
    grown, usual = (
        import_wh(works, "m1", end_s) - import_wh(works, "m1", begin_s) for works in (cut, healthy)
    )
    assert usual > 1000
    assert grown == pytest.approx(part * usual)
    assert cut.power_w("p1", begin_s + 60) == part * healthy.power_w("p1", begin_s + 60)


@pytest.mark.parametrize("keys", [{}, {"serial": 4711}])
def test_a_meter_that_is_replaced_has_another_serial_number_and_counter(
    plant: Callable[..., Plant], start_s: float, keys: dict[str, int]
) -> None:
    works = plant(event("meter_replaced", meter="m1", counter_wh=1000, duration_s=300, **keys))
    old, change_s = start_s + NINE_S - 1, start_s + NINE_S + 300
    assert [works.is_silent("m1", t_s) for t_s in (old, change_s - 1, change_s)] == [False, True, False]
    assert serial(works, "m1", old) == serial(plant(), "m1", old)
    assert serial(works, "m1", change_s) == keys.get("serial", serial(works, "m1", change_s + 900))
    assert serial(works, "m1", change_s) != serial(works, "m1", old)
    assert import_wh(works, "m1", old) == import_wh(plant(), "m1", old) > 1e7
    assert import_wh(works, "m1", change_s) == 1000
    grown, usual = (
        import_wh(one, "m1", change_s + 900) - import_wh(one, "m1", change_s) for one in (works, plant())
    )
    assert grown == pytest.approx(usual)


def test_a_meter_that_is_reset_keeps_its_serial_number_and_counts_from_nothing(
    plant: Callable[..., Plant], start_s: float
) -> None:
    works = plant(event("meter_reset", meter="m1"))
    at_s = start_s + NINE_S
    assert not works.is_silent("m1", at_s)
    assert serial(works, "m1", at_s) == serial(plant(), "m1", at_s)
    assert import_wh(works, "m1", at_s) == 0 < import_wh(works, "m1", at_s + 60)


def test_a_replayed_meter_shows_its_past_again_and_again(plant: Callable[..., Plant], start_s: float) -> None:
    works = plant(event("replayed_meter", meter="m1", window_s=300))
    device, honest = Device(works.meter("m1"), works), plant()
    begin_s = start_s + NINE_S
    past = [Device(honest.meter("m1"), honest).image(begin_s - 300 + at).copy() for at in range(0, 300, 50)]
    for again in range(3):
        shown = [device.image(begin_s + 300 * again + at) for at in range(0, 300, 50)]
        assert shown == past
    assert len({tuple(image.values()) for image in past}) == 6


def test_a_second_event_on_a_meter_adds_to_the_first(plant: Callable[..., Plant], start_s: float) -> None:
    more = (
        event("ct_off", meter="m1") + 'phases = ["l1"]\n' + event("ct_off", meter="m1") + 'phases = ["l3"]\n'
    )
    state = plant(more).electrical("m1", start_s + NINE_S + 1)
    assert [phase.current > 0 for phase in state.phases] == [False, True, False]
    assert np.array([phase.voltage for phase in state.phases]) == pytest.approx(230, rel=0.05)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (event("on_off", line="p1", duration_s=9), "event[0].line: on_off happens to treatment lines only"),
        (event("unmetered", line="p9"), "event[0].line: unknown line 'p9'"),
        (event("power_cut", duration_s=9, counters="jump"), "event[0].counters: must be one of stop, go_on"),
        (event("power_cut"), "event[0].duration_s: missing"),
        (event("ct_moved", meter="m1"), "event[0].to_line: missing"),
        (event("wiring", meter="m1"), "event[0].wiring: missing, a table"),
        (event("meter_reset", meter="m1", serial=7), "event[0].serial: unknown key"),
        (event("unplugged", bus="b2", duration_s=9), "event[0].bus: needs a link"),
        (event("unplugged", bus="b1"), "event[0].duration_s: missing"),
    ],
)
def test_a_mistake_in_a_trick_is_told_with_its_place(text: str, more: str, problem: str) -> None:
    with pytest.raises(PlantError) as caught:
        to_layout(tomllib.loads(text + more))
    assert any(line.startswith(problem) for line in caught.value.problems), caught.value.problems
