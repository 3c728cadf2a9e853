"""What the orders of a gateway ask of its lines: a function of the ORDER records, in any order of arrival.

- An alert fires the rows of its level in its own revision of the list.
- A revision replaces the alert of its id.
- A cancel ends the alert when it was issued; one that was issued before the alert began voids it. It is of
  the same issuer, or of one that `may_cancel` it by the root's statements.
- Of two alerts about one list that overlap, both tests or neither, the one with the higher number holds: the
  other ends where it begins.
- A line that has a row in two lists is judged by each.

What cannot be judged at all is told as well (`Unfit`): an alert or a list of another form, a list that never
came, a line that the site does not have.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve, field, frozen

from evidence.cbor import FormatError
from evidence.curtailment.case import Case
from evidence.curtailment.limits import Why
from evidence.curtailment.measures import Alert, ReductionList, decode_alert, decode_list
from evidence.orders.entries import HELD
from evidence.orders.order import ALERT, CANCEL, LIST, Order, parse_order

MS_PER_S: Final = 1000
LISTS_MAX: Final = 8
"""Revisions of lists beside those of alerts: a plant has one or two, republished about quarterly. All orders
together must fit a checkpoint."""
ALERTS_MAX: Final = 16
"""At a time; the oldest number is forgotten first."""
CANCELS_MAX: Final = 64


@frozen
class Line:
    """What a verdict has to know of a line.

    Attributes:
        rated_w: Its nameplate.
        hold_s: How long a sample of its power counts.
        is_miswired: A meter of it has an open finding of the wiring check, so nothing is judged by it.
        off_w: Below it the line is off, as commissioning has learned; None where it was not seen both on and
            off.
    """

    rated_w: float
    hold_s: float
    is_miswired: bool = False
    off_w: float | None = None


@frozen
class Unfit:
    """An alert, or a line of it, that nobody can judge; told at `due_s`, UTC."""

    order: Order
    line: str
    level: str
    why: Why
    due_s: float


@frozen
class _Fired:
    """An alert with the time in which it holds."""

    order: Order
    raw: bytes
    alert: Alert


def _may_never(_cancel: Order, _alert: Order) -> bool:
    return False


@define(eq=False, repr=False)
class Asked:
    """See the module.

    Attributes:
        lines: Those of the site by id.
        may_cancel: Whether the issuer of a cancel may end an alert of another one.
    """

    lines: Mapping[str, Line]
    may_cancel: Callable[[Order, Order], bool] = _may_never
    _lists: dict[tuple[str, int], tuple[ReductionList | None, bytes]] = field(factory=dict, init=False)
    _alerts: dict[str, _Fired] = field(factory=dict, init=False)
    _cancels: dict[str, tuple[Order, bytes]] = field(factory=dict, init=False)
    _misshapen: dict[str, Order] = field(factory=dict, init=False)

    def take(self, body: Mapping[str, Any]) -> bool:
        """Take the body of an ORDER record; whether it is about reductions."""
        raw = body.get("order")
        if body.get("state") != HELD or type(raw) is not bytes:
            return False
        return self.take_order(raw)

    def take_order(self, raw: bytes) -> bool:
        """Take an order that is held."""
        try:
            order = parse_order(raw).order
        except FormatError:
            return False
        if order.kind == LIST:
            self._take_list(order, raw)
        elif order.kind == ALERT:
            self._take_alert(order, raw)
        elif order.kind == CANCEL:
            self._cancels[order.id] = order, raw
            _forget(self._cancels, CANCELS_MAX, lambda one: int(one[0].seq))
        return order.kind in {LIST, ALERT, CANCEL}

    def _take_list(self, order: Order, raw: bytes) -> None:
        try:
            listed: ReductionList | None = decode_list(order.body)
        except FormatError:
            listed = None
        self._lists[order.id, order.rev] = listed, raw
        wanted = {(one.alert.list, one.alert.rev) for one in self._alerts.values()}
        for key in [one for one in self._lists if one not in wanted][:-LISTS_MAX]:
            del self._lists[key]

    def _take_alert(self, order: Order, raw: bytes) -> None:
        known = self._alerts.get(order.id)
        if known is not None and known.order.rev > order.rev:
            return
        try:
            self._alerts[order.id] = _Fired(order, raw, decode_alert(order.body))
        except FormatError:
            self._misshapen[order.id] = order
            _forget(self._misshapen, ALERTS_MAX, lambda one: one.seq)
            self._alerts.pop(order.id, None)
        _forget(self._alerts, ALERTS_MAX, lambda one: one.order.seq)

    # -- what follows

    def find_cases(self) -> list[Case]:
        """Each line of each alert, the earliest number first."""
        return [one for one in self._judge_rows() if isinstance(one, Case)]

    def find_unfit(self) -> list[Unfit]:
        """What nobody can judge."""
        found = [Unfit(one, "", "", Why.FORM, 0.0) for one in self._misshapen.values()]
        return [*found, *(one for one in self._judge_rows() if isinstance(one, Unfit))]

    def issued_s(self, order: str) -> float:
        """When an alert was issued, UTC."""
        return self._alerts[order].order.issued_utc_ms / MS_PER_S

    def forget(self, order: str) -> None:
        """An alert that is over."""
        self._alerts.pop(order, None)
        self._misshapen.pop(order, None)

    def _judge_rows(self) -> Iterator[Case | Unfit]:
        for one in sorted(self._alerts.values(), key=lambda each: each.order.seq):
            alert = self._find_time(one)
            if alert is None:
                continue
            listed, _ = self._lists.get((alert.list, alert.rev), (None, b""))
            if listed is None:
                yield Unfit(one.order, "", alert.level, Why.NO_LIST, alert.end_s)
                continue
            for row in listed.at(alert.level):
                for name in row.lines:
                    line = self.lines.get(name)
                    if line is None or line.is_miswired:
                        why = Why.NO_LINE if line is None else Why.WIRING
                        yield Unfit(one.order, name, alert.level, why, alert.end_s)
                        continue
                    yield Case(
                        order=one.order.id,
                        rev=one.order.rev,
                        test=one.order.test,
                        alert=alert,
                        row=row,
                        line=name,
                        rated_w=line.rated_w,
                        off_w=line.off_w,
                        hold_s=line.hold_s,
                    )

    def _find_time(self, one: _Fired) -> Alert | None:
        """The alert with its end as cancels and later alerts have left it; None where nothing is left."""
        end_s = self._find_end_s(one)
        for other in self._alerts.values():
            same = (other.alert.list, other.order.test) == (one.alert.list, one.order.test)
            if same and other.order.seq > one.order.seq:
                start_s, until_s = other.alert.start_s, self._find_end_s(other)
                if until_s > max(start_s, one.alert.start_s):
                    end_s = min(end_s, start_s)
        return evolve(one.alert, end_s=end_s) if end_s > one.alert.start_s else None

    def _find_end_s(self, one: _Fired) -> int:
        """When it ends by itself or by a cancel, UTC."""
        ends_s = [one.alert.end_s]
        for cancel, _ in self._cancels.values():
            if cancel.cancels == one.order.id and cancel.seq > one.order.seq:
                is_own = cancel.issuer == one.order.issuer
                if is_own or self.may_cancel(cancel, one.order):
                    ends_s.append(cancel.issued_utc_ms // MS_PER_S)
        return min(ends_s)

    # -- over a restart

    def state(self) -> list[bytes]:
        """The orders as they came: lists, alerts, cancels."""
        return [
            *(raw for _, raw in self._lists.values()),
            *(one.raw for one in self._alerts.values()),
            *(raw for _, raw in self._cancels.values()),
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state()`."""
        for raw in state:
            self.take_order(bytes(raw))


def _forget(kept: dict[str, Any], most: int, number: Callable[[Any], int]) -> None:
    while len(kept) > most:
        del kept[min(kept, key=lambda id_: number(kept[id_]))]
