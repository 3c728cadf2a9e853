"""The support archive of `dianjian doctor --bundle`: what a supplier needs to help, without secrets.

    doctor.json     every finding                     site.toml      the site file as it is
    status.json     status of a running agent         chain.json     tip, receipts, sizes, schema
    versions.json   of everything below the agent     files.json     names, sizes and modes; no content
    journal.txt     the service's last lines

Two safeguards protect secrets. Only listed files are read: no key file, private key, token or recovery key,
and of the postbox only names. And all output goes through `agent.care.masking.Mask`.

The same findings and files give the same bytes: members in a fixed order, without owners and times.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from agent.care.masking import Mask, list_secrets
from agent.care.members import describe_chain, describe_files, pack_tar, pack_zip
from disk.files import replace_file
from disk.version import read_version
from provisioning.doctor.finding import Finding, Progress, Target
from provisioning.doctor.machine import UNIT, list_parts, run_tool

MEMBER_BYTES_MAX: Final = 2 << 20
"""Of a longer member the end is kept, which is what matters in a log."""
JOURNAL_LINES: Final = 5_000


def collect_members(target: Target, findings: Iterable[Finding], report: Progress) -> dict[str, str]:
    """The texts of the archive by name, masked and bounded."""
    folder = None if target.site is None else target.folder
    mask = Mask(list_secrets(target.file, folder))
    makers: dict[str, Callable[[], str | None]] = {
        "chain.json": lambda: _to_json(_describe_chain(target)),
        "doctor.json": lambda: _to_json([finding.to_json() for finding in findings]),
        "files.json": lambda: _to_json(describe_files([target.file.parent, *([folder] if folder else [])])),
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
    raw = pack_zip(texts) if path.suffix == ".zip" else pack_tar(texts)
    replace_file(path, raw, 0o600)
    return len(raw)


def _describe_chain(target: Target) -> dict[str, Any]:
    site = target.site
    return (
        {} if site is None else describe_chain(target.folder, site.broker.centre_key if site.broker else None)
    )


def _read_text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(MEMBER_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return None


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
