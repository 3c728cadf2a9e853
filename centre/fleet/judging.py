"""Which gateways need a person, why, and how urgently. Pure.

A gateway is judged by what the centre has, never by what it has not looked for: silent is who the centre
itself told to be silent, so while the centre hears nobody, nobody is silent. Whoever was revoked is over.
The texts for each reason are the page's.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

from attrs import frozen

from centre.batch.findings import FAULT
from centre.fleet.known import Beat, Known
from centre.json_lines import CONFIG, WAITING
from drivers.clock import ClockState
from evidence.chain import Code

MS_PER_DAY: Final = 86_400_000
FRESH_MS: Final = MS_PER_DAY
"""A finding counts against the state of a gateway for a day: it stays in the store, somebody has seen it."""
ENDS_SOON_MS: Final = 14 * MS_PER_DAY
"""Renewal begins at two thirds of a certificate's life; two weeks before its end it has failed often."""
USED_MAX: Final = 0.9
"""Of a gateway's quota on its disk: from there on it gives up bodies before long."""
BACKLOG_MAX: Final = 360
"""Seals that a gateway had not yet delivered at its last heartbeat: an hour at one in ten seconds."""
WEAR_PERCENT_MAX: Final = 90
"""Of the life of its flash, as the flash estimates it: time to order another one."""
TEMPERATURE_C_MAX: Final = 85
"""The end of the industrial range, where gateways of that class begin to slow down."""
MEMORY_BYTES_MIN: Final = 32 << 20
"""Free on the whole machine: half of what an agent with its page takes."""
_GRAVE: Final = frozenset({Code.FORK, Code.SIGNATURE, Code.CHAIN, FAULT})
"""Findings that an honest gateway never causes, or that this program is wrong by."""
TOLD_OTHERWISE: Final = frozenset(
    {
        *(Code.BOOT, Code.CLOCK_STATE, Code.REKEYED, Code.REPLACED, Code.REVOKED),
        *("readmitted", "set_aside", WAITING, CONFIG),
    }
)
"""Findings that are told for the record: what people did, and what the state tells."""


class Gravity(IntEnum):
    """The gravest first."""

    ACT = 0
    LOOK = 1
    NEW = 2
    """Nothing has come of it yet."""
    WELL = 3
    OVER = 4
    """Revoked."""


@frozen
class Reason:
    """One reason; `code` names its text, `about` and `count` stand in it, `since_ms` is when it began."""

    gravity: Gravity
    code: str
    about: str = ""
    since_ms: int | None = None
    count: int = 0


@frozen
class Verdict:
    """A gateway as it is judged now; its reasons with the gravest first."""

    gravity: Gravity
    reasons: tuple[Reason, ...] = ()


def judge(
    known: Known, now_ms: int, ends_ms: int | None = None, more: Iterable[Reason] = (), drift: str = ""
) -> Verdict:
    """The verdict at `now_ms`.

    Args:
        known: What the store says of the gateway.
        now_ms: The centre's time, UTC.
        ends_ms: The end of its last certificate, if that is known.
        more: What is wrong with the renewal of that (`centre.fleet.papers`).
        drift: The order whose site file it had kept and does not run with any more.
    """
    if known.revoked:
        return Verdict(Gravity.OVER)
    if known.number == 0 and not known.aside and not known.findings:
        return Verdict(Gravity.NEW)
    reasons = [*_from_centre(known, now_ms), *_from_itself(known), *_from_certificate(now_ms, ends_ms), *more]
    if known.rekeyed_ms:
        reasons.append(Reason(Gravity.LOOK, "rekeying", since_ms=known.rekeyed_ms))
    if drift:
        reasons.append(Reason(Gravity.LOOK, "drift", drift))
    if not reasons:
        return Verdict(Gravity.WELL)
    ordered = tuple(sorted(reasons, key=lambda one: one.gravity))
    return Verdict(ordered[0].gravity, ordered)


def rank(verdicts: Iterable[tuple[Known, Verdict]]) -> list[tuple[Known, Verdict]]:
    """The gravest first; among these those with most grave reasons, then by name."""

    def key(one: tuple[Known, Verdict]) -> tuple[int, int, str]:
        known, verdict = one
        worst = sum(reason.gravity is Gravity.ACT for reason in verdict.reasons)
        return verdict.gravity, -worst or -len(verdict.reasons), known.gateway

    return sorted(verdicts, key=key)


def _from_centre(known: Known, now_ms: int) -> Iterator[Reason]:
    if known.aside:
        yield Reason(Gravity.ACT, "aside", known.aside)
    if known.silent_since_ms is not None:
        yield Reason(Gravity.ACT, "silent", since_ms=known.silent_since_ms)
    counts: dict[str, list[int]] = {}
    for found in known.findings:
        if now_ms - found.utc_ms < FRESH_MS and found.code not in TOLD_OTHERWISE:
            counts.setdefault(found.code, []).append(found.utc_ms)
    for code, at in counts.items():
        gravity = Gravity.ACT if code in _GRAVE else Gravity.LOOK
        yield Reason(gravity, "finding", code, max(at), len(at))


def _from_itself(known: Known) -> Iterator[Reason]:
    """Episodes and figures; a notice asks the plant and not the city."""
    for one in known.opened.values():
        if one.severity in {"violation", "integrity"}:
            yield Reason(Gravity.ACT, "episode", one.id, one.begin_s * 1_000)
        elif one.severity == "data":
            yield Reason(Gravity.LOOK, "episode", one.id, one.begin_s * 1_000)
    if known.clock is ClockState.UNSYNCHRONISED:
        yield Reason(Gravity.LOOK, "clock")
    if known.beat is not None:
        yield from _from_figures(known.beat)
        yield from _from_machine(known.beat)


def _from_figures(beat: Beat) -> Iterator[Reason]:
    if beat.silent:
        yield Reason(Gravity.LOOK, "meters", ", ".join(beat.silent[:3]), count=len(beat.silent))
    if beat.used is not None and beat.used >= USED_MAX:
        yield Reason(Gravity.LOOK, "disk", count=round(beat.used * 100))
    if beat.backlog is not None and beat.backlog >= BACKLOG_MAX:
        yield Reason(Gravity.LOOK, "backlog", count=beat.backlog)
    if beat.judging is False:
        yield Reason(Gravity.LOOK, "not judging")


def _from_machine(beat: Beat) -> Iterator[Reason]:
    if beat.wear_percent is not None and beat.wear_percent >= WEAR_PERCENT_MAX:
        yield Reason(Gravity.LOOK, "flash", count=beat.wear_percent)
    if beat.temperature_c is not None and beat.temperature_c >= TEMPERATURE_C_MAX:
        yield Reason(Gravity.LOOK, "hot", count=beat.temperature_c)
    if beat.memory_bytes is not None and beat.memory_bytes < MEMORY_BYTES_MIN:
        yield Reason(Gravity.LOOK, "memory", count=beat.memory_bytes >> 20)


def _from_certificate(now_ms: int, ends_ms: int | None) -> Iterator[Reason]:
    if ends_ms is None:
        return
    if ends_ms <= now_ms:
        yield Reason(Gravity.ACT, "expired", since_ms=ends_ms)
    elif ends_ms - now_ms < ENDS_SOON_MS:
        yield Reason(Gravity.LOOK, "expires", since_ms=ends_ms)
