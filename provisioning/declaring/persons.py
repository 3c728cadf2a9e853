"""The persons of a plant who may declare and answer, each with a password.

    <state>/persons.json    [{"name", "role", "password": scrypt$…}, …]    mode 0600, the agent's user's

A technician or the bureau writes it with `dianjian person`, page and verbs read it. Every change is a letter
into the agent's inbox too (`what`: person), so the chain says since when somebody could declare: a name that
only the file knows was put there by hand.

The password keeps the persons of a plant apart. It proves nothing against who has this machine: that one can
write letters himself. What was declared is therefore checked against power (`evidence.marks.truth`).
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from agent.inbox import drop
from disk.files import read_plain, replace_file
from evidence.cbor import FormatError
from evidence.fields import Fields
from provisioning.declaring.passwords import Password, hash_password, parse_line

PERSONS_NAME: Final = "persons.json"
PERSONS_MAX: Final = 32
"""Of one plant: a few a shift."""
FILE_BYTES_MAX: Final = 32 * 1024
PERSON: Final = "person"
"""The letter: {"what", "name", "role", "state": added | removed}."""
_LINE_BYTES_MAX: Final = 256
"""Of a password's hash, which has 117."""


class PersonsError(ValueError):
    """The file of persons cannot be used, or does not take what is to be written; one line says why."""


@frozen
class Person:
    """Somebody who may declare; `role` is what the plant calls the post."""

    name: str
    role: str
    password: Password


def read_persons(state: Path) -> tuple[Person, ...]:
    """Those of the plant whose agent has its state in `state`; none if nobody was added.

    Raises:
        PersonsError: The file cannot be read, or is another's.
    """
    path = state / PERSONS_NAME
    try:
        raw = read_plain(path, FILE_BYTES_MAX)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise PersonsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        rows = Fields("persons", {"all": json.loads(raw)}).tables("all", PERSONS_MAX)
        found = tuple(map(_read_person, rows))
    except (ValueError, RecursionError) as error:  # FormatError and PasswordError are such
        raise PersonsError(f"{path}: keeps no persons: {error}") from error
    if len({one.name for one in found}) < len(found):
        raise PersonsError(f"{path}: names somebody twice")
    return found


def _read_person(row: Fields) -> Person:
    one = Person(row.name("name"), row.text("role"), parse_line(row.text("password", _LINE_BYTES_MAX)))
    row.finish()
    return one


def add_person(state: Path, name: str, role: str, password: str, utc_ns: int) -> None:
    """Let somebody declare, or give a new role and password.

    Raises:
        PersonsError: The name cannot be used, or there are too many.
        PasswordError: The password is too short or too long.
        OSError: It cannot be written.
    """
    try:
        head = Fields("person", {"name": name, "role": role})
        one = Person(head.name("name"), head.text("role"), parse_line(hash_password(password)))
    except FormatError as error:
        raise PersonsError(str(error)) from error
    others = [other for other in read_persons(state) if other.name != name]
    if len(others) >= PERSONS_MAX:
        raise PersonsError(f"there are {PERSONS_MAX} persons already; remove one first")
    write_persons(state, [*others, one])
    drop(state, {"what": PERSON, "name": name, "role": role, "state": "added", "at": utc_ns}, utc_ns)


def remove_person(state: Path, name: str, utc_ns: int) -> None:
    """Let somebody declare no more; raises PersonsError if there is no such person, or OSError."""
    known = read_persons(state)
    gone = next((one for one in known if one.name == name), None)
    if gone is None:
        raise PersonsError(f"nobody is called {name}")
    write_persons(state, [one for one in known if one.name != name])
    drop(state, {"what": PERSON, "name": name, "role": gone.role, "state": "removed", "at": utc_ns}, utc_ns)


def find_person(persons: Sequence[Person], name: str, password: str) -> Person | None:
    """Who has this name and password; takes a quarter of a second."""
    one = next((one for one in persons if one.name == name), None)
    return one if one is not None and one.password.matches(password.encode()) else None


def write_persons(state: Path, persons: Sequence[Person]) -> None:
    """Keep these and no others; raises OSError."""
    rows: list[dict[str, Any]] = [
        {"name": one.name, "role": one.role, "password": one.password.to_line()} for one in persons
    ]
    raw = (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()
    agent = state.stat()
    owner = (agent.st_uid, agent.st_gid) if os.geteuid() == 0 and agent.st_uid else None
    replace_file(state / PERSONS_NAME, raw, 0o600, owner=owner)
