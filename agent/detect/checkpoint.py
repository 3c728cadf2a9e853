"""The bytes of a checkpoint: the SHA-256 of the CBOR, then the CBOR."""

import hashlib
from array import array
from collections.abc import Iterable
from typing import Any, Final

import cbor2

CHECKPOINT_BYTES_MAX: Final = 1 << 20
DIGEST_BYTES: Final = 32


class CheckpointError(Exception):
    """The bytes are not a checkpoint of this detector, which then starts without one."""


def pack(state: list[Any]) -> bytes:
    """`state` as checkpoint bytes."""
    body = cbor2.dumps(state)
    return hashlib.sha256(body).digest() + body


def unpack(checkpoint: bytes) -> Any:
    """The state that `pack` wrote.

    Raises:
        CheckpointError: The bytes are too long, damaged or not from `pack`.
    """
    if len(checkpoint) > CHECKPOINT_BYTES_MAX:
        raise CheckpointError(f"a checkpoint has at most {CHECKPOINT_BYTES_MAX} bytes, not {len(checkpoint)}")
    digest, body = checkpoint[:DIGEST_BYTES], checkpoint[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise CheckpointError("not a checkpoint, or a damaged one")
    try:
        return cbor2.loads(body)
    except Exception as error:
        raise CheckpointError(f"not a checkpoint: {error}") from error


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """Four bytes each where all of them fit, which powers do, else eight."""
    whole = array("q", numbers)
    narrow = not whole or -(1 << 31) <= min(whole) <= max(whole) < 1 << 31
    return array("i", whole).tobytes() if narrow else whole.tobytes()


def unpack_numbers(packed: bytes, count: int) -> "array[int]":
    """The `count` numbers that `pack_numbers` wrote.

    Raises:
        ValueError: They are not so many.
    """
    if len(packed) not in {4 * count, 8 * count}:
        raise ValueError("the state belongs to another window")
    return array("q", array("i", packed) if len(packed) == 4 * count else array("q", packed))
