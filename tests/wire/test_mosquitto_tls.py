"""A real mosquitto with TLS 1.3, client certificates and an ACL by certificate name."""

import socket
import ssl
from pathlib import Path

import pytest

from agent.uplink.delivery import Alarm
from provisioning.demo.broker import Broker
from tests.wire.certificates import Authority
from tests.wire.ends import CentreEnd, Gateway, Link, enrol, settings
from wire.mqtt_events import Acked, Connected, Disconnected, Message
from wire.mqtt_settings import MqttSettings, MqttSettingsError, TlsFiles, make_tls_context


def test_seals_arrive_through_tls_and_the_acl(
    secure_broker: Broker, authority: Authority, tmp_path: Path
) -> None:
    port = secure_broker.port
    with (
        Gateway(tmp_path, "gw-7", port, authority.client("gw-7")) as gateway,
        CentreEnd(tmp_path, port, authority.client("centre")) as centre,
    ):
        enrol(tmp_path, gateway)
        gateway.seal(5)
        gateway.deliver()
        assert [line["seal"] for line in centre.await_lines("seal", 5)] == [1, 2, 3, 4, 5]
        assert not gateway.outbox.status().alarms
        assert gateway.courier.reference, "receipts and the beacon may be read"


@pytest.mark.parametrize("kind", ["seal", "chain", "body", "rekey", "state"])
def test_own_topics_are_accepted_and_a_foreign_gateways_refused(
    secure_broker: Broker, authority: Authority, kind: str
) -> None:
    with Link(settings("gw-7", secure_broker.port, authority.client("gw-7"))) as link:
        link.expect(Connected)
        link.publisher.publish(1, f"dj/1/gw-7/{kind}", b"own")
        link.publisher.publish(2, f"dj/1/gw-8/{kind}", b"foreign")
        answers = {acked.token: acked.reason_code for acked in (link.expect(Acked), link.expect(Acked))}
    assert answers[1] in {0x00, 0x10}
    assert answers[2] == 0x87


@pytest.mark.parametrize(
    "topic",
    [
        "dj/1/gw-7/receipt",
        "dj/1/gw-7/order/o1",
        "dj/1/gw-7/orders",
        "dj/1/keys",
        "dj/1/beacon",
        "dj/1/gw-7",
        "other",
    ],
)
def test_what_the_centre_says_no_gateway_can_say(
    secure_broker: Broker, authority: Authority, topic: str
) -> None:
    with Link(settings("gw-7", secure_broker.port, authority.client("gw-7"))) as link:
        link.expect(Connected)
        link.publisher.publish(1, topic, b"forged")
        assert link.expect(Acked).reason_code == 0x87


def test_another_gateways_messages_are_not_heard(secure_broker: Broker, authority: Authority) -> None:
    heard = ("dj/1/gw-8/#", "dj/1/gw-7/receipt")
    port = secure_broker.port
    with (
        Link(settings("gw-7", port, authority.client("gw-7"), subscriptions=heard)) as spy,
        Link(settings("gw-8", port, authority.client("gw-8"))) as victim,
        Link(settings("centre", port, authority.client("centre"))) as centre,
    ):
        for link in (spy, victim, centre):
            link.expect(Connected)
        victim.publisher.publish(1, "dj/1/gw-8/seal", b"private")
        victim.expect(Acked)
        centre.publisher.publish(1, "dj/1/gw-8/receipt", b"private", retain=True)
        centre.publisher.publish(3, "dj/1/gw-8/order/o1", b"private", retain=True)
        centre.publisher.publish(2, "dj/1/gw-7/receipt", b"mine", retain=True)
        assert spy.expect(Message).payload == b"mine"


def test_a_refusal_by_the_acl_is_an_alarm_and_nothing_is_pruned(
    secure_broker: Broker, authority: Authority, tmp_path: Path
) -> None:
    wrong = authority.client("gw-8")
    with Gateway(tmp_path, "gw-7", secure_broker.port, wrong) as gateway:
        gateway.seal(2)
        gateway.turn_until(lambda: Alarm.NOT_AUTHORIZED in gateway.outbox.status().alarms)
        assert gateway.courier.prunable_below() == 0
        assert gateway.outbox.received == 0
        assert "0x87" in next(gateway.courier.due(gateway.clock.stamp())).body["text"]


def refused(port: int, tls: TlsFiles) -> str:
    with Link(settings("gw-7", port, tls)) as link:
        while True:
            event = link.events.get(timeout=20)
            assert not isinstance(event, Connected)
            if isinstance(event, Disconnected):
                return event.reason


def test_a_broker_of_another_authority_is_not_spoken_to(
    secure_broker: Broker, authority: Authority, other_authority: Authority
) -> None:
    own = authority.client("gw-7")
    wrong = TlsFiles(other_authority.ca, own.certificate, own.key)
    assert "certificate verify failed" in refused(secure_broker.port, wrong)


def test_a_certificate_of_another_authority_is_refused(
    secure_broker: Broker, authority: Authority, other_authority: Authority
) -> None:
    foreign = other_authority.client("gw-7")
    refused(secure_broker.port, TlsFiles(authority.ca, foreign.certificate, foreign.key))


def test_an_expired_certificate_is_refused(
    secure_broker: Broker, authority: Authority, tmp_path: Path
) -> None:
    del tmp_path
    refused(secure_broker.port, authority.client("gw-expired", expired=True))


def test_a_broker_under_another_name_is_not_spoken_to(secure_broker: Broker, authority: Authority) -> None:
    how = MqttSettings("localhost", secure_broker.port, "gw-7", authority.client("gw-7"))
    with Link(how) as link:
        assert "verify failed" in link.expect(Disconnected).reason


@pytest.mark.parametrize("flaw", ["no certificate", "TLS 1.2"])
def test_a_client_without_certificate_or_with_old_tls_is_refused(
    secure_broker: Broker, authority: Authority, flaw: str
) -> None:
    context = make_tls_context(authority.client("gw-7"))
    if flaw == "no certificate":
        context = ssl.create_default_context(cafile=str(authority.ca))
    else:
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", secure_broker.port), timeout=20) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wire,
    ):
        wire.recv(1)  # in TLS 1.3 the refusal comes after the client's own handshake


def test_without_tls_only_this_machine_is_spoken_to_unless_somebody_decided() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        assert MqttSettings(host, 1883, "gw-7")
    for host in ("10.0.0.1", "broker.example", "0.0.0.0"):
        with pytest.raises(MqttSettingsError, match="another machine"):
            MqttSettings(host, 1883, "gw-7")
        assert MqttSettings(host, 1883, "gw-7", plain_allowed=True)


def test_a_certificate_file_that_cannot_be_used_is_named(authority: Authority, tmp_path: Path) -> None:
    good = authority.client("gw-7")
    other = authority.client("gw-8")
    with pytest.raises(MqttSettingsError, match=r"missing\.pem"):
        make_tls_context(TlsFiles(tmp_path / "missing.pem", good.certificate, good.key))
    with pytest.raises(MqttSettingsError, match=r"gw-8\.key"):
        make_tls_context(TlsFiles(good.ca, good.certificate, other.key))
