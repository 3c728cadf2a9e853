"""Draws loads, limits, states and episodes over time as SVG text.

Pure: numbers in, text out, the same text for the same numbers. Everything that comes from outside is
escaped. A drawing has no script, loads nothing and follows the reader's light or dark setting. Words
are in Chinese and English, each in a `tspan` with its `lang`, so that a page can hide one of them.

A chart is a column of panels (loads with their limits) above strips (what holds from when to when),
over one axis of time in the plant's zone. For a page it is drawn twice, for a wide screen or paper and for a
phone, where shrunk letters could not be read; the style shows the one that fits.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import evolve

from evidence.moments import local_text
from evidence.words import Words
from provisioning.pages.html import Html, escape, join, markup, read_asset
from provisioning.pages.plot_data import (
    LEFT,
    NARROW_WIDTH,
    RIGHT,
    TEXT_WIDTH,
    WIDTH,
    Chart,
    Curve,
    Level,
    Panel,
    Strip,
    measure_text,
)

PANEL_HEIGHT: Final = 104
PANEL_HEAD: Final = 25
STRIP_HEIGHT: Final = 17
MARK_HEIGHT: Final = 15
AXIS_HEIGHT: Final = 22
LEVEL_HEIGHT: Final = 14
"""Of a further row of names of limits."""
TICKS_MAX: Final = 9
TICKS_NARROW_MAX: Final = 5
CURVE_NARROW_MAX: Final = 300
"""Values of a curve that is drawn for a phone: about a pixel each."""
TICK_STEPS_S: Final = (300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
DAYS_MAX: Final = 62
"""Ticks of whole days: two months; a longer axis, which no honest record makes, has fewer."""
TICK_PARTS: Final = (0.5, 0.25, 0.2, 0.1, 0.05, 0.025)
HEADROOM: Final = 1.08
DRAWN_W_MAX: Final = 1e12
"""The highest scale, a thousand power stations; what a record says beyond runs along the top."""

Scale = Callable[[float], float]

STYLE: Final = read_asset("provisioning.pages", "plot.css")


def draw_chart(chart: Chart, *, alone: bool = False) -> Html:
    """The drawing; `alone` for a file of its own, which carries the style with it."""
    top = MARK_HEIGHT * len(chart.marks) + 4
    names = [_place_levels(chart, panel) for panel in chart.panels]
    heads = [PANEL_HEAD + LEVEL_HEIGHT * max((row for _, row in places), default=0) for places in names]
    floor = top + sum(heads) + len(heads) * PANEL_HEIGHT
    height = floor + AXIS_HEIGHT + STRIP_HEIGHT * len(chart.strips) + 6
    parts = [
        markup(
            '<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img">',
            chart.width,
            height,
        ),
        markup("<title>{} {}</title>", chart.name.zh, chart.name.en),
    ]
    if alone:
        parts.append(markup("<style>{}</style>", STYLE))
        parts.append(markup('<rect class="paper" width="{}" height="{}"/>', chart.width, height))
    parts += _bands(chart, top, floor)
    parts += _axis(chart, top, floor)
    parts += _mark_lines(chart, floor)
    at = float(top)
    for panel, places, head in zip(chart.panels, names, heads, strict=True):
        parts += _panel(chart, panel, at + head, places)
        at += head + PANEL_HEIGHT
    parts += _mark_names(chart)
    for index, strip in enumerate(chart.strips):
        parts += _strip(chart, strip, floor + AXIS_HEIGHT + index * STRIP_HEIGHT)
    return join([*parts, Html("</svg>"), Html("")], "\n")


def draw_both_widths(make: Callable[[int], Chart]) -> Html:
    """The drawing for a wide screen and the one for a phone; `make` gives the chart of a width."""
    phone = make(NARROW_WIDTH)
    panels = [evolve(one, curve=_thin(one.curve)) for one in phone.panels]
    drawings = (draw_chart(make(WIDTH)), draw_chart(evolve(phone, panels=panels)))
    return markup('<div class="broad">{}</div><div class="narrow">{}</div>', *drawings)


def _thin(curve: Curve) -> Curve:
    """The least and greatest of every few values."""
    size = -(-len(curve.times_s) // CURVE_NARROW_MAX)
    if size < 2:
        return curve
    places = range(0, len(curve.times_s), size)
    lows, highs = ([_known(side[at : at + size]) for at in places] for side in (curve.low_w, curve.high_w))
    low, high = [min(part, default=None) for part in lows], [max(part, default=None) for part in highs]
    return evolve(curve, times_s=[curve.times_s[at] for at in places], low_w=low, high_w=high)


def _known(values: Sequence[float | None]) -> list[float]:
    return [one for one in values if one is not None]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _path(css: str, drawn: str) -> Html:
    return markup('<path class="{}" d="{}"/>', css, drawn)


def _rect(css: str, x: float, y: float, width: float, height: float) -> Html:
    sides = (_n(x), _n(y), _n(width), _n(height))
    return markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', css, *sides)


def _text(x: float, y: float, words: Words, css: str = "", anchor: str = "start", figure: str = "") -> Html:
    inner = escape(words.en)
    if words.zh != words.en:
        inner = markup('<tspan lang="zh">{}</tspan> <tspan lang="en">{}</tspan>', words.zh, words.en)
    return markup(
        '<text x="{}" y="{}"{}{}>{}{}</text>',
        _n(x),
        _n(y),
        markup(' class="{}"', css) if css else "",
        markup(' text-anchor="{}"', anchor) if anchor != "start" else "",
        inner,
        f" {figure}" if figure else "",
    )


def _axis(chart: Chart, top: float, floor: float) -> Iterator[Html]:
    length = chart.end_s - chart.begin_s
    steps = (*chart.ticks_s, *TICK_STEPS_S)
    ticks_max = TICKS_MAX if chart.width >= WIDTH else TICKS_NARROW_MAX
    longest = steps[-1] * max(-(-length // (steps[-1] * DAYS_MAX)), 1)
    step = next((one for one in steps if length / one <= ticks_max), longest)
    form = "%m-%d" if step >= 86_400 else "%H:%M:%S" if step % 60 else "%H:%M"
    local = chart.begin_s + chart.offset_s
    tick = -(-local // step) * step
    while tick <= local + length:
        x = chart.x(tick - chart.offset_s)
        text = local_text(tick, 0, form)
        if tick == local + length and text == "00:00":
            text = "24:00"
        yield _path("grid", f"M{_n(x)} {_n(top)}V{_n(floor + 4)}")
        anchor = "middle" if x < chart.width - RIGHT - 10 else "end"
        yield _text(x, floor + 15, Words.same(text), anchor=anchor)
        tick += step


def _top_w(panel: Panel) -> float:
    watts = [watts for watts in panel.curve.high_w if watts is not None]
    watts += [watts for level in panel.levels for _, watts in level.steps if watts is not None]
    top_w = min(max([0.0, *watts]), DRAWN_W_MAX) * HEADROOM
    return top_w if top_w >= 1 else 1000.0  # a CT the wrong way round measures below 0


def _place_levels(chart: Chart, panel: Panel) -> list[tuple[float, int]]:
    """Where the name of each limit begins, and in which row: behind the title, then below it."""
    begin = LEFT + measure_text(panel.title) + 14
    x, row = begin, 0
    places = []
    for level in panel.levels:
        length = measure_text(level.words) + TEXT_WIDTH * (len(level.figure) + 1)
        if x > LEFT and x + 23 + length > chart.width:
            x, row = LEFT, row + 1
        places.append((x, row))
        x += length + 32
    return places


def _panel(chart: Chart, panel: Panel, top: float, places: Sequence[tuple[float, int]]) -> Iterator[Html]:
    top_w = _top_w(panel)
    floor = top + PANEL_HEIGHT

    def y(watts: float) -> float:
        return floor - min(max(watts, 0.0) / top_w, 1.0) * PANEL_HEIGHT

    for watts in find_power_ticks(top_w):
        yield _path("grid", f"M{LEFT} {_n(y(watts))}H{chart.width - RIGHT}")
        yield _text(LEFT - 6, y(watts) + 4, Words.same(f"{watts / 1000:g} kW"), anchor="end")
    first = top - 6 - LEVEL_HEIGHT * max((row for _, row in places), default=0)
    yield _text(LEFT, first, panel.title, "title")
    yield from _curve(chart, panel.curve, y)
    for level, (named, row) in zip(panel.levels, places, strict=True):
        path = "".join(_steps(chart, level, y))
        if path:
            base = first + LEVEL_HEIGHT * row
            yield _path(f"level {level.kind}", path)
            yield _path(f"level {level.kind}", f"M{_n(named)} {_n(base - 4)}h18")
            yield _text(named + 23, base, level.words, figure=level.figure)


def find_power_ticks(top_w: float) -> list[float]:
    """Two to five round powers from 0 to `top_w`."""
    size = 10.0 ** len(str(int(top_w)))
    step = next(size * part for part in TICK_PARTS if top_w >= 2 * size * part)
    return [step * index for index in range(int(top_w / step) + 1)]


def _curve(chart: Chart, curve: Curve, y: Scale) -> Iterator[Html]:
    run: list[tuple[float, float, float]] = []
    for at_s, low, high in [*zip(curve.times_s, curve.low_w, curve.high_w, strict=True), (0.0, None, None)]:
        if low is not None and high is not None:
            run.append((chart.x(at_s), y(high), y(low)))
            continue
        if run:
            line = all(_n(one[1]) == _n(one[2]) for one in run)
            upper = "L".join(f"{_n(x)} {_n(high_y)}" for x, high_y, _ in run)
            lower = "L".join(f"{_n(x)} {_n(low_y)}" for x, _, low_y in reversed(run))
            rest = f"L{lower}Z" if not line else "h1" if len(run) == 1 else ""
            yield _path(f"load {curve.kind}{' line' * line}", f"M{upper}{rest}")
        run = []


def _steps(chart: Chart, level: Level, y: Scale) -> Iterator[str]:
    ends = [*(at_s for at_s, _ in level.steps[1:]), chart.end_s][: len(level.steps)]
    joined = False
    for (begin_s, watts), end_s in zip(level.steps, ends, strict=True):
        inside = end_s > chart.begin_s and begin_s < chart.end_s
        if watts is None or not inside:
            joined = False
            continue
        at = f"{_n(y(watts))}"
        yield f"V{at}" if joined else f"M{_n(chart.x(begin_s))} {at}"
        yield f"H{_n(chart.x(end_s))}"
        joined = True


def _bands(chart: Chart, top: float, floor: float) -> Iterator[Html]:
    for span in (span for strip in chart.strips for span in strip.spans if span.band):
        x, end = chart.x(span.begin_s), chart.x(span.end_s)
        yield _rect(f"band {span.kind}", x, top, max(end - x, 1), floor - top)


def _mark_lines(chart: Chart, floor: float) -> Iterator[Html]:
    for index, mark in enumerate(chart.marks):
        top = MARK_HEIGHT * index + 4
        yield _path(f"mark {mark.kind}", f"M{_n(chart.x(mark.at_s))} {top}V{_n(floor)}")


def _mark_names(chart: Chart) -> Iterator[Html]:
    for index, mark in enumerate(chart.marks):
        x, y = chart.x(mark.at_s), MARK_HEIGHT * (index + 1) - 3
        left = x + 5 + measure_text(mark.words) > chart.width
        css = f"named {mark.kind}"
        yield _text(x - 5 if left else x + 5, y, mark.words, css, "end" if left else "start")


def _strip(chart: Chart, strip: Strip, top: float) -> Iterator[Html]:
    yield _text(LEFT - 6, top + 11, strip.title, anchor="end")
    for span in strip.spans:
        x, end = chart.x(span.begin_s), chart.x(span.end_s)
        yield _rect(f"bar {span.kind}", x, top + 4, max(end - x, 1.5), 8)
        if span.mark_s is not None and chart.begin_s <= span.mark_s <= chart.end_s:
            yield _path(f"mark {span.kind}", f"M{_n(chart.x(span.mark_s))} {_n(top + 1)}v14")
        if span.words is not None:
            length = measure_text(span.words)
            left = end + 5 + length > chart.width
            css = f"named {escape(span.kind)}"  # escaped twice: pages of packs that people keep are so
            if left and x - 5 - length < LEFT:  # there is room on neither side
                inside = "inside" if end - x > length + 10 else css
                yield _text(max(min(x + 5, chart.width - length), LEFT), top + 11, span.words, inside)
            else:
                yield _text(x - 5 if left else end + 5, top + 11, span.words, css, "end" if left else "start")
