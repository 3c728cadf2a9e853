"""Parameters of one line, and those that follow from its nameplate alone."""

from typing import Final

from attrs import field, frozen

from agent.detect.param_table import SPARSE

NAMEPLATE_HI: Final = 0.10
NAMEPLATE_LO: Final = 0.07
"""On above 10 %, off below 7 % of the nameplate, until thresholds are learned."""
CT_RANGE_OF_RATED: Final = 2.0
"""CTs are chosen with a margin; twice the nameplate is assumed where the range is not known."""


@frozen(kw_only=True)
class Threshold:
    """On at `hi_w` and above, off below `lo_w`, unchanged between.

    Attributes:
        hi_w: Lowest power that switches the state to on.
        lo_w: Below it the state is off.
        provisional: Not learned from both on and off.
    """

    hi_w: int
    lo_w: int
    provisional: bool = False


@frozen(kw_only=True)
class LineParams:
    """Limits and normal values of one line.

    Attributes:
        id: The line's name in the site file.
        ct_range_w: Full scale of the current transformers; more than 1.5 times this is not a measurement.
        threshold: When this line alone counts as on.
        fall_from_w: A fall from above this to below 5 % of it needs a second sample.
        stuck_on_s: Longest time one value may repeat while on; 0 is not judged.
        stuck_off_s: The same while off.
        noise_floor: Least mean of |change| / power of a real load; 0 is not judged (treatment).
        ct_floor_w: Least standby power that the CT showed at all times; 0 is not judged (production).
        pf_on: Usual power factor while on; 0 is not known.
        pf_heater: Power factor that only a heater reaches, never this machine; 0 is not judged (treatment).
        current_on_a: Usual phase current while on; 0 is not known.
        voltage_v: Usual phase voltage; 0 is not known.
        wiring: Meters of this line whose wiring is known to be wrong, as "m2=cts_swapped", separated by
            commas: nothing is judged by it. Set from the site file, never learned.
    """

    id: str
    rated_w: int
    ct_range_w: int
    threshold: Threshold
    fall_from_w: int
    stuck_on_s: int = 0
    stuck_off_s: int = 0
    noise_floor: float = 0.0
    ct_floor_w: int = 0
    pf_on: float = 0.0
    pf_heater: float = 0.0
    current_on_a: float = 0.0
    voltage_v: float = 0.0
    wiring: str = field(default="", metadata=SPARSE)


@frozen(kw_only=True)
class Bin:
    """Least normal and median treatment power at a production power of at least `from_w`."""

    from_w: int
    lo_w: int
    median_w: int


@frozen(kw_only=True)
class Answer:
    """What a person answered to a question of commissioning, see `learning.answers`.

    Attributes:
        value_w: The power that the answer is about, 0 where it is about none.
    """

    question: str
    answer: str
    value_w: int = 0


def nameplate_line(line_id: str, rated_w: float) -> LineParams:
    """The parameters that follow from the nameplate alone."""
    threshold = nameplate_threshold(rated_w)
    return LineParams(
        id=line_id,
        rated_w=round(rated_w),
        ct_range_w=round(CT_RANGE_OF_RATED * rated_w),
        threshold=threshold,
        fall_from_w=threshold.hi_w,
    )


def nameplate_threshold(rated_w: float) -> Threshold:
    """10 % and 7 % of the rated power."""
    return Threshold(
        hi_w=max(2, round(NAMEPLATE_HI * rated_w)),
        lo_w=max(1, round(NAMEPLATE_LO * rated_w)),
        provisional=True,
    )
