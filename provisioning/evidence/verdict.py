"""The verdict in words: `good`, `good, but …`, or `NOT GOOD`; the same for exported chains and for packs.

`NOT GOOD` (exit 1): something is not what was signed. `good, but …` (exit 0): all that is here is what was
signed, and something that the chain promised is not here, or what was signed is no record. So the owner of
the keys can neither spoil evidence with a byte nor leave anything out unsaid.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from evidence.chain import Code
from evidence.pack.proved import Evidence

SPANS_SHOWN_MAX: Final = 20
"""Runs of seals in one line; the JSON form has all."""

Span = tuple[int, int]


def say_verdict(ok: bool, withheld: int, malformed: int, page: str = "") -> str:
    """The verdict, with how many bodies are withheld and seals hold malformed records, and with `page`."""
    if not ok:
        return "NOT GOOD"
    flaws = []
    if withheld:
        flaws.append(f"{withheld} body is withheld" if withheld == 1 else f"{withheld} bodies are withheld")
    if malformed:
        one, more = f"{malformed} seal holds malformed records", f"{malformed} seals hold malformed records"
        flaws.append(one if malformed == 1 else more)
    flaws += [page] if page else []
    return f"good, but {' and '.join(flaws)}" if flaws else "good"


def count_seals(spans: Iterable[Span]) -> int:
    """How many seals there are in `spans`."""
    return sum(last - first + 1 for first, last in spans)


def join_seals(numbers: Iterable[int]) -> list[Span]:
    """Ascending numbers as runs."""
    spans: list[Span] = []
    for number in numbers:
        begin = spans.pop()[0] if spans and spans[-1][1] == number - 1 else number
        spans.append((begin, number))
    return spans


def find_withheld(evidence: Evidence) -> list[Span]:
    """Seals of the window of a pack whose bodies are not here and that no record declares lost."""
    return join_seals(number for number, by in sorted(evidence.absent.items()) if by is None)


def find_malformed(evidence: Evidence) -> list[int]:
    """Seals of a pack that hold records which are none."""
    return [finding.number for finding in evidence.findings if finding.code is Code.RECORD]


def name_spans(spans: Sequence[Span]) -> str:
    """The first of `spans` as numbers, the same in both languages, and how many more there are."""
    named = [f"{first}–{last}" if last > first else str(first) for first, last in spans[:SPANS_SHOWN_MAX]]
    more = [f"… (+{len(spans) - SPANS_SHOWN_MAX})"] if len(spans) > SPANS_SHOWN_MAX else []
    return ", ".join([*named, *more])


def list_withheld(spans: Sequence[Span]) -> list[str]:
    """The line that names the seals whose bodies are withheld; none if there are none."""
    if not spans:
        return []
    which = name_spans(spans)
    return [f"withheld: the bodies of seals {which} are not here, and no sealed record declares them lost"]
