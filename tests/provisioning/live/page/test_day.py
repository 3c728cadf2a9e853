"""A day of records: what is drawn of them, and what is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import ClockState, Stamp
from drivers.points import model as models
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import Kind, encode_reading, encode_record
from evidence.seal import BOOT_ID_BYTES, HASH_BYTES, SealHeader
from provisioning.live.page.day import (
    COLUMN_S,
    COLUMNS,
    DAY_S,
    EPISODES_MAX,
    STEP_S,
    Day,
    begin_of_day,
    power_of,
)
from tests.evidence.records import EPISODE

BEGIN_S = 1_772_380_800
MODEL = models.load("eastron-sdm630")
SETUPS = {name: MeterSetup(name, MODEL, unit_id=unit) for unit, name in enumerate(("a", "b"), 1)}


def day(lines: dict[str, str]) -> Day:
    return Day(BEGIN_S, SETUPS, lines)


def header(number: int, second: float) -> SealHeader:
    zeros = bytes(HASH_BYTES)
    utc_ms = round((BEGIN_S + second) * 1000)
    clock = ClockState.SYNCHRONISED
    return SealHeader("g1", number, number, 1, zeros, zeros, zeros, utc_ms, 0, bytes(BOOT_ID_BYTES), clock)


def stamp(second: float) -> Stamp:
    return Stamp(round((BEGIN_S + second) * 1e9), 0, bytes(BOOT_ID_BYTES), ClockState.SYNCHRONISED)


def reading(meter: str, second: float, watts: float, **other: object) -> bytes:
    registers = MODEL.encode({"active_power": watts}, 1.0, 1.0)
    words = b"".join(word for _, word in sorted(registers.items()))
    block = Block(4, min(address for _, address in registers), words)
    parts = {"group": PollGroup.FAST, "model_hash": MODEL.hash, "blocks": (block,), **other}
    return encode_reading(Reading(meter, stamp=stamp(second), **parts))  # type: ignore[arg-type]


def known(one: Day, line: str) -> list[int]:
    return (
        [at for at, watts in enumerate(one.loads[line].high) if watts is not None]
        if line in one.loads
        else []
    )


def test_a_line_of_two_meters_is_their_sum_and_unknown_while_one_is_silent() -> None:
    one = day({"a": "p1", "b": "p1"})
    one.take(header(1, 0), [reading("a", 0, 1000), reading("b", 1, 500)])
    one.take(header(2, 1000), [reading("a", 1000, 2000)])
    assert known(one, "p1") == [0]
    assert one.loads["p1"].high[0] == pytest.approx(1500, abs=2)


@pytest.mark.parametrize(
    "raw",
    [
        reading("a", 10, 1000, quality=Quality.BAD, blocks=(), reason="no answer"),
        reading("a", 10, 1000, group=PollGroup.SLOW),
        reading("a", 10, 1000, model_hash=bytes(32)),
        reading("stranger", 10, 1000),
        reading("b", 10, 1000),
        reading("a", DAY_S, 1000),
        reading("a", -1, 1000),
    ],
    ids=["bad", "slow", "another model", "unknown meter", "no line", "tomorrow", "yesterday"],
)
def test_what_is_no_power_of_the_day_is_not_drawn(raw: bytes) -> None:
    one = day({"a": "p1"})
    one.take(header(1, 10), [raw])
    assert known(one, "p1") == []
    assert one.unread == 0


def test_what_is_no_record_is_counted_and_the_rest_is_taken() -> None:
    one = day({"a": "p1"})
    one.take(header(1, 10), [b"\x8b\x01", b"", b"\xff" * 30, reading("a", 10, 1000)])
    assert known(one, "p1") == [0]
    assert one.unread == 1, "the first one calls itself a reading"


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_whatever_is_sealed_a_day_takes_it(records: list[bytes]) -> None:
    one = day({"a": "p1"})
    one.take(header(1, 10), records)
    assert one.last == 1


def test_of_seals_in_close_order_some_are_drawn_and_no_rhythm_is_missed() -> None:
    """Meter b speaks in every third seal only, in step with what is drawn."""
    one = day({"a": "p1", "b": "t1"})
    for number in range(1, 2000):
        second = number * STEP_S / 3
        records = [reading("a", second, 1000)]
        one.take(
            header(number, second), [*records, reading("b", second, 500)] if number % 3 == 2 else records
        )
    columns = int(2000 * STEP_S / 3 / COLUMN_S)
    assert len(known(one, "p1")) == columns + 1
    assert len(known(one, "t1")) > 0.8 * columns


def test_an_episode_is_drawn_whichever_seal_tells_it() -> None:
    one = day({"a": "p1"})
    for number in range(1, 50):
        body = {**EPISODE, "id": f"e{number % 5}", "state": str(number)}
        one.take(header(number, number), [encode_record(Kind.EPISODE, stamp(number), body)])
    assert {id_: body["state"] for id_, body in one.episodes.items()} == {
        "e0": "45", "e1": "46", "e2": "47", "e3": "48", "e4": "49",
    }  # fmt: skip


def test_of_very_many_episodes_the_newest_are_kept() -> None:
    one = day({})
    for number in range(EPISODES_MAX + 10):
        one.take(
            header(number + 1, number),
            [encode_record(Kind.EPISODE, stamp(number), {**EPISODE, "id": str(number)})],
        )
    assert next(iter(one.episodes)) == "10"
    assert len(one.episodes) == EPISODES_MAX


def test_the_newest_heartbeat_is_kept() -> None:
    one = day({})
    for number in (1, 2):
        one.take(header(number, number), [encode_record(Kind.HEARTBEAT, stamp(number), {"backlog": number})])
    assert one.beat is not None
    assert (one.beat.at_s, one.beat.body["backlog"]) == (BEGIN_S + 2, 2)


@given(st.floats(0, 4e9), st.sampled_from([-43_200, 0, 19_800, 28_800, 50_400]))
def test_midnight_is_at_most_a_day_ago_and_midnight_there(at_s: float, offset_s: int) -> None:
    begin_s = begin_of_day(at_s, offset_s)
    assert 0 <= at_s - begin_s < DAY_S
    assert (begin_s + offset_s) % DAY_S == 0


@given(st.floats(0, DAY_S, exclude_max=True))
def test_every_moment_of_the_day_has_a_column(second: float) -> None:
    assert 0 <= min(int(second / COLUMN_S), COLUMNS - 1) < COLUMNS


def test_a_model_with_its_power_alone_says_the_same_power() -> None:
    for name in models.names():
        model = models.load(name)
        if model.is_analyser or not any(point.name == "active_power" for point in model.points):
            continue
        registers = model.encode({"active_power": 1234.0}, 10.0, 1.0)
        blocks = [Block(function, address, raw) for (function, address), raw in registers.items()]
        merged = _runs(blocks)
        expected = model.decode(merged, 10.0, 1.0)["active_power"]
        assert power_of(model).decode(merged, 10.0, 1.0) == {"active_power": expected}, name


def _runs(blocks: list[Block]) -> list[Block]:
    """Registers that follow each other as one answer."""
    runs: list[Block] = []
    for block in sorted(blocks, key=lambda one: (one.function, one.address)):
        if runs and runs[-1].function == block.function and block.function < 17:
            last = runs[-1]
            if last.address + len(last.words) // 2 == block.address:
                runs[-1] = Block(last.function, last.address, last.words + block.words)
                continue
        runs.append(block)
    return runs
