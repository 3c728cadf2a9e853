"""The gateways as a map, and as fields of a wall. Pure; a field or point leads to its row of the table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from centre.fleet.judging import Gravity
from provisioning.city.positions import Plane, find_scale, lay_out
from provisioning.city.view import Row
from provisioning.city.words import Reader
from provisioning.pages.html import Html, join, markup

WIDTH: Final = 1_000
"""Of a map, in its own units; the screen scales it."""
HEIGHT_MIN, HEIGHT_MAX = 240, 900
RADIUS: Final = {Gravity.ACT: 9, Gravity.LOOK: 7}
RADIUS_WELL: Final = 5
MARGIN: Final = 16
_SIGNS: Final = {Gravity.ACT: "!", Gravity.LOOK: "?"}
"""For readers who do not see colours."""


def css_of(gravity: Gravity) -> str:
    """The class of a state."""
    return gravity.name.lower()


def draw_map(rows: Sequence[Row], marks: Mapping[str, str], reader: Reader) -> Html:
    """A point for each gateway of `rows`, of which each has a position; the gravest lie on top."""
    positions = {row.known.gateway: row.position for row in rows if row.position is not None}
    plane = lay_out(positions)
    scale = min((WIDTH - 2 * MARGIN) / plane.width_km, (HEIGHT_MAX - 2 * MARGIN) / plane.height_km)
    height = max(round(plane.height_km * scale) + 2 * MARGIN, HEIGHT_MIN)
    left, top = (WIDTH - plane.width_km * scale) / 2, (height - plane.height_km * scale) / 2
    points = join(_draw_points(rows, plane, scale, (left, top), marks, reader))
    bar_km = find_scale(WIDTH / scale)
    bar = markup(
        '<path class="scale" d="M{left} {low}v6h{long}v-6"/><text x="{left}" y="{text}">{km}</text>',
        left=MARGIN,
        low=height - MARGIN - 6,
        long=f"{bar_km * scale:.1f}",
        text=height - MARGIN - 12,
        km=reader.text("scale", km=bar_km),
    )
    return markup(
        '<svg class="map" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        WIDTH,
        height,
        reader.text("Map"),
        bar,
        points,
    )


def _draw_points(
    rows: Sequence[Row],
    plane: Plane,
    scale: float,
    corner: tuple[float, float],
    marks: Mapping[str, str],
    reader: Reader,
) -> Iterator[Html]:
    for row in reversed(rows):
        gravity, name = row.verdict.gravity, row.known.gateway
        x_km, y_km = plane.places[name]
        yield markup(
            '<a href="#{}"><circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle></a>',
            marks[name],
            css_of(gravity),
            f"{corner[0] + x_km * scale:.1f}",
            f"{corner[1] + y_km * scale:.1f}",
            RADIUS.get(gravity, RADIUS_WELL),
            name_row(row, reader),
        )


def draw_wall(rows: Sequence[Row], marks: Mapping[str, str], reader: Reader) -> Html:
    """A field for each gateway, in the order of `rows`."""
    fields = join(
        markup(
            '<a class="field {}" href="#{}" title="{}">{}</a>',
            css_of(row.verdict.gravity),
            marks[row.known.gateway],
            name_row(row, reader),
            _SIGNS.get(row.verdict.gravity, ""),
        )
        for row in rows
    )
    return markup('<div class="wall">{}</div>', fields)


def name_row(row: Row, reader: Reader) -> str:
    """The gateway, its plant and its state in a line."""
    parts = [row.known.gateway, row.site, reader.state(row.verdict.gravity)]
    return " · ".join(part for part in parts if part)
