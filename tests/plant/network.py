"""The broker that forgets, the connection to it, and the real centre behind it, all on virtual time.

`Link` stands where `wire.publisher.Publisher` stands: the same calls, the same events, the same
pauses between tries, and it fails the seed if the agent asks for anything that a broker would punish: a
message above the Maximum Packet Size, more in flight than the Receive Maximum. `Centre` is the rim of
`centre.subscriber` around the real core and its real database. One turn is one way through the
network: what goes out in one turn is answered in the next.
"""

import random
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.answers import Answer
from centre.core import Centre as Core
from centre.core import Incoming
from centre.store.sqlite import SqliteStore
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import NO_HASH
from tests.plant.disk import Disk, PowerCutError
from tests.plant.orders import Planned
from tests.plant.story import CENTRE_SECRET, GATEWAY
from wire import messages
from wire.messages import Kind, Topics
from wire.mqtt_client import WINDOW_MAX
from wire.mqtt_events import (
    FAILURE,
    PACKET_TOO_LARGE,
    SESSION_TAKEN_OVER,
    Acked,
    Connected,
    Disconnected,
    Message,
    MqttEvent,
)
from wire.mqtt_settings import MqttSettings
from wire.orders import concerns_orders
from wire.pacing import Backoff

TOPICS: Final = Topics(GATEWAY)
PACKET_MAX: Final = 65_536
SETTINGS: Final = MqttSettings("127.0.0.1", 1883, GATEWAY)
BEACON_S: Final = 60.0
QUEUE_MAX: Final = 2_000
"""What a broker keeps for a subscriber that is away; the rest is dropped without a word."""


@define
class Broker:
    """What it does wrong is set by faults.

    Attributes:
        up: It can be reached.
        refusal: Reason code of every PUBACK; 0 where it takes messages.
        expulsion: Reason code with which it ends the next connection.
        mute: It takes messages and answers nothing.
        black_hole: Packets vanish in both directions; nobody says so.
        forgets: Chance that a message is acknowledged and lost.
        doubles, shuffles: What the centre gets comes twice, or in another order.
        packet_max: Its Maximum Packet Size; `says_so` in CONNACK, or only when it is too late: by hanging up,
            by the PUBACK where it is `polite`, or never where it `drops`.
    """

    rng: random.Random
    up: bool = True
    refusal: int = 0
    expulsion: int = 0
    mute: bool = False
    black_hole: bool = False
    forgets: float = 0.0
    doubles: bool = False
    shuffles: bool = False
    receive_maximum: int = 20
    packet_max: int = PACKET_MAX
    says_so: bool = True
    polite: bool = False
    drops: bool = False
    retained: dict[str, bytes] = field(factory=dict)
    for_centre: deque[Incoming] = field(factory=deque)
    for_gateway: deque[Message] = field(factory=deque)
    taken: int = 0

    def take(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """A message of the gateway; the PUBACK's reason code."""
        if self.refusal:
            return self.refusal
        if retain:
            self.retained[topic] = payload
        if self.rng.random() >= self.forgets and len(self.for_centre) < QUEUE_MAX:
            self.for_centre.append(Incoming(topic, payload))
        return 0

    def answer(self, answer: Answer) -> None:
        """A message of the centre, retained."""
        self.retained[answer.topic] = answer.payload
        self.for_gateway.append(Message(answer.topic, answer.payload, retained=False))

    def crash(self) -> None:
        """It forgets everything that it has acknowledged."""
        self.for_centre.clear()
        self.for_gateway.clear()
        self.retained.clear()

    def delivery(self) -> list[Incoming]:
        """What the centre gets now."""
        batch = [self.for_centre.popleft() for _ in range(min(len(self.for_centre), 200))]
        if self.doubles:
            batch += self.rng.sample(batch, len(batch) // 2)
        if self.shuffles:
            self.rng.shuffle(batch)
        return batch


Meaning = Callable[[str, bytes], None]


@define
class Link:
    """The agent's connection in one life of its process; see the module.

    Attributes:
        on_wire: Told of every message that leaves the machine.
        events: For the agent, in order.
        sent: Messages that left.
    """

    broker: Broker
    on_wire: Meaning
    rng: random.Random
    events: deque[MqttEvent] = field(factory=deque)
    connected: bool = False
    sent: int = 0
    connects: int = 0
    _outgoing: deque[tuple[int, str, bytes, bool]] = field(factory=deque)
    _tokens: list[int] = field(factory=list)
    _owed: list[tuple[int, int]] = field(factory=list)
    _try_at_s: float = float("-inf")
    _heard_s: float = 0.0
    _backoff: Backoff = field(
        factory=lambda: Backoff(SETTINGS.reconnect_first_s, SETTINGS.reconnect_longest_s)
    )

    def publish(self, token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """As of the publisher."""
        self._outgoing.append((token, topic, payload, retain))

    def reconnect(self, now_s: float) -> None:
        """As of the publisher."""
        if self.connected:
            self._end(now_s, "reconnect", 0)

    def turn(self, now_s: float) -> None:
        """What the network does until now."""
        if self.connected and not self.broker.up:
            self._end(now_s, "connection lost", 0)
        elif self.connected and self.broker.expulsion:
            code, self.broker.expulsion = self.broker.expulsion, 0
            self._end(now_s, "expelled", code)
        elif self.connected and self.broker.black_hole:
            self._outgoing_vanishes()
            if now_s - self._heard_s > 2 * SETTINGS.keepalive_s:
                self._end(now_s, "keepalive", 0)
        elif self.connected:
            self._heard_s = now_s
            self._exchange(now_s)
        elif now_s >= self._try_at_s:
            self._try(now_s)

    def _try(self, now_s: float) -> None:
        if not self.broker.up or self.broker.black_hole:
            self._end(now_s, "no route", 0, reached=False)
            return
        self.connected, self._heard_s = True, now_s
        self.connects += 1
        self._backoff.succeed()
        packet_max = self.broker.packet_max if self.broker.says_so else 268_435_460
        self.events.append(Connected(False, self.broker.receive_maximum, packet_max))
        others = [topic for topic in self.broker.retained if concerns_orders(GATEWAY, topic)]
        for topic in (TOPICS.receipt, messages.BEACON, *others):
            if topic in self.broker.retained:
                self.events.append(Message(topic, self.broker.retained[topic], retained=True))

    def _end(self, now_s: float, reason: str, code: int, *, reached: bool = True) -> None:
        self.connected = False
        self._outgoing.clear()
        self._tokens.clear()
        self._owed.clear()
        pause_s = self._backoff.fail() if reached else SETTINGS.reconnect_first_s
        if code == SESSION_TAKEN_OVER:
            pause_s = SETTINGS.reconnect_longest_s
        self._try_at_s = now_s + pause_s * self.rng.uniform(0.5, 1.0)
        self.events.append(Disconnected(reason, code))

    def _exchange(self, now_s: float) -> None:
        for token, code in self._owed:
            self._tokens.remove(token)
            self.events.append(Acked(token, code))
        self._owed.clear()
        while self.broker.for_gateway:
            self.events.append(self.broker.for_gateway.popleft())
        window = min(self.broker.receive_maximum, WINDOW_MAX)
        while self._outgoing and len(self._tokens) < window:
            token, topic, payload, retain = self._outgoing.popleft()
            size = messages.packet_bytes(topic, len(payload))
            self.sent += 1
            self.on_wire(topic, payload)
            if size > self.broker.packet_max:
                assert not self.broker.says_so, (
                    f"{size} bytes sent, the broker takes {self.broker.packet_max}"
                )
                if not self.broker.polite and not self.broker.drops:
                    self._end(now_s, "packet too large", PACKET_TOO_LARGE)
                    return
                self._tokens.append(token)
                self._owed.append((token, PACKET_TOO_LARGE if self.broker.polite else 0))
                continue
            self._tokens.append(token)
            code = self.broker.take(topic, payload, retain=retain)
            if not self.broker.mute:
                self._owed.append((token, code))
            assert code == 0 or code >= FAILURE

    def _outgoing_vanishes(self) -> None:
        while self._outgoing and len(self._tokens) < WINDOW_MAX:
            token, topic, payload, _ = self._outgoing.popleft()
            self._tokens.append(token)
            self.sent += 1
            self.on_wire(topic, payload)


@define
class Centre:
    """The subscriber: the real core on a disk of its own.

    Attributes:
        up: Its process runs.
        late_s: Its answers take so long.
        lost: Chance that an answer is lost on its way.
        first_key: Of the gateway, known from the moment of enrolment.
        receipts: Every answer that it ever gave.
        receipted: The hash that its receipts named, by number.
        orders: What it sends beside, when the story's clock is there.
    """

    disk: Disk
    broker: Broker
    rng: random.Random
    template: Path
    up: bool = True
    late_s: float = 0.0
    lost: float = 0.0
    first_key: bytes | None = None
    receipts: list[bytes] = field(factory=list)
    orders: list[Planned] = field(factory=list)
    clock_s: float = 0.0
    _told: set[bytes] = field(factory=set)
    _core: Core | None = None
    _waiting: list[tuple[float, Answer]] = field(factory=list)
    _beacon_at_s: float = 0.0
    _beacons: int = 0
    _connected: bool = False

    def __attrs_post_init__(self) -> None:
        shutil.copyfile(self.template, self.disk.folder / "chain.db")

    @property
    def core(self) -> Core:
        assert self._core is not None
        return self._core

    def turn(self, true_s: float) -> None:
        """Work on what came; a cut in the middle is the end of this process, not of the centre."""
        if not self.up:
            self._stop()
            return
        try:
            self.open()
            if not self.broker.up:
                self._connected = False
                return
            if not self._connected:
                self._connected = True
                self._told.clear()
                for answer in self.core.make_receipts(int(true_s * 1000)):
                    self._say(answer, true_s)
            answers, _ = self.core.handle(self.broker.delivery(), int(true_s * 1000))
        except PowerCutError:
            self._stop(dead=True)
            return
        for answer in answers:
            self._say(answer, true_s + self.late_s)
        if true_s >= self._beacon_at_s:
            self._beacons += 1
            self._beacon_at_s = true_s + BEACON_S
            self._say(self.core.answers.make_beacon(int(true_s * 1000), self._beacons), true_s)
        self._send_orders(true_s)
        due = [answer for at_s, answer in self._waiting if at_s <= true_s]
        self._waiting = [one for one in self._waiting if one[0] > true_s]
        for answer in due:
            self.broker.answer(answer)

    def _send_orders(self, true_s: float) -> None:
        for one in self.orders:
            if one.at_s <= self.clock_s and one.payload not in self._told:
                self._told.add(one.payload)
                self._say(Answer(one.topic, one.payload), true_s)

    def reconnect(self) -> None:
        """Its connection was lost, and it says again what it has said."""
        self._connected = False

    def close(self) -> None:
        self._stop()

    def open(self) -> Core:
        """The core, started and told of the gateway."""
        if self._core is None:
            self._start()
        if self.first_key is not None:
            self.core.store.enrol(GATEWAY, self.first_key)
        return self.core

    def _start(self) -> None:
        store = SqliteStore(self.disk.folder / "chain.db")
        self._core = Core(store, CENTRE_SECRET)
        self._connected = False

    def _stop(self, *, dead: bool = False) -> None:
        if self._core is not None:
            self._core.store.close()
            self._core = None
        if dead:
            self._waiting.clear()

    def _say(self, answer: Answer, at_s: float) -> None:
        if answer.topic == TOPICS.receipt:
            self.receipts.append(answer.payload)
        if self.rng.random() >= self.lost:
            self._waiting.append((at_s, answer))


def forgeries(rng: random.Random, receipts: list[bytes], tip: int) -> Message:
    """A message on the receipt's topic that the centre has not said for this gateway."""
    number = rng.randrange(0, tip + 50)
    digest = rng.randbytes(32) if number else NO_HASH
    lie = Receipt(GATEWAY, number, digest, number, (), 0)
    foreign = Receipt("gw-8", number, digest, number, (), 0)
    kinds = [
        sign_receipt(lie, rng.randbytes(32)),
        sign_receipt(foreign, CENTRE_SECRET),
        rng.randbytes(rng.randrange(1, 300)),
        _flipped(rng, receipts),
    ]
    return Message(TOPICS.of(Kind.RECEIPT), rng.choice(kinds), retained=rng.random() < 0.5)


def _flipped(rng: random.Random, receipts: list[bytes]) -> bytes:
    raw = bytearray(rng.choice(receipts) if receipts else b"\0" * 80)
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)
