"""The centre's register of gateways: one JSON object a line, written when a gateway is enrolled.

    {"gateway": "plant-7", "first_key": "<64 hexadecimal digits>"}

The first key is all that a verifier needs of a gateway; whoever can write this file decides whom
the centre believes.
"""

import json
from pathlib import Path

from agent.evidence.chain import ChainState


class RegistryError(ValueError):
    """The register is wrong; the message names the line."""


def read_registry(path: Path) -> dict[str, bytes]:
    """The first key of every gateway in the file.

    Raises:
        RegistryError: It cannot be read, a line is no enrolment, or names a gateway a second time with
            another key.
    """
    known: dict[str, bytes] = {}
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise RegistryError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{path}: is not UTF-8 at byte {error.start}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            state = ChainState.enrolled(entry["gateway"], bytes.fromhex(entry["first_key"]))
        except KeyError as error:
            raise RegistryError(f"{path}, line {number}: no {error.args[0]}") from error
        except (ValueError, TypeError) as error:
            raise RegistryError(f"{path}, line {number}: {error}") from error
        if known.setdefault(state.gateway, state.first_key) != state.first_key:
            raise RegistryError(f"{path}, line {number}: {state.gateway} has another first key above")
    return known


def registry_line(gateway: str, first_key: bytes) -> str:
    """The line that enrols a gateway."""
    return json.dumps({"gateway": gateway, "first_key": first_key.hex()}) + "\n"
