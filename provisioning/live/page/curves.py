"""Today's loads as drawings, one for each linkage, with a panel per line; and the last hour of a line.

Pure: a `provisioning.live.page.day.Day` in, SVG out, in the reader's language.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from agent.site.file import LineSettings
from evidence.moments import local_text
from evidence.words import Words
from provisioning.live.page.day import COLUMNS, DAY_S, Day
from provisioning.live.page.site import SitePlan
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import WIDTH, Chart, Level, Load, Mark, Panel, Span, Strip, stack_spans
from provisioning.words.numbers import name_rule, power

QUARTER_S: Final = DAY_S / 4
NARROW_TITLE_MAX: Final = 22
SPARK_WIDTH: Final = 132
SPARK_HEIGHT: Final = 26
SEVERITIES: Final = ("violation", "integrity", "data", "notice")


def draw_day(
    day: Day, plan: SitePlan, episodes: Sequence[Mapping[str, Any]], reader: Reader
) -> Iterator[tuple[str, Html]]:
    """Name and drawing of each linkage, then of the lines that belong to none."""
    lines = {line.id: line for line in plan.line}
    linked: set[str] = set()
    for linkage in plan.linkage:
        ids = [*linkage.production, *linkage.treatment]
        linked |= set(ids)
        found = [one for one in episodes if one.get("linkage") == linkage.id]
        make = partial(_build_chart, day, plan, linkage.id, [lines[id_] for id_ in ids], found, reader)
        title = f"{linkage.id}: {' + '.join(linkage.production)} → {' + '.join(linkage.treatment)}"
        yield title, draw_both_widths(make)
    rest = [line for line in plan.line if line.id not in linked]
    if rest:
        known = {linkage.id for linkage in plan.linkage}
        found = [one for one in episodes if one.get("linkage") not in known]
        yield "", draw_both_widths(partial(_build_chart, day, plan, "", rest, found, reader))


def _build_chart(
    day: Day,
    plan: SitePlan,
    name: str,
    lines: Sequence[LineSettings],
    episodes: Sequence[Mapping[str, Any]],
    reader: Reader,
    width: int,
) -> Chart:
    spans = _find_spans(episodes, day, reader)
    strips = stack_spans(reader.words("episodes"), spans, day.begin_s, DAY_S, width)
    if day.silences:
        silent = [Span(begin, end, "idle", band=True) for begin, end in day.silences]
        strips.append(Strip(reader.words("no seals"), silent))
    return Chart(
        name=Words.same(name),
        begin_s=day.begin_s,
        end_s=_find_end_s(day),
        offset_s=plan.offset_s,
        panels=[_build_panel(day, plan, line, reader, is_narrow=width < WIDTH) for line in lines],
        strips=strips,
        marks=_mark_now(day, plan, reader),
        width=width,
    )


def _find_end_s(day: Day) -> float:
    """The end of the quarter of the day with the last seal, so that a morning is not drawn in a corner."""
    if day.last_s is None:
        return day.end_s
    quarters = min(max(int((day.last_s - day.begin_s) / QUARTER_S) + 1, 1), 4)
    return day.begin_s + quarters * QUARTER_S


def _mark_now(day: Day, plan: SitePlan, reader: Reader) -> list[Mark]:
    """How far the day is known."""
    if day.last_s is None or not day.begin_s < day.last_s < day.end_s:
        return []
    at = local_text(day.last_s, plan.offset_s, "%H:%M")
    return [Mark(day.last_s, "normal", reader.words("last seal at", at=at))]


def _build_panel(day: Day, plan: SitePlan, line: LineSettings, reader: Reader, *, is_narrow: bool) -> Panel:
    name = f"{line.id} {line.name}".strip()
    if is_narrow and len(name) > NARROW_TITLE_MAX:
        name = name[: NARROW_TITLE_MAX - 1] + "…"
    kind = "treatment" if line.kind == "treatment" else "production"
    levels = []
    if (on := plan.thresholds.get(line.id)) is not None and line.kind != "incomer":
        levels.append(Level(reader.words("on from"), "normal", [(0.0, float(on.hi_w))], power(on.hi_w)))
    load = day.loads.get(line.id) or Load.of(COLUMNS)
    return Panel(Words.same(name), load.curve(kind, day.begin_s, day.end_s), levels)


def _find_spans(episodes: Sequence[Mapping[str, Any]], day: Day, reader: Reader) -> Iterator[Span]:
    """Episodes of the day."""
    for one in episodes:
        begin_s, end_s = one["begin_at_s"], one["end_at_s"]
        end_s = end_s if end_s is not None else day.last_s or day.end_s
        if day.begin_s <= end_s and begin_s < day.end_s:
            rule = name_rule(one).text(reader.language)
            yield Span(begin_s, end_s, one["severity"], Words.same(rule), one["raised_at_s"], band=True)


def draw_spark(watts: Sequence[float | None], kind: str, rated_w: float) -> Html:
    """The last hour of a line, one minute per step, as high as a line of text."""
    known = [one for one in watts if one is not None]
    if not known:
        return Html("")
    top = max(*known, rated_w, 1.0)
    step = SPARK_WIDTH / len(watts)
    runs: list[list[str]] = [[]]
    for at, one in enumerate(watts):
        if one is None:
            runs.append([])
            continue
        y = SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 3) * min(max(one / top, 0.0), 1.0)
        runs[-1] += [f"{at * step:.1f} {y:.1f}", f"{(at + 1) * step:.1f} {y:.1f}"]
    paths = (markup('<path class="load line" d="M{}"/>', "L".join(run)) for run in runs if run)
    return markup(
        '<svg class="chart spark" viewBox="0 0 {} {}" aria-hidden="true"><g class="{}">{}</g></svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        "treatment" if kind == "treatment" else "production",
        join(paths),
    )


def draw_bar(*shares: tuple[float, str]) -> Html:
    """Shares of 1 as bars of a class each, the last on top."""
    bars = (
        markup('<rect class="bar {}" width="{}" height="8"/>', css, f"{100 * min(max(share, 0.0), 1.0):.1f}")
        for share, css in shares
    )
    return markup(
        '<svg class="chart bar-of" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="room" width="100" height="8"/>{}</svg>',
        join(bars),
    )
