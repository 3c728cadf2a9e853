"""The packets of a data logger with its habits, pure: what loggers of the field write, right and wrong."""

from enum import StrEnum
from random import Random
from typing import Final

from attrs import evolve, field, frozen

from drivers.hj212.crc import CrcKind, compute_crc
from drivers.hj212.encoding import write_head
from drivers.hj212.numbers import Command, System
from drivers.hj212.packet import VERSIONS, Edition, Flag, Packet
from drivers.hj212.parts import split
from drivers.hj212.sm4 import CipherForm, encrypt
from drivers.hj212.stream import CLOSE, OPEN
from drivers.hj212.times import RequestNumbers, write_time

POLLUTANTS: Final = (
    ("a21026", 35.0),
    ("a21002", 60.0),
    ("a34013", 8.0),
    ("a19001", 9.5),
    ("a00000", 52_000.0),
)
"""Code and usual value: SO2, NOx, particles, O2, flow."""
MORE_CODES: Final = 60
"""Of a long packet: more than fits into one."""


class Flaw(StrEnum):
    """What is wrong with some packets."""

    HALF = "half"
    LENGTH = "length"
    CRC = "crc"
    NOISE = "noise"
    REPLAY = "replay"
    FIELD_TWICE = "field-twice"
    CHARSET = "charset"


@frozen
class LoggerHabits:
    """What this logger does its own way.

    Attributes:
        without: Fields that are left out: QN, Flag, ST, PW.
        qn_unix: QN is Unix milliseconds.
        ms: DataTime has milliseconds.
        is_long: Packets that go in parts.
        order: Fields stand in another order.
        level: What the usual values are multiplied by: 8 and more where treatment stands.
        is_frozen: Every packet has the same values.
        flaws: Of every `flaw_every` packets one has the next of these.
    """

    edition: Edition = Edition.Y2025
    crc: CrcKind = CrcKind.STANDARD
    crc_lower: bool = False
    line_end: bytes = b"\r\n"
    form: CipherForm = CipherForm.RAW
    without: frozenset[str] = frozenset()
    qn_unix: bool = False
    ms: bool = False
    is_long: bool = False
    order: bool = False
    level: float = 1.0
    is_frozen: bool = False
    flaws: tuple[Flaw, ...] = ()
    flaw_every: int = 5


@frozen
class Logger:
    """One logger of some sites; the same seed and time give the same packets.

    Attributes:
        mns: Of its sites; any length.
        mark: Flag of every value.
    """

    habits: LoggerHabits
    mns: tuple[str, ...]
    pw: str
    key: bytes | None = None
    mark: str = "N"
    seed: int = 0
    numbers: RequestNumbers = field(factory=RequestNumbers)

    def frames(self, count: int, utc_ms: int) -> list[bytes]:
        """The bytes of real time packet number `count`, one of each site."""
        return [raw for mn in self.mns for raw in self._frames_of(mn, count, utc_ms)]

    def _frames_of(self, mn: str, count: int, utc_ms: int) -> list[bytes]:
        habits = self.habits
        random = Random(f"{self.seed} {mn} {0 if habits.is_frozen else count}")
        codes = list(POLLUTANTS)
        if habits.is_long:
            codes += [(f"a{number:05d}", 1.0) for number in range(90_000, 90_000 + MORE_CODES)]
        at = write_time(utc_ms) + "000" * habits.ms
        groups = [
            f"{code}-Rtd={usual * habits.level * random.uniform(0.9, 1.1):.2f},{code}-Flag={self.mark}"
            for code, usual in codes
        ]
        flag = Flag(VERSIONS[habits.edition], wants_answer=True)
        region = ";".join([f"DataTime={at}", *groups])
        qn = self.numbers.next(utc_ms)
        packet = Packet(
            Command.REAL.value, System.AIR_EMISSIONS.value, "0" * 24, self.pw, qn, flag, region=region
        )
        flaw = (
            habits.flaws[count // habits.flaw_every % len(habits.flaws)] if self._is_flawed(count) else None
        )
        frames = [self._write(evolve(part, mn=mn), flaw) for part in split(packet)]
        return frames * 2 if flaw is Flaw.REPLAY else frames

    def _is_flawed(self, count: int) -> bool:
        return bool(self.habits.flaws) and count % self.habits.flaw_every == self.habits.flaw_every - 1

    def _write(self, packet: Packet, flaw: Flaw | None) -> bytes:
        habits = self.habits
        fields = [one for one in write_head(evolve(packet, mn="0" * 24)).split(";") if one]
        fields = [f"MN={packet.mn}" if one.startswith("MN=") else one for one in fields]
        if habits.qn_unix:
            fields[0] = f"QN={self.numbers.last_ms}"
        fields = [one for one in fields if one.partition("=")[0] not in habits.without]
        if habits.order:
            fields.reverse()
        if flaw is Flaw.FIELD_TWICE:
            fields.append("CN=1012")
        head = "".join(f"{one};" for one in fields).encode() + OPEN
        region = packet.region.encode()
        if flaw is Flaw.CHARSET:
            region += b";i13008-Info=\x07"
        plain = head + region + CLOSE
        sent = plain if self.key is None else head + encrypt(self.key, region, habits.form) + CLOSE
        crc = compute_crc(plain, habits.crc) ^ (flaw is Flaw.CRC)
        digits = f"{crc:04x}" if habits.crc_lower else f"{crc:04X}"
        size = len(plain) + (flaw is Flaw.LENGTH)
        raw = f"##{size:04d}".encode() + sent + digits.encode() + habits.line_end
        if flaw is Flaw.HALF:
            return raw[: len(raw) // 2]
        return b"\xff\x00##12" + raw if flaw is Flaw.NOISE else raw
