"""The dry run as a page: for each line the mean power of its hours, its baseline, what would be allowed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from attrs import frozen

from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.measures import Measure, Row
from evidence.curtailment.outlook import DAY_HOURS, Outcome, Outlook
from evidence.curtailment.words import MEASURES
from evidence.moments import local_text
from evidence.words import Words
from provisioning.curtail.words import LABELS
from provisioning.pages.html import Html, markup
from provisioning.pages.page import both, page
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Curve, Level, Panel, Span, Strip
from provisioning.words.alerts import name_level

SHOWN_DAYS: Final = 30
"""As many days as the ledger has hours of."""


KW: Final = 1000


@frozen
class Foreseen:
    """One line of the dry run."""

    line: str
    row: Row
    ledger: Ledger
    outlook: Outlook


def draw_dry_run(
    name: str, found: Sequence[Foreseen], at_s: float, offset_s: int, level: str, days: int, language: str
) -> Html:
    """The whole page."""
    title = LABELS["title"].fill(name=name)
    note = LABELS["note"].fill(
        level=name_level(level), days=days, at=local_text(at_s, offset_s, "%Y-%m-%d %H:%M")
    )
    return page(
        title, [markup('<p class="dim">{}</p>', both(note)), *_cards(found, at_s, offset_s, days)], language
    )


def _cards(found: Sequence[Foreseen], at_s: float, offset_s: int, days: int) -> Iterator[Html]:
    for one in found:
        words = MEASURES[one.row.measure]
        head = Words(f"{one.line} · {words.zh}", f"{one.line} · {words.en}")
        yield markup('<div class="card"><h2>{}</h2><p>{}</p>', both(head), both(name_outcome(one.outlook)))
        yield draw_both_widths(partial(draw_line, one, at_s, offset_s, days))
        yield Html("</div>")


def draw_line(one: Foreseen, at_s: float, offset_s: int, days: int, width: int) -> Chart:
    """Thirty days of one line and the alert that is asked about."""
    ledger, outlook = one.ledger, one.outlook
    last = ledger.hour_of(at_s)
    hours = range(last - SHOWN_DAYS * 24, last + 1)
    watts = [ledger.mean_w(hour) for hour in hours]
    times = [ledger.hour_begin_s(hour) + HOUR_S / 2 for hour in hours]
    begin_s, end_s = float(ledger.hour_begin_s(hours[0])), at_s + days * 86_400
    levels = []
    if outlook.baseline_wh is not None:
        mean_w = outlook.baseline_wh / DAY_HOURS
        levels.append(Level(LABELS["basis"], "normal", [(0.0, mean_w)], f"{mean_w / 1000:.1f} kW"))
    if outlook.limit_w is not None and one.row.measure is not Measure.NONE:
        steps = [(0.0, None), (at_s, float(outlook.limit_w))]
        levels.append(Level(LABELS["limit"], "limit", steps, f"{outlook.limit_w / 1000:.1f} kW"))
    panel = Panel(LABELS["actual"], Curve("production", times, watts, watts), levels)
    asked = Strip(LABELS["asked"], [Span(at_s, end_s, "notice", band=True)])
    return Chart(Words.same(one.line), begin_s, end_s, offset_s, [panel], [asked], width=width)


def name_outcome(outlook: Outlook) -> Words:
    """What would become of a line."""
    if outlook.outcome is Outcome.PASS:
        return LABELS["pass"]
    if outlook.outcome is Outcome.DROP:
        return LABELS["drop"].fill(kw=f"{outlook.drop_w / KW:.1f}")
    return LABELS["never"] if outlook.days is None else LABELS["cannot"].fill(days=outlook.days)
