"""The channels of one meter, averaged over several reads.

A channel is what the meter measures with one voltage lead and one transformer. Reads that lack a value
are left out for that value; powers are averaged as products of the same read, so a load that moves
between reads does not turn an angle.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from provisioning.wiring.answers import PHASES

SANE_MAX: Final = 1e12
"""No V, A or W of a plant is greater; larger values cannot be calculated with."""


@frozen
class Channel:
    """One channel: V, A (without direction), W or None, var or None, and the mean of V times A."""

    phase: str
    volts: float
    amps: float
    apparent: float
    watts: float | None
    var: float | None = None

    @property
    def cosine(self) -> float:
        """P / S, within ±1; 0 without a load."""
        if self.watts is None or self.apparent <= 0:
            return 0.0
        return max(-1.0, min(1.0, self.watts / self.apparent))


@frozen
class Measured:
    """The channels of a meter in the order of its phases, and its totals where it has them."""

    channels: tuple[Channel, ...]
    watts: float | None
    var: float | None

    @property
    def numbers(self) -> dict[str, float]:
        """All measured values, by point name."""
        out: dict[str, float | None] = {"active_power": self.watts, "reactive_power": self.var}
        for one in self.channels:
            out |= {
                f"voltage_{one.phase}": one.volts,
                f"current_{one.phase}": one.amps,
                f"active_power_{one.phase}": one.watts,
                f"reactive_power_{one.phase}": one.var,
            }
        return {name: round(value, 3) for name, value in out.items() if value is not None}


def measure(samples: Sequence[Mapping[str, Any]]) -> Measured:
    """The mean of some reads; a meter of one phase has one channel, called l1."""
    reads = [_list_numbers(sample) for sample in samples]
    channels = [one for phase in PHASES if (one := _read_channel(reads, phase, f"_{phase}")) is not None]
    if not channels and (single := _read_channel(reads, PHASES[0], "")) is not None:
        channels = [single]
    watts, var = _find_mean(reads, "active_power"), _find_mean(reads, "reactive_power")
    if watts is None:
        watts = _sum(one.watts for one in channels)
    if var is None:
        var = _sum(one.var for one in channels)
    return Measured(tuple(channels), watts, var)


def _read_channel(reads: Sequence[Mapping[str, float]], phase: str, suffix: str) -> Channel | None:
    volts, amps, watts = (f"{name}{suffix}" for name in ("voltage", "current", "active_power"))
    needed = {volts, amps, watts} if any(watts in read for read in reads) else {volts, amps}
    whole = [read for read in reads if needed <= read.keys()]
    if not whole:
        return None
    return Channel(
        phase=phase,
        volts=_of(read[volts] for read in whole),
        amps=_of(abs(read[amps]) for read in whole),
        apparent=_of(read[volts] * abs(read[amps]) for read in whole),
        watts=_find_mean(whole, watts),
        var=_find_mean(whole, f"reactive_power{suffix}"),
    )


def _list_numbers(sample: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in sample.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) < SANE_MAX
    }


def _find_mean(reads: Iterable[Mapping[str, float]], name: str) -> float | None:
    values = [read[name] for read in reads if name in read]
    return _of(values) if values else None


def _of(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if known and len(known) == len(found) else None
