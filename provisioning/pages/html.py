"""Markup is a type of its own: what is not `Html` is text, and becomes markup only by being escaped.

A function that builds markup returns `Html`, so under `mypy --strict` an f-string, which is a `str`, cannot
leave it. `markup` fills a template, a literal in the source, and escapes every value that is not `Html`.
`Html(...)` itself is for literals; `tests/provisioning/pages/test_html.py` holds every call to both.

A subclass of `str` and not a `NewType`: values out of JSON and CBOR are `Any`, which no checker refuses, so
whether a value is markup must be known at run time too. Not markupsafe: it writes a quote as `&#34;`, and
`html.escape` writes `&quot;`, with which the pages of evidence packs that people keep are compared.

Style sheets and scripts are files of the package; a page that must be one file has them inlined.
"""

import html
from collections.abc import Iterable
from importlib.resources import files

from disk.plain_text import escape_controls


class Html(str):
    """Markup made of whole elements, with everything from outside escaped."""

    __slots__ = ()


def escape(text: object) -> Html:
    """`text` as markup for an element or attribute: escaped, and harmless, unless it is markup already."""
    return text if isinstance(text, Html) else Html(html.escape(escape_controls(str(text))))


def markup(template: str, *values: object, **named: object) -> Html:
    """The literal `template` with `values` in the places that are marked {} or {name}, each escaped."""
    return Html(template.format(*map(escape, values), **{name: escape(one) for name, one in named.items()}))


def join(parts: Iterable[Html], between: str = "") -> Html:
    """`parts` one behind the other, with `between` in the middle."""
    return Html(escape(between).join(map(escape, parts)))


def read_asset(package: str, *names: str) -> Html:
    """Style sheets or scripts that `package` ships, to be inlined, each behind a line end."""
    return Html("".join("\n" + files(package).joinpath(name).read_text("utf-8") for name in names))
