"""When a value of a meter that departs from what was known of it is believed. Pure, one point of one meter.

A meter that starts again may answer zeros, all ones, an old value or one that counts up from zero, for
seconds or minutes, and then goes on where it was; and a restart is not always seen as silence. So no
departure is believed at once, whatever came before it: it has to stay for SETTLE_S, over two reads at
least, as the value of a meter does (the same identity; a counter that does not fall, nor rise faster than a
plant can drive it). A departure that settles is a finding, at the latest one read after SETTLE_S, and so
within five minutes of the first good read, or three slow polls if that is longer:

    counter     below what it was SETTLE_S before: "counter backwards", or "counter wrapped" at the end of
    its range
                above what it can have counted: it is the value from then on, and no finding
    identity    another value: "meter swapped", "meter changed"
                blank (0, all ones, no text) where it was not: "unreadable"
    either      no value, or for UNSTEADY_S none that stays: "unreadable"

A first value settles in the same way, so that a gateway that starts together with its meters learns nothing
wrong; and a serial number that says nothing is unknown however long it stays, so that the first one that says
something is no other meter's. One exception: a counter of import that was steady over two reads until the
meter fell silent, and settles as one that began at zero after that, is "counter backwards" too. Nonsense at a
start is seldom followed by silence, and by a true zero only in a new meter.

What returns after it was a finding is told, too: "counter returned" when a counter jumps back to where it
was or beyond (one that counts its way up again does not jump: not more than twice its usual pace), "value
returned" for an identity, "readable" for what was unreadable.
"""

from collections import deque
from typing import Any, Final

from attrs import define, field

from agent.tamper.changes import NEAR_END, is_blank, is_blank_serial, is_counter, name_change, name_return
from drivers.points.point import Point
from drivers.points.registers import Value
from drivers.reading import Quantity

SETTLE_S: Final = 180.0
"""Meters of the field were themselves again after two minutes at the latest."""
NEW_W_MAX: Final = 1e6
"""What counts on from zero no faster than this is a counter that was set to zero, not one that is on its way
back: more than almost any meter has behind it."""
COUNTED_WH_MIN: Final = 100_000.0
"""A first value below may be nonsense that counted up from zero since a start."""
UNSTEADY_S: Final = 3 * SETTLE_S
"""What is another value at every read for so long is none."""
POWER_MAX_W: Final = 1e8
"""Of one meter, while its usual pace is not known: more than any plant has behind one."""
PACE: Final = 3.0
"""A counter that rises faster than so many times its fastest pace up to now has to settle."""
JUMP: Final = 2.0
STEP_WH: Final = 1000.0
"""Some counters step by whole kWh."""
ONES_WH_MIN: Final = NEAR_END * float(1 << 32)
"""From here on a first value may be all ones, 32 bits of Wh or of more."""
RETURN_S_MAX: Final = 7 * 86_400.0
"""What a counter may have counted unseen until it returns, where it is not known since when it is away."""
RISES: Final = 8
"""Values of a counter that are kept from the last SETTLE_S."""
_S_PER_HOUR: Final = 3600.0

WITHDRAWS: Final = {
    "counter returned": frozenset({"counter backwards", "counter wrapped"}),
    "value returned": frozenset({"meter swapped", "meter changed"}),
    "readable": frozenset({"unreadable"}),
}
"""Records that take back the last one of these of the same meter and point."""

Finding = dict[str, Any]


@define(eq=False, repr=False)
class Settling:
    """What is known of one point.

    Attributes:
        value: The value that is believed; None before the first has settled.
        dark: It was told as unreadable, and not yet as readable.
        was: The value before the last finding, to which it may return.
        pace_w: The fastest that the counter rose.
        doubt_s: Since when the value departs, or the first one is known.
    """

    value: Value | None = None
    dark: bool = False
    was: Value | None = None
    pace_w: float = 0.0
    doubt_s: float | None = field(default=None, init=False)
    _seen_s: float | None = field(default=None, init=False)
    _left_s: float | None = field(default=None, init=False)
    _steady: tuple[float, Value | None] = field(default=(0.0, None), init=False)
    _risen: deque[tuple[float, Value]] = field(factory=deque, init=False)
    _last: tuple[float, Value | None] | None = field(default=None, init=False)
    _under: float | None = field(default=None, init=False)
    _counted: float | None = field(default=None, init=False)

    def add(self, point: Point, at_s: float, now: Value | None, *, hold: bool = False) -> Finding | None:
        """A read of the point; what has settled with it. With `hold` a departure waits for another one."""
        if is_blank_serial(point, self.value):  # kept by a version that believed it
            self.forget()
        if self.value is not None and now is not None:
            if self._returns(point, at_s, now):
                return self._believe(at_s, now, {"what": name_return(point), "was": self.value, "now": now})
            if self._agrees(point, at_s, now):
                return self._believe(at_s, now, {"what": "readable", "now": now} if self.dark else None)
        if self.doubt_s is None or at_s < self.doubt_s:
            self.doubt_s, self._steady = at_s, (at_s, now)
            self._forget_before(at_s)
        elif not self._is_steady(point, at_s, now):
            self._steady = at_s, now
        self._last = at_s, now
        if hold:
            return None
        if at_s - self._steady[0] >= SETTLE_S:
            return self._settle(point, at_s, now)
        return self._darken() if at_s - self.doubt_s >= UNSTEADY_S else None

    def note_silence(self) -> None:
        """The meter did not answer: what it had counted by then is not nonsense of its start."""
        if self.value is None and self._last is not None:
            at_s, last = self._last
            if isinstance(last, int | float) and last >= COUNTED_WH_MIN and at_s > self._steady[0]:
                self._counted = last

    def forget(self) -> None:
        """It is another meter's from now on."""
        self._counted = None
        self.value = self.was = self.doubt_s = self._last = self._left_s = self._under = None
        self.dark, self.pace_w = False, 0.0
        self._risen.clear()

    def state(self) -> list[Any]:
        """What `Settling(*state)` continues from: what is in doubt begins anew."""
        return [self.value, self.dark, self.was, self.pace_w]

    # -- inside

    def _is_steady(self, point: Point, at_s: float, now: Value | None) -> bool:
        """Whether the value goes on from the last one as that of a meter does."""
        last_s, last = self._last or (at_s, None)
        if not is_counter(point) or not isinstance(now, int | float) or not isinstance(last, int | float):
            return now == last
        return last <= now <= last + POWER_MAX_W * max(at_s - last_s, 0.0) / _S_PER_HOUR + STEP_WH

    def _agrees(self, point: Point, at_s: float, now: Value) -> bool:
        if not is_counter(point):
            return now == self.value
        value = self.value
        if isinstance(now, str) or isinstance(value, str) or value is None or now < value:
            return now == value
        return now - value <= self._reach_wh(at_s, self._seen_s)

    def _reach_wh(self, at_s: float, since_s: float | None) -> float:
        """What a counter may have counted since then."""
        passed_s = RETURN_S_MAX if since_s is None else max(at_s - since_s, 0.0)
        return (PACE * self.pace_w or POWER_MAX_W) * passed_s / _S_PER_HOUR + STEP_WH

    def _returns(self, point: Point, at_s: float, now: Value) -> bool:
        """Whether the value is back at what it was before the finding."""
        was, value = self.was, self.value
        if was is None or not is_counter(point):
            return was is not None and now == was
        if isinstance(now, str) or isinstance(was, str) or isinstance(value, str) or value is None:
            return False
        last_s, last = self._last or (at_s - RETURN_S_MAX, None)
        last = last if isinstance(last, int | float) else value
        counted = JUMP * self.pace_w * max(at_s - last_s, 0.0) / _S_PER_HOUR
        return was <= now <= was + self._reach_wh(at_s, self._left_s) and now - last > counted

    def _believe(self, at_s: float, now: Value, found: Finding | None) -> Finding | None:
        value, seen_s = self.value, self._seen_s
        risen = now - value if isinstance(now, int | float) and isinstance(value, int | float) else 0.0
        if risen > 0 and found is None and seen_s is not None and at_s > seen_s:
            pace_w = risen * _S_PER_HOUR / (at_s - seen_s)
            self.pace_w = max(self.pace_w, pace_w if pace_w <= POWER_MAX_W else 0.0)
        if found is not None:
            self.was = self._left_s = None
        self._forget_before(at_s)
        if not self._risen or at_s - self._risen[-1][0] >= SETTLE_S / RISES:
            self._risen.append((at_s, now))
        self.value, self.dark, self.doubt_s, self._seen_s, self._last = now, False, None, at_s, (at_s, now)
        return found

    def _forget_before(self, at_s: float) -> None:
        """Keep the value that is SETTLE_S old and was not the last one then, and those since."""
        while len(self._risen) > 2 and not 0 <= at_s - self._risen[1][0] < SETTLE_S:
            self._risen.popleft()

    def _darken(self) -> Finding | None:
        found = None if self.dark or self.value is None else {"what": "unreadable"}
        self.dark = self.value is not None
        return found

    def _settle(self, point: Point, at_s: float, now: Value | None) -> Finding | None:
        was = self.value
        if was is None and now is not None:
            return self._begin(point, at_s, now)
        if now is None or (not is_counter(point) and is_blank(point, now) and not is_blank(point, was)):
            return self._darken()
        if self.dark:  # what is wrong with it is the next read's
            self.dark = False
            return {"what": "readable", "now": now}
        what = name_change(point, was, now)
        if what == "counter backwards" and (self._is_unsettled(now) or self._is_under_nonsense(at_s, now)):
            what = ""
        self._risen.clear()
        self._risen.append((self._steady[0], self._steady[1] or 0))
        self._under = self._value_under(at_s, now)
        self._believe(at_s, now, None)
        if not what:
            return None
        self.was, self._left_s = was, at_s
        return {"what": what, "was": was, "now": now}

    def _begin(self, point: Point, at_s: float, now: Value) -> Finding | None:
        """Believe the first value, unless it is a serial number that says nothing."""
        if is_blank_serial(point, now):
            return None
        (since_s, began), counted, self._counted = self._steady, self._counted, None
        self._risen.append((since_s, began or 0))
        self._believe(at_s, now, None)
        if counted is None or counted >= ONES_WH_MIN or is_blank(point, counted):
            return None
        if point.quantity is not Quantity.ACTIVE_ENERGY_IMPORT:
            return None
        if isinstance(began, str) or isinstance(now, str) or (began or 0) > STEP_WH:
            return None
        if now >= min(counted, STEP_WH + NEW_W_MAX * (at_s - since_s) / _S_PER_HOUR):
            return None
        self.was, self._left_s = counted, at_s
        return {"what": "counter backwards", "was": counted, "now": now}

    def _is_unsettled(self, now: Value) -> bool:
        """Whether all that is gone had been counted in the last SETTLE_S: it had not settled itself."""
        settled = self._risen[0][1] if self._risen else self.value
        return isinstance(now, int | float) and isinstance(settled, int | float) and now >= settled

    def _value_under(self, at_s: float, now: Value) -> float | None:
        """The value before a rise that no plant can have caused; what falls back to it was never counted."""
        if isinstance(now, str) or isinstance(self.value, str) or self.value is None:
            return None
        passed_s = RETURN_S_MAX if self._seen_s is None else at_s - self._seen_s
        return self.value if now - self.value > POWER_MAX_W * passed_s / _S_PER_HOUR else None

    def _is_under_nonsense(self, at_s: float, now: Value) -> bool:
        under = self._under
        return (
            under is not None
            and not isinstance(now, str)
            and under <= now <= under + self._reach_wh(at_s, None)
        )
