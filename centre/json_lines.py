"""Verified records as plain JSON objects: what the centre hands on.

Only records of bodies that fit a verified seal come here. A reading is decoded with the point table that
the gateway's own manifest carries, found by its hash, and with the ratios of the newest manifest at or
before its seal; `manifest` in the line names that seal. A reading that comes before its table (its manifest
travels as backfill) waits and is decoded when the table arrives. Work and memory are bounded
(`centre.gateway.budget`), whatever the gateway's owner has sealed.

    {"type": "reading", "gateway", "seal", "record", "meter", "line", "group", "at", "clock",
     "quality", "reason"?, "manifest", "values": {point: value}}
     (an analyser of emissions feeds no line; its "line" is null)
    {"type": "episode", "gateway", "seal", "record", "at", …the episode's body}
    {"type": "record", "gateway", "seal", "record", "at", "clock", "kind", "body"}
    {"type": "finding", "gateway", "seal", "code", "text"}
     (a change of the site file has "what", "old" and "new" too, a pause "gap_ms", a silence "seconds" and at
     its end "ended")

`at` is ISO 8601 UTC with milliseconds. Byte strings become hexadecimal text.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from centre.gateway.budget import WORK_MAX, OverBudgetError, Work
from centre.gateway.changes import CHANGES_MAX, CONFIG_KEYS, Configs
from centre.gateway.manifests import Manifests, MeterRow
from centre.gateway.waiting import Entry, Waiting
from disk.plain_text import to_json
from drivers.errors import ModelError
from drivers.points.model import Model
from evidence import cbor
from evidence.attested_chain import Attestations
from evidence.chain import Code, Finding
from evidence.moments import iso_utc
from evidence.record import (
    Kind,
    ReadingRecord,
    Record,
    decode_record,
    describe_malformed,
    kind_of,
)
from evidence.record_template import Templates
from evidence.seal import SealHeader

JsonLine = dict[str, Any]

MEMORY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest encoding of a decoder's state; that of older programs may be so long."""
_RECORD_WORK: Final = 60
_VALUE_WORK: Final = 3
_BYTE_WORK: Final = 1
_MEMORY_ITEMS: Final = (4, 5, 6)
"""Of the forms of the memory: without site files, with them, and since the journal marks attestations."""
READY_WORK_LEFT: Final = WORK_MAX // 2
"""Work of a body that its own records keep: waiting readings take the other half."""
WAITING: Final = "waiting"
"""The code of a finding about readings that came before their point table."""
CONFIG: Final = "config"
"""The code of a finding about a change of the site file."""
_LEARNT: Final = frozenset({int(Kind.MANIFEST), int(Kind.ATTESTATION)})


@define
class JsonLines:
    """Turns the records of one gateway into lines; remembers its manifests and attestations.

    Attributes:
        hash_of: The hash of an accepted seal by its number, for attestations.
        decodes: Whether readings become lines; without that they wait for their table all the same.
        keys: SM4 keys of data loggers by meter; a packet without its key has no values.
        over: Why a body made more work than any honest one; "" if none did.
        has_waited: Whether a reading of the last body came before its table.
    """

    gateway: str
    hash_of: Callable[[int], bytes | None] = lambda _: None
    decodes: bool = True
    over: str = field(init=False, default="")
    keys: Mapping[str, tuple[bytes, ...]] = field(factory=dict, repr=False)
    has_waited: bool = field(init=False, default=False)
    _known: Manifests = field(init=False, factory=Manifests)
    _configs: Configs = field(init=False, factory=Configs)
    _waiting: Waiting = field(init=False, factory=Waiting)
    _attestations: Attestations = field(init=False, factory=Attestations)
    _work: Work = field(init=False, factory=Work)
    _alike: Templates = field(init=False, factory=Templates)
    seen_up_to: int = field(init=False, default=0)

    def of_body(self, header: SealHeader, records: tuple[bytes, ...]) -> list[JsonLine]:
        """The lines of a verified body; those that exceed the work of an honest one are left out."""
        lines: list[JsonLine] = []
        wrong: list[tuple[int, str]] = []
        self.has_waited = False
        self.seen_up_to = max(self.seen_up_to, header.number)
        self._work = Work()
        try:
            for number, raw in enumerate(records, header.first_record):
                self._work.spend(_RECORD_WORK)
                if not self.decodes and self._is_for_others(header.number, raw):
                    continue
                try:
                    record = decode_record(raw)
                except cbor.FormatError as error:
                    wrong.append((number, str(error)))
                    continue
                lines += self._of_record(header.number, number, record, raw)
            lines += self._decode_ready()
        except OverBudgetError as error:
            self.over = str(error)
        if wrong:
            lines.append(self.make_finding(header.number, Code.RECORD, describe_malformed(wrong)))
        return lines

    def go_on(self) -> list[JsonLine]:
        """More lines of readings whose table has come, as many as one body may make."""
        self._work = Work()
        try:
            return self._decode_ready()
        except OverBudgetError as error:
            self.over = str(error)
            return []

    @property
    def is_behind(self) -> bool:
        """Whether `go_on` has more."""
        return bool(self._waiting.ready)

    def learn(self, header: SealHeader, records: tuple[bytes, ...]) -> None:
        """Take in the manifests and attestations of a body whose lines were made before."""
        self.seen_up_to = max(self.seen_up_to, header.number)
        self._work = Work()
        try:
            for raw in records:
                if kind_of(raw) not in _LEARNT:
                    continue
                self._work.spend(_BYTE_WORK * len(raw))
                try:
                    record = decode_record(raw)
                except cbor.FormatError:
                    continue
                if isinstance(record, Record) and record.kind is Kind.MANIFEST:
                    self._take_manifest(header.number, record.body)
                elif isinstance(record, Record) and record.kind is Kind.ATTESTATION:
                    self._attestations.judge(header.number, record.body, self.hash_of)
        except OverBudgetError as error:
            self.over = str(error)

    def wait_again(self, header: SealHeader, records: tuple[bytes, ...]) -> bool:
        """Have readings wait that came before their table, in an earlier life; whether there was room."""
        for number, raw in enumerate(records, header.first_record):
            record = _reading_in(raw)
            if record is not None and not self._known.explains(header.number, record):
                self._waiting.put(record.meter, record.model, (header.number, number, raw))
        has_room, self._waiting.dropped = not self._waiting.dropped, 0
        return has_room

    def forget_waiting(self) -> None:
        """Keep no reading for later: the caller reads it again when it is explained."""
        self._waiting = Waiting()

    def known(self) -> Manifests:
        """What is known now, as a copy."""
        return self._known.copy()

    def of_explained(
        self, header: SealHeader, records: tuple[bytes, ...], before: Manifests
    ) -> list[JsonLine]:
        """The readings of a body that can be decoded now and could not with what was known `before`."""
        self._work = Work()
        lines = []
        for number, raw in enumerate(records, header.first_record):
            record = _reading_in(raw)
            if record is None or before.explains(header.number, record):
                continue
            line = self._reading(header.number, number, record)
            lines += [] if line is None else [line]
        return lines

    def config(self, name: str, seal: int) -> object:
        """A value of the site file at a seal, as far as known; see `centre.gateway.changes`."""
        return self._configs.find(name, seal)

    def complete(self, up_to: int) -> list[JsonLine]:
        """Findings of attestations that are missing for good: no body up to `up_to` is awaited any more."""
        return [
            self.make_finding(seal, Code.ATTESTATION, text)
            for seal, text in self._attestations.find_gaps(up_to)
        ]

    def of_finding(self, finding: Finding) -> JsonLine:
        """The line of a finding of the verifier."""
        return self.make_finding(finding.number, finding.code, finding.text)

    def encode_memory(self) -> bytes:
        """The state as bytes, so that a restart need not read the whole chain again."""
        known = [*self._known.to_plain(), self._attestations.to_plain(), self._configs.to_plain()]
        return cbor.encode([self.seen_up_to, *known, True])

    def restore(self, raw: bytes) -> bool:
        """Restore the state from `encode_memory`, also that of an older program; raises FormatError.

        Returns:
            Whether the journal marks all that is to be learnt of what came afterwards.
        """
        items = cbor.decode(raw, MEMORY_BYTES_MAX)
        if type(items) is not list or len(items) not in _MEMORY_ITEMS:
            raise cbor.FormatError("the memory has another form")
        number = cbor.natural(items[0], "seen")
        known = Manifests.from_plain(items[1], items[2])
        attestations = Attestations.from_plain(items[3])
        configs = Configs.from_plain(items[4]) if len(items) > _MEMORY_ITEMS[0] else Configs()
        self._known, self._attestations, self._configs, self.seen_up_to = known, attestations, configs, number
        return len(items) == _MEMORY_ITEMS[-1]

    def _is_for_others(self, seal: int, raw: bytes) -> bool:
        """Whether it is a good reading that can be decoded: nothing is done with it here."""
        alike = self._alike.find(raw)
        return alike is not None and self._known.explains(seal, alike)

    def _of_record(
        self, seal: int, number: int, record: Record | ReadingRecord, raw: bytes
    ) -> list[JsonLine]:
        if isinstance(record, ReadingRecord):
            line = self._reading(seal, number, record)
            if line is None:
                self.has_waited = True
                self._waiting.put(record.meter, record.model, (seal, number, raw))
            elif not self.decodes:
                self._alike.learn(raw)
            return [line] if line else []
        self._work.spend(_BYTE_WORK * len(raw))
        if record.kind is Kind.MANIFEST:
            problems = self._take_manifest(seal, record.body)
            line = self._plain(seal, number, record, {k: v for k, v in record.body.items() if k != "models"})
            return [line, *problems]
        if record.kind is Kind.EPISODE:
            head = self._head("episode", seal, number, record.utc_ms)
            return [{**plain(record.body), **head}]
        line = self._plain(seal, number, record, record.body)
        if record.kind is not Kind.ATTESTATION:
            return [line]
        wrong = self._attestations.judge(seal, record.body, self.hash_of)
        return [line, *(self.make_finding(seal, Code.ATTESTATION, text) for text in wrong)]

    def _reading(self, seal: int, number: int, record: ReadingRecord) -> JsonLine | None:
        manifest, meter = self._known.find(seal, record.meter)
        model = self._known.models.get(record.model)
        if meter is None or model is None:
            return None
        if not self.decodes:
            return {}
        values = self._values(model, record, meter)
        self._work.spend(_VALUE_WORK * len(values))
        line = {
            **self._head("reading", seal, number, record.utc_ms),
            "meter": record.meter,
            "line": meter.line,
            "group": record.group.value,
            "clock": record.clock_state.value,
            "quality": record.quality.value,
            "manifest": manifest,
            "values": values,
        }
        if record.reason:
            line["reason"] = record.reason
        return line

    def _values(self, model: Model, record: ReadingRecord, meter: MeterRow) -> dict[str, Any]:
        """The decoded registers; none if a table that does not fit the meter makes them absurd."""
        try:
            values = self._known.decode(
                model, meter, record.blocks, self._work, self.keys.get(record.meter, ())
            )
        except (ValueError, ArithmeticError, LookupError):
            return {}
        return {n: v for n, v in values.items() if not isinstance(v, float) or math.isfinite(v)}

    def _take_manifest(self, seal: int, body: Mapping[str, Any]) -> list[JsonLine]:
        lines: list[JsonLine] = []
        meters = body.get("meters")
        if isinstance(meters, dict):
            first, end = self._known.add(seal, meters, self._work)
            self._waiting.note_manifest(first, end, meters, self._known.models)
        if not body.keys().isdisjoint(CONFIG_KEYS):
            lines += self._tell_changes(seal, body)
        tables = body.get("models")
        for table in tables.values() if isinstance(tables, dict) else ():
            try:
                key = self._known.learn(table, self._work)
            except (ModelError, cbor.FormatError) as error:
                lines.append(self.make_finding(seal, "model", f"a point table cannot be read: {error}"[:500]))
                continue
            if key is not None:
                self._waiting.note_table(key, self._known.spans())
        return lines

    def _tell_changes(self, seal: int, body: Mapping[str, Any]) -> list[JsonLine]:
        changes = self._configs.add(seal, body, self._work)
        lines = [
            {**self.make_finding(seal, CONFIG, one.text), "what": one.what, "old": one.old, "new": one.new}
            for one in changes[:CHANGES_MAX]
        ]
        if len(changes) > CHANGES_MAX:
            text = f"and {len(changes) - CHANGES_MAX} other changes of the site file"
            lines.append(self.make_finding(seal, CONFIG, text))
        return lines

    def _decode_ready(self) -> list[JsonLine]:
        lines: list[JsonLine] = []
        for entry in self._waiting.take():
            line = self._decode_entry(entry)
            if line:
                lines.append(line)
            if self._work.left < READY_WORK_LEFT:
                break  # the rest comes with the next bodies
        if self._waiting.dropped:
            count, self._waiting.dropped = self._waiting.dropped, 0
            text = f"{count} readings came long before their point table and are only in the store"
            lines.append(self.make_finding(self.seen_up_to, WAITING, text))
        return lines

    def _decode_entry(self, entry: Entry) -> JsonLine | None:
        seal, number, raw = entry
        record = decode_record(raw)  # it was readable when it was put there
        self._work.spend(_RECORD_WORK)
        assert isinstance(record, ReadingRecord)
        return self._reading(seal, number, record)

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

    def make_finding(self, seal: int, code: str, text: str) -> JsonLine:
        """The line of a finding about this gateway."""
        return make_finding(self.gateway, seal, code, text)


def make_finding(gateway: str, seal: int, code: str, text: str) -> JsonLine:
    """The line of a finding; `gateway` is "" or a stranger if it is about none."""
    return {"type": "finding", "gateway": gateway, "seal": seal, "code": str(code), "text": text}


def as_text(line: JsonLine) -> str:
    """A line as it is printed: nothing in it that a terminal would obey or that could hide the rest."""
    return to_json(line, separators=(",", ":"))


def _reading_in(raw: bytes) -> ReadingRecord | None:
    """The reading in a record, None if it is something else or malformed."""
    if kind_of(raw) != Kind.READING:
        return None
    try:
        record = decode_record(raw)
    except cbor.FormatError:
        return None
    return record if isinstance(record, ReadingRecord) else None


def plain(value: Any) -> Any:
    """`value` in the types that JSON has; bytes as hexadecimal text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value
