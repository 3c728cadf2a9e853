"""Files that people write, read strictly: TOML tables in which every mistake has a line with its place.

All its mistakes are reported at once (`meter[2].unit_id: must be a whole number from 0 to 255, not 300`).
An unknown key is a mistake, nothing is coerced, and a file has a maximum size. A UTF-8 byte order mark,
which editors on Windows write, is skipped. A table is read in one of two ways, with the same checks:

- key by key with `Table`, if one key decides what others may be: meter models, simulated plants;
- into attrs classes with `disk.classes`: the site file, the journal and the answers of a setup.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from errno import EFBIG
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, Final, Self, TypeVar

from disk.encodings import Encoding, find_encoding
from disk.files import read_plain
from disk.kinds import FLAG, LABEL, Kind, choice, is_number, join_place, number, show, whole

T = TypeVar("T")

SAVE_AS_UTF_8: Final = "save it again as UTF-8 (in Notepad: File, Save as, Encoding UTF-8)"
EnumT = TypeVar("EnumT", bound=StrEnum)


class TableError(ValueError):
    """A file has mistakes; `problems` has one line for each, without the name of the file."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def read_text(path: Path, bytes_max: int) -> str:
    """The text of a plain file; a pipe is not waited for.

    Raises:
        TableError: It cannot be read, is too large, or is not UTF-8.
    """
    try:
        raw = read_plain(path, bytes_max, follow=True)
    except OSError as error:
        if error.errno == EFBIG:
            raise TableError([describe_excess(bytes_max)]) from error
        raise TableError([f"cannot be read: {error.strerror}"]) from error
    return decode_text(raw, bytes_max)


def describe_excess(bytes_max: int) -> str:
    """That a file is larger than is read."""
    return f"has more than {bytes_max} bytes; at most {bytes_max} are read"


def decode_text(raw: bytes, bytes_max: int) -> str:
    """The text of at most so many bytes.

    Raises:
        TableError: They are too many, or are not UTF-8; the encoding is named where it is another one.
    """
    if len(raw) > bytes_max:
        raise TableError([describe_excess(bytes_max)])
    try:
        if b"\0" not in raw:
            return raw.decode("utf-8").removeprefix("\ufeff")
        problem = "is not a text"
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"is not UTF-8 at byte {error.start}, line {line}"
    encoding = find_encoding([raw])
    if encoding in {None, Encoding.UTF_8, Encoding.UTF_8_MARK}:
        raise TableError([problem])
    raise TableError([f"is {encoding.label}, not UTF-8: {SAVE_AS_UTF_8}"])


def parse_toml(text: str) -> dict[str, Any]:
    """The table of a TOML text; raises TableError."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits and arrays 1,000 deep, too
        raise TableError([_explain_toml(text, str(error))]) from error


def parse_json(text: str) -> Any:
    """The value of a JSON text, whatever it is; raises TableError."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise TableError([_explain_json(text, error.lineno, error.colno)]) from error
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits and arrays 1,000 deep
        raise TableError(["is not JSON that is read here: a number too long, or too deep"]) from error


def parse_hex(text: object) -> bytes:
    """Bytes written as hexadecimal digits; raises TableError."""
    try:
        return bytes.fromhex(text)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise TableError([f"hexadecimal digits are wanted, not {show(text)}"]) from error


_PLACE: Final = re.compile(r"(.*) \(at line ([0-9]+), column ([0-9]+)\)")
"""How tomllib says where; the text is put together anew, so that each template has it whole."""
_END: Final = " (at end of document)"
_WIDE: Final = {"“": '"', "”": '"', "‘": "'", "’": "'", "＝": "=", "，": ",", "［": "[", "］": "]", "＂": '"'}
_WIDE_MORE: Final = {
    "\u00a0": " ",
    "\u3000": " ",
    "＃": "#",
    "：": ":",
    "｛": "{",
    "｝": "}",
    "．": ".",
    "。": ".",
    **{chr(ord(one) + 0xFEE0): one for one in f"{digits}{ascii_letters}"},
}


def _explain_toml(text: str, error: str) -> str:
    found = _PLACE.fullmatch(error)
    if found:
        what, line, column = found.groups()
        typed = _find_wide(text, int(line))
        if typed is None:
            return f"is not TOML in line {line}, column {column}: {what}"
        wide, plain = typed
        return f"is not TOML in line {line}, column {column}: {what}; write {plain!r} in place of {wide!r}"
    if error.endswith(_END):
        return f"is not TOML at its end: {error.removesuffix(_END)}"
    return f"is not TOML: {error}"


def _explain_json(text: str, line: int, column: int) -> str:
    typed = _find_wide(text, line)
    if typed is None:
        return f"is not JSON in line {line}, column {column}"
    wide, plain = typed
    return f"is not JSON in line {line}, column {column}; write {plain!r} in place of {wide!r}"


def _find_wide(text: str, number: int) -> tuple[str, str] | None:
    """What stands in a line that only an input method or a word processor types, and what to write."""
    lines = text.split("\n")
    if not 0 < number <= len(lines):
        return None
    return next((pair for pair in (_WIDE | _WIDE_MORE).items() if pair[0] in lines[number - 1]), None)


class Table:
    """One table of a file, read key by key.

    Nothing is raised here: a mistake is noted in `problems`, the default is returned and reading continues.
    `finish` notes the keys that were not read.
    """

    def __init__(self, data: object, place: str, problems: list[str]) -> None:
        self.place = place
        self.problems = problems
        self._known: set[str] = set()
        self._data: Mapping[str, Any] = {}
        if isinstance(data, Mapping):
            self._data = data
        else:
            problems.append(f"{place}: must be a table, not {show(data)}")

    def note(self, key: str, what: str) -> None:
        """Note a mistake at `key`."""
        self.problems.append(f"{join_place(self.place, key)}: {what}")

    def matches(self, key: str, value: object) -> bool:
        """Whether `key` has exactly this value; if so, the key counts as read."""
        is_same = self._data.get(key) == value and type(self._data.get(key)) is type(value)
        if is_same:
            self._known.add(key)
        return is_same

    def has(self, key: str) -> bool:
        """Whether the table has `key`."""
        return key in self._data

    def text(self, key: str, default: str | None = None) -> str:
        """A text of at least one printable character, or the default itself."""
        if default is not None and self._get(key, default) == default:
            return default
        return self._take(key, default, LABEL, "")

    def number(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A finite number from `low` to `high`."""
        return self._take(key, default, number(low, high), low)

    def whole(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return self._take(key, default, whole(low, high), low)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return self._take(key, default, FLAG, default)

    def choice(self, key: str, kind: type[EnumT], default: EnumT | None = None) -> EnumT:
        """One of the values of `kind`."""
        return self._take(key, default, choice(kind, kind), next(iter(kind)))

    def hexadecimal(self, key: str) -> bytes:
        """Bytes written in hexadecimal, with or without spaces."""
        value = self._get(key, None)
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            self._refuse(key, value, "bytes in hexadecimal")
            return b""

    def values(self, key: str) -> tuple[int | float | str, ...]:
        """An array of numbers and texts, at least one."""
        value = self._get(key, None)
        if isinstance(value, list) and value and all(isinstance(v, str) or is_number(v) for v in value):
            return tuple(value)
        self._refuse(key, value, "an array of numbers or texts")
        return ()

    def table(self, key: str, *, required: bool = False) -> Self:
        """The table under `key`, empty if it is not there."""
        if required and not self.has(key):
            self.note(key, "missing, a table")
        return self._below(self._get(key, {}), key)

    def tables(self, key: str, *, required: bool = False) -> tuple[Self, ...]:
        """The array of tables under `key`."""
        value = self._get(key, [])
        if not isinstance(value, list):
            self._refuse(key, value, "an array of tables")
            return ()
        if required and not value:
            self.note(key, f"needs at least one [[{key}]]")
        return tuple(self._below(item, f"{key}[{i}]") for i, item in enumerate(value))

    def items(self) -> tuple[tuple[str, Self], ...]:
        """All keys with their tables; none of them is unknown then."""
        return tuple((key, self._below(value, key)) for key, value in self.raw().items())

    def raw(self) -> Mapping[str, Any]:
        """The whole table unchecked; none of its keys is unknown then."""
        self._known.update(self._data)
        return self._data

    def finish(self) -> None:
        """Note every key that was not read."""
        for key in self._data.keys() - self._known:
            self.note(key, name_unknown(key, sorted(self._known)))

    def _below(self, data: object, key: str) -> Self:
        return type(self)(data, join_place(self.place, key), self.problems)

    def _get(self, key: str, default: object) -> Any:
        self._known.add(key)
        return self._data.get(key, default)

    def _take(self, key: str, default: T | None, kind: Kind[T], otherwise: T) -> T:
        value = self._get(key, default)
        if kind.fits(value):
            return kind.take(value)
        self._refuse(key, value, kind.wanted)
        return otherwise if default is None else default

    def _refuse(self, key: str, value: object, wanted: str) -> None:
        self.note(key, f"must be {wanted}, not {show(value)}" if self.has(key) else f"missing, {wanted}")


def name_unknown(key: str, known: Iterable[str]) -> str:
    """The message for an unknown key: the key that was probably meant, or all known ones."""
    import difflib  # noqa: PLC0415 -- 2 ms at import, needed only to explain a mistake

    keys = list(known)
    close = difflib.get_close_matches(key, keys, n=1)
    return f"unknown key, did you mean {close[0]}?" if close else f"unknown key; known: {', '.join(keys)}"
