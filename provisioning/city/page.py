"""The city's page: one HTML text in the reader's language, without anything from elsewhere. Pure.

Whatever needs a person stands first: how many, who, why and since when; then the open episodes, a map, and
every gateway in a table. Its policy allows the one style and the one script that are in it; the script
fetches the page again and finds words in the table, and without it the browser loads the page anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from centre.fleet.judging import Gravity, Reason
from centre.fleet.known import Open
from disk.translation import to_chinese
from evidence.moments import local_text
from provisioning.city.drawing import css_of, draw_map, draw_wall
from provisioning.city.view import Row, View
from provisioning.city.words import Reader
from provisioning.pages.episode import name_severity
from provisioning.pages.html import Html, join, markup, read_asset
from provisioning.pages.page import STYLE, live_document
from provisioning.pages.policy import make_policy
from provisioning.words.clues import STAGES
from provisioning.words.numbers import duration, name_rule, rule_name

CARDS_MAX: Final = 60
"""Gateways with a card of their own; on a day when more need somebody, one cause is behind them."""
REASONS_MAX: Final = 6
LOOKS_MAX: Final = 12
"""Four rows of cards below those that need somebody; the table has all."""
EPISODES_MAX: Final = 100
CLUES_MAX: Final = 100
ROWS_MAX: Final = 3_000
"""Rows of the table: 1.5 MB, 150 kB on the wire."""
RELOAD_S: Final = 60
MS: Final = 1_000
_RANK: Final = {"violation": 0, "integrity": 1, "data": 2}
_STYLE: Final = join((STYLE, read_asset("provisioning.city", "city.css")))
_SCRIPT: Final = read_asset("provisioning.city", "city.js")
POLICY: Final = make_policy(_STYLE, _SCRIPT)
"""Sent as a header with the page."""


def draw_city_page(view: View, *, chinese: bool) -> bytes:
    """The whole page."""
    reader = Reader("zh" if chinese else "en")
    title, stale = reader.text("title"), reader.text("stale")
    return live_document(reader.language, title, stale, (_STYLE, _SCRIPT), RELOAD_S, _draw_body(view, reader))


def _draw_body(view: View, reader: Reader) -> Iterator[Html]:
    marks = {row.known.gateway: f"g-{row.known.gateway}" for row in view.rows}
    yield _draw_header(view, reader)
    for note in view.notes:
        yield markup('<p class="card data" role="status">{}</p>', note.text(reader.language))
    yield _draw_counts(view, reader)
    yield from _draw_cards(view, marks, reader, Gravity.ACT, CARDS_MAX)
    yield from _draw_episodes(view, marks, reader)
    yield from _draw_clues(view, marks, reader)
    yield from _draw_cards(view, marks, reader, Gravity.LOOK, LOOKS_MAX)
    yield from _draw_places(view, marks, reader)
    if view.rows:
        yield _draw_table(view, marks, reader)


def _draw_header(view: View, reader: Reader) -> Html:
    links = join(
        markup('<a href="?lang={}"{}>{}</a>', tag, " aria-current=true" * (reader.language == tag), name)
        for tag, name in (("zh", "中文"), ("en", "English"))
    )
    at = local_text(view.now_ms / MS, view.offset_s)
    return markup(
        '<header><h1>{}</h1><nav>{}</nav></header><p class="dim">{}</p>',
        reader.text("title"),
        links,
        reader.text("time", at=at),
    )


def _draw_counts(view: View, reader: Reader) -> Html:
    """The sentence that an operator came for, and the number of each state."""
    act, look = view.count(Gravity.ACT), view.count(Gravity.LOOK)
    key = "none" if not view.rows else "some" if act else "some look" if look else "all well"
    tiles = join(
        markup(
            '<div class="tile {}"><b>{}</b><span>{}</span></div>',
            css_of(gravity),
            view.count(gravity),
            reader.state(gravity),
        )
        for gravity in Gravity
        if view.count(gravity) or gravity in {Gravity.ACT, Gravity.WELL}
    )
    return markup(
        '<section class="card outlook {}"><strong>{}</strong><div class="tiles">{}</div></section>',
        "act" if act else "look" if look else "well",
        reader.text(key, total=len(view.rows), act=act, look=look),
        tiles,
    )


def _draw_cards(
    view: View, marks: Mapping[str, str], reader: Reader, gravity: Gravity, most: int
) -> Iterator[Html]:
    sick = [row for row in view.rows if row.verdict.gravity is gravity]
    if not sick:
        return
    cards = join(_draw_card(row, view, marks, reader) for row in sick[:most])
    yield markup("<h2>{}</h2>", reader.text("Act" if gravity is Gravity.ACT else "Look"))
    yield markup('<div class="cards">{}</div>', cards)
    if len(sick) > most:
        yield markup('<p class="dim">{}</p>', reader.text("more", count=len(sick) - most))


def _draw_card(row: Row, view: View, marks: Mapping[str, str], reader: Reader) -> Html:
    return markup(
        '<article class="card {}"><p><a href="#{}"><strong>{}</strong></a> {}</p>{}</article>',
        css_of(row.verdict.gravity),
        marks[row.known.gateway],
        row.known.gateway,
        row.site,
        _draw_reasons(row, view, reader),
    )


def _draw_reasons(row: Row, view: View, reader: Reader) -> Html:
    reasons = row.verdict.reasons
    lines = [
        markup('<li class="{}">{}</li>', css_of(one.gravity), explain(one, row, view, reader))
        for one in reasons[:REASONS_MAX]
    ]
    if len(reasons) > REASONS_MAX:
        more = reader.text("more episodes", count=len(reasons) - REASONS_MAX)
        lines.append(markup('<li class="dim">{}</li>', more))
    return markup('<ul class="reasons">{}</ul>', join(lines)) if lines else Html("")


def explain(one: Reason, row: Row, view: View, reader: Reader) -> str:
    """The sentence of a reason."""
    since_s = None if one.since_ms is None else one.since_ms / MS
    values = {
        "about": one.about,
        "count": one.count,
        "age": duration(0 if since_s is None else max(0.0, view.now_ms / MS - since_s)),
        "at": "" if since_s is None else _at(since_s, view),
    }
    key = one.code
    if key == "episode":
        values["about"] = _name_episode(row.known.opened[one.about], reader)
    elif key == "finding":
        values["about"], key = reader.code(one.about), "finding" if one.count > 1 else "finding once"
    elif key == "aside" and reader.language == "zh":
        values["about"] = to_chinese(one.about)
    return reader.reason(key, **values)


def _name_episode(one: Open, reader: Reader) -> str:
    names = name_severity(one.severity), name_rule({"rule": one.rule, "numbers": one.numbers})
    return " · ".join([one.linkage, *(name.text(reader.language) for name in names)])


def _draw_places(view: View, marks: Mapping[str, str], reader: Reader) -> Iterator[Html]:
    placed = [row for row in view.rows if row.position is not None]
    others = [row for row in view.rows if row.position is None]
    if placed:
        yield markup("<h2>{}</h2>", reader.text("Map"))
        yield markup('<section class="card">{}</section>', draw_map(placed, marks, reader))
    if others:
        yield markup("<h2>{}</h2>", reader.text("Unplaced" if placed else "Wall"))
        yield markup('<section class="card">{}</section>', draw_wall(others, marks, reader))


def _draw_episodes(view: View, marks: Mapping[str, str], reader: Reader) -> Iterator[Html]:
    """Those that the city must look at; notices ask the plant."""
    found = [(one, row) for row in view.rows for one in row.known.opened.values() if one.severity in _RANK]
    if not found:
        return
    found.sort(key=lambda pair: (_RANK[pair[0].severity], -pair[0].raised_s, pair[1].known.gateway))
    yield markup("<h2>{}</h2>", reader.text("Episodes"))
    for one, row in found[:EPISODES_MAX]:
        yield markup(
            '<article class="card {}"><p><span class="badge {}">{}</span> <a href="#{}">{}</a> {}</p>'
            '<p>{}</p><p class="dim">{}</p></article>',
            one.severity,
            one.severity,
            _name_episode(one, reader),
            marks[row.known.gateway],
            row.known.gateway,
            row.site,
            one.sentence[reader.language],
            reader.text("since", at=_at(one.begin_s, view)),
        )
    if len(found) > EPISODES_MAX:
        more = reader.text("more episodes", count=len(found) - EPISODES_MAX)
        yield markup('<p class="dim">{}</p>', more)


def _draw_clues(view: View, marks: Mapping[str, str], reader: Reader) -> Iterator[Html]:
    """A clue is a question until an officer has signed a review; so is its text."""
    if not view.clues:
        return
    yield markup("<h2>{}</h2>", reader.text("Clues"))
    rows = []
    for clue in view.clues[:CLUES_MAX]:
        opening, mark = clue.opening, marks.get(clue.opening.gateway)
        name = (
            markup('<a href="#{}">{}</a>', mark, opening.gateway) if mark else markup("{}", opening.gateway)
        )
        parts = (
            clue.id,
            STAGES[clue.stage].text(reader.language),
            rule_name(opening.rule).text(reader.language),
            reader.text("since", at=_at(opening.begin_s, view)),
        )
        rows.append(markup("<li>{} · {}</li>", name, " · ".join(parts)))
    if len(view.clues) > CLUES_MAX:
        more = reader.text("more episodes", count=len(view.clues) - CLUES_MAX)
        rows.append(markup('<li class="dim">{}</li>', more))
    yield markup('<section class="card"><ul class="reasons">{}</ul></section>', join(rows))


def _draw_table(view: View, marks: Mapping[str, str], reader: Reader) -> Html:
    keys = ("gateway", "state", "heard", "seal", "version", "clock", "disk", "certificate")
    heads = [reader.text(key) for key in keys]
    rows = join(_draw_row(row, view, marks[row.known.gateway], heads, reader) for row in view.rows[:ROWS_MAX])
    beyond = reader.text("beyond", count=ROWS_MAX) if len(view.rows) > ROWS_MAX else ""
    return markup(
        '<details id="all" open><summary>{}</summary><input id="find" type="search" placeholder="{}" '
        'aria-label="{}"><table class="gateways"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
        '<p class="dim">{}</p></details>',
        reader.text("All", count=len(view.rows)),
        *[reader.text("find")] * 2,
        join(markup("<th>{}</th>", head) for head in heads),
        rows,
        beyond,
    )


def _draw_row(row: Row, view: View, mark: str, heads: Sequence[str], reader: Reader) -> Html:
    known, gravity = row.known, row.verdict.gravity
    heard = reader.text("ago", age=duration(max(0.0, (view.now_ms - known.heard_utc_ms) / MS)))
    used = known.beat.used if known.beat else None
    cells = (
        markup('<strong>{}</strong> <span class="dim">{}</span>', known.gateway, row.site),
        markup(
            '<span class="state {}">{}</span>{}',
            css_of(gravity),
            reader.state(gravity),
            _draw_reasons(row, view, reader),
        ),
        heard if known.heard_utc_ms else "—",
        known.number or "—",
        known.version or "—",
        reader.text(known.clock.value) if known.clock else "—",
        "—" if used is None else f"{used * 100:.0f} %",
        "—" if row.ends_ms is None else _at(row.ends_ms / MS, view, "%Y-%m-%d"),
    )
    drawn = join(
        markup('<td data-head="{}">{}</td>', head, cell) for head, cell in zip(heads, cells, strict=True)
    )
    return markup('<tr id="{}" class="{}">{}</tr>', mark, css_of(gravity), drawn)


def _at(at_s: float, view: View, form: str = "%m-%d %H:%M") -> str:
    return local_text(at_s, view.offset_s, form)
