"""A scaled clock that can be held: one time in every process, which stands, goes on, and never runs back."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import clock as module
from drivers.clock import NS_PER_S, ScaledClock

START_NS: Final = 1_772_400_000 * NS_PER_S
ASK: Final = (
    "import sys; from drivers.clock import ScaledClock as C; print(C.from_spec(sys.argv[1]).monotonic_s())"
)


class BootTime:
    """Stands in for the kernel's, in nanoseconds."""

    CLOCK_BOOTTIME = 7

    def __init__(self) -> None:
        self.now_ns = 5 * NS_PER_S

    def clock_gettime_ns(self, _clock: int) -> int:
        return self.now_ns


@given(steps=st.lists(st.tuples(st.sampled_from(["hold", "release"]), st.integers(0, 10**12)), max_size=20))
def test_time_passes_only_while_the_clock_is_not_held(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("clock")
    kept, module.time = module.time, (boot := BootTime())  # type: ignore[assignment]
    try:
        clock = ScaledClock(60.0, START_NS, hold_file=folder / "hold")
        other = ScaledClock.from_spec(clock.spec())
        ran_ns, held = 0, False
        for what, passes_ns in steps:
            getattr(clock, what)()
            held = what == "hold"
            boot.now_ns += passes_ns
            ran_ns += 0 if held else passes_ns
            assert abs(clock.monotonic_s() - 60 * ran_ns / NS_PER_S) < 1e-3
            assert other.monotonic_s() == clock.monotonic_s()
            assert other.stamp() == clock.stamp()
    finally:
        module.time = kept


def test_a_clock_that_is_held_stands_still_in_another_process(tmp_path: Path) -> None:
    clock = ScaledClock(
        1000.0, START_NS, hold_file=tmp_path / "a@b"
    )  # the sign that separates a spec's parts
    clock.hold()
    command = [sys.executable, "-P", "-c", ASK, clock.spec()]
    told = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert told == {f"{clock.monotonic_s()}\n"}
    clock.release()
    assert float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) > float(*told)
