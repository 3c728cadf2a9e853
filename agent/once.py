"""Reads every meter once, in order, without threads: a technician's check before the daemon starts."""

from collections.abc import Iterator, Mapping

from agent.site.file import Site
from drivers.clock import Clock
from drivers.errors import BusDownError
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter, MeterSetup, bad_reading
from drivers.reading import Reading


def poll_once(site: Site, setups: Mapping[str, MeterSetup], clock: Clock) -> Iterator[Reading]:
    """Read each group of each meter once, bus by bus, in the order of the site file."""
    for place in site.bus:
        bus = open_bus(place.url, clock)
        try:
            for settings in site.meter:
                if settings.bus != place.id:
                    continue
                meter = Meter(setups[settings.id], bus.gap_registers_max)
                for group in meter.setup.intervals_s:
                    try:
                        yield meter.poll(bus, group, clock)
                    except BusDownError as error:
                        yield bad_reading(meter.setup, group, clock, f"bus down: {error}")
        finally:
            bus.close()
