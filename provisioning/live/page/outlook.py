"""The first thing on the status page: is the plant fine, what counts against it, what must be done by when.

Pure. A snapshot in, one of four states and a few sentences out. What has been raised stands before what may
come, what may come before what is merely not known; technical figures are further down the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from agent.detect.sentence import name_lines
from evidence.moments import local_text
from evidence.words import Words
from provisioning.live.page.alerts import list_alerts
from provisioning.live.page.episodes import Episode
from provisioning.live.page.orders import list_due, list_urgent
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup
from provisioning.words.numbers import duration

ACCUSING: Final = frozenset({"violation", "integrity"})
WAITS_MAX: Final = 6
"""Seals on their way while the link is good; more wait for something."""
SILENT_NAMED_MAX: Final = 6

WORDS: Final[Mapping[str, Words]] = {
    "act": Words("需立即处理", "Act now"),
    "warn": Words("请注意", "Attention"),
    "unknown": Words("无法判断", "Not known"),
    "well": Words("一切正常", "All is well"),
    "well because": Words(
        "治污随生产运行，目前没有计入的治污不足。",
        "Treatment runs with production; nothing is being counted against this plant.",
    ),
    "no agent": Words(
        "采集程序没有应答，不知道现在的情况。请通知维护人员：systemctl status dianjian-agent",
        "The agent does not answer, so nothing is known of this moment. Call maintenance: "
        "systemctl status dianjian-agent",
    ),
    "nothing judged": Words(
        "尚未设置治污与生产的关联，因此不作任何判断。请安装人员完成设置：dianjian setup",
        "No linkage of treatment and production is set up, so nothing is judged. Have the installer finish: "
        "dianjian setup",
    ),
    "counting": Words(
        "{production}运行而{treatment}治污不足，已计{held}；再过{left}将记为{what}。"
        "请立即开启治污设施；不能开启时停止生产并申报故障。",
        "With {production} running there is too little of {treatment}: {held} so far, and {left} more make "
        "it {what}. Start treatment now; if it cannot run, stop production and declare the fault.",
    ),
    "due": Words("还剩{left}（至{at}）", "{left} left, until {at}"),
    "a violation": Words("违规", "a violation"),
    "a notice": Words("提示（该关联尚未调试）", "a notice (this linkage is not commissioned)"),
    "silent": Words(
        "{count}块电表无应答：{meters}。请检查供电和通信线；其间该线路的数据记为缺失。",
        "{count} meters do not answer: {meters}. Check their supply and bus; meanwhile data of their lines "
        "are missing.",
    ),
    "silent one": Words(
        "电表{meters}无应答。请检查供电和通信线；其间该线路的数据记为缺失。",
        "Meter {meters} does not answer. Check its supply and bus; meanwhile data of its line are missing.",
    ),
    "broker": Words(
        "与中心的连接中断，{count}个签封待送达。数据在本机继续签封，不会丢失；请检查网络。",
        "The link to the centre is down and {count} seals wait. Nothing is lost, sealing goes on here; check "
        "the network.",
    ),
    "backlog": Words(
        "与中心的连接正常，但有{count}个签封待送达。数据在本机继续签封，不会丢失；请联系中心。",
        "The link to the centre is up, but {count} seals wait. Nothing is lost, sealing goes on here; ask "
        "the centre.",
    ),
    "clock": Words(
        "网关时钟未同步：读数会标明时间不可信。请检查网络校时（NTP）。",
        "The gateway's clock is not in step, and readings are marked so. Check its time service (NTP).",
    ),
    "asks": Words(
        "调试还有{count}个问题待回答，见下文“调试”。", "Commissioning asks {count} questions, see below."
    ),
    "asks one": Words("调试还有1个问题待回答，见下文“调试”。", "Commissioning asks a question, see below."),
}


class State(StrEnum):
    """How the plant stands, the gravest first."""

    ACT = "act"
    WARN = "warn"
    UNKNOWN = "unknown"
    WELL = "well"


_CSS: Final = {State.ACT: "violation", State.WARN: "data", State.UNKNOWN: "data", State.WELL: "good"}
_SIGNS: Final = {State.ACT: "✖", State.WARN: "!", State.UNKNOWN: "?", State.WELL: "✓"}


@frozen
class Outlook:
    """The state and why, the most urgent first; `due` is what is left of the time to act, if any is."""

    state: State
    points: tuple[Words, ...]
    due: Words | None = None


def judge_outlook(seen: Snapshot, episodes: Sequence[Episode], questions: int = 0) -> Outlook:
    """How the plant stands now.

    Args:
        seen: The gateway at this moment.
        episodes: Those of the page; open ones have no end.
        questions: What commissioning still asks.
    """
    asks = (
        (WORDS["asks one"],) if questions == 1 else (WORDS["asks"].fill(count=questions),) * (questions > 0)
    )
    raised = tuple(
        Words(**one["sentence"]) for one in episodes if _is_open(one) and one["severity"] in ACCUSING
    )
    if seen.status is None:
        state = State.ACT if raised else State.UNKNOWN
        return Outlook(state, (WORDS["no agent"], *raised, *asks))
    late, waiting = list_urgent(seen)
    alerts = tuple(one.sentence for one in list_alerts(seen) if one.wants)
    warned = (*_list_counting(seen), *alerts, *waiting, *_list_trouble(seen.status))
    if raised or late:
        return Outlook(State.ACT, (*raised, *late, *warned, *asks))
    if warned:
        return Outlook(State.WARN, (*warned, *asks), _find_due(seen))
    if not seen.status["linkages"]:
        return Outlook(State.UNKNOWN, (WORDS["nothing judged"], *asks))
    return Outlook(State.WELL, (WORDS["well because"], *asks))


def draw_outlook(outlook: Outlook, reader: Reader) -> Html:
    """The first card of the page."""
    points = join(markup("<li>{}</li>", point.text(reader.language)) for point in outlook.points)
    return markup(
        '<section class="card outlook {}" role="status"><strong><span aria-hidden="true">{}</span> {}'
        "</strong>{}<ul>{}</ul></section>",
        _CSS[outlook.state],
        _SIGNS[outlook.state],
        WORDS[outlook.state].text(reader.language),
        markup('<p class="due">{}</p>', outlook.due.text(reader.language)) if outlook.due else "",
        points,
    )


def _is_open(one: Episode) -> bool:
    return one["end_at_s"] is None


def _find_counting(seen: Snapshot) -> list[Mapping[str, Any]]:
    """Linkages whose deficit counts and is not raised yet, the one with the least time left first."""
    linkages = seen.status["linkages"] if seen.status else ()
    counting = [one for one in linkages if one["deficit_s"] > 0 and one.get("violation") is None]
    return sorted(counting, key=_find_left_s)


def _find_left_s(linkage: Mapping[str, Any]) -> float:
    return max(float(linkage["limit_s"] - linkage["deficit_s"]), 0.0)


def _find_due(seen: Snapshot) -> Words | None:
    """What is left of the time until a deficit is raised, an alert begins, or an order is late."""
    waiting = [(one.left_s, one.due) for one in list_alerts(seen) if one.left_s is not None and one.due]
    waiting += list_due(seen)
    for one in _find_counting(seen)[:1]:
        left_s = _find_left_s(one)
        at = local_text(seen.now_s + left_s, seen.plan.offset_s, "%H:%M:%S")
        waiting.append((left_s, WORDS["due"].fill(left=duration(left_s), at=at)))
    return min(waiting, key=lambda one: one[0])[1] if waiting else None


def _list_counting(seen: Snapshot) -> Iterator[Words]:
    for one in _find_counting(seen):
        yield WORDS["counting"].fill(
            production=name_lines(one["production"], seen.plan.names),
            treatment=name_lines(one["treatment"], seen.plan.names),
            held=duration(one["deficit_s"]),
            left=duration(_find_left_s(one)),
            what=WORDS["a violation" if one.get("learned", True) else "a notice"],
        )


def _list_trouble(status: Mapping[str, Any]) -> Iterator[Words]:
    silent = [str(meter["meter"]) for meter in status["meters"] if meter["quality"] != "good"]
    if silent:
        shown = ", ".join(silent[:SILENT_NAMED_MAX]) + (" …" if len(silent) > SILENT_NAMED_MAX else "")
        yield WORDS["silent one" if len(silent) == 1 else "silent"].fill(count=len(silent), meters=shown)
    backlog, connected = status["seals"]["backlog"], status["broker"]["connected"]
    if not connected or backlog > WAITS_MAX:
        yield WORDS["backlog" if connected else "broker"].fill(count=backlog)
    if status.get("clock") == "unsynchronised":
        yield WORDS["clock"]
