"""What was learned survives a restart, a damaged file only what was learned, and the chain is told."""

from pathlib import Path

import pytest

from agent.learned import LOOK_S, NAME, TELL_AT_ONCE_S, TELL_S, WRITE_S, Learning, read_learned, write_learned
from agent.sealing.source import NewRecord
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.points.model import load
from drivers.points.plan import Span
from drivers.poll.learned import LearnedBus, LearnedMeter, Missing
from drivers.poll.setup import MeterSetup
from evidence.record import Kind

SETUPS = {"m1": MeterSetup("m1", load("eastron-sdm630"), 1)}
NOTHING = {"b1": LearnedBus(meters={"m1": LearnedMeter("k", 0.05)})}
LACKING = {
    "b1": LearnedBus(
        meters={"m1": LearnedMeter("k", 0.05, missing=(Missing(Span(4, 0x3E, 2), "no answer"),))}
    )
}


def stamp(second: float) -> Stamp:
    nanoseconds = round(second * NS_PER_S)
    return Stamp(nanoseconds, nanoseconds, bytes(16), ClockState.SYNCHRONISED)


def run(learning: Learning, begin_s: float, end_s: float) -> list[tuple[float, NewRecord]]:
    told = []
    at_s = begin_s
    while at_s < end_s:
        told += [(at_s, record) for record in learning.due(stamp(at_s))]
        at_s += 10.0
    return told


def test_nothing_learned_is_not_told(tmp_path: Path) -> None:
    learning = Learning(tmp_path, SETUPS, lambda: NOTHING)
    assert list(learning.start(stamp(0))) == []
    assert run(learning, 0, 3 * TELL_S) == []
    assert not (tmp_path / NAME).exists()


def test_a_point_that_vanishes_is_told_within_a_minute_and_its_return_too(tmp_path: Path) -> None:
    now = [NOTHING]
    learning = Learning(tmp_path, SETUPS, lambda: now[0])
    list(learning.start(stamp(0)))
    now[0] = LACKING
    ((at_s, record),) = run(learning, 10, 600)
    assert at_s <= TELL_AT_ONCE_S + 10
    assert record.kind is Kind.MANIFEST
    assert record.body == {
        "learned": {
            "buses": {},
            "meters": {"m1": {"slowest_s": 0.05, "left_out": {"power_factor": "no answer"}}},
        }
    }
    now[0] = NOTHING
    assert len(run(learning, 600, 1200)) == 1
    assert read_learned(tmp_path) == NOTHING


def test_other_changes_are_told_once_an_hour(tmp_path: Path) -> None:
    number = [0]

    def changing() -> dict[str, LearnedBus]:
        number[0] += 1
        return {"b1": LearnedBus(meters={"m1": LearnedMeter("k", 0.05, registers_max=1 + number[0] % 100)})}

    learning = Learning(tmp_path, SETUPS, changing)
    assert len(list(learning.start(stamp(0)))) == 1
    assert len(run(learning, 0, 5 * TELL_S)) == 4
    assert (tmp_path / NAME).exists()


def test_what_is_known_at_the_start_is_told_there(tmp_path: Path) -> None:
    write_learned(tmp_path, LACKING)
    known = read_learned(tmp_path)
    assert known == LACKING
    (record,) = Learning(tmp_path, SETUPS, lambda: known).start(stamp(0))
    assert record.body["learned"]["meters"]["m1"]["left_out"] == {"power_factor": "no answer"}  # type: ignore[index,call-overload]


def test_what_is_known_is_looked_at_no_oftener_than_it_changes(tmp_path: Path) -> None:
    looks = [0]

    def count() -> dict[str, LearnedBus]:
        looks[0] += 1
        return NOTHING

    learning = Learning(tmp_path, SETUPS, count)
    list(learning.start(stamp(0)))
    for tick in range(1, 4 * 3600):
        assert list(learning.due(stamp(tick / 4))) == []
    assert looks[0] <= 3600 / LOOK_S


def test_at_the_end_even_the_speed_is_kept(tmp_path: Path) -> None:
    learning = Learning(tmp_path, SETUPS, lambda: NOTHING)
    list(learning.start(stamp(0)))
    run(learning, 0, 2 * WRITE_S)
    assert not (tmp_path / NAME).exists()
    learning.on_stop(1)
    assert read_learned(tmp_path) == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "buses": {}}',
        '{"version": 1, "buses": 7}',
        '{"version": 1, "buses": {"b": 1}}',
    ],
)
def test_a_damaged_file_is_set_at_naught_and_the_log_says_so(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).write_text(text)
    assert read_learned(tmp_path) == {}
    assert "learned anew" in caplog.text
