"""Every number that a verdict about a linkage or an incomer rests on, with its default.

The parameters are learned at commissioning, written into the site file (`to_dict`; TOML has no null, so 0
means "not judged"), and hashed into the manifest (`hash`): the same parameters and the same samples give the
same episodes, on the gateway and wherever it is checked.

Powers are whole watts, because registers are integers and sums of integers are exact.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

from attrs import field, frozen

from agent.detect.line_params import (
    Answer,
    Bin,
    LineParams,
    Threshold,
    nameplate_line,
    nameplate_threshold,
)
from agent.detect.param_table import SPARSE, ParamsError, ParamTable, hash_table
from agent.detect.slots import GUARD_SLOTS_MIN, HOLD_S, HOLD_SLOTS, count_hold_slots
from evidence.moments import ZONE, zone_s

DT_S: Final = 10
"""The slot, unless meters are polled less often."""
DT_MAX_S: Final = 300
"""Of meters polled less often than every five minutes a stop within a shift shows in two samples or none."""
GUARD_S: Final = 120
"""Treatment reaches what production needs within two minutes."""
RANGE_MARGIN: Final = 1.1
"""A tenth above the greatest learned production is the same product on a busy day."""
LAG_MAX_S: Final = 900
"""Treatment that follows production by more than a quarter of an hour is not driven by it."""
TAU_MIN_S: Final = 90
"""Shorter interruptions are start-up, switching and filter cleaning."""
OUT_OF_BAND_S: Final = 900
"""A residual outside its band for a quarter of an hour is neither a motor start nor a late sample."""


def choose_slot_s(polling_s: float) -> int:
    """The slot for meters that are read every `polling_s`.

    Slots follow the polling, because an empty one clears what is expected. Whole seconds are near enough: a
    slot that stays empty now and then is bridged, and of two samples in one the latest counts.
    """
    return min(max(DT_S, round(polling_s)), DT_MAX_S)


@frozen(kw_only=True)
class LinkageParams(ParamTable):
    """What must run together, and how it normally behaves.

    Attributes:
        production: The production lines; their powers are added up to u.
        treatment: The treatment lines; their powers are added up to T.
        on_production: States of u.
        on_treatment: States of T.
        envelope: Least treatment power by production power, in rising order of `from_w`.
        dt_s: Length of a slot.
        reorder_slots: How many slots a sample may come late.
        hold_slots: How many missing samples the last value replaces.
        hold_s: The same in seconds; the longer one counts.
        bridge_s: Pauses of production up to this do not end a run.
        lag_s: Treatment follows production by this.
        guard_s: G, the expectation follows the least production within this time.
        duty_window_s: T is the highest power within this time; 0 for treatment without a duty cycle.
        duty_fill_wh: So much production may pass in a rest of a duty cycle, or of treatment by level, however
            long it takes; 0 where rests end by time.
        tau_s: Time without treatment that makes a violation.
        grace_s: Time that treatment has to start.
        limit_s: h, the weighted deficit that raises.
        overrun_s: Longest time treatment may run on after production; 0 is not judged.
        orphans_limit: Treatment runs without production in 24 h that are reported; 0 is not judged.
        loss_s: Age of the last sample that is reported.
        lost_reset_s: A longer loss of data resets the counts.
        flat_s: Time below the noise floor that is reported.
        ct_s: Time below the CT floor that is reported.
        dummy_s: Time with the power factor of a heater that is reported.
        underspeed_from: From this share of its normal power treatment is underspeed, below it idle.
        interruptions_s: Short interruptions of treatment that add up to this are reported; 0 is not judged.
        interruptions_window_s: Time over which they are added up.
        interruption_min_s: Shorter ones are switching and filter cleaning.
        good_s: Healthy time that clears.
        idle_clear_s: Time without production that clears.
        early_stop_s: A run that ends this soon after treatment stopped makes it an early stop.
        correlation_minutes: Window of the correlation of 1-minute means.
        correlation_sd_w: Standard deviation of u at commissioning; 0 turns the notice off.
        correlation_limit: r below this for half an hour raises the notice.
        utc_offset: Zone of the times in sentences.
        learned_from_s: Begin of the commissioning data, UTC; 0 if there were none.
        learned_to_s: End of those data.
        provisional: Too little was seen to be sure.
        range_hi_w: Production above this was never seen at commissioning: less is demanded, and it is asked
            what is made; 0 is not judged.
        answers: What a person answered at commissioning.
        only_asks: Why findings about treatment accuse nobody: "exceptions" (what is normal was not seen),
            "level" (treatment follows a level and not production: only far longer rests accuse); "" where
            they do.
        untreated_w: Production up to this was seen without treatment, and treatment never at so little of
            it: whether it needs any is asked; 0 where nothing like that was seen.
    """

    kind: ClassVar[str] = "linkage"

    linkage: str
    production: tuple[LineParams, ...]
    treatment: tuple[LineParams, ...]
    on_production: Threshold
    on_treatment: Threshold
    envelope: tuple[Bin, ...]
    dt_s: int = DT_S
    reorder_slots: int = 2
    hold_slots: int = HOLD_SLOTS
    hold_s: int = HOLD_S
    bridge_s: int = 20
    lag_s: int = 0
    guard_s: int = GUARD_S
    duty_window_s: int = 0
    tau_s: int = 240
    grace_s: int = 300
    limit_s: float = 180.0
    overrun_s: int = 0
    orphans_limit: int = 3
    loss_s: int = 180
    lost_reset_s: int = 900
    flat_s: int = 1800
    ct_s: int = 180
    dummy_s: int = 600
    underspeed_from: float = 0.5
    interruptions_s: int = 900
    interruptions_window_s: int = 28_800
    interruption_min_s: int = 30
    good_s: int = 60
    idle_clear_s: int = 1800
    early_stop_s: int = 2700
    correlation_minutes: int = 240
    correlation_sd_w: float = 0.0
    correlation_limit: float = 0.0
    utc_offset: str = field(default="+08:00")
    learned_from_s: int = 0
    learned_to_s: int = 0
    provisional: bool = True
    range_hi_w: int = 0
    answers: tuple[Answer, ...] = field(default=(), metadata=SPARSE)
    only_asks: str = field(default="", metadata=SPARSE)
    untreated_w: int = field(default=0, metadata=SPARSE)
    duty_fill_wh: int = field(default=0, metadata=SPARSE)

    @property
    def hash(self) -> bytes:
        """Without the keys of later versions that are not used, so that hashes stay the same."""
        table = self.to_dict()
        if not self.range_hi_w:
            del table["range_hi_w"]
        return hash_table(table)

    def __attrs_post_init__(self) -> None:
        problems = tuple(f"linkage {self.linkage}: {text}" for text in self._problems())
        if problems:
            raise ParamsError(problems)

    def _problems(self) -> list[str]:
        thresholds = [("production", self.on_production), ("treatment", self.on_treatment)]
        thresholds += [(line.id, line.threshold) for line in self.lines]
        found = [
            f"{name}: 0 < lo_w <= hi_w does not hold ({on.lo_w}, {on.hi_w})"
            for name, on in thresholds
            if not 0 < on.lo_w <= on.hi_w
        ]
        ids = [line.id for line in self.lines]
        edges = [step.from_w for step in self.envelope]
        checks = (
            (bool(self.production), "no production line"),
            (bool(self.treatment), "no treatment line"),
            (len(set(ids)) == len(ids), "a line is named twice"),
            (bool(edges) and edges == sorted(edges), "envelope: from_w must rise"),
            (1 <= self.dt_s <= DT_MAX_S, f"dt_s must be 1..{DT_MAX_S}, not {self.dt_s}"),
            (self.tau_s >= TAU_MIN_S, f"tau_s must be at least {TAU_MIN_S}, not {self.tau_s}"),
            (self.reorder_slots >= 0, "reorder_slots is negative"),
            (0 <= self.lag_s <= LAG_MAX_S, f"lag_s must be 0..{LAG_MAX_S}, not {self.lag_s}"),
            (self.correlation_minutes >= 2, "correlation_minutes must be at least 2"),
            (
                ZONE.fullmatch(self.utc_offset) is not None,
                f"utc_offset {self.utc_offset!r} is not like +08:00",
            ),
        )
        return found + [text for holds, text in checks if not holds]

    @property
    def lines(self) -> tuple[LineParams, ...]:
        """All lines, production first."""
        return self.production + self.treatment

    @property
    def utc_offset_s(self) -> int:
        """Seconds to add to UTC for the plant's own time."""
        return zone_s(self.utc_offset)


def nameplate(
    linkage: str, production: Mapping[str, float], treatment: Mapping[str, float], *, dt_s: int = DT_S
) -> LinkageParams:
    """Provisional parameters from rated powers alone, for a plant that has not been commissioned."""
    on_treatment = nameplate_threshold(sum(treatment.values()))
    return LinkageParams(
        linkage=linkage,
        production=tuple(nameplate_line(name, rated) for name, rated in production.items()),
        treatment=tuple(nameplate_line(name, rated) for name, rated in treatment.items()),
        on_production=nameplate_threshold(sum(production.values())),
        on_treatment=on_treatment,
        envelope=(Bin(from_w=0, lo_w=on_treatment.lo_w, median_w=round(sum(treatment.values()))),),
        dt_s=dt_s,
        hold_slots=count_hold_slots(dt_s),
        guard_s=max(GUARD_S, GUARD_SLOTS_MIN * dt_s),
    )


@frozen(kw_only=True)
class IncomerParams(ParamTable):
    """A site's incomer, the lines behind it, and the band of its residual: incomer minus all those lines.

    The residual is what nobody meters: light, air conditioning, losses, meters read at different moments.
    Above the band that commissioning learned a load runs unmetered or a line's CT shows too little; below it
    the lines show more than the incomer delivers.

    Attributes:
        incomer: The metered incomer itself.
        lines: The ids of all metered lines behind it.
        others: Those of them that no linkage has.
        lo_w: Least normal residual.
        hi_w: Greatest normal residual.
        residual_s: Time outside the band that is reported; 0 is not judged.
        utc_offset_s: Zone of the times in sentences.
        learned_from_s: Begin of the commissioning data, UTC; 0 if there were none.
        learned_to_s: Their end.
    """

    kind: ClassVar[str] = "incomer"

    incomer: LineParams
    lines: tuple[str, ...]
    others: tuple[LineParams, ...] = ()
    lo_w: int = 0
    hi_w: int = 0
    residual_s: int = field(default=0)
    utc_offset_s: int = 28_800
    learned_from_s: int = 0
    learned_to_s: int = 0

    @property
    def hash(self) -> bytes:
        """With the keys of version 0.1, which called the incomer feed, so that hashes stay the same."""
        table = self.to_dict()
        return hash_table({"feed": table.pop("incomer"), **table})

    def __attrs_post_init__(self) -> None:
        checks = (
            (bool(self.lines), "no line stands behind it"),
            (len(set(self.lines)) == len(self.lines), "a line is named twice"),
            (self.incomer.id not in self.lines, "it cannot stand behind itself"),
            ({one.id for one in self.others} <= set(self.lines), "others are not among its lines"),
            (self.lo_w <= self.hi_w, f"lo_w <= hi_w does not hold ({self.lo_w}, {self.hi_w})"),
            (self.residual_s >= 0, "residual_s is negative"),
        )
        problems = tuple(f"incomer {self.incomer.id}: {text}" for holds, text in checks if not holds)
        if problems:
            raise ParamsError(problems)


def nameplate_incomer(
    incomer: tuple[str, float], behind: Mapping[str, float], judged: Collection[str], utc_offset_s: int
) -> IncomerParams:
    """From names and rated powers alone, judging nothing; `judged` are the lines of linkages."""
    return IncomerParams(
        incomer=nameplate_line(*incomer),
        lines=tuple(behind),
        others=tuple(nameplate_line(name, rated) for name, rated in behind.items() if name not in judged),
        utc_offset_s=utc_offset_s,
    )
