"""A serial line on a pty with meters on it, to the microsecond, which watches what its master does.

    python -m tests.bench.peers.wire BAUDRATE BITS TURNAROUND_S DEAD FAULTY

It prints the pty. Everybody answers requests to units 1 to 247 but DEAD. A character takes BITS bits: 10
for 8N1, 11 for 8E1. A request takes its time on the line from the moment in which its bytes are there;
the answer begins a turnaround later and is handed over in groups, the last when its last character is
complete.

At SIGTERM it prints one JSON line: `polls` answered, `short` silences before a request that were shorter
than t3.5, and two times whose quotient is the master's part of the rate: `legal_s`, what the line took
with the least silence that is allowed between frames, and `passed_s`, what it took with the master's own
pauses; `middle` is that quotient in the middle exchange, which a busy machine does not reach. An answer
that the kernel let this process give too late is `disturbed` and counts in none of them.

With FAULTY not 0, so many per cent of the answers are wrong in one of the ways of FAULTS. Every register
says where it is from: unit in the high byte, address in the low one. Without FAULTY the last two are
a float32 that counts the polls.
"""

import contextlib
import json
import os
import pty
import random
import select
import signal
import statistics
import struct
import sys
import time
import tty
from collections.abc import Callable
from types import FrameType
from typing import Final

from attrs import define, field

from drivers.modbus.rtu import crc16

REQUEST_BYTES: Final = 8
SILENT_CHARACTERS: Final = 3.5
FAST_BAUDRATE: Final = 19200
FAST_SILENCE_S: Final = 0.00175
GROUP_S: Final = 0.002
SPIN_S: Final = 0.0004
"""Before a moment that is to be met the process no longer sleeps."""
SLACK_S: Final = 20e-6
"""What reading the clock and the pty costs here, and is no fault of the master."""
LATE_MAX_S: Final = 0.003
"""An answer with a hole like this is none that a line gives; a master may take it for damaged."""
FAULTS: Final = ("late", "foreign", "short", "long", "noise", "broken", "twice")
LATE_S: Final = (0.15, 0.6)


def register(unit: int, address: int) -> bytes:
    """What a register says: where it is from."""
    return bytes((unit & 0xFF, address & 0xFF))


def framed(adu: bytes) -> bytes:
    """With its check sum."""
    return adu + crc16(adu)


def reply(unit: int, function: int, address: int, count: int) -> bytes:
    """A whole answer."""
    words = b"".join(register(unit, address + index) for index in range(count))
    return framed(bytes((unit, function, 2 * count)) + words)


def spoiled(fault: str, asked: tuple[int, int, int, int], rng: random.Random) -> tuple[bytes, float]:
    """What comes instead of the answer, and how much later."""
    unit, function, address, count = asked
    right = reply(*asked)
    match fault:
        case "late":
            return right, rng.uniform(*LATE_S)
        case "foreign":
            return reply(unit % 8 + 1, function, address, count), 0.0
        case "short":
            return reply(unit, function, address, max(count - 1, 1)), 0.0
        case "long":
            return reply(unit, function, address, count + 1), 0.0
        case "noise":
            return rng.randbytes(rng.randint(1, 5)) + right, 0.0
        case "broken":
            at = rng.randrange(len(right))
            return right[:at] + bytes((right[at] ^ 1 << rng.randrange(8),)) + right[at + 1 :], 0.0
        case _:
            return right + right, 0.0


@define
class Line:
    """The line and what was seen on it."""

    master: int
    character_s: float
    silence_s: float
    turnaround_s: float
    dead: int
    faulty: float
    polls: int = 0
    short: int = 0
    disturbed: int = 0
    legal_s: float = 0.0
    passed_s: float = 0.0
    shares: list[float] = field(factory=list)
    _ended_s: float = field(default=0.0, init=False)
    _began_s: float = field(default=0.0, init=False)
    _rng: random.Random = field(factory=lambda: random.Random(5), init=False)
    _late: list[tuple[float, bytes]] = field(factory=list, init=False)

    def run(self) -> None:
        """Until it is told to end."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        held = b""
        while True:
            wait_s = min((at_s - time.monotonic() for at_s, _ in self._late), default=1.0)
            if not poll.poll(max(wait_s, 0.0) * 1000):
                self._send_late()
                held = b""
                continue
            came_s = time.monotonic()
            with contextlib.suppress(OSError):
                held += os.read(self.master, 4096)
            while len(held) >= REQUEST_BYTES:
                request, held = held[:REQUEST_BYTES], held[REQUEST_BYTES:]
                if framed(request[:-2]) != request:
                    held = b""
                    break
                self._asked(request, came_s)

    def _asked(self, request: bytes, came_s: float) -> None:
        if self._ended_s:
            self.short += came_s - self._ended_s < self.silence_s - SLACK_S
            legal_s, passed_s = self._ended_s - self._began_s + self.silence_s, came_s - self._began_s
            self.legal_s += legal_s
            self.passed_s += passed_s
            if passed_s:  # this process may have been too late to see two requests apart
                self.shares.append(legal_s / passed_s)
        self._ended_s = 0.0
        unit, function = request[0], request[1]
        address, count = int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
        if unit == self.dead:
            return
        self.polls += 1
        answer, later_s = reply(unit, function, address, count), 0.0
        if not self.faulty and count >= 2:  # no two polls are the same, as the observer wants it
            answer = framed(answer[:-6] + struct.pack(">f", self.polls))
        if self._rng.random() * 100 < self.faulty:
            fault = self._rng.choice(FAULTS)
            answer, later_s = spoiled(fault, (unit, function, address, count), self._rng)
        begin_s = came_s + REQUEST_BYTES * self.character_s + self.turnaround_s
        if later_s:
            self._late.append((begin_s + later_s, answer))
            return
        self._began_s, self._ended_s = came_s, self._hand_over(answer, begin_s)

    def _hand_over(self, answer: bytes, begin_s: float) -> float:
        """When the last character was complete; 0 if this process was too late to be a line."""
        group, ended_s, late_s = max(round(GROUP_S / self.character_s), 1), 0.0, 0.0
        for at in range(0, len(answer), group):
            piece = answer[at : at + group]
            due_s = begin_s + (at + len(piece)) * self.character_s
            _until(due_s)
            ended_s = time.monotonic()  # before the write, which may wake the master at once
            late_s = max(late_s, ended_s - due_s)
            os.write(self.master, piece)
        if late_s < LATE_MAX_S:
            return ended_s
        self.disturbed += 1
        return 0.0

    def _send_late(self) -> None:
        now_s = time.monotonic()
        for at_s, answer in [one for one in self._late if one[0] <= now_s]:
            self._late.remove((at_s, answer))
            os.write(self.master, answer)


def _until(moment_s: float) -> None:
    while (left_s := moment_s - time.monotonic()) > 0:
        if left_s > SPIN_S:
            time.sleep(left_s - SPIN_S)


def main(words: list[str]) -> None:
    """See the module's specification."""
    baudrate, bits, turnaround_s, dead, faulty = (float(word) for word in words)
    master, slave = pty.openpty()
    tty.setraw(slave)
    character_s = bits / baudrate
    silence_s = FAST_SILENCE_S if baudrate > FAST_BAUDRATE else SILENT_CHARACTERS * character_s
    line = Line(master, character_s, silence_s, turnaround_s, int(dead), faulty)
    signal.signal(signal.SIGTERM, _telling(line))
    sys.stdout.write(os.ttyname(slave) + "\n")
    sys.stdout.flush()
    line.run()


def _telling(line: Line) -> Callable[[int, FrameType | None], None]:
    def tell(_: int, __: FrameType | None) -> None:
        report = {
            name: getattr(line, name) for name in ("polls", "short", "disturbed", "legal_s", "passed_s")
        }
        report["middle"] = statistics.median(line.shares or [0.0])
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        os._exit(0)

    return tell


if __name__ == "__main__":
    main(sys.argv[1:])
