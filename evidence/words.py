"""A text in Chinese and English, for records and for everything that people read.

A catalogue maps keys to `Words`, one for each package that shows texts. Values are filled in by
name, the same names in both languages; `tests/provisioning/words/test_catalogues.py` checks that for every
text of the product.
"""

from typing import Literal

from attrs import frozen

Language = Literal["zh", "en"]


@frozen
class Words:
    """The same in Chinese and in English."""

    zh: str
    en: str

    @classmethod
    def same(cls, text: str) -> "Words":
        """A text that needs no translation: a number, a name."""
        return cls(text, text)

    def fill(self, **values: object) -> "Words":
        """Both texts with `values` in their {named} places; a `Words` value in its own language."""
        return Words(self.text("zh", **values), self.text("en", **values))

    def text(self, language: Language, **values: object) -> str:
        """The text in one language, with `values` as `fill` puts them."""
        text = self.zh if language == "zh" else self.en
        if not values:
            return text
        return text.format(
            **{key: one.text(language) if isinstance(one, Words) else one for key, one in values.items()}
        )

    def to_body(self) -> dict[str, str]:
        """The form in records and in JSON lines."""
        return {"zh": self.zh, "en": self.en}
