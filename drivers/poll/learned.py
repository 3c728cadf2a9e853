"""What polling has learned of a bus and its meters, as plain values: shown, recorded, kept over restarts.

    bus    {"pause_s", "gateway_s", "meters": {id: meter}}
    meter  {"key", "slowest_s", "pause_s", "registers_max", "apart": [[function, address, count], …],
            "missing": [[function, address, count, why], …]}

A key that holds nothing learned is left out. `key` says of which meter this was learned: where it is and its
model (`meter_key`); after a change of either, nothing of the old meter is believed.

All of it only spares requests and time. None of it changes what a word of an answer means, so a file with
wrong values costs speed, or points for a day at most. `from_plain` still takes only what could have been
learned, and gives nothing for anything else.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from disk.kinds import is_number
from drivers.points.model import Model
from drivers.points.plan import Span
from drivers.reading import REGISTERS_MAX

SLOWEST_S_MAX: Final = 10.0
"""No meter is waited for longer: `drivers.link.ledger.LATE_MAX_S`."""
PAUSE_S_MAX: Final = 1.0
GATEWAY_S_MAX: Final = 6.0
"""No gateway is waited for longer without an answer: `drivers.link.gateway_queue.FIRST_S`."""
SPANS_MAX: Final = 64
"""Most holes of a meter that are kept: more than any model has points in a group."""
METERS_MAX: Final = 256
"""Most meters of a bus: one for each unit id."""
WHY_CHARACTERS_MAX: Final = 40
_ADDRESS_MAX: Final = 0xFFFF_FFFF
_FUNCTION_MAX: Final = 17


@frozen
class Missing:
    """Registers (or a data id) with points that the meter does not have, and what it said when asked.

    `why` is short English words: "exception 2" or "no answer".
    """

    span: Span
    why: str


@frozen
class LearnedMeter:
    """What was learned of one meter; nothing, by default.

    Attributes:
        key: Of which meter: see `meter_key`.
        slowest_s: The slowest of its recent answers.
        pause_s: Silence that it needs between its answer and the next request.
        registers_max: Most registers that it answers in one read; 0 where that is the model's number.
        apart: Registers that no one read may cover: a hole, or the border of two areas.
        missing: Registers with points that it does not have. They are asked for again at least daily.
    """

    key: str = ""
    slowest_s: float = 0.0
    pause_s: float = 0.0
    registers_max: int = 0
    apart: tuple[Span, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing but its speed is known."""
        return evolve(self, slowest_s=0.0) == LearnedMeter(self.key)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON or CBOR."""
        plain: dict[str, Any] = {
            "key": self.key,
            "slowest_s": round(self.slowest_s, 3),
            "pause_s": round(self.pause_s, 3),
            "registers_max": self.registers_max,
            "apart": [[one.function, one.address, one.count] for one in self.apart],
            "missing": [[*_numbers(one.span), one.why] for one in self.missing],
        }
        return {name: value for name, value in plain.items() if value}

    @classmethod
    def from_plain(cls, plain: Any) -> "LearnedMeter | None":
        """What `to_plain` gave; None for anything else."""
        known = {"key", "slowest_s", "pause_s", "registers_max", "apart", "missing"}
        if not isinstance(plain, dict) or not plain.keys() <= known:
            return None
        apart, missing = plain.get("apart", []), plain.get("missing", [])
        if not _is_list(apart) or not _is_list(missing):
            return None
        spans = [_span(one) for one in apart]
        holes = [_missing(one) for one in missing]
        key, most = plain.get("key", ""), plain.get("registers_max", 0)
        times_s = plain.get("slowest_s", 0.0), plain.get("pause_s", 0.0)
        is_right = (
            isinstance(key, str)
            and len(key) <= WHY_CHARACTERS_MAX
            and _is_within(times_s[0], SLOWEST_S_MAX)
            and _is_within(times_s[1], PAUSE_S_MAX)
            and type(most) is int
            and 0 <= most <= REGISTERS_MAX
        )
        if not is_right or None in spans or None in holes:
            return None
        return cls(
            key,
            float(times_s[0]),
            float(times_s[1]),
            most,
            tuple(one for one in spans if one is not None),
            tuple(one for one in holes if one is not None),
        )


@frozen
class LearnedBus:
    """What was learned of a bus.

    Attributes:
        pause_s: Silence that it needs after an answer of any meter.
        meters: By id.
        gateway_s: How long a request without an answer keeps its gateway: `GatewayQueue.known_s`.
    """

    pause_s: float = 0.0
    meters: Mapping[str, LearnedMeter] = field(factory=dict)
    gateway_s: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON or CBOR."""
        plain: dict[str, Any] = {
            "pause_s": round(self.pause_s, 3),
            "gateway_s": round(self.gateway_s, 3),
            "meters": {name: meter.to_plain() for name, meter in self.meters.items()},
        }
        return {name: value for name, value in plain.items() if value}

    @classmethod
    def from_plain(cls, plain: Any) -> "LearnedBus | None":
        """What `to_plain` gave; None for anything else."""
        if not isinstance(plain, dict) or not plain.keys() <= {"pause_s", "gateway_s", "meters"}:
            return None
        table = plain.get("meters", {})
        pause_s, gateway_s = plain.get("pause_s", 0.0), plain.get("gateway_s", 0.0)
        is_right = isinstance(table, dict) and len(table) <= METERS_MAX
        is_right = is_right and _is_within(pause_s, PAUSE_S_MAX) and _is_within(gateway_s, GATEWAY_S_MAX)
        meters = {name: LearnedMeter.from_plain(one) for name, one in table.items()} if is_right else {}
        if not is_right or None in meters.values():
            return None
        right = {str(name): meter for name, meter in meters.items() if meter is not None}
        return cls(float(pause_s), right, float(gateway_s))


def meter_key(url: str, station: int, model_hash: bytes) -> str:
    """Names a meter by its bus, its number there and its model, 16 hexadecimal digits."""
    return hashlib.sha256(f"{url}\n{station}\n{model_hash.hex()}".encode()).hexdigest()[:16]


def name_points(model: Model, missing: Iterable[Missing]) -> dict[str, str]:
    """The names of the points of `model` that are missing, in its order, and why."""
    why: dict[str, str] = {}
    for point in model.points:
        own = Span(point.function, point.address, point.count)
        for one in missing:
            is_alone = point.size_bytes and one.span.address in {point.address, point.single_id}
            if is_alone or (not point.size_bytes and own.covers(one.span)):
                why[point.name] = one.why
    return why


def _numbers(span: Span) -> list[int]:
    return [span.function, span.address, span.count]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= SPANS_MAX


def _is_within(value: Any, most: float) -> bool:
    return is_number(value) and 0 <= value <= most


def _span(plain: Any) -> Span | None:
    if not isinstance(plain, list) or len(plain) != 3 or any(type(one) is not int for one in plain):
        return None
    function, address, count = plain
    fits = 1 <= function <= _FUNCTION_MAX and 0 <= address <= _ADDRESS_MAX and 1 <= count <= 2 * REGISTERS_MAX
    return Span(function, address, count) if fits else None


def _missing(plain: Any) -> Missing | None:
    if not isinstance(plain, list) or len(plain) != 4:
        return None
    span, why = _span(plain[:3]), plain[3]
    if span is None or not isinstance(why, str) or not 0 < len(why) <= WHY_CHARACTERS_MAX:
        return None
    return Missing(span, why) if why.isprintable() else None
