"""The one-time token: typed or scanned by a technician to enrol one gateway.

    token   24 characters of Crockford's base32 in groups of four, like 7K4Q-F2XN-…
            6 its id · 16 its secret (80 bits) · 2 check characters

Case does not matter, O is 0, I and L are 1, anything but letters and digits is ignored. The check is the
number that the first 22 characters make, modulo 1021, a prime: every wrong character and every
swap of two neighbours is found before anything is sent.

The token never travels. Its secret yields a key,

    HKDF-SHA256(secret, salt "dj1.token" ‖ id, info "dj1.enrol-mac", 32 bytes)

under which the gateway puts a MAC on its request. The centre keeps that key, not the token: a reader of
the centre's file could enrol under a token that is still unused, and nothing else; so the file has mode 0600.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Final

from attrs import field, frozen

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_CHARACTERS: Final = 6
SECRET_CHARACTERS: Final = 16
CHECK_CHARACTERS: Final = 2
CHARACTERS: Final = ID_CHARACTERS + SECRET_CHARACTERS + CHECK_CHARACTERS
GROUP: Final = 4
CHECK_MODULUS: Final = 1_021
"""The largest prime below 32 squared: two characters hold the remainder."""
BITS: Final = 5
TYPED_MAX: Final = 100
"""Characters that are examined, spaces and dashes included."""

_ALIKE: Final = str.maketrans("OIL", "011")
_DOMAIN: Final = b"dj1.token"
_PURPOSE: Final = b"dj1.enrol-mac"


class TokenError(ValueError):
    """The typed text is not a token."""


@frozen
class Token:
    """`id` names it at the centre; only the gateway's technician has `secret`."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The token as it is printed."""
        number = _number(self.id + self.secret)
        whole = self.id + self.secret + _characters(number % CHECK_MODULUS, CHECK_CHARACTERS)
        return "-".join(whole[at : at + GROUP] for at in range(0, CHARACTERS, GROUP))

    @property
    def mac_key(self) -> bytes:
        """The key of the MAC on a request."""
        extracted = hmac.digest(_DOMAIN + self.id.encode(), self.secret.encode(), sha256)
        return hmac.digest(extracted, _PURPOSE + b"\x01", sha256)


def new_token() -> Token:
    """A fresh random token."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(ID_CHARACTERS + SECRET_CHARACTERS))
    return Token(drawn[:ID_CHARACTERS], drawn[ID_CHARACTERS:])


def parse_token(typed: str) -> Token:
    """The token that somebody typed.

    Raises:
        TokenError: Not a token; the message does not repeat the text.
    """
    if len(typed) > TYPED_MAX:
        raise TokenError(f"a token has {CHARACTERS} characters")
    upper = "".join(one for one in typed.upper() if one.isascii() and one.isalnum()).translate(_ALIKE)
    if len(upper) != CHARACTERS:
        raise TokenError(f"a token has {CHARACTERS} letters and digits, not {len(upper)}")
    if not set(upper) <= set(ALPHABET):
        raise TokenError("a token has no U")
    body, check = upper[:-CHECK_CHARACTERS], upper[-CHECK_CHARACTERS:]
    if _number(body) % CHECK_MODULUS != _number(check):
        raise TokenError("the token was mistyped: its check characters do not fit")
    return Token(body[:ID_CHARACTERS], body[ID_CHARACTERS:])


def short_code(raw: bytes) -> str:
    """The first 60 bits of a SHA-256 as XXXX-XXXX-XXXX: what two people compare over the telephone."""
    text = _characters(int.from_bytes(sha256(raw).digest()[:8]) >> 4, 12)
    return "-".join(text[at : at + GROUP] for at in range(0, 12, GROUP))


def _number(characters: str) -> int:
    number = 0
    for one in characters:
        number = (number << BITS) + ALPHABET.index(one)
    return number


def _characters(number: int, count: int) -> str:
    return "".join(ALPHABET[(number >> (BITS * at)) & 31] for at in reversed(range(count)))
