"""Checks of what stands beside the signed chain in the database: columns, checkpoints, receipts.

None of it is evidence, and no verb believes it; but an edited row says that somebody had his hands in the
file, or that the disk damages it. Three things are compared:

- the columns of the last seals with their headers;
- each checkpoint with the part of the agent that would read it at the next start;
- the newest receipt with what the chain itself says: each heartbeat names the seal up to which the centre
  had receipted. A receipt rides on a later commit, so only heartbeats before the last SETTLED_SEALS count.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.build import detector_feed_of
from agent.curtailment.kept import PLACE as ALERTS_AT
from agent.curtailment.kept import STATE as ALERTS
from agent.curtailment.kept import open_state, restore_ledger
from agent.inbox import CHECKPOINT as POSTBOX
from agent.inbox import read_known
from agent.judging.checkpoints import (
    BEHAVIOUR,
    CHECKPOINT,
    EPISODES,
    METERS,
    NUMBER_BYTES,
    read_episodes,
)
from agent.marks.closing import Closing
from agent.marks.marking import CHECKPOINT as MARKS
from agent.marks.marking import restore_open
from agent.orders.book import Book
from agent.orders.orders import CHECKPOINT as ORDERS
from agent.orders.orders import PLACE as ORDERS_AT
from agent.sealing.attesting import CHECKPOINT as TPM
from agent.sealing.attesting import read_counter
from agent.site.books import bench_of
from agent.site.file import ConfigError, Site
from agent.store.gateway import RECEIPT_COMMITS
from agent.store.names import DATABASE_NAME
from agent.store.reading import find_misfits, read_checkpoints
from agent.tamper.behaviour import Behaviour
from agent.tamper.settings import Tamper
from evidence.curtailment.ledger import Ledger
from evidence.receipt import Receipt
from evidence.record import Kind
from evidence.walk import WalkedSeal
from evidence.words import Words
from provisioning.doctor.finding import Finding, Target, failed, warning

ROWS_MAX: Final = 3_000
"""Rows whose columns are compared: eight hours at a seal in ten seconds, 0.1 s."""
SETTLED_SEALS: Final = 2 * RECEIPT_COMMITS
"""Seals after which a receipt that a heartbeat knows must be on the disk: it rides on one commit in ten."""
SHOWN: Final = 5
"""Seals or records in one report."""
_MISFITS: Final = Words(
    "签封{seals}旁的列（编号、哈希、记录数）与签名的内容不符：有人改动过数据库，或磁盘损坏",
    "the columns beside seals {seals} (number, hash, records) are not what was signed: "
    "the database was edited, or the disk damaged it",
)
_KEEP: Final = Words(
    "签名的内容仍然有效；请查明是谁改动了数据库，并检查磁盘",
    "what is signed still counts; find out who changed the database, and look at the disk",
)
_CHECKPOINT: Final = Words(
    "检查点 {name} 不能使用（{why}）：有人改动过数据库，或磁盘损坏",
    "checkpoint {name} cannot be used ({why}): the database was edited, or the disk damaged it",
)
_FROM_CHAIN: Final = Words(
    "不影响链；下次启动时该部分重新开始。请查明是谁改动了数据库",
    "the chain does not need it; that part begins anew at the next start. Find out who changed the database",
)
_RECEIPTS_GONE: Final = Words(
    "链中写明中心的回执已至签封 {said}，数据库中最新的回执只至 {here}：回执被人删除，或在抢救数据库时丢失",
    "the chain says that the centre had receipted seals up to {said}, the newest receipt here is for {here}: "
    "receipts were deleted, or lost with a damaged database",
)
_ASK_AGAIN: Final = Words(
    "连上中心后它会再发回执；若数据库未曾损坏，请查明是谁删除的",
    "the centre sends its receipt again on the next connect; unless the database was damaged, "
    "find out who deleted them",
)


def check_rows(site: Site, target: Target) -> Iterator[Finding]:
    """Columns and checkpoints; raises StoreError."""
    database = target.folder / DATABASE_NAME
    misfits = find_misfits(database, ROWS_MAX)
    if misfits:
        yield failed("chain", _MISFITS.fill(seals=name_seals(misfits)), _KEEP, "columns")
    readers = _readers_of(site)
    for name, raw in read_checkpoints(database).items():
        why = _find_fault(readers, name, raw)
        if why:
            yield warning("chain", _CHECKPOINT.fill(name=name, why=why), _FROM_CHAIN, "checkpoints")


def name_seals(numbers: Sequence[int]) -> str:
    """The first of `numbers`, and whether there are more."""
    shown = ", ".join(map(str, numbers[:SHOWN]))
    return f"{shown}, …" if len(numbers) > SHOWN else shown


def _readers_of(site: Site) -> Mapping[str, Callable[[bytes], object]]:
    """Who would read each checkpoint at the next start, by its name."""
    key = site.broker.centre_key if site.broker is not None else None
    readers: dict[str, Callable[[bytes], object]] = {
        ORDERS: bytes if key is None else lambda raw: Book.from_cbor(raw, site.site.gateway, key),
        ORDERS_AT: _read_place,
        ALERTS: lambda raw: bench_of(site, lambda *_: False).restore(open_state(raw)[1]),
        ALERTS_AT: _read_place,
        EPISODES: read_episodes,
        MARKS: lambda raw: restore_open(Closing({}), raw),
        POSTBOX: read_known,
        TPM: read_counter,
    }
    try:
        feed = detector_feed_of(site)
    except ConfigError:  # `config` says so; the checkpoints of a site file that is wrong cannot be judged
        return {**readers, ALERTS: bytes, CHECKPOINT: bytes, METERS: bytes, BEHAVIOUR: bytes}
    buses: dict[str, str] = {meter.id: meter.bus for meter in site.meter}
    readers[CHECKPOINT] = lambda raw: feed.restore(raw[NUMBER_BYTES:])
    readers[METERS] = lambda raw: Tamper(feed.setups).restore(raw)
    readers[BEHAVIOUR] = lambda raw: Behaviour(feed.setups, buses).restore(raw)
    return readers


def _read_line(raw: bytes) -> None:
    """The energies of a line, which the site file may not have any more."""
    restore_ledger(Ledger(0), raw)


def _read_place(raw: bytes) -> int:
    """The number of a seal; raises ValueError."""
    if len(raw) != NUMBER_BYTES:
        raise ValueError(f"has {len(raw)} bytes, not {NUMBER_BYTES}")
    return int.from_bytes(raw, "big")


def _find_fault(readers: Mapping[str, Callable[[bytes], object]], name: str, raw: bytes | None) -> str:
    """Why a checkpoint cannot be used, "" if it can."""
    is_line = name.startswith(f"{ALERTS}.") and name not in readers
    if not is_line and name not in readers:
        return "no part of this program has written it"
    if raw is None:
        return "it is no byte string, or far too long"
    try:
        (_read_line if is_line else readers[name])(raw)
    except Exception as error:  # noqa: BLE001 - whatever it is, the agent begins anew with it
        return f"{type(error).__name__}: {error}"[:200]
    return ""


@define
class Receipted:
    """How far the chain's own heartbeats say that the centre had receipted.

    Attributes:
        last: The last seal of the chain.
    """

    last: int
    _said: int = field(default=0, init=False)

    def note(self, seal: WalkedSeal) -> None:
        """Take the heartbeats of a seal."""
        if seal.header.number > self.last - SETTLED_SEALS:
            return
        for record in seal.events(Kind.HEARTBEAT):
            number: Any = record.body.get("receipted")
            if type(number) is int:
                self._said = max(self._said, number)

    def report(self, newest: Receipt | None) -> Iterator[Finding]:
        """The finding, if the newest receipt that is here is older."""
        here = 0 if newest is None else newest.number
        if here < self._said:
            yield warning("chain", _RECEIPTS_GONE.fill(said=self._said, here=here), _ASK_AGAIN, "receipts")
