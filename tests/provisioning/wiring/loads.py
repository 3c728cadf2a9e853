"""Loads, right and wrong wiring, and what meters of any model decode of them: for the tests beside it."""

import math
from collections.abc import Sequence

import numpy as np

from drivers.points.model import Model
from drivers.reading import Block
from firmware_sim.electrical import Electrical, Phase
from firmware_sim.wiring import ANGLES, Mistake, Phasors, Wiring, apply_mistakes, to_phasors
from provisioning.wiring import Diagnosis

VOLTS = 230.0
ROWS = (
    *(
        Wiring(Mistake.CT_REVERSED, places)
        for places in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2))
    ),
    *(Wiring(Mistake.CTS_SWAPPED, places) for places in ((0, 1), (1, 2), (0, 2))),
    Wiring(Mistake.CTS_ROTATED),
    Wiring(Mistake.CTS_ROTATED_BACK),
    *(Wiring(Mistake.VOLTAGE_LOST, (place,)) for place in (0, 1, 2)),
    *(Wiring(Mistake.CT_OPEN, (place,)) for place in (0, 1, 2)),
    *(Wiring(Mistake.SAME_PHASE, (place,)) for place in (0, 1, 2)),
    *(Wiring(Mistake.WRONG_RATIO, ratio=ratio) for ratio in (0.2, 0.5, 2.0, 4.0)),
    Wiring(Mistake.WRONG_RATIO, (1,), ratio=0.5),
)
"""Every row of the table of mistakes that readings can show, in each of its places."""


def balanced(watts: float, power_factor: float, rng: np.random.Generator, imbalance: float = 0.02) -> Phasors:
    """A motor: its phases differ by up to `imbalance` in power, its voltages by half a percent."""
    active = watts / 3 * (1 + imbalance * rng.uniform(-1, 1, (3, 1)))
    volts = VOLTS * (1 + 0.005 * rng.uniform(-1, 1, (3, 1)))
    return to_phasors(volts, active, active / power_factor)


def honest(rng: np.random.Generator) -> Phasors:
    """Any load that may stand behind a meter that is wired right, up to some hundred kilowatts.

    Balanced motors and drives, heaters and motors of one phase, loads between two phases, idle phases,
    capacitors, and mixtures of them; each part has a power factor of 0.5 to 1.
    """
    volts = VOLTS * (1 + 0.01 * rng.uniform(-1, 1, 3))
    feed = volts * ANGLES[:, 0]
    watts = 10 ** rng.uniform(2.7, 5.3)
    amps = np.zeros(3, dtype=np.complex128)
    kind = rng.choice(["motor", "mixed", "welder", "single", "all", "capacitor", "odd"])
    if kind not in {"single", "odd"}:
        uneven = 1 + rng.uniform(0, 0.1) * rng.uniform(-1, 1, 3)
        amps += np.conj(_lagging(watts / 3, rng) * uneven / feed)
    if kind in {"mixed", "single", "all", "odd"}:
        for k in range(3):
            if kind == "single" or rng.random() < 0.6:
                amps[k] += np.conj(_lagging(watts * rng.uniform(0, 0.5), rng) / feed[k])
    if kind in {"welder", "all", "odd"}:
        k = int(rng.integers(3))
        between = feed[k] - feed[k - 1]
        through = np.conj(_lagging(watts * rng.uniform(0.05, 0.7), rng) / between)
        amps[k] += through
        amps[k - 1] -= through
    if kind in {"single", "odd"} and rng.random() < 0.5:
        amps[int(rng.integers(3))] *= rng.choice([0.0, 0.01, 0.05])
    if kind == "capacitor":  # from what is there to PF 0.8 ahead
        power = (feed * np.conj(amps)).sum()
        wanted = rng.uniform(-math.acos(0.8), np.angle(power))
        amps += np.conj(1j * (power.real * math.tan(wanted) - power.imag) / 3 / feed)
    return Phasors(volts[:, None], amps[:, None])


def _lagging(watts: float, rng: np.random.Generator) -> complex:
    factor = rng.uniform(0.5, 1)
    return complex(watts, watts * math.tan(math.acos(factor)))


def seen(true: Phasors, wiring: Wiring | None) -> Phasors:
    """What the channels see of it."""
    if wiring is None:
        return true
    return apply_mistakes(true, [(wiring, np.array([True]))], lambda _: true.currents)


def reads(
    model: Model,
    phasors: Phasors,
    rng: np.random.Generator,
    *,
    count: int = 3,
    error: float = 0.002,
    ct: float = 1,
) -> list[dict[str, float]]:
    """What a meter of this model answers, `count` times, decoded: through its own registers."""
    return [_read(model, phasors, rng, error, ct) for _ in range(count)]


def _read(
    model: Model, phasors: Phasors, rng: np.random.Generator, error: float, ct: float
) -> dict[str, float]:
    def near(value: float) -> float:
        return float(value) * (1 + error * rng.uniform(-1, 1))

    powers = phasors.powers[:, 0]
    phases = [
        Phase(
            voltage=near(phasors.voltages[k, 0]),
            current=near(abs(phasors.currents[k, 0])),
            active=near(powers[k].real),
            apparent=abs(powers[k]),
            reactive=near(powers[k].imag),
            import_wh=0,
            export_wh=0,
        )
        for k in range(3)
    ]
    state = Electrical((phases[0], phases[1], phases[2]), 50.0, 0.0)
    values = {point.name: state.value(point.quantity, point.phase) for point in model.points}
    values = {name: value for name, value in values.items() if value is not None}
    image = model.encode(values, ct, 1.0)
    blocks = []
    for point in model.points:
        words = [
            image.get((point.function, point.address + i))
            for i in range(1 if point.size_bytes else point.count)
        ]
        if None not in words:
            blocks.append(Block(point.function, point.address, b"".join(words)))
    decoded = model.decode(blocks, ct, 1.0)
    return {name: value for name, value in decoded.items() if not isinstance(value, str)}


def names(said: Diagnosis, wiring: Wiring) -> bool:
    """Whether the mistake is named, with its phases."""
    places = tuple(f"l{place + 1}" for place in sorted(wiring.phases))
    return said.mistake == wiring.mistake.value and tuple(sorted(said.phases)) == places


def mentions(said: Diagnosis, words: Sequence[str]) -> bool:
    """Whether all these words stand in the English sentence."""
    return all(word in said.sentence.en for word in words)
