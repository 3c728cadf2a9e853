"""Credit codes: real ones pass, and each single slip of a finger is found."""

from hypothesis import given
from hypothesis import strategies as st

from provisioning.setup.credit_code import CHARACTERS, compute_check_character, find_mistake

REAL = ["91350100M000100Y43", "91110000600037341L", "91440300708461136T", "91310000775785552L"]
"""Published: GB 32100-2015's own example and three listed companies."""
SEVENTEEN = st.text(CHARACTERS, min_size=17, max_size=17)


def test_published_codes_are_right() -> None:
    assert [find_mistake(code) for code in REAL] == [""] * len(REAL)


def test_a_code_says_what_is_wrong_with_it() -> None:
    assert find_mistake(REAL[0][:-1]) == "uscc_length"
    assert find_mistake("9135O100M000100Y43") == "uscc_character"
    assert find_mistake("91350100M000100Y44") == "uscc_check"


@given(SEVENTEEN, st.integers(0, 17), st.sampled_from(CHARACTERS))
def test_each_wrong_character_is_found(start: str, place: int, other: str) -> None:
    code = start + compute_check_character(start)
    wrong = code[:place] + other + code[place + 1 :]
    assert find_mistake(code) == ""
    assert find_mistake(wrong) == ("" if wrong == code else "uscc_check")


@given(SEVENTEEN, st.integers(0, 16))
def test_each_exchange_of_two_neighbours_is_found(start: str, place: int) -> None:
    code = start + compute_check_character(start)
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert find_mistake(wrong) == ("" if wrong == code else "uscc_check")
