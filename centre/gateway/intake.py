"""Messages between the broker and the core: a queue for each gateway, dealt out in turn. Pure.

The connection's thread puts in and never waits: a gateway that sends more than the centre takes fills its own
queue and nobody else's. What does not fit is dropped. It has no receipt, so its gateway sends it again, at
its own growing pace; the core is told that the hole is its own doing (`pace`).

`take` gives one message of each gateway in turn, and what is new before the bodies of a backlog: a seal of
now waits for no hour of before, neither its own gateway's nor another's. Of LATER_EVERY messages one is a
body all the same, so that a flood of seals holds no backlog up for ever. A body is sent after the receipt for
its seal, so none comes before its seal. Who has used up his share of the processor waits until it has come in
again, so one gateway leaves most of the time to the others whatever its messages cost. A batch ends after
SLICE_S, so that what came meanwhile is looked at. The caller reports what each message took (`charge`).
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from attrs import define, field

from centre.gateway.budget import CPU_BURST_S, CPU_SHARE
from wire.messages import Kind, WireError, parse_topic
from wire.mqtt_events import Message

QUEUE_BYTES_MAX: Final = 4 * 1024 * 1024
"""One gateway's messages: more than what it sends before it waits for receipts (256 bodies of 11 kB)."""
QUEUE_MAX: Final = 512
"""Messages of one gateway: twice the old bodies that it has on the way."""
TOTAL_BYTES_MAX: Final = 48 * 1024 * 1024
"""Of all: the longest queue gives way. With the rest of the centre it stays below 256 MiB."""
MESSAGE_BYTES: Final = 400
"""Of memory, around a message."""
SLICE_S: Final = 0.1
"""Seconds of the processor for one batch: an answer waits for one batch at most, and its own."""


LATER_EVERY: Final = 4
"""Of the messages that are taken while both wait, one in so many is a body."""
_LATER: Final = (Kind.BODY, Kind.FILE)


@define
class _Queue:
    """`cpu_s` is what is left of the share, below 0 for a debt."""

    now: deque[Message] = field(factory=deque)
    later: deque[Message] = field(factory=deque)
    size: int = 0
    cpu_s: float = CPU_BURST_S
    at_s: float | None = None

    def __len__(self) -> int:
        return len(self.now) + len(self.later)

    def refill(self, now_s: float) -> None:
        """Add the share of the time that passed."""
        passed_s = 0.0 if self.at_s is None else max(now_s - self.at_s, 0.0)
        self.cpu_s = min(self.cpu_s + passed_s * CPU_SHARE, CPU_BURST_S)
        self.at_s = now_s


@define
class Intake:
    """See the module. Not for several threads at once: the owner has a lock.

    Attributes:
        size: Bytes of memory of all that waits.
    """

    size: int = 0
    _queues: dict[str, _Queue] = field(factory=dict)
    _now: deque[str] = field(factory=deque)  # gateways with new messages, the one whose turn it is first
    _later: deque[str] = field(factory=deque)  # those with bodies
    _taken: int = 0
    _dropped: dict[str, int] = field(factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def put(self, message: Message, known: Callable[[str], bool]) -> bool:
        """Add a message; those of topics that no known gateway has share one queue.

        Returns:
            Whether it has room, and may be taken at once.
        """
        try:
            name, kind = parse_topic(message.topic)
        except WireError:
            name, kind = "", Kind.SEAL
        if not known(name):
            name = ""
        queue = self._queues.setdefault(name, _Queue())
        added = len(message.payload) + MESSAGE_BYTES
        if len(queue) >= QUEUE_MAX or queue.size + added > QUEUE_BYTES_MAX:
            self._dropped[name] = self._dropped.get(name, 0) + 1
            return False
        turns, messages = (self._later, queue.later) if kind in _LATER else (self._now, queue.now)
        if not messages:
            turns.append(name)
        messages.append(message)
        queue.size += added
        self.size += added
        while self.size > TOTAL_BYTES_MAX:
            longest = max((*self._now, *self._later), key=lambda one: self._queues[one].size)
            self._dropped[longest] = self._dropped.get(longest, 0) + 1
            self._remove(longest, last=True, later=bool(self._queues[longest].later))
        return queue.cpu_s >= 0

    def take_dropped(self) -> dict[str, int]:
        """The gateways whose messages did not fit since the last call, with how many."""
        dropped, self._dropped = self._dropped, {}
        return dropped

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._now and not self._later

    def take(self, now_s: float) -> tuple[str, Message] | None:
        """The next message and its gateway; None if nothing waits that is within its share."""
        self._taken += 1
        later = self._taken % LATER_EVERY == 0
        return self._take(now_s, later=later) or self._take(now_s, later=not later)

    def _take(self, now_s: float, *, later: bool) -> tuple[str, Message] | None:
        turns = self._later if later else self._now
        for _ in range(len(turns)):
            name = turns[0]
            turns.rotate(-1)
            self._queues[name].refill(now_s)
            if self._queues[name].cpu_s >= 0:
                return name, self._remove(name, later=later)
        return None

    def pause_s(self, now_s: float) -> float | None:
        """Seconds until a message may be taken, 0 for now, None if nothing waits."""
        waiting = {*self._now, *self._later}
        for name in waiting:
            self._queues[name].refill(now_s)
        debts_s = [max(-self._queues[name].cpu_s, 0.0) for name in waiting]
        return min(debts_s) / CPU_SHARE if debts_s else None

    def charge(self, name: str, cpu_s: float) -> None:
        """Count what a message of a gateway took."""
        if name in self._queues:
            self._queues[name].cpu_s -= cpu_s

    def forget(self, name: str) -> None:
        """Drop what waits of a gateway that this centre has nothing to do with any more."""
        while self.holds(name):
            self._remove(name, later=not self._queues[name].now)

    def holds(self, name: str) -> bool:
        """Whether messages of a gateway wait."""
        return name in self._queues and len(self._queues[name]) > 0

    def _remove(self, name: str, *, later: bool, last: bool = False) -> Message:
        queue = self._queues[name]
        turns, messages = (self._later, queue.later) if later else (self._now, queue.now)
        message = messages.pop() if last else messages.popleft()
        freed = len(message.payload) + MESSAGE_BYTES
        queue.size -= freed
        self.size -= freed
        if not messages:
            turns.remove(name)
        return message
