"""What a plant file does to single meters: counters that wrap, registers without numbers, new settings.

And another master that talks while nobody of us asks.
"""

import os
import select
import time
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.clock import NS_PER_S, ScaledClock
from drivers.errors import DriverError
from drivers.modbus.rtu import crc16
from drivers.points import model as meter_models
from drivers.poll.bus import open_bus
from drivers.reading import Block
from firmware_sim.device import READ_DATA, Device, Image
from firmware_sim.main import main
from firmware_sim.plant import Plant
from firmware_sim.plant_file import PlantError, to_layout
from firmware_sim.server import Server

AT_S = 5400.0
"""Of the events, from the plant's start: production runs."""


def event(what: str, meter: str = "m1", **keys: object) -> str:
    rows = [f'what = "{what}"', f'meter = "{meter}"', f"at = {AT_S}"]
    rows += [f"{key} = {value}" for key, value in keys.items()]
    return "\n[[event]]\n" + "\n".join(rows) + "\n"


def values(works: Plant, meter: str, t_s: float) -> dict[str, object]:
    plan = works.meter(meter)
    image = Device(plan, works).image(t_s)
    return plan.model.decode(blocks(image), plan.ct_ratio, plan.pt_ratio)


def blocks(image: Image) -> list[Block]:
    """Registers that lie side by side, as a driver reads them."""
    found: list[Block] = []
    for (function, address), words in sorted(image.items()):
        last = found[-1] if found else None
        if last and function == last.function != READ_DATA and address == last.address + len(last.words) // 2:
            found[-1] = Block(function, last.address, last.words + words)
        else:
            found.append(Block(function, address, words))
    return found


def test_a_counter_comes_to_its_end_at_the_moment_and_goes_on_from_nothing(
    plant: Callable[..., Plant], start_s: float
) -> None:
    works, t_s = plant(event("counter_wrap", wraps_at_wh=1_000_000)), start_s + AT_S
    counts = [works.electrical("m1", t_s + s).energy_import_wh for s in (-60, -1, 0, 1, 60)]
    assert counts[0] < counts[1] < 1_000_000 <= counts[1] + 30
    assert 0 <= counts[2] < counts[3] < 30
    same = plant("")
    for later in (-60, 60):
        grown = works.electrical("m1", t_s + later).energy_import_wh - counts[0 if later < 0 else 2]
        whole = same.electrical("m1", t_s + later).energy_import_wh
        began = same.electrical("m1", t_s - 60 if later < 0 else t_s).energy_import_wh
        assert grown == pytest.approx(whole - began, abs=0.01)


@pytest.mark.parametrize(
    ("keys", "gone", "left"),
    [
        ({}, {"active_power", "voltage_l1", "frequency", "active_energy_import"}, {"serial_number"}),
        ({"points": '["active_power", "current_l2"]'}, {"active_power", "current_l2"}, {"voltage_l1"}),
    ],
)
def test_registers_without_numbers_are_not_decoded_as_numbers(
    plant: Callable[..., Plant], start_s: float, keys: dict[str, str], gone: set[str], left: set[str]
) -> None:
    works, t_s = plant(event("no_numbers", duration_s=30, **keys)), start_s + AT_S
    during = values(works, "m1", t_s + 1)
    assert not gone & during.keys()
    assert left <= during.keys()
    assert gone <= values(works, "m1", t_s - 1).keys()
    assert values(works, "m1", t_s + 31) == values(plant(""), "m1", t_s + 31)


@pytest.mark.parametrize("name", ["abb-b23", "sunspec-203", "dlt645-2007-3p", "acrel-adw300"])
def test_a_meter_of_whole_numbers_says_not_available_or_something_extreme(
    text: str, start_s: float, name: str
) -> None:
    dlt645 = meter_models.load(name).is_dlt645
    place = 'address = "000000000009"' if dlt645 else "unit_id = 9"
    more = f'[[bus]]\nid = "b9"\nkind = "rtu+tcp"\nprotocol = "{"dlt645" if dlt645 else "modbus"}"\n'
    more += f'[[meter]]\nid = "m9"\nmodel = "{name}"\nbus = "b9"\n{place}\nline = "p1"\nshare = 0.0\n'
    works = Plant(to_layout(tomllib.loads(text + more + event("no_numbers", "m9"))))
    before, after = (values(works, "m9", start_s + AT_S + s) for s in (-1, 1))
    assert before["voltage_l1"] == pytest.approx(230, rel=0.05)
    volts = after.get("voltage_l1")
    assert volts is None or not 100 < float(volts) < 500


@pytest.mark.parametrize("is_primary", [False, True])
def test_new_settings_show_in_their_registers_and_in_primary_readings(
    text: str, start_s: float, tmp_path: Path, is_primary: bool
) -> None:
    own = files("drivers.models").joinpath("chint-dtsu666.toml").read_text()
    if is_primary:
        own = own[: own.index("[[golden]]")].replace('values = "secondary"', "")
    (tmp_path / "own.toml").write_text(own)
    text = text.replace('"chint-dtsu666"', '"own.toml"')
    change = event("settings_changed", "m3", ct_ratio=40, pt_ratio=2)
    changed, same = (Plant(to_layout(tomllib.loads(one), tmp_path)) for one in (text + change, text))
    t_s = start_s + AT_S + 1
    before, after, right = (
        values(works, "m3", at_s) for works, at_s in ((changed, t_s - 2), (changed, t_s), (same, t_s))
    )
    assert (before["ct_ratio"], after["ct_ratio"], after["pt_ratio"]) == (20, 40, 2)
    factor = 2 if is_primary else 1
    assert after["current_l1"] == pytest.approx(factor * float(right["current_l1"]), rel=0.01)


def test_a_new_firmware_shows_in_its_register(text: str, start_s: float) -> None:
    name = next(
        name
        for name in meter_models.names()
        if any(point.name == "firmware" for point in meter_models.load(name).points)
        and not meter_models.load(name).is_dlt645
    )
    more = f'[[meter]]\nid = "m9"\nmodel = "{name}"\nbus = "b1"\nunit_id = 9\nline = "p1"\nshare = 0.0\n'
    works = Plant(to_layout(tomllib.loads(text + more + event("settings_changed", "m9", firmware=77))))
    before, after = (values(works, "m9", start_s + AT_S + s)["firmware"] for s in (-1, 1))
    assert str(after) == "77" != str(before)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (event("settings_changed"), "event[0].what: settings_changed needs one of ct_ratio, pt_ratio"),
        (event("settings_changed", firmware=2), "event[0].firmware: eastron-sdm630 has no such register"),
        (event("settings_changed", "m3", ct_ratio=0), "event[0].ct_ratio: must be a number from 1e-05"),
        (event("no_numbers", points='["nothing"]'), "event[0].points: must be an array of active_energy"),
        (event("counter_wrap", wraps_at_wh=0), "event[0].wraps_at_wh: must be a number from 1 to 1e+12"),
        (
            '[[fault]]\nwhat = "chatter"\nbus = "b1"\n',
            "fault[0].what: chatter is for Modbus on a serial bus, not for bus 'b1'",
        ),
        (
            '[[fault]]\nwhat = "chatter"\nmeter = "m2"\n',
            "fault[0].meter: chatter is on a whole bus: give bus in its place",
        ),
        (
            '[[fault]]\nwhat = "chatter"\nbus = "b2"\ngap_s = 0\n',
            "fault[0].gap_s: must be a number from 0.05 to 60, not 0",
        ),
    ],
)
def test_mistakes_of_these_events_are_told(layout: Callable, more: str, problem: str) -> None:
    with pytest.raises(PlantError) as caught:
        layout(more)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_they_are_all_listed() -> None:
    listing = CliRunner().invoke(main, ["events"]).output
    assert all(word in listing for word in ("counter_wrap", "no_numbers", "settings_changed", "chatter"))


CHATTER = '[[fault]]\nwhat = "chatter"\nbus = "{bus}"\ngap_s = 0.1\n'


def frames_heard(end: int, seconds: float) -> list[bytes]:
    """Bytes from a terminal, cut where it was silent."""
    frames_seen, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([end], [], [], min(left, 0.015))[0]:
            frames_seen.append(b"")
        elif not frames_seen:
            frames_seen.append(os.read(end, 512))
        else:
            frames_seen[-1] += os.read(end, 512)
    return [frame for frame in frames_seen if frame]


def test_another_master_is_heard_while_we_are_silent(
    plant: Callable[..., Plant], still: Callable[[float], object], start_s: float
) -> None:
    with Server(plant(CHATTER.format(bus="b2")), still(start_s + AT_S)) as server:
        path = server.urls["b2"].removeprefix("rtu:").split("?")[0]
        end = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        frames_seen = b"".join(frames_heard(end, 1.5))
        os.close(end)
    asked = frames_seen.find(bytes((2, 4)))
    assert asked >= 0
    request = frames_seen[asked : asked + 8]
    assert crc16(request[:6]) == request[6:], "a request of another master"
    assert len(frames_seen) > 4 * 8


@pytest.mark.parametrize("bus", ["b2", "b3"])
def test_our_driver_takes_no_value_of_another_master_for_its_own(
    plant: Callable[..., Plant], still: Callable[[float], object], start_s: float, bus: str
) -> None:
    with (
        Server(plant(CHATTER.format(bus=bus)), still(start_s + AT_S)) as server,
        Server(plant(""), still(start_s + AT_S)) as quiet,
    ):
        clock = ScaledClock(1.0, int(start_s * NS_PER_S))
        place = {"b2": (2, 4, 0, 20), "b3": (3, 3, 0x2006, 20)}[bus]
        ours, other = open_bus(server.urls[bus], clock), open_bus(quiet.urls[bus], clock)
        wanted = other.read(*place, timeout_s=2).words
        good = 0
        for _ in range(12):
            time.sleep(0.05)
            try:
                assert ours.read(*place, timeout_s=0.4).words == wanted
            except DriverError:
                continue
            good += 1
        noticed = ours.stats.foreign + ours.stats.collisions
        ours.close()
        other.close()
    assert good >= 4
    assert noticed > 0, "and it notices the other one"
