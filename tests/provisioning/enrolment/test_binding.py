"""One connection a certificate: nobody takes another's session, and a renewal goes through the agent."""

import os
import pwd
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from agent.uplink.renewing import TOKEN, Renewing
from centre.broker_config import ROLES, BrokerPlace, mosquitto_files
from tests.provisioning.enrolment.desk import Doors, bad, good, open_doors
from tests.provisioning.enrolment.test_doors import enrolled, est, tls_files
from tests.wire.ends import Link, settings
from wire.enrolment.topics import renew_answer
from wire.mqtt_client import RECEIVE_MAXIMUM
from wire.mqtt_events import Acked, Connected, Message
from wire.mqtt_settings import TlsFiles


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_doors(tmp_path_factory.mktemp("bound")) as open_:
        yield open_


def own(doors: Doors, name: str) -> TlsFiles:
    """The certificate of a process of the centre."""
    folder = doors.desk.folder / "tls"
    return TlsFiles(
        doors.desk.folder / "office/authority.pem", folder / f"{name}.pem", folder / f"{name}.key"
    )


def test_the_client_id_of_another_takes_nobody_s_session(doors: Doors, tmp_path: Path) -> None:
    one, other = enrolled(doors, tmp_path, "one", est(doors)), enrolled(doors, tmp_path, "other", est(doors))
    centre = settings("centre", doors.port, own(doors, "centre"))
    with Link(settings("other", doors.port, tls_files(other))) as link, Link(centre) as verifier:
        link.expect(Connected)
        verifier.expect(Connected)
        for stolen in ("other", "centre", ""):
            with Link(settings(stolen, doors.port, tls_files(one))) as thief:
                thief.expect(Connected)
                for victim, topic in ((link, "dj/1/other/seal"), (verifier, "dj/1/other/receipt")):
                    victim.publisher.publish(1, topic, b"still here")
                    assert victim.expect(Acked).reason_code in {0x00, 0x10}
        assert link.events.empty()
        assert verifier.events.empty()


@pytest.mark.parametrize(
    ("option", "role", "name"),
    [
        ("--role", "subscribe", ROLES["subscribe"]),
        ("--role", "doctor", ROLES["doctor"]),
        ("--verifier", "2", "centre-verifier-2"),
        ("--verifier", "3", "centre-verifier-3"),  # the broker was told of two
    ],
)
def test_each_process_of_the_centre_may_do_what_its_role_needs_and_no_more(
    doors: Doors, option: str, role: str, name: str
) -> None:
    out = str(doors.desk.folder / "tls")
    good("centre", "certificate", *doors.desk.office, "--out", out, option, role)
    may = {"receipt", "order"} if role in {"subscribe", "2"} else set[str]()
    with Link(settings("any", doors.port, own(doors, name))) as link:
        link.expect(Connected)
        for token, kind in enumerate(("receipt", "order", "certificate", "seal"), 1):
            link.publisher.publish(token, f"dj/1/nobody/{kind}", b"x")
            assert (link.expect(Acked).reason_code in {0x00, 0x10}) is (kind in may), kind


class Agent:
    """The part of an agent that carries renewals, over a real connection."""

    def __init__(self, doors: Doors, site: Path, gateway: str) -> None:
        how = settings(gateway, doors.port, tls_files(site), subscriptions=(renew_answer(gateway),))
        self.link = Link(how)
        self.renewing = Renewing(
            site.parent / "state", gateway, self.link.publisher.publish, lambda: self.packet_bytes_max
        )
        self.packet_bytes_max = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self.link.__enter__()
        self.packet_bytes_max = self.link.expect(Connected).packet_bytes_max
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.renewing.close()
        self.link.__exit__(None, None, None)

    def _run(self) -> None:
        while not self._stopping.wait(0.02):
            self.renewing.admit()
            while not self.link.events.empty():
                match self.link.events.get():
                    case Message(_, payload):
                        self.renewing.note_answer(payload)
                    case Acked(token, code) if token == TOKEN:
                        self.renewing.note_ack(code)
                    case Connected() | Acked():
                        pass
                    case other:
                        raise AssertionError(f"thrown out: {other}")


def test_a_renewal_goes_through_the_running_agent_which_stays_connected(doors: Doors, tmp_path: Path) -> None:
    site = enrolled(doors, tmp_path, "busy", est(doors))
    before = tls_files(site).certificate.read_bytes()
    words = ["--config", str(site), "--now", "--via", f"mqtts://127.0.0.1:{doors.port}"]
    with Agent(doors, site, "busy") as agent:
        good("renew", *words)
        agent.link.publisher.publish(7, "dj/1/busy/seal", b"still here")
        agent.packet_bytes_max = 0
        assert "not connected" in bad(3, "renew", *words)
    assert tls_files(site).certificate.read_bytes() != before
    good("renew", *words)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a broker as another user")
def test_a_broker_that_root_starts_runs_as_another_who_may_enter_its_folder_and_nothing_else(
    doors: Doors,
) -> None:
    text = (doors.broker_folder / "mosquitto.conf").read_text("utf-8")
    assert "\nuser mosquitto\n" in text
    uid = pwd.getpwnam("mosquitto").pw_uid
    assert Path(f"/proc/{_mosquitto_of(doors)}").stat().st_uid == uid
    assert (doors.broker_folder / "server.key").stat().st_uid == uid
    assert "strangers reach" in bad(
        2, "centre", "broker-config", *doors.desk.office, "--out", str(doors.broker_folder), "--user", "root"
    )


def _mosquitto_of(doors: Doors) -> int:
    children = Path(f"/proc/{doors.broker.pid}/task/{doors.broker.pid}/children").read_text("utf-8").split()
    return int(children[0]) if children else doors.broker.pid


def test_memory_and_queues_are_bounded_in_both_configurations(tmp_path: Path) -> None:
    assert shutil.which("mosquitto"), "the tests of the broker need it"
    files = mosquitto_files(BrokerPlace(tmp_path, "127.0.0.1", 1, 2, 3))
    for name in ("mosquitto.conf", "claims.conf"):
        words = dict(line.split(" ", 1) for line in files[name].splitlines() if " " in line)
        assert 0 < int(words["memory_limit"]) <= 256 << 20
        assert 0 < int(words["max_queued_bytes"]) <= 64 << 20
        assert 0 < int(words["max_queued_messages"]) <= 10_000
        assert 20 < int(words["max_inflight_messages"]) <= RECEIVE_MAXIMUM
        assert words["use_username_as_clientid"] == "true"
