"""What was odd about a packet that was taken, and why one was refused, as data; the texts are elsewhere."""

from enum import StrEnum

from attrs import frozen

from drivers.errors import DriverError


class Odd(StrEnum):
    """A departure from the standard that leaves no doubt about what was meant."""

    CRC_KIND = "crc_kind"
    CRC_LOWER = "crc_lower"
    LINE_END = "line_end"
    MISSING = "missing"
    TOO_LONG = "too_long"
    ORDER = "order"
    SEPARATOR = "separator"
    UNKNOWN_FIELD = "unknown_field"
    FORM = "form"
    CHARSET = "charset"
    ITEM = "item"
    TWICE = "twice"
    QN_UNIX = "qn_unix"
    MILLISECONDS = "milliseconds"
    SEGMENT_LONG = "segment_long"
    NOT_ENCRYPTED = "not_encrypted"


class Wrong(StrEnum):
    """Why a packet was refused."""

    NOISE = "noise"
    HALF = "half"
    LENGTH = "length"
    CRC = "crc"
    NO_COMMAND = "no_command"
    FIELD = "field"
    FIELD_TWICE = "field_twice"
    CHARSET = "charset"
    ENCRYPTED = "encrypted"
    PARTS = "parts"


@frozen
class Oddity:
    """One departure.

    Attributes:
        place: Byte of the packet, from 0.
        detail: The field, or the text in question; from outside.
    """

    what: Odd
    place: int = 0
    detail: str = ""


class PacketError(DriverError):
    """A packet that is not taken; `place` is a byte of it, from 0, `detail` comes from outside."""

    def __init__(self, what: Wrong, place: int = 0, detail: str = "") -> None:
        super().__init__(f"byte {place}: {what.value} {detail}".rstrip())
        self.what = what
        self.place = place
        self.detail = detail


class EncodeError(DriverError):
    """A packet that would break the standard was to be sent: a mistake of a file of ours, or of ours."""
