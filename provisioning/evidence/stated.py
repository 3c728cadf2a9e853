"""Where the statements about a gateway's keys stand in an evidence pack."""

from collections.abc import Iterable, Sequence

from evidence.archive import Archive
from evidence.pack.content import KEY_CHANGES, PackedSeal
from evidence.seal import peek_header, seal_hash
from evidence.statement import Rekey, Replace, Revoke, parse_statement


def applied(archive: Archive, statements: Sequence[bytes], *, enrolled: bool) -> dict[int, list[bytes]]:
    """Those of `statements` that the chain went on with, by the seal that each stands before.

    Without the enrolment nobody can check a re-key: what stands for it says only that the key changes.
    """
    found: dict[int, list[bytes]] = {}
    for raw in statements:
        one = parse_statement(raw).statement
        if not isinstance(one, Rekey | Replace):
            continue
        rows = {row.number: row.cose for row in archive.rows(one.number - 1, one.number, bodies=False)}
        before = rows.get(one.number - 1)
        follows = before is None or seal_hash(before) == one.previous
        if one.number in rows and follows and peek_header(rows[one.number]).previous == one.previous:
            found.setdefault(one.number, []).append(raw)
    if not enrolled:
        return {number: [KEY_CHANGES] for number in found}
    return found


def of_the_centre(statements: Sequence[bytes], runs: Iterable[Sequence[PackedSeal]]) -> tuple[bytes, ...]:
    """Those about the whole life: revocations, and replacements that stand in no run."""
    within = {raw for run in runs for seal in run for raw in seal.statements}
    found = []
    for raw in statements:
        one = parse_statement(raw).statement
        if raw not in within and isinstance(one, Replace | Revoke):
            found.append((one.number, raw))
    return tuple(raw for _, raw in sorted(found))
