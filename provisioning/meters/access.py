"""How a verb reaches a bus: it opens the bus itself, or asks the agent that reads it."""

import time
from typing import Final, Protocol

from attrs import frozen

from drivers.clock import SystemClock
from drivers.errors import BusDownError, DriverError
from drivers.link.ledger import Ledger
from drivers.poll.bus import MeterBus, open_bus
from drivers.search.prober import Asker, Prober

AGAIN_PAUSES_S: Final = (0.5, 1.5)
"""A gateway with room for one client needs a moment to notice that the last one has left."""


class Access(Protocol):
    """The bus at a URL, however it is reached."""

    def open(self, url: str, ledger: Ledger | None = None) -> MeterBus:
        """The bus for reading; `url` has the setting that was found."""
        ...

    def asker(self, url: str) -> Asker:
        """The bus for a search."""
        ...


@frozen
class OwnAccess:
    """The bus is opened by this process."""

    def open(self, url: str, ledger: Ledger | None = None) -> MeterBus:
        """As `Access.open`."""
        return open_bus(url, SystemClock(), ledger)

    def asker(self, url: str) -> Asker:
        """As `Access.asker`."""
        return Prober(url, SystemClock())


def settle(bus: MeterBus, unit_id: int, function: int) -> None:
    """Make the connection of a bus whose last client has just left: tried again after a moment.

    Raises:
        BusDownError: It cannot be made.
    """
    for pause_s in AGAIN_PAUSES_S:
        try:
            _touch(bus, unit_id, function)
        except BusDownError:
            time.sleep(pause_s)
        else:
            return
    _touch(bus, unit_id, function)


def _touch(bus: MeterBus, unit_id: int, function: int) -> None:
    try:
        bus.read(unit_id, function, 0, 1, timeout_s=1.0)
    except BusDownError:
        raise
    except DriverError:
        return
