"""The bus of a command that reads meters: a real one, optionally recorded, or the replay of a record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from disk.files import write_all
from drivers.clock import SystemClock
from drivers.errors import BusDownError, BusUrlError
from drivers.poll.bus import MeterBus
from drivers.poll.recording import RecordingBus
from drivers.poll.replay import RecordingError, replay
from provisioning.meters.access import Access, OwnAccess, access_to
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.paths import NEW_FILE

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
RECORD: Final = click.option("--record", type=NEW_FILE, help="Write every request and answer here.")
REPLAY: Final = click.option("--replay", type=_FILE, help="Replay such a file in place of URL.")


@contextmanager
def meter_bus(
    url: str | None, record: Path | None, recorded: Path | None, *, hasty: bool = False
) -> Iterator[MeterBus]:
    """The bus at `url`, recorded in the file `record` if there is one; or the record `recorded` in its place.

    `hasty` is for many different reads of a meter that has just answered quickly (`drivers.link.ledger`).

    Ends the command if the options or the files are wrong, or the bus cannot be used.
    """
    if (url is None) == (recorded is None):
        raise fail(EXIT_USAGE, "give either the URL of a bus or --replay FILE")
    if recorded is not None:
        if record is not None:
            raise fail(EXIT_USAGE, "a record is not recorded again: give --record or --replay")
        bus = _open_replay(recorded)
        with _explained(OwnAccess(bus.url)):
            yield bus
        return
    try:
        access = access_to(str(url))
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    bus = access.open(str(url), hasty=hasty)
    try:
        with _explained(access):
            if record is None:
                yield bus
                return
            with open_record(record) as write:
                yield RecordingBus.on(bus, SystemClock(), write)
    finally:
        bus.close()


@contextmanager
def _explained(access: Access) -> Iterator[None]:
    """Ends the command with one line if the bus cannot be used."""
    try:
        yield
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, access.explain(error)) from error


def _open_replay(path: Path) -> MeterBus:
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
def open_record(path: Path) -> Iterator[Callable[[str], object]]:
    """A function that writes a line of a record into a file; ends the verb if the file cannot be opened."""
    try:
        file = path.open("wb", buffering=0)  # write each line at once: the command may be stopped
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error

    def write(line: str) -> None:
        try:
            write_all(file.fileno(), line.encode())
        except OSError as error:
            raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error

    with file:
        yield write
