"""The attestations of a chain, one with the other: the counter grows, one key, none is missing. Pure.

Three things are told, and none of them refuses a seal:

- one that proves nothing, names a later seal or one of another chain, at once;
- a counter that does not grow, or another key than its neighbours', at once;
- a counter that went on without the chain (`UNSEEN_MAX`), once no body before it is awaited any more:
  bodies come in any order, and one that is still on its way is no disk that was put back.

`Attestations` is what the centre keeps of a gateway. `Passing` is for who reads a whole chain once.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from attrs import define, field, frozen

from evidence import cbor
from evidence.attestation import UNSEEN_MAX, Attestation, check_attestation
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import NO_HASH, NUMBER_MAX

REMEMBERED_MAX: Final = 500
"""Attestations that later ones are compared with: three weeks of one an hour."""
HASHES_MAX: Final = 10_000
"""Seals that an attestation may be older than its record, when a file is read: a day of them."""
_KIND: Final = bytes([Kind.ATTESTATION])
KEY_ID_BYTES: Final = 8
"""Of the key's SHA-256, to tell it from another."""


@frozen
class Known:
    """An attestation that later ones are compared with: the seal that holds its record, and what it said."""

    seal: int
    counter: int
    key: bytes


@define
class Attestations:
    """The attestations of one chain, in the order of their seals; bodies may come in any order.

    Attributes:
        complete_up_to: No attestation is missing up to this seal for want of a body.
    """

    complete_up_to: int = 0
    _known: list[Known] = field(factory=list)

    def judge(self, at: int, body: Mapping[str, Any], hash_of: Callable[[int], bytes | None]) -> list[str]:
        """What is wrong with an attestation in seal `at`; `hash_of` tells the hashes of earlier seals.

        A verifier who holds a part of the chain alone cannot tell some of them, and compares what it can.
        """
        try:
            attestation = Attestation.from_body(body)
            said = check_attestation(attestation)
        except cbor.FormatError as error:
            return [f"an attestation that proves nothing: {error}"]
        if attestation.seal >= at:
            return ["an attestation over a seal that comes later"]
        expected = NO_HASH if attestation.seal == 0 else hash_of(attestation.seal)
        if expected is not None and expected != attestation.seal_hash:
            return [f"an attestation over a seal {attestation.seal} that is not in this chain"]
        return self._placed(Known(at, said.counter, sha256(attestation.ak).digest()[:KEY_ID_BYTES]))

    def _placed(self, new: Known) -> list[str]:
        """Compare with the neighbours, and remember."""
        if new in self._known:
            return []
        place = bisect_left(self._known, (new.seal, new.counter), key=lambda one: (one.seal, one.counter))
        before, after = self._known[max(place - 1, 0) : place], self._known[place : place + 1]
        self._known.insert(place, new)
        del self._known[:-REMEMBERED_MAX]
        if any(one.key != new.key for one in (*before, *after)):
            return ["another attestation key than before: other hardware, or a TPM that was made anew"]
        if any(one.counter >= new.counter for one in before) or any(
            one.counter <= new.counter for one in after
        ):
            return [f"the TPM's counter {new.counter} does not grow along the chain"]
        return []

    def gaps(self, up_to: int) -> list[tuple[int, str]]:
        """Seals whose counter has gone on without this chain, told once no body up to `up_to` is awaited."""
        found = []
        for before, after in pairwise(self._known):
            unseen = after.counter - before.counter - 1
            if self.complete_up_to < after.seal <= up_to and before.key == after.key and unseen > UNSEEN_MAX:
                text = f"the TPM made {unseen} attestations before {after.counter} that this chain has not"
                found.append((after.seal, f"{text}: the disk was put back, or bodies are lost"))
        self.complete_up_to = max(self.complete_up_to, up_to)
        return found

    def plain(self) -> list[Any]:
        """Everything, for CBOR."""
        return [self.complete_up_to, [[one.seal, one.counter, one.key] for one in self._known]]

    @classmethod
    def from_plain(cls, items: Any) -> "Attestations":
        """What `plain` gave; raises FormatError."""
        up_to, known = cbor.array(items, "attestations", 2)
        made = cls(cbor.natural(up_to, "complete_up_to", NUMBER_MAX))
        if type(known) is not list or len(known) > REMEMBERED_MAX:
            raise cbor.FormatError(f"known attestations are not an array of at most {REMEMBERED_MAX}")
        for entry in known:
            seal, counter, key = cbor.array(entry, "attestation", 3)
            made._known.append(
                Known(
                    cbor.natural(seal, "seal", NUMBER_MAX),
                    cbor.natural(counter, "counter"),
                    cbor.octets(key, "key", KEY_ID_BYTES),
                )
            )
        return made


@define
class Passing:
    """The attestations of a whole chain that is read once, seal by seal, in bounded memory.

    Attributes:
        count: Attestations that were met.
    """

    count: int = 0
    _known: Attestations = field(factory=Attestations)
    _hashes: dict[int, bytes] = field(factory=dict)
    _absent: bool = False

    def seal(self, number: int, digest: bytes, records: tuple[bytes, ...] | None) -> list[str]:
        """What is wrong with the attestations of a verified seal; `records` None where it has no body."""
        told: list[str] = []
        self._absent |= records is None
        for raw in records or ():
            if raw[1:2] == _KIND and isinstance(record := _readable(raw), Record):
                told += self._known.judge(number, record.body, self._hashes.get)
                self.count += 1
                gaps = [text for _, text in self._known.gaps(number)]
                told += [] if self._absent else gaps
                self._absent = False
        self._hashes[number] = digest
        self._hashes.pop(number - HASHES_MAX, None)
        return told


def _readable(raw: bytes) -> Record | ReadingRecord | None:
    try:
        return decode_record(raw)
    except cbor.FormatError:
        return None
