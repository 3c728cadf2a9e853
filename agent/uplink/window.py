"""What the broker limits: how much may be in flight, and when to pause; sizes are in `packet_limit`.

Invariants: never more than min(limit, Receive Maximum) messages in flight; none while disconnected
or pausing; nothing above the packet limit. A refusal by the broker slows down sending and
raises an alarm, unless it is one of the size, which is answered by smaller packets; neither refused nor
accepted messages count as delivered.
"""

from typing import Final

from attrs import define, field

from agent.uplink.delivery import Alarm, Alarms, Limits, Publish
from agent.uplink.packet_limit import PacketLimit
from wire.messages import Kind
from wire.mqtt_events import (
    FAILURE,
    NOT_AUTHORIZED,
    OLD_PROTOCOL,
    PACKET_BYTES_MAX,
    PACKET_TOO_LARGE,
    SESSION_TAKEN_OVER,
)
from wire.old_protocol import MQTT5_NEEDED
from wire.pacing import Backoff

_NOT_OF_SIZE: Final = frozenset({NOT_AUTHORIZED, SESSION_TAKEN_OVER, OLD_PROTOCOL})


@define(eq=False, repr=False)
class _Waiting:
    publish: Publish
    size: int
    at_s: float


@define(eq=False, repr=False)
class Window:
    """Messages that await their PUBACK."""

    limits: Limits
    alarms: Alarms
    limit: PacketLimit
    connected: bool = field(init=False, default=False)
    size: int = field(init=False, default=1)
    _size_max: int = field(init=False, default=1)
    _smaller_taken: bool = field(init=False, default=True)  # since the last refusal
    _waiting: dict[int, _Waiting] = field(init=False, factory=dict)
    _hang_ups: int = field(init=False, default=0)  # since a message was taken
    _told: int = field(init=False, default=PACKET_BYTES_MAX)
    _token: int = field(init=False, default=0)
    _answered_token: int = field(init=False, default=0)  # the youngest with an answer
    _paused_until_s: float = field(init=False, default=float("-inf"))
    _refused_until_s: float = field(init=False, default=float("-inf"))
    _answered_s: float = field(init=False, default=0.0)
    _busy: Backoff = field(init=False)
    _denied: Backoff = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._busy = Backoff(self.limits.busy_s, self.limits.busy_longest_s)
        self._denied = Backoff(self.limits.denied_s, self.limits.denied_longest_s)

    def __len__(self) -> int:
        return len(self._waiting)

    def on_connected(self, now_s: float, receive_maximum: int, packet_bytes_max: int) -> None:
        """Note a new connection; the numbers are those of its CONNACK."""
        self.connected = True
        self._waiting.clear()
        self._size_max = max(1, min(self.limits.window_max, receive_maximum))
        self.size = 1 if Alarm.REFUSED in self.alarms.standing else self._size_max
        self.limit.named = packet_bytes_max
        self.alarms.clear(Alarm.OLD_PROTOCOL, Alarm.UNANSWERED)
        self._answered_s = now_s
        self._paused_until_s = max(self._paused_until_s, now_s + self.limits.settle_s)

    def on_disconnected(self, now_s: float, reason_code: int) -> None:
        """Note its loss; the code is that of the broker's DISCONNECT or CONNACK, else 0."""
        largest = max((waiting.size for waiting in self._waiting.values()), default=0)
        self.connected = False
        self._waiting.clear()
        if largest:
            self._judge_size(reason_code, largest, now_s)
            self._hang_ups += 1
            if self._hang_ups >= self.limits.hang_ups_max:
                text = f"{self._hang_ups} connections ended before the broker took one message"
                self.alarms.put(Alarm.HANGS_UP, text)
        elif reason_code == PACKET_TOO_LARGE:
            self.alarms.put(Alarm.OVERSIZE, "the broker takes no packet as large as those of the connect")
        if reason_code >= FAILURE and reason_code != PACKET_TOO_LARGE:
            self._back_off(reason_code, now_s)

    def on_puback(self, token: int, reason_code: int, now_s: float) -> bool:
        """Take an answer; returns whether it refuses a message of this connection."""
        waiting = self._waiting.pop(token, None)
        if waiting is None:
            return False  # of an earlier connection
        self._answered_s = now_s
        self._answered_token = max(self._answered_token, token)
        if reason_code >= FAILURE:
            self._judge_size(reason_code, waiting.size, now_s)
            if reason_code == PACKET_TOO_LARGE:
                self._paused_until_s = max(self._paused_until_s, now_s + self.limits.settle_s)
            else:
                self._back_off(reason_code, now_s)
            return True
        self._smaller_taken, self._hang_ups = True, 0
        self.size = min(self.size + 1, self._size_max)
        self._busy.succeed()
        self._denied.succeed()
        self.alarms.clear(Alarm.NOT_AUTHORIZED, Alarm.REFUSED, Alarm.HANGS_UP)
        return False

    def has_room(self, now_s: float) -> bool:
        """Whether another message may go now."""
        return self.connected and now_s >= self._paused_until_s and len(self._waiting) < self.size

    def count(self, kind: Kind) -> int:
        """Messages of `kind` in flight."""
        return sum(waiting.publish.kind is kind for waiting in self._waiting.values())

    def take(
        self, kind: Kind, numbers: range, size: int, now_s: float, piece: tuple[int, int] | None = None
    ) -> Publish:
        """Count a message of `size` bytes on the wire as in flight."""
        assert len(self._waiting) < self.size
        assert size <= self.limit.bytes_max
        self._token += 1
        publish = Publish(self._token, kind, numbers, piece)
        self._waiting[self._token] = _Waiting(publish, size, now_s)
        return publish

    def is_overdue(self, now_s: float) -> bool:
        """Whether the broker has owed its answers for too long.

        It answers in order (MQTT 5.0, section 4.6): an answer that it has skipped will never come, and its
        message would keep its place in the window for as long as the others are answered.
        """
        if not self._waiting:
            return False
        token, oldest = min(self._waiting.items())
        is_skipped = token < self._answered_token
        since_s = oldest.at_s if is_skipped else max(self._answered_s, oldest.at_s)
        return now_s - since_s >= self.limits.ack_stall_s

    def _judge_size(self, code: int, size: int, now_s: float) -> None:
        """Learn from the end of a packet of `size` bytes, if that may have been too much for the broker."""
        if code in _NOT_OF_SIZE:
            return
        before = self.limit.learned
        if code == PACKET_TOO_LARGE:
            self.limit.refuse(size, now_s)
        elif self._smaller_taken:
            self.limit.suspect(size, now_s)
        self._smaller_taken = False
        self.note_limit(before)

    def note_limit(self, before: int) -> None:
        """Tell of a limit that is lower than `before`, when it is the lowest so far."""
        learned, refused = self.limit.learned, self.limit.refused
        if learned < min(before, self._told):
            self._told = learned
            text = f"the broker takes no packet of {refused} bytes; now of at most {learned}"
            self.alarms.tell("packet_size", text)

    def _back_off(self, code: int, now_s: float) -> None:
        if code == NOT_AUTHORIZED:
            self.alarms.put(Alarm.NOT_AUTHORIZED, "the broker does not let this gateway publish (0x87)")
            backoff = self._denied
        elif code == OLD_PROTOCOL:
            self.alarms.put(Alarm.OLD_PROTOCOL, MQTT5_NEEDED)
            backoff = self._denied
        elif code == SESSION_TAKEN_OVER:
            self.alarms.put(Alarm.CLONE, "another client connects under this gateway's name (0x8E)")
            backoff = self._denied
        else:
            self.alarms.put(Alarm.REFUSED, f"the broker refuses or is busy ({code:#04x})")
            backoff = self._busy
        if now_s >= self._refused_until_s:  # a window refused at once is one refusal
            self.size = max(1, self.size // 2) if backoff is self._busy else self.size
            self._refused_until_s = now_s + backoff.fail()
            self._paused_until_s = max(self._paused_until_s, self._refused_until_s)
