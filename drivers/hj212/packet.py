"""What a packet says, apart from its bytes (HJ 212-2017 and HJ 212-2025).

    QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;[PNUM=…;PNO=…;][RF=1;]CP=&&region&&

A region is groups with `;` between them, a group is items `name=value` with `,` between them. The limits are
those of the standard in characters, of the whole field with its name; what comes may break them and is
then named as odd, what goes out never does.
"""

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import Final

from attrs import frozen

FIELDS: Final[Mapping[str, int]] = {
    "QN": 20,
    "ST": 5,
    "CN": 7,
    "PW": 9,
    "MN": 27,
    "Flag": 8,
    "PNUM": 6,
    "PNO": 5,
    "RF": 4,
}
"""The fields before the region in their order, with the characters of `name=value` at most."""
FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "QN": re.compile(r"[0-9]{17}"),
    "ST": re.compile(r"[0-9]{2}"),
    "CN": re.compile(r"[0-9]{4}"),
    "PW": re.compile(r"[0-9A-Za-z]{6}"),
    "MN": re.compile(r"[0-9A-Za-z]{24}"),
    "Flag": re.compile(r"0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]"),
    "PNUM": re.compile(r"[1-9]"),
    "PNO": re.compile(r"[1-9]"),
    "RF": re.compile(r"1"),
}
"""Their values."""
REGION_CHARACTERS_MAX: Final = 950
SEGMENT_CHARACTERS_MAX: Final = 1024
"""Of the standard; a longer one goes in parts."""
PARTS_MAX: Final = 9
"""PNO has one digit."""
DATA_TIME: Final = "DataTime"
FUNCTION: Final = 212
"""Of a block of a reading that is a packet, beside 3 and 4 of Modbus and 17 of DL/T 645."""
RAW_FRAME_BYTES_MAX: Final = 10_011
"""The longest packet, as it may be sealed: what four digits of length can say, and 12 bytes around it."""

Group = tuple[tuple[str, str], ...]


class Edition(IntEnum):
    """Edition of the standard, by its year."""

    Y2017 = 2017
    Y2025 = 2025


VERSIONS: Final[Mapping[Edition, int]] = {Edition.Y2017: 1, Edition.Y2025: 2}
"""The number of the standard in the upper six bits of Flag."""


class Mark(StrEnum):
    """What a value is worth."""

    NORMAL = "N"
    OUT_OF_SERVICE = "F"
    MAINTENANCE = "M"
    BY_HAND = "S"
    FAULT = "D"
    CALIBRATION = "C"
    OVER_RANGE = "T"
    LOST_CONTACT = "B"


@frozen
class Flag:
    """The bits of Flag: version, whether parts are numbered, whether an answer is wanted."""

    version: int
    is_part: bool = False
    wants_answer: bool = False

    @classmethod
    def from_number(cls, number: int) -> "Flag":
        """Of the number in the field."""
        return cls(number >> 2, bool(number & 2), bool(number & 1))

    @property
    def number(self) -> int:
        """What stands in the field."""
        return self.version << 2 | self.is_part << 1 | self.wants_answer


@frozen
class Packet:
    """A packet; "" and None are fields that are not there.

    Attributes:
        qn: Request number, the time of the request to the millisecond; the answer repeats it.
        st: System, two digits.
        cn: Command, four digits.
        mn: Unique number of the site's equipment.
        flag: See Flag.
        pnum, pno: How many parts there are, and which this is, from 1.
        is_backfill: RF=1.
        region: The text between the two &&.
    """

    cn: str
    st: str = ""
    mn: str = ""
    pw: str = ""
    qn: str = ""
    flag: Flag | None = None
    pnum: int | None = None
    pno: int | None = None
    is_backfill: bool = False
    region: str = ""

    @property
    def groups(self) -> tuple[Group, ...]:
        """The items of the region that have a name and a value."""
        return tuple(group for text in self.region.split(";") if (group := read_group(text)))

    def find(self, name: str) -> str:
        """The first value of an item of the region; "" if there is none."""
        return next((value for key, value in self.items() if key == name), "")

    def items(self) -> Iterator[tuple[str, str]]:
        """All items of the region."""
        for group in self.groups:
            yield from group

    @property
    def wants_answer(self) -> bool:
        """Whether the sender waits for an answer."""
        return self.flag is not None and self.flag.wants_answer


def read_group(text: str) -> Group:
    """The items of one group that have a name and a value."""
    pairs = (item.partition("=") for item in text.split(","))
    return tuple((name, value) for name, between, value in pairs if name and between)


def write_group(group: Group) -> str:
    """The text of a group."""
    return ",".join(f"{name}={value}" for name, value in group)
