"""A line's power is known only while all of its meters answer."""

import pytest

from agent.feed import HOLD_S, LineFeed, LinePower

LINES = {"m1": "p1", "m2": "p1", "m3": "t1"}


def test_a_line_with_one_meter_is_as_its_meter_says() -> None:
    assert LineFeed(LINES).power("m3", 5.0, 1234.4) == LinePower("t1", 5.0, 1234)


def test_a_line_is_unknown_until_each_of_its_meters_has_answered() -> None:
    feed = LineFeed(LINES)
    assert feed.power("m1", 0.0, 100.0) is None
    assert feed.power("m2", 1.0, 20.0) == LinePower("p1", 1.0, 120)


@pytest.mark.parametrize(("age_s", "known"), [(0.0, True), (HOLD_S, True), (HOLD_S + 0.1, False)])
def test_a_silent_meter_makes_its_line_unknown_after_the_hold(age_s: float, known: bool) -> None:
    feed = LineFeed(LINES)
    feed.power("m1", 0.0, 100.0)
    assert (feed.power("m2", age_s, 20.0) is not None) == known


@pytest.mark.parametrize(("meter", "watts"), [("foreign", 5.0), ("m3", None)])
def test_a_foreign_meter_or_a_missing_value_says_nothing(meter: str, watts: float | None) -> None:
    assert LineFeed(LINES).power(meter, 0.0, watts) is None


def test_a_restored_feed_goes_on_with_the_same_sums() -> None:
    feed, restored = LineFeed(LINES), LineFeed(LINES)
    feed.power("m1", 0.0, 100.0)
    restored.restore(feed.state())
    assert restored.power("m2", 2.0, 1.0) == feed.power("m2", 2.0, 1.0) == LinePower("p1", 2.0, 101)
