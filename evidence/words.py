"""One text in Chinese and English: what a record carries of an episode, and what every reader is shown.

A catalogue is a mapping of keys to `Words`, one in each room that speaks. Values are put in by name, so both
languages name the same ones; `tests/evidence/test_words.py` holds every catalogue of the product to that.
"""

from typing import Literal

from attrs import frozen

Language = Literal["zh", "en"]


@frozen
class Words:
    """The same in Chinese and in English."""

    zh: str
    en: str

    def fill(self, **values: object) -> "Words":
        """Both texts with `values` in the places that are named {like_this}."""
        return Words(self.zh.format(**values), self.en.format(**values))

    def text(self, language: Language) -> str:
        """The text in one language."""
        return self.zh if language == "zh" else self.en

    def to_body(self) -> dict[str, str]:
        """As a record and a line of JSON carry it."""
        return {"zh": self.zh, "en": self.en}
