"""The whole line from a gateway's core to the centre's, over a real socket and a scripted broker.

    with Line(tmp_path) as line:
        line.gateway.seal(10)
        line.deliver()
        line.check()

Everything runs in the test's thread but the connection and the broker. What was seen on the way goes to
the witness of the invariants.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from centre.subscriber import BATCH_MAX
from drivers.clock import NS_PER_S
from evidence import keys
from evidence.receipt import open_receipt
from evidence.seal import peek_header
from tests.faults.gateway_end import CENTRE, GatewayEnd
from tests.faults.invariants import Held, Witness, check
from tests.faults.scripted_broker import Manners, ScriptedBroker
from wire import messages
from wire.messages import Kind

PATIENCE_S: Final = 120.0
"""Nothing here takes two seconds; a loaded machine may."""
TURN_S: Final = 0.004
LASTING: Final = (
    "meters",
    "limits",
    "network",
    "boot_id",
    "clock_state",
    "ahead_s",
    "passed_s",
    "interval_s",
)
"""What one life of a gateway has in common with the next."""


class CentreEnd:
    """The reference centre's core on a real database.

    Attributes:
        there: Whether it works on what comes.
        lines: What it hands on, without readings.
        meddle: Changes a batch on its way.
    """

    def __init__(self, folder: Path, broker: ScriptedBroker, first_key: bytes, witness: Witness) -> None:
        self.there = True
        self.lines: list[dict[str, Any]] = []
        self.meddle: Callable[[list[Incoming]], Sequence[Incoming]] = lambda batch: batch
        self.store = SqliteStore(folder / "centre.db")
        self.store.enrol("g1", first_key)
        self.core = Centre(self.store, CENTRE)
        self._broker = broker
        self._witness = witness

    def turn(self, utc_ms: int) -> None:
        """Work on what has come; answer."""
        batch: list[Incoming] = []
        while self.there and not self._broker.published.empty() and len(batch) < BATCH_MAX:
            published = self._broker.published.get()
            batch.append(Incoming(published.topic, published.payload))
        if not batch:
            return
        for message in batch:
            self._see(message)
        answers, lines = self.core.handle(self.meddle(batch), utc_ms)
        self.lines += [line for line in lines if line["type"] not in {"reading", "seal", "body"}]
        for answer in answers:
            receipt = open_receipt(answer.payload, keys.public(CENTRE))
            if receipt.number:
                self._witness.receipted(receipt.number, receipt.seal_hash)
            self._broker.publish(answer.topic, answer.payload, retain=True)

    def findings(self, code: str = "") -> list[dict[str, Any]]:
        """What it found wrong."""
        return [line for line in self.lines if line["type"] == "finding" and code in {"", line["code"]}]

    def held(self) -> Held:
        """What it holds."""
        return Held.of_coses((number, cose) for number, cose, _, _ in self.store.chain("g1"))

    def _see(self, message: Incoming) -> None:
        gateway, kind = messages.parse_topic(message.topic)
        coses: tuple[bytes, ...] = ()
        if gateway == "g1" and kind is Kind.SEAL:
            coses = (messages.decode_seal(message.payload).seal,)
        elif gateway == "g1" and kind is Kind.CHAIN:
            coses = messages.decode_chain(message.payload)
        for cose in coses:
            self._witness.published(cose, peek_header(cose).number)


class Line:
    """See the module."""

    def __init__(
        self,
        folder: Path,
        manners: Manners | None = None,
        port: Callable[[int], int] | None = None,
        **more: Any,
    ) -> None:
        self.witness = Witness()
        self.broker = ScriptedBroker(manners)
        self.broker.__enter__()
        self.gateway = GatewayEnd(folder, port(self.broker.port) if port else self.broker.port, **more)
        self.centre = CentreEnd(folder, self.broker, self.gateway.first_key, self.witness)
        self.centre_utc_ms: Callable[[], int] = lambda: self.gateway.stamp().utc_ns * 1000 // NS_PER_S
        self._seen = 0

    def __enter__(self) -> Self:
        self.gateway.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.__exit__(None, None, None)
        self.centre.store.close()
        self.broker.__exit__(None, None, None)

    def turn(self) -> None:
        """Let everybody work once."""
        self.gateway.pump()
        self.centre.turn(self.centre_utc_ms())
        self._look()

    def until(self, done: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
        """Work until `done`; the real seconds that it took."""
        begin_s = time.monotonic()
        while not done():
            status = self.gateway.outbox.status()
            assert time.monotonic() < begin_s + within_s, f"{status} {self.gateway.ends[-3:]}"
            self.turn()
            time.sleep(TURN_S)
        return time.monotonic() - begin_s

    def seal(self, count: int = 1) -> None:
        """So many seals, and a turn after each."""
        for _ in range(count):
            self.gateway.seal()
            self.turn()

    def deliver(self, within_s: float = PATIENCE_S) -> float:
        """Work until the centre holds everything; the real seconds that it took."""
        return self.until(lambda: self.gateway.delivered, within_s)

    def heal(self, heal: Callable[[], None] = lambda: None) -> float:
        """End the fault, and work until a seal that is made now is receipted."""
        heal()
        self.witness.healed_at_s = time.monotonic()
        self.gateway.seal()
        took_s = self.deliver()
        self.witness.recovered_at_s = time.monotonic()
        return took_s

    def next_life(self, **changes: Any) -> None:
        """End the process as a kill does, and begin another on what the disk holds."""
        old = self.gateway
        self._look()
        old.publisher.stop()
        old.gateway.sealing.store.close()
        same = {name: getattr(old, name) for name in LASTING}
        self.gateway = GatewayEnd(old.folder, old.port, **{**same, **changes})
        self.gateway.publisher.start()

    def check(self) -> None:
        """All invariants, with what this line has left."""
        self.gateway.seal()  # events that wait for their seal
        self.deliver()
        if not self.gateway.publisher.is_alive():
            self.witness.dead_threads.append("mqtt")
        self.witness.events += self.gateway.find_events("")
        self.witness.events += self.centre.findings()
        check(self.witness, self.held(), self.centre.held())

    def held(self) -> Held:
        """What the gateway's database holds."""
        self._look()
        store = self.gateway.gateway.sealing.store
        first, rows = 1, []
        while some := store.headers(first):
            rows += some
            first = some[-1].number + 1
        return Held.of_rows(rows)

    def _look(self) -> None:
        while self._seen < self.gateway.outbox.tip:
            for row in self.gateway.gateway.sealing.store.headers(self._seen + 1):
                self.witness.acknowledged(row.number, row.hash)
                self._seen = row.number
