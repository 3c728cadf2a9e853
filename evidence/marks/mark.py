"""A mark as it is sealed: who says what about which line, meter or point, from when to when.

    {"id", "subject": [kind, name], "family", "code", "from_s", "to_s" | null, "source", "by", "reason",
     "files": [{"name", "size", "sha256"}], "supersedes" | null, "edition"}

A mark annotates. One that comes late is flagged and not refused; a later mark of the same subject can
supersede it, and both stay in the chain. Of files only the hashes are sealed.
"""

import re
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from evidence import cbor
from evidence.fields import NAME_BYTES_MAX, Fields
from evidence.marks.catalogue import Catalogue, Family

REASON_BYTES_MAX: Final = 2000
"""A page of Chinese text."""
FILES_MAX: Final = 16
FILE_BYTES_MAX: Final = 2_000_000
NAME_OF_FILE_MAX: Final = 200
TIME_S_MAX: Final = 253_402_300_799
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class SubjectKind(StrEnum):
    """What a mark can be about."""

    LINE = "line"
    METER = "meter"
    POINT = "point"
    SITE = "site"


class Source(StrEnum):
    """Who made it: the gateway out of states, or a person."""

    AUTO = "auto"
    MANUAL = "manual"


@frozen
class MarkFile:
    """A file beside the chain: its name, size and SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@frozen(kw_only=True)
class Mark:
    """See the module; `to_s` is None while it lasts."""

    id: str
    subject_kind: SubjectKind
    subject: str
    family: Family
    code: str
    from_s: int
    to_s: int | None
    source: Source
    by: str
    reason: str
    edition: str
    files: tuple[MarkFile, ...] = ()
    supersedes: str | None = None

    def end_s(self, now_s: float) -> float:
        """When it ends, or now."""
        return now_s if self.to_s is None else self.to_s

    def to_body(self) -> dict[str, Any]:
        """The body of the record."""
        return {
            "id": self.id,
            "subject": [self.subject_kind.value, self.subject],
            "family": self.family.value,
            "code": self.code,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "source": self.source.value,
            "by": self.by,
            "reason": self.reason,
            "files": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in self.files],
            "supersedes": self.supersedes,
            "edition": self.edition,
        }


def decode_mark(body: Any) -> Mark:
    """The mark in the body of a MARK record; raises FormatError."""
    fields = Fields.of(body, "mark")
    kind, subject = cbor.array(fields.take("subject"), "mark.subject", 2)
    supersedes = fields.take("supersedes")
    found = Mark(
        id=fields.name("id"),
        subject_kind=SubjectKind(_choose(kind, SubjectKind, "subject")),
        subject=_check_name(subject, "mark.subject"),
        family=Family(_choose(fields.take("family"), Family, "family")),
        code=fields.name("code"),
        from_s=fields.whole("from_s", TIME_S_MAX),
        to_s=fields.maybe_whole("to_s", TIME_S_MAX),
        source=Source(_choose(fields.take("source"), Source, "source")),
        by=fields.text("by"),
        reason=_check_reason(fields.take("reason")),
        edition=fields.name("edition"),
        files=tuple(_decode_file(one) for one in fields.tables("files", FILES_MAX)),
        supersedes=None if supersedes is None else _check_name(supersedes, "mark.supersedes"),
    )
    fields.take("to_s")
    fields.finish()
    if found.to_s is not None and found.to_s < found.from_s:
        raise cbor.FormatError("mark.to_s is before from_s")
    if found.source is Source.MANUAL and not found.by:
        raise cbor.FormatError("mark.by is empty: a person's mark names the person")
    return found


def _choose(value: Any, kind: type[StrEnum], key: str) -> str:
    if type(value) is not str or value not in set(kind):
        raise cbor.FormatError(f"mark.{key} is none of {', '.join(kind)}")
    return value


def _check_name(value: Any, what: str) -> str:
    name = cbor.text(value, what, NAME_BYTES_MAX)
    if not name or not name.isprintable():
        raise cbor.FormatError(f"{what} is no name")
    return name


def _check_reason(value: Any) -> str:
    """Free text of a person; it may have lines."""
    return cbor.text(value, "mark.reason", REASON_BYTES_MAX)


def _decode_file(fields: Fields) -> MarkFile:
    found = MarkFile(
        name=fields.text("name", NAME_OF_FILE_MAX, may_be_empty=False),
        size=fields.whole("size", FILE_BYTES_MAX),
        sha256=fields.name("sha256"),
    )
    fields.finish()
    if not _HASH.fullmatch(found.sha256):
        raise cbor.FormatError(f"{fields.what}.sha256 is not 64 small hexadecimal digits")
    return found


def is_late(mark: Mark, made_s: float, catalogue: Catalogue) -> bool:
    """Whether a mark was made later after its start than its code allows."""
    code = catalogue.codes.get(mark.code)
    return code is not None and made_s - mark.from_s > code.late_s
