"""What a verifier does about the store that it shares: when it renews its lease, whom it has to begin with.

Pure but for the store. A gateway that was gained is begun with in pieces, so that those which are served
already do not wait for all of them: its chain is read, its topics are subscribed to one by one, its receipt
is published. Topics are named one by one because every broker has that, and because shared subscriptions
(`$share`) deal the messages of one gateway to several verifiers, whose commits then conflict.
"""

from collections.abc import Iterable
from typing import Final

from attrs import define, field

from centre.store.shared import RENEW_S, SharedStore, Turnover
from wire import messages as wire

PIECE_GATEWAYS: Final = 50
"""Begun with in one turn: a tenth of a second."""
KINDS: Final = ("seal", "chain", "body", "rekey", "state", "file")
"""Of the topics of a gateway that the centre reads."""


@define
class Sharing:
    """See the module.

    Attributes:
        leads: Whether this verifier sends the beacon.
    """

    store: SharedStore
    leads: bool = field(init=False, default=False)
    _renewed_s: float = field(init=False, default=float("-inf"))
    _served: dict[str, None] = field(init=False, factory=dict)
    _waiting: list[str] = field(init=False, factory=list)

    @property
    def is_behind(self) -> bool:
        """Whether there are gateways to begin with."""
        return bool(self._waiting)

    def turn_over(self, now_s: float) -> Turnover | None:
        """What has changed hands, if it is time to look; raises as the store."""
        if now_s - self._renewed_s < RENEW_S:
            return None
        self._renewed_s = now_s
        found = self.store.turn_over()
        self.leads = found.leads
        return found

    def prolong(self, now_s: float) -> None:
        """Keep the lease, if it is time, in the midst of long work; raises as the store."""
        if now_s - self._renewed_s >= RENEW_S:
            self._renewed_s = now_s
            self.store.prolong()

    def list_new(self) -> list[str]:
        """The gateways to begin with: those of the store that are not served."""
        self._waiting = [name for name in self.store.gateways() if name not in self._served]
        return self._waiting

    def take_piece(self) -> list[str]:
        """The next ones to begin with, which are served from now on."""
        piece, self._waiting = self._waiting[:PIECE_GATEWAYS], self._waiting[PIECE_GATEWAYS:]
        piece = [name for name in piece if name in self.store.gateways()]
        self._served |= dict.fromkeys(piece)
        return piece

    def leave(self, gateways: Iterable[str]) -> list[str]:
        """These are another's; which of them were served."""
        return [name for name in gateways if self._served.pop(name, "") is None]

    def give_up(self) -> tuple[str, ...]:
        """Begin anew, with nothing; the gateways that were ours."""
        self.leads, self._waiting = False, []
        return self.store.give_up()

    def is_ours(self, topic: str) -> bool:
        """Whether this verifier publishes there: the leader what is for all, else who serves the gateway."""
        level = topic.removeprefix(f"{wire.ROOT}/").split("/")
        return level[0] in self._served if len(level) > 1 else self.leads


def filters_of(gateways: Iterable[str]) -> list[str]:
    """The topics of gateways, one by one."""
    return [f"{wire.ROOT}/{name}/{kind}" for name in gateways for kind in KINDS]
