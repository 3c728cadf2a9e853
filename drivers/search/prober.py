"""Sends the probes of `drivers.search.walk` on a bus, each at its setting, and judges all bytes that come.

This is the outer layer of the search: it reopens the port for each setting and keeps listening after an
answer, because a second one means two meters with one address. It only sends reads of one register.
"""

import time
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from drivers.clock import Clock
from drivers.link.bus_url import parse_url
from drivers.link.transport import Deadline, Pipe
from drivers.link.verdict import Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import encode_request, parse
from drivers.poll.recording import Outcome
from drivers.search.signs import ProbeResult, Sign, judge_bytes
from drivers.search.walk import FRAME_CHARACTERS, NOBODYS_UNIT_ID, BusSetting, Probe, list_settings

LISTEN_ON_S: Final = 0.03
"""How long to wait for a second answer: meters with one address begin within a few ms of each other,
and USB adapters hand over what they have every 16 ms."""
NOISE_BYTES_MAX: Final = 4096
"""Listening ends here on a bus that is never quiet."""


class Prober:
    """One bus, probed unit by unit."""

    def __init__(self, url: str, clock: Clock, timeout_s: float) -> None:
        self.url = url
        self.framing = parse_url(url).framing
        self._clock = clock
        self._timeout_s = timeout_s
        self._setting: BusSetting | None = None
        self._pipe: Pipe | None = None
        self._transaction_id = 0
        self.received = b""
        """All bytes that came after the last probe."""

    def send(self, probe: Probe) -> tuple[ProbeResult, float]:
        """Send one probe; returns what it showed, and how long that took.

        Raises:
            BusDownError: The port cannot be used.
        """
        pipe = self._pipe_at(probe.setting)
        pipe.open()
        began_s = time.monotonic()
        request = Request(probe.unit_id, probe.function, 0, 1)
        self._transaction_id = self._transaction_id % 0xFFFF + 1
        stale = pipe.read(0.0)
        self._clock.sleep(pipe.gap_s)
        pipe.write(encode_request(self.framing, request, self._transaction_id))
        self.received = stale + self._receive(pipe, request)
        result = judge_bytes(self.framing, request, self.received, self._transaction_id)
        return result, time.monotonic() - began_s

    def ignores_unit_id(self) -> bool:
        """Whether a TCP device answers to a unit id that no meter has."""
        if self.framing is not Framing.TCP:
            return False
        return self.send(Probe(None, NOBODYS_UNIT_ID))[0].sign in {Sign.ANSWERS, Sign.REFUSES}

    def outcome(self, probe: Probe) -> Outcome:
        """The outcome of `probe`, the last one, for a recording that is played back."""
        request = Request(probe.unit_id, probe.function, 0, 1)
        rest = self.received
        transaction_id = int.from_bytes(rest[:2]) if self.framing is Framing.TCP else 0
        while rest:
            verdict = parse(self.framing, rest, request, transaction_id)
            if isinstance(verdict, Words):
                return Outcome(verdict.words)
            if isinstance(verdict, Refusal):
                return Outcome(error="exception", code=verdict.code)
            if isinstance(verdict, NeedMore):
                break
            rest = rest[verdict.consumed :]
        if self.received:
            return Outcome(error="reply", reason="no answer among the bytes")
        return Outcome(error="timeout")

    def close(self) -> None:
        """Release the port."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()

    def _pipe_at(self, setting: BusSetting | None) -> Pipe:
        if self._pipe is None or setting != self._setting:
            self.close()
            self._pipe, self._setting = parse_url(url_at(self.url, setting)).pipe, setting
        return self._pipe

    def _receive(self, pipe: Pipe, request: Request) -> bytes:
        """All bytes until the answer and a moment more, else until the time-out."""
        data = b""
        wire_s = pipe.wire_s(FRAME_CHARACTERS)
        deadline = Deadline(self._clock.real_s(self._timeout_s + wire_s))
        answered = False
        while chunk := pipe.read(deadline.left_s()):
            data += chunk
            if len(data) > NOISE_BYTES_MAX:
                break
            if not answered and self._is_answered(request, data):
                answered = True
                deadline = Deadline(0.0 if self.framing is Framing.TCP else LISTEN_ON_S + wire_s / 2)
        return data

    def _is_answered(self, request: Request, data: bytes) -> bool:
        """Whether `data` ends with the answer, whatever precedes it."""
        sign = judge_bytes(self.framing, request, data, self._transaction_id).sign
        return sign in {Sign.ANSWERS, Sign.REFUSES, Sign.GATEWAY}


def settings_to_try(url: str, *, everything: bool) -> tuple[BusSetting | None, ...]:
    """The settings to try on the bus at `url`: those in the URL are kept, unless `everything` is set.

    Raises:
        BusUrlError: The URL cannot be understood.
    """
    parse_url(url)
    parts = urlsplit(url)
    if parts.scheme.endswith("tcp"):
        return (None,)
    named = {} if everything else dict(parse_qsl(parts.query))
    baudrate = named.get("baudrate")
    stopbits = int(named.get("stopbits", "1"))
    return tuple(list_settings(None if baudrate is None else int(baudrate), named.get("parity"), stopbits))


def url_at(url: str, setting: BusSetting | None) -> str:
    """The URL of a bus at a setting."""
    if setting is None:
        return url
    port = url.partition("?")[0]
    return f"{port}?baudrate={setting.baudrate}&parity={setting.parity}&stopbits={setting.stopbits}"
