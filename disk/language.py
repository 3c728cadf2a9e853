"""The language of a call: `--lang`, else the locale's. All three programs ask here."""

import os
from collections.abc import Sequence
from typing import Final, Literal

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
OPTION: Final = "--lang"

_chosen: Final[list[Language]] = ["en"]


def choose_language(wanted: Language | None) -> None:
    """Use `wanted`, else the language of the locale as POSIX ranks its variables, else English."""
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, named), "")
    _chosen[0] = wanted or ("zh" if locale.startswith("zh") else "en")


def language() -> Language:
    """The language of this call."""
    return _chosen[0]


def put_language_first(arguments: Sequence[str]) -> list[str]:
    """The same call with its `--lang LANGUAGE` before all else, wherever a person wrote it.

    So the program's own option takes it, and `--help` behind a verb is in that language too. Nothing behind
    `--` is looked at.
    """
    rest = list(arguments)
    end = rest.index("--") if "--" in rest else len(rest)
    for at, one in enumerate(rest[:end]):
        if one == OPTION and at + 1 < end:
            return [OPTION, rest[at + 1], *rest[:at], *rest[at + 2 :]]
        if one.startswith(f"{OPTION}="):
            return [one, *rest[:at], *rest[at + 1 :]]
    return rest
