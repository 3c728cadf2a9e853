"""The tables of the status page: lines, linkages, buses, meters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from disk.translation import to_chinese
from provisioning.live.page.curves import draw_bar, draw_spark
from provisioning.live.page.day import Heartbeat
from provisioning.live.page.site import SitePlan
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup
from provisioning.words.correlation import WORDS, describe_correlation
from provisioning.words.numbers import duration, power
from provisioning.words.platforms import needs_look, tell_platform

COUNTED: Final = ("requests", "timeouts", "crc_errors", "foreign", "late", "exceptions", "probes")
_HARMLESS: Final = ("requests", "probes")
_LATENCIES: Final = ("p50", "p95", "max")
BUSY_PERCENT: Final = 80.0
"""From this load on a bus has no room for repetitions."""
WHOLE_MS: Final = 100.0
"""From here on tenths of a millisecond are meaningless."""
NEAR: Final = 0.5
"""Part of a deficit's limit from which it is shown as a warning."""
VALUES_MAX: Final = 12
"""Values of an analyser in a row."""
_SIGNS: Final = {"good": "●", "off": "○", "bad": "▲", "open": "◌"}
_SHOWN: Final = (("active_power", "W"), ("power_factor", ""), ("voltage_l1", "V"), ("current_l1", "A"))
_CALLED: Final = {"active_power": "P", "power_factor": "PF", "voltage_l1": "U1", "current_l1": "I1"}
_RUNS: Final = {True: ("on", "good"), False: ("off", "off"), None: ("unknown", "open")}

Json = Mapping[str, Any]


@frozen
class Number:
    """A right-aligned cell."""

    text: str
    css: str = ""


Cell = Html | str | Number


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], css: str = "") -> Html:
    """Headings over one row or more; the first row decides which columns are right-aligned."""
    first: Sequence[Cell] = rows[0] if rows else [""] * len(heads)
    kinds = [Html(' class="number"') if isinstance(cell, Number) else Html("") for cell in first]
    head = join(markup("<th{}>{}</th>", kind, text) for text, kind in zip(heads, kinds, strict=True))
    lines = join(markup("<tr>{}</tr>", join(map(_cell, row, heads))) for row in rows)
    return markup('<div class="scroll"><table class="wide {}"><tr>{}</tr>{}</table></div>', css, head, lines)


def _cell(cell: Cell, head: str) -> Html:
    """With its heading, which a phone shows in the cell where a row is no row any more."""
    if isinstance(cell, Number):
        return markup('<td class="number {}" data-head="{}">{}</td>', cell.css, head, cell.text)
    return markup('<td data-head="{}">{}</td>', head, cell)


def _state(text: str, css: str) -> Html:
    """A state with its colour, and a sign for readers who cannot see it."""
    sign = _SIGNS[css]
    return markup('<span class="state {}"><span aria-hidden="true">{}</span> {}</span>', css, sign, text)


def _strong(text: str) -> Html:
    return markup("<strong>{}</strong>", text)


def _badge(text: str, css: str = "violation") -> Html:
    return markup('<span class="badge {}">{}</span>', css, text)


def _texts(reader: Reader, keys: Iterable[str]) -> list[str]:
    return [reader.text(key) for key in keys]


def draw_lines(status: Json | None, plan: SitePlan, reader: Reader) -> Html:
    """Every line with its state; without an agent, what the site file has."""
    known = {line["id"]: line for line in status["lines"]} if status else {}
    linkages = status["linkages"] if status else ()
    judged = {line for one in linkages for side in ("production", "treatment") for line in one[side]}
    rows = []
    for line in plan.line:
        one = known.get(line.id, {})
        run, css = _RUNS[one.get("on")]
        if one.get("on") is None and one.get("power_w") is not None and line.id not in judged:
            run, css = "not judged", "off"  # it has no threshold, and its power is known all the same
        rows.append(
            (
                markup("{} {}", _strong(line.id), line.name),
                _state(reader.text(run), css),
                _watts(one.get("power_w")),
                draw_spark(one.get("recent_w") or (), line.kind, line.rated_w) or "—",
                reader.text(line.kind),
                _watts(line.rated_w),
            )
        )
    heads = _texts(reader, ("line", "state", "power", "last hour", "kind", "rated"))
    return _table(heads, rows, "lines stacked pairs")


def draw_linkages(status: Json, reader: Reader) -> Html:
    """The linkages and their deficits."""
    heads = ("linkage", "production power", "treatment power", "needed", "deficit", "correlation")
    return _table(_texts(reader, heads), [_linkage(one, reader) for one in status["linkages"]], "stacked")


def _linkage(one: Json, reader: Reader) -> Sequence[Cell]:
    filled = one["deficit_s"] / one["limit_s"] if one["limit_s"] else 0.0
    raised = one["violation"] is not None
    severity = one.get("severity") or "violation"  # an older agent does not name it
    css = severity if raised else "data" if filled >= NEAR else "notice"
    lines = f"{'+'.join(one['production'])} → {'+'.join(one['treatment'])}"
    held = reader.text("of", part=duration(one["deficit_s"]), whole=duration(one["limit_s"]))
    mark = join((Html(" "), _badge(reader.text(severity), severity))) if raised else ""
    return (
        markup('{}<br><span class="dim">{}</span>', _strong(one["id"]), lines),
        _watts(one["production_w"]),
        _watts(one["treatment_w"]),
        _watts(one["expected_w"]),
        markup("{}{}{}", draw_bar((filled, css)), held, mark),
        _correlation(one, reader),
    )


def _correlation(one: Json, reader: Reader) -> Html:
    """The phrase without its r, which stands above it."""
    r, words = one["correlation"], describe_correlation(one)
    phrase = "—" if words is None else words.text(reader.language)
    if r is None:
        return markup('<span class="dim">{}</span>', phrase)
    start = WORDS["r"].text(reader.language, r=r)
    rest = phrase.removeprefix(start).lstrip(" ,，")
    return markup('{}<br><span class="dim">{}</span>', _strong(f"{r:+.2f}"), rest)


def _watts(watts: float | None) -> Number:
    return Number("—" if watts is None else power(round(watts)))


def draw_buses(status: Json, reader: Reader) -> Iterator[Html]:
    """The state of each bus and its meters."""
    heads = [reader.text("bus / meter"), *(f"{name} ms" for name in _LATENCIES), *_texts(reader, COUNTED)]
    for bus in status["buses"]:
        load = bus["load_percent"]
        rows = [_figures(_strong(bus["bus"]), bus), *(_figures(one["meter"], one) for one in bus["meters"])]
        yield markup(
            '<h3>{} <code>{}</code></h3><p class="share">{} {} {} %{}</p>{}',
            bus["bus"],
            bus["url"],
            reader.text("bus load"),
            draw_bar((load / 100, "violation" if load >= BUSY_PERCENT else "notice")),
            f"{load:.1f}",
            _whole(bus, reader),
            _table(heads, rows, "figures"),
        )


def _whole(bus: Json, reader: Reader) -> Html:
    """Events that concern the whole bus, if any."""
    return join(
        markup(" · {}", _badge(f"{reader.text(name)} {bus[name]}"))
        for name in ("collisions", "reopened")
        if bus.get(name)
    )


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}".removesuffix(".0") if value < WHOLE_MS else f"{value:.0f}"


def _figures(name: Html | str, one: Json) -> Sequence[Cell]:
    latency = [Number(_ms(one["latency_ms"][key])) for key in _LATENCIES]
    counts = [Number(str(one[key]), "" if key in _HARMLESS or not one[key] else "wrong") for key in COUNTED]
    return (name, *latency, *counts)


def _tell_reason(reason: str, reader: Reader) -> str:
    """Why a meter has no values, in the reader's language."""
    return to_chinese(reason) if reader.language == "zh" else reason


def draw_meters(status: Json, plan: SitePlan, reader: Reader) -> Html:
    """Whether each meter answers, and its values."""
    rows = []
    for one in status["meters"]:
        quality = "good" if one["quality"] == "good" else "bad"
        why = "" if quality == "good" else f" {_tell_reason(one['reason'], reader)}"
        setup = plan.setups.get(one["meter"])
        rows.append(
            (
                _strong(one["meter"]),
                markup("{}{}", _state(reader.text(quality), quality), why),
                _values(one) or "—",
                one["line"] or "—",
                setup.model.name if setup else "—",
            )
        )
    return _table(_texts(reader, ("meter", "state", "reading", "line", "model")), rows, "stacked pairs")


def draw_platforms(status: Json, reader: Reader) -> Html:
    """Whether each station of each platform of HJ 212 is connected, what waits, the last trouble."""
    return join(
        markup(
            "<p>{}</p>",
            _state(
                tell_platform(row).text(reader.language),
                "bad" if not row["connected"] else "open" if needs_look(row) else "good",
            ),
        )
        for row in status["platforms"]
    )


def _values(one: Json) -> str:
    """The powers of a line's meter; all values of an analyser."""
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


def format_beat(beat: Heartbeat, now_s: float, reader: Reader) -> str:
    """The last heartbeat, for when no agent answers."""
    silent = beat.body.get("silent")
    return reader.text(
        "heartbeat",
        age=duration(max(0.0, now_s - beat.at_s)),
        backlog=beat.body.get("backlog", "—"),
        silent=", ".join(map(str, silent)) if isinstance(silent, list | tuple) and silent else "—",
    )
