"""The alerts of a chain, each line of each judged again from its readings with the code that gateways run.

Lists and alerts are those that the gateway has sealed as held. An alert fires the rows of its own revision
of the list; a cancel ends it when it was issued. The baseline is frozen when the alert was issued, so
nothing later moves it, and the days of earlier alerts of a line are left out of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from agent.judging.line_power import LinePowers, meter_power
from agent.site.file import Site
from agent.site.linkages import find_hold_s
from agent.site.setups import lines_of, setups_of
from drivers.reading import PollGroup
from evidence.cbor import FormatError
from evidence.curtailment.case import Case
from evidence.curtailment.judge import LineJudge
from evidence.curtailment.ledger import LineLedger
from evidence.curtailment.measures import Alert, ReductionList, decode_alert, decode_list
from evidence.orders.entries import HELD
from evidence.orders.order import ALERT, CANCEL, LIST, Order, parse_order
from evidence.record import Kind, ReadingRecord, Record
from evidence.walk import Walk
from provisioning.curtail.history import MS_PER_S, count_energy, date_s, find_values, make_books


@define
class Asked:
    """What the orders of a chain ask: lists by id and revision, alerts by id; odd ones by their place."""

    lists: dict[tuple[str, int], ReductionList] = field(factory=dict)
    alerts: dict[str, tuple[Order, Alert]] = field(factory=dict)
    cancelled_s: dict[str, int] = field(factory=dict)
    odd: list[str] = field(factory=list)

    def take(self, body: Mapping[str, Any], seal: int) -> None:
        """Take an ORDER record."""
        if body.get("state") != HELD or type(body.get("order")) is not bytes:
            return
        try:
            order = parse_order(body["order"]).order
            if order.kind == LIST:
                self.lists[order.id, order.rev] = decode_list(order.body)
            elif order.kind == ALERT:
                self.alerts[order.id] = (order, decode_alert(order.body))
            elif order.kind == CANCEL:
                self.cancelled_s[order.cancels] = order.issued_utc_ms // MS_PER_S
        except FormatError as error:
            self.odd.append(f"seal {seal}: {error}")

    def find_cases(self, site: Site) -> list[tuple[float, Case]]:
        """Every line of every alert with when it was issued, the earliest first."""
        rated = {str(line.id): float(line.rated_w) for line in site.line}
        hold_s, found = find_hold_s(site), []
        for order, given in self.alerts.values():
            listed = self.lists.get((given.list, given.rev))
            if listed is None:
                self.odd.append(f"{order.id}: list {given.list}, revision {given.rev}, is not in the chain")
                continue
            end_s = min(given.end_s, self.cancelled_s.get(order.id, given.end_s))
            if end_s <= given.start_s:
                continue  # cancelled before it began
            for row in listed.at(given.level):
                for line in row.lines:
                    if line not in rated:
                        self.odd.append(f"{order.id}: the site file has no line {line}")
                        continue
                    case = Case(
                        order=order.id,
                        rev=order.rev,
                        test=order.test,
                        alert=evolve(given, end_s=end_s),
                        row=row,
                        line=line,
                        rated_w=rated[line],
                        hold_s=hold_s,
                    )
                    found.append((order.issued_utc_ms / MS_PER_S, case))
        return sorted(found, key=lambda one: (one[0], one[1].order, one[1].line))


def read_orders(walk: Walk) -> Asked:
    """The orders of a chain."""
    asked = Asked()
    for seal in walk.seals():
        for record in seal.decode(Kind.ORDER):
            assert isinstance(record, Record)
            asked.take(record.body, seal.header.number)
    return asked


@define
class _Bench:
    """Feeds every judge from one walk."""

    waiting: list[tuple[float, Case]]
    ledgers: dict[str, LineLedger]
    judges: list[LineJudge] = field(factory=list)
    until_s: float = 0.0

    def reach(self, at_s: float) -> None:
        """Freeze the baselines of alerts that were issued by then."""
        self.until_s = max(self.until_s, at_s)
        while self.waiting and self.waiting[0][0] <= at_s:
            issued_s, case = self.waiting.pop(0)
            book = self.ledgers.get(case.line)
            if book is not None:
                left_out = self._days_before(case)
                self.judges.append(LineJudge.of(case, book.ledger, issued_s, left_out))

    def add(self, line: str, at_s: float, watts: float) -> None:
        """A sample of a line's power."""
        for one in self.judges:
            if one.case.line == line:
                one.add(at_s, watts)

    def _days_before(self, case: Case) -> set[int]:
        """The days of earlier alerts of the line; exercises ask for nothing and leave nothing out."""
        days: set[int] = set()
        for one in self.judges:
            if one.case.line == case.line and not one.case.test and one.case.order != case.order:
                first, last = (
                    one.ledger.day_of(at_s) for at_s in (one.case.alert.start_s, one.case.alert.end_s - 1)
                )
                days.update(range(first, last + 1))
        return days


def judge_chain(site: Site, walk: Walk, asked: Asked) -> list[list[dict[str, Any]]]:
    """For each line of each alert what the gateway would seal: baseline, hours, and the verdict if it is due.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    setups, lines, books = setups_of(site), lines_of(site), make_books(site)
    bench, powers = _Bench(asked.find_cases(site), books), LinePowers(lines, find_hold_s(site))
    episodes: dict[str, Mapping[str, Any]] = {}
    for seal in walk.seals():
        for record in seal.decode(Kind.READING, Kind.EPISODE):
            if not isinstance(record, ReadingRecord):
                episodes[record.body["id"]] = record.body
                continue
            line, values = lines.get(record.meter), find_values(setups, record)
            if line is None or values is None:
                continue
            at_s = date_s(record, seal.header)
            bench.reach(at_s)
            count_energy(books[line], record.meter, at_s, values)
            if record.group is PollGroup.FAST:
                power = powers.power(record.meter, at_s, meter_power(values))
                if power is not None:
                    bench.add(power.line, at_s, power.watts)
    return [_finish(one, episodes.values(), bench.until_s) for one in bench.judges]


def _finish(judge: LineJudge, episodes: Iterable[Mapping[str, Any]], until_s: float) -> list[dict[str, Any]]:
    for body in episodes:
        judge.link(body["id"], body["lines"], body["begin_at_s"], body["end_at_s"])
    return [judge.baseline_body(), *judge.advance(until_s)]
