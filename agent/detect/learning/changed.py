"""Whether a plant has changed since it was commissioned, and the days to learn from again.

A change is proposed, never taken: parameters that follow a plant by themselves follow one that gets worse.
It has to hold on every working day from the first on which it shows until the end of the data.

- product: production is above its learned range for a good part of the day.
- drift: treatment draws another power than it did at the same production (a filter, a fan, a damper).
- machine: a line of the linkage was not there at commissioning, and runs.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from attrs import frozen

from agent.detect.learning.series import Floats, Grid
from agent.detect.line_params import nameplate_threshold
from agent.detect.params import LinkageParams
from evidence.moments import local_text
from evidence.words import Words

DAY_S: Final = 86_400
WORKED_MIN_S: Final = 7200
"""A day with less production is no working day."""
DAYS_MIN: Final = 2
"""One day is an exception."""
ABOVE_SHARE: Final = 0.2
DRIFT: Final = 0.1
"""Seasons and clean filters move the power of a fan by less; a limit of 82 % leaves room for as much."""

WORDS: Final[Mapping[str, Words]] = {
    "product": Words("生产功率高于学习到的范围", "production is above what was learned"),
    "less": Words(
        "同样生产下治污功率少{percent}%", "treatment draws {percent} % less at the same production"
    ),
    "more": Words(
        "同样生产下治污功率多{percent}%", "treatment draws {percent} % more at the same production"
    ),
    "machine": Words("{line}调试时还没有", "{line} was not there at commissioning"),
    "learn": Words(
        "自{begin}起{what}：如属实，请用{begin}至{end}重新学习（--from {begin} --until {end} --confirm）",
        "since {begin} {what}: if that is so, learn again from {begin} until {end} (--from {begin} "
        "--until {end} --confirm)",
    ),
}


@frozen
class Proposal:
    """Days to learn from, and why: product, drift or machine."""

    kind: str
    begin: str
    end: str
    words: Words


@frozen
class _Day:
    date: str
    above: float
    ratio: float
    new: frozenset[str]


def propose_days(params: LinkageParams, rated_w: Mapping[str, float], data: Grid) -> Proposal | None:
    """What has changed against `params`, if it holds to the end of `data`; `rated_w` of the lines now."""
    days = list(_list_days(params, rated_w, data))
    for kind in ("machine", "product", "drift"):
        held = _hold(kind, days)
        if len(held) >= DAYS_MIN:
            begin, end = held[0].date, held[-1].date
            what = _describe(kind, held)
            return Proposal(kind, begin, end, WORDS["learn"].fill(begin=begin, end=end, what=what))
    return None


def _hold(kind: str, days: list[_Day]) -> list[_Day]:
    """The last days without a break on which it shows, in one direction."""
    held: list[_Day] = []
    for day in reversed(days):
        shows = {
            "machine": bool(day.new),
            "product": day.above >= ABOVE_SHARE,
            "drift": abs(day.ratio - 1) >= DRIFT and (not held or (day.ratio > 1) == (held[-1].ratio > 1)),
        }
        if not shows[kind]:
            break
        held.append(day)
    return held[::-1]


def _describe(kind: str, held: list[_Day]) -> Words:
    if kind == "machine":
        return WORDS[kind].fill(line=", ".join(sorted(held[0].new)))
    if kind == "product":
        return WORDS[kind]
    ratio = float(np.median([day.ratio for day in held]))
    return WORDS["less" if ratio < 1 else "more"].fill(percent=round(100 * abs(ratio - 1)))


def _list_days(params: LinkageParams, rated_w: Mapping[str, float], data: Grid) -> Iterator[_Day]:
    """The working days, in the plant's zone."""
    hold = params.hold_slots
    u, t = (data.total([line.id for line in side], hold) for side in (params.production, params.treatment))
    on = np.nan_to_num(u, nan=0.0) >= params.on_production.hi_w
    known = {line.id for line in params.lines}
    new = {name: data.watts[name] >= nameplate_threshold(watts).hi_w for name, watts in rated_w.items()
           if name in data.watts and name not in known}  # fmt: skip
    number = (np.arange(data.slots) + data.first) * data.dt_s + params.utc_offset_s
    for day in np.unique(number // DAY_S).tolist():
        slots = number // DAY_S == day
        worked = slots & on
        if worked.sum() * data.dt_s < WORKED_MIN_S:
            continue
        runs = {name for name, is_on in new.items() if (slots & is_on).sum() * data.dt_s >= WORKED_MIN_S}
        above = float((u[worked] > params.range_hi_w).mean()) if params.range_hi_w else 0.0
        date = local_text(day * DAY_S, 0, "%Y-%m-%d")
        yield _Day(date, above, _find_ratio(params, u[worked], t[worked]), frozenset(runs))


def _find_ratio(params: LinkageParams, u: Floats, t: Floats) -> float:
    """The median of treatment while it runs, against the usual at the same production; 1 if it did not."""
    edges = np.array([one.from_w for one in params.envelope])
    usual = np.array([one.median_w for one in params.envelope], np.float64)
    runs = np.isfinite(u) & (np.nan_to_num(t, nan=0.0) >= params.on_treatment.hi_w)
    if runs.sum() < len(u) / 2 or len(params.envelope) == 1:
        return 1.0
    at = np.clip(np.searchsorted(edges, u[runs], side="right") - 1, 0, len(edges) - 1)
    return float(np.median(t[runs] / usual[at]))
