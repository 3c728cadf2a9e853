"""Strict conversion of tables to attrs classes: the rules of `disk.tables`, with the fields as the keys.

A file with its own kinds of values takes a `converter()` and registers a hook for each; `to_hook` makes
one from a `Kind`. A field with a default may be missing. Keyword-only fields are not keys of the file.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from attrs import fields, fields_dict, has
from cattrs import Converter
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, override

from disk.kinds import FLAG, TEXT, Kind, choice, join_place, number, show, whole
from disk.tables import TableError, name_unknown

T = TypeVar("T")

ITEMS_MAX: Final = 100_000
"""For one list: a day of samples."""
_WHOLE_MAX: Final = 2**53
_NUMBER_MAX: Final = 1e15

Numbers = dict[str, float]
Hook = Callable[[Any, Any], Any]


def structure(converter: Converter, table: Any, kind: type[T]) -> T:
    """`table` as an instance of `kind`.

    Raises:
        TableError: With every mistake.
    """
    try:
        return converter.structure(table, kind)
    except Exception as error:  # cattrs raises groups of what its hooks raise
        raise TableError(_name_mistakes(error, "")) from error


def to_hook(kind: Kind[Any]) -> Hook:
    """A kind of value as cattrs takes it; None stays None, for fields that may be missing."""
    return lambda value, _: None if value is None else kind.check(value)


def converter() -> Converter:
    """A converter that knows texts, numbers, choices, lists, tables and classes of all these."""
    made = Converter(forbid_extra_keys=True)
    floats = number(-_NUMBER_MAX, _NUMBER_MAX)
    kinds: tuple[tuple[Any, Kind[Any]], ...] = (
        (str, TEXT),
        (int, whole(-_WHOLE_MAX, _WHOLE_MAX)),
        (float, floats),
        (bool, FLAG),
    )
    for kind, check in kinds:
        made.register_structure_hook(kind, _strict_hook(check))
        made.register_structure_hook(kind | None, to_hook(check))
    made.register_structure_hook_func(lambda kind: kind == dict[str, Any], lambda value, _: _table(value))
    made.register_structure_hook_func(lambda kind: kind == dict[str, str], _mapping_hook(TEXT))
    made.register_structure_hook_func(lambda kind: kind == Numbers, _mapping_hook(floats))
    made.register_structure_hook_func(
        _is_of(Literal), lambda value, kind: choice(get_args(kind), str).check(value)
    )
    made.register_structure_hook_factory(has, lambda kind: _class_hook(made, kind))
    made.register_structure_hook_factory(_is_of(tuple), lambda kind: _list_hook(made, kind))
    return made


def _strict_hook(kind: Kind[Any]) -> Hook:
    return lambda value, _: kind.check(value)


def _is_of(origin: object) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table, not {show(value)}")
    return {TEXT.check(key): item for key, item in value.items()}


def _mapping_hook(kind: Kind[Any]) -> Hook:
    return lambda value, _: {key: kind.check(item) for key, item in _table(value).items()}


def _class_hook(made: Converter, kind: Any) -> Hook:
    left_out: Any = {one.name: override(omit=True) for one in fields(kind) if one.kw_only}
    plain = make_dict_structure_fn(kind, made, _cattrs_forbid_extra_keys=True, **left_out)
    return lambda value, _: plain(_table(value), kind)


def _list_hook(made: Converter, kind: Any) -> Hook:
    """Hook for `tuple[T, ...]`, any number of one kind, and for `tuple[S, T]`, one of each."""
    parts = get_args(kind)
    items: Any = list[parts[0]]  # type: ignore[valid-type] # a type that is known at run time only

    def structure_list(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {show(value)}")
        if parts[-1] is Ellipsis:
            if len(value) > ITEMS_MAX:
                raise ValueError(f"has {len(value)} items; at most {ITEMS_MAX} are read")
            return tuple(made.structure(value, items))
        if len(value) != len(parts):
            raise ValueError(f"must be a list of {len(parts)}, not {show(value)}")
        return tuple(made.structure(one, part) for one, part in zip(value, parts, strict=True))

    return structure_list


def _name_mistakes(error: BaseException, place: str) -> Iterator[str]:
    """One line for each mistake that cattrs found: its place in the file, and what is wanted there."""
    if isinstance(error, ForbiddenExtraKeysError):
        known = [name for name, part in fields_dict(error.cl).items() if not part.kw_only]
        for key in sorted(error.extra_fields):
            yield f"{join_place(place, key)}: {name_unknown(key, known)}"
    elif isinstance(error, (ClassValidationError, IterableValidationError)):
        yield from _name_nested(error, place)
    elif isinstance(error, KeyError):
        yield f"{join_place(place, str(error.args[0]))}: missing"
    else:
        yield f"{place or 'file'}: {error}"


def _name_nested(error: BaseValidationError, place: str) -> Iterator[str]:
    noted, others = error.group_exceptions()  # type: ignore[attr-defined] # both subclasses have it
    for inner, note in noted:
        is_class = isinstance(error, ClassValidationError)
        at = join_place(place, note.name) if is_class else f"{place}[{note.index}]"
        if isinstance(inner, KeyError) and is_class and inner.args == (note.name,):
            yield f"{at}: missing"
        else:
            yield from _name_mistakes(inner, at)
    for inner in others:
        yield from _name_mistakes(inner, place)
