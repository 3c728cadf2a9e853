"""A real centre that is given what a gateway's disk holds, at any moment, as often as a test needs."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from evidence.receipt import Receipt, open_receipt
from evidence.seal import StoredSeal, seal_hash
from tests.agent.rig import BEGIN_S, CENTRE, Rig
from tests.faults.core_life import GATEWAY
from tests.faults.disk import rows_of
from tests.faults.invariants import Held, Witness
from wire import messages
from wire.messages import Kind, Topics
from wire.mqtt_events import Message

TOPICS = Topics(GATEWAY)


class ReferenceCentre:
    """The reference centre over a database of its own.

    Attributes:
        lines: Its lines for everything that it was given.
        answer: Its last receipt.
    """

    def __init__(self, file: Path, first_key: bytes) -> None:
        self.store = SqliteStore(file)
        self.store.enrol(GATEWAY, first_key)
        self.core = Centre(self.store, CENTRE)
        self.lines: list[dict[str, Any]] = []
        self.answer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def deliver(self, rig: Rig, seen: Witness | None = None, first: int = 1) -> Receipt:
        """Deliver every row of the gateway from `first` on; returns the receipt for it."""
        rows = [row for row in rows_of(rig.gateway.sealing.store) if row.number >= first]
        for row in rows if seen is not None else ():
            seen.acknowledged(row.number, row.hash)
        self.deliver_rows(rows)
        return open_receipt(self.answer, rig.gateway.courier.centre_key)

    def deliver_rows(self, rows: Iterable[StoredSeal]) -> None:
        """Deliver these as one batch."""
        answers, lines = self.core.handle(map(_message, rows), BEGIN_S * 1000)
        self.lines += lines
        self.answer = answers[-1].payload if answers else self.answer

    def send_receipt(self, rig: Rig) -> None:
        """Send the last receipt to the gateway."""
        event = Message(TOPICS.receipt, self.answer, retained=True)
        rig.gateway.mqtt(event, rig.stamp(), rig.passed_s)

    def held(self) -> Held:
        """Its chain."""
        return Held(tuple((n, seal_hash(cose)) for n, cose, _, _ in self.store.chain(GATEWAY)))

    def forks(self) -> list[int]:
        """Numbers of which it has two different seals."""
        return [number for number, _, _ in self.store.forks(GATEWAY)]


def _message(row: StoredSeal) -> Incoming:
    if row.body is None:
        return Incoming(TOPICS.of(Kind.CHAIN), messages.encode_chain([row.cose]))
    return Incoming(TOPICS.of(Kind.SEAL), messages.encode_seal(row.cose, row.body))
