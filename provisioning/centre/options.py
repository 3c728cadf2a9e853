"""Shared by the centre's commands: options, output for a script or a person, errors as one line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import Office
from centre.register import RegisterError
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.keys import KeyFileError, load_key_file
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json
from wire.enrolment.certificates import CertificateError

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
INPUT: Final = click.File("r", lazy=True)
KEY: Final = click.option("--key", required=True, type=FILE, help="Key file of the centre.")
REGISTER: Final = register_option("The register of gateways.")
STORE: Final = click.option("--store", required=True, type=FILE, help="The subscriber's database.")
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
AUTHORITY: Final = click.option(
    "--authority", required=True, type=FOLDER, help="The office's folder; see `dianjian centre authority`."
)


def show(fields: Mapping[str, Any], *lines: str, as_json: bool) -> None:
    """Print `fields` for a script, or `lines` for a person."""
    if as_json:
        say_json(fields)
    else:
        say(*lines)


@contextmanager
def failing_in_one_line(path: Path | None = None) -> Iterator[None]:
    """Ends the command if a file of the centre is wrong; an OSError names `path`, else its own file."""
    try:
        yield
    except (CertificateError, FormatError, KeyFileError, OfficeError, RegisterError, StoreError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path or error.filename}: {error.strerror}") from error


def office_at(folder: Path, register: Path | None = None, key: Path | None = None) -> Office:
    """The office in a folder; ends the command with one line if there is none."""
    with failing_in_one_line(key):
        return Office(folder, register, b"" if key is None else load_key_file(key))
