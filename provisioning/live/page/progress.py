"""How each line stands in an alert, on the page: limit, present hour, its hours beside both, the verdict.

Pure. Rows are those of `evidence.curtailment.progress` and the final verdicts as they are sealed, out of the
agent's status.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from evidence.words import Words
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, markup
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Curve, Level, Panel
from provisioning.words.alerts import tell_alert, tell_verdict
from provisioning.words.numbers import power

WORDS: Final[Mapping[str, Words]] = {
    "Alerts": Words("减排执行情况", "How the reduction goes"),
    "Verdicts": Words("最近的减排结论", "Latest verdicts"),
    "actual": Words("每小时平均功率", "mean power of each hour"),
    "baseline": Words("基准", "baseline"),
    "limit": Words("限值", "limit"),
}
HOUR_S: Final = 3600
_CSS: Final = {"met": "notice", "not_met": "violation"}

Row = Mapping[str, Any]


def draw_progress(status: Row | None, offset_s: int, reader: Reader) -> Iterator[Html]:
    """A card for each line of each alert, then the verdicts; nothing where there is none."""
    rows, ended = (list((status or {}).get(key) or ()) for key in ("alerts", "verdicts"))
    if rows:
        yield markup('<h2 id="progress">{}</h2>', WORDS["Alerts"].text(reader.language))
    for row in rows:
        css = "violation" if row["not_met"] else "notice"
        text = tell_alert(row).text(reader.language)
        yield markup(
            '<section class="card {}"><p>{}</p>{}</section>', css, text, _draw_hours(row, offset_s, reader)
        )
    if ended:
        yield markup("<h2>{}</h2>", WORDS["Verdicts"].text(reader.language))
    for body in reversed(ended):
        css = _CSS.get(body["verdict"], "data")
        yield markup('<p class="card {}">{}</p>', css, tell_verdict(body).text(reader.language))


def _draw_hours(row: Row, offset_s: int, reader: Reader) -> Html:
    if not any(one is not None for one in row["hours_w"]):
        return Html("")
    return draw_both_widths(partial(_build_chart, row, offset_s, reader))


def _build_chart(row: Row, offset_s: int, reader: Reader, width: int) -> Chart:
    begin_s, hours = row["hours_begin_s"], row["hours_w"]
    times = [begin_s + HOUR_S * (at + 0.5) for at in range(len(hours))]
    levels = [
        Level(_words(key, reader), kind, [(0.0, float(row[name]))], power(row[name]))
        for key, kind, name in (("baseline", "normal", "baseline_w"), ("limit", "limit", "limit_w"))
        if row[name] is not None
    ]
    panel = Panel(_words("actual", reader), Curve("production", times, hours, hours), levels)
    name = Words.same(f"{row['order']} {row['line']}")
    return Chart(name, begin_s, begin_s + HOUR_S * len(hours), offset_s, [panel], width=width)


def _words(key: str, reader: Reader) -> Words:
    return Words.same(WORDS[key].text(reader.language))
