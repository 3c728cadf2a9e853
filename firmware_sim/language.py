"""The two languages in which the simulator speaks to a person, and which of them is meant."""

import os

from attrs import frozen


@frozen
class Words:
    """A text in Chinese and English; what `evidence.words` has is beyond this floor."""

    zh: str
    en: str

    def text(self, language: str, **values: object) -> str:
        """In "zh" or "en", with its values filled in; a `Words` value in that language."""
        text = self.zh if language == "zh" else self.en
        if not values:
            return text
        return text.format(
            **{key: one.text(language) if isinstance(one, Words) else one for key, one in values.items()}
        )

    def fill(self, **values: object) -> "Words":
        """The text with its values filled in, in both languages."""
        return Words(self.text("zh", **values), self.text("en", **values))


def find_language() -> str:
    """Zh or en, by the locale of messages, as POSIX ranks the variables."""
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, named), "").startswith("zh") else "en"
