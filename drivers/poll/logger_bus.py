"""The port at which data loggers of HJ 212 call. They send by themselves, so no read of it can be made."""

from typing import Final, NoReturn

from drivers.errors import BusDownError, BusUrlError
from drivers.link.bus_url import parse_url
from drivers.link.listener import Listener
from drivers.link.transaction import BusStats

SILENT: Final = "no packet"
"""Why a data logger has no reading."""
NOT_ASKED: Final = "a data logger sends by itself and is not asked; dianjian status shows what has come"


def refuse_loggers(url: str) -> None:
    """See that a bus can be asked; raises BusUrlError."""
    if parse_url(url).is_hj212:
        raise BusUrlError(f"bus URL {url!r}: {NOT_ASKED}")


class LoggerBus:
    """A `MeterBus` without reads; `agent.logger_loop` takes what comes.

    Attributes:
        stats: `requests` counts packets that were taken, `crc_errors` and `foreign` those that were not.
    """

    gap_registers_max = 0

    def __init__(self, url: str) -> None:
        listener = parse_url(url).listener
        assert listener is not None
        self.url = url
        self.stats = BusStats()
        self.listener: Listener = listener

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> NoReturn:
        """Raises BusDownError."""
        del unit_id, function, address, count, timeout_s, spare_registers
        raise BusDownError(NOT_ASKED)

    def close(self) -> None:
        """Give the port up."""
        self.listener.close()
