"""Readings of one gateway that came before their point table or their manifest. Pure.

Kept as the bytes of their records, found by meter and model: what a new manifest or table makes readable
is taken out without a look at the others, so each reading is touched once. What has become readable is
decoded a slice at a time, with the work of later bodies.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, field

WAITING_BYTES_MAX: Final = 6 * 1024 * 1024
"""Of memory: an hour of a large site, 20,000 readings of 120 bytes."""
ENTRY_BYTES: Final = 200
"""Of memory, around a reading."""

Entry = tuple[int, int, bytes]
"""Seal, number of the record, the record."""


@define
class Waiting:
    """See the module.

    Attributes:
        ready: Readable now; still counted.
        dropped: Readings that did not fit since the owner looked.
        size: Bytes of memory.
    """

    ready: deque[Entry] = field(factory=deque)
    dropped: int = 0
    size: int = 0
    _entries: dict[str, dict[bytes, list[Entry]]] = field(factory=dict)
    _meters: dict[bytes, set[str]] = field(factory=dict)

    def put(self, meter: str, model: bytes, entry: Entry) -> None:
        """Keep a reading until its table and manifest are there."""
        added = len(entry[2]) + ENTRY_BYTES
        if self.size + added > WAITING_BYTES_MAX:
            self.dropped += 1
            return
        self.size += added
        models = self._entries.setdefault(meter, {})
        insort(models.setdefault(model, []), entry)
        self._meters.setdefault(model, set()).add(meter)

    def note_table(self, model: bytes, spans: Iterable[tuple[int, int, Iterable[str]]]) -> None:
        """A table came: what lies in `spans` (first seal, seal behind the last, meters) is ready."""
        waiting = self._meters.get(model, set())
        for first, end, meters in spans:
            for meter in waiting.intersection(meters):
                self._release(meter, model, first, end)

    def note_manifest(self, first: int, end: int, meters: Iterable[str], models: Iterable[bytes]) -> None:
        """A manifest came that holds for seals from `first` to before `end`; `models` are those known."""
        known = tuple(models)
        for meter in self._entries.keys() & set(meters):
            for model in [one for one in known if one in self._entries.get(meter, {})]:
                self._release(meter, model, first, end)

    def take(self) -> Iterator[Entry]:
        """What is ready, in order, one by one; the caller stops when it has worked enough."""
        while self.ready:
            entry = self.ready.popleft()
            self.size -= len(entry[2]) + ENTRY_BYTES
            yield entry

    def _release(self, meter: str, model: bytes, first: int, end: int) -> None:
        entries = self._entries[meter][model]
        low, high = bisect_left(entries, (first,)), bisect_left(entries, (end,))
        self.ready.extend(entries[low:high])
        del entries[low:high]
        if not entries:
            del self._entries[meter][model]
            self._meters[model].discard(meter)
            if not self._meters[model]:
                del self._meters[model]
            if not self._entries[meter]:
                del self._entries[meter]
