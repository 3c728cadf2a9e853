"""What an alert asks of each line, on the status page: how long it holds, or until it begins.

Pure. The rows are those of `agent.orders.alerts`, decoded as the verdict decodes them; where they are not
there, that is said and nothing is guessed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from agent.detect.sentence import Names, name_lines
from evidence.cbor import FormatError
from evidence.curtailment.measures import Measure, Row, decode_list
from evidence.moments import local_text
from evidence.words import Words
from provisioning.live.page.snapshot import Snapshot
from provisioning.words.numbers import duration

MINUTES: Final = "%Y-%m-%d %H:%M"
LEVELS: Final = ("blue", "yellow", "orange", "red")
PERCENT: Final = 10
"""Of the per mille that an order has."""
WORDS: Final[Mapping[str, Words]] = {
    "blue": Words("蓝色预警", "blue alert"),
    "yellow": Words("黄色预警", "yellow alert"),
    "orange": Words("橙色预警", "orange alert"),
    "red": Words("红色预警", "red alert"),
    "level": Words("{level}预警", "alert {level}"),
    "begins": Words(
        "{issuer}：{level}将于{at}开始（还有{left}），至{until}：{asks}。",
        "{issuer}: {level} from {at} ({left} left) until {until}: {asks}.",
    ),
    "holds": Words(
        "{issuer}：{level}生效中，至{until}（还剩{left}）：{asks}。",
        "{issuer}: {level} in force until {until} ({left} left): {asks}.",
    ),
    "left": Words("距{level}开始还有{left}（{at}）", "{left} until the {level} begins, at {at}"),
    "asks nothing": Words("本厂没有减排要求", "nothing is asked of this plant"),
    "unread": Words(
        "减排清单不在本机，请向监管部门索取要求",
        "its reduction list is not on this gateway; ask the bureau what it wants",
    ),
    "stop": Words("{lines}停产", "{lines} stands"),
    "limit_percent": Words("{lines}用电减少{value}%", "{lines} uses {value} % less"),
    "cap_kwh_day": Words("{lines}每日不超过{value}千瓦时", "{lines} at most {value} kWh a day"),
    "cap_feed": Words("{lines}按投料每日不超过{value}千瓦时", "{lines} at most {value} kWh a day, by feed"),
    "cap_kw": Words("{lines}小时平均不超过{value}千瓦", "{lines} at most {value} kW as the mean of an hour"),
    "hours": Words("{lines}只可在{value}运行", "{lines} may run only {value}"),
    "ramp": Words("（缓降{ramp}）", " (within {ramp})"),
    "and runs": Words("，{lines}须运行", ", and {lines} must run"),
}


@frozen
class Asked:
    """What an alert asks.

    Attributes:
        left_s: Until it begins, None while it holds; `due` says the same.
        wants: Whether a line of the plant has to do something, or nobody knows.
    """

    sentence: Words
    left_s: float | None
    due: Words | None
    wants: bool


def list_alerts(seen: Snapshot) -> Iterator[Asked]:
    """The alerts that hold or are announced, but for drills."""
    for row in seen.status.get("orders") or () if seen.status else ():
        asked = find_asked(row, seen.plan.names, seen.plan.offset_s, seen.now_s)
        if asked is not None and not row["test"]:
            yield asked


def find_asked(order: Mapping[str, Any], names: Names, offset_s: int, now_s: float) -> Asked | None:
    """What an order asks if it is an alert that holds or is announced; None of any other."""
    alert = order.get("alert")
    if not alert or not all(type(alert.get(key)) is int for key in ("start_s", "end_s")):
        return None
    begin_s, end_s = alert["start_s"], alert["end_s"]
    if now_s >= end_s:
        return None
    begun, level, rows = now_s >= begin_s, _name_level(alert), _read_rows(alert)
    asks = [row for row in rows or () if row.measure is not Measure.NONE]
    left_s, at = (end_s if begun else begin_s) - now_s, local_text(begin_s, offset_s, MINUTES)
    sentence = WORDS["holds" if begun else "begins"].fill(
        issuer=order["issuer"],
        level=level,
        at=at,
        until=local_text(end_s, offset_s, MINUTES),
        left=duration(left_s),
        asks=_join_rows(asks, names) if asks else WORDS["unread" if rows is None else "asks nothing"],
    )
    wants = rows is None or bool(asks)
    if begun or not wants:
        return Asked(sentence, None, None, wants)
    return Asked(sentence, left_s, WORDS["left"].fill(level=level, left=duration(left_s), at=at), wants)


def _read_rows(alert: Mapping[str, Any]) -> Sequence[Row] | None:
    """The rows that the alert fires; None if they are not there, or not understood."""
    rows = alert.get("rows")
    if not rows:
        return None
    try:
        return decode_list({"edition": "-", "grade": "", "law": [], "rows": list(rows)}).rows
    except FormatError:
        return None


def _join_rows(rows: Sequence[Row], names: Names) -> Words:
    told = [_tell_row(row, names) for row in rows]
    return Words("；".join(one.zh for one in told), "; ".join(one.en for one in told))


def _tell_row(row: Row, names: Names) -> Words:
    """What a row asks, in one phrase."""
    asked = WORDS[row.measure.value].fill(lines=name_lines(row.lines, names), value=_tell_value(row))
    ramp = WORDS["ramp"].fill(ramp=duration(row.ramp_s)) if row.ramp_s else Words.same("")
    runs = Words.same("")
    if row.treatment:
        runs = WORDS["and runs"].fill(lines=name_lines(row.treatment, names))
    return Words(f"{asked.zh}{ramp.zh}{runs.zh}", f"{asked.en}{ramp.en}{runs.en}")


def _tell_value(row: Row) -> str:
    if row.measure is Measure.HOURS:
        return ", ".join(f"{_clock(low)}–{_clock(high)}" for low, high in row.hours)
    if row.measure is Measure.LIMIT_PERCENT:
        return f"{row.value / PERCENT:g}"
    watts = row.cap_wh_day if row.cap_wh_day is not None else row.value
    return f"{watts / 1000:,.10g}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _name_level(alert: Mapping[str, Any]) -> Words:
    level = str(alert.get("level", ""))
    return WORDS[level] if level in LEVELS else WORDS["level"].fill(level=level)
