"""What the body of a record may say: the check that comes before anything uses it. Pure.

`check_body` stands in `evidence.record.decode_record`, so centre, `verify`, packs, pages, doctor and the
agent's own restart all refuse the same bodies. It is as docs/format.md, section 5, and records.cddl say it:

- every body is a map with text keys; inside are only maps with text keys, arrays, texts, byte strings, whole
  numbers, finite floats, true, false and null (`evidence.cbor.plain`);
- a key of `_SHAPES` has the shape there wherever it stands, and the keys of `_NEEDED` must stand;
- any other key is free: a later version may add some, and none of today's readers looks at it.

A shape says what readers rely on: types, lengths of hashes, numbers that can be a time, an order. It does
not say that a value is true or sensible: 1.7e308 W is a number, and readers must bear it.

What honest gateways have sealed, of whatever version, passes (`tests/evidence/test_record_body.py`).
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from evidence import cbor

TIME_S_MAX: Final = 253_402_300_799
"""The end of the year 9999, the last that a calendar can show."""
NAME_BYTES_MAX: Final = 256
"""An id of an episode: a linkage of 32 characters, its rule, its time; twice what that can take."""
ENTRIES_MAX: Final = 1_000
"""Lines of a finding, buses of a heartbeat; a large site has 400 meters."""
TRACE_MINUTES_MAX: Final = 600
"""Of a side of an episode's trace, which has two hours."""
SHA256_DIGITS: Final = re.compile(r"[0-9a-f]{64}")
FILES_MAX: Final = 16
"""Beside one mark or answer: photographs and a report."""
STATEMENTS_MAX: Final = 64
"""Of the root, in one record about orders."""
RATIO_MAX: Final = 1_000_000_000
"""Of a transformer; site files allow 100,000."""
_LOSSES: Final = (7, 8)
_ATTESTATION: Final = 17
_SEAL_MAX: Final = (1 << 40) - 1
_HASH_BYTES: Final = 32
_BOOT_ID_BYTES: Final = 16
_MODEL_BYTES: Final = 8
_UNIT_ID_MAX: Final = 255
_ATTEST_BYTES: Final = 149
_SIGNATURE_BYTES: Final = 64
_AK_BYTES: Final = 88


@frozen
class Shape:
    """What a value may be, and its name in a message."""

    wanted: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _whole(low: int, high: int) -> Shape:
    wanted = f"a whole number from {low} to {high}"
    return Shape(wanted, lambda value: type(value) is int and low <= value <= high)


def _octets(size: int) -> Shape:
    return Shape(f"a byte string of {size}", lambda value: type(value) is bytes and len(value) == size)


def _or_null(shape: Shape) -> Shape:
    return Shape(f"{shape.wanted} or null", lambda value: value is None or shape.fits(value))


def _array(item: Shape, most: int) -> Shape:
    wanted = f"an array of at most {most}, each {item.wanted}"
    return Shape(
        wanted, lambda value: type(value) is list and len(value) <= most and all(map(item.fits, value))
    )


def _map(item: Shape) -> Shape:
    wanted = f"a map, each value {item.wanted}"
    return Shape(wanted, lambda value: type(value) is dict and all(map(item.fits, value.values())))


def _table(wanted: str, shapes: Mapping[str, Shape], needed: tuple[str, ...] = ()) -> Shape:
    """A map in which the keys of `shapes` have these, and those of `needed` must stand."""

    def fits(value: Any) -> bool:
        return (
            type(value) is dict
            and all(name in value for name in needed)
            and all(shape.fits(value[name]) for name, shape in shapes.items() if name in value)
        )

    return Shape(wanted, fits)


_ANY_MAP: Final = Shape("a map", lambda value: type(value) is dict)
_TEXT: Final = Shape("a text", lambda value: type(value) is str)
_NAME: Final = Shape(
    f"a text of at most {NAME_BYTES_MAX} bytes",
    lambda value: type(value) is str and len(value.encode()) <= NAME_BYTES_MAX,
)
_FLAG: Final = Shape("true or false", lambda value: type(value) is bool)
_BYTES: Final = Shape("a byte string", lambda value: type(value) is bytes)
_HASH: Final = _octets(_HASH_BYTES)
_SEAL: Final = _whole(1, _SEAL_MAX)
_COUNT: Final = _whole(0, cbor.UINT64_MAX)
_DIGITS: Final = Shape(
    "a SHA-256 in 64 small hexadecimal digits",
    lambda value: type(value) is str and SHA256_DIGITS.fullmatch(value) is not None,
)
_INT: Final = Shape("a whole number", lambda value: type(value) is int)
_TIME_S: Final = _whole(0, TIME_S_MAX)
_RATIO: Final = Shape(
    f"a number above 0 and up to {RATIO_MAX}", lambda value: _is_number(value) and 0 < value <= RATIO_MAX
)
_POWERS: Final = _array(_or_null(Shape("a number", _is_number)), TRACE_MINUTES_MAX)
_METER: Final = _table(
    "a meter as manifests have it",
    {
        "model": _octets(_MODEL_BYTES),
        "unit_id": _whole(0, _UNIT_ID_MAX),
        "address": _NAME,
        "bus": _NAME,
        "line": _or_null(_NAME),
        "ct_ratio": _RATIO,
        "pt_ratio": _RATIO,
    },
)
_SENTENCE: Final = _table('texts in "zh" and "en"', {"zh": _TEXT, "en": _TEXT}, ("zh", "en"))
_TRACE: Final = _table(
    "a trace as episodes have it",
    {"begin_at_s": _TIME_S, "production_w": _POWERS, "treatment_w": _POWERS},
    ("begin_at_s", "production_w", "treatment_w"),
)
_EPISODE: Final = {
    **dict.fromkeys(("id", "linkage", "rule", "severity", "state"), _NAME),
    "lines": _array(_NAME, ENTRIES_MAX),
    "begin_at_s": _TIME_S,
    "raised_at_s": _TIME_S,
    "end_at_s": _or_null(_TIME_S),
    "numbers": _ANY_MAP,
    "sentence": _SENTENCE,
    "trace": _TRACE,
}
_LOST: Final = {"first": _SEAL, "last": _SEAL}
_FILE: Final = _table(
    "a file as records name it",
    {"name": _NAME, "size": _COUNT, "sha256": _DIGITS},
    ("name", "size", "sha256"),
)
_FILES: Final = _array(_FILE, FILES_MAX)
_NUMBER: Final = _whole(0, (1 << 32) - 1)
_WATTS: Final = _or_null(Shape("a number", _is_number))
_BASIS: Final = _table(
    "a baseline as alerts freeze it",
    {"wh": _COUNT, "p90_wh": _COUNT, "days": _array(_NUMBER, ENTRIES_MAX), "from_order": _FLAG},
    ("wh", "p90_wh", "days", "from_order"),
)
_CASE: Final = {
    "what": _NAME, "order": _NAME, "rev": _NUMBER, "test": _FLAG,
    "line": _NAME, "level": _NAME, "measure": _NAME,
}  # fmt: skip
_VERDICT: Final = {
    **_CASE,
    "begin_s": _TIME_S,
    "state": _NAME,
    "wh": _or_null(_COUNT),
    "clue": _FLAG,
    "verdict": _NAME,
    "why": _or_null(_NAME),
    "episodes": _array(_NAME, ENTRIES_MAX),
    "sentence": _SENTENCE,
}
"""Of an hour, and of the end."""

_SHAPES: Final[Mapping[int, Mapping[str, Shape]]] = {
    2: {  # manifest
        "site": _TEXT,
        "site_deflated": _BYTES,
        "site_hash": _HASH,
        "version": _TEXT,
        "boot_id": _octets(_BOOT_ID_BYTES),
        "clock": _NAME,
        "meters": _map(_METER),
        "linkages": _map(_HASH),
        "feed": _or_null(_HASH),
        "models": _map(_BYTES),
        "learned": _ANY_MAP,
    },
    3: {"buses": _array(_ANY_MAP, ENTRIES_MAX)},  # heartbeat
    4: {"boot_id": _octets(_BOOT_ID_BYTES), "offset_ms": _INT, "start": _TEXT, "version": _TEXT},  # boot
    5: {"step_ms": _INT, "state": _NAME, "was_offset_ms": _INT, "offset_ms": _INT},  # clock
    6: {"what": _TEXT, "count": _COUNT, "why": _TEXT},  # gap
    7: {**_LOST, "why": _TEXT},  # drop
    8: {**_LOST, "recovered": _SEAL},  # lost-tail
    10: {**_EPISODE, "params_hash": _NAME, "retrospective": _FLAG},
    11: {"id": _NAME, "by": _NAME, "reason": _TEXT, "files": _FILES},  # mark
    12: {  # order
        "what": _NAME,
        "state": _NAME,
        "reason": _NAME,
        "hash": _HASH,
        "order": _BYTES,
        "newest": _BYTES,
        "statements": _array(_BYTES, STATEMENTS_MAX),
        "id": _NAME,
        "other": _NAME,
        "rev": _NUMBER,
        "seq": _NUMBER,
        "kind": _NAME,
        "missing": _array(_NUMBER, STATEMENTS_MAX),
        "keys": _FLAG,
    },
    13: {  # answer
        "order": _NAME,
        "rev": _NUMBER,
        "state": _NAME,
        "by": _NAME,
        "at": _COUNT,
        "text": _TEXT,
        "files": _FILES,
    },
    14: {"what": _TEXT, "id": _NAME},  # commissioning
    15: {"what": _TEXT, "meter": _NAME, "point": _NAME},  # tamper
    16: {"what": _TEXT, "text": _TEXT},  # event
    17: {  # attestation
        "seal": _whole(0, _SEAL_MAX),
        "seal_hash": _HASH,
        "attest": _octets(_ATTEST_BYTES),
        "signature": _octets(_SIGNATURE_BYTES),
        "alg": Shape('"ES256"', lambda value: value == "ES256"),
        "ak": _octets(_AK_BYTES),
    },
    20: {**_CASE, "base_w": _WATTS, "baseline": _or_null(_BASIS), "issued_s": _TIME_S, "received_s": _TIME_S},
    21: _VERDICT,
    22: _VERDICT,  # of an exercise
}
_NEEDED: Final[Mapping[int, tuple[str, ...]]] = {
    7: tuple(_LOST),
    8: (*_LOST, "recovered"),
    10: tuple(_EPISODE),
    12: ("what",),
    13: ("order", "rev", "state", "by", "at"),
    17: tuple(_SHAPES[17]),
    20: (*_CASE, "base_w", "baseline"),
    21: tuple(_CASE),
    22: tuple(_CASE),
}


def check_body(kind: int, body: Mapping[str, Any]) -> None:
    """Raises FormatError if the body of a record of this kind is not what readers rely on."""
    cbor.plain(body, "body")
    for name in _NEEDED.get(kind, ()):
        if name not in body:
            raise cbor.FormatError(f"{name} is missing")
    for name, shape in _SHAPES.get(kind, {}).items():
        if name in body and not shape.fits(body[name]):
            raise cbor.FormatError(f"{name} is not {shape.wanted}")
    if kind in _LOSSES and body["last"] < body["first"]:
        raise cbor.FormatError("last is below first")
    if kind == _ATTESTATION and body.keys() != _SHAPES[kind].keys():
        raise cbor.FormatError("an attestation has six keys and no more")
    if kind == _ATTESTATION and (body["seal"] == 0) != (body["seal_hash"] == bytes(_HASH_BYTES)):
        raise cbor.FormatError("a seal hash without a seal, or a seal without")
