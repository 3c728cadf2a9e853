"""Turns pending records into seals: when one is due, what a failing disk means, what makes room.

`Sealing` adds records of its own: EVENT for the levels of the quota and for the ballast, DROP for bodies
deleted for lack of room, GAP for records that found no room in memory while the disk failed.

A record is pending until it is sealed, and a seal is committed before it is sent (`Sealer`). A kill loses
no pending record: a reading is in the spool (`agent.spool`) since it was read, every other record since it
was put, but those whose source finds them again: a file of the inbox, a damaged body. A commit that fails
is tried again with the same bytes; after SETTLE_S_MAX the process ends, and the next start repairs. `now_s`
is real time, for the disk; `stamp` is the plant's.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import Final

from attrs import Factory, define, field

from agent.sealing.pending import Pending
from agent.sealing.quota import Level, Quota
from agent.sealing.sealer import Sealer
from agent.sealing.source import NewRecord, Urgency
from agent.store.gateway import GatewayStore
from disk.database import CommitError, StoreFullError
from drivers.clock import NS_PER_S, Stamp
from evidence.record import Kind, encode_record
from evidence.seal import FIRST_NUMBER, NO_HASH, StoredSeal

LOG: Final = logging.getLogger("dianjian.sealing")

SETTLE_S_MAX: Final = 30.0
"""A disk that fails for longer needs a new process, perhaps a person."""


class DiskError(Exception):
    """No seal could be committed for SETTLE_S_MAX: end the process, the next start repairs."""


@define(eq=False, repr=False)
class Sealing:
    """Queues records and seals them.

    Attributes:
        interval_s: Time between seals when nothing is urgent.
        tip: The last own seal.
        reference: Gives the hash of the last receipt or beacon: whatever is sealed now is younger than that.
        prunable_below: Rows below this number are not needed to deliver what is sealed.
        on_sealed: A seal was committed and may be sent.
        keep_from: Rows from this seal on are needed on the gateway, receipted or not; None if none are.
        level: How full the database was when the last seal was made.
    """

    sealer: Sealer
    store: GatewayStore
    interval_s: float
    tip: int
    reference: Callable[[], bytes]
    prunable_below: Callable[[], int]
    on_sealed: Callable[[int], None]
    keep_from: Callable[[], int | None] = lambda: None
    level: Level = field(default=Level.FREE, init=False)
    _pending: Pending = field(factory=Pending, init=False)
    _sealed_ns: int = field(default=0, init=False)
    _reported: Level = field(default=Level.FREE, init=False)
    _failing_since_s: float | None = field(default=None, init=False)
    _lost: list[tuple[int, int]] = field(factory=list, init=False)
    _quota: Quota = field(default=Factory(lambda self: Quota(self.store), takes_self=True), init=False)

    @property
    def waits(self) -> bool:
        """Whether something is not sealed yet."""
        return bool(self._pending) or self.sealer.is_unsettled

    def last(self) -> tuple[int, bytes] | None:
        """The last own seal and its hash; None where its row is gone."""
        if self.tip < FIRST_NUMBER:
            return self.tip, NO_HASH
        digest = self.store.hash_of(self.tip)
        return None if digest is None else (self.tip, digest)

    def put(self, record: NewRecord, stamp: Stamp) -> None:
        """Queue a record for the next seal; see `agent.sealing.source`."""
        kind, body, urgency, found_again = record
        spool = self.sealer.spool
        if urgency is Urgency.DISPENSABLE and self.level >= Level.ESSENTIAL:
            if isinstance(body, bytes):
                spool.discard(body)
            return
        raw = body if isinstance(body, bytes) else encode_record(kind, stamp, body)
        if kind is Kind.DROP and not isinstance(body, bytes):
            LOG.error("seals %d to %d: the bodies are lost, %s", body["first"], body["last"], body["why"])
            self._lost.append((body["first"], body["last"]))
            self._pending.put_first(raw)
        else:
            if not found_again and not isinstance(body, bytes):
                spool.add(raw)
            self._queue(raw)
        self._pending.urgent |= urgency is Urgency.AT_ONCE

    def take_up(self) -> None:
        """Queue what the run before left, at the start and before everything else."""
        for raw in self.sealer.spool.kept.records:
            self._queue(raw)

    def _queue(self, raw: bytes) -> None:
        if not self._pending.put(raw):
            self.sealer.spool.discard(raw)

    def is_due(self, stamp: Stamp) -> bool:
        """Whether a seal is due now."""
        if self.sealer.is_unsettled:
            return True
        aged = stamp.boottime_ns - self._sealed_ns >= self.interval_s * NS_PER_S
        return bool(self._pending) and (aged or self._pending.urgent or self._pending.full)

    def seal(self, stamp: Stamp, now_s: float) -> bool:
        """Seal everything that waits; returns whether it is committed.

        Raises:
            DiskError: Commits have failed for too long.
        """
        pending = self._pending
        self._sealed_ns, pending.urgent = stamp.boottime_ns, False
        try:
            if self.sealer.is_unsettled:
                self._note_seal(self.sealer.settle())
            while pending:
                self._make_room(stamp)
                self._note_seal(self.sealer.seal(pending.take(), stamp, self.reference()))
        except CommitError as error:
            self._handle_failure(error, stamp, now_s)
            return False
        self._failing_since_s = None
        self.store.restock()
        self._report_disk(stamp)
        if pending.lost:
            body = {"what": "records", "count": pending.lost, "why": "the disk took no seal"}
            self.put(NewRecord(Kind.GAP, body), stamp)
            pending.lost = 0
        return True

    def _note_seal(self, seal: StoredSeal) -> None:
        self.tip = max(self.tip, seal.number)
        self.on_sealed(seal.number)

    def _handle_failure(self, error: CommitError, stamp: Stamp, now_s: float) -> None:
        if self._failing_since_s is None:
            self._failing_since_s = now_s
            LOG.error("no seal could be committed: %s", error)
        relieved = self.store.relieve()
        self._report_disk(stamp)
        if isinstance(error, StoreFullError) and not relieved:
            with contextlib.suppress(CommitError):  # a disk without room for even that
                self._make_room(stamp, at_once=True)
        if now_s - self._failing_since_s > SETTLE_S_MAX:
            raise DiskError(f"no seal committed for {SETTLE_S_MAX:g} s: {error}") from error

    def _report_disk(self, stamp: Stamp) -> None:
        for text in self.store.take_disk_news():
            LOG.warning("the disk: %s", text)
            self.put(NewRecord(Kind.EVENT, {"what": "disk", "text": text}), stamp)

    def _make_room(self, stamp: Stamp, *, at_once: bool = False) -> None:
        """Free what must be freed; bodies go with the seal that declares it, or `at_once` before it."""
        while self._lost and not at_once:
            self.store.drop_bodies(*self._lost.pop(), at_once=False)
        prunable = self._prunable_below()
        level, drop = self._quota.make_room(prunable_below=prunable, tip=self.tip, was_full=at_once)
        self._report(level, stamp)
        self.level = level
        if drop is not None:
            self.store.drop_bodies(*drop, at_once=at_once)
            # All rows below have no body either; the seal that declared this may lose its own now.
            first = self.store.first_number() or drop[0]
            raw = encode_record(Kind.DROP, stamp, {"first": first, "last": drop[1], "why": "no room"})
            if at_once:  # the bodies are gone now, whatever comes of the seal
                self.sealer.spool.add(raw)
            self._pending.put_first(raw)

    def _report(self, level: Level, stamp: Stamp) -> None:
        """Each level when it is first reached, and the end of the alarm: at a limit it goes up and down."""
        if level <= self._reported and not (level < Level.ALARM <= self._reported):
            return
        self._reported = level
        if level >= Level.ALARM or self.level >= Level.ALARM:
            LOG.warning("the database is at level %s", level.name)
            self.put(NewRecord(Kind.EVENT, {"what": "database", "level": level.name}), stamp)

    def _prunable_below(self) -> int:
        receipted, keep_from = self.prunable_below(), self.keep_from()
        return receipted if keep_from is None else min(receipted, keep_from)
