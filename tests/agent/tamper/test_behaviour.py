"""What a meter does: nothing is found on honest plants, every trick is, and each is told once."""

import math
import random
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.tamper import latency, neighbours
from agent.tamper.behaviour import Behaviour
from agent.tamper.energy import MIN_S, Energy
from agent.tamper.frozen import LASTS_S, READS_MAX, READS_MIN, Frozen
from agent.tamper.latency import LEARNED, RECENT, Latency
from agent.tamper.points import Points
from drivers.clock import ClockState
from drivers.points import model as models
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Quantity, Reading
from evidence.record import Kind, Record
from firmware_sim.plant import Plant
from firmware_sim.plant_file import to_layout
from tests.agent.rig import Rig
from tests.agent.simulated_meters import Bend, buses_of, readings, setups_of

HOUR_S = 3600.0
PLANT = """
[plant]
start = 2026-03-02T06:00:00+08:00
seed = {seed}
[[bus]]
id = "b1"
kind = "tcp"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = {{ shape = "batch", shifts = ["06:00-12:00", "13:00-20:00"], on_s = 1800, off_s = 600 }}
[[line]]
id = "p2"
kind = "production"
rated_w = 45000
profile = {{ shape = "continuous", level = 0.7 }}
[[line]]
id = "t1"
kind = "treatment"
rated_w = 30000
profile = {{ shape = "follows", lines = ["p1"] }}
[[line]]
id = "t2"
kind = "treatment"
rated_w = 15000
profile = {{ shape = "duty_cycled", on_s = 300, off_s = 120 }}
{meters}
"""
METER = """
[[meter]]
id = "{line}-m"
model = "{model}"
bus = "b1"
unit_id = {unit}
line = "{line}"
{more}
"""
MODELS = {
    "p1": ("eastron-sdm630", ""),
    "p2": ("schneider-pm5xxx", ""),
    "t1": ("chint-dtsu666", "ct_ratio = 20"),
    "t2": ("siemens-pac3200", ""),
}


def plant(seed: int, more: str = "") -> Plant:
    meters = "".join(
        METER.format(line=line, model=model, unit=unit, more=extra)
        for unit, (line, (model, extra)) in enumerate(MODELS.items(), 1)
    )
    return Plant(to_layout(tomllib.loads(PLANT.format(seed=seed, meters=meters) + more)))


def found(what: Plant, hours: float, bend: Bend | None = None) -> list[tuple[float, dict[str, Any]]]:
    """What was told, and how many seconds after the begin."""
    behaviour = Behaviour(setups_of(what), buses_of(what))
    return [
        (one.stamp.boottime_ns / 1e9 - 1000, body)
        for one in readings(what, 0, hours * HOUR_S, bend)
        for body in behaviour.look(one)
    ]


def whats(told: list[tuple[float, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(body["meter"], body["what"]) for _, body in told]


@pytest.mark.parametrize("seed", [1])
def test_nothing_is_found_on_an_honest_plant(seed: int) -> None:
    assert found(plant(seed), 2.2) == []


@pytest.mark.minutes
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_on_an_honest_plant_over_a_day(seed: int) -> None:
    assert found(plant(seed + 10), 24) == []


CUT = """
[[event]]
what = "power_cut"
at = 1800
duration_s = 1200
[[event]]
what = "dead_meter"
meter = "p2-m"
at = 4000
duration_s = 900
[[event]]
what = "gap"
bus = "b1"
at = 5400
duration_s = 300
[[event]]
what = "ct_off"
meter = "p2-m"
phases = ["l2"]
at = 6000
duration_s = 1800
"""


def test_a_power_cut_a_dead_meter_a_gap_and_a_lost_transformer_are_none_of_these_tricks() -> None:
    assert found(plant(5, CUT), 2.3) == []


def halved(meter: str, _: float, values: dict[str, float]) -> dict[str, float]:
    """A meter whose power is scaled, and whose counter is that of the load."""
    if meter == "p2-m":
        for name in values:
            if name.startswith("active_power"):
                values[name] *= 0.5
    return values


def test_power_that_its_own_counter_belies_is_told_once() -> None:
    told = found(plant(2), 2.3, halved)
    assert whats(told) == [("p2-m", "energy departs from power")]
    at_s, body = told[0]
    assert at_s <= 2 * (MIN_S + 120)
    assert body["point"] == "active_energy_import"
    assert body["power_wh"] == pytest.approx(body["counted_wh"] / 2, rel=0.02)
    assert 0 < body["tolerance_wh"] < 0.05 * body["counted_wh"]


def low(meter: str, at_s: float, values: dict[str, float]) -> dict[str, float]:
    """From a quarter of an hour on, one meter hangs on a supply of its own."""
    if meter == "t1-m" and at_s > HOUR_S / 4:
        for name in values:
            if name.startswith("voltage"):
                values[name] *= 0.955
            elif name == "frequency":
                values[name] += 0.3
    return values


def test_a_meter_on_a_supply_of_its_own_is_told_by_voltage_and_frequency() -> None:
    told = found(plant(3), 0.6, low)
    assert sorted(whats(told)) == [
        ("t1-m", "frequency departs from the others'"),
        ("t1-m", "voltage departs from the others'"),
    ]
    for at_s, body in told:
        assert HOUR_S / 4 + 540 <= at_s <= HOUR_S / 4 + 780
        assert body["meters"] == 4
        assert abs(body["now"] - body["others"]) > body["limit"]


def test_a_meter_that_repeats_itself_under_load_is_told_and_so_is_its_return() -> None:
    stuck = """
[[event]]
what = "stuck_meter"
meter = "p2-m"
at = 600
duration_s = 600
"""
    told = found(plant(4, stuck), 0.4)
    assert whats(told) == [("p2-m", "meter frozen"), ("p2-m", "meter moves again")]
    assert told[0][0] == pytest.approx(600 + READS_MIN * 10, abs=30)
    assert told[0][1]["reads"] >= READS_MIN


# --- the energy of one meter ---------------------------------------------------------------------------


def windows(
    watts: float, counted: float, hours: float, step_wh: float = 1.0, gap_at_s: float = -60.0
) -> list[str]:
    """A steady power, polled every 10 s; a counter polled every 60 s that grows `counted` times as fast."""
    energy, told = Energy(30.0, has_export=False), []
    for poll in range(int(hours * 360)):
        at_s = poll * 10.0
        if gap_at_s <= at_s % (HOUR_S / 2) < gap_at_s + 60:
            continue
        body = energy.power(at_s, watts)
        told += [body["what"]] if body else []
        if not poll % 6:
            exact_wh = 100_000 + counted * watts * at_s / HOUR_S
            energy.counter(at_s, exact_wh // step_wh * step_wh, 0.0078)
    return told


@pytest.mark.parametrize(
    ("watts", "counted", "hours", "step_wh", "told"),
    [
        (30_000, 1.0, 12, 7.8, []),
        (30_000, 1.04, 12, 7.8, []),
        (30_000, 0.5, 2.1, 7.8, ["energy departs from power"]),
        (30_000, 0.5, 12, 7.8, ["energy departs from power"]),
        (30_000, 2.0, 12, 7.8, ["energy departs from power"]),
        (30_000, 0.0, 12, 7.8, ["energy departs from power"]),
        (30_000, 0.5, 1.9, 7.8, []),
        (300, 1.0, 60, 1000, []),
        (3000, 1.0, 60, 1000, []),
        (3000, 0.7, 60, 1000, ["energy departs from power"]),
        (3000, 1.0, 60, 10_000, []),
        (0, 1.0, 30, 1.0, []),
    ],
)  # fmt: skip
def test_a_window_is_judged_by_what_its_readings_can_show(
    watts: float, counted: float, hours: float, step_wh: float, told: list[str]
) -> None:
    assert windows(watts, counted, hours, step_wh) == told


def test_a_gap_in_the_power_voids_the_window() -> None:
    assert windows(30_000, 0.5, 12, gap_at_s=100) == []


def test_an_energy_that_agrees_again_is_told_too() -> None:
    energy, told, wh = Energy(30.0, has_export=False), [], 5000.0
    for poll in range(5000):
        body = energy.power(poll * 10.0, 30_000)
        told += [body["what"]] if body else []
        wh += 30_000 / 360 * (0.5 if poll < 1500 else 1.0)
        if not poll % 6:
            energy.counter(poll * 10.0, wh, 0.01)
    assert told == ["energy departs from power", "energy agrees with power"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0078, 10.0, 100.0]))
def test_whatever_an_honest_load_does_between_two_polls_it_is_not_told(seed: int, step_wh: float) -> None:
    chance, energy, wh, watts = random.Random(seed), Energy(30.0, has_export=False), 1e6, 0.0
    for second in range(8 * 3600):
        if chance.random() < 0.005:
            watts = chance.choice([0, 100, 20_000, 60_000]) * chance.random()
        wh += watts / HOUR_S
        if second % 10 == 0:
            assert energy.power(float(second), watts) is None
        if second % 60 == 30:
            energy.counter(float(second), wh // step_wh * step_wh, 0.0078)


# --- frozen, latency, neighbours -----------------------------------------------------------------------


def test_a_meter_of_coarse_registers_teaches_how_long_it_may_stay_the_same() -> None:
    frozen, told = Frozen(), []
    for read in range(2000):
        words = (bytes([read // 15 % 250]),) if read < 1500 else (b"still",)
        at_s = read * 10.0
        told.append(frozen.add(at_s, words, 5000.0))
    (body,) = [one for one in told if one]
    assert (body["what"], body["reads"], body["usual"]) == ("meter frozen", 45, 15)
    assert body["lasts_s"] >= LASTS_S


def test_nobody_teaches_the_watcher_to_sleep() -> None:
    frozen, told = Frozen(), []
    for read in range(3000):
        words = (bytes([read // (READS_MIN - 1) % 250 if read < 1000 else 7]),)
        words = (words[0] + bytes([read < 2000]),)
        at_s = read * 10.0
        told.append(frozen.add(at_s, words, 5000.0))
    assert max(body["reads"] for body in told if body and body["what"] == "meter frozen") <= READS_MAX


@pytest.mark.parametrize(("watts", "told"), [(5000.0, 1), (0.0, 0), (100.0, 0)])
def test_a_line_that_stands_may_stay_the_same(watts: float, told: int) -> None:
    frozen, seen = Frozen(), []
    for read in range(200):
        words = (b"a" if read < 3 else b"b",)
        at_s = read * 10.0
        body = frozen.add(at_s, words, 5000.0 if read < 3 else watts)
        seen += [body] if body else []
    assert len(seen) == told


def answered(was_ms: float, now_ms: float, noise: float, answers: int, seed: int = 1) -> list[int]:
    """After how many answers of the new kind it was told."""
    chance, one = random.Random(seed), Latency()
    told = []
    for number in range(2 * LEARNED + answers):
        usual_ms = was_ms if number < 2 * LEARNED else now_ms
        if one.add(usual_ms * chance.lognormvariate(0, noise)):
            told.append(number - 2 * LEARNED)
    return told


@pytest.mark.parametrize(
    ("was_ms", "now_ms", "noise", "times"),
    [
        (40, 130, 0.2, 1), (130, 40, 0.2, 1), (40, 40, 0.2, 0), (40, 90, 0.2, 0), (0.4, 1.6, 0.2, 0),
        (20, 200, 0.3, 1), (40, 130, 1.5, 0), (40, 40, 1.0, 0),
    ],
)  # fmt: skip
def test_a_jump_of_the_usual_latency_is_told_once(
    was_ms: float, now_ms: float, noise: float, times: int
) -> None:
    told = answered(was_ms, now_ms, noise, 3000)
    assert len(told) == times
    assert all(RECENT / 2 <= number <= RECENT + 2 * latency.CHECK_EVERY for number in told)


def test_a_busy_hour_of_single_slow_answers_is_no_jump() -> None:
    one = Latency()
    told = [one.add(40 if number % 5 or number < LEARNED else 2000) for number in range(2000)]
    assert not any(told)


SETUPS = {name: MeterSetup(name, models.load("eastron-sdm630"), 1, fast_s=10.0) for name in "abcd"}


def volts_of(
    volts: dict[str, tuple[float, ...]], slots: int, one: neighbours.Neighbours | None = None
) -> list[str]:
    one = one or neighbours.Neighbours({name: neighbours.Neighbour("b1", 150.0) for name in volts})
    began = 0 if one._slot is None else one._slot + 1
    told = []
    for slot in range(began, began + slots):
        told += one.advance(slot * 60.0 + 1)
        for name, three in volts.items():
            one.meters[name].voltages(slot * 60.0 + 2, tuple(sorted(three)))
    return [f"{body['meter']} {body['what']}" for body in told]


@pytest.mark.parametrize(
    ("volts", "told"),
    [
        ({"a": (230, 231, 229), "b": (229, 230, 231), "c": (231, 229, 230)}, []),
        ({"a": (230, 231, 229), "b": (229, 230, 231), "c": (200, 201, 199)}, ["c"]),
        ({"a": (230, 230, 230), "b": (230, 230, 230), "c": (230, 230, 215)}, ["c"]),
        ({"a": (230, 230, 230), "b": (230, 230, 230), "c": (58, 58, 58)}, []),
        ({"a": (230, 230, 230), "b": (215, 215, 215)}, []),
        ({"a": (230, 231, 229), "b": (229, 230, 231), "c": (231,)}, []),
        ({"a": (230, 231, 229), "b": (229, 230, 231), "c": (215,)}, ["c"]),
        ({"a": (0, 0, 0), "b": (230, 230, 230), "c": (230, 230, 230), "d": (230, 230, 230)}, []),
    ],
    ids=["phases otherwise", "three", "one phase", "another level", "two", "single", "single off", "dead"],
)  # fmt: skip
def test_who_departs_from_the_others_is_told_once(
    volts: dict[str, tuple[float, ...]], told: list[str]
) -> None:
    assert volts_of(volts, 40) == [f"{name} voltage departs from the others'" for name in told]


def test_a_short_dip_is_not_told_and_an_end_is() -> None:
    good = dict.fromkeys("abc", (230.0, 230.0, 230.0))
    low_c = good | {"c": (210.0, 230.0, 230.0)}
    one = neighbours.Neighbours({name: neighbours.Neighbour("b1", 150.0) for name in good})
    assert volts_of(good, 10, one) == []
    assert volts_of(low_c, 8, one) == []
    assert volts_of(good, 10, one) == []
    assert volts_of(low_c, 15, one) == ["c voltage departs from the others'"]
    assert volts_of(good, 5, one) == []
    assert volts_of(good, 15, one) == ["c voltage agrees with the others'"]


# --- the whole ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.names())
def test_every_model_can_be_judged_by_what_it_has(name: str) -> None:
    model = models.load(name)
    unit = {"address": "000000000001"} if model.is_dlt645 else {"unit_id": 1}
    points = Points(MeterSetup("m", model, **unit))  # type: ignore[arg-type]
    if not points.power:  # an analyser of emissions
        assert not points.can_freeze
        return
    has_volts = any(point.quantity is Quantity.VOLTAGE for point in model.points)
    assert bool(points.voltages) is has_volts
    assert points.values(()) == {}


@pytest.mark.parametrize(
    ("kwh", "step_wh"), [(1.0, 1000 / 2**23), (65_536.0, 1000 / 128), (99_999.0, 1000 / 128), (0.0, 0.0)]
)
def test_the_step_of_a_float_counter_grows_with_it(kwh: float, step_wh: float) -> None:
    assert Points(SETUPS["a"]).step("active_energy_import", kwh * 1000, ()) == step_wh


def slow_meter(
    at_s: float, latency_s: float, meter: str = "a", state: ClockState = ClockState.SYNCHRONISED
) -> Reading:
    from drivers.clock import NS_PER_S, Stamp  # noqa: PLC0415

    setup = SETUPS[meter]
    stamp = Stamp(0, round(at_s * NS_PER_S), bytes(16), state)
    block = Block(4, 0, int(at_s).to_bytes(4, "big"))
    return Reading(
        meter, PollGroup.FAST, stamp, setup.model.hash, (block,), latency_ns=round(latency_s * NS_PER_S)
    )


def test_a_device_that_took_a_meters_place_while_the_power_was_off_is_told_by_its_latency() -> None:
    first = Behaviour(SETUPS, {})
    assert not [body for n in range(LEARNED) for body in first.look(slow_meter(n * 10, 0.05))]
    second = Behaviour(SETUPS, {})
    second.restore(first.state())
    told = [body for n in range(1000) for body in second.look(slow_meter(n * 10, 0.2))]
    assert [(body["what"], body["was_ms"], body["now_ms"]) for body in told] == [
        ("answers take another time", 50.0, 200.0)
    ]
    assert second.news


def test_latencies_of_a_clock_that_runs_fast_are_not_judged() -> None:
    one = Behaviour(SETUPS, {})
    simulated = ClockState.SIMULATED
    told = [one.look(slow_meter(n * 10, 0.05 if n < 500 else 5.0, state=simulated)) for n in range(1000)]
    assert not any(told)


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    what = plant(4, '\n[[event]]\nwhat = "stuck_meter"\nmeter = "p2-m"\nat = 0\nduration_s = 4000\n')
    behaviour = Behaviour(setups_of(what), buses_of(what))
    half = [body for one in readings(what, 0, 400) for body in behaviour.look(one)]
    after = Behaviour(setups_of(what), buses_of(what))
    after.restore(behaviour.state())
    rest = [body for one in readings(what, 400, 900) for body in after.look(one)]
    assert [body["what"] for body in half] == ["meter frozen"]
    assert rest == []


def test_a_frozen_meter_is_a_record_in_the_chain_and_not_told_again_after_a_kill(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "first")
    setup = rig.parts.judging.feed.setups["mp"]
    values = dict.fromkeys(("voltage_l1", "voltage_l2", "voltage_l3"), 230.0)
    values |= dict.fromkeys(("current_l1", "current_l2", "current_l3"), 20.0) | {"active_power": 12_000.0}
    image = setup.model.encode(values)
    words = b"".join(image.get((4, register), bytes(2)) for register in range(0x48))

    def run(on: Rig, polls: int) -> None:
        for _ in range(polls):
            on.passed_s += 5.0
            block = (Block(4, 0, words),)
            on.gateway.reading(Reading("mp", PollGroup.FAST, on.stamp(), setup.model.hash, block))
            on.tick()

    run(rig, 40)
    told = [one.body for one in rig.records() if isinstance(one, Record) and one.kind is Kind.TAMPER]
    assert told == [
        {"what": "meter frozen", "meter": "mp", "point": "fast", "reads": 37, "lasts_s": 180, "usual": 0}
    ]
    second = rig.killed(tmp_path / "second")
    run(second, 40)
    kinds = [one.kind for one in second.records() if isinstance(one, Record)]
    second.close()
    assert kinds.count(Kind.TAMPER) == 1


def test_bad_readings_other_models_and_unknown_meters_are_passed_by() -> None:
    one = Behaviour(SETUPS, {})
    good = slow_meter(10, 0.1)
    for odd in (
        evolve(good, quality=Quality.BAD, blocks=()),
        evolve(good, model_hash=bytes(32)),
        evolve(good, meter="x"),
        evolve(good, blocks=()),
    ):
        assert one.look(odd) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), st.binary(min_size=160, max_size=160)), max_size=60))
def test_whatever_the_registers_hold_nothing_breaks_and_numbers_are_finite(
    reads: list[tuple[int, bytes]],
) -> None:
    one, at_s = Behaviour(SETUPS, dict.fromkeys(SETUPS, "b1")), 0
    for number, (passed_s, words) in enumerate(reads):
        at_s += passed_s
        group = (PollGroup.FAST, PollGroup.SLOW)[number % 2]
        meter = "abcd"[number % 4]
        odd = evolve(slow_meter(at_s, passed_s / 10, meter), group=group, blocks=(Block(4, 0, words),))
        for body in one.look(odd):
            assert all(math.isfinite(value) for value in body.values() if isinstance(value, float))
    Behaviour(SETUPS, {}).restore(one.state())


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xa1\x61a\x01", b"\xa1\x61a\x83\x01\x02\x03", b"\xff"])
def test_a_memory_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a state of meters"):
        Behaviour(SETUPS, {}).restore(raw)


def _cost() -> None:  # python -m tests.agent.tamper.test_behaviour
    what = plant(1)
    made = list(readings(what, 0, 2 * HOUR_S))
    for _ in range(3):
        behaviour, begun = Behaviour(setups_of(what), buses_of(what)), time.process_time()
        for one in made:
            behaviour.look(one)
        print(f"{(time.process_time() - begun) / len(made) * 1e6:.1f} us a reading, {len(made)} readings")  # noqa: T201


if __name__ == "__main__":
    _cost()
