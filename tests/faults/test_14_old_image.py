"""An old image of the whole disk is put back: keys and database fit, only the centre knows better."""

import shutil
from pathlib import Path

import pytest

from agent.gateway import RekeyError
from tests.agent.rig import Rig
from tests.faults.core_life import first_life, published
from tests.faults.disk import rows_of
from tests.faults.invariants import Witness, check
from tests.faults.reference_centre import ReferenceCentre


def restored(tmp_path: Path, centre: ReferenceCentre, seen: Witness, *, lived_on_s: float) -> Rig:
    """The gateway on an image of its first life, after a second one that the centre followed."""
    folder = tmp_path / "gateway"
    shutil.copytree(folder, tmp_path / "image")
    rig = Rig(folder, passed_s=100.0)
    rig.run(lived_on_s, 1000, 1000)
    centre.deliver(rig, seen)
    rig.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "image", folder)
    return Rig(folder, passed_s=1_000.0)


def test_14_a_gateway_on_an_old_image_seals_no_more_once_it_hears_the_centre(tmp_path: Path) -> None:
    seen = Witness()
    first_key = first_life(tmp_path / "gateway")
    with ReferenceCentre(tmp_path / "centre.db", first_key) as centre:
        rig = restored(tmp_path, centre, seen, lived_on_s=120)
        held = centre.held()
        sealed = rows_of(rig.gateway.sealing.store)[-1].number
        with pytest.raises(RekeyError, match="rolled back"):
            centre.send_receipt(rig)
        assert rows_of(rig.gateway.sealing.store)[-1].number == sealed, "it sealed on"
        assert not published(rig)
        rig.close()
        with pytest.raises(RekeyError, match="rolled back"):  # the proof is kept: no start seals any more
            Rig(tmp_path / "gateway", passed_s=2_000.0)
        check(seen, None, held)


def test_14_what_a_gateway_on_an_old_image_sealed_is_a_fork_that_the_centre_keeps_as_proof(
    tmp_path: Path,
) -> None:
    seen = Witness()
    first_key = first_life(tmp_path / "gateway")
    with ReferenceCentre(tmp_path / "centre.db", first_key) as centre:
        rig = restored(tmp_path, centre, seen, lived_on_s=120)
        held = centre.held()
        rig.run(60, 1000, 1000)
        centre.deliver(rig)
        assert centre.forks(), "two seals under one key went unseen"
        assert {"fork"} <= {line["code"] for line in centre.lines if line["type"] == "finding"}
        assert centre.held() == held, "the chain that was accepted first changed"
        rig.connect()
        with pytest.raises(RekeyError, match="rolled back"):
            centre.send_receipt(rig)
        rig.close()
        seen.rejections = len(centre.forks())
        seen.events = [line for line in centre.lines if line["type"] == "finding"]
        check(seen, None, centre.held())


def test_14_of_two_machines_that_live_on_with_one_state_the_centre_keeps_one_and_proves_the_other(
    tmp_path: Path,
) -> None:
    """Database and key ring copied to a second machine, and both go on at the same time."""
    first_key = first_life(tmp_path / "gateway")
    shutil.copytree(tmp_path / "gateway", tmp_path / "twin")
    with ReferenceCentre(tmp_path / "centre.db", first_key) as centre:
        here, there = (Rig(tmp_path / name, passed_s=1_000.0) for name in ("gateway", "twin"))
        for power_w in (1_000, 2_000, 3_000):
            here.run(30, 30_000, 12_000)
            there.run(30, power_w, 1_000)
            centre.deliver(here)
            centre.deliver(there)
        mine = {seal.number: seal.hash for seal in here.seals()}
        assert all(mine.get(number, digest) == digest for number, digest in centre.held().seals)
        assert centre.forks()
        assert {"fork"} <= {line["code"] for line in centre.lines if line["type"] == "finding"}
        here.connect()
        centre.send_receipt(here)
        there.connect()
        before = there.gateway.courier.prunable_below()
        centre.send_receipt(there)
        there.run(30, 1_000, 1_000)
        assert there.gateway.courier.prunable_below() == before, "what the twin sealed stays as proof"
        assert "fork" in there.gateway.courier.outbox.status().alarms
        here.close()
        there.close()
