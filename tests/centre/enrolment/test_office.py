"""Who gets a certificate and who does not: a table of refusals, and what a crash leaves."""

import datetime as dt
import errno
import json
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from centre.enrolment.ledger import LEDGER_NAME, OfficeError
from centre.enrolment.office import Office, make_office
from centre.enrolment.policy import RENEWALS_MAX
from centre.register import read_register
from evidence import cbor
from evidence.statement import EnrolledMeter
from tests.provisioning.enrolment.made import DAY, METERS, NOW, Desk, Device
from wire.enrolment import certificates
from wire.enrolment.answer import REFUSALS, Issued, Pending, Refused
from wire.enrolment.request import ask_enrolment, parse_attribute
from wire.enrolment.token import Token, new_token, short_code

Case = Callable[[Desk, Device], bytes]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.opened(tmp_path)


def leaf(answer: object) -> certificates.Certificate:
    assert isinstance(answer, Issued), answer
    return certificates.open_certs_only(answer.certificates)[0]


def stolen_for_another_gateway(desk: Desk, device: Device) -> bytes:
    return evolve(device, gateway="thief").asks(desk.gives("g1"))


def used_by_another_device(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    assert isinstance(desk.hears(Device(first=bytes([9]) * 32).asks(token)), Issued)
    return device.asks(token)


def used_again_by_the_same(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    assert isinstance(desk.hears(device.asks(token)), Issued)
    return device.asks(token, utc_ms=NOW + 1)


def expired_token(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    desk.now += DAY
    return device.asks(token)


def invented_token(_: Desk, device: Device) -> bytes:
    return device.asks(new_token())


def guessed_secret(desk: Desk, device: Device) -> bytes:
    return device.asks(Token(desk.gives().id, "0" * 16))


def foreign_meters(desk: Desk, device: Device) -> bytes:
    return device.asks(desk.gives(meters=(METERS[0], EnrolledMeter("mt", "eastron-sdm630", 3))))


def more_meters(desk: Desk, device: Device) -> bytes:
    return device.asks(desk.gives(meters=METERS[:1]))


def foreign_site(desk: Desk, device: Device) -> bytes:
    return device.asks(desk.gives(site="Another plant"))


def another_first_key(desk: Desk, device: Device) -> bytes:
    assert isinstance(desk.hears(Device(first=bytes([9]) * 32).asks(desk.gives())), Issued)
    return device.asks(desk.gives())


def another_recovery_key(desk: Desk, device: Device) -> bytes:
    assert isinstance(desk.hears(device.asks(desk.gives(), recovery_key=bytes([7]) * 32)), Issued)
    return device.asks(desk.gives(), recovery_key=bytes([8]) * 32)


def key_of_another(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    attribute = ask_enrolment(device.request(token), device.first, token)
    return evolve(device, key=certificates.new_key()).wraps(attribute)


def signed_by_another_key(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    return device.wraps(ask_enrolment(device.request(token), bytes([5]) * 32, token))


def name_of_another(desk: Desk, device: Device) -> bytes:
    token = desk.gives()
    return evolve(device, gateway="g2").wraps(ask_enrolment(device.request(token), device.first, token))


def csr_not_signed_by_its_key(desk: Desk, device: Device) -> bytes:
    csr = bytearray(device.asks(desk.gives()))
    csr[-1] ^= 1
    return bytes(csr)


def no_request_inside(_: Desk, device: Device) -> bytes:
    return device.wraps(b"")


def meter_that_no_statement_takes(desk: Desk, device: Device) -> bytes:
    return device.asks(desk.gives(), meters=(EnrolledMeter("m", "x", 256),))


def garbage(_: Desk, __: Device) -> bytes:
    return b"\x30\x82" + bytes(200)


def _renewed(desk: Desk, device: Device) -> bytes:
    return leaf(desk.hears(device.asks(desk.gives()))).der


def expired_certificate(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    desk.now += 91 * DAY
    return device.renews(old, certificates.new_key())


def revoked_certificate(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    desk.office.revoke("g1", "stolen", desk.now)
    return device.renews(old, certificates.new_key())


def unknown_certificate(desk: Desk, device: Device) -> bytes:
    _renewed(desk, device)
    return device.renews(b"no certificate", certificates.new_key())


def renewed_without_the_old_key(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    return evolve(device, key=certificates.new_key()).renews(old, certificates.new_key())


def renewed_for_another_gateway(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    return evolve(device, gateway="g2").renews(old, certificates.new_key())


def renewed_too_often(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    for _ in range(RENEWALS_MAX):
        leaf(desk.hears(device.renews(old, certificates.new_key())))
    return device.renews(old, certificates.new_key())


def renewed_with_a_foreign_token(desk: Desk, device: Device) -> bytes:
    old = _renewed(desk, device)
    return device.renews(old, certificates.new_key(), desk.gives("g2"))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (stolen_for_another_gateway, "token-gateway"),
        (used_by_another_device, "token-used"),
        (used_again_by_the_same, "token-used"),
        (expired_token, "token-expired"),
        (invented_token, "token-unknown"),
        (guessed_secret, "token-secret"),
        (foreign_meters, "meters"),
        (more_meters, "meters"),
        (foreign_site, "site"),
        (another_first_key, "first-key"),
        (another_recovery_key, "recovery-key"),
        (key_of_another, "key"),
        (signed_by_another_key, "signature"),
        (name_of_another, "name"),
        (csr_not_signed_by_its_key, "csr"),
        (no_request_inside, "garbage"),
        (meter_that_no_statement_takes, "garbage"),
        (garbage, "garbage"),
        (expired_certificate, "certificate-expired"),
        (revoked_certificate, "certificate-revoked"),
        (unknown_certificate, "certificate-unknown"),
        (renewed_without_the_old_key, "signature"),
        (renewed_for_another_gateway, "certificate-unknown"),
        (renewed_too_often, "renewed"),
        (renewed_with_a_foreign_token, "token-gateway"),
    ],
)
def test_a_request_that_must_not_pass_is_refused_and_leaves_nothing(
    desk: Desk, case: Case, reason: str
) -> None:
    csr = case(desk, Device())
    ledger = desk.office.folder / LEDGER_NAME
    before = ledger.read_bytes(), desk.office._read_register()
    for _ in range(2):
        assert desk.hears(csr) == Refused(reason)
    assert (ledger.read_bytes(), desk.office._read_register()) == before, "a refusal uses no token up"
    assert set(REFUSALS[reason].to_body()) == {"zh", "en"}


@pytest.mark.parametrize("raw", [b"", b"x", b"\x30\x82" + bytes(600), bytes(70_000)])
def test_what_is_no_request_is_refused_before_the_register_is_read(
    desk: Desk, raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a thousand gateways a look into the register cost a byte of garbage 100 ms."""

    def never(_: Path) -> dict[str, object]:
        raise AssertionError("the register was read")

    monkeypatch.setattr("centre.enrolment.office.read_register", never)
    assert isinstance(desk.hears(raw), Refused)


def test_a_good_request_gets_one_certificate_however_often_it_comes(desk: Desk) -> None:
    device, token = Device(), desk.gives(meters=METERS[::-1], site="Plant")
    csr = device.asks(token)
    first = desk.hears(csr)
    desk.now += 40 * DAY
    assert desk.hears(csr) == first == desk.again().hears(csr)
    one = leaf(first)
    assert (one.name, one.is_authority, one.is_for_clients) == ("g1", False, True)
    assert one.begins_utc_ms < NOW < one.ends_utc_ms
    assert certificates.is_issued_by(one.der, desk.office.authority)
    assert read_register(desk.office.register or Path())["g1"].enrolment


def test_an_expired_certificate_is_renewed_with_a_token_by_the_old_key(desk: Desk) -> None:
    device = Device()
    old = _renewed(desk, device)
    desk.now += 100 * DAY
    new = certificates.new_key()
    one = leaf(desk.hears(device.renews(old, new, desk.gives())))
    assert one.spki == certificates.spki_of(new)
    assert one.ends_utc_ms > desk.now


def test_a_request_over_another_gateways_certificate_is_refused(desk: Desk) -> None:
    device = Device()
    csr = device.renews(_renewed(desk, device), certificates.new_key())
    assert desk.hears(csr, "g2") == Refused("name")
    assert isinstance(desk.hears(csr, "g1"), Issued)


def test_an_officers_word_is_needed_once_and_holds(desk: Desk) -> None:
    device = Device()
    csr = device.asks(desk.gives(is_auto=False))
    assert desk.hears(csr) == Pending(short_code(csr)) == desk.again().hears(csr)
    assert desk.office._read_register() == {}, "nobody is believed before the officer has spoken"
    code = sha256(csr).digest()
    assert isinstance(desk.office.approve(code, "officer", NOW), Issued)
    assert isinstance(desk.office.approve(code, "officer", NOW, decision="denied"), Issued), "too late"
    other = device.asks(desk.gives(is_auto=False))
    desk.hears(other)
    assert desk.office.approve(sha256(other).digest(), "officer", NOW, decision="denied") == Refused("denied")
    assert desk.again().hears(other) == Refused("denied")


def test_an_external_authority_signs_what_the_officer_has_approved(tmp_path: Path) -> None:
    key, authority = certificates.make_authority("Province", _when())
    outside = Desk.opened(tmp_path / "outside", authority)
    device = Device()
    csr = device.asks(outside.gives())
    assert isinstance(outside.hears(csr), Pending)
    spki = certificates.parse_csr(csr).spki
    for name, signer, says in (("g2", key, "CN = g1"), ("g1", None, "not signed by the authority")):
        by = (signer, authority) if signer else certificates.make_authority("Province", _when())
        wrong = certificates.issue(*by, spki, name, _when(), 30)
        with pytest.raises(OfficeError, match=says):
            outside.office.take_external(wrong, NOW)
    der = certificates.issue(key, authority, spki, "g1", _when(), 30)
    outside.office.take_external(certificates.pem(der), NOW)
    assert leaf(outside.hears(csr)).der == der
    assert not (outside.office.folder / "authority.key").exists()


@pytest.mark.parametrize("cut", range(0, 700, 46))
def test_a_ledger_torn_by_a_crash_goes_on_before_the_torn_line(desk: Desk, cut: int) -> None:
    device, token = Device(), desk.gives()
    csr = device.asks(token)
    leaf(desk.hears(csr))
    ledger = desk.office.folder / LEDGER_NAME
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[: len(whole) - cut])
    again = desk.again()
    leaf(again.hears(csr))
    assert again.hears(device.asks(token, utc_ms=1)) == Refused("token-used")
    with Office(desk.office.folder).ledger.locked() as read:
        assert [one.code for one in read.requests.values()] == [sha256(csr).digest()]


def test_a_line_that_cannot_be_read_stops_the_office(desk: Desk) -> None:
    desk.gives()
    ledger = desk.office.folder / LEDGER_NAME
    for line in (b"x\n", b"{}\n", b'{"what": "issued", "code": "00", "at": 1}\n', b"[]\n", b"\xff\n"):
        before = ledger.read_bytes()
        ledger.write_bytes(before + line)
        with pytest.raises(OfficeError, match="line"):
            desk.again().hears(b"x")
        ledger.write_bytes(before)


def test_a_ledger_or_key_that_others_may_read_is_not_used(desk: Desk) -> None:
    (desk.office.folder / "authority.key").chmod(0o640)
    with pytest.raises(OfficeError, match="chmod 600"):
        desk.hears(Device().asks(desk.gives()))
    (desk.office.folder / LEDGER_NAME).chmod(0o644)
    with pytest.raises(OfficeError, match="chmod 600"):
        desk.again().hears(b"x")


def test_of_many_who_come_at_once_with_one_token_one_is_let_in(desk: Desk) -> None:
    token = desk.gives()
    crowd = [Device(first=bytes([number]) * 32).asks(token) for number in range(1, 9)]
    answers: list[object] = []

    def comes(csr: bytes) -> None:
        answers.append(desk.again().hears(csr))  # an office of its own, as another process has

    threads = [threading.Thread(target=comes, args=(csr,)) for csr in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(answer).__name__ for answer in answers) == ["Issued"] + ["Refused"] * 7
    assert len(read_register(desk.office.register or Path())) == 1


def test_a_full_disk_is_one_line_and_issues_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    csr = Device().asks(desk.gives())
    write = os.write

    def short(descriptor: int, raw: bytes) -> int:
        if b"what" not in raw[:10]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, raw[: len(raw) // 2])

    with monkeypatch.context() as full:
        full.setattr(os, "write", short)
        with pytest.raises(OfficeError, match="No space left"):
            desk.hears(csr)
    assert json.loads((desk.office.folder / LEDGER_NAME).read_bytes().split(b"\n")[0])["what"] == "token"
    leaf(desk.hears(csr))


def test_an_office_is_never_overwritten_and_names_are_kept(desk: Desk) -> None:
    with pytest.raises(OfficeError, match="never overwritten"):
        make_office(desk.office.folder, "x", NOW)
    for name in ("centre", "claim", "beacon"):
        with pytest.raises(OfficeError, match="no gateway can be called"):
            desk.gives(name)


def test_the_ledger_holds_no_token(desk: Desk) -> None:
    token = desk.gives()
    raw = (desk.office.folder / LEDGER_NAME).read_text("ascii")
    assert token.secret not in raw
    assert token.text.replace("-", "") not in raw
    assert token.secret not in repr(token)
    asked = parse_attribute(certificates.parse_csr(Device().asks(token)).attribute)
    assert token.secret.encode() not in cbor.encode([asked.signed, asked.mac])


def _when() -> dt.datetime:
    return dt.datetime.fromtimestamp(NOW / 1000, dt.UTC)


def test_the_broker_and_the_centre_have_certificates_that_outlast_those_of_gateways(desk: Desk) -> None:
    _, server = desk.office.serve(["broker.example", "10.0.0.1"], NOW)
    _, centre = desk.office.introduce(NOW)
    for raw, is_client in ((server, False), (centre, True)):
        one = certificates.parse_certificate(raw)
        assert one.ends_utc_ms - NOW > 1_000 * DAY
        assert one.is_for_clients is is_client
        assert certificates.is_issued_by(one.der, desk.office.authority)
