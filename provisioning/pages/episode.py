"""An episode for people: its sentence, its two hours drawn with limits and moments, and every number.

Takes the body of an EPISODE record (`agent.detect.episode.Episode.to_body`) from any source.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from evidence.moments import local_text
from evidence.words import Words
from provisioning.pages.html import Html, markup
from provisioning.pages.page import both, number_table, page, paragraphs
from provisioning.pages.plot import draw_both_widths, draw_chart
from provisioning.pages.plot_data import WIDTH, Chart, Curve, Level, Mark, Panel, Span, Strip
from provisioning.words.correlation import describe_for_episode
from provisioning.words.numbers import duration, name_rule, power, rows

MINUTE_S: Final = 60
_SEVERITIES: Final = {
    "violation": Words("违规", "violation"),
    "integrity": Words("数据真实性", "integrity"),
    "data": Words("数据", "data"),
    "notice": Words("提示", "notice"),
}
PRODUCTION: Final = Words("生产", "production")
TREATMENT: Final = Words("治理", "treatment")
INCOMER: Final = Words("进线", "incomer")
BEHIND_INCOMER: Final = Words("各线路合计", "its lines together")
INCOMER_RULE: Final = "feed_residual"
EPISODES: Final = Words("事件", "episodes")
_LEVELS: Final = {
    "production": (("production_on_w", "normal", Words("运行阈值", "on from")),),
    "treatment": (
        ("treatment_expected_w", "limit", Words("应不低于", "needed")),
        ("treatment_normal_w", "treatment", Words("通常", "normal")),
        ("treatment_on_w", "normal", Words("停止阈值", "off below")),
    ),
}
_MARKS: Final = (
    ("production_on_at_s", "production", Words("生产启动", "production on")),
    ("grace_end_at_s", "normal", Words("宽限期截止", "grace ends")),
    ("begin_at_s", "limit", Words("开始", "began")),
)

_NO_DRAWING: Final = Html("")

Body = Mapping[str, Any]


def name_severity(severity: str) -> Words:
    """The name of a severity."""
    return _SEVERITIES.get(severity, Words.same(severity))


def draw_episode_file(body: Body, offset_s: int) -> Html:
    """The two hours as a file of its own."""
    return draw_chart(_chart(body, offset_s, WIDTH), alone=True)


def draw_episode(body: Body, offset_s: int) -> Html:
    """The two hours as a part of a page."""
    return draw_both_widths(partial(_chart, body, offset_s))


def draw_episode_page(body: Body, offset_s: int, language: str) -> Html:
    """The whole page."""
    rule, linkage = name_rule(body), body["linkage"]
    title = Words(f"{linkage} {rule.zh}", f"{linkage} {rule.en}")
    return page(title, _body(body, offset_s), language)


def draw_episode_card(body: Body, offset_s: int, drawing: Html = _NO_DRAWING) -> Html:
    """Head, sentence, drawing and folded numbers of an episode."""
    return markup(
        '<article class="card {severity}">'
        '<p><span class="badge {severity}">{called} · {rule}</span> {linkage}</p>'
        '<div class="dim">{when}</div>{sentence}{correlation}{drawing}'
        "<details><summary>{all_numbers}</summary>{numbers}</details></article>",
        severity=body["severity"],
        called=both(name_severity(body["severity"])),
        rule=both(name_rule(body)),
        linkage=body["linkage"],
        when=paragraphs(_when(body, offset_s)),
        sentence=paragraphs(Words(body["sentence"]["zh"], body["sentence"]["en"])),
        correlation=_correlation(body),
        drawing=drawing,
        all_numbers=both(Words("全部数值", "all numbers")),
        numbers=number_table(rows(collect_numbers(body), offset_s)),
    )


def _body(body: Body, offset_s: int) -> Iterator[Html]:
    severity = body["severity"]
    yield markup('<p class="badge {}">{}</p>', severity, both(name_severity(severity)))
    yield markup('<div class="dim">{}</div>', paragraphs(_when(body, offset_s)))
    yield markup('<section class="card {}">{}</section>', severity, paragraphs(Words(**body["sentence"])))
    yield _correlation(body)
    yield markup('<section class="card">{}</section>', draw_episode(body, offset_s))
    yield markup("<h2>{}</h2>", both(Words("判定依据", "What it rests on")))
    yield markup('<section class="card">{}</section>', number_table(rows(collect_numbers(body), offset_s)))
    yield markup('<p class="dim">{} {}</p>', both(Words("事件编号", "episode")), body["id"])


def _correlation(body: Body) -> Html:
    words = describe_for_episode(body)
    return Html("") if words is None else markup('<div class="dim">{}</div>', paragraphs(words))


def _when(body: Body, offset_s: int) -> Words:
    begin, raised = (local_text(body[name], offset_s) for name in ("begin_at_s", "raised_at_s"))
    end_s = body["end_at_s"]
    if end_s is None:
        return Words(f"{begin} 开始，{raised} 触发，尚未结束", f"began {begin}, raised {raised}, not ended")
    end, lasted = local_text(end_s, offset_s), duration(end_s - body["begin_at_s"])
    return Words(
        f"{begin} 开始，{raised} 触发，{end} 结束（{lasted.zh}）",
        f"began {begin}, raised {raised}, ended {end} ({lasted.en})",
    )


def collect_numbers(body: Body) -> dict[str, Any]:
    """The numbers, with the other facts that decided."""
    more = {name: body[name] for name in ("retrospective", "params_hash") if name in body}
    return {"lines": body["lines"], **body["numbers"], **more}


def _chart(body: Body, offset_s: int, width: int) -> Chart:
    trace, raised_s = body["trace"], body["raised_at_s"]
    begin_s = trace["begin_at_s"]
    end_s = max(begin_s + MINUTE_S * len(trace["production_w"]), raised_s) + 2 * MINUTE_S
    span_end_s = end_s if body["end_at_s"] is None else body["end_at_s"]
    severity, rule = body["severity"], name_rule(body)
    first, second = (INCOMER, BEHIND_INCOMER) if body["rule"] == INCOMER_RULE else (PRODUCTION, TREATMENT)
    span = Span(body["begin_at_s"], span_end_s, severity, rule, raised_s, band=True)
    raised = Mark(raised_s, severity, _put_time(Words("触发", "raised"), raised_s, offset_s))
    return Chart(
        name=Words(f"{body['linkage']} {rule.zh}", f"{body['linkage']} {rule.en}"),
        begin_s=begin_s,
        end_s=end_s,
        offset_s=offset_s,
        panels=[
            Panel(first, _curve(trace, "production"), _levels(body["numbers"], "production")),
            Panel(second, _curve(trace, "treatment"), _levels(body["numbers"], "treatment")),
        ],
        strips=[Strip(EPISODES, [span])],
        marks=[*_marks(body, begin_s, offset_s), raised],
        width=width,
    )


def _curve(trace: Mapping[str, Any], side: str) -> Curve:
    watts = trace[f"{side}_w"]
    middle_s = trace["begin_at_s"] + MINUTE_S / 2
    return Curve(side, [middle_s + MINUTE_S * at for at in range(len(watts))], watts, watts)


def _levels(numbers: Mapping[str, Any], side: str) -> list[Level]:
    return [
        Level(words, kind, [(0.0, float(numbers[name]))], power(numbers[name]))
        for name, kind, words in _LEVELS[side]
        if numbers.get(name)
    ]


def _marks(body: Body, begin_s: float, offset_s: int) -> list[Mark]:
    moments = {"begin_at_s": body["begin_at_s"], **body["numbers"]}
    return [
        Mark(moments[name], kind, _put_time(words, moments[name], offset_s))
        for name, kind, words in _MARKS
        if moments.get(name) is not None and moments[name] >= begin_s
    ]


def _put_time(words: Words, at_s: float, offset_s: int) -> Words:
    at = local_text(at_s, offset_s, "%H:%M:%S")
    return Words(f"{at} {words.zh}", words.en)
