"""What a reading of a meter says about energy: its import register and its power."""

from collections.abc import Iterable
from typing import Final

from drivers.poll.setup import MeterSetup
from drivers.reading import POWER_POINT, Block, Quantity

VALUE_MAX: Final = 1e15
"""Wh or W beyond which a value is none: who signs for a meter chooses it, and sums must not overflow."""


def find_energy(setup: MeterSetup, blocks: Iterable[Block]) -> tuple[float | None, float | None]:
    """The import register in Wh and the power in W of a good reading, None for what it has not."""
    values = setup.model.decode(blocks, setup.ct_ratio, setup.pt_ratio)
    return _to_number(values.get(Quantity.ACTIVE_ENERGY_IMPORT)), _to_number(values.get(POWER_POINT))


def _to_number(value: object) -> float | None:
    if not isinstance(value, int | float) or not abs(value) <= VALUE_MAX:
        return None
    return float(value)
