"""One call of a setup: its folder, its journal, its dialogue. Every answer is stored at once.

Two setups in one folder are refused. A damaged journal is renamed, reported in one line, and a new one begun;
a journal of newer software is left alone. The site file is written from the journal, and what a person added
to it stays. One that somebody else wrote or edited is changed only after its differences were shown and
confirmed; the old file is kept beside the new one.
"""

import contextlib
import difflib
import hashlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field

from agent.inbox import EntryError, drop
from agent.site.file import SITE_FILE_BYTES_MAX, ConfigError, Site, load_site, parse_site
from agent.site.remote import read_remote
from disk.files import move, replace_file
from disk.lock import Lock, SecondInstanceError
from disk.tables import TableError, decode_text
from drivers.clock import Clock, SystemClock
from provisioning.journal.entries import VERSION, Journal, LineNamed, MeterFound
from provisioning.journal.file import JOURNAL_NAME, JournalError, load_journal, save_journal
from provisioning.setup.answers import Answers
from provisioning.setup.site import format_site
from provisioning.setup.talk import Talk
from provisioning.setup.words import text
from provisioning.terminal.exits import EXIT_USAGE, fail, write_or_fail
from provisioning.words.remote import describe_remote
from wire.enrolment.offer import Offer
from wire.platforms.credentials import Credentials, write_credentials

SITE_NAME: Final = "site.toml"
LOCK_NAME: Final = "setup.lock"
SYSTEM_FOLDER: Final = Path("/etc/dianjian")
SYSTEM_STATE: Final = "/var/lib/dianjian"
"""Where the service keeps its state (systemd/dianjian-agent.service)."""
STATE: Final = "state"
DIFFERENCES_SHOWN: Final = 40


@define
class Session:
    """What every step works with."""

    folder: Path
    talk: Talk
    answers: Answers
    journal: Journal
    clock: Clock = field(factory=SystemClock)
    offer: Offer | None = None
    """The token as it was typed in this call; it is on no disk."""

    @property
    def site_file(self) -> Path:
        """The site file."""
        return self.folder / SITE_NAME

    @property
    def store(self) -> Path:
        """The agent's state folder."""
        return self.folder / state_of(self.folder)

    def now(self) -> str:
        """The current time in the journal's form."""
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def keep(self, **changes: Any) -> None:
        """Change the journal, on the disk too."""
        self.journal = evolve(self.journal, **changes)
        save_journal(self.folder / JOURNAL_NAME, self.journal)

    def keep_meter(self, meter: MeterFound, old_id: str = "") -> None:
        """Replace a meter, found by its id or its old one."""
        self.keep(
            meters=tuple(meter if one.id == (old_id or meter.id) else one for one in self.journal.meters)
        )

    def find_meter(self, meter_id: str) -> MeterFound:
        """The meter of this id, as it is now."""
        return next(one for one in self.journal.meters if one.id == meter_id)

    def keep_line(self, line: LineNamed) -> None:
        """Replace a line, found by its id."""
        self.keep(lines=tuple(line if one.id == line.id else one for one in self.journal.lines))

    def find_line(self, line_id: str) -> LineNamed:
        """The line of this id, as it is now."""
        return next(one for one in self.journal.lines if one.id == line_id)

    def done(self, step: str) -> None:
        """Note that a step is done."""
        self.keep(steps={**self.journal.steps, step: self.now()})
        self.talk.event("done", step=step)

    def chain(self, what: str, **fields: Any) -> None:
        """Have something sealed: it stays in the inbox until the agent takes it."""
        body = {"what": what, "at": self.now(), "technician": self.journal.technician, **fields}
        try:
            self.store.mkdir(mode=0o700, parents=True, exist_ok=True)
            drop(self.store, body, self.clock.stamp().utc_ns)
        except (OSError, EntryError) as error:
            raise fail(EXIT_USAGE, f"{self.store}: {error}") from error

    def keep_secret(self, name: str, credentials: Credentials) -> str:
        """Write a file of credentials where the agent may replace it; its path as the site file has it."""
        path = self.store / f"{name}.secret"
        try:
            self.store.mkdir(mode=0o700, parents=True, exist_ok=True)
            agent = self.store.stat()
            is_root = os.geteuid() == 0 and agent.st_uid  # a technician is root, the agent is not
            write_credentials(path, credentials, (agent.st_uid, agent.st_gid) if is_root else None)
        except OSError as error:
            raise fail(EXIT_USAGE, f"{path}: cannot be written: {error.strerror}") from error
        return f"{state_of(self.folder)}/{path.name}"

    def site(self) -> Site:
        """The present site file. Ends the command if it has mistakes."""
        try:
            return load_site(self.site_file)
        except ConfigError as error:
            raise fail(EXIT_USAGE, *str(error).splitlines()) from error

    def tell_remote(self, *states: str) -> None:
        """Say what the centre has sent over the site file, if it stands so: what is written here counts."""
        remote = read_remote(self.store)
        if remote is None:
            return
        told = remote.tell((self._read_present() or b"").decode(errors="replace"))
        if told["order"] and (not states or told["state"] in states):
            self.talk.say("from_centre", style="yellow", told=describe_remote(told)[0])
            self.talk.event("from_centre", **told)

    def write_site(self) -> None:
        """Write the site file from the journal, if anything has changed."""
        present = self._read_present()
        text = format_site(self.journal, state_of(self.folder), self._text_to_keep(present))
        try:
            parse_site(text, self.site_file)
        except TableError as error:
            lines = (f"{self.site_file}: not written: {problem}" for problem in error.problems)
            raise fail(EXIT_USAGE, *lines) from error
        raw = text.encode()
        digest = hashlib.sha256(raw).hexdigest()
        if present is not None:
            found = hashlib.sha256(present).hexdigest()
            if found not in {digest, self.journal.site_sha256}:
                self._ask_to_replace(present, text)
        if present is not None and present != raw:
            self.tell_remote("trial", "kept")
        if present != raw:
            write_or_fail(self.site_file, raw, replace_file)
        if self.journal.site_sha256 != digest:
            self.keep(site_sha256=digest)
        self.talk.event("site", path=str(self.site_file), sha256=digest)

    def _read_present(self) -> bytes | None:
        try:
            return self.site_file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise fail(EXIT_USAGE, f"{self.site_file}: cannot be read: {error.strerror}") from error

    def _text_to_keep(self, present: bytes | None) -> str:
        """The present text, to be completed; "" if there is none, or none that loads."""
        try:
            text = decode_text(present or b"", SITE_FILE_BYTES_MAX)
            parse_site(text, self.site_file)
        except TableError:
            return ""
        return text

    def _ask_to_replace(self, present: bytes, text: str) -> None:
        before = present.decode("utf-8", "replace").splitlines()
        differs = list(
            difflib.unified_diff(before, text.splitlines(), "site.toml", "setup", lineterm="", n=0)
        )
        self.talk.say("site_differs", style="yellow", path=self.site_file)
        for line in differs[2 : 2 + DIFFERENCES_SHOWN]:
            self.talk.show(f"    {line}", style="dim")
        if len(differs) > 2 + DIFFERENCES_SHOWN:
            self.talk.say("more_lines", count=len(differs) - 2 - DIFFERENCES_SHOWN)
        if not self.talk.ask_yes(
            "site.replace", "ask_replace_site", default=False, given=self.answers.site.replace
        ):
            raise fail(
                EXIT_USAGE,
                f"{self.site_file}: was not written by this setup and stays as it is; move it away, "
                "or say site.replace = true in the answers",
            )
        kept = set_aside(self.site_file, "replaced")
        self.talk.say("set_aside", path=kept)


def state_of(folder: Path) -> str:
    """The value of `[store] path` in a setup's folder."""
    return SYSTEM_STATE if folder == SYSTEM_FOLDER else STATE


def default_folder() -> Path:
    """`/etc/dianjian` for root, else the working folder."""
    return SYSTEM_FOLDER if os.geteuid() == 0 else Path.cwd()


def default_gateway() -> str:
    """The machine's own name, as an id."""
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in socket.gethostname()).strip("-")
    return name[:32] or "gateway"


@contextlib.contextmanager
def session(folder: Path, talk: Talk, answers: Answers) -> Iterator[Session]:
    """The only session in `folder`. Ends the command if it cannot be opened."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / LOCK_NAME)
    except SecondInstanceError as error:
        raise fail(EXIT_USAGE, f"{folder}: another setup is at work in this folder") from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{folder}: {error.strerror}") from error
    try:
        yield Session(folder, talk, answers, _open_journal(folder / JOURNAL_NAME, talk))
    finally:
        lock.release()


def _open_journal(path: Path, talk: Talk) -> Journal:
    if not path.exists():
        return Journal()
    try:
        return load_journal(path)
    except JournalError as error:
        newer = f"writes {VERSION}" in error.problems[0] and "None" not in error.problems[0]
        unread = error.problems[0].startswith("cannot be read")
        if newer or unread:
            raise fail(EXIT_USAGE, *str(error).splitlines()) from error
        kept = set_aside(path, "damaged")
        talk.say("journal_damaged", style="yellow", path=path, kept=kept, why=error.problems[0])
        talk.event("set_aside", path=str(kept), problems=list(error.problems))
        return Journal()


def set_aside(path: Path, why: str) -> Path:
    """Rename a file so that nothing overwrites it; returns its new name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    kept = path.with_name(f"{path.name}.{why}-{stamp}")
    try:
        move(path, kept)
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: cannot be set set_aside: {error.strerror}") from error
    return kept


def explain_continuing(folder: Path) -> str:
    """How to continue an interrupted setup."""
    return text("go_on", folder=folder)
