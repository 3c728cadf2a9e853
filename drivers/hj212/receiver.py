"""What a data logger says on one connection, and what it is answered; the agent plays the platform. Pure.

    bytes ─▶ receive ─▶ Arrival    a whole packet with data of a known MN, as it came
                       Answer     bytes that go back, once what stands before it is kept
                       Refusal    what was not taken, and why

Nothing is believed beyond its bytes. A packet that is broken, of a stranger or a command is a Refusal. Data
are answered by 9014, a heartbeat by 9013, any command by a refusal: nobody sets a clock here (1012), and what
is measured is the site file's. An answer repeats the QN, the password and the check of its packet, also where
these are not the standard's, as the logger would not know it again.

Real time data (CN=2011) are values of their moment only if nothing speaks against it. Else the Arrival says
why they are stale: sent later (RF=1), without a time, with one that is more than CLOCK_OFF_MS from ours,
older than what came before, or with another value of an item than another connection gave for this time: of
two that send under one MN and contradict each other, both are sealed and the first is believed. A packet that
comes a second time, byte for byte, is answered again and is no Arrival.

What is kept is bounded: a piece of a packet by `drivers.hj212.stream`, PARTS_WAITING_MAX packets of which
parts are missing, REMEMBERED_MAX packets by their hash, ITEMS_MAX of the newest time of each MN, CN and ST.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from drivers.hj212.crc import compute_crc
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.numbers import ANSWERS, UPLOADS, Command, ExecutionResult, RequestResult, System
from drivers.hj212.oddity import PacketError, Wrong
from drivers.hj212.packet import DATA_TIME, Packet
from drivers.hj212.stream import Broken, Piece, Stream
from drivers.hj212.times import read_time

CLOCK_OFF_MS: Final = 3_600_000
"""An hour: more than a logger's clock is wrong by itself, less than a wrong time zone."""
REMEMBERED_MAX: Final = 256
"""Packets of a bus known again when they are repeated: loggers repeat three times within half a minute."""
PARTS_WAITING_MAX: Final = 2
PARTS_BYTES_MAX: Final = 40_000
"""Of all parts of a packet, which become one record (`evidence.record.RECORD_BYTES_MAX`); by the standard 9
of 1,036 bytes."""
PARTS_MAX: Final = 32
"""Blocks of one reading."""
PARTS_WAIT_S: Final = 60.0
DIGEST_BYTES: Final = 16
STALE_LATER: Final = "sent later"
STALE_ORDER: Final = "out of order"
STALE_CLOCK: Final = "its clock is off"
STALE_NO_TIME: Final = "no time"
STALE_CONTRADICTS: Final = "contradicts what came before"
ITEMS_MAX: Final = 512
"""Of one time that are held against each other: more than a packet in nine parts has by the standard."""
_MN: Final = re.compile(rb"(?:^##[0-9]{4}|;)MN=([0-9A-Za-z]{1,24});")
_SYSTEMS: Final = frozenset(System)
_QN: Final = re.compile(r"[0-9]{1,17}")
_WORD: Final = re.compile(r"[0-9A-Za-z]{1,24}")


@frozen
class Arrival:
    """Data of a known MN.

    Attributes:
        raws: The packet as it came, or all its parts in their order.
        stale: Why they are no values of this moment; "" if they are.
    """

    mn: str
    cn: int
    raws: tuple[bytes, ...]
    stale: str = ""


@frozen
class Answer:
    """Bytes that go back."""

    raw: bytes


@frozen
class Refusal:
    """Something was not taken; `detail` comes from outside, `place` is a byte of packet or stream."""

    why: str
    detail: str = ""
    place: int = 0


Told = Arrival | Answer | Refusal


@define(eq=False, repr=False)
class Memory:
    """What the connections of a bus share.

    Attributes:
        mns: Known loggers.
        keys: SM4 keys by MN, the newest first; none of those that send plain text.
        newest_ms: The newest DataTime of each MN and CN, UTC.
    """

    mns: frozenset[str]
    keys: Mapping[str, tuple[bytes, ...]] = field(factory=dict)
    newest_ms: dict[tuple[str, str], int] = field(init=False, factory=dict)
    _seen: dict[bytes, None] = field(init=False, factory=dict)
    _said: dict[tuple[str, str, str], tuple[int, dict[str, str], object]] = field(init=False, factory=dict)

    def keys_of(self, raw: bytes) -> tuple[bytes, ...]:
        """Those of the MN in a packet's head, which is plain; () if it is unknown."""
        found = _MN.search(raw) if self.keys else None
        return () if found is None else self.keys.get(found[1].decode("ascii"), ())

    def is_repeated(self, raw: bytes) -> bool:
        """Whether the packet came before."""
        return _digest(raw) in self._seen

    def contradicts(self, packet: Packet, at_ms: int, sender: object) -> bool:
        """Whether another sender gave an item of it another value for this time; else its items are noted.

        A logger may well correct itself, or name a minute twice in it; two that send under one MN may not.
        """
        key = (packet.mn, packet.cn, packet.st if packet.st in _SYSTEMS else "")
        known_ms, items, known = self._said.get(key, (at_ms, {}, sender))
        if known_ms != at_ms:
            items = {}
        new = dict(islice(packet.items(), ITEMS_MAX))
        if known is not sender and any(items.get(name, value) != value for name, value in new.items()):
            return True
        if len(items) + len(new) <= ITEMS_MAX:
            self._said[key] = (at_ms, items | new, sender)
        return False

    def note(self, raws: tuple[bytes, ...]) -> None:
        """Know these packets again."""
        for raw in raws:
            self._seen[_digest(raw)] = None
        while len(self._seen) > REMEMBERED_MAX:
            del self._seen[next(iter(self._seen))]


@define(eq=False, repr=False)
class _Parts:
    """Of one packet, by number."""

    pnum: int
    since_s: float
    raws: dict[int, bytes] = field(factory=dict)


@define(eq=False, repr=False)
class Receiver:
    """One connection."""

    memory: Memory
    _stream: Stream = field(init=False, factory=Stream)
    _waiting: dict[tuple[str, str, str], _Parts] = field(init=False, factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether a part of a packet has come."""
        return self._stream.is_waiting

    def receive(self, data: bytes, now_s: float, utc_ms: int | None) -> Iterator[Told]:
        """What the bytes say; `utc_ms` is None while our own clock is not to be trusted."""
        for piece in self._stream.feed(data):
            yield from self._judge(piece, now_s, utc_ms)

    def flush(self) -> Iterator[Told]:
        """What is left once the line is quiet or closed."""
        for piece in self._stream.flush():
            yield from self._judge(piece, 0.0, None)

    def _judge(self, piece: Piece, now_s: float, utc_ms: int | None) -> Iterator[Told]:
        if isinstance(piece, Broken):
            yield Refusal(piece.why.value, piece.detail, piece.place)
            return
        try:
            taken = decode(piece.raw, self.memory.keys_of(piece.raw))
        except PacketError as error:
            yield Refusal(error.what.value, error.detail, error.place)
            return
        packet = taken.packet
        if packet.mn not in self.memory.mns:
            yield Refusal("stranger", packet.mn[:24])
            yield from _answer(taken, Command.REQUEST_ANSWER, f"QnRtn={RequestResult.WRONG_MN}")
        elif packet.cn == Command.HEARTBEAT:
            yield from _answer(taken, Command.NOTICE_ANSWER)
        elif packet.cn in UPLOADS:
            yield from self._take(piece.raw, taken, now_s, utc_ms)
        elif packet.cn not in ANSWERS:
            yield Refusal("command", packet.cn)
            yield from _answer(taken, Command.REQUEST_ANSWER, f"QnRtn={RequestResult.REFUSED}")
            yield from _answer(taken, Command.EXECUTION_ANSWER, f"ExeRtn={ExecutionResult.FAILED}")

    def _take(self, raw: bytes, taken: Taken, now_s: float, utc_ms: int | None) -> Iterator[Told]:
        """Data: of a packet in parts, the parts are answered one by one and arrive with the last."""
        packet = taken.packet
        if not self.memory.is_repeated(raw):
            raws = self._gather(raw, packet, now_s)
            if raws is None:
                yield Refusal(Wrong.PARTS.value, f"{packet.pno} / {packet.pnum}")
                return
            if raws:
                stale = self._find_stale(packet, utc_ms)
                self.memory.note(raws)
                yield Arrival(packet.mn, int(packet.cn), raws, stale)
        if packet.wants_answer:
            yield from _answer(taken, Command.DATA_ANSWER)

    def _gather(self, raw: bytes, packet: Packet, now_s: float) -> tuple[bytes, ...] | None:
        """The bytes of the whole packet; () while parts are missing, None if they do not fit together."""
        pnum, pno = packet.pnum, packet.pno
        if pnum is None or pno is None or pnum == 1:
            return (raw,)
        self._waiting = {k: one for k, one in self._waiting.items() if now_s - one.since_s < PARTS_WAIT_S}
        key = (packet.mn, packet.cn, packet.qn)
        if key not in self._waiting and len(self._waiting) >= PARTS_WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        known = self._waiting.setdefault(key, _Parts(pnum, now_s))
        known.raws[pno] = raw
        too_long = sum(map(len, known.raws.values())) > PARTS_BYTES_MAX
        if known.pnum != pnum or pnum > PARTS_MAX or too_long:
            del self._waiting[key]
            return None
        if len(known.raws) < pnum:
            return ()
        del self._waiting[key]
        return tuple(known.raws[number] for number in sorted(known.raws))

    def _find_stale(self, packet: Packet, utc_ms: int | None) -> str:
        """Why the data are no values of this moment, else "" and their time is the newest."""
        if packet.is_backfill:
            return STALE_LATER
        at_ms = read_time(packet.find(DATA_TIME))
        if at_ms is None:
            return STALE_NO_TIME
        is_real = packet.cn == Command.REAL
        if is_real and utc_ms is not None and abs(at_ms - utc_ms) > CLOCK_OFF_MS:
            return STALE_CLOCK
        key = (packet.mn, packet.cn)
        if at_ms < self.memory.newest_ms.get(key, at_ms):
            return STALE_ORDER
        self.memory.newest_ms[key] = at_ms
        return STALE_CONTRADICTS if self.memory.contradicts(packet, at_ms, self) else ""


def _answer(taken: Taken, cn: Command, region: str = "") -> Iterator[Answer]:
    """The answer, if the packet has what an answer must repeat."""
    packet = taken.packet
    if not _WORD.fullmatch(packet.mn):
        return
    fields = [f"QN={packet.qn}"] if _QN.fullmatch(packet.qn) else []
    fields += [f"ST={System.EXCHANGE}", f"CN={cn}"]
    fields += [f"PW={packet.pw}"] if _WORD.fullmatch(packet.pw) else []
    version = 0 if packet.flag is None else packet.flag.version
    fields += [f"MN={packet.mn}", f"Flag={version << 2}", f"CP=&&{region}&&"]
    segment = ";".join(fields).encode()
    yield Answer(b"##%04d%s%04X\r\n" % (len(segment), segment, compute_crc(segment, taken.crc)))


def _digest(raw: bytes) -> bytes:
    return sha256(raw).digest()[:DIGEST_BYTES]
