"""What the centre needs to enrol this gateway, kept beside the chain because the first key soon dies.

    enrolment.json    {"gateway": id, "first_key": 64 hexadecimal digits, "recovery_key": the same or ""}

Written before the first seal, whole or not at all; after that nobody can make the first
key again. The daemon does not need it.

The recovery key's secret goes into one file that the technician names and takes away: it is the only
thing that can give the chain a new key after this disk is lost, so it must not lie on this disk. A
gateway without one works as well; only the centre can then bring it back (`replace`).
"""

import json
from pathlib import Path
from typing import Any, Final

from attrs import asdict

from agent.site.file import ConfigError, Site
from disk.files import read_plain, replace_file
from evidence.keys import KeyFileError, create_key_file, load_key_file, public
from evidence.statement import EnrolledMeter

ENROLMENT_NAME: Final = "enrolment.json"
ENROLMENT_BYTES_MAX: Final = 65_536
"""Three short texts; whoever put more there, or a pipe, wants the reader to wait."""


class EnrolmentError(Exception):
    """The enrolment is lost."""


def write_enrolment(folder: Path, gateway: str, first_key: bytes, recovery_key: bytes = b"") -> None:
    """Keep it in the state folder."""
    known = {"gateway": gateway, "first_key": first_key.hex(), "recovery_key": recovery_key.hex()}
    replace_file(folder / ENROLMENT_NAME, json.dumps(known).encode() + b"\n")


def read_enrolment(folder: Path) -> dict[str, str]:
    """What was kept; `recovery_key` is "" where there is none.

    Raises:
        EnrolmentError: It is lost.
    """
    file = folder / ENROLMENT_NAME
    try:
        known: Any = json.loads(read_plain(file, ENROLMENT_BYTES_MAX, follow=True).decode("utf-8"))
        keys = {name: str(known[name]) for name in ("gateway", "first_key")}
        return {**keys, "recovery_key": str(known.get("recovery_key", ""))}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise EnrolmentError(
            f"{file} is missing or damaged, and a first key cannot be made again: "
            "it is in the centre's register if this gateway was enrolled"
        ) from error


def note_first_key(folder: Path, gateway: str, first_key: bytes) -> None:
    """Keep the first key of a gateway that has sealed nothing, and the recovery key if it has one already."""
    try:
        known = read_enrolment(folder)
    except EnrolmentError:
        known = {}
    if (known.get("gateway"), known.get("first_key")) != (gateway, first_key.hex()):
        write_enrolment(folder, gateway, first_key)


def make_recovery_key(site: Site, file: Path) -> None:
    """Make the recovery key: its secret into `file`, its public half into the enrolment.

    A second call with the same file changes nothing.

    Raises:
        ConfigError: There is a recovery key already, or the file cannot be made.
        EnrolmentError: The enrolment is lost.
    """
    folder = site.path(site.store.path)
    known = read_enrolment(folder)
    if folder.resolve() in file.resolve().parents:
        raise ConfigError(file, ["is in the state folder, which it is to recover"])
    if known["recovery_key"]:
        if file.exists() and _public_in(file) == known["recovery_key"]:
            return
        raise ConfigError(file, ["this gateway has a recovery key already, and it is not in this file"])
    try:
        secret = create_key_file(file)
    except FileExistsError as error:
        raise ConfigError(file, ["is there already; a key is never overwritten"]) from error
    except OSError as error:
        raise ConfigError(file, [f"cannot be made: {error.strerror}"]) from error
    write_enrolment(folder, known["gateway"], bytes.fromhex(known["first_key"]), public(secret))


def meters_of(site: Site) -> tuple[EnrolledMeter, ...]:
    """The meters of the site file, for the centre."""
    return tuple(
        EnrolledMeter(meter.id, meter.model, meter.unit_id or 0, meter.address or "") for meter in site.meter
    )


def request_of(site: Site) -> dict[str, Any]:
    """What the centre is to enrol: the keys, and the meters of the site file.

    Raises:
        EnrolmentError: The keys are lost.
    """
    meters = [asdict(one) for one in meters_of(site)]
    return {**read_enrolment(site.path(site.store.path)), "site": site.site.name, "meters": meters}


def _public_in(file: Path) -> str:
    try:
        return public(load_key_file(file)).hex()
    except KeyFileError as error:
        raise ConfigError(file, [str(error)]) from error
