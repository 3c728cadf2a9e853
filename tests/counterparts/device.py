"""A Modbus device and what is odd about it. Told the time, it says what it sends and how much later.

Of a read over registers that it lacks it takes the strictest of what it says for them. What is random is
drawn from its own seed, in the order of its requests.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

from tests.counterparts.frames import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    READ_HOLDING,
    READ_INPUT,
    Request,
    answer,
    refuse,
)
from tests.counterparts.registers import SDM630, RegisterMap

SILENT: Final = 0
"""In place of an exception code: no answer at all."""
REGISTERS_MAX: Final = 125

Delay = Callable[[int], float]
"""Seconds from the request to the answer, by the number of the request, from 0 on."""


def fixed(seconds: float) -> Delay:
    """Always the same."""
    return lambda _number: seconds


def drawn(low_s: float, high_s: float, seed: int = 1) -> Delay:
    """Anything between, other for each request."""
    return lambda number: random.Random(f"{seed} {number}").uniform(low_s, high_s)


def growing(first_s: float, step_s: float, last_s: float) -> Delay:
    """A little more with each request."""
    return lambda number: min(first_s + step_s * number, last_s)


class Over(StrEnum):
    """What is said to a read of more registers than the device gives at once."""

    REFUSE_2 = "refuse 2"
    REFUSE_3 = "refuse 3"
    SILENT = "silent"
    TRUNCATE = "truncate"


class Mishap(StrEnum):
    """What the wire does to an answer."""

    LOST = "lost"
    DAMAGED = "damaged"
    DOUBLED = "doubled"
    LATE = "late"


class AfterRestart(StrEnum):
    """What counters show for `settles_s` after a restart."""

    ZERO = "zero"
    ONES = "ones"
    GARBAGE = "garbage"


@frozen
class Answer:
    """What a device sends: None is silence. `late_s` is beyond what its bus waits for."""

    pdu: bytes | None
    after_s: float
    mishap: Mishap | None = None


@define
class Device:
    """One device.

    Attributes:
        answers: How long it takes.
        deaf_s: After an answer it hears nothing for so long; a request then is lost.
        missing: What it says to a read that touches these addresses: exception 1 to 4, or SILENT.
        block_max, over: Most registers at once, and what it says beyond.
        busy_every, busy_code: Each so many-th request gets this exception; 0 is never.
        mishaps: The share of its answers that each mishap strikes, late ones `late_s` later.
        settles_s, after_restart: For so long after a restart its counters show that.
        present: Whether it is there; may be changed at any time.
    """

    unit: int
    map: RegisterMap = SDM630
    answers: Delay = field(factory=lambda: fixed(0.02))
    deaf_s: float = 0.0
    missing: Mapping[int, int] = field(factory=dict)
    block_max: int = REGISTERS_MAX
    over: Over = Over.REFUSE_2
    busy_every: int = 0
    busy_code: int = 6
    mishaps: Mapping[Mishap, float] = field(factory=dict)
    late_s: float = 1.0
    settles_s: float = 0.0
    after_restart: AfterRestart = AfterRestart.ZERO
    present: bool = True
    seed: int = 1
    requests: int = field(default=0, init=False)
    _deaf_until_s: float = field(default=0.0, init=False)
    _settled_at_s: float = field(default=0.0, init=False)

    def hears(self, request: Request, now_s: float) -> bool:
        """Whether it takes up a request."""
        return self.present and request.unit == self.unit and now_s >= self._deaf_until_s

    def restart(self, now_s: float) -> None:
        """Its counters begin to settle."""
        self._settled_at_s = now_s + self.settles_s

    def handle(self, request: Request, now_s: float) -> Answer:
        """Its answer to a request that it hears, `now_s` since the start."""
        number, self.requests = self.requests, self.requests + 1
        after_s = self.answers(number)
        if self.deaf_s:
            self._deaf_until_s = now_s + after_s + self.deaf_s
        if self.busy_every and number % self.busy_every == self.busy_every - 1:
            return Answer(refuse(request.function, self.busy_code), after_s)
        return self._meet_mishap(self._read(request, now_s), after_s, number)

    def _read(self, request: Request, now_s: float) -> bytes | None:
        function, first, count = request.function, request.address, request.count
        if function not in {READ_HOLDING, READ_INPUT}:
            return refuse(function, ILLEGAL_FUNCTION)
        wanted = range(first, first + count)
        if count > self.block_max:
            if self.over is Over.SILENT:
                return None
            if self.over is not Over.TRUNCATE:
                return refuse(function, int(self.over.value[-1]))
            wanted = wanted[: self.block_max]
        lacks = {self.missing[one] for one in wanted if one in self.missing}
        if lacks:
            return None if SILENT in lacks else refuse(function, max(lacks))
        words = [self._word(function, one, now_s) for one in wanted]
        if None in words:
            return refuse(function, ILLEGAL_ADDRESS)
        return answer(function, [word for word in words if word is not None])

    def _word(self, function: int, address: int, now_s: float) -> int | None:
        word = self.map.word(self.unit, function, address, int(now_s))
        if word is None or now_s >= self._settled_at_s or not self.map.counts(address):
            return word
        match self.after_restart:
            case AfterRestart.ZERO:
                return 0
            case AfterRestart.ONES:
                return 0xFFFF
        return random.Random(f"{self.seed} {address}").randrange(0x4000, 0x4800)

    def _meet_mishap(self, pdu: bytes | None, after_s: float, number: int) -> Answer:
        draw = random.Random(f"{self.seed} {self.unit} {number}").random()
        for mishap, share in self.mishaps.items():
            if draw < share:
                lost = mishap is Mishap.LOST
                return Answer(None if lost else pdu, after_s, None if lost else mishap)
            draw -= share
        return Answer(pdu, after_s)


def lacking(addresses: Iterable[int], code: int) -> dict[int, int]:
    """`missing` of a device: these addresses, all with one code or SILENT."""
    return dict.fromkeys(addresses, code)
