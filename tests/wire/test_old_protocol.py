"""A broker that speaks MQTT 3.1.1 only is told from one that refuses for another reason."""

import ssl
from pathlib import Path

import pytest

from agent.uplink.delivery import Alarm
from provisioning.demo.broker import find_free_port
from tests.faults.line import Line
from tests.wire.certificates import Authority
from tests.wire.ends import Link, settings
from tests.wire.mosquitto import start_with
from tests.wire.old_broker import Manner, OldBroker
from wire.mqtt_events import OLD_PROTOCOL, Connected, Disconnected
from wire.old_protocol import MQTT5_NEEDED, UNANSWERED, is_old_connack, speaks_old_only

OLD = [manner for manner in Manner if manner is not Manner.BANS]


@pytest.mark.parametrize("manner", OLD)
def test_the_reason_is_named_at_the_first_connection(manner: Manner) -> None:
    with OldBroker(manner) as broker, Link(settings("gw-7", broker.port)) as link:
        for _ in range(2):
            end = link.expect(Disconnected)
            assert (end.reason, end.reason_code) == (MQTT5_NEEDED, OLD_PROTOCOL)
        assert broker.levels[0] == 5


def test_it_is_named_through_tls(authority: Authority) -> None:
    server, context = authority.server(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    with (
        OldBroker(Manner.CLOSES, context) as broker,
        Link(settings("gw-7", broker.port, authority.client("gw-7"))) as link,
    ):
        assert link.expect(Disconnected).reason_code == OLD_PROTOCOL


def test_a_broker_that_bans_a_client_is_not_called_old_and_is_asked_ever_more_rarely() -> None:
    with OldBroker(Manner.BANS) as broker, Link(settings("gw-7", broker.port)) as link:
        for _ in range(8):
            assert link.expect(Disconnected) == Disconnected(UNANSWERED, 0, unanswered=True)
        assert broker.levels.count(4) <= 4 < broker.levels.count(5)


def test_a_broker_of_mqtt_5_is_never_asked_and_an_update_is_noticed(tmp_path: Path) -> None:
    port = find_free_port()
    running = start_with(port, tmp_path)
    try:
        with Link(settings("gw-7", port)) as link:
            link.expect(Connected)
        assert speaks_old_only(settings("gw-7", port)), "it speaks both, which is why it is not asked"
    finally:
        running.stop()


@pytest.mark.parametrize("connack", [b"\0\0", b"\0\1", b"\0\5", b"\1\0"])
def test_a_connack_without_properties_is_one_of_3_1_1(connack: bytes) -> None:
    assert is_old_connack(connack)
    assert not is_old_connack(connack + b"\0")


@pytest.mark.parametrize(
    ("manner", "alarm", "said"),
    [
        (Manner.CODE_1, Alarm.OLD_PROTOCOL, "mosquitto 1.6"),
        (Manner.CLOSES, Alarm.OLD_PROTOCOL, "mosquitto 1.6"),
        (Manner.BANS, Alarm.UNANSWERED, "it may speak no MQTT 5"),
    ],
)
def test_the_agent_raises_an_alarm_and_seals_on(
    tmp_path: Path, manner: Manner, alarm: Alarm, said: str
) -> None:
    with OldBroker(manner) as broker, Line(tmp_path, port=lambda _: broker.port) as line:
        line.seal(3)
        line.until(lambda: alarm in line.gateway.outbox.status().alarms)
        line.seal(3)
        (event,) = line.gateway.find_events(f"delivery {alarm}")
        assert said in event["text"]
        status = line.gateway.outbox.status()
        assert status.backlog == status.tip >= 6
