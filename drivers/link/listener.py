"""A port of this machine at which devices call that send by themselves.

At most PEERS_MAX are connected; one more takes the place of the one that has been silent for longest, or is
hung up on. Nothing here blocks but `wait`. A peer that takes no answer, or closes, is dropped; that the port
cannot be had is a `BusDownError`.
"""

import contextlib
import select
import socket
from typing import Final

from attrs import define, field

from drivers.errors import BusDownError

PEERS_MAX: Final = 8
"""A logger, its second connection, and those that it has forgotten."""
CHUNK_BYTES: Final = 4096
IDLE_S: Final = 600.0
"""A peer that has said nothing for so long is hung up on; loggers send every few minutes at most."""
KEEP_S: Final = 10.0
"""A peer that said something within this time keeps its place."""
MS_PER_S: Final = 1000


@define(eq=False, repr=False)
class Peer:
    """Who has called.

    Attributes:
        host: Its address.
        heard_s: When it last said something.
    """

    host: str
    heard_s: float
    _socket: socket.socket

    @property
    def fd(self) -> int:
        """Its descriptor; -1 once it is closed."""
        return self._socket.fileno()

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self.fd >= 0

    def read(self, now_s: float) -> bytes:
        """What has arrived; b"" if nothing, or if it is gone."""
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.close()
        self.heard_s = now_s
        return data

    def write(self, data: bytes) -> None:
        """Send an answer; a peer that does not take it whole is hung up on."""
        try:
            if self._socket.send(data) == len(data):
                return
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@define(eq=False, repr=False)
class Listener:
    """See the module.

    Attributes:
        only: The one address whose calls are taken; "" for all.
        refused: Calls that were hung up on since the start.
    """

    host: str
    port: int
    only: str = ""
    refused: int = field(default=0, init=False)
    _socket: socket.socket | None = field(default=None, init=False)
    _peers: list[Peer] = field(factory=list, init=False)

    @property
    def peers(self) -> list[Peer]:
        """Who is connected."""
        self._peers = [one for one in self._peers if one.is_open]
        return self._peers

    def open(self) -> None:
        """Take the port unless it is taken; raises BusDownError."""
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=PEERS_MAX)
        except OSError as error:
            place = f"{self.host}:{self.port}"
            raise BusDownError(f"{place}: {error.strerror or error}") from error
        listener.setblocking(False)
        self._socket = listener

    def wait(self, wait_s: float, now_s: float, paused: frozenset[str] = frozenset()) -> list[Peer]:
        """Who has said something, after at most `wait_s` real seconds; hosts of `paused` are left out."""
        listener = self._socket
        if listener is None:
            return []
        for peer in self.peers:
            if now_s - peer.heard_s > IDLE_S:
                peer.close()
        asked = {one.fd: one for one in self.peers if one.host not in paused}
        poll = select.poll()
        for fd in (listener.fileno(), *asked):
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(wait_s * MS_PER_S)}
        if listener.fileno() in ready:  # it is -1 once another thread has given the port up
            self._accept(listener, now_s)
        return [one for fd, one in asked.items() if fd in ready]

    def close(self) -> None:
        """Give the port and all peers up."""
        listener, self._socket = self._socket, None
        if listener is not None:
            listener.close()
        for peer in self.peers:
            peer.close()

    def _accept(self, listener: socket.socket, now_s: float) -> None:
        with contextlib.suppress(OSError):  # it has hung up meanwhile, or there are no descriptors
            connection, address = listener.accept()
            host = str(address[0])
            if (self.only and host != self.only) or not self._has_room(now_s):
                self.refused += 1
                connection.close()
                return
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._peers.append(Peer(host, now_s, connection))

    def _has_room(self, now_s: float) -> bool:
        """Whether one more may stay; hangs up on the most silent one for it."""
        if len(self.peers) < PEERS_MAX:
            return True
        oldest = min(self.peers, key=lambda one: one.heard_s)
        if now_s - oldest.heard_s < KEEP_S:
            return False
        oldest.close()
        return True
