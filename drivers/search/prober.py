"""Asks one question of `drivers.search.walk` on a bus, at a line setting, and gives all bytes that came.

This is the rim of the search: it opens the port anew for each setting and listens on after an answer,
because a second one means two meters with one address. It sends reads of one register and nothing else.
"""

import time
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from drivers.clock import Clock
from drivers.link.bus_url import parse_url
from drivers.link.transport import Deadline, Pipe
from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import encode_request
from drivers.search.walk import NOBODYS_UNIT_ID, Ask, LineSetting, Sight, Sign, settings, sight_of

LISTEN_ON_S: Final = 0.03
"""How long a second answer is waited for: meters with one address begin within a few ms of each other,
and USB adapters hand over what they have every 16 ms."""
NOISE_BYTES_MAX: Final = 4096
"""Where listening ends on a line that never rests."""
_FRAME_CHARACTERS: Final = 15


class Asker:
    """One bus, asked question by question."""

    def __init__(self, url: str, clock: Clock, timeout_s: float) -> None:
        self.url = url
        self.framing = parse_url(url).framing
        self._clock = clock
        self._timeout_s = timeout_s
        self._setting: LineSetting | None = None
        self._pipe: Pipe | None = None
        self._transaction_id = 0
        self.heard = b""
        """All bytes that came after the last question."""

    def ask(self, ask: Ask) -> tuple[Sight, float]:
        """What one question showed, and how long it took.

        Raises:
            BusDownError: The port cannot be used.
        """
        pipe = self._at(ask.setting)
        pipe.open()
        began_s = time.monotonic()
        request = Request(ask.unit_id, ask.function, 0, 1)
        self._transaction_id = self._transaction_id % 0xFFFF + 1
        stale = pipe.read(0.0)
        self._clock.sleep(pipe.gap_s)
        pipe.write(encode_request(self.framing, request, self._transaction_id))
        data = self.heard = stale + self._heard(pipe, request)
        return sight_of(self.framing, request, data, self._transaction_id), time.monotonic() - began_s

    def answers_to_any(self) -> bool:
        """Whether a TCP device answers to a unit id that no meter has."""
        if self.framing is not Framing.TCP:
            return False
        return self.ask(Ask(None, NOBODYS_UNIT_ID))[0].sign in {Sign.ANSWERS, Sign.REFUSES}

    def close(self) -> None:
        """Give the port back."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()

    def _at(self, setting: LineSetting | None) -> Pipe:
        if self._pipe is None or setting != self._setting:
            self.close()
            self._pipe, self._setting = parse_url(url_at(self.url, setting)).pipe, setting
        return self._pipe

    def _heard(self, pipe: Pipe, request: Request) -> bytes:
        """All bytes until the answer and a moment more, else until the time-out."""
        data = b""
        wire_s = pipe.wire_s(_FRAME_CHARACTERS)
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
        """Whether `data` ends with the answer, whatever is before it."""
        sign = sight_of(self.framing, request, data, self._transaction_id).sign
        return sign in {Sign.ANSWERS, Sign.REFUSES, Sign.GATEWAY}


def lines_of(url: str, *, everything: bool) -> tuple[LineSetting | None, ...]:
    """The settings to try on the bus at `url`: what it names is kept, unless `everything` is wanted.

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
    chosen = settings(None if baudrate is None else int(baudrate), named.get("parity"), stopbits)
    return tuple(chosen)


def url_at(url: str, setting: LineSetting | None) -> str:
    """The URL of a bus at a setting."""
    if setting is None:
        return url
    port = url.partition("?")[0]
    return f"{port}?baudrate={setting.baudrate}&parity={setting.parity}&stopbits={setting.stopbits}"
