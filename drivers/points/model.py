"""Meter models: which registers a meter has and what they mean, both ways.

A model is data with its proof inside, one TOML file each (form: drivers.points.model_file). Shipped models
lie in drivers/models and are loaded by name; a site may load its own file. In every `Model` point names
are unique, every point lies within one answer, every scale point exists.

`Model.table` is the canonical JSON of exactly what decoding needs: it goes
whole into the manifest, its SHA-256 goes into every reading, and `Model.from_table` makes the same
decoder from it at the centre, which need not trust its author. A key that has its default is left
out, so a later release that adds a key keeps the hashes of models that do not use it. Title,
provenance, limits, poll groups and goldens are not part of it.

`decode` and `encode` are inverses that use the same point list, so the simulator cannot
disagree with the driver. Transformer ratios are applied only in `decode`.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from disk.tables import Table, TableError, decode_text, parse_json, parse_toml, read_text
from drivers.errors import ModelError, refuse
from drivers.points import model_file
from drivers.points.decoding import Decoder, Shape, shape_of
from drivers.points.items import decode_items
from drivers.points.model_file import Barrier, Fingerprint, Golden, Verified
from drivers.points.point import EXPONENT_MAX, Point, Ratio
from drivers.points.point_table import Defaults, points_json, read_defaults, read_points
from drivers.points.registers import WORD_BYTES, Value
from drivers.reading import EMISSIONS, REGISTERS_MAX, Block, PollGroup, Quantity

__all__ = ["Golden", "Model", "Point", "Ratio", "Verified", "load", "load_file", "names"]

DECODERS_MAX: Final = 64
"""Shapes of answers whose decoders are kept: a few poll groups at each pair of ratios in use."""
FILE_BYTES_MAX: Final = 256 * 1024
"""Largest model file or point table; the largest shipped model has a tenth of it."""
_TABLE_FORMAT: Final = 1
"""Version of the point table's form; a reader refuses one that it does not know."""
_NOTHING: Final = b"\xff"
_SHIPPED: Final = Path(__file__).parent.parent / "models"
_LOGGERS: Final = _SHIPPED / "loggers"


@frozen
class Model:
    """The type of a meter.

    Attributes:
        name: As in the site file, maker and type: `eastron-sdm630`.
        points: Everything that can be read, in the order of the file.
        title: One line for people, in English; `title_zh` in Chinese.
        verified: How sure the point list is.
        provenance: Where it comes from; `provenance_zh` in Chinese.
        request_registers_max: Most registers that the meter answers in one read.
        gap_registers_max: Most unused registers to read over, or None to let the bus decide.
        barriers: (function, address) across which no read may run.
        pause_s: Silence that its maker asks for before a request; None where nothing is said.
        fingerprints: Answers that only this model gives.
        goldens: Exchanges that prove the points.
        keys: SM4 keys of a data logger, the newest first; of its site, and in no file or table of the model.
    """

    name: str
    points: tuple[Point, ...]
    maker: str = ""
    title: str = ""
    title_zh: str = ""
    verified: Verified = Verified.REPORTED
    provenance: str = ""
    provenance_zh: str = ""
    request_registers_max: int = REGISTERS_MAX
    gap_registers_max: int | None = None
    barriers: tuple[Barrier, ...] = ()
    pause_s: float | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    goldens: tuple[Golden, ...] = field(default=(), eq=False)  # dicts cannot be hashed
    keys: tuple[bytes, ...] = field(default=(), eq=False, repr=False)

    @functools.cached_property
    def _decoders(self) -> dict[tuple[Shape, float, float], Decoder]:
        return {}

    @functools.cached_property
    def _by_name(self) -> dict[str, Point]:
        return {point.name: point for point in self.points}

    @functools.cached_property
    def hash(self) -> bytes:
        """SHA-256 of the table, 32 bytes."""
        return hashlib.sha256(self.table()).digest()

    def table(self) -> bytes:
        """Everything needed to decode, as canonical JSON."""
        body = {"format": _TABLE_FORMAT, "name": self.name, "points": points_json(self.points)}
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")

    @classmethod
    def from_table(cls, table: bytes) -> "Model":
        """The decoder that `table` describes.

        Raises:
            ModelError: It is not a point table; `problems` has every mistake.
        """
        problems: list[str] = []
        try:
            data = parse_json(decode_text(table, FILE_BYTES_MAX))
        except TableError as error:
            raise ModelError(tuple(f"point table: {problem}" for problem in error.problems)) from error
        file = Table(data, "", problems)
        file.whole("format", low=_TABLE_FORMAT, high=_TABLE_FORMAT)
        model = cls(name=file.text("name"), points=read_points(file.table("points"), Defaults()))
        file.finish()
        if not problems and model.table() != table:
            problems.append("not in canonical form")  # otherwise one decoder would have many hashes
        refuse(problems, "point table")
        return model

    @property
    def is_analyser(self) -> bool:
        """Whether it measures a plant's emissions, not its power."""
        measured = {point.quantity for point in self.points}
        return bool(measured & EMISSIONS) and Quantity.ACTIVE_POWER not in measured

    @functools.cached_property
    def is_hj212(self) -> bool:
        """Whether its values come in packets of HJ 212."""
        return any(point.item for point in self.points)

    @property
    def is_dlt645(self) -> bool:
        """Whether its meters use DL/T 645 and not Modbus."""
        return any(point.size_bytes for point in self.points)

    def answer_bytes(self, data_id: int) -> int:
        """How many bytes a DL/T 645 meter has under a data id: up to the end of its points; 0 for none."""
        ends = (point.offset + point.size_bytes for point in self.points if point.address == data_id)
        return max(ends, default=0)

    def point(self, name: str) -> Point:
        """The point called `name`; KeyError if there is none."""
        return self._by_name[name]

    def group(self, group: PollGroup) -> tuple[Point, ...]:
        """The points that are polled together, with the scale points that explain them."""
        measured = (point for point in self.points if point.quantity is not Quantity.SCALE)
        wanted = [point for point in measured if point.group is group]
        scales = dict.fromkeys(point.scale_point for point in wanted if point.scale_point)
        return (*wanted, *(self._by_name[name] for name in scales))

    def decode(
        self,
        blocks: Iterable[Block],
        ct_ratio: float = 1.0,
        pt_ratio: float = 1.0,
        keys: tuple[bytes, ...] = (),
    ) -> dict[str, Value]:
        """Every value that the answers carry, by point name, in the order of the file.

        A point is left out if its words are not all in one block, mean "not available", or cannot
        be true. Scale points are used, not listed. `keys` take the place of the model's own.
        """
        answers = tuple(blocks)
        if self.is_hj212:
            return decode_items(self.points, answers, keys or self.keys)
        key = shape_of(answers), ct_ratio, pt_ratio
        decoder = self._decoders.get(key)
        if decoder is None:
            if len(self._decoders) >= DECODERS_MAX:
                self._decoders.clear()
            decoder = Decoder(self.points, key[0], self.find_exponent, (ct_ratio, pt_ratio))
            self._decoders[key] = decoder
        return decoder.values(answers)

    def count_decoders(self) -> int:
        """How many shapes of answers have a decoder; a reader of foreign tables bounds what they cost."""
        return len(self._decoders)

    def forget_decoders(self) -> None:
        """Give up the decoders; they are made anew when they are needed."""
        self._decoders.clear()

    def encode(
        self, values: Mapping[str, Value], ct_ratio: float = 1.0, pt_ratio: float = 1.0
    ) -> dict[tuple[int, int], bytes]:
        """The registers of a meter that measures `values`: (function, address) → one register.

        For a DL/T 645 meter: (17, data id) → its answer; bytes of points without a value are FF.
        Names that the model does not have are ignored; points without a value have no
        registers. A scale point may be given its exponent, else it takes the finest that fits.
        """
        image: dict[tuple[int, int], bytes] = {}
        exponents = self._choose_exponents(values, ct_ratio, pt_ratio)
        for point in self.points:
            value = exponents.get(point.name, values.get(point.name))
            if value is None:
                continue
            words = point.encode(
                value,
                exponent=exponents.get(point.scale_point, 0),
                ratio=point.ratio.factor(ct_ratio, pt_ratio),
            )
            if point.size_bytes:
                key = point.function, point.address
                held = image.get(key) or _NOTHING * self.answer_bytes(point.address)
                image[key] = held[: point.offset] + words + held[point.offset + point.size_bytes :]
                continue
            for i in range(point.count):
                image[point.function, point.address + i] = words[i * WORD_BYTES : (i + 1) * WORD_BYTES]
        return image

    def find_exponent(self, point: Point, answers: tuple[Block, ...]) -> int | None:
        """The power of ten that the meter itself gave for a point; None if it is not known or absurd."""
        if not point.scale_point:
            return 0
        scale = self._by_name[point.scale_point]
        words = next((words for block in answers if (words := scale.cut(block)) is not None), None)
        value = None if words is None else scale.decode(words)
        return value if isinstance(value, int) and abs(value) <= EXPONENT_MAX else None

    def _choose_exponents(
        self, values: Mapping[str, Value], ct_ratio: float, pt_ratio: float
    ) -> dict[str, int]:
        chosen: dict[str, int] = {}
        for point in self.points:
            value = values.get(point.name)
            if not point.scale_point or value is None or isinstance(value, str):
                continue
            given = values.get(point.scale_point)
            finest = point.exponent_for(value, point.ratio.factor(ct_ratio, pt_ratio))
            chosen[point.scale_point] = (
                int(given) if given is not None else max(finest, chosen.get(point.scale_point, finest))
            )
        return chosen


def names() -> tuple[str, ...]:
    """The models of meters that are shipped."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def logger_names() -> tuple[str, ...]:
    """The models of data loggers that are shipped; they are told what is measured, and never asked."""
    return tuple(sorted(path.stem for path in _LOGGERS.glob("*.toml")))


@functools.cache
def load(name: str) -> Model:
    """The shipped model called `name`.

    Raises:
        ModelError: There is none with that name.
    """
    if name in logger_names():
        return load_file(_LOGGERS / f"{name}.toml")
    if name not in names():
        import difflib  # noqa: PLC0415 - only a mistyped name needs it

        near = difflib.get_close_matches(name.casefold(), names(), n=1)
        if near:
            raise ModelError((f"no meter model is called {name}, did you mean {near[0]}?",))
        raise ModelError((f"no meter model is called {name}; known: {', '.join(names())}",))
    return load_file(_SHIPPED / f"{name}.toml")


def load_file(path: Path | str) -> Model:
    """The model that a file describes.

    Raises:
        ModelError: The file cannot be read or is wrong; `problems` has every mistake with its place.
    """
    problems: list[str] = []
    try:
        table = parse_toml(read_text(Path(path), FILE_BYTES_MAX))
    except TableError as error:
        raise ModelError(tuple(f"{path}: {problem}" for problem in error.problems)) from error
    model = _model(Table(table, "", problems))
    refuse(problems, str(path))
    return model


def _model(file: Table) -> Model:
    defaults = read_defaults(file)
    points = read_points(file.table("points"), defaults)
    limits = model_file.read_limits(file, points, defaults)
    model = Model(
        name=file.text("name"),
        maker=file.text("maker"),
        title=file.text("title"),
        title_zh=file.text("title_zh", ""),
        verified=file.choice("verified", Verified),
        provenance=file.text("provenance"),
        provenance_zh=file.text("provenance_zh", ""),
        points=points,
        request_registers_max=limits.request_registers_max,
        gap_registers_max=limits.gap_registers_max,
        barriers=limits.barriers,
        pause_s=limits.pause_s,
        fingerprints=model_file.read_fingerprints(file, defaults),
        goldens=model_file.read_goldens(file, points),
    )
    file.finish()
    return model
