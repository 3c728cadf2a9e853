"""Sends the questions of a walk on a bus, each at its setting, and judges all bytes that come.

This is the outer layer of the search: it reopens the port for each setting and keeps listening after an
answer, because a second one means two meters with one address. It only sends reads of one register.

Over TCP each question has an id, and the answer to an earlier one counts for that one. A connection that is
closed is a result, because some gateways hang up for an absent meter; the next question makes a new one.
"""

import time
from collections import OrderedDict
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from drivers.clock import Clock
from drivers.errors import BusDownError
from drivers.link.bus_url import parse_url
from drivers.link.transport import Deadline, Pipe, TcpPipe
from drivers.link.verdict import FUNCTIONS, Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import encode_request, parse
from drivers.poll.recording import Outcome
from drivers.search.signs import LIFE, ProbeResult, Sign, judge_bytes, split_frames
from drivers.search.walk import FRAME_CHARACTERS, Ask, BusSetting, Probe, list_settings

LISTEN_ON_S: Final = 0.03
"""How long to wait for a second answer: meters with one address begin within a few ms of each other,
and USB adapters hand over what they have every 16 ms."""
NOISE_BYTES_MAX: Final = 4096
"""Listening ends here on a bus that is never quiet."""
SENT_MAX: Final = 1024
"""Questions whose ids are remembered: more than a gateway's queue holds."""
CONNECT_PAUSES_S: Final = (0.2, 1.0, 2.0)
"""A gateway with room for one client needs a moment to notice that the last one has left."""

_WHOLE: Final = frozenset({Sign.ANSWERS, Sign.REFUSES, Sign.GATEWAY, Sign.BUSY})
"""Signs of one whole frame that answers the question."""

Heard = tuple[tuple[Probe, ProbeResult], ...]


class Asker(Protocol):
    """Who sends the questions of a search."""

    def ask(self, ask: Ask) -> tuple[Heard, float]:
        """Send one question, or only listen; what was heard for which probe, and how long that took."""
        ...

    def close(self) -> None:
        """Release the port."""
        ...

    def outcome(self, probe: Probe) -> Outcome:
        """The outcome of the last question, for a recording."""
        ...

    @property
    def received(self) -> bytes:
        """All bytes that came after the last question."""
        ...


class Prober:
    """One bus, probed unit by unit."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        target = parse_url(url)
        self.framing, self._ignores_ids = target.framing, target.ignores_ids
        self._clock = clock
        self._setting: BusSetting | None = None
        self._pipe: Pipe | None = None
        self._has_connected = False
        self._transaction_id = 0
        self._sent: OrderedDict[int, Probe] = OrderedDict()
        self._buffer = b""
        self._has_echo = False
        self.received = b""
        """All bytes that came after the last question."""

    def ask(self, ask: Ask) -> tuple[Heard, float]:
        """Send one question, or only listen; what was heard for which probe, and how long that took.

        Raises:
            BusDownError: The port cannot be used.
        """
        self._clock.sleep(ask.pause_s)
        began_s = time.monotonic()
        pipe = self._open_at(ask.probe.setting)
        self.received = b""
        try:
            send = self._exchange if self.framing is Framing.TCP else self._ask_plainly
            heard = send(pipe, ask)
        except BusDownError:
            if not isinstance(pipe, TcpPipe):
                raise
            self._drop()
            heard = ((ask.probe, ProbeResult(Sign.HUNG_UP)),)
        return heard, time.monotonic() - began_s

    def outcome(self, probe: Probe) -> Outcome:
        """The outcome of `probe`, the last one, for a recording that is played back."""
        request = _request(probe)
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
        self._drop()
        self._pipe = None

    def _drop(self) -> None:
        """Close the connection; what was asked over it is not answered any more."""
        if self._pipe is not None:
            self._pipe.close()
        self._sent.clear()
        self._buffer = b""

    def _open_at(self, setting: BusSetting | None) -> Pipe:
        if self._pipe is None or setting != self._setting:
            self.close()
            self._pipe, self._setting = parse_url(url_at(self.url, setting)).pipe, setting
        for pause_s in CONNECT_PAUSES_S if self._has_connected and setting is None else ():
            try:
                self._pipe.open()
                break
            except BusDownError:
                self._clock.sleep(pause_s)
        self._pipe.open()
        self._has_connected = True
        return self._pipe

    # -- Modbus TCP

    def _exchange(self, pipe: Pipe, ask: Ask) -> Heard:
        if not ask.listens:
            pipe = self._send(pipe, ask.probe)
        heard: dict[Probe, ProbeResult] = {}
        self._has_echo = False
        deadline = Deadline(self._clock.real_s(ask.wait_s))
        while ask.probe not in heard and len(self.received) <= NOISE_BYTES_MAX:
            chunk = pipe.read(deadline.left_s())
            if not chunk:
                break
            self.received += chunk
            self._buffer += chunk
            heard |= self._judge_frames(ask)
        if not heard and self.received and not ask.listens:
            other = Sign.ECHO if self._has_echo else Sign.OTHERS
            heard[ask.probe] = ProbeResult(Sign.UNFRAMED if self._buffer else other)
        return tuple(heard.items())

    def _send(self, pipe: Pipe, probe: Probe) -> Pipe:
        self._transaction_id = self._transaction_id % 0xFFFF + 1
        try:
            late = pipe.read(0.0)
        except BusDownError:  # it hung up after the last answer, so nothing is lost
            self._drop()
            pipe, late = self._open_at(probe.setting), b""
        self._buffer += late
        self._sent[self._transaction_id] = probe
        if len(self._sent) > SENT_MAX:
            self._sent.popitem(last=False)
        pipe.write(encode_request(self.framing, _request(probe), self._transaction_id))
        return pipe

    def _judge_frames(self, ask: Ask) -> dict[Probe, ProbeResult]:
        """What the whole frames of the buffer mean, each for the question whose id it has."""
        frames, self._buffer = split_frames(self._buffer)
        heard: dict[Probe, ProbeResult] = {}
        for frame in frames:
            number = int.from_bytes(frame[:2])
            probe = self._sent.get(number)
            result = None if probe is None else judge_bytes(self.framing, _request(probe), frame, number)
            if result is not None and result.sign is Sign.ECHO:
                self._has_echo = True  # the answer may follow
            elif probe is not None and result is not None and result.sign is not Sign.SILENT:
                del self._sent[number]
                heard[probe] = result
            elif probe == ask.probe and result is not None:
                heard[ask.probe] = ProbeResult(Sign.OTHERS, size=len(frame))  # it names another unit
            elif not ask.listens and (again := self._judge_foreign_id(ask.probe, frame)) is not None:
                heard[ask.probe] = again
        return heard

    def _judge_foreign_id(self, probe: Probe, frame: bytes) -> ProbeResult | None:
        """Whether a frame is the answer to `probe` in all but its id."""
        result = judge_bytes(self.framing, _request(probe), frame, int.from_bytes(frame[:2]))
        if result.sign in {Sign.GATEWAY, Sign.BUSY} or (self._ignores_ids and result.sign in LIFE):
            return result
        good = result.sign in {Sign.ANSWERS, Sign.REFUSES}
        return ProbeResult(Sign.FOREIGN_ID, size=len(frame)) if good else None

    # -- RTU, serial or over TCP

    def _ask_plainly(self, pipe: Pipe, ask: Ask) -> Heard:
        request = _request(ask.probe)
        stale = pipe.read(0.0)
        if not ask.listens:
            self._clock.sleep(pipe.gap_s)
            pipe.write(encode_request(self.framing, request))
        self.received = stale + self._receive(pipe, request, ask.wait_s)
        result = judge_bytes(self.framing, request, self.received)
        late = self._judge_late(ask.probe, result) if ask.probe.setting is None else ()
        return (*late, (ask.probe, result))

    def _judge_late(self, probe: Probe, result: ProbeResult) -> Heard:
        """Answers to earlier questions among the bytes: here they name no question but their unit."""
        heard = []
        for unit in dict.fromkeys(result.others):
            for function in (probe.function, *sorted(FUNCTIONS - {probe.function})):
                earlier = Probe(None, unit, function)
                meant = judge_bytes(self.framing, _request(earlier), self.received)
                if meant.sign in _WHOLE:
                    heard.append((earlier, meant))
                    break
        return tuple(heard)

    def _receive(self, pipe: Pipe, request: Request, timeout_s: float) -> bytes:
        """All bytes until the answer and a moment more, else until the time-out."""
        data = b""
        wire_s = pipe.wire_s(FRAME_CHARACTERS)
        deadline = Deadline(self._clock.real_s(timeout_s + wire_s))
        answered = False
        while chunk := pipe.read(deadline.left_s()):
            data += chunk
            if len(data) > NOISE_BYTES_MAX:
                break
            if not answered and self._is_answered(request, data):
                answered = True
                deadline = Deadline(LISTEN_ON_S + wire_s / 2)
        return data

    def _is_answered(self, request: Request, data: bytes) -> bool:
        """Whether `data` ends with the answer, whatever precedes it."""
        sign = judge_bytes(self.framing, request, data).sign
        return sign in _WHOLE


def _request(probe: Probe) -> Request:
    return Request(probe.unit_id, probe.function, probe.address, probe.count)


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
