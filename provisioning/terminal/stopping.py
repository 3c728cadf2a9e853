"""How a verb that runs on is ended."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopping(*, is_wanted: bool = True) -> Iterator[threading.Event]:
    """Set by SIGTERM and ctrl-C; without being wanted, by nothing."""
    stop = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT) if is_wanted else ()
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
