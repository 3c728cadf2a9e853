import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor, cose, keys
from evidence.receipt import (
    BEACON_DOMAIN,
    RECEIPT_BYTES_MAX,
    RECEIPT_DOMAIN,
    Beacon,
    Conflict,
    Receipt,
    open_beacon,
    open_receipt,
    sign_beacon,
    sign_receipt,
)
from evidence.seal import NUMBER_MAX
from tests.evidence.chains import Chain, secret

CENTRE = secret(0, "centre")
CENTRE_KEY = keys.public(CENTRE)
HASH = b"h" * 32


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    bounds, at = [], draw(st.integers(0, 100))
    up_to = at
    for _ in range(draw(st.integers(0, 64))):
        first = at + 2 + draw(st.integers(0, 2**33))
        at = first + draw(st.integers(0, 100))
        bounds.append((first, at))
    number = min(at + draw(st.integers(0, 10)), NUMBER_MAX)
    conflict = draw(st.none() | st.just(Conflict(number + 1, HASH)))
    return Receipt("gw-7", number, HASH if number else bytes(32), up_to, tuple(bounds), 5, conflict)


@given(receipts())
@settings(deadline=None, max_examples=100)
def test_a_receipt_comes_back_whole_under_the_centres_key(receipt: Receipt) -> None:
    raw = sign_receipt(receipt, CENTRE)
    assert len(raw) <= RECEIPT_BYTES_MAX
    assert open_receipt(raw, CENTRE_KEY) == receipt


RECEIPT = Receipt("gw-7", 9, HASH, 3, ((5, 6), (8, 9)), 1_000, Conflict(10, HASH))


def test_every_changed_bit_of_a_receipt_or_beacon_is_refused() -> None:
    for raw, read in (
        (sign_receipt(RECEIPT, CENTRE), open_receipt),
        (sign_beacon(Beacon(5, 6), CENTRE), open_beacon),
    ):
        read(raw, CENTRE_KEY)
        for bit in range(len(raw) * 8):
            mutated = bytearray(raw)
            mutated[bit // 8] ^= 1 << bit % 8
            with pytest.raises(cbor.FormatError):
                read(bytes(mutated), CENTRE_KEY)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (sign_receipt(RECEIPT, secret(1, "mallory")), "signed by somebody else"),
        (Chain().seal(signer=CENTRE).cose, "a seal signed with the centre's key"),
        (sign_beacon(Beacon(5, 6), CENTRE), "a beacon"),
        (cose.sign1(b"\x80", CENTRE, RECEIPT_DOMAIN), "an empty array"),
    ],
)
def test_no_receipt(raw: bytes, why: str) -> None:
    with pytest.raises(cbor.FormatError):
        open_receipt(raw, CENTRE_KEY)
    assert why


@pytest.mark.parametrize(
    "wrong",
    [
        {"gateway": "a/b"},
        {"number": 0},
        {"seal_hash": bytes(32)},
        {"seal_hash": b"short"},
        {"bodies_up_to": 10, "ranges": ()},
        {"ranges": ((4, 6),)},
        {"ranges": ((5, 6), (7, 9))},
        {"ranges": ((8, 9), (5, 6))},
        {"ranges": ((6, 5),)},
        {"ranges": ((5, 10),)},
        {"ranges": ((0, 1),)},
        {"ranges": tuple((n, n) for n in range(100, 230, 2)), "number": 1_000},
        {"centre_utc_ms": -1},
        {"conflict": Conflict(0, HASH)},
        {"conflict": Conflict(4, b"")},
    ],
)
def test_a_receipt_that_contradicts_itself_is_refused_although_it_is_signed(wrong: dict[str, object]) -> None:
    raw = sign_receipt(evolve(RECEIPT, **wrong), CENTRE)
    with pytest.raises(cbor.FormatError):
        open_receipt(raw, CENTRE_KEY)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=50)
def test_a_beacon_comes_back_and_is_no_receipt(centre_utc_ms: int, sequence: int) -> None:
    raw = sign_beacon(Beacon(centre_utc_ms, sequence), CENTRE)
    assert open_beacon(raw, CENTRE_KEY) == Beacon(centre_utc_ms, sequence)
    with pytest.raises(cbor.FormatError):
        open_receipt(raw, CENTRE_KEY)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_foreign_payloads_that_the_centre_signed_fail_with_a_format_error(payload: bytes) -> None:
    for domain, read in ((RECEIPT_DOMAIN, open_receipt), (BEACON_DOMAIN, open_beacon)):
        with pytest.raises(cbor.FormatError):
            read(cose.sign1(payload, CENTRE, domain), CENTRE_KEY)
