"""Rows 16 and 18 to 22: a clock that is in 1970, is set, drifts, has a leap second or reaches 2038.

The order of everything is that of the numbers, and episodes are dated by the time since boot: see
`agent.judging.detector_feed` for what dates a boot.
"""

from pathlib import Path
from typing import Any

import pytest

from drivers.clock import ClockState
from evidence.record import Kind
from evidence.seal import peek_header
from tests.faults.gateway_end import BEGIN_S
from tests.faults.line import Line

ON = {"m1": 30_000.0, "m2": 12_000.0}
OFF = {"m1": 30_000.0, "m2": 0.0}
MINUTE_S = 60.0
HOUR_S = 3_600
TEN_YEARS_S = 315_576_000
STEP_S = 10.0
SECOND_BOOT = b"second boot....."
YEAR_2099_S = 4_070_908_800


def violations(line: Line) -> list[dict[str, Any]]:
    """What was raised about treatment, in the order of the chain; before commissioning it is a notice."""
    return [
        body
        for body in line.gateway.bodies(Kind.EPISODE)
        if body["rule"] in {"off", "late_start"} and body["state"] == "raised"
    ]


def off_for_a_while(line: Line) -> float:
    """Treatment is off; when it began, in seconds since boot."""
    begin_s = line.gateway.passed_s
    line.gateway.pass_time(400, OFF, STEP_S)
    line.gateway.pass_time(600, ON, STEP_S)
    return begin_s


def synchronise(line: Line) -> None:
    """NTP has found the time."""
    line.gateway.ahead_s, line.gateway.clock_state = BEGIN_S, ClockState.SYNCHRONISED


@pytest.mark.parametrize(
    ("boot_s", "killed"), [(0.0, False), (float(YEAR_2099_S), True)], ids=["1970", "2099, killed in between"]
)
def test_16_a_boot_at_an_absurd_time_seals_and_is_dated_rightly_once_the_clock_is(
    tmp_path: Path,
    boot_s: float,
    killed: bool,
) -> None:
    with Line(tmp_path, interval_s=MINUTE_S, ahead_s=boot_s, clock_state=ClockState.UNSYNCHRONISED) as line:
        line.centre_utc_ms = lambda: int((BEGIN_S + line.gateway.passed_s) * 1000)
        line.gateway.pass_time(600, ON, STEP_S)
        first_s = off_for_a_while(line)
        line.deliver()
        states = {peek_header(row.cose).clock_state for row in line.gateway.gateway.sealing.store.rows(1)}
        assert states == {ClockState.UNSYNCHRONISED}
        synchronise(line)
        line.gateway.pass_time(600, ON, STEP_S)
        if killed:
            line.next_life()
            line.gateway.pass_time(60, ON, STEP_S)
        second_s = off_for_a_while(line)
        line.gateway.pass_time(60, ON, STEP_S)
        early, late = violations(line)
        assert late["begin_at_s"] == pytest.approx(BEGIN_S + second_s, abs=30)
        (clock,) = line.gateway.bodies(Kind.CLOCK)
        put_right_s = (clock["offset_ms"] - clock["was_offset_ms"]) / 1000
        assert early["begin_at_s"] + put_right_s == pytest.approx(BEGIN_S + first_s, abs=30)
        rules = {body["rule"] for body in line.gateway.bodies(Kind.EPISODE)}
        assert rules == {"off"}, "setting the clock is no loss of data"
        line.deliver()
        assert line.centre.findings("clock_state"), "the centre is told that nobody had set the clock"
        line.check()


def test_16_the_next_boot_does_not_inherit_an_absurd_time(tmp_path: Path) -> None:
    with Line(
        tmp_path, interval_s=MINUTE_S, ahead_s=float(YEAR_2099_S), clock_state=ClockState.UNSYNCHRONISED
    ) as line:
        line.gateway.pass_time(600, ON, STEP_S)
        synchronise(line)
        line.gateway.pass_time(400, ON, STEP_S)
        passed_s = line.gateway.passed_s
        line.next_life(boot_id=SECOND_BOOT, passed_s=1.0, ahead_s=0.0, clock_state=ClockState.UNSYNCHRONISED)
        line.gateway.pass_time(600, ON, STEP_S)
        begin_s = off_for_a_while(line)
        (body,) = violations(line)
        assert body["begin_at_s"] == pytest.approx(BEGIN_S + passed_s + begin_s, abs=60)
        line.check()


@pytest.mark.parametrize(
    ("row", "step_s"),
    [(18, HOUR_S), (19, -HOUR_S), (18, TEN_YEARS_S), (19, -TEN_YEARS_S)],
    ids=["18 on", "19 back", "18 ten years on", "19 ten years back"],
)
def test_18_19_a_step_is_on_record_and_changes_no_order_and_no_episode(
    tmp_path: Path, row: int, step_s: int
) -> None:
    del row
    with Line(tmp_path, interval_s=MINUTE_S) as line:
        line.gateway.pass_time(600, ON, STEP_S)
        line.gateway.ahead_s += step_s
        begin_s = off_for_a_while(line)
        (clock,) = line.gateway.bodies(Kind.CLOCK)
        assert clock == {"step_ms": step_s * 1000, "state": "synchronised"}
        (body,) = violations(line)
        assert body["begin_at_s"] == pytest.approx(BEGIN_S + begin_s, abs=30)
        line.deliver()
        assert line.centre.findings("clock_step")
        line.check()


def test_18_19_a_clock_that_goes_forth_and_back_by_ten_years_is_on_record_each_time(tmp_path: Path) -> None:
    with Line(tmp_path, interval_s=MINUTE_S) as line:
        line.gateway.pass_time(300, ON, STEP_S)
        for step_s in (TEN_YEARS_S, -2 * TEN_YEARS_S, TEN_YEARS_S):
            line.gateway.ahead_s += step_s
            line.gateway.pass_time(300, ON, STEP_S)
        steps = [body["step_ms"] for body in line.gateway.bodies(Kind.CLOCK)]
        assert steps == [step_s * 1000 for step_s in (TEN_YEARS_S, -2 * TEN_YEARS_S, TEN_YEARS_S)]
        line.deliver()
        assert len(line.centre.findings("clock_step")) == len(steps)
        line.check()


@pytest.mark.parametrize("ppm", [500, -500])
def test_20_a_drift_of_500_ppm_is_no_step(tmp_path: Path, ppm: int) -> None:
    with Line(tmp_path, interval_s=MINUTE_S) as line:
        for _ in range(120):
            line.gateway.ahead_s += MINUTE_S * ppm * 1e-6
            line.gateway.seal()
        assert abs(line.gateway.ahead_s - BEGIN_S) > 3, "more than any step that is told"
        line.deliver()
        assert not line.gateway.bodies(Kind.CLOCK)
        assert not line.centre.findings("clock_step")
        line.check()


def test_20_many_small_steps_are_no_drift(tmp_path: Path) -> None:
    with Line(tmp_path) as line:
        for _ in range(6):
            line.gateway.ahead_s -= 1.5
            line.gateway.seal()
        line.deliver()
        assert sum(body["step_ms"] for body in line.gateway.bodies(Kind.CLOCK)) == pytest.approx(
            -9_000, abs=100
        )
        line.check()


def test_21_a_leap_second_breaks_nothing(tmp_path: Path) -> None:
    """2016-12-31 23:59:60: the kernel counts one second twice."""
    new_year_s = 1_483_228_800
    with Line(tmp_path, interval_s=MINUTE_S, ahead_s=new_year_s - 605.0) as line:
        line.gateway.pass_time(600, ON, STEP_S)
        line.gateway.gateway.sealing.interval_s = line.gateway.interval_s = 1.0
        for _ in range(10):
            line.gateway.seal()
            if line.gateway.passed_s == 605.0:
                line.gateway.ahead_s -= 1.0
        line.gateway.gateway.sealing.interval_s = MINUTE_S
        off_for_a_while(line)
        line.deliver()
        assert not line.gateway.bodies(Kind.CLOCK)
        assert not line.centre.findings("clock_step")
        assert len(violations(line)) == 1
        line.check()


@pytest.mark.parametrize("end_s", [1 << 31, 1 << 32], ids=["2038", "2106"])
def test_22_the_end_of_a_32_bit_clock_breaks_nothing(tmp_path: Path, end_s: int) -> None:
    begin_s = end_s - 700.0
    with Line(tmp_path, interval_s=MINUTE_S, ahead_s=begin_s) as line:
        line.gateway.pass_time(600, ON, STEP_S)
        off_s = off_for_a_while(line)
        line.next_life()
        line.gateway.pass_time(60, ON, STEP_S)
        line.deliver()
        (body,) = violations(line)
        assert body["begin_at_s"] == pytest.approx(begin_s + off_s, abs=30)
        assert body["raised_at_s"] > end_s - 100
        assert not line.gateway.find_events("detector failed")
        assert {one["code"] for one in line.centre.findings()} <= {"boot", "clock_state"}
        line.check()


@pytest.mark.parametrize(
    ("began", "wrong_s", "then"),
    [
        (ClockState.UNSYNCHRONISED, -30.0, ClockState.SYNCHRONISED),
        (ClockState.SYNCHRONISED, -HOUR_S, ClockState.UNSYNCHRONISED),
        (ClockState.UNSYNCHRONISED, -HOUR_S, ClockState.UNSYNCHRONISED),
    ],
    ids=["half a minute off", "synchronised from the begin", "never synchronised"],
)
def test_16_nothing_else_dates_a_boot_anew(
    tmp_path: Path, began: ClockState, wrong_s: float, then: ClockState
) -> None:
    with Line(tmp_path, ahead_s=BEGIN_S + wrong_s, clock_state=began) as line:
        line.seal(2)
        line.gateway.ahead_s, line.gateway.clock_state = BEGIN_S, then
        line.seal(2)
        line.gateway.ahead_s, line.gateway.clock_state = BEGIN_S + wrong_s, began
        line.seal(2)
        line.deliver()
        steps = line.gateway.bodies(Kind.CLOCK)
        assert [body["step_ms"] for body in steps] == [-1000 * wrong_s, 1000 * wrong_s]
        assert all("offset_ms" not in body for body in steps)
        line.check()
