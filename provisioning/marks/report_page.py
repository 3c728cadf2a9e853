"""The monthly self-check report as a page for paper, in both languages; drawn from the report alone."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import Source
from evidence.marks.truth import Truth
from evidence.moments import local_text, zone_s
from evidence.seal import FIRST_NUMBER
from evidence.words import Words
from provisioning.marks.report_words import REPORT
from provisioning.marks.words import LABELS
from provisioning.pages.html import Html, join, markup
from provisioning.pages.paper import (
    badge,
    code,
    facts,
    grid,
    heading,
    isolated,
    paper,
    sentences,
    to_html,
)
from provisioning.words.numbers import name_rule
from provisioning.words.orders import STATES

FORM: Final = "%m-%d %H:%M"
_KIND: Final = {Truth.CONSISTENT: "good", Truth.CONTRADICTED: "bad", Truth.UNKNOWN: "open"}

_SAME: Final = {
    True: ("good", REPORT["yes"]),
    False: ("bad", REPORT["no"]),
    None: ("open", REPORT["open"]),
}

Report = Mapping[str, Any]


def draw_report(report: Report, catalogue: Catalogue) -> Html:
    """The whole page."""
    offset_s = zone_s(report["utc_offset"])
    parts = [*_head(report), *_meters(report), *_episodes(report, offset_s)]
    parts += [*_marks(report, catalogue, offset_s), *_orders(report, offset_s), *_verdicts(report)]
    return paper(REPORT["title"], parts)


def summarise(report: Report) -> Words:
    """The report in one sentence."""
    manual = [one for one in report["marks"] if one["source"] == Source.MANUAL]
    return REPORT["in short"].fill(
        episodes=len(report["episodes"]),
        violations=sum(one["severity"] == "violation" for one in report["episodes"]),
        marks=len(manual),
        false=sum(one["truth"] == Truth.CONTRADICTED for one in manual),
        orders=len(report["orders"]),
        verdicts=len(report["verdicts"]),
        differing=sum(one["same"] is False for one in report["verdicts"]),
    )


def _head(report: Report) -> Iterator[Html]:
    chain = report["chain"]
    yield markup("<h1>{}</h1>", to_html(REPORT["title"]))
    yield markup('<p class="dim">{}</p>', to_html(REPORT["basis"]))
    rows = [
        (REPORT["site"], isolated(report["name"])),
        (REPORT["gateway"], isolated(report["gateway"])),
        (REPORT["month"], isolated(f"{report['month']} ({report['utc_offset']})")),
        (REPORT["summary"], to_html(summarise(report))),
        (REPORT["seals"], to_html(REPORT["seals told"].fill(**chain))),
        (REPORT["without"], isolated(chain["without_readings"])),
        (REPORT["tip"], code(chain["hash"])),
        (REPORT["hash"], code(report["sha256"])),
    ]
    yield facts(rows)
    if chain["first"] > FIRST_NUMBER:
        yield markup('<p class="open">{}</p>', to_html(REPORT["not whole"]))


def _meters(report: Report) -> Iterator[Html]:
    yield heading(REPORT["meters"])
    names = ("meter", "line", "due", "come", "good", "with", "without marked", "left out")
    rows = [
        [
            isolated(one["meter"]),
            isolated(one["line"]),
            *(isolated(one[name]) for name in ("due", "come", "good")),
            *(isolated(_percent(one[f"completed_{name}_marked"])) for name in ("with", "without")),
            isolated(one["hours_left_out"]),
        ]
        for one in report["meters"]
    ]
    yield grid([REPORT[name] for name in names], rows, numbers=range(2, len(names)))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _episodes(report: Report, offset_s: int) -> Iterator[Html]:
    yield heading(REPORT["episodes"])
    rows = [
        [
            isolated(local_text(one["begin_at_s"], offset_s, FORM)),
            _end(one["end_at_s"], offset_s),
            join([_severity(one), sentences(Words(**one["sentence"]))]),
        ]
        for one in report["episodes"]
    ]
    yield grid([REPORT[name] for name in ("from", "to", "what")], rows)


def _severity(one: Mapping[str, Any]) -> Html:
    return badge("bad" if one["severity"] == "violation" else "open", name_rule(one))


def _end(end_s: float | None, offset_s: int) -> Html:
    return to_html(REPORT["lasting"]) if end_s is None else isolated(local_text(end_s, offset_s, FORM))


def _marks(report: Report, catalogue: Catalogue, offset_s: int) -> Iterator[Html]:
    yield heading(REPORT["marks"])
    manual = [one for one in report["marks"] if one["source"] == Source.MANUAL]
    rows = [
        [
            _name_code(one["code"], catalogue),
            isolated(one["subject"][1]),
            isolated(local_text(one["from_s"], offset_s, FORM)),
            _end(one["to_s"], offset_s),
            isolated(one["by"]),
            join([_truth(one), to_html(REPORT["late"])] if one["late"] else [_truth(one)], " "),
        ]
        for one in manual
    ]
    heads = [LABELS["mark"], LABELS["subject"], *(REPORT[name] for name in ("from", "to", "by", "truth"))]
    yield grid(heads, rows)
    yield markup("<h3>{}</h3>", to_html(REPORT["automatic"]))
    yield grid(
        [LABELS["mark"], LABELS["subject"], REPORT["count"], REPORT["hours"]],
        _sum_automatic(report, catalogue),
        numbers=(2, 3),
    )


def _sum_automatic(report: Report, catalogue: Catalogue) -> Iterator[list[Html]]:
    sums: dict[tuple[str, str], list[float]] = {}
    for one in report["marks"]:
        if one["source"] == Source.AUTO:
            spans = sums.setdefault((one["code"], one["subject"][1]), [])
            spans.append((one["to_s"] - one["from_s"]) / 3600)
    for (name, subject), hours in sorted(sums.items()):
        yield [
            _name_code(name, catalogue),
            isolated(subject),
            isolated(len(hours)),
            isolated(f"{sum(hours):.1f}"),
        ]


def _truth(one: Mapping[str, Any]) -> Html:
    return badge(_KIND[Truth(one["truth"])], LABELS[one["truth"]])


def _name_code(name: str, catalogue: Catalogue) -> Html:
    found = catalogue.codes.get(name)
    return isolated(name) if found is None else to_html(found.words)


def _orders(report: Report, offset_s: int) -> Iterator[Html]:
    yield heading(REPORT["orders"])
    rows = [
        [
            join([isolated(f"{one['order']} {one['number']}".strip()), *_notes(one)], " "),
            isolated(one["issuer"]),
            isolated(local_text(one["received_s"], offset_s, FORM)),
            isolated("" if one["due_ms"] is None else local_text(one["due_ms"] / 1000, offset_s, FORM)),
            join(map(_answer, one["answers"]), " "),
        ]
        for one in report["orders"]
    ]
    yield grid([REPORT[name] for name in ("order", "issuer", "received", "due at", "answers")], rows)


def _notes(one: Mapping[str, Any]) -> Iterator[Html]:
    if one["test"]:
        yield badge("open", REPORT["test"])
    if one["reason"]:
        yield badge("bad", REPORT["refused"].fill(reason=one["reason"]))


def _answer(said: Mapping[str, Any]) -> Html:
    state = STATES.get(said["state"])
    shown = isolated(said["state"]) if state is None else to_html(state)
    return markup("{}{}{}", shown, " " if said["by"] else "", isolated(said["by"]) if said["by"] else "")


def _verdicts(report: Report) -> Iterator[Html]:
    yield heading(REPORT["verdicts"])
    rows = [
        [
            join([isolated(one["order"]), *([badge("open", REPORT["test"])] if one["test"] else [])], " "),
            isolated(one["line"]),
            sentences(Words(**one["sentence"])) if one["sentence"] else to_html(REPORT["not due"]),
            badge(*_SAME[one["same"]]),
        ]
        for one in report["verdicts"]
    ]
    yield grid([REPORT[name] for name in ("order", "line", "verdict", "same")], rows)
