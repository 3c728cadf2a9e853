"""Bodies without their seals: which ones still have to be sent, and how far the store may be pruned.

A body is sent only after a receipt for its seal, so that the centre can check it at once: new ones that did
not fit into the packet of their seal first, then the old ones, oldest first, at a byte rate, and never more
than a few that no receipt names yet. A body that the centre cannot take never starves those behind it: a new
round begins only after the last body had its turn.

A body larger than a packet is cut, and one body is under way at a time. Sealing smaller bodies instead was
weighed: at 4,096 bytes twenty meters would need four commits in the place of one, each some 20 kB of flash,
while a part costs 60 bytes on the wire; and a body that was sealed before, or one record alone, may be larger
than any limit. When the connection ends in the middle, the next one goes on with the bytes that were due and
comes round to the first ones last: so a body of a thousand parts also gets through a link that never lasts.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from attrs import Factory, define, field, frozen

from agent.uplink.delivery import Limits
from agent.uplink.packet_limit import PacketLimit
from evidence.held import Held
from evidence.receipt import Receipt
from evidence.seal import FIRST_NUMBER
from wire import messages
from wire.messages import PART_BYTES_MIN
from wire.pacing import Backoff, Budget, Patience

LOOKS_MAX: Final = 200
"""Stored bodies looked up in one call, so that a long backlog never holds up the agent."""

BodyBytes = Callable[[int], int]
"""The length of an own stored body, 0 where it was given up or the row is gone."""


@frozen
class BodyPacket:
    """A body, or the piece of it from the first byte to one behind the last, in a packet of `size` bytes."""

    number: int
    size: int
    piece: tuple[int, int] | None = None


@define(eq=False, repr=False)
class _Cut:
    """A body under way in parts; `sent` bytes of it went, from `start` on and round its end."""

    number: int
    length: int
    start: int
    sent: int = 0
    largest: int = 0

    @property
    def at(self) -> int:
        """The byte that is due."""
        return (self.start + self.sent) % self.length


@define(eq=False, repr=False)
class Backfill:
    """`topic` is that of bodies; `pruned`: the last seal before the first row of the store.

    Attributes:
        untaken: Times in a row that bodies in parts brought no receipt.
    """

    limits: Limits
    limit: PacketLimit
    topic: str
    pruned: int
    untaken: int = field(init=False, default=0)
    _held: Held = field(init=False, factory=Held)
    _live: deque[int] = field(
        init=False, default=Factory(lambda self: deque(maxlen=self.limits.live_bodies_max), takes_self=True)
    )
    _sent: int = field(init=False, default=0)  # bodies up to here were sent or need not be
    _cut: _Cut | None = field(init=False, default=None)
    _resume: tuple[int, int] = field(init=False, default=(0, 0))  # the body that was cut off, and its byte
    _awaited: dict[int, int] = field(init=False, factory=dict)  # sent and in no receipt yet: largest packet
    _parted: set[int] = field(init=False, factory=set)  # those of them that went in parts
    _again: bool = field(init=False, default=False)  # some were given up: another round is needed
    _prunable: int = field(init=False)  # every body below is held or was given up
    _patience: Patience = field(init=False)
    _budget: Budget = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._held.add(0, self.pruned)
        self._prunable = self.pruned + 1
        self._patience = Patience(Backoff(self.limits.stall_s, self.limits.stall_longest_s))
        self._budget = Budget(self.limits.backfill_bytes_per_s)

    def prefer(self, number: int) -> None:
        """Send the body of this new seal before old ones."""
        self._live.append(number)

    def next(self, received: int, body_bytes: BodyBytes, now_s: float) -> BodyPacket | None:
        """The next packet with a body that the centre lacks, or with a part of one; counts it as sent."""
        if self._cut is not None:
            number = self._cut.number
            if self._is_held(number) or body_bytes(number) != self._cut.length:
                self._cut = None
        if not self._budget.is_open(now_s):
            return None
        if self._cut is None:
            awaited_max = 1 if self._patience.out else self.limits.awaited_bodies_max
            found = self._find(received, body_bytes) if len(self._awaited) < awaited_max else None
            if found is None:
                return None
            number, length = found
            size = messages.packet_bytes(self.topic, messages.message_bytes([length]))
            if size <= self.limit.bytes_max:
                return self._take(BodyPacket(number, size), now_s)
            start = self._resume[1] % length if self._resume[0] == number else 0
            self._cut = _Cut(number, length, start)
        return self._next_part(self._cut, now_s)

    def _find(self, received: int, body_bytes: BodyBytes) -> tuple[int, int] | None:
        """Number and length of the next body; moves the round past it."""
        while self._live and self._live[0] <= received:
            number = self._live.popleft()
            length = 0 if self._is_held(number) or number in self._awaited else body_bytes(number)
            if length:
                return number, length
        for _ in range(LOOKS_MAX):
            number = self._held.find_missing_from(max(self._sent + 1, FIRST_NUMBER))
            if number > received:
                break
            self._sent = number
            length = 0 if number in self._awaited else body_bytes(number)
            if length:
                return number, length
        return None

    def _next_part(self, cut: _Cut, now_s: float) -> BodyPacket | None:
        room = messages.piece_bytes_max(self.topic, self.limit.bytes_max)
        if room < PART_BYTES_MIN:
            return None
        at = cut.at
        end = min(at + room, cut.length)
        size = self.limit.bytes_max - room + end - at
        cut.sent += end - at
        cut.largest = max(cut.largest, size)
        packet = BodyPacket(cut.number, size, (at, end))
        if cut.sent < cut.length:
            self._budget.spend(size)
            return packet
        self._cut = None
        self._parted.add(cut.number)
        return self._take(packet, now_s, cut.largest)

    def _take(self, packet: BodyPacket, now_s: float, largest: int = 0) -> BodyPacket:
        """Count a body as sent, with the last packet of it."""
        self._awaited[packet.number] = max(packet.size, largest)
        self._patience.sent(now_s)
        self._budget.spend(packet.size)
        return packet

    def on_receipt(self, receipt: Receipt, now_s: float) -> bool:
        """Take a receipt; returns whether it names a body that none named before."""
        is_new = False
        for first, last in ((0, receipt.bodies_up_to), *receipt.ranges):
            is_new |= self._held.add(first, last)
        there = [number for number in self._awaited if self._is_held(number)]
        for number in there:
            self.limit.arrived(self._awaited.pop(number))
            if number in self._parted:
                self._parted.remove(number)
                self.untaken = 0
        if there:
            self._patience.progress(now_s, more=bool(self._awaited))
        if self._held.up_to >= receipt.number:
            self.untaken = 0
        return is_new

    def go_back(self, receipt: Receipt) -> None:
        """Hold nothing for delivered but what this receipt names: the centre has lost what came after it."""
        self._held = Held()
        self._held.add(0, max(self.pruned, receipt.bodies_up_to))
        self._prunable = self.pruned + 1
        self.rewind()

    def watch(self, now_s: float, received: int) -> int:
        """Schedule again the bodies that no receipt has named for too long.

        Returns:
            Their largest packet, of which the size may be the reason, else 0. A part as large as the broker
            itself has named is none: rather the centre knows no parts.
        """
        largest = 0
        if self._patience.expire(now_s):
            parted = set() if self.limit.is_learned else self._parted
            largest = max((size for number, size in self._awaited.items() if number not in parted), default=0)
            self.untaken += bool(self._parted)
            self._forget_awaited()
            self._again = True
        if self._again and self._cut is None and self._held.find_missing_from(self._sent + 1) > received:
            self._sent, self._again = 0, False
        return largest

    def hurry(self) -> None:
        """Something was changed that may help: wait for the next receipt no longer than for a first one."""
        self._patience.pause.succeed()

    def rewind(self) -> None:
        """Start over with the bodies that no receipt names."""
        if self._cut is not None:
            self._resume = self._cut.number, self._cut.at
        self._sent, self._cut, self._again = 0, None, False
        self._forget_awaited()
        self._patience.forget()

    def _forget_awaited(self) -> None:
        self._awaited.clear()
        self._parted.clear()

    def _is_held(self, number: int) -> bool:
        return self._held.find_missing_from(number) != number

    def held_up_to(self, received: int) -> int:
        """The centre awaits no body up to this one."""
        return min(self._held.up_to, received)

    def list_missing(self, tip: int) -> tuple[tuple[int, int], ...]:
        """First and last of each run of own seals whose bodies no receipt names."""
        return tuple(self._held.list_missing(tip))

    def prunable_below(self, received: int, body_bytes: BodyBytes) -> int:
        """See `Outbox.prunable_below`."""
        while self._prunable <= received:
            after = self._held.find_missing_from(self._prunable)
            if after == self._prunable:
                if body_bytes(after) > 0:
                    break
                after += 1
            self._prunable = after
        return min(self._prunable, received)
