"""The first injector: all nine classes at seeded places, with the nuisances of every run.

Deeds are done one after the other from the end of commissioning, in random order, each where
production runs and with at least REST slots of health between them; a class that finds no place is left
out (production that never stops has no late start). What each deed is:

- off: treatment to its standby power, 10 to 90 min (duty-cycled: at least 40).
- idle: treatment at 10 to 45 % of what it would draw, power factor low, 20 to 120 min.
- late_start: treatment stays off from before a run of production to 10 to 60 min after its start.
- early_stop: treatment stops 7 to 35 min before a run ends and stays off.
- dummy flat: for 13 h a heater takes the place of treatment: median power, steady but for the square
  of the mains voltage, power factor 1. dummy replayed: for 13 h the meter shows what it showed some
  hours earlier (not made where production never stops: treatment that is always the same and a replay
  of it are the same thing).
- ct_prod: the current transformer of production is unclipped: 0 W at once, 10 to 90 min.
- stuck: all registers keep a value, 45 to 180 min.
- gap: no answer from treatment, production or both, 6 min to 3 h; `dead` for 8 h.

Nuisances: 2 % missing samples, treatment reads 0 for one sample now and then, short jogs of production
without treatment, treatment left running after production.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import evolve, frozen

from tests.bench_detection.cases import ACCEPTS, GRACE_S, Case, Event, Floats, Pair
from tests.bench_detection.draft import PRODUCTION, TREATMENT, Draft
from tests.bench_detection.loads import HOUR, MINUTE, on_runs

NAME: Final = "A"
REST: Final = 2 * HOUR
MATURE: Final = 20 * MINUTE
"""Production runs for so long before a deed; a fifth of a run where runs are short."""
DUMMY: Final = 13 * HOUR
PLAN: Final = (
    ("off", 4), ("idle", 4), ("late_start", 3), ("early_stop", 3), ("flat", 1), ("replayed", 1),
    ("ct_prod", 2), ("stuck_treatment", 2), ("stuck_production", 2), ("gap", 2), ("dead", 1),
)  # fmt: skip
"""How often each deed is tried."""
MISSING_SHARE: Final = 0.02
DIP_SHARE: Final = 0.0004


def inject(pair: Pair, seed: int) -> Case:
    """All classes and all nuisances."""
    rng = np.random.default_rng([seed, 11, len(pair.name), len(pair.times_s)])
    draft = Draft(pair)
    site = _Site(pair, draft, rng)
    _healthy_nuisances(draft, site, rng)
    kinds = [kind for kind, times in PLAN for _ in range(times)]
    rng.shuffle(kinds)
    cursor = site.first
    events: list[Event] = []
    for kind in kinds:
        event = _DEEDS[kind](site, cursor)
        if event is not None:
            events.append(event)
            cursor = site.slot(event.end_s) + REST
    _transmission(draft, rng)
    return Case(pair=draft.pair(), events=tuple(events), injector=NAME, seed=seed)


def clean(pair: Pair, seed: int) -> Case:
    """The nuisances alone: whatever is raised is a false alarm."""
    rng = np.random.default_rng([seed, 12, len(pair.name)])
    draft = Draft(pair)
    _healthy_nuisances(draft, _Site(pair, draft, rng), rng)
    _transmission(draft, rng)
    return Case(pair=draft.pair(), events=(), injector="clean", seed=seed)


def spoil_commissioning(pair: Pair, seed: int, hours: float = 8.0) -> Pair:
    """The same pair with so much production without treatment while it is being commissioned."""
    rng = np.random.default_rng([seed, 13])
    draft = Draft(pair)
    site = _Site(pair, draft, rng)
    end = pair.commission_hours * HOUR
    left = round(hours * HOUR)
    spans = [(max(begin, MATURE), min(stop, end)) for begin, stop in site.runs if begin < end - MATURE]
    while left > 0 and spans:
        begin, stop = spans.pop(int(rng.integers(len(spans))))
        stop = min(stop, begin + left)
        site.standby(slice(begin, stop))
        left -= max(0, stop - begin)
    return draft.pair()


class _Site:
    """Where production runs, and how treatment looks when it does not."""

    def __init__(self, pair: Pair, draft: Draft, rng: np.random.Generator) -> None:
        self.pair, self.draft, self.rng = pair, draft, rng
        self.runs = on_runs(pair)
        self.first = pair.commission_hours * HOUR + HOUR
        self.end = len(pair.times_s)
        off = pair.treatment_w[pair.treatment_w < 0.05 * pair.rated_treatment_w]
        self.quiet_w = float(np.median(off)) if len(off) else 5.0
        self.least = 40 * MINUTE if pair.duty_cycled else 0
        steady = self.runs[0][1] - self.runs[0][0] > 0.9 * self.end
        self.never_stops = steady
        usual = int(np.median([end - begin for begin, end in self.runs]))
        self.mature = min(MATURE, usual // 5)
        self.margin = min(6 * MINUTE, usual // 8)

    def slot(self, t_s: float) -> int:
        return round((t_s - float(self.pair.times_s[0])) / self.pair.dt_s)

    def at_s(self, slot: int) -> float:
        return float(self.pair.times_s[min(slot, self.end - 1)])

    def minutes(self, low: int, high: int) -> int:
        return max(int(self.rng.integers(low * MINUTE, high * MINUTE + 1)), self.least)

    def event(self, klass: str, begin: int, end: int, variant: str = "") -> Event:
        return Event(
            klass=klass,
            begin_s=self.at_s(begin),
            end_s=self.at_s(end),
            accepts=ACCEPTS[klass],
            variant=variant,
        )

    def standby(self, where: slice) -> None:
        """Treatment switched off."""
        n = where.stop - where.start
        quiet = self.quiet_w * (1 + 0.1 * self.rng.standard_normal(n))
        self.draft.power(TREATMENT, where, quiet, 0.45 + 0.03 * self.rng.standard_normal(n))

    def inside(self, cursor: int, length: int) -> slice | None:
        """A stretch of a run after `cursor`, with ripe production before it and some after it."""
        for begin, end in self.runs:
            free = max(begin + self.mature, cursor)
            if free + length + self.margin <= end:
                room = min(end - length - self.margin - free, 6 * HOUR)
                at = free + int(self.rng.integers(0, room + 1))
                return slice(at, at + length)
        return None


def _off(site: _Site, cursor: int) -> Event | None:
    where = site.inside(cursor, site.minutes(10, 90)) or site.inside(cursor, max(site.least, 10 * MINUTE))
    if where is None:
        return None
    site.standby(where)
    return site.event("off", where.start, where.stop)


def _idle(site: _Site, cursor: int) -> Event | None:
    where = site.inside(cursor, site.minutes(20, 120)) or site.inside(cursor, max(site.least, 12 * MINUTE))
    if where is None:
        return None
    share = site.rng.uniform(0.10, 0.45)
    power = site.draft.watts[TREATMENT][where] * share
    site.draft.power(TREATMENT, where, power, 0.25 + 0.5 * share)
    return site.event("idle", where.start, where.stop)


def _late_start(site: _Site, cursor: int) -> Event | None:
    length = GRACE_S // site.pair.dt_s + site.minutes(10, 60)
    before = 30 * MINUTE
    for previous, (begin, end) in zip([(0, 0), *site.runs], site.runs, strict=False):
        if begin < cursor + before or begin - previous[1] < before + 10 * MINUTE:
            continue
        stop = min(begin + length, end - site.margin)
        if stop - begin < GRACE_S // site.pair.dt_s + max(8 * MINUTE, site.least):
            continue
        site.standby(slice(begin - before, stop))
        return site.event("late_start", begin + GRACE_S // site.pair.dt_s, stop)
    return None


def _early_stop(site: _Site, cursor: int) -> Event | None:
    length = site.minutes(7, 35)
    following = [*site.runs[1:], (site.end, site.end)]
    for (begin, end), (later, _) in zip(site.runs, following, strict=True):
        at = end - length
        if at < max(cursor, begin + 10 * MINUTE) or later - end < 45 * MINUTE:
            continue
        site.standby(slice(at, min(end + 40 * MINUTE, later)))
        return site.event("early_stop", at, end)
    return None


def _flat(site: _Site, cursor: int) -> Event | None:
    where = _long(site, cursor)
    if where is None:
        return None
    own = site.draft.watts[TREATMENT][where]
    on = own > 0.2 * site.pair.rated_treatment_w
    level = float(np.median(own[on]))
    volts = site.draft.voltage(TREATMENT)
    n = len(own)
    mains: Floats = 1 + 0.0003 * site.rng.standard_normal(n)
    if volts is not None:
        mains = volts[where] / float(np.mean(volts[where]))
    heater = level * mains**2
    site.draft.power(
        TREATMENT,
        where,
        np.where(on, heater, own),
        np.where(on, 0.997 + 0.001 * site.rng.standard_normal(n), 0.45).clip(0, 1),
    )
    return site.event("dummy", where.start, where.stop, "flat")


def _replayed(site: _Site, cursor: int) -> Event | None:
    where = _long(site, cursor)
    if where is None or site.never_stops:
        return None
    back = int(site.rng.integers(2 * HOUR, 8 * HOUR)) + 24 * HOUR
    site.draft.replay(TREATMENT, where, where.start - back)
    return site.event("dummy", where.start, where.stop, "replayed")


def _long(site: _Site, cursor: int) -> slice | None:
    """Thirteen hours from within a run."""
    for begin, end in site.runs:
        at = max(begin + site.mature, cursor)
        if at + min(HOUR, (end - begin) // 2) <= end and at + DUMMY < site.end:
            return slice(at, at + DUMMY)
    return None


def _ct_prod(site: _Site, cursor: int) -> Event | None:
    where = site.inside(cursor, site.minutes(10, 90)) or site.inside(cursor, 10 * MINUTE)
    if where is None:
        return None
    site.draft.power(PRODUCTION, where, np.zeros(where.stop - where.start), 1.0)
    return site.event("ct_prod", where.start, where.stop)


def _stuck(side: str) -> Callable[[_Site, int], Event | None]:
    def deed(site: _Site, cursor: int) -> Event | None:
        where = site.inside(cursor, site.minutes(45, 180)) or site.inside(cursor, site.minutes(45, 46))
        if where is None:
            where = site.inside(cursor, 15 * MINUTE)
        if where is None:
            return None
        site.draft.freeze(side, where)
        return site.event(f"stuck_{side}", where.start, where.stop)

    return deed


def _gap(site: _Site, cursor: int) -> Event | None:
    where = site.inside(cursor, site.minutes(6, 180)) or site.inside(cursor, 10 * MINUTE)
    return None if where is None else _silent(site, where, "")


def _dead(site: _Site, cursor: int) -> Event | None:
    where = _long(site, cursor)
    return None if where is None else _silent(site, slice(where.start, where.start + 8 * HOUR), "dead")


def _silent(site: _Site, where: slice, variant: str) -> Event:
    sides = ((TREATMENT,), (TREATMENT,), (PRODUCTION,), (PRODUCTION, TREATMENT))
    for side in sides[int(site.rng.integers(len(sides)))]:
        site.draft.silence(side, where)
    return site.event("gap", where.start, where.stop, variant)


_DEEDS: Final[dict[str, Callable[[_Site, int], Event | None]]] = {
    "off": _off,
    "idle": _idle,
    "late_start": _late_start,
    "early_stop": _early_stop,
    "flat": _flat,
    "replayed": _replayed,
    "ct_prod": _ct_prod,
    "stuck_treatment": _stuck(TREATMENT),
    "stuck_production": _stuck(PRODUCTION),
    "gap": _gap,
    "dead": _dead,
}


def _healthy_nuisances(draft: Draft, site: _Site, rng: np.random.Generator) -> None:
    """Jogs without treatment and treatment left running, in a fifth of the pauses each."""
    top = float(np.quantile(site.pair.production_w, 0.95))
    for (first, begin), (end, _) in zip(site.runs[:-1], site.runs[1:], strict=True):
        before = begin - first
        length = end - begin
        if length > 3 * HOUR and rng.random() < 0.4:
            at = begin + HOUR + int(rng.integers(0, length - 2 * HOUR))
            jog = slice(at, at + int(rng.integers(2, 11)))
            draft.power(PRODUCTION, jog, np.full(jog.stop - jog.start, rng.uniform(0.3, 0.7) * top), 0.75)
        if length > 90 * MINUTE and rng.random() < 0.2:
            over = slice(begin, begin + min(int(rng.integers(10, 26)) * MINUTE, before))
            draft.replay(TREATMENT, over, begin - (over.stop - over.start))


def _transmission(draft: Draft, rng: np.random.Generator) -> None:
    n = len(draft.watts[TREATMENT])
    for at in np.flatnonzero(rng.random(n) < DIP_SHARE).tolist():
        if draft.watts[TREATMENT][at] > 0:
            draft.power(TREATMENT, slice(at, at + 1), np.zeros(1), 0.0)
    for side in (PRODUCTION, TREATMENT):
        draft.silence(side, rng.random(n) < MISSING_SHARE)


@frozen(kw_only=True)
class Stress:
    """One way in which a plant is worse than the one that was commissioned."""

    name: str
    missing: float = 0.0
    zeros: float = 0.0
    drift: float = 0.0
    late: float = 0.0


STRESSES: Final = (
    Stress(name="missing 10 %", missing=0.10),
    Stress(name="missing 30 %", missing=0.30),
    Stress(name="zeros 0.5 %", zeros=0.005),
    Stress(name="drift -10 %", drift=-0.10),
    Stress(name="drift +15 %", drift=0.15),
    Stress(name="out of order", late=0.05),
)


def stressed(case: Case, stress: Stress) -> Case:
    """The case with more of a nuisance after commissioning; drift is that of treatment's power."""
    rng = np.random.default_rng([case.seed, 14])
    draft = Draft(case.pair)
    n = len(case.pair.times_s)
    after = np.arange(n) >= case.pair.commission_hours * HOUR
    treatment = draft.watts[TREATMENT]
    if stress.drift:
        grown = np.rint(treatment * (1 + stress.drift * np.linspace(0, 1, n))).astype(np.int64)
        draft.watts[TREATMENT] = np.where((treatment > 0) & after, grown, treatment)
    for side in (PRODUCTION, TREATMENT):
        watts = draft.watts[side]
        watts[(rng.random(n) < stress.zeros) & after & (watts > 0)] = 0
        draft.silence(side, (rng.random(n) < stress.missing) & after)
    late = None
    if stress.late:
        late = np.where((rng.random(n) < stress.late) & after, rng.integers(1, 3, n), 0)
    return evolve(case, pair=draft.pair(), late_slots=late)
