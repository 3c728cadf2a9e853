"""What a drawing is made of: words, loads, limits, spans and moments over an axis of time.

Times are UTC seconds, powers watts. Units of the drawing are pixels at the width of its chart.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

from evidence.words import Words

WIDTH: Final = 720
NARROW_WIDTH: Final = 410
"""Of a drawing for a phone: its letters have 9 pixels there."""
LEFT: Final = 104
RIGHT: Final = 12
TEXT_WIDTH: Final = 6.2
"""Approximate width of a letter; a Chinese character takes twice as much."""
GAP: Final = 16
"""Between the end of a name and the next span."""
STRIPS_MAX: Final = 6
"""Strips of stacked spans; more spans at one time overlap in the last strip."""


@frozen
class Curve:
    """A load: least and greatest watts at each time, None where nothing is known; `kind` is its colour."""

    kind: str
    times_s: Sequence[float]
    low_w: Sequence[float | None]
    high_w: Sequence[float | None]


@define
class Load:
    """Least and greatest watts in each column of a drawing."""

    low: list[float | None]
    high: list[float | None]

    @classmethod
    def of(cls, columns: int) -> "Load":
        """An empty load."""
        return cls([None] * columns, [None] * columns)

    def add(self, column: int, watts: float) -> None:
        """Take a value."""
        low, high = self.low[column], self.high[column]
        self.low[column] = watts if low is None else min(low, watts)
        self.high[column] = watts if high is None else max(high, watts)

    def curve(self, kind: str, begin_s: float, end_s: float) -> Curve:
        """The load over that time."""
        width_s = (end_s - begin_s) / len(self.low)
        middles = [begin_s + width_s * (at + 0.5) for at in range(len(self.low))]
        return Curve(kind, middles, self.low, self.high)


@frozen
class Level:
    """A limit: watts from each time on, None where there is none; `figure` stands behind its name."""

    words: Words
    kind: str
    steps: Sequence[tuple[float, float | None]]
    figure: str = ""


@frozen
class Panel:
    """A load with its limits on one scale of power."""

    title: Words
    curve: Curve
    levels: Sequence[Level] = ()


@frozen
class Span:
    """Something that holds from begin to end; `mark_s` is when it was found."""

    begin_s: float
    end_s: float
    kind: str
    words: Words | None = None
    mark_s: float | None = None
    band: bool = False


@frozen
class Strip:
    """A row of spans under the panels."""

    title: Words
    spans: Sequence[Span]


@frozen
class Mark:
    """A moment, with its name above the panels."""

    at_s: float
    kind: str
    words: Words


@frozen
class Chart:
    """A whole drawing; `offset_s` is added to UTC for the plant's time, `name` is read out loud.

    `ticks_s` are steps of the axis of time that are tried before the usual ones: those of minutes, and wider
    ones where `width` is that of a phone.
    """

    name: Words
    begin_s: float
    end_s: float
    offset_s: int
    panels: Sequence[Panel]
    strips: Sequence[Strip] = ()
    marks: Sequence[Mark] = field(factory=tuple)
    ticks_s: Sequence[int] = ()
    width: int = WIDTH

    def x(self, at_s: float) -> float:
        """The position of a time, clamped to the axis."""
        share = (at_s - self.begin_s) / (self.end_s - self.begin_s)
        return LEFT + min(max(share, 0.0), 1.0) * (self.width - LEFT - RIGHT)


def measure_text(words: Words) -> float:
    """The approximate width of the text in both languages."""
    shown = words.en if words.zh == words.en else f"{words.zh} {words.en}"
    return sum(TEXT_WIDTH * (2 if ord(letter) > 0x2E80 else 1) for letter in shown)


def stack_spans(
    title: Words, spans: Iterable[Span], begin_s: float, length_s: float, width: int = WIDTH
) -> list[Strip]:
    """The fewest strips that keep the names apart, for a drawing from `begin_s`; the first has the title."""
    second = length_s / (width - LEFT - RIGHT)
    lanes: list[list[Span]] = []
    free_s: list[float] = []
    for span in sorted(spans, key=lambda one: one.begin_s):
        lane = next((at for at, until_s in enumerate(free_s) if until_s < span.begin_s), len(lanes))
        if lane == len(lanes) < STRIPS_MAX:
            lanes.append([])
            free_s.append(0.0)
        lane = min(lane, len(lanes) - 1)
        lanes[lane].append(span)
        length = 0.0 if span.words is None else measure_text(span.words)
        free_s[lane] = max(span.end_s, begin_s) + second * (length + GAP)
    return [Strip(Words("", "") if at else title, lane) for at, lane in enumerate(lanes)]
