"""Paper for people who sign: an A4 page in black on white, both languages, no script, nothing loaded.

What comes from outside (names, serials, sentences, paths) goes through `isolated`: control characters become
visible, markup is text, and an isolate of its own keeps a name that is written from right to left from
turning what stands beside it. On a screen the paper keeps its width and its light; on a phone the cells of a
row stand below each other, each with its heading.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from evidence.words import Words
from provisioning.pages.html import Html, join, markup, read_asset
from provisioning.pages.page import document

TEXT_MAX: Final = 600
"""Characters of one text from outside that are printed; a sentence of a diagnosis has 200."""
CELL_MAX: Final = 120
"""The same in a cell of a table, where 40 lines of one cell would bury the row."""
_STYLE: Final = read_asset("provisioning.pages", "plot.css", "paper.css")


def paper(title: Words, body: Iterable[Html]) -> Html:
    """A whole sheet."""
    return document(Words(clean(title.zh, CELL_MAX), title.en), _STYLE, Html(""), body)


def clean(text: str, characters_max: int = TEXT_MAX) -> str:
    """`text` with control characters made visible, cut to `characters_max`."""
    kept = "".join("�" if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in text)
    return kept if len(kept) <= characters_max else kept[: characters_max - 1] + "…"


def isolated(text: object, characters_max: int = CELL_MAX) -> Html:
    """A text from outside."""
    kept = clean(str(text), characters_max)
    return markup("<bdi>{}</bdi>", kept) if kept else Html("—")


def code(text: object) -> Html:
    """A text from outside that is compared letter by letter: a hash, a serial, a path."""
    kept = clean(str(text), TEXT_MAX)
    return markup('<bdi class="mono">{}</bdi>', kept) if kept else Html("—")


def to_html(words: Words) -> Html:
    """Our own text in both languages."""
    return markup('<span lang="zh">{}</span> <span lang="en" class="en">{}</span>', words.zh, words.en)


def sentences(words: Words) -> Html:
    """Whole sentences from outside, one below the other; one that is missing in a language is left out."""
    first = markup('<p lang="zh">{}</p>', isolated(words.zh, TEXT_MAX)) if words.zh else Html("")
    second = markup('<p lang="en" class="en">{}</p>', isolated(words.en, TEXT_MAX)) if words.en else Html("")
    return join([first, second])


def heading(words: Words) -> Html:
    """The head of a part."""
    return markup("<h2>{}</h2>", to_html(words))


def facts(rows: Iterable[tuple[Words, Html]]) -> Html:
    """Names and values."""
    cells = (markup("<tr><td>{}</td><td>{}</td></tr>", to_html(words), value) for words, value in rows)
    return markup('<table class="facts">{}</table>', join(cells))


def grid(heads: Sequence[Words], rows: Iterable[Sequence[Html]], numbers: Sequence[int] = ()) -> Html:
    """A table; the columns in `numbers` are right-aligned."""
    css = [Html(' class="number"') if at in numbers else Html("") for at in range(len(heads))]
    head = join(markup("<th{}>{}</th>", kind, to_html(words)) for kind, words in zip(css, heads, strict=True))
    lines = join(
        markup(
            "<tr>{}</tr>\n",
            join(
                markup('<td{}><span class="head">{}</span>{}</td>', kind, to_html(name), cell)
                for kind, name, cell in zip(css, heads, row, strict=True)
            ),
        )
        for row in rows
    )
    if not lines:
        return markup('<p class="dim">{}</p>', to_html(Words("无", "none")))
    return markup('<table class="rows"><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table>', head, lines)


def badge(kind: str, words: Words) -> Html:
    """A verdict in one word: `kind` is good, bad or open."""
    return markup('<span class="badge {}">{}</span>', kind, to_html(words))
