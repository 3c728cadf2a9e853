"""Texts in the language of this call (`disk.language`). `--json` is not translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from disk.language import LANGUAGES, choose_language, language

if TYPE_CHECKING:  # attrs takes 10 ms, and `dianjian --help` needs none of it
    from evidence.words import Words

__all__ = ["LANGUAGES", "choose_language", "language", "translate"]


def translate(words: Words, **values: object) -> str:
    """The text in the language of this call, with `values` in its {named} places."""
    return words.text(language(), **values)
