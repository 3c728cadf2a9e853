"""What comes to an enrolment office and to a gateway that wants to be enrolled, before anybody is known."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from centre.enrolment.ledger import Ledger, OfficeError
from centre.enrolment.policy import check_request
from evidence import cbor
from tests.fuzz.target import CBOR, JSON, Target
from tests.provisioning.enrolment.made import NOW, Desk, Device
from wire.enrolment import certificates
from wire.enrolment.answer import Issued, Pending, Refused, decode_answer, encode_answer
from wire.enrolment.certificates import CertificateError
from wire.enrolment.offer import Offer, OfferError, parse_offer
from wire.enrolment.request import EnrolRequest, ask_enrolment, parse_attribute
from wire.enrolment.token import TokenError, new_token, parse_token
from wire.enrolment.topics import find_answer_topic


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="fuzz-enrolment-"))


@cache
def _desk() -> Desk:
    return Desk.opened(_folder() / "centre")


@cache
def _token() -> str:
    return _desk().gives().text


@cache
def _device() -> Device:
    return Device()


def _one_line(error: Exception) -> None:
    assert len(str(error).splitlines()) == 1


def _attributes() -> list[bytes]:
    device, token = _device(), parse_token(_token())
    new = certificates.new_key()
    asked = ask_enrolment(device.request(token), device.first, token)
    bare = ask_enrolment(device.request(token, meters=()), device.first, token)
    renewal = certificates.parse_csr(device.renews(b"old", new)).attribute
    return [asked, bare, renewal]


def run_attribute(raw: bytes) -> None:
    try:
        asked = parse_attribute(raw)
    except cbor.FormatError:
        return
    assert cbor.encode([asked.signed, asked.mac]) == raw
    if isinstance(asked.request, EnrolRequest):
        asked.is_signed_by_first_key()
    else:
        asked.is_signed_by((bytes(32), bytes(32)))


def run_csr(raw: bytes) -> None:
    """The whole policy: whatever comes is judged, and nothing that was changed passes."""
    answer = check_request(raw, _desk().office.ledger, lambda _: None, NOW)
    assert isinstance(answer, Refused) or sha256(raw).digest() in _good()


@cache
def _good() -> frozenset[bytes]:
    return frozenset(sha256(one).digest() for one in _csrs())


@cache
def _csrs() -> tuple[bytes, ...]:
    device, token = _device(), parse_token(_token())
    with _desk().office.ledger.locked():  # the office has read its token
        return (device.asks(token), device.wraps(b"\x82"), device.wraps(b""))


@cache
def _issued() -> tuple[bytes, ...]:
    desk = Desk.opened(Path(mkdtemp(dir=_folder())))
    answer = desk.hears(Device().asks(desk.gives()))
    assert isinstance(answer, Issued)
    return (answer.certificates,)


def run_certificates(raw: bytes) -> None:
    for read in (certificates.open_certs_only, certificates.load_many, certificates.parse_certificate):
        try:
            read(raw)
        except CertificateError as error:
            _one_line(error)


def run_answer(raw: bytes) -> None:
    try:
        answer = decode_answer(raw)
    except cbor.FormatError:
        return
    assert encode_answer(answer) == raw
    assert isinstance(answer, Issued | Pending | Refused)
    if isinstance(answer, Refused):
        assert all(len(text.splitlines()) == 1 for text in answer.sentence.to_body().values())


def run_token(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    try:
        token = parse_token(text)
    except TokenError as error:
        _one_line(error)
        return
    assert parse_token(token.text) == token


def run_offer(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    try:
        offer = parse_offer(text)
    except OfferError as error:
        _one_line(error)
        return
    assert parse_offer(offer.text) == offer


def _offers() -> list[bytes]:
    key = bytes(range(32))
    full = Offer("gw-7", new_token(), key, key[::-1], "mqtts://b:8883", "https://c:8443", "mqtts://b:8884", 9)
    return [full.text.encode(), Offer("g", new_token(), key, key).text.encode()]


def run_ledger(raw: bytes) -> None:
    file = _folder() / "ledger"
    file.write_bytes(raw)
    file.chmod(0o600)
    try:
        with Ledger(file).locked():
            pass
    except OfficeError as error:
        _one_line(error)


def _ledgers() -> list[bytes]:
    desk = Desk.opened(Path(mkdtemp(dir=_folder())))
    csr = Device(meters=()).asks(desk.gives(site="Plant"))
    desk.hears(csr)
    desk.office.revoke("g1", "lost", NOW)
    return [desk.office.ledger.path.read_bytes()]


def run_topic(raw: bytes) -> None:
    known = find_answer_topic(raw.decode("utf-8", "replace"))
    assert known is None or not set("+#") & set(known[0])


_ANSWERS: Final = (
    encode_answer(Issued(b"certificates")),
    encode_answer(Pending("7K4Q-F2XN-0000")),
    encode_answer(Refused("token-used")),
)
_TOPICS: Final = (b"dj/1/claim/" + b"0a" * 16 + b"/request", b"dj/1/gw-7/renew")

TARGETS: Final = (
    Target("enrol_attribute", run_attribute, _attributes, 4_096, CBOR),
    Target("enrol_csr", run_csr, lambda: list(_csrs()), 4_096),
    Target("enrol_certificates", run_certificates, lambda: list(_issued()), 4_096),
    Target("enrol_answer", run_answer, lambda: list(_ANSWERS), 1_024, CBOR),
    Target("enrol_token", run_token, lambda: [_token().encode(), _token().lower().encode()], 128),
    Target("enrol_offer", run_offer, _offers, 1_100),
    Target("enrol_ledger", run_ledger, _ledgers, 8_192, JSON),
    Target("enrol_topic", run_topic, lambda: list(_TOPICS), 128),
)
