"""What a browser sends of a form: `application/x-www-form-urlencoded`, or `multipart/form-data` (RFC 7578).

Strict: what two readers could understand differently is refused with one sentence. A field stands once;
names are of `[a-z_]`; values are UTF-8. Of a part only `name` and `filename` are read: the kind that a
browser gives a file is not believed and not kept, and of its name the last component is. Pure.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from attrs import frozen

FIELDS_MAX: Final = 32
PART_HEAD_BYTES_MAX: Final = 1024
"""A name of 200 bytes, escaped, and the kind of the file."""
NAME_BYTES_MAX: Final = 200
_BOUNDARY: Final = re.compile(r'multipart/form-data;\s*boundary="?([0-9A-Za-z\'()+_,./:=?-]{1,70})"?')
_NAME: Final = re.compile(r"[a-z_]{1,32}")
_DISPOSITION: Final = re.compile(
    r'content-disposition: form-data; name="([^"\r\n]*)"(?:; filename="([^"\r\n]*)")?', re.IGNORECASE
)
_ESCAPED: Final = (("%22", '"'), ("%0D", " "), ("%0A", " "))
"""As browsers write a name (HTML, 4.10.22.8)."""


class FormError(ValueError):
    """What came is no form; one sentence says why."""


@frozen
class Form:
    """The fields by name, and the files that are not empty: field, name, bytes."""

    fields: Mapping[str, str]
    files: tuple[tuple[str, str, bytes], ...] = ()


def parse_form(kind: str, body: bytes) -> Form:
    """The form in `body`, which has the Content-Type `kind`; raises FormError."""
    if kind.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return Form(_parse_urlencoded(body))
    match = _BOUNDARY.fullmatch(kind)
    if match is None:
        raise FormError("the content is no form")
    return _parse_multipart(match[1].encode(), body)


def _parse_urlencoded(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), True, True, "utf-8", "strict", FIELDS_MAX)
    except ValueError as error:
        raise FormError("the form cannot be read") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        _put(fields, name, value)
    return fields


def _parse_multipart(boundary: bytes, body: bytes) -> Form:
    line = b"--" + boundary
    if not body.startswith(line + b"\r\n") or not body.rstrip(b"\r\n").endswith(b"\r\n" + line + b"--"):
        raise FormError("the form is not whole")
    inner = body[len(line) : body.rindex(b"\r\n" + line + b"--")]
    parts = inner.split(b"\r\n" + line)
    if len(parts) > FIELDS_MAX:
        raise FormError("the form has too many fields")
    fields: dict[str, str] = {}
    files: list[tuple[str, str, bytes]] = []
    for part in parts:
        name, filename, value = _read_part(part)
        if filename is None:
            _put(fields, name, _decode(value))
        elif value:
            files.append((_check_name(name), filename, value))
    return Form(fields, tuple(files))


def _read_part(part: bytes) -> tuple[str, str | None, bytes]:
    head, empty, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not part.startswith(b"\r\n") or not empty or len(head) > PART_HEAD_BYTES_MAX:
        raise FormError("a part of the form is wrong")
    found = [match for one in _decode(head).split("\r\n") if (match := _DISPOSITION.fullmatch(one))]
    if len(found) != 1:
        raise FormError("a part of the form has no name, or two")
    filename: str | None = found[0][2]
    return found[0][1], None if filename is None else clean_name(filename), value


def clean_name(filename: str) -> str:
    """The last component of a file's name, of printable characters, cut to NAME_BYTES_MAX."""
    for coded, plain in _ESCAPED:
        filename = filename.replace(coded, plain)
    last = re.split(r"[/\\]", filename)[-1]
    shown = "".join(one if one.isprintable() else " " for one in last).strip()
    return shown.encode()[-NAME_BYTES_MAX:].decode("utf-8", "ignore") or "file"


def _put(fields: dict[str, str], name: str, value: str) -> None:
    if _check_name(name) in fields:
        raise FormError("a field of the form is there twice")
    fields[name] = value


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormError("a field of the form has an odd name")
    return name


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormError("a field of the form is no text") from error
