"""What in the store may become a clue. Pure: arrivals in, candidates out.

    episode   of a rule that accuses (violation, integrity), its last record
    verdict   the final verdict of an alert at a line that says "not met"; exercises never
    finding   of the centre: an order that a gateway does not seal, until it has, or a fork of its chain

Marks that power contradicts come from `provisioning.centre.clues`, because that takes the site file. A
candidate is a question to an officer; nothing follows from it by itself.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import takewhile
from typing import Any, Final

from attrs import frozen

from centre.orders.unsealed import ORDER_MISSING
from centre.store.journal import Arrival, Journal, Mark, What
from evidence.cbor import FormatError
from evidence.chain import Code
from evidence.clues.course import Opening
from evidence.clues.step import Link, Linked
from evidence.record import Kind, Record, decode_record, kind_of
from evidence.seal import open_body, peek_header

ACCUSING: Final = frozenset(("violation", "integrity"))
"""Severities of episodes; "data" and "notice" ask and accuse nobody."""
FINDINGS: Final = frozenset((ORDER_MISSING, Code.FORK.value))
MS_PER_S: Final = 1000
_KINDS: Final = frozenset((int(Kind.EPISODE), int(Kind.VERDICT)))

Key = tuple[str, str, str]
Tell = Callable[[int, int], object]


@frozen(kw_only=True)
class Candidate:
    """Something that a clue may begin with; `record` is its number in the chain, 0 of a finding."""

    link: Link
    opening: Opening
    record: int = 0
    text: str = ""

    @property
    def key(self) -> Key:
        """What it is, and of which gateway."""
        return self.link.what.value, self.link.gateway, self.link.id

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.link.to_plain(), **self.opening.to_body(), "text": self.text}


def read_arrivals(
    journal: Journal, since_utc_ms: int, gateway: str = "", tell: Tell = lambda *_: None
) -> Iterator[Arrival]:
    """What was received from a time on that may hold a candidate, by gateway and place, found by its marks.

    Episodes and verdicts of the time before the store had marks for them are not found. `tell` gets how many
    gateways are done, and of how many.
    """
    names = sorted(journal.gateways()) if not gateway else [gateway]
    for done, name in enumerate(names, 1):
        marked = journal.marked(name, Mark.TELLS | Mark.JUDGES, journal.last_place() + 1, backwards=True)
        recent = list(takewhile(lambda one: one.received_utc_ms >= since_utc_ms, marked))
        yield from sorted([*recent, *journal.told(name, since_utc_ms)], key=lambda one: one.place)
        tell(done, len(names))


def find_candidates(arrivals: Iterable[Arrival]) -> dict[Key, Candidate]:
    """The candidates among arrivals, in the order in which they came first."""
    found: dict[Key, Candidate] = {}
    for arrival in arrivals:
        if arrival.what is What.FINDING:
            _note_finding(found, arrival)
        for one, accuses in _of_body(arrival):
            before = found.get(one.key)
            if before is not None and before.record > one.record:
                continue  # the body of an older seal, which came later
            if accuses:
                found[one.key] = one
            else:
                found.pop(one.key, None)
    return found


def _note_finding(found: dict[Key, Candidate], arrival: Arrival) -> None:
    line = json.loads(arrival.line)
    if line["code"] not in FINDINGS or not arrival.gateway:
        return
    if line.get("ended"):
        for key in [one for one in found if one[:2] == (Linked.FINDING.value, arrival.gateway)]:
            if found[key].opening.rule == line["code"]:
                del found[key]
        return
    link = Link(
        Linked.FINDING,
        f"{line['code']}/{arrival.place}",
        sha256(arrival.line.encode()).digest(),
        arrival.gateway,
        arrival.number,
    )
    begin_s = arrival.received_utc_ms // MS_PER_S
    opening = Opening(gateway=arrival.gateway, rule=line["code"], lines=(), begin_s=begin_s)
    one = Candidate(link=link, opening=opening, text=str(line["text"]))
    found[one.key] = one


def _of_body(arrival: Arrival) -> Iterator[tuple[Candidate, bool]]:
    """The candidates in a body, and whether each accuses somebody."""
    if arrival.body is None:
        return
    try:
        header = peek_header(arrival.cose)
        records = open_body(header, arrival.body)
    except FormatError:  # the disk has changed it since it was verified
        return
    for number, raw in enumerate(records, header.first_record):
        if kind_of(raw) not in _KINDS:
            continue
        try:
            record = decode_record(raw)
            if isinstance(record, Record):
                of = _of_episode if record.kind is Kind.EPISODE else _of_verdict
                yield from of(record, arrival, number, sha256(raw).digest())
        except (FormatError, KeyError, TypeError, ValueError, AttributeError):
            continue  # well formed, and not what this version makes of such a record: nobody's clue


def _of_episode(
    record: Record, arrival: Arrival, number: int, digest: bytes
) -> Iterator[tuple[Candidate, bool]]:
    body = record.body
    begin_s, end_s = body["begin_at_s"], body["end_at_s"]
    opening = Opening(
        gateway=arrival.gateway,
        rule=body["rule"],
        lines=tuple(dict.fromkeys(body["lines"])),
        begin_s=begin_s,
        end_s=None if end_s is None else max(end_s, begin_s),
    )
    link = Link(Linked.EPISODE, body["id"], digest, arrival.gateway, arrival.number)
    one = Candidate(link=link, opening=opening, record=number, text=_say(body))
    yield one, body["severity"] in ACCUSING


def _of_verdict(
    record: Record, arrival: Arrival, number: int, digest: bytes
) -> Iterator[tuple[Candidate, bool]]:
    body = record.body
    if body["what"] != "final":
        return
    opening = Opening(
        gateway=arrival.gateway,
        rule=f"alert_{body['measure'] or 'whole'}",
        lines=(body["line"],) if body["line"] else (),
        begin_s=record.utc_ms // MS_PER_S,
    )
    id_ = f"{body['order']}/{body['rev']}/{body['line']}"
    link = Link(Linked.VERDICT, id_, digest, arrival.gateway, arrival.number)
    one = Candidate(link=link, opening=opening, record=number, text=_say(body))
    yield one, body["verdict"] == "not_met"


def _say(body: Mapping[str, Any]) -> str:
    """The sentence that was sealed, in Chinese."""
    return str(body["sentence"].get("zh", ""))
