"""The journal of a setup: everything that was found, named, measured and done so far, in one file.

`setup.json` lies in the setup's folder. It is written whole after every answer (draft, fsync, replace), so
that a stop at any moment costs at most the open question. It is read strictly: unknown keys, wrong types,
malformed numbers and files beyond BYTES_MAX are reported in one line each with their place
(`meters[2].unit_id: must be a whole number from 0 to 255, not 300`), never as a traceback.

Its entries are in `provisioning.journal.entries`. It never contains a secret.
"""

import json
import re
from collections.abc import Iterator
from errno import EFBIG
from pathlib import Path
from typing import Any, Final

from cattrs import Converter

from agent.site.field_types import UNIT_ID, UnitId
from agent.site.older import Renamed, todays_names
from disk.classes import converter, structure, to_hook
from disk.files import read_plain, replace_file
from disk.kinds import TEXT, show
from disk.tables import TableError, decode_text, describe_excess, parse_json
from evidence.words import Words
from provisioning.journal.entries import STEPS, VERSION, Journal
from provisioning.terminal.exits import write_or_fail

JOURNAL_NAME: Final = "setup.json"
BYTES_MAX: Final = 16 * 1024 * 1024
"""A hundred lines tried for ten minutes each at a sample a second take 3 MB."""
RENAMED: Final = (Renamed("lines", "feed", "incomer", "0.2.0", key="kind"),)

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class JournalError(Exception):
    """The journal cannot be read; `problems` has one line per mistake."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


def _journal_converter() -> Converter:
    made = converter()
    made.register_structure_hook(UnitId | None, to_hook(UNIT_ID))
    made.register_structure_hook(Words, lambda value, _: _read_words(value))
    made.register_unstructure_hook(Words, lambda words: words.to_body() if words.zh or words.en else {})
    return made


def _read_words(value: Any) -> Words:
    """A sentence as `{"zh": …, "en": …}`; an empty one as `{}`."""
    if not isinstance(value, dict) or value.keys() - {"zh", "en"}:
        raise ValueError(f"must be a table with zh and en, not {show(value)}")
    return Words(TEXT.check(value.get("zh", "")), TEXT.check(value.get("en", "")))


_CONVERTER: Final = _journal_converter()


def dump_journal(journal: Journal) -> bytes:
    """The file's bytes."""
    table = _CONVERTER.unstructure(journal)
    return (json.dumps(table, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def parse_journal(raw: bytes, path: Path = Path(JOURNAL_NAME)) -> Journal:
    """The journal in `raw`.

    Raises:
        JournalError: It is malformed; every mistake is named.
    """
    try:
        return _read_journal(parse_json(decode_text(raw, BYTES_MAX)))
    except TableError as error:
        raise JournalError(path, error.problems) from error


def _read_journal(table: Any) -> Journal:
    """The journal of a table; raises TableError."""
    if isinstance(table, dict) and table.get("version") != VERSION:
        shown = show(table.get("version"))
        raise TableError([f"version: {shown} is not known to this software, which writes {VERSION}"])
    today = todays_names(table, RENAMED)[0] if isinstance(table, dict) else table
    journal = structure(_CONVERTER, today, Journal)
    if problems := tuple(_find_mistakes(journal)):
        raise TableError(problems)
    return journal


def load_journal(path: Path) -> Journal:
    """The journal at `path`.

    Raises:
        JournalError: It is damaged, or cannot be read.
    """
    try:
        raw = read_plain(path, BYTES_MAX, follow=True)
    except OSError as error:
        if error.errno == EFBIG:
            raise JournalError(path, (describe_excess(BYTES_MAX),)) from error
        raise JournalError(path, (f"cannot be read: {error.strerror}",)) from error
    return parse_journal(raw, path)


def save_journal(path: Path, journal: Journal) -> None:
    """Write it atomically: after a power cut it is either the old or the new one."""
    write_or_fail(path, dump_journal(journal), replace_file)


def _find_mistakes(journal: Journal) -> Iterator[str]:
    for name, at in journal.steps.items():
        if name not in STEPS:
            yield f"steps: {show(name)} is no step; known: {', '.join(STEPS)}"
        elif not _TIME.fullmatch(at):
            yield f"steps.{name}: must be a time like 2026-03-02T07:30:00Z, not {show(at)}"
