"""A request that is larger than the broker's packets is named, with the ways that are left."""

from pathlib import Path

import pytest

from provisioning.demo.broker import find_free_port
from provisioning.enrolment.mqtt import RenewTransport
from provisioning.enrolment.trouble import EnrolTroubleError
from tests.wire.certificates import Authority
from tests.wire.mosquitto import start_with


@pytest.mark.parametrize(
    ("option", "said"),
    [("max_packet_size 500", "the broker takes 500"), ("message_size_limit 500", "too large (0x95)")],
)
def test_a_request_that_the_broker_does_not_take(tmp_path: Path, option: str, said: str) -> None:
    authority = Authority(tmp_path / "pki")
    server, port = authority.server(), find_free_port()
    tls = [f"cafile {server.ca}", f"certfile {server.certificate}", f"keyfile {server.key}"]
    running = start_with(port, tmp_path / "broker", *tls, option)
    try:
        transport = RenewTransport(f"mqtts://127.0.0.1:{port}", "g1", authority.client("g1"))
        with pytest.raises(EnrolTroubleError) as refused:
            transport.exchange(bytes(1_000), b"")
    finally:
        running.stop()
    assert said in str(refused.value)
    assert "enrol by EST or a folder" in str(refused.value)
