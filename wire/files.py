"""Files beside the chain on their way to the centre: topics and messages.

    dj/1/<gateway>/files   centre    COSE, retained                        what it wants, from which byte on
    dj/1/<gateway>/file    gateway   CBOR [sha256, length, offset, piece]  a piece of such a file

The centre asks for what a sealed answer or mark names by its hash, one file after another; nothing is sent
unasked. The request has no time of its own, and counts until the centre's is past the end of the receipt key
that signed it. What it wants is the payload of a COSE_Sign1 by the centre's key under `dj1.files`:
    [1, gateway, [[sha256, offset], …]]
and an empty message takes it away. `length` is that of the whole file; [sha256, 0, 0, b""] says that the
gateway has it no more. A piece proves nothing: only the whole file does, by its hash.
"""

from collections.abc import Collection
from typing import Final

from attrs import field, frozen

from evidence import cbor
from evidence.delegated import Signer, open_delegated, to_signer
from evidence.seal import HASH_BYTES, check_gateway
from wire.messages import ROOT, Kind, Topics, WireError

VERSION: Final = 1
DOMAIN: Final = b"dj1.files"
FILE_BYTES_MAX: Final = 2_000_000
"""As `evidence.marks.mark` has it of a sealed file; the agent does not load that for a figure."""
PIECE_BYTES_MAX: Final = 16_384
"""A quarter of a live seal's longest message: what waits behind a piece waits for a moment."""
WANTED_MAX: Final = 16
"""Files in one message: as many as one answer names. The next message has the next."""
WANTED_BYTES_MAX: Final = 1_024
PIECE_FRAME_BYTES: Final = 1 + 2 + HASH_BYTES + 5 + 5 + 3
"""Around a piece: array, hash, length, offset, and the head of the byte string."""


@frozen
class Wanted:
    """What the centre wants of a gateway: hashes, each with the first byte that it has not.

    `until_utc_ms` is the end of the key that asks, by its certificate; None for the root.
    """

    gateway: str
    files: tuple[tuple[bytes, int], ...]
    until_utc_ms: int | None = field(default=None, eq=False)

    def has_ended(self, heard_utc_ms: int) -> bool:
        """Whether the centre's time, as far as the reader has heard it, is past the end of the key."""
        return self.until_utc_ms is not None and heard_utc_ms > self.until_utc_ms


@frozen
class Piece:
    """The bytes of a file from `offset` on; without any the gateway has not the file."""

    sha256: bytes
    length: int
    offset: int
    piece: bytes

    @property
    def is_absent(self) -> bool:
        """Whether it says that there is no such file."""
        return not self.length


def wanted_topic(gateway: str) -> str:
    """Where the centre says what it wants."""
    return f"{ROOT}/{gateway}/files"


def file_topic(gateway: str) -> str:
    """Where the pieces come."""
    return Topics(gateway).of(Kind.FILE)


def sign_wanted(wanted: Wanted, signer: Signer | bytes) -> bytes:
    """What is wanted, as the centre publishes it; bytes are the root's secret."""
    files = [[sha256, offset] for sha256, offset in wanted.files]
    return to_signer(signer).sign(cbor.encode([VERSION, wanted.gateway, files]), DOMAIN)


def open_wanted(
    raw: bytes, centre_key: bytes, withdrawn: Collection[bytes] = (), heard_utc_ms: int = 0
) -> Wanted:
    """The inverse of `sign_wanted`; raises FormatError, also if the centre has not signed it.

    `heard_utc_ms` is the centre's time as far as it is known here: its key may have ended.
    """
    opened = open_delegated(raw, centre_key, DOMAIN, WANTED_BYTES_MAX, withdrawn)
    version, gateway, files = cbor.array(opened.value, "wanted", 3)
    cbor.natural(version, "version", VERSION, VERSION)
    if type(files) is not list or len(files) > WANTED_MAX:
        raise cbor.FormatError(f"files is not an array of at most {WANTED_MAX}")
    until_ms = None if opened.certificate is None else opened.certificate.until_utc_ms
    wanted = Wanted(check_gateway(cbor.text(gateway, "gateway")), tuple(map(_parse_file, files)), until_ms)
    if wanted.has_ended(heard_utc_ms):
        raise cbor.FormatError("its receipt key is not in force any more")
    return wanted


def encode_piece(piece: Piece) -> bytes:
    """A piece as the gateway sends it."""
    return cbor.encode([piece.sha256, piece.length, piece.offset, piece.piece])


def decode_piece(payload: bytes) -> Piece:
    """The inverse of `encode_piece`; raises WireError."""
    try:
        items = cbor.decode(payload, PIECE_BYTES_MAX + PIECE_FRAME_BYTES)
        sha256, length, offset, piece = cbor.array(items, "piece", 4)
        cbor.octets(sha256, "sha256", HASH_BYTES)
        cbor.natural(length, "length", FILE_BYTES_MAX)
        cbor.natural(offset, "offset", FILE_BYTES_MAX)
    except cbor.FormatError as error:
        raise WireError(str(error)) from None
    if type(piece) is not bytes or offset + len(piece) > length or (length and not piece):
        raise WireError("a piece of a file has bytes, and lies within the file")
    return Piece(sha256, length, offset, piece)


def _parse_file(item: object) -> tuple[bytes, int]:
    sha256, offset = cbor.array(item, "file", 2)
    return cbor.octets(sha256, "sha256", HASH_BYTES), cbor.natural(offset, "offset", FILE_BYTES_MAX)
