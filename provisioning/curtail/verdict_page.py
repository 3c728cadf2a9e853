"""The verdicts of a chain as a page: of each line its sentence, and its hours beside baseline and limit."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.ledger import DAY_HOURS, Ledger
from evidence.curtailment.limits import Verdict
from evidence.curtailment.words import MEASURES, VERDICTS
from evidence.words import Language, Words
from provisioning.curtail.chain_cases import Judged
from provisioning.curtail.words import LABELS
from provisioning.pages.html import Html, markup
from provisioning.pages.page import both, page
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Curve, Level, Panel, Span, Strip
from provisioning.words.alerts import name_level

BEFORE_HOURS: Final = 24
"""A day before the alert shows what the line did when nothing was asked."""
AFTER_HOURS: Final = 2
KW: Final = 1000
_CSS: Final = {Verdict.MET: "notice", Verdict.NOT_MET: "violation"}

Bodies = Sequence[Mapping[str, Any]]


def draw_verdicts(name: str, judged: Judged, offset_s: int, language: Language) -> Html:
    """The whole page."""
    cards = [_draw_card(bodies, judged.ledgers, offset_s) for bodies in judged.computed.values()]
    note = markup('<p class="dim">{}</p>', both(LABELS["verdicts note"] if cards else LABELS["no alerts"]))
    return page(LABELS["verdicts title"].fill(name=name), [note, *cards], language)


def _draw_card(bodies: Bodies, ledgers: Mapping[str, Ledger], offset_s: int) -> Html:
    first, last = bodies[0], bodies[-1]
    asked = next((words for measure, words in MEASURES.items() if measure == first["measure"]), Words("", ""))
    level = name_level(first["level"])
    said, css, outcome = LABELS["not due"], "data", Words("", "")
    if last["what"] == "final":
        verdict = Verdict(last["verdict"])
        said, outcome = Words(**last["sentence"]), VERDICTS[verdict]
        css = _CSS.get(verdict, "data") if not last["episodes"] else "violation"
    parts = (Words.same(first["order"]), level, Words.same(first["line"]), asked, outcome)
    head = Words(" · ".join(one.zh for one in parts if one.zh), " · ".join(one.en for one in parts if one.en))
    ledger = ledgers.get(first["line"])
    hours = [body for body in bodies if body["what"] == "hour"]
    drawn = Html("")
    if ledger is not None and hours:
        drawn = draw_both_widths(partial(draw_hours, bodies, hours, ledger, offset_s))
    return markup('<div class="card {}"><h2>{}</h2><p>{}</p>{}</div>', css, both(head), both(said), drawn)


def draw_hours(bodies: Bodies, hours: Bodies, ledger: Ledger, offset_s: int, width: int) -> Chart:
    """The hours of a line around an alert, with what was normal and what was allowed."""
    begin_s, end_s = float(hours[0]["begin_s"]), float(hours[-1]["begin_s"] + HOUR_S)
    numbers = range(ledger.hour_of(begin_s) - BEFORE_HOURS, ledger.hour_of(end_s) + AFTER_HOURS)
    watts = [ledger.mean_w(hour) for hour in numbers]
    times = [ledger.hour_begin_s(hour) + HOUR_S / 2 for hour in numbers]
    panel = Panel(
        LABELS["actual"], Curve("production", times, watts, watts), list(_list_levels(bodies, begin_s, end_s))
    )
    asked = Strip(LABELS["asked"], [Span(begin_s, end_s, "notice", band=True)])
    span_s = float(ledger.hour_begin_s(numbers[0])), float(ledger.hour_begin_s(numbers[-1] + 1))
    name = Words.same(f"{hours[0]['order']} {hours[0]['line']}")
    return Chart(name, *span_s, offset_s, [panel], [asked], width=width)


def _list_levels(bodies: Bodies, begin_s: float, end_s: float) -> Iterator[Level]:
    basis = next((body["baseline"] for body in bodies if body["what"] == "baseline"), None)
    if basis is not None:
        mean_w = basis["wh"] / DAY_HOURS
        yield Level(LABELS["basis"], "normal", [(0.0, mean_w)], f"{mean_w / KW:.1f} kW")
    limit_w = find_limit_w(bodies[-1])
    if limit_w is not None:
        steps: list[tuple[float, float | None]] = [(0.0, None), (begin_s, limit_w), (end_s, None)]
        yield Level(LABELS["limit"], "limit", steps, f"{limit_w / KW:.1f} kW")


def find_limit_w(final: Mapping[str, Any]) -> float | None:
    """What a final verdict held the line to, as a mean power, W; None where it says none."""
    if "threshold_w" in final:
        return float(final["threshold_w"])
    if "cap_wh" in final:
        return float(final["cap_wh"]) / (1 if final["measure"] == "cap_kw" else DAY_HOURS)
    days = len(final.get("days", ()))
    return final["limit_wh"] / (DAY_HOURS * days) if days else None
