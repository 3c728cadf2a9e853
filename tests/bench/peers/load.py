"""Twenty meters on TCP: at one second a poll, and as fast as a program can."""

import time
from pathlib import Path
from typing import Final

from tests.bench.peers.machine import MEBIBYTE, usage
from tests.bench.peers.slave import VALUES
from tests.bench.peers.subjects import Subject
from tests.bench.peers.world import SAMPLED, World, world

METERS: Final = 20
SEAL_S: Final = 3.0
"""60 polls a seal, as the target says."""
WARM_S: Final = 6.0
"""Until caches are filled, code is compiled and the first seal is out."""
SECONDS_WINDOW_S: Final = 12.0
"""Four seals."""
FAST_WINDOW_S: Final = 8.0

Figures = dict[str, float]


def at_one_second(program: Path, subject: Subject, window_s: float = SECONDS_WINDOW_S) -> Figures:
    """Cost of a reading, memory, bytes, and how soon the first one is published."""
    with world(program, subject, seal_s=SEAL_S) as here:
        here.start()
        here.until_polls(2 * METERS)
        seen = here.seen()
        time.sleep(WARM_S)
        assert here.slave is not None
        counts, used = here.slave.counts(), usage(here.pid)
        tapped = here.seen()
        time.sleep(window_s)
        after, now = here.slave.counts(), usage(here.pid)
        time.sleep(SEAL_S)  # what was polled last is published last
        later = here.seen()
        polls = after.answers - counts.answers
        tapped_polls = later["polls"] - tapped["polls"]
        modbus = after.bytes_in + after.bytes_out - counts.bytes_in - counts.bytes_out
        return {
            "first_packet_s": seen["first_packet_s"] - here.started_s,
            "first_reading_s": seen["first_poll_s"] - here.started_s,
            "cpu_s_per_1000": 1000 * (now.cpu_s - used.cpu_s) / (polls * VALUES),
            "rss_mib": now.rss_bytes / MEBIBYTE,
            "requests_per_poll": (after.requests - counts.requests) / polls,
            "modbus_bytes": modbus / (polls * VALUES),
            "mqtt_bytes": (later["packet_bytes"] - tapped["packet_bytes"]) / (tapped_polls * VALUES),
        }


def fastest(program: Path, subject: Subject, window_s: float = FAST_WINDOW_S) -> Figures:
    """Readings a second that also arrive, and how busy program and slave are meanwhile."""
    with world(program, subject, interval_s=0, seal_s=SEAL_S, sample=True) as here:
        here.start()
        here.until_polls(2)
        time.sleep(WARM_S)
        assert here.slave is not None
        counts, used, busy = here.slave.counts(), usage(here.pid), usage(here.slave.pid)
        arrived, begin_s = _arrived(here), time.monotonic()
        time.sleep(window_s)
        after, now, worked = here.slave.counts(), usage(here.pid), usage(here.slave.pid)
        passed_s = time.monotonic() - begin_s
        came = _arrived(here) - arrived
        polled = after.unit_answers[1] - counts.unit_answers[1]
        delivered = min(came / polled, 1.0)
        if delivered > DELIVERED_MIN:  # what is on its way at begin and end is not lost
            delivered = 1.0
        polls = (after.answers - counts.answers) * delivered
        return {
            "rate": polls * VALUES / passed_s,
            "rate_per_cpu_s": polls * VALUES / (now.cpu_s - used.cpu_s),
            "core": (now.cpu_s - used.cpu_s) / passed_s,
            "slave_core": (worked.cpu_s - busy.cpu_s) / passed_s,
            "delivered": delivered,
        }


DELIVERED_MIN: Final = 0.85
"""A seal of the 3 s, or a batch, at either end of the window."""


def _arrived(here: World) -> int:
    return int(here.seen()["by_meter"].get(SAMPLED, 0))
