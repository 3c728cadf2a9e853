"""What commissioning has learned, written into a site file without disturbing what a person wrote."""

from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit

from agent.detect.params import IncomerParams, LinkageParams


def write_parameters(text: str, learned: Iterable[LinkageParams]) -> str:
    """The site file `text` with `[linkage.parameters]` set for each linkage that was learned."""
    document = tomlkit.parse(text)
    by_id = {params.linkage: params for params in learned}
    tables: Any = document["linkage"]
    for linkage in tables:
        if linkage["id"] in by_id:
            linkage["parameters"] = _to_table(by_id[linkage["id"]].to_dict())
    return tomlkit.dumps(document)


def write_incomer(text: str, learned: IncomerParams) -> str:
    """The site file `text` with `[line.parameters]` set for its incomer."""
    document = tomlkit.parse(text)
    tables: Any = document["line"]
    line = next(one for one in tables if one["id"] == learned.incomer.id)
    line["parameters"] = _to_table(learned.to_dict())
    return tomlkit.dumps(document)


def write_values(text: str, section: str, values: Mapping[str, Any], *, of: str | None = None) -> str:
    """`text` with `values` set in `[section]`, or in the `[[section]]` whose id is `of`."""
    document = tomlkit.parse(text)
    tables: Any = document[section]
    table = tables if of is None else next(one for one in tables if one["id"] == of)
    table.update(values)
    return tomlkit.dumps(document)


def _to_table(values: Mapping[str, Any]) -> tomlkit.items.Table:
    table = tomlkit.table()
    for key, value in values.items():
        table[key] = (
            [_to_inline(one) if isinstance(one, Mapping) else one for one in value]
            if isinstance(value, list)
            else (_to_inline(value) if isinstance(value, Mapping) else value)
        )
    return table


def _to_inline(values: Mapping[str, Any]) -> tomlkit.items.InlineTable:
    inline = tomlkit.inline_table()
    inline.update(
        {key: _to_inline(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    )
    return inline
