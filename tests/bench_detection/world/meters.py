"""What the meters of a plant show: steps of a CT, pulses, lost phases, losses; and the plant as it is tried.

Power is what the poll caught (a moment, not a mean), except where it is made of energy pulses: there it is
the mean since the last poll, in whole pulses. A meter whose voltage tap of one phase is lost shows two thirds
of the power and of the mean voltage, and the current as it is.
"""

from typing import Final

import numpy as np
from attrs import frozen

from tests.bench_detection.cases import MISSING, Floats, Line, Watts
from tests.bench_detection.scene_b import Span, spans
from tests.bench_detection.world.works import Machine, Works

PHASES: Final = 3
VOLTS: Final = 230.0
CREEP_W: Final = 0.5


@frozen(kw_only=True, eq=False)
class Plant:
    """One linkage as its gateway sees it, and what is true about it.

    Attributes:
        name: kind/variant/seed.
        times_s: When each poll was stamped.
        lines: Production first.
        works: The truth.
        gaps: Slots in which at least one whole side was not read, as spans of ten minutes and more.
    """

    name: str
    dt_s: int
    times_s: Floats
    lines: tuple[Line, ...]
    works: Works
    gaps: tuple[Span, ...]


def show(works: Works) -> Plant:
    """The plant through its meters; the same for the same works."""
    rng = np.random.default_rng([works.seed, works.variant, 0x5EE])
    volts = VOLTS * (1 + 0.01 * np.sin(works.hour / 24 * 2 * np.pi + rng.uniform(0, 6)))
    volts = np.where(works.dead, 0.0, volts * (1 + 0.001 * rng.standard_normal(works.n)))
    lines = tuple(_line(works, one, volts, rng) for one in sorted(works.machines, key=lambda one: one.id))
    jitter = rng.uniform(0, min(2.0, works.dt_s / 10), works.n)
    times = works.t0_s + works.dt_s * np.arange(works.n) + jitter + works.clock_s
    return Plant(
        name=f"{works.kind}/{works.variant}/{works.seed}", dt_s=works.dt_s, times_s=times, lines=lines,
        works=works, gaps=tuple(_gaps(works, lines)),
    )  # fmt: skip


def _line(works: Works, machine: Machine, volts: Floats, rng: np.random.Generator) -> Line:
    phase = works.phase.get(machine.id, np.ones(works.n))
    true = np.where(works.dead, 0.0, machine.watts)
    shown = true * phase * (1 + 0.001 * rng.standard_normal(works.n))
    own = volts * phase
    watts = _steps(works, machine, shown)
    lost = works.dark | works.lost.get(machine.id, np.zeros(works.n, np.bool_))
    lost = lost | (rng.random(works.n) < works.loss_share)
    channels: dict[str, Floats] = {}
    if works.channels:
        apparent = true / np.maximum(machine.pf, 0.05)
        amps = np.where(volts > 0, apparent / (PHASES * np.maximum(volts, 1)), 0.0)
        pf = np.where(true > CREEP_W, machine.pf, 1.0)
        found = {"pf": pf, "current_a": amps, "voltage_v": own}
        channels = {name: np.where(lost, np.nan, values) for name, values in found.items()}
    return Line(
        id=machine.id, treatment=machine.treatment, rated_w=machine.rated_w,
        watts=np.where(lost, MISSING, watts), channels=channels,
    )  # fmt: skip


def _steps(works: Works, machine: Machine, shown: Floats) -> Watts:
    pulse = works.pulse_wh.get(machine.id, works.pulse_wh.get("", 0.0))
    if pulse:
        count = np.floor(np.cumsum(shown) * works.dt_s / 3600 / pulse)
        return np.rint(np.diff(count, prepend=0.0) * pulse * 3600 / works.dt_s).astype(np.int64)
    step = works.step_w.get(machine.id, works.step_w.get("", 1.0))
    return (np.rint(shown / step) * step).astype(np.int64)


def _gaps(works: Works, lines: tuple[Line, ...]) -> list[Span]:
    unread = works.dark.copy()
    for treatment in (False, True):
        side = [line.watts == MISSING for line in lines if line.treatment == treatment]
        unread |= np.logical_and.reduce(side)
    return [(a, b) for a, b in spans(unread) if (b - a) * works.dt_s >= 600]
