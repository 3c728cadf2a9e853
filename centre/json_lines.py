"""Verified records as plain JSON objects: what the centre hands on.

Only records of bodies that fit a verified seal come here. A reading is decoded with the point table that
the gateway's own manifest carries, found by its hash, and with the ratios of the newest manifest at or
before its seal; `manifest` in the line names that seal. A reading that comes before its table (its manifest
travels as backfill) waits and is decoded when the table arrives.

    {"type": "reading", "gateway", "seal", "record", "meter", "line", "group", "at", "clock",
     "quality", "reason"?, "manifest", "values": {point: value}}
     (an analyser of emissions feeds no line; its "line" is null)
    {"type": "episode", "gateway", "seal", "record", "at", …the episode's body}
    {"type": "record", "gateway", "seal", "record", "at", "clock", "kind", "body"}
    {"type": "finding", "gateway", "seal", "code", "text"}

`at` is ISO 8601 UTC with milliseconds. Byte strings become hexadecimal text.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from drivers.errors import ModelError
from drivers.points.model import Model
from evidence import cbor
from evidence.attested_chain import Attestations
from evidence.chain import Code, Finding
from evidence.moments import iso_utc
from evidence.record import (
    MODEL_ID_BYTES,
    Kind,
    ReadingRecord,
    Record,
    decode_record,
    describe_malformed,
)
from evidence.seal import SealHeader

JsonLine = dict[str, Any]

MODELS_MAX: Final = 256
"""Point tables kept for one gateway; a site has a handful."""
MANIFESTS_MAX: Final = 256
"""Manifests kept for one gateway; older ones matter only to very late bodies."""
WAITING_MAX: Final = 20_000
"""Readings of one gateway that wait for their table: an hour of a large site."""
MEMORY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest encoding of a decoder's state: 256 tables of 60 kB at the very most."""


@define
class JsonLines:
    """Turns the records of one gateway into lines; remembers its manifests and attestations.

    Attributes:
        hash_of: The hash of an accepted seal by its number, for attestations.
    """

    gateway: str
    hash_of: Callable[[int], bytes | None] = lambda _: None
    _models: dict[bytes, Model] = field(init=False, factory=dict)
    _manifests: list[tuple[int, dict[str, Any]]] = field(init=False, factory=list)
    _waiting: list[tuple[int, int, ReadingRecord]] = field(init=False, factory=list)
    _attestations: Attestations = field(init=False, factory=Attestations)
    seen_up_to: int = field(init=False, default=0)

    def of_body(self, header: SealHeader, records: tuple[bytes, ...]) -> list[JsonLine]:
        """The lines of a verified body."""
        lines: list[JsonLine] = []
        wrong: list[tuple[int, str]] = []
        self.seen_up_to = max(self.seen_up_to, header.number)
        for number, raw in enumerate(records, header.first_record):
            try:
                record = decode_record(raw)
            except cbor.FormatError as error:
                wrong.append((number, str(error)))
                continue
            lines += self._of_record(header.number, number, record)
        if wrong:
            lines.append(self._finding(header.number, Code.RECORD, describe_malformed(wrong)))
        return lines

    def learn(self, header: SealHeader, records: tuple[bytes, ...]) -> None:
        """Take in the manifests and attestations of a body whose lines were made before."""
        self.seen_up_to = max(self.seen_up_to, header.number)
        for raw in records:
            try:
                record = decode_record(raw)
            except cbor.FormatError:
                continue
            if isinstance(record, Record) and record.kind is Kind.MANIFEST:
                self._take_manifest(header.number, record.body)
            elif isinstance(record, Record) and record.kind is Kind.ATTESTATION:
                self._attestations.judge(header.number, record.body, self.hash_of)

    def complete(self, up_to: int) -> list[JsonLine]:
        """Findings of attestations that are missing for good: no body up to `up_to` is awaited any more."""
        return [
            self._finding(seal, Code.ATTESTATION, text) for seal, text in self._attestations.find_gaps(up_to)
        ]

    def of_finding(self, finding: Finding) -> JsonLine:
        """The line of a finding of the verifier."""
        return self._finding(finding.number, finding.code, finding.text)

    def encode_memory(self) -> bytes:
        """The state as bytes, so that a restart need not read the whole chain again."""
        tables = [model.table() for model in self._models.values()]
        manifests = [list(entry) for entry in self._manifests]
        return cbor.encode([self.seen_up_to, tables, manifests, self._attestations.to_plain()])

    def restore(self, raw: bytes) -> None:
        """Restore the state from `encode_memory`; raises FormatError."""
        seen, tables, manifests, known = cbor.array(cbor.decode(raw, MEMORY_BYTES_MAX), "memory", 4)
        if type(tables) is not list or type(manifests) is not list:
            raise cbor.FormatError("the memory has another form")
        number = cbor.natural(seen, "seen")
        entries = [_manifest(entry) for entry in manifests]
        attestations = Attestations.from_plain(known)
        try:
            for table in tables:
                self._learn_table(table)
        except ModelError as error:
            raise cbor.FormatError(f"a point table cannot be read: {error}") from None
        self._manifests, self._attestations, self.seen_up_to = entries, attestations, number

    def _of_record(self, seal: int, number: int, record: Record | ReadingRecord) -> list[JsonLine]:
        if isinstance(record, ReadingRecord):
            line = self._reading(seal, number, record)
            if line is None and len(self._waiting) < WAITING_MAX:
                self._waiting.append((seal, number, record))
            return [] if line is None else [line]
        if record.kind is Kind.MANIFEST:
            problems = self._take_manifest(seal, record.body)
            line = self._plain(seal, number, record, {k: v for k, v in record.body.items() if k != "models"})
            return [line, *problems, *self._decode_waiting()]
        if record.kind is Kind.EPISODE:
            head = self._head("episode", seal, number, record.utc_ms)
            return [{**plain(record.body), **head}]
        line = self._plain(seal, number, record, record.body)
        if record.kind is not Kind.ATTESTATION:
            return [line]
        wrong = self._attestations.judge(seal, record.body, self.hash_of)
        return [line, *(self._finding(seal, Code.ATTESTATION, text) for text in wrong)]

    def _reading(self, seal: int, number: int, record: ReadingRecord) -> JsonLine | None:
        manifest, meters = self._manifest_at(seal)
        meter = meters.get(record.meter)
        model = self._models.get(record.model)
        if not isinstance(meter, dict) or model is None:
            return None
        line = {
            **self._head("reading", seal, number, record.utc_ms),
            "meter": record.meter,
            "line": meter.get("line"),
            "group": record.group.value,
            "clock": record.clock_state.value,
            "quality": record.quality.value,
            "manifest": manifest,
            "values": _values(model, record, meter),
        }
        if record.reason:
            line["reason"] = record.reason
        return line

    def _manifest_at(self, seal: int) -> tuple[int, Mapping[str, Any]]:
        at = bisect_right(self._manifests, seal, key=lambda entry: entry[0]) - 1
        return self._manifests[at] if at >= 0 else (0, {})

    def _take_manifest(self, seal: int, body: Mapping[str, Any]) -> list[JsonLine]:
        problems: list[JsonLine] = []
        meters = body.get("meters")
        if isinstance(meters, dict):
            kept = dict(self._manifests)
            kept[seal] = meters
            self._manifests = sorted(kept.items())[-MANIFESTS_MAX:]
        tables = body.get("models")
        for table in tables.values() if isinstance(tables, dict) else ():
            try:
                self._learn_table(table)
            except (ModelError, cbor.FormatError) as error:
                problems.append(self._finding(seal, "model", f"a point table cannot be read: {error}"))
        return problems

    def _learn_table(self, table: object) -> None:
        if not isinstance(table, bytes):
            raise cbor.FormatError("a point table is a byte string")
        model = Model.from_table(table)
        if len(self._models) >= MODELS_MAX:
            self._models.pop(next(iter(self._models)))
        self._models[model.hash[:MODEL_ID_BYTES]] = model

    def _decode_waiting(self) -> list[JsonLine]:
        waiting = self._waiting
        lines = [self._reading(*entry) for entry in waiting]
        self._waiting = [entry for entry, line in zip(waiting, lines, strict=True) if line is None]
        return [line for line in lines if line is not None]

    def _plain(self, seal: int, number: int, record: Record, body: Mapping[str, Any]) -> JsonLine:
        return {
            **self._head("record", seal, number, record.utc_ms),
            "clock": record.clock_state.value,
            "kind": record.kind.name.lower(),
            "body": plain(body),
        }

    def _head(self, kind: str, seal: int, number: int, utc_ms: int) -> JsonLine:
        head = {"type": kind, "gateway": self.gateway, "seal": seal, "record": number}
        return {**head, "at": iso_utc(utc_ms)}

    def _finding(self, seal: int, code: str, text: str) -> JsonLine:
        return {"type": "finding", "gateway": self.gateway, "seal": seal, "code": str(code), "text": text}


def _manifest(entry: object) -> tuple[int, dict[str, Any]]:
    number, meters = cbor.array(entry, "manifest", 2)
    if type(meters) is not dict:
        raise cbor.FormatError("the meters are no map")
    return cbor.natural(number, "manifest"), meters


def plain(value: Any) -> Any:
    """`value` in the types that JSON has; bytes as hexadecimal text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def _values(model: Model, record: ReadingRecord, meter: Mapping[str, Any]) -> dict[str, Any]:
    """The decoded registers; none if a table that does not fit the meter makes them absurd."""
    try:
        values = model.decode(record.blocks, _ratio(meter, "ct_ratio"), _ratio(meter, "pt_ratio"))
    except (ValueError, ArithmeticError, LookupError):
        return {}
    return {n: v for n, v in values.items() if not isinstance(v, float) or math.isfinite(v)}


def _ratio(meter: Mapping[str, Any], name: str) -> float:
    ratio = meter.get(name, 1.0)
    return float(ratio) if isinstance(ratio, int | float) else 1.0
