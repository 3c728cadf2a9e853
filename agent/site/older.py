"""Files of earlier versions: renamed keys and values are brought to today's names.

A site file is part of the evidence and is never rewritten by an upgrade: gateways keep theirs, and a
centre reads the manifests of years ago. So the old name of a key or value is not dropped: it gets a line
in RENAMED and stays there for at least two versions, in which both names load. A table with both keys is a
mistake, because it is not clear which one was meant. A new key has a default that means what its
absence meant. `tests/packaging/old-sites` holds a file of every form that was ever committed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen


@frozen
class Renamed:
    """The key `old` of the tables `table` is `new` since version `since`; with `key`, that key's value is.

    `table` names a `[table]` or each `[[table]]`; `a.b` are the tables `b` of the tables `a`.
    """

    table: str
    old: str
    new: str
    since: str
    key: str = ""


RENAMED: Final[tuple[Renamed, ...]] = (
    Renamed("line", "feed", "incomer", "0.2.0", key="kind"),
    Renamed("line.parameters", "feed", "incomer", "0.2.0"),
)


def todays_names(
    site: Mapping[str, Any], renamed: Sequence[Renamed] = RENAMED
) -> tuple[dict[str, Any], list[str]]:
    """`site` with today's names, and the keys that it has under both names, one line each."""
    table, problems = dict(site), list[str]()
    for one in renamed:
        table = _rename(one, table, one.table.split("."), "", problems)
    return table, problems


def _rename(one: Renamed, part: Any, path: Sequence[str], at: str, problems: list[str]) -> Any:
    """`part` with `one` applied to its tables at `path`; what is not a table is reported elsewhere."""
    if isinstance(part, list):
        return [_rename(one, item, path, f"{at}[{i}]", problems) for i, item in enumerate(part)]
    if not isinstance(part, dict):
        return part
    if path:
        name, below = path[0], f"{at}.{path[0]}".lstrip(".")
        return part | {name: _rename(one, part[name], path[1:], below, problems)} if name in part else part
    if one.key:
        return part | {one.key: one.new} if part.get(one.key) == one.old else part
    if one.old in part and one.new in part:
        problems.append(
            f"{at}.{one.old}: is called {one.new} since version {one.since}, and the file has both"
        )
        return part
    return {one.new if name == one.old else name: value for name, value in part.items()}
