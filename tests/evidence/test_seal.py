from hashlib import sha256

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import ClockState
from evidence import cbor, keys
from evidence.seal import (
    COSE_BYTES_MAX,
    DOMAIN,
    NUMBER_MAX,
    SealHeader,
    merkle_root,
    open_body,
    parse_seal,
    peek_header,
    sign_header,
)
from tests.evidence.chains import Chain, heartbeat, secret

HEADERS = st.builds(
    SealHeader,
    gateway=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", fullmatch=True),
    number=st.integers(1, NUMBER_MAX),
    first_record=st.integers(1, 2**64 - 1),
    count=st.integers(1, 16_000),
    root=st.binary(min_size=32, max_size=32),
    previous=st.binary(min_size=32, max_size=32),
    next_key=st.binary(min_size=32, max_size=32).filter(keys.is_sound),
    utc_ms=st.integers(0, 2**64 - 1),
    boottime_ms=st.integers(0, 2**64 - 1),
    boot_id=st.binary(min_size=16, max_size=16),
    clock_state=st.sampled_from(ClockState),
    reference=st.just(b"") | st.binary(min_size=32, max_size=32),
)
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        bytes(range(0x60, 0x70)).hex(),
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@given(HEADERS)
@settings(deadline=None, max_examples=100)
def test_a_signed_header_comes_back_and_holds_under_its_key_alone(header: SealHeader) -> None:
    raw = sign_header(header, secret(1))
    assert len(raw) <= COSE_BYTES_MAX
    found, signed = parse_seal(raw)
    assert found == header
    assert signed.holds(keys.public(secret(1)), DOMAIN)
    assert not signed.holds(keys.public(secret(2)), DOMAIN)
    assert not signed.holds(keys.public(secret(1)), b"dj1.receipt")


def test_every_changed_bit_of_a_seal_is_noticed() -> None:
    raw = Chain().seal().cose
    key = keys.public(secret(1))
    for bit in range(len(raw) * 8):
        mutated = bytearray(raw)
        mutated[bit // 8] ^= 1 << bit % 8
        try:
            _, signed = parse_seal(bytes(mutated))
        except cbor.FormatError:
            continue
        assert not signed.holds(key, DOMAIN), f"bit {bit}"


def test_every_cut_and_every_appended_byte_is_refused() -> None:
    raw = Chain().seal().cose
    for wrong in [*(raw[:end] for end in range(len(raw))), raw + b"\0"]:
        with pytest.raises(cbor.FormatError):
            peek_header(wrong)


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=300)
def test_foreign_bytes_are_no_seal(raw: bytes) -> None:
    for attempt in (raw, b"\xd2" + raw, bytes.fromhex("d28443a10127a0") + raw):
        with pytest.raises(cbor.FormatError):
            peek_header(attempt)


@pytest.mark.parametrize(
    "wrong",
    [
        {"gateway": ""},
        {"gateway": "a/b"},
        {"gateway": "#"},
        {"gateway": "x" * 33},
        {"number": 0},
        {"number": NUMBER_MAX + 1},
        {"first_record": 0},
        {"count": 0},
        {"count": 16_001},
        {"root": b"short"},
        {"previous": bytes(31)},
        {"next_key": b""},
        {"utc_ms": -1},
        {"boot_id": bytes(15)},
        {"reference": bytes(31)},
    ],
)
def test_a_header_with_one_impossible_field_is_refused_although_it_is_signed(
    wrong: dict[str, object],
) -> None:
    header = peek_header(Chain().seal().cose)
    raw = sign_header(evolve(header, **wrong), secret(1))
    with pytest.raises(cbor.FormatError):
        parse_seal(raw)


GOLDEN_SECOND_SEAL = "857a41443930f190b4326fddfb50adff00d775b304728703600bbc28535160fd"


def test_the_format_of_a_seal_has_not_changed() -> None:
    chain = Chain()
    chain.seal()
    assert sha256(chain.seal().cose).hexdigest() == GOLDEN_SECOND_SEAL


@pytest.mark.parametrize("count", range(1, 9))
def test_the_merkle_root_is_that_of_certificate_transparency(count: int) -> None:
    assert merkle_root(CT_LEAVES[:count]).hex() == CT_ROOTS[count - 1]


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=70))
@settings(deadline=None, max_examples=100)
def test_the_merkle_root_by_levels_is_the_recursive_one(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == recursive_root(leaves)


def test_every_changed_bit_of_a_body_is_noticed() -> None:
    made = Chain().seal([heartbeat(1), heartbeat(2), heartbeat(3)])
    header = peek_header(made.cose)
    assert made.body is not None
    assert open_body(header, made.body) == (heartbeat(1), heartbeat(2), heartbeat(3))
    for bit in range(len(made.body) * 8):
        mutated = bytearray(made.body)
        mutated[bit // 8] ^= 1 << bit % 8
        with pytest.raises(cbor.FormatError):
            open_body(header, bytes(mutated))
