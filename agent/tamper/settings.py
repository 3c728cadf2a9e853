"""A meter's identity, settings and energy counters, compared with what they were before.

Each body becomes a TAMPER record; the reading itself is recorded as it came.

    {"what": "meter swapped", "meter", "point", "was", "now"}      the serial number is another one
    {"what": "meter changed", "meter", "point", "was", "now"}      firmware, ratios, type, …
    {"what": "counter backwards", "meter", "point", "was", "now"}  energy that was counted is gone
    {"what": "counter wrapped", "meter", "point", "was", "now"}    from the end of its range to its begin
    {"what": "unreadable", "meter", "point"}                       NaN or nonsense where there was a value
    {"what": "readable", "meter", "point", "now"}                  and a value again

Identity and counters are read in the slow groups, a few times an hour; power itself is judged by the
detector. Values are the meter's own, without transformer ratios, so that a changed site file changes
nothing here; with another model in the site file the meter starts over, as does a swapped meter's counter.

The last values outlive a restart, because a meter is swapped while the power is off. They may be some minutes
old then: a counter that grew meanwhile is not a finding.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import cbor2
from attrs import define, field, frozen

from drivers.points.point import Point
from drivers.points.registers import WORD_BYTES, RegisterType, Value
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality, Quantity, Reading

COUNTERS: Final = frozenset({Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT})
NEAR_END: Final = 0.99
"""A counter wraps from the last hundredth of its range into the first: two polls are minutes apart."""
DECIMAL_END_MIN_WH: Final = 1e7
"""The shortest display has four digits of kWh; a smaller power of ten is the end of no counter."""
METERS_MAX: Final = 1_000
"""Meters remembered; a site has at most a few hundred."""
_UNSIGNED: Final = frozenset({RegisterType.U16, RegisterType.U32, RegisterType.U64})
_SIGNED: Final = frozenset({RegisterType.S16, RegisterType.S32, RegisterType.S64})

Finding = dict[str, Any]


@frozen
class _Known:
    """The last values of one meter by point, its model, and the points that are unreadable."""

    model: bytes
    values: dict[str, Value] = field(factory=dict)
    dark: set[str] = field(factory=set)


@define
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
        if setup is None or reading.quality is not Quality.GOOD or reading.group is PollGroup.FAST:
            return []
        known = self._known.get(reading.meter)
        if known is None or known.model != reading.model_hash:
            known = self._known[reading.meter] = _Known(reading.model_hash)
        values = setup.model.decode(reading.blocks)
        found: list[Finding] = []
        for point in setup.model.group(reading.group):
            if point.quantity is not Quantity.SCALE and (point.group is PollGroup.IDENTITY or _counts(point)):
                found += self._compare(known, point, values.get(point.name))
        if any(one["what"] == "meter swapped" for one in found):
            self._forget_counters(setup, known)
        self.news |= bool(found)
        return [{"what": one.pop("what"), "meter": reading.meter, **one} for one in found]

    def state(self) -> bytes:
        """Everything that `restore` needs, as CBOR."""
        self.news = False
        kept = list(self._known.items())[-METERS_MAX:]
        return cbor2.dumps(
            {meter: [known.model, known.values, sorted(known.dark)] for meter, known in kept}, canonical=True
        )

    def restore(self, raw: bytes) -> None:
        """Continue from `state()`.

        Raises:
            ValueError: `raw` is not from `state()`.
        """
        try:
            self._known = {
                str(meter): _Known(bytes(model), dict(values), set(dark))
                for meter, (model, values, dark) in cbor2.loads(raw).items()
            }
        except (cbor2.CBORDecodeError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"not a state of meters: {error}") from error

    def _compare(self, known: _Known, point: Point, now: Value | None) -> list[Finding]:
        was = known.values.get(point.name)
        if now is None:
            if was is None or point.name in known.dark:
                return []
            known.dark.add(point.name)
            return [{"what": "unreadable", "point": point.name}]
        found: list[Finding] = []
        if point.name in known.dark:
            known.dark.discard(point.name)
            found.append({"what": "readable", "point": point.name, "now": now})
        known.values[point.name] = now
        what = "" if was is None else _change(point, was, now)
        if what:
            found.append({"what": what, "point": point.name, "was": was, "now": now})
        return found

    @staticmethod
    def _forget_counters(setup: MeterSetup, known: _Known) -> None:
        """The new meter has counters of its own; the old one's last values are in the chain."""
        for point in setup.model.points:
            if _counts(point):
                known.values.pop(point.name, None)


def _counts(point: Point) -> bool:
    return point.quantity in COUNTERS


def _change(point: Point, was: Value, now: Value) -> str:
    """What is wrong with the change of a value; "" if nothing is."""
    if not _counts(point):
        swapped = "meter swapped" if point.quantity is Quantity.SERIAL_NUMBER else "meter changed"
        return swapped if was != now else ""
    if isinstance(was, str) or isinstance(now, str) or now >= was:
        return ""
    wrapped = any(_is_wrapped(was, now, end) for end in _ends(point, was))
    return "counter wrapped" if wrapped else "counter backwards"


def _ends(point: Point, was: float) -> list[float]:
    """Where the counter's range may end: with its registers, or with its decimal digits."""
    ends = [10.0 ** math.ceil(math.log10(was))] if was > DECIMAL_END_MIN_WH / 10 else []
    if not point.scale_point and point.type in _UNSIGNED | _SIGNED:
        bits = 8 * WORD_BYTES * point.count - (point.type in _SIGNED)
        ends.append(float(1 << bits) * point.scale)
    return ends


def _is_wrapped(was: float, now: float, end: float) -> bool:
    return NEAR_END * end <= was < end and 0 <= now <= (1 - NEAR_END) * end
