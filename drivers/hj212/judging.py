"""What is odd about the fields and items of a packet. Pure.

Whatever is taken without an oddity is a packet that `drivers.hj212.encoding` would write in the same way: the
sum of the standard proves too little for less. So times must exist, a mark must be one of the standard's, and
an item may hold no separator.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from drivers.hj212.oddity import Odd, Oddity, PacketError, Wrong
from drivers.hj212.packet import FIELDS, FORMS, REGION_CHARACTERS_MAX, Mark
from drivers.hj212.times import MS_DIGITS, read_time

DETAIL_CHARACTERS_MAX: Final = 40
"""Of a text from outside that is repeated."""
_TIMES: Final = frozenset({"DataTime", "BeginTime", "EndTime", "SystemTime", "RestartTime"})
_MARKS: Final = frozenset(Mark)
_ITEM: Final = re.compile(r"[\w-]+=[^\s;,=&#]*")
REQUIRED: Final = ("QN", "ST", "CN", "PW", "MN", "Flag")
"""What every packet should have."""
_UNIX_MS: Final = re.compile(r"[0-9]{13}")
_NEEDED: Final = {
    "PNUM": re.compile(r"[0-9]{1,4}"),
    "PNO": re.compile(r"[0-9]{1,4}"),
    "RF": re.compile(r"[01]"),
    "Flag": re.compile(r"[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]"),
    "CN": FORMS["CN"],
}
"""What would be read wrongly beyond these forms; Flag has eight bits."""


def judge_field(at: int, name: str, value: str) -> Iterator[Oddity]:
    """What is odd about a known field at byte `at`; raises PacketError if it cannot be used."""
    if not value and name in REQUIRED:
        return  # named as missing
    if FORMS[name].fullmatch(value):
        if name == "QN" and read_time(value) is None:
            yield Oddity(Odd.FORM, at, show(f"{name}={value}".encode()))
    elif name == "QN" and _UNIX_MS.fullmatch(value):
        yield Oddity(Odd.QN_UNIX, at, value)
    elif value and name in _NEEDED and not _NEEDED[name].fullmatch(value):
        raise PacketError(Wrong.FIELD, at, show(f"{name}={value}".encode()))
    elif len(name) + 1 + len(value) > FIELDS[name]:
        yield Oddity(Odd.TOO_LONG, at, name)
    else:
        yield Oddity(Odd.FORM, at, show(f"{name}={value}".encode()))


_ANEW: Final = "PolId"
"""States and parameters (CN 3020) are told of one pollutant after the other, under the same names."""
_LISTED: Final = frozenset({"CTime"})
"""Stands once for each time of a day at which is sampled (CN 3014)."""


def judge_parts(fields: Mapping[str, str], at: int) -> Iterator[Oddity]:
    """What is odd about Flag and the numbers of parts: the bit in Flag says whether they are there."""
    flag, pnum = fields.get("Flag"), fields.get("PNUM")
    if flag and bool(int(flag) & 2) != bool(pnum):
        yield Oddity(Odd.FORM, at, show(f"Flag={flag}".encode()))


def judge_region(text: str, at: int) -> Iterator[Oddity]:
    """What is odd about the items of a region that begins at byte `at`."""
    if len(text) > REGION_CHARACTERS_MAX:
        yield Oddity(Odd.TOO_LONG, at, "CP")
    seen: set[str] = set()  # since the last item that begins anew
    for group in text.split(";") if text else ():
        for item in group.split(","):
            name, _, value = item.partition("=")
            if not _ITEM.fullmatch(item):
                yield Oddity(Odd.ITEM, at, show(item.encode()))
            elif name == _ANEW:
                seen.clear()
            elif name in seen and name not in _LISTED:
                yield Oddity(Odd.TWICE, at, show(name.encode()))
            elif name in _TIMES:
                yield from _judge_time(at, name, value)
            elif name.endswith("-Flag") and value not in _MARKS:
                yield Oddity(Odd.FORM, at, show(item.encode()))
            seen.add(name)
            at += len(item.encode()) + 1


def _judge_time(at: int, name: str, value: str) -> Iterator[Oddity]:
    if read_time(value) is None:
        yield Oddity(Odd.FORM, at, show(f"{name}={value}".encode()))
    elif len(value) == MS_DIGITS:
        yield Oddity(Odd.MILLISECONDS, at, name)


def show(raw: bytes) -> str:
    """A text from outside, cut short."""
    text = raw.decode("ascii", "backslashreplace")
    return text if len(text) <= DETAIL_CHARACTERS_MAX else text[:DETAIL_CHARACTERS_MAX] + "…"
