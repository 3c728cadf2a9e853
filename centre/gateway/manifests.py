"""What the centre knows of one gateway's meters: manifests and point tables, bounded. Pure.

Of a manifest only what decoding needs is kept: line and ratios of each meter. A table is parsed once and
never dropped for another; beyond the bounds new ones are refused, and the caller reports it. What the
gateway's owner writes is checked where it comes in, so that everything here is of the right type.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from attrs import define, evolve, field, frozen

from centre.gateway.budget import Work
from drivers.errors import ModelError
from drivers.points.model import Model
from drivers.reading import Block
from evidence import cbor
from evidence.record import MODEL_ID_BYTES, ReadingRecord
from evidence.record_template import Template
from evidence.seal import NUMBER_MAX

MODELS_MAX: Final = 64
"""Point tables of one gateway: every model that is shipped, twice; a site has a handful."""
TABLES_BYTES_MAX: Final = 512 * 1024
"""Of tables: a hundred and twenty-eight of the longest that is shipped."""
MANIFESTS_MAX: Final = 256
"""Manifests of one gateway; older ones matter only to very late bodies."""
ROWS_MAX: Final = 8_192
"""Rows of meters in all manifests: 2 MB."""
METERS_MAX: Final = 512
"""Meters in one manifest: twice what an enrolment holds."""
DECODER_POINTS_MAX: Final = 4_096
"""Points in the decoders that are kept, for all shapes of answers: 7 MB; a site needs a hundred."""
SHARED_MAX: Final = 64
SHARED_BYTES_MAX: Final = 16 * 1024
"""Tables that are parsed once for all gateways, which have the same few models: as many as are shipped,
twice, and none that is four times as long as the longest of them."""
_TABLE_WORK_PER_BYTE: Final = 1
_POINT_WORK: Final = 12
_PACKET_BYTE_WORK: Final = 1
"""Of a packet of HJ 212, which is read anew each time: 187 µs for 278 bytes."""
_ROW_WORK: Final = 4
_RATIO_MAX: Final = 1e9


@frozen
class MeterRow:
    """Where a meter belongs, and what its readings are multiplied with."""

    line: str | None = None
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0

    def to_plain(self) -> dict[str, Any]:
        """As in a manifest."""
        return {"line": self.line, "ct_ratio": self.ct_ratio, "pt_ratio": self.pt_ratio}


@define
class Manifests:
    """See the module."""

    models: dict[bytes, Model] = field(factory=dict)
    _tables_bytes: int = 0
    _numbers: list[int] = field(factory=list)  # seals with a manifest, ascending
    _rows: list[dict[str, MeterRow]] = field(factory=list)
    _decoder_points: int = 0

    def find(self, seal: int, meter: str) -> tuple[int, MeterRow | None]:
        """The seal of the newest manifest at or before `seal`, 0 for none, and the meter in it."""
        at = bisect_right(self._numbers, seal) - 1
        return (self._numbers[at], self._rows[at].get(meter)) if at >= 0 else (0, None)

    def explains(self, seal: int, reading: ReadingRecord | Template) -> bool:
        """Whether a reading can be decoded."""
        return reading.model in self.models and self.find(seal, reading.meter)[1] is not None

    def add(self, seal: int, meters: Mapping[str, Any], work: Work) -> tuple[int, int]:
        """Keep a manifest; the seals that it holds for, first and behind the last."""
        work.spend(_ROW_WORK * min(len(meters), METERS_MAX))
        rows = {
            name: read_row(row)
            for name, row in list(meters.items())[:METERS_MAX]
            if len(name.encode()) <= cbor.TEXT_BYTES_MAX and isinstance(row, dict)
        }
        at = bisect_left(self._numbers, seal)
        if at < len(self._numbers) and self._numbers[at] == seal:
            self._rows[at] = rows
        else:
            self._numbers.insert(at, seal)
            self._rows.insert(at, rows)
        end = self._numbers[at + 1] if at + 1 < len(self._numbers) else NUMBER_MAX + 1
        while len(self._numbers) > MANIFESTS_MAX or self._count_rows() > ROWS_MAX:
            del self._numbers[0], self._rows[0]
        return seal, end

    def spans(self) -> Iterator[tuple[int, int, Mapping[str, MeterRow]]]:
        """For each manifest: the seals that it holds for, first and behind the last, and its meters."""
        ends = [*self._numbers[1:], NUMBER_MAX + 1]
        yield from zip(self._numbers, ends, self._rows, strict=False)

    def learn(self, table: object, work: Work) -> bytes | None:
        """Keep a point table; its id, None if it was known.

        Raises:
            FormatError, ModelError: It cannot be read, or there are too many.
        """
        if not isinstance(table, bytes):
            raise cbor.FormatError("a point table is a byte string")
        key = sha256(table).digest()[:MODEL_ID_BYTES]
        if key in self.models:
            return None
        if len(self.models) >= MODELS_MAX or self._tables_bytes + len(table) > TABLES_BYTES_MAX:
            raise cbor.FormatError(
                f"{len(self.models)} tables with {self._tables_bytes} bytes are known, and no more are kept"
            )
        work.spend(_TABLE_WORK_PER_BYTE * len(table))
        self.models[key] = _read_table(table)
        self._tables_bytes += len(table)
        return key

    def decode(
        self,
        model: Model,
        row: MeterRow,
        blocks: tuple[Block, ...],
        work: Work,
        keys: tuple[bytes, ...] = (),
    ) -> dict[str, Any]:
        """The values; decoders of new shapes are kept within DECODER_POINTS_MAX."""
        if model.is_hj212:
            work.spend(_PACKET_BYTE_WORK * sum(len(block.words) for block in blocks))
        before = model.count_decoders()
        values = model.decode(blocks, row.ct_ratio, row.pt_ratio, keys)
        if model.count_decoders() != before:
            work.spend(_POINT_WORK * len(model.points))
            self._decoder_points += len(model.points)
            if self._decoder_points > DECODER_POINTS_MAX:
                self._decoder_points = 0
                for one in self.models.values():
                    one.forget_decoders()
        return values

    def copy(self) -> "Manifests":
        """What is known now; the tables themselves are shared."""
        return Manifests(dict(self.models), self._tables_bytes, [*self._numbers], [*self._rows])

    def to_plain(self) -> tuple[list[bytes], list[list[Any]]]:
        """Tables, and manifests as [seal, meters]."""
        manifests = [
            [number, {name: row.to_plain() for name, row in rows.items()}]
            for number, rows in zip(self._numbers, self._rows, strict=True)
        ]
        return [model.table() for model in self.models.values()], manifests

    @classmethod
    def from_plain(cls, tables: Any, manifests: Any) -> "Manifests":
        """The inverse of `to_plain`; raises FormatError. What is beyond the bounds is left out."""
        if type(tables) is not list or type(manifests) is not list:
            raise cbor.FormatError("the memory has another form")
        made, work = cls(), Work(1 << 40)
        for entry in manifests[-MANIFESTS_MAX:]:
            number, meters = cbor.array(entry, "manifest", 2)
            if type(meters) is not dict or not all(type(name) is str for name in meters):
                raise cbor.FormatError("the meters are no map")
            made.add(cbor.natural(number, "manifest", NUMBER_MAX), meters, work)
        try:
            for table in tables[:MODELS_MAX]:
                made.learn(table, work)
        except ModelError as error:
            raise cbor.FormatError(f"a point table cannot be read: {error}") from None
        return made

    def _count_rows(self) -> int:
        return sum(map(len, self._rows))


def _read_table(table: bytes) -> Model:
    """The model of a table; the decoders that it will make are this gateway's alone."""
    return evolve(_parse_table(table)) if len(table) <= SHARED_BYTES_MAX else Model.from_table(table)


_parse_table: Final = lru_cache(SHARED_MAX)(Model.from_table)


def read_row(row: Mapping[str, Any]) -> MeterRow:
    """The row of a meter; what has another type or is absurd counts as not said."""
    line = row.get("line")
    is_line = isinstance(line, str) and len(line.encode()) <= cbor.TEXT_BYTES_MAX
    return MeterRow(line if is_line else None, _read_ratio(row, "ct_ratio"), _read_ratio(row, "pt_ratio"))


def _read_ratio(row: Mapping[str, Any], name: str) -> float:
    ratio = row.get(name, 1.0)
    is_number = isinstance(ratio, int | float) and not isinstance(ratio, bool)
    return float(ratio) if is_number and 0 < ratio <= _RATIO_MAX else 1.0
