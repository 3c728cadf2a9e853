"""Meters that lack registers, take few of them or need a pause, over TCP, RTU over TCP and a pty."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest

from drivers.clock import SystemClock
from drivers.points.model import load
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.poll.patience import poll_patiently
from drivers.reading import PollGroup, Quality, Reading
from tests.drivers.scripted_meter import Asked, Script, ScriptedMeter, on_pty, on_tcp, words

SDM630 = load("eastron-sdm630")
FAST = PollGroup.FAST
DOORS = {"tcp": on_tcp, "rtu over tcp": partial(on_tcp, rtu=True), "pty": on_pty}


def has(asked: Asked, first: int, count: int = 2) -> bool:
    return asked.address < first + count and first < asked.address + asked.count


def refusing(code: int, most: int = 125) -> Script:
    """Without its power factor; longer reads than `most` are refused with 3."""

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if asked.count > most:
            device.send(device.refusal(asked, 3))
        elif asked.function == 4 and has(asked, 0x3E):
            device.send(device.refusal(asked, code))
        else:
            device.send(device.reply(asked))

    return script


def silent_over_a_gap(asked: Asked, device: ScriptedMeter) -> None:
    if asked.function != 4 or not has(asked, 0x20, 1):
        device.send(device.reply(asked))


def deaf_for(seconds: float) -> Script:
    heard_s = [0.0]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if time.monotonic() - heard_s[0] >= seconds:
            heard_s[0] = time.monotonic()
            device.send(device.reply(asked))

    return script


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> Iterator[object]:
    return DOORS[request.param]  # type: ignore[return-value]


def read(script: Script, door: object, polls: int, unit_id: int = 1) -> tuple[Meter, list[Reading]]:
    """So many polls of the fast group; every word is compared."""
    opened: AbstractContextManager[ScriptedMeter] = door(script)  # type: ignore[operator]
    with opened as device:
        bus, clock = open_bus(device.url, SystemClock()), SystemClock()
        meter = Meter(MeterSetup("m", SDM630, unit_id), bus.gap_registers_max)
        readings = [poll_patiently(meter, bus, FAST, clock) for _ in range(polls)]
        bus.close()
    for reading in readings:
        for block in reading.blocks:
            assert block.words == words(Asked(unit_id, block.function, block.address, len(block.words) // 2))
    return meter, readings


@pytest.mark.parametrize("code", [2])
def test_a_refused_register_costs_only_itself(door: object, code: int) -> None:
    meter, readings = read(refusing(code), door, 2)
    assert all(one.quality is Quality.GOOD for one in readings)
    assert meter.left_out == {"power_factor": f"exception {code}"}


@pytest.mark.minutes
def test_a_meter_of_small_blocks_without_a_register_is_read(door: object) -> None:
    meter, readings = read(refusing(2, most=16), door, 4)
    assert readings[-1].quality is Quality.GOOD
    assert meter.left_out == {"power_factor": "exception 2"}
    assert max(len(block.words) // 2 for block in readings[-1].blocks) <= 16


@pytest.mark.minutes
def test_a_meter_that_is_silent_over_a_gap_is_read(door: object) -> None:
    meter, readings = read(silent_over_a_gap, door, 3)
    assert readings[-1].quality is Quality.GOOD
    assert any(block.address == 0x34 for block in readings[-1].blocks)
    assert meter.left_out == {}


@pytest.mark.parametrize("unit_id", [0, 255])
def test_the_device_itself_is_read_over_tcp(unit_id: int) -> None:
    _, readings = read(refusing(2), on_tcp, 1, unit_id)
    assert readings[0].quality is Quality.GOOD


@pytest.mark.minutes
@pytest.mark.parametrize("deaf_s", [0.1, 0.35, 0.6])
def test_a_meter_that_is_deaf_for_a_while_is_read_in_rows(door: object, deaf_s: float) -> None:
    opened: AbstractContextManager[ScriptedMeter] = door(deaf_for(deaf_s))  # type: ignore[operator]
    with opened as device:
        bus, clock = open_bus(device.url, SystemClock()), SystemClock()
        model = load("abb-b23")
        meter = Meter(MeterSetup("m", model, 1), bus.gap_registers_max)
        for _ in range(3):
            assert poll_patiently(meter, bus, FAST, clock).quality is Quality.GOOD
        bus.close()


@pytest.mark.minutes
def test_a_meter_that_takes_longer_than_a_second_is_read_within_three_polls(door: object) -> None:
    def slow(asked: Asked, device: ScriptedMeter) -> None:
        device.send(device.reply(asked), 1.2)

    meter, readings = read(slow, door, 1)
    assert readings[0].quality is Quality.GOOD
    assert meter.timeout_s >= 1.2
