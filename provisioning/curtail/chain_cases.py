"""The alerts of a chain, each line of each judged again from its readings with the code that gateways run.

Lists and alerts are those that the gateway has sealed as held. An alert fires the rows of its own revision
of the list; a cancel ends it when it was issued. The baseline is frozen when the alert was issued, so
nothing later moves it, and the days of earlier alerts of a line are left out of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, evolve, field

from agent.judging.line_power import LinePowers, meter_power
from agent.site.file import Site
from agent.site.linkages import find_hold_s
from agent.site.setups import lines_of, setups_of
from drivers.reading import POWER_POINT, PollGroup, Quality, Quantity
from evidence.cbor import FormatError
from evidence.curtailment.case import Case
from evidence.curtailment.judge import LineJudge
from evidence.curtailment.ledger import LineLedger
from evidence.curtailment.measures import Alert, ReductionList, decode_alert, decode_list
from evidence.moments import zone_s
from evidence.orders.entries import HELD
from evidence.orders.order import ALERT, CANCEL, LIST, Order, parse_order
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord, Record
from evidence.walk import Walk
from provisioning.curtail.history import FULL_OF_RATED

DAY_S: Final = 86_400
MS_PER_S: Final = 1000


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

    site: Site
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
    setups, lines = setups_of(site), lines_of(site)
    hold_s, offset_s = find_hold_s(site), zone_s(site.site.utc_offset)
    full_w = {str(line.id): FULL_OF_RATED * float(line.rated_w) for line in site.line}
    meters: dict[str, list[str]] = {}
    for meter, owner in lines.items():
        meters.setdefault(owner, []).append(meter)
    books = {
        owner: LineLedger.of(own, offset_s, hold_s, dict.fromkeys(own, full_w.get(owner, 0.0)))
        for owner, own in meters.items()
    }
    bench, powers = _Bench(site, asked.find_cases(site), books), LinePowers(lines, hold_s)
    episodes: dict[str, Mapping[str, Any]] = {}
    for seal in walk.seals():
        offset_ms = seal.header.utc_ms - seal.header.boottime_ms
        for record in seal.decode(Kind.READING, Kind.EPISODE):
            at_s = (record.boottime_ms + offset_ms) / MS_PER_S
            if not isinstance(record, ReadingRecord):
                episodes[record.body["id"]] = record.body
                continue
            setup = setups.get(record.meter)
            if setup is None or record.quality is not Quality.GOOD or record.meter not in lines:
                continue
            if record.model != setup.model.hash[:MODEL_ID_BYTES]:
                continue  # of an older site file
            bench.reach(at_s)
            values = setup.model.decode(record.blocks, setup.ct_ratio, setup.pt_ratio)
            wh, watts = (_number(values.get(one)) for one in (Quantity.ACTIVE_ENERGY_IMPORT, POWER_POINT))
            books[lines[record.meter]].add(record.meter, at_s, wh, watts)
            power = (
                powers.power(record.meter, at_s, meter_power(values))
                if record.group is PollGroup.FAST
                else None
            )
            if power is not None:
                for one in bench.judges:
                    if one.case.line == power.line:
                        one.add(at_s, power.watts)
    return [_finish(one, episodes.values(), bench.until_s) for one in bench.judges]


def _finish(judge: LineJudge, episodes: Iterable[Mapping[str, Any]], until_s: float) -> list[dict[str, Any]]:
    for body in episodes:
        judge.link(body["id"], body["lines"], body["begin_at_s"], body["end_at_s"])
    return [judge.baseline_body(), *judge.advance(until_s)]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
