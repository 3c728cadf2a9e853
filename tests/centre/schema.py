"""A validator for the words of JSON Schema (draft 2020-12) that `centre/lines.schema.json` uses."""

import json
import re
from pathlib import Path
from typing import Any, Final

import centre

SCHEMA: Final[dict[str, Any]] = json.loads(Path(centre.__path__[0], "lines.schema.json").read_text("utf-8"))
_TYPES: Final = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
}
_SAID: Final = {"description", "title", "$schema", "$id", "$defs"}


def same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


def fits_type(value: Any, want: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([want] if isinstance(want, str) else want))


_PARTS: Final = {"required", "properties", "additionalProperties", "items"}
_FITS: Final = {
    "type": fits_type,
    "const": same,
    "enum": lambda value, want: any(same(value, one) for one in want),
    "pattern": lambda value, want: not isinstance(value, str) or re.search(want, value),
    "maxLength": lambda value, want: not isinstance(value, str) or len(value) <= want,
    "minimum": lambda value, want: not _TYPES["number"](value) or value >= want,
    "maximum": lambda value, want: not _TYPES["number"](value) or value <= want,
}


def problems(value: Any, schema: dict[str, Any] = SCHEMA, place: str = "") -> list[str]:
    """What is wrong with `value`, a line for each; an unknown word of the schema is an error of the test."""
    found: list[str] = []
    for word, want in schema.items():
        if word == "$ref":
            found += problems(value, SCHEMA["$defs"][want.removeprefix("#/$defs/")], place)
        elif word == "oneOf":
            ways = [problems(value, one, place) for one in want]
            if sum(not way for way in ways) != 1:
                found.append(f"{place}: fits {sum(not way for way in ways)} ways: {min(ways, key=len)}")
        elif word in _PARTS:
            found += _in_parts(value, schema, word, place)
        elif word not in _SAID:
            found += [] if _FITS[word](value, want) else [f"{place}: {value!r} does not fit {word} {want}"]
    return found


def _in_parts(value: Any, schema: dict[str, Any], word: str, place: str) -> list[str]:
    if word == "items":
        parts = enumerate(value) if isinstance(value, list) else ()
        return [line for at, one in parts for line in problems(one, schema[word], f"{place}[{at}]")]
    if not isinstance(value, dict):
        return []
    own = schema.get("properties", {})
    if word == "required":
        return [f"{place}: {name} is missing" for name in schema[word] if name not in value]
    if word == "properties":
        inner = [(name, one) for name, one in own.items() if name in value]
        return [line for name, one in inner for line in problems(value[name], one, f"{place}.{name}")]
    others = [name for name in value if name not in own]
    if schema[word] is False:
        return [f"{place}: {name} is unknown" for name in others]
    rest = {} if schema[word] is True else schema[word]
    return [line for name in others for line in problems(value[name], rest, f"{place}.{name}")]
