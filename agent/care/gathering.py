"""Makes the file that a `diagnose` order asks for, in a thread of its own, one at a time.

    doctor.json   {"dianjian_diagnosis": 1, "gateway", "order", "at", "version", "site_sha256",
                  "site": the text in force, "status": as `agent.overview` has it,
                  "disk": {"free", "database", "quota"} in bytes, "machine": as `agent.host.machine`,
                  "unseen": [what the agent cannot see]}
    log.txt       the last lines of this run of the agent (`agent.host.log`), the oldest first
    bus.jsonl     a session as `dianjian read --record` writes it (`drivers.poll.recording`)
    bundle.zip    doctor.json, log.txt, chain.json, files.json, as in `dianjian doctor --bundle`

The service sees what its user sees and gets no more rights for this: no journal, no service manager, no
hardware clock, no other process. UNSEEN names that in the file; `dianjian doctor` at the gateway looks there.
A bus is not asked anything more: its own polls are written down while they are made.

All texts go through `agent.care.masking.Mask`. The file is at most FILE_BYTES_MAX, lies in `diagnoses/` of
the state folder under its SHA-256, and the KEPT_MAX newest stay there.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from agent.site.file import Site
from agent.status.bus_desk import Desk
from disk.database import StoreError
from disk.files import replace_file
from drivers.clock import Clock, SystemClock
from drivers.poll.recording import Recorder
from evidence.orders.change import hash_site
from evidence.orders.diagnosis import BUS, DOCTOR, LOG, NAMES, Diagnosis
from wire.files import FILE_BYTES_MAX

LOGGER: Final = logging.getLogger("dianjian.diagnosis")
VERSION: Final = 1
HEADER_KEY: Final = "dianjian_diagnosis"
DIAGNOSES_NAME: Final = "diagnoses"
KEPT_MAX: Final = 4
"""One of each kind, 8 MB in all; the centre fetches one in two minutes."""
SESSION_BYTES_MAX: Final = 1_500_000
"""Of a recorded session: a minute of a hundred reads a second; what comes later is left out."""
UNSEEN: Final = ("ports", "permissions", "journal", "service", "rtc")
"""What needs other rights than the agent's."""
HOURS_ALL: Final = 1_000_000
Log = Callable[[float], Sequence[str]]
"""The lines of the last hours."""


@frozen
class Made:
    """A file that lies in the folder."""

    name: str
    size: int
    sha256: str

    def to_row(self) -> dict[str, Any]:
        """As an answer names it."""
        return {"name": self.name, "size": self.size, "sha256": self.sha256}


@frozen
class Facts:
    """What the main loop alone may look at, taken when the order is begun."""

    order: str
    at: str
    version: str
    status: Mapping[str, Any]


def _run_in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="diagnosis", daemon=True).start()


@define(eq=False, repr=False)
class Gathering:
    """See the module.

    Attributes:
        site: The site in force.
        log: The lines of this run.
        desks: The buses whose polls can be recorded: URL, largest gap of registers, desk.
        run: Runs the work beside the caller.
    """

    site: Site
    clock: Clock = field(factory=SystemClock)
    log: Log = field(default=lambda _: ())
    desks: Mapping[str, tuple[str, int, Desk]] = field(factory=dict)
    run: Callable[[Callable[[], None]], None] = _run_in_thread
    _ended: threading.Event = field(init=False, factory=threading.Event)
    _went: Made | str | None = field(init=False, default=None)
    _number: int = field(init=False, default=0)
    is_busy: bool = field(init=False, default=False)

    def begin(self, diagnosis: Diagnosis, facts: Facts) -> None:
        """Start; `take` gives what came of it."""
        self._number, self._went, self.is_busy = self._number + 1, None, True
        number = self._number

        def work() -> None:
            went = self._make(diagnosis, facts)
            if number == self._number:
                self._went = went
            self.is_busy = False

        try:
            self.run(work)
        except RuntimeError as error:
            self._went, self.is_busy = f"no thread can be had: {error}", False

    def take(self) -> Made | str | None:
        """The file, or why there is none; None while it is being made."""
        went, self._went = self._went, None
        return went

    def give_up(self) -> None:
        """Whatever comes of it counts for nothing any more."""
        self._number += 1

    def end(self) -> None:
        """The process ends: a session is not waited for."""
        self._ended.set()

    def _make(self, diagnosis: Diagnosis, facts: Facts) -> Made | str:
        try:
            raw = self._collect(diagnosis, facts)
            if not 0 < len(raw) <= FILE_BYTES_MAX:
                return f"{diagnosis.file_name} would have {len(raw)} bytes, at most {FILE_BYTES_MAX} are sent"
            digest = keep_file(self.site.path(self.site.store.path), raw)
        except (OSError, StoreError, ValueError) as error:
            return f"{diagnosis.file_name} was not made: {error}"
        except Exception as error:  # whatever breaks here must not leave the order without an answer
            LOGGER.exception("a diagnosis ends")
            return f"{diagnosis.file_name} was not made: {type(error).__name__}"
        return Made(diagnosis.file_name, len(raw), digest)

    def _collect(self, diagnosis: Diagnosis, facts: Facts) -> bytes:
        from agent.care.masking import Mask, list_secrets  # noqa: PLC0415 - rarely needed

        folder = self.site.path(self.site.store.path)
        mask = Mask(list_secrets(self.site.file, folder))
        if diagnosis.what == BUS:
            return mask("".join(self._record(diagnosis))).encode()
        if diagnosis.what == LOG:
            return (mask("\n".join(self.log(diagnosis.hours))) + "\n").encode()
        doctor = _to_json(mask.walk(self._describe(facts)))
        if diagnosis.what == DOCTOR:
            return doctor.encode()
        from agent.care.members import describe_chain, describe_files, pack_zip  # noqa: PLC0415 - as above

        key = self.site.broker.centre_key if self.site.broker else None
        texts = {
            "chain.json": _to_json(mask.walk(describe_chain(folder, key))),
            NAMES[DOCTOR]: doctor,
            "files.json": _to_json(mask.walk(describe_files((self.site.file.parent, folder)))),
            NAMES[LOG]: mask("\n".join(self.log(HOURS_ALL))) + "\n",
        }
        return pack_zip({name: text.encode() for name, text in texts.items()})

    def _describe(self, facts: Facts) -> dict[str, Any]:
        from agent.host.machine import read_machine  # noqa: PLC0415 - as above

        head = {HEADER_KEY: VERSION, "gateway": self.site.site.gateway, "order": facts.order, "at": facts.at}
        named = {
            "version": facts.version,
            "site_sha256": hash_site(self.site.text).hex(),
            "site": self.site.text,
        }
        seen = {"status": dict(facts.status), "disk": self._read_disk(), "machine": dict(read_machine())}
        return {**head, **named, **seen, "unseen": list(UNSEEN)}

    def _read_disk(self) -> dict[str, int]:
        import os  # noqa: PLC0415 - as above

        from agent.store.names import DATABASE_NAME  # noqa: PLC0415 - as above

        folder = self.site.path(self.site.store.path)
        room = os.statvfs(folder)
        used = (folder / DATABASE_NAME).stat().st_size
        return {
            "free": room.f_bavail * room.f_frsize,
            "database": used,
            "quota": self.site.store.quota_mb << 20,
        }

    def _record(self, diagnosis: Diagnosis) -> list[str]:
        if diagnosis.bus not in self.desks:
            raise ValueError(f"bus {diagnosis.bus} cannot be recorded")
        url, gap_registers_max, desk = self.desks[diagnosis.bus]
        session = _Session()
        desk.recorder = Recorder(url, gap_registers_max, self.clock, session.write)
        try:
            self._ended.wait(self.clock.real_s(diagnosis.seconds))
        finally:
            desk.recorder = None
        return list(session.lines)


@define(eq=False, repr=False)
class _Session:
    """The lines of a session, as many as fit."""

    lines: list[str] = field(factory=list)
    _bytes: int = 0

    def write(self, line: str) -> None:
        """In the thread of the bus."""
        self._bytes += len(line)
        if self._bytes <= SESSION_BYTES_MAX:
            self.lines.append(line)


def keep_file(folder: Path, raw: bytes) -> str:
    """Keep a file below the state folder, in place of the oldest; its SHA-256. Raises OSError."""
    place = folder / DIAGNOSES_NAME
    place.mkdir(mode=0o700, exist_ok=True)
    digest = sha256(raw).hexdigest()
    there = sorted(
        (one for one in place.iterdir() if one.name != digest), key=lambda one: one.stat().st_mtime_ns
    )
    for old in there[: max(len(there) - KEPT_MAX + 1, 0)]:
        with contextlib.suppress(FileNotFoundError):
            old.unlink()
    replace_file(place / digest, raw, 0o600)
    return digest


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"
