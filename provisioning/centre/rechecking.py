"""The process by which a running subscriber has verdicts computed again: `dianjian centre verdicts`, nice.

It walks the whole chain, whose length the gateway's owner decides. So the kernel ends it after CPU_S_MAX of
the processor (RLIMIT_CPU), and this program after STUCK_S_MAX, whatever it waits for.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from centre.store.place import Place
from provisioning.terminal.exits import EXIT_NO

NICE: Final = 10
"""Whoever verifies goes first."""
ANSWER_BYTES_MAX: Final = 1 << 20
"""Seven thousand differences; one that has more is told of without them."""
UNNAMED: Final = "…"
STOP_S: Final = 5.0
CPU_S_MAX: Final = 600
"""Seconds of the processor for one gateway: the gateways of a city have their verdicts in the same hour, and
each waits for those before it."""
STUCK_S_MAX: Final = 3_600.0
"""Real seconds: six times as many, since it gives way to who verifies."""


class Recheck:
    """One process over `store` and `gateway`; see `centre.rechecks.Check`."""

    def __init__(
        self,
        store: Place,
        gateway: str,
        cpu_s_max: int = CPU_S_MAX,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s, self._end_s = now_s, now_s() + STUCK_S_MAX
        self._is_stuck = False
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is read
        call = [
            sys.executable,
            "-P",
            "-m",
            "provisioning.cli",
            "centre",
            "verdicts",
            "--store",
            str(store),
            "--json",
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own verb
            [*call, gateway], stdin=subprocess.DEVNULL, stdout=self._answer, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(OSError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (cpu_s_max, cpu_s_max))

    @property
    def is_cut_off(self) -> bool:
        """Whether a limit has ended it."""
        return self._is_stuck or self._process.returncode in {-signal.SIGXCPU, -signal.SIGKILL}

    def differences(self) -> Sequence[str] | None:
        """None while it runs; nothing where it could not compare."""
        if self._process.poll() is None:
            if self._now_s() < self._end_s:
                return None
            self._is_stuck = True
            self.stop()
            return []
        with self._answer:
            self._answer.seek(0)
            raw = self._answer.read(ANSWER_BYTES_MAX)
        try:
            rows: list[dict[str, Any]] = json.loads(raw)["differences"]
        except (ValueError, KeyError):
            is_long = len(raw) == ANSWER_BYTES_MAX and self._process.returncode == EXIT_NO
            return [UNNAMED] if is_long else []
        return [f"{one['order']} {one['line']} {one['what']} ({', '.join(one['keys'])})" for one in rows]

    def stop(self) -> None:
        """End it at once."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        if self._process.returncode is None:
            self._process.kill()
        self._answer.close()


def recheck_in(store: Place) -> Callable[[str], Recheck]:
    """What begins a check of a gateway in `store`."""
    return lambda gateway: Recheck(store, gateway)
