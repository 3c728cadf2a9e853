"""Changes an input: bytes and bits of any, items of one that is CBOR, JSON or TOML.

A flipped bit of deterministic CBOR is nearly always refused at the door; a changed item, encoded anew,
reaches what stands behind it. Seeded, so that an input can be made again.
"""

import json
import tomllib
from collections.abc import Callable
from random import Random
from typing import Any, Final

import cbor2
import tomlkit

from evidence import cbor
from evidence.cbor import _NO_TAGS
from evidence.cose import TAG_SIGN1
from tests.fuzz.target import CBOR, JSON, TOML

INTERESTING: Final[tuple[Any, ...]] = (
    0, 1, -1, 2, 23, 24, 255, 256, 65_535, 65_536, 2**31, 2**32, 2**40 - 1, 2**40, 2**53, 2**63,
    2**64 - 1, 2**64, -(2**63), -(2**64), 0.0, -0.0, 1.5, 1e308, float("nan"), float("inf"),
    "", "x", "gw-7", "\0", "é", "é" * 40, b"", b"\0", bytes(16), bytes(31), bytes(32), bytes(33),
    True, False, None, [], {}, [[]], [{}], {"": 0}, {0: 0},
)  # fmt: skip
BYTES: Final = (0, 1, 0x17, 0x18, 0x20, 0x40, 0x58, 0x7F, 0x80, 0x81, 0x9F, 0xA0, 0xC0, 0xF6, 0xFB, 0xFF)
NESTED_MAX: Final = 40


def mutate(raw: bytes, size_max: int, seed: int, *, form: str) -> bytes:
    """`raw` with one to four changes."""
    random = Random(seed)
    if form and random.random() < 0.7:
        changed = _items(raw, form, random)
        if changed is not None and len(changed) <= size_max:
            return changed
    for _ in range(random.randint(1, 4)):
        raw = random.choice(_BYTE_CHANGES)(raw, random)
    return raw[:size_max]


def _flip(raw: bytes, random: Random) -> bytes:
    if not raw:
        return b"\0"
    at = random.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << random.randrange(8)]) + raw[at + 1 :]


def _set(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + bytes([random.choice(BYTES)]) + raw[at + 1 :]


def _cut(raw: bytes, random: Random) -> bytes:
    first, last = sorted(random.randint(0, len(raw)) for _ in range(2))
    return raw[:first] + raw[last:] if random.random() < 0.5 else raw[:last]


def _insert(raw: bytes, random: Random) -> bytes:
    at = random.randint(0, len(raw))
    return raw[:at] + bytes(random.choice(BYTES) for _ in range(random.randint(1, 8))) + raw[at:]


def _double(raw: bytes, random: Random) -> bytes:
    first, last = sorted(random.randint(0, len(raw)) for _ in range(2))
    at = random.randint(0, len(raw))
    return raw[:at] + raw[first:last] + raw[at:]


_BYTE_CHANGES: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (_flip, _set, _cut, _insert, _double)


def _items(raw: bytes, form: str, random: Random) -> bytes | None:
    """`raw` with some of its items changed; None where it is not of that form, or could not be then."""
    load, dump = _FORMS[form]
    head = raw[:1] if raw[:1] == TAG_SIGN1 else b""
    try:
        value = load(raw[len(head) :])
        for _ in range(random.randint(1, 3)):
            value = _changed(value, random, 0)
        return head + dump(value)
    except Exception:  # noqa: BLE001 -- whatever three libraries raise
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _untagged(raw: bytes) -> Any:
    """No tag is acted upon: some cost hours of arithmetic."""
    return cbor2.loads(raw, semantic_decoders=_NO_TAGS)


_FORMS: Final[dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]]] = {
    CBOR: (_untagged, cbor.encode),
    JSON: (json.loads, _json),
    TOML: (lambda raw: tomllib.loads(raw.decode()), lambda value: tomlkit.dumps(value).encode()),
}


def _changed(value: Any, random: Random, depth: int) -> Any:
    if depth > NESTED_MAX or random.random() < 0.15:
        return random.choice(INTERESTING)
    if isinstance(value, list) and value:
        return _changed_list(value, random, depth)
    if isinstance(value, dict) and value:
        return _changed_map(value, random, depth)
    if isinstance(value, bytes):
        inner = _items(value, CBOR, random) if random.random() < 0.4 else None
        return inner if inner is not None else random.choice(_BYTE_CHANGES)(value, random)
    if isinstance(value, str):
        return random.choice(_BYTE_CHANGES)(value.encode(), random).decode(errors="replace")
    if isinstance(value, int) and not isinstance(value, bool):
        return value + random.choice((-1, 1, -256, 256, 2**32, -(2**32)))
    return random.choice(INTERESTING)


def _changed_list(value: list[Any], random: Random, depth: int) -> list[Any]:
    at, what = random.randrange(len(value)), random.random()
    if what < 0.1:
        return value[:at] + value[at + 1 :]
    if what < 0.2:
        return [*value[:at], value[at], *value[at:]]
    if what < 0.25:
        return [value] if depth < NESTED_MAX else value
    return [*value[:at], _changed(value[at], random, depth + 1), *value[at + 1 :]]


def _changed_map(value: dict[Any, Any], random: Random, depth: int) -> dict[Any, Any]:
    key, what = random.choice(list(value)), random.random()
    if what < 0.1:
        return {k: v for k, v in value.items() if k != key}
    if what < 0.2:
        return {**value, random.choice(("", "x", 0, b"", True)): value[key]}
    return {**value, key: _changed(value[key], random, depth + 1)}
