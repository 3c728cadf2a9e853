"""Ed25519 keys (RFC 8032), as raw bytes. The only file of the daemon that imports cryptography.

A TPM cannot make Ed25519 signatures; `verify_es256` checks ES256 ones, with imports at the
first call.

A gateway's secret is 32 bytes in the sealer's memory while it signs, and in the key file of
`agent.sealing.key_slots`. The centre's secret is in a file of its own, mode 0600. Python cannot wipe a
`bytes` object: root on the running gateway can read the current key, but no older one. More is not promised.

x509 and serialization are not imported: they cost 43 ms and 9 MiB in the daemon.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from disk.files import create_file, read_plain

SECRET_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_FILE_BYTES_MAX: Final = 200
"""The digits of a key are 64 and an end of line."""
_PRIME: Final = 2**255 - 19
_Y_BITS: Final = 2**255 - 1
"""Of an encoded point; the highest bit is the sign of x."""
_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER: Final = frozenset({0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8})
"""y of the eight points whose order divides 8: two of order 4, the identity, that of order 2, four of 8."""


class KeyFileError(Exception):
    """A key file is missing, has the wrong length or can be read by others."""


def generate() -> bytes:
    """A fresh random secret: any 32 bytes are one (RFC 8032, 5.1.5)."""
    return os.urandom(SECRET_BYTES)


def public(secret: bytes) -> bytes:
    """The public key of `secret`."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, message: bytes) -> bytes:
    """The signature of `message`."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def is_sound(public_key: bytes) -> bool:
    """Whether these 32 bytes can name an owner: y below the prime, and no point of small order.

    Under a point of small order anybody can sign; the same point in two forms, or a form that one library
    takes and another does not, would give two verdicts (RFC 8032, 5.1.2 and 5.1.7). That some secret belongs
    to the key is not shown: under a key of nobody no seal follows.
    """
    y = int.from_bytes(public_key, "little") & _Y_BITS
    return y < _PRIME and y not in _SMALL_ORDER


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` was made with the secret of `public_key`."""
    try:
        _load_public(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_es256(point: tuple[bytes, bytes], signature: bytes, message: bytes) -> bool:
    """Whether `signature` (r and s, 32 bytes each) over `message` fits the P-256 key with this point."""
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 -- 30 ms that few need
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    x, y, r, s = (int.from_bytes(part) for part in (*point, signature[:32], signature[32:]))
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=8)  # the centre's key is used for every receipt; a seal's key once
def _load_public(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


def create_key_file(path: Path) -> bytes:
    """Write a fresh secret to `path`, which must not exist, and return it.

    Raises:
        FileExistsError: Something is there.
        OSError: It could not be written.
    """
    secret = generate()
    create_file(path, secret.hex().encode() + b"\n", 0o600)
    return secret


def load_key_file(path: Path) -> bytes:
    """The secret in `path`.

    Raises:
        KeyFileError: It cannot be read, is not a key, or is readable by others than its owner.
    """
    try:
        mode = path.stat().st_mode
        secret = bytes.fromhex(read_plain(path, KEY_FILE_BYTES_MAX, follow=True).decode("ascii"))
    except OSError as error:
        raise KeyFileError(f"{path}: no key: {error.strerror}") from None
    except ValueError:
        raise KeyFileError(f"{path}: no key: {2 * SECRET_BYTES} hexadecimal digits are wanted") from None
    if mode & 0o077:
        raise KeyFileError(f"{path}: others may read it; chmod 600")
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(f"{path}: holds {len(secret)} bytes, a key has {SECRET_BYTES}")
    return secret
