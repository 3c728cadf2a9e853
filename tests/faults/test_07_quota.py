"""The quota is reached: each level does what it says, and the chain never stops."""

import functools
import random
from pathlib import Path
from typing import Final

import pytest

from agent.sealing import opening
from agent.sealing.quota import Level
from agent.sealing.source import NewRecord
from agent.store.gateway import GatewayStore
from evidence.record import Kind
from tests.agent.rig import Rig
from tests.faults.core_life import checked, dropped, events_of
from tests.faults.invariants import Witness

QUOTA_BYTES: Final = 512 << 10
"""A small one: a site file does not allow it, so the store is given it where it is built."""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    def small(path: Path, _: int, **options: object) -> GatewayStore:
        return GatewayStore(path, QUOTA_BYTES, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "GatewayStore", functools.wraps(GatewayStore)(small))
    return Rig(tmp_path)


def busy(rig: Rig, seals: int) -> None:
    """Let time pass with records that no compression makes small."""
    pick = random.Random(rig.passed_s)
    for _ in range(seals):
        rig.gateway.sealing.put(NewRecord(Kind.MARK, {"text": pick.randbytes(3_000).hex()}), rig.stamp())
        rig.run(10, 1000, 1000)


def until(rig: Rig, level: Level) -> None:
    for _ in range(400):
        if rig.gateway.sealing.level >= level:
            return
        busy(rig, 1)
    raise AssertionError(f"level {level.name} was not reached")


def levels_told(rig: Rig) -> list[str]:
    return [str(body["level"]) for body in events_of(rig) if body["what"] == "database"]


def test_07_without_a_centre_every_level_is_reached_bodies_go_as_told_and_the_chain_goes_on(rig: Rig) -> None:
    until(rig, Level.ALARM)
    assert levels_told(rig) == ["ALARM"]
    assert rig.gateway.sealing.store.first_number() == 1, "nothing is pruned without a receipt"
    assert not dropped(rig)
    until(rig, Level.DROP)
    before = len(rig.seals())
    busy(rig, 110)
    rows = rig.seals()
    assert len(rows) >= before + 100, "the chain did not go on"
    assert rows[0].number == 1
    gone = {seal.number for seal in rows if seal.body is None}
    assert gone
    assert gone == dropped(rig), "each body that is gone is told of"
    assert rig.gateway.sealing.store.used_fraction() < 1
    checked(rig)
    rig.close()


def test_07_what_is_receipted_goes_first_and_no_body_is_given_up(rig: Rig) -> None:
    seen = Witness()
    rig.connect()
    for _ in range(40):
        busy(rig, 5)
        last = rig.seals()[-1]
        rig.receipt(last)
        seen.receipted(last.number, last.hash)
        rig.connect()
    assert (rig.gateway.sealing.store.first_number() or 0) > 1, "nothing was pruned"
    assert rig.gateway.sealing.level < Level.DROP
    assert not dropped(rig)
    checked(rig, seen)
    rig.close()
