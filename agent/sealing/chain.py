"""From pending records to seals: when one is due, what a failing disk means, what makes room.

A record is pending until it is sealed, and a seal is committed before it is sent (`Sealer`). A commit
that fails is tried again with the same bytes; after SETTLE_S_MAX the process ends, and its start repairs.
`now_s` is real time, for the disk; `stamp` is the plant's.
"""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from agent.sealing.pending import Pending
from agent.sealing.quota import Level, Quota
from agent.sealing.sealer import Sealer
from agent.store.gateway import GatewayStore
from agent.uplink.courier import Courier
from disk.database import CommitError, StoreFullError
from drivers.clock import NS_PER_S, Stamp
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal

LOG: Final = logging.getLogger("dianjian.sealing")

SETTLE_S_MAX: Final = 30.0
"""A disk that fails for longer needs a new process, and perhaps a person."""


class DiskError(Exception):
    """The disk has not taken a seal for SETTLE_S_MAX: end, and let the start repair."""


@define
class Sealing:
    """The records that wait, and the way they take into the chain.

    Attributes:
        interval_s: Time between seals when nothing is urgent.
        level: How full the database was when the last seal was made.
        keep_from: Rows from this seal on are needed on the gateway, receipted or not.
    """

    sealer: Sealer
    store: GatewayStore
    courier: Courier
    interval_s: float
    level: Level = field(default=Level.FREE, init=False)
    keep_from: int | None = field(default=None, init=False)
    _pending: Pending = field(factory=Pending, init=False)
    _sealed_ns: int = field(default=0, init=False)
    _told: Level = field(default=Level.FREE, init=False)
    _failing_since_s: float | None = field(default=None, init=False)
    _damaged: list[int] = field(factory=list, init=False)
    _quota: Quota = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._quota = Quota(self.store)

    @property
    def tip(self) -> int:
        """The last own seal."""
        return self.courier.outbox.tip

    @property
    def waits(self) -> bool:
        """Whether something is not sealed yet."""
        return bool(self._pending) or self.sealer.unsettled

    def put(self, kind: Kind, stamp: Stamp, body: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Let a record wait for the next seal, which `urgent` makes at once."""
        self.put_record(encode_record(kind, stamp, body))
        self._pending.urgent |= urgent

    def put_record(self, record: bytes) -> None:
        """The same for one that is encoded already."""
        self._pending.put(record)

    def damaged(self, number: int, stamp: Stamp) -> None:
        """Declare the body of seal `number` lost, which is not what was sealed; it goes in that commit."""
        LOG.error("seal %d: its body is not what was sealed", number)
        self._damaged.append(number)
        self._pending.put_first(
            encode_record(Kind.DROP, stamp, {"first": number, "last": number, "why": "damaged"})
        )

    def is_due(self, stamp: Stamp) -> bool:
        """Whether a seal is to be made now."""
        if self.sealer.unsettled:
            return True
        aged = stamp.boottime_ns - self._sealed_ns >= self.interval_s * NS_PER_S
        return bool(self._pending) and (aged or self._pending.urgent or self._pending.full)

    def seal(self, stamp: Stamp, now_s: float) -> bool:
        """Seal everything that waits; whether the disk took it.

        Raises:
            DiskError: It has not for too long.
        """
        pending = self._pending
        self._sealed_ns, pending.urgent = stamp.boottime_ns, False
        try:
            if self.sealer.unsettled:
                self._sealed(self.sealer.settle())
            while pending:
                self._make_room(stamp)
                self._sealed(self.sealer.seal(pending.take(), stamp, self.courier.reference))
        except CommitError as error:
            self._failed(error, stamp, now_s)
            return False
        self._failing_since_s = None
        self.store.restock()
        self._tell_disk(stamp)
        if pending.lost:
            body = {"what": "records", "count": pending.lost, "why": "the disk took no seal"}
            self.put(Kind.GAP, stamp, body)
            pending.lost = 0
        return True

    def _sealed(self, seal: StoredSeal) -> None:
        self.courier.outbox.on_sealed(seal.number)

    def _failed(self, error: CommitError, stamp: Stamp, now_s: float) -> None:
        if self._failing_since_s is None:
            self._failing_since_s = now_s
            LOG.error("the disk took no seal: %s", error)
        relieved = self.store.relieve()
        self._tell_disk(stamp)
        if isinstance(error, StoreFullError) and not relieved:
            with contextlib.suppress(CommitError):  # a disk without room for even that
                self._make_room(stamp, at_once=True)
        if now_s - self._failing_since_s > SETTLE_S_MAX:
            raise DiskError(f"no seal committed for {SETTLE_S_MAX:g} s: {error}") from error

    def _tell_disk(self, stamp: Stamp) -> None:
        for text in self.store.take_disk_news():
            LOG.warning("the disk: %s", text)
            self.put(Kind.EVENT, stamp, {"what": "disk", "text": text})

    def _make_room(self, stamp: Stamp, *, at_once: bool = False) -> None:
        """Free what must be freed; bodies go with the seal that tells of them, or `at_once` before it."""
        while self._damaged and not at_once:
            number = self._damaged.pop()
            self.store.drop_bodies(number, number, at_once=False)
        prunable = self._prunable_below()
        level, drop = self._quota.make_room(prunable_below=prunable, tip=self.tip, was_full=at_once)
        self._tell(level, stamp)
        self.level = level
        if drop is not None:
            self.store.drop_bodies(*drop, at_once=at_once)
            # All below has no body either; the seal that said so may be among those that lose theirs now.
            first = self.store.first_number() or drop[0]
            body = {"first": first, "last": drop[1], "why": "no room"}
            self._pending.put_first(encode_record(Kind.DROP, stamp, body))

    def _tell(self, level: Level, stamp: Stamp) -> None:
        """Each level that is reached, and the end of the alarm: at a limit it would else be told for ever."""
        if level <= self._told and not (level < Level.ALARM <= self._told):
            return
        self._told = level
        if level >= Level.ALARM or self.level >= Level.ALARM:
            LOG.warning("the database is at level %s", level.name)
            self.put(Kind.EVENT, stamp, {"what": "database", "level": level.name})

    def _prunable_below(self) -> int:
        receipted = self.courier.prunable_below()
        return receipted if self.keep_from is None else min(receipted, self.keep_from)
