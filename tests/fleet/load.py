"""More than a centre can take: an hour's backlog beside live seals, and twice the seals that it can.

One process and a file. The backlog that is played is a part of the hour, because it drains evenly: what the
whole hour takes follows from it. The overload comes from other gateways than those that showed what the
centre can take, and lasts until their seals are made; then all of it must be receipted.
"""

from typing import Any, Final

from tests.fleet.audit import audit
from tests.fleet.player import CONNECTS_PER_S
from tests.fleet.processes import begin_alone, centre
from tests.fleet.table import Row, count_seals, list_losses, quantile, say

INTERVAL_S: Final = 10.0
HOUR_SEALS: Final = 360
BACKLOG: Final = 60
"""Of each gateway: ten minutes."""
BACKLOG_GATEWAYS: Final = 1_000
LIVE: Final = 18
"""Seals made meanwhile: three minutes."""
HOUR_MIN: Final = 20.0
LIVE_P99_S: Final = 5.0
PEAK_GATEWAYS: Final = 200
CROWD: Final = 3_000
CROWD_SEALS: Final = 12
TWICE: Final = 2.0
GOING_ON: Final = 0.8
"""Of the peak rate: receipts while twice as much is asked for."""
DRAIN_S: Final = 1_200.0


def measure_backlog(scale: float) -> list[Row]:
    """Every gateway of a full centre comes back at once."""
    count = max(int(BACKLOG_GATEWAYS * scale), 1)
    with centre(count, is_shared=False) as town:
        fleet = town.fleet(
            gateways=count, interval_s=INTERVAL_S, backlog=BACKLOG, seals=LIVE, drain_s=DRAIN_S
        )
        begin_alone(town, fleet)
        begin_s = fleet.begin()
        result = fleet.result()
        checked = audit(town.place, result)
    made, got = count_seals(result)
    end_s = max(one["receipted_s"][BACKLOG - 1] for one in result["gateways"].values() if one["receipted"])
    hour_min = (end_s - begin_s) / 60 * HOUR_SEALS / BACKLOG * BACKLOG_GATEWAYS / count
    p99_s = quantile(live_waits(result, end_s), 0.99)
    return [
        Row(
            f"{count} gateways with {BACKLOG} seals each: receipted",
            f"{got} of {made}",
            "all",
            got == made,
        ),
        Row(
            f"an hour's backlog of {BACKLOG_GATEWAYS}, by that",
            f"{hour_min:.1f} min",
            f"<= {HOUR_MIN:g} min",
            hour_min <= HOUR_MIN,
        ),
        Row("p99 of live seals beside it", f"{p99_s:.2f} s", f"<= {LIVE_P99_S:g} s", p99_s <= LIVE_P99_S),
        *list_losses(checked),
    ]


def live_waits(result: dict[str, Any], until_s: float) -> list[float]:
    """How long live seals waited that were made until then; infinite for those without a receipt."""
    waits = [
        wait_s for one in result["gateways"].values() for made_s, wait_s in one["live_s"] if made_s < until_s
    ]
    lost = sum(one["live_left"] for one in result["gateways"].values())
    return waits + [float("inf")] * lost


def measure_overload(scale: float) -> list[Row]:
    """What it can take, by a backlog; then twice of that from a crowd."""
    few, crowd = max(int(PEAK_GATEWAYS * scale), 2), max(int(CROWD * scale), 2)
    with centre(few + crowd, is_shared=False) as town:
        first = town.fleet(gateways=few, backlog=BACKLOG, seals=0, drain_s=DRAIN_S)
        second = town.fleet(first=few, gateways=crowd, seals=CROWD_SEALS, drain_s=DRAIN_S)
        begin_alone(town, first, second)
        first.begin()
        peak = steady_rate(moments_of(first.result()))
        interval_s = crowd / (TWICE * peak)
        say(f"it can {peak:.0f} seals a second; {crowd} gateways seal each {interval_s:.1f} s")
        begin_s = second.begin(interval_s) + crowd / CONNECTS_PER_S
        result = second.result()
        checked = audit(town.place, result)
    made, got = count_seals(result)
    length_s = interval_s * CROWD_SEALS
    window = begin_s + length_s / 4, begin_s + length_s  # by then it is behind
    rate = sum(window[0] <= one < window[1] for one in moments_of(result)) / (window[1] - window[0])
    return [
        Row("the most that it can, 20 readings a seal", f"{peak:.0f} seals/s"),
        Row(
            f"{crowd} gateways with twice of it: receipts",
            f"{rate:.0f} seals/s",
            f">= {GOING_ON * peak:.0f}",
            rate >= GOING_ON * peak,
        ),
        Row("of those receipted in the end", f"{got} of {made}", "all", got == made),
        *list_losses(checked),
    ]


def moments_of(result: dict[str, Any]) -> list[float]:
    """When each seal was receipted with its body."""
    return sorted(at_s for one in result["gateways"].values() for at_s in one["receipted_s"])


def steady_rate(moments: list[float]) -> float:
    """A second, without the first and the last tenth, when not all are there yet or any more."""
    begin, end = len(moments) // 10, len(moments) * 9 // 10
    return (end - begin) / max(moments[end] - moments[begin], 1e-9)
