"""The live view of a running agent, over a local socket.

Whoever connects to `status.sock` in the state folder is sent one JSON object and hung up on; what
he sends is not read. The socket may be opened by the agent's own user and group only. It never
blocks the agent: a reader who is slower than the socket's buffer loses the rest of his answer.
"""

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SOCKET_NAME: Final = "status.sock"
STATUS_BYTES_MAX: Final = 4 * 1024 * 1024
"""More than any agent says; a reader stops here instead of trusting the other side."""
READ_TIMEOUT_S: Final = 5.0
ACCEPTS_MAX: Final = 4
"""Readers served in one turn, so that a busy socket cannot keep the agent from its meters."""


class StatusSocket:
    """The agent's side; `serve` is called from the agent's own loop."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SOCKET_NAME
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o117)
        try:
            self._listener.bind(str(self._path))
        finally:
            os.umask(before)
        self._listener.listen(ACCEPTS_MAX)

    def waiting(self) -> list[socket.socket]:
        """Readers who have connected since the last call."""
        readers: list[socket.socket] = []
        with contextlib.suppress(OSError):  # nobody waits, or there is no descriptor for who does
            while len(readers) < ACCEPTS_MAX:
                reader, _ = self._listener.accept()
                readers.append(reader)
        return readers

    @staticmethod
    def answer(reader: socket.socket, status: Mapping[str, Any]) -> None:
        """Send `status` and hang up."""
        with reader, contextlib.suppress(OSError):
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STATUS_BYTES_MAX)
            reader.setblocking(False)
            reader.send(json.dumps(status, ensure_ascii=False).encode())

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._listener.close()
        self._path.unlink(missing_ok=True)


def read_status(folder: Path) -> dict[str, Any]:
    """What the agent that works in `folder` says of itself.

    Raises:
        OSError: No agent listens there.
        ValueError: What listens there is not an agent.
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
