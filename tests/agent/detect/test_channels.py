"""What power factor, current and voltage add: a dummy heater, the cause of an off, idle or slow."""

import math
from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.channels import ABSENT, NO_CHANNELS, Cause, LineChannels, pack_channels
from agent.detect.detector import Detector
from agent.detect.episode import Episode, Severity
from agent.detect.params import LinkageParams
from tests.agent.detect.timeline import DT_S, T0_S, line, linkage

MOTOR = {"pf": 0.86, "current_a": 15.0, "voltage_v": 230.0}
Values = Mapping[str, float | None]


def electric(**more: object) -> LinkageParams:
    known = line("t1", pf_on=0.86, pf_heater=0.97, current_on_a=15.0, voltage_v=230.0)
    return evolve(linkage(), treatment=(evolve(known, **more),))


def detect(
    rows: list[tuple[float, int, int | None, Values]], params: LinkageParams | None = None
) -> list[Episode]:
    """Minutes, production, treatment and its other channels; what was raised."""
    detector, slot = Detector([params or electric()]), 0
    found: list[Episode] = []
    for minutes, u, t, values in rows:
        for _ in range(round(minutes * 60 / DT_S)):
            at = T0_S + slot * DT_S
            detector.sample("p1", at, u + slot % 5)
            detector.sample("t1", at, None if t is None else t + slot % 3, **values)
            found += detector.advance(at)
            slot += 1
    return found


@pytest.mark.parametrize(
    ("pf", "current_a", "voltage_v", "wanted"),
    [
        (None, None, None, NO_CHANNELS),
        (0.861, 15.0, 230.04, (861, 15_000, 2_300)),
        (-0.5, -1.0, None, (500, 1_000, ABSENT)),
        (1.01, None, None, (1_000, ABSENT, ABSENT)),
        (math.nan, math.inf, -math.inf, NO_CHANNELS),
        (7.0, 1e9, 1e9, NO_CHANNELS),
    ],
)
def test_channels_are_whole_numbers_and_nonsense_is_absent(
    pf: float | None, current_a: float | None, voltage_v: float | None, wanted: tuple[int, ...]
) -> None:
    assert pack_channels(pf, current_a, voltage_v) == wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"voltage_v": 0.4, "current_a": 0.0}, Cause.SUPPLY),
        ({"voltage_v": 231.0, "current_a": 0.0}, Cause.BREAKER_OR_CT),
        ({"voltage_v": 231.0, "current_a": 0.3}, Cause.STOPPED),
        ({"voltage_v": 231.0}, Cause.UNKNOWN),
        ({"current_a": 0.0}, Cause.UNKNOWN),
        ({}, Cause.UNKNOWN),
    ],
)
def test_an_off_names_the_cause_that_the_channels_show(values: Values, wanted: Cause) -> None:
    off = next(
        one for one in detect([(30, 10_000, 9_000, MOTOR), (20, 10_000, 0, values)]) if one.rule == "off"
    )
    assert off.numbers["cause"] == wanted
    assert off.severity is Severity.VIOLATION
    assert off.numbers["channels"].keys() == ({"t1"})
    assert ("breaker" in off.sentence["en"], "开关" in off.sentence["zh"]) == (
        wanted is Cause.BREAKER_OR_CT,
        wanted is Cause.BREAKER_OR_CT,
    )
    assert ("supply voltage is gone" in off.sentence["en"]) == (wanted is Cause.SUPPLY)


def test_channels_of_an_hour_ago_explain_nothing_now() -> None:
    gone = {"voltage_v": 0.0, "current_a": 0.0}
    rows = [(30, 10_000, 9_000, MOTOR), (1, 10_000, 9_000, gone), (60, 10_000, 9_000, {}), (9, 10_000, 0, {})]
    assert detect(rows)[-1].numbers["cause"] == Cause.UNKNOWN


@pytest.mark.parametrize(
    ("values", "watts", "wanted"),
    [
        ({"pf": 0.35}, 4_000, "idle"),  # 44 % of normal and the power factor of a motor without load
        ({"pf": 0.84}, 4_000, "underspeed"),  # the same power with its power factor kept: a slow drive
        ({"pf": 0.40}, 6_000, "idle"),
        ({}, 4_000, "idle"),  # by power alone: below half
        ({}, 6_000, "underspeed"),
    ],
)
def test_slow_and_idle_treatment_are_told_apart(values: Values, watts: int, wanted: str) -> None:
    params = electric() if values else linkage()
    motor = MOTOR if values else {}
    found = detect([(30, 10_000, 9_000, motor), (30, 10_000, watts, values)], params)
    assert [one.rule for one in found] == [wanted]
    assert found[0].severity is Severity.VIOLATION
    assert found[0].numbers["treatment_low_w"] == pytest.approx(watts, abs=5)
    assert found[0].numbers["speed_hz"] == pytest.approx(50 * (watts / 9_000) ** (1 / 3), abs=0.1)


def test_a_heater_in_place_of_a_motor_is_a_dummy_and_a_motor_again_clears_it() -> None:
    heater = {**MOTOR, "pf": 0.999}
    found = detect([(30, 10_000, 9_000, MOTOR), (30, 10_000, 9_000, heater), (30, 10_000, 9_000, MOTOR)])
    assert [(one.rule, one.state, one.severity) for one in found] == [
        ("dummy", "raised", "integrity"),
        ("dummy", "cleared", "integrity"),
    ]
    assert found[0].begin_at_s == T0_S + 1800
    assert found[0].raised_at_s - found[0].begin_at_s == 600
    assert "0.999" in found[0].sentence["en"]
    assert "电加热器" in found[0].sentence["zh"]


@pytest.mark.parametrize(
    ("heater", "watts", "minutes"),
    [(0.0, 9_000, 60), (0.97, 50, 60), (0.97, 9_000, 9)],
    ids=["not learned", "switched off", "too short"],
)
def test_no_dummy_where_it_is(heater: float, watts: int, minutes: int) -> None:
    rows = [(5, 100, watts, {"pf": 0.999})] * (minutes // 5) + [(4, 100, watts, {"pf": 0.999})]
    assert [
        one for one in detect(rows[: minutes // 5 + 0], electric(pf_heater=heater)) if one.rule == "dummy"
    ] == []


def test_a_dummy_ends_when_the_power_factor_is_absent() -> None:
    heater = {**MOTOR, "pf": 0.999}
    found = detect([(30, 10_000, 9_000, heater), (30, 10_000, 9_000, {})])
    assert [(one.rule, one.state) for one in found] == [("dummy", "raised"), ("dummy", "cleared")]


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(30, 10_000, 9_000, MOTOR), (20, 10_000, None, {})], Cause.METER),
        ([(30, 10_000, 9_000, MOTOR), (20, 10_000, 500_000, {})], Cause.REJECTED),
        (
            [
                (30, 10_000, 9_000, MOTOR),
                (1, 10_000, 0, {"voltage_v": 3.0, "current_a": 0.0}),
                (20, 10_000, None, {}),
            ],
            Cause.SUPPLY,
        ),
    ],
)
def test_a_loss_of_data_names_its_cause(
    rows: list[tuple[float, int, int | None, Values]], wanted: Cause
) -> None:
    lost = next(one for one in detect(rows) if one.rule == "data_loss")
    assert lost.numbers["cause"] == wanted
    assert lost.severity is Severity.DATA


def test_a_loss_of_everything_is_the_sites() -> None:
    detector = Detector([linkage()])
    for slot in range(60):
        for name in ("p1", "t1"):
            detector.sample(name, T0_S + slot * DT_S, 9_000 + slot % 7)
    found = detector.advance(T0_S + 1_800)
    assert {one.numbers["cause"] for one in found} == {Cause.SITE}
    assert all("no line answers" in one.sentence["en"] for one in found)


def test_without_other_channels_no_cause_is_named() -> None:
    off = next(one for one in detect([(30, 10_000, 9_000, {}), (20, 10_000, 0, {})]) if one.rule == "off")
    assert off.numbers["cause"] == Cause.UNKNOWN
    assert off.numbers["channels"] == {}
    assert "samples present. Plant:" in off.sentence["en"]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(), st.floats(0, 1)),
            st.one_of(st.none(), st.floats(), st.floats(0, 100)),
            st.one_of(st.none(), st.floats(), st.floats(0, 250)),
            st.integers(-10, 12_000),
        ),
        max_size=80,
    ),
    st.integers(0, 80),
)
@settings(deadline=None, max_examples=60)
def test_no_channel_breaks_the_detector_and_a_kill_changes_nothing(
    rows: list[tuple[float | None, float | None, float | None, int]], cut: int
) -> None:
    def fed(detector: Detector, part: list[tuple[int, tuple[float | None, ...]]]) -> list[object]:
        found = []
        for slot, (pf, current_a, voltage_v, watts) in part:
            at = T0_S + slot * DT_S
            detector.sample("p1", at, 10_000)
            detector.sample("t1", at, watts, pf=pf, current_a=current_a, voltage_v=voltage_v)
            found += detector.advance(at)
        return [one.to_body() for one in found]

    numbered = list(enumerate(rows))
    whole = fed(Detector([electric()]), numbered)
    first, second = Detector([electric()]), Detector([electric()])
    found = fed(first, numbered[:cut])
    second.restore(first.checkpoint())
    assert second.checkpoint() == first.checkpoint()
    assert found + fed(second, numbered[cut:]) == whole


@given(st.lists(st.integers(830, 900), min_size=1, max_size=400))
@settings(deadline=None, max_examples=50)
def test_a_motor_is_never_called_a_heater(pfs: list[int]) -> None:
    state = LineChannels()
    for slot, pf in enumerate(pfs):
        state.step(slot, (0.0, 0, pf / 1000, None, None), 970, on=True)
    assert state.count == 0


def test_a_heater_beside_treatment_that_is_off_stands_in_for_nothing() -> None:
    """A sump heater at night: above the off threshold, but no start of treatment, and no clearing either."""
    heater = {**MOTOR, "pf": 0.999}
    assert detect([(30, 100, 50, MOTOR), (60, 100, 3_000, heater)]) == []
    rows = [(30, 10_000, 9_000, heater), (20, 10_000, 9_000, heater), (10, 100, 3_000, MOTOR)]
    assert [(one.rule, one.state) for one in detect(rows) if one.rule == "dummy"] == [("dummy", "raised")]


def test_a_heater_that_ran_until_production_began_is_no_dummy_of_the_fan_that_runs_now() -> None:
    heater = {**MOTOR, "pf": 0.999}
    assert detect([(60, 100, 5_000, heater), (60, 10_000, 9_000, MOTOR)]) == []
    found = detect([(60, 100, 5_000, heater), (60, 10_000, 9_000, heater)])
    assert [(one.rule, one.state) for one in found] == [("dummy", "raised")]


def test_a_steady_load_below_the_on_threshold_is_not_flat() -> None:
    params = electric(noise_floor=0.01, pf_heater=0.0)
    assert detect([(30, 100, 50, {}), (120, 100, 3_000, {})], params) == []
    assert [one.rule for one in detect([(30, 100, 50, {}), (120, 100, 5_000, {})], params)] == ["flat"]


DARK = {"voltage_v": 0.3, "current_a": 0.0}
LIT = {"voltage_v": 230.0, "current_a": 0.4}


def standby(rows: list[tuple[float, int, Values, Values]]) -> list[Episode]:
    """Minutes, production with its channels, and those of the treatment that is off."""
    params = evolve(linkage(), production=(line("p1", ct_floor_w=90, voltage_v=230.0),))
    detector, slot = Detector([params]), 0
    found: list[Episode] = []
    for minutes, u, values, other in rows:
        for _ in range(round(minutes * 60 / DT_S)):
            at = T0_S + slot * DT_S
            detector.sample("p1", at, u + slot % 5 if u else 0, **values)
            detector.sample("t1", at, 0, **other)
            found += detector.advance(at)
            slot += 1
    return found


@pytest.mark.parametrize(
    ("other", "words"), [(DARK, "nor does any other"), (LIT, "other lines have"), ({}, "")]
)
def test_a_power_cut_is_no_fault_of_the_transformer(other: Values, words: str) -> None:
    found = standby([(30, 240, LIT, LIT), (5, 0, DARK, other), (20, 240, LIT, LIT)])
    assert [(one.rule, one.state, one.severity) for one in found] == [
        ("data_loss", "raised", "data"),
        ("data_loss", "cleared", "data"),
    ]
    assert found[0].numbers["cause"] == Cause.SUPPLY
    assert found[0].numbers["channels"]["p1"]["voltage_v"] == 0.3
    assert "no voltage" in found[0].sentence["en"]
    assert words in found[0].sentence["en"]
    assert "无电压" in found[0].sentence["zh"]


def test_a_transformer_that_stays_off_when_the_voltage_is_back_is_reported() -> None:
    found = standby([(30, 240, LIT, LIT), (5, 0, DARK, DARK), (5, 0, {**LIT, "current_a": 0.0}, LIT)])
    assert [(one.rule, one.state) for one in found] == [
        ("data_loss", "raised"),
        ("data_loss", "cleared"),
        ("ct_prod", "raised"),
    ]
    assert found[-1].numbers["cause"] == Cause.BREAKER_OR_CT


def test_no_transformer_is_reported_in_the_moment_in_which_its_current_is_back() -> None:
    for slots in range(16, 22):
        for one in standby([(30, 240, {}, {}), (slots / 6, 0, {}, {}), (20, 9_000, {}, {})]):
            assert one.state == "cleared" or one.rule != "ct_prod" or one.numbers["value_w"] < 90
