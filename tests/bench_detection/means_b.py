"""What a deed does to the meters: power, and with it current and power factor.

P = k·U·I·PF, where k is read from the healthy pair (1 or 3 phases, mean or sum of currents). Voltage is the
supply's and stays, unless the feeder itself is opened. What a switched-off motor leaves is what the same
meter showed in honest rest; where it never rested, the control panel's few watts, with the power factor
that the meter makers show at no load (some show 0, some show 1: neither is a heater).
"""

from typing import Any, Final

import numpy as np

from tests.bench_detection.cases import MISSING, Floats
from tests.bench_detection.scene_b import Side

PANEL_SHARE: Final = 0.002
"""A control panel takes so much of the nameplate."""


def apply_load(side: Side, a: int, b: int, watts: Floats, pf: Floats | float | None) -> None:
    """From a to b the side takes so much; its lines share it as before. None leaves the power factor."""
    old = side.healthy[a:b]
    factor = _volts_per_amp(side)
    shares = [
        np.where(old > 0, np.maximum(part[a:b], 0) / np.maximum(old, 1), 1 / len(side.parts))
        for part in side.parts
    ]
    for part, share in zip(side.parts, shares, strict=True):
        part[a:b] = np.where(
            part[a:b] == MISSING,
            MISSING,
            np.rint(np.maximum(watts, 0) * np.minimum(share, 1)).astype(np.int64),
        )
    if side.pf is not None and pf is not None:
        side.pf[a:b] = np.where(np.isnan(side.pf[a:b]), np.nan, np.clip(pf, 0, 1))
    if side.current is not None and factor is not None and side.pf is not None and side.voltage is not None:
        apparent = factor * side.voltage[a:b] * np.maximum(side.pf[a:b], 0.05)
        side.current[a:b] = np.where(watts > 0, watts / np.where(apparent > 0, apparent, np.inf), 0.0)


def _volts_per_amp(side: Side) -> float | None:
    if side.pf is None or side.current is None or side.voltage is None:
        return None
    apparent = side.voltage * side.current * side.pf
    good = side.on & (apparent > 0)
    return float(np.median(side.healthy[good] / apparent[good])) if good.any() else None


def rest(side: Side, a: int, b: int, rng: np.random.Generator) -> None:
    """Switched off by its contactor."""
    quiet: Any = (
        np.flatnonzero(~side.on & (side.healthy <= 1.5 * side.levels.off_w + 20.0))
        if side.levels.two_modes
        else []
    )
    if len(quiet):
        chosen = rng.choice(quiet, b - a)
        pf = side.pf[chosen] if side.pf is not None else None
        apply_load(side, a, b, side.healthy[chosen], None if pf is None else np.nan_to_num(pf))
        return
    panel = rng.uniform(0, PANEL_SHARE * side.rated_w)
    watts = np.rint(np.maximum(panel + rng.normal(0, 0.02 * panel + 0.1, b - a), 0))
    apply_load(side, a, b, watts, float(rng.choice([0.0, 1.0])) if panel < 5 else rng.uniform(0.45, 0.7))


def dead_feeder(side: Side, a: int, b: int) -> None:
    """The feeder itself is open: the meter, fed from elsewhere, shows no voltage."""
    apply_load(side, a, b, np.zeros(b - a), 0.0)
    if side.voltage is not None:
        side.voltage[a:b] = 0.0


def ramp(slots: int, seconds: float, dt_s: int, *, down_to: float) -> Floats:
    """Speed from 1 to `down_to` in so many seconds, then there."""
    through = np.minimum((np.arange(slots) + 1) * dt_s / max(seconds, 1.0), 1.0)
    return 1 - (1 - down_to) * through
