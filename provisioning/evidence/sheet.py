"""Checks whether an acceptance sheet is on record in a chain.

`check_sheet` takes a sheet and a chain: an exported chain, an evidence pack, or a gateway's state
folder. It reports in which seals a COMMISSIONING record names the sheet's SHA-256.

Trust: an export or a pack is verified as a whole, with the centre's key or the enrolled first key, and an
invalid one gives no records. A state folder is walked along (`evidence.walk`) from the anchors in it; they
are the gateway's own, so the verdict does not call it verified.
"""

from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from evidence.chain import Verdict
from evidence.moments import iso_utc
from evidence.pack.container import CONTAINER_BYTES_MAX
from evidence.pack.export import Keys, verify_file
from evidence.record import Kind
from evidence.walk import WalkedSeal
from evidence.words import Words
from provisioning.evidence.check import check
from provisioning.evidence.state import StateError, walk_state
from provisioning.evidence.verify_pack import is_pack
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

SHEET_BYTES_MAX: Final = 64 * 1024 * 1024
"""A sheet with all its pictures has a tenth of this."""
WHAT: Final = "sheet"
"""The field `what` of a record about a sheet."""

_NO_KEYS: Final = Keys()


class SheetCheckError(Exception):
    """The chain or the sheet cannot be read; the message says why, in one line."""


@frozen
class SheetRecord:
    """A record that names a sheet."""

    seal: int
    utc_ms: int
    body: dict[str, Any]


@frozen
class SheetCheck:
    """The result of a check.

    Attributes:
        sha256: The hash of the sheet.
        found: The records with this hash, oldest first.
        others: Records about other sheets: of an earlier visit, or of the sheet before it was changed.
        verified: Whether the chain's signatures were checked, which is not so for a gateway's own database.
    """

    sha256: str
    found: tuple[SheetRecord, ...]
    others: tuple[SheetRecord, ...]
    verified: bool

    @property
    def ok(self) -> bool:
        """Whether the sheet is on record."""
        return bool(self.found)

    @property
    def sentence(self) -> Words:
        """The verdict."""
        short = self.sha256[:16]
        if self.found:
            seals = ", ".join(str(one.seal) for one in self.found)
            how = Words("，链已核验", ", and the chain holds") if self.verified else Words.same("")
            return Words(
                f"此验收单（{short}…）记录在签封{seals}中{how.zh}。",
                f"This sheet ({short}…) is on record in seal {seals}{how.en}.",
            )
        if self.others:
            seal = self.others[-1].seal
            return Words(
                f"链中没有此验收单（{short}…）；签封{seal}记录的是另一份：文件被改动过，或不是最后一份。",
                f"No record names this sheet ({short}…); seal {seal} names another one: "
                "the file was changed, or is not the last one.",
            )
        return Words(
            f"链中没有任何验收单的记录（{short}…）。", f"No record of the chain names a sheet ({short}…)."
        )


def report_sheet(sheet: Path, chain: Path, keys: Keys = _NO_KEYS, *, as_json: bool = False) -> None:
    """Print whether a sheet is on record; exits with 1 if it is not."""
    try:
        found = check_sheet(sheet, chain, keys)
    except SheetCheckError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if as_json:
        seals = [{"seal": one.seal, "at": iso_utc(one.utc_ms)} for one in found.found]
        report = {"sheet": str(sheet), "sha256": found.sha256, "verified": found.verified, "seals": seals}
        say_json(report)
    if not found.ok:
        raise fail(EXIT_NO, f"{sheet}: {translate(found.sentence)}")
    if not as_json:
        say(translate(found.sentence))


def check_sheet(sheet: Path, chain: Path, keys: Keys = _NO_KEYS) -> SheetCheck:
    """Look for `sheet` in `chain`: a state folder, an exported chain or an evidence pack.

    Raises:
        SheetCheckError: One of them cannot be read, or the chain does not hold.
    """
    try:
        digest = _digest(sheet)
        recorded = _find_records(chain, keys)
    except OSError as error:
        raise SheetCheckError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except StateError as error:
        raise SheetCheckError(str(error)) from error
    found = tuple(one for one in recorded if digest in _list_hashes(one.body))
    others = tuple(one for one in recorded if one not in found)
    return SheetCheck(digest, found, others, verified=not chain.is_dir())


def _digest(sheet: Path) -> str:
    size = sheet.stat().st_size
    if size > SHEET_BYTES_MAX:
        raise SheetCheckError(f"{sheet}: has {size} bytes; no sheet is that large")
    with sheet.open("rb") as stream:
        return file_digest(stream, sha256).hexdigest()


def _find_records(chain: Path, keys: Keys) -> list[SheetRecord]:
    """The records about sheets."""
    if chain.is_dir():
        with walk_state(chain) as walk:
            return [one for seal in walk.seals() for one in _list_sheets(seal)]
    return _read_pack(chain, keys) if is_pack(chain) else _read_export(chain, keys)


def _read_export(chain: Path, keys: Keys) -> list[SheetRecord]:
    if keys.centre is None and keys.first is None:
        raise SheetCheckError(f"{chain}: an exported chain is checked with the centre's key or the first key")
    found: list[SheetRecord] = []

    def note(verdict: Verdict) -> None:
        assert verdict.header is not None
        found.extend(_list_sheets(WalkedSeal(verdict.header, verdict.records)))

    report = verify_file(chain, keys.first, centre_key=keys.centre, recovery_key=keys.recovery, each=note)
    if not report.ok:
        raise SheetCheckError(f"{chain}: does not hold, {report.error or 'a body is not what was sealed'}")
    return found


def _read_pack(pack: Path, keys: Keys) -> list[SheetRecord]:
    if keys.centre is None:
        raise SheetCheckError(f"{pack}: an evidence pack is checked with the centre's key")
    if pack.stat().st_size > CONTAINER_BYTES_MAX:
        raise SheetCheckError(f"{pack}: more than {CONTAINER_BYTES_MAX} bytes; no pack is that large")
    checked = check(pack.read_bytes(), keys.centre, keys.first, thorough=False)
    if not checked.ok or checked.evidence is None:
        raise SheetCheckError(f"{pack}: does not hold, {checked.problems[0]}")
    proved = [seal for part in checked.evidence.parts for seal in part.seals]
    return [one for seal in proved for one in _list_sheets(WalkedSeal(seal.header, seal.records))]


def _list_sheets(seal: WalkedSeal) -> Iterator[SheetRecord]:
    if seal.problem:
        raise StateError(f"seal {seal.header.number} holds what was never sealed: {seal.problem}")
    for record in seal.events(Kind.COMMISSIONING):
        if record.body.get("what") == WHAT:
            yield SheetRecord(seal.header.number, record.utc_ms, record.body)


def _list_hashes(body: dict[str, Any]) -> set[str]:
    return {value.lower() for value in body.values() if isinstance(value, str)}
