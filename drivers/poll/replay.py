"""Plays back a recorded bus session (`drivers.poll.recording`) as a bus.

`ReplayBus` has the same `read` as the real one. The same read gets the same outcomes in their order, and
then always the last; a new read is answered from the registers that are in the file, so that a
corrected model can be tried on it. Any other read raises `ReplyTimeoutError`. The silences of a search at
wrong settings are played back only where the meter never answered the same probe.

A reader refuses an unknown version and unknown keys in the header; a last line that was
cut off is left out.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from attrs import Factory, define, field

from drivers.dlt645.codec import FUNCTION as DLT645_FUNCTION
from drivers.errors import DriverError
from drivers.link.transaction import Answer, BusStats
from drivers.points.registers import WORD_BYTES
from drivers.poll.recording import ERRORS, HEADER_KEY, VERSION, Outcome, RecordedRead

LINES_MAX: Final = 1_000_000
"""A day of ten reads a second; no technician's session is longer."""
WORDS_BYTES_MAX: Final = 250
"""Most registers of one answer, and more than any datum of DL/T 645."""

_SILENCES: Final = frozenset({"timeout", "reply"})


class RecordingError(DriverError):
    """A file is not a recorded session."""


@define
class ReplayBus:
    """A recorded session that stands for its bus."""

    url: str
    gap_registers_max: int
    _outcomes: dict[RecordedRead, list[Outcome]]
    stats: BusStats = Factory(BusStats)
    _played: dict[RecordedRead, int] = Factory(lambda: defaultdict(int))
    _registers: dict[tuple[int, int, int], bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._registers = {}
        for read, outcomes in self._outcomes.items():
            for outcome in outcomes if read.function != DLT645_FUNCTION else ():
                for i in range(len(outcome.words) // WORD_BYTES):
                    key = read.unit, read.function, read.address + i
                    self._registers[key] = outcome.words[WORD_BYTES * i : WORD_BYTES * (i + 1)]

    @property
    def outcomes(self) -> Mapping[RecordedRead, list[Outcome]]:
        """Each read of the session with what came of it, in order."""
        return self._outcomes

    def close(self) -> None:
        """Nothing to release."""

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
        """The recorded outcome of the read. Errors as in `drivers.modbus.bus.Bus.read`."""
        del timeout_s, spare_registers
        self.stats.requests += 1
        read = RecordedRead(unit_id, function, address, count)
        outcomes = self._outcomes.get(read)
        if outcomes is not None:
            number = min(self._played[read], len(outcomes) - 1)
            self._played[read] += 1
            return self._play(outcomes[number])
        words = [self._registers.get((unit_id, function, address + i), b"") for i in range(count)]
        if all(words):
            return Answer(b"".join(words), 0.0)
        return self._play(Outcome(error="timeout", reason="not asked when this session was recorded"))

    def _play(self, outcome: Outcome) -> Answer:
        self.stats.timeouts += outcome.error in _SILENCES
        self.stats.exceptions += outcome.error == "exception"
        return outcome.to_answer()


def replay(lines: Iterable[str], place: str) -> ReplayBus:
    """The bus of a recorded session.

    Raises:
        RecordingError: It is not one; the text names the mistake and its place.
    """
    outcomes: dict[RecordedRead, list[Outcome]] = {}
    silences: dict[RecordedRead, list[Outcome]] = {}
    head: dict[str, Any] = {}
    broken = ""
    for number, line in enumerate(islice(lines, LINES_MAX + 1), 1):
        if broken:
            raise RecordingError(broken)
        if number > LINES_MAX:
            raise RecordingError(f"{place}: more than {LINES_MAX} lines")
        try:
            entry = json.loads(line)
            if number == 1:
                head = _check_head(entry)
                continue
            read, outcome = _read_entry(entry)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            broken = f"{place}: line {number}: {_explain(error)}"
        else:
            is_silent = "setting" in entry and outcome.error in _SILENCES
            (silences if is_silent else outcomes).setdefault(read, []).append(outcome)
    outcomes = silences | outcomes
    if not outcomes:
        raise RecordingError(broken or f"{place}: no request is recorded here")
    return ReplayBus(head["url"], head["gap_registers_max"], outcomes)


def _explain(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "is not JSON"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _check_head(head: Any) -> dict[str, Any]:
    if not isinstance(head, dict) or HEADER_KEY not in head:
        raise ValueError("no header of a recorded session")
    if head[HEADER_KEY] != VERSION:
        raise ValueError(f"version {head[HEADER_KEY]!r} of the record is not known, only {VERSION}")
    unknown = head.keys() - {HEADER_KEY, "url", "gap_registers_max", "utc_ns"}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    if not isinstance(head["url"], str):
        raise TypeError("url is no text")
    _read_whole(head, "gap_registers_max", 250)
    return head


def _read_entry(entry: Any) -> tuple[RecordedRead, Outcome]:
    if not isinstance(entry, dict):
        raise TypeError("no table")
    read = RecordedRead(
        _read_whole(entry, "unit", 1 << 48),
        _read_whole(entry, "function", 255),
        _read_whole(entry, "address", (1 << 32) - 1),
        _read_whole(entry, "count", 255),
    )
    error = entry.get("error", "")
    if error == "exception":
        return read, Outcome(error=error, code=_read_whole(entry, "code", 255))
    if error:
        if error not in ERRORS:
            raise ValueError(f"error {error!r} is not known")
        return read, Outcome(error=error, reason=str(entry.get("reason", "")))
    words = bytes.fromhex(entry["words"])
    wanted = read.count * (1 if read.function == DLT645_FUNCTION else WORD_BYTES)
    if len(words) != wanted or len(words) > WORDS_BYTES_MAX:
        raise ValueError(f"words are {len(words)} bytes for a count of {read.count}")
    latency_s = entry["latency_s"]
    if not isinstance(latency_s, int | float) or not 0 <= latency_s < LINES_MAX:
        raise ValueError("latency_s is no time")
    return read, Outcome(words, float(latency_s))


def _read_whole(table: Mapping[str, Any], key: str, high: int) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= high:
        raise ValueError(f"{key} is no whole number from 0 to {high}")
    return value
