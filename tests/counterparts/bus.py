"""A serial bus: one request at a time, behind a gateway with a queue or on bare wires.

Behind a gateway (`waits_s` set) requests wait in its queue; a device that is absent, deaf, silent or slower
than `waits_s` costs it so long, and then it `says` exception 11 or 10, nothing, or hangs up. A request
beyond the queue is dropped, takes the place of the oldest, or gets exception 6.

On bare wires (`waits_s` None: a converter, a pty) a request that comes while a device answers is lost with
nobody saying so, and silence is silence. `side_by_side`: a device with a network of its own, which
answers each request for itself.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from tests.counterparts.device import Answer, Mishap
from tests.counterparts.frames import Request, refuse

NO_PATH: Final = 10
NO_ANSWER: Final = 11
BUSY: Final = 6


class Says(StrEnum):
    """What a gateway does when a device did not answer."""

    EXCEPTION_11 = "exception 11"
    EXCEPTION_10 = "exception 10"
    NOTHING = "nothing"
    HANGS_UP = "hangs up"


class Overflow(StrEnum):
    """What happens to a request that finds the queue full."""

    DROP_NEWEST = "drop newest"
    DROP_OLDEST = "drop oldest"
    EXCEPTION_6 = "exception 6"


class Attached(Protocol):
    """A device on a bus."""

    def hears(self, request: Request, now_s: float) -> bool:
        """Whether it takes up a request."""

    def handle(self, request: Request, now_s: float) -> Answer:
        """Its answer."""


Reply = Callable[[bytes | None, Mishap | None], None]
"""Takes the PDU of an answer, or None to hang up."""


@frozen
class Asked:
    """A request: when it came, and how many were owed then, with this one."""

    at_s: float
    unit: int
    function: int
    address: int
    count: int
    owed: int
    connection: int


@define
class SerialBus:
    """See the module. Times are seconds since the bus was made.

    Attributes:
        asked: Every request, in order.
        spent_s: How long the line was busy with each unit.
        answered: How many answers each unit gave.
        overflowed: Requests that found the queue full, or were lost on bare wires.
    """

    devices: Sequence[Attached]
    waits_s: float | None = None
    says: Says = Says.EXCEPTION_11
    queue: int = 16
    overflow: Overflow = Overflow.DROP_NEWEST
    side_by_side: bool = False
    baudrate: int = 0
    late_s: float = 1.0
    asked: list[Asked] = field(factory=list, init=False)
    spent_s: dict[int, float] = field(factory=lambda: defaultdict(float), init=False)
    answered: dict[int, int] = field(factory=lambda: defaultdict(int), init=False)
    overflowed: int = field(default=0, init=False)
    _start_s: float = field(factory=time.monotonic, init=False)
    _waiting: deque[tuple[Request, Reply]] = field(factory=deque, init=False)
    _owed: int = field(default=0, init=False)
    _running: bool = field(default=False, init=False)
    _tasks: set[asyncio.Task[None]] = field(factory=set, init=False)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._start_s

    @property
    def owed_max(self) -> int:
        """Most requests that waited for an answer at once."""
        return max((one.owed for one in self.asked), default=0)

    def times(self, unit: int) -> list[float]:
        """When a unit was asked."""
        return [one.at_s for one in self.asked if one.unit == unit]

    def take(self, request: Request, reply: Reply, connection: int = 0) -> None:
        """A request comes in."""
        self._owed += 1
        place = (request.unit, request.function, request.address, request.count)
        self.asked.append(Asked(self.now_s, *place, self._owed, connection))
        if self.side_by_side:
            self._start(self._serve_one(request, reply))
        elif not self._running:
            self._running = True
            self._start(self._serve_all(request, reply))
        elif self.waits_s is None:
            self._owed -= 1
            self.overflowed += 1
        else:
            self._queue_up(request, reply)

    def _queue_up(self, request: Request, reply: Reply) -> None:
        if len(self._waiting) < self.queue:
            self._waiting.append((request, reply))
            return
        self.overflowed += 1
        self._owed -= 1
        if self.overflow is Overflow.EXCEPTION_6:
            reply(refuse(request.function, BUSY), None)
        elif self.overflow is Overflow.DROP_OLDEST and self._waiting:
            self._waiting.popleft()
            self._waiting.append((request, reply))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_all(self, request: Request, reply: Reply) -> None:
        await self._serve_one(request, reply)
        while self._waiting:
            await self._serve_one(*self._waiting.popleft())
        self._running = False

    async def _serve_one(self, request: Request, reply: Reply) -> None:
        began_s = self.now_s
        try:
            await self._ask(request, reply)
        finally:
            self._owed -= 1
            self.spent_s[request.unit] += self.now_s - began_s

    async def _ask(self, request: Request, reply: Reply) -> None:
        await asyncio.sleep(self._wire_s(request.size))
        heard = [one for one in self.devices if one.hears(request, self.now_s)]
        answers = [one.handle(request, self.now_s) for one in heard]
        out = next((one for one in answers if one.pdu is not None), None)
        if out is None or (self.waits_s is not None and self._is_too_late(out, self.waits_s)):
            await self._miss(request, reply)
            return
        assert out.pdu is not None
        await asyncio.sleep(out.after_s + self._wire_s(len(out.pdu) + 3))
        self.answered[request.unit] += 1
        if out.mishap is Mishap.LATE:
            self._start(self._reply_late(out.pdu, reply))
        else:
            reply(out.pdu, out.mishap)

    def _is_too_late(self, out: Answer, waits_s: float) -> bool:
        """Whether a gateway gives up: it checks what comes and passes on what is whole."""
        late_s = self.late_s if out.mishap is Mishap.LATE else 0.0
        return out.after_s + late_s > waits_s or out.mishap is Mishap.DAMAGED

    async def _miss(self, request: Request, reply: Reply) -> None:
        await asyncio.sleep(self.waits_s or 0.0)
        if self.waits_s is None or self.says is Says.NOTHING:
            return
        code = {Says.EXCEPTION_11: NO_ANSWER, Says.EXCEPTION_10: NO_PATH}.get(self.says)
        reply(None if code is None else refuse(request.function, code), None)

    async def _reply_late(self, pdu: bytes, reply: Reply) -> None:
        await asyncio.sleep(self.late_s)
        reply(pdu, None)

    def _wire_s(self, size: int) -> float:
        return 10 * size / self.baudrate if self.baudrate else 0.0
