"""The body of an order, a mark or a figure, read key by key: what is missing, wrong or unknown is refused.

Unlike a free body of a record, such a body is acted upon, so a key that this version does not know is refused
too: half of an order must never be obeyed as if it were the whole.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from evidence import cbor

NAME_BYTES_MAX: Final = 64
"""Of a line, a meter, a list: ids of site files have at most 32 characters."""
_ABSENT: Final = object()


@define(eq=False, repr=False)
class Fields:
    """A map whose keys are taken one by one; `finish` refuses those that nobody took.

    Every method raises `FormatError` with the place of the value.
    """

    what: str
    body: Mapping[str, Any]
    _taken: set[str] = field(factory=set, init=False)

    @classmethod
    def of(cls, value: Any, what: str) -> "Fields":
        """The map `value`."""
        if type(value) is not dict or any(type(key) is not str for key in value):
            raise cbor.FormatError(f"{what} is not a map with text keys")
        return cls(what, value)

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self.body

    def take(self, key: str, default: Any = _ABSENT) -> Any:
        """The value as it is."""
        self._taken.add(key)
        value = self.body.get(key, default)
        if value is _ABSENT:
            raise cbor.FormatError(f"{self.what}.{key} is missing")
        return value

    def text(self, key: str, bytes_max: int = NAME_BYTES_MAX, *, may_be_empty: bool = True) -> str:
        """A text of one line."""
        value = cbor.text(self.take(key), f"{self.what}.{key}", bytes_max)
        if not value.isprintable() or not (value or may_be_empty):
            raise cbor.FormatError(f"{self.what}.{key} is empty or holds what cannot be printed")
        return value

    def name(self, key: str) -> str:
        """A text that is not empty."""
        return self.text(key, may_be_empty=False)

    def whole(self, key: str, high: int, low: int = 0) -> int:
        """A whole number."""
        return cbor.natural(self.take(key), f"{self.what}.{key}", high, low)

    def maybe_whole(self, key: str, high: int, low: int = 0) -> int | None:
        """A whole number, or None where it is null or not there."""
        value = self.take(key, None)
        return None if value is None else cbor.natural(value, f"{self.what}.{key}", high, low)

    def items(self, key: str, most: int, least: int = 0) -> list[Any]:
        """An array."""
        value = self.take(key)
        if type(value) is not list or not least <= len(value) <= most:
            raise cbor.FormatError(f"{self.what}.{key} is not an array of {least} to {most}")
        return value

    def names(self, key: str, most: int, least: int = 0) -> tuple[str, ...]:
        """An array of different texts that are not empty."""
        place = f"{self.what}.{key}"
        found = tuple(cbor.text(one, place, NAME_BYTES_MAX) for one in self.items(key, most, least))
        if len(set(found)) != len(found) or not all(one and one.isprintable() for one in found):
            raise cbor.FormatError(f"{place} names something twice, or holds no name")
        return found

    def tables(self, key: str, most: int, least: int = 0) -> "list[Fields]":
        """An array of maps."""
        return [
            Fields.of(one, f"{self.what}.{key}[{at}]") for at, one in enumerate(self.items(key, most, least))
        ]

    def finish(self) -> None:
        """Refuse keys that nobody took."""
        unknown = self.body.keys() - self._taken
        if unknown:
            raise cbor.FormatError(f"{self.what} has keys that are not known: {', '.join(sorted(unknown))}")
