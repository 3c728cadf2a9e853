"""The state of a gateway on a terminal: lines, linkages, buses, meters, seals and episodes, drawn by rich.

`draw_status` draws the status of a running agent (`agent.status.socket`), `draw_plant` the part of it that
the demo shows. Loads are drawn as sparklines, one column a sample, scaled to the line's rated power.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

from disk.translation import translate_message
from provisioning.terminal.bus_views import list_buses
from provisioning.terminal.show import make_grid
from provisioning.words.alerts import tell_alert, tell_verdict
from provisioning.words.archive import describe_archive
from provisioning.words.correlation import shorten_correlation
from provisioning.words.labels import label, label_outside
from provisioning.words.language import language, translate
from provisioning.words.numbers import name_rule
from provisioning.words.orders import tell_order
from provisioning.words.platforms import needs_look, tell_platform
from provisioning.words.remote import describe_remote
from provisioning.words.status import (
    average,
    describe_backlog,
    describe_certificate,
    describe_clock,
    describe_packets,
    describe_receipt,
    name_line,
    parse_time,
)

SPARKS: Final = "▁▂▃▄▅▆▇█"
SPARK_COLUMNS: Final = 30
"""With it a status fits 80 columns in both languages: two minutes a column of the last hour."""
MINUTES: Final = 60
COLUMNS: Final = 80
WIDE_COLUMNS: Final = 116
"""From this width on the last hour has all sixty minutes, and lines their full names."""
NAME_CELLS: Final = 18
NAME_WIDE_CELLS: Final = 28
METERS_NAMED_MAX: Final = 24
LINES_SHOWN_MIN: Final = 3
"""Rows on the smallest terminal; what does not fit is counted."""
SHORTER: Final = ((6, 12), (3, 6), (1, 2))
"""Linkages (the greatest deficits) and silent meters (the first) that are named where not everything fits."""
EPISODES_SHOWN: Final = 4
LEAST_W: Final = 1e-3
DRAWN_W_MAX: Final = 1e12
"""Highest values that a sparkline is scaled to; a record may hold any number."""
COLUMN_S: Final = 120
HALF_HOUR_S: Final = 1800
TRACE_LEFT: Final = 20
"""The width before the first column of a trace."""
ORDER_STYLE: Final = {"pending": "yellow", "overdue": "bold red"}
VERDICT_STYLE: Final = {"met": "green", "not_met": "bold red"}
SEVERITY_STYLE: Final = {"violation": "bold red", "integrity": "magenta", "data": "yellow", "notice": "cyan"}

Json = Mapping[str, Any]


def draw_sparkline(values: Sequence[float | None], top: float, columns: int = SPARK_COLUMNS) -> str:
    """The last `columns` values as blocks between 0 and `top`; a missing one is a gap."""
    scale = (len(SPARKS) - 1) / top if top >= LEAST_W else 0.0
    shown = list(values)[-columns:]
    return "".join(
        " " if value is None else SPARKS[round(min(max(value * scale, 0), len(SPARKS) - 1))]
        for value in shown
    ).rjust(columns)


def draw_status(
    status: Json,
    history: Mapping[str, Sequence[float | None]] | None = None,
    *,
    columns: int = COLUMNS,
    rows: int | None = None,
) -> RenderableType:
    """A running agent: lines with their loads, linkages, buses, meters, analysers, seals, episodes.

    Loads are those of `history` by line, else the last hour in the status. With `rows` the lines and
    analysers that do not fit are counted instead of shown; of many problems the first are shown.
    """
    whole = _draw_status(status, history or {}, columns, len(status["lines"]))
    if rows is None:
        return whole
    screen = Console(width=columns, color_system=None, force_terminal=False)
    if len(screen.render_lines(whole, pad=False)) <= rows:
        return whole
    lines, room, budget = len(status["lines"]), 0, SHORTER[0]
    for budget in SHORTER:
        least = _draw_status(status, history or {}, columns, min(LINES_SHOWN_MIN, lines), budget)
        room = rows - len(screen.render_lines(least, pad=False))
        if room >= 0:
            break
    return _draw_status(status, history or {}, columns, min(LINES_SHOWN_MIN + max(room, 0), lines), budget)


def draw_plant(
    status: Json, history: Mapping[str, Sequence[float | None]], *, columns: int = COLUMNS
) -> RenderableType:
    """Lines with their loads, linkages, meters, seals: a status without buses, analysers and episodes."""
    return Group(
        _lines(status, history, columns, len(status["lines"])),
        _linkages(status, None),
        _meters(status, None),
        _seals(status),
    )


def _draw_status(
    status: Json,
    history: Mapping[str, Sequence[float | None]],
    columns: int,
    shown: int,
    budget: tuple[int | None, int | None] = (None, None),
) -> Group:
    is_short = budget != (None, None)
    episodes = _episodes(status, 2 if is_short else EPISODES_SHOWN)
    analysers = [] if is_short else _analysers(status)
    return Group(
        _lines(status, history, columns, shown),
        _linkages(status, budget[0]),
        *list_buses(status.get("buses", ())),
        _meters(status, budget[1]),
        *analysers,
        _seals(status),
        *_platforms(status),
        *_emissions(status),
        *(Text(tell_order(one), ORDER_STYLE.get(one["state"], "")) for one in status.get("orders", ())),
        *_alerts(status),
        episodes,
    )


def _platforms(status: Json) -> Iterator[Text]:
    """A row a station of a platform of HJ 212."""
    for row in status.get("platforms", ()):
        style = "bold red" if not row["connected"] else "yellow" if needs_look(row) else "green"
        yield Text("HJ 212  ", "dim") + Text(translate(tell_platform(row)), style)


def _emissions(status: Json) -> Iterator[Text]:
    """The questions about analysers that stand."""
    for body in status.get("emissions", ()):
        text = str(body["text_zh" if language() == "zh" else "text"])
        yield Text(f"{label_outside(body['severity'])} · {text}", SEVERITY_STYLE.get(body["severity"], ""))


def _alerts(status: Json) -> Iterator[Text]:
    """How each line stands in each alert with its last hours, then the latest verdict."""
    for one in status.get("alerts", ()):
        top = max(one["limit_w"] or 0, one["baseline_w"] or 0, *(w or 0 for w in one["hours_w"]), 1)
        hours = draw_sparkline(one["hours_w"], top)
        yield Text(f"{tell_alert(one).text(language())} {hours}", "bold red" if one["not_met"] else "yellow")
    for body in status.get("verdicts", ())[-1:]:
        yield Text(tell_verdict(body).text(language()), VERDICT_STYLE.get(body["verdict"], "yellow"))


def _lines(
    status: Json, history: Mapping[str, Sequence[float | None]], columns: int, shown: int
) -> RenderableType:
    wide = columns >= WIDE_COLUMNS
    sparks = MINUTES if wide else SPARK_COLUMNS
    table = make_grid()
    table.padding = (0, 1, 0, 0)
    table.add_column(label("line"), no_wrap=True, max_width=NAME_WIDE_CELLS if wide else NAME_CELLS)
    for heading in ("kind", "power"):
        table.add_column(label(heading), no_wrap=True)
    table.add_column(label("last hour"), no_wrap=True, width=sparks)
    table.add_column(label("state"), no_wrap=True)
    for line in status["lines"][:shown]:
        watts = line["power_w"]
        power = "–" if watts is None else f"{watts / 1000:7.2f} kW"
        running = {
            True: Text(label("on"), "green"),
            False: Text(label("off"), "dim"),
            None: Text(label("unknown"), "yellow"),
        }
        loads = history.get(line["id"]) or average(line.get("recent_w", ()), sparks)
        table.add_row(
            Text(name_line(line)),
            label(line["kind"]),
            power,
            Text(
                draw_sparkline(loads, line["rated_w"], sparks),
                "green" if line["kind"] == "treatment" else "blue",
            ),
            running[line["on"]],
        )
    left = len(status["lines"]) - shown
    return Group(table, Text(f"… {label('more')} {left}", "dim")) if left > 0 else table


def _linkages(status: Json, most: int | None) -> RenderableType:
    """With `most`, those with the greatest deficits."""
    linkages = list(status["linkages"])
    if most is not None and len(linkages) > most + 1:
        linkages = sorted(linkages, key=lambda one: -float(one["deficit_s"]))[:most]
    left = len(status["linkages"]) - len(linkages)
    table = make_grid(label("linkage"), label("production"), label("treatment"), label("deficit"), "r")
    table.padding = (0, 1, 0, 0)
    for linkage in linkages:
        deficit_s, limit_s = linkage["deficit_s"], linkage["limit_s"]
        filled = round(10 * min(deficit_s / limit_s, 1.0)) if limit_s else 0
        full = SEVERITY_STYLE.get(linkage.get("severity") or "", "yellow")
        bar = Text("■" * filled, full if filled == 10 else "yellow") + Text("·" * (10 - filled), "dim")
        r = linkage["correlation"]
        table.add_row(
            linkage["id"],
            "+".join(linkage["production"]),
            "+".join(linkage["treatment"]),
            bar + Text(f" {deficit_s:4.0f}/{limit_s:.0f} s", "dim"),
            Text(translate(shorten_correlation(linkage)), "dim" if r is None else ""),
        )
    return Group(table, Text(f"… {label('more')} {left}", "dim")) if left else table


def _meters(status: Json, most_bad: int | None) -> Text:
    text = Text(label("meter") + "  ", "dim")
    good = [meter["meter"] for meter in status["meters"] if meter["quality"] == "good"]
    if len(status["meters"]) > METERS_NAMED_MAX:  # of many, only those that need attention are named
        text += Text(f"● {len(good)}/{len(status['meters'])} ", "green" if good else "red")
        good = []
    named = 0
    for meter in status["meters"]:
        if meter["meter"] in good:
            text += Text(f"● {meter['meter']} ", "green")
        elif meter["quality"] != "good":
            named += 1
            if most_bad is None or named <= most_bad:
                text += Text(f"● {meter['meter']} ({translate_message(meter['reason'])}) ", "red")
    if most_bad is not None and named > most_bad:
        text += Text(f"… {label('more')} {named - most_bad}", "dim")
    return text + _left_out(status)


def _left_out(status: Json) -> Text:
    """The points that meters do not give, one line each meter."""
    text = Text()
    for meter in status["meters"]:
        if points := meter.get("learned", {}).get("left_out"):
            text += Text(f"\n{meter['meter']} {label('left out')}: {', '.join(points)}", "yellow")
    return text


def _analysers(status: Json) -> list[Text]:
    """Values of meters that feed no line, one row per meter; wider ones are wrapped."""
    rows = []
    for meter in status["meters"]:
        units = meter.get("units") or {}
        shown = [f"{name} {_number(meter['values'][name])} {unit}".rstrip() for name, unit in units.items()]
        if shown:
            rows.append(Text(f"{meter['meter']}  ", "dim") + Text("  ".join(shown), ""))
    return rows


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _seals(status: Json) -> Text:
    seals, broker = status["seals"], status["broker"]["connected"]
    text = Text(f"{label('seals')}  ", "dim")
    text += Text(f"{label('sealed')} {seals['last']}  {label('receipted')} {seals['receipted']}  ")
    text += Text(describe_backlog(status), "yellow" if seals["backlog"] > 2 else "")
    if "verified" in seals:
        text += Text(f"{label('verified')} {seals['verified']}  ", "green")
    if "receipt" in seals:
        text += Text(*describe_receipt(status))
    text += Text(f"\n{label('broker')}  ", "dim")
    text += Text(f"{label('connected' if broker else 'disconnected')}", "green" if broker else "bold red")
    certificate = describe_certificate(status)
    if certificate is not None:
        text += Text("  ") + Text(*certificate)
    if "clock" in status:
        text += Text("  ") + Text(*describe_clock(status))
    text += Text(f"  {label('memory')} {status['process']['resident_bytes'] / 2**20:.0f} MiB", "dim")
    packets = describe_packets(status)
    if packets is not None:
        text += Text("\n") + Text(*packets)
    alarms = [label(alarm) for alarm in status["broker"]["alarms"]]
    archive = status.get("archive")
    if archive:
        said, remedy = describe_archive(archive)
        text += Text(f"\n{translate(said)}", "dim" if remedy is None else "yellow")
    remote = status.get("remote")
    if remote and remote["order"]:
        said, remedy = describe_remote(remote)
        text += Text(f"\n{translate(said)}", "dim" if remedy is None else "yellow")
    return text + Text(f"\n{label('alarms')}  {'; '.join(alarms)}" if alarms else "", "bold red")


def _episodes(status: Json, shown: int) -> Group:
    rows: list[Text] = []
    for episode in list(status["episodes"])[-shown:]:
        rule, state = translate(name_rule(episode)), label_outside(episode["state"])
        head = f"{label_outside(episode['severity'])} · {rule} · {episode['linkage']} {state}: "
        rows.append(
            Text(head, SEVERITY_STYLE.get(episode["severity"], ""))
            + Text(episode["sentence"][language()], "")
        )
    return Group(*rows or [Text(f"{label('episodes')}: {label('none')}", "dim")])


def add_title(status: Json, body: RenderableType, trouble: str = "") -> RenderableType:
    """A view with the gateway and the time above it, and why the agent did not answer."""
    name = f" {status['name']}" if status.get("name") else ""
    title = Text(f"{status['gateway']}{name}", "bold", no_wrap=True, overflow="ellipsis")
    at = parse_time(status.get("at"))
    when = "" if at is None else f"  {at.astimezone():%Y-%m-%d %H:%M:%S}"
    title += Text(f"{when}  dianjian {status.get('version', '')}".rstrip(), "dim")
    return Group(title, *([Text(trouble, "bold red")] if trouble else []), body)


def draw_trace(
    trace: Json, clock: Callable[[float], str], marks: Sequence[tuple[str, float]]
) -> RenderableType:
    """Two hours of one-minute means, two minutes a column, each line to its own highest value.

    Below them the time of the plant (`clock`) every half hour, and what happened when (`marks`).
    """
    rows = []
    for key, style in (("production", "blue"), ("treatment", "green")):
        watts = _pairs(trace[f"{key}_w"])
        top = max((value for value in watts if value is not None), default=0.0)
        drawn = Text(draw_sparkline(watts, top, columns=len(watts)), style)
        rows.append(Text(f"{key:<10}{top / 1000:6.1f} kW ", "dim") + drawn)
    begin_s, columns = trace["begin_at_s"], len(_pairs(trace["production_w"]))
    half_hours = [begin_s + HALF_HOUR_S * index for index in range(columns * COLUMN_S // HALF_HOUR_S)]
    ticks = "".join(f"{clock(at_s):<{HALF_HOUR_S // COLUMN_S}}" for at_s in half_hours)
    rows.append(Text(" " * TRACE_LEFT + ticks.rstrip(), "dim"))
    for name, at_s in marks:
        column = int((at_s - begin_s) // COLUMN_S)
        mark = f"{name} {clock(at_s)}"
        shown = min(max(column, 0), columns - 1)
        # A late event is written to the left of its arrow, so that the row keeps within 80 columns.
        row = (
            f"{mark} ▲".rjust(shown + 1)
            if shown > columns / 2
            else " " * shown + f"{'▲◀'[column < 0]} {mark}"
        )
        rows.append(Text(" " * TRACE_LEFT + row, "bold"))
    return Group(*rows)


def _pairs(values: Sequence[float | None]) -> list[float | None]:
    pairs = (values[i : i + 2] for i in range(0, len(values), 2))
    known = [[min(value, DRAWN_W_MAX) for value in pair if value is not None] for pair in pairs]
    return [sum(pair) / len(pair) if pair else None for pair in known]
