"""Enrolment and renewal over EST and over a real mosquitto's claim listener, from end to end."""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.statement import METERS_MAX, EnrolledMeter
from provisioning.enrolment.est import EstTransport
from provisioning.enrolment.mqtt import ClaimTransport
from tests.provisioning.enrolment.desk import Doors, bad, bare, call, good, offer_file, open_doors, openssl
from tests.provisioning.enrolment.made import Device
from tests.wire.ends import Link, settings
from wire.enrolment.answer import Issued
from wire.enrolment.offer import parse_offer
from wire.mqtt_events import Acked, Connected, Disconnected, Message
from wire.mqtt_settings import MqttSettings, ServerOnlyTls, TlsFiles


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_doors(tmp_path_factory.mktemp("doors")) as open_:
        yield open_


def enrolled(doors: Doors, folder: Path, gateway: str, via: str, *more: str) -> Path:
    """A gateway that went the whole way; its site file."""
    site = bare(folder / gateway, gateway)
    token = offer_file(folder, doors.token(gateway, "--auto-approve"))
    words = ["--recovery", str(folder / f"{gateway}.recovery"), "--token-file", str(token), *more]
    lines = good("enrol", "--config", str(site), *words, "--via", via)
    site.write_text(site.read_text("utf-8") + lines, "utf-8")
    return site


def est(doors: Doors) -> str:
    return f"https://127.0.0.1:{doors.est_port}"


def claim(doors: Doors) -> str:
    return f"mqtts://127.0.0.1:{doors.claim_port}"


def tls_files(site: Path) -> TlsFiles:
    home = site.parent / "state/tls/current"
    return TlsFiles(home / "ca.pem", home / "certificate.pem", home / "key.pem")


def let_in(doors: Doors, site: Path, gateway: str) -> None:
    with Link(settings(gateway, doors.port, tls_files(site))) as link:
        link.expect(Connected)
        link.publisher.publish(1, f"dj/1/{gateway}/seal", b"own")
        assert link.expect(Acked).reason_code in {0x00, 0x10}


def first_word(doors: Doors, site: Path, gateway: str) -> str:
    """Why the broker does not let a gateway in, "" where it does."""
    with Link(settings(gateway, doors.port, tls_files(site))) as link:
        while True:
            match link.events.get(timeout=180):
                case Connected():
                    return ""
                case Disconnected(reason):
                    return reason


@pytest.mark.parametrize("way", ["est", "mqtt"])
def test_a_gateway_is_enrolled_over_the_network_and_let_in_by_the_broker(
    doors: Doors, tmp_path: Path, way: str
) -> None:
    site = enrolled(doors, tmp_path, f"gw-{way}", est(doors) if way == "est" else claim(doors))
    let_in(doors, site, f"gw-{way}")
    told = doors.hear(gateway=f"gw-{way}")
    assert told == [{"type": "request", "via": way, "gateway": f"gw-{way}", "answer": "issued"}]


@pytest.mark.parametrize("way", ["est", "mqtt"])
def test_a_certificate_is_renewed_before_its_end_with_a_new_key(
    doors: Doors, tmp_path: Path, way: str
) -> None:
    name = f"renew-{way}"
    site = enrolled(doors, tmp_path, name, est(doors))
    before = tls_files(site).key.read_bytes(), tls_files(site).certificate.read_bytes()
    waits = json.loads(good("renew", "--config", str(site), "--json"))
    assert waits["renewed"] is False
    assert tls_files(site).certificate.read_bytes() == before[1]
    via = [] if way == "est" else ["--via", f"mqtts://127.0.0.1:{doors.port}"]
    told = json.loads(good("renew", "--config", str(site), "--now", "--json", *via).splitlines()[-1])
    assert told["renewed"] is True
    assert tls_files(site).key.read_bytes() != before[0]
    assert tls_files(site).certificate.read_bytes() != before[1]
    let_in(doors, site, name)
    files = ["--recovery", str(tmp_path / f"{name}.recovery"), "--token-file", str(tmp_path / "token.txt")]
    again = good("enrol", "--config", str(site), *files)
    assert again in site.read_text("utf-8"), "the enrolment is still the one it was"


def test_an_officer_is_asked_and_the_gateway_waits(doors: Doors, tmp_path: Path) -> None:
    site = bare(tmp_path / "g", "slow")
    token = offer_file(tmp_path, doors.token("slow"))
    words = ["enrol", "--config", str(site), "--recovery", str(tmp_path / "r"), "--token-file", str(token)]
    told = bad(1, *words, "--wait", "0")
    code = told.split("code ")[1].split(")")[0]
    assert bad(1, *words, "--wait", "0", "--via", claim(doors)) == told, "the same request by another way"
    listed = good("centre", "list", "--register", str(doors.desk.folder / "register"), *doors.desk.office)
    assert f"slow  -  no signed enrolment, waits for approval, code {code}" in listed
    assert "slow: issued" in good("centre", "approve", *doors.desk.all, "slow", "--code", code)
    assert "certificate = " in good(*words)
    let_in_site = site.read_text("utf-8") + good(*words)
    site.write_text(let_in_site, "utf-8")
    let_in(doors, site, "slow")


def test_of_two_requests_the_officer_lets_in_the_one_whose_code_is_read_to_him(
    doors: Doors, tmp_path: Path
) -> None:
    codes = []
    for each in ("thief", "gateway"):
        folder = tmp_path / each
        site = bare(folder / "g", "twice")
        token = offer_file(folder, doors.token("twice"))
        words = ["--recovery", str(folder / "r"), "--token-file", str(token), "--wait", "0"]
        codes.append(bad(1, "enrol", "--config", str(site), *words).split("code ")[1].split(")")[0])
    approve = ["centre", "approve", *doors.desk.all, "twice"]
    assert "nothing is approved" in bad(1, *approve, "--code", "0000-0000-0000")
    told = good(*approve, "--code", codes[1]).splitlines()
    assert told == [f"twice: waits, code {codes[0]}", "twice: issued"]
    assert call(*approve, "--deny", "--code", codes[0]).exit_code == 1
    assert "no request of twice waits" in bad(2, *approve)


def test_curl_gets_the_authority_and_is_refused_garbage(doors: Doors, tmp_path: Path) -> None:
    base = f"{est(doors)}/.well-known/est"
    ca = str(doors.desk.folder / "office/authority.pem")

    def curl(*words: str) -> tuple[str, str]:
        done = subprocess.run(
            ["curl", "-sS", "--cacert", ca, "-w", "\n%{http_code} %{content_type}", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, end = done.stdout.rpartition("\n")
        return body, end

    body, end = curl(f"{base}/cacerts")
    assert end == "200 application/pkcs7-mime; smime-type=certs-only"
    (tmp_path / "ca.p7").write_bytes(base64.b64decode(body))
    shown = openssl("pkcs7", "-inform", "DER", "-in", str(tmp_path / "ca.p7"), "-print_certs")
    assert "CN = dianjian" in shown
    head = ["-H", "Content-Type: application/pkcs10"]
    key = str(tmp_path / "k.pem")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    csr = str(tmp_path / "x.csr")
    openssl("req", "-new", "-key", key, "-subj", "/CN=gw-x", "-out", csr, "-outform", "DER")
    (tmp_path / "b64").write_bytes(base64.encodebytes(Path(csr).read_bytes()))
    body, end = curl(*head, "--data-binary", f"@{tmp_path / 'b64'}", f"{base}/simpleenroll")
    assert (body.split("\n")[0], end.split()[0]) == ("garbage", "403"), "a stranger's CSR without a request"
    assert curl(*head, "--data-binary", "%%%", f"{base}/simpleenroll")[1].startswith("400")
    assert curl(*head, "--data-binary", f"@{tmp_path / 'b64'}", f"{base}/simplereenroll")[0].startswith(
        "garbage"
    )
    assert curl("--data-binary", "x", f"{base}/simpleenroll")[1].startswith("415")
    assert curl(f"{base}/serverkeygen")[1].startswith("404")
    assert curl(*head, "--data-binary", f"@{tmp_path / 'b64'}", f"{base}/fullcmc")[1].startswith("404")


def test_old_tls_is_not_spoken_at_either_door(doors: Doors) -> None:
    for port in (doors.est_port, doors.claim_port, doors.port):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"],
            input=b"",
            capture_output=True,
            check=False,
        )
        assert done.returncode != 0, port


CLAIM_ID = "0123456789abcdef" * 2


def claim_settings(doors: Doors, client: str, *topics: str) -> MqttSettings:
    ca = (doors.desk.folder / "office/authority.pem").read_text("ascii")
    return MqttSettings(
        "127.0.0.1", doors.claim_port, client, ServerOnlyTls(ca), subscriptions=topics, drain_s=0.2
    )


@pytest.mark.parametrize(
    "topic",
    [
        "dj/1/gw-7/seal",
        "dj/1/gw-7/state",
        "dj/1/gw-7/renew",
        "dj/1/gw-7/receipt",
        "dj/1/beacon",
        "dj/1/claim/authority",
        f"dj/1/claim/{'f' * 32}/request",
        f"dj/1/claim/{CLAIM_ID}/answer",
        "other",
        "$SYS/x",
    ],
)
def test_who_claims_can_say_nothing_but_its_own_request(doors: Doors, topic: str) -> None:
    with Link(claim_settings(doors, CLAIM_ID)) as link:
        link.expect(Connected)
        link.publisher.publish(1, topic, b"forged")
        link.publisher.publish(2, f"dj/1/claim/{CLAIM_ID}/request", b"garbage")
        answers = {acked.token: acked.reason_code for acked in (link.expect(Acked), link.expect(Acked))}
    assert answers[1] == 0x87
    assert answers[2] in {0x00, 0x10}


def test_who_claims_hears_nothing_but_its_own_answer_and_the_authority(doors: Doors) -> None:
    spied = ("dj/1/#", "dj/1/+/seal", "dj/1/beacon", f"dj/1/claim/{CLAIM_ID}/answer", "#", "$SYS/#")
    tls = doors.tls
    centre = TlsFiles(doors.desk.folder / "office/authority.pem", tls / "centre.pem", tls / "centre.key")
    with (
        Link(claim_settings(doors, CLAIM_ID, *spied)) as spy,
        Link(settings("look", doors.centre_port, centre)) as link,
    ):
        for each in (spy, link):
            each.expect(Connected)
        for token, topic in enumerate((f"dj/1/claim/{'e' * 32}/answer", f"dj/1/claim/{'f' * 32}/answer"), 1):
            link.publisher.publish(token, topic, b"private")
            assert link.expect(Acked).reason_code in {0x00, 0x10}
        link.publisher.publish(9, f"dj/1/claim/{CLAIM_ID}/answer", b"mine")
        heard = [spy.expect(Message)]
        while heard[-1].payload != b"mine":
            heard.append(spy.expect(Message))
    assert {message.topic for message in heard} <= {
        "dj/1/claim/authority",
        f"dj/1/claim/{CLAIM_ID}/answer",
    }


def test_a_stranger_under_a_gateways_client_id_does_not_throw_it_out(doors: Doors, tmp_path: Path) -> None:
    site = enrolled(doors, tmp_path, "named", est(doors))
    with Link(settings("named", doors.port, tls_files(site))) as link:
        link.expect(Connected)
        with Link(claim_settings(doors, "named")) as stranger:
            stranger.expect(Connected)
            link.publisher.publish(1, "dj/1/named/seal", b"own")
            assert link.expect(Acked).reason_code in {0x00, 0x10}
        assert link.events.empty()


def test_a_retained_request_of_a_stranger_does_not_stay_on_the_broker(doors: Doors) -> None:
    topic = f"dj/1/claim/{CLAIM_ID}/request"
    with Link(claim_settings(doors, CLAIM_ID, f"dj/1/claim/{CLAIM_ID}/answer")) as link:
        link.expect(Connected)
        link.publisher.publish(1, topic, b"x" * 1000, retain=True)
        link.expect(Message)
    tls = doors.tls
    centre = TlsFiles(doors.desk.folder / "office/authority.pem", tls / "centre.pem", tls / "centre.key")
    asks = settings("look", doors.centre_port, centre, subscriptions=("dj/1/claim/+/request",))

    def finds_it() -> bool:
        with Link(asks) as link:
            link.expect(Connected)
            link.publisher.publish(1, f"dj/1/claim/{'e' * 32}/answer", b"x")  # behind what was retained
            heard = [link.events.get(timeout=180)]
            while not isinstance(heard[-1], Acked):
                heard.append(link.events.get(timeout=180))
        return any(isinstance(event, Message) for event in heard)

    assert not all(finds_it() for _ in range(50)), "it is taken away soon"


def test_a_revoked_certificate_is_let_in_nowhere(doors: Doors, tmp_path: Path) -> None:
    site = enrolled(doors, tmp_path, "gone", est(doors))
    let_in(doors, site, "gone")
    words = ["--authority", str(doors.desk.folder / "office"), "--reason", "stolen"]
    assert "1 certificates of gone are revoked" in good("centre", "revoke", *words, "gone")
    folder = doors.broker_folder
    more = ["--port", str(doors.port)]
    good("centre", "broker-config", *doors.desk.office, "--out", str(folder), *more)
    listed, ca = str(folder / "revoked.pem"), str(folder / "authority.pem")
    crl = openssl("crl", "-in", listed, "-noout", "-text", "-CAfile", ca)
    assert "Serial Number" in crl
    assert "verify OK" in crl
    os.kill(doors.broker.pid, signal.SIGHUP)
    while "revoked" not in (reason := first_word(doors, site, "gone")):
        assert reason == "", reason  # the broker has not read the list yet
    refused = call("renew", "--config", str(site), "--now", "--via", f"mqtts://127.0.0.1:{doors.port}")
    assert refused.exit_code == 3
    assert "revoked" in refused.stderr
    told = bad(1, "renew", "--config", str(site), "--now", "--via", est(doors))
    assert "revoked" in told


@pytest.mark.parametrize("way", ["est", "mqtt"])
def test_the_largest_request_passes_each_door(doors: Doors, way: str) -> None:
    name = f"large-{way}"
    offer = parse_offer(doors.token(name, "--auto-approve")["offer"])
    meters = tuple(EnrolledMeter(f"{n:03}" + "m" * 61, "x" * 64, 247, "9" * 64) for n in range(METERS_MAX))
    csr = Device(gateway=name, meters=meters).asks(offer.token)
    assert len(csr) > 65_536
    transport = EstTransport(offer.est) if way == "est" else ClaimTransport(offer.claim)
    assert isinstance(transport.exchange(csr, offer.authority), Issued)
