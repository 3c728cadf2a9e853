"""Reads every meter once, in the order of the site file: a technician's check before the daemon starts.

BUSES_AT_ONCE buses are read side by side, or fifty dead TCP meters would take minutes. Data loggers send by
themselves: they are waited for, up to the silence that counts as one. The other groups of a
meter whose bus is down are not tried; its other meters are, since a gateway may have hung up once.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from agent.site.file import Site
from drivers.clock import Clock
from drivers.errors import BusDownError
from drivers.poll.bus import open_bus
from drivers.poll.logger_bus import LoggerBus
from drivers.poll.meter import BusState, Meter, MeterSetup, bad_reading
from drivers.poll.patience import POLLS_BRIEF, poll_patiently
from drivers.reading import PollGroup, Reading

BUSES_AT_ONCE: Final = 16
"""Fifty hosts that are gone take 3 s each: ten seconds together."""


def poll_once(site: Site, setups: Mapping[str, MeterSetup], clock: Clock) -> Iterator[Reading]:
    """Read each group of each meter once; a reading comes when it is there and all before it have come."""
    ended = threading.Event()
    pool = ThreadPoolExecutor(BUSES_AT_ONCE, "once")
    try:
        works = []
        for place in site.bus:
            chosen = [setups[meter.id] for meter in site.meter if meter.bus == place.id]
            found: queue.SimpleQueue[Reading | None] = queue.SimpleQueue()
            works.append((found, pool.submit(_poll_bus, place.url, chosen, clock, found.put, ended)))
        for found, work in works:
            yield from iter(found.get, None)
            work.result()
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _poll_bus(
    url: str,
    setups: Sequence[MeterSetup],
    clock: Clock,
    put: Callable[[Reading | None], None],
    ended: threading.Event,
) -> None:
    """Put each reading of a bus, and None behind the last."""
    try:
        with contextlib.closing(open_bus(url, clock)) as bus:
            if isinstance(bus, LoggerBus):
                _listen(bus, setups, clock, put, ended)
                return
            shared = BusState()
            for setup in setups:
                meter, down = Meter(setup, bus.gap_registers_max, shared=shared), ""
                for group in setup.intervals_s:
                    if ended.is_set():
                        return
                    try:
                        put(
                            poll_patiently(meter, bus, group, clock, POLLS_BRIEF)
                            if not down
                            else _say_down(setup, group, clock, down)
                        )
                    except BusDownError as error:
                        down = str(error)
                        put(_say_down(setup, group, clock, down))
    finally:
        put(None)


def _listen(
    bus: LoggerBus,
    setups: Sequence[MeterSetup],
    clock: Clock,
    put: Callable[[Reading | None], None],
    ended: threading.Event,
) -> None:
    """Put what comes until each logger has sent real time data, or has been silent for too long."""
    from agent.logger_loop import LoggerLoop  # noqa: PLC0415 - as in `agent.acquire`

    waiting = {setup.id for setup in setups}

    def take(reading: Reading) -> None:
        put(reading)
        if reading.group is PollGroup.FAST:
            waiting.discard(reading.meter)

    loop = LoggerLoop(bus, setups, clock, take)
    while waiting and not ended.is_set():
        loop.turn()


def _say_down(setup: MeterSetup, group: PollGroup, clock: Clock, why: str) -> Reading:
    return bad_reading(setup, group, clock, f"bus down: {why}")
