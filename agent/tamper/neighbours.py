"""Compares voltage and frequency of the meters of one supply with each other.

All meters of a plant hang on one grid, and those of a bus mostly on one busbar. Once in SLOT_S the means
of each meter are compared with the medians of all, itself included: with three meters the median of the
others alone would blame two of them for the third. Voltages are compared from the lowest to the highest,
because phases are not connected in the same order everywhere; a meter of one voltage is compared with the
span of the others. A meter that departs in SLOTS slots in a row is reported, and reported back when it has
been within CLEARED of the limit for as long.

What a meter's voltage level is (behind another transformer, or with another ratio) is learned from its
first slots; only meters of one level and bus are compared. A meter without voltage is switched off.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, field

from agent.tamper.medians import find_mean, find_median

SLOT_S: Final = 60.0
SLOTS: Final = 10
VOLTAGE_SHARE: Final = 0.03
FREQUENCY_HZ: Final = 0.2
CLEARED: Final = 2 / 3
METERS_MIN: Final = 3
"""With two it is not known which one is right."""
LEVEL_SLOTS: Final = 5
LEVEL_SHARE: Final = 0.15
"""Meters of one level differ by less: nominal voltages in use lie further apart."""
DEAD_SHARE: Final = 0.2
"""Below this share of its level a meter is without voltage."""
DEAD_V: Final = 10.0
HOLD_SLOTS: Final = 2.5
"""Slots, or intervals of its group, for which a value is used: frequencies are read rarely."""
_FREQUENCIES: Final = (40.0, 70.0)


@define(eq=False, repr=False)
class Neighbour:
    """One meter.

    Attributes:
        hold_s: How long a value of it is used.
        level_v: Its voltage level, V; 0 while it is learned.
        step_v: The resolution of its voltage.
        reported: "voltage" and "frequency", where their departure was reported and its end was not.
    """

    bus: str
    hold_s: float
    level_v: float = 0.0
    step_v: float = 0.0
    reported: set[str] = field(factory=set)
    volts: tuple[float, ...] = field(default=(), init=False)
    volts_s: float = field(default=0.0, init=False)
    hertz: float = field(default=0.0, init=False)
    hertz_s: float = field(default=0.0, init=False)
    _sums: list[float] = field(factory=list, init=False)
    _number: int = field(default=0, init=False)
    _levels: list[float] = field(factory=list, init=False)
    _rows: dict[str, int] = field(factory=dict, init=False)

    def voltages(self, at_s: float, volts: tuple[float, ...]) -> None:
        """A reading of its voltages, the lowest first."""
        if not self._number:
            self._sums = [0.0] * len(volts)
        self._sums = [a + b for a, b in zip(self._sums, volts, strict=True)]
        self._number += 1
        self.volts_s = at_s

    def frequency(self, at_s: float, hertz: float) -> None:
        """A reading of its frequency."""
        if _FREQUENCIES[0] < hertz < _FREQUENCIES[1]:
            self.hertz, self.hertz_s = hertz, at_s

    def end_slot(self) -> None:
        """Take the means of the slot."""
        if not self._number:
            return
        self.volts = tuple(total / self._number for total in self._sums)
        self._number = 0
        mean_v = find_mean(self.volts)
        if not self.level_v and mean_v > DEAD_V:
            self._levels.append(mean_v)
            if len(self._levels) >= LEVEL_SLOTS:
                self.level_v = find_median(self._levels)
                self._levels.clear()

    def has_volts(self, at_s: float) -> bool:
        """Whether its voltage can be compared at `at_s`."""
        fresh = bool(self.volts) and at_s - self.volts_s <= self.hold_s
        return fresh and self.level_v > 0 and find_mean(self.volts) > DEAD_SHARE * self.level_v

    def has_hertz(self, at_s: float) -> bool:
        """Whether its frequency can be compared at `at_s`."""
        return self.hertz > 0 and at_s - self.hertz_s <= self.hold_s

    def judge(self, what: str, departure: float, limit: float) -> bool | None:
        """Judge a slot's departure: True to report it, False to report its end, else None."""
        reported = what in self.reported
        counts = departure <= CLEARED * limit if reported else departure > limit
        row = self._rows[what] = self._rows.get(what, 0) + 1 if counts else 0
        if row < SLOTS:
            return None
        self._rows[what] = 0
        (self.reported.discard if reported else self.reported.add)(what)
        return not reported


@define(eq=False, repr=False)
class Neighbours:
    """All meters of a site, by id."""

    meters: dict[str, Neighbour] = field(factory=dict)
    _slot: int | None = field(default=None, init=False)

    def advance(self, at_s: float) -> list[dict[str, Any]]:
        """Close the slots that have passed by `at_s`; the findings about them."""
        slot = int(at_s // SLOT_S)
        before, self._slot = self._slot, max(slot, self._slot or slot)
        if before is None or slot <= before:
            return []
        for one in self.meters.values():
            one.end_slot()
        end_s = (before + 1) * SLOT_S
        return [*self._compare_volts(end_s), *self._compare_hertz(end_s)]

    def _compare_volts(self, at_s: float) -> Iterable[dict[str, Any]]:
        live = {name: one for name, one in self.meters.items() if one.has_volts(at_s)}
        for name, one in live.items():
            peers = [
                other
                for other in live.values()
                if other.bus == one.bus and abs(other.level_v / one.level_v - 1) <= LEVEL_SHARE
            ]
            if len(peers) < METERS_MIN:
                continue
            usual = _usual(one, peers)
            off_v, now, was = max(_departures(one.volts, usual))
            limit_v = VOLTAGE_SHARE * was + one.step_v / 2
            verdict = one.judge("voltage", off_v, limit_v)
            if verdict is not None:
                numbers = {"now": round(now, 2), "others": round(was, 2), "limit": round(limit_v, 2)}
                yield _finding(name, "voltage", verdict, numbers, len(peers))

    def _compare_hertz(self, at_s: float) -> Iterable[dict[str, Any]]:
        live = {name: one for name, one in self.meters.items() if one.has_hertz(at_s)}
        if len(live) < METERS_MIN:
            return
        usual = find_median(one.hertz for one in live.values())
        for name, one in live.items():
            verdict = one.judge("frequency", abs(one.hertz - usual), FREQUENCY_HZ)
            if verdict is not None:
                numbers = {"now": round(one.hertz, 3), "others": round(usual, 3), "limit": FREQUENCY_HZ}
                yield _finding(name, "frequency", verdict, numbers, len(live))


def _usual(one: Neighbour, peers: Iterable[Neighbour]) -> tuple[float, ...]:
    """The medians of the meters of as many voltages; if they are too few, of the means of all."""
    alike = [other.volts for other in peers if len(other.volts) == len(one.volts)]
    if len(alike) >= METERS_MIN:
        return tuple(find_median(column) for column in zip(*alike, strict=True))
    lows, highs = zip(*((min(other.volts), max(other.volts)) for other in peers), strict=True)
    return find_median(lows), find_median(highs)


def _departures(volts: tuple[float, ...], usual: tuple[float, ...]) -> list[tuple[float, float, float]]:
    """How far each voltage is off, itself, and what it should be."""
    if len(volts) != len(usual):
        usual = tuple(min(max(now, usual[0]), usual[-1]) for now in volts)
    return [(abs(now - was), now, was) for now, was in zip(volts, usual, strict=True)]


def _finding(
    meter: str, what: str, departs: bool, numbers: Mapping[str, float], meters: int
) -> dict[str, Any]:
    verb = "departs from" if departs else "agrees with"
    where = {"what": f"{what} {verb} the others'", "meter": meter, "point": what}
    return {**where, **numbers, "slots": SLOTS, "meters": meters}
