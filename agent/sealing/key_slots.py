"""The key file: where the current secret lives, and where every older one is destroyed.

Never SQLite: superseded keys stay readable in its pages. The file is a ring of SLOTS sectors of
512 bytes, written through O_DSYNC, one sector a write, so that a write is there whole or torn and
never half another's. Where file system and disk take single sectors it is written past the page cache
(O_DIRECT), which writes blocks of 4 kB, with the seven neighbours of a sector in them. Slot `number` lies at
number mod SLOTS:

    0    magic "djk1", number u64, next_record u64, previous (32), length of cose u16, cose, zeros
    454  SHA-256 of the bytes above, first 16
    470  secret (32)
    502  SHA-256 of "dj1.slot", number and secret, first 10

Slot n holds the secret of seal n, which is not signed yet, and the seal n-1 before it whole. Two
slots at most have a secret: that of the next seal and, until it is committed, that of the seal
being made. Destroying a secret writes its sector again with zeros for its 42 bytes, so that a
database which lost its last commits can get their seals (not their bodies) back, up to SLOTS of them.

A seal costs two writes, each of a sector, or of a block of 4 kB without O_DIRECT. They are not combined: a
write torn between two sectors could destroy the old secret before the new one is there, and with both in
one sector a torn write would end the chain.

Flash wear levelling may keep an old copy of a sector: zeros do not keep out an
attacker who desolders the chip. Only the sealer writes or reads this file.
"""

import errno
import mmap
import os
import struct
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import frozen

from disk.files import read_plain, replace_file, write_at
from evidence.keys import SECRET_BYTES
from evidence.seal import COSE_BYTES_MAX, FIRST_NUMBER, FIRST_RECORD, NO_HASH

SLOTS: Final = 64
"""At one seal per 10 s a disk may lose ten minutes of commits without breaking the chain."""
SECTOR_BYTES: Final = 512
"""The smallest unit that disks write; larger ones replace it whole too."""
FILE_BYTES_MAX: Final = 1 << 20
"""Far above all slots; what is longer is none of ours."""

_PUBLIC: Final = struct.Struct(f">4sQQ32sH{COSE_BYTES_MAX}s")
_PUBLIC_SUM_BYTES: Final = 16
_SECRET_AT: Final = _PUBLIC.size + _PUBLIC_SUM_BYTES
_SECRET_SUM_BYTES: Final = 10
_MAGIC: Final = b"djk1"
_OPEN: Final = os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC
_ERASED: Final = bytes(SECRET_BYTES + _SECRET_SUM_BYTES)
assert _SECRET_AT + len(_ERASED) == SECTOR_BYTES


class KeySlotsError(Exception):
    """The key file could not be written: its content is unknown, so the process must end."""


@frozen
class Slot:
    """The content of one sector.

    Attributes:
        number: The seal that `secret` signs.
        secret: Its secret key, or None where it was destroyed or torn.
        next_record: Number of that seal's first record.
        previous: Hash of the seal before it.
        cose: The seal before it, whole; empty before the first, and where a statement begins.
    """

    number: int
    secret: bytes | None
    next_record: int
    previous: bytes
    cose: bytes


def first_slot(secret: bytes) -> Slot:
    """The slot of a gateway that has sealed nothing yet."""
    return Slot(FIRST_NUMBER, secret, FIRST_RECORD, NO_HASH, b"")


def encode_slot(slot: Slot) -> bytes:
    """The sector of a slot that has its secret."""
    assert slot.secret is not None
    public = _PUBLIC.pack(_MAGIC, slot.number, slot.next_record, slot.previous, len(slot.cose), slot.cose)
    return public + _public_sum(public) + slot.secret + _secret_sum(slot.number, slot.secret)


def decode_slot(sector: bytes, position: int) -> Slot | None:
    """The slot in the sector at `position`, or None where it is empty, torn or not ours."""
    public = sector[: _PUBLIC.size]
    if len(sector) != SECTOR_BYTES or sector[_PUBLIC.size : _SECRET_AT] != _public_sum(public):
        return None
    magic, number, next_record, previous, length, cose = _PUBLIC.unpack(public)
    if magic != _MAGIC or number % SLOTS != position or length > COSE_BYTES_MAX:
        return None
    secret = sector[_SECRET_AT : _SECRET_AT + SECRET_BYTES]
    whole = sector[_SECRET_AT + SECRET_BYTES :] == _secret_sum(number, secret)
    return Slot(number, secret if whole else None, next_record, previous, cose[:length])


class KeySlots:
    """The key file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._is_direct = True
        self._living: dict[int, bytes] = {}

    def exists(self) -> bool:
        """Whether the gateway has, or had, keys."""
        return self._path.exists()

    def create(self, secret: bytes) -> None:
        """Make the file with the first key in it; it appears whole or not at all.

        Raises:
            KeySlotsError: It is there already, or cannot be written.
        """
        if self.exists():
            raise KeySlotsError(f"{self._path} is there already")
        self._appear(first_slot(secret))

    def restart(self, slot: Slot, *, keep: bool) -> Path | None:
        """Replace the file by one with `slot`; with `keep` the old one stays beside it, at the path returned.

        Raises:
            KeySlotsError: It cannot be written; the old file is still there.
        """
        self.close()
        aside = None
        try:
            if keep and self.exists():
                aside = self._aside()
                os.link(self._path, aside)
        except OSError as error:
            raise KeySlotsError(f"{self._path}: {error}") from error
        self._appear(slot)
        return aside

    def _aside(self) -> Path:
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.old-{number}")).exists():
            number += 1
        return aside

    def _appear(self, slot: Slot) -> None:
        """Put a file with nothing but `slot` in the place of whatever is there."""
        image = bytearray(SLOTS * SECTOR_BYTES)
        at = slot.number % SLOTS * SECTOR_BYTES
        image[at : at + SECTOR_BYTES] = encode_slot(slot)
        try:
            replace_file(self._path, bytes(image), 0o600)
        except OSError as error:
            raise KeySlotsError(f"{self._path}: {error}") from error

    def load(self) -> tuple[Slot, ...]:
        """Every readable slot, in the order of their numbers."""
        try:
            image = read_plain(self._path, FILE_BYTES_MAX, follow=True)
        except OSError as error:
            raise KeySlotsError(f"{self._path}: {error}") from error
        sectors = (
            decode_slot(image[at : at + SECTOR_BYTES], at // SECTOR_BYTES)
            for at in range(0, SLOTS * SECTOR_BYTES, SECTOR_BYTES)
        )
        return tuple(sorted((slot for slot in sectors if slot is not None), key=lambda slot: slot.number))

    def write(self, slot: Slot) -> None:
        """Put `slot`, with its secret, on the disk.

        Raises:
            KeySlotsError: It may be there, torn or not there.
        """
        sector = self._living[slot.number] = encode_slot(slot)
        self._put(sector, slot.number % SLOTS * SECTOR_BYTES)

    def erase(self, number: int) -> None:
        """Destroy the secret of slot `number`.

        Raises:
            KeySlotsError: It may still be there.
        """
        at = number % SLOTS * SECTOR_BYTES
        sector = self._living.pop(number, None) or self._read(at)
        self._put(sector[:_SECRET_AT].ljust(_SECRET_AT, b"\0") + _ERASED, at)

    def close(self) -> None:
        """Close the file."""
        self._living.clear()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read(self, at: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(at)
                return file.read(SECTOR_BYTES)
        except OSError as error:
            raise KeySlotsError(f"{self._path}: {error}") from error

    def _put(self, sector: bytes, at: int) -> None:
        """Write a whole sector."""
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            # O_DIRECT wants its bytes at an address that the disk can take: a page's
            with mmap.mmap(-1, SECTOR_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
                page.write(sector)
                try:
                    write_at(self._descriptor, page, at)
                except OSError as error:
                    if error.errno != errno.EINVAL or not self._is_direct:
                        raise
                    self._is_direct = False  # it takes larger pieces only, and has written nothing
                    os.close(self._descriptor)
                    self._descriptor = None
                    self._descriptor = self._open()
                    write_at(self._descriptor, page, at)
                finally:
                    page[:] = bytes(SECTOR_BYTES)
        except OSError as error:
            raise KeySlotsError(f"{self._path}: {error}") from error

    def _open(self) -> int:
        if self._is_direct:
            try:
                return os.open(self._path, _OPEN | os.O_DIRECT)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._is_direct = False
        return os.open(self._path, _OPEN)


def _public_sum(public: bytes) -> bytes:
    return sha256(public).digest()[:_PUBLIC_SUM_BYTES]


def _secret_sum(number: int, secret: bytes) -> bytes:
    return sha256(b"dj1.slot" + number.to_bytes(8, "big") + secret).digest()[:_SECRET_SUM_BYTES]
