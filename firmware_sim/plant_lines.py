"""The profile of a line in a plant file: only the keys that its shape has."""

import re
from typing import Any, Final

import attrs

from firmware_sim.plant_table import PlantTable
from firmware_sim.signals import DAY_S, Profile, Shape

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
_LOAD_KEYS: Final = ("level", "level_spread", "standby", "noise", "swing", "base", "gain")
_LOAD_MAX: Final = 2.0
"""No line takes more than twice its rated power for longer than a start."""
_TIME_KEYS: Final = ("ramp_s", "jitter_s", "on_s", "off_s", "lag_s", "lead_s", "tail_s", "smooth_s")
_TIMED: Final = frozenset({"on_s", "off_s", "spread"})
_WINDOWED: Final = frozenset({"shifts", "days", "jitter_s"})
_LEADING: Final = frozenset({"lines", "lag_s", "lead_s", "tail_s", "smooth_s", "base", "gain"})
_NOT_OF: Final = {
    Shape.SHIFT: _TIMED | _LEADING,
    Shape.BATCH: _LEADING,
    Shape.CONTINUOUS: _TIMED | _WINDOWED | _LEADING,
    Shape.DUTY_CYCLED: _LEADING | {"spread"},
    Shape.FOLLOWS: _WINDOWED | {"spread", "level", "level_spread"},
}
"""Keys that a shape does not have; a file that gives them is a mistake."""
_NEEDED: Final = {
    Shape.SHIFT: ("shifts",),
    Shape.BATCH: ("shifts", "on_s", "off_s"),
    Shape.CONTINUOUS: (),
    Shape.DUTY_CYCLED: ("on_s", "off_s"),
    Shape.FOLLOWS: ("lines",),
}


def read_profile(table: PlantTable) -> Profile:
    """The table `profile` of a line."""
    shape = table.choice("shape", Shape)
    default = Profile(shape)
    for key in _NEEDED[shape]:
        if not table.has(key):
            table.note(key, f'missing: shape "{shape}" needs it')
    for key in sorted(_NOT_OF[shape]):
        if table.has(key):
            table.note(key, f'shape "{shape}" has no such key')
    highest = dict.fromkeys(_LOAD_KEYS, _LOAD_MAX) | dict.fromkeys(_TIME_KEYS, DAY_S / 2)
    numbers: dict[str, Any] = {
        key: table.number(key, getattr(default, key), low=0.0, high=high) for key, high in highest.items()
    }
    profile = attrs.evolve(
        default,
        **numbers,
        spread=table.number("spread", default.spread, low=0.0, high=0.9),
        shifts=_read_shifts(table),
        days=_read_days(table, default.days),
        lines=table.texts("lines") if table.has("lines") else (),
    )
    if shape is Shape.BATCH and table.has("on_s") and profile.on_s < 1:
        table.note("on_s", "a batch takes at least a second")
    table.finish()
    return profile


def _read_shifts(table: PlantTable) -> tuple[tuple[float, float], ...]:
    shifts = []
    for text in table.texts("shifts") if table.has("shifts") else ():
        match = _WINDOW.fullmatch(text)
        if match is None:
            table.note("shifts", f"{text!r} is no window like 08:00-17:30")
            continue
        begin_h, begin_min, end_h, end_min = (int(part) for part in match.groups())
        shifts.append((begin_h * 3600.0 + begin_min * 60.0, end_h * 3600.0 + end_min * 60.0))
    return tuple(shifts)


def _read_days(table: PlantTable, default: frozenset[int]) -> frozenset[int]:
    if not table.has("days"):
        return default
    days = table.values("days")
    if all(isinstance(day, int) and 1 <= day <= 7 for day in days):
        return frozenset(int(day) for day in days)
    table.note("days", "must be ISO weekdays, 1 (Monday) to 7")
    return default
