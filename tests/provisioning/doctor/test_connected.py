"""Beside a running agent the doctor connects nobody: it says what the agent tells of its connection."""

from datetime import UTC, datetime
from typing import Any

import pytest

from provisioning.doctor.connected import judge_connected
from provisioning.doctor.finding import Finding, State
from wire.messages import Topics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOPICS = Topics("g1")
GOOD: dict[str, Any] = {
    "connected": True, "ended": "", "refused": [], "alarms": [], "packets": None, "rejected": 0,
    "beacon_at": "2026-03-01T11:59:30.000Z",
}  # fmt: skip


def judge(**changes: Any) -> list[Finding]:
    ahead_ms = changes.pop("clock_ahead_ms", None)
    status = {"broker": {**GOOD, **changes}, "clock_ahead_ms": ahead_ms}
    return list(judge_connected(status, NOW, TOPICS, (TOPICS.receipt, TOPICS.order)))


def test_a_connected_agent_with_a_beacon_is_good() -> None:
    assert [(one.about, one.state) for one in judge()] == [("", State.OK), ("centre", State.OK)]


@pytest.mark.parametrize(
    ("changes", "about", "state", "text"),
    [
        ({"connected": False, "ended": "Not authorized"}, "connack", State.FAILED, "Not authorized"),
        ({"connected": False}, "connack", State.FAILED, "not connected yet"),
        ({"connected": False, "alarms": ["old_protocol"]}, "mqtt", State.FAILED, "speaks MQTT 3.1.1 only"),
        ({"connected": False, "alarms": ["unanswered"]}, "mqtt", State.FAILED, "without an answer"),
        ({"refused": [TOPICS.receipt]}, "acl", State.FAILED, TOPICS.receipt),
        ({"alarms": ["not_authorized"]}, "acl", State.FAILED, "may not publish"),
        ({"beacon_at": None}, "centre", State.WARNING, "no beacon"),
        ({"beacon_at": None, "rejected": 3}, "centre", State.FAILED, "3 messages"),
        ({"beacon_at": "2026-03-01T11:00:00.000Z"}, "centre", State.WARNING, "last beacon is of"),
        (
            {"packets": {"bytes_max": 200, "smallest": 400, "refused": 0}},
            "packets",
            State.FAILED,
            "too small",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_remedy(
    changes: dict[str, Any], about: str, state: State, text: str
) -> None:
    (bad,) = [one for one in judge(**changes) if one.state is not State.OK]
    assert (bad.about, bad.state) == (about, state)
    assert text in bad.text.en
    assert bad.remedy


def test_a_wrong_clock_makes_no_beacon_old_and_what_an_older_agent_does_not_tell_is_not_judged() -> None:
    said = judge(clock_ahead_ms=3_600_000, beacon_at="2026-03-01T10:59:30.000Z")
    assert all(one.state is State.OK for one in said)
    told = judge_connected({"broker": {"connected": True, "alarms": []}}, NOW, TOPICS, ())
    assert [one.state for one in told] == [State.OK]
