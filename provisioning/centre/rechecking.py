"""The process by which a running subscriber has verdicts computed again: `dianjian centre verdicts`, nice."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
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


class Recheck:
    """One process over `store` and `gateway`; see `centre.rechecks.Check`."""

    def __init__(self, store: Place, gateway: str) -> None:
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

    def differences(self) -> Sequence[str] | None:
        """None while it runs; nothing where it could not compare."""
        if self._process.poll() is None:
            return None
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
