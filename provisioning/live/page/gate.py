"""The password of the status page, or its token: how it is kept and asked for; guessing is slowed down.

    the file    scrypt$N$r$p$salt$hash      one line, hexadecimal, mode 0600; the password itself is nowhere

A browser sends it with each request (HTTP Basic; the name does not matter). scrypt takes 16 MB and a
quarter of a second of a gateway, so a header that was right once is recognised by its keyed hash as long as
the process runs. After a wrong password the sender's address (IPv6: its /64) waits, twice as long
each time, WAIT_FIRST_S to WAIT_LONGEST_S; a browser that is known already never waits. Requests without a
password are not counted: every browser begins with one.

Where there is no password the page is on loopback alone, which every user of the machine reaches; the status
socket is not open to all of them. Who may read that socket sees the page (`neighbour`); others need the token
that is made anew at each start and printed below the address, so for a service in the journal, for root. A
browser that came once with the token keeps it in a cookie.

Without TLS the password crosses the maintenance network in clear text, where it and the page can be read.
If that network is more than a cable to a laptop, use a certificate.
"""

import hashlib
import hmac
import os
import re
import secrets
import stat
from base64 import b64decode
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from disk.files import read_plain, replace_file

SCRYPT_N: Final = 1 << 14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 5
"""16 MB and five rounds: the strength that OWASP recommends, in what a gateway of 512 MB can spare."""
SCRYPT_BYTES_MAX: Final = 64 << 20
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
PASSWORD_MIN: Final = 10
PASSWORD_BYTES_MAX: Final = 200
FILE_BYTES_MAX: Final = 1024
WAIT_FIRST_S: Final = 1.0
WAIT_LONGEST_S: Final = 60.0
PEERS_MAX: Final = 256
"""Addresses that gave a wrong password; the one that has waited longest is forgotten."""
KNOWN_MAX: Final = 16
"""Headers that were right: one for each name that somebody typed beside the password."""

_LINE: Final = re.compile(
    rf"scrypt\$(\d{{1,7}})\$(\d{{1,2}})\$(\d{{1,2}})\$"
    rf"([0-9a-f]{{{2 * SALT_BYTES}}})\$([0-9a-f]{{{2 * HASH_BYTES}}})\n?"
)


class PasswordError(ValueError):
    """The password or its file cannot be used; one line says why."""


@frozen
class Password:
    """The stored scrypt hash, to compare passwords with."""

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    def matches(self, password: bytes) -> bool:
        """Whether `password` is the right one; takes a quarter of a second."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.n, self.r, self.p), self.hash)


def write_password(path: Path, password: str) -> None:
    """Store `password`, hashed, in a file that only its owner can read, replacing an existing one.

    Raises:
        PasswordError: It is too short or too long, or the file cannot be written.
    """
    raw = password.encode()
    if len(password) < PASSWORD_MIN or len(raw) > PASSWORD_BYTES_MAX:
        raise PasswordError(
            f"a password has {PASSWORD_MIN} characters or more, at most {PASSWORD_BYTES_MAX} bytes"
        )
    salt = os.urandom(SALT_BYTES)
    digest = _scrypt(raw, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    line = f"scrypt${SCRYPT_N}${SCRYPT_R}${SCRYPT_P}${salt.hex()}${digest.hex()}\n"
    try:
        replace_file(path, line.encode(), 0o600)
    except OSError as error:
        raise PasswordError(f"{path}: cannot be written: {error.strerror}") from error


def is_password_file(path: Path) -> bool:
    """Whether a password is kept there, so that a new one may take its place."""
    try:
        text = read_plain(path, FILE_BYTES_MAX, follow=True).decode("ascii", "replace")
    except OSError:
        return False
    return _LINE.fullmatch(text) is not None


def read_password(path: Path) -> Password:
    """Read the stored password at `path`.

    Raises:
        PasswordError: It cannot be read, is readable by others, or has another format.
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            raw = stream.read(FILE_BYTES_MAX)
    except OSError as error:
        raise PasswordError(f"{path}: cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise PasswordError(f"{path}: others can read it (mode {stat.S_IMODE(mode):04o}); chmod 600 {path}")
    match = _LINE.fullmatch(raw.decode("ascii", "replace"))
    if match is None:
        raise PasswordError(f"{path}: keeps no password; write it with dianjian web --set-password {path}")
    n, r, p = map(int, match.groups()[:3])
    if n < 2 or n & (n - 1) or not r or not p or 128 * r * (n + p) > SCRYPT_BYTES_MAX:
        raise PasswordError(f"{path}: its scrypt numbers cannot be used; write it anew")
    return Password(n, r, p, bytes.fromhex(match[4]), bytes.fromhex(match[5]))


def _scrypt(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2 * SCRYPT_BYTES_MAX, dklen=HASH_BYTES)


TOKEN_BYTES: Final = 16
QUERY: Final = "token"
"""Of the query of the page's address."""
COOKIE: Final = "dianjian-page"
_COOKIES: Final = re.compile(rf"(?:^|;)\s*{COOKIE}=([A-Za-z0-9_-]{{1,64}})\s*(?=;|$)")


@frozen
class Token:
    """What the address of a page without a password must carry, or the cookie of a browser that had it."""

    text: str = field(factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)

    def admits(self, query: str, cookies: str) -> bool:
        """Whether a request with this value of `token` and these cookies may see the page."""
        shown = [query, *_COOKIES.findall(cookies)]
        return any(hmac.compare_digest(self.text.encode(), one.encode()) for one in shown)

    @property
    def cookie(self) -> str:
        """The header that lets the browser in from then on; no other site can have it sent or read it."""
        return f"{COOKIE}={self.text}; Path=/; HttpOnly; SameSite=Strict"


@define
class Gate:
    """Who may see the page. `admits` is for one thread at a time; `now_s` never runs back."""

    password: Password
    _secret: bytes = field(factory=lambda: os.urandom(HASH_BYTES), init=False)
    _known: dict[bytes, None] = field(factory=dict, init=False)
    _waits: dict[str, tuple[float, float]] = field(factory=dict, init=False)

    def knows(self, authorization: str) -> bool:
        """Whether this header was right before; cheap."""
        digest = self._digest(authorization)
        return any(hmac.compare_digest(digest, one) for one in list(self._known))

    def wait_s(self, peer: str, now_s: float) -> float:
        """How long `peer` has to wait before the next try; 0 for at once."""
        until_s, _ = self._waits.get(_find_network(peer), (0.0, 0.0))
        return max(0.0, until_s - now_s)

    def admits(self, authorization: str, peer: str, now_s: float) -> bool:
        """Whether this header is right, after a quarter of a second; if not, `peer` waits."""
        password = parse_password(authorization)
        if password is not None and self.password.matches(password):
            self._waits.pop(_find_network(peer), None)
            self._known[self._digest(authorization)] = None
            if len(self._known) > KNOWN_MAX:
                del self._known[next(iter(self._known))]
            return True
        _, before_s = self._waits.pop(_find_network(peer), (0.0, 0.0))
        wait_s = min(max(2 * before_s, WAIT_FIRST_S), WAIT_LONGEST_S)
        self._waits[_find_network(peer)] = (now_s + wait_s, wait_s)
        if len(self._waits) > PEERS_MAX:
            del self._waits[next(iter(self._waits))]
        return False

    def _digest(self, authorization: str) -> bytes:
        return hmac.digest(self._secret, authorization.encode("utf-8", "surrogateescape"), "sha256")


def parse_password(authorization: str) -> bytes | None:
    """The password of a Basic header; None if malformed."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = b64decode(coded.strip(), validate=True).partition(b":")
    except ValueError:
        return None
    return password if colon and len(password) <= PASSWORD_BYTES_MAX else None


def _find_network(peer: str) -> str:
    """The part of an address that one person may control: all of IPv4, 64 bits of IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else address.packed[:8].hex()
    return str(address)
