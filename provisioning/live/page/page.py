"""The status page: what a running agent says of itself, and the day out of its chain, for one reader.

Pure. One HTML text in the reader's language, no file beside it, nothing from elsewhere. Its policy allows
the one style and the one script that are in it, by their hashes; the script fetches the page again and puts
the new `main` in place of the old one. Without scripts the browser loads the page anew every RELOAD_S.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import Any, Final

from attrs import frozen

from evidence.words import Words
from provisioning.live.page.chain import Looked
from provisioning.live.page.curves import SEVERITIES, Say, drawings
from provisioning.live.page.site import SitePlan
from provisioning.live.page.tables import (
    beat_words,
    buses_tables,
    lines_table,
    linkages_table,
    meters_table,
)
from provisioning.pages.episode import episode_card, episode_drawing
from provisioning.pages.page import PAGE_STYLE, both
from provisioning.pages.plot import STYLE
from provisioning.words.common import pair
from provisioning.words.numbers import duration
from provisioning.words.times import local_text

RELOAD_S: Final = 30
CARDS_MAX: Final = 20
"""Episodes with their sentence; the rest is counted, and told by `dianjian explain`."""
DRAWN_MAX: Final = 4
"""Of them with their two hours; each takes 15 kB."""
MOMENT_S_MAX: Final = 32_503_680_000
"""The year 3000: later moments are no moments, and cannot be told."""
LATE_S: Final = 600
"""A receipt that is older than this while seals wait is worth a look."""
BACKLOG_NORMAL: Final = 3
"""Seals that are on their way at any moment."""
_ODD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OSError)
"""What values of another form make of a drawing or a text."""
_REQUIRED: Final = (
    "id",
    "linkage",
    "rule",
    "severity",
    "begin_at_s",
    "raised_at_s",
    "end_at_s",
    "numbers",
    "lines",
)

_STYLE: Final = """
:root{--good:#17804a}@media(prefers-color-scheme:dark){:root{--good:#57c98a}}
body{padding:.6rem max(.8rem,calc(50vw - 36rem)) 2rem}
html.zh main [lang=en],html.en main [lang=zh]{display:none}
header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline;justify-content:space-between}
nav a{margin-left:.7rem;color:var(--dim)}
nav a[aria-current]{color:var(--ink);font-weight:600;text-decoration:none}
h1{margin:.5rem 0 0}main .chart{max-width:62rem}
h3{font-size:.98rem;margin:.9rem 0 .2rem;overflow-wrap:anywhere}h3:first-child{margin-top:0}
code{font-size:.86em;color:var(--dim);font-weight:400}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.3rem,1fr));gap:.6rem;margin:.7rem 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.tile b{display:block;font-size:1.15rem;font-weight:650;line-height:1.3;overflow-wrap:anywhere}
.tile .dim{font-size:.86rem;display:block;line-height:1.35;overflow-wrap:anywhere}
.tile.bad{border-left:4px solid var(--violation)}.tile.open{border-left:4px solid var(--data)}
.state.good{color:var(--good)}.state.bad{color:var(--violation)}.state.open{color:var(--data)}.state.off{color:var(--dim)}
.state{white-space:nowrap}
table.wide{min-width:30rem}table.figures{min-width:44rem}tr:first-child th{border-top:0}
.lines td:first-child{min-width:7rem}
table.wide th{font-weight:600;color:var(--dim);font-size:.88em;white-space:nowrap}
table.wide td{vertical-align:middle}table.figures th,td.number{white-space:nowrap}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;padding-right:1.1rem}
.wrong{color:var(--violation);font-weight:600}
.chart.spark{width:8.25rem;min-width:8.25rem;height:1.65rem;display:block}
.spark .production{--c:var(--production)}.spark .treatment{--c:var(--treatment)}
.chart.bar-of{width:8rem;min-width:4rem;height:.5rem;display:block;margin:.25rem 0;border-radius:.25rem}
.bar-of .room{fill:var(--grid)}.share .bar-of{display:inline-block;vertical-align:middle;margin:0 .3rem}
.share{color:var(--dim)}
#stale{display:none;position:sticky;top:0;background:var(--violation);color:var(--card);padding:.3rem .7rem;
border-radius:.3rem;z-index:1}.stale #stale{display:block}.stale main{opacity:.6}
.narrow{display:none}.narrow .chart{min-width:0}
@media(max-width:40rem){.tiles{grid-template-columns:1fr 1fr}.broad{display:none}.narrow{display:block}}
"""
_SCRIPT: Final = """
(()=>{const tell=(q,d)=>[...(d||document).querySelectorAll(q)];
async function again(){try{
const answer=await fetch(location.href,{cache:"no-store"});if(!answer.ok)throw answer.status;
const next=new DOMParser().parseFromString(await answer.text(),"text/html").querySelector("main");
const open=tell("details[open]").map(e=>e.id),at=tell(".scroll").map(e=>e.scrollLeft);
document.querySelector("main").replaceWith(next);
tell("details").forEach(e=>{if(open.includes(e.id))e.open=true});
tell(".scroll").forEach((e,i)=>{e.scrollLeft=at[i]||0});
document.body.classList.remove("stale")}catch(_){document.body.classList.add("stale")}
later()}
const later=()=>setTimeout(again,document.hidden?60000:document.querySelector("main.soon")?2000:10000);
later()})()
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


_WHOLE_STYLE: Final = PAGE_STYLE + STYLE + _STYLE
POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_WHOLE_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Sent as a header with the page."""


@frozen
class Seen:
    """What the page is drawn from.

    Attributes:
        plan: The site.
        status: What the agent says of itself, None where none answers.
        silence: Why there is no status, "" where there is one.
        looked: What the chain holds.
        now_s: The gateway's wall clock.
        problem: What is wrong with the site file now, "" where nothing is.
    """

    plan: SitePlan
    status: Mapping[str, Any] | None
    silence: str
    looked: Looked
    now_s: float
    problem: str = ""


def status_page(seen: Seen, *, chinese: bool) -> bytes:
    """The whole page."""

    def say(zh: str, en: str) -> Words:
        text = zh if chinese else en
        return Words(text, text)

    tongue = "zh" if chinese else "en"
    name = seen.plan.name or seen.plan.gateway
    stale = both(
        say(
            "与网关的连接已中断，以下为最近一次所见", "the gateway does not answer; this is what it said last"
        )
    )
    text = "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{tongue}" class="{tongue}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<noscript><meta http-equiv="refresh" content="{RELOAD_S}"></noscript>',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(name)} · dianjian</title>",
            f"<style>{_WHOLE_STYLE}</style></head>",
            f'<body><p id="stale" role="status">{stale}</p>',
            "<main>" if seen.looked.complete else '<main class="soon">',
            *_body(seen, say, chinese=chinese),
            f"</main><script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )
    return text.encode("utf-8", "replace")


def _body(seen: Seen, say: Say, *, chinese: bool) -> Iterator[str]:
    yield from _header(seen, say, chinese=chinese)
    status, plan, day = seen.status, seen.plan, seen.looked.day
    yield from _notes(seen, say)
    yield f'<div class="tiles">{"".join(_tiles(seen, say))}</div>'
    yield _part(say("线路", "Lines"), lines_table(status, plan, say))
    if status and status["linkages"]:
        yield _part(say("关联与治理缺口", "Linkages and deficit"), linkages_table(status, say))
    episodes = _episodes(seen)
    yield from _curves(seen, episodes, say)
    yield from _cards(seen, episodes, say)
    if status and status["buses"]:
        yield _part(say("总线", "Buses"), "".join(buses_tables(status, say)))
    if status:
        yield _part(say("电表", "Meters"), meters_table(status, plan, say))
    elif day is not None and (beat := beat_words(day, seen.now_s, say)):
        yield f'<p class="dim">{both(beat)}</p>'


def _part(title: Words, inner: str) -> str:
    return f'<h2>{both(title)}</h2><section class="card">{inner}</section>'


def _header(seen: Seen, say: Say, *, chinese: bool) -> Iterator[str]:
    plan = seen.plan
    links = "".join(
        f'<a href="?lang={tag}"{" aria-current=true" * (chinese is (tag == "zh"))}>{word}</a>'
        for tag, word in (("zh", "中文"), ("en", "English"))
    )
    yield f"<header><h1>{escape(plan.name or plan.gateway)}</h1><nav>{links}</nav></header>"
    at = local_text(seen.now_s, plan.offset_s)
    version = f" · {escape(str(seen.status.get('version', '')))}" if seen.status else ""
    yield f'<p class="dim">{escape(plan.gateway)} · {both(say(*pair("plant time")))} {at}{version}</p>'


def _notes(seen: Seen, say: Say) -> Iterator[str]:
    """What is wrong, in one line each."""
    if seen.status is None:
        where = say("代理程序未运行或无应答", "no agent answers")
        shown = say("以下为链上已签封的内容", "what follows is out of the sealed chain")
        yield _note("data", f"{both(where)} ({escape(seen.silence)})；{both(shown)}")
    else:
        for alarm in seen.status["broker"]["alarms"]:
            try:
                words = say(*pair(alarm))
            except KeyError:  # an agent of a newer version
                words = Words(alarm, alarm)
            yield _note("violation", both(words))
    if seen.problem:
        yield _note(
            "data", f"{both(say('配置文件有误', 'the site file has a mistake'))}: {escape(seen.problem)}"
        )


def _note(css: str, inner: str) -> str:
    return f'<p class="card {css}" role="status">{inner}</p>'


def _tiles(seen: Seen, say: Say) -> Iterator[str]:
    status, looked = seen.status, seen.looked
    last = status["seals"]["last"] if status else looked.last
    yield _tile(say("最近签封", "last seal"), escape(f"#{last}"), _sealed(seen, say))
    yield _receipt_tile(seen, say)
    if status is None:
        return
    backlog, broker = status["seals"]["backlog"], status["broker"]
    waits = backlog > BACKLOG_NORMAL
    yield _tile(say(*pair("backlog")), escape(str(backlog)), say("个签封", "seals"), "open" if waits else "")
    word = "connected" if broker["connected"] else "disconnected"
    url = str(broker.get("url") or "")
    yield _tile(
        say(*pair("broker")), both(say(*pair(word))), Words(url, url), "" if broker["connected"] else "bad"
    )
    yield _clock_tile(status, say)
    good = sum(meter["quality"] == "good" for meter in status["meters"])
    count = len(status["meters"])
    words = say("块电表正常", "meters answer")
    yield _tile(say("电表", "meters"), f"{good} / {count}", words, "" if good == count else "bad")
    size = status["process"]["resident_bytes"] / 2**20
    yield _tile(say(*pair("memory")), f"{size:.0f} MiB", say("代理程序", "the agent"))


def _tile(name: Words, value: str, more: Words, css: str = "") -> str:
    return (
        f'<div class="tile {css}"><span class="dim">{both(name)}</span><b>{value}</b>'
        f'<span class="dim">{both(more)}</span></div>'
    )


def _sealed(seen: Seen, say: Say) -> Words:
    day = seen.looked.day
    if day is None or day.last_s is None:
        return Words("", "")
    age = duration(max(0.0, seen.now_s - day.last_s))
    return say(f"{age.zh}前", f"{age.en} ago")


def _receipt_tile(seen: Seen, say: Say) -> str:
    number, at_s = _receipt(seen)
    name = say("最近回执", "last receipt")
    if number is None:
        return _tile(name, "—", say("尚无回执", "none yet"), "open")
    age_s = None if at_s is None else max(0.0, seen.now_s - at_s)
    waits = seen.status is not None and seen.status["seals"]["backlog"] > BACKLOG_NORMAL
    late = "open" if waits and age_s is not None and age_s > LATE_S else ""
    if age_s is None:
        return _tile(name, escape(f"#{number}"), Words("", ""), late)
    age = duration(age_s)
    return _tile(name, escape(f"#{number}"), say(f"{age.zh}前", f"{age.en} ago"), late)


def _receipt(seen: Seen) -> tuple[int | None, float | None]:
    """Number and time: what the agent says, else what its store keeps."""
    told = seen.status["seals"].get("receipt") if seen.status else None
    if told:
        try:
            return told["number"], datetime.fromisoformat(told["at"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return told.get("number"), None
    kept = seen.looked.receipt
    return (kept.number, kept.centre_utc_ms / 1000) if kept else (None, None)


def _clock_tile(status: Mapping[str, Any], say: Say) -> str:
    words = {
        "synchronised": (say("已同步", "in step"), ""),
        "unsynchronised": (say("未同步", "not in step"), "bad"),
        "simulated": (say("模拟", "simulated"), "open"),
    }
    text, css = words.get(str(status["clock"]), (Words(str(status["clock"]), str(status["clock"])), "open"))
    ahead = status.get("clock_ahead_ms")
    more = Words("", "")
    if isinstance(ahead, int | float):
        more = say(f"与中心相差 {ahead / 1000:+.1f} 秒", f"{ahead / 1000:+.1f} s to the centre")
    return _tile(say("时钟", "clock"), both(text), more, css)


def _episodes(seen: Seen) -> list[Mapping[str, Any]]:
    """The agent's and those of the day, each in its last state, newest first; only the day's have traces."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in seen.status["episodes"] if seen.status else ():
        found[str(one.get("id"))] = one
    for id_, one in seen.looked.day.episodes.items() if seen.looked.day else ():
        before = found.get(id_)
        # The agent's own word may be newer than what was sealed when the day was read.
        found[id_] = {**one, **before} if before else one
    whole = [one for one in found.values() if _sound(one)]
    return sorted(whole, key=lambda one: one["raised_at_s"], reverse=True)


def _sound(one: Mapping[str, Any]) -> bool:
    """Whether an episode has what is drawn; another version may tell it otherwise."""
    sentence = one.get("sentence")
    return (
        all(name in one for name in _REQUIRED)
        and isinstance(sentence, Mapping)
        and {"zh", "en"} <= set(sentence)
        and one["severity"] in SEVERITIES
        and all(_is_moment(one[name]) for name in ("begin_at_s", "raised_at_s"))
        and (one["end_at_s"] is None or _is_moment(one["end_at_s"]))
        and isinstance(one["numbers"], Mapping)
        and all(isinstance(one[name], str) for name in ("id", "linkage", "rule"))
    )


def _is_moment(at_s: object) -> bool:
    return type(at_s) in {int, float} and 0 <= at_s <= MOMENT_S_MAX  # type: ignore[operator]


def _card(one: Mapping[str, Any], inner: str, offset_s: int, say: Say) -> str:
    drawing = ""
    if inner:
        summary = both(say("两小时曲线", "its two hours"))
        drawing = f'<details id="d{escape(str(one["id"]))}"><summary>{summary}</summary>{inner}</details>'
    try:
        return episode_card(one, offset_s, drawing)
    except _ODD:
        words = say(
            "此事件由其他版本记录，无法识读", "written by another version, this episode cannot be read"
        )
        return _note("data", f"{escape(str(one['id']))}: {both(words)}")


def _two_hours(one: Mapping[str, Any], offset_s: int) -> str:
    """Their drawing; "" for a trace that another version has written otherwise."""
    try:
        return episode_drawing(one, offset_s)
    except _ODD:
        return ""


def _curves(seen: Seen, episodes: Sequence[Mapping[str, Any]], say: Say) -> Iterator[str]:
    day, plan = seen.looked.day, seen.plan
    if day is None:
        yield _part(say("今日负荷", "Today's loads"), f'<p class="dim">{_why(seen, say)}</p>')
        return
    date = local_text(day.begin_s, plan.offset_s, "%Y-%m-%d")
    today = day.begin_s <= seen.now_s < day.end_s
    title = (
        say(f"今日负荷 {date}", f"Today's loads, {date}")
        if today
        else say(f"最近一天 {date}", f"Last day on record, {date}")
    )
    parts = []
    if not seen.looked.complete:
        at = "—" if day.last_s is None else local_text(day.last_s, plan.offset_s, "%H:%M")
        words = say(f"正在读取，已到 {at}", f"being read, {at} so far")
        parts.append(f'<p class="dim">{both(words)}</p>')
    for name, drawing in drawings(day, plan, episodes, say):
        head = escape(name) if name else both(say("其他线路", "other lines"))
        parts.append(f"<h3>{head}</h3>{drawing}")
    yield _part(title, "".join(parts))


def _why(seen: Seen, say: Say) -> str:
    known = {
        "no chain": say("此处尚无签封链", "there is no sealed chain yet"),
        "no seal": say("链上尚无签封", "nothing is sealed yet"),
    }
    words = known.get(seen.looked.problem)
    return (
        both(words)
        if words
        else f"{both(say('链无法读取', 'the chain cannot be read'))}: {escape(seen.looked.problem)}"
    )


def _cards(seen: Seen, episodes: Sequence[Mapping[str, Any]], say: Say) -> Iterator[str]:
    yield f"<h2>{both(say('事件', 'Episodes'))}</h2>"
    if not episodes:
        yield f'<section class="card"><p class="dim">{both(say("无事件", "no episodes"))}</p></section>'
    drawn = 0
    for one in episodes[:CARDS_MAX]:
        inner = _two_hours(one, seen.plan.offset_s) if "trace" in one and drawn < DRAWN_MAX else ""
        drawn += bool(inner)
        yield _card(one, inner, seen.plan.offset_s, say)
    if len(episodes) > CARDS_MAX:
        left = len(episodes) - CARDS_MAX
        yield f'<p class="dim">{both(say(f"另有{left}个事件", f"{left} more episodes"))}</p>'
