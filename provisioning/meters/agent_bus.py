"""A bus that is read through the agent which polls it: for reading, and for a search."""

import time
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.status.bus_desk import SOCKET_NAME, Guest, GuestRead
from agent.status.lines import RefusedError
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError
from drivers.link.bus_url import parse_url
from drivers.link.transaction import Answer, BusStats
from drivers.poll.recording import Outcome, RecordedRead
from drivers.search.prober import Heard
from drivers.search.signs import ProbeResult, Sign, judge_code
from drivers.search.walk import Ask, Probe

NOT_SENT_MAX_S: Final = 12.0
"""So long at most the agent waits for late answers to others before it asks."""
NOT_SENT_PAUSE_S: Final = 0.5


@define
class AgentBus:
    """A bus that is read through its agent; see `drivers.modbus.bus.Bus`."""

    _folder: Path
    _bus_id: str
    url: str
    is_hasty: bool = False
    gap_registers_max: int = field(init=False)
    stats: BusStats = field(factory=BusStats, init=False)
    _guest: Guest | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.gap_registers_max = parse_url(self.url).gap_registers_max

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
        """The words of a read. Errors as in `drivers.modbus.bus.Bus.read`; BusDownError without the agent."""
        read = RecordedRead(unit_id, function, address, count)
        try:
            if self._guest is None:
                self._guest = Guest(self._folder, self._bus_id)
            outcome, sent = self._guest.read(GuestRead(read, timeout_s, spare_registers, self.is_hasty))
        except (OSError, RefusedError, ValueError, KeyError, TypeError) as error:
            self.close()
            raise BusDownError(f"{self._folder / SOCKET_NAME}: {error}") from error
        self.stats.requests += sent
        return outcome.to_answer()

    def close(self) -> None:
        """Leave the agent."""
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.close()


@define
class AgentAsker:
    """Sends the questions of a search through the agent."""

    _bus: AgentBus
    received: bytes = b""
    _outcome: Outcome = field(factory=Outcome)

    def ask(self, ask: Ask) -> tuple[Heard, float]:
        """As `drivers.search.prober.Prober.ask`; the agent itself waits for what is owed."""
        time.sleep(ask.pause_s)
        began_s = time.monotonic()
        if ask.listens:
            return (), time.monotonic() - began_s
        sign, code = self._send(ask.probe, ask.wait_s)
        return ((ask.probe, ProbeResult(sign, code=code)),), time.monotonic() - began_s

    def _send(self, probe: Probe, wait_s: float) -> tuple[Sign, int]:
        end_s = time.monotonic() + NOT_SENT_MAX_S
        while True:
            before = self._bus.stats.requests
            try:
                read = probe.unit_id, probe.function, probe.address, probe.count
                answer = self._bus.read(*read, timeout_s=wait_s)
            except BusDownError:
                raise
            except DriverError as error:
                self._outcome = Outcome.of_error(error)
                if isinstance(error, ExceptionReplyError):
                    return judge_code(error.code), error.code
                if isinstance(error, ReplyError):
                    return Sign.GARBLED, 0
                if self._bus.stats.requests != before or time.monotonic() > end_s:
                    return Sign.SILENT, 0
                time.sleep(NOT_SENT_PAUSE_S)  # the agent waits for late answers to others
            else:
                self._outcome = Outcome(answer.words, answer.latency_s)
                return Sign.ANSWERS, 0

    def outcome(self, probe: Probe) -> Outcome:
        """The outcome of the last question."""
        del probe
        return self._outcome

    def close(self) -> None:
        """Leave the agent."""
        self._bus.close()
