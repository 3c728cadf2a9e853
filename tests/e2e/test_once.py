"""`dianjian-agent` as a technician calls it, and the verbs that go with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.plant import SmallPlant, small_plant

pytestmark = pytest.mark.e2e


def agent(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "agent.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def dianjian(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "provisioning.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def run_once(plant: SmallPlant) -> "subprocess.CompletedProcess[str]":
    return agent("run", "--once", "--config", str(plant.folder / "site.toml"))


def test_once_reads_every_meter_and_ends_well_when_the_receipt_is_there(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        ended = run_once(plant)
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        assert ended.returncode == 0, ended.stderr
        assert [line["meter"] for line in lines[:-1]] == ["m1"] * 3 + ["m2"] * 3
        assert {line["quality"] for line in lines[:-1]} == {"good"}
        assert lines[-1]["receipted"] == lines[-1]["seals"]
        assert lines[0]["values"]["active_power"] == pytest.approx(42_000, rel=0.2)


def test_once_says_no_when_a_meter_is_silent_or_nobody_answers(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        plant.simulator.stop()
        assert plant.broker is not None
        plant.broker.kill()
        ended = run_once(plant)
        lines = [json.loads(line) for line in ended.stdout.splitlines()]
        assert ended.returncode == 1
        assert {line["quality"] for line in lines[:-1]} == {"bad"}
        assert lines[-1]["receipted"] == 0
        assert lines[-1]["meters_good"] is False


def test_a_second_agent_on_the_same_state_is_refused_in_one_line(tmp_path: Path) -> None:
    with small_plant(tmp_path) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(1)
        ended = run_once(plant)
        assert ended.returncode == 3
        assert len(ended.stderr.splitlines()) == 1
        status = dianjian("status", "--config", str(tmp_path / "site.toml"), "--json")
        assert json.loads(status.stdout)["gateway"] == "e2e-1"
        shown = dianjian("--lang", "zh", "status", "--config", str(tmp_path / "site.toml"))
        assert "已签封" in shown.stdout


def test_a_running_agent_s_chain_can_be_exported_and_verified_and_a_changed_bit_is_named(
    tmp_path: Path,
) -> None:
    with small_plant(tmp_path) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(5)
        file, register = tmp_path / "chain.export", str(tmp_path / "gateways.jsonl")
        assert dianjian("export", "--state", str(tmp_path / "state"), str(file)).returncode == 0
        good = dianjian("verify", "--register", register, "--json", str(file))
        assert good.returncode == 0
        assert json.loads(good.stdout)["ok"] is True
        image = bytearray(file.read_bytes())
        image[len(image) // 2] ^= 1
        file.write_bytes(image)
        bad = dianjian("verify", "--register", register, "--json", str(file))
        assert bad.returncode == 1
        assert json.loads(bad.stdout)["error"] or json.loads(bad.stdout)["findings"]


def test_check_says_every_mistake_and_touches_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[site]\ngateway = "g"\n[broker]\nurl = "http://x"\n[[bus]]\nid = "b"\nurl = "tcp://h"\n', "utf-8"
    )
    ended = agent("check", "--config", str(site))
    assert ended.returncode == 2
    places = [
        line.removeprefix(f"dianjian-agent: {site}: ").split(":")[0] for line in ended.stderr.splitlines()
    ]
    assert places == ["meter", "broker.centre_key", "broker.url"]
    assert list(tmp_path.iterdir()) == [site]


def test_a_second_enrolment_prints_the_same_line(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[site]\ngateway = "g"\n', "utf-8")
    enrol = ["enrol", "--config", str(site)]
    first, second = (dianjian(*enrol, "--recovery", str(tmp_path / "recovery")) for _ in range(2))
    assert first.stdout == second.stdout == dianjian(*enrol).stdout
    assert (tmp_path / "recovery").stat().st_mode & 0o777 == 0o600
    request = json.loads(first.stdout)
    assert request["gateway"] == "g"
    register, key = tmp_path / "gateways.jsonl", str(tmp_path / "centre.key")
    (tmp_path / "enrolment").write_text(first.stdout, "utf-8")
    assert dianjian("centre", "init", "--key", key).returncode == 0
    added = dianjian(
        "centre", "enrol", "--register", str(register), "--key", key, str(tmp_path / "enrolment")
    )
    assert added.returncode == 0, added.stderr
    line = json.loads(register.read_text("utf-8"))
    assert {name: line[name] for name in ("gateway", "first_key", "recovery_key")} == {
        name: request[name] for name in ("gateway", "first_key", "recovery_key")
    }
