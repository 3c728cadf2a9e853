"""The loads of a simulated plant as a recording: what `dianjian backtest` and `commission` read as CSV.

One column a line, its true active power in W; `time` is ISO 8601 in UTC. Events of the plant file are in it,
as its meters would show them if they were perfect.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np

from firmware_sim.plant import Plant

STEPS_MAX: Final = 2_000_000
"""231 days of 10 s. The powers of all lines are in memory at once: 16 MB a line."""


class LoadsError(ValueError):
    """The span is empty or too long; one line."""


def list_loads(plant: Plant, begin_s: float, end_s: float, step_s: float) -> Iterator[str]:
    """The lines of the CSV file, its heading first.

    Args:
        plant: The plant.
        begin_s: From here on, seconds since 1970 UTC.
        end_s: Before this.
        step_s: Seconds from row to row.

    Raises:
        LoadsError: There would be no row, or more than STEPS_MAX.
    """
    rows = (end_s - begin_s) / step_s if step_s > 0 else 0
    if not 1 <= rows <= STEPS_MAX:
        raise LoadsError(f"{rows:.0f} rows; between 1 and {STEPS_MAX} are made")
    lines = [line.id for line in plant.layout.lines]
    watts = [plant.history(line, begin_s, end_s, step_s) for line in lines]
    yield ",".join(["time", *lines])
    for at_s, *row in zip(np.arange(begin_s, end_s, step_s), *watts, strict=True):
        time = datetime.fromtimestamp(float(at_s), UTC).isoformat().replace("+00:00", "Z")
        yield ",".join([time, *(f"{value:.0f}" for value in row)])
