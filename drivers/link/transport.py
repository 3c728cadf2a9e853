"""Byte pipes to meters: a serial port, a pty or a TCP connection, all as one file descriptor.

The only importer of pyserial and of sockets on the meter side. A pipe is opened when it is first
needed and may be closed and opened again; every fault of it is a `BusDownError`: the
installation is at fault and not a meter. A TCP connection that was open and fails, by end of file, RST or
silence of the network, is a `HungUpError`. Waits are in real seconds.

pyserial opens and configures the port; reads and writes go straight to the descriptor, because pyserial
reconfigures the port each time its time-out is changed.
"""

import errno
import os
import select
import socket
import termios
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

import serial
from attrs import frozen

from drivers.errors import BusDownError, HungUpError

CONNECT_S: Final = 3.0
"""Longest wait for a TCP connection: a SYN is repeated after one second, so this allows one repetition."""
WRITE_S: Final = 1.0
"""Longest wait for room to write eight bytes; a port that takes longer is blocked."""
CHUNK_BYTES: Final = 4096
START_AND_DATA_BITS: Final = 9
BITS_PER_CHARACTER: Final = 11
"""Start, 8 data, parity and stop, or two stops (Modbus over Serial Line V1.02, section 2.5.1). Time-outs
assume it whatever the setting is; the silence between frames counts what is on the wire."""
SILENT_CHARACTERS: Final = 3.5
FAST_BAUDRATE: Final = 19200
FAST_GAP_S: Final = 0.00175
"""Above 19200 baud the silence between frames is fixed (same document, section 2.5.1.1)."""

_PTY_FOLDER: Final = "/dev/pts/"


@frozen
class SerialSettings:
    """How a serial port is configured."""

    port: str
    baudrate: int = 9600
    parity: str = "N"
    stopbits: int = 1


class Pipe(ABC):
    """Two-way bytes over a descriptor."""

    _fd: int = -1

    def __init__(self, name: str) -> None:
        self._name = name
        self._poll = select.poll()

    @property
    @abstractmethod
    def gap_s(self) -> float:
        """Silence to keep between frames, in seconds of the clock."""

    @abstractmethod
    def wire_s(self, size_bytes: int) -> float:
        """How long that many bytes travel."""

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._fd >= 0

    @abstractmethod
    def open(self) -> bool:
        """Open unless it is open; returns whether it had to be opened."""

    @abstractmethod
    def close(self) -> None:
        """Close; a closed pipe may be opened again."""

    def _attach(self, fd: int) -> None:
        self._fd = fd
        self._poll.register(fd, select.POLLIN)

    def _detach(self) -> None:
        if self._fd >= 0:
            self._poll.unregister(self._fd)
            self._fd = -1

    def write(self, data: bytes) -> None:
        """Hand all bytes to the port."""
        try:
            while data:
                data = data[self._write_some(data) :]
        except OSError as error:
            raise self._broken(error) from error

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            room = select.poll()
            room.register(self._fd, select.POLLOUT)
            if not room.poll(WRITE_S * 1000):
                raise OSError(errno.ETIMEDOUT, "port takes no bytes") from None
            return 0

    def read(self, wait_s: float) -> bytes:
        """What has arrived, after waiting up to `wait_s` real seconds for the first byte; else b""."""
        try:
            if not self._poll.poll(max(wait_s, 0.0) * 1000):
                return b""
            data = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._broken(error) from error
        if not data:
            raise self._broken(ConnectionError("closed by the other side"))
        return data

    def _broken(self, error: Exception) -> BusDownError:
        """The error of an open pipe that failed."""
        return self._bus_down(error)

    def _bus_down(self, error: Exception) -> BusDownError:
        if isinstance(error, termios.error):  # not an OSError, though built like one
            error = OSError(*error.args)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, serial.SerialException) and error.errno is not None:
            reason = os.strerror(error.errno)  # pyserial's text names the port again, and Python's class
        return BusDownError(f"{self._name}: {reason}")


class SerialPipe(Pipe):
    """A serial port, or the pty that stands for one."""

    def __init__(self, settings: SerialSettings) -> None:
        super().__init__(settings.port)
        self._settings = settings
        self._serial: serial.Serial | None = None

    @property
    def gap_s(self) -> float:
        """3.5 characters as they are on the wire, or 1.75 ms above 19200 baud."""
        settings = self._settings
        if settings.baudrate > FAST_BAUDRATE:
            return FAST_GAP_S
        bits = START_AND_DATA_BITS + (settings.parity != serial.PARITY_NONE) + settings.stopbits
        return SILENT_CHARACTERS * bits / settings.baudrate

    def wire_s(self, size_bytes: int) -> float:
        """Eleven bits per character."""
        return size_bytes * BITS_PER_CHARACTER / self._settings.baudrate

    def open(self) -> bool:
        """Open the port for this process alone."""
        if self._serial is not None:
            return False
        settings = self._settings
        try:
            port = serial.Serial(
                settings.port,
                baudrate=settings.baudrate,
                parity=self._parity(),
                stopbits=settings.stopbits,
                timeout=0,
                write_timeout=WRITE_S,
                exclusive=True,
            )
            self._clear_input(port)
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
            raise self._bus_down(error) from error
        self._serial = port
        self._attach(port.fileno())
        return True

    @staticmethod
    def _clear_input(port: serial.Serial) -> None:
        try:
            port.reset_input_buffer()
        except BaseException:
            port.close()
            raise

    def close(self) -> None:
        """Release the port."""
        self._detach()
        port, self._serial = self._serial, None
        if port is not None:
            port.close()

    def _parity(self) -> str:
        """The parity of the settings; none on a pty.

        A pty carries bytes, not bits: it has no parity, and the kernel refuses with EINVAL to set one
        a second time. A real port never falls back, since its meters would stay silent.
        """
        real = str(Path(self._settings.port).resolve())
        return serial.PARITY_NONE if real.startswith(_PTY_FOLDER) else self._settings.parity


class TcpPipe(Pipe):
    """A TCP connection."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port}")
        self._address = (host, port)
        self._socket: socket.socket | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._address

    @property
    def gap_s(self) -> float:
        """Frames need no silence here; a gateway keeps its own on the serial side."""
        return 0.0

    def wire_s(self, size_bytes: int) -> float:
        """Not known: the bus behind the gateway shows in the measured latency."""
        del size_bytes
        return 0.0

    def open(self) -> bool:
        """Connect."""
        if self._socket is not None:
            return False
        try:
            connection = socket.create_connection(self._address, timeout=CONNECT_S)
        except OSError as error:
            raise self._bus_down(error) from error
        connection.setblocking(False)  # waiting is done by poll, so that every wait has an end
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = connection
        self._attach(connection.fileno())
        return True

    def close(self) -> None:
        """Close the connection."""
        self._detach()
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _broken(self, error: Exception) -> BusDownError:
        return HungUpError(str(self._bus_down(error)))


class Deadline:
    """The end of a wait, in real time."""

    def __init__(self, real_s: float) -> None:
        self._end_s = time.monotonic() + real_s

    def left_s(self) -> float:
        """Real seconds that remain, 0 when it has passed."""
        return max(self._end_s - time.monotonic(), 0.0)
