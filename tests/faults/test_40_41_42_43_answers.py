"""Rows 40 to 43: answers that are late, do not fit, are damaged, or are refusals."""

from pathlib import Path
from typing import Any

import pytest

from drivers.reading import Quality
from evidence.record import Kind, ReadingRecord
from tests.faults.line import Line
from tests.faults.meters import FAST_S, Meters, plant, served, wrong_words

KINDS = ("pty", "rtu+tcp", "tcp")
SERIAL = ("pty", "rtu+tcp")
READINGS_LONG = 250
"""Each third of which came late, beyond a time-out: some minutes."""
LONG_S_MAX = 1_200.0


def fault(what: str, share: float, place: str = 'bus = "b1"', **more: Any) -> str:
    keys = {"share": share, **more}
    return f'[[fault]]\nwhat = "{what}"\n{place}\n' + "".join(
        f"{key} = {value}\n" for key, value in keys.items()
    )


def close(line: Line, meters: Meters) -> None:
    """All readings are in the chain as they came; then the invariants."""
    line.deliver()
    line.witness.rejections += len(meters.bad)
    line.gateway.passed_s += 1
    line.check()
    recorded = [one for one in line.gateway.records(Kind.READING) if isinstance(one, ReadingRecord)]
    assert len(recorded) >= len(meters.readings)
    assert sum(one.quality is Quality.BAD for one in recorded) == len(meters.bad)
    assert all(not one.blocks for one in recorded if one.quality is Quality.BAD)


@pytest.mark.parametrize("kind", KINDS)
def test_40_with_30_percent_late_answers_no_value_is_wrong(tmp_path: Path, kind: str) -> None:
    """Late beyond the shortest time-out, by up to several requests."""
    made = plant(kind, fault("late", 0.3, delay_s=0.15, delay_max_s=0.5))
    with served(made) as url, Line(tmp_path) as line, Meters(line, url, late_max_s=0.6) as meters:
        # Over TCP a late answer is the reading that is waited for; on a serial bus it is distrusted.
        meters.poll(lambda: len(meters.readings) >= 36 and (kind != "pty" or bool(meters.bad)))
        assert wrong_words(meters.good, made) == []
        assert len(meters.good) >= (12 if kind == "pty" else 30)
        assert kind != "pty" or meters.bus.stats.late > 0
        close(line, meters)


@pytest.mark.minutes
@pytest.mark.parametrize("kind", KINDS)
def test_40_for_minutes_with_the_ledger_of_the_product(tmp_path: Path, kind: str) -> None:
    made = plant(kind, fault("late", 0.3, delay_s=0.15, delay_max_s=5.0))
    with served(made) as url, Line(tmp_path) as line, Meters(line, url, late_max_s=10.0) as meters:
        meters.poll(lambda: len(meters.readings) >= READINGS_LONG, within_s=LONG_S_MAX)
        assert wrong_words(meters.good, made) == []
        print(f"row 40, {kind}: {len(meters.good)} of {len(meters.readings)} good, {meters.bus.stats}")  # noqa: T201
        close(line, meters)


@pytest.mark.parametrize("kind", ["pty", "tcp"])
@pytest.mark.parametrize("what", ["wrong_count", "wrong_function", "wrong_unit", "odd_bytes"])
def test_41_an_answer_that_does_not_fit_is_rejected_and_its_quality_bad(
    tmp_path: Path, kind: str, what: str
) -> None:
    made = plant(kind, fault(what, 0.3))
    with served(made) as url, Line(tmp_path) as line, Meters(line, url, late_max_s=0.3) as meters:
        meters.poll(lambda: len(meters.bad) >= 2 and len(meters.good) >= 6)
        assert wrong_words(meters.good, made) == []
        assert all(one.reason and not one.blocks for one in meters.bad)
        close(line, meters)


@pytest.mark.parametrize("kind", SERIAL)
@pytest.mark.parametrize("what", ["crc_noise", "babble"])
def test_42_beside_a_meter_that_makes_noise_the_other_is_still_polled(
    tmp_path: Path, kind: str, what: str
) -> None:
    made = plant(kind, fault(what, 1.0, 'meter = "m2"'))
    with served(made) as url, Line(tmp_path) as line, Meters(line, url, late_max_s=0.3) as meters:
        meters.poll(lambda: len(meters.bad) >= 2 and len(meters.of("m1")) >= 15)
        assert wrong_words(meters.good, made) == []
        babbled = [one for one in meters.readings if one.meter == "m2"]
        assert len(babbled) < len(meters.of("m1")), "it rests, and the other keeps its rate"
        close(line, meters)


@pytest.mark.parametrize("code", [*range(1, 12), 255])
def test_43_an_exception_is_recorded_and_asked_for_more_and_more_rarely(tmp_path: Path, code: int) -> None:
    made = plant("tcp", fault("exception", 1.0, 'meter = "m2"', code=code))
    with served(made) as url, Line(tmp_path) as line, Meters(line, url) as meters:
        took_s = meters.poll(lambda: len(meters.of("m1")) >= 12)
        refused = [one for one in meters.bad if one.meter == "m2"]
        assert refused
        assert {one.reason for one in refused} == {f"exception {code}"}
        assert len([one for one in refused if one.group.value == "fast"]) < max(took_s / FAST_S / 2, 4)
        assert wrong_words(meters.good, made) == []
        close(line, meters)
        assert ("m2", False) in [(body["meter"], body["good"]) for body in line.gateway.find_events("meter")]
