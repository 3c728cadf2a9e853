"""Marks that nobody has to make, because the chain shows them: out of readings, starts and powers. Pure.

    lost-contact                      a meter gave no good reading for LOST_S and three of its periods
    unverified                        from the end of its verification on that the site file has of a meter
    restart                           the agent started again on a machine that had stayed on
    gateway-off                       it started again on a machine that had been off
    stop, treatment-stop              a line stood for STOOD_S without a sample above its stop threshold
    start, treatment-start            from there on until it first works at its usual power, START_S at least

and which the chain alone does not show:

    meter-maintenance                 setup checked the wiring of a meter, or switched its line

Whoever has the chain finds the same ones, but for the last. The gateway seals those of contact, starts and
maintenance once they have closed (`agent.marks`), and `find_news` leaves out what it has sealed. Losses of
one meter that lie closer than CALM_S are one, restarts too; a silence that a start explains is none of its
own. Each goes through the truth check like a person's. That the power of the whole plant was cut nobody can
see who has lost it himself: such a mark a person makes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from evidence.marks.absences import Span, Started, is_explained, join_spans
from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import Mark, Source, SubjectKind
from evidence.marks.truth import EDGE_S, USUAL, Habits, Sample

STOOD_S: Final = 1_800
"""Twice the edges that the truth check leaves out."""
START_S: Final = 300
BY: Final = "dianjian"
_CODES: Final = {"production": ("stop", "start"), "treatment": ("treatment-stop", "treatment-start")}


def mark_silences(
    silences: Mapping[str, Sequence[Span]], starts: Sequence[Started], catalogue: Catalogue
) -> Iterator[Mark]:
    """The losses of contact, by meter."""
    for meter, spans in silences.items():
        for span in join_spans(span for span in spans if not is_explained(span, starts)):
            yield _make("lost-contact", SubjectKind.METER, meter, span, catalogue)


def mark_starts(starts: Sequence[Started], site: str, catalogue: Catalogue) -> Iterator[Mark]:
    """The restarts, and the times without power."""
    for was_off, code in ((False, "restart"), (True, "gateway-off")):
        spans = [(one.since_s, one.at_s) for one in starts if one.was_off is was_off]
        for span in join_spans(spans):
            yield _make(code, SubjectKind.SITE, site, span, catalogue)


def mark_maintenance(work: Mapping[str, Span], catalogue: Catalogue) -> Iterator[Mark]:
    """When a technician's setup was at work at a meter."""
    for meter, span in work.items():
        yield _make("meter-maintenance", SubjectKind.METER, meter, span, catalogue)


def mark_unverified(ends_s: Mapping[str, int], until_s: float, catalogue: Catalogue) -> Iterator[Mark]:
    """From the end of a meter's verification on, UTC seconds by meter, as far as there are readings."""
    for meter, end_s in ends_s.items():
        if end_s < until_s:
            yield _make("unverified", SubjectKind.METER, meter, (end_s, until_s), catalogue)


def mark_line(
    line: str, kind: str, samples: Sequence[Sample], habits: Habits, hold_s: float, catalogue: Catalogue
) -> Iterator[Mark]:
    """When a line stood and when it started; nothing of one whose base load nobody knows."""
    if habits.threshold_w is None or kind not in _CODES:
        return
    stop, start = _CODES[kind]
    stood: Span | None = None
    rising: float | None = None
    before_s: float | None = None
    for at_s, watts in samples:
        is_gap = before_s is not None and at_s - before_s > hold_s
        runs = watts > habits.threshold_w
        if stood is not None and (runs or is_gap):
            if stood[1] - stood[0] >= STOOD_S:
                yield _make(stop, SubjectKind.LINE, line, stood, catalogue)
            rising = at_s if runs and not is_gap and stood[1] - stood[0] >= EDGE_S else None
            stood = None
        if not runs:
            stood, rising = (at_s if stood is None else stood[0], at_s), None
        elif is_gap:
            rising = None
        elif rising is not None and habits.usual_w is not None and watts >= USUAL * habits.usual_w:
            if at_s - rising >= START_S:
                yield _make(start, SubjectKind.LINE, line, (rising, at_s), catalogue)
            rising = None
        before_s = at_s
    if stood is not None and stood[1] - stood[0] >= STOOD_S:
        yield _make(stop, SubjectKind.LINE, line, stood, catalogue)


def find_news(derived: Iterable[Mark], sealed: Iterable[Mark]) -> Iterator[Mark]:
    """Derived marks but for those that the gateway has sealed: of the same code and subject, at that time."""
    known: dict[tuple[str, str], list[Mark]] = {}
    for one in sealed:
        if one.source is Source.AUTO:
            known.setdefault((one.code, one.subject), []).append(one)
    for one in derived:
        near = known.get((one.code, one.subject), ())
        if not any(
            one.from_s <= its.end_s(one.from_s) and its.from_s <= one.end_s(its.from_s) for its in near
        ):
            yield one


def _make(code: str, kind: SubjectKind, subject: str, span: Span, catalogue: Catalogue) -> Mark:
    from_s, to_s = int(span[0]), int(span[1])
    name = f"{code} {kind.value} {subject} {from_s}"
    return Mark(
        id=hashlib.sha256(name.encode()).hexdigest(),
        subject_kind=kind,
        subject=subject,
        family=catalogue.codes[code].family,
        code=code,
        from_s=from_s,
        to_s=to_s,
        source=Source.AUTO,
        by=BY,
        reason="",
        edition=catalogue.edition,
    )
