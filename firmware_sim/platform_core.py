"""A platform of HJ 212 with its habits, pure: what it answers to the bytes of one connection.

It believes nothing: a packet whose password, MN or check is wrong is answered with its error. What it took is
kept by QN, so that a repetition is answered and not counted again. It is an opponent: it shares the codec
with the product, and none of its conversation.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from attrs import define, evolve, field, frozen

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.encoding import encode
from drivers.hj212.numbers import ANSWERS, UPLOADS, Command, RequestResult, System
from drivers.hj212.oddity import PacketError
from drivers.hj212.packet import VERSIONS, Edition, Flag, Packet
from drivers.hj212.parts import Joiner
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import Broken, Stream
from drivers.hj212.times import RequestNumbers, write_time

TAKEN_MAX: Final = 1_000_000
"""Packets that are remembered by their QN."""


class PlatformAck(StrEnum):
    """How data are answered."""

    DATA = "9014"
    REQUEST = "9011"
    REQUEST_WITHIN = "9011-in-cp"
    NONE = "none"


@frozen
class Habits:
    """What this platform does its own way.

    Attributes:
        refuse: QnRtn with which all data are refused; "" for none.
        sets_clock: It sends 1012 after each packet.
        answers_every: Of so many packets one is answered: 1 for all, 2 for every other.
        needs_upper: A check in lower case is an error.
        line_end: Behind its own packets.
        commands: Sent when a connection first tells its MN, as (cn, st, region).
    """

    edition: Edition = Edition.Y2025
    crc: CrcKind = CrcKind.STANDARD
    ack: PlatformAck = PlatformAck.DATA
    form: CipherForm = CipherForm.RAW
    refuse: str = ""
    sets_clock: bool = False
    answers_every: int = 1
    needs_upper: bool = False
    crc_lower: bool = False
    line_end: bytes = b"\r\n"
    commands: tuple[tuple[str, str, str], ...] = ()


@frozen
class Event:
    """A packet that came or a reason why one was refused, for the log of the platform."""

    what: str
    packet: Packet | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a line."""
        if self.packet is None:
            return {"what": self.what, "detail": self.detail}
        one = self.packet
        line = {"what": self.what, "qn": one.qn, "st": one.st, "cn": one.cn, "mn": one.mn}
        return {**line, "backfill": one.is_backfill, "region": one.region, "detail": self.detail}


@define
class Platform:
    """What all connections share.

    Attributes:
        pw: The password of the sites.
        keys: SM4 keys, the newest first.
        mns: Known sites; any if empty.
        taken: The regions that came, by MN and QN.
    """

    habits: Habits
    pw: str
    keys: tuple[bytes, ...] = ()
    mns: frozenset[str] = frozenset()
    taken: dict[tuple[str, str, str], Packet] = field(factory=dict)
    repeated: int = 0


@define
class PlatformLink:
    """One connection."""

    platform: Platform
    _stream: Stream = field(init=False, factory=Stream)
    _joiner: Joiner = field(init=False, factory=Joiner)
    _numbers: RequestNumbers = field(init=False, factory=RequestNumbers)
    _greeted: bool = field(init=False, default=False)
    _count: int = field(init=False, default=0)

    def receive(self, data: bytes, now_s: float, utc_ms: int) -> Iterator[Event | bytes]:
        """Events and bytes to send, in their order."""
        for piece in self._stream.feed(data):
            if isinstance(piece, Broken):
                yield Event("broken", detail=f"byte {piece.place}: {piece.why} {piece.detail}".rstrip())
                continue
            try:
                taken = decode(piece.raw, self.platform.keys, expected=self.platform.habits.crc)
                whole = self._joiner.add(taken.packet, now_s)
            except PacketError as error:
                yield Event("broken", detail=str(error))
                continue
            if whole is not None:
                yield from self._take(whole, taken, utc_ms)

    def _take(self, packet: Packet, taken: Taken, utc_ms: int) -> Iterator[Event | bytes]:
        platform = self.platform
        odd = ",".join(sorted({one.what.value for one in taken.oddities}))
        wrong = self._judge(packet, odd)
        if wrong is not None:
            yield Event("refused", packet, wrong.name.lower())
            yield self._say(packet, Command.REQUEST_ANSWER, f"QnRtn={wrong}")
            return
        if packet.cn in ANSWERS:
            yield Event("answer", packet, odd)
        elif packet.cn not in UPLOADS and packet.cn != Command.HEARTBEAT:
            yield Event("reply", packet, odd)
        elif packet.cn == Command.HEARTBEAT:
            yield Event("heartbeat", packet, odd)
            yield self._say(packet, Command.NOTICE_ANSWER, "")
        else:
            yield from self._take_data(packet, odd, utc_ms)
        if not self._greeted:
            self._greeted = True
            for cn, st, region in platform.habits.commands:
                yield self._command(packet, cn, st, region, utc_ms)

    def _judge(self, packet: Packet, odd: str) -> RequestResult | None:
        platform = self.platform
        if packet.pw != platform.pw:
            return RequestResult.WRONG_PW
        if platform.mns and packet.mn not in platform.mns:
            return RequestResult.WRONG_MN
        if platform.habits.needs_upper and "crc_lower" in odd.split(","):
            return RequestResult.WRONG_CRC
        return None

    def _take_data(self, packet: Packet, odd: str, utc_ms: int) -> Iterator[Event | bytes]:
        platform, habits = self.platform, self.platform.habits
        self._count += 1
        if habits.refuse:
            yield Event("refused", packet, habits.refuse)
            yield self._say(packet, Command.REQUEST_ANSWER, f"QnRtn={habits.refuse}")
            return
        key = (packet.mn, packet.qn, packet.cn if not packet.wants_answer else "")
        is_answered = packet.wants_answer
        if is_answered and key in platform.taken:
            platform.repeated += 1
            yield Event("repeated", packet, odd)
        else:
            if is_answered and len(platform.taken) < TAKEN_MAX:
                platform.taken[key] = packet
            yield Event("data", packet, odd)
        if is_answered and self._count % habits.answers_every == 0:
            yield from self._acknowledge(packet)
        if habits.sets_clock:
            yield self._command(
                packet, Command.SET_CLOCK, packet.st, f"SystemTime={write_time(utc_ms)}", utc_ms
            )

    def _acknowledge(self, packet: Packet) -> Iterator[bytes]:
        ack = self.platform.habits.ack
        if ack is PlatformAck.DATA:
            yield self._say(packet, Command.DATA_ANSWER, "")
        elif ack is PlatformAck.REQUEST:
            yield self._say(packet, Command.REQUEST_ANSWER, "QnRtn=1")
        elif ack is PlatformAck.REQUEST_WITHIN:
            yield self._say(packet, Command.REQUEST_ANSWER, f"QN={packet.qn};QnRtn=1")

    def _command(self, packet: Packet, cn: str, st: str, region: str, utc_ms: int) -> bytes:
        qn = self._numbers.next(utc_ms)
        flag = Flag(VERSIONS[self.platform.habits.edition], wants_answer=True)
        return self._write(evolve(_plain(packet), qn=qn, cn=str(cn), st=st, flag=flag, region=region))

    def _say(self, packet: Packet, cn: Command, region: str) -> bytes:
        flag = Flag(VERSIONS[self.platform.habits.edition])
        made = evolve(_plain(packet), cn=str(cn), st=str(System.EXCHANGE), flag=flag, region=region)
        return self._write(made)

    def _write(self, packet: Packet) -> bytes:
        habits, keys = self.platform.habits, self.platform.keys
        raw = encode(packet, crc=habits.crc, key=keys[0] if keys else None, form=habits.form)
        body, digits = raw[:-6], raw[-6:-2]
        return body + (digits.lower() if habits.crc_lower else digits) + habits.line_end


def _plain(packet: Packet) -> Packet:
    """Who a packet is from, without what it says."""
    return evolve(packet, pnum=None, pno=None, is_backfill=False)
