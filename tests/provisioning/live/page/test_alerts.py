"""What an alert asks of each line, on the status page, and what is due first."""

from typing import Any

import pytest
from attrs import evolve

from evidence.curtailment.measures import Measure, Row
from evidence.moments import iso_utc
from provisioning.live.page.alerts import Asked, find_asked
from provisioning.live.page.orders import draw_orders
from provisioning.live.page.outlook import Outlook, State, judge_outlook
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from tests.provisioning.live.page.test_outlook import linkage, plain, status  # noqa: F401 - a fixture

NOW_S = 1_772_416_800  # 2026-03-02 10:00 in the plant
HOUR_S = 3600
NAMES = {"p1": "镀锌线"}


def order(left_s: int | None = 5 * HOUR_S, **changes: Any) -> dict[str, Any]:
    """A supervision as the agent's status has it."""
    one = {
        "order": "d-3", "rev": 1, "seq": 1, "kind": "supervise", "issuer": "青岛市生态环境局",
        "number": "", "test": False, "state": "pending", "left_s": left_s, "text": "", "result": "",
        "due": None if left_s is None else iso_utc((NOW_S + left_s) * 1000), "alert": None,
        "effective": iso_utc(0), "expires": iso_utc(0), "shown": False,
    }  # fmt: skip
    return {**one, **changes}


def alert(*rows: Row, begin_s: int = NOW_S - HOUR_S, **changes: Any) -> dict[str, Any]:
    """An alert of a day, which was accepted."""
    body = {
        "list": "l1", "rev": 1, "level": "orange", "start_s": begin_s, "end_s": begin_s + 24 * HOUR_S,
        "rows": [row.to_body() for row in rows],
    }  # fmt: skip
    return order(None, **{"order": "a-1", "kind": "alert", "state": "accepted", "alert": body, **changes})


def find(one: dict[str, Any]) -> Asked | None:
    return find_asked(one, NAMES, 8 * HOUR_S, NOW_S)


STOP = Row(lines=("p1",), level="orange", measure=Measure.STOP, ramp_s=2 * HOUR_S, treatment=("t1",))
ASKED = [
    (
        Row(lines=("p2",), level="orange", measure=Measure.LIMIT_PERCENT, value=305),
        "p2 uses 30.5 % less",
    ),
    (Row(lines=("p2",), level="orange", measure=Measure.CAP_KWH_DAY, value=4_500_000), "4,500 kWh a day"),
    (Row(lines=("p2",), level="orange", measure=Measure.CAP_KW, value=12_500), "12.5 kW as the mean"),
    (
        Row(lines=("p2",), level="orange", measure=Measure.CAP_FEED, feed_kg_day=2_000, wh_per_t=50_000),
        "at most 100 kWh a day, by feed",
    ),
    (
        Row(lines=("p2",), level="orange", measure=Measure.HOURS, hours=((1320, 360), (720, 780))),
        "only 22:00–06:00, 12:00–13:00",
    ),
    (STOP, "line “镀锌线” stands (within 2 h), and line t1 must run"),
    (Row(lines=("p1",), level="orange", measure=Measure.NONE), "nothing is asked of this plant"),
]


@pytest.mark.parametrize(("row", "says"), ASKED, ids=[row.measure.value for row, _ in ASKED])
def test_an_alert_says_what_it_asks_of_each_line(row: Row, says: str) -> None:
    asked = find(alert(row))
    assert asked is not None
    assert says in asked.sentence.en
    assert "橙色预警生效中，至2026-03-03 09:00（还剩23小时）" in asked.sentence.zh
    assert (asked.wants, asked.due) == (row.measure is not Measure.NONE, None)


def test_an_alert_that_is_announced_counts_down_to_its_begin() -> None:
    asked = find(alert(STOP, begin_s=NOW_S + 2 * HOUR_S))
    assert asked is not None
    assert asked.due is not None
    assert (asked.left_s, asked.due.en) == (7200, "2 h until the orange alert begins, at 2026-03-02 12:00")


@pytest.mark.parametrize("measure", ["half", None, ["stop"]])
def test_rows_that_are_no_rows_or_not_there_are_not_guessed(measure: object) -> None:
    odd = alert(STOP)
    odd["alert"]["rows"][0]["measure"] = measure
    for one in (odd, alert()):
        asked = find(one)
        assert asked is not None
        assert ("ask the bureau" in asked.sentence.en, asked.wants) == (True, True)


@pytest.mark.parametrize(
    "one",
    [
        order(),
        alert(STOP, begin_s=NOW_S - 24 * HOUR_S),
        order(kind="alert", alert={"list": "l1", "rows": []}),
    ],
)
def test_what_is_no_alert_or_is_over_asks_nothing(one: dict[str, Any]) -> None:
    assert find(one) is None


def judge(seen: Snapshot, *orders: dict[str, Any], deficit_s: float = 0.0) -> Outlook:
    told = status(orders=list(orders), linkages=[linkage(deficit_s=deficit_s)])
    return judge_outlook(evolve(seen, status=told, now_s=NOW_S), ())


def test_an_alert_in_force_is_said_first_though_it_was_accepted_and_a_drill_is_not(
    plain: Snapshot,  # noqa: F811
) -> None:
    outlook = judge(plain, alert(STOP))
    assert (outlook.state, "orange alert in force" in outlook.points[0].en) == (State.WARN, True)
    assert judge(plain, alert(STOP, test=True)).state is State.WELL
    assert judge(plain, alert(ASKED[-1][0])).state is State.WELL


@pytest.mark.parametrize(
    ("one", "deed"),
    [
        (alert(STOP), "Keep to these measures until the alert ends"),
        (alert(ASKED[-1][0]), "Nothing to do"),
        (alert(STOP, state="pending"), "Carry out the measures"),
        (alert(STOP, begin_s=NOW_S - 24 * HOUR_S), "Nothing to do"),
    ],
)
def test_an_answered_alert_is_not_over_before_its_end(
    plain: Snapshot,  # noqa: F811
    one: dict[str, Any],
    deed: str,
) -> None:
    page = "".join(draw_orders([one], plain.plan, NOW_S, Reader("en")))
    assert deed in page


@pytest.mark.parametrize(
    ("orders", "deficit_s", "due"),
    [
        ([order(3600), order(60, order="d-4")], 0, "1 min left to answer d-4, until 2026-03-02 10:01"),
        ([order(3600)], 90, "1 min 30 s left, until 10:01:30"),
        ([order(60)], 90, "1 min left to answer d-3, until 2026-03-02 10:01"),
        ([order(3600), alert(STOP, begin_s=NOW_S + 60)], 0, "1 min until the orange alert begins, at"),
        ([alert(STOP)], 0, None),
        ([order(-5, state="overdue"), order(60)], 0, None),
    ],
)  # fmt: skip
def test_the_deadline_is_that_of_what_comes_first(
    plain: Snapshot,  # noqa: F811
    orders: list[dict[str, Any]],
    deficit_s: float,
    due: str | None,
) -> None:
    outlook = judge(plain, *orders, deficit_s=deficit_s)
    assert outlook.due is None if due is None else (outlook.due is not None and due in outlook.due.en)
