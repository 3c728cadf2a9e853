"""What must be refused, from end to end: one clear line on the gateway's terminal, one at the centre."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve

from agent.site.file import load_site
from centre.enrolment import est_server
from centre.enrolment.est_server import listen_est
from centre.enrolment.office import Office, make_office
from evidence.keys import load_key_file
from provisioning.demo.broker import find_free_port
from provisioning.enrolment import enrolling
from provisioning.enrolment.talk import read_offer
from tests.provisioning.enrolment.desk import Doors, bad, bare, good, offer_file, open_doors
from tests.provisioning.enrolment.made import Desk
from tests.provisioning.enrolment.test_gateway_side import Wire, silent
from wire.enrolment import certificates
from wire.enrolment.answer import Answer, Refused
from wire.enrolment.offer import parse_offer
from wire.enrolment.token import new_token


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_doors(tmp_path_factory.mktemp("doors")) as open_:
        yield open_


Told = dict[str, str]


def stolen(doors: Doors, folder: Path) -> tuple[Path, Told]:
    """A token that was given out for another gateway, in an offer that was bent."""
    told = doors.token("victim", "--auto-approve")
    return bare(folder / "g", "thief"), {**told, "offer": told["offer"].replace("g=victim", "g=thief")}


def used(doors: Doors, folder: Path) -> tuple[Path, Told]:
    name = "used-" + folder.name.rsplit("_", 1)[-1]
    told = doors.token(name, "--auto-approve")
    enrol(folder / "first", bare(folder / "first/g", name), told)
    return bare(folder / "g", name), told


def foreign_meters(doors: Doors, folder: Path) -> tuple[Path, Told]:
    other = bare(folder / "other", "meters")
    other.write_text(other.read_text("utf-8").replace("unit_id = 2", "unit_id = 9"), "utf-8")
    return bare(folder / "g", "meters"), doors.token("meters", "--auto-approve", "--meters", str(other))


def expired(doors: Doors, folder: Path) -> tuple[Path, Told]:
    return bare(folder / "g", "late"), doors.token("late", "--auto-approve", "--hours", "1e-8")


def invented(doors: Doors, folder: Path) -> tuple[Path, Told]:
    offer = parse_offer(doors.token("made-up")["offer"])
    return bare(folder / "g", "made-up"), {"offer": evolve(offer, token=new_token()).text}


def enrol(folder: Path, site: Path, told: Told, *via: str) -> str:
    return good(*words(folder, site, told, *via))


def words(folder: Path, site: Path, told: Told, *via: str) -> list[str]:
    files = ["--recovery", str(folder / "recovery"), "--token-file", str(offer_file(folder, told))]
    return ["enrol", "--config", str(site), *files, *via]


@pytest.mark.parametrize("way", ["est", "mqtt"])
@pytest.mark.parametrize(
    ("case", "reason", "says"),
    [
        (stolen, "token-gateway", "the token was issued for another gateway"),
        (used, "token-used", "the token was already used by another device"),
        (foreign_meters, "meters", "the list of meters is not the one that the centre has"),
        (expired, "token-expired", "the token has expired"),
        (invented, "token-unknown", "the centre has not issued this token"),
    ],
)
def test_a_refusal_is_one_line_at_both_ends(
    doors: Doors,
    tmp_path: Path,
    case: Callable[[Doors, Path], tuple[Path, Told]],
    reason: str,
    says: str,
    way: str,
) -> None:
    site, told = case(doors, tmp_path)
    before = len(doors.said())
    via = [] if way == "est" else ["--via", f"mqtts://127.0.0.1:{doors.claim_port}"]
    assert bad(1, *words(tmp_path, site, told, *via)).startswith(f"the centre refuses: {says}")
    (line,) = doors.hear(before)
    assert (line["answer"], line["reason"], line["via"]) == ("refused", reason, way)
    assert line["text"].startswith(says)
    assert not (site.parent / "state/tls/current").exists()


@pytest.mark.parametrize("way", ["est", "claim"])
def test_a_centre_of_another_authority_hears_nothing_of_the_gateway(
    doors: Doors, tmp_path: Path, way: str
) -> None:
    offer = parse_offer(doors.token("g1")["offer"])
    other = {"offer": evolve(offer, authority=bytes(range(32))).text}
    before = len(doors.said())
    url = offer.est if way == "est" else offer.claim
    told = bad(2, *words(tmp_path, bare(tmp_path / "g"), other, "--via", url))
    assert "another certificate authority than the token names" in told
    assert "00:01:02:03:04:05:06:07" in told
    assert doors.said()[before:] == []


@pytest.fixture
def impostor(doors: Doors, tmp_path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Who shows the right authority's certificate and has only a server certificate of another."""
    heard: list[bytes] = []

    def hears(csr: bytes, _: str, __: str) -> Answer:
        heard.append(csr)
        return Refused("denied")

    other = make_office(tmp_path / "other", "dianjian", enrolling.utc_ms())
    for name, raw in zip(("key", "pem"), other.serve(["127.0.0.1"], enrolling.utc_ms()), strict=True):
        (tmp_path / name).write_bytes(raw)
    authority = (doors.desk.folder / "office/authority.pem").read_bytes()
    files = tmp_path / "pem", tmp_path / "key"
    server = listen_est(("127.0.0.1", find_free_port()), files, authority, hears, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server.address[1], heard
    server.close()
    thread.join()


def test_an_impostor_with_the_right_fingerprint_hears_nothing_either(
    doors: Doors, tmp_path: Path, impostor: tuple[int, list[bytes]]
) -> None:
    port, heard = impostor
    via = ["--via", f"https://127.0.0.1:{port}"]
    told = bad(3, *words(tmp_path, bare(tmp_path / "g"), doors.token("g1"), *via))
    assert "cannot be reached" in told
    assert "certificate" in told
    assert not heard


def test_who_dribbles_bytes_or_comes_in_crowds_keeps_nobody_out_for_long(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(est_server, "WHOLE_S", 0.5)
    office = Office(doors.desk.folder / "office")
    key, pem = office.serve(["127.0.0.1"], enrolling.utc_ms())
    (tmp_path / "k").write_bytes(key)
    (tmp_path / "c").write_bytes(pem)
    files = tmp_path / "c", tmp_path / "k"
    said: list[str] = []
    server = listen_est(("127.0.0.1", 0), files, office.authority, lambda *_: Refused("denied"), said.append)
    thread = threading.Thread(target=server.serve)
    thread.start()
    port = server.address[1]
    context = ssl.create_default_context(cadata=office.authority.decode())
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(est_server.CONNECTIONS_MAX + 3)]
    try:
        ends = [wire.recv(1) for wire in crowd if not wire.settimeout(20)]
        assert ends == [b""] * len(crowd), "all are let go"
        with context.wrap_socket(
            socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1"
        ) as wire:
            wire.sendall(b"GET /.well-known/est/cacerts HTTP/1.0\r\n\r\n")
            assert wire.recv(100).startswith(b"HTTP/1.1 200")
        assert said
    finally:
        for plain in crowd:
            plain.close()
        server.close()
        thread.join()


def test_an_expired_certificate_is_one_line_here_and_refused_there(doors: Doors, tmp_path: Path) -> None:
    site = bare(tmp_path / "g", "old")
    centre = doors.desk.folder
    secret = load_key_file(centre / "centre.key")
    office = Office(centre / "office", centre / "register", secret, days=1)
    loaded = load_site(site)
    told = doors.token("old", "--auto-approve")
    desk = Desk(office, enrolling.utc_ms())
    offer = read_offer(offer_file(tmp_path, told), loaded, None, None, "")
    done = enrolling.enrol(loaded, offer, Wire(desk), silent)
    site.write_text(site.read_text("utf-8") + enrolling.broker_lines(done), "utf-8")
    home = site.parent / "state/tls/current"
    spki = certificates.spki_of((home / "key.pem").read_bytes())
    gone = office._sign(spki, "old", enrolling.utc_ms(), [], -1.0)
    with office.ledger.locked() as ledger:
        code = next(one.code for one in ledger.requests.values() if one.gateway == "old")
        ledger.add_issued(code, gone, enrolling.utc_ms())
    (home / "certificate.pem").write_bytes(certificates.pem(gone))
    assert "this gateway's certificate expired at" in bad(2, "renew", "--config", str(site))
    context = ssl.create_default_context(cafile=str(centre / "office/authority.pem"))
    context.load_cert_chain(home / "certificate.pem", home / "key.pem")
    plain = socket.create_connection(("127.0.0.1", doors.est_port))
    with (
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wire,
        pytest.raises(ssl.SSLError, match="expired"),
    ):
        wire.recv(1)
    lines = doors.hear(type="connection")
    assert "certificate has expired" in lines[-1]["text"]
