"""How real meters and gateways are, beside right and wrong: standing habits of a bus or a meter.

Unlike a fault (firmware_sim.faults), which strikes a share of the answers, a quirk is there all the time.
Each quirk is given at most once for a bus or a meter.

    on a bus over TCP   gateway         one serial line behind it: it asks one meter at a time, waits
                                        `waits_s` for one that does not answer, then does as `absent`
                                        says; `queue` requests wait, one more is treated as `overflow`
                                        says (Modbus only)
                        hang_up         closes the connection after `after` answers, or when nothing was
                                        asked for `idle_s`; `by` end of file ("fin") or "rst"; with `cut`
                                        the last answer stops in its middle
                        few_clients     room for `clients` connections; for one more see `extra`
                        transaction_id  the id of an answer is not that of its request but as `sends` says
                                        (Modbus TCP only)
    on a terminal       strict_serial   who opened it at another baud rate, or with other stop bits, is not
                                        understood, and what comes is garbage; a pseudo-terminal keeps no
                                        parity, so that is not looked at
    on a bus or meter   pause           deaf for `pause_s` after each answer: a bus to all, a meter to its own
    on a meter          missing         reads that touch `points`, or a hole between the points where none
                                        are named, get exception `code`; 0 is silence
                        block_max       no more than `registers` in one read, else exception `code`; 0 is
                                        silence
                        no_blocks       a DL/T 645 meter without the ids of whole blocks (…FF00)
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from firmware_sim.noise import key_of, uniform_at

SILENCE: Final = 0
"""In the place of an exception code: no answer at all."""
TRANSACTION_CONSTANT: Final = 0x4D42


class QuirkKind(StrEnum):
    """What is peculiar."""

    GATEWAY = "gateway"
    HANG_UP = "hang_up"
    FEW_CLIENTS = "few_clients"
    TRANSACTION_ID = "transaction_id"
    STRICT_SERIAL = "strict_serial"
    PAUSE = "pause"
    MISSING = "missing"
    BLOCK_MAX = "block_max"
    NO_BLOCKS = "no_blocks"


OF_BUS: Final = frozenset(
    {
        QuirkKind.GATEWAY,
        QuirkKind.HANG_UP,
        QuirkKind.FEW_CLIENTS,
        QuirkKind.TRANSACTION_ID,
        QuirkKind.STRICT_SERIAL,
    }
)
"""Quirks that only a bus has."""
OF_METER: Final = frozenset({QuirkKind.MISSING, QuirkKind.BLOCK_MAX, QuirkKind.NO_BLOCKS})
"""Quirks that only a meter has."""


class Absent(StrEnum):
    """What a gateway does when a meter did not answer."""

    EXCEPTION_11 = "exception_11"
    EXCEPTION_10 = "exception_10"
    SILENCE = "silence"
    HANG_UP = "hang_up"


class Overflow(StrEnum):
    """What a gateway does with one request too many."""

    DROP_NEWEST = "drop_newest"
    DROP_OLDEST = "drop_oldest"
    EXCEPTION_6 = "exception_6"


class HangUpBy(StrEnum):
    """How a connection ends."""

    FIN = "fin"
    RST = "rst"


class Extra(StrEnum):
    """What a client meets that finds no room: the door shut, nobody, or the place of the oldest."""

    CLOSED = "closed"
    MUTE = "mute"
    THROWS_OUT = "throws_out"


class Sends(StrEnum):
    """What stands in the place of the transaction id."""

    ZERO = "zero"
    PLUS_ONE = "plus_one"
    SWAPPED = "swapped"
    CONSTANT = "constant"
    PREVIOUS = "previous"


@frozen
class QuirkPlan:
    """One quirk of a bus or of a meter, the other is ""; the keys are explained in the module."""

    what: QuirkKind
    bus: str = ""
    meter: str = ""
    waits_s: float = 1.0
    absent: Absent = Absent.EXCEPTION_11
    queue: int = 8
    overflow: Overflow = Overflow.DROP_NEWEST
    after: int = 0
    idle_s: float = 0.0
    by: HangUpBy = HangUpBy.FIN
    cut: bool = False
    clients: int = 1
    extra: Extra = Extra.CLOSED
    sends: Sends = Sends.ZERO
    pause_s: float = 0.1
    points: tuple[str, ...] = ()
    code: int = 2
    registers: int = 10


@frozen
class Quirks:
    """All quirks of a plant."""

    plans: tuple[QuirkPlan, ...] = ()

    def of_bus(self, what: QuirkKind, bus: str) -> QuirkPlan | None:
        """That quirk of a bus, if it has it."""
        return next((one for one in self.plans if one.what is what and one.bus == bus), None)

    def of_meter(self, what: QuirkKind, meter: str) -> QuirkPlan | None:
        """That quirk of a meter, if it has it."""
        return next((one for one in self.plans if one.what is what and one.meter == meter), None)


def answer_id(quirk: QuirkPlan | None, own: int, previous: int) -> int:
    """The transaction id of the answer to a request with the id `own`, after one with `previous`."""
    if quirk is None:
        return own
    match quirk.sends:
        case Sends.ZERO:
            return 0
        case Sends.PLUS_ONE:
            return (own + 1) & 0xFFFF
        case Sends.SWAPPED:
            return int.from_bytes(own.to_bytes(2, "big"), "little")
        case Sends.CONSTANT:
            return TRANSACTION_CONSTANT
    return previous


def garble(data: bytes) -> bytes:
    """What a receiver at another baud rate makes of some bytes: other bytes, and not as many."""
    key = key_of(0, data.hex())
    return bytes(int(256 * uniform_at(key, i)) for i in range((len(data) + 1) // 2))
