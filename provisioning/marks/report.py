"""The monthly self-check report of a site (自检报告): a pure function of the chain, and its hash in it.

It rests on the seals that were made before the month's end and a day after it, so the same chain gives
the same report whenever it is made, at the plant, from its archive, or at the centre; `chain` names them.
Each month is one of the plant's own clock.

    chain      first and last seal, how many, how many without their readings, the hash of the last
    meters     readings due, come and good, and the effective rate with and without marked hours
    episodes   findings that were raised, or lasted, in the month
    marks      with what power says of each; those that the chain itself makes have the source `auto`
    orders     those that came, or were answered
    verdicts   about alerts, computed again, and whether the gateway has sealed the same: null where readings
               or seals lack, nothing was sealed, or what the alert rests on has changed
    sha256     of all that, as JSON with sorted keys and no blanks
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.site.file import Site
from agent.site.setups import lines_of
from evidence.cbor import FormatError
from evidence.curtailment.energy import HOUR_S
from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import SubjectKind
from evidence.marks.rate import find_left_out, sum_rates
from evidence.marks.truth import Truth
from evidence.orders.entries import What
from evidence.orders.order import parse_order
from evidence.record import Kind, Record
from evidence.seal import seal_hash
from evidence.walk import Walk, WalkedSeal
from provisioning.curtail.chain_cases import judge_chain
from provisioning.curtail.history import date_s
from provisioning.curtail.settled import Noted
from provisioning.marks.gather import Gathered, gather
from provisioning.marks.judged import Judged, judge_marks
from provisioning.marks.month import Month

ROWS_MAX: Final = 5_000
"""Of one part: a month of a large site has hundreds."""


@define(eq=False)
class Until:
    """A walk without the seals that were made at `made_ms` or later; counts what it gives."""

    walk: Walk
    made_ms: int

    @property
    def last(self) -> int:
        """The last seal of the walk, for a progress."""
        return self.walk.last

    def seals(self) -> Iterator[WalkedSeal]:
        """The seals, in order."""
        return (seal for seal in self.walk.seals() if seal.header.utc_ms < self.made_ms)


@define
class _Order:
    """An order, and whether it came or was answered in the month."""

    row: dict[str, Any]
    concerns: bool


@define
class _Told:
    """What the records say beside readings and marks."""

    first: int = 0
    last: int = 0
    seals: int = 0
    absent: int = 0
    tip: str = ""
    episodes: dict[str, Mapping[str, Any]] = field(factory=dict)
    orders: dict[tuple[str, int], _Order] = field(factory=dict)


def make_report(site: Site, catalogue: Catalogue, walk: Walk, month: Month) -> dict[str, Any]:
    """The report; it can be written as JSON.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    until = Until(walk, month.made_ms)
    told = _collect(until, month)
    noted = Noted(until, sees_sites=True)
    found, judged = gather(site, until), judge_chain(site, noted)
    now_s = min(found.until_s, month.end_s)
    every = list(judge_marks(site, catalogue, found, judged.ledgers, now_s, automatic=True))
    marks = [one for one in every if one.mark.from_s < month.end_s and one.mark.end_s(now_s) >= month.begin_s]
    differing = {key for key, _, _ in noted.find_differences(judged)}
    known = judged.sealed.keys() - noted.find_changed(judged) if noted.is_whole else set()
    report: dict[str, Any] = {
        "gateway": site.site.gateway,
        "name": site.site.name,
        "month": month.name,
        "utc_offset": site.site.utc_offset,
        "catalogue": [catalogue.industry, catalogue.edition],
        "chain": {
            "first": told.first,
            "last": told.last,
            "seals": told.seals,
            "without_readings": told.absent,
            "hash": told.tip,
        },
        "meters": list(_list_rates(site, catalogue, found, every, month)),
        "episodes": [_show_episode(one) for one in told.episodes.values() if _concerns_month(one, month)][
            :ROWS_MAX
        ],
        "marks": [one.to_body() for one in marks][:ROWS_MAX],
        "orders": [one.row for one in told.orders.values() if one.concerns][:ROWS_MAX],
        "verdicts": [
            {**_show_verdict(bodies[-1]), "same": key not in differing if key in known else None}
            for key, bodies in judged.computed.items()
            if _concerns(bodies, month)
        ][:ROWS_MAX],
    }
    return {**report, "sha256": hash_report(report)}


def hash_report(report: Mapping[str, Any]) -> str:
    """The hash of a report without its `sha256`."""
    plain = {name: one for name, one in report.items() if name != "sha256"}
    raw = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(raw.encode()).hexdigest()


def _collect(until: Until, month: Month) -> _Told:
    told = _Told()
    for seal in until.seals():
        header = seal.header
        told.first, told.last = told.first or header.number, header.number
        told.seals += 1
        told.absent += seal.records is None
        for record in seal.events(Kind.EPISODE, Kind.ORDER, Kind.ANSWER):
            at_s = date_s(record, header)
            if at_s >= month.end_s:
                continue
            if record.kind is Kind.EPISODE:
                told.episodes[str(record.body["id"])] = record.body
            else:
                _note_order(told, record, at_s, month)
    tip = next(iter(until.walk.source.rows(told.last, told.last, bodies=False)), None) if told.last else None
    told.tip = "" if tip is None else seal_hash(tip.cose).hex()
    return told


def _concerns_month(body: Mapping[str, Any], month: Month) -> bool:
    """Whether an episode was open at some time of the month."""
    end_s = body.get("end_at_s")
    return body["begin_at_s"] < month.end_s and (end_s is None or end_s >= month.begin_s)


def _note_order(told: _Told, record: Record, at_s: float, month: Month) -> None:
    body = record.body
    if record.kind is Kind.ANSWER:
        answered = told.orders.get((str(body["order"]), int(body["rev"])))
        if answered is not None:
            said = {name: body.get(name) for name in ("state", "by", "at", "text")}
            answered.row["answers"].append({**said, "files": len(body.get("files") or ())})
            answered.concerns |= at_s >= month.begin_s
        return
    if body.get("what") != What.ORDER.value or "order" not in body:
        return
    try:
        order = parse_order(body["order"]).order
    except FormatError:
        return
    row = {
        "order": order.id,
        "rev": order.rev,
        "kind": order.kind,
        "issuer": order.issuer,
        "number": order.number,
        "test": order.test,
        "received_s": round(at_s),
        "due_ms": order.due_utc_ms,
        "state": body["state"],
        "reason": body.get("reason", ""),
        "answers": [],
    }
    told.orders[order.id, order.rev] = _Order(row, at_s >= month.begin_s)


def _show_episode(body: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "linkage",
        "rule",
        "severity",
        "state",
        "begin_at_s",
        "raised_at_s",
        "end_at_s",
        "sentence",
    )
    return {name: body.get(name) for name in names}


def _concerns(bodies: Sequence[Mapping[str, Any]], month: Month) -> bool:
    """Whether the alert that these bodies are about, a line of it, lies in the month."""
    times = [
        float(body[name]) for body in bodies for name in ("issued_s", "begin_s", "end_s") if name in body
    ]
    return not times or (min(times) < month.end_s and max(times) >= month.begin_s)


def _show_verdict(body: Mapping[str, Any]) -> dict[str, Any]:
    """The last that is computed of a line of an alert: its final verdict, or that it is not due yet."""
    names = ("order", "rev", "test", "line", "level", "measure", "what", "verdict", "why", "sentence")
    return {name: body.get(name) for name in names}


def _list_rates(
    site: Site, catalogue: Catalogue, found: Gathered, judged: Sequence[Judged], month: Month
) -> Iterator[dict[str, Any]]:
    lines, marks = lines_of(site), [one.mark for one in judged]
    false = {one.mark.id for one in judged if one.checked.truth is Truth.CONTRADICTED}
    wanted = range(month.begin_s // HOUR_S, -(-month.end_s // HOUR_S))
    for meter, hours in sorted(found.hours.items()):
        line = lines.get(meter, "")
        subjects = {(SubjectKind.METER, meter), (SubjectKind.LINE, line)}
        left_out = find_left_out(marks, catalogue, subjects, found.until_s, false)
        rates = sum_rates(hours, left_out, wanted)
        if rates.all.due or rates.all.come:  # else it was not there yet, or not any more
            yield {"meter": meter, "line": line, **rates.to_body()}
