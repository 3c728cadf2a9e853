"""One connection to a platform for one MN, from the site's side. Pure: time and bytes in, acts out.

Data that the owner offers go out at once; two may be unanswered at a time, one that is live and one that is
backfill, so that an outage's backlog never stands before what happens now. An answer is matched by QN. What
is not answered is sent again with the same bytes, three times by the standard's time-outs, and then the
connection is given up: the owner's queue still has it, and its QN stays with it, so that a platform that did
have it can tell. A platform's commands are answered at once; the same command again gets the same answer and
is not done twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from drivers.hj212.decoding import Taken, decode
from drivers.hj212.encoding import encode
from drivers.hj212.numbers import ANSWERS, Command, ExecutionResult, RequestResult, System
from drivers.hj212.oddity import EncodeError, PacketError
from drivers.hj212.packet import Edition, Packet
from drivers.hj212.parts import Joiner, split
from drivers.hj212.stream import Broken, Piece, Stream
from drivers.hj212.times import RequestNumbers
from wire.hj212.acts import (
    Act,
    AskHistory,
    AssignMn,
    Declined,
    Delivered,
    Event,
    HangUp,
    RenewKey,
    Send,
    Tell,
)
from wire.hj212.commands import Reply, Site, answer_command
from wire.hj212.terms import COMMAND_WAIT_S, DATA_WAIT_S, TRIES, Ack, Terms

HANDLED_MAX: Final = 32
"""Commands whose answers are kept for a repetition: three repetitions of ten at once."""
HEARTBEAT: Final = -1
"""The number of a heartbeat, which is in no queue."""
OF_THE_FILE: Final = frozenset(
    {RequestResult.WRONG_PW, RequestResult.WRONG_MN, RequestResult.WRONG_FLAG, RequestResult.WRONG_CRC}
)
"""Refusals that a person puts right in a file: the packet waits for that."""


@frozen
class Datum:
    """A packet of the queue; `qn` was given to it once and for all."""

    number: int
    qn: str
    st: str
    cn: str
    region: str
    is_late: bool = False


@frozen
class _Waiting:
    """What is not answered yet: how often it was sent, and when it is sent again."""

    number: int
    frames: tuple[bytes, ...]
    due_s: float
    wait_s: float
    is_late: bool = False
    tries: int = 1


@define(eq=False, repr=False)
class Link:
    """See the module; made when a connection stands, and forgotten with it.

    Attributes:
        keys: SM4 keys, the newest first; none if packets go plain.
        up_s: When it was made, monotonic.
    """

    terms: Terms
    mn: str
    pw: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    numbers: RequestNumbers
    up_s: float
    _stream: Stream = field(init=False, factory=Stream)
    _joiner: Joiner = field(init=False, factory=Joiner)
    _waiting: dict[str, _Waiting] = field(init=False, factory=dict)
    _handled: dict[tuple[str, str], tuple[bytes, ...]] = field(init=False, factory=dict)
    _history: AskHistory | None = field(init=False, default=None)
    _quiet_since_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._quiet_since_s = self.up_s

    # ---- what the owner asks and gives

    def wants(self, *, late: bool) -> bool:
        """Whether it would send a live or a late packet now."""
        return all(one.is_late is not late for one in self._waiting.values())

    def is_waiting_for(self, qn: str) -> bool:
        """Whether a packet is out and not answered."""
        return qn in self._waiting

    def offer(self, datum: Datum, now_s: float) -> list[Act]:
        """Send a packet of the queue."""
        packet = self._make(datum.cn, datum.st, datum.qn, datum.region, wants_answer=True)
        late = datum.is_late and self.terms.edition >= Edition.Y2025
        try:
            parts = split(evolve(packet, is_backfill=late))
            frames = tuple(self._encode(part) for part in parts)
        except EncodeError as error:
            return [Declined(datum.number, str(error)), Tell(Event.UNFIT, str(error))]
        due_s = now_s + DATA_WAIT_S
        self._waiting[datum.qn] = _Waiting(datum.number, frames, due_s, DATA_WAIT_S, is_late=datum.is_late)
        self._quiet_since_s = now_s
        return [act for part, raw in zip(parts, frames, strict=True) for act in self._sent(part, raw)]

    def beat(self, now_s: float, utc_ms: int) -> list[Act]:
        """Send a heartbeat."""
        qn = self.numbers.next(utc_ms)
        packet = self._make(Command.HEARTBEAT, System.EXCHANGE, qn, "", wants_answer=True)
        raw = self._encode(packet)
        due_s = now_s + COMMAND_WAIT_S
        self._waiting[qn] = _Waiting(HEARTBEAT, (raw,), due_s, COMMAND_WAIT_S)
        self._quiet_since_s = now_s
        return self._sent(packet, raw)

    def tick(self, now_s: float, utc_ms: int) -> list[Act]:
        """What the time asks for."""
        acts: list[Act] = []
        for qn, one in list(self._waiting.items()):
            if one.due_s > now_s:
                continue
            if one.tries >= TRIES:
                self._waiting.clear()
                return [*acts, Tell(Event.NO_ANSWER, qn), HangUp()]
            self._waiting[qn] = evolve(one, tries=one.tries + 1, due_s=now_s + one.wait_s)
            acts += [*map(Send, one.frames), Tell(Event.REPEATED, qn)]
        is_silent = self.terms.heartbeat_s and now_s >= self._quiet_since_s + self.terms.heartbeat_s
        if is_silent and not self._waiting:
            acts += self.beat(now_s, utc_ms)
        return acts

    def add_history(self, rows: Iterable[tuple[str, str, str]], *, is_last: bool, found: bool) -> list[Act]:
        """Send what a request for history asked for: st, cn and region of each packet.

        Args:
            rows: The next packets.
            is_last: Whether these are all.
            found: Whether there were any at all.
        """
        asked = self._history
        if asked is None:
            return []
        acts: list[Act] = []
        for st, cn, region in rows:
            packet = self._make(cn, st, asked.qn, region, wants_answer=False)
            acts += [act for part in split(packet) for act in self._sent(part, self._encode(part))]
        if is_last:
            self._history = None
            result = ExecutionResult.DONE if found else ExecutionResult.NO_DATA
            acts += self._say(asked.qn, Command.EXECUTION_ANSWER, f"ExeRtn={result}")
        return acts

    # ---- what comes

    def receive(self, data: bytes, now_s: float, utc_ms: int) -> list[Act]:
        """What bytes of the platform lead to."""
        return self._read(self._stream.feed(data), now_s, utc_ms)

    def settle(self, now_s: float, utc_ms: int) -> list[Act]:
        """The line has been quiet for a while: what is incomplete stays so."""
        return self._read(self._stream.flush(), now_s, utc_ms) if self._stream.is_waiting else []

    def _read(self, pieces: Sequence[Piece], now_s: float, utc_ms: int) -> list[Act]:
        acts: list[Act] = []
        for piece in pieces:
            if isinstance(piece, Broken):
                acts.append(Tell(Event.BROKEN, trouble=piece))
                continue
            try:
                taken = decode(piece.raw, self.keys, expected=self.terms.crc)
                whole = self._joiner.add(taken.packet, now_s)
            except PacketError as error:
                acts.append(Tell(Event.BROKEN, trouble=error))
                continue
            acts.append(Tell(Event.GOT, taken=taken))
            if whole is not None:
                acts += self._take(whole, utc_ms)
        return acts

    def _take(self, packet: Packet, utc_ms: int) -> Iterator[Act]:
        if packet.cn == Command.HEARTBEAT:
            return iter(self._say(packet.qn, Command.NOTICE_ANSWER, "")) if packet.qn else iter(())
        if packet.cn in ANSWERS:
            return self._take_answer(packet)
        return iter(self._obey(packet, utc_ms))

    def _take_answer(self, packet: Packet) -> Iterator[Act]:
        qn = next((qn for qn in (packet.qn, packet.find("QN")) if qn in self._waiting), "")
        one = self._waiting.get(qn)
        if one is None or (packet.mn and packet.mn != self.mn) or not self._is_answer(packet.cn, one):
            if packet.cn != Command.EXECUTION_ANSWER:
                yield Tell(Event.UNASKED, f"{packet.cn} {packet.qn}")
            return
        del self._waiting[qn]
        result = packet.find("QnRtn")
        if one.number == HEARTBEAT:
            return
        if result in OF_THE_FILE:
            yield Tell(Event.REFUSED, result)
            yield HangUp()
            return
        if result and result != RequestResult.WILL_BE_DONE:
            yield Declined(one.number, result)
            yield Tell(Event.REFUSED, result)
            return
        yield Delivered(one.number)

    def _is_answer(self, cn: str, one: _Waiting) -> bool:
        if one.number == HEARTBEAT:
            return cn != Command.EXECUTION_ANSWER
        if self.terms.ack is Ack.EITHER:
            return cn in {Command.DATA_ANSWER, Command.REQUEST_ANSWER}
        return cn == self.terms.ack.value

    def _obey(self, packet: Packet, utc_ms: int) -> list[Act]:
        """Answer a command; the same one again is only answered again."""
        before = self._handled.get((packet.qn, packet.cn))
        if before is not None:
            return [*map(Send, before), Tell(Event.REPEATED, packet.qn)]
        reply = answer_command(packet, Site(self.mn, self.pw, utc_ms, self.terms))
        asked = next((act for act in reply.acts if isinstance(act, AskHistory)), None)
        if asked is not None and self._history is not None:
            reply = Reply(RequestResult.REFUSED, acts=(Tell(Event.COMMAND_REFUSED, packet.cn),))
        elif asked is not None:
            self._history = asked
        acts = self._answer(packet, reply)
        if reply.request is RequestResult.WILL_BE_DONE and asked is None:
            self._handled[packet.qn, packet.cn] = tuple(act.raw for act in acts if isinstance(act, Send))
            if len(self._handled) > HANDLED_MAX:
                del self._handled[next(iter(self._handled))]
        for act in reply.acts:
            if isinstance(act, AssignMn):
                self.mn = act.mn
            elif isinstance(act, RenewKey):
                self.keys = (act.key, *self.keys[:1])
        return acts

    def _answer(self, packet: Packet, reply: Reply) -> list[Act]:
        acts: list[Act] = []
        if packet.flag is None or packet.wants_answer:
            acts += self._say(packet.qn, Command.REQUEST_ANSWER, f"QnRtn={reply.request}")
        acts += reply.acts
        if reply.region is not None:
            sent = self._make(packet.cn, packet.st, packet.qn, reply.region, wants_answer=False)
            acts += self._try(sent)
        if reply.execution is not None:
            acts += self._say(packet.qn, Command.EXECUTION_ANSWER, f"ExeRtn={reply.execution}")
        return acts

    # ---- what goes

    def _make(self, cn: str, st: str, qn: str, region: str, *, wants_answer: bool) -> Packet:
        flag = self.terms.flag(wants_answer=wants_answer)
        return Packet(str(cn), str(st), self.mn, self.pw, qn, flag, region=region)

    def _say(self, qn: str, cn: Command, region: str) -> list[Act]:
        return self._try(self._make(cn, System.EXCHANGE, qn, region, wants_answer=False))

    def _try(self, packet: Packet) -> list[Act]:
        """Send an answer; one to a request number or system that the standard does not have stays unsaid."""
        try:
            return self._sent(packet, self._encode(packet))
        except EncodeError as error:
            return [Tell(Event.UNFIT, str(error))]

    def _encode(self, packet: Packet) -> bytes:
        key = self.keys[0] if self.keys else None
        return encode(packet, crc=self.terms.crc, key=key, form=self.terms.form)

    def _sent(self, packet: Packet, raw: bytes) -> list[Act]:
        form = self.terms.form if self.keys and packet.region else None
        return [Send(raw), Tell(Event.SENT, taken=Taken(packet, crc=self.terms.crc, form=form))]
