"""How long one answer is waited for, when bytes come that are not it.

Silence means nothing before the time-out: the meter may still think. Bytes do. On a serial line

- an answer that broke off does not go on after a silence,
- as many bytes as the answer has, or more, were the answer, and something spoiled it,
- fewer bytes are noise: the answer is still waited for, as long as this meter ever took to begin.

So after SPOILED_S of silence behind them the wait ends, and the line that was just heard silent can be
used at once: a burst of noise costs one answer and 40 ms, and not the time-out as well. If the answer
comes after all, `drivers.link.ledger` knows what it is. Over TCP none of this holds, for gateways and
networks hand over bytes when they like; there the time-out alone counts.

Pure: `now_s` comes in, in the same seconds as all others here.
"""

from typing import Final

from attrs import define, field

SPOILED_S: Final = 0.04
"""Silence behind bytes that are no answer: USB adapters hand over what they have every 16 ms, a UART every
16 characters (the bus adds that where it is more), and whoever does it may be kept from it for a moment."""
TURNAROUND_FADES: Final = 0.9
"""How much of a meter's longest turnaround is remembered from one answer to the next."""
TURNAROUND_TIMES: Final = 1.5
"""A meter's answer is not waited for behind noise beyond this multiple of its longest turnaround."""


@define
class Patience:
    """The wait for one answer.

    Attributes:
        end_s: When it ends; until bytes say otherwise, the time-out.
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

    def heard(self, strange_bytes: int, now_s: float, *, has_begun: bool) -> None:
        """So many bytes that are nobody's frame have come, the last at `now_s`.

        `has_begun` says whether they end with the begin of an answer.
        """
        end_s = now_s + self.spoiled_s if strange_bytes else self._timeout_s
        if not has_begun and strange_bytes < self.answer_bytes:
            end_s = max(end_s, self.due_s)
        self.end_s = min(end_s, self._timeout_s)

    @property
    def is_early(self) -> bool:
        """Whether it ends before the time-out."""
        return self.end_s < self._timeout_s

    def left_s(self, now_s: float) -> float:
        """Seconds that remain, 0 when it is over."""
        return max(self.end_s - now_s, 0.0)


@define
class Turnarounds:
    """The longest turnaround of each meter, fading."""

    _slowest_s: dict[int, float] = field(factory=dict)

    def took(self, unit_id: int, turnaround_s: float) -> None:
        """A meter answered, so long after the request was on the line."""
        before_s = self._slowest_s.get(unit_id, 0.0)
        self._slowest_s[unit_id] = max(turnaround_s, before_s * TURNAROUND_FADES)

    def slowest_s(self, unit_id: int) -> float:
        """The longest, 0 if nothing is known."""
        return self._slowest_s.get(unit_id, 0.0)

    def due_s(self, unit_id: int, timeout_s: float) -> float:
        """How long its answer may take as far as is known; `timeout_s` if nothing is."""
        slowest_s = self._slowest_s.get(unit_id)
        return timeout_s if slowest_s is None else min(slowest_s * TURNAROUND_TIMES, timeout_s)
