"""Types of the site file that cannot hold a wrong value, and the words for what is wrong.

Every scalar of the site file has a type here whose hook checks it while cattrs builds the site.
A mistake is therefore found where it stands, beside all others, and its path is known.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, NewType, TypeVar, get_args, get_origin

from attrs import fields_dict
from cattrs import Converter
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from agent.site.webhook_url import WebhookUrlError, parse_webhook
from drivers.errors import BusUrlError
from drivers.link.bus_url import parse_url
from evidence.cbor import TEXT_BYTES_MAX

T = TypeVar("T")

Identifier = NewType("Identifier", str)
ModelName = NewType("ModelName", str)
UtcOffset = NewType("UtcOffset", str)
BusUrl = NewType("BusUrl", str)
WebhookUrl = NewType("WebhookUrl", str)
Tcti = NewType("Tcti", str)
Hex32 = NewType("Hex32", bytes)
UnitId = NewType("UnitId", int)
MeterAddress = NewType("MeterAddress", str)
Megabytes = NewType("Megabytes", int)
Watts = NewType("Watts", int)
Seconds = NewType("Seconds", float)
Ratio = NewType("Ratio", float)

ID_CHARACTERS_MAX: Final = 32
"""Ids are topic levels, certificate names and parts of every record."""
UNIT_ID_MAX: Final = 247
"""Highest address of the Modbus serial line (Modbus over Serial Line V1.02, section 2.2)."""
RATED_W_MAX: Final = 1_000_000_000
"""A gigawatt: above any single line, below where sums of squares would leave int64."""
MODEL_FILE_SUFFIX: Final = ".toml"
"""How the name of a model ends that is a file of the site's own."""
INTERVAL_S_MIN: Final = 0.5
INTERVAL_S_MAX: Final = 3600.0
"""An hour: beyond it silence could not be told from death within the three minutes promised."""
RATIO_MAX: Final = 100_000.0
QUOTA_MB_MIN: Final = 8
QUOTA_MB_MAX: Final = 1_000_000

_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{ID_CHARACTERS_MAX - 1}}}")
_ID_WORDS: Final = f"letters, digits, - and _, at most {ID_CHARACTERS_MAX}"
_OFFSET: Final = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_TCTI: Final = re.compile(r"(device|tabrmd|swtpm|mssim)(:[!-~]{1,200})?")
"""Of the ways to a TPM those that name a device or a socket; others load a library or run a command."""
_ADDRESS: Final = re.compile(r"[0-9]{12}")
_HEX32: Final = re.compile(r"[0-9a-f]{64}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {value!r}")
    return value


def _matching(pattern: re.Pattern[str], wanted: str) -> Callable[[Any, Any], str]:
    def check(value: Any, _: Any) -> str:
        text = _text(value)
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {wanted}, not {text!r}")
        return text

    return check


def _whole(low: int, high: int) -> Callable[[Any, Any], int]:
    def check(value: Any, _: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    return check


def _number(low: float, high: float) -> Callable[[Any, Any], float]:
    def check(value: Any, _: Any) -> float:
        if type(value) not in {int, float} or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}, not {value!r}")
        return float(value)

    return check


def _switch(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _bus_url(value: Any, _: Any) -> str:
    text = _text(value)
    try:
        parse_url(text)
    except BusUrlError as error:
        raise ValueError(str(error)) from error
    return text


def _model_name(value: Any, _: Any) -> str:
    text = _text(value)
    parts = text.split("/")
    below = text.isprintable() and "\\" not in text and not {"", ".."} & set(parts)
    if text.endswith(MODEL_FILE_SUFFIX) and not below:
        raise ValueError(f"must be a file below the site file's folder, like models/cems.toml, not {text!r}")
    if len(text.encode()) > TEXT_BYTES_MAX:  # found here, not at the centre when the gateway is enrolled
        raise ValueError(f"has {len(text.encode())} bytes; the enrolment takes at most {TEXT_BYTES_MAX}")
    return text


def _optional_webhook(value: Any, _: Any) -> str | None:
    if value is None:
        return None
    text = _text(value)
    try:
        parse_webhook(text)
    except WebhookUrlError as error:
        raise ValueError(str(error)) from error
    return text


def _optional(check: Callable[[Any, Any], T]) -> Callable[[Any, Any], T | None]:
    return lambda value, kind: None if value is None else check(value, kind)


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _is_table(kind: Any) -> bool:
    return get_origin(kind) is dict


def _choice(value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"must be {' or '.join(map(repr, get_args(kind)))}, not {value!r}")
    return value


def _optional_hex(value: Any, _: Any) -> bytes | None:
    if value is None:
        return None
    return bytes.fromhex(_matching(_HEX32, "64 hexadecimal digits in lower case")(value, None))


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    hooks: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
        (str, lambda value, _: _text(value)),
        (bool, _switch),
        (Path, lambda value, _: value),
        (Identifier | None, _optional(_matching(_ID, _ID_WORDS))),
        (ModelName, _model_name),
        (Identifier, _matching(_ID, _ID_WORDS)),
        (UtcOffset, _matching(_OFFSET, "an offset like +08:00")),
        (BusUrl, _bus_url),
        (Hex32 | None, _optional_hex),
        (WebhookUrl | None, _optional_webhook),
        (Tcti, _matching(_TCTI, "like device:/dev/tpmrm0")),
        (UnitId | None, _optional(_whole(1, UNIT_ID_MAX))),
        (MeterAddress | None, _optional(_matching(_ADDRESS, "12 digits in quotes"))),
        (Megabytes, _whole(QUOTA_MB_MIN, QUOTA_MB_MAX)),
        (Watts, _whole(1, RATED_W_MAX)),
        (Seconds, _number(INTERVAL_S_MIN, INTERVAL_S_MAX)),
        (Ratio, _number(1 / RATIO_MAX, RATIO_MAX)),
    )
    for kind, hook in hooks:
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(_is_choice, _choice)
    converter.register_structure_hook_func(_is_table, _table)
    return converter


def _table(value: Any, _: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table, not {value!r}")
    return value


_CONVERTER: Final = _converter()


def structure(table: dict[str, Any], kind: type[T]) -> T:
    """`table` as an instance of `kind`; whatever cattrs raises is for `mistakes_in`."""
    return _CONVERTER.structure(table, kind)


def mistakes_in(error: BaseException, path: str = "") -> Iterator[str]:
    """One line for each mistake that cattrs found: its path in the file, and what is wanted there."""
    if isinstance(error, ForbiddenExtraKeysError):
        known = ", ".join(name for name, part in fields_dict(error.cl).items() if not part.kw_only)
        for key in sorted(error.extra_fields):
            yield f"{_join(path, key)}: unknown key; known: {known}"
    elif isinstance(error, (ClassValidationError, IterableValidationError)):
        yield from _nested(error, path)
    elif isinstance(error, KeyError):
        yield f"{_join(path, str(error.args[0]))}: missing"
    else:
        yield f"{path or 'file'}: {error}"


def _nested(error: BaseValidationError, path: str) -> Iterator[str]:
    noted, others = error.group_exceptions()  # type: ignore[attr-defined] # both subclasses have it
    for inner, note in noted:
        part = note.name if isinstance(error, ClassValidationError) else note.index
        at = _join(path, part) if isinstance(error, ClassValidationError) else f"{path}[{part}]"
        if isinstance(inner, KeyError) and inner.args == (part,):
            yield f"{at}: missing"
        else:
            yield from mistakes_in(inner, at)
    for inner in others:
        yield from mistakes_in(inner, path)


def _join(path: str, name: str) -> str:
    shown = name if name.isprintable() else ascii(name)  # a mistake stays one line
    return f"{path}.{shown}" if path else shown
