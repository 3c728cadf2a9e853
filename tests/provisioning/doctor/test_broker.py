"""Certificates and broker: a real mosquitto, with each thing wrong that stands in the way in real life."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from evidence.receipt import Beacon, sign_beacon
from provisioning.demo.broker import Broker, find_free_port, start_mosquitto
from provisioning.doctor.finding import State
from provisioning.doctor.verb import CHECKS
from tests.agent.rig import BEGIN_S, CENTRE
from tests.provisioning.doctor.place import bad, look, place, the_bad
from tests.wire.certificates import Authority
from tests.wire.ends import Link, settings
from tests.wire.mosquitto import start_with
from tests.wire.old_broker import Manner, OldBroker
from wire.mqtt_events import Connected, Message
from wire.mqtt_settings import TlsFiles

BY_NAME = {check.name: check for check in CHECKS}
ALL = ("dj/1/#",)
CERTIFICATES, BROKER = BY_NAME["certificates"], BY_NAME["broker"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module", params=["ca", "another"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, of the same name or not: TLS refuses the two in different words."""
    return Authority(tmp_path_factory.mktemp("other"), request.param)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Broker]:
    running = start_mosquitto(find_free_port(), tmp_path_factory.mktemp("broker"), authority.server())
    yield running
    running.stop()


@contextmanager
def centre(broker: Broker, authority: Authority, secret: bytes = CENTRE, utc_ms: int = 0) -> Iterator[None]:
    """A centre that has put its beacon up."""
    with Link(settings("centre", broker.port, authority.client("centre"))) as link:
        link.expect(Connected)
        link.publisher.publish(1, "dj/1/beacon", sign_beacon(Beacon(utc_ms, 1), secret), retain=True)
        yield
        link.publisher.publish(2, "dj/1/beacon", b"", retain=True)


def secure(folder: Path, port: int, files: TlsFiles, host: str = "127.0.0.1", gateway: str = "g1") -> Path:
    tls = f'url = "mqtts://{host}:{port}"\nca = "{files.ca}"\n'
    tls += f'certificate = "{files.certificate}"\nkey = "{files.key}"'
    return place(
        folder,
        seals=False,
        changes=[('url = "mqtt://127.0.0.1"', tls), ('gateway = "g1"', f'gateway = "{gateway}"')],
    )


def test_all_steps_to_the_centre_are_good(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    with centre(broker, authority):
        found = look(secure(tmp_path, broker.port, authority.client("g1")), BROKER)
    assert [(one.about, one.state) for one in found] == [("", State.OK), ("centre", State.OK)]


def test_the_session_and_the_word_of_a_running_agent_are_not_touched(
    tmp_path: Path, broker: Broker, authority: Authority
) -> None:
    files = authority.client("g1")
    with (
        centre(broker, authority),
        Link(evolve(settings("g1", broker.port, files), subscriptions=("dj/1/g1/receipt",))) as agent,
        Link(
            evolve(settings("c2", broker.port, authority.client("centre")), subscriptions=("dj/1/#",))
        ) as ear,
    ):
        agent.expect(Connected)
        ear.expect(Connected)
        agent.publisher.publish(1, "dj/1/g1/state", b'{"online":true}', retain=True)
        assert ear.expect(Message).topic in {"dj/1/g1/state", "dj/1/beacon"}
        assert not bad(look(secure(tmp_path, broker.port, files), BROKER))
        agent.publisher.publish(2, "dj/1/g1/seal", b"still here")
        heard = []
        while not heard or heard[-1].topic != "dj/1/g1/seal":
            heard.append(ear.expect(Message))
    doctors = [one for one in heard if one.topic == "dj/1/g1/state" and b"doctor" in one.payload]
    assert len(doctors) == 1
    assert not doctors[0].retained


def test_nobody_behind_the_address(tmp_path: Path, authority: Authority) -> None:
    one = the_bad(look(secure(tmp_path, find_free_port(), authority.client("g1")), BROKER))
    assert (one.about, one.state) == ("tcp", State.FAILED)
    assert "refused" in one.text.en


def test_a_name_that_nobody_knows(tmp_path: Path, authority: Authority) -> None:
    one = the_bad(look(secure(tmp_path, 8883, authority.client("g1"), host="broker.invalid"), BROKER))
    assert one.about == "name"
    assert "DNS" in str(one.remedy)


def test_a_broker_of_another_authority(tmp_path: Path, broker: Broker, other: Authority) -> None:
    one = the_bad(look(secure(tmp_path, broker.port, other.client("g1")), BROKER))
    assert one.about == "tls"
    assert "another authority" in one.text.en


def test_a_broker_that_does_not_know_our_authority(
    tmp_path: Path, broker: Broker, authority: Authority, other: Authority
) -> None:
    foreign = other.client("g1")
    mixed = TlsFiles(authority.ca, foreign.certificate, foreign.key)
    found = look(secure(tmp_path, broker.port, mixed), CERTIFICATES, BROKER)
    assert {one.check: one.text.en for one in bad(found) if one.state is State.FAILED} == {
        "certificates": "this gateway's certificate is not issued by broker.ca",
        "broker": "the broker does not know the authority of our certificate",
    }


def test_an_expired_certificate_is_said_by_itself_and_by_the_broker(
    tmp_path: Path, broker: Broker, authority: Authority
) -> None:
    found = look(secure(tmp_path, broker.port, authority.client("g1", expired=True)), CERTIFICATES, BROKER)
    wrong = {one.check: one.text.en for one in bad(found) if one.state is State.FAILED}
    assert wrong["certificates"].startswith("expired on ")
    assert wrong["broker"] == "the broker says that our certificate has expired"


def test_a_certificate_of_another_gateway(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    """The ACL goes by the name in the certificate: what is published is refused."""
    found = look(secure(tmp_path, broker.port, authority.client("g1"), gateway="g7"), CERTIFICATES, BROKER)
    wrong = [(one.check, one.about) for one in bad(found) if one.state is State.FAILED]
    assert wrong == [("certificates", "broker.certificate"), ("broker", "acl")]


def test_a_key_of_another_certificate(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    one, two = authority.client("g1"), authority.client("g2")
    found = the_bad(look(secure(tmp_path, broker.port, TlsFiles(one.ca, one.certificate, two.key)), BROKER))
    assert "TLS files cannot be used" in found.text.en


def test_a_broker_under_another_name(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    one = the_bad(look(secure(tmp_path, broker.port, authority.client("g1"), host="localhost"), BROKER))
    assert "not for the name localhost" in one.text.en


def test_a_port_that_speaks_no_tls(tmp_path: Path, authority: Authority) -> None:
    plain = start_mosquitto(find_free_port(), tmp_path / "plain")
    try:
        one = the_bad(look(secure(tmp_path, plain.port, authority.client("g1")), BROKER))
    finally:
        plain.stop()
    assert one.about == "tls"


def test_a_broker_of_tls_1_2(tmp_path: Path, authority: Authority) -> None:
    server, files = authority.server(), authority.client("g1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server.certificate, server.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            try:
                context.wrap_socket(link, server_side=True)
            except ssl.SSLError:
                link.close()

        thread = threading.Thread(target=serve)
        thread.start()
        one = the_bad(look(secure(tmp_path, listener.getsockname()[1], files), BROKER))
        thread.join()
    assert "TLS 1.3" in one.text.en


def test_without_a_beacon_the_centre_is_not_there(
    tmp_path: Path, broker: Broker, authority: Authority
) -> None:
    one = the_bad(look(secure(tmp_path, broker.port, authority.client("g1")), BROKER))
    assert (one.about, one.state) == ("centre", State.WARNING)


def test_a_centre_with_another_key_is_not_ours(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    with centre(broker, authority, secret=bytes(32)):
        one = the_bad(look(secure(tmp_path, broker.port, authority.client("g1")), BROKER))
    assert (one.about, one.state) == ("centre", State.FAILED)
    assert "broker.centre_key" in one.text.en


def test_a_clock_behind_the_centre_s_is_said(tmp_path: Path, broker: Broker, authority: Authority) -> None:
    with centre(broker, authority, utc_ms=(BEGIN_S + 10**9) * 1000):
        one = the_bad(look(secure(tmp_path, broker.port, authority.client("g1")), BROKER))
    assert "behind the centre's" in one.text.en


def test_the_end_of_a_certificate_comes_near(tmp_path: Path, authority: Authority) -> None:
    """Those of the tests live three hours, two of them gone."""
    found = look(secure(tmp_path, 1, authority.client("g1")), CERTIFICATES)
    assert {(one.about, one.state) for one in found} <= {
        ("broker.certificate", State.WARNING),
        ("broker.ca", State.WARNING),
        ("broker.certificate", State.OK),
        ("broker.ca", State.OK),
    }
    assert len(found) == 2


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_certificate_that_is_none(tmp_path: Path, authority: Authority, content: bytes | None) -> None:
    files = authority.client("g1")
    broken = tmp_path / "broken.pem"
    if content is not None:
        broken.write_bytes(content)
    file = secure(tmp_path, 1, TlsFiles(files.ca, broken, files.key))
    wrong = [one for one in look(file, CERTIFICATES) if one.state is State.FAILED]
    assert [one.about for one in wrong] == ["broker.certificate"]
    assert "\n" not in wrong[0].text.en


def plain(folder: Path, port: int) -> Path:
    return place(
        folder, seals=False, changes=[('url = "mqtt://127.0.0.1"', f'url = "mqtt://127.0.0.1:{port}"')]
    )


@pytest.mark.parametrize("manner", [one for one in Manner if one is not Manner.BANS])
def test_a_broker_that_speaks_mqtt_3_1_1_only_is_one_failed_line_with_the_versions_that_do(
    tmp_path: Path, manner: Manner
) -> None:
    with OldBroker(manner) as old:
        (one,) = look(plain(tmp_path, old.port), BROKER)
    assert (one.about, one.state) == ("mqtt", State.FAILED)
    assert "MQTT 3.1.1 only" in one.text.en
    assert "mosquitto 1.6, EMQX 3.0" in str(one.remedy)


def test_a_broker_that_hangs_up_on_every_protocol_is_not_called_old(tmp_path: Path) -> None:
    with OldBroker(Manner.BANS) as banning:
        (one,) = look(plain(tmp_path, banning.port), BROKER)
    assert (one.about, one.state) == ("connack", State.FAILED)
    assert "without an answer" in one.text.en
    assert "it may speak no MQTT 5" in str(one.remedy)


@pytest.mark.parametrize("option", ["max_packet_size 300", "message_size_limit 300", "max_packet_size 60"])
def test_packets_too_small_for_a_seal_are_one_failed_line_with_each_broker_s_option(
    tmp_path: Path, option: str
) -> None:
    port = find_free_port()
    running = start_with(port, tmp_path / "broker", option)
    try:
        (one,) = look(plain(tmp_path, port), BROKER)
    finally:
        running.stop()
    assert (one.about, one.state) == ("packets", State.FAILED)
    assert "one seal needs 35" in one.text.en
    assert "max_packet_size and message_size_limit" in str(one.remedy)


@pytest.mark.parametrize(
    ("option", "about", "state", "said"),
    [
        ("max_packet_size 4096", "packets", State.OK, "4096 bytes at most"),
        ("max_qos 0", "mqtt", State.WARNING, "QoS 0 only"),
        ("retain_available false", "mqtt", State.WARNING, "no retained messages"),
    ],
)
def test_what_a_broker_has_less_of_is_told_and_does_not_fail(
    tmp_path: Path, option: str, about: str, state: State, said: str
) -> None:
    port = find_free_port()
    running = start_with(port, tmp_path / "broker", option)
    try:
        found = look(plain(tmp_path, port), BROKER)
    finally:
        running.stop()
    assert not [one for one in found if one.state is State.FAILED]
    (one,) = [one for one in found if one.about == about]
    assert (one.state, said in one.text.en) == (state, True)
