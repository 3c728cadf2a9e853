"""Judges whether a meter's answers are plausible for a given model.

Without identity registers a model can only be guessed: its points are read where it has them, and their
values are compared with a possible supply. `judge` collects reasons; each has a code, what it is
about, and a weight for the model or against it. One weight of IMPOSSIBLE rules a model out.

It compares:
- voltages near a nominal voltage of the world, frequency near 50 or 60 Hz;
- the powers of three phases against the total, power against U x I x PF, voltage between phases
  against voltage of phases (root of three);
- power where there is no voltage, counters below zero, impossible numbers (a float that was
cut at the wrong register is mostly 1e-41 or 1e+30);
- the order of words: the same registers with their words reversed would be absurd.

A zero proves nothing: it may be a phase that is not connected, or a hole that is read as zero.

Pure: answers in, reasons out. Values are taken without transformer ratios: they cancel in all of this.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, Self

from attrs import evolve, frozen

from drivers.points.model import Model
from drivers.points.point import Point
from drivers.points.registers import RegisterType, WordOrder
from drivers.reading import Block, Quantity

NOMINAL_V: Final = (57.7, 63.5, 100.0, 110.0, 120.0, 127.0, 220.0, 230.0, 240.0, 277.0, 380.0, 400.0, 415.0)
"""Transformer secondaries to earth and between phases; the world's low voltages likewise."""
NOMINAL_SHARE: Final = 0.1
"""How far a supply may be from its nominal voltage (GB/T 12325: 7 to 10 %)."""
NOMINAL_HZ: Final = (50.0, 60.0)
HZ_NEAR: Final = 1.0
"""GB/T 15945 allows 0.2 to 0.5 Hz; an island or a generator drifts further."""
POSSIBLE_V: Final = (20.0, 50_000.0)
"""Secondary side of a light load up to the primary side of a medium-voltage feeder."""
ABSURD_SMALL: Final = 1e-6
ABSURD_LARGE: Final = 1e9
"""Everything measured in V, A, W, var and VA lies between; outside are bits of something else."""
ENERGY_MAX_WH: Final = 1e14
"""A gigawatt for eleven years."""
SUM_SHARE: Final = 0.03
"""Tolerance of phase sums and products: registers of one answer are a measuring period apart."""
IMPOSSIBLE: Final = -100

ANALYSER: Final = {
    Quantity.O2: (0.0, 25.0),
    Quantity.PH: (0.0, 14.0),
    Quantity.TEMPERATURE: (-60.0, 1800.0),
    Quantity.SO2: (0.0, 50_000.0),
    Quantity.NOX: (0.0, 50_000.0),
    Quantity.PM: (0.0, 100_000.0),
    Quantity.COD: (0.0, 100_000.0),
    Quantity.NH3_N: (0.0, 10_000.0),
    Quantity.FLUE_GAS_FLOW: (0.0, 1e8),
    Quantity.FLOW: (0.0, 1e6),
}
"""What a stack or a drain can hold, in `drivers.reading.UNITS`: an analyser has no supply to be known by."""

_WHOLES: Final = (1.0, 3.0, math.sqrt(3.0))
"""P over U x I x PF of the whole meter, by what its U and I are: sums, means, between phases."""
_RATED: Final = (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ACTIVE_POWER)
_SIZED: Final = (*_RATED, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER)
_PHASES: Final = ("l1", "l2", "l3")
_PAIRS: Final = {"l12": ("l1", "l2"), "l23": ("l2", "l3"), "l31": ("l3", "l1")}
_ENERGIES: Final = (Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT)


class Code(StrEnum):
    """The kinds of reasons, each with its weight: above 0 for a model, below 0 against it.

    The weights are set so that every shipped model is found among all others.
    """

    weight: int

    def __new__(cls, value: str, weight: int) -> Self:
        """A code and its weight."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.weight = weight
        return code

    FINGERPRINT = "fingerprint", 40
    VOLTAGE_NOMINAL = "voltage_nominal", 3
    VOLTAGE_POSSIBLE = "voltage_possible", 0  # a medium-voltage feeder read on its primary side, or chance
    VOLTAGE_IMPOSSIBLE = "voltage_impossible", IMPOSSIBLE
    NO_VOLTAGE = "no_voltage", -6  # a meter without voltage is not supplied, so it would not answer
    FREQUENCY_NOMINAL = "frequency_nominal", 4
    FREQUENCY_TIMES_TEN = "frequency_times_ten", -2  # some firmware of SDM72 and Lovato does this
    FREQUENCY_IMPOSSIBLE = "frequency_impossible", IMPOSSIBLE
    POWER_FACTOR = "power_factor", 1
    PHASE_SUM = "phase_sum", 4
    PHASE_SUM_OFF = "phase_sum_off", -6
    PRODUCT = "product", 4
    PRODUCT_OFF = "product_off", -4
    BETWEEN_PHASES = "between_phases", 3
    COUNTER = "counter", 1
    COUNTER_IMPOSSIBLE = "counter_impossible", -8
    ABSURD = "absurd", IMPOSSIBLE
    POWER_ALONE = "power_alone", IMPOSSIBLE
    WORD_ORDER = "word_order", 2
    WORD_ORDER_OTHER = "word_order_other", -4
    TEXT = "text", 1
    SERIAL = "serial", 1
    ANALYSER = "analyser", 1
    ANALYSER_IMPOSSIBLE = "analyser_impossible", IMPOSSIBLE
    UNANSWERED = "unanswered", -3


@frozen
class Reason:
    """One piece of evidence for or against a model.

    Attributes:
        about: Names of the points, or the register.
        value: What was found.
        expected: What it was compared with.
    """

    code: Code
    about: str = ""
    value: float | str | None = None
    expected: float | str | None = None

    @property
    def weight(self) -> int:
        """For the model above 0, against it below."""
        return self.code.weight


Numbers = Mapping[str, float]


def judge(model: Model, blocks: Iterable[Block]) -> tuple[Reason, ...]:
    """The evidence of the answers for or against this model."""
    answers = tuple(blocks)
    values = model.decode(answers)
    numbers = {name: float(value) for name, value in values.items() if not isinstance(value, str)}
    reasons = [
        Reason(Code.TEXT, name, value) for name, value in values.items() if isinstance(value, str) and value
    ]
    judged = (_judge_value(model.point(name), value) for name, value in numbers.items() if value)
    reasons += [reason for reason in judged if reason is not None]
    reasons += _judge_relations(model, numbers)
    reasons += _judge_word_order(model, answers, numbers)
    return tuple(reasons)


def _judge_value(point: Point, value: float) -> Reason | None:
    """The reason that one value other than zero gives by itself."""
    size = abs(value)
    if point.quantity in _SIZED and not ABSURD_SMALL <= size <= ABSURD_LARGE:
        return Reason(Code.ABSURD, point.name, value)
    if point.quantity is Quantity.VOLTAGE and point.phase != "n":
        return _judge_voltage(point.name, value)
    if point.quantity is Quantity.FREQUENCY:
        return _judge_frequency(point.name, value)
    if point.quantity is Quantity.POWER_FACTOR:
        return Reason(Code.POWER_FACTOR, point.name, value) if size >= 0.01 else None
    if point.quantity is Quantity.SERIAL_NUMBER:
        return Reason(Code.SERIAL, point.name, value)
    if point.quantity in ANALYSER:
        low, high = ANALYSER[point.quantity]
        good = low <= value <= high and size >= ABSURD_SMALL
        return Reason(Code.ANALYSER if good else Code.ANALYSER_IMPOSSIBLE, point.name, value)
    if point.quantity in _ENERGIES:
        good = ABSURD_SMALL <= value <= ENERGY_MAX_WH
        return Reason(Code.COUNTER if good else Code.COUNTER_IMPOSSIBLE, point.name, value)
    return None


def _judge_voltage(name: str, value: float) -> Reason:
    nearest = min(NOMINAL_V, key=lambda nominal: abs(value / nominal - 1))
    if abs(value / nearest - 1) <= NOMINAL_SHARE:
        return Reason(Code.VOLTAGE_NOMINAL, name, value, nearest)
    low, high = POSSIBLE_V
    return Reason(Code.VOLTAGE_POSSIBLE if low <= value <= high else Code.VOLTAGE_IMPOSSIBLE, name, value)


def _judge_frequency(name: str, value: float) -> Reason:
    for nominal in NOMINAL_HZ:
        if abs(value - nominal) <= HZ_NEAR:
            return Reason(Code.FREQUENCY_NOMINAL, name, value, nominal)
        if abs(value / 10 - nominal) <= HZ_NEAR:
            return Reason(Code.FREQUENCY_TIMES_TEN, name, value, nominal)
    return Reason(Code.FREQUENCY_IMPOSSIBLE, name, value)


def _judge_relations(model: Model, numbers: Numbers) -> Iterator[Reason]:
    voltages = [p.name for p in model.points if p.quantity is Quantity.VOLTAGE and p.phase != "n"]
    powered = numbers.get("active_power", 0.0)
    if voltages and not any(numbers.get(name) for name in voltages):
        yield Reason(Code.POWER_ALONE if powered else Code.NO_VOLTAGE, "voltage", 0.0)
        return
    yield from _judge_sum(numbers)
    products = list(_judge_products(numbers))
    yield from products or _judge_whole_product(numbers)
    for pair, (first, second) in _PAIRS.items():
        between, one, other = (numbers.get(f"voltage_{phase}", 0.0) for phase in (pair, first, second))
        if between and one and other and _is_near(between, math.sqrt(3) * (one + other) / 2):
            yield Reason(Code.BETWEEN_PHASES, f"voltage_{pair}", between, (one + other) / 2)


def _judge_sum(numbers: Numbers) -> Iterator[Reason]:
    total = numbers.get("active_power")
    known = [numbers[name] for phase in _PHASES if (name := f"active_power_{phase}") in numbers]
    if total is None or not any(known) or len(known) < len(_PHASES):
        return
    added = sum(known)
    fits = abs(total - added) <= SUM_SHARE * sum(map(abs, known)) + _resolution(*known)
    yield Reason(Code.PHASE_SUM if fits else Code.PHASE_SUM_OFF, "active_power", total, added)


def _judge_products(numbers: Numbers) -> Iterator[Reason]:
    """Power against U x I of each phase, by its power factor where there is one."""
    for phase in _PHASES:
        volts, amps, watts = (numbers.get(f"{quantity}_{phase}", 0.0) for quantity in _RATED)
        if not (volts and amps and watts):
            continue
        factor = abs(numbers.get(f"power_factor_{phase}", 0.0))
        yield _judge_product(f"active_power_{phase}", abs(watts), abs(volts * amps), factor, (1.0,))


def _judge_whole_product(numbers: Numbers) -> Iterator[Reason]:
    watts = abs(numbers.get("active_power", 0.0))
    volts, amps = _mean(numbers, "voltage"), _mean(numbers, "current")
    if watts and volts and amps:
        factor = abs(numbers.get("power_factor", 0.0))
        yield _judge_product("active_power", watts, volts * amps, factor, _WHOLES)


def _mean(numbers: Numbers, quantity: str) -> float:
    known = [abs(numbers[name]) for phase in _PHASES if numbers.get(name := f"{quantity}_{phase}")]
    return abs(numbers.get(quantity, 0.0)) or (sum(known) / len(known) if known else 0.0)


def _judge_product(
    name: str, watts: float, apparent: float, factor: float, wholes: Iterable[float]
) -> Reason:
    room = SUM_SHARE * watts + _resolution(watts)
    if factor:
        fits = any(abs(watts - apparent * factor * whole) <= room for whole in wholes)
    else:  # any power factor of a running load will do
        fits = any(0.1 * apparent * whole <= watts <= apparent * whole + room for whole in wholes)
    return Reason(Code.PRODUCT if fits else Code.PRODUCT_OFF, name, watts, apparent)


def _resolution(*numbers: float) -> float:
    """Error of a sum from rounding to whole watts, or to tens of them in a large plant."""
    return sum(1.0 if abs(number) < 1000 else 10.0 for number in numbers)


def _is_near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= SUM_SHARE * abs(wanted)


def _judge_word_order(model: Model, answers: tuple[Block, ...], numbers: Numbers) -> Iterator[Reason]:
    """Whether the values are absurd only with their words reversed, or only as they are."""
    reversed_model = _reverse_words(model)
    if reversed_model is None:
        return
    telling = (Quantity.VOLTAGE, Quantity.FREQUENCY, Quantity.CURRENT, Quantity.ACTIVE_POWER)
    names = [p.name for p in reversed_model.points if p.quantity in telling and numbers.get(p.name)]
    if not names:
        return
    others = {
        name: float(value)
        for name, value in reversed_model.decode(answers).items()
        if name in names and not isinstance(value, str)
    }
    name = names[0]
    ours, theirs = (
        _is_impossible(model, {n: side.get(n, math.inf) for n in names}) for side in (numbers, others)
    )
    if theirs and not ours:
        yield Reason(Code.WORD_ORDER, name, numbers[name], others.get(name))
    elif ours and not theirs:
        yield Reason(Code.WORD_ORDER_OTHER, name, numbers[name], others.get(name))


def _is_impossible(model: Model, numbers: Numbers) -> bool:
    reasons = [_judge_value(model.point(name), value) for name, value in numbers.items()]
    return any(reason is not None and reason.weight == IMPOSSIBLE for reason in reasons)


def turn_words(model: Model) -> Model:
    """A model like this one, whose meter sends the words of each number in the other order."""
    return evolve(
        model,
        name=f"{model.name}-turned",
        title=f"{model.title}; words turned",
        title_zh=f"{model.title_zh}；字序相反" if model.title_zh else "",
        points=tuple(_turn(point) if _has_order(point) else point for point in model.points),
        fingerprints=(),
        goldens=(),
    )


def _has_order(point: Point) -> bool:
    return point.count > 1 and point.type is not RegisterType.TEXT


def _turn(point: Point) -> Point:
    is_high = point.word_order is WordOrder.HIGH_FIRST
    return evolve(point, word_order=WordOrder.LOW_FIRST if is_high else WordOrder.HIGH_FIRST)


def _reverse_words(model: Model) -> Model | None:
    """The same points with their words reversed; None where all have one word."""
    points = tuple(_turn(point) for point in model.points if _has_order(point) and not point.scale_point)
    return evolve(model, points=points) if points else None
