"""What detector and checks keep across a restart: checkpoints, and the chain after the detector's.

    checkpoint "watch"     number of the last seal that is in it (8 bytes, big endian), state of the feed
    checkpoint "episodes"  CBOR array of the last EPISODES_KEPT bodies, only for the status view
    checkpoint "meters"    identity and counters of the meters (`agent.tamper.settings`)
    checkpoint "conduct"   what is usual for them (`agent.tamper.behaviour`)

The checkpoint is written with a commit; the seals after its number are read again at the start, and behind
them the records that the run before left unsealed. Nothing found there keeps the gateway from starting:
with an unusable checkpoint the detector starts empty; a body that is not what was sealed, and a seal that
the walk from the tip does not reach (`agent.store.tail`), are skipped. All of this is logged.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import cbor2
from attrs import define, field

from agent.detect.episode import Episode
from agent.judging.detector_feed import DetectorFeed
from agent.store.gateway import GatewayStore
from agent.store.tail import read_tail
from agent.tamper.behaviour import Behaviour
from agent.tamper.settings import Tamper
from disk.database import StoreError
from evidence.record import ReadingRecord, Record
from evidence.seal import FIRST_NUMBER
from evidence.walk import WalkedSeal

LOG: Final = logging.getLogger("dianjian.checkpoints")

CHECKPOINT: Final = "watch"
EPISODES: Final = "episodes"
METERS: Final = "meters"
BEHAVIOUR: Final = "conduct"
EPISODES_KEPT: Final = 20
"""A few kB each, written only with a new episode."""
REPLAY_SEALS_MAX: Final = 2_000
"""Seals read again, seconds of work: twice what five minutes can bring. A salvaged database has all
its seals but no checkpoint, and a supervisor does not wait for months of readings to be read."""
NUMBER_BYTES: Final = 8
"""Of the number of a seal before the detector's state."""


Check = Tamper | Behaviour
"""Checks each reading beyond its values, and remembers what is usual."""


@define(eq=False, repr=False)
class Checkpoints:
    """The checkpoints of `feed` and `checks` in `store`.

    Attributes:
        checks: By the name of the checkpoint.
        saved_up_to: The last seal that the checkpoint includes; the rows above it are still needed.
        anew: The checkpoint could not be used: write another one soon.
        damaged: Seals read again whose bodies are not what was sealed.
        unsealed: Records that the run before left, which follow the tip.
    """

    store: GatewayStore
    feed: DetectorFeed
    checks: Mapping[str, Check]
    saved_up_to: int = field(default=FIRST_NUMBER - 1, init=False)
    anew: bool = field(default=False, init=False)
    damaged: list[int] = field(factory=list, init=False)
    unsealed: Sequence[Record | ReadingRecord] = ()

    def restore(self) -> None:
        """Bring the checks to their state at the last seal, the detector to the end of the run before."""
        self._restore_checks()
        self._restore_detector()
        try:
            for record in self.unsealed:
                self.feed.replay(record)
        except Exception as error:
            LOG.exception("records of the run before cannot be judged again")
            LOG.warning("the detector goes on without them: %s", error)

    def _restore_detector(self) -> None:
        tip = self.store.last()
        if tip is None:
            return
        raw = self.store.checkpoint(CHECKPOINT)
        problem = self._restore_feed(raw) if raw is not None else None
        if problem is None and tip.number - self.saved_up_to > REPLAY_SEALS_MAX:
            problem = f"its checkpoint ends {tip.number - self.saved_up_to} seals ago"
        if problem is None:
            problem = self._replay_tail()
        if problem is None:
            return
        LOG.warning("the detector begins anew: %s", problem)
        self.saved_up_to, self.anew = tip.number, True

    def _restore_checks(self) -> None:
        for name, check in self.checks.items():
            raw = self.store.checkpoint(name)
            try:
                if raw is not None:
                    check.restore(raw)
            except ValueError as error:  # a swap during this one stop is not seen; the chain has the serials
                LOG.warning("the checks of meters begin anew: %s", error)

    def _restore_feed(self, raw: bytes) -> str | None:
        """Restore the detector; returns why that failed, or None."""
        try:
            self.feed.restore(raw[NUMBER_BYTES:])
        except Exception as error:  # noqa: BLE001 - whatever is in it, the gateway starts
            return f"{type(error).__name__}: {error}"
        self.saved_up_to = int.from_bytes(raw[:NUMBER_BYTES], "big")
        return None

    def _replay_tail(self) -> str | None:
        """Read the seals after the checkpoint again; returns why that failed, or None."""
        try:
            first = max(self.saved_up_to + 1, self.store.first_number() or FIRST_NUMBER)
            for seal in read_tail(self.store, first):
                self._replay(seal)
        except StoreError:
            raise
        except Exception as error:
            LOG.exception("seals behind the checkpoint cannot be judged again")
            return f"{type(error).__name__}: {error}"
        return None

    def save(self, tip: int) -> None:
        """Save the detector's checkpoint, which includes everything up to seal `tip` and nothing after."""
        self.saved_up_to = tip
        self.store.put_checkpoint(CHECKPOINT, tip.to_bytes(NUMBER_BYTES, "big") + self.feed.checkpoint())

    def save_checks(self) -> None:
        """Save the checkpoints of the checks."""
        for name, check in self.checks.items():
            self.store.put_checkpoint(name, check.state())

    def save_episodes(self, episodes: Sequence[Episode]) -> None:
        """Save the latest episodes, each in its last state."""
        kept = [episode.to_body() for episode in episodes[-EPISODES_KEPT:]]
        self.store.put_checkpoint(EPISODES, cbor2.dumps(kept))

    def episodes(self) -> list[Episode]:
        """The episodes that were saved before the restart."""
        raw = self.store.checkpoint(EPISODES)
        if raw is None:
            return []
        try:
            return read_episodes(raw)
        except Exception as error:  # noqa: BLE001 - they are all in the chain
            LOG.warning("earlier episodes are not shown: %s", error)
            return []

    def _replay(self, seal: WalkedSeal) -> None:
        if seal.problem:
            number = seal.header.number
            LOG.warning("seal %d: its body is not what was sealed: %s", number, seal.problem)
            self.damaged.append(number)
        for record in seal.decode():
            self.feed.replay(record)


def read_episodes(raw: bytes) -> list[Episode]:
    """The episodes in a checkpoint; whatever it raises, they cannot be read."""
    return [Episode.from_body(body) for body in cbor2.loads(raw)]
