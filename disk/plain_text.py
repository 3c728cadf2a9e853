r"""Text from outside made harmless: the one rim before a terminal, a log, a JSON line or a page. Pure.

Names, reasons and serial numbers come from records, statements, certificates, meters and files. Whoever
writes them may put in what a terminal obeys (escape sequences, C1, carriage returns), what forges a line
(line feeds, U+2028), or what turns the rest of a line round (bidi marks). Whatever is not printable by
Unicode and is no ordinary blank is shown as its escape: `\x1b`, `\u202e`.

    line of a terminal or a log   `one_line`: also cut at LINE_CHARACTERS_MAX
    JSON line                     `to_json`: the same value for every reader, escapes where JSON allows them
    text of a page                `escape_controls`; line feeds stay, HTML folds them

Not handled here: who prints; `provisioning.terminal.say`, `provisioning.terminal.show`, `agent.host.log`,
`centre.subscriber` and `provisioning.pages.html` do, and a test holds that nobody else does.
"""

import json
from typing import Any, Final
from unicodedata import category

LINE_CHARACTERS_MAX: Final = 4_000
"""A line longer than any of ours; what is longer was made to push the rest from the screen."""
_BLANKS: Final = frozenset("\n\t")
_OBEYED: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Categories of Unicode that a browser may obey; other blanks and what is not assigned yet are only shown."""


def one_line(text: object) -> str:
    """`text` as one line that a terminal shows and does not obey."""
    line = str(text)
    if not line.isprintable():
        line = "".join(char if char.isprintable() else _escape(char) for char in line)
    return line if len(line) <= LINE_CHARACTERS_MAX else f"{line[:LINE_CHARACTERS_MAX]} …"


def escape_controls(text: str) -> str:
    """`text` with controls and format characters as escapes, but for line feeds and tabs."""
    if text.isprintable():
        return text
    return "".join(_escape(char) if _is_obeyed(char) else char for char in text)


def to_json(value: Any, **form: Any) -> str:
    """`value` as JSON in which nothing but line feeds of the form itself needs a terminal's care."""
    text = json.dumps(value, ensure_ascii=False, **form)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _is_obeyed(char: str) -> bool:
    return category(char) in _OBEYED and char not in _BLANKS


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
