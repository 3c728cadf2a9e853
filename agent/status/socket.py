"""The live view of a running agent, over a local socket.

Each connection to `status.sock` in the state folder gets one JSON object and is closed; nothing is read from
it. Only the agent's own user and group may open the socket. It never blocks the agent: what the socket's
buffer does not take at once (208 kB on a plain Debian; a plant of a hundred meters sends 300) follows in the
next turns, and a reader that has not taken it all after PATIENCE_S loses the rest.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SOCKET_NAME: Final = "status.sock"
STATUS_BYTES_MAX: Final = 4 * 1024 * 1024
"""More than any agent sends; a reader stops here."""
READ_TIMEOUT_S: Final = 5.0
PATIENCE_S: Final = 5.0
ACCEPTS_MAX: Final = 4
"""Readers served in one turn, so that a busy socket cannot hold up the agent."""


def open_listener(path: Path, waiting_max: int) -> socket.socket:
    """A socket of the agent at `path`, for its user and group alone; never blocks.

    Raises:
        OSError: It cannot be made.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(waiting_max)
    return listener


def close_listener(listener: socket.socket, path: Path) -> None:
    """Stop listening and remove the socket; on a read-only disk it stays, and the error is another."""
    listener.close()
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


class StatusSocket:
    """The agent's side, called from its main loop."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SOCKET_NAME
        self._listener = open_listener(self._path, ACCEPTS_MAX)
        self._rest: list[tuple[socket.socket, memoryview, float]] = []

    def waiting(self) -> list[socket.socket]:
        """Send earlier readers more of their answer; returns those connected since the last call."""
        now_s = time.monotonic()
        rest, self._rest = self._rest, []
        for reader, left, until_s in rest:
            self._hand(reader, left if now_s < until_s else left[:0], until_s)
        readers: list[socket.socket] = []
        with contextlib.suppress(OSError):  # nobody waits, or there is no descriptor for another
            while len(readers) + len(self._rest) < ACCEPTS_MAX:
                reader, _ = self._listener.accept()
                readers.append(reader)
        return readers

    def answer(self, reader: socket.socket, status: Mapping[str, Any]) -> None:
        """Send `status` and close, now or within the next turns."""
        with contextlib.suppress(OSError):
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STATUS_BYTES_MAX)
            reader.setblocking(False)
        raw = json.dumps(status, ensure_ascii=False).encode()
        self._hand(reader, memoryview(raw), time.monotonic() + PATIENCE_S)

    def _hand(self, reader: socket.socket, left: memoryview, until_s: float) -> None:
        """Send as much as the buffer takes; keep the rest, or close."""
        try:
            while left:
                left = left[reader.send(left) :]
        except BlockingIOError:
            self._rest.append((reader, left, until_s))
            return
        except OSError:
            pass
        reader.close()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        for reader, _, _ in self._rest:
            reader.close()
        self._rest = []
        close_listener(self._listener, self._path)


def read_status(folder: Path) -> dict[str, Any]:
    """The status of the agent whose state is in `folder`.

    Raises:
        OSError: No agent listens there.
        ValueError: The answer is not an agent's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(READ_TIMEOUT_S)
        channel.connect(str(folder / SOCKET_NAME))
        answer = bytearray()
        while len(answer) < STATUS_BYTES_MAX and (part := channel.recv(65536)):
            answer += part
    status = json.loads(answer)
    if not isinstance(status, dict):
        raise ValueError("the status socket did not send a JSON object")
    return status
