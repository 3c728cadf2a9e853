"""Plants that break no rule but look as if they might: every alarm about them is a false one.

Four weeks each, the first 72 hours (Thursday to Saturday) for commissioning; what is awkward about a plant
mostly begins after that, as it does in life. The docstring of each plant explains why it is honest. `cases`
yields them with 2 % missing samples; the only events are true data gaps while a meter is exchanged.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from tests.bench_detection.cases import ACCEPTS, MISSING, Case, Event, Pair
from tests.bench_detection.yard import (
    DAYS,
    PRODUCTION_W,
    SUNDAY,
    TREATMENT_W,
    VOLTS,
    around,
    open_yard,
    pair_of,
    sway,
)  # fmt: skip

NAME: Final = "honest"
MISSING_SHARE: Final = 0.02
LEARNED_DAYS: Final = 3


def maintenance_runs(seed: int) -> Pair:
    """The fan runs 50 minutes on Sundays after its bearings were greased: treatment alone harms nobody."""
    yard = open_yard("maintenance", seed, (7.0, 19.0))
    for day in yard.sundays():
        a = yard.slot(day, yard.rng.uniform(9, 14))
        yard.fan[a : a + 300] = True
        yard.fan[a - 60 : a - 48] = True
    return pair_of("maintenance runs", yard)


def test_turns(seed: int) -> Pair:
    """The electrician turns the machine over four times, for less than one grace in all."""
    yard = open_yard("test starts", seed, (7.0, 19.0))
    for day in yard.sundays():
        a = yard.slot(day, yard.rng.uniform(8, 15))
        for turn in range(4):
            at = a + 90 * turn
            yard.on[at : at + int(yard.rng.integers(3, 7))] = True
    return pair_of("test starts", yard)


def power_dips(seed: int) -> Pair:
    """The works loses its supply for seconds or minutes; the fan is back two and a half minutes later."""
    yard = open_yard("power dips", seed, (7.0, 19.0))
    for day in yard.rng.choice(np.arange(LEARNED_DAYS + 1, DAYS), 10, replace=False):
        a = yard.slot(float(day), yard.rng.uniform(8, 18))
        back = a + int(yard.rng.integers(2, 48))
        yard.dark[a:back] = True
        yard.on[a:back] = False
        yard.fan[a : back + int(yard.rng.integers(6, 16))] = False
    return pair_of("power dips", yard)


def filter_cleaning(seed: int) -> Pair:
    """Bags are cleaned one chamber at a time, three minutes every two hours; they clog from day to day."""
    yard = open_yard("filter", seed, (7.0, 21.0))
    yard.draught *= 1 + 0.12 * (yard.day % 7) / 6
    yard.draught[(yard.hour % 2 >= 1) & (yard.hour % 2 < 1.05)] *= 0.62
    return pair_of("filter cleaning", yard)


def summer_drift(seed: int) -> Pair:
    """Warm air is thin: the same fan at the same speed takes 10 % less, while orders bring 8 % more load."""
    yard = open_yard("summer", seed, (7.0, 19.0))
    through = np.linspace(0, 1, len(yard.on))
    yard.draught *= 1 - 0.10 * through
    yard.load *= 1 + 0.08 * through
    return pair_of("summer drift", yard)


def winter_heating(seed: int) -> Pair:
    """A thermostat heats the scrubber's sump at night against frost, with a fifth of the fan's power."""
    yard = open_yard("winter", seed, (7.0, 19.0))
    pair = pair_of("winter heating", yard)
    warm = (yard.day > LEARNED_DAYS) & ~yard.fan & (yard.hour % 1.25 < 0.5)
    heat = np.where(warm, np.rint(0.2 * TREATMENT_W * (1 + yard.rng.normal(0, 0.003, len(warm)))), 0).astype(
        np.int64
    )
    pair.treatment_w[:] += heat
    assert pair.pf_treatment is not None
    assert pair.current_treatment_a is not None
    pair.pf_treatment[warm] = 0.998
    pair.current_treatment_a[warm] = pair.treatment_w[warm] / (3 * VOLTS)
    return pair


def _exchanged(seed: int) -> tuple[Pair, tuple[Event, ...]]:
    yard = open_yard("meter", seed, (7.0, 19.0))
    pair = pair_of("meter replaced", yard)
    events = []
    for day, watts, scale in ((11, pair.treatment_w, 1.015), (19, pair.production_w, 0.985)):
        a = yard.slot(day, yard.rng.uniform(9, 15))
        b = a + int(yard.rng.integers(90, 180))
        watts[b:] = np.rint(watts[b:] * scale).astype(np.int64)
        watts[a:b] = MISSING
        begin, end = float(pair.times_s[a]), float(pair.times_s[b])
        events.append(
            Event(klass="gap", begin_s=begin, end_s=end, accepts=ACCEPTS["gap"], variant="meter replaced")
        )
    return pair, tuple(events)


def meter_replaced(seed: int) -> Pair:
    """A meter is exchanged within half an hour; the new one is as right as the old, 1.5 % apart."""
    return _exchanged(seed)[0]


def lunch_breaks(seed: int) -> Pair:
    """Line and fan rest at noon and come back together, the fan at most four minutes later."""
    yard = open_yard("lunch", seed, (7.0, 11.5), (12.75, 18.0))
    yard.fan = around(yard.rng, yard.on, (-240, 60), (60, 600))
    return pair_of("lunch breaks", yard)


def standby_production(seed: int) -> Pair:
    """Hydraulics idle at night at 15 % of the load and emit nothing; the fan rests."""
    return pair_of(
        "standby production", open_yard("standby", seed, (7.0, 19.0)), standby_w=0.15 * PRODUCTION_W
    )


def shared_treatment(seed: int) -> Pair:
    """One drive serves a large and a small line and turns as fast as those that run need."""
    yard = open_yard("shared", seed, (7.0, 22.0))
    slots = len(yard.on)
    small = yard.on & ((yard.hour >= 9) & (yard.hour < 17) | (yard.day % 3 == 1))
    large = yard.on & ~(small & (yard.hour >= 14) & (yard.day % 2 == 0))
    watts = 36_000 * large * sway(yard.rng, slots, 0.05) + 14_000 * small * sway(yard.rng, slots, 0.08)
    yard.load = np.where(watts > 0, watts, PRODUCTION_W)
    yard.draught = np.interp(
        np.convolve(watts, np.full(12, 1 / 12), "same"), (0, 14_000, 50_000), (8e3, 9e3, 22e3)
    )
    share = np.where(watts > 0, 36_000 * large / np.maximum(36_000.0 * large + 14_000 * small, 1), 0.7)
    return pair_of("shared treatment", yard, split={"production": share})


def low_load_sundays(seed: int) -> Pair:
    """A new Sunday shift at half load, never seen before, with the drive turned down as the permit allows."""
    yard = open_yard("low load", seed, (7.0, 19.0), sunday=True)
    sunday = yard.day % 7 == SUNDAY
    yard.load[sunday] *= 0.5
    yard.draught[sunday] *= 0.62
    return pair_of("low load Sundays", yard)


def duty_and_standby(seed: int) -> Pair:
    """Two fans take turns by the week; the second starts within a minute and takes 8 % less."""
    yard = open_yard("duty", seed, (0.0, 23.9), sunday=True)
    yard.fan[:] = True
    second = yard.day % 14 >= 7
    yard.draught *= np.where(second, 0.92, 1.0)
    for a in np.flatnonzero(np.diff(second.astype(np.int8))):
        yard.fan[a + 1 : a + 1 + int(yard.rng.integers(1, 6))] = False
    return pair_of("duty and standby", yard, split={"treatment": np.where(second, 0.001, 0.999)})


def started_by_hand(seed: int) -> Pair:
    """Somebody walks over and starts the fan, four and a half minutes late at most: within the grace."""
    yard = open_yard("by hand", seed, (7.0, 12.0), (13.0, 19.0))
    yard.fan = around(yard.rng, yard.on, (-270, -60), (120, 600))
    return pair_of("started by hand", yard)


def airing(seed: int) -> Pair:
    """The hall is aired for 70 minutes after some shifts; treating more than asked is no offence."""
    yard = open_yard("airing", seed, (7.0, 19.0))
    for day in range(LEARNED_DAYS + 1, DAYS):
        if day % 7 in {4, 6}:
            yard.fan[yard.slot(day, 19) : yard.slot(day, 20.17)] = True
    return pair_of("airing", yard)


PLANTS: Final[tuple[Callable[[int], Pair], ...]] = (
    maintenance_runs, test_turns, power_dips, filter_cleaning, summer_drift, winter_heating, meter_replaced,
    lunch_breaks, standby_production, shared_treatment, low_load_sundays, duty_and_standby,
    started_by_hand, airing,
)  # fmt: skip


def cases(seed: int) -> Iterator[Case]:
    """Every plant once, with 2 % of its samples missing."""
    for n, plant in enumerate(PLANTS):
        pair, events = _exchanged(seed) if plant is meter_replaced else (plant(seed), ())
        rng = np.random.default_rng([seed, n])
        for watts in (pair.production_w, pair.treatment_w):
            watts[rng.random(len(watts)) < MISSING_SHARE] = MISSING
        yield Case(pair=pair, events=events, injector=NAME, seed=seed)
