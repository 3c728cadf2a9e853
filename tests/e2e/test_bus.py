"""`dianjian bus` beside a running agent, and what its heartbeats say of the line."""

import json
import tomllib
from pathlib import Path

import cbor2
import pytest
from click.testing import CliRunner

from agent.store.gateway import read_seals
from evidence.record import Kind, Record, decode_record
from evidence.seal import open_body, peek_header
from provisioning.cli import cli
from tests.e2e.plant import small_plant

HEARTBEAT_BYTES_MAX = 1000


@pytest.mark.e2e
def test_the_figures_of_a_running_agent_are_those_of_its_meters(tmp_path: Path) -> None:
    with small_plant(tmp_path, meters=4, fast_s=0.5) as plant:
        site = tmp_path / "site.toml"
        assert len(tomllib.loads(site.read_text("utf-8"))["meter"]) == 4
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(12)
        ended = CliRunner().invoke(cli, ["bus", "--config", str(site), "--json"])
        shown = CliRunner().invoke(cli, ["bus", "--state", str(tmp_path / "state")])
        plant.agent.stop()
        rows = list(read_seals(tmp_path / "state/chain.db"))
    assert ended.exit_code == 0, ended.stderr
    (bus,) = json.loads(ended.stdout)
    assert bus["requests"] == sum(meter["requests"] for meter in bus["meters"])
    assert all(meter["requests"] > 5 and not meter["timeouts"] for meter in bus["meters"])
    assert all(0 < meter["latency_ms"]["p50"] <= meter["latency_ms"]["max"] for meter in bus["meters"])
    assert 0 < bus["load_percent"] <= 100
    assert all(meter["meter"] in shown.stdout for meter in bus["meters"])
    records = [
        decode_record(raw)
        for row in rows
        if row.body is not None
        for raw in open_body(peek_header(row.cose), row.body)
    ]
    beats = [one.body for one in records if isinstance(one, Record) and one.kind is Kind.HEARTBEAT]
    assert any(body["buses"][0]["requests"] for body in beats)
    assert max(len(cbor2.dumps(dict(body))) for body in beats) < HEARTBEAT_BYTES_MAX
