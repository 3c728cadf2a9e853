"""A certificate that expires stops delivery and nothing else: after the renewal everything is verified."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.site.enrolment import read_enrolment
from agent.site.file import load_site
from agent.store.gateway import read_seals
from agent.store.names import DATABASE_NAME
from centre.enrolment.office import Office
from centre.store.sqlite import SqliteStore
from evidence.keys import load_key_file
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from provisioning.demo.parts import Part
from provisioning.enrolment import enrolling
from provisioning.enrolment.talk import read_offer
from tests.provisioning.enrolment.desk import PATIENCE_S, Doors, bad, bare, good, offer_file, open_doors
from tests.provisioning.enrolment.made import Desk
from tests.provisioning.enrolment.test_gateway_side import Wire, silent

LIFE_S = 8.0
"""Of the first certificate: time for the agent to start and deliver on a loaded machine."""


def until(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def short_lived(doors: Doors, folder: Path) -> Path:
    """A gateway whose certificate ends in seconds; its site file."""
    site = bare(folder / "gateway")
    text = site.read_text("utf-8") + "[seal]\ninterval_s = 0.5\nheartbeat_s = 0.5\n"
    site.write_text(text.replace('"tcp://127.0.0.1"', '"tcp://127.0.0.1:1"'), "utf-8")
    centre = doors.desk.folder
    secret = load_key_file(centre / "centre.key")
    office = Office(centre / "office", centre / "register", secret, days=LIFE_S / 86_400)
    loaded = load_site(site)
    offer = read_offer(offer_file(folder, doors.token("g1", "--auto-approve")), loaded, None, None, "")
    done = enrolling.enrol(loaded, offer, Wire(Desk(office, enrolling.utc_ms())), silent)
    site.write_text(site.read_text("utf-8") + enrolling.broker_lines(done), "utf-8")
    return site


@pytest.mark.e2e
def test_a_certificate_expires_and_after_its_renewal_every_seal_is_delivered(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        ends_s = time.monotonic() + LIFE_S
        site = short_lived(doors, tmp_path)
        words = ["provisioning.cli", "subscribe", "--broker", f"mqtts://127.0.0.1:{doors.port}"]
        pair = str(doors.tls / "centre.pem"), str(doors.tls / "centre.key")
        own = ["--certificate", pair[0], "--certificate-key", pair[1]]
        words += ["--ca", str(doors.desk.folder / "office/authority.pem"), *own, *doors.desk.all[2:]]
        subscriber = Part("subscriber", [*words, "--store", str(tmp_path / "centre.db")], tmp_path)
        agent = Part("agent", ["agent.main", "run", "--config", str(site)], tmp_path)
        database = site.parent / "state" / DATABASE_NAME

        def sealed() -> int:
            agent.must_live()
            return max((one.number for one in read_seals(database)), default=0) if database.exists() else 0

        def held() -> int:
            subscriber.must_live()
            return subscriber.output.read_text("utf-8").count('"type":"seal"')

        try:
            subscriber.start()
            subscriber.first_line()
            agent.start()
            until(lambda: held() >= 2, "seals arrive under the first certificate")
            until(lambda: time.monotonic() > ends_s + 1, "the certificate ends")
            doors.restart_broker()  # who is connected is not thrown out by the end of a certificate
            before = sealed(), held()
            until(lambda: sealed() > before[0] + 4, "seals go on")
            assert held() <= before[1] + 2, "the broker lets an expired certificate in"
            refused = bad(2, "renew", "--config", str(site))
            assert "expired at" in refused
            assert "ask the centre for a token" in refused
            token = offer_file(tmp_path, doors.token("g1", "--auto-approve"))
            good("renew", "--config", str(site), "--token-file", str(token))
            until(lambda: held() >= sealed(), "everything is delivered, without a restart")
            agent.stop()
            until(lambda: held() >= max(one.number for one in read_seals(database)), "the last seal too")
        finally:
            agent.stop()
            subscriber.stop()
        store = SqliteStore(tmp_path / "centre.db")
        rows = list(store.chain("g1"))
        forks = list(store.forks("g1"))
        store.close()
        assert not forks
        first_key = bytes.fromhex(read_enrolment(site.parent / "state")["first_key"])
        with (tmp_path / "out").open("wb") as stream:
            write_chain(stream, "g1", (ExportedSeal(cose, body) for _, cose, body, _ in rows))
        report = verify_file(tmp_path / "out", first_key)
        last = max(one.number for one in read_seals(database))
        assert (report.ok, report.absent, len(rows)) == (True, 0, last)
