"""Rows 46 to 48: a second master, an adapter that is unplugged, a TCP peer that drips or floods."""

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.link.port import PIECES_S_MAX
from drivers.poll.timeout import TIMEOUT_SHARED_MAX_S
from drivers.reading import Reading
from tests.drivers.scripted_meter import Asked, ScriptedMeter, answer, crc, on_pty, on_tcp, words
from tests.faults.line import Line
from tests.faults.meters import Meters, plant, served, wrong_words


def wrong(readings: list[Reading]) -> int:
    """Blocks that hold other words than those of their registers."""
    units = {"m1": 1, "m2": 2}
    return sum(
        block.words != words(Asked(units[one.meter], block.function, block.address, len(block.words) // 2))
        for one in readings
        for block in one.blocks
    )


def close(line: Line, meters: Meters) -> None:
    line.witness.rejections += len(meters.bad)
    line.deliver()
    line.gateway.passed_s += 1
    line.check()


def test_46_a_second_master_is_counted_and_makes_no_wrong_value(tmp_path: Path) -> None:
    dice = random.Random(46)

    def request(asked: Asked) -> bytes:
        body = bytes((asked.unit_id, asked.function)) + asked.address.to_bytes(2) + asked.count.to_bytes(2)
        return body + crc(body)

    def script(asked: Asked, device: ScriptedMeter) -> None:
        """It asks one in four times, before our answer or behind it, now and then for as many registers."""
        other = Asked(asked.unit_id, asked.function, 0x1122, asked.count + dice.choice((0, 1, 5)))
        intruder = request(other) + device.reply(other)
        first, second = (
            (intruder, device.reply(asked)) if dice.random() < 0.5 else (device.reply(asked), intruder)
        )
        device.send(first + second if dice.random() < 0.25 else device.reply(asked))

    with on_pty(script, "?baudrate=115200") as device, Line(tmp_path) as line:
        with Meters(line, device.url, late_max_s=0.3) as meters:
            meters.poll(lambda: len(meters.good) >= 40 and meters.bus.stats.collisions >= 5)
            assert wrong(meters.good) == 0
            assert meters.bus.stats.collisions >= 5
        close(line, meters)


def test_47_an_adapter_that_was_unplugged_is_found_again_by_its_id(tmp_path: Path) -> None:
    link = tmp_path / "usb-FTDI_FT232R_A50285BI-if00-port0"
    bus = f'link = "{link}"'
    with Line(tmp_path) as line:
        url = f"rtu:{link}?baudrate=115200"
        with Meters(line, url) as meters:
            with served(plant("pty", bus=bus)):
                meters.poll(lambda: len(meters.good) >= 6)
                first = link.readlink()
            assert not link.is_symlink()
            meters.poll(lambda: any("bus down" in one.reason for one in meters.bad))
            seen = len(meters.readings)
            with served(plant("pty")), served(made := plant("pty", bus=bus)):
                assert link.readlink() != first, "another number, the same id"
                meters.poll(lambda: len(meters.of("m1", seen)) >= 3 and len(meters.of("m2", seen)) >= 3)
                assert meters.bus.stats.reopened >= 1
                assert wrong_words(meters.good, made) == []
        close(line, meters)


def drip(asked: Asked, device: ScriptedMeter) -> None:
    """A byte now and then, for ever within the time-out between two."""
    for at, byte in enumerate(device.reply(asked)):
        device.send(bytes((byte,)), 0.1 * at)


def flood(asked: Asked, device: ScriptedMeter) -> None:
    del asked
    device.send(bytes(range(256)) * 40)


def endless_header(asked: Asked, device: ScriptedMeter) -> None:
    """A frame of TCP that is always about to come."""
    device.send(asked.transaction_id.to_bytes(2) + b"\0\0\0\xfd")


@pytest.mark.parametrize("attack", [drip, flood, endless_header])
def test_48_a_tcp_peer_that_drips_or_floods_costs_one_deadline_a_request(
    tmp_path: Path, attack: object
) -> None:
    attacking = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if attacking:
            attack(asked, device)  # type: ignore[operator]
        else:
            answer(asked, device)

    with on_tcp(script) as device, Line(tmp_path) as line, Meters(line, device.url) as meters:
        turns = []
        meters.poll(lambda: not turns.append(time.monotonic()) and len(meters.bad) >= 2)  # type: ignore[func-returns-value]
        longest_s = max(b - a for a, b in pairwise(turns))
        turn_s = 2 * (TIMEOUT_SHARED_MAX_S + PIECES_S_MAX)
        assert longest_s < turn_s + 2.0, "a time-out and the longest answer for each meter"
        assert not meters.good
        attacking.clear()
        line.witness.healed_at_s = time.monotonic()
        meters.poll(lambda: len(meters.of("m1")) >= 3 and len(meters.of("m2")) >= 3)
        line.witness.recovered_at_s = time.monotonic()
        assert wrong(meters.good) == 0
        close(line, meters)
