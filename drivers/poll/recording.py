"""A bus session in a file: each read, what came back and when.

A technician sends it in when a model is wrong. One JSON object per line, UTF-8:

    {"dianjian_record": 1, "url": "tcp://10.0.0.7:502", "gap_registers_max": 31, "utc_ns": 1772407800…}
    {"at_s": 0.0, "unit": 1, "function": 4, "address": 0, "count": 6, "latency_s": 0.0121, "words": "4366…"}
    {"at_s": 0.013, "unit": 1, "function": 3, "address": 0, "count": 1, "error": "exception", "code": 2}
    {"at_s": 0.015, "unit": 2, "function": 3, "address": 0, "count": 1, "error": "timeout", "reason": "…"}

A search adds `setting` (of the bus) and `heard` (all bytes that came) to its probes, for people.

`at_s` counts from the header's moment; `unit` is the 12 digits of a DL/T 645 meter read as hexadecimal.
`error` is timeout, reply, exception or bus_down, as in `drivers.errors`. `drivers.poll.replay` plays such a
file back.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from drivers.clock import Clock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.poll.bus import MeterBus

VERSION: Final = 1
HEADER_KEY: Final = "dianjian_record"
ERRORS: Final[Mapping[str, type[DriverError]]] = {
    "timeout": ReplyTimeoutError,
    "reply": ReplyError,
    "bus_down": BusDownError,
}


@frozen
class RecordedRead:
    """One read of a meter."""

    unit: int
    function: int
    address: int
    count: int


@frozen
class Outcome:
    """The outcome of a read: words, an exception's code, or an error."""

    words: bytes = b""
    latency_s: float = 0.0
    error: str = ""
    code: int = 0
    reason: str = ""

    @classmethod
    def of_error(cls, error: DriverError) -> "Outcome":
        """The outcome of a read that raised `error`."""
        if isinstance(error, ExceptionReplyError):
            return cls(error="exception", code=error.code)
        name = next((name for name, kind in ERRORS.items() if isinstance(error, kind)), "reply")
        return cls(error=name, reason=str(error))

    def to_answer(self) -> Answer:
        """The answer, or the error raised again."""
        if not self.error:
            return Answer(self.words, self.latency_s)
        if self.error == "exception":
            raise ExceptionReplyError(self.code)
        raise ERRORS[self.error](self.reason)

    def to_json(self) -> dict[str, Any]:
        """Its keys in a line of the file."""
        if self.error == "exception":
            return {"error": self.error, "code": self.code}
        if self.error:
            return {"error": self.error, "reason": self.reason}
        return {"latency_s": round(self.latency_s, 6), "words": self.words.hex()}


class Recorder:
    """A file of one session: its header first, then a line for each read, of one bus or of several."""

    def __init__(
        self, url: str, gap_registers_max: int, clock: Clock, write: Callable[[str], object]
    ) -> None:
        self._clock = clock
        self._write = write
        self._began_s = clock.monotonic_s()
        head = {HEADER_KEY: VERSION, "url": url, "gap_registers_max": gap_registers_max}
        write(json.dumps(head | {"utc_ns": clock.stamp().utc_ns}) + "\n")

    def at_s(self) -> float:
        """Now, in the seconds of the file."""
        return self._clock.monotonic_s() - self._began_s

    def write(self, at_s: float, read: RecordedRead, outcome: Outcome, **more: str) -> None:
        """Write one read that began at `at_s`, and its outcome; `more` is for people, and not played back."""
        entry = {"at_s": round(at_s, 6), "unit": read.unit, "function": read.function}
        entry |= {"address": read.address, "count": read.count}
        self._write(json.dumps(entry | outcome.to_json() | more) + "\n")


@define(eq=False, repr=False)
class RecordingBus:
    """A bus whose every `read` is written by a recorder."""

    _bus: MeterBus
    _recorder: Recorder
    url: str = field(init=False)
    gap_registers_max: int = field(init=False)
    stats: BusStats = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.url, self.gap_registers_max = self._bus.url, self._bus.gap_registers_max
        self.stats = self._bus.stats

    @classmethod
    def on(cls, bus: MeterBus, clock: Clock, write: Callable[[str], object]) -> "RecordingBus":
        """The bus, recorded into a file of its own."""
        return cls(bus, Recorder(bus.url, bus.gap_registers_max, clock, write))

    def close(self) -> None:
        """Close the bus; the opener of the file closes it."""
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
        """Read and record. Errors as in `drivers.modbus.bus.Bus.read`."""
        read = RecordedRead(unit_id, function, address, count)
        at_s = self._recorder.at_s()
        try:
            answer = self._bus.read(
                unit_id, function, address, count, timeout_s=timeout_s, spare_registers=spare_registers
            )
        except DriverError as error:
            self._recorder.write(at_s, read, Outcome.of_error(error))
            raise
        self._recorder.write(at_s, read, Outcome(answer.words, answer.latency_s))
        return answer
