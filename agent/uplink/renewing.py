"""A renewal over the agent's own connection: the broker lets in one connection a certificate.

Who may open `renew.sock` in the state folder (the agent's own user and group, as for `status.sock`) sends one
line of JSON and gets one:

    {"request": the signing request, hexadecimal}      {"answer": `wire.enrolment.answer`, hexadecimal}
                                                       {"refused": why}

One guest at a time, in a thread of its own; the agent publishes the request and hands on what the office
answers. It judges neither: the guest checks the answer against the key that it asked for.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agent.status.lines import Lines, RefusedError
from agent.status.socket import close_listener, open_listener
from wire.enrolment.topics import renew_request
from wire.messages import packet_bytes
from wire.mqtt_events import FAILURE

SOCKET_NAME: Final = "renew.sock"
LINE_BYTES_MAX: Final = 256 * 1024
"""A request has 1 to 60 kB, in hexadecimal twice that."""
ANSWER_S: Final = 30.0
"""A running office answers within a second."""
IDLE_S: Final = 5.0
"""For the guest's line."""
TOKEN: Final = -2
"""Of the publish: the outbox counts from 1."""

Send = Callable[[int, str, bytes], None]
Ready = Callable[[], int]
"""The largest packet of the broker, 0 without a connection."""


class Renewing:
    """The agent's side; `admit`, `note_answer` and `note_ack` are called from its main loop."""

    def __init__(self, folder: Path, gateway: str, send: Send, ready: Ready) -> None:
        self._gateway, self._send, self._ready = gateway, send, ready
        self._path = folder / SOCKET_NAME
        self._listener = open_listener(self._path, 1)
        self._guest: threading.Thread | None = None
        self._told = threading.Event()
        self._line: dict[str, Any] = {}

    def admit(self) -> None:
        """Serve who has connected since the last call."""
        if self._guest is not None and self._guest.is_alive():
            return
        with contextlib.suppress(OSError, RuntimeError):  # nobody waits, no descriptor, or no thread
            channel, _ = self._listener.accept()
            self._guest = threading.Thread(target=self._serve, args=(channel,), name="renew", daemon=True)
            self._guest.start()

    def note_answer(self, payload: bytes) -> None:
        """The office has answered."""
        self._tell({"answer": payload.hex()})

    def note_ack(self, reason_code: int) -> None:
        """The broker has taken the request, or not."""
        if reason_code >= FAILURE:
            self._tell({"refused": f"the broker does not take the request ({reason_code:#04x})"})

    def close(self) -> None:
        """Stop listening and remove the socket."""
        close_listener(self._listener, self._path)

    def _tell(self, line: dict[str, Any]) -> None:
        if not self._told.is_set():
            self._line = line
            self._told.set()

    def _serve(self, channel: socket.socket) -> None:
        with channel, contextlib.suppress(OSError):
            channel.settimeout(IDLE_S)
            lines = Lines(channel, LINE_BYTES_MAX)
            try:
                line = self._ask(_decode(lines.take()))
            except RefusedError as error:
                line = {"refused": str(error)}
            lines.send(line)

    def _ask(self, request: bytes) -> dict[str, Any]:
        topic, most = renew_request(self._gateway), self._ready()
        if not most:
            raise RefusedError("the agent is not connected to the broker")
        if packet_bytes(topic, len(request)) > most:
            raise RefusedError(f"the request has {len(request)} bytes, the broker takes {most}")
        self._told.clear()
        self._send(TOKEN, topic, request)
        if not self._told.wait(ANSWER_S):
            raise RefusedError("the centre does not answer; does `dianjian centre listen` run?")
        return self._line


def ask_agent(folder: Path, request: bytes) -> bytes:
    """The office's answer to a request, through the agent whose state is in `folder`.

    Raises:
        OSError: No agent listens there, or this user may not ask it.
        RefusedError: It does not carry this, or what it says is no answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(ANSWER_S + 2 * IDLE_S)
        channel.connect(str(folder / SOCKET_NAME))
        lines = Lines(channel, LINE_BYTES_MAX)
        lines.send({"request": request.hex()})
        told = lines.take_answer()
    try:
        return bytes.fromhex(told["answer"])
    except (ValueError, TypeError, KeyError) as error:
        raise RefusedError("the agent's line has no answer") from error


def _decode(line: Mapping[str, Any]) -> bytes:
    try:
        return bytes.fromhex(line["request"])
    except (ValueError, TypeError, KeyError) as error:
        raise RefusedError('the line must be {"request": hexadecimal}') from error
