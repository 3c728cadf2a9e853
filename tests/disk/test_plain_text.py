"""Text from outside is shown and not obeyed, and JSON stays the same value."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from disk.plain_text import LINE_CHARACTERS_MAX, escape_controls, one_line, to_json
from tests.evidence.test_cbor import PLAIN

HOSTILE = [
    *map(chr, (*range(0x20), 0x7F, *range(0x80, 0xA0), 0x61C, 0x200B, 0x200E, 0x200F)),
    *map(chr, (*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xFFF9, 0xE0001, 0xD800)),
]
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from([*HOSTILE, "a", "中"]), max_size=60).map("".join)


def controls(text: str) -> set[str]:
    """What a terminal might obey."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


@given(TEXTS)
def test_a_line_is_one_line_and_nothing_in_it_is_obeyed(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line, "and once is enough"
    assert line == text or not text.isprintable()


def test_the_signs_that_are_known_to_harm_are_shown_as_escapes() -> None:
    assert one_line("a\x1b[2Jb\nc\x9b8m\u202e\x7f中") == "a\\x1b[2Jb\\nc\\x9b8m\\u202e\\x7f中"
    assert all(controls(one_line(char)) == set() for char in HOSTILE)


def test_a_name_that_would_push_the_rest_from_the_screen_is_cut() -> None:
    assert len(one_line("x" * 10_000)) == LINE_CHARACTERS_MAX + 2
    assert len(one_line("\n" * 10_000)) == LINE_CHARACTERS_MAX + 2


@given(TEXTS)
def test_a_text_of_a_page_keeps_its_lines_and_nothing_else_is_obeyed(text: str) -> None:
    left = {char for char in controls(escape_controls(text)) if unicodedata.category(char) != "Cs"}
    assert left <= {"\n", "\t"}, "half a character is replaced where the page becomes bytes"
    assert escape_controls("中 a\u3000b\u00a0") == "中 a\u3000b\u00a0"


@given(PLAIN | TEXTS | st.dictionaries(TEXTS, TEXTS))
def test_json_is_the_same_value_for_every_reader(value: object) -> None:
    try:
        expected = json.dumps(value)
    except TypeError:  # byte strings
        return
    text = to_json(value)
    assert json.loads(text) == json.loads(expected)
    assert controls(text) == set()
    assert controls(to_json(value, indent=1)) <= {"\n"}
