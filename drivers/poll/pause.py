"""How long a meter, or a whole bus, needs silence after an answer before it hears the next request.

Some meters are deaf for 50 to 600 ms after each answer. It shows in the same way every time: a request that
goes out soon after an answer is not heard, the same one is heard when it goes out later, and no request is
ever heard as soon. Lost answers show otherwise: requests go out as soon and are heard. So

- a request that was **missed** at a short gap, and the same one heard at a longer gap, is one vote;
  MISSES_NEEDED of them without a request heard at a gap as short make the pause a step longer than that gap;
- where no request was **ever** heard at a gap as short, MISSES_NEVER votes make it CALM_S at once, because
  each step would cost readings; the shortest that is enough is found by halves, a trial each TRIAL_QUICK_S;
- a request **heard** at a gap as short takes all votes back, and so does one that was missed although no
  meter could be deaf: this line loses some;
- after TRIAL_FIRST_S the pause is tried one step shorter: it may have been noise, or the meter was changed.
  One miss is then enough to go back, and the next trial comes twice as late, at most in TRIAL_MAX_S.

A pause that the site file sets is kept as it is, and below the one that a maker asks for (`least_s`) none is
tried. `Quiet` keeps the pauses of a meter and of its bus before each request, and tells both what became of
it. `Pause` is pure: gaps are seconds from the end of an answer to the request, `what` tells requests apart,
`now_s` is of any clock that never runs back.
"""

import math
from collections.abc import Hashable
from typing import Final

from attrs import Factory, define, field

from drivers.clock import Clock

STEPS_S: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Pauses that are tried. The longest that a maker asks for is 0.3 s."""
CALM_S: Final = 0.7
"""After so long a silence deafness is no reason for a missing answer."""
MISSES_NEEDED: Final = 4
MISSES_NEVER: Final = 6
"""At half of all requests lost, six such votes come before any short gap was heard once in 4096 tries."""
MISSED_MAX: Final = 16
"""Requests whose loss is remembered until they are heard again."""
CALM_MORE_S: Final = 0.005
"""A request that has waited for so much longer has waited for long enough by every reading of the clock."""
SHARED_S: Final = 60.0
"""So long after its last answer a meter counts as one that has to wait for the others."""
TRIAL_FIRST_S: Final = 3600.0
TRIAL_MAX_S: Final = 86_400.0
TRIAL_QUICK_S: Final = 60.0
"""Between the trials by halves: three or four, each of which costs a request at most."""


@define(eq=False, repr=False)
class Pause:
    """The pause of one meter, or of a bus."""

    fixed_s: float | None = None
    learned_s: float = 0.0
    least_s: float = 0.0
    _missed_s: dict[Hashable, float] = Factory(dict)
    _votes: int = 0
    _votes_s: float = 0.0
    _trial_s: float | None = None
    _trial_every_s: float = TRIAL_FIRST_S
    _was_s: float = 0.0
    _heard_s: float = CALM_S
    _heard_twice_s: float = CALM_S
    _heard_ever_s: float = math.inf
    _too_short_s: float | None = None

    @property
    def calm_s(self) -> float:
        """A gap after which deafness is no reason for a missing answer: one at which it was heard twice."""
        return max(self._heard_twice_s, self.pause_s)

    @property
    def pause_s(self) -> float:
        """Silence to keep before a request."""
        return max(self.learned_s, self.least_s) if self.fixed_s is None else self.fixed_s

    def may_be_deaf(self, what: Hashable) -> bool:
        """Whether the last loss of the request `what` says nothing else, because it went out soon."""
        return self._missed_s.get(what, math.inf) < self.calm_s

    def note_miss(self, gap_s: float, what: Hashable) -> None:
        """Note that the request `what`, sent `gap_s` after an answer, got none."""
        if gap_s >= CALM_S:
            self._votes = 0
            self._missed_s.clear()
        elif len(self._missed_s) < MISSED_MAX:
            self._missed_s[what] = max(gap_s, self._missed_s.get(what, 0.0))

    def note_heard(self, gap_s: float, what: Hashable, now_s: float) -> None:
        """Note that the request `what`, sent `gap_s` after an answer, was answered."""
        self._heard_s, self._heard_twice_s = sorted((gap_s, self._heard_s, self._heard_twice_s))[:2]
        self._heard_ever_s = min(gap_s, self._heard_ever_s)
        missed_s = self._missed_s.pop(what, None)
        if self._votes and gap_s <= self._votes_s:
            self._votes = 0
        if missed_s is not None and gap_s > missed_s:
            self._votes += 1
            self._votes_s = max(missed_s, self._votes_s) if self._votes > 1 else missed_s
            if self._votes >= self._votes_needed:
                self._lengthen(now_s)
        self._try_shorter(now_s)

    @property
    def _votes_needed(self) -> int:
        if self._was_s:
            return 1
        return MISSES_NEVER if self._votes_s < self._heard_ever_s else MISSES_NEEDED

    def _lengthen(self, now_s: float) -> None:
        if self._was_s and self._too_short_s is not None:
            self._too_short_s, self.learned_s = self.learned_s, self._was_s
            self._missed_s.clear()
        elif not self._was_s and self._votes_s < min(self._heard_ever_s, CALM_S):
            self._too_short_s, self.learned_s = (
                max(self._votes_s, self.learned_s),
                max(CALM_S, self.learned_s),
            )
            self._missed_s.clear()
        else:
            self._lengthen_a_step()
        self._votes, self._was_s = 0, 0.0
        self._heard_s = self._heard_twice_s = CALM_S
        self._trial_s = now_s + (self._trial_every_s if self._too_short_s is None else TRIAL_QUICK_S)

    def _lengthen_a_step(self) -> None:
        self._too_short_s = None
        if self._was_s:
            self._trial_every_s = min(2 * self._trial_every_s, TRIAL_MAX_S)
        longer = [step_s for step_s in STEPS_S if step_s > max(self._votes_s, self.learned_s)]
        self.learned_s = max(longer[0] if longer else STEPS_S[-1], self._was_s)

    def _try_shorter(self, now_s: float) -> None:
        if self.learned_s <= self.least_s:
            return
        if self._trial_s is None:
            self._trial_s = now_s + self._trial_every_s
        if now_s < self._trial_s:
            return
        if self._too_short_s is not None:
            self._halve(self._too_short_s, now_s)
            return
        self._was_s = self.learned_s
        self.learned_s = max(step_s for step_s in STEPS_S if step_s < self.learned_s)
        self._trial_s = now_s + self._trial_every_s

    def _halve(self, too_short_s: float, now_s: float) -> None:
        """Try the middle one of the pauses that may be enough, if the last trial showed something."""
        if self._was_s and self._heard_twice_s >= self._was_s:
            return
        between = [step_s for step_s in STEPS_S if too_short_s < step_s < self.learned_s]
        self._trial_s = now_s + (TRIAL_QUICK_S if between else self._trial_every_s)
        if not between:
            self._was_s, self._too_short_s = 0.0, None
            return
        self._was_s, self.learned_s = self.learned_s, between[len(between) // 2]
        self._votes = 0
        self._missed_s.clear()
        self._heard_s = self._heard_twice_s = CALM_S


@define(eq=False, repr=False)
class BusState:
    """What all meters of a bus share.

    Attributes:
        pause: What the bus needs after an answer of any meter.
        answered_s: When the last answer of each station came.
    """

    pause: Pause = field(factory=Pause)
    answered_s: dict[int, float] = field(factory=dict)

    def is_shared(self, station: int, now_s: float) -> bool:
        """Whether other meters are alive."""
        return any(now_s - at_s < SHARED_S for one, at_s in self.answered_s.items() if one != station)


Gaps = tuple[float, float]
"""The silence before a request: since the last answer of its meter, and of another meter of the bus."""


@define(eq=False, repr=False)
class Quiet:
    """The silence before the requests to one meter.

    Attributes:
        station: Its number on the bus.
        pause: What it needs after an answer of its own.
        shared: What it shares with its bus.
    """

    station: int
    pause: Pause
    shared: BusState

    def may_be_deaf(self, what: Hashable) -> bool:
        """Whether the last loss of the request `what` says nothing else, because it went out soon."""
        return self.pause.may_be_deaf(what) or self.shared.pause.may_be_deaf((self.station, what))

    def keep(self, clock: Clock, *, calm: bool) -> Gaps:
        """Wait for as long as meter and bus need, or until they cannot be deaf; returns the silence then."""
        own_s, bus_s = self._measure(clock)
        own_needs_s, bus_needs_s = self.pause.pause_s, self.shared.pause.pause_s
        if calm:
            own_needs_s = self.pause.calm_s + CALM_MORE_S
            bus_needs_s = self.shared.pause.calm_s + CALM_MORE_S
        wait_s = max(own_needs_s - own_s, bus_needs_s - bus_s)
        if wait_s <= 0:
            return own_s, bus_s
        clock.sleep(wait_s)
        return self._measure(clock)

    def _measure(self, clock: Clock) -> Gaps:
        now_s = clock.monotonic_s()
        own_s = now_s - self.shared.answered_s.get(self.station, -math.inf)
        others = (at_s for one, at_s in self.shared.answered_s.items() if one != self.station)
        return own_s, now_s - max(others, default=-math.inf)

    def note_miss(self, what: Hashable, gaps_s: Gaps) -> None:
        """Note that the request `what` got no answer."""
        own_s, bus_s = gaps_s
        self.pause.note_miss(own_s, what)
        if own_s >= CALM_S:
            self.shared.pause.note_miss(bus_s, (self.station, what))

    def note_heard(self, what: Hashable, gaps_s: Gaps, now_s: float) -> None:
        """Note that the request `what` was answered just now."""
        own_s, bus_s = gaps_s
        self.shared.answered_s[self.station] = now_s
        self.pause.note_heard(own_s, what, now_s)
        if own_s >= CALM_S:
            self.shared.pause.note_heard(bus_s, (self.station, what), now_s)
