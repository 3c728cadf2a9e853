"""One metered line, slot by slot: which value counts, and whether its meter can be trusted.

In: the watts of each slot in order, or None. Out: the watts that count, or MISSING.

- A power beyond 1.5 times the CT range is not a measurement of this line: it counts as missing.
- A power that is negative by more than the off threshold is that of a line whose CTs are turned round: no
line of a factory feeds the grid for minutes. Its magnitude counts, so that who turns CTs hides nothing.
- A missing sample is bridged with the last value for `hold`; after that the line is MISSING.
- A fall from running to nothing needs a second sample, because single zeros are transmission faults (that of
production only where meters are read often, see `slots`).

Alarms are bits of `flags`; `since` has the slot where each began:

- DATA_LOSS: the last sample is too old.
- STUCK: one value repeats for longer than is normal for this meter. 0 W never counts, an idle meter shows it,
nor does what a main switch leaves of the learned standby of production.
- FLAT: the power is steadier than any real load of this line.
- CT: the meter shows nothing, although the CT showed the standby power of this line at every stop.
- SUPPLY: the same, but the voltage is gone as well, so the CT is not to blame.
- REVERSED: the power has been negative for as long as CT takes.
- DUMMY: the power factor is that of a heater.
- WIRING: the wiring check found a mistake when the meter was installed, and nobody has put it right. Nothing
is judged by such a meter: its line is MISSING, and only the loss of its data is still told.
- REPEATS: treatment shows again, reading by reading, what it showed before (`repetition`).
- ECHOES: the noise of treatment follows what it was before (`echo`).

FLAT and DUMMY look for a load that replaces a running machine. A load between the two thresholds is not
one (a sump heater at night, a control), so it neither counts nor clears.

The other channels (power factor, current, voltage) serve DUMMY and SUPPLY only, where a meter has them; a
line without them costs nothing.

Nearly every sample has nothing to judge: no alarm is up or being counted, and the power is in a band where
none can begin. In this band `take` only stores the values, at a third of the cost; every other
sample goes through `step` and `take_channels`, which would give the same result for all samples.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from agent.detect.channels import (
    ABSENT,
    CURRENT_MAX_A,
    PF_MAX,
    VOLTAGE_MAX_V,
    LineChannels,
    Sample,
    channels_of,
    least_voltage_of,
)
from agent.detect.echo import ECHOES as ECHOES_TOLD
from agent.detect.echo import Echo
from agent.detect.line_params import LineParams
from agent.detect.params import LinkageParams
from agent.detect.repetition import ANCHOR_OF, Repetition
from agent.detect.slots import CT_SLOTS_MIN, DUMMY_SLOTS_MIN, FLAT_SLOTS_MIN, count_slots, is_fine

MISSING: Final = -1
DATA_LOSS: Final = 1
STUCK: Final = 2
FLAT: Final = 4
CT: Final = 8
DUMMY: Final = 16
SUPPLY: Final = 32
REVERSED: Final = 64
WIRING: Final = 128
REPEATS: Final = 256
ECHOES: Final = 512
FLAGS: Final = (DATA_LOSS, STUCK, FLAT, CT, DUMMY, SUPPLY, REVERSED, WIRING, REPEATS, ECHOES)

POWER_MAX_W: Final = 1_000_000_000
"""No line of a factory draws a gigawatt; also keeps sums and traces within 32 bits."""
CT_RANGE_MARGIN: Final = 1.5
FALL_TO: Final = 0.05
DEAD_W: Final = 3
"""Meters show nothing below their starting current, so a CT that is off leaves 0; a main switch that still
feeds a lamp or a control leaves more."""
STANDBY_OF_FLOOR: Final = 2
"""The floor is 0.4 of the least standby. Below 0.8 of that a main switch is open, and what is left, a lamp or
a transformer, may stand still for days."""
LOSS_SLOTS_MIN: Final = 5
CURRENT_MIN_A: Final = -CURRENT_MAX_A
VOLTAGE_MIN_V: Final = -VOLTAGE_MAX_V
STUCK_SLOTS_MIN: Final = 10
"""Fewer repetitions of a value prove nothing."""
NEVER: Final = 1 << 62
FLAT_MEAN_S: Final = 600
FLAT_MEAN_SLOTS_MIN: Final = 20

_STATE: Final = (
    "ct_count", "dark", "ewma", "falling", "flags", "flat_count", "last_slot", "now", "older", "raw",
    "refused_slot", "rejected", "run_slot", "value", "fell_from", "had_phases", "lost_phase", "turned",
)  # fmt: skip
_numbers: Final = attrgetter(*_STATE)
_NOTHING: Final[Sample] = (0.0, MISSING, None, None, None)
"""Stands for a missing sample: a power outside every calm band."""


class LineTracker:
    """State of one line; `take`, or `step` and `take_channels`, is called once for every slot."""

    __slots__ = (
        *_STATE, "_alpha", "_calm_from", "_calm_to", "_ct_slots", "_dark_below", "_dead",
        "_dummy_slots", "_fall_from", "_fall_to", "_flat_slots", "_heater", "_hold", "_lo",
        "_loss_slots", "_motor_from", "_motor_to", "_noise_floor", "_noise_from", "_standby", "_stuck_least",
        "_stuck_off", "_stuck_on", "_top", "channels", "echo", "hi", "params", "repetition",
        "since",
    )  # fmt: skip

    def __init__(self, params: LineParams, linkage: LinkageParams, slot: int) -> None:
        dt = linkage.dt_s
        self.params = params
        self._top = min(POWER_MAX_W, round(CT_RANGE_MARGIN * params.ct_range_w) or POWER_MAX_W)
        if params.wiring:
            self._top = -1  # no sample of it is a measurement
        self._lo = params.threshold.lo_w
        self.hi = params.threshold.hi_w
        # In a long slot production that is said to run on would accuse a fan that stopped after it.
        waits = is_fine(dt) or params in linkage.treatment
        self._fall_from = params.fall_from_w if waits else POWER_MAX_W
        self._fall_to = max(1, round(FALL_TO * params.fall_from_w))
        self._hold = compute_hold_slots(linkage)
        self._loss_slots = count_slots(linkage.loss_s, dt, LOSS_SLOTS_MIN)
        self._stuck_on = _to_stuck_slots(params.stuck_on_s, dt)
        self._stuck_off = _to_stuck_slots(params.stuck_off_s, dt)
        self._stuck_least = min(self._stuck_on, self._stuck_off)
        self._noise_floor = params.noise_floor
        self._noise_from = self.hi if params.noise_floor else NEVER
        self.repetition = Repetition(dt)
        self.echo = Echo(slot)
        self._alpha = compute_noise_alpha(dt)
        self._flat_slots = count_slots(linkage.flat_s, dt, FLAT_SLOTS_MIN)
        # A floor above the off threshold was learned from running power, by versions up to 0.1.
        is_standby = 0 < params.ct_floor_w < self._lo
        self._dead = DEAD_W if is_standby else 0
        self._standby = STANDBY_OF_FLOOR * params.ct_floor_w if is_standby else NEVER
        if params in linkage.treatment:
            self._standby = 1
        self._ct_slots = count_slots(linkage.ct_s, dt, CT_SLOTS_MIN)
        self._dark_below = least_voltage_of(params)
        self._heater = round(1000 * params.pf_heater)
        # A thousandth below a heater's rounded power factor.
        self._motor_to = min((self._heater - 1) / 1000, PF_MAX) if self._heater else PF_MAX
        self._motor_from = -self._motor_to
        self._dummy_slots = count_slots(linkage.dummy_s, dt, DUMMY_SLOTS_MIN)
        self.channels = LineChannels()
        self.value = self.now = MISSING
        self.raw = MISSING
        self.older = MISSING
        self.last_slot = slot - 1
        self.refused_slot = -NEVER
        self.run_slot = slot
        self.falling = self.dark = False
        self.fell_from = self.lost_phase = self.turned = 0
        self.had_phases = False
        self.ewma = 2 * params.noise_floor
        self.flags = self.flat_count = self.ct_count = self.rejected = 0
        self.since: dict[int, int] = {}
        self._calm_from = self._calm_to = NEVER

    def take(self, slot: int, sample: Sample | None) -> bool:
        """Take the sample of `slot`; returns whether anything was judged (if not, `flags` is unchanged)."""
        given = sample or _NOTHING
        _, raw, pf, current_a, voltage_v = given
        before = self.raw
        if not self._calm_from <= raw <= self._calm_to:
            return self._judge(slot, sample)
        if pf is not None:
            if not self._motor_from < pf < self._motor_to:
                return self._judge(slot, sample)
            channels = self.channels
            channels.latest = given
            channels.slot = slot
        elif (current_a is not None and CURRENT_MIN_A <= current_a <= CURRENT_MAX_A) or (
            voltage_v is not None and VOLTAGE_MIN_V <= voltage_v <= VOLTAGE_MAX_V
        ):  # NaN is within no limits
            channels = self.channels
            channels.latest = given
            channels.slot = slot
        elif current_a is not None or voltage_v is not None:
            return self._judge(slot, sample)
        if raw != before:
            self.run_slot = slot
        elif not self._may_repeat(slot):
            return self._judge(slot, sample)
        if raw >= self._noise_from and before >= self._lo:
            ewma = self.ewma
            ewma += self._alpha * ((raw - before if raw > before else before - raw) / raw - ewma)
            echo = self.echo
            if (
                ewma < self._noise_floor
                or raw % ANCHOR_OF == 0
                or self.repetition.pending
                or slot >= echo.due
            ):
                return self._take_running(slot, raw, sample, ewma)
            echo.readings[slot] = raw
            self.ewma = ewma
        self.older = before
        self.raw = self.value = self.now = raw
        self.last_slot = slot
        return False

    def _take_running(self, slot: int, raw: int, sample: Sample | None, ewma: float) -> bool:
        """Take a reading of a running line that is too steady, or may be part of a recording."""
        if ewma < self._noise_floor:
            return self._judge(slot, sample)
        self.ewma = ewma
        self._judge_repetition(slot, raw)
        self.older, self.raw = self.raw, raw
        self.value = self.now = raw
        self.last_slot = slot
        if self.flags:
            self._settle()
        return bool(self.flags)

    def _may_repeat(self, slot: int) -> bool:
        """Whether the last value may repeat once more without being judged."""
        if slot - self.last_slot > self._hold:
            return False
        return self.raw == 0 or slot - self.run_slot < self._stuck_least

    def _judge(self, slot: int, sample: Sample | None) -> bool:
        self.step(slot, None if sample is None else sample[1])
        has_channels = sample is not None and not self.params.wiring and bool(channels_of(sample))
        if has_channels or self.flags & DUMMY:
            self.take_channels(slot, sample if has_channels else None)
        self._settle()
        return True

    def _settle(self) -> None:
        """Set the band of powers in which the next sample has nothing to judge."""
        floor = self._dead
        counting = self.flags or self.falling or self.ct_count or self.flat_count or self.channels.count
        counting = counting or self.turned
        if counting or self.raw < floor:
            self._calm_from = self._calm_to = NEVER
        elif self.value > self._fall_from:
            self._calm_from, self._calm_to = max(floor, self._fall_to), self._top
        else:
            self._calm_from, self._calm_to = floor, min(self._fall_from, self._top)

    def step(self, slot: int, raw: int | None) -> None:
        """Take the sample of `slot`; `now` has the watts that count, or MISSING."""
        if raw is None or raw > self._top or raw < -self._top:
            self._miss(slot, raw)
            return
        if raw <= -self._lo or self.turned:
            raw = self._judge_sign(slot, raw)
        if raw < 0:  # noqa: PLR1730  a call of max() in every slot costs more than all of this method's tests
            raw = 0
        before = self.raw
        if raw != before or slot - self.last_slot > self._hold:
            self.run_slot = slot
            if self.flags:
                self.flags &= ~(STUCK | DATA_LOSS)
        elif not self.flags & STUCK and slot - self.run_slot >= self._stuck_limit(raw):
            self._raise(STUCK, self.run_slot)
        self.last_slot = slot
        if self._noise_floor:
            self._judge_noise(slot, raw)
        floor = self._dead
        if floor and (self.ct_count or self.flags or raw < floor or before < floor):
            self._judge_ct(slot, raw)
        self.older, self.raw = before, raw
        if raw < self._fall_to and self.value > self._fall_from and not self.falling:
            self.falling = True
            self.now = self.value
        else:
            self.falling = False
            self.value = self.now = raw

    def _pass_over(self, slot: int, raw: int | None) -> None:
        """Note only that a meter of wrong wiring answers, or that it does not."""
        if raw is None:
            if slot - self.last_slot >= self._loss_slots and not self.flags & DATA_LOSS:
                self._raise(DATA_LOSS, self.last_slot + 1)
            return
        self.last_slot, self.raw = slot, max(raw, 0)
        self.flags &= ~DATA_LOSS
        if not self.flags & WIRING:
            self._raise(WIRING, slot)

    def _judge_sign(self, slot: int, raw: int) -> int:
        """The magnitude of a power of turned CTs; near zero a sign means nothing."""
        if raw <= -self._lo:
            self.turned += 1
            if self.turned >= self._ct_slots and not self.flags & REVERSED:
                self._raise(REVERSED, slot - self.turned + 1)
            return -raw
        if raw >= self._lo:
            self.turned = 0
            self.flags &= ~REVERSED
        return raw

    def mark_phase(self, phase: int) -> None:
        """Note which phase has no current while the others have (1 to 3), or that all have (0)."""
        self.lost_phase = phase
        self.had_phases = self.had_phases or not phase

    def _stuck_limit(self, raw: int) -> int:
        """Slots for which this value may repeat."""
        if raw >= self._lo:
            return self._stuck_on
        return self._stuck_off if raw >= self._standby else NEVER

    def take_channels(self, slot: int, sample: Sample | None) -> None:
        """Take the other channels of `slot`, after `step`; without any for a while, DUMMY ends."""
        channels = self.channels
        if sample is not None:
            between = self._lo <= self.raw < self.hi
            channels.step(slot, sample, 0 if between else self._heater, self.raw >= self.hi)
        elif slot - channels.slot > self._loss_slots:
            channels.count = 0
        if channels.count >= self._dummy_slots and not self.flags & DUMMY:
            self._raise(DUMMY, channels.begin)
        elif channels.count == 0 and self.flags:
            self.flags &= ~DUMMY

    def _miss(self, slot: int, raw: int | None) -> None:
        if self.params.wiring:
            self._pass_over(slot, raw)
            return
        if raw is not None:
            self.rejected += 1
            self.refused_slot = slot
        age = slot - self.last_slot
        if age >= self._loss_slots and not self.flags & DATA_LOSS:
            self._raise(DATA_LOSS, self.last_slot + 1)
        self.now = self.value if age <= self._hold else MISSING

    def _judge_noise(self, slot: int, raw: int) -> None:
        lo, before = self._lo, self.raw
        if raw < lo or before < lo:
            self.flat_count = 0
            self.flags &= ~FLAT
            return
        if raw < self.hi:
            return
        self._judge_repetition(slot, raw)
        ewma = self.ewma
        self.ewma = ewma = ewma + self._alpha * (abs(raw - before) / raw - ewma)
        if ewma >= self._noise_floor:
            self.flat_count = 0
            if self.flags:
                self.flags &= ~FLAT
            return
        self.flat_count += 1
        if self.flat_count >= self._flat_slots and not self.flags & FLAT:
            self._raise(FLAT, slot - self.flat_count + 1)

    def _judge_repetition(self, slot: int, raw: int) -> None:
        """Take a reading of a running load; one recording makes one alarm."""
        known, echo = self.repetition, self.echo
        if slot >= echo.due:
            self._close_echo(slot)
        echo.readings[slot] = raw
        if not known.pending and raw % ANCHOR_OF:
            return
        known.note(slot, raw)
        if known.repeats and not self.flags & (ECHOES | REPEATS):
            self._raise(REPEATS, known.since)
        elif self.flags and not known.repeats:
            self.flags &= ~REPEATS

    def _close_echo(self, slot: int) -> None:
        echo = self.echo
        echo.close(slot)
        if echo.count == ECHOES_TOLD and not self.flags & (ECHOES | REPEATS):
            self._raise(ECHOES, echo.since)
        elif self.flags & ECHOES and not echo.echoes:
            self.flags &= ~ECHOES
            self.repetition.end()

    def _judge_ct(self, slot: int, raw: int) -> None:
        below = (raw < self._dead) + (self.raw < self._dead) + (self.older < self._dead)
        if below < 2:  # the median of three is not below the floor
            self.ct_count = 0
            if self.flags:
                self.flags &= ~(CT | SUPPLY)
            return
        if self._is_dark(slot) is not self.dark:
            self.dark = not self.dark
            self.ct_count = 0
            self.flags &= ~(CT | SUPPLY)
        if self.ct_count == 0:
            self.fell_from = self.older
        self.ct_count += 1
        flag = SUPPLY if self.dark else CT
        if self.ct_count >= self._ct_slots and raw < self._dead and not self.flags & flag:
            self._raise(flag, slot - self.ct_count + 1)

    def _is_dark(self, slot: int) -> bool:
        """Whether the voltage was gone in the latest channels, those of the slot before this one."""
        last = self.channels
        return (
            last.voltage != ABSENT and last.voltage < self._dark_below and slot - last.slot <= self._hold + 1
        )

    def adopt(self, flag: int, since: int) -> None:
        """Keep an alarm raised before a restart that lost all other state; a wiring is open or is not."""
        if flag != WIRING or self.params.wiring:
            self._raise(flag, since)
        self._settle()

    def _raise(self, flag: int, since: int) -> None:
        self.flags |= flag
        self.since[flag] = since

    def state(self) -> list[Any]:
        """Everything that `restore` needs; see `patterns` for those."""
        return [*_numbers(self), self.since.copy(), self.channels.state()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        *numbers, since, channels = state
        for name, value in zip(_STATE, numbers, strict=True):
            setattr(self, name, value)
        self.since = since.copy()
        self.channels.restore(channels)
        self._settle()

    def patterns(self) -> list[Any] | None:
        """The state of `repetition`, which no second verdict needs; None where it is not judged."""
        return self.repetition.state() if self._noise_floor else None

    def signs(self) -> list[Any] | None:
        """The same of `echo`."""
        return self.echo.state() if self._noise_floor else None


def start_trackers(params: Sequence[LinkageParams], slot: int) -> dict[str, LineTracker]:
    """A tracker for each line of these linkages, in the order of first mention."""
    trackers: dict[str, LineTracker] = {}
    for one in params:
        for line in one.lines:
            if line.id not in trackers:
                trackers[line.id] = LineTracker(line, one, slot)
    return trackers


def compute_hold_slots(linkage: LinkageParams) -> int:
    """Slots for which the last value replaces missing ones."""
    return count_slots(linkage.hold_s, linkage.dt_s, linkage.hold_slots)


def compute_noise_alpha(dt_s: int) -> float:
    """Weight of one sample in the noise mean, which spans 10 minutes or 20 samples, whichever is longer."""
    return 1 / max(FLAT_MEAN_S / dt_s, FLAT_MEAN_SLOTS_MIN)


def _to_stuck_slots(limit_s: int, dt_s: int) -> int:
    return count_slots(limit_s, dt_s, STUCK_SLOTS_MIN) if limit_s else NEVER
