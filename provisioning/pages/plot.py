"""Draws loads, limits, states and episodes over time as SVG text.

Pure: numbers in, text out, the same text for the same numbers. Everything that comes from outside is
escaped. A drawing has no script, loads nothing and follows the reader's light or dark setting. Words
are in Chinese and English, each in a `tspan` with its `lang`, so that a page can hide one of them.

A chart is a column of panels (loads with their limits) above strips (what holds from when to when),
over one axis of time in the plant's zone.
"""

from collections.abc import Callable, Iterator
from typing import Final

from evidence.moments import local_text
from evidence.words import Words
from provisioning.pages.html import Html, escape, join, markup, read_asset
from provisioning.pages.plot_data import (
    LEFT,
    RIGHT,
    TEXT_WIDTH,
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
TICKS_MAX: Final = 9
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
    floor = top + len(chart.panels) * (PANEL_HEAD + PANEL_HEIGHT)
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
    for index, panel in enumerate(chart.panels):
        parts += _panel(chart, panel, top + index * (PANEL_HEAD + PANEL_HEIGHT) + PANEL_HEAD)
    parts += _mark_names(chart)
    for index, strip in enumerate(chart.strips):
        parts += _strip(chart, strip, floor + AXIS_HEIGHT + index * STRIP_HEIGHT)
    return join([*parts, Html("</svg>"), Html("")], "\n")


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
    longest = steps[-1] * max(-(-length // (steps[-1] * DAYS_MAX)), 1)
    step = next((one for one in steps if length / one <= TICKS_MAX), longest)
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


def _panel(chart: Chart, panel: Panel, top: float) -> Iterator[Html]:
    top_w = _top_w(panel)
    floor = top + PANEL_HEIGHT

    def y(watts: float) -> float:
        return floor - min(max(watts, 0.0) / top_w, 1.0) * PANEL_HEIGHT

    for watts in find_power_ticks(top_w):
        yield _path("grid", f"M{LEFT} {_n(y(watts))}H{chart.width - RIGHT}")
        yield _text(LEFT - 6, y(watts) + 4, Words.same(f"{watts / 1000:g} kW"), anchor="end")
    yield _text(LEFT, top - 6, panel.title, "title")
    named = LEFT + measure_text(panel.title) + 14
    yield from _curve(chart, panel.curve, y)
    for level in panel.levels:
        path = "".join(_steps(chart, level, y))
        if path:
            yield _path(f"level {level.kind}", path)
            yield _path(f"level {level.kind}", f"M{_n(named)} {_n(top - 10)}h18")
            yield _text(named + 23, top - 6, level.words, figure=level.figure)
            named += measure_text(level.words) + TEXT_WIDTH * (len(level.figure) + 1) + 32


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
            left = end + 5 + measure_text(span.words) > chart.width
            css = f"named {escape(span.kind)}"  # escaped twice: pages of packs that people keep are so
            yield _text(x - 5 if left else end + 5, top + 11, span.words, css, "end" if left else "start")
