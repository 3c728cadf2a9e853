"""A broker of MQTT 3.1.1, written from that standard: level 5 is unknown to it, and it shows that somehow."""

import socket
import ssl
import threading
import time
from enum import StrEnum
from types import TracebackType
from typing import Self


class Manner(StrEnum):
    """What becomes of a CONNECT of MQTT 5."""

    CODE_1 = "CONNACK, unacceptable protocol version"
    CLOSES = "closes at once"
    CLOSES_LATE = "closes after a while"
    RESETS = "closes with RST"
    ACCEPTS = "CONNACK of 3.1.1, accepted"
    NOT_AUTHORIZED = "CONNACK of 3.1.1, not authorized"
    BANS = "closes, and takes no CONNECT of 3.1.1 either"


_CONNACKS = {
    Manner.CODE_1: b"\x20\2\0\1",
    Manner.ACCEPTS: b"\x20\2\0\0",
    Manner.NOT_AUTHORIZED: b"\x20\2\0\5",
}


class OldBroker:
    """Serves one connection at a time in a thread; `levels` are the protocol levels that it was asked for."""

    def __init__(self, manner: Manner, tls: ssl.SSLContext | None = None) -> None:
        self.manner = manner
        self.levels: list[int] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            try:
                link.settimeout(5)
                if self._tls is not None:
                    link = self._tls.wrap_socket(link, server_side=True)
                self._serve(link)
            except OSError:
                pass
            finally:
                link.close()

    def _serve(self, link: socket.socket) -> None:
        connect = link.recv(1_024)
        if not connect.startswith(b"\x10"):
            return  # somebody looks whether the port is open
        level = connect[connect.index(b"MQTT") + 4]
        self.levels.append(level)
        if level == 4 and self.manner is not Manner.BANS:
            link.sendall(b"\x20\2\0\0")
            link.recv(64)
        elif self.manner in _CONNACKS:
            link.sendall(_CONNACKS[self.manner])
        elif self.manner is Manner.CLOSES_LATE:
            time.sleep(0.3)
        elif self.manner is Manner.RESETS:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
