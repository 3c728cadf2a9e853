"""The credential file of a host: its password and its SM4 keys, and nowhere else.

    pw = "246810"
    sm4_key = "…"          # 32 hexadecimal digits, or 16 characters; only where packets are encrypted
    sm4_key_before = "…"   # written here when a platform renews the key (CN 1014): it still reads

Only its owner may read it (mode 0600). It is replaced whole when a key is renewed.
"""

from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from disk.files import Owner, replace_file
from disk.tables import TableError, parse_toml, read_text
from drivers.hj212.packet import FORMS
from drivers.hj212.sm4 import read_key

FILE_BYTES_MAX: Final = 4_096
"""Three short lines and comments."""
MODE: Final = 0o600
_KEYS: Final = frozenset({"pw", "sm4_key", "sm4_key_before"})


class CredentialsError(Exception):
    """A credential file cannot be used; one line a mistake, none of which shows a secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@frozen
class Credentials:
    """What proves a site to a platform; secrets are in no representation.

    Attributes:
        keys: SM4 keys, the newest first; none if packets go plain.
    """

    pw: str = field(repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def key(self) -> bytes | None:
        """The key for what is sent."""
        return self.keys[0] if self.keys else None

    def renew(self, key: bytes) -> "Credentials":
        """With a new key; the present one still reads."""
        return self if key == self.key else evolve(self, keys=(key, *self.keys[:1]))


def read_credentials(path: Path) -> Credentials:
    """The credentials in a file; raises CredentialsError."""
    try:
        mode = path.stat().st_mode
        table = parse_toml(read_text(path, FILE_BYTES_MAX))
    except OSError as error:
        raise CredentialsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except TableError:
        raise CredentialsError([f"{path}: is no TOML file of credentials"]) from None  # it may show a secret
    problems = [f"{path}: others may read it; chmod 600"] if mode & 0o077 else []
    pw, keys = table.get("pw"), [table[name] for name in ("sm4_key", "sm4_key_before") if name in table]
    if not isinstance(pw, str) or not FORMS["PW"].fullmatch(pw):
        problems.append(f"{path}: pw: must be six letters or digits in quotes")
    parsed = [read_key(key) if isinstance(key, str) else None for key in keys]
    if None in parsed:
        problems.append(f"{path}: sm4_key: must be 32 hexadecimal digits or 16 characters in quotes")
    problems += [f"{path}: {name!r}: unknown key" for name in table.keys() - _KEYS]
    if problems:
        raise CredentialsError(problems)
    return Credentials(str(pw), tuple(key for key in parsed if key is not None))


def write_credentials(path: Path, credentials: Credentials, owner: Owner | None = None) -> None:
    """Put credentials in place of those in the file, for its owner alone; raises OSError."""
    lines = [f'pw = "{credentials.pw}"']
    names = ("sm4_key", "sm4_key_before")
    lines += [f'{name} = "{key.hex()}"' for name, key in zip(names, credentials.keys, strict=False)]
    replace_file(path, ("\n".join(lines) + "\n").encode(), MODE, owner=owner)
