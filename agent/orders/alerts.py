"""What an alert asks, for people: the rows of the list that it fires. Pure.

The book holds the newest revision of a list; an alert about another one is shown without rows. Rows are given
as they were ordered, as far as JSON can hold them; whoever shows them decodes them strictly.
"""

from collections.abc import Mapping
from typing import Any, Final

from agent.orders.book import Book
from evidence.orders.order import LIST, Order

ROWS_MAX: Final = 40
"""Of an alert; a plant has a row a line and level, and a status is read every second."""


def find_alert(book: Book, order: Order) -> dict[str, Any]:
    """The alert, and the rows that it fires; none if its revision of the list is not held."""
    alert = {key: one for key, one in order.body.items() if _is_plain(one)}
    held = book.held.get(str(order.body.get("list")))
    listed = None if held is None or held.order.kind != LIST else held.order
    same = listed is not None and listed.rev == order.body.get("rev")
    rows = listed.body.get("rows") if listed is not None and same else None
    fired = [
        {key: value for key, value in one.items() if _is_plain(value)}
        for one in (rows if isinstance(rows, list) else ())
        if isinstance(one, Mapping) and one.get("level") == order.body.get("level")
    ]
    return {**alert, "rows": fired[:ROWS_MAX]}


def _is_plain(value: object) -> bool:
    """Whether JSON can hold it: a bureau's body may have bytes."""
    return type(value) in {int, str} or (isinstance(value, list) and all(map(_is_plain, value)))
