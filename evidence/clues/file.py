"""An exported ledger of clues: one CBOR array, which anybody checks with the root's key alone.

    ["dianjian clues", 1, root, [statement, …], [step, …], end / null]

`root` is the root's public key, which the verifier must know from elsewhere; `statements` are those about
officers' keys, certificates and withdrawals; the steps in their order. The check is `evidence.clues.check`.
"""

from typing import Any, Final

from attrs import frozen

from evidence import cbor
from evidence.clues.step import END_BYTES_MAX, STEP_BYTES_MAX
from evidence.orders.certificate import CERTIFICATE_BYTES_MAX
from evidence.seal import HASH_BYTES

NAME: Final = "dianjian clues"
VERSION: Final = 1
MAGIC: Final = b"\x86\x6e" + NAME.encode()
"""An array of six whose first item is the name."""
STEPS_MAX: Final = 50_000
"""A city with a thousand gateways, ten clues a day, five steps each: three years."""
STATEMENTS_MAX: Final = 2_000
"""Certificates of officers, each renewed every two years."""
FILE_BYTES_MAX: Final = 128 * 1024 * 1024
"""Steps of two kilobytes, which is what a page of Chinese takes; as an evidence pack."""


@frozen
class Exported:
    """See the module; nothing in it is checked yet."""

    root: bytes
    statements: tuple[bytes, ...]
    steps: tuple[bytes, ...]
    end: bytes | None


def encode_clues(one: Exported) -> bytes:
    """The bytes of the file; raises FormatError if there is too much."""
    raw = cbor.encode([NAME, VERSION, one.root, list(one.statements), list(one.steps), one.end])
    decode_clues(raw)
    return raw


def decode_clues(raw: bytes) -> Exported:
    """The inverse; raises FormatError."""
    items = cbor.array(cbor.decode(raw, FILE_BYTES_MAX), "ledger of clues", 6)
    name, version, root, statements, steps, end = items
    if name != NAME:
        raise cbor.FormatError("no ledger of clues")
    cbor.natural(version, "version", VERSION, VERSION)
    return Exported(
        cbor.octets(root, "root", HASH_BYTES),
        _parse_strings(statements, "statements", STATEMENTS_MAX, CERTIFICATE_BYTES_MAX),
        _parse_strings(steps, "steps", STEPS_MAX, STEP_BYTES_MAX),
        None if end is None else _parse_strings([end], "end", 1, END_BYTES_MAX)[0],
    )


def _parse_strings(value: Any, name: str, most: int, bytes_max: int) -> tuple[bytes, ...]:
    if type(value) is not list or len(value) > most:
        raise cbor.FormatError(f"{name} is not an array of at most {most}")
    for one in value:
        if type(one) is not bytes or not 0 < len(one) <= bytes_max:
            raise cbor.FormatError(f"{name} holds what is no byte string of 1 to {bytes_max}")
    return tuple(value)
