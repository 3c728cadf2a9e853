"""Takes secrets out of what leaves a gateway for people: support archives, and what `diagnose` orders ask.

Two safeguards protect secrets. Only what is listed is put in: no key file, private key, token or recovery
key. And all of it goes through `Mask`, which knows the secrets on this machine, as far as its process may
read them, in raw, hexadecimal and base64 form, and what passwords look like in files and URLs.
"""

import base64
import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.site.file import CREDENTIAL
from agent.store.names import KEYS_NAME

FILES_MAX: Final = 2_000
"""Of a folder and those below it."""
SITE_BYTES_MAX: Final = 2 << 20
"""Of a site file that names folders; one that can be parsed has an eighth of it."""
SECRET_FILE_BYTES_MAX: Final = 65_536
SECRET_WORD_BYTES_MAX: Final = 4_096
"""An RSA key of 4,096 bits as base64; longer strings are not secrets but other data."""
USUAL_STATE: Final = "/var/lib/dianjian"
SECRET_BYTES_MIN: Final = 8
"""Shorter strings occur in every log by chance."""
WITHHELD: Final = "[withheld]"
_SECRET_NAMES: Final = re.compile(r"key|token|secret|recovery|credential|password", re.IGNORECASE)
_PUBLIC_NAMES: Final = re.compile(r"\.(db|db-wal|db-shm|lock|ballast|crt|sock|py|toml)$")
_PATHS: Final = re.compile(r"(?m)^\s*(?:path|key)\s*=\s*[\"']([^\"'\n]+)[\"']")
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_LOOKS: Final = (
    re.compile(r"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"),
    re.compile(r"(?i)(?<=[?&;])(token|password|passwd|pwd|secret|pin|api_?key)=[^&;\s\"']+"),
    re.compile(r"(?im)(?<![\w.])(token|password|passwd|pwd|secret|pin|api_?key)\"?\s*[:=]\s*\"?[^\s\",;]+"),
    re.compile(r"(?i)\bdianjian:[^\s\"']+"),
)
"""User and password in a URL; in its query; in a file; the text of an enrolment token."""


class Mask:
    """Takes secrets out of texts."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        # The longest first, so that no part of a complete key remains.
        self._known = sorted({form for one in secrets for form in list_forms(one)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        text = _PEM.sub(WITHHELD, text)
        for look in _LOOKS:
            text = look.sub(WITHHELD, text)
        for form in self._known:
            text = text.replace(form, WITHHELD)
        return text

    def walk(self, value: Any) -> Any:
        """A value of JSON without secrets in its texts; masked as JSON it might be none any more."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(str(key)): self.walk(one) for key, one in value.items()}
        return [self.walk(one) for one in value] if isinstance(value, list | tuple) else value


def list_forms(secret: bytes) -> Iterator[str]:
    """The forms of a secret in a text: raw, hexadecimal, and base64 at any offset."""
    if len(secret) < SECRET_BYTES_MIN:
        return
    yield secret.hex()
    yield secret.hex().upper()
    try:
        yield secret.decode("utf-8")
    except UnicodeDecodeError:
        yield secret.decode("latin-1")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret).decode()
        first = -(-before * 8 // 6)
        last = (before + len(secret)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].replace("+", "-").replace("/", "_")


def list_secrets(file: Path, state: Path | None) -> Iterator[bytes]:
    """The secrets of the gateway with this site file and state folder, as far as this process may read them.

    If the site file cannot be parsed, they are searched for at the paths that it seems to name.
    """
    folders = {file.parent, Path(USUAL_STATE)}
    for named in _PATHS.findall(_read_start(file)):
        path = file.parent / named.removeprefix(CREDENTIAL)
        folders.add(path if path.is_dir() else path.parent)
    if state is not None:
        folders.add(state)
    files = {path for folder in folders for path in list_below(folder) if _SECRET_NAMES.search(path.name)}
    for path in sorted(files):
        if path.name.startswith(KEYS_NAME):
            with contextlib.suppress(KeySlotsError):
                yield from (slot.secret for slot in KeySlots(path).load() if slot.secret)
        elif not _PUBLIC_NAMES.search(path.name):
            yield from _list_words(path)


def _list_words(path: Path) -> Iterator[bytes]:
    """Possible secrets in a file of secrets: each word, also decoded from hexadecimal or base64."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(SECRET_FILE_BYTES_MAX)
    except OSError:
        return
    yield raw.strip()[:SECRET_WORD_BYTES_MAX]
    body = b"".join(line for line in raw.splitlines() if line and not line.startswith(b"-----"))
    for word in (body, *(one.strip(b"\"'") for one in raw.split())):
        if not 2 * SECRET_BYTES_MIN <= len(word) <= SECRET_WORD_BYTES_MAX:
            continue
        yield word
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(word.decode("ascii"))
        with contextlib.suppress(ValueError):
            yield base64.b64decode(word, validate=True)


def list_below(folder: Path) -> list[Path]:
    """The entries of a folder and of its folders, as far as this user may look; no link is followed."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders.sort()
        found += [Path(here, name) for name in sorted([*files, *folders])]
        if len(found) > FILES_MAX:
            break
    return found


def _read_start(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(SITE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return ""
