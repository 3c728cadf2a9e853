"""The bytes of a packet, strictly as the standard has them: whatever would break it is refused here."""

import re
from typing import Final

from drivers.hj212.crc import CrcKind, compute_crc
from drivers.hj212.oddity import EncodeError
from drivers.hj212.packet import (
    FORMS,
    PARTS_MAX,
    REGION_CHARACTERS_MAX,
    SEGMENT_CHARACTERS_MAX,
    Packet,
)
from drivers.hj212.sm4 import CipherForm, encrypt
from drivers.hj212.stream import END, OPEN
from drivers.hj212.times import read_time

_FORMS: Final = {name: FORMS[name] for name in ("QN", "ST", "CN", "PW")} | {
    "MN": re.compile(r"[0-9A-Za-z]{1,24}")  # a platform repeats a short one
}
VERSION_MAX: Final = 63
"""Six bits."""
_REGION: Final = re.compile(r"(?:[A-Za-z0-9_-]+=[^;,=&#\x00-\x20\x7f-\U0010ffff]*[;,])*")
"""Items, with a separator behind each."""


def encode(
    packet: Packet,
    *,
    crc: CrcKind = CrcKind.STANDARD,
    key: bytes | None = None,
    form: CipherForm = CipherForm.RAW,
) -> bytes:
    """The frame of a packet with its line end; encrypted if there is a key.

    Raises:
        EncodeError: The packet is not as the standard has it.
    """
    head = write_head(packet).encode("ascii") + OPEN
    check_region(packet.region)
    plain = head + packet.region.encode("ascii") + b"&&"
    if len(plain) > SEGMENT_CHARACTERS_MAX:
        raise EncodeError(f"a segment of {len(plain)} characters; at most {SEGMENT_CHARACTERS_MAX}")
    region = packet.region.encode("ascii")
    sent = plain if key is None else head + encrypt(key, region, form) + b"&&"
    return b"##%04d%s%04X%s" % (len(plain), sent, compute_crc(plain, crc), END)


def write_head(packet: Packet) -> str:
    """The fields before CP, each with its semicolon; raises EncodeError."""
    values = {"QN": packet.qn, "ST": packet.st, "CN": packet.cn, "PW": packet.pw, "MN": packet.mn}
    for name, form in _FORMS.items():
        if not form.fullmatch(values[name]):
            raise EncodeError(f"{name}: {values[name]!r} is not of the standard's form")
    if read_time(packet.qn) is None:
        raise EncodeError(f"QN: {packet.qn} is no time")
    if packet.flag is None or not 0 <= packet.flag.version <= VERSION_MAX:
        raise EncodeError("Flag: is missing, or its version has more than six bits")
    if packet.flag.is_part != (packet.pnum is not None) or (packet.pnum is None) != (packet.pno is None):
        raise EncodeError("PNUM and PNO stand together, where Flag says so")
    text = "".join(f"{name}={value};" for name, value in values.items()) + f"Flag={packet.flag.number};"
    if packet.pnum is not None and packet.pno is not None:
        if not 1 <= packet.pno <= packet.pnum <= PARTS_MAX:
            raise EncodeError(f"part {packet.pno} of {packet.pnum}; at most {PARTS_MAX}")
        text += f"PNUM={packet.pnum};PNO={packet.pno};"
    return text + "RF=1;" * packet.is_backfill


def check_region(region: str) -> None:
    """See that a region is items of ASCII within the limit; raises EncodeError."""
    if len(region) > REGION_CHARACTERS_MAX:
        raise EncodeError(f"a region of {len(region)} characters; at most {REGION_CHARACTERS_MAX}")
    if region and not _REGION.fullmatch(region + ";"):
        raise EncodeError("a region is items of name=value in ASCII")
