"""Forms as browsers send them, and whatever else arrives in their place."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.http.forms import NAME_BYTES_MAX, Form, FormError, clean_name, parse_form

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"


def part(head: str, value: bytes) -> bytes:
    return f"--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--xyz--\r\n"


TEXT = part('name="text"', "检修\r\n--xy".encode())
FILE = part('name="photo"; filename="a.jpg"\r\nContent-Type: image/jpeg', b"\x00\r\n\xff")


def test_fields_and_files_are_read_as_a_browser_sends_them() -> None:
    empty = part('name="more"; filename=""', b"")
    form = parse_form(MULTIPART, whole(TEXT, FILE, empty))
    assert form == Form({"text": "检修\r\n--xy"}, (("photo", "a.jpg", b"\x00\r\n\xff"),))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b""),
        ("text/plain", b"text=x"),
        ("multipart/form-data", whole(TEXT)),
        ("multipart/form-data; boundary=other", whole(TEXT)),
        (MULTIPART, b""),
        (MULTIPART, TEXT),
        (MULTIPART, whole(TEXT)[:-6]),
        (MULTIPART, b"before" + whole(TEXT)),
        (MULTIPART, whole(TEXT, TEXT)),
        (MULTIPART, whole(part('name="Text"', b""))),
        (MULTIPART, whole(part('name="a"\r\nContent-Disposition: form-data; name="b"', b""))),
        (MULTIPART, whole(part('name="text"', b"\xff"))),
        (MULTIPART, whole(part("x", b""))),
        (MULTIPART, whole(part(f'name="a"\r\nX: {"x" * 2_000}', b""))),
        (MULTIPART, whole(*(part(f'name="{"a" * n}"', b"") for n in range(1, 40)))),
        (URLENCODED, b"a=1&a=2"),
        (URLENCODED, b"a"),
        (URLENCODED, b"a=%ff"),
        (URLENCODED, "a=检".encode()),
        (URLENCODED, b"&".join(b"a%d=1" % n for n in range(40))),
    ],
)
def test_what_is_no_form_or_could_mean_two_things_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(FormError):
        parse_form(kind, body)


@given(st.dictionaries(st.from_regex("[a-z_]{1,32}", fullmatch=True), st.text(max_size=50), max_size=8))
def test_both_kinds_say_the_same(fields: dict[str, str]) -> None:
    assert parse_form(URLENCODED, urlencode(fields, encoding="utf-8", errors="ignore").encode()).fields == {
        name: value.encode("utf-8", "ignore").decode() for name, value in fields.items()
    }
    raw = {name: value.encode("utf-8", "ignore") for name, value in fields.items()}
    parts = [part(f'name="{name}"', value) for name, value in raw.items() if b"--xyz" not in value]
    if parts:
        expected = {name: value.decode() for name, value in raw.items() if b"--xyz" not in value}
        assert parse_form(MULTIPART, whole(*parts)).fields == expected


@given(raw=st.binary(max_size=400), kind=st.sampled_from([MULTIPART, URLENCODED]), wrapped=st.booleans())
def test_no_bytes_do_anything_else_than_be_refused(raw: bytes, kind: str, *, wrapped: bool) -> None:
    body = b"--xyz\r\n" + raw + b"\r\n--xyz--\r\n" if wrapped else raw
    try:
        form = parse_form(kind, body)
    except FormError:
        return
    assert all(name.isascii() for name in form.fields)


@given(st.text(max_size=300))
def test_a_name_is_the_last_component_and_can_be_shown(name: str) -> None:
    clean = clean_name(name.encode("utf-8", "ignore").decode())
    assert 0 < len(clean.encode()) <= NAME_BYTES_MAX
    assert clean.isprintable()
    assert not {"/", "\\"} & set(clean)
