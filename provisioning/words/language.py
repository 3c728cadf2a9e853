"""Texts in the language of this call (`disk.language`). `--json` is not translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from disk.language import LANGUAGES, choose_language, language
from disk.translation import translate_message

if TYPE_CHECKING:  # attrs takes 10 ms, and `dianjian --help` needs none of it
    from evidence.words import Words

__all__ = ["LANGUAGES", "choose_language", "language", "translate"]


def translate(words: Words, **values: object) -> str:
    """The text in the language of this call, with `values` in its {named} places."""
    return words.text(language(), **{name: _tell(value) for name, value in values.items()})


def _tell(value: object) -> object:
    """What a floor below said of a mistake, in the language of this call; all else as it is."""
    if isinstance(value, BaseException):
        return translate_message(str(value))
    return translate_message(value) if isinstance(value, str) and " " in value else value
