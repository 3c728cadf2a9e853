"""The doctor's lines out of what a gateway has sent of itself (`agent.care.gathering`). Pure.

The same checks as in `dianjian doctor`, as far as they rest on what the agent knows; what it cannot see is
named. The file comes from a machine that its owner holds: it is what that machine says, and proves nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from agent.care.gathering import HEADER_KEY, UNSEEN, VERSION
from agent.site.file import Site, parse_site
from centre.fleet.judging import ENDS_SOON_MS
from disk.tables import TableError, decode_text, parse_json
from drivers.clock import ClockState
from evidence.words import Words
from provisioning.doctor import archive, meters
from provisioning.doctor.connected import judge_connected
from provisioning.doctor.finding import RENEW, Check, Finding, Progress, Target, examine, failed, ok, warning
from provisioning.doctor.machine import compare_with_centre, judge_room
from provisioning.words.platforms import needs_look, tell_platform
from wire.files import FILE_BYTES_MAX, wanted_topic
from wire.messages import Topics
from wire.orders import subscriptions

CHECK_S: Final = 10.0
"""All is in memory: one that takes longer was made to."""
NO_FACTS: Final = Words("{file}：不是网关的诊断文件", "{file}: is not what a gateway makes for a diagnosis")
WORDS: Final = {
    "unset": Words("系统时间未与时间服务器同步", "the clock is not synchronised"),
    "set": Words("系统时间已同步", "the clock is synchronised"),
    "set it": Words(
        "检查到时间服务器的网络（UDP 123）", "see that the time server is reached from there (UDP 123)"
    ),
    "ends": Words("证书有效期至 {end}", "the certificate is valid until {end}"),
    "version": Words("代理版本 {version}", "the agent is version {version}"),
    "unseen": Words(
        "代理看不到：{parts}；须在网关上运行 dianjian doctor",
        "the agent does not see {parts}: run dianjian doctor at the gateway",
    ),
    "ports": Words("端口由谁占用", "who holds the ports"),
    "permissions": Words("其他用户的权限", "rights of other users"),
    "journal": Words("系统日志", "the journal"),
    "service": Words("服务管理器", "the service manager"),
    "rtc": Words("硬件时钟", "the hardware clock"),
    "look": Words("核对该平台的地址和密码", "see that address and password of the platform are right"),
}


class FactsError(Exception):
    """The file is not what a gateway makes."""


@frozen
class Facts:
    """What a gateway says of itself; see `agent.care.gathering`."""

    at: datetime
    version: str
    site: Site | None
    status: Mapping[str, Any]
    disk: Mapping[str, Any]


def read_facts(raw: bytes, name: str) -> Facts:
    """The facts in a file; raises FactsError."""
    try:
        table = parse_json(decode_text(raw, FILE_BYTES_MAX))
        if not isinstance(table, dict) or table.get(HEADER_KEY) != VERSION:
            raise FactsError(name)
        status, disk = table["status"], table["disk"]
        if not isinstance(status, dict) or not isinstance(disk, dict):
            raise FactsError(name)
        at = datetime.fromisoformat(str(table["at"])).astimezone(UTC)
    except (TableError, KeyError, ValueError, OverflowError, RecursionError) as error:
        raise FactsError(name) from error
    return Facts(at, str(table.get("version", "")), _read_site(table.get("site")), status, disk)


def list_findings(facts: Facts) -> Iterator[Finding]:
    """The findings, the checks in the doctor's order."""
    target = Target(Path("site.toml"), facts.site, (), facts.status, "", 0, facts.at)

    def versions(_: Target, __: Progress) -> Iterator[Finding]:
        yield ok("versions", WORDS["version"].fill(version=facts.version))

    def room(_: Target, __: Progress) -> Iterator[Finding]:
        free, used, quota = (int(facts.disk[key]) for key in ("free", "database", "quota"))
        yield judge_room(free, used, quota, is_running=True)

    checks = (
        Check("clock", _judge_clock, CHECK_S, needs_site=False),
        Check("disk", room, CHECK_S, needs_site=False),
        Check("archive", archive.archive, CHECK_S),
        Check("certificates", _judge_certificate, CHECK_S, needs_site=False),
        Check("broker", _judge_broker, CHECK_S),
        Check("buses", meters.buses, CHECK_S, needs_site=False),
        Check("meters", meters.meters, CHECK_S),
        Check("platforms", _judge_platforms, CHECK_S, needs_site=False),
        Check("versions", versions, CHECK_S, needs_site=False),
    )
    yield from examine(checks, target, lambda _: None)


def describe_unseen() -> Words:
    """What is to be looked at on the spot."""
    parts = [WORDS[one] for one in UNSEEN]
    both = Words("、".join(one.zh for one in parts), ", ".join(one.en for one in parts))
    return WORDS["unseen"].fill(parts=both)


def _read_site(text: object) -> Site | None:
    try:
        return parse_site(text, Path("site.toml")) if isinstance(text, str) else None
    except TableError:  # masked, or of another version
        return None


def _judge_clock(target: Target, _: Progress) -> Iterator[Finding]:
    if (target.status or {}).get("clock") == ClockState.UNSYNCHRONISED.value:
        yield warning("clock", WORDS["unset"], WORDS["set it"])
    else:
        yield ok("clock", WORDS["set"])
    yield from compare_with_centre(target)


def _judge_certificate(target: Target, _: Progress) -> Iterator[Finding]:
    certificate = (target.status or {}).get("broker", {}).get("certificate") or {}
    if not certificate.get("ends_at"):
        return
    end = datetime.fromisoformat(str(certificate["ends_at"])).astimezone(UTC)
    text = WORDS["ends"].fill(end=f"{end:%Y-%m-%d %H:%M} UTC")
    if end < target.now:
        yield failed("certificates", text, RENEW, "broker.certificate")
    elif end - target.now < timedelta(milliseconds=ENDS_SOON_MS):
        yield warning("certificates", text, RENEW, "broker.certificate")
    else:
        yield ok("certificates", text, "broker.certificate")


def _judge_broker(target: Target, _: Progress) -> Iterator[Finding]:
    assert target.site is not None
    assert target.status is not None
    gateway = target.site.site.gateway
    topics = Topics(gateway)
    wanted = (topics.receipt, *subscriptions(gateway), wanted_topic(gateway))
    yield from judge_connected(target.status, target.now, topics, wanted)


def _judge_platforms(target: Target, _: Progress) -> Iterator[Finding]:
    for row in (target.status or {}).get("platforms", ()):
        make = failed if not row["connected"] else warning if needs_look(row) else None
        text, name = tell_platform(row), str(row["host"])
        yield ok("platforms", text, name) if make is None else make("platforms", text, WORDS["look"], name)
