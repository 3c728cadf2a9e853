"""A backtest for people: every episode with its sentence and numbers, and the days drawn.

A day is drawn for each linkage: the sums of its loads as the least and greatest of every few
minutes, the thresholds, the treatment needed, what was on, and the episodes.
Days with episodes are open, quiet days are folded. At most DAYS_MAX days of a long recording are drawn, those
with episodes first.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.detect.episode import Episode
from agent.detect.params import LinkageParams
from evidence.moments import local_text
from evidence.words import Words
from provisioning.learning.loads_option import WORDS as NOTE_KINDS
from provisioning.learning.outcome import Outcome
from provisioning.learning.states import LinkageStates, Stretch
from provisioning.pages.episode import EPISODES, PRODUCTION, TREATMENT, draw_episode_card, name_severity
from provisioning.pages.html import Html, join, markup
from provisioning.pages.page import both, page, paragraphs
from provisioning.pages.plot import draw_both_widths
from provisioning.pages.plot_data import Chart, Curve, Level, Load, Panel, Span, Strip, stack_spans
from provisioning.words.numbers import name_rule, power

DAY_S: Final = 86_400
DAYS_MAX: Final = 62
"""Two months: about 3 MB of page, which a phone still opens."""
COLUMNS: Final = 480
"""Of a day: three minutes each, about one pixel."""
CARDS_MAX: Final = 200
_QUIET: Final = LinkageStates((), (), ())

Floats = NDArray[np.float64]


def draw_backtest_page(tested: Outcome, language: str) -> Html:
    """The whole page."""
    name = tested.site.site.name or tested.site.site.gateway
    return page(Words(f"{name} 回测", f"{name}: backtest"), _body(tested), language)


def _body(tested: Outcome) -> Iterator[Html]:
    offset_s = tested.offset_s
    first, last, begin = (
        local_text(at_s, offset_s, "%Y-%m-%d %H:%M")
        for at_s in (tested.from_s, tested.loads.times_s[-1], tested.loads.times_s[0])
    )
    yield _note(Words(f"检验 {first} 至 {last}", f"tested {first} to {last}"))
    if tested.learned:
        yield _note(Words(f"调试自 {begin} 起", f"commissioned from {begin}"))
    for note in tested.loads.notes:
        kind = NOTE_KINDS[note.kind.value]
        words = Words(f"{kind.zh}：{note.words.zh}", f"{kind.en}: {note.words.en}")
        yield markup('<div class="dim">{}</div>', paragraphs(words))
    for where, finding in tested.findings():
        words = Words(f"{where}：{finding.zh}", f"{where}: {finding.en}")
        yield markup('<div class="dim">{}</div>', paragraphs(words))
    counts = join(_count_severities(tested.episodes), " · ")
    yield markup("<p>{}</p>", counts or both(Words("未发现事件", "no episodes")))
    for episode in tested.episodes[:CARDS_MAX]:
        yield draw_episode_card(episode.to_body(), offset_s)
    if len(tested.episodes) > CARDS_MAX:
        more = len(tested.episodes) - CARDS_MAX
        words = Words(f"另有{more}个事件，见图", f"{more} more episodes, see the drawings")
        yield markup("<p>{}</p>", both(words))
    yield markup("<h2>{}</h2>", both(Words("逐日曲线", "Day by day")))
    yield from _draw_days(tested)


def _note(words: Words) -> Html:
    return markup('<p class="dim">{}</p>', both(words))


def _count_severities(episodes: Sequence[Episode]) -> Iterator[Html]:
    for severity in ("violation", "integrity", "data", "notice"):
        count = sum(one.severity == severity for one in episodes)
        if count:
            words = both(name_severity(severity))
            yield markup('<span class="badge {}">{} {}</span>', severity, words, count)


def _draw_days(tested: Outcome) -> Iterator[Html]:
    offset_s, times = tested.offset_s, tested.loads.times_s
    first, last = (int((at_s + offset_s) // DAY_S) for at_s in (times[0], times[-1]))
    begins = [day * DAY_S - offset_s for day in range(first, last + 1)]
    found = {begin_s: [one for one in tested.episodes if _is_on_day(one, begin_s)] for begin_s in begins}
    shown = sorted(sorted(begins, key=lambda begin_s: (not found[begin_s], begin_s))[:DAYS_MAX])
    if len(shown) < len(begins):
        left = len(begins) - len(shown)
        yield _note(Words(f"另有{left}天未绘出", f"{left} more days are not drawn"))
    for begin_s in shown:
        if not np.searchsorted(times, begin_s) < np.searchsorted(times, begin_s + DAY_S):
            continue
        episodes = found[begin_s]
        yield markup(
            '<details class="card"{}><summary>{} {}</summary>',
            " open" if episodes or len(shown) == 1 else "",
            local_text(begin_s, offset_s, "%Y-%m-%d"),
            join(_count_severities(episodes), " · "),
        )
        for params in tested.params:
            yield _note(Words(params.linkage, params.linkage)) if len(tested.params) > 1 else Html("")
            yield draw_both_widths(partial(_draw_day, tested, params, begin_s, episodes))
        yield Html("</details>")


def _is_on_day(episode: Episode, begin_s: float) -> bool:
    end_s = episode.raised_at_s if episode.end_at_s is None else max(episode.end_at_s, episode.raised_at_s)
    return episode.begin_at_s < begin_s + DAY_S and end_s >= begin_s


def _draw_day(
    tested: Outcome, params: LinkageParams, begin_s: float, episodes: Sequence[Episode], width: int
) -> Chart:
    end_s = begin_s + DAY_S
    states = tested.states.get(params.linkage, _QUIET)
    date = local_text(begin_s, tested.offset_s, "%Y-%m-%d")
    name = f"{params.linkage} {date}"
    on_u, on_t = params.on_production, params.on_treatment
    needed = Level(
        Words("应不低于", "needed"), "limit", [step for step in states.expected_w if step[0] < end_s]
    )
    panels = [
        Panel(
            PRODUCTION,
            _make_curve(tested, "production", [line.id for line in params.production], begin_s),
            [_flat(Words("运行阈值", "on from"), on_u.hi_w)],
        ),
        Panel(
            TREATMENT,
            _make_curve(tested, "treatment", [line.id for line in params.treatment], begin_s),
            [needed, _flat(Words("停止阈值", "off below"), on_t.lo_w)],
        ),
    ]
    own = [one for one in episodes if _find_home(one, tested) == params.linkage]
    learning = [(float(tested.loads.times_s[0]), tested.from_s)] if tested.learned else []
    strips = [
        Strip(PRODUCTION, _to_spans(states.production_on, "production", begin_s)),
        Strip(TREATMENT, _to_spans(states.treatment_on, "treatment", begin_s)),
        *stack_spans(EPISODES, _list_found(own, tested), begin_s, DAY_S, width),
    ]
    if _to_spans(learning, "idle", begin_s):
        strips.append(Strip(Words("调试", "learning"), _to_spans(learning, "idle", begin_s)))
    return Chart(Words.same(name), begin_s, end_s, tested.offset_s, panels, strips, width=width)


def _find_home(episode: Episode, tested: Outcome) -> str:
    """The linkage in whose drawing an episode is shown; for an incomer, the first one."""
    linkages = [params.linkage for params in tested.params]
    return episode.linkage if episode.linkage in linkages else linkages[0]


def _flat(words: Words, watts: float) -> Level:
    return Level(words, "normal", [(0.0, float(watts))], power(watts))


def _to_spans(stretches: Sequence[Stretch], kind: str, begin_s: float) -> list[Span]:
    return [Span(begin, end, kind) for begin, end in stretches if begin < begin_s + DAY_S and end > begin_s]


def _list_found(episodes: Sequence[Episode], tested: Outcome) -> Iterator[Span]:
    for one in episodes:
        end_s = tested.loads.times_s[-1] if one.end_at_s is None else one.end_at_s
        words = name_rule(one.to_body())
        yield Span(one.begin_at_s, end_s, one.severity.value, words, one.raised_at_s, band=True)


def _make_curve(tested: Outcome, kind: str, lines: Sequence[str], begin_s: float) -> Curve:
    """Least and greatest of the lines' sum in every column of the day."""
    times = tested.loads.times_s
    rows = slice(*(int(at) for at in np.searchsorted(times, (begin_s, begin_s + DAY_S))))
    total: Floats = np.sum([tested.loads.watts[line][rows] for line in lines], axis=0)
    at_s = times[rows]
    if tested.loads.interval_s:  # a mean stands for its interval, up to the end of the day
        held = np.arange(0.0, tested.loads.interval_s, DAY_S / COLUMNS)
        at_s = np.minimum(np.add.outer(at_s, held).ravel(), begin_s + DAY_S - 1)
        total = np.repeat(total, len(held))
    known = np.isfinite(total)
    columns = ((at_s[known] - begin_s) * COLUMNS / DAY_S).astype(np.intp)
    low, high = np.full(COLUMNS, np.inf), np.full(COLUMNS, -np.inf)
    np.minimum.at(low, columns, total[known])
    np.maximum.at(high, columns, total[known])
    load = Load(*([one if np.isfinite(one) else None for one in side.tolist()] for side in (low, high)))
    return load.curve(kind, begin_s, begin_s + DAY_S)
