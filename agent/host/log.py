"""The log on stderr, with priorities for systemd's journal (sd-daemon(3)).

JOURNAL_STREAM names device and inode of the stream that systemd gave the service (systemd.exec(5)). Where
stderr is that stream, each line begins with <3> for an error, <4> for a warning, <6> for the rest, so that
`journalctl -p warning` finds what matters; so does every line of a traceback, because the journal takes each
as an entry. Elsewhere each entry begins with its level's name.
"""

import logging
import os
from typing import Any, Final, TextIO

from disk.plain_text import one_line

PLAIN: Final = "%(levelname)s %(name)s: %(message)s"
JOURNAL: Final = "%(name)s: %(message)s"
ERROR: Final = 3
"""err of syslog(3)."""
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, ERROR), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG: Final = 7


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


class _OneLine(logging.Formatter):
    def formatMessage(self, record: Any) -> str:  # noqa: N802 -- its name in the library
        """The entry's line: what a text from outside holds begins no other (`disk.plain_text`)."""
        return one_line(super().formatMessage(record))


class _Prefixing(_OneLine):
    def format(self, record: Any) -> str:
        """The record with its priority."""
        priority = next((priority for level, priority in _PRIORITIES if record.levelno >= level), _DEBUG)
        return prefix_lines(super().format(record), priority)
