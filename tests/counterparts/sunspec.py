"""A SunSpec map by hand: any chain of models, with a common model wherever one is put.

    sunspec_map(Common("Inv", "X1", "I-1"), Inverter(), Common("Meterco", "M3", "M-1"), Meter(5_000))

The total power of a meter is `watts` plus the last two digits of the second, by an exponent of 0; its phases
are a third each. What is not there has SunSpec's mark of "not implemented".
"""

from typing import Final

from attrs import frozen

END: Final = (0xFFFF, 0)
NOT_THERE: Final = 0x8000
_TEXT_WORDS: Final = {"maker": 16, "model": 16, "options": 8, "version": 8, "serial": 16}


@frozen
class Common:
    """Model 1: who the devices after it are."""

    maker: str
    model: str
    serial: str
    version: str = "1.0"
    options: str = ""
    long: bool = True

    def words(self, _second: int) -> list[int]:
        body: list[int] = []
        for name, size in _TEXT_WORDS.items():
            raw = getattr(self, name).encode().ljust(2 * size, b"\0")
            body += [int.from_bytes(raw[i : i + 2], "big") for i in range(0, 2 * size, 2)]
        body += [1, NOT_THERE] if self.long else [1]
        return [1, len(body), *body]


@frozen
class Inverter:
    """Model 103: three phases."""

    watts: int = 7_000

    def words(self, second: int) -> list[int]:
        body = [NOT_THERE] * 50
        body[12] = self.watts + second % 100
        body[13] = 0
        return [103, 50, *body]


@frozen
class Meter:
    """Model 203 (three phases, star) or 201 (one)."""

    watts: int = 5_000
    kwh: int = 1_000
    id: int = 203

    def words(self, second: int) -> list[int]:
        body = [NOT_THERE] * 105
        total = self.watts + second % 100
        amps = round(10 * total / 3 / 230)
        body[0:5] = [3 * amps, amps, amps, amps, 0xFFFF]
        body[5:14] = [230, 230, 231, 229, 400, 400, 400, 400, 0]
        body[14:16] = [5000, 0xFFFE]
        body[16:21] = [total, total // 3, total // 3, total // 3, 0]
        body[31:36] = [90, 90, 90, 90, 0]
        body[36:53] = [0] * 17
        wh = self.kwh * 1000 + second
        body[44:46] = [wh >> 16, wh & 0xFFFF]
        for place in (52, 69, 102):
            body[place] = 0
        return [self.id, 105, *body]


@frozen
class Unknown:
    """A vendor's model that nobody knows."""

    id: int = 64_001
    size: int = 20

    def words(self, _second: int) -> list[int]:
        return [self.id, self.size, *[NOT_THERE] * self.size]


Model = Common | Inverter | Meter | Unknown


@frozen
class SunspecMap:
    """Registers of functions 3 and 4 from `first` on."""

    models: tuple[Model, ...]
    first: int = 40_000

    def word(self, _unit: int, _function: int, address: int, second: int) -> int | None:
        words = [0x5375, 0x6E53]
        for model in self.models:
            words += model.words(second)
        words += END
        place = address - self.first
        return words[place] if 0 <= place < len(words) else None

    def counts(self, _address: int) -> bool:
        return False


def sunspec_map(*models: Model, first: int = 40_000) -> SunspecMap:
    """A map of these models."""
    return SunspecMap(models, first)
