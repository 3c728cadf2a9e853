"""How large a packet may be: what the broker names in its CONNACK, and what its refusals have taught. Pure.

Brokers show a limit in four ways:
    named       Maximum Packet Size in CONNACK: holds for that connection
    refused     PUBACK or DISCONNECT with 0x95: the packet is known, half of its size is tried next
    suspected   another refusal, a lost connection, or silence, where a smaller packet gets through: these
                have other causes, too, so one counts only after a smaller packet passed, and the first
                time two are needed
    changed     a larger packet is tried now and then, after pauses that grow from TRY_AGAIN_S to
                TRY_AGAIN_LONGEST_S, or soon while not even a seal fits

`arrived` must be called on the word of a receipt alone: there are brokers that acknowledge what they drop.
What was learned lasts as long as this process; the next one learns it anew within a few messages.
"""

from typing import Final

from attrs import define, field

from wire.mqtt_events import PACKET_BYTES_MAX
from wire.pacing import Backoff

TRY_AGAIN_S: Final = 120.0
TRY_AGAIN_LONGEST_S: Final = 3_600.0
"""A trial may cost a pause of the delivery, and a broker's configuration changes once in years."""
TRY_SMALLEST_S: Final = 30.0
"""While nothing can be sent at all, there is nothing to be held up."""
SUSPICIONS_MIN: Final = 2
"""Before the first limit is learned without a clear word of the broker."""


@define(eq=False, repr=False)
class PacketLimit:
    """See the module.

    Attributes:
        smallest: The packet of one seal: below it nothing can be delivered.
        named: What this connection's CONNACK says.
        learned: What this broker takes as far as it has shown; PACKET_BYTES_MAX before it has.
        refused: The packet whose refusal taught that, 0 before one.
    """

    smallest: int
    named: int = PACKET_BYTES_MAX
    learned: int = PACKET_BYTES_MAX
    refused: int = 0
    _arrived: int = field(init=False, default=0)
    _suspicions: int = field(init=False, default=0)
    _pause: Backoff = field(init=False, factory=lambda: Backoff(TRY_AGAIN_S, TRY_AGAIN_LONGEST_S))
    _again_s: float = field(init=False, default=float("inf"))
    _is_trial: bool = field(init=False, default=False)

    @property
    def bytes_max(self) -> int:
        """The largest packet that may be sent now."""
        return min(self.named, self.learned)

    @property
    def is_learned(self) -> bool:
        """Whether a refusal taught the present limit."""
        return self.learned < self.named

    @property
    def fits(self) -> bool:
        """Whether a seal can be sent."""
        return self.bytes_max >= self.smallest

    def refuse(self, size: int, now_s: float) -> None:
        """Note that the broker does not take a packet of `size` bytes."""
        # Half of it, but a packet for one seal is tried before it is given up.
        learned = size - 1 if size <= self.smallest else max(size // 2, self.smallest)
        if learned >= self.learned:
            return  # the answer to a packet that was under way when the limit was learned
        self.learned, self.refused, self._suspicions = learned, size, 0
        self._arrived = min(self._arrived, learned)
        pause_s = self._pause.fail() if self._is_trial else self._pause.next_s
        self._is_trial = False
        self._again_s = now_s + (pause_s if learned >= self.smallest else TRY_SMALLEST_S)

    def suspect(self, size: int, now_s: float) -> bool:
        """Note that one of `size` bytes was lost although a smaller one gets through; whether it counts."""
        if size <= max(self._arrived, self.smallest):
            return False
        self._suspicions += 1
        if not self.refused and self._suspicions < SUSPICIONS_MIN:
            return False
        self.refuse(size, now_s)
        return True

    def arrived(self, size: int) -> None:
        """Note that one of `size` bytes is at the centre."""
        if size > self._arrived:
            self._arrived = size
            self._suspicions = 0

    def watch(self, now_s: float) -> None:
        """Allow larger packets when it is time to try one."""
        if now_s < self._again_s:
            return
        self.learned, self._is_trial = max(self.learned * 2, self.smallest), True
        self._again_s = now_s + TRY_AGAIN_S
        if self.learned >= PACKET_BYTES_MAX:
            self.learned, self.refused, self._again_s = PACKET_BYTES_MAX, 0, float("inf")
            self._is_trial = False
            self._pause.succeed()
