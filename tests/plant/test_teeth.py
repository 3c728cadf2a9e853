"""The test of the test: mistakes put into the product on purpose, each of which the simulation must find.

A mistake that no seed finds would mean that a promise is not looked at.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from agent.judging.checkpoints import Checkpoints
from agent.orders.orders import Orders
from agent.sealing import sealer
from agent.sealing.chain import Sealing
from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import find
from agent.sealing.sealer import Sealer
from agent.spool.frames import Spooled
from agent.spool.spool import Spool
from agent.uplink.backfill import Backfill
from agent.uplink.courier import Courier
from disk.database import CommitError, Database
from evidence.cose import Signed
from tests.plant import checks
from tests.plant.run import World
from wire.mqtt_events import Acked

SEEDS_MAX = 40

Mistake = AbstractContextManager[Any]


def prunes_what_nobody_has() -> Mistake:
    return mock.patch.object(Sealing, "_prunable_below", lambda self: self.tip)


@contextmanager
def signs_a_number_twice() -> Iterator[None]:
    """The old keys live on, and a database that lost commits is simply gone on with."""

    def careless(gateway: str, last: Any, slots: Any, *others: Any) -> Any:
        tip = last.number if last else 0
        return find(gateway, last, [slot for slot in slots if slot.number <= tip + 1], *others)

    with mock.patch.object(KeySlots, "erase"), mock.patch.object(sealer, "find", careless):
        yield


def takes_a_failed_commit_for_done() -> Mistake:
    commit = Sealer._commit

    def hopeful(self: Sealer, seals: Any) -> None:
        try:
            commit(self, seals)
        except CommitError:
            self._store.reopen()

    return mock.patch.object(Sealer, "_commit", hopeful)


def believes_pubacks() -> Mistake:
    handle = Courier.handle

    def trusting(self: Courier, event: Any, stamp: Any, now_s: float) -> Any:
        outcome = handle(self, event, stamp, now_s)
        if isinstance(event, Acked):
            self.outbox.received = self.outbox.tip
        return outcome

    return mock.patch.object(Courier, "handle", trusting)


def checks_no_signature() -> Mistake:
    return mock.patch.object(Signed, "holds", return_value=True)


def forgets_what_it_has_seen() -> Mistake:
    return mock.patch.object(Checkpoints, "_replay_tail", return_value=None)


def publishes_before_the_commit() -> Mistake:
    """Two of three transactions stay open until a later one."""
    calls = [0]

    @contextmanager
    def lazy(self: Database) -> Iterator[Any]:
        with self.lock:
            if not self.connection.in_transaction:
                self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            calls[0] += 1
            if calls[0] % 3 == 0 or self._owner == "centre":
                self.connection.execute("COMMIT")

    return mock.patch.object(Database, "write", lazy)


def never_sends_a_body_again() -> Mistake:
    return mock.patch.object(Backfill, "watch", return_value=0)


def keeps_nothing_over_a_kill() -> Mistake:
    return mock.patch.object(Spool, "add")


def takes_up_what_is_sealed() -> Mistake:
    """And the file is left as it is when a seal is committed."""
    believe = Spool._believe

    def trusting(self: Spool, raw: bytes, secrets: Any, number: int, _: Any) -> Spooled:
        return believe(self, raw, secrets, number, lambda _: [])

    return mock.patch.object(Spool, "_believe", trusting)


def forgets_its_orders() -> Mistake:
    return mock.patch.object(Orders, "_restore")


def answers_no_order() -> Mistake:
    return mock.patch.object(Orders, "_answers", return_value=[])


MISTAKES = [
    (prunes_what_nobody_has, "link down", "I4"),
    (signs_a_number_twice, "commits lost", "I2|fork"),
    (takes_a_failed_commit_for_done, "EIO", "I1|I2|I7|chain of 0 seals"),
    (believes_pubacks, "broker forgets", "I4|I7|I1|missing"),
    (checks_no_signature, "forged receipts", "new enrolment|I4|I3"),
    (forgets_what_it_has_seen, "power cut", "episode|uninterrupted|nothing was raised"),
    (publishes_before_the_commit, "power cut", "honest disk|I1"),
    (never_sends_a_body_again, "broker forgets", "backlog|missing"),
    (keeps_nothing_over_a_kill, "cut at a step", "no later life has sealed"),
    (takes_up_what_is_sealed, "cut at a step", "twice in the chain"),
    (forgets_its_orders, "power cut", "order .* is sealed"),
    (answers_no_order, "power cut", "are answered"),
]


@pytest.mark.minutes
@pytest.mark.parametrize(
    ("mistake", "fault", "words"), MISTAKES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_mistake_in_the_product_is_found(mistake: Any, fault: str, words: str, ground: Path) -> None:
    """Each seed has one fault more, of the kind that lays the mistake bare."""
    found: list[str] = []
    for seed in range(SEEDS_MAX):
        world = World(seed, ground / f"wrong-{seed}", ground / "templates", also=(fault,))
        try:
            with mistake():
                world.run()
            found = checks.broken(world)
        except Exception as error:  # noqa: BLE001 - a crash is found, too
            found = [f"{type(error).__name__}: {error}"]
        finally:
            world.forget()
        if found:
            break
    assert found, f"{SEEDS_MAX} seeds found nothing"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("\n".join(found))
