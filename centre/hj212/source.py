"""From the centre's store to the queue: reads on, makes what is complete, keeps both in one commit.

The cursor that is kept lies before the first reading that an open interval needs and before the first seal
whose body is missing, so a restart reads those again and forgets nothing; packets that were made already are
in the queue and are not made twice.
"""

from datetime import datetime
from typing import Final

from attrs import define, field

from centre.consumer import Consumer
from centre.hj212.wholeness import Seals
from centre.json_lines import JsonLine
from drivers.hj212.times import MS_PER_S
from wire.platforms.hosts import Host
from wire.platforms.intervals import HOLD_MS, Made, Maker
from wire.platforms.queue import Queue

FUTURE_MS: Final = 86_400_000
"""Of a gateway's clock before this machine's."""
PIECES_MAX: Final = 20
"""Pieces of the feed in one turn: between them the connections are served."""


@define
class Source:
    """See the module; its clock is the caller's."""

    consumer: Consumer
    queue: Queue
    hosts: tuple[Host, ...]
    _makers: tuple[Maker, ...] = field(init=False)
    _seals: dict[str, Seals] = field(init=False, factory=dict)
    _cursors: dict[int, str] = field(init=False, factory=dict)
    _missing: dict[tuple[str, int], tuple[int, int]] = field(init=False, factory=dict)
    _sequence: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._makers = tuple(Maker(host, self.queue.since_ms) for host in self.hosts)
        if self.queue.cursor:
            self.consumer.go_to(self.queue.cursor)

    def turn(self, now_ms: int) -> bool:
        """Read on and put into the queue what is complete; whether there is more to read.

        Raises:
            StoreError: Store or queue cannot be used.
        """
        for _ in range(PIECES_MAX):
            before = self.consumer.cursor
            found, lines = self.consumer.read()
            if not found:
                self._keep(now_ms, is_read=True)
                return False
            self._sequence += 1
            self._cursors[self._sequence] = before
            for line in lines:
                self._take(line, now_ms)
            self._keep(now_ms, is_read=False)
        return True

    def _take(self, line: JsonLine, now_ms: int) -> None:
        seals = self._seals.setdefault(line["gateway"], Seals())
        if line["type"] == "seal":
            if line["body"]:
                seals.add_body(line["seal"])
            else:
                seals.add_seal(line["seal"])
                self._missing[line["gateway"], line["seal"]] = (self._sequence, now_ms)
        elif line["type"] == "body":
            self._missing.pop((line["gateway"], line["seal"]), None)
            seals.add_body(line["seal"])
        elif line["type"] == "reading":
            if not line["at"].endswith("Z"):
                return  # beyond the year 9999
            at_ms = round(datetime.fromisoformat(line["at"]).timestamp() * MS_PER_S)
            if at_ms > now_ms + FUTURE_MS:
                return  # a clock that is wrong by days; its interval would be open until then
            seals.add_reading(line["seal"], at_ms)
            for maker in self._makers:
                maker.add(line, at_ms, self._sequence)

    def _keep(self, now_ms: int, *, is_read: bool) -> None:
        """Make what is complete; what waits in vain only when all that the store has `is_read`."""
        held_ms = now_ms - HOLD_MS if is_read else 0
        made: dict[str, list[Made]] = {}
        for maker in self._makers:
            packets = list(maker.close(self._is_whole, held_ms))
            if packets:
                made[maker.host.name] = packets
        self._missing = {at: one for at, one in self._missing.items() if now_ms - one[1] < HOLD_MS}
        needed = {sequence for sequence, _ in self._missing.values()}
        needed.update(*(maker.needed() for maker in self._makers))
        self._cursors = {at: self._cursors[at] for at in needed}
        cursor = self._cursors[min(needed)] if needed else self.consumer.cursor
        begins = [maker.oldest_ms() for maker in self._makers]
        oldest = min((one for one in begins if one is not None), default=now_ms)
        for seals in self._seals.values():
            seals.forget(oldest - MS_PER_S)
        if made or cursor != self.queue.cursor:
            self.queue.put(made, cursor, {host.name: host.packets_max for host in self.hosts})

    def _is_whole(self, gateway: str, begin_ms: int, end_ms: int) -> bool:
        seals = self._seals.get(gateway)
        return seals is not None and seals.is_whole(begin_ms, end_ms)
