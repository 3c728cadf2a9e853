"""The three standard streams, which whoever starts a process may have left closed (`>&-`) or in ASCII.

Python then has None where a stream should be, and the next file that is opened gets its number: what a child
or a library prints would go into it. So the numbers are taken by the null device before anything is opened.
What a terminal or a pipe of another encoding cannot show is written as its escape.
"""

import io
import os
import sys
from typing import Final

STANDARD: Final = ("stdin", "stdout", "stderr")


def fill_standard_streams() -> None:
    """Put the null device where one is missing, and let no sign fail that an encoding does not have."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < len(STANDARD):
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, name in enumerate(STANDARD):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
