"""What the centre says about a chain that has begun: re-key, replacement, revocation, and a receipt by hand.

Where a chain stands is read from the subscriber's database, beside the subscriber that owns it. If more
comes in between, the subscriber refuses what was signed for an earlier place, and it is signed again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import click

from centre.answers import receipt_of
from centre.register import Entry, RegisterError, add_line, read_register, statement_line
from centre.store.reading import Standing, read_standing
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.keys import KeyFileError, load_key_file
from evidence.moments import utc_ms
from evidence.statement import (
    NO_KEY,
    Rekey,
    Replace,
    Revoke,
    Statement,
    parse_statement,
    sign_statement,
)
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.register_option import register_option

FILE: Final = click.Path(dir_okay=False, path_type=Path)
KEY: Final = click.option("--key", required=True, type=FILE, help="Key file of the centre.")
REGISTER: Final = register_option("The register of gateways.")
STORE: Final = click.option("--store", required=True, type=FILE, help="The subscriber's database.")
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


def say(told: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """For a script or for a person."""
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else text)


@click.command("receipt")
@KEY
@STORE
@AS_JSON
@click.argument("gateway")
def receipt(key: Path, store: Path, as_json: bool, gateway: str) -> None:
    """Print what the centre holds of GATEWAY as a signed receipt, for `dianjian-agent rekey --receipt`."""
    standing = _standing(store, gateway)
    raw = _receipt(standing, _secret(key))
    told = {"gateway": gateway, "number": standing.state.number, "receipt": raw.hex()}
    say(told, raw.hex(), as_json=as_json)


@click.command("rekey")
@REGISTER
@AS_JSON
@click.argument("file", type=click.File("r", lazy=True), default="-")
def rekey(register: Path, as_json: bool, file: TextIO) -> None:
    """Take a re-key by hand: FILE is what `dianjian-agent rekey` printed (a file, or - for input)."""
    try:
        raw = bytes.fromhex(json.loads(file.read())["statement"])
        parsed = parse_statement(raw)
    except (ValueError, TypeError, KeyError, FormatError) as error:
        raise fail(EXIT_USAGE, f"not a re-key: {error}") from error
    statement = parsed.statement
    if not isinstance(statement, Rekey):
        raise fail(EXIT_USAGE, "not a re-key: another statement")
    entry = _entry(register, statement.gateway)
    if not parsed.holds(recovery_key_of(entry)):
        raise fail(EXIT_USAGE, f"not a re-key: the recovery key of {statement.gateway} has not signed it")
    _add(register, entry, raw)
    told = {"gateway": entry.gateway, "number": statement.number}
    say(told, f"{register}: {entry.gateway} goes on at seal {statement.number}", as_json=as_json)


@click.command("replace")
@REGISTER
@KEY
@STORE
@click.option("--reason", default="new hardware", show_default=True, help="One sentence, part of the proof.")
@click.option(
    "--request",
    required=True,
    type=click.File("r", lazy=True),
    help="What `dianjian enrol` printed on the new gateway.",
)
@AS_JSON
@click.argument("gateway")
def replace(
    register: Path, key: Path, store: Path, reason: str, request: TextIO, as_json: bool, gateway: str
) -> None:
    """New hardware goes on as GATEWAY: print the file that `dianjian-agent install-replacement` takes."""
    del as_json  # the file is JSON in any case
    entry, standing, secret = _entry(register, gateway), _standing(store, gateway), _secret(key)
    try:
        wanted: Any = json.loads(request.read())
        if wanted["gateway"] != gateway:
            raise fail(EXIT_USAGE, f"the request is that of gateway {wanted['gateway']!s:.40}, not {gateway}")
        statement = Replace(
            gateway=gateway,
            number=standing.state.number + 1,
            previous=standing.state.hash,
            first_record=standing.state.next_record,
            next_key=bytes.fromhex(wanted["first_key"]),
            recovery_key=bytes.fromhex(wanted.get("recovery_key", "")) or NO_KEY,
            utc_ms=utc_ms(),
            reason=reason,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise fail(EXIT_USAGE, f"not a request: {error}") from error
    if statement.next_key == entry.first_key:
        raise fail(EXIT_USAGE, f"{gateway}: the request has the key it was enrolled with, not a new one")
    raw = _signed(statement, secret)
    _add(register, entry, raw)
    click.echo(
        json.dumps(
            {
                "gateway": gateway,
                "number": statement.number,
                "statement": raw.hex(),
                "receipt": _receipt(standing, secret).hex(),
            }
        )
    )


def revoke_chain(register: Path, key: Path, store: Path, reason: str, gateway: str) -> dict[str, Any]:
    """Sign and keep that no further seal of a gateway counts."""
    entry, standing, secret = _entry(register, gateway), _standing(store, gateway), _secret(key)
    state = standing.state
    raw = _signed(Revoke(gateway, state.number, state.hash, utc_ms(), reason), secret)
    _add(register, entry, raw)
    return {"number": state.number, "statement": raw.hex()}


def recovery_key_of(entry: Entry) -> bytes:
    """What a re-key must be signed with now: the enrolled key, or that of the last replacement."""
    key = entry.recovery_key
    for raw in entry.statements:
        statement = parse_statement(raw).statement
        key = statement.recovery_key if isinstance(statement, Replace) else key
    return key


def _signed(statement: Statement, secret: bytes) -> bytes:
    try:
        return sign_statement(statement, secret)
    except FormatError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _receipt(standing: Standing, secret: bytes) -> bytes:
    return receipt_of(standing.state, standing.held, secret, utc_ms())


def _entry(register: Path, gateway: str) -> Entry:
    try:
        return read_register(register)[gateway]
    except RegisterError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except KeyError as error:
        raise fail(EXIT_USAGE, f"{register}: gateway {gateway} is not enrolled") from error


def _add(register: Path, entry: Entry, raw: bytes) -> None:
    if raw in entry.statements:
        return
    try:
        add_line(register, statement_line(entry.gateway, raw))
    except OSError as error:
        raise fail(EXIT_USAGE, f"{register}: {error.strerror}") from error


def _standing(store: Path, gateway: str) -> Standing:
    if not store.exists():
        raise fail(EXIT_USAGE, f"{store}: no database is there; it is what `dianjian subscribe` keeps")
    try:
        return read_standing(store, gateway)
    except (StoreError, FormatError) as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _secret(key: Path) -> bytes:
    try:
        return load_key_file(key)
    except (KeyFileError, OSError) as error:
        raise fail(EXIT_USAGE, str(error)) from error
