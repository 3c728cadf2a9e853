"""The wiring check and the on/off test through drivers and wires, on meters that the simulator serves."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from drivers.clock import NS_PER_S, ScaledClock
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quality
from firmware_sim.plant import Plant, load_plant
from firmware_sim.plant_file import to_layout
from firmware_sim.server import Server
from firmware_sim.switches import SwitchState
from firmware_sim.wiring import Mistake
from provisioning.wiring import Expected, OnOffTest, diagnose

pytestmark = pytest.mark.e2e

MODELS = ("eastron-sdm630", "chint-dtsu666", "acrel-adw300")
RATED_W = 900_000
START = "2026-03-02T09:00:00+08:00"
WIRINGS = {
    "right": ("", None, ()),
    "one reversed": ('{ mistake = "ct_reversed", phases = ["l1"] }', "ct_reversed", ("l1",)),
    "two reversed": ('{ mistake = "ct_reversed", phases = ["l1", "l3"] }', "ct_reversed", ("l1", "l3")),
    "all reversed": ('{ mistake = "ct_reversed" }', "ct_reversed", ("l1", "l2", "l3")),
    "swapped": ('{ mistake = "cts_swapped", phases = ["l2", "l3"] }', "cts_swapped", ("l2", "l3")),
    "rotated": ('{ mistake = "cts_rotated" }', "cts_rotated", ("l1", "l2", "l3")),
    "rotated back": ('{ mistake = "cts_rotated_back" }', "cts_rotated_back", ("l1", "l2", "l3")),
    "lead lost": ('{ mistake = "voltage_lost", phases = ["l2"] }', "voltage_lost", ("l2",)),
    "open": ('{ mistake = "ct_open", phases = ["l3"] }', "ct_open", ("l3",)),
    "same phase": ('{ mistake = "same_phase", phases = ["l2"] }', "same_phase", ("l2",)),
    "ratio": ('{ mistake = "wrong_ratio", ratio = 0.5 }', "wrong_ratio", ("l1", "l2", "l3")),
}


def plant(level: float, power_factor: float) -> Plant:
    """A meter of each model for each row, all on one line, and its load at a level."""
    meters = [
        f'[[meter]]\nid = "{model}/{row}"\nmodel = "{model}"\nbus = "b1"\nunit_id = {number}\n'
        f'line = "p1"\nct_ratio = 20\npower_factor = {power_factor}\n'
        + (f"wiring = {wiring}\n" if wiring else "")
        for number, (model, row, wiring) in enumerate(
            ((model, row, wiring) for model in MODELS for row, (wiring, _, _) in WIRINGS.items()), 1
        )
    ]
    profile = f'{{ shape = "continuous", level = {level} }}'
    text = f'[plant]\nstart = {START}\n[[bus]]\nid = "b1"\nkind = "tcp"\nturnaround_s = 0.0\n'
    text += f'[[line]]\nid = "p1"\nkind = "production"\nrated_w = {RATED_W}\nprofile = {profile}\n'
    return Plant(to_layout(tomllib.loads(text + "\n".join(meters))))


@contextmanager
def served(works: Plant) -> Iterator[tuple[ScaledClock, dict[str, MeterBus]]]:
    clock = ScaledClock(1.0, int((works.start_s + 30) * NS_PER_S))
    with Server(works, clock) as server:
        buses = {name: open_bus(url, clock) for name, url in server.urls.items()}
        try:
            yield clock, buses
        finally:
            for bus in buses.values():
                bus.close()


def read(meter: Meter, bus: MeterBus, clock: ScaledClock) -> dict[str, object]:
    values: dict[str, object] = {}
    for group in (PollGroup.FAST, PollGroup.SLOW):
        if meter.setup.model.group(group):
            readings = (meter.poll(bus, group, clock) for _ in range(5))  # a busy machine may be late
            reading = next(one for one in readings if one.quality is Quality.GOOD)
            values |= meter.setup.model.decode(reading.blocks, meter.setup.ct_ratio, meter.setup.pt_ratio)
    return values


@pytest.mark.parametrize(("level", "power_factor"), [(0.1, 0.98), (0.4, 0.7), (0.8, 0.86), (0.8, 0.95)])
def test_every_row_is_named_on_three_models(level: float, power_factor: float) -> None:
    works = plant(level, power_factor)
    with served(works) as (clock, buses):
        for plan in works.layout.meters:
            model, row = plan.id.split("/")
            meter = Meter(
                MeterSetup(plan.id, plan.model, plan.unit_id, plan.ct_ratio), buses["b1"].gap_registers_max
            )
            samples = [read(meter, buses["b1"], clock) for _ in range(3)]
            _, mistake, phases = WIRINGS[row]
            clamp = {}
            if row == "ratio":
                clamp = {f"l{k}": 2 * float(samples[-1][f"current_l{k}"]) for k in (1, 2, 3)}
            rated_w = RATED_W * plan.share
            said = diagnose(samples, Expected(clamp, 230.0, rated_w, is_three_phase=True, ct_ratio=20))
            if model == "acrel-adw300" and row == "rotated":  # no reactive power: nobody could tell
                assert "both look the same" in said.sentence.en
                assert "are shifted by one place" in said.sentence.en
                continue
            told = said.verdict == "mistake", said.mistake, tuple(sorted(said.phases))
            assert told == (mistake is not None, mistake, phases), (plan.id, said.sentence.en)
            if row == "ratio":
                assert (said.ratio, said.numbers["right_ct_ratio"]) == (0.5, 40)


@pytest.fixture
def ten() -> Plant:
    with as_file(files("firmware_sim.plants").joinpath("ten-meters.toml")) as path:
        return load_plant(path)


def test_the_two_mistakes_of_the_plant_of_ten_meters_are_named_and_no_other(ten: Plant) -> None:
    wrong = {}
    with served(ten) as (clock, buses):
        for plan in ten.layout.meters:
            meter = Meter(
                MeterSetup(plan.id, plan.model, plan.unit_id, plan.ct_ratio),
                buses[plan.bus].gap_registers_max,
            )
            samples = [read(meter, buses[plan.bus], clock) for _ in range(3)]
            sharing = sum(one.line == plan.line for one in ten.layout.meters)
            said = diagnose(samples, Expected(rated_w=ten.line(plan.line).rated_w / sharing))
            if said.verdict != "good":
                wrong[plan.id] = (said.mistake, said.phases)
    assert wrong == {"m3": ("ct_reversed", ("l2",)), "m7": ("cts_swapped", ("l1", "l3"))}


OWN = {"p1": ("m1", "m2"), "p2": ("m3",), "t1": ("m5", "m6"), "t3": ("m8", "m9")}


def tried(works: Plant, line: str, own: tuple[str, ...]) -> OnOffTest:
    """The on/off test of a line in the plant's time, as fast as it can be computed."""
    test = OnOffTest(own, ("m10",), works.line(line).rated_w)
    asked, t_s = "", works.start_s + 30
    for _ in range(1200):
        wait = test.sample(t_s, {meter.id: watts(works, meter.id, t_s) for meter in works.layout.meters})
        if wait.what == "done":
            return test
        if wait.what == "switch" and wait.to != asked:
            asked = str(wait.to)
            works.switch(line, SwitchState(asked), t_s + 3)
        elif wait.what == "settle":
            asked = ""
        t_s += 1
    raise AssertionError("it never ends")


def watts(works: Plant, meter: str, t_s: float) -> float:
    return sum(phase.active for phase in works.electrical(meter, t_s).phases)


@pytest.mark.parametrize("line", OWN)
def test_every_line_of_the_plant_of_ten_meters_follows(ten: Plant, line: str) -> None:
    said = tried(ten, line, OWN[line]).result
    assert said.kind == "follows", said.sentence.en
    assert said.off_w < 0.05 * said.on_w


OTHER: dict[str, tuple[Callable[[str], str], Mapping[str, tuple[str, ...]]]] = {
    "transformers on another cable": (
        lambda text: text.replace(
            'id = "m3"', f'id = "m3"\nwiring = {{ mistake = "{Mistake.OTHER_CABLE}", line = "t1" }}'
        ).replace('wiring = { mistake = "ct_reversed", phases = ["l2"] }\n', ""),
        {"m3": ()},
    ),
    "meters whose transformers are exchanged": (
        lambda text: (
            text.replace('wiring = { mistake = "ct_reversed", phases = ["l2"] }', "")
            .replace('id = "m3"', 'id = "m3"\nwiring = { mistake = "other_cable", line = "p3" }')
            .replace('id = "m4"', 'id = "m4"\nwiring = { mistake = "other_cable", line = "p2" }')
        ),
        {"m3": ("m4",)},
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_transformers_on_another_cable_are_found_by_switching(name: str) -> None:
    change, wanted = OTHER[name]
    path = Path(str(files("firmware_sim.plants").joinpath("ten-meters.toml")))
    works = Plant(to_layout(tomllib.loads(change(path.read_text()))))
    said = tried(works, "p2", ("m3",)).result
    assert not said.follows
    assert said.meters[:1] == wanted["m3"], said.sentence.en
    if not wanted["m3"]:
        assert "m10 of the incomer saw" in said.sentence.en
