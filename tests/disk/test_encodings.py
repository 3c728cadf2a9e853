"""Which encoding a text was saved in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disk.encodings import Encoding, find_encoding
from disk.tables import TableError, decode_text, parse_toml

TEXT = 'name = "历城电镀厂"\r\nwatts = 1000\r\n'


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (TEXT.encode(), Encoding.UTF_8),
        (b"plain = 1\n", Encoding.UTF_8),
        (TEXT.encode("utf-8-sig"), Encoding.UTF_8_MARK),
        (TEXT.encode("utf-16"), Encoding.UTF_16),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), Encoding.UTF_16),
        (TEXT.encode("utf-16-le"), Encoding.UTF_16_LE),
        (TEXT.encode("utf-16-be"), Encoding.UTF_16_BE),
        (TEXT.encode("gbk"), Encoding.GB18030),
        ("㐀 = 1\n".encode("gb18030"), Encoding.GB18030),
        (b"name = \xb5\n", None),
        (b"", Encoding.UTF_8),
    ],
)
@pytest.mark.parametrize("size", [1 << 20, 4096, 7])
def test_an_encoding_is_told_from_the_bytes_in_blocks_of_any_size(
    raw: bytes, wanted: Encoding | None, size: int
) -> None:
    if size < len(raw) and wanted in {Encoding.UTF_16_LE, Encoding.UTF_16_BE}:
        return  # told from the first block, which a file gives whole
    assert find_encoding(raw[at : at + size] for at in range(0, len(raw), size)) is wanted


@given(st.text())
def test_whatever_is_utf_8_is_never_taken_for_another(text: str) -> None:
    found = find_encoding([text.encode()])
    assert found is not None
    if "\0" not in text:
        assert text.encode().decode(found.value) == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            TEXT.encode("gbk"),
            "is GBK, not UTF-8: save it again as UTF-8 (in Notepad: File, Save as",
        ),
        (TEXT.encode("utf-16"), "is UTF-16, not UTF-8: save it again as UTF-8"),
        (TEXT.encode("utf-16-le"), "is UTF-16-LE, not UTF-8: save it again as UTF-8"),
        (b"a = 1\nname = \xb5\n", "is not UTF-8 at byte 13, line 2"),
        (b"a = \0\n", "is not a text"),
    ],
)
def test_a_file_in_another_encoding_is_one_line_with_what_to_do(raw: bytes, problem: str) -> None:
    with pytest.raises(TableError) as caught:
        decode_text(raw, 1000)
    (told,) = caught.value.problems
    assert told.startswith(problem)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_ends_of_windows_are_read(mark: str, end: str) -> None:
    raw = (mark + TEXT.replace("\r\n", end)).encode()
    text = decode_text(raw, 1000)
    assert not text.startswith("\ufeff")
    assert parse_toml(text) == {"name": "历城电镀厂", "watts": 1000}


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("id = “b1”", "write '\"' in place of '“'"),
        ('id＝"b1"', "write '=' in place of '＝'"),
        ("unit_id\u00a0= 1", r"write ' ' in place of '\xa0'"),
        ("rated_w = ６00", "write '6' in place of '６'"),
        ("list = [1， 2]", "write ',' in place of '，'"),
    ],
)
def test_what_an_input_method_types_is_named_with_what_to_write(line: str, hint: str) -> None:
    with pytest.raises(TableError) as caught:
        parse_toml(f'name = "好，的"\n{line}\n')
    (told,) = caught.value.problems
    assert told.endswith(hint)
