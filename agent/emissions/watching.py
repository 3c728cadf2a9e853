"""Reads the own chain beside the agent and asks about its analysers, in a thread that nothing waits for.

The main loop only takes the events that are due (`due`). The thread begins a day before now, a few seals at a
time, and judges once it has reached the newest. A fault in it ends the asking until the next start, and
nothing else.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from agent.emissions.window import WINDOW_MIN, Window
from agent.sealing.source import NewRecord, RecordSource
from disk.database import StoreError
from drivers.clock import NS_PER_S, Clock, Stamp
from evidence.cbor import FormatError
from evidence.record import Kind, ReadingRecord, decode_record, kind_of
from evidence.seal import StoredSeal, open_body, peek_header

SEALS_MAX: Final = 6
"""Read at once: a minute of readings, some 10 ms of work."""
PAUSE_S: Final = 0.05
"""Between two pieces of a day that is read after a start: it takes minutes, and others their turn."""
POLL_S: Final = 10.0
RETRY_S: Final = 60.0
JUDGE_MIN: Final = 5
"""Minutes of the chain between two looks, each of some 50 ms."""
MS_PER_S: Final = 1_000
_log: Final = logging.getLogger("dianjian.emissions")

Read = Callable[[int, int], tuple[int, list[StoredSeal]]]
"""The newest seal's number, and seals from a number on, at most so many; raises StoreError."""


class Watching(RecordSource):
    """See the module; `begin` and `end` are called once each."""

    def __init__(self, window: Window, read: Read, clock: Clock) -> None:
        self._window, self._read, self._clock = window, read, clock
        self._found: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="emissions", daemon=True)
        self._shown: list[dict[str, Any]] = []
        self._next = 0
        self._judged = 0

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self, timeout_s: float) -> None:
        """End it, after at most so long."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def due(self, _stamp: Stamp, /) -> Iterator[NewRecord]:
        """What was found since the last call."""
        while not self._found.empty():
            body = self._found.get_nowait()
            _log.warning("emissions, %s: %s", body["state"], body["text"])
            yield NewRecord(Kind.EVENT, body)

    def list_open(self) -> list[dict[str, Any]]:
        """The questions that stand, for the status."""
        return self._shown

    def turn(self) -> bool:
        """Read a piece, and judge at the end of the chain; whether there is more. Raises StoreError."""
        if not self._next:
            self._next = self._find_start()
        newest, seals = self._read(self._next, SEALS_MAX)
        for seal in seals:
            self._take(seal)
            self._next = seal.number + 1
        if seals and self._next <= newest:
            return True
        if abs(self._window.newest - self._judged) >= JUDGE_MIN:  # the clock may have been set back
            self._judged = self._window.newest
            for body in self._window.judge():
                self._found.put(body)
            self._shown = self._window.list_open()
        return False

    def _run(self) -> None:
        trouble = ""
        while not self._stop.is_set():
            try:
                self._stop.wait(self._clock.real_s(PAUSE_S if self.turn() else POLL_S))
            except StoreError as error:
                if str(error) != trouble:
                    _log.warning("analysers are not judged: %s", error)
                trouble = str(error)
                self._stop.wait(RETRY_S)
            except Exception:  # noqa: BLE001 - see the module
                _log.exception("analysers are not judged until the next start")
                return

    def _find_start(self) -> int:
        """The first seal of the last day, by halving; its neighbours have nearly the time of now."""
        newest, _ = self._read(1, 0)
        from_ms = self._clock.stamp().utc_ns * MS_PER_S // NS_PER_S - WINDOW_MIN * 60 * MS_PER_S
        low, high = 1, newest + 1
        while low < high:
            middle = (low + high) // 2
            _, found = self._read(middle, 1)
            if found and peek_header(found[0].cose).utc_ms < from_ms:
                low = max(middle, found[0].number) + 1
            else:
                high = middle
        return low

    def _take(self, seal: StoredSeal) -> None:
        if seal.body is None:
            return
        try:
            header = peek_header(seal.cose)
            records = open_body(header, seal.body)
        except FormatError:  # damaged: the agent itself finds it, and says so
            return
        for raw in records:
            if kind_of(raw) not in {Kind.READING, Kind.EVENT}:
                continue
            try:
                record = decode_record(raw)
            except FormatError:
                continue
            if isinstance(record, ReadingRecord):
                at_s = (record.boottime_ms + header.utc_ms - header.boottime_ms) / MS_PER_S
                self._window.take_reading(record, at_s)
            else:
                self._window.take_event(record.body)
