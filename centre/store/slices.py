"""Which verifier has which gateways: 256 slices of gateway ids, spread evenly over those that live. Pure.

A gateway is in the slice that the first byte of the SHA-256 of its id says; the tables of the store compute
the same. A verifier asks for all slices, and then takes an even part of them, or for a range, which it takes
wherever nobody has it. A range is nobody else's while its verifier lives; two that overlap: who comes first.

`plan` is called by each verifier for itself, one at a time, and sees the same living ones; so all agree:
who has more than its part gives up the rest, who has less takes of what nobody has. After two rounds every
slice has one owner.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from attrs import frozen

SLICES: Final = 256
"""Many more than the verifiers of a city (forty for 100,000 gateways), so that an even part is one."""
BEACON: Final = SLICES
"""The number of what is no slice: whoever has it sends the centre's time."""
MOST: Final = SLICES - 1


class SlicesError(ValueError):
    """No range of slices."""


@frozen
class Verifier:
    """A living verifier, by the number of its lease, with the first and last slice that it asks for."""

    lease: int
    first: int = 0
    last: int = MOST

    @property
    def is_even(self) -> bool:
        """Whether it takes an even part."""
        return (self.first, self.last) == (0, MOST)

    @property
    def asked(self) -> range:
        """The slices that it asks for."""
        return range(self.first, self.last + 1)


@frozen
class Plan:
    """What one verifier does now: take these, and give up those."""

    taken: tuple[int, ...]
    given_up: tuple[int, ...]


def slice_of(gateway: str) -> int:
    """The slice of a gateway, 0 to 255."""
    return sha256(gateway.encode()).digest()[0]


def parse_slices(text: str) -> tuple[int, int]:
    """First and last slice of `auto` or `N-M`.

    Raises:
        SlicesError: It is neither.
    """
    if text == "auto":
        return 0, MOST
    first, dash, last = text.partition("-")
    is_range = dash and text.isascii() and first.isdecimal() and last.isdecimal()
    if not (is_range and int(first) <= int(last) <= MOST):
        raise SlicesError(f"is neither auto nor a range like 0-127; the last slice is {MOST}")
    return int(first), int(last)


def plan(me: int, living: Sequence[Verifier], owners: Mapping[int, int | None]) -> Plan:
    """What verifier `me`, one of `living`, does.

    Args:
        me: The number of its lease.
        living: All of them.
        owners: The lease that has each slice, and the beacon; None for nobody. One that is not living has
            nothing.
    """
    known = {one.lease: one for one in living}
    free = [number for number in sorted(owners) if owners[number] not in known]
    mine = [number for number in sorted(owners) if owners[number] == me and number != BEACON]
    beacon = (BEACON,) if BEACON in free else ()
    if not known[me].is_even:
        return Plan((*(one for one in free if one in known[me].asked), *beacon), ())
    fixed = {number for one in living if not one.is_even for number in one.asked}
    shared = [number for number in range(SLICES) if number not in fixed]
    even = sorted(one.lease for one in living if one.is_even)
    wanted = len(shared) // len(even) + (even.index(me) < len(shared) % len(even))
    kept = [number for number in mine if number not in fixed][:wanted]
    taken = [number for number in free if number not in fixed and number != BEACON][: wanted - len(kept)]
    return Plan((*taken, *beacon), tuple(number for number in mine if number not in kept))
