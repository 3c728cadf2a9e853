"""Readings as a plant makes them: 20 float32 of a three-phase meter, loads that wander, 0.1 % of noise."""

import math
import random
import struct
from typing import Final

from drivers.reading import Block, PollGroup, Reading
from evidence.record import encode_reading
from tests.evidence.chains import stamp

VALUES: Final = 20
NOISE: Final = 1e-3
MODEL: Final = bytes(range(32))


def readings(meters: int, seconds: int, first_s: int = 0) -> list[bytes]:
    """One record a second and meter, in the order in which a bus gives them."""
    return [record(meter, first_s + second) for second in range(seconds) for meter in range(1, meters + 1)]


def record(meter: int, second: int) -> bytes:
    """The record of one reading; the same each time."""
    rng = random.Random(second * 1_000 + meter)
    words = struct.pack(f">{VALUES}f", *values(meter, second, rng))
    at = stamp(second + meter * 0.02 + rng.uniform(0.003, 0.04))
    latency_ns = rng.randrange(8_000_000, 60_000_000)
    block = Block(4, 0, words)
    return encode_reading(
        Reading(f"m{meter:02d}", PollGroup.FAST, at, MODEL, (block,), latency_ns=latency_ns)
    )


def values(meter: int, second: int, rng: random.Random) -> list[float]:
    """U, I, P, power factor and Q of three phases, P, Q, S, frequency, energy."""
    load_w = 4_000 * meter * (1 + 0.2 * math.sin(second / 240 + meter))
    volts = [rng.gauss(level, level * NOISE) for level in (229.8, 230.6, 231.1)]
    amperes = [rng.gauss(1, NOISE) * load_w / 3 / 0.87 / volt for volt in volts]
    apparent = [volt * ampere for volt, ampere in zip(volts, amperes, strict=True)]
    factors = [rng.gauss(0.87, 0.87 * NOISE) for _ in volts]
    watts = [power * factor for power, factor in zip(apparent, factors, strict=True)]
    reactive = [math.sqrt(power**2 - watt**2) for power, watt in zip(apparent, watts, strict=True)]
    sums = [sum(watts), sum(reactive), sum(apparent)]
    return [*volts, *amperes, *watts, *factors, *reactive, *sums, rng.gauss(50, 0.01), 7_000 + second / 900]
