"""The journal of a setup: everything that was found, named, measured and done so far, in one file.

`setup.json` lies in the setup's folder. It is written whole after every answer (draft, fsync, replace), so
that an end at any moment costs at most the question that was open. It is read strictly: unknown keys,
wrong types, numbers that are none and files beyond BYTES_MAX are reported in one line each with their place
(`meters[2].unit_id: must be a whole number from 1 to 247, not 300`), never as a traceback.

Times are ISO 8601 texts in UTC. Powers are watts, currents amperes. What is measured again is appended:
the last wiring verdict of a meter and the last trial of a line count, the older ones are history.
Nothing secret is ever in it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from attrs import evolve, field, frozen
from cattrs import Converter

from agent.site.field_types import UNIT_ID, UnitId
from agent.site.older import Renamed, todays_names
from disk.classes import Numbers, converter, structure, to_hook
from disk.files import replace_file
from disk.tables import TEXT, TableError, decode_text, parse_json, show
from evidence.words import Words
from provisioning.terminal.exits import write_or_fail

JOURNAL_NAME: Final = "setup.json"
VERSION: Final = 1
BYTES_MAX: Final = 16 * 1024 * 1024
"""A hundred lines tried for ten minutes each at a sample a second take 3 MB."""
STEPS: Final = (
    "find",
    "lines",
    "wiring",
    "trial",
    "thresholds",
    "photos",
    "enrol",
    "receipt",
    "commission",
    "sheet",
)
"""In the order in which they are gone through."""
RENAMED: Final = (Renamed("lines", "feed", "incomer", "0.2.0", key="kind"),)

_NO_SENTENCE: Final = Words.same("")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class JournalError(Exception):
    """The journal cannot be read; `problems` has one line a mistake."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


@frozen
class SiteFacts:
    """Who this is: the gateway's id, the plant's name, the enterprise, its credit code, where it stands."""

    gateway: str = ""
    name: str = ""
    enterprise: str = ""
    uscc: str = ""
    address: str = ""


@frozen
class BusFound:
    """A bus, by the URL with the settings at which meters answer."""

    id: str
    url: str


@frozen
class MeterFound:
    """A meter that answers, and what was said of it. `unit_id` for Modbus, `address` for DL/T 645."""

    id: str
    bus: str
    unit_id: UnitId | None = None
    address: str | None = None
    model: str = ""
    serial: str = ""
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()
    line: str | None = None
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0
    seal_numbers: tuple[str, ...] = ()
    rated_a: float | None = None


@frozen
class LineNamed:
    """A line of the plant, with the power on its nameplate."""

    id: str
    kind: Literal["production", "treatment", "incomer"]
    name: str = ""
    rated_w: int = 0
    equipment: str = ""


@frozen
class LinkageNamed:
    """Which treatment must run while which production does."""

    id: str
    production: tuple[str, ...]
    treatment: tuple[str, ...]


@frozen
class WiringVerdict:
    """What `provisioning.wiring` says of a meter's wiring; `sentence` and `remedy` in both languages."""

    meter: str
    at: str
    verdict: Literal["good", "mistake", "undecided"]
    mistake: str | None = None
    phases: tuple[str, ...] = ()
    ratio: float | None = None
    sentence: Words = _NO_SENTENCE
    remedy: Words = _NO_SENTENCE
    numbers: Numbers = field(factory=dict)


@frozen
class Trial:
    """The on/off test of a line.

    Attributes:
        samples: Seconds since `begin_at`, and the watts of `meter` or None.
        switched: When a person said, or was seen, to have switched the machine.
        skipped: Why it was not tried; "" where it was.
    """

    line: str
    meter: str
    begin_at: str
    end_at: str
    follows: bool
    off_w: float | None = None
    on_w: float | None = None
    samples: tuple[tuple[float, float | None], ...] = ()
    switched: tuple[tuple[float, Literal["on", "off"]], ...] = ()
    sentence: Words = _NO_SENTENCE
    skipped: str = ""


@frozen
class LineThreshold:
    """From which power on a line counts as running, and below which it has stopped."""

    line: str
    lo_w: int
    hi_w: int
    source: Literal["nameplate", "trial", "typed"] = "nameplate"


@frozen
class Photo:
    """A photo, by where it lies and the hash of its bytes; `meter` where it shows one."""

    path: str
    sha256: str
    what: str = ""
    meter: str | None = None


@frozen
class Enrolled:
    """What the centre knows this gateway by, and how to reach it. Files are paths of the site file."""

    transport: str
    first_key: str
    recovery_key: str = ""
    certificate_sha256: str = ""
    centre_key: str = ""
    at: str = ""
    broker_url: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""


@frozen
class Receipted:
    """The first seal that the centre signed for, and the seal's hash."""

    seal: int
    hash: str
    at: str


@frozen
class Period:
    """The commissioning period."""

    begin_at: str
    until_at: str


@frozen
class Sheet:
    """The acceptance sheet as it was written last."""

    path: str
    sha256: str
    at: str


@frozen
class Journal:
    """All of it. `steps` has the time at which each step was done."""

    version: int = VERSION
    language: Literal["zh", "en"] = "en"
    technician: str = ""
    site: SiteFacts = field(factory=SiteFacts)
    steps: dict[str, str] = field(factory=dict)
    buses: tuple[BusFound, ...] = ()
    meters: tuple[MeterFound, ...] = ()
    lines: tuple[LineNamed, ...] = ()
    linkages: tuple[LinkageNamed, ...] = ()
    wiring: tuple[WiringVerdict, ...] = ()
    trials: tuple[Trial, ...] = ()
    thresholds: tuple[LineThreshold, ...] = ()
    photos: tuple[Photo, ...] = ()
    enrolment: Enrolled | None = None
    receipt: Receipted | None = None
    commissioning: Period | None = None
    sheet: Sheet | None = None
    site_sha256: str = ""
    """Of the site file as setup wrote it last: another hash means that somebody has edited it."""

    def done(self, step: str, at: str) -> "Journal":
        """The same with `step` done."""
        return evolve(self, steps={**self.steps, step: at})


def find_last_wiring(journal: Journal, meter: str) -> WiringVerdict | None:
    """The verdict that counts for `meter`."""
    return next((one for one in reversed(journal.wiring) if one.meter == meter), None)


def find_last_trial(journal: Journal, line: str) -> Trial | None:
    """The on/off test that counts for `line`."""
    return next((one for one in reversed(journal.trials) if one.line == line), None)


def _journal_converter() -> Converter:
    made = converter()
    made.register_structure_hook(UnitId | None, to_hook(UNIT_ID))
    made.register_structure_hook(Words, lambda value, _: _read_words(value))
    made.register_unstructure_hook(Words, lambda words: words.to_body() if words.zh or words.en else {})
    return made


def _read_words(value: Any) -> Words:
    """A sentence as `{"zh": …, "en": …}`; where nothing was ever said, `{}`."""
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
        JournalError: It is none; every mistake is named.
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
        raw = path.read_bytes()
    except OSError as error:
        raise JournalError(path, (f"cannot be read: {error.strerror}",)) from error
    return parse_journal(raw, path)


def save_journal(path: Path, journal: Journal) -> None:
    """Write it whole: after a power cut it is either the old or the new one."""
    write_or_fail(path, dump_journal(journal), replace_file)


def _find_mistakes(journal: Journal) -> Iterator[str]:
    for name, at in journal.steps.items():
        if name not in STEPS:
            yield f"steps: {show(name)} is no step; known: {', '.join(STEPS)}"
        elif not _TIME.fullmatch(at):
            yield f"steps.{name}: must be a time like 2026-03-02T07:30:00Z, not {show(at)}"
