"""Enrolment by a USB stick, from an empty folder to files that openssl and the agent take."""

import json
import os
from pathlib import Path

import pytest

from agent.main import main as agent_main
from agent.site.file import load_site
from centre.enrolment.office import Office
from centre.register import read_register
from evidence.moments import utc_ms
from tests.provisioning.enrolment.desk import Desk, bad, bare, call, good, offer_file, openssl
from wire.enrolment.certificates import parse_certificate, pem
from wire.mqtt_settings import TlsFiles, make_tls_context


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.opened(tmp_path / "centre")


def words(site: Path, token: Path, stick: Path) -> list[str]:
    recovery = str(site.parent.parent / "recovery.key")
    more = ["--token-file", str(token), "--via", f"file:{stick}"]
    return ["enrol", "--config", str(site), "--recovery", recovery, *more]


def test_a_bare_gateway_is_enrolled_by_a_stick_and_openssl_agrees(desk: Desk, tmp_path: Path) -> None:
    site, stick = bare(tmp_path / "gateway"), tmp_path / "stick"
    stick.mkdir()
    call_ = words(site, offer_file(tmp_path, desk.token("g1", "--meters", str(site))), stick)
    carried = bad(1, *call_)
    assert "take it to the centre" in carried
    csr = stick / "dianjian-g1.csr"
    assert "verify OK" in openssl("req", "-in", str(csr), "-verify", "-noout")
    code = carried.rsplit("code ", 1)[1].rstrip(")")
    waits = bad(2, "centre", "approve", *desk.all, "--from", str(stick))
    assert "--code is missing" in waits
    wrong = bad(1, "centre", "approve", *desk.all, "--from", str(stick), "--code", "0000-0000-0000")
    assert "nothing is approved" in wrong
    told = good("centre", "approve", *desk.all, "--from", str(stick), "--code", code.lower(), "--json")
    assert json.loads(told) == {"gateway": "g1", "answer": "issued"}
    p7c = str(stick / "dianjian-g1.p7c")
    assert "CN = g1" in openssl("pkcs7", "-inform", "DER", "-in", p7c, "-print_certs", "-noout")
    lines = good(*call_)
    tls = tmp_path / "gateway/state/tls/current"
    assert "OK" in openssl(
        "verify", "-purpose", "sslclient", "-CAfile", str(tls / "ca.pem"), str(tls / "certificate.pem")
    )
    assert (tls / "key.pem").stat().st_mode & 0o777 == 0o600
    make_tls_context(TlsFiles(tls / "ca.pem", tls / "certificate.pem", tls / "key.pem"))
    site.write_text(site.read_text("utf-8") + lines, "utf-8")
    assert agent_main(["check", "--config", str(site)]) == 0
    entry = read_register(desk.folder / "register")["g1"]
    known = json.loads((site.parent / "state/enrolment.json").read_text("utf-8"))
    assert (entry.first_key.hex(), entry.recovery_key.hex()) == (known["first_key"], known["recovery_key"])
    assert entry.enrolment
    broker = load_site(site).broker
    assert broker is not None
    assert broker.centre_key is not None
    assert good(*call_) == lines, "said again, it changes nothing"


@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_what_lies_on_a_stick_in_the_place_of_a_request_is_not_waited_for_or_followed(
    desk: Desk, tmp_path: Path, kind: str
) -> None:
    stick, victim = tmp_path / "stick", tmp_path / "victim"
    stick.mkdir()
    victim.write_text("the key")
    made = {
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "link": lambda path: path.symlink_to(victim),
    }
    made[kind](stick / "dianjian-x.csr")
    said = bad(1, "centre", "approve", *desk.all, "--from", str(stick), "--code", "AAAA-BBBB-CCCC")
    assert "dianjian-x.csr: is no plain file" in said
    assert victim.read_text() == "the key"


def test_answers_on_a_stick_overwrite_nothing_that_a_link_names(desk: Desk, tmp_path: Path) -> None:
    stick, victim = tmp_path / "stick", tmp_path / "victim"
    stick.mkdir()
    victim.write_text("the key")
    (stick / "dianjian-x.csr").write_text("garbage")
    for name in ("refused", "refused.new", "p7c", "p7c.new"):
        (stick / f"dianjian-x.{name}").symlink_to(victim)
    call("centre", "approve", *desk.all, "--from", str(stick), "--code", "AAAA-BBBB-CCCC")
    assert victim.read_text() == "the key"


def test_without_a_token_the_line_for_the_centre_is_printed_as_before(desk: Desk, tmp_path: Path) -> None:
    site = bare(tmp_path / "gateway")
    line = good("enrol", "--config", str(site), "--recovery", str(tmp_path / "r"))
    assert json.loads(line)["gateway"] == "g1"
    assert call("centre", "enrol", *desk.all[2:], given=line).exit_code == 0


def test_broker_config_keeps_a_good_server_certificate_and_renews_one_that_is_due(
    desk: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "broker"
    words = ["centre", "broker-config", *desk.office, "--out", str(out), "--host", "broker.example"]
    good(*words)
    first = (out / "server.pem").read_bytes()
    assert "DNS:broker.example" in openssl("x509", "-in", str(out / "server.pem"), "-noout", "-text")
    good(*words)
    assert (out / "server.pem").read_bytes() == first
    office = Office(desk.folder / "office")
    spki = parse_certificate(first).spki
    (out / "server.pem").write_bytes(pem(office._sign(spki, "old", utc_ms(), ["old"], 0.5)))
    good(*words)
    assert "DNS:broker.example" in openssl("x509", "-in", str(out / "server.pem"), "-noout", "-text")
    assert not {"claim-acl", "claims.conf"} & {one.name for one in out.iterdir()}, (
        "nobody listens unless it is asked for"
    )
    (out / "server.pem").write_bytes(b"x")
    assert "not a certificate" in bad(2, *words)
