"""What orders ask of the lines, whatever the order in which they come."""

from itertools import permutations

import pytest

from evidence.curtailment.limits import Why
from evidence.orders.order import Order
from evidence.response.asked import ALERTS_MAX, Asked, Line
from tests.evidence.response.ordered import FIRST_S, HOUR_S, alert, cancel, held, listed, order

LINES = {"p1": Line(50_000.0, 90.0)}


def cases(*orders: Order, may_cancel: bool = False) -> dict[str, tuple[float, float]]:
    """When each alert asks something of p1, in hours."""
    asked = Asked(LINES, lambda _cancel, _alert: may_cancel)
    for one in orders:
        asked.take(held(one))
    return {
        one.order: ((one.alert.start_s - FIRST_S) / HOUR_S, (one.alert.end_s - FIRST_S) / HOUR_S)
        for one in asked.find_cases()
    }


TABLE: list[tuple[str, tuple[Order, ...], dict[str, tuple[float, float]]]] = [
    ("an alert fires the rows of its level", (listed(), alert(2, "red", 4, 9)), {"a2": (4, 9)}),
    ("a level without rows asks nothing", (listed(), alert(2, "blue", 4, 9)), {}),
    ("without its list nothing is asked", (alert(2, "red", 4, 9),), {}),
    ("a cancel ends it", (listed(), alert(2, "red", 4, 9), cancel(3, "a2", 6)), {"a2": (4, 6)}),
    ("a cancel before it begins voids it", (listed(), alert(2, "red", 4, 9), cancel(3, "a2", 2)), {}),
    ("a cancel with a lower number is of an alert before", (listed(), alert(3, "red", 4, 9),
                                                            cancel(2, "a3", 6)), {"a3": (4, 9)}),
    ("a cancel of a stranger to it", (listed(), alert(2, "red", 4, 9), cancel(3, "a2", 6, issuer="x")),
     {"a2": (4, 9)}),
    ("a revision replaces it", (listed(), alert(2, "red", 4, 9), alert(3, "red", 4, 7, id="a2", rev=2)),
     {"a2": (4, 7)}),
    ("a later alert about the list ends it", (listed(), alert(2, "orange", 4, 9), alert(3, "red", 6, 8)),
     {"a2": (4, 6), "a3": (6, 8)}),
    ("a later one that begins earlier voids it", (listed(), alert(2, "orange", 4, 9), alert(3, "red", 3, 8)),
     {"a3": (3, 8)}),
    ("a later one that was cancelled does nothing",
     (listed(), alert(2, "orange", 4, 9), alert(3, "red", 6, 8), cancel(4, "a3", 5)), {"a2": (4, 9)}),
    ("a test ends no alert", (listed(), alert(2, "orange", 4, 9), alert(3, "red", 6, 8, test=True)),
     {"a2": (4, 9), "a3": (6, 8)}),
]  # fmt: skip


@pytest.mark.parametrize(("orders", "found"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_orders_ask_the_same_in_whatever_order_they_come(
    orders: tuple[Order, ...], found: dict[str, tuple[float, float]]
) -> None:
    for each in permutations(orders):
        assert cases(*each) == found


def test_whom_the_root_lets_may_cancel_for_others() -> None:
    orders = listed(), alert(2, "red", 4, 9), cancel(3, "a2", 6, issuer="province")
    assert cases(*orders, may_cancel=True) == {"a2": (4, 6)}


def test_what_nobody_can_judge_is_named() -> None:
    asked = Asked({"p1": Line(50_000.0, 90.0, is_miswired=True)})
    for one in (listed(), alert(2, "yellow", 4, 9), alert(3, "red", 4, 9, list="l7")):
        asked.take(held(one))
    asked.take(held(order("a4", "alert", 4, {"list": "l1"})))
    found = {(one.order.id, one.line): one.why for one in asked.find_unfit()}
    assert found == {
        ("a4", ""): Why.FORM,
        ("a2", "p1"): Why.WIRING,
        ("a2", "nowhere"): Why.NO_LINE,
        ("a3", ""): Why.NO_LIST,
    }
    assert asked.find_cases() == []


def test_who_orders_without_end_does_not_fill_the_memory() -> None:
    asked = Asked(LINES)
    for seq in range(1, 200):
        asked.take(held(order(f"l{seq}", "list", seq, listed().body)))
        asked.take(held(alert(seq + 1_000, "red", 4, 9, list=f"l{seq}")))
    assert len(asked.find_cases()) <= ALERTS_MAX
    assert sum(map(len, asked.state())) < 200_000


def test_a_refused_order_asks_nothing() -> None:
    asked = Asked(LINES)
    asked.take(held(listed()))
    assert not asked.take({**held(alert(2, "red", 4, 9)), "state": "refused"})
    assert not asked.take({"what": "order", "state": "held", "order": b"junk"})
    assert asked.find_cases() == []
