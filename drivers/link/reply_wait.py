"""How long to wait for one answer, when other bytes come.

Silence means nothing before the time-out: the meter may still be busy. Bytes do. On a serial bus

- an answer that broke off does not continue after a silence,
- as many bytes as the answer has, or more, were the answer, but damaged,
- fewer bytes are noise: the wait continues for as long as this meter ever took to begin.

So the wait ends after SPOILED_S of silence after such bytes, and the wire that was just silent can be
used at once: a burst of noise costs one answer and 40 ms, and not the time-out as well. If the answer
comes after all, `drivers.link.ledger` recognises it. Over TCP none of this holds, because gateways and
networks deliver bytes at any time; only the time-out counts there.

Pure: `now_s` is passed in, in the same seconds as all other times here.
"""

from typing import Final

from attrs import define, field

SPOILED_S: Final = 0.04
"""Silence after bytes that are no answer: USB adapters hand over what they have every 16 ms, a UART every
16 characters (the bus adds that where it is more), and the scheduler may delay either for a moment."""
TURNAROUND_FADES: Final = 0.9
"""How much of a meter's longest turnaround is remembered from one answer to the next."""
TURNAROUND_TIMES: Final = 1.5
"""After noise, the wait for a meter's answer ends at this multiple of its longest turnaround."""


@define(eq=False, repr=False)
class ReplyWait:
    """The wait for one answer.

    Attributes:
        end_s: When it ends; until bytes change that, the time-out.
        answer_bytes: The size of the answer.
        due_s: By when the meter's answers have always begun; the time-out, if it is not known.
        spoiled_s: The silence that ends it.
    """

    end_s: float
    answer_bytes: int
    due_s: float
    spoiled_s: float = SPOILED_S
    _timeout_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._timeout_s = self.end_s

    def note_bytes(self, strange_bytes: int, now_s: float, *, has_begun: bool) -> None:
        """Note that so many bytes belong to no frame so far, the last of them at `now_s`.

        `has_begun`: whether they end with the beginning of an answer.
        """
        end_s = now_s + self.spoiled_s if strange_bytes else self._timeout_s
        if not has_begun and strange_bytes < self.answer_bytes:
            end_s = max(end_s, self.due_s)
        self.end_s = min(end_s, self._timeout_s)

    @property
    def is_early(self) -> bool:
        """Whether the wait ends before the time-out."""
        return self.end_s < self._timeout_s

    def left_s(self, now_s: float) -> float:
        """Seconds that remain, 0 when it is over."""
        return max(self.end_s - now_s, 0.0)


@define(eq=False, repr=False)
class Turnarounds:
    """The longest turnaround of each meter, fading."""

    _slowest_s: dict[int, float] = field(factory=dict)

    def record(self, unit_id: int, turnaround_s: float) -> None:
        """Record how long after its request an answer came, without the time on the wire."""
        before_s = self._slowest_s.get(unit_id, 0.0)
        self._slowest_s[unit_id] = max(turnaround_s, before_s * TURNAROUND_FADES)

    def slowest_s(self, unit_id: int) -> float:
        """The longest, 0 if nothing is known."""
        return self._slowest_s.get(unit_id, 0.0)

    def due_s(self, unit_id: int, timeout_s: float) -> float:
        """How long its answer may take as far as known; `timeout_s` if unknown."""
        slowest_s = self._slowest_s.get(unit_id)
        return timeout_s if slowest_s is None else min(slowest_s * TURNAROUND_TIMES, timeout_s)
