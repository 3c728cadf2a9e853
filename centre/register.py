"""The centre's register: the gateways it trusts, and everything that it has signed about them.

One JSON object a line, append-only:

    {"gateway", "first_key", "recovery_key", "enrolment"}     an enrolment; all but the name are hexadecimal
    {"gateway", "statement"}                                  a re-key, replacement or revocation
    {"gateway", "readmit": reason}                            let in again after it was set aside

A line of an older program has neither `recovery_key` nor `enrolment`. A later line of the same gateway
and first key may add a recovery key where there was none. A last line that a crash has torn is ignored:
`add_line` had not returned. Whoever can write this file decides which gateways the centre trusts. The
effect of the statements on a chain is checked where they are applied.
"""

import json
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from disk.files import read_plain
from disk.lines import append_line, cut_torn
from disk.tables import parse_hex, parse_json
from evidence import cbor
from evidence.chain import ChainState
from evidence.seal import check_gateway
from evidence.statement import NO_KEY, Enrolment, parse_statement, sign_statement

REGISTER_BYTES_MAX: Final = 256 << 20
"""A hundred thousand gateways of a dozen meters; whatever lies in its place is not read without end."""


class RegisterError(ValueError):
    """The register is wrong; the message names the line."""


@frozen
class Entry:
    """One gateway of the register.

    Attributes:
        enrolment: The statement that the centre has signed, b"" from an older program.
        statements: Re-keys, replacements and revocations, in the order of the lines.
        readmissions: How often it was let in again.
    """

    gateway: str
    first_key: bytes
    recovery_key: bytes = NO_KEY
    enrolment: bytes = b""
    statements: tuple[bytes, ...] = ()
    readmissions: int = 0


def read_register(path: Path) -> dict[str, Entry]:
    """Every gateway in the file.

    Raises:
        RegisterError: It cannot be read, a line is neither an enrolment nor a statement, or names a gateway
            a second time with other keys.
    """
    known: dict[str, Entry] = {}
    try:
        text = cut_torn(read_plain(path, REGISTER_BYTES_MAX, follow=True)).decode("utf-8-sig")
    except OSError as error:
        raise RegisterError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RegisterError(f"{path}: is not UTF-8 at byte {error.start}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            _take(known, parse_json(line))
        except KeyError as error:
            raise RegisterError(f"{path}, line {number}: no {error.args[0]}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise RegisterError(f"{path}, line {number}: {error}") from error
    return known


def enrolment_line(
    gateway: str, first_key: bytes, recovery_key: bytes = NO_KEY, enrolment: bytes = b""
) -> str:
    """The line that enrols a gateway."""
    line = {"gateway": gateway, "first_key": first_key.hex()}
    if enrolment:
        line |= {"recovery_key": recovery_key.hex(), "enrolment": enrolment.hex()}
    return json.dumps(line) + "\n"


def statement_line(gateway: str, raw: bytes) -> str:
    """The line that keeps a statement."""
    return json.dumps({"gateway": gateway, "statement": raw.hex()}) + "\n"


def readmission_line(gateway: str, reason: str) -> str:
    """The line that lets a gateway in again."""
    return json.dumps({"gateway": gateway, "readmit": reason}) + "\n"


def add_line(path: Path, line: str) -> None:
    """Add a line; it is on the disk when this returns."""
    append_line(path, line, 0o644)


def enrol_in(path: Path, wanted: Enrolment, secret: bytes) -> dict[str, Entry]:
    """Put a gateway into the register, signed by the centre; a repetition changes nothing.

    Returns:
        The whole register as it is then.

    Raises:
        RegisterError: The register is wrong, or knows the gateway under other keys.
        FormatError: A value of the enrolment is out of its range.
    """
    known = read_register(path) if path.exists() else {}
    old = known.get(wanted.gateway)
    if old is not None and old.first_key != wanted.first_key:
        text = f"{path}: {wanted.gateway} is enrolled with another first key"
        raise RegisterError(f"{text}; new hardware goes on with `dianjian centre replace`")
    if old is not None and old.recovery_key not in {NO_KEY, wanted.recovery_key}:
        raise RegisterError(f"{path}: {wanted.gateway} is enrolled with another recovery key")
    if old is None or not old.enrolment or old.recovery_key != wanted.recovery_key:
        raw = sign_statement(wanted, secret)
        statements, readmitted = ((), 0) if old is None else (old.statements, old.readmissions)
        add_line(path, enrolment_line(wanted.gateway, wanted.first_key, wanted.recovery_key, raw))
        keys = wanted.first_key, wanted.recovery_key
        known[wanted.gateway] = Entry(wanted.gateway, *keys, raw, statements, readmitted)
    return known


def _take(known: dict[str, Entry], line: Any) -> None:
    gateway = check_gateway(line["gateway"])
    if "statement" in line:
        raw = parse_hex(line["statement"])
        if gateway not in known:
            raise ValueError(f"a statement for {gateway}, which no line above enrols")
        if parse_statement(raw).statement.gateway != gateway:
            raise ValueError(f"the statement is not for {gateway}")
        known[gateway] = evolve(known[gateway], statements=(*known[gateway].statements, raw))
        return
    if "readmit" in line:
        if gateway not in known:
            raise ValueError(f"a readmission of {gateway}, which no line above enrols")
        known[gateway] = evolve(known[gateway], readmissions=known[gateway].readmissions + 1)
        return
    new = Entry(
        gateway,
        parse_hex(line["first_key"]),
        parse_hex(line.get("recovery_key", NO_KEY.hex())),
        parse_hex(line.get("enrolment", "")),
    )
    ChainState.enrolled(new.gateway, new.first_key, new.recovery_key)
    old = known.get(gateway, new)
    if old.first_key != new.first_key:
        raise ValueError(f"{gateway} has another first key above")
    if old.recovery_key not in {NO_KEY, new.recovery_key}:
        raise ValueError(f"{gateway} has another recovery key above")
    if new.enrolment and _keys_in(new.enrolment) != (gateway, new.first_key, new.recovery_key):
        raise ValueError(f"the enrolment of {gateway} does not fit its line")
    known[gateway] = evolve(new, statements=old.statements, readmissions=old.readmissions)


def _keys_in(enrolment: bytes) -> tuple[str, bytes, bytes]:
    one = parse_statement(enrolment).statement
    if not isinstance(one, Enrolment):
        raise cbor.FormatError("not an enrolment")
    return one.gateway, one.first_key, one.recovery_key
