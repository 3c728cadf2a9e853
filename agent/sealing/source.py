"""What puts records into the chain: a `RecordSource`.

The gateway calls each hook on all its sources in the order of its list, and queues the records of one
before it calls the next: so records are in the chain in the order of the sources. Until `on_sealed` a power
cut may lose them; a kill does not (`agent.spool`). A source stores what it must remember as a checkpoint,
which is committed with the next seal. A hook must not block, and an exception from it ends the process.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from drivers.clock import Stamp
from drivers.reading import Reading
from evidence.record import Kind


class Urgency(IntEnum):
    """When a record is sealed: with the next seal, or at once by a seal in this turn.

    A DISPENSABLE one is left out while the database is nearly full (`quota.Level.ESSENTIAL`).
    """

    DISPENSABLE = 0
    ROUTINE = 1
    AT_ONCE = 2


class NewRecord(NamedTuple):
    """A record to be sealed; the body of a READING is its encoded bytes.

    A DROP goes before all others, and the bodies that it names are deleted in the commit that seals it. One
    that is `found_again` its source has until it is sealed: kept over a kill too, it would be sealed twice.
    """

    kind: Kind
    body: Mapping[str, Any] | bytes
    urgency: Urgency = Urgency.ROUTINE
    found_again: bool = False


def lost_body(number: int) -> NewRecord:
    """Declares the body of seal `number` lost, because it is not what was sealed."""
    return NewRecord(Kind.DROP, {"first": number, "last": number, "why": "damaged"})


class RecordSource(Protocol):
    """The hooks of a source; one that it does not define gives no record."""

    def start(self, _stamp: Stamp, /) -> Iterable[NewRecord]:
        """Once, before all other hooks: restore what the last run kept in the store."""
        return ()

    def on_reading(self, _reading: Reading, _record: bytes, /) -> Iterable[NewRecord]:
        """Called after each poll of a meter, with values or without; `_record` is the reading's record."""
        return ()

    def due(self, _stamp: Stamp, /) -> Iterable[NewRecord]:
        """Called several times a second: the records that are due."""
        return ()

    def on_sealed(self, _stamp: Stamp, _tip: int, /) -> None:
        """Every record given so far is committed; the last seal is `tip`."""
        return

    def on_stop(self, _tip: int, /) -> None:
        """The last call, after all records were sealed: keep what `start` is to restore."""
        return
