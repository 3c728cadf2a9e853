"""What a broker must do for us, the same for the embedded one and for mosquitto."""

import queue
import socket
from pathlib import Path

import pytest

from provisioning.demo.broker import BrokerError, find_free_port, start_embedded
from tests.wire.conftest import BrokerBench
from tests.wire.ends import CentreEnd, Gateway, Link, enrol, settings
from wire.mqtt_events import Acked, Connected, Disconnected, Message
from wire.mqtt_settings import Will

SEAL = "dj/1/gw-7/seal"
RECEIPT = "dj/1/gw-7/receipt"
STATE = "dj/1/gw-7/state"


def test_a_publish_is_acknowledged_with_its_token(broker: BrokerBench) -> None:
    with Link(settings("gw-7", broker.port)) as link:
        link.expect(Connected)
        for token in range(1, 101):
            link.publisher.publish(token, SEAL, b"x" * 2_000)
        assert [link.expect(Acked).token for _ in range(100)] == list(range(1, 101))


def test_small_packets_are_not_held_back(broker: BrokerBench) -> None:
    with Link(settings("gw-7", broker.port)) as link:
        link.expect(Connected)
        wire = link.publisher._client._client.socket()
        assert isinstance(wire, socket.socket)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_retained_receipt_meets_whoever_comes_later(broker: BrokerBench) -> None:
    with Link(settings("centre", broker.port)) as centre:
        centre.expect(Connected)
        centre.publisher.publish(1, RECEIPT, b"old", retain=True)
        centre.publisher.publish(2, RECEIPT, b"receipt", retain=True)
        centre.expect(Acked)
        centre.expect(Acked)
    with Link(settings("gw-7", broker.port, subscriptions=(RECEIPT,))) as gateway:
        assert gateway.expect(Message) == Message(RECEIPT, b"receipt", retained=True)
    if broker.name == "mosquitto":  # rumqttd says it once in a session; what comes later is queued there
        with Link(settings("gw-7", broker.port, subscriptions=(RECEIPT,))) as gateway:
            assert gateway.expect(Connected).session_present
            assert gateway.expect(Message) == Message(RECEIPT, b"receipt", retained=True)


def until_heard(sender: Link, listener: Link) -> None:
    """Speak until the listener's subscription is in force, which has no event of its own."""
    for _ in range(100):
        sender.publisher.publish(0, SEAL, b"?")
        sender.expect(Acked)
        try:
            listener.expect(Message, within_s=0.2)
        except queue.Empty:
            continue
        return
    raise AssertionError("the subscription never came into force")


def test_a_persistent_session_keeps_what_comes_while_away(broker: BrokerBench) -> None:
    centre = settings("centre", broker.port, subscriptions=(SEAL,))
    with Link(centre) as link, Link(settings("gw-7", broker.port)) as gateway:
        assert not link.expect(Connected).session_present
        until_heard(gateway, link)
        link.publisher.stop()
        for number in range(1, 31):
            gateway.publisher.publish(number, SEAL, b"%d" % number)
        for _ in range(30):
            gateway.expect(Acked)
        with Link(centre) as again:
            assert again.expect(Connected).session_present
            heard = [b"?"]
            while heard[-1] != b"30":
                heard.append(again.expect(Message).payload)
            assert [payload for payload in heard[1:] if payload != b"?"] == [b"%d" % n for n in range(1, 31)]


def test_a_will_is_spoken_for_a_client_that_is_cut_off_and_not_for_one_that_leaves(
    broker: BrokerBench,
) -> None:
    with Link(settings("centre", broker.port, subscriptions=(STATE,))) as centre:
        centre.expect(Connected)
        leaves = Link(settings("gw-7", broker.port, will=Will(STATE, b"gone")))
        with leaves:
            leaves.expect(Connected)
            leaves.publisher.publish(0, STATE, b"left", retain=True)
        assert centre.expect(Message).payload == b"left"
        with Link(settings("gw-7", broker.port, will=Will(STATE, b"gone"))) as cut:
            cut.expect(Connected)
            wire = cut.publisher._client._client.socket()
            assert wire is not None
            wire.shutdown(2)
            cut.expect(Disconnected)
            assert centre.expect(Message).payload == b"gone"


def test_a_second_client_of_the_same_name_is_a_clone_alarm(broker: BrokerBench) -> None:
    quiet = {"reconnect_first_s": 100.0, "reconnect_longest_s": 100.0}
    with Link(settings("gw-7", broker.port, **quiet)) as first:
        first.expect(Connected)
        with Link(settings("gw-7", broker.port, **quiet)) as second:
            second.expect(Connected)
            end = first.expect(Disconnected)
    if end.reason_code:  # rumqttd closes without a word
        assert end.reason_code == 0x8E


def test_seals_arrive_verified_and_receipts_let_the_gateway_prune(
    broker: BrokerBench, tmp_path: Path
) -> None:
    with Gateway(tmp_path, "gw-7", broker.port) as gateway, CentreEnd(tmp_path, broker.port) as centre:
        enrol(tmp_path, gateway)
        gateway.seal(30)
        gateway.deliver()
        gateway.seal()
        gateway.deliver()
        assert gateway.courier.prunable_below() == 31
        assert [line["seal"] for line in centre.await_lines("seal", 31)] == list(range(1, 32))
        assert sorted(line["record"] for line in centre.await_lines("record", 31)) == list(range(1, 32))
        assert centre.await_lines("state", 1)[0]["online"] is True


def test_a_broker_killed_after_its_pubacks_loses_nothing(broker: BrokerBench, tmp_path: Path) -> None:
    with Gateway(tmp_path, "gw-7", broker.port) as gateway:
        gateway.seal(50)
        gateway.turn_until(lambda: gateway.outbox.status().sent == 50)
        gateway.turn_until(lambda: gateway.outbox.status().in_flight == 0)
        assert gateway.courier.prunable_below() == 0
        broker.kill()
        gateway.turn_until(lambda: not gateway.outbox.status().connected)
        broker.start()
        with CentreEnd(tmp_path, broker.port) as centre:
            enrol(tmp_path, gateway)
            gateway.deliver()
            assert [line["seal"] for line in centre.await_lines("seal", 50)] == list(range(1, 51))


def test_a_subscriber_goes_and_comes_back(broker: BrokerBench, tmp_path: Path) -> None:
    with Gateway(tmp_path, "gw-7", broker.port) as gateway:
        with CentreEnd(tmp_path, broker.port) as first:
            enrol(tmp_path, gateway)
            gateway.seal(5)
            gateway.deliver()
        for _ in range(10):
            gateway.seal()
            sent = gateway.outbox.tip
            gateway.turn_until(
                lambda sent=sent: (
                    gateway.outbox.status().sent >= sent  # type: ignore[misc]
                    or "stalled" in gateway.outbox.status().alarms
                )
            )
        with CentreEnd(tmp_path, broker.port) as second:
            gateway.deliver()
        seals = [line["seal"] for line in first.of("seal") + second.of("seal")]
        records = [line["record"] for line in first.of("record") + second.of("record")]
        assert seals == list(range(1, 16)), "each once, also over a restart of the centre"
        assert sorted(records) == list(range(1, 16))


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    first = start_embedded(find_free_port(), tmp_path)
    try:
        with Link(settings("x", first.port)) as link:
            link.expect(Connected)
        with pytest.raises(BrokerError, match="did not start"):
            # The port answers, but not for the process that was started: it must be noticed.
            start_embedded(70_000, tmp_path / "other")
    finally:
        first.stop()


def test_topics_may_be_added_and_taken_back_while_it_is_connected_and_hold_over_a_reconnect(
    broker: BrokerBench,
) -> None:
    others = [f"dj/1/other-{number}/seal" for number in range(250)]
    with Link(settings("centre", broker.port)) as centre, Link(settings("gw-7", broker.port)) as gateway:
        for link in (centre, gateway):
            link.expect(Connected)
        centre.publisher.subscribe([*others, SEAL])
        until_heard(gateway, centre)
        centre.publisher.reconnect()
        centre.expect(Connected)
        until_heard(gateway, centre)
        centre.publisher.unsubscribe([SEAL])
        centre.publisher.publish(7, others[-1], b"behind the unsubscribe")
        while centre.expect(Message).topic != others[-1]:
            pass
        gateway.publisher.publish(8, SEAL, b"nobody hears this")
        gateway.publisher.publish(9, others[0], b"last")
        assert centre.expect(Message) == Message(others[0], b"last", retained=False)
