"""A gateway's store, a broker that forgets, and a centre, as small models around a real outbox."""

from enum import StrEnum
from hashlib import sha256

from attrs import define, field

from agent.uplink.delivery import Limits, Meaning, Publish
from agent.uplink.outbox import Outbox
from centre.gateway.parts import Parts
from evidence.held import Held
from evidence.receipt import Conflict, Receipt
from evidence.seal import NO_HASH, SEAL_BYTES_LONGEST
from wire import messages
from wire.messages import Kind, PartMessage, Topics

TOPICS = Topics("gw-7")
PACKET_MAX = 65_536


def hash_of(number: int) -> bytes:
    return sha256(b"%d" % number).digest() if number else NO_HASH


@define
class ModelCentre:
    """Takes seals by number; the crypto is tested elsewhere."""

    tip: int = 0
    held: Held = field(factory=Held)
    parked: dict[int, bool] = field(factory=dict)
    parts: Parts = field(factory=Parts)
    conflict: bool = False

    def take(self, publish: Publish, length: int = 0) -> None:
        for number in publish.numbers:
            if publish.kind is Kind.BODY:
                if number <= self.tip and (
                    publish.piece is None or self._join(number, length, publish.piece)
                ):
                    self.held.add(number)
            else:
                self._seal(number, whole=publish.kind is Kind.SEAL)

    def _join(self, number: int, length: int, piece: tuple[int, int]) -> bool:
        """Put a part of a body of zeros to the others; whether it is whole now."""
        whole = self.parts.put(PartMessage(number, length, piece[0], bytes(piece[1] - piece[0])))
        return whole is not None and number not in self.held

    def _seal(self, number: int, *, whole: bool) -> None:
        if number > self.tip + 1:
            self.parked[number] = whole
            self.conflict = True
            return
        if number == self.tip + 1:
            self.tip, self.conflict = number, False
        if whole:
            self.held.add(number)
        while self.tip + 1 in self.parked:
            self.tip += 1
            if self.parked.pop(self.tip):
                self.held.add(self.tip)

    def receipt(self) -> Receipt:
        conflict = Conflict(self.tip + 1, hash_of(self.tip)) if self.conflict else None
        self.conflict = False
        return receipt(self.tip, self.held.up_to, self.held.ranges, conflict=conflict)


def receipt(
    number: int,
    bodies: int | None = None,
    ranges: tuple[tuple[int, int], ...] = (),
    *,
    seal_hash: bytes | None = None,
    conflict: Conflict | None = None,
    gateway: str = TOPICS.gateway,
    at_ms: int = 0,
) -> Receipt:
    return Receipt(
        gateway=gateway,
        number=number,
        seal_hash=hash_of(number) if seal_hash is None else seal_hash,
        bodies_up_to=number if bodies is None else bodies,
        ranges=ranges,
        centre_utc_ms=at_ms,
        conflict=conflict,
    )


class Manner(StrEnum):
    """What a broker does with a packet that is larger than it takes."""

    NAMED = "says so in its CONNACK"
    REFUSES = "answers 0x95"
    REFUSES_OTHERWISE = "answers 0x97"
    HANGS_UP = "hangs up with 0x95"
    HANGS_UP_SILENTLY = "hangs up without a word"
    DROPS = "acknowledges and drops"
    SWALLOWS = "never acknowledges"


@define
class World:
    """Everything around one outbox. `bodies`: number → length for every stored row, 0 once given up."""

    limits: Limits = field(factory=Limits)
    outbox: Outbox = field(init=False)
    now_s: float = 0.0
    bodies: dict[int, int] = field(factory=dict)
    centre: ModelCentre = field(factory=ModelCentre)
    queue: list[Publish] = field(factory=list)  # taken by the broker, not yet by the centre
    in_flight: dict[int, Publish] = field(factory=dict)
    retained: Receipt | None = None
    stored: Receipt | None = None
    window: int = 0
    window_max: int = 20
    packet_max: int = 0
    takes_max: int = PACKET_MAX
    knows_parts: bool = True
    manner: Manner = Manner.NAMED
    log: list[Publish] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.outbox = Outbox(TOPICS, received=0, tip=0, limits=self.limits)

    @property
    def tip(self) -> int:
        return max(self.bodies, default=0)

    def own_hash(self, number: int) -> bytes | None:
        return hash_of(number) if number in self.bodies else None

    def body_bytes(self, number: int) -> int:
        return self.bodies.get(number, 0)

    def seal(self, count: int = 1, length: int = 2_000) -> None:
        for _ in range(count):
            number = self.tip + 1
            self.bodies[number] = length
            self.outbox.on_sealed(number)

    def connect(self, window: int = 20, packet_max: int = PACKET_MAX) -> None:
        self.window, self.packet_max = min(window, self.limits.window_max), packet_max
        self.outbox.on_connected(self.now_s, window, packet_max)
        if self.retained is not None:
            self.hear(self.retained)

    def disconnect(self, code: int = 0) -> None:
        self.window = 0
        self.in_flight.clear()
        self.outbox.on_disconnected(self.now_s, code)

    def tick(self, seconds: float = 0.0) -> list[Publish]:
        """Let time pass and see what goes out; checks what must hold for every message."""
        self.now_s += seconds
        due = self.outbox.next(self.now_s, self.body_bytes)
        for publish in due:
            assert publish.token not in self.in_flight
            assert self.wire_bytes(publish) <= self.packet_max, "oversize is never sent"
            assert all(number in self.bodies for number in publish.numbers), "only what is stored"
            self.in_flight[publish.token] = publish
        assert len(self.in_flight) <= self.window, "never more than the window in flight"
        self.log += due
        return due

    def wire_bytes(self, publish: Publish) -> int:
        bodies = [self.bodies[number] for number in publish.numbers]
        strings = {
            Kind.CHAIN: [SEAL_BYTES_LONGEST] * len(bodies),
            Kind.SEAL: [SEAL_BYTES_LONGEST, *bodies],
            Kind.BODY: bodies,
        }[publish.kind]
        assert publish.kind is Kind.CHAIN or all(bodies), "a body that was given up is not sent"
        if publish.piece is not None:
            (length,) = bodies
            part = messages.encode_part(publish.numbers.start, bytes(length), *publish.piece)
            messages.decode_body(part)
            return messages.packet_bytes(TOPICS.body, len(part))
        return messages.packet_bytes(TOPICS.of(publish.kind), messages.message_bytes(strings))

    def ack(self, token: int, code: int = 0) -> None:
        publish = self.in_flight.pop(token)
        if code < 0x80:
            self.queue.append(publish)
        self.outbox.on_puback(token, code, self.now_s)

    def work(self, step_s: float = 1.0) -> None:
        """One step in which the broker takes what it takes, in its manner, and the centre answers."""
        if self.outbox.wants_reconnect(self.now_s):
            self.disconnect()
        if not self.window:
            self.connect(self.window_max, self.takes_max if self.manner is Manner.NAMED else 268_435_460)
        self.tick(step_s)
        for token in sorted(self.in_flight):
            if token not in self.in_flight:
                break
            self._take(token)
        self.deliver()

    def _take(self, token: int) -> None:
        if self.manner is Manner.NAMED or self.wire_bytes(self.in_flight[token]) <= self.takes_max:
            self.ack(token)
            return
        match self.manner:
            case Manner.REFUSES:
                self.ack(token, 0x95)
            case Manner.REFUSES_OTHERWISE:
                self.ack(token, 0x97)
            case Manner.HANGS_UP:
                self.disconnect(0x95)
            case Manner.HANGS_UP_SILENTLY:
                self.disconnect()
            case Manner.DROPS:
                self.in_flight.pop(token)
                self.outbox.on_puback(token, 0, self.now_s)

    def ack_all(self, code: int = 0) -> None:
        for token in list(self.in_flight):
            self.ack(token, code)

    def deliver(self) -> None:
        """The centre works on what waits and answers; the broker retains the answer."""
        waiting, self.queue = self.queue, []
        for publish in waiting:
            if publish.piece is not None and not self.knows_parts:
                continue
            self.centre.take(publish, self.bodies.get(publish.numbers.start, 0))
        if waiting:
            self.retained = self.centre.receipt()
            if self.window:
                self.hear(self.retained)

    def hear(self, answer: Receipt) -> Meaning:
        heard = self.outbox.on_receipt(answer, self.own_hash, self.now_s)
        if heard is Meaning.PROGRESS:
            self.stored = answer
        return heard

    def restart(self) -> None:
        """The agent is killed and starts again from its store."""
        self.window = 0
        self.in_flight.clear()
        first = min(self.bodies, default=1)
        self.outbox = Outbox(TOPICS, received=first - 1, tip=max(self.tip, first - 1), limits=self.limits)
        if self.stored is not None:
            self.hear(self.stored)

    def prune(self) -> None:
        below = self.outbox.prunable_below(self.body_bytes)
        for number in [number for number in self.bodies if number < below]:
            assert number <= self.centre.tip, "no prune without a receipt"
            assert number in self.centre.held or not self.bodies[number], (
                "no body is pruned before it is held"
            )
            del self.bodies[number]

    def run(self, seconds: int, step_s: float = 1.0) -> bool:
        """Everything works; whether everything arrived within `seconds`."""
        for _ in range(int(seconds / step_s)):
            self.tick(step_s)
            self.ack_all()
            self.deliver()
            if self.arrived():
                return True
        return False

    def arrived(self) -> bool:
        held = self.centre.held
        return (
            self.centre.tip == self.tip
            and self.outbox.received == self.tip
            and all(number in held for number, length in self.bodies.items() if length)
        )
