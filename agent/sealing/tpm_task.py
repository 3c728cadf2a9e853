"""Calls the TPM in a thread, so that nothing else waits for it.

One request at a time. A request made while the TPM still works on the previous one fails at once: it is
repeated after an hour, and a TPM that never answers costs one thread and nothing else.
"""

import queue
import threading
from collections.abc import Callable
from typing import Final

from evidence.attestation import Attestation

Attest = Callable[[int, bytes], Attestation]

Answer = Attestation | str
"""An attestation, or why there is none."""

BUSY: Final = "it has not answered the request before"


class TpmTask:
    """Calls `attest` in a thread of its own; `failures` are what it may raise."""

    def __init__(self, attest: Attest, failures: tuple[type[Exception], ...]) -> None:
        self._attest = attest
        self._failures = failures
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, seal: int, seal_hash: bytes) -> None:
        """Have the TPM attest this seal; never waits."""
        if self._thread is not None and self._thread.is_alive():
            self._answers.put(BUSY)
            return
        self._thread = threading.Thread(target=self._work, args=(seal, seal_hash), name="tpm", daemon=True)
        self._thread.start()

    def answer(self) -> Answer | None:
        """The answer to the last request, given once; None while there is none."""
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    def wait(self, seconds: float) -> None:
        """Give the TPM at most `seconds` to answer, so that an orderly end loses no step of its counter."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self, seal: int, seal_hash: bytes) -> None:
        try:
            self._answers.put(self._attest(seal, seal_hash))
        except self._failures as error:
            self._answers.put(str(error))
