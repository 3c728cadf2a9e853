"""Finds the meters of a bus and tells what they are, without a register table in hand.

`scan` asks every address for one register. An exception is as good a sign of life as an answer; an
answer that fits nothing is one too, and mostly means two meters with one address.

`identify` tries the models one after the other. A model with fingerprints is named only if all of
them fit, and then it is certain. Of the others it is said how many of their voltages, frequencies and
power factors are possible in a mains supply; one impossible value, or no answer to the
fast group, rules a model out. Zero says nothing: it may be a phase that is not connected.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from drivers.bus import MeterBus
from drivers.clock import Clock
from drivers.errors import ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.meter import METER_UNIT_ID_MAX, Meter, MeterSetup
from drivers.model import Model
from drivers.model_file import Fingerprint
from drivers.reading import PollGroup, Quality, Quantity, Reading
from drivers.registers import Value

SCAN_TIMEOUT_S: Final = 0.3
"""A meter without load answers one register well within it; 247 silent addresses take 2.5 minutes."""
IDENTIFY_TIMEOUT_S: Final = 1.0
POSSIBLE: Final = {
    Quantity.VOLTAGE: (40.0, 1000.0),  # secondary of a 57.7 V transformer, up to 690 V systems
    Quantity.FREQUENCY: (45.0, 65.0),
    Quantity.POWER_FACTOR: (-1.01, 1.01),
}
"""Range of each quantity on a supply that is switched on."""

_ASKED: Final = ((3, 0), (4, 0))


@frozen
class Found:
    """A sign of life: `how` is "answers", "refuses" or "garbled"."""

    unit_id: int
    how: str


@frozen
class Match:
    """A model that fits a meter.

    Attributes:
        model: The model.
        certain: Whether fingerprints say so.
        evidence: How many answers speak for it.
    """

    model: Model
    certain: bool
    evidence: int


def scan(
    bus: MeterBus,
    unit_ids: Iterable[int] = range(1, METER_UNIT_ID_MAX + 1),
    *,
    timeout_s: float = SCAN_TIMEOUT_S,
) -> Iterator[Found]:
    """Every address that shows life, as soon as it does."""
    for unit_id in unit_ids:
        how = probe(bus, unit_id, timeout_s=timeout_s)
        if how:
            yield Found(unit_id, how)


def probe(bus: MeterBus, unit_id: int, *, timeout_s: float = SCAN_TIMEOUT_S) -> str:
    """How an address shows life, or "" if it does not."""
    for function, address in _ASKED:
        try:
            bus.read(unit_id, function, address, 1, timeout_s=timeout_s)
        except ReplyTimeoutError:
            continue
        except ExceptionReplyError:
            return "refuses"
        except ReplyError:
            return "garbled"
        return "answers"
    return ""


def identify(bus: MeterBus, unit_id: int, models: Iterable[Model], clock: Clock) -> tuple[Match, ...]:
    """The models that fit, the likeliest first."""
    modbus = (model for model in models if not model.is_dlt645)
    matches = [match for model in modbus if (match := _match(bus, unit_id, model, clock)) is not None]
    return tuple(sorted(matches, key=lambda match: (not match.certain, -match.evidence, match.model.name)))


def _match(bus: MeterBus, unit_id: int, model: Model, clock: Clock) -> Match | None:
    if model.fingerprints:
        fits = all(_fits(bus, unit_id, fingerprint) for fingerprint in model.fingerprints)
        return Match(model, certain=True, evidence=len(model.fingerprints)) if fits else None
    if model.is_analyser:  # any number is possible where something is emitted
        return None
    meter = Meter(MeterSetup(model.name, model, unit_id), bus.gap_registers_max)
    fast = _plausible(model, meter.poll(bus, PollGroup.FAST, clock))
    if not fast:
        return None
    slow = _plausible(model, meter.poll(bus, PollGroup.SLOW, clock))
    return None if slow is None else Match(model, certain=False, evidence=fast + slow)


def _fits(bus: MeterBus, unit_id: int, fingerprint: Fingerprint) -> bool:
    try:
        answer = bus.read(
            unit_id,
            fingerprint.function,
            fingerprint.address,
            fingerprint.count,
            timeout_s=IDENTIFY_TIMEOUT_S,
        )
    except (ExceptionReplyError, ReplyError, ReplyTimeoutError):
        return False
    return fingerprint.matches(answer.words)


def _plausible(model: Model, reading: Reading) -> int | None:
    """How many values are possible, 0 if the meter did not answer; None if one is impossible."""
    if reading.quality is not Quality.GOOD:
        return 0
    values = model.decode(reading.blocks)
    checked = [
        _possible(model.point(name).quantity, value)
        for name, value in values.items()
        if model.point(name).quantity in POSSIBLE and value != 0
    ]
    return len(checked) if all(checked) else None


def _possible(quantity: Quantity, value: Value) -> bool:
    low, high = POSSIBLE[quantity]
    return not isinstance(value, str) and low <= value <= high
