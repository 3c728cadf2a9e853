"""Lines of JSON between the agent and a guest on one of its local sockets."""

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

_PIECE_BYTES: Final = 65_536


class RefusedError(Exception):
    """The agent does not serve this guest; the text says why."""


class Lines:
    """JSON objects, one a line of at most `bytes_max`, on a connected socket."""

    def __init__(self, channel: socket.socket, bytes_max: int) -> None:
        self._channel = channel
        self._bytes_max = bytes_max
        self._buffer = b""

    def send(self, line: Mapping[str, Any]) -> None:
        """Send one."""
        self._channel.sendall(json.dumps(line).encode() + b"\n")

    def take(self) -> dict[str, Any]:
        """The next one, {} at the end.

        Raises:
            RefusedError: It is none.
        """
        while b"\n" not in self._buffer:
            if len(self._buffer) > self._bytes_max:
                raise RefusedError("the line is too long")
            chunk = self._channel.recv(min(self._bytes_max, _PIECE_BYTES))
            if not chunk:
                return {}
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            decoded = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RefusedError("no line of JSON") from error
        if not isinstance(decoded, dict) or not decoded:
            raise RefusedError("no JSON object")
        return decoded

    def take_answer(self) -> dict[str, Any]:
        """The agent's next one.

        Raises:
            ConnectionResetError: It has gone.
            RefusedError: It refuses, or this is no line.
        """
        line = self.take()
        if not line:
            raise ConnectionResetError("the agent has gone")
        if "refused" in line:
            raise RefusedError(str(line["refused"]))
        return line
