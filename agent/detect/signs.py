"""Signs of readings, a byte each, compared and searched many at a time: see `echo` for what they mean.

A loop over signs costs 60 ns each, and two letters are the worst that a search of bytes can meet: it looks at
every one of them. So two stretches are compared as two whole numbers, and what is searched is codes, in
which each byte holds eight signs. Both give what a loop gives.
"""

from collections.abc import Iterator
from typing import Final

UP, DOWN, UNKNOWN = b"10?"
Signs = bytes | bytearray
CODED: Final = 8
"""Signs in a code."""
_BITS: Final = bytes(sign == UP for sign in range(256))


def count_alike(one: Signs, other: Signs) -> tuple[int, int]:
    """How many signs both know, and how many of these are the same; zeros if one is longer."""
    if len(one) != len(other):
        return 0, 0
    first, second = int.from_bytes(one, "big"), int.from_bytes(other, "big")
    every = int.from_bytes(b"\1" * len(one), "big")
    # Of the letters' bits the second is set in UNKNOWN alone, and the first tells UP from DOWN.
    unknown = (first | second) >> 1 & every
    pairs = len(one) - unknown.bit_count()
    return pairs, pairs - ((first ^ second) & every & ~unknown).bit_count()


def code_signs(signs: Signs) -> bytes:
    """For each sign a byte of it and the seven before; DOWN and UNKNOWN are the same here."""
    codes = int.from_bytes(signs.translate(_BITS), "big")
    for more in (1, 2, 4):  # each byte has the bits of `more` signs, and gets those of as many before
        codes |= codes >> (8 - 1) * more
    return codes.to_bytes(len(signs), "big")


def find_stretch(signs: Signs, codes: bytes, stretch: slice, end: int) -> Iterator[int]:
    """Where the same signs stand before `end`, in order.

    Args:
        signs: All signs.
        codes: Their codes.
        stretch: What is searched, CODED signs or more.
        end: No sign from here on is part of a find.
    """
    before = CODED - 1
    wanted, coded = signs[stretch], codes[stretch.start + before : stretch.stop]
    at = codes.find(coded, before, end)
    while at >= 0:
        begin = at - before
        if signs[begin : begin + len(wanted)] == wanted:
            yield begin
        at = codes.find(coded, at + 1, end)
