"""The lines of a store, made again from what is committed, in the order in which it came. Pure.

Two feeds that read the same store make the same lines in the same order, whenever each begins: what a gateway
was known for at a place (manifests, point tables) is read from the bodies before that place. A reading that
came before its table is a line where the table comes, as in `centre.json_lines`; nothing is kept for that but
marks in the store, so that neither a restart nor a cursor can lose it.

Findings are handed on as they were committed. What only lives, the states that the broker tells and the
messages of the centre about itself, is no evidence and not in the store.

`name_lines` adds two members. `key` is the same whenever a line is made again, and another for each other
line of the store. `cursor` is where to go on behind the line: nothing that follows is missed, and after a
stop in the midst of an arrival its lines come again.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from attrs import define, field, frozen

from centre.json_lines import JsonLine, JsonLines
from centre.store.journal import Arrival, Journal, Mark, What
from evidence.cbor import FormatError
from evidence.moments import iso_utc
from evidence.seal import FIRST_NUMBER, NUMBER_MAX, SealHeader, open_body, peek_header

PIECE_ARRIVALS: Final = 50
"""Arrivals whose lines are in memory at once."""
CURSOR: Final = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})-([0-9a-f]{1,16})")


Keys = Mapping[str, Mapping[str, tuple[bytes, ...]]]
"""SM4 keys of data loggers, by gateway and meter."""


@frozen
class Place:
    """A place in a store; the time tells the same place in a copy that went on by itself after a restore."""

    number: int = 0
    received_utc_ms: int = 0


class CursorError(ValueError):
    """No cursor, or that of another store (`is_of_other`)."""

    def __init__(self, text: str, *, is_of_other: bool) -> None:
        super().__init__(text)
        self.is_of_other = is_of_other


def make_cursor(store: int, place: Place) -> str:
    """A place in the store with this number, as text."""
    return f"{store:08x}-{place.number}-{place.received_utc_ms:x}"


def parse_cursor(text: str, store: int) -> Place:
    """The place; raises CursorError."""
    found = CURSOR.fullmatch(text.strip())
    if not found:
        raise CursorError("is no cursor", is_of_other=False)
    if int(found[1], 16) != store:
        raise CursorError("is a cursor of another store", is_of_other=True)
    return Place(int(found[2]), int(found[3], 16))


def name_lines(lines: list[JsonLine], arrival: Arrival, store: int, before: Place) -> Iterator[JsonLine]:
    """Lines of one arrival with `key` and `cursor`; `before` is the place that was dealt with before it."""
    for at, line in enumerate(lines, start=1):
        place = place_of(arrival) if at == len(lines) else before
        yield {**line, "key": _name_line(line, arrival), "cursor": make_cursor(store, place)}


def place_of(arrival: Arrival) -> Place:
    """Where it stands."""
    return Place(arrival.place, arrival.received_utc_ms)


def _name_line(line: JsonLine, arrival: Arrival) -> str:
    if "record" in line:
        return f"{line['gateway']}/{line['record']}"
    number = arrival.place if arrival.what is What.FINDING else line["seal"]
    return f"{line['gateway']}/{line['type']}/{number}"


@define
class Feed:
    """See the module; `journal` may be another reader of the same store after a while."""

    journal: Journal
    keys: Keys = field(factory=dict, repr=False)
    _chains: dict[str, JsonLines] = field(init=False, factory=dict)

    def read(
        self, after: int, limit: int, gateways: Collection[str] = ()
    ) -> Iterator[tuple[Arrival, list[JsonLine]]]:
        """The next arrivals behind place `after`, at most `limit`, each with its lines."""
        for arrival in self.journal.arrivals(after, limit, gateways):
            yield arrival, self._lines_of(arrival)

    def known_of(self, gateway: str) -> JsonLines:
        """What is known of a gateway, all of its manifests taken in."""
        return self._knowing(gateway, NUMBER_MAX)

    def _lines_of(self, arrival: Arrival) -> list[JsonLine]:
        if arrival.what is What.FINDING:
            line: JsonLine = json.loads(arrival.line)
            return [line]
        name, number = arrival.gateway, arrival.number
        if arrival.what is What.BODY:
            head: JsonLine = {"type": "body", "gateway": name, "seal": number}
        else:
            head = {"type": "seal", "gateway": name, "seal": number}
            head |= {"count": peek_header(arrival.cose).count, "body": arrival.body is not None}
        head["received"] = iso_utc(arrival.received_utc_ms)
        return [head, *(self._lines_of_body(arrival) if arrival.body is not None else [])]

    def _lines_of_body(self, arrival: Arrival) -> list[JsonLine]:
        lines = self._knowing(arrival.gateway, arrival.place)
        opened = _open(arrival)
        if opened is None:
            return []
        before = lines.known() if arrival.marks & Mark.TEACHES else None
        made = lines.of_body(*opened)
        while lines.is_behind:
            made += lines.go_on()
        lines.forget_waiting()
        if before is not None:
            has_new = lines.known().models.keys() - before.models.keys()
            first = FIRST_NUMBER if has_new else arrival.number  # a manifest says nothing of seals before it
            for old in self.journal.marked(arrival.gateway, Mark.WAITS, arrival.place, first):
                again = _open(old)
                made += [] if again is None else lines.of_explained(*again, before)
        return [line for line in made if line["type"] != "finding"]  # they were committed

    def _knowing(self, gateway: str, place: int) -> JsonLines:
        """The decoder of a gateway, with what was known before `place`."""
        if gateway not in self._chains:
            lines = self._chains[gateway] = JsonLines(gateway, keys=self.keys.get(gateway, {}))
            for teacher in self.journal.marked(gateway, Mark.TEACHES, place):
                opened = _open(teacher)
                if opened is not None:
                    lines.learn(*opened)
        return self._chains[gateway]


def list_waiting(journal: Journal, gateway: str) -> Iterator[tuple[SealHeader, tuple[bytes, ...]]]:
    """The bodies of a gateway with readings that came before their table, the newest first."""
    for arrival in journal.marked(gateway, Mark.WAITS, NUMBER_MAX, backwards=True):
        opened = _open(arrival)
        if opened is not None:
            yield opened


def _open(arrival: Arrival) -> tuple[SealHeader, tuple[bytes, ...]] | None:
    """The records of a body; None if the disk has changed it since it was verified."""
    try:
        header = peek_header(arrival.cose)
        return header, open_body(header, arrival.body or b"")
    except FormatError:
        return None
