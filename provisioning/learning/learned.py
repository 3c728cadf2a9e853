"""Writes what commissioning has learned into a site file, keeping what a person wrote."""

from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit

from agent.detect.params import IncomerParams, LinkageParams


def write_parameters(text: str, learned: Iterable[LinkageParams | IncomerParams]) -> str:
    """The site file `text` with `parameters` set for each linkage, and the incomer, that was learned."""
    for one in learned:
        section, of = ("linkage", one.linkage) if isinstance(one, LinkageParams) else ("line", one.incomer.id)
        text = write_values(text, section, {"parameters": _to_table(one.to_dict())}, of=of)
    return text


def write_values(text: str, section: str, values: Mapping[str, Any], *, of: str | None = None) -> str:
    """`text` with `values` set in `[section]`, or in the `[[section]]` whose id is `of`."""
    document = tomlkit.parse(text)
    tables: Any = document[section]
    table = tables if of is None else next(one for one in tables if one["id"] == of)
    table.update(values)
    return tomlkit.dumps(document)


def set_value(text: str, path: str, value: str) -> str:
    """`text` with one key set, as a person types both: `seal.interval_s`, `meter.m1.fast_s`.

    `value` is TOML; what is no TOML is text.

    Raises:
        ValueError: There is no such place.
    """
    *where, key = path.split(".")
    if len(where) not in {1, 2} or not all((*where, key)):
        raise ValueError(f"{path}: write section.key, or section.ID.key for one of several")
    document = tomlkit.parse(text)
    section: Any = document.get(where[0])
    if section is None and len(where) == 1:
        section = document[where[0]] = tomlkit.table()
    if isinstance(section, list) != (len(where) == 2):
        raise ValueError(f"{path}: write section.key, or section.ID.key for one of several")
    if len(where) == 2:
        section = next((one for one in section if one.get("id") == where[1]), None)
    if not hasattr(section, "update"):
        raise ValueError(f"{path}: there is no {'.'.join(where)}")
    section.update({key: _parse_value(value)})
    return tomlkit.dumps(document)


def _parse_value(text: str) -> Any:
    try:
        return tomlkit.value(text)
    except tomlkit.exceptions.TOMLKitError:
        return text


def _to_table(values: Mapping[str, Any]) -> tomlkit.items.Table:
    table = tomlkit.table()
    for key, value in values.items():
        table[key] = _to_item(value)
    return table


def _to_item(value: Any) -> Any:
    """`value` with its maps written inline."""
    if isinstance(value, list):
        return [_to_item(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    inline = tomlkit.inline_table()
    inline.update({key: _to_item(one) for key, one in value.items()})
    return inline
