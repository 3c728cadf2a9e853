"""One gateway of the fleet: a chain that was made before, and the agent's own outbox.

It has no store and no sealer: a seal is "made" by playing the next one. What it publishes, repeats, backfills
and believes is decided by `agent.uplink.outbox`, as in a real agent. Pure: time and bytes in, packets out.
"""

from typing import Final

from attrs import define, field

from agent.uplink.delivery import Limits, Meaning, Publish
from agent.uplink.outbox import Outbox
from evidence.receipt import Receipt, open_receipt
from tests.fleet.chains import Played
from tests.fleet.mqtt import Acknowledged, Arrived, Connection, Event, Opened
from wire import messages
from wire.messages import Kind, Topics

LIMITS: Final = Limits()
"""Those of a real agent."""


@define
class Gateway:
    """See the module.

    Attributes:
        played: How many seals were made so far.
        made_s: When each was made; index 0 is seal 1.
        waits_s: How long each waited from then on for a receipt that covers it and its body.
        receipted: Seals and their bodies up to here are the centre's, it says.
        live: The seals made while it plays, and not before, that wait for a receipt.
        live_s: When each of them was made and how long it waited, whatever of the bodies before was awaited.
        connection: None while there is none.
    """

    chain: Played
    centre_key: bytes
    played: int = 0
    receipted: int = 0
    alarms: int = 0
    made_s: list[float] = field(factory=list)
    waits_s: list[float] = field(factory=list)
    receipted_s: list[float] = field(factory=list)
    live: list[int] = field(factory=list)
    live_s: list[tuple[float, float]] = field(factory=list)
    connection: Connection | None = None
    topics: Topics = field(init=False)
    outbox: Outbox = field(init=False)
    _tokens: dict[int, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.topics = Topics(self.chain.name)
        self.outbox = Outbox(self.topics, received=0, tip=0, limits=LIMITS)

    def connect(self) -> Connection:
        """A new connection; its first packets wait in it."""
        self.connection = Connection()
        self.connection.open(self.chain.name, [self.topics.receipt])
        return self.connection

    def disconnect(self, now_s: float) -> None:
        """The connection is gone."""
        if self.connection is not None:
            self.connection = None
            self._tokens.clear()
            self.outbox.on_disconnected(now_s)

    def seal(self, now_s: float, *, is_live: bool = True) -> None:
        """Make the next seal, if there is another one."""
        if self.played < len(self.chain.seals):
            self.played += 1
            self.made_s.append(now_s)
            if is_live:
                self.live.append(self.played)
            self.outbox.on_sealed(self.played)

    def take(self, event: Event, now_s: float) -> None:
        """Take what the broker has sent."""
        match event:
            case Opened():
                self.outbox.on_connected(now_s, event.receive_maximum, event.packet_bytes_max)
            case Acknowledged():
                token = self._tokens.pop(event.id, None)
                if token is not None:
                    self.outbox.on_puback(token, event.reason_code, now_s)
            case Arrived():
                receipt = open_receipt(event.payload, self.centre_key)
                meaning = self.outbox.on_receipt(receipt, self._hash, now_s)
                self.alarms += meaning in {Meaning.FORK, Meaning.ROLLED_BACK}
                covered = min(receipt.number, receipt.bodies_up_to)
                for number in range(self.receipted + 1, covered + 1):
                    self.waits_s.append(now_s - self.made_s[number - 1])
                    self.receipted_s.append(now_s)
                self.receipted = max(self.receipted, covered)
                self._note_live(receipt, now_s)

    def _note_live(self, receipt: Receipt, now_s: float) -> None:
        def is_held(number: int) -> bool:
            return number <= receipt.bodies_up_to or any(a <= number <= b for a, b in receipt.ranges)

        arrived = [number for number in self.live if number <= receipt.number and is_held(number)]
        for number in arrived:
            self.live.remove(number)
            made_s = self.made_s[number - 1]
            self.live_s.append((made_s, now_s - made_s))

    def send(self, now_s: float) -> None:
        """Publish what is due."""
        connection = self.connection
        if connection is None:
            return
        for one in self.outbox.next(now_s, self._body_bytes):
            payload = self._payload(one)
            self._tokens[connection.publish(self.topics.of(one.kind), payload)] = one.token

    def _payload(self, publish: Publish) -> bytes:
        seals = [self.chain.seals[number - 1] for number in publish.numbers]
        if publish.kind is Kind.CHAIN:
            return messages.encode_chain([seal.cose for seal in seals])
        body = seals[0].body or b""
        if publish.piece is not None:
            return messages.encode_part(seals[0].number, body, *publish.piece)
        if publish.kind is Kind.BODY:
            return messages.encode_body(seals[0].number, body)
        return messages.encode_seal(seals[0].cose, body)

    def _hash(self, number: int) -> bytes | None:
        return self.chain.seals[number - 1].hash if number <= self.played else None

    def _body_bytes(self, number: int) -> int:
        return len(self.chain.seals[number - 1].body or b"") if number <= self.played else 0
