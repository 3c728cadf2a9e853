"""What a meter says of itself and of its counters: a table of changes, and the memory over a restart."""

import math
import struct
from typing import Any

import cbor2
import pytest
from attrs import evolve

from agent.tamper.settings import Tamper, remembered_values
from drivers.clock import ClockState, Stamp
from drivers.points import model as models
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading

SETUP = MeterSetup("m1", models.load("eastron-sdm630"), 1, ct_ratio=40.0)
READS = 4
POLL_S = 200.0
STAMP = Stamp(0, 0, bytes(16), ClockState.SYNCHRONISED)


def reading(group: PollGroup, *blocks: Block, quality: Quality = Quality.GOOD) -> Reading:
    return Reading("m1", group, STAMP, SETUP.model.hash, blocks, quality)


def counter(kwh: float) -> Reading:
    return reading(PollGroup.SLOW, Block(4, 0x48, struct.pack(">f", kwh)))


def serial(number: int) -> Reading:
    return reading(PollGroup.IDENTITY, Block(3, 0xFC00, struct.pack(">I", number)))


def said(*readings: Reading, tamper: Tamper | None = None) -> list[dict[str, Any]]:
    """What is told when each of them is what the meter answers for ten minutes."""
    tamper = Tamper({"m1": SETUP}) if tamper is None else tamper
    told: list[dict[str, Any]] = []
    for number, one in enumerate(reading for reading in readings for _ in range(READS)):
        stamp = evolve(STAMP, boottime_ns=int((number + 1) * POLL_S * 1e9))
        told += tamper.look(evolve(one, stamp=stamp))
    return told


@pytest.mark.parametrize(
    ("readings", "whats"),
    [
        ((counter(100.0), counter(100.0), counter(101.5)), []),
        ((counter(100.0), counter(99.5)), ["counter backwards"]),
        ((counter(100.0), counter(0.0)), ["counter backwards"]),
        ((counter(99.0), counter(98.0), counter(97.0)), ["counter backwards"] * 2),
        ((counter(999_999.9), counter(0.3)), ["counter wrapped"]),
        ((counter(500_000.0), counter(0.3)), ["counter backwards"]),
        ((counter(999_999.9), counter(900_000.0)), ["counter backwards"]),
        ((counter(100.0), counter(math.nan), counter(math.nan), counter(101.0)), ["unreadable", "readable"]),
        ((counter(100.0), counter(math.nan), counter(50.0)), ["unreadable", "readable", "counter backwards"]),
        ((counter(math.nan), counter(math.inf)), []),
        ((serial(7), serial(7)), []),
        ((serial(7), serial(8)), ["meter swapped"]),
        ((serial(7), counter(9.0), serial(8), counter(3.0)), ["meter swapped"]),
        ((serial(7), serial(8), counter(3.0), counter(2.0)), ["meter swapped", "counter backwards"]),
        ((counter(99.9), counter(0.1)), ["counter backwards"]),
        ((counter(100.0), reading(PollGroup.SLOW, quality=Quality.BAD), counter(101.0)), []),
    ],
)  # fmt: skip
def test_a_change_is_named_for_what_it_is(readings: tuple[Reading, ...], whats: list[str]) -> None:
    assert [found["what"] for found in said(*readings)] == whats


def test_a_finding_has_the_meter_the_point_and_both_values_without_ratios() -> None:
    assert said(serial(7), serial(8)) == [
        {"what": "meter swapped", "meter": "m1", "point": "serial_number", "was": 7, "now": 8}
    ]
    (found,) = said(counter(100.0), counter(50.0))
    assert (found["was"], found["now"]) == (100_000.0, 50_000.0)


def test_what_was_said_is_remembered_over_a_restart() -> None:
    first = Tamper({"m1": SETUP})
    assert not said(serial(7), counter(100.0), tamper=first)
    second = Tamper({"m1": SETUP})
    second.restore(first.state())
    assert [one["what"] for one in said(serial(8), counter(5.0), tamper=second)] == ["meter swapped"]
    assert second.news
    third = Tamper({"m1": SETUP})
    third.restore(second.state())
    assert remembered_values(second.state()) == {"m1": {"serial_number": 8, "active_energy_import": 5_000.0}}
    assert [one["what"] for one in said(serial(7), tamper=third)] == ["value returned"]


def test_what_the_version_before_has_kept_is_gone_on_with() -> None:
    old = {
        "m1": [SETUP.model.hash, {"serial_number": 7, "active_energy_import": 1e5}, ["active_energy_import"]]
    }
    tamper = Tamper({"m1": SETUP})
    tamper.restore(cbor2.dumps(old))
    assert [one["what"] for one in said(counter(101.0), serial(8), tamper=tamper)] == [
        "readable",
        "meter swapped",
    ]


def test_another_model_or_meter_begins_anew() -> None:
    tamper = Tamper({"m1": SETUP})
    said(serial(7), tamper=tamper)
    other = models.load("chint-dtsu666")
    tamper.setups = {"m1": MeterSetup("m1", other, 1)}
    assert not tamper.look(Reading("m1", PollGroup.IDENTITY, STAMP, other.hash, ()))
    tamper.setups = {}
    assert not said(serial(9), tamper=tamper)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80",
        b"\xa1\x61a\x01",
        b"\xa1\x61a\x83\x01\x02\x03",
        b"\xff",
        b"\xa1\x61a\x82\x41m\xa1\x61p\x01",
    ],
)
def test_a_memory_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a state of meters"):
        Tamper({}).restore(raw)
