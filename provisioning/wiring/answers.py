"""What is known about a meter before its wiring is judged, and the result."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from attrs import Factory, frozen

from evidence.words import Words

PHASES: Final = ("l1", "l2", "l3")
Verdict = Literal["good", "mistake", "undecided"]


class Mistake(StrEnum):
    """What can be wrong. A judgement may join two of them with `+`."""

    CT_REVERSED = "ct_reversed"
    CTS_SWAPPED = "cts_swapped"
    CTS_ROTATED = "cts_rotated"
    CTS_ROTATED_BACK = "cts_rotated_back"
    VOLTAGE_LOST = "voltage_lost"
    CT_OPEN = "ct_open"
    SAME_PHASE = "same_phase"
    WRONG_RATIO = "wrong_ratio"
    OTHER_CABLE = "other_cable"


@frozen
class Expected:
    """What is known on site; everything may be unknown.

    Attributes:
        clamp_a: What a clamp meter shows on the cable of a phase, A, by phase.
        nominal_v: Voltage of the supply, phase to neutral, V.
        rated_w: Rated power of the line, or of the part that goes through this meter.
        most_w: Power beyond which the line would take more than NAMEPLATE_MOST of its nameplate, W.
        is_feeding_back: Whether power may legitimately flow back (generator, photovoltaics, hoists).
        is_three_phase: Whether the load takes current of all three phases, as motors do; None: unknown.
        ct_ratio: The transformer ratio set now.
    """

    clamp_a: Mapping[str, float] = Factory(dict)
    nominal_v: float | None = None
    rated_w: float | None = None
    most_w: float | None = None
    is_feeding_back: bool = False
    is_three_phase: bool | None = None
    ct_ratio: float | None = None


@frozen
class Diagnosis:
    """How a meter is wired.

    Attributes:
        verdict: `undecided` if the load is too small or nothing fits; it may name a suspicion.
        mistake: What is wrong, or suspected; names of `Mistake`, two of them joined with `+`.
        ratio: `wrong_ratio`: what is shown, in parts of what flows, as a ratio of transformers.
        sentence: What is wrong, with numbers.
        remedy: What to do, likewise.
        numbers: The values it was judged by.
    """

    verdict: Verdict
    mistake: str | None
    phases: tuple[str, ...]
    ratio: float | None
    sentence: Words
    remedy: Words
    numbers: dict[str, float]
