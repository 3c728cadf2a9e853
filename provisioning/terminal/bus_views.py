"""Buses on a terminal: the rows of `dianjian status` and the tables of `dianjian bus`.

Of many buses the status shows their sum and the one that needs attention most. A bus with one meter, as a TCP
meter at an address of its own, has the figures of its meter: many of them share one table, a row each.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from provisioning.terminal.show import make_grid
from provisioning.words.labels import label
from provisioning.words.status import count_lost, describe_bus, needs_attention

WHOLE_MS: Final = 100.0
"""From here on tenths of a millisecond are meaningless."""
BUSES_SHOWN_MAX: Final = 6
"""Rows of the status; of more, the sum is shown and the worst of them."""
WORST_SHOWN: Final = 1
NAME_CELLS: Final = 11
"""Of a bus and its meter in one table, so that the figures fit 80 columns."""
_COLUMNS: Final = ("requests", "timeouts", "crc_errors", "foreign", "late", "exceptions", "probes")
_WHOLE: Final = ("collisions", "reopened")
"""What concerns the whole bus."""

Json = Mapping[str, Any]


def list_buses(buses: Sequence[Json]) -> list[Text]:
    """A row each, or of many their sum and the worst."""
    mark = Text(label("bus") + "  ", "dim")
    if len(buses) <= BUSES_SHOWN_MAX:
        return [mark + Text.assemble(*describe_bus(bus)) for bus in buses]
    poor = sorted((bus for bus in buses if needs_attention(bus)), key=lambda bus: -count_lost(bus))
    requests, lost = sum(bus["requests"] for bus in buses), sum(map(count_lost, buses))
    whole = Text(f"● {len(buses) - len(poor)}/{len(buses)}", "red" if poor else "green")
    whole += Text(f"  {label('requests')} {requests}  {label('lost')} {lost}", "dim")
    rows = [mark + whole, *(mark + Text.assemble(*describe_bus(bus)) for bus in poor[:WORST_SHOWN])]
    if len(poor) > WORST_SHOWN:
        rows[-1] += Text(f"  … {label('more')} {len(poor) - WORST_SHOWN}", "dim")
    return rows


def draw_buses(buses: Sequence[Json], rows: int | None = None) -> RenderableType:
    """The state of each bus and its meters: the bus first, then its meters, then events of the whole bus.

    With `rows`, of many buses with one meter each the worst that fit are shown, and the others counted.
    """
    lone = [bus for bus in buses if len(bus["meters"]) == 1]
    if len(lone) <= BUSES_SHOWN_MAX:
        return Group(*(part for bus in buses for part in _draw_bus(bus)))
    blocks = [part for bus in buses if len(bus["meters"]) != 1 for part in _draw_bus(bus)]
    return Group(*blocks, *_draw_lone(lone, rows))


def _draw_bus(bus: Json) -> list[RenderableType]:
    load = Text(f"{bus['load_percent']:.1f} %", "bold")
    heading = Text(f"{label('bus')} {bus['bus']}  {bus['url']}  {label('bus load')} ", "bold") + load
    table = _make_table()
    for name, one in ((label("bus"), bus), *((meter["meter"], meter) for meter in bus["meters"])):
        _add_row(table, name, one)
    return [heading, table, *(Text(f"{label(name)}: {bus[name]}", "red") for name in _WHOLE if bus[name])]


def _draw_lone(buses: Sequence[Json], rows: int | None) -> list[RenderableType]:
    """Buses with one meter each in one table, and behind it what concerns whole buses."""
    shown = list(buses)
    if rows is not None and len(shown) > rows - 2:
        shown = sorted(shown, key=lambda bus: (not needs_attention(bus), -count_lost(bus)))
        shown = shown[: max(rows - 2, BUSES_SHOWN_MAX)]
    table = _make_table(NAME_CELLS)
    for bus in shown:
        _add_row(table, f"{bus['bus']} {bus['meters'][0]['meter']}", bus)
    parts: list[RenderableType] = [table]
    if len(shown) < len(buses):
        return [*parts, Text(f"… {label('more')} {len(buses) - len(shown)}", "dim")]
    for name in _WHOLE:
        said = [f"{bus['bus']} {bus[name]}" for bus in buses if bus[name]]
        if said:
            parts.append(Text(f"{label(name)}: {', '.join(said)}", "red"))
    return parts


def _make_table(name_cells: int | None = None) -> Table:
    table = make_grid()
    table.add_column("", no_wrap=True, max_width=name_cells)
    for heading in ("p50", "p95", "max ms", *(label(name) for name in _COLUMNS)):
        table.add_column(heading, no_wrap=True)
    table.padding = (0, 1, 0, 0)
    return table


def _add_row(table: Table, name: str, one: Json) -> None:
    latencies = (_ms(one["latency_ms"][key]) for key in ("p50", "p95", "max"))
    table.add_row(name, *latencies, *(_count(column, one[column]) for column in _COLUMNS))


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value < WHOLE_MS else f"{value:.0f}"


def _count(column: str, number: int) -> Text:
    return Text(str(number), "" if column == "requests" or not number else "red")
