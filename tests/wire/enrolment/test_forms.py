"""The forms of an enrolment: tokens that are mistyped, the schema, and bindings that no byte can leave."""

import hmac
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import evidence
from centre.enrolment.ledger import Ledger
from centre.enrolment.policy import check_request
from evidence import cbor
from tests.evidence.cddl import Schema
from tests.provisioning.enrolment.made import NOW, Desk, Device
from wire.enrolment import certificates
from wire.enrolment.answer import REFUSALS, Issued, Pending, Refused, encode_answer
from wire.enrolment.offer import Offer, parse_offer
from wire.enrolment.request import parse_attribute
from wire.enrolment.token import ALPHABET, CHARACTERS, Token, TokenError, parse_token, short_code

SCHEMA = Schema((Path(evidence.__file__).parent / "records.cddl").read_text())
TOKENS = st.builds(
    Token, st.text(ALPHABET, min_size=6, max_size=6), st.text(ALPHABET, min_size=16, max_size=16)
)


@given(TOKENS, st.integers(0, CHARACTERS - 1), st.sampled_from(ALPHABET))
@settings(deadline=None)
def test_every_wrong_character_of_a_token_is_found(token: Token, at: int, other: str) -> None:
    text = token.text.replace("-", "")
    wrong = text[:at] + other + text[at + 1 :]
    if wrong == text:
        assert parse_token(wrong) == token
    else:
        with pytest.raises(TokenError, match="mistyped"):
            parse_token(wrong)


@given(TOKENS, st.integers(0, CHARACTERS - 2))
@settings(deadline=None)
def test_two_neighbours_in_the_wrong_order_are_found(token: Token, at: int) -> None:
    text = token.text.replace("-", "")
    wrong = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if wrong != text:
        with pytest.raises(TokenError, match="mistyped"):
            parse_token(wrong)


@given(TOKENS)
@settings(deadline=None)
def test_a_token_is_read_however_it_is_typed(token: Token) -> None:
    text = token.text
    for typed in (text, text.lower(), text.replace("-", " "), f"  {text}\n", text.replace("0", "O")):
        assert parse_token(typed) == token
    assert parse_token(text.replace("1", "l").replace("0", "o")) == token


def test_the_key_of_a_token_is_that_of_hkdf() -> None:
    token = Token("ABCDEF", "0123456789ABCDEF")
    extracted = hmac.new(b"dj1.token" + b"ABCDEF", b"0123456789ABCDEF", sha256).digest()
    wanted = hmac.new(extracted, b"dj1.enrol-mac\x01", sha256).digest()
    assert token.mac_key == wanted
    assert short_code(b"").count("-") == 2


KEYS = st.binary(min_size=32, max_size=32)


@given(TOKENS, KEYS, KEYS, st.integers(0, 10**11))
@settings(deadline=None)
def test_an_offer_is_read_as_it_was_written(token: Token, key: bytes, authority: bytes, ends: int) -> None:
    offer = Offer("gw-7", token, key, authority, "mqtts://[::1]:8883", "https://c.example/x", "", ends)
    assert parse_offer(offer.text) == offer
    assert len(offer.text) < 300


def test_real_requests_and_answers_match_the_schema(tmp_path: Path) -> None:
    desk, device = Desk.opened(tmp_path), Device()
    asked = certificates.parse_csr(device.asks(desk.gives())).attribute
    renewal = certificates.parse_csr(device.renews(b"x", certificates.new_key())).attribute
    with_token = certificates.parse_csr(device.renews(b"x", device.key, desk.gives())).attribute
    for attribute in (asked, renewal, with_token):
        assert SCHEMA.matches("enrol-attribute", attribute)
    assert SCHEMA.matches("enrol-request", parse_attribute(asked).signed)
    assert SCHEMA.matches("renew-request", parse_attribute(renewal).signed)
    assert not SCHEMA.matches("enrol-request", parse_attribute(renewal).signed)
    answers = (Issued(b"x"), Pending("7K4Q-F2XN-0000"), *map(Refused, REFUSALS))
    for answer in answers:
        assert SCHEMA.matches("enrol-answer", encode_answer(answer))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Ledger, Device, Token]:
    desk, device = Desk.opened(tmp_path_factory.mktemp("judged")), Device()
    token = desk.gives()
    return device.asks(token), desk.office.ledger, device, token


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_bit_of_a_signing_request_can_be_changed(
    judged: tuple[bytes, Ledger, Device, Token], data: st.DataObject
) -> None:
    csr, ledger, _, _ = judged
    assert not isinstance(check_request(csr, ledger, lambda _: None, NOW), Refused)
    at = data.draw(st.integers(0, len(csr) * 8 - 1))
    changed = bytearray(csr)
    changed[at // 8] ^= 1 << at % 8
    answer = check_request(bytes(changed), ledger, lambda _: None, NOW)
    assert isinstance(answer, Refused)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_no_bit_of_the_request_inside_can_be_changed_by_who_has_the_tls_key(
    judged: tuple[bytes, Ledger, Device, Token], data: st.DataObject
) -> None:
    csr, ledger, device, _ = judged
    attribute = certificates.parse_csr(csr).attribute
    at = data.draw(st.integers(0, len(attribute) * 8 - 1))
    changed = bytearray(attribute)
    changed[at // 8] ^= 1 << at % 8
    assert isinstance(check_request(device.wraps(bytes(changed)), ledger, lambda _: None, NOW), Refused)


def test_a_request_does_not_pass_under_the_mac_of_another(
    judged: tuple[bytes, Ledger, Device, Token],
) -> None:
    csr, ledger, device, token = judged
    other = evolve(device, meters=())
    signed = parse_attribute(certificates.parse_csr(other.asks(token)).attribute).signed
    mac = parse_attribute(certificates.parse_csr(csr).attribute).mac
    answer = check_request(device.wraps(cbor.encode([signed, mac])), ledger, lambda _: None, NOW)
    assert answer == Refused("token-secret")
    answer = check_request(device.wraps(cbor.encode([signed, b""])), ledger, lambda _: None, NOW)
    assert answer == Refused("token-secret")
