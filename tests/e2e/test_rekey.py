"""Lost keys, a lost disk and a restored image, each with real processes: the chain goes on and is whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from centre.store.sqlite import SqliteStore
from tests.e2e.plant import WAIT_S, SmallPlant, small_plant

EXIT_REKEY = 4


def called(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", *words], capture_output=True, text=True, timeout=2 * WAIT_S, check=False
    )


def run_json(*words: str) -> Any:
    ended = called(*words)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def lost_keys(state: Path, _: Path) -> None:
    (state / "keys").unlink()


def lost_disk(state: Path, _: Path) -> None:
    shutil.rmtree(state)


def restored_image(state: Path, image: Path) -> None:
    shutil.rmtree(state)
    shutil.copytree(image, state)


def seals(plant: SmallPlant, count: int) -> None:
    """A life of the agent in which the centre verifies `count` more seals."""
    plant.verified.read()
    before = plant.verified.seal
    plant.agent.start()
    plant.until_verified(before + count)
    plant.agent.stop()


def has_told(plant: SmallPlant, code: str) -> bool:
    plant.verified.read()
    return any(finding["code"] == code for finding in plant.verified.findings)


@pytest.mark.e2e
def test_a_chain_goes_on_after_lost_keys_a_lost_disk_and_a_restored_image(tmp_path: Path) -> None:
    site, recovery, register = (str(tmp_path / name) for name in ("site.toml", "recovery", "gateways.jsonl"))
    key, store, image = str(tmp_path / "centre.key"), str(tmp_path / "centre.db"), tmp_path / "image"
    with small_plant(tmp_path) as plant:
        request = run_json("agent.main", "init", "--config", site, "--recovery", recovery)
        (tmp_path / "request").write_text(json.dumps(request), "utf-8")
        enrol = ["provisioning.cli", "centre", "enrol", "--register", register, "--key", key, "--json"]
        assert run_json(*enrol, str(tmp_path / "request"))["gateways"] == 1
        plant.subscriber.start()
        plant.subscriber.first_line()
        seals(plant, 5)
        shutil.copytree(tmp_path / "state", image)
        for strike in (lost_keys, lost_disk, restored_image):
            strike(tmp_path / "state", image)
            ended = called("agent.main", "run", "--config", site)
            assert ended.returncode == EXIT_REKEY, (strike.__name__, ended.stderr)
            assert "dianjian-agent rekey" in ended.stderr.splitlines()[-1]
            statement = run_json("agent.main", "rekey", "--config", site, "--recovery", recovery)
            plant.verified.read()
            assert statement["number"] > plant.verified.seal, strike.__name__
            seals(plant, 3)
        revoke = ["provisioning.cli", "centre", "revoke", "--register", register, "--key", key]
        revoked = run_json(*revoke, "--store", store, "--reason", "the test ends", "--json", "e2e-1")
        plant.until(lambda: has_told(plant, "revoked"), "the subscriber takes in the register while it runs")
        plant.subscriber.stop()
    centre = SqliteStore(Path(store))
    try:
        assert centre.held("e2e-1").up_to == centre.state("e2e-1").number, "nothing is awaited for ever"
    finally:
        centre.close()
    out = str(tmp_path / "chain")
    export = called("provisioning.cli", "export", "--store", store, "--gateway", "e2e-1", out)
    assert export.returncode == 0, export.stderr
    centre_key = run_json("provisioning.cli", "centre", "key", "--key", key)["centre_key"]
    report = run_json("provisioning.cli", "verify", "--centre-key", centre_key, "--json", out)
    assert report["ok"]
    assert (report["statements"], report["seals"]) == (4, revoked["number"])
    assert [meter["id"] for meter in report["enrolment"]["meters"]] == ["m1", "m2"]
    assert [one["code"] for one in report["findings"]].count("rekeyed") == 3
    assert called("provisioning.cli", "verify", "--centre-key", "11" * 32, out).returncode == 1
