"""Orders that a gateway does not seal although it goes on sealing: how the centre sees a withheld one. Pure.

An order was published at a time. A gateway that was heard WAIT_MS or more after that, of which no body is
awaited, has either sealed the order or not got it. That is told once for each set of such orders, and once
when there are none any more; what was told before a restart is not told again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, field

from centre.json_lines import JsonLine, make_finding
from centre.orders.ledger import SentOrder
from evidence.orders.order import hash_order

ORDER_MISSING: Final = "order_missing"
"""The code of the finding."""
WAIT_MS: Final = 180_000
"""From the broker to a seal at the centre: what silence of a gateway takes to be told."""
NAMED_MAX: Final = 16


@define
class Unsealed:
    """See the module."""

    _sealed: set[bytes] = field(init=False, factory=set)
    _since_ms: dict[bytes, int] = field(init=False, factory=dict)
    _heard_ms: dict[str, int] = field(init=False, factory=dict)
    _told: dict[str, str] = field(init=False, factory=dict)

    def note_line(self, line: Mapping[str, Any]) -> None:
        """Take a line of the centre: records of orders say what is sealed."""
        if line.get("type") == "record" and line.get("kind") == "order" and "hash" in line["body"]:
            self._sealed.add(bytes.fromhex(line["body"]["hash"]))

    def note_sealed(self, digest: bytes) -> None:
        """An order that was sealed before this start."""
        self._sealed.add(digest)

    def note_heard(self, gateway: str, utc_ms: int) -> None:
        """Something new was accepted of a gateway."""
        self._heard_ms[gateway] = utc_ms

    def judge(
        self, gateway: str, live: Iterable[SentOrder], utc_ms: int, told: str, seal: int, *, is_whole: bool
    ) -> JsonLine | None:
        """The finding that is to be told now, if any.

        Args:
            gateway: Its name.
            live: Its orders that lie at the broker.
            utc_ms: Now.
            told: The text of the last finding of this code about it, "" if there is none.
            seal: Its last seal.
            is_whole: Whether no body of it is awaited.
        """
        waiting = [one for one in live if hash_order(one.raw) not in self._sealed]
        for one in waiting:
            self._since_ms.setdefault(hash_order(one.raw), utc_ms)
        heard_ms = self._heard_ms.get(gateway, 0)
        late = [one.order for one in waiting if heard_ms - self._since_ms[hash_order(one.raw)] >= WAIT_MS]
        if waiting and not (late and is_whole):
            return None
        names = ", ".join(f"{one.id} (number {one.seq})" for one in late[:NAMED_MAX])
        text = f"not sealed, although it goes on sealing: {names}" if late else "all orders are sealed"
        before = self._told.get(gateway, told)
        if text == before or (not late and not before):
            return None
        self._told[gateway] = text
        line = make_finding(gateway, seal, ORDER_MISSING, text)
        return line if late else {**line, "ended": True}
