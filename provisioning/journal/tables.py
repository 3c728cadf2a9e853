"""Tables from the files of a setup made into classes, strictly: nothing is coerced, all is bounded.

What is wrong is raised where it stands; `agent.site.field_types.mistakes_in` makes one line of each.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from attrs import has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from agent.site.field_types import UNIT_ID_MAX, UnitId
from evidence.words import Words

T = TypeVar("T")

TEXT_CHARACTERS_MAX: Final = 4000
"""Longer than any sentence; no file can fill the sheet with one value."""
ITEMS_MAX: Final = 100_000
"""Of one list: a day of samples."""

Numbers = dict[str, float]


def strictly(table: Any, kind: type[T]) -> T:
    """`table` as an instance of `kind`, nothing coerced; whatever is raised is for `mistakes_in`."""
    return _CONVERTER.structure(table, kind)


def plainly(value: Any) -> Any:
    """What JSON can say of `value`."""
    return _CONVERTER.unstructure(value)


def no_number(text: str) -> float:
    """For `json.loads`: NaN and infinity are refused."""
    raise ValueError(f"{text} is no number")


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {shown(value)}")
    if len(value) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"has {len(value)} characters; at most {TEXT_CHARACTERS_MAX} are read")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # a lone surrogate can be written nowhere again
        raise ValueError("holds half a character") from error
    return value


def _whole(value: Any, _: Any) -> int:
    if type(value) is not int or abs(value) > 2**53:
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return value


def _number(value: Any, _: Any) -> float:
    if type(value) not in {int, float} or abs(value) > 1e15 or not math.isfinite(value):
        raise ValueError(f"must be a number, not {shown(value)}")
    return float(value)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, not {shown(value)}")
    return {_text(key, None): item for key, item in value.items()}


def shown(value: Any) -> str:
    """A wrong value in a line, cut short."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _optional(check: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, kind: None if value is None else check(value, kind)


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _choice(value: Any, kind: Any) -> Any:
    if type(value) is not str or value not in get_args(kind):
        raise ValueError(f"must be {' or '.join(map(repr, get_args(kind)))}, not {shown(value)}")
    return value


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis


def _is_pair(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1] is not Ellipsis


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)

    def mapping(item: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda value, kind: {key: item(one, kind) for key, one in _mapping(value).items()}

    def pair(value: Any, kind: Any) -> Any:
        parts = get_args(kind)
        if not isinstance(value, list) or len(value) != len(parts):
            raise ValueError(f"must be a list of {len(parts)}, not {shown(value)}")
        return tuple(converter.structure(one, part) for one, part in zip(value, parts, strict=True))

    hooks: Mapping[Any, Callable[[Any, Any], Any]] = {
        str: _text,
        int: _whole,
        float: _number,
        bool: lambda value, _: _truth(value),
        bool | None: _optional(lambda value, _: _truth(value)),
        str | None: _optional(_text),
        int | None: _optional(_whole),
        UnitId | None: _optional(_unit),
        float | None: _optional(_number),
    }
    for kind, hook in hooks.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(lambda kind: kind == dict[str, str], mapping(_text))
    converter.register_structure_hook(Words, lambda value, _: _words(value))
    converter.register_unstructure_hook(Words, lambda words: words.to_body() if words.zh or words.en else {})
    converter.register_structure_hook_func(lambda kind: kind == Numbers, mapping(_number))
    converter.register_structure_hook_func(_is_choice, _choice)
    converter.register_structure_hook_func(_is_pair, pair)
    converter.register_structure_hook_factory(has, lambda kind: _object_hook(converter, kind))
    converter.register_structure_hook_factory(_is_list, lambda kind: _list_hook(converter, kind))
    return converter


def _list_hook(converter: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    items: Any = list[get_args(kind)[0]]  # type: ignore[misc] # a type that is known at run time only

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {shown(value)}")
        if len(value) > ITEMS_MAX:
            raise ValueError(f"has {len(value)} items; at most {ITEMS_MAX} are read")
        return tuple(converter.structure(value, items))

    return structure


def _object_hook(converter: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    plain = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    return lambda value, _: plain(_mapping(value), kind)


def _words(value: Any) -> Words:
    """A sentence as `{"zh": …, "en": …}`; what was never said is `{}`."""
    known = {"zh": "", "en": ""} | {key: _text(one, None) for key, one in _mapping(value).items()}
    if len(known) > 2:
        raise ValueError(f"must have zh and en, not {shown(value)}")
    return Words(**known)


def _unit(value: Any, _: Any) -> int:
    if type(value) is not int or not 1 <= value <= UNIT_ID_MAX:
        raise ValueError(f"must be a whole number from 1 to {UNIT_ID_MAX}, not {shown(value)}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


_CONVERTER: Final = _converter()
