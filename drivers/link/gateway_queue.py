"""How long a request that is not answered keeps a gateway from serving the next one.

A TCP gateway mostly has one serial line and asks one meter at a time. For a meter that is not there it waits
as long as it was set to, 0.5 to 5 s, and then says exception 10 or 11, or nothing. What is sent meanwhile
waits in its queue, and soon each answer comes behind the time-out of its own request. So over TCP, with
transaction ids or without, **a request is waited for until it is answered**, however short its time-out: the
wait costs nothing, because the line was busy, and a late answer is the reading that was asked for.

An exception ends the wait. Silence does not say when the gateway is free again, so that is learned:

- At first nothing more is sent for `first_s`.
- When the next request after such a silence is answered as soon as ever, the gateway was free; the wait after
  the next silence is a quarter. Below SIDE_BY_SIDE_S the gateway has shown that it answers side by side, as
  a device with a network of its own does, or that it waits no longer than we do: only time-outs count then.
- When that answer is delayed, or an answer or an exception of the silent request comes first, the gateway was
  busy until then: this time is the wait from now on. The same if the answer of a meter that had answered
  before stays out: what was sent was dropped, so four times the wait is taken, up to `first_s`.
- One in RELEARN_SILENCES silences tries half of that, because gateways are set anew.

After a longer rest the quarter is only taken down to SIDE_BY_SIDE_S, because the answer shows nothing. While
such a trial is open, the request behind it is waited for as if the gateway were busy for `first_s`.

What was learned is kept over restarts (`known_s`), so that only a gateway that is new costs those waits.
Until the first silence has shown that it is still so, that is a trial, too.

Pure: times are passed in, in seconds of one clock.
"""

import math
from typing import Final

from attrs import define, field

FIRST_S: Final = 6.0
"""Longer than gateways in use wait for a meter: they are set to 0.5 to 5 s."""
TRIAL_PARTS: Final = 4.0
"""6 s, 1.5 s and 0.4 s are enough to know a device that answers side by side."""
SIDE_BY_SIDE_S: Final = 0.3
"""Shorter waits than this are left to time-outs."""
DELAY_MIN_S: Final = 0.1
DELAY_TIMES: Final = 2.0
"""An answer is delayed if it takes longer than this multiple of the slowest of late, and so much more."""
HELD_MORE_S: Final = 0.1
"""What is added to a wait that was measured: gateways count their time-outs coarsely."""
RELEARN_SILENCES: Final = 16
LATENCY_S: Final = 0.25
"""An answer of a meter of which nothing is known is not delayed up to twice this."""
PROMPT_TIMES: Final = 1.5
"""Only a request that follows a silence within this multiple of its wait shows that the wait was enough;
after a longer rest the gateway was free anyway."""
KNOWN_STEP_S: Final = 0.5
"""A hold is told in whole steps, upwards: each is measured a little differently, and a write costs flash."""
SLOWEST_FADES: Final = 0.9
"""How much of a meter's slowest answer is remembered from one answer to the next."""


@define(eq=False, repr=False)
class _Silence:
    """The last request that was given up: when it was sent, after how long, and whether that was a trial."""

    sent_s: float
    waited_s: float
    is_trial: bool


@define(eq=False, repr=False)
class GatewayQueue:
    """What is known of the gateway that a bus goes through.

    Attributes:
        first_s: How long a silent request is waited for while nothing is known; 0 for time-outs alone.
    """

    first_s: float = FIRST_S
    _trial_s: float = field(init=False)
    _held_s: float = field(default=0.0, init=False)
    _is_recalled: bool = field(default=False, init=False)
    _silences: int = field(default=0, init=False)
    _silence: _Silence | None = field(default=None, init=False)
    _slowest_s: dict[int, float] = field(factory=dict, init=False)
    _alive: set[int] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._trial_s = self.first_s

    @property
    def is_side_by_side(self) -> bool:
        """Whether the gateway has shown that nothing has to be waited for beyond a time-out."""
        return not self._held_s and self._trial_s < SIDE_BY_SIDE_S

    @property
    def held_s(self) -> float:
        """How long an unanswered request holds the gateway, as measured; 0 if that is not known."""
        return self._held_s

    @property
    def known_s(self) -> float:
        """What is worth keeping: SIDE_BY_SIDE_S, or how long it is held, at most `first_s`; 0 if unknown."""
        if not self._held_s and self._trial_s <= SIDE_BY_SIDE_S:
            return SIDE_BY_SIDE_S
        return min(math.ceil(self._held_s / KNOWN_STEP_S) * KNOWN_STEP_S, self.first_s)

    def begin_with(self, known_s: float) -> None:
        """Begin with what was known before; the next silence shows whether it is still so."""
        if known_s > SIDE_BY_SIDE_S:
            self._held_s, self._is_recalled = known_s, True
        elif known_s > 0:
            self._trial_s = SIDE_BY_SIDE_S

    def wait_s(self, timeout_s: float, now_s: float) -> float:
        """How long to wait for the answer to a request that is sent at `now_s`."""
        silence = self._silence
        if silence is None or not silence.is_trial or self.is_side_by_side:
            return max(timeout_s, self._own_s())
        return max(timeout_s, self._own_s(), silence.sent_s + self.first_s + timeout_s - now_s)

    def note_answer(self, unit_id: int, sent_s: float, now_s: float) -> None:
        """Note that a meter answered a request, if only with an exception."""
        latency_s = now_s - sent_s
        silence, self._silence = self._silence, None
        if silence is not None:
            usual_s = self._slowest_s.get(unit_id, LATENCY_S)
            if latency_s > DELAY_TIMES * usual_s + DELAY_MIN_S:
                self._hold(now_s - self._slowest_s.get(unit_id, 0.0) - silence.sent_s)
                return
            self._note_free(silence, sent_s)
        self._alive.add(unit_id)
        self._slowest_s[unit_id] = max(latency_s, self._slowest_s.get(unit_id, 0.0) * SLOWEST_FADES)

    def note_silence(self, unit_id: int, sent_s: float, now_s: float) -> None:
        """Note that a request was given up without an answer."""
        is_trial = now_s - sent_s < self.first_s and (
            not self._held_s or self._tries_less() or self._is_recalled
        )
        self._silences += 1
        before, was_alive = self._silence, unit_id in self._alive
        self._alive.discard(unit_id)
        if before is not None and was_alive and before.waited_s < self.first_s:
            if self.is_side_by_side:
                self._trial_s = SIDE_BY_SIDE_S
            else:
                self._hold(min(before.waited_s * TRIAL_PARTS, self.first_s))
            is_trial = False  # it may have been dropped: the next answer does not show that it held nothing
        self._silence = _Silence(sent_s, now_s - sent_s, is_trial)

    def note_late(self, sent_s: float, now_s: float) -> None:
        """Note that a request that was given up is answered after all, by the meter or by the gateway."""
        silence = self._silence
        if silence is not None and silence.sent_s == sent_s:
            self.note_free()
            self._hold(now_s - sent_s)

    def note_free(self) -> None:
        """Note that nothing is owed: the gateway said so itself, or the connection is a new one."""
        self._silence = None

    def _note_free(self, silence: _Silence, sent_s: float) -> None:
        """Note that the gateway was free when a request was sent at `sent_s`, after a silence."""
        if self._is_recalled:
            self._is_recalled = False
            return
        if not silence.is_trial and (self._held_s or silence.waited_s < self.first_s):
            return
        self._held_s = 0.0
        self._trial_s = min(self._trial_s, silence.waited_s) / TRIAL_PARTS
        if sent_s - silence.sent_s > PROMPT_TIMES * silence.waited_s:
            self._trial_s = max(self._trial_s, SIDE_BY_SIDE_S)

    def _hold(self, held_s: float) -> None:
        self._held_s, self._is_recalled = held_s, False
        self._trial_s = self.first_s

    def _own_s(self) -> float:
        if not self._held_s:
            return 0.0 if self.is_side_by_side else self._trial_s
        if self._tries_less():
            return self._held_s / 2
        return self._held_s + HELD_MORE_S

    def _tries_less(self) -> bool:
        return self._silences % RELEARN_SILENCES == RELEARN_SILENCES - 1
