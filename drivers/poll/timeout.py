"""How long one meter is waited for, learned from its answers and its silences.

- **While nothing is known** the time-out begins at TIMEOUT_FIRST_S and doubles with every silence up to
  TIMEOUT_MAX_S: a meter behind a radio may take nine seconds. Where other meters of the bus are alive it does
  not grow, because they have to wait; there a slow meter is found by its late answer.
- **A late answer** tells how slow the meter is, although its value was not used.
- **Once it has answered** the time-out is a multiple of its slowest recent answer: four times that of a quick
  meter, one and a half that of a slow one. Silences double it until it answers.
- **A probe** of a silent meter is shorter: PROBE_FIRST_S, or twice its slowest answer. Only every
  PROBE_FULL_EVERY-th is as long as a poll, and every second while nothing is known.

A time-out that the site file sets is used as it is. Pure.
"""

from typing import Final

from attrs import define

TIMEOUT_FIRST_S: Final = 1.0
"""Before anything is known of a meter; most answer within a tenth of it."""
TIMEOUT_MIN_S: Final = 0.2
"""Meters pause occasionally to write their counters."""
TIMEOUT_SHARED_MAX_S: Final = 2.0
"""Longest wait for a meter that may not be there while others are."""
TIMEOUT_MAX_S: Final = 10.0
"""Longest of all: a later answer is not expected any more (`drivers.link.ledger.LATE_MAX_S`)."""
TIMEOUT_LATENCIES: Final = 4.0
"""Time-out of a quick meter in multiples of its latency: below it a busy meter is taken for a silent one."""
SLOW_LATENCIES: Final = 1.5
SLOW_MORE_S: Final = 0.5
"""A slow meter is waited for one and a half times its latency, and a little: radios vary less than meters."""
PROBE_FIRST_S: Final = 0.3
PROBE_LATENCIES: Final = 2.0
PROBE_FULL_EVERY: Final = 8
PROBE_FULL_EVERY_UNKNOWN: Final = 2
LATENCY_FADES: Final = 0.9
"""How much of the slowest answer is remembered from one poll to the next."""


@define(eq=False, repr=False)
class AnswerTimeout:
    """The time-out of one meter.

    Attributes:
        fixed_s: As the site file sets it; None where it is learned.
        slowest_s: The slowest recent answer, fading; 0 before the first.
        late_s: How long the last answer took that came after its time-out; 0 after one in time.
    """

    fixed_s: float | None = None
    slowest_s: float = 0.0
    late_s: float = 0.0
    _grown_s: float = 0.0
    _probes: int = 0

    @property
    def poll_s(self) -> float:
        """For a request of a poll."""
        if self.fixed_s is not None:
            return self.fixed_s
        return max(self._usual_s(), self._grown_s)

    def next_probe_s(self, *, shared: bool) -> float:
        """For the next probe; `shared` where other meters of the bus answer."""
        self._probes += 1
        longest_s = self._grown_max_s(shared=shared)
        is_growing = not self.is_known and not shared and self._grown_s < longest_s
        if self._probes % (PROBE_FULL_EVERY_UNKNOWN if is_growing else PROBE_FULL_EVERY) == 0:
            return (
                self.poll_s if self.fixed_s is not None else min(self.poll_s, max(longest_s, self._usual_s()))
            )
        known_s = max(PROBE_LATENCIES * self.slowest_s, TIMEOUT_MIN_S)
        return min(known_s if self.slowest_s else PROBE_FIRST_S, self.poll_s)

    def note_answer(self, latency_s: float) -> None:
        """Note an answer in time."""
        self.slowest_s = max(latency_s, self.slowest_s * LATENCY_FADES)
        self._grown_s = self.late_s = 0.0
        self._probes = 0

    def note_late(self, latency_s: float) -> None:
        """Note an answer that came after its time-out."""
        self.late_s = min(latency_s, TIMEOUT_MAX_S)
        self.slowest_s = max(self.slowest_s, self.late_s)

    def note_silence(self, waited_s: float, *, shared: bool) -> None:
        """Note that nothing came within `waited_s`; a short probe teaches nothing."""
        if waited_s >= self.poll_s:
            self._grown_s = min(2 * self.poll_s, self._grown_max_s(shared=shared))

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the meter."""
        return self.slowest_s > 0 or self.fixed_s is not None

    def _grown_max_s(self, *, shared: bool) -> float:
        if not shared:
            return TIMEOUT_MAX_S
        return TIMEOUT_SHARED_MAX_S if self.is_known else TIMEOUT_FIRST_S

    def _usual_s(self) -> float:
        if not self.slowest_s:
            return TIMEOUT_FIRST_S
        quick_s = min(max(TIMEOUT_LATENCIES * self.slowest_s, TIMEOUT_MIN_S), TIMEOUT_SHARED_MAX_S)
        slow_s = SLOW_LATENCIES * self.slowest_s + SLOW_MORE_S
        return min(max(quick_s, slow_s if slow_s > TIMEOUT_SHARED_MAX_S else 0.0), TIMEOUT_MAX_S)
