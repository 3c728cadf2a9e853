"""What a person declares or answers, as letters into the agent's inbox, and the files beside the chain.

    <state>/files/<SHA-256>    the bytes of a file; its name, size and hash are sealed

A declaration becomes a MARK, an answer to an order an ANSWER, each once (`agent.inbox`). One that does both
is two letters, the MARK first; the ANSWER names it (`mark`). Files are content-addressed, so the same
photograph is kept once; who changes one leaves a file that is not what its name says (`check_file`).
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from agent.inbox import ANSWER, DECLARE, FILES_NAME, drop, name_letter
from disk.files import read_plain, replace_file
from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import FILE_BYTES_MAX, Mark, MarkFile, Source, SubjectKind, decode_mark
from evidence.orders.entries import BY_PEOPLE, Answered
from evidence.record import NS_PER_MS

FILES_BYTES_MAX: Final = 256 * 1024 * 1024
"""All of them: a photograph a week for two years, and never a disk."""
_NO_ID: Final = "0" * 64


class LetterError(ValueError):
    """The declaration cannot be made; one line says why."""


@frozen(kw_only=True)
class Declared:
    """What a person says.

    Attributes:
        by: The name of the person.
        code: Of the catalogue, "" if nothing is declared.
        subject: What it is about, the kind and the id.
        from_s: Since when; `to_s` until when, None while it lasts.
        order: The order that is answered, "" if none is; `state` how.
        files: As `keep_file` gave them.
    """

    by: str
    text: str = ""
    code: str = ""
    subject: tuple[SubjectKind, str] = (SubjectKind.SITE, "site")
    from_s: int = 0
    to_s: int | None = None
    order: str = ""
    state: str = ""
    files: tuple[MarkFile, ...] = field(default=())


def put_letters(state: Path, said: Declared, catalogue: Catalogue, utc_ns: int) -> list[dict[str, Any]]:
    """Drop the letters of what was said; gives them as they were dropped.

    Raises:
        LetterError: It says nothing, or something that cannot be.
        FormatError, EntryError: No record can hold it.
        OSError: It cannot be written.
    """
    letters = make_letters(said, catalogue, utc_ns // NS_PER_MS)
    for letter in letters:
        drop(state, letter, utc_ns)
    return letters


def make_letters(said: Declared, catalogue: Catalogue, utc_ms: int) -> list[dict[str, Any]]:
    """The letters; see `put_letters`."""
    if not said.by:
        raise LetterError("a declaration names the person")
    letters: list[dict[str, Any]] = []
    if said.code:
        letters.append({"what": DECLARE, "mark": _make_mark(said, catalogue)})
    if said.order:
        state = said.state or (Answered.DECLARED.value if said.code else "")
        if state not in BY_PEOPLE:
            raise LetterError("an answer is accepted, objected, declared or done")
        answer = {"what": ANSWER, "order": said.order, "state": state, "by": said.by, "at": utc_ms}
        files = [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in said.files]
        letters.append({**answer, "text": said.text, "files": files, **_name_mark(letters)})
    if not letters:
        raise LetterError("nothing is declared and no order is answered")
    return letters


def _name_mark(letters: Sequence[dict[str, Any]]) -> dict[str, str]:
    return {"mark": name_letter(letters[0])} if letters else {}


def _make_mark(said: Declared, catalogue: Catalogue) -> dict[str, Any]:
    """The body of the MARK without its id, which is the hash of the letter."""
    code = catalogue.codes.get(said.code)
    if code is None:
        raise LetterError(f"the catalogue has no code {said.code}; it has: {', '.join(catalogue.codes)}")
    if not said.text:
        raise LetterError("a declaration has a reason")
    if said.to_s is not None and said.to_s < said.from_s:
        raise LetterError("it ends before it begins")
    mark = Mark(
        id=_NO_ID,
        subject_kind=said.subject[0],
        subject=said.subject[1],
        family=code.family,
        code=code.id,
        from_s=said.from_s,
        to_s=said.to_s,
        source=Source.MANUAL,
        by=said.by,
        reason=said.text,
        edition=catalogue.edition,
        files=said.files,
    ).to_body()
    decode_mark(mark)
    del mark["id"]
    return mark


def keep_file(state: Path, name: str, raw: bytes) -> MarkFile:
    """Put a file beside the chain.

    Raises:
        LetterError: It is too long, or there is no room for more.
        OSError: It cannot be written.
    """
    if len(raw) > FILE_BYTES_MAX:
        raise LetterError(f"{name}: has more than {FILE_BYTES_MAX} bytes; make it smaller")
    folder = state / FILES_NAME
    digest = hashlib.sha256(raw).hexdigest()
    path = folder / digest
    if not path.exists() and _count_bytes(folder) + len(raw) > FILES_BYTES_MAX:
        raise LetterError(f"{folder}: {FILES_BYTES_MAX >> 20} MiB of files lie here; move old ones away")
    folder.mkdir(mode=0o700, exist_ok=True)
    agent = state.stat()
    owner = (agent.st_uid, agent.st_gid) if os.geteuid() == 0 and agent.st_uid else None
    if owner is not None:
        os.chown(folder, *owner, follow_symlinks=False)
    replace_file(path, raw, 0o600, owner=owner)
    return MarkFile(name, len(raw), digest)


def check_file(folder: Path, sha256: str) -> str:
    """What became of a sealed file in a folder of files by their hashes: `same`, `edited` or `absent`."""
    try:
        raw = read_plain(folder / sha256, FILE_BYTES_MAX)
    except FileNotFoundError:
        return "absent"
    except OSError:  # longer than any that was kept, or no file
        return "edited"
    return "same" if hashlib.sha256(raw).hexdigest() == sha256 else "edited"


def _count_bytes(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    except FileNotFoundError:
        return 0
