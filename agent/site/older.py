"""Site files of earlier versions: what was called something else then is brought to today's names.

A site file is part of the evidence and is never rewritten by an upgrade: gateways keep theirs, and a
centre reads the manifests of years ago. So a key that is renamed is not dropped: it gets a line in
RENAMED and stays there for at least two versions, in which both names load. A file with both is a
mistake, because nobody can say which one was meant. A new key has a default that means what its
absence meant. `tests/packaging/old-sites` holds a file of every form that was ever committed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen


@frozen
class Renamed:
    """The key `old` of the tables `table` (`[table]` or each `[[table]]`) is `new` since version `since`."""

    table: str
    old: str
    new: str
    since: str


RENAMED: Final[tuple[Renamed, ...]] = ()
"""None so far: every file that was ever written for this program says what it says today."""


def todays_names(
    site: Mapping[str, Any], renamed: Sequence[Renamed] = RENAMED
) -> tuple[dict[str, Any], list[str]]:
    """`site` with today's names, and the keys that it gives by both names, one line each."""
    table, problems = dict(site), []
    for one in renamed:
        part = table.get(one.table)
        problems += [
            f"{at}.{one.old}: is called {one.new} since version {one.since}, and the file has both"
            for at, keys in _tables(one.table, part)
            if one.old in keys and one.new in keys
        ]
        if isinstance(part, list):
            table[one.table] = [_with_new(one, keys) for keys in part]
        else:
            table[one.table] = _with_new(one, part)
        if part is None:
            del table[one.table]
    return table, problems


def _tables(name: str, part: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of that name with their paths; what is no table is for others to name."""
    if isinstance(part, list):
        yield from ((f"{name}[{at}]", keys) for at, keys in enumerate(part) if isinstance(keys, dict))
    elif isinstance(part, dict):
        yield name, part


def _with_new(one: Renamed, keys: Any) -> Any:
    if not isinstance(keys, dict) or one.old not in keys or one.new in keys:
        return keys
    return {one.new if name == one.old else name: value for name, value in keys.items()}
