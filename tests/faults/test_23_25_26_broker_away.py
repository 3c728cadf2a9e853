"""Rows 23, 25 and 26 through a real mosquitto: it is away, it forgets, its queue is too short."""

import shutil
import time
from pathlib import Path

import pytest
from attrs import evolve

from provisioning.demo import broker as brokers
from provisioning.demo.broker import find_free_port, start_mosquitto
from tests.e2e.plant import small_plant
from tests.faults.gateway_end import HASTY, QUICK, GatewayEnd
from tests.faults.invariants import Held, Witness, check
from tests.faults.mosquitto_line import deliver, enrol, rows, turn_until
from tests.wire.certificates import Authority
from tests.wire.ends import CentreEnd
from wire.mqtt_events import Disconnected

AWAY_S = 60.0
FIRST_MESSAGE_S_MAX = 10.0
"""A second until it is asked for, as tests/wire/test_publisher.py has it, and what a busy machine takes."""


def test_25_a_broker_killed_after_its_pubacks_and_without_its_file_loses_nothing(tmp_path: Path) -> None:
    port, witness = find_free_port(), Witness(healed_at_s=0.0)
    broker = start_mosquitto(port, tmp_path / "broker")
    patient = evolve(QUICK, stall_s=20.0)  # else one probe a pause goes out while nobody answers
    with GatewayEnd(tmp_path, port, limits=patient) as end:
        enrol(tmp_path, end.first_key)
        end.seal(50)
        turn_until(end, lambda: end.outbox.status().sent == end.outbox.tip)
        turn_until(end, lambda: end.outbox.status().in_flight == 0)
        assert end.gateway.courier.prunable_below() == 0
        broker.kill()
        shutil.rmtree(tmp_path / "broker")
        turn_until(end, lambda: not end.outbox.status().connected)
        broker = start_mosquitto(port, tmp_path / "broker")
        witness.healed_at_s = time.monotonic()
        with CentreEnd(tmp_path, port) as centre:
            deliver(end, witness)
            witness.recovered_at_s = time.monotonic()
            assert [line["seal"] for line in centre.await_lines("seal", 51)] == list(range(1, 52))
        held = Held.of_rows(end.gateway.sealing.store.rows(1))
    broker.stop()
    check(witness, held, rows(tmp_path))


def test_26_a_subscriber_away_for_longer_than_the_brokers_queue_gets_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker throws away silently what is beyond its queue; receipts bring it back."""
    monkeypatch.setattr(brokers, "QUEUED_MESSAGES_MAX", 5)
    port, witness = find_free_port(), Witness()
    broker = start_mosquitto(port, tmp_path / "broker")
    with GatewayEnd(tmp_path, port) as end:
        enrol(tmp_path, end.first_key)
        with CentreEnd(tmp_path, port):
            end.seal(3)
            turn_until(end, lambda: end.delivered)
        for _ in range(60):
            end.seal()
            turn_until(end, lambda: end.outbox.status().in_flight == 0)
        assert end.outbox.received < 10
        witness.healed_at_s = time.monotonic()
        with CentreEnd(tmp_path, port):
            deliver(end, witness)
            witness.recovered_at_s = time.monotonic()
        held = Held.of_rows(end.gateway.sealing.store.rows(1))
    broker.stop()
    check(witness, held, rows(tmp_path))


def test_23_while_nobody_listens_the_gateway_asks_at_its_shortest_pause(tmp_path: Path) -> None:
    """Not at a pause that has grown with the outage: the broker's return is met at once."""
    port, witness = find_free_port(), Witness()
    network = {**HASTY, "reconnect_first_s": 0.05, "reconnect_longest_s": 60.0}
    with GatewayEnd(tmp_path, port, network=network) as end:
        enrol(tmp_path, end.first_key)
        begin_s = time.monotonic()
        turn_until(end, lambda: len(end.ends) >= 12)
        assert time.monotonic() - begin_s < 20, "twelve pauses that double would be four minutes"
        assert all(isinstance(one, Disconnected) and "refused" in one.reason for one in end.ends)
        end.seal(20)
        broker = start_mosquitto(port, tmp_path / "broker")
        witness.healed_at_s = time.monotonic()
        with CentreEnd(tmp_path, port) as centre:
            deliver(end, witness)
            witness.recovered_at_s = time.monotonic()
            assert [line["seal"] for line in centre.await_lines("seal", 21)] == list(range(1, 22))
        held = Held.of_rows(end.gateway.sealing.store.rows(1))
    broker.stop()
    check(witness, held, rows(tmp_path))


@pytest.mark.minutes
def test_23_after_60_s_without_a_broker_the_first_message_comes_within_seconds_and_in_order(
    tmp_path: Path,
) -> None:
    """The real agent with its own limits, a real mosquitto with TLS."""
    witness = Witness()
    with small_plant(tmp_path, authority=Authority(tmp_path / "certificates")) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(5)
        assert plant.broker is not None
        plant.broker.stop()
        time.sleep(AWAY_S)
        before = plant.verified.seal
        plant.start_broker()
        begin_s = time.monotonic()
        witness.healed_at_s = begin_s
        plant.until_verified(before + 1)
        took_s = time.monotonic() - begin_s
        witness.recovered_at_s = time.monotonic()
        print(f"row 23: {took_s:.2f} s from the broker's return to the first verified seal")  # noqa: T201
        assert took_s <= FIRST_MESSAGE_S_MAX
        plant.until_verified(max(plant.acknowledged()))
        plant.agent.stop()
        seen = plant.acknowledged()
        plant.until_verified(max(seen))
        plant.subscriber.stop()
        hashes, forks, report = plant.centre()
        seals = list(plant.verified.records)
    assert (forks, report.ok, report.absent) == ([], True, 0)
    assert len(seals) == len(set(seals))
    for number, digest in seen.items():
        witness.acknowledged(number, digest)
    check(witness, Held(tuple(sorted(seen.items()))), Held(tuple(sorted(hashes.items()))))
