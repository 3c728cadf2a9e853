"""The ledger of clues in a file: one JSON object a line, append-only.

    {"step": raw}                 a step (`evidence.clues.step`), in hexadecimal

Officers' certificates stand in the ledger of orders. Every line is the next step by `evidence.clues.check`; a
file in which one is not ends the reading there, with its line. A last line that a crash has torn is ignored:
its writer had not returned. Writers take turns by a lock beside the file.

A new step must also fit what is known now: its officer's certificate covers the gateway's area, and the key
is not withdrawn at all.
"""

import json
from pathlib import Path
from typing import Any, Final

from centre.orders.ledger import Ledger as Orders
from disk.lines import append_line
from evidence.cbor import FormatError
from evidence.clues.check import Ledger
from evidence.clues.file import STATEMENTS_MAX, Exported
from evidence.clues.step import Step, hash_step, parse_step
from evidence.orders.certificate import Certificate, Role, Withdrawal

LINE_BYTES_MAX: Final = 64 * 1024
"""A step of 16 kB in hexadecimal, and room."""
FILE_MODE: Final = 0o600
"""Names of plants under suspicion are nobody else's to read."""


class CluesError(ValueError):
    """The ledger is wrong, or does not take a step; the message names the line or the reason."""


def read_clues(path: Path, orders: Orders) -> tuple[Ledger, list[bytes]]:
    """The ledger in the file and the bytes of its steps; an empty one if there is no file.

    Raises:
        CluesError: A line is wrong.
        OSError: It cannot be read.
    """
    ledger, raws = Ledger(orders.trust), list[bytes]()
    raw = path.read_bytes() if path.exists() else b""
    for number, line in enumerate(raw[: raw.rfind(b"\n") + 1].splitlines(), 1):
        try:
            raws.append(_take(ledger, line))
        except (ValueError, TypeError, LookupError) as error:
            raise CluesError(f"{path}: line {number}: {error}") from None
    return ledger, raws


def add_step(path: Path, ledger: Ledger, raw: bytes) -> None:
    """Put a new step into the file; it is on the disk when this returns.

    Raises:
        CluesError: It may not be the next; nothing was written.
        FormatError: It is no step.
        OSError: It cannot be written.
    """
    signed = parse_step(raw)
    _check_authority(ledger, signed.step)
    wrong = (None, "not signed") if not signed.holds else ledger.take(signed, hash_step(raw))
    if wrong is not None:
        raise CluesError(wrong[1])
    append_line(path, json.dumps({"step": raw.hex()}) + "\n", FILE_MODE)


def export_clues(orders: Orders, raws: list[bytes], end: bytes | None) -> Exported:
    """Everything that a stranger needs, as one file."""
    said = [raw for raw, one in orders.statements if _is_about_officers(one)]
    if len(said) > STATEMENTS_MAX:
        raise CluesError(f"{len(said)} statements about officers, an export has at most {STATEMENTS_MAX}")
    return Exported(orders.root, tuple(said), tuple(raws), end)


def _is_about_officers(one: object) -> bool:
    """Withdrawals say of no role; those of others do no harm."""
    return isinstance(one, Withdrawal) or (isinstance(one, Certificate) and one.role is Role.OFFICER)


def _take(ledger: Ledger, line: bytes) -> bytes:
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"has more than {LINE_BYTES_MAX} bytes")
    entry: Any = json.loads(line)
    raw = bytes.fromhex(entry["step"])
    signed = parse_step(raw)
    if not signed.holds:
        raise FormatError(f"step {signed.step.seq} is not signed with the key that it names: it was altered")
    wrong = ledger.take(signed, hash_step(raw))
    if wrong is not None:
        raise FormatError(wrong[1])
    return raw


def _check_authority(ledger: Ledger, step: Step) -> None:
    """What a new step must fit beside what every step must."""
    withdrawal = ledger.trust.withdrawal_of(step.key)
    if withdrawal is not None:
        raise CluesError(f"the key of {step.officer} was withdrawn: {withdrawal.reason}")
    clue = ledger.clues.get(step.clue)
    gateway = str(step.body.get("gateway", "")) if clue is None else clue.opening.gateway
    area = ledger.trust.area_of(gateway)
    mine = [
        one
        for one in ledger.trust.certificates(Role.OFFICER, step.officer)
        if one.key == step.key and one.covers(step.utc_ms)
    ]
    if mine and not any(area.startswith(one.area) for one in mine):
        raise CluesError(f"{gateway} is in the area {area or '-'}, which is not one of {step.officer}")
