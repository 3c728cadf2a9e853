"""What an injector gets and gives: a pair of loads, the same pair after a deed, and what was done.

An injector is a function `inject(pair: Pair, seed: int) -> Case`. It gets a healthy pair and returns a
case whose pair carries the deeds and the nuisances; it never changes the arrays that it got. Everything
before `pair.commission_end_s` is what the detector is commissioned on and stays healthy.

Powers are whole watts, because a meter's registers are; a slot without a sample holds MISSING. Power
factor, current and voltage are evidence that some meters give (NaN where missing) and others do not
(None). A linkage with two production or two treatment lines is one pair like any other: the arrays hold
the sums, and `*_split` gives the share of the sum the first line has. Injectors may ignore the split;
`lines` applies it.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

DT_S: Final = 10
HOUR_S: Final = 3600
DAY_S: Final = 86_400
T0_S: Final = 1_767_200_400
"""Midnight of a Thursday at +08:00."""
GRACE_S: Final = 300
"""Treatment may take so long to start; a late start breaks the rule from then on."""
MISSING: Final = -(1 << 62)

Watts = NDArray[np.int64]
Floats = NDArray[np.float64]

CLASSES: Final = (
    "off", "idle", "late_start", "early_stop", "dummy",
    "ct_prod", "stuck_treatment", "stuck_production", "gap",
)  # fmt: skip
AT_REST: Final = "at rest"
VIOLATIONS: Final = frozenset({"off", "idle", "late_start", "early_stop"})
ACCEPTS: Final = MappingProxyType(
    {
        "off": frozenset({"off", "early_stop", "interruptions"}),
        "idle": frozenset({"idle", "underspeed", "off", "early_stop"}),
        "late_start": frozenset({"late_start", "off", "early_stop"}),
        "early_stop": frozenset({"early_stop", "off"}),
        "dummy": frozenset(
            {"dummy", "flat", "stuck", "decoupled", "idle", "underspeed", "off", "late_start", "early_stop"}
        ),
        "ct_prod": frozenset({"ct_prod", "stuck", "feed_residual"}),
        "stuck_treatment": frozenset({"stuck", "flat"}),
        "stuck_production": frozenset({"stuck"}),
        "gap": frozenset({"data_loss"}),
    }
)
"""Rules that are right about a deed; an injector may change them for one event, with a reason."""


@frozen(kw_only=True, eq=False)
class Pair:
    """One linkage over some weeks.

    Attributes:
        name: Its name in tables.
        dt_s: Seconds between samples.
        times_s: When each sample was taken, UTC epoch seconds, rising.
        production_w: u, MISSING where there is no sample.
        treatment_w: T, likewise.
        pf_production: Power factor 0..1, None where the meter has none.
        pf_treatment: Likewise.
        current_production_a: Mean phase current.
        current_treatment_a: Likewise.
        voltage_production_v: Mean phase voltage.
        voltage_treatment_v: Likewise.
        commission_hours: The first so many hours are what is learned from.
        duty_cycled: Treatment switches itself on and off while all is well.
        rated_production_w: Nameplates, of all lines together.
        rated_treatment_w: Likewise.
        real: Production is a real recording.
        production_split: Share of the first of two production lines; None if there is only one.
        treatment_split: Likewise.
    """

    name: str
    dt_s: int = DT_S
    times_s: Floats
    production_w: Watts
    treatment_w: Watts
    pf_production: Floats | None = None
    pf_treatment: Floats | None = None
    current_production_a: Floats | None = None
    current_treatment_a: Floats | None = None
    voltage_production_v: Floats | None = None
    voltage_treatment_v: Floats | None = None
    commission_hours: int = 72
    duty_cycled: bool = False
    rated_production_w: float
    rated_treatment_w: float
    real: bool = False
    production_split: Floats | None = None
    treatment_split: Floats | None = None

    @property
    def commission_end_s(self) -> float:
        """Deeds begin after this."""
        return float(self.times_s[0]) + self.commission_hours * HOUR_S

    @property
    def days(self) -> float:
        """Length, all of it."""
        return len(self.times_s) * self.dt_s / DAY_S


@frozen(kw_only=True)
class Event:
    """One deed.

    Attributes:
        klass: One of CLASSES.
        begin_s: When the rule is broken: a late start from the end of the grace, all others from the deed.
        end_s: When the deed ends.
        accepts: Rules of which one has to be raised from `begin_s` to five minutes after `end_s`.
        variant: What the target table distinguishes: "flat" or "replayed" for a dummy, AT_REST for a CT that
            was off while nothing was produced.
    """

    klass: str
    begin_s: float
    end_s: float
    accepts: frozenset[str]
    variant: str = ""


@frozen(kw_only=True, eq=False)
class Case:
    """A pair after the deeds, and the deeds.

    Attributes:
        pair: What the meters show.
        events: In the order of their begin; they do not overlap.
        injector: Its name in tables.
        seed: With the pair, all that is needed to make this case again.
        late_slots: By how many slots each sample comes late; None if none does.
    """

    pair: Pair
    events: tuple[Event, ...]
    injector: str
    seed: int
    late_slots: NDArray[np.int64] | None = field(default=None)


Injector = Callable[[Pair, int], Case]


@frozen(kw_only=True, eq=False)
class Line:
    """One metered line of a pair, as the detector sees it."""

    id: str
    treatment: bool
    rated_w: float
    watts: Watts
    channels: Mapping[str, Floats]


def lines(pair: Pair) -> tuple[Line, ...]:
    """The lines of a pair, production first; sums are divided by the splits."""
    return (*_side(pair, treatment=False), *_side(pair, treatment=True))


def _side(pair: Pair, *, treatment: bool) -> Iterator[Line]:
    name, side = ("t", "treatment") if treatment else ("p", "production")
    watts: Watts = getattr(pair, f"{side}_w")
    rated: float = getattr(pair, f"rated_{side}_w")
    split: Floats | None = getattr(pair, f"{side}_split")
    found: dict[str, Any] = {
        "pf": getattr(pair, f"pf_{side}"),
        "current_a": getattr(pair, f"current_{side}_a"),
        "voltage_v": getattr(pair, f"voltage_{side}_v"),
    }
    channels = {key: values for key, values in found.items() if values is not None}
    if split is None:
        yield Line(id=f"{name}1", treatment=treatment, rated_w=rated, watts=watts, channels=channels)
        return
    first = np.where(watts == MISSING, MISSING, np.rint(watts * split).astype(np.int64))
    second = np.where(watts == MISSING, MISSING, watts - first)
    for number, part, share in ((1, first, split), (2, second, 1 - split)):
        own = dict(channels)
        if "current_a" in own:
            own["current_a"] = own["current_a"] * share
        yield Line(id=f"{name}{number}", treatment=treatment, rated_w=rated, watts=part, channels=own)
