"""What is agreed with a platform, and the times of HJ 212-2025, which are kept for 2017 too."""

from enum import StrEnum
from typing import Final

from attrs import frozen

from drivers.hj212.crc import CrcKind
from drivers.hj212.packet import VERSIONS, Edition, Flag
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.times import BEIJING_H

TRIES: Final = 3
"""A packet is sent so often before the connection is given up."""
DATA_WAIT_S: Final = 5.0
"""For the answer to data, each time."""
COMMAND_WAIT_S: Final = 10.0
"""For the answer to anything else, each time."""
HEARTBEAT_S: Final = 60.0
"""Of silence, until a heartbeat is sent where the host file says nothing: below the two minutes after which
common routers forget a connection."""


class Ack(StrEnum):
    """Which answer says that data have come."""

    DATA = "9014"
    REQUEST = "9011"
    EITHER = "either"


@frozen
class Terms:
    """See the module.

    Attributes:
        heartbeat_s: 0 for none, as in 2017.
        real_s, minute_min: Intervals of real time and minute data that are told on request.
    """

    edition: Edition = Edition.Y2025
    crc: CrcKind = CrcKind.STANDARD
    ack: Ack = Ack.EITHER
    form: CipherForm = CipherForm.RAW
    heartbeat_s: float = HEARTBEAT_S
    offset_h: float = BEIJING_H
    real_s: int = 60
    minute_min: int = 10

    def flag(self, *, wants_answer: bool) -> Flag:
        """Of a packet that is sent."""
        return Flag(VERSIONS[self.edition], wants_answer=wants_answer)
