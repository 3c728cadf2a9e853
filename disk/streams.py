"""The three standard streams, which whoever starts a process may have left closed (`>&-`) or in ASCII.

Python then has None where a stream should be, and the next file that is opened gets its number: what a child
or a library prints would go into it. So the numbers are taken by the null device before anything is opened.
What a terminal or a pipe of another encoding cannot show is written as its escape. Whoever reads the output
may go away; that is no mistake of the call.
"""

import atexit
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final

STANDARD: Final = ("stdin", "stdout", "stderr")


class ReaderGoneError(Exception):
    """Nobody reads the output any more. No OSError: click would end with 1."""


class OutputError(Exception):
    """What was asked for cannot be written, as on a full disk behind `>`; the text says why."""


@contextlib.contextmanager
def tell_reader_gone() -> Iterator[None]:
    """Tell who called click, and not click, that nobody reads the output any more."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error


@contextlib.contextmanager
def writing_output() -> Iterator[None]:
    """Write on standard output, to its end; a process whose output nobody reads any more goes on.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        drop_output()
        raise OutputError(f"the output: {error.strerror}") from error


def drop_output() -> None:
    """What is still in the buffer goes nowhere, so that the interpreter does not stumble over it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _LastWord(io.TextIOWrapper):
    """Standard error. Where it cannot be written nobody can be told so; the exit code still says what was.

    What could not be written stays in the buffer: a log goes on when its disk has room again.
    """

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is left, if that is possible."""
        with contextlib.suppress(OSError):
            super().flush()

    def end(self) -> None:
        """At the end of the process; the interpreter would end with 120 over what is left."""
        try:
            self.buffer.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def fill_standard_streams() -> None:
    """Put the null device where one is missing, and let no sign fail that an encoding does not have."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < len(STANDARD):
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, name in enumerate(STANDARD):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    if sys.stderr is sys.__stderr__ and type(sys.stderr) is io.TextIOWrapper:
        raw, encoding = sys.stderr.buffer, sys.stderr.encoding
        sys.stderr = _LastWord(raw, encoding, "backslashreplace", line_buffering=True)
        atexit.register(sys.stderr.end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
