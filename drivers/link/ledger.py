"""Remembers which requests may still be answered, so that no late answer is believed.

An RTU answer names its unit, function and byte count, not its registers. So as long as an answer to
one request may still arrive, no other request with the same `Signature` may be sent, or the old
registers would be taken for the new ones. Two cases, each with its own time:

- **unanswered**: the time-out passed, the connection broke, or another master sent it. Its answer may
come until `late_max_s` after the request, because a radio or a gateway may hold all that it carries for so
long. Once it was **overtaken**, that is, the same meter answered a request that was sent later, nothing holds
it any more: it can only come for the time that the meter itself, or a repeater, may be late
(`overtaken_max_s` of the request).
- **answered**: only a duplicate can come, until `duplicate_max_s` after the answer. The same registers
  may be read again at once: a duplicate would hold the same registers, younger than
  `duplicate_max_s`.
- **asked again**: what was overtaken is lost, almost certainly, so the same registers may be asked for again
  at once, without waiting for `overtaken_max_s`. Should the lost answer come after all it is taken: it holds
  the right registers, read no longer ago than that. One answer more may come then, for which other registers
  wait as before.

The bus changes the signature by reading a few registers more than it needs (`choose`); if a meter
allows none it has to wait. A refusal does not even name a count: while any other read of this unit
and function may be answered late, a refusal is doubtful: it may belong to the earlier request, must not
be learned as a hole of the meter, and the answer may still come.

A **hasty** request (`is_hasty`) is one of many while a meter is named, which rests on no single answer. For
it no duplicate comes, and an answer is late for HASTY_LATE_S or until it is overtaken. It takes nothing from
the others: what an earlier request of its signature is owed stays owed.

Pure: time is passed in as `now_s`. Size: one entry for each signature of the last `late_max_s` and TIDY_S.
"""

import math
from typing import Final, Protocol

from attrs import Factory, define, frozen

from drivers.link.gateway_queue import GatewayQueue
from drivers.link.verdict import COUNT_MAX, Request, Signature

LATE_REAL_MIN_S: Final = 1.0
"""A clock that runs fast does not make the machine's scheduler faster: this much real time is kept."""
LATE_MAX_S: Final = 10.0
"""Latest answer that is expected. Gateways queue for seconds; ten is beyond every time-out in use."""
DUPLICATE_MAX_S: Final = 0.5
"""Latest second copy of an answer: a repeater or a radio link sends it within a few frame lengths."""

HASTY_LATE_S: Final = 2.0
"""Latest answer that a hasty request expects: the meter has just answered quickly."""

TIDY_S: Final = 1.0
"""Time between two removals of expired entries; they count for nothing before that, too."""


class PendingRequest(Protocol):
    """What the ledger needs of a request of Modbus or DL/T 645."""

    @property
    def unit_id(self) -> int:
        """The meter."""
        ...

    @property
    def function(self) -> int:
        """The function."""
        ...

    @property
    def address(self) -> int:
        """The first register, or the data id."""
        ...

    @property
    def signature(self) -> Signature:
        """The parts that its answer repeats."""
        ...


@define(eq=False, repr=False)
class _Entry:
    address: int
    until_s: float
    answered: bool
    refused: bool = False
    sent_s: float | None = None
    overtaken_until_s: float = math.inf
    is_overtaken: bool = False
    is_excused: bool = False
    """Whether a gateway has said that the meter does not answer; it says so once."""
    owed_until_s: float = -math.inf
    """Until when an earlier request of this signature may be answered, too."""
    is_again: bool = False
    """Whether all of those were for the same registers."""

    @property
    def is_lost(self) -> bool:
        """Whether it was overtaken on a bus where that says something."""
        return not self.answered and self.is_overtaken and self.overtaken_until_s < math.inf

    @property
    def is_debt(self) -> bool:
        """Whether only earlier requests may still be answered, and those by us."""
        return self.sent_s is None and self.owed_until_s > -math.inf


@frozen
class Choice:
    """What to do about a request: send it with `count` registers now, or first wait `wait_s`."""

    count: int
    wait_s: float = 0.0


@define(eq=False, repr=False)
class Ledger:
    """The requests of one bus that may still be answered.

    Attributes:
        late_max_s: How long an unanswered one is remembered.
        duplicate_max_s: How long an answered one is.
        late_s: Of each unit, how long after its request its last late answer came.
        is_hasty: Whether the request at present is a hasty one.
        queue: What is known of the gateway in front of the bus, if there is one.
    """

    late_max_s: float = LATE_MAX_S
    duplicate_max_s: float = DUPLICATE_MAX_S
    queue: GatewayQueue = Factory(GatewayQueue)
    late_s: dict[int, float] = Factory(dict)
    is_hasty: bool = False
    _entries: dict[Signature, _Entry] = Factory(dict)
    _owed: dict[Signature, None] = Factory(dict)
    _last: Signature | None = None
    _tidied_s: float = float("-inf")

    def is_free(self, request: Request, now_s: float) -> bool:
        """Whether `choose` would take `request` as it stands, without a wait."""
        signature = request.signature
        entry = self._entries.get(signature)
        if entry is None or self._until_s(entry) <= now_s:
            return True
        return _may_repeat(entry, request.address, now_s) and signature != self._last

    def choose(self, request: Request, spare_registers: int, now_s: float) -> Choice:
        """The count for `request` that no late answer can be confused with.

        Between the request's own count and `spare_registers` more, the fewest among equals; but not
        that of the same meter's request just before, while a duplicate of its answer may come.
        """
        last_count = self._last_count(request, now_s)
        most = min(request.count + spare_registers, COUNT_MAX)
        counts = range(request.count, most + 1)
        waits = {
            count: self._wait_s(Signature(request.unit_id, request.function, count), request.address, now_s)
            for count in counts
        }
        best = min(counts, key=lambda count: (waits[count], count == last_count, count))
        return Choice(best, waits[best])

    def rest_s(self, signature: Signature, now_s: float) -> float:
        """How long until nothing can come that could be mistaken for an answer of this signature.

        Counts duplicates too: for protocols where an answer of one signature always belongs to one
        request, so that only its time distinguishes a duplicate from a new answer.
        """
        entry = self._entries.get(signature)
        return 0.0 if entry is None else max(self._until_s(entry) - now_s, 0.0)

    def note_request(
        self,
        request: PendingRequest,
        now_s: float,
        late_max_s: float = math.inf,
        overtaken_max_s: float = math.inf,
    ) -> None:
        """Note that `request` went out: it is unanswered until its answer is noted.

        `late_max_s` is for a bus whose answers are known to come sooner than those of all others,
        `overtaken_max_s` for what was overtaken.
        """
        if now_s >= self._tidied_s + TIDY_S or now_s < self._tidied_s:
            self._drop_expired(now_s)
        signature = self._last = request.signature
        entry = _Entry(
            request.address,
            now_s + min(self.late_max_s, late_max_s),
            answered=False,
            sent_s=now_s,
            overtaken_until_s=now_s + overtaken_max_s,
        )
        before = self._entries.get(signature)
        if before is not None and before.until_s > now_s:
            self._take_over(entry, before)
        self._put(signature, entry)

    def _take_over(self, entry: _Entry, before: _Entry) -> None:
        """Let the new `entry` of a signature remember what the one `before` is still owed."""
        is_same = entry.address == before.address
        if is_same and before.is_again:
            entry.is_again = True
            entry.owed_until_s = before.owed_until_s if before.answered else before.until_s
        elif is_same and before.is_lost and before.owed_until_s == -math.inf:
            entry.is_again = True  # which of the two is answered cannot be told
            entry.owed_until_s = max(before.until_s, min(entry.until_s, entry.overtaken_until_s))
        elif self.is_hasty and not (is_same and before.answered):
            entry.owed_until_s = before.until_s
        entry.until_s = max(entry.until_s, entry.owed_until_s)

    def note_answer(
        self, request: PendingRequest, now_s: float, *, refused: bool = False, damaged: bool = False
    ) -> None:
        """Note the answer or a certain refusal; one that came `damaged` overtakes nothing."""
        signature, until_s = request.signature, now_s + self.duplicate_max_s
        before = self._entries.get(signature)
        entry = _Entry(request.address, until_s, answered=True, refused=refused)
        self._put(signature, entry if before is None else _with_debt(entry, before, now_s))
        if self._owed and not damaged and before is not None and before.sent_s is not None:
            self._overtake(signature, before.sent_s)

    def _put(self, signature: Signature, entry: _Entry) -> None:
        self._entries[signature] = entry
        if entry.answered:
            self._owed.pop(signature, None)
        else:
            self._owed[signature] = None

    def _overtake(self, answered: Signature, sent_s: float) -> None:
        """Shorten the time of what the same meter still owes of requests sent before `sent_s`."""
        for signature in self._owed:
            entry = self._entries[signature]
            if signature.unit_id == answered.unit_id and entry.sent_s is not None and entry.sent_s < sent_s:
                entry.is_overtaken = True
                entry.until_s = min(entry.until_s, entry.overtaken_until_s)

    def note_second_answer(self, request: PendingRequest, now_s: float) -> None:
        """Note that the answer to the second of two equal requests has come: that to the first still may."""
        self._put(request.signature, _Entry(request.address, now_s + self.late_max_s, answered=True))

    def note_foreign_request(self, signature: Signature, now_s: float) -> None:
        """Note another master's request; its answer may come at any time."""
        self._owed.pop(signature, None)
        self._entries[signature] = _Entry(-1, now_s + self.late_max_s, answered=False)

    def note_stray_answer(self, signature: Signature, now_s: float) -> bool:
        """Note an unexpected answer; returns whether it was a late one of ours."""
        entry = self._entries.get(signature)
        if entry is None or entry.until_s <= now_s:
            return False
        if not entry.answered:
            if entry.sent_s is not None:
                self.late_s[signature.unit_id] = now_s - entry.sent_s
            come = _Entry(-1, now_s + self.duplicate_max_s, answered=True)
            if entry.owed_until_s > now_s:
                entry.owed_until_s = entry.until_s
            self._put(signature, _with_debt(come, entry, now_s))
        return True

    def note_excuse(self, request: PendingRequest) -> None:
        """Note that a gateway gave up a request; the meter may answer it all the same."""
        entry = self._entries.get(request.signature)
        if entry is not None:
            entry.is_excused = True

    def is_doubtful(self, request: PendingRequest, now_s: float, *, by_gateway: bool = False) -> bool:
        """Whether a refusal that comes now, of meter or gateway, may belong to an earlier request."""
        return any(
            self._until_s(entry) > now_s
            and (not entry.answered or entry.refused)
            and not (by_gateway and entry.is_excused)
            for signature, entry in self._entries.items()
            if (signature.unit_id, signature.function) == (request.unit_id, request.function)
            and signature != request.signature
        )

    def _last_count(self, request: Request, now_s: float) -> int:
        """The count of the request just before, if a duplicate of its answer could answer `request`."""
        last = self._last
        if last is None or (last.unit_id, last.function) != (request.unit_id, request.function):
            return 0
        entry = self._entries.get(last)
        return last.count if entry is not None and self._until_s(entry) > now_s else 0

    def _wait_s(self, signature: Signature, address: int, now_s: float) -> float:
        entry = self._entries.get(signature)
        if entry is None or _may_repeat(entry, address, now_s):
            return 0.0
        return max(self._until_s(entry) - now_s, 0.0)

    def _until_s(self, entry: _Entry) -> float:
        """Until when the request at present has to mind an earlier one."""
        if not self.is_hasty:
            return entry.until_s
        if entry.answered or entry.is_overtaken or entry.is_debt:
            return -math.inf
        return entry.until_s if entry.sent_s is None else min(entry.until_s, entry.sent_s + HASTY_LATE_S)

    def _drop_expired(self, now_s: float) -> None:
        self._tidied_s = now_s
        for signature in [one for one, entry in self._entries.items() if entry.until_s <= now_s]:
            del self._entries[signature]
            self._owed.pop(signature, None)


def _may_repeat(entry: _Entry, address: int, now_s: float) -> bool:
    """Whether the registers of the last request of a signature may be asked for again at once."""
    if entry.address != address:
        return False
    return entry.answered or (entry.is_lost and (entry.is_again or entry.owed_until_s <= now_s))


def _with_debt(entry: _Entry, before: _Entry, now_s: float) -> _Entry:
    """The entry of an answered request, as long as another answer of its signature is owed.

    It may be that of other registers, or of the same, and a refusal as well.
    """
    owed_until_s = before.owed_until_s
    if owed_until_s <= now_s:
        return entry
    until_s = max(entry.until_s, owed_until_s)
    if not before.is_again:
        return _Entry(-1, until_s, answered=False, owed_until_s=owed_until_s)
    return _Entry(
        before.address, until_s, answered=True, refused=True, owed_until_s=owed_until_s, is_again=True
    )
