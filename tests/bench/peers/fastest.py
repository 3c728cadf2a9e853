"""The agent as it is, with one change: its meters are asked as fast as they answer.

    python -m tests.bench.peers.fastest run --config SITE

A site file cannot ask for less than half a second. Everything else is the daemon: the same threads,
queue, detector, signatures, FULL commits, MQTT.
"""

import sys
from pathlib import Path
from typing import Final

from attrs import evolve

from agent import main as daemon
from agent.site.field_types import Seconds
from agent.site.file import Site, load_site

FASTEST_S: Final = 1e-3
"""Between two polls of a meter: less than twenty of them take."""


def load_fast(path: Path) -> Site:
    """The site file with its meters polled without a pause."""
    site = load_site(path)
    return evolve(site, meter=tuple(evolve(meter, fast_s=Seconds(FASTEST_S)) for meter in site.meter))


if __name__ == "__main__":
    daemon.load_site = load_fast  # type: ignore[attr-defined]
    sys.exit(daemon.main())
