"""Checks of keys and chain: are they intact, do they fit each other, what does the chain show.

Reads beside a running agent without disturbing it: the database read-only, the key file as it is. A
seal may be made between two reads, so a mismatch is checked again before it is reported.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.judging.checkpoints import METERS
from agent.sealing.anchors import read_anchors
from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.sealing.recovery import Recovery, Start, find
from agent.sealing.statements import read_statements
from agent.site.enrolment import EnrolmentError, read_enrolment
from agent.site.file import Site
from agent.store.archive import open_gateway
from agent.store.names import DATABASE_NAME, KEYS_NAME
from agent.store.opening import MIGRATIONS
from agent.store.reading import read_checkpoint, read_tip
from agent.tamper.settings import remembered_values
from agent.tamper.settling import WITHDRAWS
from disk.database import StoreError, add_suffix
from disk.translation import to_chinese
from evidence.cbor import FormatError
from evidence.held import Held
from evidence.moments import local_text
from evidence.receipt import Receipt, last_receipt, open_receipt
from evidence.record import Kind, Record
from evidence.verify import read_declarations
from evidence.walk import Walk, WalkedSeal
from evidence.words import Words
from provisioning.doctor.finding import Finding, Progress, State, Target, failed, ok, warning
from provisioning.doctor.rows import SHOWN, Receipted, check_rows, name_seals
from provisioning.words.tamper import describe_tamper

LOOKS: Final = 3
LOOK_AGAIN_S: Final = 0.3
"""A seal is made in some tens of milliseconds."""
WALK_S: Final = 20.0
"""For the headers; the whole check has 30 s. Only weeks without a receipt take this long."""
TAMPER_SEALS: Final = 3_000
"""Seals searched for meter events: eight hours at one in ten seconds, some seconds of work."""
RECEIPT_OLD_S: Final = 900.0
"""Receipts come within seconds; a quarter of an hour is an outage."""
BACKLOG_FEW: Final = 10
_SEALS_ALONE: Final = Words(
    "{text}；其中 {missing} 个签封的读数尚未送达中心，读数已送达至 {up_to}",
    "{text}; the readings of {missing} of them are not at the centre yet, those up to {up_to} are",
)
_READINGS_WAIT: Final = Words(
    "断网后会自行补传；数目不减少时，见 broker 一项和 dianjian status",
    "after an outage they follow by themselves; if they do not, see `broker` and dianjian status",
)
_CHANGED: Final = Words(
    "签封{seals}的内容与签封时不符：有人改动过数据库，或磁盘损坏",
    "the bodies of seals {seals} are not what was sealed: the database was edited, or the disk damaged it",
)
_ENROLMENT_REMEDY: Final = Words(
    "从备份或中心登记册恢复首密钥；请查明是谁改动了文件",
    "restore it from a backup or from the centre's register; find out who changed it",
)
_GONE: Final = Words(
    "签封{seals}的内容不在数据库中，中心尚未收到，也无记录声明舍弃",
    "the bodies of seals {seals} are gone: not in the database, not at the centre, and given up by no record",
)
_GONE_REMEDY: Final = Words(
    "代理连上中心后会声明其缺失；请查明是谁改动了数据库",
    "the agent declares them once it reaches the centre; find out who changed the database",
)
_NO_RECEIPTS: Final = Words(
    "数据库中签封{seals}的回执不是本中心为本网关签发的：有人改动过数据库，或更换了中心的公钥",
    "the receipts for seals {seals} are none of this centre for this gateway: "
    "the database was edited, or the centre's key is another one now",
)
_NO_RECEIPTS_REMEDY: Final = Words(
    "这些回执不作数；若中心未更换，请查明是谁改动了数据库",
    "they count for nothing; unless there is a new centre, find out who changed the database",
)
_REFUSED: Final = Words(
    "这些签封的数据不予采用；请勿改动数据库",
    "nothing is read from these seals; keep the database as it is",
)


def keys(target: Target, _: Progress) -> Iterator[Finding]:
    """Whether the key file is whole and continues the chain."""
    folder = target.folder
    slots, database = KeySlots(folder / KEYS_NAME), folder / DATABASE_NAME
    is_ours = False
    try:
        if not slots.exists() and not database.exists():
            yield _report_not_enrolled(target)
            return
        newer = _judge_schema(database)
        if newer is not None:
            yield newer
            return
        fit = _judge_fit(target, slots, database)
        is_ours = fit.state is not State.FAILED  # else that says it
        yield fit
    except PermissionError:
        yield _report_not_readable(folder)
        return
    except KeySlotsError as error:
        is_closed = isinstance(error.__cause__, PermissionError)
        yield _report_not_readable(folder) if is_closed else _ask_for_rekey(target, str(error))
    except StoreError as error:
        text = Words(f"数据库无法读取：{to_chinese(str(error))}", f"the database cannot be read: {error}")
        remedy = Words(
            "先处理磁盘和权限；代理启动时会自行抢救损坏的数据库",
            "see to disk and permissions first; a damaged one is salvaged when the agent starts",
        )
        yield failed("keys", text, remedy, "chain")
    yield from _check_enrolment(target.site.site.gateway if target.site and is_ours else "", folder)


def _report_not_enrolled(target: Target) -> Finding:
    text = Words("还没有密钥：网关尚未登记", "no keys yet: this gateway is not enrolled")
    remedy = Words.same(f"dianjian enrol --config {target.file} --recovery FILE")
    return warning("keys", text, remedy)


def _report_not_readable(folder: Path) -> Finding:
    text = Words(
        f"本用户不能读取 {folder} 中的密钥和数据库", f"this user may not read keys and chain in {folder}"
    )
    remedy = Words("用 sudo 再运行一次 dianjian doctor", "run dianjian doctor once more with sudo")
    return warning("keys", text, remedy)


def _judge_schema(database: Path) -> Finding | None:
    """Whether a newer program wrote the database."""
    if not database.exists():
        return None
    schema = read_tip(database).schema
    if schema <= len(MIGRATIONS):
        return None
    text = Words(
        f"数据库格式 {schema} 比本程序（{len(MIGRATIONS)}）新",
        f"its schema is {schema}, this program knows {len(MIGRATIONS)}: a newer one wrote it",
    )
    remedy = Words("重新安装较新的版本；数据未改动", "install the newer version again; nothing was changed")
    return failed("keys", text, remedy, "schema")


def _judge_fit(target: Target, slots: KeySlots, database: Path) -> Finding:
    assert target.site is not None
    recovery = Recovery(Start.REKEY, 0, b"", reason="")
    alive = 0
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_AGAIN_S)
        last = read_tip(database).last if database.exists() else None
        found = slots.load()
        alive = sum(slot.secret is not None for slot in found)
        held = _read_held(target.site, target.folder)
        recovery = find(target.site.site.gateway, last, found, held).recovery
        if recovery.start in {Start.CLEAN, Start.NEW}:
            break
    if recovery.start is Start.REKEY:
        return _ask_for_rekey(target, recovery.reason)
    if recovery.start is Start.LOST_TAIL and recovery.lost and not target.is_running:
        first, last_lost = recovery.lost
        text = Words(f"磁盘丢失了签封 {first} 至 {last_lost}", f"the disk lost seals {first} to {last_lost}")
        remedy = Words(
            "不需操作：下次启动时会记入链中；请检查电源和磁盘",
            "nothing to do: the next start records it in the chain; look at power supply and disk",
        )
        return warning("keys", text, remedy)
    text = Words(
        f"密钥完好（{alive} 个有效），与链相符", f"the keys are whole ({alive} alive) and fit the chain"
    )
    return ok("keys", text)


def _ask_for_rekey(target: Target, reason: str) -> Finding:
    command = f"dianjian-agent rekey --config {target.file} --recovery FILE"
    text = Words(f"密钥与链不符：{reason}", f"keys and chain do not belong together: {reason}")
    remedy = Words(
        f"需要换密钥：{command}；没有恢复密钥时由中心 dianjian centre replace",
        f"a new key is needed: {command}; without the recovery key see dianjian centre replace",
    )
    return failed("keys", text, remedy)


def _read_held(site: Site, folder: Path) -> int:
    key = None if site.broker is None else site.broker.centre_key
    kept = read_statements(folder)
    return kept[-1].held_up_to(key) if kept and key is not None else 0


def _check_enrolment(gateway: str, folder: Path) -> Iterator[Finding]:
    """Whether the file with the first key and the recovery key is there, and of this gateway."""
    try:
        known = read_enrolment(folder)
    except PermissionError:
        return
    except EnrolmentError as error:
        if isinstance(error.__cause__, PermissionError):
            return
        text = Words(f"登记文件丢失或损坏：{to_chinese(str(error))}", str(error))
        yield failed("chain", text, _ENROLMENT_REMEDY, "enrolment")
        return
    if gateway and known["gateway"] != gateway:
        text = Words(
            f"登记文件属于网关 {known['gateway']}，站点文件是 {gateway}：其一被改动过",
            f"enrolment.json is of gateway {known['gateway']}, the site file of {gateway}: one was changed",
        )
        yield failed("chain", text, _ENROLMENT_REMEDY, "enrolment")
    if not known["recovery_key"]:
        text = Words(
            "没有恢复密钥：换盘后只有中心能恢复",
            "no recovery key: after a lost disk only the centre can help",
        )
        remedy = Words(
            "dianjian enrol --recovery FILE，并将该文件带离现场",
            "dianjian enrol --recovery FILE, and take that file away from here",
        )
        yield warning("keys", text, remedy, "recovery")


def chain(target: Target, report: Progress) -> Iterator[Finding]:
    """The chain's last seal, what the centre has of it, and what its records show of the meters."""
    assert target.site is not None
    database = target.folder / DATABASE_NAME
    try:
        if not database.exists():
            return
        if add_suffix(database, ".suspect").exists():
            yield warning(
                "chain",
                Words("数据库有损坏，下次启动时抢救", "the database is damaged; the next start salvages it"),
                Words("重启代理；请检查磁盘", "restart the agent; look at the disk"),
            )
        tip = read_tip(database)
        if tip.last is None:
            return
        key = target.site.broker.centre_key if target.site.broker else None
        yield _judge_receipt(tip.last.number, last_receipt(tip.receipts, key), target.now)
        strange = _find_strange(tip.receipt_rows, key, target.site.site.gateway)
        if strange:
            yield warning(
                "chain", _NO_RECEIPTS.fill(seals=name_seals(strange)), _NO_RECEIPTS_REMEDY, "receipts"
            )
        yield from check_rows(target.site, target)
        try:
            yield from _walk_end(target.site, target.folder, tip.last.number, report)
        except StoreError as error:
            text = Words(f"链无法读取：{to_chinese(str(error))}", f"the chain cannot be read: {error}")
            yield failed("chain", text, _REFUSED, "seals")
    except (PermissionError, StoreError):
        return  # `keys` reports it


def _judge_receipt(last: int, receipt: Receipt | None, now: datetime) -> Finding:
    remedy = Words(
        "见 broker 一项；中心须运行 dianjian subscribe",
        "see `broker`; the centre must run dianjian subscribe",
    )
    if receipt is None:
        text = Words(f"{last} 个签封，还没有中心的回执", f"{last} seals, no receipt of the centre yet")
        return warning("chain", text, remedy)
    missing = _count_missing(receipt)
    age_s = now.timestamp() - receipt.centre_utc_ms / 1000
    when = local_text(receipt.centre_utc_ms / 1000, 0, "%Y-%m-%d %H:%M")
    text = Words(
        f"{last} 个签封，回执至 {receipt.number}（{when} UTC）",
        f"{last} seals, receipted up to {receipt.number} ({when} UTC)",
    )
    if missing > BACKLOG_FEW:
        told = _SEALS_ALONE.fill(text=text, missing=missing, up_to=receipt.bodies_up_to)
        return warning("chain", told, _READINGS_WAIT)
    if last - receipt.number > BACKLOG_FEW and age_s > RECEIPT_OLD_S:
        return warning("chain", text, remedy)
    return ok("chain", text)


def _find_strange(
    rows: Sequence[tuple[int, bytes | None]], centre_key: bytes | None, gateway: str
) -> list[int]:
    """The numbers of the rows that are not the centre's receipt for that seal."""
    return [number for number, raw in rows if not _is_receipt(raw, number, centre_key, gateway)]


def _is_receipt(raw: bytes | None, number: int, centre_key: bytes | None, gateway: str) -> bool:
    """Whether it is one for seal `number`; without the centre's key, whether it may be one at all."""
    if raw is None or centre_key is None:
        return raw is not None
    try:
        receipt = open_receipt(raw, centre_key)
    except FormatError:
        return False
    return (receipt.number, receipt.gateway) == (number, gateway)


def _count_missing(receipt: Receipt) -> int:
    """Seals that are receipted without their readings."""
    held = receipt.bodies_up_to + sum(last - first + 1 for first, last in receipt.ranges)
    return receipt.number - held


def _walk_end(site: Site, folder: Path, last: int, report: Progress) -> Iterator[Finding]:
    """Whether the end of the chain holds, and the last TAMPER record of each kind that no other withdraws."""
    with closing(open_gateway(folder / DATABASE_NAME, site.site.gateway)) as archive:
        anchors = read_anchors(folder, archive, site.broker.centre_key if site.broker else None)
        walk = Walk(archive, anchors, max(last - TAMPER_SEALS, archive.first), archive.last)
        end_s = time.monotonic() + WALK_S
        for number in walk.steps():
            report(f"{number}")
            if time.monotonic() > end_s:
                yield _report_unfinished()
                return
        seen: dict[tuple[str, str, str], Record] = {}
        receipted, newest = Receipted(last), last_receipt(archive.receipts, anchors.centre_key)
        bodies = _Bodies(Held() if newest is None else Held(newest.bodies_up_to, [*newest.ranges]))
        for seal in walk.seals():
            bodies.note(seal)
            receipted.note(seal)
            for record in seal.events(Kind.TAMPER):
                meter, what, point = (str(record.body.get(name)) for name in ("meter", "what", "point"))
                for withdrawn in WITHDRAWS.get(what, ()):
                    seen.pop((meter, withdrawn, point), None)
                if what not in WITHDRAWS:
                    seen[meter, what, point] = record
    for one in walk.refused:
        yield (warning if one.is_gap else failed)("chain", one.text, _REFUSED, "seals")
    yield from bodies.report()
    yield from receipted.report(newest)
    for record in list(seen.values())[-SHOWN:]:
        yield _report_tamper(record)


@define
class _Bodies:
    """The bodies of the seals that were walked: changed ones, and those that are gone without a word."""

    delivered: Held
    _changed: list[int] = field(factory=list, init=False)
    _bare: list[int] = field(factory=list, init=False)
    _declared: Held = field(factory=Held, init=False)

    def note(self, seal: WalkedSeal) -> None:
        number = seal.header.number
        if seal.problem:
            self._changed.append(number)
        elif seal.records is None:
            self._bare.append(number)
        for span in read_declarations(seal.records or (), number)[1]:
            self._declared.add(*span)

    def report(self) -> Iterator[Finding]:
        if self._changed:
            yield failed("chain", _CHANGED.fill(seals=name_seals(self._changed)), _REFUSED, "bodies")
        gone = [n for n in self._bare if n not in self._declared and n not in self.delivered]
        if gone:
            yield failed("chain", _GONE.fill(seals=name_seals(gone)), _GONE_REMEDY, "bodies")


def _report_unfinished() -> Finding:
    text = Words(
        "自上次回执以来签封太多，未能在限时内核对完",
        "too many seals since the last receipt to check all of them in time",
    )
    remedy = Words("恢复与中心的连接，等待回执", "see that the centre is reached, and wait for its receipt")
    return warning("chain", text, remedy, "seals")


def _report_tamper(record: Record) -> Finding:
    body, at = record.body, local_text(record.utc_ms / 1000, 0, "%Y-%m-%d %H:%M")
    what = describe_tamper(body) or Words.same(str(body.get("what")))
    on_record = Words("链中记录（{when} UTC）：{what}", "on record ({when} UTC): {what}")
    text = on_record.fill(when=at, what=what)
    remedy = Words("查明原因；若属正常更换，请在中心备注", "find out why; if it was meant, tell the centre")
    return warning("chain", text, remedy, str(body.get("meter", "")))


def read_remembered(database: Path) -> dict[str, dict[str, Any]]:
    """The last settings of each meter, by point, without transformer ratios; empty if unknown."""
    try:
        return dict(remembered_values(read_checkpoint(database, METERS) or b"\xa0"))
    except (StoreError, OSError, ValueError):
        return {}
