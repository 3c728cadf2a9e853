"""The tables of the status page: lines, linkages, buses, meters. Every text from outside is escaped."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from evidence.words import Words
from provisioning.live.page.curves import Say, bar, spark
from provisioning.live.page.day import Day
from provisioning.live.page.site import SitePlan
from provisioning.pages.page import both
from provisioning.words.common import pair
from provisioning.words.numbers import duration, power

COUNTED: Final = ("requests", "timeouts", "crc_errors", "foreign", "late", "exceptions", "probes")
BUSY_PERCENT: Final = 80.0
"""From here on a bus has no room for repetitions."""
WHOLE_MS: Final = 100.0
"""From here on tenths of a millisecond say nothing."""
NEAR: Final = 0.5
"""Of the limit of a deficit: from here on it is shown in the colour of a warning."""
VALUES_MAX: Final = 12
"""Values of an analyser in a row."""

Json = Mapping[str, Any]


_NUMBER: Final = '<td class="number '


def table(heads: Sequence[Words], rows: Sequence[Sequence[str]], css: str = "") -> str:
    """Heads and cells that are markup already; one whose first cell is a `number` stands to the right."""
    first = rows[0] if rows else [""] * len(heads)
    kinds = [' class="number"' if cell.startswith(_NUMBER) else "" for cell in first]
    head = "".join(f"<th{kind}>{both(words)}</th>" for words, kind in zip(heads, kinds, strict=True))
    lines = "".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table class="wide {css}"><tr>{head}</tr>{lines}</table></div>'


def number(text: str, css: str = "") -> str:
    """A cell with a number."""
    return f'{_NUMBER}{css}">{escape(text)}</td>'


def state(words: Words, css: str) -> str:
    """A state with its colour, and a sign for who sees none."""
    sign = {"good": "●", "off": "○", "bad": "▲", "open": "◌"}[css]
    return f'<span class="state {css}"><span aria-hidden="true">{sign}</span> {both(words)}</span>'


def lines_table(status: Json | None, plan: SitePlan, say: Say) -> str:
    """Every line with its state; of a gateway without an agent what the site file says."""
    known = {line["id"]: line for line in status["lines"]} if status else {}
    heads = (
        say(*pair("line")),
        say(*pair("state")),
        say(*pair("power")),
        say("最近一小时", "last hour"),
        say(*pair("kind")),
        say("铭牌", "rated"),
    )
    rows = []
    for line in plan.line:
        one = known.get(line.id, {})
        watts, on = one.get("power_w"), one.get("on")
        shown = {
            True: state(say(*pair("on")), "good"),
            False: state(say(*pair("off")), "off"),
            None: state(say(*pair("unknown")), "open"),
        }[on]
        rows.append(
            (
                f"<strong>{escape(line.id)}</strong> {escape(line.name)}",
                shown,
                number(_watts(watts)),
                spark(one.get("recent_w") or (), line.kind, line.rated_w) or "—",
                both(say(*pair(line.kind))),
                number(_watts(line.rated_w)),
            )
        )
    return table(heads, rows, "lines")


def linkages_table(status: Json, say: Say) -> str:
    """What must run with what, and how far it does not."""
    heads = (
        say(*pair("linkage")),
        say("生产功率", "production"),
        say("治理功率", "treatment"),
        say("应不低于", "needed"),
        say(*pair("deficit")),
        say("相关系数 r", "correlation r"),
    )
    rows = []
    for one in status["linkages"]:
        filled = one["deficit_s"] / one["limit_s"] if one["limit_s"] else 0.0
        raised = one["violation"] is not None
        css = "violation" if raised or filled >= 1 else "data" if filled >= NEAR else "notice"
        limit, held = duration(one["limit_s"]), duration(one["deficit_s"])
        text = both(say(f"{held.zh} / {limit.zh}", f"{held.en} / {limit.en}"))
        mark = f' <span class="badge violation">{both(say(*pair("violation")))}</span>' if raised else ""
        lines = f"{'+'.join(one['production'])} → {'+'.join(one['treatment'])}"
        r, why = one["correlation"], one["undefined_reason"]
        rows.append(
            (
                f'<strong>{escape(one["id"])}</strong><br><span class="dim">{escape(lines)}</span>',
                number(_watts(one["production_w"])),
                number(_watts(one["treatment_w"])),
                number(_watts(one["expected_w"])),
                f"<td>{bar(filled, css)}{text}{mark}</td>",
                number(f"{r:+.2f}") if r is not None else f'<span class="dim">{_reason(why, say)}</span>',
            )
        )
    return table(heads, rows)


def _watts(watts: float | None) -> str:
    return "—" if watts is None else power(round(watts))


def _reason(why: object, say: Say) -> str:
    if not isinstance(why, str) or not why:
        return "—"
    try:
        return both(say(*pair(why)))
    except KeyError:  # an agent of a newer version
        return escape(why)


def buses_tables(status: Json, say: Say) -> Iterator[str]:
    """How each bus and its meters do."""
    heads = (
        say("总线 / 电表", "bus / meter"),
        *(Words(text, text) for text in ("p50 ms", "p95 ms", "max ms")),
        *(say(*pair(name)) for name in COUNTED),
    )
    for bus in status["buses"]:
        load = bus["load_percent"]
        css = "violation" if load >= BUSY_PERCENT else "notice"
        rows = [_figures(f"<strong>{escape(bus['bus'])}</strong>", bus)]
        rows += [_figures(escape(one["meter"]), one) for one in bus["meters"]]
        yield (
            f"<h3>{escape(bus['bus'])} <code>{escape(bus['url'])}</code></h3>"
            f'<p class="share">{both(say(*pair("line load")))} {bar(load / 100, css)} {load:.1f} %'
            f"{_whole(bus, say)}</p>" + table(heads, rows, "figures")
        )


def _whole(bus: Json, say: Say) -> str:
    """What concerns the whole line, where it happened."""
    return "".join(
        f' · <span class="badge violation">{both(say(*pair(name)))} {bus[name]}</span>'
        for name in ("collisions", "reopened")
        if bus.get(name)
    )


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}".removesuffix(".0") if value < WHOLE_MS else f"{value:.0f}"


def _figures(name: str, one: Json) -> Sequence[str]:
    latency = [number(_ms(one["latency_ms"][key])) for key in _LATENCIES]
    counts = [number(str(one[key]), "" if key in _HARMLESS or not one[key] else "wrong") for key in COUNTED]
    return (name, *latency, *counts)


_LATENCIES: Final = ("p50", "p95", "max")
_HARMLESS: Final = ("requests", "probes")


def meters_table(status: Json, plan: SitePlan, say: Say) -> str:
    """Whether each meter answers, and what it says."""
    heads = (
        say(*pair("meter")),
        say(*pair("state")),
        say("读数", "reading"),
        say(*pair("line")),
        say(*pair("model")),
    )
    rows = []
    for one in status["meters"]:
        good = one["quality"] == "good"
        word = state(say(*pair("good")), "good") if good else state(say(*pair("bad")), "bad")
        why = "" if good else f" {escape(str(one['reason']))}"
        setup = plan.setups.get(one["meter"])
        rows.append(
            (
                f"<strong>{escape(one['meter'])}</strong>",
                word + why,
                escape(_values(one)) or "—",
                escape(one["line"] or "—"),
                escape(setup.model.name if setup else "—"),
            )
        )
    return table(heads, rows)


_SHOWN: Final = (("active_power", "W"), ("power_factor", ""), ("voltage_l1", "V"), ("current_l1", "A"))
_CALLED: Final = {"active_power": "P", "power_factor": "PF", "voltage_l1": "U1", "current_l1": "I1"}


def _values(one: Json) -> str:
    """The powers of a meter of a line; whatever an analyser measures."""
    units = one.get("units")
    wanted = list(units.items())[:VALUES_MAX] if units else _SHOWN
    return " · ".join(
        f"{_CALLED.get(name, name)} {_plain(one['values'][name], unit)}".strip()
        for name, unit in wanted
        if name in one["values"]
    )


def _plain(value: object, unit: str) -> str:
    if unit == "W" and isinstance(value, int | float):
        return power(round(value))
    return f"{value:.4g} {unit}" if isinstance(value, float) else f"{value} {unit}"


def beat_words(day: Day, now_s: float, say: Say) -> Words | None:
    """What the last heartbeat said, where no agent answers."""
    if day.beat is None:
        return None
    age, body = duration(max(0.0, now_s - day.beat.at_s)), day.beat.body
    told = body.get("silent")
    silent = ", ".join(map(str, told)) if isinstance(told, list | tuple) and told else "—"
    return say(
        f"最近一次心跳在{age.zh}前：待确认{body.get('backlog', '—')}，无应答电表 {silent}",
        f"last heartbeat {age.en} ago: backlog {body.get('backlog', '—')}, silent meters {silent}",
    )
