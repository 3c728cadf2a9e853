"""Opens the bus of a URL, whatever its protocol.

tcp://host:502                                   Modbus TCP
tcp://host?transaction_id=ignored                through a converter that does not copy the transaction id
rtu:/dev/ttyS1?baudrate=9600&parity=N&stopbits=1 Modbus RTU on a serial port or a pty
rtu+tcp://host:port                              RTU frames through a transparent TCP gateway
dlt645:…, dlt645+tcp://…                         DL/T 645 meters: drivers.dlt645.bus
hj212+listen://host:port                         data loggers that call: drivers.poll.logger_bus
"""

from typing import Protocol, runtime_checkable

from drivers.clock import Clock
from drivers.link.bus_url import parse_url
from drivers.link.ledger import Ledger
from drivers.link.port import new_ledger
from drivers.link.transaction import Answer, BusStats
from drivers.modbus.bus import Bus
from drivers.poll.logger_bus import LoggerBus


class MeterBus(Protocol):
    """The interface to meters: a `Bus`, a `Dlt645Bus`, or one that records or replays a session."""

    url: str
    gap_registers_max: int
    stats: BusStats

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        """See `Bus.read`."""
        ...

    def close(self) -> None:
        """Release the port; the next `read` opens it again."""
        ...


class FindWait(Protocol):
    """See `drivers.modbus.bus.Bus.find_wait_s`."""

    def __call__(self, unit_id: int, function: int, address: int, count: int, spare_registers: int) -> float:
        """So long, s."""
        ...


@runtime_checkable
class WaitingBus(Protocol):
    """A bus on which a read may have to wait for late answers to others, unless answers have ids."""

    has_ids: bool
    find_wait_s: FindWait


def wait_finder(bus: MeterBus) -> FindWait | None:
    """What tells how long a read has to wait; None where none ever has to."""
    return bus.find_wait_s if isinstance(bus, WaitingBus) and not bus.has_ids else None


def open_bus(url: str, clock: Clock, ledger: Ledger | None = None) -> MeterBus:
    """The bus at `url`; its port is opened by the first `read`.

    Args:
        url: Where it is.
        clock: The clock of its time-outs.
        ledger: What an earlier user of the same bus left unanswered.

    Raises:
        BusUrlError: The URL cannot be understood.
    """
    ledger = new_ledger(clock) if ledger is None else ledger
    target = parse_url(url)
    if target.is_hj212:
        return LoggerBus(url)
    if not target.is_dlt645:
        return Bus(url, clock, ledger)
    from drivers.dlt645.bus import Dlt645Bus  # noqa: PLC0415 - 0.3 MiB that most gateways need not carry

    return Dlt645Bus(url, clock, ledger)
