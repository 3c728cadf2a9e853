"""What the centre needs to enrol this gateway, kept beside the chain because the first key soon dies.

    enrolment.json    {"gateway": id, "first_key": 64 hexadecimal digits}

Written while the first seal is not made yet, whole or not at all; after that nobody can make it
again. Nothing of the daemon depends on it.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

ENROLMENT_NAME: Final = "enrolment.json"


class EnrolmentError(Exception):
    """The enrolment is not there any more."""


def write_enrolment(folder: Path, gateway: str, first_key: bytes) -> None:
    """Keep it in the state folder."""
    draft = folder / (ENROLMENT_NAME + ".new")
    line = json.dumps({"gateway": gateway, "first_key": first_key.hex()}) + "\n"
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(folder / ENROLMENT_NAME)


def read_enrolment(folder: Path) -> dict[str, str]:
    """What was kept.

    Raises:
        EnrolmentError: It is lost.
    """
    file = folder / ENROLMENT_NAME
    try:
        known: Any = json.loads(file.read_text("utf-8"))
        return {"gateway": str(known["gateway"]), "first_key": str(known["first_key"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EnrolmentError(
            f"{file} is missing or damaged, and a first key cannot be made again: "
            "it is in the centre's register if this gateway was enrolled"
        ) from error
