"""What the decoder of each gateway has learnt, in a file a gateway: without it a start reads the whole chain.

A cache: whatever is missing or wrong is read from the store again. The files lie beside the store, or the
register where the store is a server's. What came after the file is found by the journal's marks, so a start
reads the bodies with manifests and attestations alone. A file of a program before those marks has the chain
read from there on, and one that is missing all of it.

A verifier that takes over a gateway of another has no file of it, and gateways wait meanwhile: it learns the
manifests, and compares attestations from then on. Whoever verifies the chain compares them all.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.json_lines import MEMORY_BYTES_MAX, JsonLines
from centre.store.contract import CentreStore
from centre.store.journal import Mark
from disk.files import read_plain
from evidence import cbor
from evidence.seal import NUMBER_MAX, open_body, peek_header

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
        takes_over: Whether other processes may have had a gateway before.
    """

    folder: Path
    store: CentreStore
    now_s: Callable[[], float]
    charge: Callable[[str, float], None]
    takes_over: bool = False
    _seen: dict[str, int] = field(init=False, factory=dict)
    _written_s: dict[str, float] = field(init=False, factory=dict)

    def gateways(self) -> list[str]:
        """Those that were restored and not forgotten."""
        return list(self._seen)

    def restore(self, lines: JsonLines) -> None:
        """Learn again what the file has, and from the store what came after it."""
        gateway, marks = lines.gateway, Mark(0)
        with contextlib.suppress(OSError, cbor.FormatError):  # without the file the chain is read
            raw = read_plain(self.folder / gateway, MEMORY_BYTES_MAX)
            if not self.takes_over or JsonLines(gateway).restore(raw):
                marks = Mark.TEACHES | Mark.ATTESTS if lines.restore(raw) else marks
        if self.takes_over and not marks:
            marks = Mark.TEACHES
        for cose, body in self._list_since(gateway, lines.seen_up_to + 1, marks):
            header = peek_header(cose)
            lines.learn(header, open_body(header, body))
        if marks:
            lines.seen_up_to = max(lines.seen_up_to, self.store.state(gateway).number)
        self._seen[gateway] = lines.seen_up_to

    def _list_since(self, gateway: str, first: int, marks: Mark) -> Iterator[tuple[bytes, bytes]]:
        """Seals and bodies from `first` on: those with one of these marks, or without marks all."""
        if marks:
            for one in self.store.journal().marked(gateway, marks, NUMBER_MAX, first):
                if one.body is not None:
                    yield one.cose, one.body
            return
        for _, cose, body, _ in self.store.chain(gateway, first):
            if body is not None:
                yield cose, body

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
