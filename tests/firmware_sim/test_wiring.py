"""The table of wiring mistakes, as computed in the domain's facts, and what meters make of them."""

import math
import tomllib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points import model as meter_models
from drivers.points.registers import RegisterType
from drivers.reading import Block, Quantity
from firmware_sim.device import Device
from firmware_sim.electrical import PHASES, Electrical
from firmware_sim.layout import Layout, LineKind, LinePlan, MeterPlan
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout
from firmware_sim.signals import Profile, Shape
from firmware_sim.wiring import ALL, Mistake, Phasors, Wiring, apply_mistakes, to_phasors

VOLTS = 220.0
VA = 2200.0
"""Of each phase: 10 A."""


def seen(wiring: Wiring, power_factor: float = 0.8) -> Phasors:
    """What a meter sees of a balanced load of 1760 W a phase (at PF 0.8)."""
    full = np.ones((3, 1))
    true = to_phasors(full * VOLTS, full * VA * power_factor, full * VA)
    return apply_mistakes(true, [(wiring, np.array([True]))], lambda _: true.currents)


@pytest.mark.parametrize(
    ("wiring", "power_factor", "watts", "total"),
    [
        (Wiring(Mistake.CT_REVERSED, (0,)), 0.8, (-1760, 1760, 1760), 0.33),
        (Wiring(Mistake.CT_REVERSED, (0, 1)), 0.8, (-1760, -1760, 1760), -0.33),
        (Wiring(Mistake.CT_REVERSED), 0.8, (-1760, -1760, -1760), -1.0),
        (Wiring(Mistake.CTS_SWAPPED, (0, 1)), 0.8, (-2023, 263, 1760), 0.0),
        (Wiring(Mistake.CTS_SWAPPED, (1, 2)), 0.8, (1760, -2023, 263), 0.0),
        (Wiring(Mistake.CTS_SWAPPED, (2, 0)), 0.8, (263, 1760, -2023), 0.0),
        (Wiring(Mistake.CTS_ROTATED), 0.8, (-2023, -2023, -2023), -1.15),
        (Wiring(Mistake.CTS_ROTATED_BACK), 0.5, (1100, 1100, 1100), 1.0),
        (Wiring(Mistake.VOLTAGE_LOST, (0,)), 0.8, (0, 1760, 1760), 0.67),
        (Wiring(Mistake.CT_OPEN, (0,)), 0.8, (0, 1760, 1760), 0.67),
        (Wiring(Mistake.SAME_PHASE, (0,)), 0.8, (1760, 263, -2023), 0.0),
        (Wiring(Mistake.WRONG_RATIO, ratio=2.0), 0.8, (3520, 3520, 3520), 2.0),
        (Wiring(Mistake.WRONG_RATIO, (2,), ratio=0.5), 0.8, (1760, 1760, 880), 0.83),
        (Wiring(Mistake.OTHER_CABLE), 0.8, (1760, 1760, 1760), 1.0),
    ],
)
def test_a_mistake_looks_as_computed(
    wiring: Wiring, power_factor: float, watts: tuple[int, ...], total: float
) -> None:
    powers = seen(wiring, power_factor).powers[:, 0]
    assert [round(power) for power in powers.real] == list(watts)
    assert round(powers.real.sum() / (3 * VA * power_factor), 2) == total


def test_what_tells_two_mistakes_of_the_same_power_apart() -> None:
    lead, transformer = (seen(Wiring(what, (0,))) for what in (Mistake.VOLTAGE_LOST, Mistake.CT_OPEN))
    assert (lead.voltages[0, 0], round(abs(lead.currents[0, 0]), 9)) == (0, 10)
    assert (transformer.voltages[0, 0], abs(transformer.currents[0, 0])) == (VOLTS, 0)
    assert (seen(Wiring(Mistake.CTS_ROTATED_BACK), 0.5).powers.imag < 0).all(), "only Q is negative"
    for what in (Wiring(Mistake.CTS_SWAPPED, (0, 1)), Wiring(Mistake.SAME_PHASE, (0,))):
        assert abs(seen(what).currents) == pytest.approx(10)


wirings = st.one_of(
    st.builds(
        Wiring,
        st.sampled_from([Mistake.CT_REVERSED, Mistake.VOLTAGE_LOST, Mistake.CT_OPEN, Mistake.WRONG_RATIO]),
        st.sets(st.sampled_from(ALL), min_size=1).map(tuple),
        ratio=st.floats(0.1, 10),
    ),
    st.builds(Wiring, st.just(Mistake.CTS_SWAPPED), st.permutations(ALL).map(lambda order: tuple(order[:2]))),
    st.builds(Wiring, st.sampled_from([Mistake.CTS_ROTATED, Mistake.CTS_ROTATED_BACK])),
    st.builds(Wiring, st.just(Mistake.SAME_PHASE), st.sampled_from([(0,), (1,), (2,)])),
)


@settings(deadline=None, max_examples=60)
@given(
    wiring=wirings,
    apparent=st.tuples(*[st.floats(1, 1e5)] * 3),
    factors=st.tuples(*[st.floats(0.05, 1)] * 3),
    volts=st.tuples(*[st.floats(200, 240)] * 3),
)
def test_each_channel_is_its_voltage_times_its_current_for_any_load(
    wiring: Wiring,
    apparent: tuple[float, ...],
    factors: tuple[float, ...],
    volts: tuple[float, ...],
) -> None:
    apparent_va, voltages = (np.array(values)[:, None] for values in (apparent, volts))
    true = to_phasors(voltages, apparent_va * np.array(factors)[:, None], apparent_va)
    out = apply_mistakes(true, [(wiring, np.array([True]))], lambda _: true.currents)
    assert abs(out.powers) == pytest.approx(out.voltages * abs(out.currents))
    lost = [i for i in ALL if wiring.mistake is Mistake.VOLTAGE_LOST and i in wiring.phases]
    assert [i for i in ALL if out.voltages[i, 0] == 0] == sorted(lost)
    if wiring.mistake not in {Mistake.CT_OPEN, Mistake.WRONG_RATIO, Mistake.SAME_PHASE}:
        assert sorted(abs(out.currents[:, 0])) == pytest.approx(sorted(abs(true.currents[:, 0])))


def with_wiring(text: str, wiring: str) -> Plant:
    """The small plant, with a mistake at m1 from the beginning."""
    place = 'bus = "b1"\nunit_id = 1\nline = "p1"\n'
    assert place in text
    return Plant(to_layout(tomllib.loads(text.replace(place, f"{place}wiring = {wiring}\n"))))


NINE_S = 5400.0


def test_a_reversed_transformer_shows_in_every_value_of_its_phase_alone(text: str, start_s: float) -> None:
    t_s = start_s + NINE_S
    right = Plant(to_layout(tomllib.loads(text))).electrical("m1", t_s)
    wrong = with_wiring(text, '{ mistake = "ct_reversed", phases = ["l2"] }').electrical("m1", t_s)
    for i, (a, b) in enumerate(zip(right.phases, wrong.phases, strict=True)):
        sign = -1 if i == 1 else 1
        assert (b.active, b.reactive) == pytest.approx((sign * a.active, sign * a.reactive))
        assert (b.voltage, b.current, b.apparent) == pytest.approx((a.voltage, a.current, a.apparent))
    third = Quantity.ACTIVE_POWER
    assert wrong.value(third, "") / right.value(third, "") == pytest.approx(1 / 3, abs=0.02)
    assert wrong.value(Quantity.POWER_FACTOR, "l2") < 0 < wrong.value(Quantity.POWER_FACTOR, "")


def counted(works: Plant, t_s: float, seconds: int) -> tuple[list[float], list[float]]:
    """What the counters of m1 grew by, and what its powers make: import, export."""
    begin, end = (works.electrical("m1", at) for at in (t_s, t_s + seconds))
    names = ["", *PHASES]
    kinds = (Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT)
    grown = [end.value(kind, name) - begin.value(kind, name) for kind in kinds for name in names]
    powers = [
        [works.electrical("m1", t_s + at).value(Quantity.ACTIVE_POWER, name) for name in names]
        for at in range(5, seconds, 10)
    ]
    table = np.array(powers) * 10 / 3600
    return grown, [*np.maximum(table, 0).sum(axis=0), *np.maximum(-table, 0).sum(axis=0)]


@pytest.mark.parametrize(
    "wiring",
    [
        '{ mistake = "ct_reversed", phases = ["l1"] }',
        '{ mistake = "ct_reversed" }',
        '{ mistake = "cts_swapped", phases = ["l3", "l1"] }',
        '{ mistake = "cts_rotated" }',
        '{ mistake = "cts_rotated_back" }',
        '{ mistake = "voltage_lost", phases = ["l3"] }',
        '{ mistake = "same_phase", phases = ["l2"] }',
        '{ mistake = "wrong_ratio", ratio = 0.5 }',
        '{ mistake = "other_cable", line = "t1" }',
    ],
)
def test_the_counters_count_what_the_powers_say(text: str, start_s: float, wiring: str) -> None:
    grown, wanted = counted(with_wiring(text, wiring), start_s + NINE_S, 600)
    assert grown == pytest.approx(wanted, abs=1e-3, rel=1e-6)
    assert sum(grown) > 0


def test_with_all_transformers_reversed_only_export_counts(text: str, start_s: float) -> None:
    (bought, *_, sold, _, _, _), _ = counted(
        with_wiring(text, '{ mistake = "ct_reversed" }'), start_s + NINE_S, 600
    )
    assert bought == 0
    assert sold == pytest.approx(60_000 * 0.75 / 6, rel=0.2)


def test_transformers_on_another_cable_follow_the_other_line(text: str, start_s: float) -> None:
    t_s = start_s + NINE_S
    works = with_wiring(text, '{ mistake = "other_cable", line = "t1" }')
    power = works.electrical("m1", t_s).value(Quantity.ACTIVE_POWER, "")
    assert power == pytest.approx(works.power_w("t1", t_s), rel=0.01)


def test_a_mistake_comes_and_goes_as_an_event(plant: Callable[..., Plant], start_s: float) -> None:
    more = '[[event]]\nwhat = "wiring"\nmeter = "m2"\nat = 5400\nduration_s = 60\nwiring = {}\n'
    mistake = '{ mistake = "ct_reversed", phases = ["l2", "l3"] }'
    hurt, healthy = plant(more.replace("{}", mistake)), plant()

    def ratio(at: float) -> float:
        states = [one.electrical("m2", start_s + at) for one in (hurt, healthy)]
        first, second = (state.value(Quantity.ACTIVE_POWER, "") for state in states)
        return first / second

    assert [round(ratio(at), 1) for at in (5399, 5401, 5459, 5461)] == [1.0, -0.3, -0.3, 1.0]


def test_without_any_voltage_there_is_no_frequency_and_no_power(text: str, start_s: float) -> None:
    dark = with_wiring(text, '{ mistake = "voltage_lost" }').electrical("m1", start_s + NINE_S)
    values = {q: dark.value(q, "") for q in (Quantity.VOLTAGE, Quantity.FREQUENCY, Quantity.ACTIVE_POWER)}
    assert set(values.values()) == {0.0}
    assert dark.value(Quantity.CURRENT, "") > 10


@pytest.mark.parametrize(
    ("wiring", "problem"),
    [
        ('{ mistake = "upside_down" }', "meter[0].wiring.mistake: must be one of ct_reversed, "),
        ('{ mistake = "cts_swapped" }', "meter[0].wiring.phases: "),
        (
            '{ mistake = "cts_swapped", phases = ["l1", "l1"] }',
            "meter[0].wiring.phases: must name two",
        ),
        (
            '{ mistake = "ct_open", phases = ["l1", "l1"] }',
            "meter[0].wiring.phases: must name each",
        ),
        ('{ mistake = "same_phase", phases = ["l1", "l2"] }', "meter[0].wiring.phases: must name one phase"),
        ('{ mistake = "cts_rotated", phases = ["l1"] }', "meter[0].wiring.phases: unknown key"),
        ('{ mistake = "wrong_ratio" }', "meter[0].wiring.ratio: missing"),
        ('{ mistake = "ct_open", ratio = 2 }', "meter[0].wiring.ratio: unknown key"),
        (
            '{ mistake = "other_cable", line = "p9" }',
            "meter[0].wiring.line: unknown line 'p9'",
        ),
        ('"ct_reversed"', "meter[0].wiring: must be a table"),
    ],
)
def test_a_wrong_mistake_is_told_with_its_place(text: str, wiring: str, problem: str) -> None:
    with pytest.raises(PlantError) as caught:
        with_wiring(text, wiring)
    assert any(line.startswith(problem) for line in caught.value.problems), caught.value.problems


SIGNED = (Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER)

SIGNS = set(RegisterType) - {RegisterType.U16, RegisterType.U32, RegisterType.U64}


def shown(name: str, wiring: Wiring | None, t_s: float) -> tuple[dict[str, object], Electrical, Device]:
    """What our own model reads off a meter, and the state behind it."""
    meter = MeterPlan("m", meter_models.load(name), "b", 1, "line", wiring=wiring)
    line = LinePlan("line", LineKind.PRODUCTION, 20_000, Profile(Shape.CONTINUOUS), ("m",))
    device = Device(meter, Plant(Layout(t_s - 60, 5, (), (line,), (meter,))))
    blocks = [Block(function, address, word) for (function, address), word in device.image(t_s).items()]
    return meter.model.decode(joined(blocks)), device.plant.electrical("m", t_s), device


def joined(words: list[Block]) -> list[Block]:
    """Neighbours in one block."""
    out: list[Block] = []
    for one in sorted(words, key=lambda block: (block.function, block.address)):
        last = out[-1] if out else None
        if last and (last.function, last.address + len(last.words) // 2) == (one.function, one.address):
            out[-1] = Block(last.function, last.address, last.words + one.words)
        else:
            out.append(one)
    return out


MODELS = [
    name
    for name in meter_models.names()
    if any(point.quantity is Quantity.ACTIVE_POWER for point in meter_models.load(name).points)
]


@pytest.mark.parametrize("name", MODELS)
def test_every_shipped_model_can_be_wired_wrong(name: str, start_s: float) -> None:
    for wiring in (Wiring(Mistake.CT_REVERSED), Wiring(Mistake.CTS_ROTATED), Wiring(Mistake.VOLTAGE_LOST)):
        values, state, device = shown(name, wiring, start_s)
        for point in device.plan.model.points:
            wanted = state.value(point.quantity, point.phase)
            if point.quantity in SIGNED and wanted is not None and point.phase != "n":
                got = values[point.name]
                assert isinstance(got, int | float)
                wanted = wanted if point.type in SIGNS else max(wanted, 0.0)  # there is no sign to show
                assert math.isclose(got, wanted, rel_tol=0.01, abs_tol=20), (point.name, wiring.mistake)
