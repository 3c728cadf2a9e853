"""The language of this call: a technician's `--lang`, else the locale's. `--json` is not translated."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # attrs takes 10 ms, and `dianjian --help` needs none of it
    from evidence.words import Language, Words

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

_chosen: Final[list[Language]] = ["en"]


def choose_language(wanted: Language | None) -> None:
    """Use `wanted`, else the locale's language, else English."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    _chosen[0] = wanted or ("zh" if locale.startswith("zh") else "en")


def language() -> Language:
    """The language of this call."""
    return _chosen[0]


def translate(words: Words, **values: object) -> str:
    """The text in the language of this call, with `values` in its {named} places."""
    return words.text(language(), **values)
