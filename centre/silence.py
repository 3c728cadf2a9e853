"""Which gateways have fallen silent, and whether this verifier would hear them. Pure; monotonic seconds.

A gateway seals at least each heartbeat of its site file, so one of which nothing new was accepted for
max(SILENCE_S, three heartbeats) is silent: one finding, which ends when it speaks again. Only time counts in
which this verifier heard its own beacon come back through the broker: while the broker or the way to it is
gone, nobody can be heard, and that is one finding about the broker, not one about each gateway. Afterwards
all begin anew. Each is told once when it begins and once when it ends, also over a restart (`resume`).

A gateway that has never sealed is not awaited; nor is one whose messages still wait here (`is_held_up`).
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field, frozen

SILENCE_S: Final = 180.0
"""Shortest silence that is told: a reconnect after a broker's restart takes a minute."""
HEARTBEATS: Final = 3
OUTAGE_S: Final = 90.0
"""Without an own beacon, of which one goes out a minute, nothing is heard here."""
ASK_S: Final = 10.0
"""Between beacons that are sent early, to be sure before a silence is told."""


@frozen
class Silent:
    """A gateway is silent, or with `ended` speaks again or is not `awaited` any more, after `seconds`."""

    gateway: str
    seconds: float
    ended: bool = False
    awaited: bool = True

    @property
    def text(self) -> str:
        """One line."""
        if not self.awaited:
            return f"was silent for {self.seconds:.0f} s and is not awaited any more: revoked or set aside"
        if self.ended:
            return f"speaks again after {self.seconds:.0f} s"
        return f"nothing has come for {self.seconds:.0f} s, while this verifier heard its own beacon"


@frozen
class Outage:
    """Nothing can be heard here, or with `ended` again, after `seconds`."""

    seconds: float
    ended: bool = False

    @property
    def text(self) -> str:
        """One line."""
        if self.ended:
            return f"the own beacon comes back again after {self.seconds:.0f} s"
        return f"the own beacon has not come back for {self.seconds:.0f} s: no gateway can be heard here"


@define
class Silence:
    """See the module.

    Attributes:
        begin_s: Since when this verifier listens without a break.
        sure_s: Until when it surely heard everything: the last beacon that came back.
    """

    begin_s: float
    sure_s: float = field(init=False)
    is_out: bool = field(init=False, default=False)
    _heard_s: dict[str, float] = field(init=False, factory=dict)
    _silent_since_s: dict[str, float] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.sure_s = self.begin_s

    def note_beacon(self, now_s: float) -> list[Outage]:
        """The own beacon came back."""
        found = [Outage(now_s - self.sure_s, ended=True)] if self.is_out else []
        if found or now_s - self.sure_s > OUTAGE_S:
            self.begin_s = now_s
        self.is_out = False
        self.sure_s = now_s
        return found

    def note_heard(self, gateway: str, now_s: float) -> list[Silent]:
        """Something new of a gateway was accepted."""
        self._heard_s[gateway] = now_s
        since_s = self._silent_since_s.pop(gateway, None)
        return [] if since_s is None else [Silent(gateway, now_s - since_s, ended=True)]

    def forget(self, gateway: str, now_s: float) -> list[Silent]:
        """Nothing is awaited of it any more: it was revoked or set aside."""
        self._heard_s.pop(gateway, None)
        since_s = self._silent_since_s.pop(gateway, None)
        return [] if since_s is None else [Silent(gateway, now_s - since_s, ended=True, awaited=False)]

    def begin_with(self, gateway: str, now_s: float) -> None:
        """It is listened to from now on."""
        self._heard_s[gateway] = now_s

    def drop(self, gateway: str) -> None:
        """Another verifier hears it from now on."""
        self._heard_s.pop(gateway, None)
        self._silent_since_s.pop(gateway, None)

    def resume(self, gateway: str, since_s: float) -> None:
        """Before a restart it was told that a gateway, or with "" everybody, is not heard since then."""
        if gateway:
            self._silent_since_s[gateway] = since_s
        else:
            self.is_out, self.sure_s = True, since_s

    def judge(
        self,
        now_s: float,
        awaited: Iterable[str],
        limit_s: Callable[[str], float],
        is_held_up: Callable[[str], bool],
    ) -> list[Silent | Outage]:
        """What is silent now and was not before."""
        if now_s - self.sure_s > OUTAGE_S:
            if self.is_out:
                return []
            self.is_out = True
            return [Outage(now_s - self.sure_s)]
        found: list[Silent | Outage] = []
        for gateway in awaited:
            heard_s = max(self._heard_s.setdefault(gateway, self.begin_s), self.begin_s)
            if gateway in self._silent_since_s or self.sure_s - heard_s < SILENCE_S:
                continue
            if self.sure_s - heard_s >= limit_s(gateway) and not is_held_up(gateway):
                self._silent_since_s[gateway] = heard_s
                found.append(Silent(gateway, self.sure_s - heard_s))
        return found

    def wants_beacon(self, now_s: float, sent_s: float) -> bool:
        """Whether a beacon now would settle the silence of a gateway."""
        if now_s - sent_s < ASK_S or self.is_out:
            return False
        return any(
            now_s - max(heard_s, self.begin_s) >= SILENCE_S > self.sure_s - max(heard_s, self.begin_s)
            for gateway, heard_s in self._heard_s.items()
            if gateway not in self._silent_since_s
        )


def find_limit(*intervals_s: object) -> float:
    """Seconds of silence that are too many, by the site file's heartbeat and interval of seals."""
    known = [float(one) for one in intervals_s if isinstance(one, int | float) and one > 0]
    return max(SILENCE_S, HEARTBEATS * max(known, default=0.0))
