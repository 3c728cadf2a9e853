"""Which key is current, by the last row of the database and the slots. Pure.

With n the number of the last row:

    key n+1 is alive, none beyond n+2     it is current; a slot n+2 beside it belongs to a seal n+1
                                          that was never committed and never seen by anybody
    the highest living key is beyond n+1  the disk lost commits. Its seals come back from the ring
                                          without bodies, and the next seal begins with LOST_TAIL.
                                          A number is never signed twice, so this is not a fork
    the current slot has no seal in it    a statement (`evidence.statement`) begins there:
                                          the key is right without being certified by the last row
    no living key, or only older ones     the key file is lost or was rolled back: never seal with
                                          it, ask for a re-key
    key and row do not fit each other     the same: they are of different chains
    the row is another gateway's          the same: one seal under a new name would break the chain for ever

What it cannot see: database and key file restored together from an old image. The centre sees that
as a fork, and a receipt above the own number proves it to the gateway.
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from agent.sealing.key_slots import Slot, first_slot
from evidence import keys
from evidence.seal import FIRST_NUMBER, StoredSeal, peek_header, seal_hash


class Start(StrEnum):
    """How the gateway came up."""

    NEW = "new"
    CLEAN = "clean"
    LOST_TAIL = "lost tail"
    REKEY = "needs a re-key"


@frozen
class Recovery:
    """What was found at the start.

    Attributes:
        number: The next seal.
        next_key: The public key it will be signed with; on NEW the one to enrol. Empty on REKEY.
        lost: First and last seal that the database had lost.
        recovered: The first of them whose header came back, or None.
        reason: On REKEY, why.
    """

    start: Start
    number: int
    next_key: bytes
    lost: tuple[int, int] | None = None
    recovered: int | None = None
    reason: str = ""


@frozen
class Found:
    """What the sealer continues with.

    Attributes:
        current: The slot of the next seal; None on REKEY.
        returned: Lost seals to put back, with the next one, in one transaction.
        lost_tail: Body of the LOST_TAIL record that the next seal begins with, or None.
        obsolete: Slots whose secret must be destroyed now.
    """

    recovery: Recovery
    current: Slot | None = None
    returned: tuple[StoredSeal, ...] = ()
    lost_tail: dict[str, int] | None = None
    obsolete: tuple[int, ...] = ()


def find(
    gateway: str, last: StoredSeal | None, slots: Sequence[Slot], held_up_to: int = FIRST_NUMBER - 1
) -> Found:
    """Where the chain of `gateway` continues, given the last row and every readable slot.

    `held_up_to` matters where a statement begins without the rows before it: no body up to this seal is
    lost, because the centre has it.
    """
    by_number = {slot.number: slot for slot in slots}
    tip = FIRST_NUMBER - 1 if last is None else last.number
    owners = {peek_header(cose).gateway for cose in _seals_seen(last, slots)}
    if owners - {gateway}:
        return _rekey(
            tip, f"the chain on this disk is that of gateway {min(owners - {gateway})}, not {gateway}"
        )
    living = sorted(number for number, slot in by_number.items() if slot.secret is not None)
    if not living:
        return _rekey(tip, "no key is readable")
    top = living[-1]
    if top <= tip:
        return _rekey(tip, "the key file is older than the database")
    number = tip + 1 if tip + 1 in living and top <= tip + 2 else top
    current = by_number[number]
    returned = _find_returned(by_number, number, tip)
    if not _continues(last, current, returned):
        return _rekey(tip, "key file and database are of different chains")
    assert current.secret is not None
    obsolete = tuple(other for other in living if other != number)
    next_key = keys.public(current.secret)
    if number == tip + 1:
        start = Start.NEW if number == FIRST_NUMBER else Start.CLEAN
        return Found(Recovery(start, number, next_key), current, obsolete=obsolete)
    lost = (max(tip, held_up_to if _is_stated(current) else 0) + 1, number - 1)
    if lost[0] > lost[1]:
        return Found(Recovery(Start.CLEAN, number, next_key), current, obsolete=obsolete)
    recovered = returned[0].number if returned else None
    return Found(
        recovery=Recovery(Start.LOST_TAIL, number, next_key, lost, recovered),
        current=current,
        returned=returned,
        lost_tail={"first": lost[0], "last": lost[1], "recovered": recovered or number},
        obsolete=obsolete,
    )


def _is_stated(slot: Slot) -> bool:
    """Whether a statement has put this key here, and no seal has certified it."""
    return slot.number > FIRST_NUMBER and not slot.cose


def begins_anew(found: Found) -> bool:
    """Whether the next seal is the first one under a key that a statement gave."""
    return found.current is not None and _is_stated(found.current)


def _seals_seen(last: StoredSeal | None, slots: Sequence[Slot]) -> list[bytes]:
    return [*([last.cose] if last else []), *(slot.cose for slot in slots if slot.cose)]


def _rekey(tip: int, reason: str) -> Found:
    return Found(Recovery(Start.REKEY, tip + 1, b"", reason=reason))


def _find_returned(slots: dict[int, Slot], number: int, tip: int) -> tuple[StoredSeal, ...]:
    """The seals from `tip` + 1 to `number` - 1 that the ring still has, an unbroken run up to the last."""
    found: list[StoredSeal] = []
    expected = slots[number].previous
    while number - 1 > tip and number in slots and seal_hash(slots[number].cose) == expected:
        number -= 1
        cose = slots[number + 1].cose
        header = peek_header(cose)
        found.append(StoredSeal(number, expected, cose, None, header.first_record, header.count))
        expected = header.previous
    return tuple(reversed(found))


def _continues(last: StoredSeal | None, current: Slot, returned: tuple[StoredSeal, ...]) -> bool:
    """Whether the current key follows from the last row, as far as the seals between are there."""
    assert current.secret is not None
    if current.number == FIRST_NUMBER:
        return current == first_slot(current.secret)
    before = returned[-1] if returned else last
    if before is None or before.number != current.number - 1:
        return True  # the seals between are lost: nothing to compare
    if _is_stated(current):
        return before.hash == current.previous
    if peek_header(before.cose).next_key != keys.public(current.secret) or before.hash != current.previous:
        return False
    oldest = returned[0] if returned else None
    if last is None or oldest is None or oldest.number != last.number + 1:
        return True
    return peek_header(oldest.cose).previous == last.hash
