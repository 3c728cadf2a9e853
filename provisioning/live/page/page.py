"""The status page: a running agent's status, and the day from its chain, for one reader.

Pure. One HTML text in the reader's language, without other files or external resources. Its policy allows
the one style and the one script that are in it, by their hashes; the script fetches the page again and puts
the new `main` in place of the old one. Without scripts the browser reloads the page every RELOAD_S.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.moments import local_text
from provisioning.declaring.form import PATH
from provisioning.declaring.form import WORDS as FORM
from provisioning.live.page.curves import draw_day
from provisioning.live.page.episodes import Episode, draw_cards, find_episodes
from provisioning.live.page.learned import count_open, draw_learned
from provisioning.live.page.orders import draw_orders, list_orders
from provisioning.live.page.outlook import draw_outlook, judge_outlook
from provisioning.live.page.progress import draw_progress
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.tables import (
    draw_buses,
    draw_lines,
    draw_linkages,
    draw_meters,
    draw_platforms,
    format_beat,
)
from provisioning.live.page.tiles import draw_tiles
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup, read_asset
from provisioning.pages.page import MAIN, STYLE, live_document
from provisioning.pages.policy import make_policy

RELOAD_S: Final = 30
_STYLE: Final = join((STYLE, read_asset("provisioning.live.page", "page.css")))
_SCRIPT: Final = read_asset("provisioning.live.page", "page.js")
POLICY: Final = make_policy(_STYLE, _SCRIPT)
"""Sent as a header with the page."""


def draw_status_page(seen: Snapshot, *, chinese: bool) -> bytes:
    """The whole page."""
    reader = Reader("zh" if chinese else "en")
    main = MAIN if seen.chain.complete else Html('<main class="soon">')
    title, stale = seen.plan.name or seen.plan.gateway, reader.text("stale")
    body = _draw_body(seen, reader)
    return live_document(reader.language, title, stale, (_STYLE, _SCRIPT), RELOAD_S, body, main)


def _draw_body(seen: Snapshot, reader: Reader) -> Iterator[Html]:
    """What concerns the plant first; what concerns the technician is folded at the end."""
    yield from _draw_header(seen, reader)
    status, plan = seen.status, seen.plan
    episodes = find_episodes(seen)
    yield draw_outlook(judge_outlook(seen, episodes, count_open(plan)), reader)
    yield from _draw_notes(seen, reader)
    yield from draw_orders(list_orders(seen), plan, seen.now_s, reader, declares=seen.declares)
    yield from draw_progress(status, plan.offset_s, reader)
    if status and status["linkages"]:
        yield _part(reader.text("Linkages"), draw_linkages(status, reader))
    yield from draw_cards(episodes, plan.offset_s, reader)
    yield _draw_loads(seen, episodes, reader)
    if plan.line:
        yield _part(reader.text("Lines"), draw_lines(status, plan, reader))
    if plan.params:
        yield _part(reader.text("Commissioning"), join(draw_learned(plan, reader)))
    yield markup(
        '<details id="technical"><summary class="technical">{}</summary>{}</details>',
        reader.text("Technical"),
        join(_draw_technical(seen, reader)),
    )


def _draw_technical(seen: Snapshot, reader: Reader) -> Iterator[Html]:
    status, day = seen.status, seen.chain.day
    yield markup('<div class="tiles">{}</div>', join(draw_tiles(seen, reader)))
    if status and status["buses"]:
        yield _part(reader.text("Buses"), join(draw_buses(status, reader)))
    if status and status.get("platforms"):
        yield _part("HJ 212", draw_platforms(status, reader))
    if status:
        yield _part(reader.text("Meters"), draw_meters(status, seen.plan, reader))
    elif day is not None and day.beat is not None:
        yield markup('<p class="dim">{}</p>', format_beat(day.beat, seen.now_s, reader))


def _part(title: str, inner: Html) -> Html:
    return markup('<h2>{}</h2><section class="card">{}</section>', title, inner)


def _draw_header(seen: Snapshot, reader: Reader) -> Iterator[Html]:
    plan = seen.plan
    links = join(
        markup('<a href="?lang={}"{}>{}</a>', tag, " aria-current=true" * (reader.language == tag), name)
        for tag, name in (("zh", "中文"), ("en", "English"))
    )
    declare = (
        markup('<a href="{}">{}</a>', PATH, FORM["title"].text(reader.language)) if seen.declares else ""
    )
    yield markup("<header><h1>{}</h1><nav>{}{}</nav></header>", plan.name or plan.gateway, declare, links)
    at = f"{reader.text('plant time')} {local_text(seen.now_s, plan.offset_s)}"
    version = f" · {seen.status.get('version', '')}" if seen.status else ""
    yield markup('<p class="dim">{} · {}{}</p>', plan.gateway, at, version)


def _draw_notes(seen: Snapshot, reader: Reader) -> Iterator[Html]:
    """The problems, in one line each."""
    if seen.status is None:
        yield _note("data", reader.text("no agent", why=seen.silence))
    else:
        for alarm in seen.status["broker"]["alarms"]:
            yield _note("violation", reader.name(alarm))
        for body in seen.status.get("emissions", ()):
            yield _note("notice", str(body["text_zh" if reader.language == "zh" else "text"]))
    if seen.problem:
        yield _note("data", f"{reader.text('site file')}: {seen.problem}")


def _note(css: str, text: str) -> Html:
    return markup('<p class="card {}" role="status">{}</p>', css, text)


def _draw_loads(seen: Snapshot, episodes: Sequence[Episode], reader: Reader) -> Html:
    """The drawings of the day, or why there is none."""
    day, plan, problem = seen.chain.day, seen.plan, seen.chain.problem
    if day is None:
        known = problem in {"no chain", "no seal"}
        why = reader.text(str(problem)) if known else reader.text("chain unreadable", why=problem)
        return _part(reader.text("today"), markup('<p class="dim">{}</p>', why))
    today = day.begin_s <= seen.now_s < day.end_s
    date = local_text(day.begin_s, plan.offset_s, "%Y-%m-%d")
    parts = []
    if not seen.chain.complete:
        at = "—" if day.last_s is None else local_text(day.last_s, plan.offset_s, "%H:%M")
        parts.append(markup('<p class="dim">{}</p>', reader.text("being read", at=at)))
    for name, drawing in draw_day(day, plan, episodes, reader):
        parts.append(markup("<h3>{}</h3>{}", name or reader.text("other lines"), drawing))
    return _part(reader.text("today, date" if today else "last day, date", date=date), join(parts))
