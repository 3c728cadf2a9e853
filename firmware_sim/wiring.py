"""Wiring mistakes: what a meter sees if its transformers and leads are connected wrongly.

A meter has three channels. Channel k measures voltage k, which lags voltage 1 by k · 120°, and the
current that its transformer gives it; P and Q are the real and the imaginary part of U · conj(I). A
mistake gives a channel another current or takes its voltage away, and everything else follows:
voltages, currents, P, Q, S and PF of each phase, the sums, and what the counters count.

    ct_reversed        the transformers of `phases` are the wrong way round
    cts_swapped        the two of `phases` are exchanged
    cts_rotated        L1 sees the current of L2, L2 that of L3, L3 that of L1
    cts_rotated_back   L1 sees the current of L3, L2 that of L1, L3 that of L2
    voltage_lost       the voltage leads of `phases` are off: no voltage with current
    ct_open            the transformers of `phases` are off, open or shorted: no current with voltage
    same_phase         all three see the current of the one of `phases`
    wrong_ratio        the currents of `phases` read `ratio` times what they are
    other_cable        the transformers of `phases` sit on the cable of `line`

    wiring = { mistake = "ct_reversed", phases = ["l2"] }

Without `phases` all three are affected, where that makes sense. Typed by a person while the plant runs, it is
`ct_reversed l2`, `wrong_ratio 2 l1`, `other_cable p1`, and `right` for no mistake.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from firmware_sim.electrical import PHASES
from firmware_sim.noise import Floats

Complexes = NDArray[np.complex128]

ALL: Final = (0, 1, 2)
ANGLES: Final = np.exp(-2j * np.pi / 3 * np.array(ALL))[:, None]
"""Direction of the three voltages: each lags the one before by a third of a turn."""


class Mistake(StrEnum):
    """What is wrong."""

    CT_REVERSED = "ct_reversed"
    CTS_SWAPPED = "cts_swapped"
    CTS_ROTATED = "cts_rotated"
    CTS_ROTATED_BACK = "cts_rotated_back"
    VOLTAGE_LOST = "voltage_lost"
    CT_OPEN = "ct_open"
    SAME_PHASE = "same_phase"
    WRONG_RATIO = "wrong_ratio"
    OTHER_CABLE = "other_cable"


PHASES_OF: Final = {Mistake.CTS_SWAPPED: 2, Mistake.SAME_PHASE: 1}
"""How many phases must be named, where it is not one to three."""
WHOLE: Final = frozenset({Mistake.CTS_ROTATED, Mistake.CTS_ROTATED_BACK})
"""Mistakes of all three transformers."""


@frozen
class Wiring:
    """One mistake of `phases` 0 to 2; `ratio` and `line` as in the module."""

    mistake: Mistake
    phases: tuple[int, ...] = ALL
    ratio: float = 1.0
    line: str = ""

    def currents(self) -> Floats:
        """Row k: how much of each phase's current channel k sees."""
        seen = np.eye(len(ALL))
        match self.mistake:
            case Mistake.CT_REVERSED:
                seen[self.phases, self.phases] = -1.0
            case Mistake.CTS_SWAPPED:
                seen[list(self.phases)] = seen[list(self.phases[::-1])]
            case Mistake.CTS_ROTATED:
                seen = np.roll(seen, -1, axis=0)
            case Mistake.CTS_ROTATED_BACK:
                seen = np.roll(seen, 1, axis=0)
            case Mistake.CT_OPEN:
                seen[self.phases, self.phases] = 0.0
            case Mistake.SAME_PHASE:
                seen[:] = seen[self.phases[0]]
            case Mistake.WRONG_RATIO:
                seen[self.phases, self.phases] = self.ratio
            case Mistake.VOLTAGE_LOST | Mistake.OTHER_CABLE:
                pass
        return seen


RIGHT: Final = "right"
_RATIO_MAX: Final = 1e4


def parse_wiring(words: Sequence[str], lines: Iterable[str]) -> Wiring | None:
    """The wiring that a person typed; None for one without a mistake.

    Raises:
        ValueError: There is none of this name, or it needs other words; one line.
    """
    name, *rest = (word.casefold() for word in words)
    if name == RIGHT:
        if rest:
            raise ValueError(f"{RIGHT!r} stands alone")
        return None
    if name not in set(Mistake):
        raise ValueError(f"no wiring is called {name!r}; there are {RIGHT}, {', '.join(Mistake)}")
    mistake = Mistake(name)
    phases = tuple(dict.fromkeys(PHASES.index(word) for word in rest if word in PHASES))
    others = [word for word in words[1:] if word.casefold() not in PHASES]
    wanted = PHASES_OF.get(mistake)
    if (wanted and len(phases) != wanted) or (phases and mistake in WHOLE):
        raise ValueError(f"{mistake} needs {wanted or 'no'} phases of l1, l2, l3")
    line, ratio = "", 1.0
    if mistake is Mistake.OTHER_CABLE:
        known = tuple(lines)
        if len(others) != 1 or others[0] not in known:
            raise ValueError(f"{mistake} needs a line: {', '.join(known)}")
        line = others[0]
    elif mistake is Mistake.WRONG_RATIO:
        ratio = _read_ratio(others)
    elif others:
        raise ValueError(f"{mistake} does not know {others[0]!r}")
    return Wiring(mistake, phases or ALL, ratio, line)


def _read_ratio(words: Sequence[str]) -> float:
    try:
        (ratio,) = map(float, words)
    except ValueError:
        ratio = 0.0
    if not 1 / _RATIO_MAX <= ratio <= _RATIO_MAX:
        raise ValueError(f"wrong_ratio needs a number from {1 / _RATIO_MAX:g} to {_RATIO_MAX:g}")
    return ratio


@frozen
class Phasors:
    """What a meter sees at some moments: effective V, directed A; arrays of channels by moments."""

    voltages: Floats
    currents: Complexes

    @property
    def powers(self) -> Complexes:
        """P + jQ of each channel."""
        return np.asarray(self.voltages * ANGLES * np.conj(self.currents), dtype=np.complex128)


def to_phasors(voltages: Floats, active: Floats, apparent: Floats) -> Phasors:
    """The true values: each phase takes its power, and its current lags."""
    reactive = np.sqrt(np.maximum(apparent**2 - active**2, 0.0))
    return Phasors(voltages, np.conj((active + 1j * reactive) / (voltages * ANGLES)))


def apply_mistakes(
    true: Phasors, wirings: Iterable[tuple[Wiring, NDArray[np.bool_]]], elsewhere: Callable[[str], Complexes]
) -> Phasors:
    """The true values as seen with mistakes, each at the moments of its mask, in the order given.

    `elsewhere` has the currents in the cable of another line.
    """
    voltages, currents = true.voltages.copy(), true.currents.copy()
    for wiring, inside in wirings:
        if not inside.any():
            continue
        chosen = np.ix_(np.array(wiring.phases), np.flatnonzero(inside))
        if wiring.mistake is Mistake.VOLTAGE_LOST:
            voltages[chosen] = 0.0
        elif wiring.mistake is Mistake.OTHER_CABLE:
            currents[chosen] = elsewhere(wiring.line)[chosen]
        else:
            currents[:, inside] = wiring.currents() @ currents[:, inside]
    return Phasors(voltages, currents)
