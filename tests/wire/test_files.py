"""What the centre wants of files, and their pieces."""

from contextlib import suppress
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.files import FilesOut
from evidence import cose, keys
from evidence.cbor import FormatError
from evidence.delegated import Signer
from tests.evidence.orders import made
from wire.files import (
    DOMAIN,
    FILE_BYTES_MAX,
    PIECE_BYTES_MAX,
    PIECE_FRAME_BYTES,
    WANTED_BYTES_MAX,
    WANTED_MAX,
    Piece,
    Wanted,
    decode_piece,
    encode_piece,
    open_wanted,
    sign_wanted,
)
from wire.messages import WireError

CENTRE = bytes(range(32))
SHA = bytes(32)
END_MS = made.NOW_MS + 700 * made.DAY_MS
SIGNER = Signer(made.VERIFIER, keys.public(made.ROOT), made.VERIFIER_CERTIFICATE)


def signed(payload: object, secret: bytes = CENTRE, domain: bytes = DOMAIN) -> bytes:
    return cose.sign1(cbor2.dumps(payload, canonical=True), secret, domain)


def test_the_longest_request_reads_back() -> None:
    wanted = Wanted("g" * 32, tuple((bytes([n]) * 32, FILE_BYTES_MAX) for n in range(WANTED_MAX)))
    raw = sign_wanted(wanted, CENTRE)
    assert open_wanted(raw, keys.public(CENTRE)) == wanted
    assert len(raw) <= WANTED_BYTES_MAX


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        signed([1, "g1", [[SHA, 0]]], bytes(32)),
        signed([1, "g1", [[SHA, 0]]], domain=b"dj1.receipt"),
        signed([2, "g1", []]),
        signed([1, "g 1", []]),
        signed([1, "g1", {}]),
        signed([1, "g1", [[SHA, 0]] * (WANTED_MAX + 1)]),
        signed([1, "g1", [[SHA[:31], 0]]]),
        signed([1, "g1", [[SHA, FILE_BYTES_MAX + 1]]]),
        signed([1, "g1", [[SHA, -1]]]),
        signed([1, "g1", [[SHA]]]),
        signed([1, "g1", [SHA]]),
        signed([1, "g1"]),
    ],
)
def test_another_request_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        open_wanted(raw, keys.public(CENTRE))


@pytest.mark.parametrize(("heard_ms", "counts"), [(0, True), (END_MS, True), (END_MS + 1, False)])
def test_a_receipt_key_asks_until_its_end_as_far_as_the_centre_s_time_is_known(
    heard_ms: int, counts: bool
) -> None:
    wanted = Wanted("g1", ((SHA, 0),))
    raw = sign_wanted(wanted, SIGNER)
    if counts:
        assert open_wanted(raw, SIGNER.root, heard_utc_ms=heard_ms) == wanted
    else:
        with pytest.raises(FormatError, match="not in force any more"):
            open_wanted(raw, SIGNER.root, heard_utc_ms=heard_ms)


def test_what_a_key_has_asked_for_ends_with_it(tmp_path: Path) -> None:
    out = FilesOut(tmp_path, "g1", SIGNER.root)
    out.take(sign_wanted(Wanted("g1", ((SHA, 0),)), SIGNER), heard_utc_ms=END_MS)
    assert out.is_due(1e9, END_MS)
    assert not out.is_due(1e9, END_MS + 1)
    assert not out.is_due(1e9, END_MS)


def test_a_piece_in_flight_when_its_key_ends_is_acknowledged_in_vain(tmp_path: Path) -> None:
    out = FilesOut(tmp_path, "g1", SIGNER.root)
    out.take(sign_wanted(Wanted("g1", ((SHA, 0),)), SIGNER))
    assert out.next(0.0, 1 << 16) is not None
    assert not out.is_due(1e9, END_MS + 1)
    out.on_ack(0, 1e9)
    assert not out.is_due(1e9)


@given(st.integers(1, FILE_BYTES_MAX), st.integers(0, FILE_BYTES_MAX), st.binary(min_size=1, max_size=40))
def test_a_piece_reads_back_if_it_lies_within_its_file(length: int, offset: int, piece: bytes) -> None:
    one = Piece(SHA, length, offset, piece)
    if offset + len(piece) <= length:
        assert decode_piece(encode_piece(one)) == one
    else:
        with pytest.raises(WireError):
            decode_piece(encode_piece(one))


def test_the_longest_piece_fits_its_frame_and_an_absent_file_is_told() -> None:
    longest = encode_piece(
        Piece(SHA, FILE_BYTES_MAX, FILE_BYTES_MAX - PIECE_BYTES_MAX, bytes(PIECE_BYTES_MAX))
    )
    assert decode_piece(longest).piece == bytes(PIECE_BYTES_MAX)
    assert len(longest) <= PIECE_BYTES_MAX + PIECE_FRAME_BYTES
    assert decode_piece(encode_piece(Piece(SHA, 0, 0, b""))).is_absent


@pytest.mark.parametrize(
    "items",
    [
        [],
        SHA,
        [SHA, 1, 0],
        [SHA[:31], 1, 0, b"x"],
        ["0" * 32, 1, 0, b"x"],
        [SHA, FILE_BYTES_MAX + 1, 0, b"x"],
        [SHA, 1, -1, b"x"],
        [SHA, 1, 0, b""],
        [SHA, 1, 0, "x"],
        [SHA, 1, 1, b"x"],
        [SHA, 0, 0, b"x"],
        [SHA, True, 0, b"x"],
    ],
)
def test_another_piece_is_refused(items: object) -> None:
    with pytest.raises(WireError):
        decode_piece(cbor2.dumps(items, canonical=True))


@given(st.binary(max_size=120))
def test_whatever_comes_is_a_piece_or_refused(raw: bytes) -> None:
    with suppress(WireError):
        assert encode_piece(decode_piece(raw)) == raw
