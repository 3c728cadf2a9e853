"""What a conversation wants done, in this order; and what it tells of itself."""

from enum import StrEnum

from attrs import field, frozen

from drivers.hj212.decoding import Taken
from drivers.hj212.oddity import PacketError
from drivers.hj212.stream import Broken


class Event(StrEnum):
    """What happened in a conversation."""

    SENT = "sent"
    GOT = "got"
    BROKEN = "broken"
    REPEATED = "repeated"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    UNASKED = "unasked"
    CLOCK = "clock"
    COMMAND_REFUSED = "command_refused"
    STRANGER = "stranger"
    MN_ASSIGNED = "mn_assigned"
    KEY_RENEWED = "key_renewed"
    UNFIT = "unfit"


@frozen
class Send:
    """These bytes go out."""

    raw: bytes


@frozen
class Delivered:
    """The platform has a packet of the queue."""

    number: int


@frozen
class Declined:
    """The platform, or the standard's form, will not have a packet of the queue: it is never sent again."""

    number: int
    why: str


@frozen
class AssignMn:
    """Keep the MN before what follows is sent."""

    mn: str


@frozen
class RenewKey:
    """Keep the SM4 key before what follows is sent."""

    key: bytes = field(repr=False)


@frozen
class AskHistory:
    """Give `Link.add_history` what the queue has of these packets; times are UTC ms, the end included."""

    qn: str
    st: str
    cn: str
    begin_ms: int
    end_ms: int


@frozen
class HangUp:
    """The conversation is at an end; nothing that was not delivered is lost."""


@frozen
class Tell:
    """For a log or a person.

    Attributes:
        taken: The packet that was sent or received.
        trouble: Why one was refused; its place is a byte of the packet, that of a broken piece of the stream.
    """

    event: Event
    detail: str = ""
    taken: Taken | None = None
    trouble: PacketError | Broken | None = None


Act = Send | Delivered | Declined | AssignMn | RenewKey | AskHistory | HangUp | Tell
