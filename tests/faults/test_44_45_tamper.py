"""Rows 44 and 45: another meter under the same address; an energy counter that runs back, wraps or is NaN."""

import math
import struct
from pathlib import Path

import pytest

from agent.tamper import settling
from drivers.reading import PollGroup
from evidence.record import Kind, ReadingRecord
from firmware_sim.plant import Plant
from provisioning.demo.broker import find_free_port
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_pty
from tests.drivers.scripted_meter import words as numbered
from tests.faults.line import Line
from tests.faults.meters import Meters, plant, served

ENERGY = 0x48


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lasts is told in minutes (tests/agent/tamper); here a read is enough."""
    monkeypatch.setattr(settling, "SETTLE_S", 0.0)


def swapped(port: int, seed: int) -> Plant:
    return plant("tcp", bus=f"port = {port}", seed=seed)


@pytest.mark.parametrize("off", [False, True], ids=["while it runs", "while the gateway is off"])
def test_44_a_meter_that_was_swapped_is_told_with_both_serial_numbers(tmp_path: Path, *, off: bool) -> None:
    port = find_free_port()
    with Line(tmp_path) as line:
        with served(swapped(port, 7)) as url, Meters(line, url) as meters:
            meters.poll(lambda: sum(one.group is PollGroup.IDENTITY for one in meters.good) >= 4)
        line.gateway.parts.judging.checkpoints.save_checks()
        line.gateway.gateway.sealing.store.flush()  # the product saves every five minutes, and at its end
        assert not line.gateway.bodies(Kind.TAMPER)
        if off:
            line.next_life()
        with served(swapped(port, 8)) as url, Meters(line, url) as meters:
            meters.poll(lambda: sum(one.group is PollGroup.IDENTITY for one in meters.good) >= 4)
        line.deliver()
        line.gateway.passed_s += 1
        line.check()
        tampers = line.gateway.bodies(Kind.TAMPER)
        assert {(body["what"], body["meter"]) for body in tampers} >= {
            ("meter swapped", "m1"),
            ("meter swapped", "m2"),
        }
        first = next(body for body in tampers if body["what"] == "meter swapped")
        assert first["point"] == "serial_number"
        assert first["was"] != first["now"]
        assert any(one["type"] == "record" and one["kind"] == "tamper" for one in line.centre.lines)


@pytest.mark.parametrize(
    ("kwh", "whats"),
    [
        ((500.0, 501.0, 400.0), ["counter backwards"]),
        ((999_999.0, 0.5), ["counter wrapped"]),
        ((500.0, math.nan, 502.0), ["unreadable", "readable"]),
        ((500.0, 500.0, 501.0), []),
    ],
    ids=["backwards", "wrap", "NaN", "as it should"],
)
def test_45_an_energy_counter_that_misbehaves_is_flagged_and_its_words_are_kept(
    tmp_path: Path, kwh: tuple[float, ...], whats: list[str]
) -> None:
    now = list(kwh)
    served_words: set[bytes] = set()

    def script(asked: Asked, device: ScriptedMeter) -> None:
        data = bytearray(numbered(asked))
        at = 2 * (ENERGY - asked.address)
        if asked.function == 4 and 0 <= at <= len(data) - 4 and asked.unit_id == 1:
            data[at : at + 4] = struct.pack(">f", now[0])
            served_words.add(bytes(data[at : at + 4]))
        device.send(device.reply(asked, bytes(data)))

    def energies(meters: Meters) -> int:
        return sum(one.group is PollGroup.SLOW for one in meters.of("m1"))

    with on_pty(script, "?baudrate=115200") as device, Line(tmp_path) as line:
        with Meters(line, device.url) as meters:
            for value in kwh:
                now[0] = value
                seen = energies(meters)
                meters.poll(lambda seen=seen: energies(meters) >= seen + 2)  # type: ignore[misc]
        line.deliver()
        line.gateway.passed_s += 1
        line.check()
        tampers = [
            body
            for body in line.gateway.bodies(Kind.TAMPER)
            if body["point"] == "active_energy_import" and body["meter"] == "m1"
        ]
        assert [body["what"] for body in tampers] == whats
        raw = b"".join(
            block.words
            for one in line.gateway.records(Kind.READING)
            if isinstance(one, ReadingRecord)
            for block in one.blocks
        )
        assert all(words in raw for words in served_words), (
            "what the meter said is in the chain as it said it"
        )
