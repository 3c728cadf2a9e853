"""The plant: what happens to lines, and what meters see of it."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware_sim
from drivers.reading import Quantity
from firmware_sim.layout import LineKind
from firmware_sim.plant import Plant, load_plant

NINE_S = 5400.0
"""09:00, seconds from the plant's start: p1 and t1 run, no pause near."""
DEMO = Path(firmware_sim.__file__).parent / "plants" / "demo.toml"


def event(what: str, at: float = NINE_S, **keys: object) -> str:
    lines = [f'what = "{what}"', f"at = {at}"]
    lines += [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in keys.items()
    ]
    return "\n[[event]]\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("what", "keys", "share"),
    [
        ("treatment_off", {"duration_s": 600}, 0.005 / 0.7),
        ("stopped", {"duration_s": 600}, 0.005 / 0.7),
        ("throttled", {"duration_s": 600, "power_share": 0.4}, 0.4),
        ("idle", {"duration_s": 600, "power_share": 0.25}, 0.25),
        ("underspeed", {"duration_s": 600, "frequency_hz": 40}, 0.512),
    ],
)
def test_an_event_scales_the_power_for_its_time_alone(
    plant: Callable[..., Plant], start_s: float, what: str, keys: dict[str, float], share: float
) -> None:
    healthy, hurt = plant(), plant(event(what, line="t1", **keys))
    before, during, after = (start_s + NINE_S + at for at in (-1, 300, 700))
    assert hurt.power_w("t1", before) == healthy.power_w("t1", before)
    assert hurt.power_w("t1", during) == pytest.approx(share * healthy.power_w("t1", during), rel=0.1)
    assert hurt.power_w("t1", after) == healthy.power_w("t1", after)
    assert hurt.power_w("p1", during) == healthy.power_w("p1", during)


def test_late_start_covers_the_lead_before_production(plant: Callable[..., Plant], start_s: float) -> None:
    at = 2400.0  # 08:10, production began at about 08:00
    late = plant(event("late_start", at=at, line="t1", duration_s=600))
    (change,) = late.events
    healthy = plant()
    begin_s = next(t for t in range(int(start_s), int(start_s) + 3600) if healthy.power_w("t1", t) > 2000)
    assert change.begin_s == pytest.approx(begin_s, abs=30)
    assert late.power_w("t1", change.begin_s + 60) == 150
    assert late.power_w("t1", start_s + at + 599) == 150
    assert late.power_w("t1", start_s + at + 630) > 10_000


def test_early_stop_lasts_until_the_treatment_would_have_stopped(
    plant: Callable[..., Plant], start_s: float
) -> None:
    stopped, healthy = plant(event("early_stop", line="t1")), plant()
    after = np.array([start_s + NINE_S + 60 * minute for minute in range(1, 12 * 60)])
    usual = next(t for t in after if healthy.power_w("t1", t) == 150)
    assert all(stopped.power_w("t1", t) == 150 for t in after[after < usual])
    assert max(stopped.power_w("t1", t) for t in after[after > usual]) > 10_000


def test_a_dummy_is_flat_with_power_factor_one(plant: Callable[..., Plant], start_s: float) -> None:
    dummy = plant(event("dummy", line="t1", power_share=0.6))
    states = [dummy.electrical("m2", start_s + NINE_S + 10 * i) for i in range(50)]
    powers = {round(state.value(Quantity.ACTIVE_POWER, ""), 6) for state in states}
    assert powers == {9000.0}  # m2 has half of the line's 18 kW
    assert states[0].value(Quantity.POWER_FACTOR, "") == pytest.approx(1, abs=0.002)


def test_idling_keeps_the_current_and_loses_the_power_factor(
    plant: Callable[..., Plant], start_s: float
) -> None:
    t_s = start_s + NINE_S + 100
    busy = plant().electrical("m2", t_s)
    idle = plant(event("idle", line="t1", duration_s=600)).electrical("m2", t_s)
    assert idle.phases[0].active / busy.phases[0].active == pytest.approx(0.2)
    assert 0.3 <= idle.phases[0].current / busy.phases[0].current <= 0.5
    assert idle.value(Quantity.POWER_FACTOR, "") < 0.6 * busy.value(Quantity.POWER_FACTOR, "")


@pytest.mark.parametrize(("phases", "left"), [('["l1", "l2", "l3"]', 0.0), ('["l2"]', 2 / 3)])
def test_a_lost_current_transformer_takes_the_current_and_leaves_the_voltage(
    plant: Callable[..., Plant], start_s: float, phases: str, left: float
) -> None:
    text = event("ct_off", meter="m2") + f"phases = {phases}\n"
    t_s = start_s + NINE_S + 100
    healthy, lost = (plant(more).electrical("m2", t_s) for more in ("", text))
    assert lost.phases[1].current == 0
    assert lost.phases[1].voltage == healthy.phases[1].voltage
    assert lost.value(Quantity.ACTIVE_POWER, "") == pytest.approx(
        left * healthy.value(Quantity.ACTIVE_POWER, ""), rel=0.05
    )
    assert plant(text).power_w("t1", t_s) == plant().power_w("t1", t_s)


def test_the_counter_of_a_meter_without_current_stands(plant: Callable[..., Plant], start_s: float) -> None:
    lost = plant(event("ct_off", meter="m2", duration_s=1200))
    at = [lost.electrical("m2", start_s + NINE_S + t).energy_import_wh for t in (-600, 0, 600, 1200, 1800)]
    assert at[0] < at[1] == pytest.approx(at[2]) == pytest.approx(at[3])
    assert at[3] < at[4]


def test_a_stuck_meter_shows_the_past(plant: Callable[..., Plant], start_s: float) -> None:
    stuck = plant(event("stuck_meter", meter="m2", duration_s=600))
    begin_s = start_s + NINE_S
    seen = [stuck.seen_at_s("m2", begin_s + t) for t in (-1, 0, 500, 600)]
    assert seen == [begin_s - 1, begin_s, begin_s, begin_s + 600]


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        (event("dead_meter", meter="m2"), {"m2"}),
        (event("gap", meter="m1", duration_s=60), {"m1"}),
        (event("gap", bus="b3", duration_s=60), {"m3"}),
    ],
)
def test_who_is_silent(plant: Callable[..., Plant], start_s: float, text: str, silent: set[str]) -> None:
    lost = plant(text)
    t_s = start_s + NINE_S
    assert {meter.id for meter in lost.layout.meters if lost.is_silent(meter.id, t_s + 59)} == silent
    assert not any(lost.is_silent(meter.id, t_s - 1) for meter in lost.layout.meters)
    assert any(lost.is_silent(meter.id, t_s + 61) for meter in lost.layout.meters) is ("dead" in text)


@settings(deadline=None, max_examples=80)
@given(
    at=st.floats(-3e5, 3e5),
    meter=st.sampled_from(["m1", "m2", "m3"]),
    what=st.sampled_from(["", "idle", "dummy", "treatment_off", "ct_off"]),
)
def test_voltage_current_power_and_power_factor_fit_together(
    plants: Callable[[str], Plant], start_s: float, at: float, meter: str, what: str
) -> None:
    where = {"meter": "m3"} if what == "ct_off" else {"line": "t1"}
    hurt = plants(event(what, at=-4e5, duration_s=8e5, **where) if what else "")
    state = hurt.electrical(meter, start_s + at)
    for phase in state.phases:
        assert phase.voltage == pytest.approx(230, rel=0.05)
        assert phase.apparent == pytest.approx(phase.voltage * phase.current)
        assert phase.apparent >= phase.active >= 0
        assert math.hypot(phase.active, phase.reactive) == pytest.approx(phase.apparent)
    total = state.value(Quantity.ACTIVE_POWER, "")
    assert total == pytest.approx(sum(phase.active for phase in state.phases))
    share = hurt.meter(meter).share
    if not (what == "ct_off" and meter == "m3"):
        assert total == pytest.approx(share * hurt.power_w(hurt.meter(meter).line, start_s + at))
    assert 0 < state.value(Quantity.POWER_FACTOR, "") <= 1


def test_all_meters_of_one_supply_agree_on_voltage_and_frequency(
    plant: Callable[..., Plant], start_s: float
) -> None:
    states = [plant().electrical(meter, start_s + 4321.0) for meter in ("m1", "m2", "m3")]
    assert len({state.frequency for state in states}) == 1
    voltages = [state.phases[0].voltage for state in states]
    assert max(voltages) / min(voltages) < 1.003


def test_history_is_the_power_at_each_step(plant: Callable[..., Plant], start_s: float) -> None:
    works = plant(event("treatment_off", line="t1", duration_s=600))
    history = works.history("t1", start_s + NINE_S - 300, start_s + NINE_S + 900, 10)
    assert len(history) == 120
    assert history == pytest.approx(
        [works.power_w("t1", start_s + NINE_S - 300 + 10 * i) for i in range(120)]
    )
    clean = works.history("t1", start_s + NINE_S - 300, start_s + NINE_S + 900, 10, with_events=False)
    assert clean.min() > 9_000


def test_an_empty_history_is_empty(plant: Callable[..., Plant], start_s: float) -> None:
    assert len(plant().history("t1", start_s, start_s, 10)) == 0


def test_the_counter_agrees_with_the_power(plant: Callable[..., Plant], start_s: float) -> None:
    works = plant()
    t_s = start_s + NINE_S
    powers = [works.electrical("m1", t_s + i).value(Quantity.ACTIVE_POWER, "") for i in range(0, 1800, 5)]
    counted_wh = (
        works.electrical("m1", t_s + 1800).energy_import_wh - works.electrical("m1", t_s).energy_import_wh
    )
    assert counted_wh == pytest.approx(sum(powers) * 5 / 3600, rel=0.01)


class TestDemoPlant:
    plant = load_plant(DEMO)

    def test_it_has_the_parts_of_the_demo(self) -> None:
        assert sorted((bus.kind, bus.wire.parity if bus.wire else "") for bus in self.plant.layout.buses) == [
            ("pty", "E"),
            ("pty", "N"),
            ("tcp", ""),
        ]
        assert len(self.plant.layout.meters) >= 9
        assert len({meter.model.name for meter in self.plant.layout.meters}) >= 4
        kinds = [line.kind for line in self.plant.layout.lines]
        assert (kinds.count(LineKind.PRODUCTION), kinds.count(LineKind.TREATMENT)) == (3, 2)
        assert all(line.meters for line in self.plant.layout.lines)

    @pytest.mark.parametrize("line", ["p1", "p2", "p3"])
    def test_commissioning_sees_enough_starts(self, line: str) -> None:
        watts = self.plant.history(line, self.plant.start_s - 72 * 3600, self.plant.start_s, 10)
        running = watts > 0.1 * self.plant.line(line).rated_w
        assert (running[1:] & ~running[:-1]).sum() >= 3
        assert running.sum() * 10 >= 4 * 3600

    @pytest.mark.parametrize(("treatment", "production"), [("t1", ("p1", "p2")), ("t2", ("p3",))])
    def test_treatment_runs_whenever_production_does(
        self, treatment: str, production: tuple[str, ...]
    ) -> None:
        span = (self.plant.start_s - 72 * 3600, self.plant.start_s + 75 * 60, 10)
        fan = self.plant.history(treatment, *span, with_events=False)
        running = sum(
            self.plant.history(line, *span) > 0.05 * self.plant.line(line).rated_w for line in production
        )
        assert fan[running > 0].min() > 0.25 * self.plant.line(treatment).rated_w
        assert (fan < 0.05 * self.plant.line(treatment).rated_w).any()

    def test_the_only_violation_is_t1_switched_off_under_load(self) -> None:
        minutes = np.arange(0, 75)
        true = self.plant.history("t1", self.plant.start_s, self.plant.start_s + 4500, 60)
        usual = self.plant.history("t1", self.plant.start_s, self.plant.start_s + 4500, 60, with_events=False)
        assert list(minutes[true != usual]) == list(range(25, 40)) + ([40] if true[40] != usual[40] else [])
        assert all(self.plant.power_w("p2", self.plant.start_s + 60 * m) > 15_000 for m in range(10, 40))
        for line in ("p1", "p2", "p3", "t2"):
            span = (line, self.plant.start_s, self.plant.start_s + 4500, 60)
            assert np.array_equal(self.plant.history(*span), self.plant.history(*span, with_events=False))

    def test_a_second_meter_of_p3_dies_and_nobody_else(self) -> None:
        dead = {
            m.id for m in self.plant.layout.meters if self.plant.is_silent(m.id, self.plant.start_s + 41 * 60)
        }
        assert dead == {"m6"}
        assert self.plant.line("p3").meters == ("m5", "m6")
        assert not self.plant.is_silent("m6", self.plant.start_s + 39 * 60)
