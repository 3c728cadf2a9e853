"""The sentences of `dianjian status`: ages, ends, clocks, buses. Pure: a status object in, texts out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from evidence.words import Words
from provisioning.words.labels import label
from provisioning.words.language import translate

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
OLD_RECEIPT_S: Final = 300.0
"""Receipts come within seconds; five minutes without one need attention."""
SOON_DAYS: Final = 30
AHEAD_MS_MAX: Final = 5_000
LOAD_PERCENT_MAX: Final = 85.0
LOST_ONE_IN: Final = 20
"""From here on a row is yellow, as in the doctor."""

Json = Mapping[str, Any]
Part = tuple[str, str]
"""A piece of text and its style."""

_UNITS: Final = (
    (DAY_S, Words("天", "d")),
    (HOUR_S, Words("小时", "h")),
    (MINUTE_S, Words("分钟", "min")),
    (1.0, Words("秒", "s")),
)
WHOLE_BODY_BYTES: Final = 65_536
"""Every message fits into a packet of this size."""
_RECORDS: Final = Words("（{count} 条记录）", "({count} records)")
_PACKETS_NAMED: Final = Words(
    "消息服务器的数据包上限为 {bytes_max} 字节：较大的数据分段发送",
    "the broker takes packets of {bytes_max} bytes: larger bodies go in parts",
)
_PACKETS_LEARNED: Final = Words(
    "消息服务器拒收了 {refused} 字节的数据包：现按 {bytes_max} 字节分段发送",
    "the broker refused a packet of {refused} bytes: bodies go in parts of {bytes_max}",
)
_PACKETS_TOO_SMALL: Final = Words(
    "消息服务器的数据包上限为 {bytes_max} 字节，一个签封需要 {smallest}：数据无法送达",
    "the broker takes packets of {bytes_max} bytes and one seal needs {smallest}: nothing is delivered",
)
_AGO: Final = Words("{age}前", "{age} ago")


def parse_time(text: str | None) -> datetime | None:
    """A time of the status object."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def format_span(seconds: float) -> str:
    """A time span in the largest unit of which it has at least two: 90 s, 5 min, 3 h, 12 d."""
    size, unit = next(one for one in _UNITS if seconds >= 2 * one[0] or one[0] <= 1)
    return f"{max(seconds, 0.0) / size:.0f} {translate(unit)}"


def describe_receipt(status: Json) -> Part:
    """The last receipt and its age."""
    receipt, now = status["seals"].get("receipt"), parse_time(status.get("at"))
    at = parse_time(receipt["at"]) if receipt else None
    if receipt is None or at is None or now is None:
        return label("no receipt yet"), "yellow"
    age_s = (now - at).total_seconds()
    old = age_s > OLD_RECEIPT_S and status["seals"]["backlog"] > 2
    ago = translate(_AGO, age=format_span(age_s))
    return f"{label('last receipt')} #{receipt['number']} {ago}", "yellow" if old else ""


def describe_backlog(status: Json) -> str:
    """Up to where the readings are delivered, and what waits."""
    seals = status["seals"]
    text = f"{label('delivered')} {seals['delivered']}  " if "delivered" in seals else ""
    text += f"{label('backlog')} {seals['backlog']}  "
    waiting = seals.get("records_waiting", 0)
    return text + (translate(_RECORDS, count=waiting) + "  " if waiting else "")


def describe_packets(status: Json) -> Part | None:
    """The largest packet that the broker takes, and what it means; None where no limit matters."""
    packets = status["broker"].get("packets")
    if not packets or packets["bytes_max"] >= WHOLE_BODY_BYTES:
        return None
    if packets["bytes_max"] < packets["smallest"]:
        return translate(_PACKETS_TOO_SMALL, **packets), "bold red"
    return translate(_PACKETS_LEARNED if packets["refused"] else _PACKETS_NAMED, **packets), "dim"


def describe_certificate(status: Json) -> Part | None:
    """When the gateway's certificate expires; None without one."""
    certificate, now = status["broker"].get("certificate"), parse_time(status.get("at"))
    if not certificate or now is None:
        return None
    end = parse_time(certificate.get("ends_at"))
    if end is None:
        return label("certificate unreadable"), "red"
    left_s = (end - now).total_seconds()
    if left_s <= 0:
        return f"{label('certificate ended')} {end:%Y-%m-%d}", "bold red"
    style = "yellow" if left_s < SOON_DAYS * DAY_S else "dim"
    return f"{label('certificate until')} {end:%Y-%m-%d} ({format_span(left_s)})", style


def describe_clock(status: Json) -> Part:
    """The state of the agent's clock."""
    state, ahead_ms = status.get("clock", ""), status.get("clock_ahead_ms")
    text = label(state) if state in {"synchronised", "unsynchronised", "simulated"} else state
    style = "dim" if state == "synchronised" else "yellow"
    if ahead_ms is not None and abs(ahead_ms) > AHEAD_MS_MAX:
        return f"{text}, {label('against the centre')} {ahead_ms / 1000:+.0f} s", "red"
    return text, style


def count_lost(bus: Json) -> int:
    """Requests without a whole answer."""
    return int(bus["timeouts"]) + int(bus["crc_errors"])


def needs_attention(bus: Json) -> bool:
    """Whether a bus is too full, loses one answer in LOST_ONE_IN, or has another master."""
    many = count_lost(bus) * LOST_ONE_IN > bus["requests"]
    return many or float(bus["load_percent"]) > LOAD_PERCENT_MAX or bool(bus.get("collisions"))


def describe_bus(bus: Json) -> list[Part]:
    """A bus in one row: load, requests, losses, latency."""
    load, lost = float(bus["load_percent"]), count_lost(bus)
    p95 = bus["latency_ms"]["p95"]
    parts = [
        (f"{bus['bus']}", "bold"),
        (f" {load:.0f} %", "yellow" if load > LOAD_PERCENT_MAX else ""),
        (f"  {label('requests')} {bus['requests']}", "dim"),
        (f"  {label('lost')} {lost}", "yellow" if lost * LOST_ONE_IN > bus["requests"] else "dim"),
        ("" if p95 is None else f"  p95 {p95:.0f} ms", "dim"),
    ]
    if bus.get("collisions"):
        parts.append((f"  {label('collisions')}: {bus['collisions']}", "red"))
    return parts


def average(values: Sequence[float | None], columns: int) -> list[float | None]:
    """`values` in `columns` equal parts, each the mean of what is known in it."""
    size = -(-len(values) // columns) if values else 1
    begin = len(values) % size
    edges = ([0] if begin else []) + list(range(begin, len(values), size))
    parts = [values[at : at + (begin if begin and at == 0 else size)] for at in edges]
    known = [[value for value in part if value is not None] for part in parts]
    return [sum(part) / len(part) if part else None for part in known]


def name_line(line: Json) -> str:
    """Its id, and what the technician calls it."""
    name = str(line.get("name") or "")
    return f"{line['id']} {name}" if name and name != line["id"] else str(line["id"])


_NOT_ALLOWED: Final = Words(
    "无权打开 {folder} 的状态：用 sudo，或加入用户组：usermod -aG dianjian 用户",
    "you may not ask the agent in {folder}: use sudo, or join its group: usermod -aG dianjian USER",
)
_NO_AGENT: Final = Words(
    "{folder} 中没有代理应答（{why}）：systemctl start dianjian-agent",
    "no agent answers in {folder} ({why}): systemctl start dianjian-agent",
)
_SEE_WHY: Final = Words(
    "；原因见 dianjian doctor --config {config}", ", or see why: dianjian doctor --config {config}"
)


def explain_no_agent(folder: Path, config: Path | None, error: Exception) -> str:
    """The problem and the remedy, in one line."""
    if isinstance(error, PermissionError):
        return translate(_NOT_ALLOWED, folder=folder)
    why = getattr(error, "strerror", None) or str(error)
    more = "" if config is None else translate(_SEE_WHY, config=config)
    return translate(_NO_AGENT, folder=folder, why=why) + more
