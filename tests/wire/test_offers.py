"""Brokers that offer less than MQTT 5 has: everything arrives over each of them."""

from pathlib import Path

import pytest

from centre.answers import RANGE_BYTES_MAX, RECEIPT_FRAME_BYTES, count_ranges, receipt_of
from evidence.chain import ChainState
from evidence.held import Held
from evidence.receipt import RANGES_MAX
from evidence.seal import NUMBER_MAX
from provisioning.demo.broker import find_free_port
from tests.faults.line import Line
from tests.faults.scripted_broker import Manners
from tests.wire.ends import CentreEnd, Gateway, Link, enrol, settings
from tests.wire.mosquitto import start_with
from wire import messages
from wire.messages import Topics
from wire.mqtt_events import Acked, Connected
from wire.mqtt_settings import Will

OFFERS = {
    "no QoS 1": "max_qos 0",
    "QoS 1 at most": "max_qos 1",
    "nothing is retained": "retain_available false",
    "a shorter keepalive": "max_keepalive 10",
    "one message at a time": "max_inflight_messages 1",
    "no topic aliases": "max_topic_alias 0",
    "packets of 1,024 bytes": "max_packet_size 1024",
    "payloads of 1,024 bytes": "message_size_limit 1024",
}


@pytest.mark.parametrize("option", OFFERS.values(), ids=OFFERS.keys())
def test_seals_arrive_and_are_receipted_also_after_a_new_connection(tmp_path: Path, option: str) -> None:
    port = find_free_port()
    running = start_with(port, tmp_path / "broker", option)
    try:
        with Gateway(tmp_path, "gw-7", port) as gateway, CentreEnd(tmp_path, port):
            enrol(tmp_path, gateway)
            gateway.seal(5)
            gateway.deliver()
            gateway.link.publisher.reconnect()
            gateway.seal(5)
            gateway.deliver()
            assert gateway.outbox.received == 10
            assert not gateway.outbox.status().alarms
    finally:
        running.stop()


@pytest.mark.parametrize("option", ["max_qos 0", "retain_available false"])
def test_a_will_asks_for_no_more_than_the_broker_has(tmp_path: Path, option: str) -> None:
    port = find_free_port()
    running = start_with(port, tmp_path / "broker", option)
    try:
        with Link(settings("gw-7", port, will=Will("dj/1/gw-7/state", b"gone"))) as link:
            link.expect(Connected)
            link.publisher.publish(1, "dj/1/gw-7/state", b"here", retain=True)
            assert link.expect(Acked).reason_code < 0x80
    finally:
        running.stop()


def test_a_birth_that_the_broker_does_not_retain_holds_nothing_up(tmp_path: Path) -> None:
    with Line(tmp_path, Manners(puback=lambda topic: 0x97 if topic.endswith("state") else 0)) as line:
        line.seal(3)
        line.deliver()
        assert not line.gateway.outbox.status().alarms


@pytest.mark.parametrize("packet", [300, 512, 1_024, 2_048, 65_536])
def test_a_receipt_names_as_many_ranges_as_fit(packet: int) -> None:
    ranges_max = count_ranges(packet)
    held, number = Held(), NUMBER_MAX
    for at in range(RANGES_MAX * 2):
        held.add(number - 4 * at - 1, number - 4 * at)
    state = ChainState.enrolled("g" * 32, bytes(31) + b"k", bytes(32))
    state = type(state).from_cbor(state.to_cbor())
    object.__setattr__(state, "number", number)
    object.__setattr__(state, "hash", b"h" * 32)
    raw = receipt_of(state, held, bytes(range(32)), 1 << 48, ranges_max=ranges_max)
    size = messages.packet_bytes(Topics("g" * 32).receipt, len(raw))
    assert size <= max(packet, RECEIPT_FRAME_BYTES)
    assert ranges_max == RANGES_MAX or ranges_max <= packet // RANGE_BYTES_MAX
