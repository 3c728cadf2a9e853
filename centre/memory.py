"""What the decoder of each gateway has learnt, in a file a gateway: without it a start reads the whole chain.

A cache: whatever is missing or wrong is read from the store again. The files lie beside the store, or the
register where the store is a server's.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.json_lines import MEMORY_BYTES_MAX, JsonLines
from centre.store.contract import CentreStore
from disk.files import read_plain
from evidence import cbor
from evidence.seal import open_body, peek_header

REMEMBER_SEALS: Final = 200
"""Seals of one gateway after which its file is rewritten: what a start has to read again."""
REMEMBER_S: Final = 60.0
"""Between two files of one gateway that new manifests cause."""


@define
class Memory:
    """See the module.

    Attributes:
        folder: Made when needed.
        now_s: Monotonic seconds.
        charge: Takes the seconds of the processor that a gateway's file took.
    """

    folder: Path
    store: CentreStore
    now_s: Callable[[], float]
    charge: Callable[[str, float], None]
    _seen: dict[str, int] = field(init=False, factory=dict)
    _written_s: dict[str, float] = field(init=False, factory=dict)

    def gateways(self) -> list[str]:
        """Those that were restored and not forgotten."""
        return list(self._seen)

    def restore(self, lines: JsonLines) -> None:
        """Learn again what the file has, and from the store what came after it."""
        gateway = lines.gateway
        with contextlib.suppress(OSError, cbor.FormatError):  # without the file the chain is read
            lines.restore(read_plain(self.folder / gateway, MEMORY_BYTES_MAX))
        self._seen[gateway] = lines.seen_up_to
        for _, cose, body, _ in self.store.chain(gateway, lines.seen_up_to + 1):
            if body is not None:
                header = peek_header(cose)
                lines.learn(header, open_body(header, body))

    def note_manifest(self, lines: JsonLines) -> None:
        """A manifest has come: write the file, unless that was done just now."""
        if self.now_s() - self._written_s.get(lines.gateway, float("-inf")) >= REMEMBER_S:
            self.write(lines, after_seals=0)

    def write(self, lines: JsonLines, *, after_seals: int = REMEMBER_SEALS) -> None:
        """Write the file if so many seals came since the last one."""
        gateway, before_s = lines.gateway, time.thread_time()
        if lines.seen_up_to - self._seen.get(gateway, 0) < after_seals:
            return
        fresh = self.folder / f"{gateway}.new"
        with contextlib.suppress(OSError):  # without room the store says so; losing this only costs time
            self.folder.mkdir(exist_ok=True)
            fresh.write_bytes(lines.encode_memory())
            fresh.replace(self.folder / gateway)  # atomic
        self._seen[gateway] = lines.seen_up_to
        self._written_s[gateway] = self.now_s()
        self.charge(gateway, time.thread_time() - before_s)

    def forget(self, gateway: str) -> None:
        """Another process has it; the file stays, what is in it was committed."""
        self._seen.pop(gateway, None)
