"""The log on stderr, with priorities for systemd's journal (sd-daemon(3)).

JOURNAL_STREAM names device and inode of the stream that systemd gave the service (systemd.exec(5)). Where
stderr is that stream, each line begins with <3> for an error, <4> for a warning, <6> for the rest, so that
`journalctl -p warning` finds what matters; so does every line of a traceback, because the journal takes each
as an entry. Elsewhere each entry begins with its level's name.
"""

import contextlib
import logging
import os
import time
from collections import deque
from typing import Any, Final, TextIO

from disk.plain_text import one_line

PLAIN: Final = "%(levelname)s %(name)s: %(message)s"
JOURNAL: Final = "%(name)s: %(message)s"
ERROR: Final = 3
"""err of syslog(3)."""
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, ERROR), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG: Final = 7


KEPT_BYTES_MAX: Final = 256 * 1024
"""Of the log in memory: some 2,500 lines, days of an agent in order and minutes of one that is not."""
KEPT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_S_PER_H: Final = 3_600


def is_journal(stream: TextIO) -> bool:
    """Whether what is written to `stream` goes to the journal."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def prefix_lines(text: str, priority: int) -> str:
    """`text` as the journal wants it, each line with its priority."""
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines() or [""])


def log_to(stream: TextIO) -> None:
    """Have the whole process log to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Prefixing(JOURNAL) if is_journal(stream) else _OneLine(PLAIN))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class KeptLog(logging.Handler):
    """The end of this run's log in memory, for `diagnose` orders: the service may not read the journal."""

    def __init__(self) -> None:
        super().__init__()
        form = _OneLine(KEPT, "%Y-%m-%dT%H:%M:%SZ")
        form.converter = time.gmtime
        self.setFormatter(form)
        self._lines: deque[tuple[float, str]] = deque()
        self._bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an entry, in place of the oldest."""
        for line in self.format(record).splitlines():
            self._lines.append((time.monotonic(), line))
            self._bytes += len(line.encode(errors="replace"))
        while self._bytes > KEPT_BYTES_MAX:
            self._bytes -= len(self._lines.popleft()[1].encode(errors="replace"))

    def read(self, hours: float) -> list[str]:
        """The lines of the last hours; from any thread."""
        since_s = time.monotonic() - hours * _S_PER_H
        with self.lock or contextlib.nullcontext():
            return [line for at_s, line in self._lines if at_s >= since_s]


class _OneLine(logging.Formatter):
    def formatMessage(self, record: Any) -> str:  # noqa: N802 -- its name in the library
        """The entry's line: what a text from outside holds begins no other (`disk.plain_text`)."""
        return one_line(super().formatMessage(record))


class _Prefixing(_OneLine):
    def format(self, record: Any) -> str:
        """The record with its priority."""
        priority = next((priority for level, priority in _PRIORITIES if record.levelno >= level), _DEBUG)
        return prefix_lines(super().format(record), priority)
