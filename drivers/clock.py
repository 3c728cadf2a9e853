"""The gateway's clock, as a replaceable part.

A `Clock` gives three things: a `Stamp` (what is written beside a reading), a monotonic time in
seconds for intervals, and `real_s`, which turns seconds of this clock into seconds to wait on a
socket or a lock. `SystemClock` is the machine's own. `ScaledClock` runs a whole plant faster than
real time; its stamps are always `simulated`, so that no reading made with it can pass for a real one.

The monotonic time is CLOCK_BOOTTIME, which runs during suspend and cannot be set.
"""

import ctypes
import math
import mmap
import struct
import time
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

NS_PER_S: Final = 1_000_000_000
REAL_WAIT_MIN_S: Final = 0.04
"""Shortest real wait of a scaled clock: below it a loaded machine's scheduler decides, not the meter."""
HELD_WAIT_S: Final = 0.05
"""Real seconds between looks at a clock that is held."""
_HOLD: Final = struct.Struct("=q")
"""One aligned word, so that no process sees half of a change: the nanoseconds for which a clock was held so
far, or, while it is held, minus the boot time at which it stands."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR: Final = 5
"""Return value of adjtimex(2) while the kernel clock is not synchronised (TIME_ERROR)."""


class ClockSpecError(ValueError):
    """A text does not describe a clock."""


class ClockState(StrEnum):
    """How far the gateway's wall clock can be trusted."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    SIMULATED = "simulated"


@frozen
class Stamp:
    """A moment as the gateway saw it.

    Attributes:
        utc_ns: Wall clock, ns since 1970-01-01 UTC.
        boottime_ns: ns since the boot named by `boot_id`; never runs back within it.
        boot_id: 16 bytes, the kernel's random identity of this boot.
        clock_state: How far `utc_ns` can be trusted.
    """

    utc_ns: int
    boottime_ns: int
    boot_id: bytes
    clock_state: ClockState


class Clock(Protocol):
    """The source of time for the outer layer; the core takes the time as an argument."""

    def stamp(self) -> Stamp:
        """The present moment."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of this clock since some fixed point; never runs back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock."""
        ...

    def real_s(self, seconds: float) -> float:
        """Real seconds that pass while this clock counts `seconds`."""
        ...


def boot_id() -> bytes:
    """The kernel's identity of this boot, 16 bytes."""
    return bytes.fromhex(_BOOT_ID.read_text("ascii").strip().replace("-", ""))


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._boot_id = boot_id()
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        self._timex = ctypes.create_string_buffer(512)  # struct timex is 208 bytes; modes = 0 only reads

    def stamp(self) -> Stamp:
        """The present moment."""
        return Stamp(
            utc_ns=time.time_ns(),
            boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            boot_id=self._boot_id,
            clock_state=self._state(),
        )

    def monotonic_s(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(max(seconds, 0.0))

    def real_s(self, seconds: float) -> float:
        """The same number: this clock is not scaled."""
        return seconds

    def _state(self) -> ClockState:
        unsynchronised = self._adjtimex(self._timex) in {-1, _TIME_ERROR}
        return ClockState.UNSYNCHRONISED if unsynchronised else ClockState.SYNCHRONISED


class ScaledClock:
    """A clock that runs `speed` times as fast as the machine's, from a given wall time.

    Processes with the same `spec()` agree on the time, because it is tied to CLOCK_BOOTTIME, which is one
    for the whole machine. With `hold_file` all of them can be held together, so that a guided tour may stop.
    """

    def __init__(
        self, speed: float, utc_ns: int, boottime_ns: int | None = None, hold_file: Path | None = None
    ) -> None:
        if not 0 < speed < math.inf:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._hold_file = hold_file
        self._held = None if hold_file is None else _map_hold(hold_file)
        self.speed = speed
        self._utc_ns = utc_ns
        self._boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) if boottime_ns is None else boottime_ns
        self._boot_id = boot_id()

    @classmethod
    def from_spec(cls, spec: str) -> "ScaledClock":
        """The clock described by the `spec()` of another one: `SPEED@UTC_NS@BOOTTIME_NS[@HOLD_FILE]`.

        Raises:
            ClockSpecError: It is of another form.
        """
        try:
            speed, utc_ns, boot_ns, *hold = spec.split("@", 3)
            return cls(float(speed), int(utc_ns), int(boot_ns), Path(hold[0]) if hold else None)
        except ValueError as error:
            raise ClockSpecError(f"{spec!r} is not SPEED@UTC_NS@BOOTTIME_NS") from error

    def spec(self) -> str:
        """The text from which another process makes the same clock."""
        spec = f"{self.speed}@{self._utc_ns}@{self._boot_ns}"
        return spec if self._hold_file is None else f"{spec}@{self._hold_file}"

    def hold(self) -> None:
        """Stop the time in every process that shares this clock, until `release`."""
        held_ns = self._read_held_ns()
        if self._held is not None and held_ns >= 0:
            _HOLD.pack_into(self._held, 0, held_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def release(self) -> None:
        """Let the time go on from where it was held."""
        held_ns = self._read_held_ns()
        if self._held is not None and held_ns < 0:
            _HOLD.pack_into(self._held, 0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) + held_ns)

    def stamp(self) -> Stamp:
        """The present moment of the simulated plant."""
        passed_ns = self._elapsed_ns()
        return Stamp(
            utc_ns=self._utc_ns + passed_ns,
            boottime_ns=passed_ns,
            boot_id=self._boot_id,
            clock_state=ClockState.SIMULATED,
        )

    def monotonic_s(self) -> float:
        """Simulated seconds since the clock's origin."""
        return self._elapsed_ns() / NS_PER_S

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of simulated time; while the clock is held, until it runs again."""
        time.sleep(max(seconds, 0.0) / self.speed)
        while self._read_held_ns() < 0:
            time.sleep(HELD_WAIT_S)

    def real_s(self, seconds: float) -> float:
        """Real seconds to wait for `seconds` of simulated time, never under REAL_WAIT_MIN_S."""
        return max(seconds / self.speed, min(REAL_WAIT_MIN_S, seconds))

    def _elapsed_ns(self) -> int:
        while True:
            held_ns, now_ns = self._read_held_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            if held_ns == self._read_held_ns():  # else another process held it in between
                break
        stands_ns = now_ns - held_ns if held_ns >= 0 else -held_ns
        return int((stands_ns - self._boot_ns) * self.speed)

    def _read_held_ns(self) -> int:
        return 0 if self._held is None else int(_HOLD.unpack_from(self._held)[0])


def _map_hold(path: Path) -> mmap.mmap:
    """The shared memory of a clock that can be held; the first process makes the file."""
    with path.open("a+b") as file:
        file.truncate(_HOLD.size)
        return mmap.mmap(file.fileno(), _HOLD.size)


def clock_from_spec(spec: str | None) -> Clock:
    """The machine's clock, or the scaled one that `spec` describes; raises ClockSpecError."""
    return SystemClock() if spec is None else ScaledClock.from_spec(spec)
