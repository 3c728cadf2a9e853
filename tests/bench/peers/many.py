"""A hundred TCP meters at as many addresses, a poll a second; then half of them die, in seven ways.

Figures of all 100: CPU and memory of the program, and the rate of its slowest meter. Then, after a warm-up
with the dead, the rate of the slowest live one. A rate is that of the meter's answers, as far as the polls of
all arrive at the observer, held against one a second.
"""

import os
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

from tests.bench.peers.load import DELIVERED_MIN
from tests.bench.peers.machine import MEBIBYTE, REST_CORE, usage
from tests.bench.peers.subjects import Subject
from tests.bench.peers.world import World, world
from tests.drivers.many_meters import Death, ManyMeters, many_meters

METERS: Final = 100
SEAL_S: Final = 3.0
WARM_S: Final = 15.0
"""Caches are filled; after the deaths, a program that gives up on a meter has done so."""
WINDOW_S: Final = 45.0
"""One poll at its edge is 2 %."""

Figures = dict[str, float]


def measured(program: Path, subject: Subject, window_s: float = WINDOW_S) -> Figures:
    """All figures of one program."""
    with many_meters(METERS) as meters:
        os.sched_setaffinity(meters.thread_id, {REST_CORE})
        urls = tuple(meters.urls)
        with world(program, subject, units=METERS, urls=urls, seal_s=SEAL_S) as here:
            here.start()
            here.until_polls(2 * METERS)
            time.sleep(WARM_S)
            asked, used = sum(meters.answers), usage(here.pid)
            healthy = _slowest(here, meters, range(METERS), window_s)
            now, polls = usage(here.pid), sum(meters.answers) - asked
            live = range(0, METERS, 2)
            for number, death in zip(range(1, METERS, 2), cycle(Death), strict=False):
                meters.die(number, death)
            time.sleep(WARM_S)
            return {
                "many_live": healthy,
                "many_half": _slowest(here, meters, live, window_s),
                "many_core": (now.cpu_s - used.cpu_s) / polls * METERS,
                "many_rss_mib": now.rss_bytes / MEBIBYTE,
            }


def _slowest(here: World, meters: ManyMeters, chosen: Sequence[int], window_s: float) -> float:
    """Polls a second of the slowest of these, at most 1; a poll at the window's edge is nobody's loss."""
    arrived, before, begin_s = _arrived(here, chosen), meters.answers, time.monotonic()
    time.sleep(window_s)
    came, after, passed_s = _arrived(here, chosen) - arrived, meters.answers, time.monotonic() - begin_s
    polls = [after[number] - before[number] for number in chosen]
    delivered = came / sum(polls) if any(polls) else 0.0
    if delivered > DELIVERED_MIN:  # what is on its way at begin and end is not lost
        delivered = 1.0
    return min((min(polls) + 1) * delivered / passed_s, 1.0)


def _arrived(here: World, chosen: Sequence[int]) -> int:
    by_meter = here.seen()["by_meter"]
    return sum(by_meter.get(f"m{number + 1}", 0) for number in chosen)
