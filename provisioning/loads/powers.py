"""Numbers of columns into watts: by a unit, by a person, or by the nameplate; energy into power.

Without a unit a column is in W, as the form of the product has it, unless all lines together say otherwise:
where no line ever reaches 0.3 % of its nameplate in W, and one would run properly in kW, they are in kW (or,
of whole intervals, in kWh: then a person decides). Where one column alone looks like that and changes as a
machine does, or a column exceeds its nameplate twenty times, nothing is assumed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from attrs import define, field

from evidence.words import Words
from provisioning.loads.columns import Used
from provisioning.loads.loads import Floats, LoadsError, Note, NoteKind, QuestionError
from provisioning.loads.numbers import find_sentinel
from provisioning.loads.settings import ReadSettings
from provisioning.loads.units import CHOICES, UNITS, Quantity, Unit, plain
from provisioning.loads.words import NOTES, PROBLEMS

KW_LOW, KW_HIGH = 2e-5, 3e-3
"""Peak in W over nameplate of a column that is in kW: 2 % to 300 % of the nameplate."""
ABSURD: Final = 20.0
"""No machine takes twenty times its nameplate, not even while it starts."""
SWINGS: Final = 3.0
"""A machine that goes on and off changes by more than this; standby of one that is off does not."""
HOUR_S: Final = 3600
W_PER_KW: Final = 1000
MINUTE_S: Final = 60
COUNTER_ROWS_MIN: Final = 10
"""Energies of so many intervals do not all rise by chance."""
PERCENT_MIN, PERCENT_MAX = 2.0, 100.0
COARSE_S: Final = 60
"""Rows further apart than this can be energies of intervals as well as powers."""
_WATT: Final = UNITS["w"]
_KILOWATT: Final = UNITS["kw"]


@define
class PowerMaker:
    """Turns the columns of one file into watts.

    Attributes:
        step_s: The usual distance of the rows of the file, 0 for a single one.
        interval: Some column is a mean over each interval.
    """

    path: Path
    used: Sequence[Used]
    settings: ReadSettings
    step_s: float
    notes: list[Note] = field(factory=list)
    interval: bool = False

    def make(self, times_s: Floats, columns: Sequence[Floats]) -> Iterator[tuple[Used, Floats]]:
        """Each column in W (power factor, A, V).

        Raises:
            LoadsError: A unit is impossible.
            QuestionError: A unit is not clear.
        """
        mended = [self._drop_sentinel(one, column) for one, column in zip(self.used, columns, strict=True)]
        made = {}
        for one, column in zip(self.used, mended, strict=True):
            if not one.channel and not np.isfinite(column).any():
                raise LoadsError([self._fill("no number", one)])
            unit = self._find_unit(one, column)
            if unit is not None and not one.channel:
                made[one.at] = self._convert(one, unit, times_s, column)
        open_ = [(one, column) for one, column in zip(self.used, mended, strict=True) if one.at not in made]
        loads = [(one, column) for one, column in open_ if not one.channel]
        unit = self._guess_unit(loads)
        for one, column in zip(self.used, mended, strict=True):
            if one.channel:
                yield one, self._convert_channel(one, column)
            else:
                yield one, made.pop(one.at) if one.at in made else column * unit.factor

    def _fill(self, key: str, one: Used, **values: object) -> Words:
        return PROBLEMS[key].fill(path=self.path, line=one.line.id, name=one.heading.text, **values)

    def _note(self, kind: NoteKind, key: str, **values: object) -> None:
        self.notes.append(Note(kind, NOTES[key].fill(**values)))

    def _drop_sentinel(self, one: Used, column: Floats) -> Floats:
        value = None if one.channel else find_sentinel(column)
        if value is None:
            return column
        count = int((column == value).sum())
        self._note(NoteKind.ASSUMED, "sentinel", name=one.heading.text, value=value, count=count)
        return np.where(column == value, np.nan, column)

    def _find_unit(self, one: Used, column: Floats) -> Unit | None:
        said = self.settings.unit_of(one.line.id)
        if said and not one.channel:
            unit = UNITS.get(plain(said))
            if unit is None or unit.name not in CHOICES:
                raise LoadsError([self._fill("wrong quantity", one, unit=said, known=", ".join(CHOICES))])
            return unit
        unit = one.heading.unit
        if unit is not None and unit.name in CHOICES:
            return unit
        if one.heading.quantity is Quantity.ENERGY and not one.channel:
            self._ask(one, column, ("Wh", "kWh"))
        return None

    def _convert(self, one: Used, unit: Unit, times_s: Floats, column: Floats) -> Floats:
        if unit.quantity is Quantity.ENERGY:
            watts = self._to_power(one, times_s, column * unit.factor)
        else:
            watts = column * unit.factor
        share = _peak(watts) / one.line.rated_w if one.line.rated_w else 0.0
        if self.settings.unit_of(one.line.id):
            return watts
        if share > ABSURD:
            self._refuse_absurd(one, _peak(column), unit.name, share)
        if unit.factor == 1 and KW_LOW <= share <= KW_HIGH and _swings(column):
            self._ask(one, column, ("W", "kW") if unit is _WATT else ("Wh", "kWh"))
        return watts

    def _to_power(self, one: Used, times_s: Floats, wh: Floats) -> Floats:
        step_s = self.step_s
        if not step_s:
            raise LoadsError([PROBLEMS["no step"].fill(path=self.path)])
        self.interval = True
        known = wh[np.isfinite(wh)]
        if len(known) >= COUNTER_ROWS_MIN and bool((np.diff(known) >= 0).all()):
            if known[0] == known[-1]:
                if known[0] == 0:
                    return wh
                value = float(known[0])
                raise LoadsError([self._fill("constant energy", one, value=value)])
            self._note(NoteKind.ASSUMED, "counter", name=one.heading.text, line=one.line.id)
            rise, took = np.diff(wh, prepend=np.nan), np.diff(times_s, prepend=np.nan)
            return rise * HOUR_S / took
        minutes = step_s / MINUTE_S
        self._note(NoteKind.ASSUMED, "energy", name=one.heading.text, line=one.line.id, minutes=minutes)
        return wh * HOUR_S / step_s

    def _guess_unit(self, loads: Sequence[tuple[Used, Floats]]) -> Unit:
        """The unit of the columns without one."""
        shares = {
            one.at: _peak(column) / one.line.rated_w
            for one, column in loads
            if one.line.rated_w and _peak(column)
        }
        if KW_LOW <= max(shares.values(), default=0.0) <= KW_HIGH:
            if self.step_s > COARSE_S:  # the mean power of an interval, or its energy?
                self._ask(*loads[0], ("kW", "kWh"))
            for one, column in loads:
                self._note_unit(one, column)
            return _KILOWATT
        for one, column in loads:
            self._check_watts(one, column, shares.get(one.at, 0.0))
        return _WATT

    def _check_watts(self, one: Used, column: Floats, share: float) -> None:
        """Whether a column can be in W among others that are."""
        if share > ABSURD:
            self._refuse_absurd(one, _peak(column), "W", share)
        if KW_LOW <= share <= KW_HIGH and _swings(column):
            self._ask(one, column, ("W", "kW"))
        if 0 < share <= KW_HIGH:
            self._note(NoteKind.READ, "idle unit", line=one.line.id, share=100 * share, unit="W")

    def _note_unit(self, one: Used, column: Floats) -> None:
        values = {"peak": _peak(column), "rated_kw": one.line.rated_w / W_PER_KW}
        self._note(NoteKind.ASSUMED, "unit", name=one.heading.text, line=one.line.id, unit="kW", **values)

    def _ask(self, one: Used, column: Floats, units: tuple[str, ...]) -> None:
        question = self._fill("which unit", one, peak=_peak(column), rated_kw=one.line.rated_w / W_PER_KW)
        choices = [(f"{one.line.id}={unit}", Words.same(unit)) for unit in units]
        raise QuestionError(question, "--unit", choices)

    def _refuse_absurd(self, one: Used, peak: float, unit: str, share: float) -> None:
        rated_kw = one.line.rated_w / W_PER_KW
        raise LoadsError([self._fill("absurd", one, peak=peak, unit=unit, rated_kw=rated_kw, times=share)])

    def _convert_channel(self, one: Used, column: Floats) -> Floats:
        if one.channel == Quantity.PF.value:
            top = _peak(column)
            if PERCENT_MIN < top <= PERCENT_MAX:
                self._note(NoteKind.ASSUMED, "percent", name=one.heading.text)
                return column / PERCENT_MAX
            return column
        return column * (one.heading.unit.factor if one.heading.unit else 1.0)


def _peak(column: Floats) -> float:
    """The highest usual magnitude; 0 for no number."""
    known = np.abs(column[np.isfinite(column)])
    return float(np.quantile(known, 0.999)) if len(known) else 0.0


def _swings(column: Floats) -> bool:
    known = np.abs(column[np.isfinite(column)])
    low, high = np.quantile(known, (0.05, 0.995))
    return bool(high > SWINGS * max(low, 1e-9))
