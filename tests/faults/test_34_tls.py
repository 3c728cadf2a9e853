"""Row 34: a broker that cannot prove itself, or speaks old TLS, gets nothing, nor does such a gateway."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.demo.broker import Broker, ServerTls, find_free_port, start_mosquitto
from tests.faults.gateway_end import GatewayEnd
from tests.faults.invariants import Held, Witness, check
from tests.faults.mosquitto_line import deliver, enrol, rows
from tests.wire.certificates import Authority
from tests.wire.ends import PATIENCE_S, CentreEnd
from wire.mqtt_settings import TlsFiles

SEALS = 3


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def wrong_ca(own: Authority, other: Authority) -> tuple[TlsFiles, ServerTls]:
    files = own.client("g1")
    return TlsFiles(other.ca, files.certificate, files.key), own.server()


def wrong_client(own: Authority, other: Authority) -> tuple[TlsFiles, ServerTls]:
    files = other.client("g1")
    return TlsFiles(own.ca, files.certificate, files.key), own.server()


def expired_client(own: Authority, _: Authority) -> tuple[TlsFiles, ServerTls]:
    return own.client("g1", expired=True), own.server()


def expired_server(own: Authority, _: Authority) -> tuple[TlsFiles, ServerTls]:
    files = own.client("broker", expired=True)
    return own.client("g1"), ServerTls(own.ca, files.certificate, files.key)


def wrong_host(own: Authority, _: Authority) -> tuple[TlsFiles, ServerTls]:
    files = own.client("another.example")
    return own.client("g1"), ServerTls(own.ca, files.certificate, files.key)


@pytest.mark.parametrize("flaw", [wrong_ca, wrong_client, expired_client, expired_server, wrong_host])
def test_34_a_wrong_certificate_is_refused_and_a_right_one_delivers(
    tmp_path: Path, authority: Authority, flaw: object
) -> None:
    files, server = flaw(authority, Authority(tmp_path / "other", "other"))  # type: ignore[operator]
    port = find_free_port()
    broker = start_mosquitto(port, tmp_path / "broker", server)
    refused = GatewayEnd(tmp_path, port, tls=files)
    with refused:
        refused.seal(SEALS)
        while len(refused.ends) < 3:
            refused.pump()
        assert refused.outbox.received == 0
        assert not refused.gateway.courier.status().connected
        assert refused.gateway.courier.prunable_below() == 0
    broker.stop()
    deliver_with_the_right_ones(tmp_path, authority, port, refused.first_key)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2], ids=["1.1", "1.2"])
def test_34_a_broker_with_old_tls_is_not_spoken_to(
    tmp_path: Path, authority: Authority, version: ssl.TLSVersion
) -> None:
    with old_tls(authority, version) as port, GatewayEnd(tmp_path, port, tls=authority.client("g1")) as end:
        end.seal(SEALS)
        while len(end.ends) < 2:
            end.pump()
        assert all("version" in one.reason.lower() for one in end.ends), end.ends
    deliver_with_the_right_ones(tmp_path, authority, find_free_port(), end.first_key)


def deliver_with_the_right_ones(folder: Path, authority: Authority, port: int, first_key: bytes) -> None:
    broker: Broker = start_mosquitto(port, folder / "broker2", authority.server())
    witness = Witness(rejections=1, events=[{"what": "broker"}])
    try:
        with (
            GatewayEnd(folder, port, tls=authority.client("g1"), passed_s=1_000.0) as end,
            CentreEnd(folder, port, authority.client("centre")) as centre,
        ):
            enrol(folder, first_key)
            deliver(end, witness, within_s=PATIENCE_S)
            held = Held.of_rows(end.gateway.sealing.store.rows(1))
            assert len(centre.await_lines("seal", SEALS)) >= SEALS
        check(witness, held, rows(folder))
    finally:
        broker.stop()


@contextlib.contextmanager
def old_tls(authority: Authority, version: ssl.TLSVersion) -> Iterator[int]:
    """A listener that speaks at most `version`."""
    files = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, version
    context.load_cert_chain(files.certificate, files.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True):
                raise AssertionError("the gateway spoke old TLS")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
