"""The bus of a verb that asks meters: a real one, one that is recorded, or a record that is played back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from disk.files import write_all
from drivers.clock import SystemClock
from drivers.errors import BusUrlError
from drivers.link.ledger import Ledger
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.recording import RecordingBus, RecordingError, replay
from provisioning.terminal.exits import EXIT_USAGE, fail

HASTY_LATE_S: Final = 2.0
"""Latest answer reckoned with while a meter is named; a poll reckons with 10 s."""
HASTY_DUPLICATE_S: Final = 0.0
"""Second copies of answers are not reckoned with here: doubting refusals costs a second a model."""

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
RECORD: Final = click.option("--record", type=_FILE, help="Write every request and answer here.")
REPLAY: Final = click.option("--replay", type=_FILE, help="Play such a file back in place of URL.")


def hasty_ledger() -> Ledger:
    """For many different questions to one meter, whose answer was just seen to come at once."""
    return Ledger(HASTY_LATE_S, HASTY_DUPLICATE_S)


@contextmanager
def meter_bus(
    url: str | None, record: Path | None, replayed: Path | None, ledger: Ledger | None = None
) -> Iterator[MeterBus]:
    """The bus at `url`, told to the file `record` if there is one, or the record `replayed` instead.

    Ends the verb where the words or the files are wrong.
    """
    if (url is None) == (replayed is None):
        raise fail(EXIT_USAGE, "give either the URL of a bus or --replay FILE")
    if replayed is not None:
        if record is not None:
            raise fail(EXIT_USAGE, "a record is not recorded again: give --record or --replay")
        yield _played(replayed)
        return
    try:
        bus = open_bus(str(url), SystemClock(), ledger)
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    try:
        if record is None:
            yield bus
            return
        with opened(record) as write:
            yield RecordingBus.on(bus, SystemClock(), write)
    finally:
        bus.close()


def _played(path: Path) -> MeterBus:
    try:
        with path.open(encoding="utf-8") as lines:
            return replay(lines, str(path))
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise fail(EXIT_USAGE, f"{path}: not UTF-8 at byte {error.start}") from error
    except RecordingError as error:
        raise fail(EXIT_USAGE, str(error)) from error


@contextmanager
def opened(path: Path) -> Iterator[Callable[[str], object]]:
    """What writes a line of a record into a file; ends the verb where there can be none."""
    try:
        file = path.open("wb", buffering=0)  # a line at once: the verb may be stopped
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error

    def write(line: str) -> None:
        try:
            write_all(file.fileno(), line.encode())
        except OSError as error:
            raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error

    with file:
        yield write
