"""Bodies of lists and alerts: what is decoded, what is refused."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.curtailment.measures import (
    Alert,
    Measure,
    ReductionList,
    Row,
    decode_alert,
    decode_list,
)

STOP = Row(lines=("p1",), level="red", measure=Measure.STOP, ramp_s=3600, treatment=("t1",))
LIMIT = Row(lines=("p1",), level="orange", measure=Measure.LIMIT_PERCENT, value=300, baseline_wh=5_000_000)
FEED = Row(lines=("p2", "p3"), level="red", measure=Measure.CAP_FEED, feed_kg_day=90_000, wh_per_t=450_000)
NIGHT = Row(lines=("p4",), level="red", measure=Measure.HOURS, hours=((1320, 360), (720, 780)))
LIST = ReductionList(edition="2026-Q4", grade="B", law=("GB 1",), rows=(STOP, LIMIT, FEED, NIGHT))


def test_a_list_comes_back_as_it_went() -> None:
    assert decode_list(cbor.decode(cbor.encode(LIST.to_body()), 16_000)) == LIST


def test_the_same_rows_in_any_order_have_the_same_bytes() -> None:
    turned = evolve(LIST, rows=LIST.rows[::-1])
    assert cbor.encode(turned.to_body()) == cbor.encode(LIST.to_body())


def test_a_level_fires_its_rows_alone() -> None:
    assert LIST.at("orange") == (LIMIT,)
    assert LIST.levels == ("orange", "red")


def _body(**changes: Any) -> dict[str, Any]:
    body = LIST.to_body()
    body["rows"] = [{**LIMIT.to_body(), **changes}]
    return body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (3, "not a map"),
        ({**LIST.to_body(), "more": 1}, "not known: more"),
        ({**LIST.to_body(), "rows": []}, "not an array of 1"),
        ({**LIST.to_body(), "rows": LIST.to_body()["rows"][::-1]}, "canonical"),
        (_body(measure="halt"), "measure is none of"),
        (_body(value=0), "asks for nothing"),
        (_body(value=1001), "from 0 to 1000"),
        (_body(value=30.5), "is not a number"),
        (_body(lines=[]), "not an array of 1"),
        (_body(lines=["p1", "p1"]), "twice"),
        (_body(lines=["p\n1"]), "holds no name"),
        (_body(hours=[[0, 60]]), "exactly with the measure hours"),
        (_body(measure="hours", value=0, baseline_wh=None), "exactly with the measure hours"),
        (_body(measure="hours", value=0, hours=[[60, 60]], baseline_wh=None), "same minute"),
        (_body(measure="stop", value=0), "only with limit_percent"),
        (_body(measure="cap_feed", value=0, feed_kg_day=5), "exactly with the measure cap_feed"),
        (_body(exempt_w=-1), "from 0 to"),
        (_body(note="x"), "not known: note"),
        (_body(baseline_wh=None), "canonical"),
        (
            {**LIST.to_body(), "rows": [LIMIT.to_body(), {**LIMIT.to_body(), "lines": ["p1", "p2"]}]},
            "line p1 has two rows",
        ),
        ({**LIST.to_body(), "law": ["x" * 60 + str(n) for n in range(9)]}, "not an array of 0 to 8"),
    ],
)
def test_what_is_no_list_is_refused_with_its_place(body: Any, said: str) -> None:
    with pytest.raises(cbor.FormatError, match=said):
        decode_list(body)


def test_a_list_that_fits_no_order_is_refused() -> None:
    rows = [evolve(STOP, lines=(f"line-{n:03}-" + "x" * 50,)) for n in range(160)]
    with pytest.raises(cbor.FormatError, match="more than 15000 bytes"):
        decode_list(ReductionList(edition="e", rows=rows).to_body())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_anything_else_is_refused_and_never_breaks(value: Any) -> None:
    for body in (value, {"edition": value, "rows": value, "grade": "", "law": []}):
        with pytest.raises(cbor.FormatError):
            decode_list(body)
        with pytest.raises(cbor.FormatError):
            decode_alert(body)


@pytest.mark.parametrize(
    ("row", "minute", "may"),
    [
        (NIGHT, 1320, True),
        (NIGHT, 1439, True),
        (NIGHT, 0, True),
        (NIGHT, 359, True),
        (NIGHT, 360, False),
        (NIGHT, 750, True),
        (NIGHT, 1319, False),
        (STOP, 0, False),
        (LIMIT, 0, True),
    ],
)
def test_permitted_hours_cross_midnight(row: Row, minute: int, may: bool) -> None:
    assert row.may_work(minute) is may


def test_a_cap_by_feed_is_an_energy_a_day() -> None:
    assert FEED.cap_wh_day == 90 * 450_000  # 90 t of 450 kWh each
    assert STOP.cap_wh_day is None


ALERT = Alert(list="l1", rev=2, level="red", start_s=1_767_225_600, end_s=1_767_484_800)


def test_an_alert_comes_back_as_it_went() -> None:
    assert decode_alert(ALERT.to_body()) == ALERT


@pytest.mark.parametrize(
    "changes",
    [{"end_s": ALERT.start_s}, {"end_s": ALERT.start_s + 63 * 86_400}, {"rev": -1}, {"level": ""}, {"x": 1}],
)
def test_an_alert_without_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(cbor.FormatError):
        decode_alert({**ALERT.to_body(), **changes})
