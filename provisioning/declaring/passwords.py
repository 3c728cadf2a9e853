"""Passwords of the page and of persons: how they are kept, and how guessing is slowed down.

    scrypt$N$r$p$salt$hash      one line, hexadecimal; the password itself is nowhere

scrypt takes 16 MB and a quarter of a second of a gateway. After a wrong password its sender waits, twice as
long each time, WAIT_FIRST_S to WAIT_LONGEST_S.
"""

import hashlib
import hmac
import os
import re
import stat
import sys
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

import click
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
"""Addresses and names with a wrong password; the one that has waited longest is forgotten."""

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
        if len(password) > PASSWORD_BYTES_MAX:
            return False
        return hmac.compare_digest(_scrypt(password, self.salt, self.n, self.r, self.p), self.hash)

    def to_line(self) -> str:
        """As it is kept, without a line end."""
        return f"scrypt${self.n}${self.r}${self.p}${self.salt.hex()}${self.hash.hex()}"


def hash_password(password: str) -> str:
    """The line that is kept of a password; raises PasswordError if it is too short or too long."""
    raw = password.encode()
    if len(password) < PASSWORD_MIN or len(raw) > PASSWORD_BYTES_MAX:
        raise PasswordError(
            f"a password has {PASSWORD_MIN} characters or more, at most {PASSWORD_BYTES_MAX} bytes"
        )
    salt = os.urandom(SALT_BYTES)
    return Password(
        SCRYPT_N, SCRYPT_R, SCRYPT_P, salt, _scrypt(raw, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    ).to_line()


def write_password(path: Path, password: str) -> None:
    """Store `password`, hashed, in a file that only its owner can read, replacing an existing one.

    Raises:
        PasswordError: It is too short or too long, or the file cannot be written.
    """
    line = hash_password(password)
    try:
        replace_file(path, f"{line}\n".encode(), 0o600)
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
    text = raw.decode("ascii", "replace")
    if _LINE.fullmatch(text) is None:
        raise PasswordError(f"{path}: keeps no password; write it with dianjian web --set-password {path}")
    try:
        return parse_line(text)
    except PasswordError as error:
        raise PasswordError(f"{path}: {error}") from error


def parse_line(text: str) -> Password:
    """The password in a line that is kept; raises PasswordError."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise PasswordError("no line of a password")
    n, r, p = map(int, match.groups()[:3])
    if n < 2 or n & (n - 1) or not r or not p or 128 * r * (n + p) > SCRYPT_BYTES_MAX:
        raise PasswordError("its scrypt numbers cannot be used; write it anew")
    return Password(n, r, p, bytes.fromhex(match[4]), bytes.fromhex(match[5]))


def _scrypt(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2 * SCRYPT_BYTES_MAX, dklen=HASH_BYTES)


def read_typed_password(*, confirm: bool) -> str:
    """From the terminal, not echoed, twice if it is a new one; from a script one line on standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt("password", hide_input=True, confirmation_prompt=confirm, err=True)
        return typed
    return sys.stdin.readline().rstrip("\n")


@define
class Waits:
    """How long who gave a wrong password waits; `now_s` never runs back."""

    _until: dict[str, tuple[float, float]] = field(factory=dict, init=False)

    def left_s(self, who: str, now_s: float) -> float:
        """How long `who` has to wait before the next try; 0 for at once."""
        until_s, _ = self._until.get(who, (0.0, 0.0))
        return max(0.0, until_s - now_s)

    def note_wrong(self, who: str, now_s: float) -> None:
        """A password was wrong."""
        _, before_s = self._until.pop(who, (0.0, 0.0))
        wait_s = min(max(2 * before_s, WAIT_FIRST_S), WAIT_LONGEST_S)
        self._until[who] = (now_s + wait_s, wait_s)
        if len(self._until) > PEERS_MAX:
            del self._until[next(iter(self._until))]

    def forget(self, who: str) -> None:
        """A password was right."""
        self._until.pop(who, None)


def find_network(peer: str) -> str:
    """The part of an address that one person may control: all of IPv4, 64 bits of IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else address.packed[:8].hex()
    return str(address)
