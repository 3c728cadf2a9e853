"""Records as agents write them, whole ones and the barest that there may be, and records that are none."""

from typing import Any, Final

import cbor2

from evidence.cbor import FormatError
from evidence.record import Kind, decode_record
from evidence.record_body import (
    ENTRIES_MAX,
    FILES_MAX,
    NAME_BYTES_MAX,
    RATIO_MAX,
    STATEMENTS_MAX,
    TIME_S_MAX,
    TRACE_MINUTES_MAX,
)
from evidence.seal import NUMBER_MAX
from tests.evidence.attestations import GOLDEN

LONG: Final = "n" * (NAME_BYTES_MAX + 1)

EPISODE: Final[dict[str, Any]] = {
    "id": "k1-off-1767268860",
    "linkage": "k1",
    "lines": ["p1", "t1"],
    "rule": "off",
    "severity": "violation",
    "begin_at_s": 1_767_268_860,
    "raised_at_s": 1_767_268_920,
    "end_at_s": None,
    "state": "raised",
    "numbers": {"deficit_s": 190, "r": 0.25, "course": [["off", 1_767_268_860]]},
    "sentence": {"zh": "停", "en": "off"},
    "trace": {"begin_at_s": 1_767_262_320, "production_w": [50_000, None], "treatment_w": [0, None]},
    "params_hash": "00" * 32,
    "retrospective": False,
}
METER: Final[dict[str, Any]] = {
    "model": b"12345678", "unit_id": 1, "bus": "b1", "line": "p1", "ct_ratio": 40.0, "pt_ratio": 1,
}  # fmt: skip
FILE: Final[dict[str, Any]] = {"name": "report.pdf", "size": 9, "sha256": "0a" * 32}
CASE: Final[dict[str, Any]] = {
    "order": "a1", "rev": 1, "test": False, "line": "p1", "level": "red", "measure": "stop",
}  # fmt: skip
BODIES: Final[dict[Kind, dict[str, Any]]] = {
    Kind.MANIFEST: {
        "site": "[site]",
        "site_hash": bytes(32),
        "version": "0.1.0",
        "boot_id": bytes(16),
        "clock": "synchronised",
        "meters": {"m1": METER, "a1": {"model": b"87654321", "address": "123456789012", "line": None}},
        "linkages": {"k1": bytes(32)},
        "feed": None,
        "models": {"3132333435363738": b"{}"},
        "learned": {"buses": {"b1": {"pause_s": 0.05}}, "meters": {}},
    },
    Kind.HEARTBEAT: {
        "resident_bytes": 50_000_000, "buses": [{"bus": "b1", "load_percent": 12.5, "p95_ms": None}],
    },
    Kind.BOOT: {"boot_id": bytes(16), "offset_ms": -5, "start": "clean", "version": "0.1.0"},
    Kind.CLOCK: {"step_ms": -3_600_000, "state": "synchronised", "was_offset_ms": 1, "offset_ms": 2},
    Kind.GAP: {"what": "records", "count": 3, "why": "the disk took no seal"},
    Kind.DROP: {"first": 1, "last": 2, "why": "no room"},
    Kind.LOST_TAIL: {"first": 1, "last": 2, "recovered": 2},
    Kind.CONFIG: {},
    Kind.EPISODE: EPISODE,
    Kind.MARK: {"id": "k7", "by": "王", "reason": "检修", "files": [FILE]},
    Kind.ORDER: {
        "what": "order", "state": "held", "reason": "", "hash": bytes(32), "order": b"\xd2",
        "newest": b"\xd2", "statements": [b"\xd2"], "id": "o1", "other": "o2", "rev": 1, "seq": 4_294_967_295,
        "kind": "supervise", "missing": [1, 2], "keys": False,
    },
    Kind.ANSWER: {
        "order": "o1", "rev": 1, "state": "objected", "by": "王", "at": 5, "text": "", "files": [FILE],
    },
    Kind.COMMISSIONING: {"what": "sheet", "sha256": "00" * 32, "id": "00" * 32},
    Kind.TAMPER: {
        "what": "counter backwards", "meter": "m1", "point": "active_energy_import", "was": 2, "now": 1,
    },
    Kind.EVENT: {"what": "meter", "good": False, "text": "no answer", "nothing": None},
    Kind.ATTESTATION: GOLDEN[0].to_body(),
    Kind.BASELINE: {
        **CASE, "what": "baseline", "base_w": 1_000, "issued_s": 1_767_268_860, "received_s": 1_767_268_861,
        "baseline": {"wh": 960_000, "p90_wh": 1_000_000, "days": [20_440, 20_441], "from_order": False},
    },
    Kind.VERDICT: {
        **CASE, "what": "hour", "begin_s": 1_767_268_800, "state": "not_met", "asked_s": 3_600,
        "covered_s": 3_600, "over_s": 900, "peak_w": 40_000, "wh": 12_000, "bridged": False, "clue": True,
    },
    Kind.EXERCISE: {
        **CASE, "what": "final", "test": True, "verdict": "met", "why": None, "episodes": ["k1-off-1"],
        "sentence": {"zh": "达到要求", "en": "met"},
    },
}  # fmt: skip
NEEDED: Final = {
    Kind.ORDER: ("what",),
    Kind.ANSWER: ("order", "rev", "state", "by", "at"),
    Kind.BASELINE: (*CASE, "what", "base_w", "baseline"),
    Kind.VERDICT: (*CASE, "what"),
    Kind.EXERCISE: (*CASE, "what"),
}
BAREST: Final[dict[Kind, dict[str, Any]]] = {
    kind: {key: one for key, one in body.items() if key not in {"params_hash", "retrospective", "why"}}
    if kind in {Kind.DROP, Kind.LOST_TAIL, Kind.EPISODE, Kind.ATTESTATION}
    else {key: one for key, one in body.items() if key in NEEDED.get(kind, ())}
    for kind, body in BODIES.items()
}


def is_taken(raw: bytes) -> bool:
    """Whether the decoder takes it."""
    try:
        decode_record(raw)
    except FormatError:
        return False
    return True


def raw_of(kind: int, body: object) -> bytes:
    """The record, whatever the body is."""
    return cbor2.dumps([int(kind), 5, 6, 0, body], canonical=True)


WRONG: Final[list[tuple[Kind, str, object]]] = [
    *(
        (kind, "", body)
        for kind in (Kind.EVENT, Kind.MARK)
        for body in ([], None, "text", 1, {1: 2}, {b"a": 1})
    ),
    (Kind.MANIFEST, "site", b"[site]"),
    (Kind.MANIFEST, "site_deflated", "x"),
    (Kind.MANIFEST, "site_hash", bytes(31)),
    (Kind.MANIFEST, "version", 1),
    (Kind.MANIFEST, "meters", []),
    (Kind.MANIFEST, "meters", {"m1": 1}),
    *(
        (Kind.MANIFEST, "meters", {"m1": {**METER, **change}})
        for change in (
            {"line": b"x"}, {"line": {"a": 1}}, {"line": 5}, {"line": LONG}, {"model": b"7"},
            {"model": "12345678"}, {"unit_id": 256}, {"unit_id": True}, {"address": 1}, {"bus": None},
            {"ct_ratio": 0}, {"ct_ratio": -1.5}, {"ct_ratio": "40"}, {"ct_ratio": True},
            {"pt_ratio": RATIO_MAX + 1}, {"pt_ratio": 1e300},
        )
    ),
    (Kind.MANIFEST, "linkages", {"k1": "hash"}),
    (Kind.MANIFEST, "feed", bytes(33)),
    (Kind.MANIFEST, "models", {"00": "{}"}),
    (Kind.MANIFEST, "learned", 1),
    (Kind.HEARTBEAT, "buses", {}),
    (Kind.HEARTBEAT, "buses", [1]),
    (Kind.HEARTBEAT, "buses", [{}] * (ENTRIES_MAX + 1)),
    (Kind.BOOT, "boot_id", bytes(15)),
    (Kind.BOOT, "offset_ms", 1.5),
    (Kind.CLOCK, "step_ms", "1"),
    (Kind.CLOCK, "offset_ms", None),
    (Kind.GAP, "count", -1),
    (Kind.DROP, "first", 0),
    (Kind.DROP, "first", 3),
    (Kind.DROP, "last", NUMBER_MAX + 1),
    (Kind.DROP, "last", "2"),
    (Kind.DROP, "why", 5),
    (Kind.LOST_TAIL, "recovered", 0),
    (Kind.LOST_TAIL, "recovered", None),
    *(
        (Kind.EPISODE, key, value)
        for key in ("id", "linkage", "rule", "severity", "state")
        for value in (1, LONG)
    ),
    (Kind.EPISODE, "lines", "p1"),
    (Kind.EPISODE, "lines", [1]),
    (Kind.EPISODE, "begin_at_s", TIME_S_MAX + 1),
    (Kind.EPISODE, "begin_at_s", 1.5),
    (Kind.EPISODE, "raised_at_s", None),
    (Kind.EPISODE, "end_at_s", -1),
    (Kind.EPISODE, "numbers", []),
    (Kind.EPISODE, "sentence", {"zh": "停"}),
    (Kind.EPISODE, "sentence", {"zh": "停", "en": None}),
    (Kind.EPISODE, "trace", {}),
    (Kind.EPISODE, "trace", {**EPISODE["trace"], "production_w": ["1"]}),
    (Kind.EPISODE, "trace", {**EPISODE["trace"], "treatment_w": [None] * (TRACE_MINUTES_MAX + 1)}),
    (Kind.EPISODE, "retrospective", 0),
    (Kind.COMMISSIONING, "what", None),
    (Kind.TAMPER, "meter", LONG),
    (Kind.EVENT, "text", b"text"),
    (Kind.EVENT, "of a later version", float("nan")),
    (Kind.EVENT, "of a later version", float("-inf")),
    (Kind.EVENT, "of a later version", -(1 << 64)),
    (Kind.EVENT, "of a later version", [{1: 2}]),
    (Kind.EVENT, "of a later version", cbor2.undefined),
    *((Kind.MARK, "files", [{**FILE, **change}]) for change in (
        {"name": None}, {"name": LONG}, {"size": -1}, {"size": 1.5}, {"sha256": "0A" * 32},
        {"sha256": "0a" * 31}, {"sha256": bytes(32)},
    )),
    (Kind.MARK, "files", [{"name": "x", "size": 1}]),
    (Kind.MARK, "files", [FILE] * (FILES_MAX + 1)),
    (Kind.ORDER, "what", None),
    (Kind.ORDER, "hash", bytes(31)),
    (Kind.ORDER, "order", "raw"),
    (Kind.ORDER, "statements", [1]),
    (Kind.ORDER, "statements", [b""] * (STATEMENTS_MAX + 1)),
    (Kind.ORDER, "seq", 1 << 32),
    (Kind.ORDER, "missing", [[1, 2]]),
    (Kind.ORDER, "keys", 0),
    (Kind.ANSWER, "rev", "1"),
    (Kind.ANSWER, "by", None),
    (Kind.ANSWER, "at", -1),
    (Kind.ANSWER, "files", {}),
    *((Kind.BASELINE, "baseline", {"wh": 1, "p90_wh": 1, "days": [1], "from_order": False, **change})
      for change in ({"wh": -1}, {"wh": 1.5}, {"days": [-1]}, {"days": 1}, {"from_order": None})),
    (Kind.BASELINE, "baseline", {"wh": 1}),
    (Kind.BASELINE, "base_w", "1"),
    (Kind.BASELINE, "received_s", TIME_S_MAX + 1),
    *((kind, key, value) for kind in (Kind.VERDICT, Kind.EXERCISE) for key, value in (
        ("order", LONG), ("rev", -1), ("test", 0), ("line", None), ("begin_s", 1.5), ("state", 1), ("wh", -1),
        ("clue", 1), ("verdict", None), ("why", 1), ("episodes", [1]), ("sentence", {"zh": "停"}),
    )),
    (Kind.ATTESTATION, "alg", "ES384"),
    (Kind.ATTESTATION, "attest", bytes(148)),
    (Kind.ATTESTATION, "seal", -1),
]  # fmt: skip


def nested(depth: int, deepest: object) -> bytes:
    """An event whose deepest array or map, `deepest`, is at `depth`; the record is at 1, its body at 2."""
    value = deepest
    for _ in range(depth - 3):
        value = [value]
    return raw_of(Kind.EVENT, {"of a later version": value})


MISSHAPEN: Final[dict[str, bytes]] = {
    "no CBOR": b"\xff" * 5,
    "one byte": b"\0",
    "an array of nothing": b"\x80",
    "a map": b"\xa0",
    "a byte behind it": raw_of(Kind.EVENT, {}) + b"\0",
    "cut off": raw_of(Kind.EVENT, {"what": "x"})[:-1],
    "a time in a long form": b"\x85\x10\x18\x01\x01\x01\xa0",
    "a map of indefinite length": b"\x85\x10\x01\x01\x01\xbf\xff",
    "keys that do not ascend": b"\x85\x10\x01\x01\x01\xa2\x61b\x01\x61a\x02",
    "a key twice": b"\x85\x10\x01\x01\x01\xa2\x61a\x01\x61a\x02",
    "a tag": b"\x85\x10\x01\x01\x01\xa1\x61a\xc1\x01",
    "NaN": b"\x85\x10\x01\x01\x01\xa1\x61a\xf9\x7e\x00",
    "infinity": b"\x85\x10\x01\x01\x01\xa1\x61a\xf9\x7c\x00",
    "undefined": b"\x85\x10\x01\x01\x01\xa1\x61a\xf7",
    "a simple value": b"\x85\x10\x01\x01\x01\xa1\x61a\xe0",
    "a float in 32 bits that needs 16": b"\x85\x10\x01\x01\x01\xa1\x61a\xfa\x3f\x80\x00\x00",
    "a float in 64 bits that needs 32": b"\x85\x10\x01\x01\x01\xa1\x61a\xfb\x40\xf0\x00\x00\x00\x00\x00\x00",
    "a text that is no UTF-8": b"\x85\x10\x01\x01\x01\xa1\x61a\x62\xc3\x28",
    "half a character": b"\x85\x10\x01\x01\x01\xa1\x61a\x63\xed\xa0\x80",
    "13 deep": nested(13, [0]),
    "13 deep, an empty array": nested(13, []),
    "13 deep, an empty map": nested(13, {}),
}
"""Bytes that are no record, whatever they would say."""


def raw_of_block(block: list[object]) -> bytes:
    """A reading with this block."""
    return cbor2.dumps([1, 5, 6, 0, "m1", 0, bytes(8), [block], 0, "", 7], canonical=True)


OTHER_WRONG: Final[dict[str, bytes]] = {
    **{f"kind {kind}": raw_of(kind, {}) for kind in (0, 18, 23, 24, 99, -1, 1 << 40)},
    "an item more": cbor2.dumps([16, 5, 6, 0, {}, 0], canonical=True),
    "an item less": cbor2.dumps([16, 5, 6, 0], canonical=True),
    "no clock": cbor2.dumps([16, 5, 6, 3, {}], canonical=True),
    "a time before 1970": cbor2.dumps([16, -5, 6, 0, {}], canonical=True),
    "a reading in five items": raw_of(Kind.READING, {}),
    "half a register": raw_of_block([3, 0, b"1"]),
    "a packet beyond four digits": raw_of_block([212, 2011, b"#" * 10_012]),
    "a packet of nothing": raw_of_block([212, 2011, b""]),
    "a packet under five digits": raw_of_block([212, 10_000, b"##"]),
    "a function that nobody speaks": raw_of_block([213, 2011, b"##"]),
    "an attestation with a key more": raw_of(Kind.ATTESTATION, {**GOLDEN[0].to_body(), "more": 1}),
    "a hash of no seal": raw_of(Kind.ATTESTATION, {**GOLDEN[0].to_body(), "seal": 0}),
}
"""Other records that are none."""
