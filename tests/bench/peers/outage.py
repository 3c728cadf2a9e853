"""Readings lost while the broker is away for a minute, with and without a SIGKILL meanwhile.

Every program reads 20 meters once a second. What the slave has answered and the observer never got is
lost. A program that ends is started again after a second, as systemd would; it is stopped in order at the
end, so that what it still holds it can send.
"""

import os
import time
from pathlib import Path
from typing import Final

from provisioning.demo.broker import start_mosquitto
from tests.bench.peers.load import METERS
from tests.bench.peers.machine import REST_CORE
from tests.bench.peers.slave import VALUES
from tests.bench.peers.subjects import Subject
from tests.bench.peers.world import World, world

BEFORE_S: Final = 10.0
AWAY_S: Final = 60.0
AFTER_S: Final = 45.0
"""The longest pause of a client before it connects again, and time to send what is held."""
SETTLE_S: Final = 4.0
LOOK_S: Final = 0.5

Figures = dict[str, float]


def lost(program: Path, subject: Subject, *, kill: bool, away_s: float = AWAY_S) -> Figures:
    """Readings that were read and never arrived."""
    key = "lost_killed" if kill else "lost_away"
    with world(program, subject) as here:
        here.start()
        here.until_polls(2 * METERS)
        _live(here, BEFORE_S)
        here.broker.stop()
        _live(here, away_s / 2)
        if kill:
            here.kill()
        _live(here, away_s / 2)
        here.broker = start_mosquitto(here.broker.port, here.folder / "broker")
        os.sched_setaffinity(here.broker.pid, {REST_CORE})
        _live(here, AFTER_S)
        here.stop()
        time.sleep(SETTLE_S)
        assert here.slave is not None
        answered = here.slave.counts().answers
        return {
            key: float((answered - here.seen()["polls"]) * VALUES),
            f"{key}_of": float(answered * VALUES),
            f"{key}_restarts": float(here.restarts),
        }


def _live(here: World, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        here.supervise()
        time.sleep(LOOK_S)
