"""SM4 over the region of a packet (HJ 212-2025, 6.4.1): ECB, key of 16 bytes, no padding.

Only whole blocks of 16 bytes are encrypted; what is left at the end stays plain. The cipher stands in the
packet as raw bytes, or printed as hexadecimal. ECB shows equal blocks as equal and nothing proves who sent a
packet: it hides values from a passer-by, no more.

The one file that imports ciphers of cryptography.
"""

import re
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

KEY_BYTES: Final = 16
BLOCK_BYTES: Final = 16
PRINTED: Final = 2
"""Characters of a byte in the printed form."""
_HEX_KEY: Final = re.compile(r"[0-9A-Fa-f]{32}")


class CipherForm(StrEnum):
    """How the cipher stands in the packet."""

    RAW = "raw"
    PRINTED = "printed"


def read_key(text: str) -> bytes | None:
    """A key as it is handed out: 32 hexadecimal digits or 16 characters; None if it is none."""
    if _HEX_KEY.fullmatch(text):
        return bytes.fromhex(text)
    is_text = len(text) == KEY_BYTES and text.isascii() and text.isprintable()
    return text.encode("ascii") if is_text else None


def count_whole(size_bytes: int) -> int:
    """Bytes of a region that are encrypted."""
    return size_bytes // BLOCK_BYTES * BLOCK_BYTES


def encrypt(key: bytes, region: bytes, form: CipherForm = CipherForm.RAW) -> bytes:
    """The region as it stands in the packet."""
    whole = count_whole(len(region))
    encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 -- the standard's mode
    cipher = encryptor.update(region[:whole]) + encryptor.finalize()
    return (cipher if form is CipherForm.RAW else cipher.hex().upper().encode()) + region[whole:]


def decrypt(key: bytes, region: bytes, form: CipherForm = CipherForm.RAW) -> bytes:
    """The plain region; raises ValueError if it cannot be of this form."""
    cipher, tail = cut(region, form)
    decryptor = Cipher(SM4(key), modes.ECB()).decryptor()  # noqa: S305
    return decryptor.update(cipher) + decryptor.finalize() + tail


def cut(region: bytes, form: CipherForm) -> tuple[bytes, bytes]:
    """The cipher's bytes and the plain tail; raises ValueError if it cannot be of this form."""
    if form is CipherForm.RAW:
        whole = count_whole(len(region))
        return region[:whole], region[whole:]
    whole = len(region) // (BLOCK_BYTES * PRINTED) * BLOCK_BYTES * PRINTED
    if len(region) - whole >= BLOCK_BYTES:
        raise ValueError("is no printed cipher with a tail of less than a block")
    return bytes.fromhex(region[:whole].decode("ascii")), region[whole:]
