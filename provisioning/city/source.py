"""What the city's page is made of: a thread that follows the store, and files that are read when they change.

The thread reads a piece at a time, so a page never waits for more than one. What cannot be read is a sentence
on the page, above what was seen last; the page goes on.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from centre.archive.months import Month
from centre.clues.ledger import CluesError, read_clues
from centre.enrolment.ledger import Ledger, OfficeError
from centre.fleet.papers import KeyEnd, Paper, list_key_ends, list_papers
from centre.fleet.watcher import Watcher
from centre.orders.ledger import LedgerError, open_ledger
from centre.register import RegisterError, read_register
from disk.database import StoreError
from disk.translation import to_chinese
from evidence.cbor import FormatError
from evidence.clues.course import Clue
from evidence.moments import local_text
from evidence.statement import Enrolment, parse_statement
from evidence.words import Words
from provisioning.city.figures import CONTENT_TYPE, write_figures
from provisioning.city.page import draw_city_page
from provisioning.city.positions import PositionsError
from provisioning.city.view import View, make_rows
from provisioning.city.words import WORDS
from wire.enrolment.certificates import CertificateError
from wire.http.exchange import Response

LOOK_S: Final = 2.0
"""Between two looks at the store when nothing was new: seals come every few seconds."""
SENT_S: Final = 300.0
"""Between two looks at what became of orders: those of a thousand gateways are read anew each time."""
IDLE_MS: Final = 180_000
"""Without anything new in the store: as long as the shortest silence that the centre tells."""
MS: Final = 1_000
_WRONG: Final = (
    RegisterError, OfficeError, PositionsError, LedgerError, CluesError, CertificateError, FormatError,
)  # fmt: skip
LOG: Final = logging.getLogger("dianjian.page")


@define
class WatchedFile:
    """A file that is read again whenever it has changed; `wrong` is why the last reading failed, else ""."""

    path: Path | None
    read: Callable[[Path], Mapping[str, Any]]
    content: Mapping[str, Any] = field(factory=dict)
    wrong: str = ""
    _seen: tuple[int, int] = field(default=(-1, -1), init=False)

    def look(self) -> Mapping[str, Any]:
        """What is in it; while it is wrong, what was in it before."""
        if self.path is None:
            return self.content
        try:
            found = self.path.stat()
            if (found.st_mtime_ns, found.st_size) != self._seen:
                self._seen = found.st_mtime_ns, found.st_size
                self.content, self.wrong = self.read(self.path), ""
        except OSError as error:
            self.wrong, self._seen = f"{self.path}: {error.strerror}", (-1, -1)
        except _WRONG as error:
            self.wrong = str(error)
        return self.content


@define
class Source:
    """See the module; `begin` before the first page, `end` after the last."""

    watcher: Watcher
    sites: WatchedFile
    certificates: WatchedFile
    positions: WatchedFile
    clues: WatchedFile
    keys: WatchedFile = field(factory=lambda: WatchedFile(None, read_keys))
    read_sent: Callable[[], Mapping[str, tuple[str, str]]] | None = None
    offset_s: int = 8 * 3600
    now_s: Callable[[], float] = time.time
    _turn: threading.Lock = field(factory=threading.Lock, init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)
    _wrong: tuple[str, float] | None = field(default=None, init=False)
    _sent: Mapping[str, tuple[str, str]] = field(factory=dict, init=False)
    _sent_s: float | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def end(self) -> None:
        """Have it end."""
        self._stop.set()

    def look(self) -> bool:
        """Take one piece of the store; whether there may be more at once."""
        try:
            with self._turn:
                has_more = self.watcher.read()
                self._wrong = None
        except StoreError as error:
            if self._wrong is None:
                LOG.warning("%s", error)
                self._wrong = str(error), self.now_s()
            return False
        self._look_at_sent()
        return has_more

    def _look_at_sent(self) -> None:
        """What was sent and kept, from time to time; a ledger that is wrong is a note about the keys."""
        now_s = self.now_s()
        if self.read_sent is None or (self._sent_s is not None and abs(now_s - self._sent_s) < SENT_S):
            return
        self._sent_s = now_s
        try:
            sent = self.read_sent()
        except (StoreError, LedgerError) as error:
            LOG.warning("%s", error)
            return
        with self._turn:
            self._sent = sent

    def build(self, *, chinese: bool) -> bytes:
        """The page as things are."""
        with self._turn:
            return draw_city_page(self._view(), chinese=chinese)

    def write_figures(self) -> Response:
        """The answer to Prometheus."""
        with self._turn:
            watcher = self.watcher
            archived = watcher.archived
            text = write_figures(
                self._view(),
                watcher.newest_utc_ms,
                Month.of_number(archived).end_ms if archived else 0,
                is_deaf=watcher.deaf_since_ms is not None,
            )
        return Response(HTTPStatus.OK, text, CONTENT_TYPE)

    def _view(self) -> View:
        now_ms = round(self.now_s() * MS)
        sites, papers, positions = (one.look() for one in (self.sites, self.certificates, self.positions))
        fleet = list(self.watcher.gateways.values())
        rows = make_rows(fleet, now_ms, sites, papers, positions, self._sent)
        clues, keys = tuple(self.clues.look().values()), tuple(self.keys.look().values())
        notes = tuple(self._list_notes(now_ms, keys))
        return View(rows, now_ms, notes, clues, self.offset_s, keys)

    def _list_notes(self, now_ms: int, keys: tuple[KeyEnd, ...]) -> list[Words]:
        watcher, notes = self.watcher, []
        if self._wrong is not None:
            why, at_s = self._wrong
            notes.append(WORDS["unreadable"].fill(why=_both(why), at=self._at(at_s)))
        if watcher.deaf_since_ms is not None:
            notes.append(WORDS["deaf"].fill(at=self._at(watcher.deaf_since_ms / MS)))
        elif watcher.newest_utc_ms and now_ms - watcher.newest_utc_ms > IDLE_MS:
            notes.append(WORDS["idle"].fill(at=self._at(watcher.newest_utc_ms / MS)))
        if watcher.unread:
            notes.append(WORDS["reading"].fill(count=watcher.unread))
        files = (
            *(("register", self.sites), ("office", self.certificates)),
            *(("positions", self.positions), ("clues", self.clues), ("orders", self.keys)),
        )
        notes += [
            WORDS["key ends"].fill(role=WORDS[one.role], name=one.name, at=self._at(one.ends_ms / MS))
            for one in keys
            if one.is_soon(now_ms)
        ]
        notes += [WORDS[key].fill(why=_both(file.wrong)) for key, file in files if file.wrong]
        return notes

    def _at(self, at_s: float) -> str:
        return local_text(at_s, self.offset_s, "%Y-%m-%d %H:%M")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                has_more = self.look()
            except Exception:
                LOG.exception("the store cannot be followed")  # and again: a page must not stand still for it
                has_more = False
            if not has_more:
                self._stop.wait(LOOK_S)


def read_sites(register: Path) -> dict[str, str]:
    """The name of the plant of every gateway of the register; raises RegisterError."""
    return {entry.gateway: _site_of(entry.enrolment) for entry in read_register(register).values()}


def read_papers(ledger: Path) -> dict[str, Paper]:
    """The last certificate of each gateway, and what became of its renewal.

    Raises:
        OfficeError: The office's ledger cannot be read.
    """
    with Ledger(ledger).locked() as known:
        pass  # what was read stays, and is never changed
    return list_papers(known)


def read_keys(orders: Path) -> dict[str, KeyEnd]:
    """When the centre's keys end, the first before the others; raises LedgerError."""
    found = list_key_ends(open_ledger(orders).trust)
    return {f"{one.role} {one.name}": one for one in found}


def read_open_clues(path: Path, orders: Path) -> dict[str, Clue]:
    """By id, those that are not closed, the newest first.

    Raises:
        LedgerError: The ledger of orders, in which officers are certified, is wrong.
        CluesError: That of clues is.
    """
    ledger, _ = read_clues(path, open_ledger(orders))
    return {id_: clue for id_, clue in reversed(ledger.clues.items()) if not clue.closed}


def _site_of(enrolment: bytes) -> str:
    statement = parse_statement(enrolment).statement if enrolment else None
    return statement.site if isinstance(statement, Enrolment) else ""


def _both(text: str) -> Words:
    return Words(to_chinese(text), text)
