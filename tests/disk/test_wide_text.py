"""Rows of Chinese and Latin text: nothing is lost, nothing is too wide, marks stay where they belong."""

from hypothesis import given
from hypothesis import strategies as st

from disk.wide_text import count_columns, wrap, wrap_rows

TEXT = st.text("电表总线。，（）「」ab-[]/ ", max_size=60)


@given(TEXT, st.integers(8, 40))
def test_rows_hold_the_text_in_its_order(text: str, columns: int) -> None:
    assert "".join(wrap(text, columns)).replace(" ", "") == text.replace(" ", "")


@given(st.text("电表总线，。", max_size=80).filter(lambda text: "，，" not in text), st.integers(12, 40))
def test_no_row_of_chinese_is_wider_than_the_terminal(text: str, columns: int) -> None:
    single = text.replace("。", "").replace("，", "电")
    assert all(count_columns(row) <= columns for row in wrap(single, columns))


@given(TEXT, st.integers(8, 40))
def test_a_row_neither_begins_with_a_closing_mark_nor_ends_with_an_opening_one(
    text: str, columns: int
) -> None:
    rows = wrap(text.replace(" ", ""), columns)
    assert not any(row[0] in "。，）」]" for row in rows[1:])
    assert not any(row[-1] in "（「[" for row in rows[:-1])


def test_a_row_is_filled_and_broken_between_characters() -> None:
    assert wrap("读取一块电表并显示各测点的值", 12) == ["读取一块电表", "并显示各测点", "的值"]
    assert wrap("经TCP可为0、255。", 8) == ["经TCP可", "为0、", "255。"]
    assert wrap("a word thatislonger x", 6) == ["a word", "thatislonger", "x"]
    assert wrap("  ", 10) == []


def test_rows_that_fit_stay_as_they_are_and_others_are_wrapped_under_their_indent() -> None:
    text = "a  table   row\n  a sentence that is too wide\n\n  治污设施停运，请检查。"
    assert wrap_rows(text, 16).split("\n") == [
        "a  table   row",
        "  a sentence",
        "  that is too",
        "  wide",
        "",
        "  治污设施停运，",
        "  请检查。",
    ]
