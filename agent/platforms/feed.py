"""From the sealed chain of this gateway to the queue of its platforms: nothing goes out that no seal has.

The chain is read beside its owner, a few seals at a time, so that neither a reader of a whole day after a
restart nor a slow disk holds up the agent. What an interval is, and when it is made, is as at the centre
(`wire.platforms.intervals`); here the readings come in the order of the chain, so an interval is complete as
soon as the newest seal has a reading behind its end. A body that was given up for room is not there, and what
only it had is not sent.

The cursor lies before the first reading that an open interval needs, with the ratios of the meters that the
last manifest before it had: a restart reads on from there and makes the same packets, and a change of a ratio
changes no reading that was taken before it. A reading of a model that the site no longer has is left out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from drivers.poll.setup import MeterSetup
from evidence.cbor import FormatError
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord, decode_record, kind_of
from evidence.seal import StoredSeal, open_body, peek_header
from wire.platforms.hosts import Host
from wire.platforms.intervals import HOLD_MS, Maker
from wire.platforms.queue import Queue

SEALS_MAX: Final = 6
"""Read in one turn: a minute of readings, some 10 ms of work; a day takes some minutes then."""
SKEW_MS: Final = 5_000
"""Readings of several buses reach the chain in nearly the order of their time."""
FUTURE_MS: Final = 86_400_000
"""Of a reading before the clock of now: it would hold its interval open until then."""

KEEP_SEALS: Final = 60
"""That the cursor moves without a packet, before it is kept: ten minutes."""

Ratios = dict[str, tuple[float, float]]
"""Of current and voltage transformers, by meter."""


@define(eq=False, repr=False)
class ChainFeed:
    """A `wire.platforms.service.Feed`.

    Attributes:
        read: The newest seal's number, and seals from a number on, at most so many; raises StoreError.
    """

    read: Callable[[int, int], tuple[int, list[StoredSeal]]]
    setups: Mapping[str, MeterSetup]
    queue: Queue
    hosts: tuple[Host, ...]
    _makers: tuple[Maker, ...] = field(init=False)
    _sent: frozenset[str] = field(init=False)
    _next: int = field(init=False, default=0)
    _ratios: Ratios = field(init=False, factory=dict)
    _cursors: dict[int, str] = field(init=False, factory=dict)
    _newest_ms: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._makers = tuple(Maker(host, self.queue.since_ms) for host in self.hosts)
        self._sent = frozenset(
            meter.id for host in self.hosts for station in host.stations for meter in station.meters
        )
        self._next, self._ratios = parse_cursor(self.queue.cursor)

    def turn(self, now_ms: int) -> bool:
        """Read on and queue what is complete; whether there is more to read. Raises StoreError."""
        newest, seals = self.read(self._next or 1, SEALS_MAX if self._next else 0)
        if self._next == 0 or self._next > newest + 1:  # at the first call, or on a disk that is an older one
            self._next, seals = newest + 1, []
        for seal in seals:
            self._cursors[seal.number] = make_cursor(seal.number, self._ratios)
            self._take(seal, now_ms)
            self._next = seal.number + 1
        has_more = self._next <= newest
        self._keep(now_ms, has_read=not has_more)
        return has_more

    def _take(self, seal: StoredSeal, now_ms: int) -> None:
        if seal.body is None:
            return
        try:
            records = open_body(peek_header(seal.cose), seal.body)
        except FormatError:  # damaged: the agent itself finds it, and says so
            return
        times = [at_ms for raw in records if (at_ms := self._take_record(raw, seal.number, now_ms))]
        self._newest_ms = max(times, default=self._newest_ms)

    def _take_record(self, raw: bytes, seal: int, now_ms: int) -> int:
        """Take a record; the time of a reading, else 0."""
        if kind_of(raw) not in {Kind.READING, Kind.MANIFEST}:
            return 0
        try:
            record = decode_record(raw)
        except FormatError:
            return 0
        if not isinstance(record, ReadingRecord):
            self._ratios |= read_ratios(record.body.get("meters"), self._sent)
            return 0
        if record.utc_ms > now_ms + FUTURE_MS:
            return 0
        if record.meter in self._sent:
            line = self._decode(record)
            for maker in self._makers if line else ():
                maker.add(line, record.utc_ms, seal)
        return record.utc_ms

    def _decode(self, record: ReadingRecord) -> dict[str, Any]:
        """A reading as the maker takes it; empty if its model is none of the site's."""
        setup = self.setups[record.meter]
        if setup.model.hash[:MODEL_ID_BYTES] != record.model:
            return {}
        ct_ratio, pt_ratio = self._ratios.get(record.meter, (setup.ct_ratio, setup.pt_ratio))
        return {
            "gateway": self.hosts[0].stations[0].gateway,
            "meter": record.meter,
            "quality": record.quality.value,
            "values": setup.model.decode(record.blocks, ct_ratio, pt_ratio),
        }

    def _keep(self, now_ms: int, *, has_read: bool) -> None:
        """Make what is complete; packets and cursor move together."""
        held_ms = now_ms - HOLD_MS if has_read else 0
        made = {}
        for maker in self._makers:
            packets = list(maker.close(self._is_whole, held_ms))
            if packets:
                made[maker.host.name] = packets
        needed = set[int]().union(*(maker.needed() for maker in self._makers))
        self._cursors = {at: self._cursors[at] for at in needed}
        cursor = self._cursors[min(needed)] if needed else make_cursor(self._next, self._ratios)
        if made or (has_read and cursor != self.queue.cursor and self._is_far(cursor)):
            self.queue.put(made, cursor, {host.name: host.packets_max for host in self.hosts})

    def _is_far(self, cursor: str) -> bool:
        """Whether it is worth a commit of its own: a restart would have to read much, or from nowhere."""
        return (
            not self.queue.cursor
            or abs(parse_cursor(cursor)[0] - parse_cursor(self.queue.cursor)[0]) > KEEP_SEALS
        )

    def _is_whole(self, _: str, __: int, end_ms: int) -> bool:
        return self._newest_ms >= end_ms + SKEW_MS


def make_cursor(seal: int, ratios: Ratios) -> str:
    """The text for the queue."""
    return json.dumps([seal, ratios], separators=(",", ":"), sort_keys=True)


def parse_cursor(text: str) -> tuple[int, Ratios]:
    """The next seal and the ratios before it; 0 if there is no cursor."""
    if not text:
        return 0, {}
    seal, ratios = json.loads(text)
    return seal, {meter: (ct, pt) for meter, (ct, pt) in ratios.items()}


def read_ratios(meters: object, wanted: frozenset[str]) -> Ratios:
    """The ratios of a manifest's meters."""
    rows = meters if isinstance(meters, Mapping) else {}
    return {
        meter: (_read_ratio(row, "ct_ratio"), _read_ratio(row, "pt_ratio"))
        for meter, row in rows.items()
        if meter in wanted and isinstance(row, Mapping)
    }


def _read_ratio(row: Mapping[str, Any], name: str) -> float:
    ratio = row.get(name, 1.0)
    return float(ratio) if isinstance(ratio, int | float) and not isinstance(ratio, bool) else 1.0
