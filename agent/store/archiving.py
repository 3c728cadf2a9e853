"""The plant's own archive: everything of the chain in a second folder, before the gateway prunes it.

    <archive>/<gateway>/chain.db           seals and receipts, the same tables as the agent's own database
    <archive>/<gateway>/statements.jsonl   and the other BESIDE files, as they are
    <archive>/<gateway>/files/<SHA-256>    the files beside the chain

So every verb that takes `--state` takes this folder. Nothing is signed anew. `<archive>` must be there:
where a stick is pulled out, its mount point stays, and nothing may be written into the disk below it; so
a folder on the stick is named.

A thread of its own copies every LOOK_S, PIECE_SEALS at a time; the agent never waits for it, and a stick
that is full, absent or slow is told (`figures`), never more. A piece is one transaction, so a power cut
or a pulled stick costs at most that, and the next look goes on behind what is there. What the agent had
to prune before it could be copied is told as `missing`. Links are not followed, and a folder that another
user owns, or that holds another chain, is not written.
"""

import logging
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from errno import ENOSPC
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen

from agent.store.archive import open_gateway
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME
from agent.store.reading import read_tip
from disk.database import CommitError, StoreError, StoreFullError
from disk.files import read_plain, replace_file
from evidence.archive import Row
from evidence.cbor import FormatError
from evidence.seal import StoredSeal, peek_header, seal_hash

LOG: Final = logging.getLogger("dianjian.archive")

LOOK_S: Final = 60.0
"""Real seconds between two looks: what is pruned is months old, and a commit a minute wears no stick."""
PIECE_SEALS: Final = 100
"""In one transaction: 6 MB at most, and a second or two of a slow stick."""
BYTES_MAX: Final = 3_900 * 1024 * 1024
"""Of one database: FAT takes files below 4 GiB. When it is full, name another folder."""
BESIDE: Final = ("enrolment.json", "statements.jsonl")
BESIDE_BYTES_MAX: Final = 1 << 20
MISSING: Final = "missing"
"""The checkpoint that tells it to the next run."""
FILES_NAME: Final = "files"
FILE_BYTES_MAX: Final = 2_000_000
FILES_LOOKED_AT_MAX: Final = 10_000
STOP_S: Final = 2.0
"""At the end, for a transaction that is under way; a stick that hangs is left behind."""
PAUSE_S: Final = 0.2
"""Between two pieces of a long one, so that the agent's own thread has its turn."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_COMPANIONS: Final = ("", "-wal", "-shm", ".lock", ".ballast", ".suspect", ".salvaged", ".salvage")


class Trouble(Exception):  # noqa: N818 - a state that is told, and no failure of the agent
    """Why nothing is copied; `code` is `absent`, `foreign`, `link`, `other_chain`, `full` or `error`."""

    def __init__(self, code: str, path: Path) -> None:
        self.code = code
        super().__init__(str(path))


@frozen
class Figures:
    """How far the archive is.

    Attributes:
        copied: The last seal in it.
        own: The last seal of the agent's own database at the last look.
        missing: First and last of the run of seals that were pruned before they were copied; None if none.
        trouble: The code of a Trouble, "" while all is well; `text` says more.
    """

    folder: str
    copied: int = 0
    own: int = 0
    missing: tuple[int, int] | None = None
    trouble: str = ""
    text: str = ""

    def to_plain(self) -> dict[str, Any]:
        """For the status."""
        return {
            "folder": self.folder,
            "copied": self.copied,
            "own": self.own,
            "missing": None if self.missing is None else list(self.missing),
            "trouble": self.trouble,
            "text": self.text,
        }


@define(eq=False, repr=False)
class Archiver:
    """Copies; see the module. Only its own thread calls `look`.

    Attributes:
        folder: `<archive>`.
        state: The agent's state folder.
        figures: Replaced as a whole, so that any thread may read it.
    """

    folder: Path
    state: Path
    gateway: str
    figures: Figures = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.figures = Figures(str(self.folder))

    def show(self) -> dict[str, Any]:
        """The figures, for the status."""
        return self.figures.to_plain()

    def look(self) -> bool:
        """Copy a piece; whether there may be more at once."""
        try:
            count = self._copy()
        except Trouble as trouble:
            self._tell(trouble.code, str(trouble))
            return False
        except StoreFullError as error:
            self._tell("full", str(error))
            return False
        except (StoreError, CommitError, FormatError, OSError) as error:
            is_full = isinstance(error, OSError) and error.errno == ENOSPC
            self._tell("full" if is_full else "error" if self.folder.is_dir() else "absent", str(error))
            return False
        except Exception as error:  # noqa: BLE001 - other hands may put anything on a stick
            self._tell("error", f"{type(error).__name__}: {error}")
            return False
        self._tell("", "")
        return count == PIECE_SEALS

    def _tell(self, code: str, text: str) -> None:
        if code != self.figures.trouble:
            level = logging.WARNING if code else logging.INFO
            LOG.log(level, "the archive %s: %s", self.folder, f"{code}: {text}" if code else "is written")
        self.figures = evolve(self.figures, trouble=code, text=text)

    def _copy(self) -> int:
        place = _prepare(self.folder, self.gateway)
        if place.samefile(self.state):
            raise Trouble("foreign", place)
        with closing(GatewayStore(place / DATABASE_NAME, BYTES_MAX)) as kept:
            last = kept.last()
            copied = last.number if last is not None else 0
            rows, own, receipt = self._read(copied)
            rows = _follow(last, rows, own, place)
            missing = self.figures.missing or _parse_missing(kept.checkpoint(MISSING))
            if rows:
                if receipt is not None:
                    kept.put_receipt(*receipt)
                if copied + 1 < rows[0].number:
                    missing = copied + 1, rows[0].number - 1
                    kept.put_checkpoint(MISSING, b"%d %d" % missing)
                kept.append(*map(_to_seal, rows))
        copied = rows[-1].number if rows else copied
        self.figures = evolve(self.figures, copied=copied, own=own, missing=missing)
        self._copy_beside(place)
        return len(rows)

    def _read(self, copied: int) -> tuple[list[Row], int, tuple[int, bytes] | None]:
        """The row `copied` and the next ones, the last own number, the newest receipt with its number.

        Nothing of the agent's file stays open, so its log of changes does not grow while a stick is slow.
        """
        database = self.state / DATABASE_NAME
        with closing(open_gateway(database, self.gateway)) as own:
            rows = list(islice(own.rows(max(copied, 1), own.last), PIECE_SEALS + 1)) if own.last else []
            last = own.last
        receipts = [(number, raw) for number, raw in read_tip(database).receipt_rows if raw is not None]
        return rows, last, receipts[-1] if receipts else None

    def _copy_beside(self, place: Path) -> None:
        for name in BESIDE:
            _copy_file(self.state / name, place / name, BESIDE_BYTES_MAX)
        (place / FILES_NAME).mkdir(mode=0o700, exist_ok=True)
        there = {path.name for path in (place / FILES_NAME).iterdir()}
        for name in _list_files(self.state / FILES_NAME):
            if name not in there:
                _copy_file(self.state / FILES_NAME / name, place / FILES_NAME / name, FILE_BYTES_MAX)


class ArchiveTask:
    """The thread."""

    def __init__(self, archiver: Archiver) -> None:
        self.archiver = archiver
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = STOP_S) -> None:
        """End; waits at most `seconds` for what is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            has_more = self.archiver.look()
            self._stopping.wait(PAUSE_S if has_more else LOOK_S)


def _prepare(folder: Path, gateway: str) -> Path:
    """The folder of this gateway, made if need be; raises Trouble where it may not be written."""
    try:
        mode = folder.lstat().st_mode
    except OSError:
        raise Trouble("absent", folder) from None
    if not stat.S_ISDIR(mode):
        raise Trouble("link" if stat.S_ISLNK(mode) else "absent", folder)
    place = folder / gateway
    place.mkdir(mode=0o700, exist_ok=True)
    database = (DATABASE_NAME + suffix for suffix in _COMPANIONS)
    for one in (place, place / FILES_NAME, *(place / name for name in database)):
        _check_own(one)
    return place


def _check_own(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    is_file = stat.S_ISREG(found.st_mode)
    if not (is_file or stat.S_ISDIR(found.st_mode)) or (is_file and found.st_nlink > 1):
        raise Trouble("link", path)
    if found.st_uid != os.geteuid():
        raise Trouble("foreign", path)


def _follow(last: StoredSeal | None, rows: list[Row], own: int, folder: Path) -> list[Row]:
    """The rows behind `last`; raises Trouble where they do not follow it."""
    if last is None:
        return rows[:PIECE_SEALS]
    is_other = own < last.number
    if rows and rows[0].number == last.number:
        is_other |= seal_hash(rows[0].cose) != last.hash
        rows = rows[1:]
    if rows and rows[0].number == last.number + 1:
        is_other |= peek_header(rows[0].cose).previous != last.hash
    if is_other:
        raise Trouble("other_chain", folder)
    return rows[:PIECE_SEALS]


def _parse_missing(raw: bytes | None) -> tuple[int, int] | None:
    found = re.fullmatch(rb"([0-9]{1,15}) ([0-9]{1,15})", raw or b"")
    return None if found is None else (int(found[1]), int(found[2]))


def _to_seal(row: Row) -> StoredSeal:
    header = peek_header(row.cose)
    return StoredSeal(row.number, seal_hash(row.cose), row.cose, row.body, header.first_record, header.count)


def _copy_file(source: Path, target: Path, bytes_max: int) -> None:
    """Copy a file whole if it is there and differs; raises OSError. A link at `target` is replaced."""
    try:
        raw = read_plain(source, bytes_max)
    except FileNotFoundError:
        return
    is_there = target.is_file() and not target.is_symlink()
    if not is_there or read_plain(target, bytes_max) != raw:
        replace_file(target, raw, 0o600)


def _list_files(folder: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in islice(entries, FILES_LOOKED_AT_MAX):
            if _HASH.fullmatch(entry.name):
                yield entry.name
