"""Each mark of a chain with its truth: the one place that decides what its power and neighbours are."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from attrs import frozen

from agent.site.file import Site
from agent.site.setups import lines_of
from evidence.curtailment.baseline import find_base_w
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.stopping import find_threshold_w
from evidence.marks.automatic import find_news, mark_line, mark_silences, mark_starts, mark_unverified
from evidence.marks.catalogue import Catalogue, Code, Says
from evidence.marks.mark import Mark, SubjectKind, is_late
from evidence.marks.truth import Checked, Habits, Sample, Truth, check_mark, learn_habits
from evidence.moments import zone_s
from provisioning.marks.gather import Gathered

DAY_S: Final = 86_400
EPOCH: Final = date(1970, 1, 1)
HOLD_S: Final = 180
"""Of a sample of the minute: two may lack."""


@frozen
class Judged:
    """A mark, when it was sealed, whether that was late, and what power says."""

    mark: Mark
    made_s: float
    is_late: bool
    checked: Checked

    def to_body(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **self.mark.to_body(),
            "made_s": round(self.made_s),
            "late": self.is_late,
            "truth": self.checked.truth.value,
            "counted_s": round(self.checked.counted_s),
            "covered_s": round(self.checked.covered_s),
        }


def judge_marks(
    site: Site,
    catalogue: Catalogue,
    found: Gathered,
    ledgers: dict[str, Ledger],
    now_s: float,
    *,
    automatic: bool = False,
) -> Iterator[Judged]:
    """Every mark that holds, in the order of its beginning; with those that the chain itself makes."""
    habits: dict[str, Habits] = {}
    marks = found.latest_marks()
    if automatic:
        for one in site.line:
            habits[one.id] = _learn(site, one.id, found.powers.get(one.id, []), ledgers.get(one.id))
        news = find_news(_derive(site, catalogue, found, habits), [mark for mark, _ in marks])
        marks += [(one, one.end_s(now_s)) for one in list(news)]
    for mark, made_s in sorted(marks, key=lambda one: (one[0].from_s, one[0].id)):
        line = _find_line(site, mark)
        code = catalogue.codes.get(mark.code)
        late = is_late(mark, made_s, catalogue)
        lines = [] if line is None else [line]
        if mark.subject_kind is SubjectKind.SITE and code is not None and code.says is Says.STOPPED:
            lines = [one.id for one in site.line if one.kind == "production"]
        checks: list[Checked] = []
        for name in lines:
            if name not in habits:
                habits[name] = _learn(site, name, found.powers.get(name, []), ledgers.get(name))
            checks.append(_check(site, name, mark, code, found, now_s, habits[name]))
        yield Judged(mark, made_s, late, _join(checks))


def _check(
    site: Site, line: str, mark: Mark, code: Code | None, found: Gathered, now_s: float, habits: Habits
) -> Checked:
    """What the power of one line says about a mark."""
    if code is None:
        return Checked(Truth.UNKNOWN)
    end_s = mark.end_s(now_s)
    samples = _cut(found.powers.get(line, []), mark.from_s, end_s)
    around = _imply(site, line, found, mark.from_s, end_s) if code.says is Says.METER_FAULT else ()
    return check_mark(code.says, mark.from_s, end_s, samples, HOLD_S, habits, around)


def _join(checks: Sequence[Checked]) -> Checked:
    """What several lines say about one mark: one that ran contradicts that all stood."""
    order = (Truth.CONTRADICTED, Truth.UNKNOWN, Truth.CONSISTENT)
    return min(checks, key=lambda one: order.index(one.truth), default=Checked(Truth.UNKNOWN))


def _derive(site: Site, catalogue: Catalogue, found: Gathered, habits: dict[str, Habits]) -> Iterator[Mark]:
    yield from mark_starts(found.starts, site.site.gateway, catalogue)
    yield from mark_silences(found.silences, found.starts, catalogue)
    yield from mark_unverified(_find_ends(site), found.until_s, catalogue)
    for line in site.line:
        samples = found.powers.get(line.id, [])
        yield from mark_line(line.id, line.kind, samples, habits[line.id], HOLD_S, catalogue)


def _find_ends(site: Site) -> dict[str, int]:
    """The end of the last verified day of each meter that has one, UTC seconds."""
    ends = {one.id: one.verified_to for one in site.meter}
    offset_s = zone_s(site.site.utc_offset)
    return {
        meter: (end - EPOCH).days * DAY_S + DAY_S - offset_s for meter, end in ends.items() if end is not None
    }


def _find_line(site: Site, mark: Mark) -> str | None:
    """The line whose power tells about a mark."""
    if mark.subject_kind is SubjectKind.LINE:
        return mark.subject if any(str(line.id) == mark.subject for line in site.line) else None
    if mark.subject_kind is SubjectKind.METER:
        return lines_of(site).get(mark.subject)
    return None


def _learn(site: Site, line: str, samples: Sequence[Sample], ledger: Ledger | None) -> Habits:
    if ledger is None or not samples:
        return Habits()
    rated_w = next(float(one.rated_w) for one in site.line if str(one.id) == line)
    base_w = find_base_w(ledger, ledger.hour_of(samples[-1][0]) + 1)
    return learn_habits(samples, None if base_w is None else find_threshold_w(base_w, rated_w), HOLD_S)


def _cut(samples: Sequence[Sample], begin_s: float, end_s: float) -> list[Sample]:
    return [one for one in samples if begin_s - HOLD_S <= one[0] < end_s + HOLD_S]


def _imply(site: Site, line: str, found: Gathered, begin_s: float, end_s: float) -> list[Sample]:
    """What the incomer leaves for a line: its power less that of all other lines, minute by minute."""
    incomer = next((str(one.id) for one in site.line if one.kind == "incomer"), None)
    if incomer is None or incomer == line:
        return []
    others = [str(one.id) for one in site.line if str(one.id) not in {incomer, line}]
    known = [
        {int(at // 60): watts for at, watts in _cut(found.powers.get(one, []), begin_s, end_s)}
        for one in others
    ]
    implied = []
    for at_s, watts in _cut(found.powers.get(incomer, []), begin_s, end_s):
        minute = int(at_s // 60)
        if all(minute in one for one in known):
            implied.append((at_s, watts - sum(one[minute] for one in known)))
    return implied
