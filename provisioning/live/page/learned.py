"""What commissioning learned of each linkage, what it could not, and what nobody has answered yet.

From the parameters in the site file, with the words of `dianjian commission`. A linkage is folded where
nothing is left to do.
"""

from collections.abc import Iterable, Iterator

from agent.detect.learning.answers import describe_answer
from agent.detect.params import LinkageParams
from agent.detect.sentence import name_lines
from evidence.words import Words
from provisioning.live.page.curves import draw_bar
from provisioning.live.page.site import SitePlan
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup
from provisioning.words.parameters import (
    Step,
    describe_learned,
    describe_unlearned,
    list_open,
    list_steps,
    to_kw,
)

_NOT_LEARNED, _READY, _UNSURE = "not commissioned", "commissioned", "provisional"


def count_open(plan: SitePlan) -> int:
    """The questions that nobody has answered yet."""
    return sum(len(list(list_open(params))) for params in plan.params)


def draw_learned(plan: SitePlan, reader: Reader) -> Iterator[Html]:
    """A folded part for each linkage."""
    for params in plan.params:
        state = _NOT_LEARNED if not params.learned_to_s else _UNSURE if params.provisional else _READY
        lines = name_lines([line.id for line in params.lines], plan.names).text(reader.language)
        yield markup(
            '<details{}><summary><strong>{}</strong> {} · <span class="{}">{}</span></summary>{}</details>',
            "" if state == _READY else " open",
            params.linkage,
            lines,
            "dim" if state == _READY else "badge data",
            reader.text(state),
            join(_draw(params, plan, reader)),
        )


def _draw(params: LinkageParams, plan: SitePlan, reader: Reader) -> Iterator[Html]:
    yield from _list("learned", describe_learned(params), reader)
    steps = list_steps(params)
    if steps:
        yield _draw_steps(steps, reader)
    yield from _list("not learned", describe_unlearned(params, plan.names), reader)
    yield from _list("answered", map(describe_answer, params.answers), reader)
    yield from _list("to answer", list_open(params), reader)


def _list(key: str, phrases: Iterable[Words], reader: Reader) -> Iterator[Html]:
    rows = [markup("<li>{}</li>", one.text(reader.language)) for one in phrases]
    if rows:
        yield markup('<p class="dim">{}</p><ul class="learned">{}</ul>', reader.text(key), join(rows))


def _draw_steps(steps: list[Step], reader: Reader) -> Html:
    """The least and the usual treatment by production, as bars to one scale."""
    top_w = max(usual_w for _, _, usual_w in steps)
    names = (reader.text("from"), "kW", reader.text("least"), reader.text("usual"))
    heads = join(markup("<th>{}</th>", name) for name in names)
    rows = join(
        markup(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            to_kw(from_w),
            draw_bar((usual_w / top_w, "usual"), (min(least_w, usual_w) / top_w, "least")),
            to_kw(least_w),
            to_kw(usual_w),
        )
        for from_w, least_w, usual_w in steps
    )
    return markup('<table class="steps"><tr>{}</tr>{}</table>', heads, rows)
