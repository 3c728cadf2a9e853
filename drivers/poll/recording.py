"""A bus session in a file: what was asked, what came back and when; and a bus that plays it back.

What a technician sends home when a model is wrong. One JSON object a line, UTF-8:

    {"dianjian_record": 1, "url": "tcp://10.0.0.7:502", "gap_registers_max": 31, "utc_ns": 1772407800…}
    {"at_s": 0.0, "unit": 1, "function": 4, "address": 0, "count": 6, "latency_s": 0.0121, "words": "4366…"}
    {"at_s": 0.013, "unit": 1, "function": 3, "address": 0, "count": 1, "error": "exception", "code": 2}
    {"at_s": 0.015, "unit": 2, "function": 3, "address": 0, "count": 1, "error": "timeout", "reason": "…"}

A search adds `setting` (of the line) and `heard` (all bytes that came) to its questions, for people. Its
silences at wrong settings are played back only where the meter never answered the same.

`at_s` counts from the header's moment; `unit` is the 12 digits of a DL/T 645 meter read as hexadecimal.
`error` is timeout, reply, exception or bus_down, as in `drivers.errors`. A reader refuses a version it
does not know and keys it does not know in the header; a last line that was cut off is left out.

`ReplayBus` has the same `read` as the real one. The same request gets the same answers in their order,
and the last of them for ever; another request is answered from the registers that are in the file, so
that a corrected model can be tried on it. What was never asked raises `ReplyTimeoutError`.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from attrs import Factory, define, field, frozen

from drivers.clock import Clock
from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.link.verdict import Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import parse
from drivers.points.registers import WORD_BYTES
from drivers.poll.bus import MeterBus

VERSION: Final = 1
LINES_MAX: Final = 1_000_000
"""A day of ten requests a second; more is no session of a technician."""
WORDS_BYTES_MAX: Final = 250
"""Most registers of one answer, and more than any datum of DL/T 645."""

_KEY: Final = "dianjian_record"
_SILENCES: Final = frozenset({"timeout", "reply"})
_ERRORS: Final[Mapping[str, type[DriverError]]] = {
    "timeout": ReplyTimeoutError,
    "reply": ReplyError,
    "bus_down": BusDownError,
}


class RecordingError(DriverError):
    """A file is no recorded session."""


@frozen
class Asked:
    """One request."""

    unit: int
    function: int
    address: int
    count: int


@frozen
class Said:
    """What came back: words, an exception's code, or an error."""

    words: bytes = b""
    latency_s: float = 0.0
    error: str = ""
    code: int = 0
    reason: str = ""

    def answer(self) -> Answer:
        """The answer, or the error raised again."""
        if not self.error:
            return Answer(self.words, self.latency_s)
        if self.error == "exception":
            raise ExceptionReplyError(self.code)
        raise _ERRORS[self.error](self.reason)


class Recorder:
    """A file of one session: its header first, then a line for each request, of one bus or of several."""

    def __init__(
        self, url: str, gap_registers_max: int, clock: Clock, write: Callable[[str], object]
    ) -> None:
        self._clock = clock
        self._write = write
        self._began_s = clock.monotonic_s()
        head = {_KEY: VERSION, "url": url, "gap_registers_max": gap_registers_max}
        write(json.dumps(head | {"utc_ns": clock.stamp().utc_ns}) + "\n")

    def at_s(self) -> float:
        """Now, in the seconds of the file."""
        return self._clock.monotonic_s() - self._began_s

    def tell(self, at_s: float, asked: Asked, said: Said, **more: str) -> None:
        """One request that went out at `at_s`, and what came; `more` is for people, and not played back."""
        self._write(_line(at_s, asked, said, more))


@define
class RecordingBus:
    """A bus whose every `read` is told to a recorder."""

    _bus: MeterBus
    _recorder: Recorder

    @classmethod
    def on(cls, bus: MeterBus, clock: Clock, write: Callable[[str], object]) -> "RecordingBus":
        """The bus, with a file of its own."""
        return cls(bus, Recorder(bus.url, bus.gap_registers_max, clock, write))

    @property
    def url(self) -> str:
        """That of the bus."""
        return self._bus.url

    @url.setter
    def url(self, url: str) -> None:
        self._bus.url = url

    @property
    def gap_registers_max(self) -> int:
        """That of the bus."""
        return self._bus.gap_registers_max

    @gap_registers_max.setter
    def gap_registers_max(self, count: int) -> None:
        self._bus.gap_registers_max = count

    @property
    def stats(self) -> BusStats:
        """Those of the bus."""
        return self._bus.stats

    @stats.setter
    def stats(self, stats: BusStats) -> None:
        self._bus.stats = stats

    def close(self) -> None:
        """Close the bus; the file belongs to whoever opened it."""
        self._bus.close()

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        """Read, and tell. Errors as in `drivers.modbus.bus.Bus.read`."""
        asked = Asked(unit_id, function, address, count)
        at_s = self._recorder.at_s()
        try:
            answer = self._bus.read(
                unit_id, function, address, count, timeout_s=timeout_s, spare_registers=spare_registers
            )
        except DriverError as error:
            self._recorder.tell(at_s, asked, _said(error))
            raise
        self._recorder.tell(at_s, asked, Said(answer.words, answer.latency_s))
        return answer


@define
class ReplayBus:
    """A recorded session that stands for its bus."""

    url: str
    gap_registers_max: int
    _said: dict[Asked, list[Said]]
    stats: BusStats = Factory(BusStats)
    _played: dict[Asked, int] = Factory(lambda: defaultdict(int))
    _registers: dict[tuple[int, int, int], bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._registers = {}
        for asked, all_said in self._said.items():
            for said in all_said if asked.function != DLT645_FUNCTION else ():
                for i in range(len(said.words) // WORD_BYTES):
                    key = asked.unit, asked.function, asked.address + i
                    self._registers[key] = said.words[WORD_BYTES * i : WORD_BYTES * (i + 1)]

    def close(self) -> None:
        """Nothing to give back."""

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        """What was said then. Errors as in `drivers.modbus.bus.Bus.read`."""
        del timeout_s, spare_registers
        self.stats.requests += 1
        asked = Asked(unit_id, function, address, count)
        if asked in self._said:
            told = self._said[asked]
            number = min(self._played[asked], len(told) - 1)
            self._played[asked] += 1
            return self._counted(told[number])
        words = [self._registers.get((unit_id, function, address + i), b"") for i in range(count)]
        if all(words):
            return Answer(b"".join(words), 0.0)
        return self._counted(Said(error="timeout", reason="not asked when this session was recorded"))

    def _counted(self, said: Said) -> Answer:
        self.stats.timeouts += said.error in {"timeout", "reply"}
        self.stats.exceptions += said.error == "exception"
        return said.answer()


def replay(lines: Iterable[str], place: str) -> ReplayBus:
    """The bus of a recorded session.

    Raises:
        RecordingError: It is none; the text says what and where.
    """
    said: dict[Asked, list[Said]] = {}
    silences: dict[Asked, list[Said]] = {}
    head: dict[str, Any] = {}
    broken = ""
    for number, line in enumerate(islice(lines, LINES_MAX + 1), 1):
        if broken:
            raise RecordingError(broken)
        if number > LINES_MAX:
            raise RecordingError(f"{place}: more than {LINES_MAX} lines")
        try:
            if number == 1:
                head = _head(json.loads(line))
                continue
            entry = json.loads(line)
            asked, answer = _entry(entry)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            broken = f"{place}: line {number}: {_reason(error)}"
        else:
            silent = "setting" in entry and answer.error in _SILENCES
            (silences if silent else said).setdefault(asked, []).append(answer)
    said = silences | said
    if not said:
        raise RecordingError(broken or f"{place}: no request is recorded here")
    return ReplayBus(head["url"], head["gap_registers_max"], said)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "is not JSON"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _head(head: Any) -> dict[str, Any]:
    if not isinstance(head, dict) or _KEY not in head:
        raise ValueError("no header of a recorded session")
    if head[_KEY] != VERSION:
        raise ValueError(f"version {head[_KEY]!r} of the record is not known, only {VERSION}")
    unknown = head.keys() - {_KEY, "url", "gap_registers_max", "utc_ns"}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    if not isinstance(head["url"], str):
        raise TypeError("url is no text")
    _whole(head, "gap_registers_max", 250)
    return head


def _entry(entry: Any) -> tuple[Asked, Said]:
    if not isinstance(entry, dict):
        raise TypeError("no table")
    asked = Asked(
        _whole(entry, "unit", 1 << 48),
        _whole(entry, "function", 255),
        _whole(entry, "address", (1 << 32) - 1),
        _whole(entry, "count", 255),
    )
    error = entry.get("error", "")
    if error == "exception":
        return asked, Said(error=error, code=_whole(entry, "code", 255))
    if error:
        if error not in _ERRORS:
            raise ValueError(f"error {error!r} is not known")
        return asked, Said(error=error, reason=str(entry.get("reason", "")))
    words = bytes.fromhex(entry["words"])
    wanted = asked.count * (1 if asked.function == DLT645_FUNCTION else WORD_BYTES)
    if len(words) != wanted or len(words) > WORDS_BYTES_MAX:
        raise ValueError(f"words are {len(words)} bytes for a count of {asked.count}")
    latency_s = entry["latency_s"]
    if not isinstance(latency_s, int | float) or not 0 <= latency_s < LINES_MAX:
        raise ValueError("latency_s is no time")
    return asked, Said(words, float(latency_s))


def _whole(table: Mapping[str, Any], key: str, high: int) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= high:
        raise ValueError(f"{key} is no whole number from 0 to {high}")
    return value


def answer_said(framing: Framing, unit: int, function: int, heard: bytes) -> Said:
    """What all bytes after a search's question, a read of register 0, hold for whoever plays it back."""
    request = Request(unit, function, 0, 1)
    transaction_id = int.from_bytes(heard[:WORD_BYTES]) if framing is Framing.TCP else 0
    rest = heard
    while rest:
        verdict = parse(framing, rest, request, transaction_id)
        if isinstance(verdict, Words):
            return Said(verdict.words)
        if isinstance(verdict, Refusal):
            return Said(error="exception", code=verdict.code)
        if isinstance(verdict, NeedMore):
            break
        rest = rest[verdict.consumed :]
    return Said(error="reply", reason="no answer among the bytes") if heard else Said(error="timeout")


def _said(error: DriverError) -> Said:
    if isinstance(error, ExceptionReplyError):
        return Said(error="exception", code=error.code)
    name = next((name for name, kind in _ERRORS.items() if isinstance(error, kind)), "reply")
    return Said(error=name, reason=str(error))


def _line(at_s: float, asked: Asked, said: Said, more: Mapping[str, str]) -> str:
    entry: dict[str, Any] = {"at_s": round(at_s, 6), "unit": asked.unit, "function": asked.function}
    entry |= {"address": asked.address, "count": asked.count}
    if said.error == "exception":
        entry |= {"error": said.error, "code": said.code}
    elif said.error:
        entry |= {"error": said.error, "reason": said.reason}
    else:
        entry |= {"latency_s": round(said.latency_s, 6), "words": said.words.hex()}
    return json.dumps(entry | dict(more)) + "\n"
