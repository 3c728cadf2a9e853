"""What people type, in one form: here alone full-width characters and Chinese punctuation are taken.

A Chinese input method types `１２０，５：３` as readily as `120,5:3`. Full-width ASCII becomes ASCII,
wide and no-break blanks become blanks, and the Chinese comma, semicolon, colon and enumeration comma their
plain relatives. Nothing else changes: this is for numbers, lists, ids, addresses and choices. Names and
reasons stay as they are typed, because （） and ， belong to them.
"""

import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import click

_WIDE: Final[dict[int, int | str]] = {at: at - 0xFEE0 for at in range(0xFF01, 0xFF5F)}
_MARKS: Final[dict[int, str]] = str.maketrans(
    {"\u3000": " ", "\u00a0": " ", "\u202f": " ", "、": ",", "。": ".", "“": '"', "”": '"', "∶": ":"}
)
_TABLE: Final[dict[int, int | str]] = {**_WIDE, **_MARKS}
_BETWEEN: Final = re.compile(r"[,;\s]+")
_NUMBER: Final = re.compile(
    r"([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:e[+-]?[0-9]+)?)\s*(.*)", re.IGNORECASE
)
_GROUPED: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])")
_RATIO: Final = re.compile(r"([^/:]+)[/:]([^/:]+)")
_ROOT_OF_3: Final = re.compile(r"[/:]\s*(?:√|v|sqrt)\s*3", re.IGNORECASE)
"""Behind both voltages of a transformer between a phase and the neutral; it cancels."""

POWER_UNITS: Final[Mapping[str, float]] = {
    "": 1.0,
    "kw": 1.0,
    "w": 0.001,
    "mw": 1000.0,
    "千瓦": 1.0,
    "瓦": 0.001,
    "兆瓦": 1000.0,
}
"""What a person writes behind a power, in kW."""
HOUR_UNITS: Final[Mapping[str, float]] = {
    "": 1.0,
    "h": 1.0,
    "hours": 1.0,
    "hour": 1.0,
    "d": 24.0,
    "days": 24.0,
    "day": 24.0,
    "小时": 1.0,
    "时": 1.0,
    "天": 24.0,
}
"""Behind a time, in hours."""
CURRENT_UNITS: Final[Mapping[str, float]] = {"": 1.0, "a": 1.0, "安": 1.0, "安培": 1.0}
"""Behind a current, in A."""
VOLTAGE_UNITS: Final[Mapping[str, float]] = {"v": 1.0, "kv": 1000.0, "伏": 1.0, "千伏": 1000.0}
"""Behind a voltage, in V; one of them is always written behind kilovolts."""
NO_UNITS: Final[Mapping[str, float]] = {"": 1.0}

FREE_OPTIONS: Final = frozenset({"--name", "--reason", "--sheet", "--column", "--site"})
"""Options of the command line that are names or sentences, or name what stands in a file."""
_AS_THEY_ARE: Final = (click.Path, click.File, click.types.BoolParamType)


def plain(typed: str) -> str:
    """The text in plain characters, without blanks around it."""
    return typed.translate(_TABLE).strip()


def split_list(typed: str) -> list[str]:
    """The words of a list, however they are separated."""
    return [word for word in _BETWEEN.split(plain(typed)) if word]


def read_number(typed: str, units: Mapping[str, float] = NO_UNITS) -> float:
    """A number, with a unit of `units` behind it or without.

    Raises:
        ValueError: It is none, or it has two readings: 1,200 is 1200 for one and 1.2 for another.
    """
    text = plain(typed)
    if _GROUPED.match(text):
        raise ValueError(typed)
    found = _NUMBER.fullmatch(text)
    if not found or found[2].casefold() not in units:
        raise ValueError(typed)
    return float(found[1].replace(",", ".")) * units[found[2].casefold()]


def read_ratio(typed: str) -> float:
    """A ratio as it stands on the plate of a transformer: 20, 100/5, 100 A : 5 A, 10/0.1 kV, 10kV/100V.

    A unit behind the last number alone is that of both; √3 under both voltages cancels.

    Raises:
        ValueError: It is none.
    """
    text = plain(typed)
    if len(_ROOT_OF_3.findall(text)) == 2:
        text = _ROOT_OF_3.sub("", text)
    found = _RATIO.fullmatch(text)
    if not found:
        return read_number(typed)
    (above, upper), (below, lower) = (_split_unit(part) for part in found.groups())
    units = next((one for one in (CURRENT_UNITS, VOLTAGE_UNITS) if {upper, lower} <= {"", *one}), {})
    of_kilovolts = units.get(upper, 1.0) != 1.0 and not lower  # 10 kV / 100: which of them?
    if not units or not below or of_kilovolts:
        raise ValueError(typed)
    return above * units.get(upper or lower, 1.0) / (below * units.get(lower, 1.0))


def _split_unit(part: str) -> tuple[float, str]:
    found = _NUMBER.fullmatch(part.strip())
    if not found:
        raise ValueError(part)
    return read_number(found[1]), found[2].casefold()


def take_any_width(command: click.Command) -> click.Command:
    """The command, whose numbers, ids, addresses and choices may be typed with a Chinese input method."""
    for param in list_params(command):
        if not isinstance(param.type, _AS_THEY_ARE) and not FREE_OPTIONS & set(param.opts):
            wrap_convert(param, _convert_any_width)
    return command


def _convert_any_width(
    convert: Callable[..., Any], value: object, param: click.Parameter | None, ctx: click.Context | None
) -> Any:
    return convert(plain(value) if isinstance(value, str) else value, param, ctx)


def wrap_convert(param: click.Parameter, wrapped: Callable[..., Any]) -> None:
    """Let `wrapped(convert, value, param, ctx)` read this parameter; a second call changes nothing."""
    if "convert" in vars(param.type):
        return
    kind = copy.copy(param.type)
    kind.convert = functools.partial(wrapped, kind.convert)  # type: ignore[method-assign]  # help looks at the class
    param.type = kind


def list_params(command: click.Command) -> Iterator[click.Parameter]:
    """The parameters of a command and of all commands below it."""
    yield from command.params
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from list_params(one)
