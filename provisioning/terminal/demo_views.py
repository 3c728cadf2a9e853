"""The demo on a terminal: act, plant, and below them what has happened, the newest always whole.

It fills the terminal that there is, from 80×24 on: rows that the plant does not need are the events'.
"""

from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from evidence.words import Words
from provisioning.terminal.show import fold
from provisioning.terminal.views import SEVERITY_STYLE
from provisioning.words.language import translate

TIME_CELLS: Final = 6
"""Columns of the time before each event."""
Told = tuple[str, Words, str]
"""An event: the time of the plant's clock or nothing, what happened, the severity of a finding or nothing."""


def draw_demo(
    heading: Sequence[str],
    plant: RenderableType,
    told: Sequence[Told],
    size: tuple[int, int],
    footer: tuple[str, str],
) -> RenderableType:
    """A screen of the demo.

    Args:
        heading: The title, the act, what to look at; the first two in bold.
        plant: What `draw_plant` gives, or a text while there is nothing.
        told: Every event so far, oldest first.
        size: Columns and rows of the terminal.
        footer: What is down, or what the reader may do, and its style; empty if nothing.
    """
    columns, rows = size
    console = Console(width=columns, color_system="standard", force_terminal=True)
    head = [Text(line, "bold" if index < 2 else "cyan") for index, line in enumerate(heading)]
    above = Group(*head, plant, *([Text(*footer)] if footer[0] else []))
    room = rows - 1 - len(console.render_lines(above, pad=False))
    events = [segments for one in told[-max(room, 0) or len(told) :] for segments in _render(one, console)]
    shown = events[-room:] if room > 0 else []
    return Group(above, *(_join(segments) for segments in shown))


def draw_event(told: Told, columns: int) -> RenderableType:
    """An event with its time before it; what it says stays to the right of the time."""
    at, words, severity = told
    style = SEVERITY_STYLE.get(severity, "")
    row = Table.grid(padding=0)
    row.add_column(width=TIME_CELLS, no_wrap=True)
    row.add_column(overflow="fold")
    text = fold(translate(words), columns - TIME_CELLS)
    row.add_row(Text(at, "dim"), Text(text, style if at else ""))
    return row


def _render(told: Told, console: Console) -> list[list[Segment]]:
    return console.render_lines(draw_event(told, console.width), pad=False)


def _join(segments: Sequence[Segment]) -> Segments:
    return Segments([*segments, Segment.line()])
