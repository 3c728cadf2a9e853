"""The support archive of `dianjian doctor --bundle`: what a supplier needs to help, without secrets.

    doctor.json     every finding                     site.toml      the site file as it is
    status.json     status of a running agent         chain.json     tip, receipts, sizes, schema
    versions.json   of everything below the agent     files.json     names, sizes and modes; no content
    journal.txt     the service's last lines

Two safeguards protect secrets. Only listed files are read: no key file, private key, token or recovery key,
and of the postbox only names. And all output goes through `Mask`, which knows the secrets on this machine,
as far as its user may read them, in raw, hexadecimal and base64 form, and what passwords look like in files
and URLs.

The same findings and files give the same bytes: members in a fixed order, without owners and times.
"""

import base64
import contextlib
import gzip
import io
import json
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from agent.sealing.key_slots import KeySlots, KeySlotsError
from agent.site.file import CREDENTIAL
from agent.store.names import DATABASE_NAME, KEYS_NAME
from agent.store.reading import read_shape, read_tip
from disk.database import StoreError
from disk.files import replace_file
from disk.version import read_version
from evidence.receipt import last_receipt
from provisioning.doctor.finding import Finding, Progress, Target
from provisioning.doctor.machine import UNIT, list_parts, run_tool

MEMBER_BYTES_MAX: Final = 2 << 20
"""Of a longer member the end is kept, which is what matters in a log."""
JOURNAL_LINES: Final = 5_000
FILES_MAX: Final = 2_000
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


def list_secrets(target: Target) -> Iterator[bytes]:
    """The secrets of this gateway, as far as this user may read them.

    If the site file cannot be parsed, they are searched for at the paths that it seems to name.
    """
    folders = {target.file.parent, Path(USUAL_STATE)}
    for named in _PATHS.findall(_read_text(target.file) or ""):
        path = target.file.parent / named.removeprefix(CREDENTIAL)
        folders.add(path if path.is_dir() else path.parent)
    if target.site is not None:
        folders.add(target.folder)
    files = {path for folder in folders for path in _list_below(folder) if _SECRET_NAMES.search(path.name)}
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
    for word in (body, *raw.split()):
        if not 2 * SECRET_BYTES_MIN <= len(word) <= SECRET_WORD_BYTES_MAX:
            continue
        yield word
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(word.decode("ascii"))
        with contextlib.suppress(ValueError):
            yield base64.b64decode(word, validate=True)


def collect_members(target: Target, findings: Iterable[Finding], report: Progress) -> dict[str, str]:
    """The texts of the archive by name, masked and bounded."""
    mask = Mask(list_secrets(target))
    makers: dict[str, Callable[[], str | None]] = {
        "chain.json": lambda: _to_json(_describe_chain(target)),
        "doctor.json": lambda: _to_json([finding.to_json() for finding in findings]),
        "files.json": lambda: _to_json(_describe_files(target)),
        "journal.txt": lambda: run_tool(
            "journalctl", f"--unit={UNIT}", f"--lines={JOURNAL_LINES}", "--no-pager", "--output=short-iso",
            bytes_max=MEMBER_BYTES_MAX,
        ),
        "site.toml": lambda: _read_text(target.file),
        "status.json": lambda: None if target.status is None else _to_json(target.status),
        "versions.json": lambda: _to_json({"dianjian": read_version(), **list_parts(target)}),
    }  # fmt: skip
    made: dict[str, str] = {}
    for name, make in sorted(makers.items()):
        report(name)
        text = make()
        if text:
            made[name] = mask(text)[-MEMBER_BYTES_MAX:]
    return made


def write_bundle(path: Path, target: Target, findings: Iterable[Finding], report: Progress) -> int:
    """Write the archive atomically, readable by its owner only; returns its size.

    Raises:
        OSError: It cannot be written.
    """
    texts = {name: text.encode() for name, text in collect_members(target, findings, report).items()}
    raw = _pack_zip(texts) if path.suffix == ".zip" else _pack_tar(texts)
    replace_file(path, raw, 0o600)
    return len(raw)


def _pack_tar(texts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as pressed,
        tarfile.open(fileobj=pressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in texts.items():
            entry = tarfile.TarInfo(f"dianjian/{name}")
            entry.size, entry.mode = len(text), 0o600
            archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _pack_zip(texts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(f"dianjian/{name}")
            entry.external_attr, entry.compress_type = 0o600 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return packed.getvalue()


def _describe_chain(target: Target) -> dict[str, Any]:
    """The structure of the database, without readings."""
    if target.site is None:
        return {}
    database = target.folder / DATABASE_NAME
    try:
        tip = read_tip(database)
        tables, pages, kept = read_shape(database)
    except (StoreError, OSError) as error:
        return {"problem": str(error)}
    receipt = last_receipt(tip.receipts, target.site.broker.centre_key if target.site.broker else None)
    return {
        "schema": tip.schema,
        "tables": tables,
        "pages": pages,
        "checkpoints": kept,
        "seals": tip.count,
        "last": None if tip.last is None else {"number": tip.last.number, "hash": tip.last.hash.hex()},
        "receipts": len(tip.receipts),
        "receipt": None
        if receipt is None
        else {
            "number": receipt.number,
            "hash": receipt.seal_hash.hex(),
            "centre_utc_ms": receipt.centre_utc_ms,
        },
    }


def _describe_files(target: Target) -> list[dict[str, Any]]:
    """Files in the state folder and beside the site file, by name."""
    folders = {target.file.parent} | ({target.folder} if target.site is not None else set())
    rows = []
    for folder in sorted(folders):
        for path in _list_below(folder):
            try:
                status = path.lstat()
            except OSError:
                continue
            rows.append(
                {
                    "path": str(path),
                    "bytes": status.st_size if stat.S_ISREG(status.st_mode) else None,
                    "mode": stat.filemode(status.st_mode),
                    "owner": f"{status.st_uid}:{status.st_gid}",
                }
            )
    return rows[:FILES_MAX]


def _list_below(folder: Path) -> list[Path]:
    """The entries of a folder and of its folders, as far as this user may look; no link is followed."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders.sort()
        found += [Path(here, name) for name in sorted([*files, *folders])]
        if len(found) > FILES_MAX:
            break
    return found


def _read_text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(MEMBER_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return None


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
