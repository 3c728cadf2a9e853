"""What people are shown of the orders that a gateway holds: an alert with the rows that it fires."""

import json
from typing import Any

import pytest

from agent.orders.alerts import ROWS_MAX
from agent.orders.book import Book
from agent.orders.notices import list_rows
from evidence.curtailment.measures import Measure, ReductionList, Row, decode_list
from evidence.orders.entries import held_body
from evidence.orders.order import hash_order, parse_order
from evidence.record import Kind
from tests.evidence.orders import made

BEGIN_S = made.NOW_MS // 1000
STOP = Row(lines=("p1",), level="red", measure=Measure.STOP, ramp_s=3600)
HALF = Row(lines=("p1",), level="orange", measure=Measure.LIMIT_PERCENT, value=500, treatment=("t1",))
NIGHT = Row(lines=("p2",), level="orange", measure=Measure.HOURS, hours=((22 * 60, 6 * 60),))
LISTED = ReductionList(edition="2026-Q4", rows=(STOP, HALF, NIGHT)).to_body()
ALERT = {"list": "l1", "rev": 1, "level": "orange", "start_s": BEGIN_S, "end_s": BEGIN_S + 86_400}


def shown(listed: dict[str, Any], alert: dict[str, Any], kind: str = "list") -> list[dict[str, Any]]:
    """The orders of a book that holds a list and an alert."""
    book = Book(made.GATEWAY, made.trust())
    for one in (
        {"id": "l1", "seq": 1, "kind": kind, "body": listed, "due_utc_ms": None},
        {"id": "a1", "seq": 2, "kind": "alert", "body": alert},
    ):
        raw = made.signed(**one)
        order = parse_order(raw).order
        book.apply(Kind.ORDER, held_body(order, raw, hash_order(raw), made.STATEMENTS), made.NOW_MS)
    return list_rows(book, made.NOW_MS)


def test_an_alert_is_shown_with_the_rows_of_its_level_and_they_decode() -> None:
    listed, alert = shown(LISTED, ALERT)
    assert listed["alert"] is None
    assert {key: alert["alert"][key] for key in ALERT} == ALERT
    again = decode_list({"edition": "-", "grade": "", "law": [], "rows": alert["alert"]["rows"]})
    assert again.rows == (HALF, NIGHT)


@pytest.mark.parametrize(
    ("listed", "alert", "kind"),
    [
        (LISTED, {**ALERT, "rev": 2}, "list"),
        (LISTED, {**ALERT, "list": "l2"}, "list"),
        (LISTED, {**ALERT, "level": "blue"}, "list"),
        (LISTED, ALERT, "supervise"),
        ({"rows": "all"}, ALERT, "list"),
        ({"rows": [7, {"level": b"orange"}]}, ALERT, "list"),
        ({}, {}, "list"),
    ],
)
def test_no_rows_are_shown_of_a_list_that_is_not_the_one_of_the_alert(
    listed: dict[str, Any], alert: dict[str, Any], kind: str
) -> None:
    assert [one["alert"]["rows"] for one in shown(listed, alert, kind) if one["kind"] == "alert"] == [[]]


def test_whatever_a_bureau_writes_can_be_shown_as_json_and_has_an_end() -> None:
    row = {**HALF.to_body(), "note": b"\xff", "deep": [[1], {"x": 1}], "level": "orange"}
    bodies = shown({"rows": [row] * (ROWS_MAX + 1)}, {**ALERT, "photo": b"\xff"})
    text = json.dumps(bodies)
    assert "photo" not in text
    assert "note" not in text
    assert len(bodies[1]["alert"]["rows"]) == ROWS_MAX
