"""The episodes of the status page: the agent's and the day's, as cards with their sentence and two hours."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from provisioning.live.page.curves import SEVERITIES
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from provisioning.pages.episode import draw_episode, draw_episode_card
from provisioning.pages.html import Html, markup

CARDS_MAX: Final = 20
"""Episodes with their sentence; the rest is counted, and shown by `dianjian explain`."""
DRAWN_MAX: Final = 4
"""Of these, those with their two hours; each takes 15 kB."""
MOMENT_S_MAX: Final = 32_503_680_000
"""The year 3000: later times are invalid and cannot be formatted."""
_ODD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OSError)
"""Errors that malformed values cause in a drawing or text."""
_TEXTS: Final = ("id", "linkage", "rule")
_REQUIRED: Final = (*_TEXTS, "severity", "begin_at_s", "raised_at_s", "end_at_s", "numbers", "lines")

Episode = Mapping[str, Any]


def find_episodes(seen: Snapshot) -> list[Episode]:
    """The agent's and those of the day, each in its last state, newest first; only the day's have traces."""
    found: dict[str, Episode] = {}
    for one in seen.status["episodes"] if seen.status else ():
        found[str(one.get("id"))] = one
    for id_, one in seen.chain.day.episodes.items() if seen.chain.day else ():
        # The agent's status may be newer than what was sealed when the day was read.
        found[id_] = {**one, **found.get(id_, {})}
    whole = [one for one in found.values() if _is_whole(one)]
    return sorted(whole, key=lambda one: one["raised_at_s"], reverse=True)


def _is_whole(one: Episode) -> bool:
    """Whether an episode has what is drawn; another version may use another form."""
    sentence = one.get("sentence")
    return (
        all(name in one for name in _REQUIRED)
        and isinstance(sentence, Mapping)
        and {"zh", "en"} <= set(sentence)
        and one["severity"] in SEVERITIES
        and all(_is_moment(one[name]) for name in ("begin_at_s", "raised_at_s"))
        and (one["end_at_s"] is None or _is_moment(one["end_at_s"]))
        and isinstance(one["numbers"], Mapping)
        and all(isinstance(one[name], str) for name in _TEXTS)
    )


def _is_moment(at_s: object) -> bool:
    return type(at_s) in {int, float} and 0 <= at_s <= MOMENT_S_MAX  # type: ignore[operator]


def draw_cards(episodes: Sequence[Episode], offset_s: int, reader: Reader) -> Iterator[Html]:
    """Cards for the newest episodes, and how many more there are."""
    yield markup("<h2>{}</h2>", reader.text("Episodes"))
    if not episodes:
        yield markup('<section class="card"><p class="dim">{}</p></section>', reader.text("no episodes"))
    drawn = 0
    for one in episodes[:CARDS_MAX]:
        drawing = _draw_two_hours(one, offset_s, reader) if drawn < DRAWN_MAX else Html("")
        drawn += bool(drawing)
        yield _draw_card(one, drawing, offset_s, reader)
    if len(episodes) > CARDS_MAX:
        more = reader.text("more episodes", count=len(episodes) - CARDS_MAX)
        yield markup('<p class="dim">{}</p>', more)


def _draw_card(one: Episode, drawing: Html, offset_s: int, reader: Reader) -> Html:
    try:
        return draw_episode_card(one, offset_s, drawing)
    except _ODD:
        why = reader.text("episode unreadable")
        return markup('<p class="card data" role="status">{}: {}</p>', one["id"], why)


def _draw_two_hours(one: Episode, offset_s: int, reader: Reader) -> Html:
    """The folded drawing; nothing without a trace, or for one of another version's form."""
    try:
        drawing = draw_episode(one, offset_s) if "trace" in one else Html("")
    except _ODD:
        drawing = Html("")
    if not drawing:
        return drawing
    return markup(
        '<details id="d{}"><summary>{}</summary>{}</details>', one["id"], reader.text("two hours"), drawing
    )
