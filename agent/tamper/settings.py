"""A meter's identity, settings and energy counters, compared with what they were before.

Each body becomes a TAMPER record; the reading itself is recorded as it came.

    {"what": "meter swapped", "meter", "point", "was", "now"}      the serial number is another one
    {"what": "meter changed", "meter", "point", "was", "now"}      firmware, ratios, type, …
    {"what": "value returned", "meter", "point", "was", "now"}     and is what it was before that record
    {"what": "counter backwards", "meter", "point", "was", "now"}  energy that was counted is gone
    {"what": "counter returned", "meter", "point", "was", "now"}   it is there again: that record is withdrawn
    {"what": "counter wrapped", "meter", "point", "was", "now"}    from the end of its range to its begin
    {"what": "unreadable", "meter", "point"}                       NaN or nothing where there was a value
    {"what": "readable", "meter", "point", "now"}                  and a value again

None of them is told before it has lasted (`agent.tamper.settling`): a meter that starts again answers
nonsense for a while. While a serial number is in doubt the counters wait for it: another meter has counters
of its own.

Identity and counters are read in the slow groups, a few times an hour; power itself is judged by the
detector. Values are the meter's own, without transformer ratios, so that a changed site file changes
nothing here; with another model in the site file the meter starts over, as does a swapped meter's counter.

The last values outlive a restart, because a meter is swapped while the power is off. They may be some minutes
old then: a counter that grew meanwhile is not a finding. What was in doubt begins to settle anew.
"""

from collections.abc import Mapping
from typing import Final

import cbor2
from attrs import define, field

from agent.tamper.changes import is_counter
from agent.tamper.settling import Finding, Settling
from drivers.clock import NS_PER_S
from drivers.points.point import Point
from drivers.points.registers import Value
from drivers.poll.meter import is_refusal
from drivers.poll.setup import MeterSetup
from drivers.reading import PollGroup, Quality, Quantity, Reading

METERS_MAX: Final = 1_000
"""Meters remembered; a site has at most a few hundred."""
MISSED_POLLS: Final = 2.5
"""Fast polls without a reading that are a silence."""
HOLD_S: Final = 3600.0
"""For so long counters wait for a serial number in doubt: identities are read several times in it."""


@define(eq=False, repr=False)
class _Known:
    """What is known of one meter: its model, its points by name, and when the last reading was."""

    model: bytes
    points: dict[str, Settling] = field(factory=dict)
    read_s: float | None = field(default=None, init=False)

    def note_silence(self, reading: Reading, setup: MeterSetup) -> None:
        """Note a silence up to this reading; a short one shows only as polls that are missing."""
        at_s, last_s = reading.stamp.boottime_ns / NS_PER_S, self.read_s
        self.read_s = at_s
        silent = reading.quality is Quality.BAD and not is_refusal(reading)
        if silent or (last_s is not None and at_s - last_s > MISSED_POLLS * setup.fast_s):
            for one in self.points.values():
                one.note_silence()

    def doubts_serial(self, at_s: float) -> bool:
        """Whether it may be another meter."""
        return any(
            one.doubt_s is not None and at_s - one.doubt_s < HOLD_S
            for name, one in self.points.items()
            if one.value is not None and name == Quantity.SERIAL_NUMBER.value
        )


@define(eq=False, repr=False)
class Tamper:
    """The checks of all meters.

    Attributes:
        setups: The meters of the site by id.
        news: Something was found since the last `state`: save it soon.
    """

    setups: Mapping[str, MeterSetup]
    news: bool = field(default=False, init=False)
    _known: dict[str, _Known] = field(factory=dict, init=False)

    def look(self, reading: Reading) -> list[Finding]:
        """What a reading shows beyond its values."""
        setup = self.setups.get(reading.meter)
        known = self._known.get(reading.meter)
        if setup is not None and known is not None:
            known.note_silence(reading, setup)
        if setup is None or reading.quality is not Quality.GOOD or reading.group is PollGroup.FAST:
            return []
        if known is None or known.model != reading.model_hash:
            known = self._known[reading.meter] = _Known(reading.model_hash)
        values, at_s = setup.model.decode(reading.blocks), reading.stamp.boottime_ns / NS_PER_S
        told: list[Finding] = []
        for point in setup.model.group(reading.group):
            if not _is_watched(point):
                continue
            settling = known.points.setdefault(point.name, Settling())
            hold = is_counter(point) and known.doubts_serial(at_s)
            found = settling.add(point, at_s, values.get(point.name), hold=hold)
            if found is not None:
                what = found.pop("what")
                told.append({"what": what, "meter": reading.meter, "point": point.name, **found})
        if any(one["what"] == "meter swapped" for one in told):
            self._forget_counters(setup, known)
        self.news |= bool(told)
        return told

    def state(self) -> bytes:
        """Everything that `restore` needs, as CBOR: by meter its model and its points."""
        self.news = False
        kept = list(self._known.items())[-METERS_MAX:]
        known = {
            meter: [
                one.model,
                {name: point.state() for name, point in one.points.items() if point.value is not None},
            ]
            for meter, one in kept
        }
        return cbor2.dumps(known, canonical=True)

    def restore(self, raw: bytes) -> None:
        """Continue from `state()`, of this version or of the one before: [model, values, dark points].

        Raises:
            ValueError: `raw` is not from `state()`.
        """
        self._known = _parse(raw)

    @staticmethod
    def _forget_counters(setup: MeterSetup, known: _Known) -> None:
        """The new meter has counters of its own; the old one's last values are in the chain."""
        for point in setup.model.points:
            if is_counter(point) and point.name in known.points:
                known.points[point.name].forget()


def remembered_values(raw: bytes) -> dict[str, dict[str, Value]]:
    """The believed values in a `state()`, by meter and point; raises ValueError."""
    return {
        meter: {name: point.value for name, point in one.points.items() if point.value is not None}
        for meter, one in _parse(raw).items()
    }


def _parse(raw: bytes) -> dict[str, _Known]:
    try:
        known: dict[str, _Known] = {}
        for meter, (model, points, *dark) in cbor2.loads(raw).items():
            states = dict(points)
            if dark:
                states = {name: [value, name in dark[0]] for name, value in states.items()}
            settlings = {str(name): Settling(*state) for name, state in states.items()}
            known[str(meter)] = _Known(bytes(model), settlings)
    except (cbor2.CBORDecodeError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"not a state of meters: {error}") from error
    return known


def _is_watched(point: Point) -> bool:
    if point.quantity is Quantity.SCALE:
        return False
    return point.group is PollGroup.IDENTITY or is_counter(point)
