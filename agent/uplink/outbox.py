"""Decides what to publish next; the database is the queue, and the publisher sends.

Pure: it takes what happened and when, and returns what to send. A restart begins with nothing but the store
and the last receipt.

Invariants
- Never more than min(20, Receive Maximum) messages in flight, and none while disconnected.
- A PUBACK is no proof (a killed broker kept 0 of 50 acknowledged messages): a seal is received
when a receipt for its own hash arrives. Anything sent and not receipted is sent again: after
  every connect, after a refusal, and when receipts make no progress.
- Seals go in the order of their numbers. More than `whole_seals_max` of them waiting means there was
  an outage: they go first without their bodies, so that the chain is whole at once; then live seals
  whole; the old bodies beside them, oldest first, at most half of the window and a byte rate.
- While receipts make no progress, one seal without its body per pause probes; the rest waits for a sign of
  life, so that an absent centre does not fill the broker's queue.
- Nothing above the packet limit (`packet_limit`) is sent: it would block all others in a reconnect loop.
  Bodies beyond it go in parts; where not even a seal fits, an alarm says so.
- After a refusal and after a silence one seal alone goes first: if it gets through and the larger packet
  behind it does not, size is the reason.
- Rows may be pruned only below what a valid receipt for an own hash covers with its bodies.
- A receipt above the own tip means that this disk was rolled back: everything stops.
- A newer receipt for less than one before, with a request to go on from there, means that the centre was
  restored from an older copy: it gets again what is still there. Newer by its signed time: none is replayed.

Trust: the caller has checked the centre's signature; the broker's answers can only slow down sending.
`now_s` is real time: network delays do not run at a simulated clock's speed.
"""

from collections.abc import Callable
from typing import Final

from attrs import Factory, define, field

from agent.uplink.backfill import Backfill, BodyBytes
from agent.uplink.delivery import Alarm, Alarms, Event, Limits, Meaning, OutboxStatus, Publish
from agent.uplink.packet_limit import PacketLimit
from agent.uplink.window import Window
from evidence.receipt import Conflict, Receipt
from evidence.seal import FIRST_NUMBER, NO_HASH, SEAL_BYTES_LONGEST
from wire import messages
from wire.messages import Kind, Topics
from wire.mqtt_events import PACKET_BYTES_MAX
from wire.old_protocol import UNANSWERED
from wire.pacing import Backoff, Patience

PARTS_REMEDY: Final = ": bring it up to date, or let the broker take packets of 65,536 bytes"
FORK_REMEDY: Final = "; it takes nothing more of this chain before dianjian-agent rekey"

OwnHash = Callable[[int], bytes | None]
"""The hash of an own stored seal, None where the row is gone."""


@define(eq=False, repr=False)
class Outbox:
    """See the module.

    Attributes:
        received: Every seal up to this one is at the centre; at start, the number before the first row of the
            store, whose earlier rows were pruned on receipts. The stored receipt then comes through
            `on_receipt` like any other.
        tip: The last own seal; equal to `received` where there is none.
        proven: The last seal that the key file proves to be our own: above `tip` while a tail that the
            disk lost has not been put back. A receipt up to here does not prove a rollback.
    """

    topics: Topics
    received: int
    tip: int
    limits: Limits = Factory(Limits)
    proven: int = 0
    _alarms: Alarms = field(init=False, factory=Alarms)
    _limit: PacketLimit = field(init=False)
    _window: Window = field(init=False)
    _backfill: Backfill = field(init=False)
    _patience: Patience = field(init=False)
    _stopped: bool = field(init=False, default=False)
    _sent: int = field(init=False)  # last seal handed over since the last rewind
    _probe_due: bool = field(init=False, default=False)
    _small_first: bool = field(init=False, default=False)  # the next seal goes alone
    _unproven: list[tuple[int, int]] = field(init=False, factory=list)  # last seal and size of what was sent
    _silenced: int = field(init=False, default=0)  # the largest packet before receipts stopped
    _resend: Backoff = field(init=False)
    _resend_again_s: float = field(init=False, default=float("-inf"))
    _newest_utc_ms: int = field(init=False, default=0)  # of the receipts so far

    def __attrs_post_init__(self) -> None:
        self._limit = PacketLimit(self._packet_bytes(Kind.CHAIN, SEAL_BYTES_LONGEST))
        self._window = Window(self.limits, self._alarms, self._limit)
        self._backfill = Backfill(self.limits, self._limit, self.topics.body, self.received)
        self._patience = Patience(Backoff(self.limits.stall_s, self.limits.stall_longest_s))
        self._resend = Backoff(self.limits.resend_s, self.limits.stall_longest_s)
        self._sent = self.received

    @property
    def is_stopped(self) -> bool:
        """Whether this disk was rolled back; `status` is for people and costs more."""
        return self._stopped

    @property
    def packet_bytes_max(self) -> int:
        """The largest packet that is sent."""
        return self._limit.bytes_max

    def on_connected(self, now_s: float, receive_maximum: int, packet_bytes_max: int) -> None:
        """Note a new connection; the numbers are those of its CONNACK."""
        self._window.on_connected(now_s, receive_maximum, packet_bytes_max)
        self._rewind()

    def on_disconnected(self, now_s: float, reason_code: int = 0, *, unanswered: bool = False) -> None:
        """Note its loss; the code is that of the broker's DISCONNECT or CONNACK, if any.

        `unanswered`: There was no CONNACK either.
        """
        if unanswered and not reason_code:
            self._alarms.put(Alarm.UNANSWERED, UNANSWERED)
        self._small_first |= len(self._window) > 0
        self._window.on_disconnected(now_s, reason_code)

    def require_packet(self, size: int) -> None:
        """Note that a packet of `size` bytes is needed before anything can be delivered: a statement."""
        self._limit.smallest = max(self._limit.smallest, size)

    def fits(self, size: int) -> bool:
        """Whether the broker takes a packet of `size` bytes, as far as is known."""
        return size <= self._limit.bytes_max

    def on_sealed(self, number: int) -> None:
        """Note an own seal as committed, and with it, after a loss, those restored before it."""
        self.tip = max(self.tip, number)

    def on_puback(self, token: int, reason_code: int, now_s: float) -> None:
        """Note the broker's answer to a publish; it proves only that the broker took the message."""
        if self._window.on_puback(token, reason_code, now_s):
            self._rewind()
            self._small_first = True

    def on_receipt(self, receipt: Receipt, own_hash: OwnHash, now_s: float) -> Meaning:
        """Take a receipt that the centre has signed; only the signature was checked."""
        number = receipt.number
        if receipt.gateway != self.topics.gateway:
            return Meaning.NOT_OURS
        if number > max(self.tip, self.proven):
            self._stopped = True
            self._alarms.put(Alarm.ROLLED_BACK, f"the centre holds seal {number}, this disk {self.tip}")
            return Meaning.ROLLED_BACK
        own = NO_HASH if number < FIRST_NUMBER else own_hash(number)
        if own is None:
            return Meaning.NOTHING_NEW  # pruned, so receipted before: an old message
        if own != receipt.seal_hash:
            self._alarms.put(Alarm.FORK, f"the centre holds another seal {number}{FORK_REMEDY}", number)
            return Meaning.FORK
        is_newer = receipt.centre_utc_ms > self._newest_utc_ms
        self._newest_utc_ms = max(self._newest_utc_ms, receipt.centre_utc_ms)
        if receipt.conflict is not None and is_newer and number < self.received:
            self.received = number
            self._backfill.go_back(receipt)
        progress = self._progress(receipt, now_s)
        if receipt.conflict is not None:
            return self._on_request(receipt.conflict, own_hash, now_s)
        if not progress and self._patience.out and now_s >= self._resend_again_s:
            self._resend_again_s = now_s + self._resend.fail()
            self._probe_due = True  # no progress, but a sign of life
        return Meaning.PROGRESS if progress else Meaning.NOTHING_NEW

    def next(self, now_s: float, body_bytes: BodyBytes) -> list[Publish]:
        """What to publish now, in this order; each counts as in flight from here on."""
        due: list[Publish] = []
        if self._stopped or not self._window.connected:
            return due
        self._watch(now_s)
        while self._window.has_room(now_s):
            publish = self._next_seals(now_s, body_bytes) or self._next_body(now_s, body_bytes)
            if publish is None:
                break
            due.append(publish)
        return due

    def wants_reconnect(self, now_s: float) -> bool:
        """Whether the broker has owed answers for so long that another connection is worth trying."""
        return self._window.connected and self._window.is_overdue(now_s)

    def prunable_below(self, body_bytes: BodyBytes) -> int:
        """Rows below this number may go: receipted under an own hash, bodies held or given up.

        The row of the last receipted seal stays: the receipt is compared with it after a restart.
        """
        return self._backfill.prunable_below(self.received, body_bytes)

    def take_events(self) -> tuple[Event, ...]:
        """The alarms raised since the last call."""
        return self._alarms.take()

    def status(self) -> OutboxStatus:
        """The outbox at a glance."""
        return OutboxStatus(
            connected=self._window.connected,
            stopped=self._stopped,
            tip=self.tip,
            received=self.received,
            sent=self._sent,
            bodies_up_to=self._backfill.held_up_to(self.received),
            missing=self._backfill.list_missing(self.tip),
            in_flight=len(self._window),
            window=self._window.size,
            packet_bytes_max=None if self._limit.bytes_max >= PACKET_BYTES_MAX else self._limit.bytes_max,
            packet_refused=self._limit.refused if self._limit.is_learned else 0,
            packet_smallest=self._limit.smallest,
            alarms=frozenset(self._alarms.standing),
        )

    def _next_seals(self, now_s: float, body_bytes: BodyBytes) -> Publish | None:
        waiting = self.tip - self._sent
        probing = self._patience.out
        if waiting == 0 and self._small_first and self._limit.fits and body_bytes(self.tip):
            return self._repeat_last(now_s)
        if waiting == 0 or (probing and not self._probe_due):
            return None
        if not self._limit.fits:
            self._alarms.put(Alarm.OVERSIZE, self._describe_oversize())
            return None
        self._alarms.clear(Alarm.OVERSIZE)
        first = self._sent + 1
        is_live = waiting <= self.limits.whole_seals_max
        if probing or self._small_first:
            waiting = 1
        elif is_live:
            body = body_bytes(first)
            size = self._packet_bytes(Kind.SEAL, SEAL_BYTES_LONGEST, body)
            if body and size <= self._limit.bytes_max:
                return self._take_seals(Kind.SEAL, range(first, first + 1), size, now_s)
            waiting = 1  # this one goes without its body; the next may be whole again
        if is_live:
            self._backfill.prefer(first)
        count = min(waiting, messages.CHAIN_SEALS_MAX)
        while (size := self._chain_bytes(count)) > self._limit.bytes_max:
            count -= 1
        return self._take_seals(Kind.CHAIN, range(first, first + count), size, now_s)

    def _repeat_last(self, now_s: float) -> Publish:
        """The last seal once more, which changes nothing: whether a small packet gets through."""
        self._small_first = False
        size = self._packet_bytes(Kind.CHAIN, SEAL_BYTES_LONGEST)
        return self._window.take(Kind.CHAIN, range(self.tip, self.tip + 1), size, now_s)

    def _describe_oversize(self) -> str:
        most, wanted = self._limit.bytes_max, self._limit.smallest
        return f"the broker takes packets of {most} bytes at most, and {self._name_smallest()} needs {wanted}"

    def _name_smallest(self) -> str:
        seal = self._packet_bytes(Kind.CHAIN, SEAL_BYTES_LONGEST)
        return "one seal alone" if self._limit.smallest == seal else "the statement of a new key"

    def _next_body(self, now_s: float, body_bytes: BodyBytes) -> Publish | None:
        beside_max = max(self._window.size // 2, 1)
        if self._patience.out or self._window.count(Kind.BODY) >= beside_max:
            return None
        found = self._backfill.next(self.received, body_bytes, now_s)
        if found is None:
            return None
        numbers = range(found.number, found.number + 1)
        return self._window.take(Kind.BODY, numbers, found.size, now_s, found.piece)

    def _take_seals(self, kind: Kind, numbers: range, size: int, now_s: float) -> Publish:
        self._sent = numbers[-1]
        self._probe_due = self._small_first = False
        self._unproven.append((self._sent, size))
        self._patience.sent(now_s)
        return self._window.take(kind, numbers, size, now_s)

    def _packet_bytes(self, kind: Kind, *strings: int) -> int:
        return messages.packet_bytes(self.topics.of(kind), messages.message_bytes(strings))

    def _chain_bytes(self, count: int) -> int:
        return self._packet_bytes(Kind.CHAIN, *[SEAL_BYTES_LONGEST] * count)

    def _progress(self, receipt: Receipt, now_s: float) -> bool:
        is_new = receipt.number > self.received
        if is_new:
            self.received = receipt.number
            self._sent = max(self._sent, self.received)
            self._alarms.clear(Alarm.STALLED)
            self._judge_size(now_s)
            self._resend.succeed()
            self._patience.progress(now_s, more=self._sent > self.received)
        is_new |= self._backfill.on_receipt(receipt, now_s)
        if not self._backfill.untaken:
            self._alarms.clear(Alarm.PARTS)
        return is_new

    def _judge_size(self, now_s: float) -> None:
        """Learn from a receipt which packets get through, and from one after silence which do not."""
        before = self._limit.learned
        if self._silenced:
            self._limit.suspect(self._silenced, now_s)
            self._silenced = 0
        for last, size in self._unproven:
            if last <= self.received:
                self._limit.arrived(size)
        self._unproven = [sent for sent in self._unproven if sent[0] > self.received]
        self._window.note_limit(before)

    def _on_request(self, conflict: Conflict, own_hash: OwnHash, now_s: float) -> Meaning:
        """The centre goes on only with the seal `conflict.number` that follows `conflict.hash`."""
        before = conflict.number - 1
        own = NO_HASH if before < FIRST_NUMBER else own_hash(before)
        if own is None:
            return Meaning.NOTHING_NEW
        if own != conflict.hash:
            self._alarms.put(Alarm.FORK, f"the centre holds another seal {before}{FORK_REMEDY}", before)
            return Meaning.FORK
        if now_s >= self._resend_again_s:  # it requests once per message and is served ever more rarely
            self._resend_again_s = now_s + self._resend.fail()
            self._sent = min(self._sent, before)
            self._probe_due = True
        return Meaning.ASKED

    def _watch(self, now_s: float) -> None:
        before, pause_s = self._limit.learned, self._patience.pause.next_s
        self._limit.watch(now_s)
        if self._patience.expire(now_s):
            self._alarms.put(Alarm.STALLED, f"no receipt for {pause_s:.0f} s beyond seal {self.received}")
            self._silenced = max((size for _, size in self._unproven), default=0)
            self._unproven.clear()
            self._sent = self.received
            self._probe_due = True
        untaken = self._backfill.watch(now_s, self.received)
        if untaken and not self._patience.out and self._limit.suspect(untaken, now_s):
            self._backfill.hurry()
        if self._backfill.untaken >= self.limits.untaken_max:
            self._alarms.put(Alarm.PARTS, f"the centre takes no body in parts{PARTS_REMEDY}")
        self._window.note_limit(before)

    def _rewind(self) -> None:
        """Start over with what has no receipt."""
        self._sent = self.received
        self._unproven.clear()
        self._backfill.rewind()
        self._patience.forget()
        self._probe_due = True
