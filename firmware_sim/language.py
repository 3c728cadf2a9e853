"""Texts of the simulator in both languages; which of them is meant says `disk.language`."""

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
