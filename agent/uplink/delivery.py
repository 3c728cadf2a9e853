"""The types of delivery: limits, alarms, and what the outbox wants sent."""

from enum import StrEnum
from typing import Final

from attrs import Factory, define, frozen

from wire.messages import Kind

EVENTS_MAX: Final = 100
"""Events kept until they are taken; a standing alarm makes one, not many."""
NUMBERS_MAX: Final = 1000
"""Numbers remembered per alarm: else a broker that takes no body would fill the memory for ever."""


class Alarm(StrEnum):
    """What a person must know."""

    NOT_AUTHORIZED = "not_authorized"
    REFUSED = "refused"
    OVERSIZE = "oversize"
    PARTS = "parts"
    OLD_PROTOCOL = "old_protocol"
    UNANSWERED = "unanswered"
    HANGS_UP = "hangs_up"
    CLONE = "clone"
    STALLED = "stalled"
    FORK = "fork"
    ROLLED_BACK = "rolled_back"


class Meaning(StrEnum):
    """What a receipt meant."""

    PROGRESS = "progress"
    NOTHING_NEW = "nothing_new"
    ASKED = "asked"
    NOT_OURS = "not_ours"
    FORK = "fork"
    ROLLED_BACK = "rolled_back"


@frozen
class Limits:
    """The numbers of the outbox, each with its reason.

    Attributes:
        window_max: Messages in flight; larger windows were measured to be slower.
        whole_seals_max: Seals waiting that still count as live; one more and the chain goes first.
        settle_s: Wait for the retained receipt after a connect, so that little is sent twice.
        stall_s, stall_longest_s: Silence of the centre before sending again, first and at most.
        resend_s: Pause between two answers to the centre's requests; doubles while they bring no progress.
        ack_stall_s: Silence of the broker after which another connection is worth trying.
        hang_ups_max: Connections in a row that ended with messages unanswered before a person is told.
        untaken_max: Times that bodies in parts brought no receipt before a person is told.
        live_bodies_max: New bodies that go before old ones because their packets would be too large.
        awaited_bodies_max: Old bodies sent and not yet receipted.
        backfill_bytes_per_s: Rate of old bodies: half of a modest 4G uplink.
        busy_s, busy_longest_s: Pause after 0x93, 0x97 and other refusals. A broker does not announce that it
        works again, and all must work within a minute of that, so it is shorter than a minute.
        denied_s, denied_longest_s: Pause after 0x87 and 0x8E: only a person can change the cause.
    """

    window_max: int = 20
    whole_seals_max: int = 3
    settle_s: float = 0.3
    stall_s: float = 20.0
    stall_longest_s: float = 300.0
    resend_s: float = 2.0
    ack_stall_s: float = 60.0
    hang_ups_max: int = 5
    untaken_max: int = 3
    live_bodies_max: int = 8
    awaited_bodies_max: int = 256
    backfill_bytes_per_s: float = 131_072.0
    busy_s: float = 1.0
    busy_longest_s: float = 45.0
    denied_s: float = 30.0
    denied_longest_s: float = 45.0


@frozen
class Publish:
    """One message to send; the caller encodes it from the store with `wire.messages`.

    `piece` are the bytes of the body, first and one behind the last, that a part carries; None for all.
    """

    token: int
    kind: Kind
    numbers: range
    piece: tuple[int, int] | None = None


@frozen
class Event:
    """An alarm was raised, or something is worth telling: for the log and an EVENT record."""

    alarm: str
    text: str
    number: int | None = None


@define(eq=False, repr=False)
class Alarms:
    """The standing alarms, and the events that were not taken yet."""

    standing: set[Alarm] = Factory(set)
    _events: list[Event] = Factory(list)
    _raised: dict[tuple[Alarm, int], None] = Factory(dict)

    def put(self, alarm: Alarm, text: str, number: int | None = None) -> None:
        """Raise `alarm`; it makes an event when it did not stand, or for each number once."""
        new = alarm not in self.standing if number is None else (alarm, number) not in self._raised
        self.standing.add(alarm)
        if number is not None:
            self._raised[alarm, number] = None
            if len(self._raised) > NUMBERS_MAX:
                del self._raised[next(iter(self._raised))]
        if new and len(self._events) < EVENTS_MAX:
            self._events.append(Event(alarm, text, number))

    def tell(self, what: str, text: str) -> None:
        """Make an event of what is worth knowing and needs nobody."""
        if len(self._events) < EVENTS_MAX:
            self._events.append(Event(what, text))

    def clear(self, *alarms: Alarm) -> None:
        """The cause is gone."""
        self.standing.difference_update(alarms)

    def take(self) -> tuple[Event, ...]:
        """The events since the last call."""
        events, self._events = tuple(self._events), []
        return events


@frozen
class OutboxStatus:
    """The outbox at a glance.

    Attributes:
        connected: The connection is up.
        stopped: This disk was rolled back; nothing is sent until the gateway has a new key.
        tip: Last own seal.
        received: Last seal that the centre has receipted; its readings may still be on their way.
        sent: Last seal handed over in this round.
        bodies_up_to: The centre awaits no body up to this one: the readings of these seals are delivered.
        missing: First and last of each run of seals whose readings the centre has not receipted.
        in_flight, window: Messages without a PUBACK, and how many there may be.
        packet_bytes_max: The largest packet that is sent; None where the broker has shown no limit.
        packet_refused: The packet whose refusal taught that; 0 where the broker named it itself.
        packet_smallest: The packet of one seal, below which nothing can be delivered.
        alarms: The standing ones.
    """

    connected: bool
    stopped: bool
    tip: int
    received: int
    sent: int
    bodies_up_to: int
    missing: tuple[tuple[int, int], ...]
    in_flight: int
    window: int
    packet_bytes_max: int | None
    packet_refused: int
    packet_smallest: int
    alarms: frozenset[Alarm]

    @property
    def backlog(self) -> int:
        """Own seals whose readings the centre has not receipted."""
        return sum(last - first + 1 for first, last in self.missing)
