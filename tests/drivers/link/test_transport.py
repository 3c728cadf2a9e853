"""Byte pipes: whatever a port does when it is opened is a fault of the bus, in one family of errors."""

import termios
from typing import Any

import pytest
import serial

from drivers.errors import BusDownError
from drivers.link.transport import SerialPipe, SerialSettings


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (termios.error(5, "Input/output error"), "Input/output error"),  # unplugged while it is set up
        (termios.error(22, "Invalid argument"), "Invalid argument"),
        (serial.SerialException(2, "No such file or directory"), "No such file"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (ValueError("Not a valid baudrate: 7"), "baudrate"),
    ],
)
def test_a_port_that_cannot_be_opened_is_a_bus_that_is_down(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(serial, "Serial", fail)
    with pytest.raises(BusDownError, match=f"/dev/ttyX: .*{reason}"):
        SerialPipe(SerialSettings("/dev/ttyX")).open()


def test_a_port_that_fails_after_it_was_opened_is_closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Unplugged:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def reset_input_buffer(self) -> None:
            raise termios.error(5, "Input/output error")

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(serial, "Serial", Unplugged)
    with pytest.raises(BusDownError):
        SerialPipe(SerialSettings("/dev/ttyX")).open()
    assert closed, "else its exclusive lock keeps the next try out until the garbage is collected"
