"""What one dead meter costs the others: their polls that arrive, held against those of a healthy plant.

On TCP 20 meters, one second between polls. On RTU 8 meters at 19200 baud, one second too: the line is
busy for half of it. What a program waits for the dead one is its own affair, as far as it can be told.
"""

import time
from pathlib import Path
from typing import Final

from tests.bench.peers.lines import wire
from tests.bench.peers.subjects import Subject
from tests.bench.peers.world import World, world

DEAD: Final = 4
RTU_METERS: Final = 8
BAUDRATE: Final = 19_200
TURNAROUND_S: Final = 0.02
TCP_METERS: Final = 20
WARM_S: Final = 15.0
"""Until a program that gives up on a meter has done so."""
WINDOW_S: Final = 30.0
SEAL_S: Final = 0.5
"""So that arrivals are about as even as those of the others."""

Figures = dict[str, float]


def on_tcp(program: Path, subject: Subject, window_s: float = WINDOW_S) -> Figures:
    """Share of the healthy rate."""
    rates = []
    for dead in (0, DEAD):
        with world(program, subject, units=TCP_METERS, dead=dead, seal_s=SEAL_S) as here:
            rates.append(_live_polls(here, window_s))
    return {"dead_tcp": _share(rates, TCP_METERS)}


def on_rtu(program: Path, subject: Subject, window_s: float = WINDOW_S) -> Figures:
    """Share of the healthy rate."""
    rates = []
    for dead in (0, DEAD):
        with wire(BAUDRATE, "N", TURNAROUND_S, dead) as line:
            url = f"rtu:{line.port}?baudrate={BAUDRATE}&parity=N"
            with world(program, subject, units=RTU_METERS, url=url, seal_s=SEAL_S) as here:
                rates.append(_live_polls(here, window_s))
                here.stop()
    return {"dead_rtu": _share(rates, RTU_METERS)}


def _live_polls(here: World, window_s: float) -> float:
    """Polls of the others that arrived in the window; a program may need long for its first."""
    here.start()
    here.until_polls(1)
    time.sleep(WARM_S)
    before = _living(here)
    time.sleep(window_s)
    return float(_living(here) - before)


def _share(rates: list[float], meters: int) -> float:
    """At most 1; one cycle at the window's edge is nobody's loss."""
    healthy, dead = rates
    return min((dead + meters - 1) / healthy, 1.0)


def _living(here: World) -> int:
    return sum(polls for meter, polls in here.seen()["by_meter"].items() if meter != f"m{DEAD}")
