"""A line's power is known only while all of its meters answer."""

from typing import Any

import pytest

from agent.judging.line_power import HOLD_S, LinePower, LinePowers, MeterPower, meter_power

LINES = {"m1": "p1", "m2": "p1", "m3": "t1"}


def test_a_line_with_one_meter_is_as_its_meter_says() -> None:
    assert LinePowers(LINES).power("m3", 5.0, MeterPower(1234)) == LinePower("t1", 5.0, 1234)


def test_a_line_is_unknown_until_each_of_its_meters_has_answered() -> None:
    feed = LinePowers(LINES)
    assert feed.power("m1", 0.0, MeterPower(100)) is None
    assert feed.power("m2", 1.0, MeterPower(20)) == LinePower("p1", 1.0, 120)


@pytest.mark.parametrize(("age_s", "known"), [(0.0, True), (HOLD_S, True), (HOLD_S + 0.1, False)])
def test_a_silent_meter_makes_its_line_unknown_after_the_hold(age_s: float, known: bool) -> None:
    feed = LinePowers(LINES)
    feed.power("m1", 0.0, MeterPower(100))
    assert (feed.power("m2", age_s, MeterPower(20)) is not None) == known


@pytest.mark.parametrize(("meter", "said"), [("foreign", MeterPower(5)), ("m3", None)])
def test_a_foreign_meter_or_a_missing_value_says_nothing(meter: str, said: MeterPower | None) -> None:
    assert LinePowers(LINES).power(meter, 0.0, said) is None


def test_a_restored_feed_goes_on_with_the_same_sums() -> None:
    feed, restored = LinePowers(LINES), LinePowers(LINES)
    feed.power("m1", 0.0, MeterPower(100))
    restored.restore(feed.state())
    assert (
        restored.power("m2", 2.0, MeterPower(1))
        == feed.power("m2", 2.0, MeterPower(1))
        == LinePower("p1", 2.0, 101)
    )


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"active_power": 1234.4}, MeterPower(1234)),
        ({"active_power": "text", "power_factor": 0.9}, None),
        ({"power_factor": 0.9}, None),
        (
            {
                "active_power": 5.0,
                "power_factor": -0.86,
                "current_l1": 1.0,
                "current_l2": 2.0,
                "current_l3": -3.0,
            },
            MeterPower(5, 0.86, 2.0, lost_phase=0),
        ),
        (
            {"active_power": 5.0, "voltage_l1": 229.0, "voltage_l2": 231.0, "voltage_l12": 400.0},
            MeterPower(5, voltage_v=230.0),
        ),
        ({"active_power": 5.0, "voltage_l12": 400.0, "voltage_l23": 402.0}, MeterPower(5, voltage_v=401.0)),
    ],
)
def test_a_reading_says_this_about_its_line(values: dict[str, Any], wanted: MeterPower | None) -> None:
    assert meter_power(values) == wanted


def test_the_channels_of_several_meters_are_those_of_the_line() -> None:
    feed = LinePowers(LINES)
    feed.power("m1", 0.0, MeterPower(8_000, 0.8, 10.0, 229.0))
    both = feed.power("m2", 1.0, MeterPower(3_000, 1.0, 5.0, 231.0))
    assert both == LinePower("p1", 1.0, 11_000, pytest.approx(11 / 13), 15.0, 230.0)


@pytest.mark.parametrize("other", [MeterPower(3_000), MeterPower(3_000, 0.0)])
def test_a_channel_that_one_meter_lacks_is_not_known(other: MeterPower) -> None:
    feed = LinePowers(LINES)
    feed.power("m1", 0.0, MeterPower(8_000, 0.8, 10.0, 229.0))
    both = feed.power("m2", 1.0, other)
    assert both == LinePower("p1", 1.0, 11_000)
