"""The shell of a page for people: one file, no script, nothing loaded, light or dark, phone or wall.

Texts are in both languages; three radio buttons hide one of them by style alone. The page's own
policy forbids everything but its style, so that a text from outside could do nothing even if it
were not escaped (it is).
"""

from collections.abc import Iterable
from typing import Final

from evidence.words import Words
from provisioning.pages.html import Html, escape, join, markup, read_asset

STYLE: Final = read_asset("provisioning.pages", "page.css", "plot.css")
POLICY: Final = Html("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
MAIN: Final = Html("<main>")
_CHOICES: Final = (("zh", "中文"), ("en", "English"), ("both", "中文 + English"))


def page(title: Words, body: Iterable[Html], chosen: str = "both") -> Html:
    """A whole page; `chosen` is the language that is shown first."""
    buttons = join(
        markup(
            '<input type="radio" name="language" id="{id_}"{checked}><label for="{id_}">{text}</label>',
            id_=id_,
            checked=" checked" * (id_ == chosen),
            text=text,
        )
        for id_, text in _CHOICES
    )
    return document(title, STYLE, buttons, [markup("<h1>{}</h1>", both(title)), *body])


def document(title: Words, style: Html, head: Html, body: Iterable[Html]) -> Html:
    """A whole file that loads nothing and allows no script; `head` stands above `main`."""
    return join(
        [
            Html("<!doctype html>"),
            Html('<html lang="zh">'),
            Html('<head><meta charset="utf-8">'),
            markup('<meta http-equiv="Content-Security-Policy" content="{}">', POLICY),
            Html('<meta name="viewport" content="width=device-width,initial-scale=1">'),
            Html('<link rel="icon" href="data:,">'),
            markup("<title>{} {}</title>", title.zh, title.en),
            markup("<style>{}</style></head>", style),
            markup("<body>{}<main>", head),
            *body,
            Html("</main></body></html>"),
            Html(""),
        ],
        "\n",
    )


def live_document(
    language: str,
    title: str,
    stale: str,
    parts: tuple[Html, Html],
    reload_s: int,
    body: Iterable[Html],
    main: Html = MAIN,
) -> bytes:
    """A whole page that its script renews every few seconds, and without script the browser by itself.

    Args:
        language: Of the reader.
        title: In the tab.
        stale: What is shown while the server does not answer.
        parts: Its style and its script.
        reload_s: Without script.
        body: What stands in `main`.
        main: The tag of that.
    """
    style, script = parts
    lines = [
        Html("<!doctype html>"),
        markup('<html lang="{0}" class="{0}"><head><meta charset="utf-8">', language),
        Html('<meta name="viewport" content="width=device-width,initial-scale=1">'),
        markup('<noscript><meta http-equiv="refresh" content="{}"></noscript>', reload_s),
        Html('<link rel="icon" href="data:,">'),
        markup("<title>{} · dianjian</title>", title),
        markup("<style>{}</style></head>", style),
        markup('<body><p id="stale" role="status">{}</p>', stale),
        main,
        *body,
        markup("</main><script>{}</script></body></html>", script),
        Html(""),
    ]
    return join(lines, "\n").encode("utf-8", "replace")


def both(words: Words) -> Html:
    """The same in both languages, each to be hidden on its own."""
    if words.zh == words.en:
        return escape(words.en)
    return markup('<span lang="zh">{}</span> <span lang="en">{}</span>', words.zh, words.en)


def paragraphs(words: Words) -> Html:
    """Whole sentences in both languages, one below the other."""
    return markup('<p lang="zh">{}</p><p lang="en">{}</p>', words.zh, words.en)


def number_table(rows: Iterable[tuple[Words, Words]]) -> Html:
    """Names and values."""
    cells = (markup("<tr><td>{}</td><td>{}</td></tr>", both(name), both(value)) for name, value in rows)
    return markup("<table>{}</table>", join(cells))
