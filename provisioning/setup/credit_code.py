"""The unified social credit code (统一社会信用代码) of an enterprise and its check character.

18 characters of 31: digits and capital letters without I, O, S, V and Z. The last one is the check character:
the 31's complement of the sum of the first 17 values, each times 3 to the power of its place, modulo 31
(GB 32100-2015). So each wrong character, and each exchange of two neighbours, is found.
"""

from typing import Final

CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH: Final = 18
WEIGHT: Final = 3


def compute_check_character(code: str) -> str:
    """The check character of the first 17 characters of `code`.

    Raises:
        ValueError: One of them is in no credit code.
    """
    total = sum(CHARACTERS.index(one) * WEIGHT**place for place, one in enumerate(code[: LENGTH - 1]))
    return CHARACTERS[-total % len(CHARACTERS)]


def find_mistake(code: str) -> str:
    """The key of the sentence that says what is wrong with a code in capitals; "" if nothing is."""
    if len(code) != LENGTH:
        return "uscc_length"
    if any(one not in CHARACTERS for one in code):
        return "uscc_character"
    return "" if compute_check_character(code) == code[-1] else "uscc_check"
