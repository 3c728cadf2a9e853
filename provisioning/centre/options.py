"""Shared by the centre's commands: options, output for a script or a person, errors as one line."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import click

from centre.enrolment.ledger import OfficeError
from centre.enrolment.office import Office
from centre.orders.ledger import LedgerError
from centre.register import RegisterError
from centre.store.place import Place
from disk.database import StoreError
from disk.kinds import show as shorten
from disk.translation import translate_message
from drivers.clock import NS_PER_S, Clock, ClockSpecError, SystemClock, clock_from_spec
from evidence.cbor import FormatError
from evidence.keys import KeyFileError, load_key_file
from evidence.words import Words
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate
from wire.enrolment.certificates import CertificateError

WORDS: Final = {
    "no host": Words(
        "{typed} 不是地址，也不是主机名：字母、数字、- 和 .，最多{limit}个字符；中文域名请写作 xn--…",
        "{typed} is neither an address nor the name of a host: letters, digits, - and ., at most {limit}; "
        "write a Chinese domain as xn--…",
    ),
    "no address": Words(
        "{typed} 不是 IP 地址，如 127.0.0.1 或 0.0.0.0",
        "{typed} is no address like 127.0.0.1 or 0.0.0.0",
    ),
}
FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
MS_PER_S: Final = 1000
_CLOCK: Final = "dianjian.clock"
INPUT: Final = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
KEY: Final = click.option("--key", required=True, type=FILE, help="Key file of the centre.")
REGISTER: Final = register_option("The register of gateways.")
STORE: Final = store_option("The subscriber's database.", required=True)
_WRONG: Final = (
    CertificateError, FormatError, KeyFileError, LedgerError, OfficeError, RegisterError, StoreError,
)  # fmt: skip


class Host(click.ParamType[str]):
    """An address, or a name as it stands in a certificate (RFC 1123, 2.1); `is_address` refuses names."""

    name = "host"
    characters_max: Final = 64
    """The longest common name of a certificate (X.520, ub-common-name)."""
    _LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    _NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

    def __init__(self, *, is_address: bool = False) -> None:
        self.is_address = is_address

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The host."""
        text = str(value)
        with contextlib.suppress(ValueError):
            return str(ip_address(text))
        if self.is_address or not self._NAME.fullmatch(text) or len(text) > self.characters_max:
            words = "no address" if self.is_address else "no host"
            self.fail(translate(WORDS[words], typed=shorten(text), limit=self.characters_max), param, ctx)
        return text


HOST: Final = Host()


def _keep_clock(ctx: click.Context, param: click.Parameter, spec: str | None) -> str | None:
    try:
        ctx.meta[_CLOCK] = clock_from_spec(spec)
    except ClockSpecError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    return spec


SIM_CLOCK: Final = click.option(
    "--sim-clock", hidden=True, expose_value=False, callback=_keep_clock, help="Simulated time; a demo's."
)
"""Of a group: `read_utc_ms` in its verbs gives that time."""


def read_utc_ms() -> int:
    """Milliseconds since 1970 by the clock of the call: the machine's, or the simulated one of a demo."""
    clock: Clock = click.get_current_context().meta.get(_CLOCK) or SystemClock()
    return clock.stamp().utc_ns * MS_PER_S // NS_PER_S


AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
AUTHORITY: Final = click.option(
    "--authority", required=True, type=FOLDER, help="The office's folder; see `dianjian centre authority`."
)


def show(fields: Mapping[str, Any], *lines: str, as_json: bool) -> None:
    """Print `fields` for a script, or `lines` for a person."""
    if as_json:
        say_json(fields)
    else:
        say(*map(translate_message, lines))


@contextmanager
def failing_in_one_line(path: Place | None = None) -> Iterator[None]:
    """Ends the command if a file of the centre is wrong; an OSError names `path`, else its own file."""
    try:
        yield
    except _WRONG as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path or error.filename}: {error.strerror}") from error


def office_at(folder: Path, register: Path | None = None, key: Path | None = None) -> Office:
    """The office in a folder; ends the command with one line if there is none."""
    with failing_in_one_line(key):
        return Office(folder, register, b"" if key is None else load_key_file(key))
